//! Claims whose answer was lost: what they were granted is given back, and nothing else.

use std::time::Duration;

use campaign::ids::Seq;
use campaign::message::State;
use chrono::{DateTime, Utc};

use super::scene::{Scene, Setup, at, seqs, template, worker};
use crate::SharedStore;
use crate::model::{Claim, GateEvent};

/// The claim that [`Scene::claim_as`] makes.
fn claim(scene: &Scene, name: &str, slice: u32, asked: &[u32], now: DateTime<Utc>) -> Claim {
    Claim {
        slice: scene.slice(slice),
        seqs: asked.iter().copied().map(Seq).collect(),
        worker: worker(name),
        lease_until: now + chrono::TimeDelta::seconds(60),
        daily_reach: None,
    }
}

async fn disown(
    scene: &Scene,
    name: &str,
    slice: u32,
    asked: &[u32],
    claimed: i64,
    now: DateTime<Utc>,
) -> u64 {
    let claim = claim(scene, name, slice, asked, at(claimed));
    scene.store.disown(&claim, at(claimed), now).await.unwrap()
}

pub async fn a_disowned_claim_is_given_back(store: SharedStore) {
    let scene = Setup { budget: Some(50), ..Setup::default() }.released(&store).await;
    assert_eq!(scene.claim(0, [0, 1], at(1)).await.messages.len(), 2);
    assert_eq!(scene.money().await, (0, 20));
    assert_eq!(disown(&scene, "w1", 0, &[0, 1], 1, at(2)).await, 2);
    assert_eq!(scene.money().await, (0, 0));
    let row = scene.row(0).await;
    assert_eq!((row.state, row.retry_at, row.attempt), (State::Retrying, Some(at(2)), 1));
    assert_eq!(row.failure.unwrap().class, "not_sent");
    // At once, in the same slice, by anyone; and it counts as no failure.
    let again = scene.claim_as("w2", 0, 0..5, at(2)).await;
    assert_eq!(seqs(&again), [0, 1, 2, 3, 4]);
    assert_eq!((again.messages[0].attempt, again.messages[0].failures), (2, 0));
    assert_eq!(disown(&scene, "w1", 0, &[0, 1], 1, at(3)).await, 0, "a repetition finds nothing");
    assert_eq!(scene.state(0).await, State::Sending);
}

pub async fn disowning_what_was_not_granted_does_nothing(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    assert_eq!(disown(&scene, "w1", 0, &[0, 1], 1, at(2)).await, 0);
    assert_eq!(disown(&scene, "w1", 77, &[700], 1, at(2)).await, 0);
    assert_eq!(scene.state(0).await, State::Queued);
}

pub async fn disowning_spares_what_is_in_hand(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim_as("w1", 0, [0, 1], at(1)).await;
    scene.claim_as("w2", 0, [2, 3], at(2)).await;
    scene.claim_as("w1", 0, [4], at(2)).await;
    scene.accepted(1, 1, at(2)).await;
    // Another worker's, another time's, another slice's, one that is recorded.
    assert_eq!(disown(&scene, "w1", 0, &[2, 3], 2, at(3)).await, 0);
    assert_eq!(disown(&scene, "w1", 0, &[0], 2, at(3)).await, 0);
    assert_eq!(disown(&scene, "w1", 1, &[4], 2, at(3)).await, 0);
    assert_eq!(disown(&scene, "w1", 0, &[1], 1, at(3)).await, 0);
    assert_eq!(disown(&scene, "w1", 0, &[0, 1, 2, 3, 4], 2, at(3)).await, 1);
    let states = [State::Sending, State::Accepted, State::Sending, State::Sending, State::Retrying];
    for (seq, state) in (0..).zip(states) {
        assert_eq!(scene.state(seq).await, state, "message {seq}");
    }
}

pub async fn a_doubt_about_what_never_left_is_ended(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, [0, 1], at(1)).await;
    // Cut off, the worker is taken for dead before it can say that nothing left.
    assert_eq!(store.sweep_lost_workers(at(30), Duration::from_secs(10)).await.unwrap(), 2);
    assert_eq!(scene.state(0).await, State::InDoubt);
    assert_eq!(disown(&scene, "w1", 0, &[0, 1], 1, at(31)).await, 2);
    assert_eq!(scene.state(0).await, State::Retrying);
    assert_eq!(scene.money().await, (0, 0));
}

pub async fn a_doubt_about_what_left_stays(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, [0], at(1)).await;
    scene.unknown(0, 1, at(2)).await;
    assert_eq!(disown(&scene, "w1", 0, &[0, 1], 3, at(4)).await, 0);
    assert_eq!(disown(&scene, "w2", 0, &[0, 1], 1, at(4)).await, 0);
    assert_eq!(scene.state(0).await, State::InDoubt);
}

pub async fn a_disowned_canary_lets_another_go(store: SharedStore) {
    let scene = Setup { is_gate_open: false, ..Setup::default() }.released(&store).await;
    assert!(scene.claim(0, 0..5, at(0)).await.messages[0].is_canary);
    assert_eq!(disown(&scene, "w1", 0, &[0, 1, 2, 3, 4], 0, at(1)).await, 1);
    let next = scene.claim(0, 0..5, at(1)).await.messages;
    assert!(next.len() == 1 && next[0].is_canary);
    // One that landed is not forgotten by it.
    scene.accepted(next[0].seq.0, next[0].attempt, at(2)).await;
    store.gate_event(&template(), GateEvent::CanaryLanded, &scene.rules, at(2)).await.unwrap();
    assert_eq!(disown(&scene, "w1", 0, &[0, 1, 2, 3, 4], 1, at(3)).await, 0);
    assert!(scene.claim(0, 0..5, at(3)).await.messages.is_empty());
}
