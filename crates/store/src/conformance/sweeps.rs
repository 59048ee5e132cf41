//! What time moves: lost workers, doubts, retries, TTL, deadlines.

use std::time::Duration;

use campaign::lifecycle::Event;
use campaign::message::{State, Status};
use chrono::TimeDelta;

use super::scene::{Setup, TTL_S, at, seqs, worker};
use crate::SharedStore;

const SILENT: Duration = Duration::from_secs(30);

pub async fn claims_of_silent_workers_become_doubts(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim_as("lost", 0, 0..3, at(0)).await;
    scene.claim_as("alive", 1, 5..7, at(0)).await;
    scene.accepted(2, 1, at(1)).await;
    store.heartbeat(&worker("alive"), at(20)).await.unwrap();
    assert_eq!(store.sweep_lost_workers(at(30), SILENT).await.unwrap(), 0);
    assert_eq!(store.sweep_lost_workers(at(31), SILENT).await.unwrap(), 2);
    assert_eq!(store.sweep_lost_workers(at(31), SILENT).await.unwrap(), 0);
    let states: Vec<_> = store.messages(scene.id, None, 7).await.unwrap().iter().map(|m| m.state).collect();
    use State::{Accepted, InDoubt, Queued, Sending};
    assert_eq!(states, [InDoubt, InDoubt, Accepted, Queued, Queued, Sending, Sending]);
    assert!(scene.row(0).await.failure.unwrap().detail.contains("worker"));
    assert!(seqs(&scene.claim(0, 0..3, at(32)).await).is_empty(), "a doubt is not claimed");
}

pub async fn overdue_claims_become_doubts(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    let overdue = Duration::from_secs(600);
    scene.claim_as("alive", 0, 0..3, at(0)).await;
    scene.claim_as("alive", 1, 5..7, at(500)).await;
    scene.accepted(1, 1, at(1)).await;
    store.heartbeat(&worker("alive"), at(600)).await.unwrap();
    assert_eq!(store.sweep_overdue_claims(at(599), overdue, 10).await.unwrap(), 0);
    assert_eq!(store.sweep_overdue_claims(at(600), overdue, 1).await.unwrap(), 1);
    assert_eq!(store.sweep_overdue_claims(at(600), overdue, 10).await.unwrap(), 1);
    assert_eq!(store.sweep_overdue_claims(at(600), overdue, 10).await.unwrap(), 0);
    let states: Vec<_> = store.messages(scene.id, None, 7).await.unwrap().iter().map(|m| m.state).collect();
    use State::{Accepted, InDoubt, Queued, Sending};
    assert_eq!(states, [InDoubt, Accepted, InDoubt, Queued, Queued, Sending, Sending]);
    // What became of it may still be told.
    scene.accepted(0, 1, at(700)).await;
    assert_eq!(scene.state(0).await, Accepted);
}

pub async fn a_worker_that_claims_is_alive(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    store.heartbeat(&worker("w1"), at(0)).await.unwrap();
    scene.claim(0, 0..2, at(40)).await;
    assert_eq!(store.sweep_lost_workers(at(60), SILENT).await.unwrap(), 0);
    assert_eq!(store.sweep_lost_workers(at(71), SILENT).await.unwrap(), 2);
}

pub async fn taking_over_spares_oneself(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim_as("before", 0, 0..3, at(0)).await;
    scene.claim_as("now", 1, 5..7, at(0)).await;
    assert_eq!(store.take_over(&worker("now"), at(1)).await.unwrap(), 3);
    assert_eq!((scene.state(0).await, scene.state(5).await), (State::InDoubt, State::Sending));
    assert_eq!(scene.waiting().await, (5, 0), "all slices wait again");
    assert_eq!(store.take_over(&worker("now"), at(2)).await.unwrap(), 0);
}

