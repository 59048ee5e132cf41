//! Claims: one claimer per attempt; pauses, ends and opt-outs take hold.

use std::collections::BTreeMap;
use std::sync::Arc;

use campaign::lifecycle::{self, Event};
use campaign::message::State;

use super::scene::{Setup, at, message, seqs};
use crate::SharedStore;
use crate::model::{Held, Suppression};

pub async fn of_many_claimers_one_gets_each_message(store: SharedStore) {
    let scene = Setup { messages: 120, per_slice: 120, ..Setup::default() }.released(&store).await;
    let mut claimers = tokio::task::JoinSet::new();
    for claimer in 0..8 {
        let scene = scene.clone();
        claimers.spawn(async move {
            let mut got = Vec::new();
            // Each in an order of its own, so that they meet everywhere.
            for bite in 0..12 {
                let first = (bite + claimer) % 12 * 10;
                got.extend(seqs(&scene.claim_as(&format!("w{claimer}"), 0, first..first + 10, at(1)).await));
            }
            got
        });
    }
    let mut owners: BTreeMap<u32, u32> = BTreeMap::new();
    while let Some(got) = claimers.join_next().await {
        for seq in got.unwrap() {
            *owners.entry(seq).or_default() += 1;
        }
    }
    assert_eq!(owners, (0..120).map(|seq| (seq, 1)).collect());
    assert_eq!(scene.campaign().await.attempts, 120);
}

pub async fn nothing_is_claimed_twice(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    assert_eq!(seqs(&scene.claim(0, [2, 0, 2, 1], at(1)).await), [0, 1, 2], "in order, each once");
    let again = scene.claim_as("w2", 0, 0..5, at(2)).await;
    assert_eq!((seqs(&again), again.held), (vec![3, 4], None));
    scene.accepted(0, 1, at(3)).await;
    scene.unknown(1, 1, at(3)).await;
    scene.refused(2, 1, None, at(3)).await;
    assert!(seqs(&scene.claim(0, 0..5, at(9_999)).await).is_empty());
}

pub async fn a_claim_says_all_that_is_needed_to_send(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    let claimed = scene.claim(0, [3], at(4)).await;
    let (got, planned) = (&claimed.messages[0], message(3, 0));
    assert_eq!((got.seq, got.attempt, got.failures, got.is_canary), (planned.seq, 1, 0, false));
    assert_eq!((&got.recipient, &got.country), (&planned.recipient, &planned.country));
    assert_eq!((&got.content, got.multiplier), (&planned.content, planned.multiplier));
    let row = scene.campaign().await;
    assert_eq!((row.started_at, row.last_sent_at, row.attempts), (Some(at(4)), Some(at(4)), 1));
    scene.refused(3, 1, Some(at(5)), at(4)).await;
    let again = scene.claim(0, [3], at(6)).await;
    assert_eq!((again.messages[0].attempt, again.messages[0].failures), (2, 1));
    let row = scene.campaign().await;
    assert_eq!((row.started_at, row.last_sent_at, row.attempts), (Some(at(4)), Some(at(6)), 2));
    assert_eq!(scene.row(3).await.claimed_at, Some(at(6)));
}

pub async fn nothing_is_claimed_after_a_pause(store: SharedStore) {
    let scene = Setup { messages: 400, per_slice: 400, ..Setup::default() }.released(&store).await;
    let pausing = {
        let store = Arc::clone(&store);
        let id = scene.id;
        tokio::spawn(async move {
            tokio::task::yield_now().await;
            store.transition(id, Event::Pause, None, at(1)).await.unwrap();
            let row = store.campaign_by_id(id).await.unwrap().unwrap();
            row.attempts
        })
    };
    let mut claimed = 0;
    for bite in 0..80 {
        let answer = scene.claim(0, bite * 5..bite * 5 + 5, at(1)).await;
        claimed += answer.messages.len() as u64;
        if let Some(held) = answer.held {
            assert_eq!(held, Held::NotRunning(lifecycle::State::Paused));
            break;
        }
    }
    let at_pause = pausing.await.unwrap();
    assert_eq!(scene.campaign().await.attempts, at_pause, "nothing was claimed after the pause had returned");
    assert_eq!(claimed, at_pause);
    assert_eq!(scene.claim(0, 0..400, at(2)).await.held, Some(Held::NotRunning(lifecycle::State::Paused)));
    scene.transition(Event::Resume, at(3)).await;
    scene.transition(Event::Begin, at(3)).await;
    assert_eq!(scene.claim(0, 0..400, at(3)).await.messages.len() as u64, 400 - claimed);
}

pub async fn nothing_is_claimed_after_the_end(store: SharedStore) {
    // 2026-11-18T11:06:40Z is where every scene begins.
    let extra = "schedule: { end: 2026-11-18T11:16:40+00:00 }";
    let scene = Setup { extra, ..Setup::default() }.released(&store).await;
    assert_eq!(scene.claim(0, [0], at(599)).await.messages.len(), 1);
    assert_eq!(scene.claim(0, [1], at(600)).await.held, Some(Held::Ended));
    assert_eq!(scene.state(1).await, State::Queued);
}

pub async fn a_slice_that_is_not_released_is_gone(store: SharedStore) {
    let scene = Setup::default().launch(&store).await;
    for slice in [0, 77] {
        let answer = scene.claim(slice, 0..5, at(0)).await;
        assert_eq!((seqs(&answer), answer.held), (vec![], Some(Held::SliceGone)));
    }
}

pub async fn an_opt_out_takes_hold_at_the_claim(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    let entry = Suppression { address: message(1, 0).recipient, source: "stop".into() };
    store.suppress(&[entry], at(0)).await.unwrap();
    assert_eq!(seqs(&scene.claim(0, 0..3, at(1)).await), [0, 2]);
    let row = scene.row(1).await;
    assert_eq!((row.state, row.attempt), (State::Skipped, 0));
    assert_eq!(row.failure.unwrap().class, "suppressed");
    assert_eq!(scene.waiting().await, (0, 7));
}

pub async fn another_slices_messages_are_not_granted(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    let answer = scene.claim(0, 3..8, at(1)).await;
    assert_eq!((seqs(&answer), answer.held), (vec![3, 4], None));
}