pub async fn doubts_end_by_policy(store: SharedStore) {
    for (key, extra, state) in [
        ("a", "in_doubt: hold\nin_doubt_after: 10m", State::InDoubt),
        ("b", "in_doubt: resend\nin_doubt_after: 10m", State::Retrying),
        ("c", "in_doubt: drop\nin_doubt_after: 10m", State::Failed),
    ] {
        let scene = Setup { key, extra, ..Setup::default() }.released(&store).await;
        scene.claim(0, [0], at(0)).await;
        scene.unknown(0, 1, at(10)).await;
        assert_eq!(store.sweep_doubts(at(609), 10).await.unwrap().by_policy, 0, "{key}");
        let moved = store.sweep_doubts(at(610), 10).await.unwrap().by_policy;
        assert_eq!(moved, u64::from(state != State::InDoubt), "{key}");
        let row = scene.row(0).await;
        assert_eq!((row.state, row.assumed), (state, state != State::InDoubt), "{key}");
        // Whatever we assumed, the platform knows better.
        scene.apply(&[scene.keyed(0, 1, Status::Sent, at(700))], at(700)).await;
        let row = scene.row(0).await;
        assert_eq!((row.state, row.assumed, row.failure), (State::Sent, false, None), "{key}");
    }
}

pub async fn a_doubt_is_resent_once(store: SharedStore) {
    let scene = Setup { extra: "in_doubt: resend", ..Setup::default() }.released(&store).await;
    scene.claim(0, 0..2, at(0)).await;
    scene.unknown(0, 1, at(0)).await;
    assert_eq!(store.sweep_doubts(at(4_000), 10).await.unwrap().by_policy, 1);
    assert_eq!(store.requeue_retries(at(4_000), 10, 10).await.unwrap(), 1);
    scene.release_all(at(4_000)).await;
    assert_eq!(seqs(&scene.claim(2, [0], at(4_000)).await), [0]);
    scene.unknown(0, 2, at(4_000)).await;
    assert_eq!(store.sweep_doubts(at(9_000), 10).await.unwrap().by_policy, 1);
    assert_eq!(
        scene.state(0).await,
        State::Failed,
        "in doubt again, it is given up, or the campaign never ends"
    );
    // Nor is anything sent again for a campaign that was called off.
    scene.transition(Event::Cancel, at(9_000)).await;
    scene.unknown(1, 1, at(9_000)).await;
    assert_eq!(store.sweep_doubts(at(20_000), 10).await.unwrap().by_policy, 0);
}

pub async fn a_status_ends_a_doubt(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, [0], at(0)).await;
    store.take_over(&worker("next"), at(1)).await.unwrap();
    scene.apply(&[scene.keyed(0, 1, Status::Delivered, at(2))], at(2)).await;
    let row = scene.row(0).await;
    assert_eq!((row.state, row.failure, row.wamid.as_deref()), (State::Delivered, None, Some("wamid.0.1")));
}

pub async fn retries_get_slices_of_their_own(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    for slice in 0..2 {
        scene.claim(slice, slice * 5..slice * 5 + 5, at(0)).await;
    }
    for seq in 0..7 {
        scene.refused(seq, 1, Some(at(100 + i64::from(seq))), at(1)).await;
    }
    scene.finish(0).await;
    scene.finish(1).await;
    assert_eq!(scene.waiting().await, (0, 0));
    assert_eq!(store.requeue_retries(at(99), 2, 100).await.unwrap(), 0);
    assert_eq!(store.requeue_retries(at(104), 2, 3).await.unwrap(), 3, "at most so many");
    assert_eq!(store.requeue_retries(at(104), 2, 100).await.unwrap(), 2);
    assert_eq!(scene.waiting().await, (5, 0));
    let released = scene.release_all(at(104)).await;
    let slices: Vec<_> = released.iter().map(|r| (r.slice.number, r.messages)).collect();
    assert_eq!(slices, [(2, 2), (3, 1), (4, 2)]);
    let claimed = scene.claim(2, 0..10, at(104)).await;
    assert_eq!((seqs(&claimed), claimed.messages[0].failures), (vec![0, 1], 1));
    scene.finish(2).await;
    assert_eq!(scene.waiting().await, (0, 3));
}

pub async fn a_retry_that_was_placed_is_not_placed_again(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..5, at(0)).await;
    scene.refused(0, 1, Some(at(10)), at(0)).await;
    assert_eq!(store.requeue_retries(at(10), 5, 10).await.unwrap(), 1);
    assert_eq!(store.requeue_retries(at(11), 5, 10).await.unwrap(), 0);
    // It travels in its new slice, and waits again with it.
    assert!(seqs(&scene.claim(0, [0], at(12)).await).is_empty());
    assert_eq!(scene.release_all(at(12)).await.len(), 1);
    scene.finish(2).await;
    assert_eq!(store.requeue_retries(at(13), 5, 10).await.unwrap(), 0);
    assert_eq!(scene.waiting().await, (1, 5));
    // Not for a campaign that is over.
    scene.refused(1, 1, Some(at(14)), at(13)).await;
    scene.transition(Event::Cancel, at(13)).await;
    assert_eq!(store.requeue_retries(at(20), 5, 10).await.unwrap(), 0);
}

pub async fn the_ttl_expires_what_was_not_delivered(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..4, at(0)).await;
    scene.accepted(0, 1, at(0)).await;
    scene.accepted(1, 1, at(100)).await;
    scene.apply(&[scene.keyed(2, 1, Status::Sent, at(1))], at(0)).await;
    scene.apply(&[scene.keyed(3, 1, Status::Delivered, at(1))], at(0)).await;
    let ended = at(0) + TimeDelta::seconds(i64::from(TTL_S));
    let margin = Duration::from_secs(60);
    assert_eq!(store.sweep_ttl(ended + TimeDelta::seconds(59), margin, 10).await.unwrap(), 0);
    assert_eq!(store.sweep_ttl(ended + TimeDelta::seconds(60), margin, 10).await.unwrap(), 2);
    let states: Vec<_> = store.messages(scene.id, None, 4).await.unwrap().iter().map(|m| m.state).collect();
    assert_eq!(states, [State::Expired, State::Accepted, State::Expired, State::Delivered]);
}

pub async fn the_end_expires_what_was_not_sent(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..3, at(0)).await;
    scene.accepted(0, 1, at(0)).await;
    scene.refused(1, 1, Some(at(100)), at(0)).await;
    assert_eq!(store.expire_unsent(scene.id, at(50), 3).await.unwrap(), 3);
    assert_eq!(store.expire_unsent(scene.id, at(50), 100).await.unwrap(), 5);
    assert_eq!(store.expire_unsent(scene.id, at(50), 100).await.unwrap(), 0);
    let campaign = scene.campaign().await;
    let count = |state| campaign.count(state);
    assert_eq!((count(State::Expired), count(State::Accepted), count(State::Sending)), (8, 1, 1));
    assert_eq!(scene.waiting().await, (0, 0));
    scene.finish(0).await;
    scene.finish(1).await;
}

pub async fn cancelling_skips_what_was_not_sent(store: SharedStore) {
    let scene = Setup { messages: 15, ..Setup::default() }.launch(&store).await;
    scene.release(5, at(0)).await;
    scene.claim(0, 0..2, at(0)).await;
    scene.transition(Event::Cancel, at(1)).await;
    assert_eq!(store.skip_unsent(scene.id, "cancelled by ops", at(2), 7).await.unwrap(), 7);
    assert_eq!(store.skip_unsent(scene.id, "cancelled by ops", at(2), 7).await.unwrap(), 6);
    assert_eq!(scene.row(14).await.failure.unwrap().detail, "cancelled by ops");
    assert_eq!((scene.state(0).await, scene.waiting().await), (State::Sending, (0, 0)));
    scene.accepted(0, 1, at(3)).await;
    scene.refused(1, 1, Some(at(9)), at(3)).await;
    assert_eq!(store.skip_unsent(scene.id, "cancelled by ops", at(4), 7).await.unwrap(), 1);
}
