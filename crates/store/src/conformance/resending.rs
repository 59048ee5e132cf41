//! Doubts that are sent once more: what is heard of the first attempt afterwards.

use std::time::Duration;

use campaign::lifecycle::Event;
use campaign::message::{Again, State, Status};
use chrono::{DateTime, TimeDelta, Utc};

use super::scene::{Scene, Setup, TTL_S, at, seqs, unkeyed, wamid, worker};
use crate::SharedStore;
use crate::model::{Claim, StatusUpdate};

const FAILED: Status = Status::Failed { again: Again::No };

/// Four messages in one slice.
async fn scene(store: &SharedStore) -> Scene {
    let extra = "in_doubt: resend\nin_doubt_after: 10m";
    Setup { messages: 4, per_slice: 4, extra, budget: Some(1_000), ..Setup::default() }.released(store).await
}

/// The first attempt of each is in doubt and is to be sent once more, from 1,000 s on.
async fn to_be_resent(store: &SharedStore) -> Scene {
    let scene = scene(store).await;
    scene.claim(0, 0..4, at(0)).await;
    for seq in 0..4 {
        scene.unknown(seq, 1, at(1)).await;
    }
    assert_eq!(store.sweep_doubts(at(1_000), 10).await.unwrap().by_policy, 4);
    scene
}

/// The second attempt of each is claimed at 1,000 s.
async fn resent(store: &SharedStore) -> Scene {
    let scene = to_be_resent(store).await;
    assert_eq!(seqs(&scene.claim(0, 0..4, at(1_000)).await), [0, 1, 2, 3]);
    scene
}

/// A failure for now, told by a webhook.
fn failed_for_now(scene: &Scene, seq: u32, attempt: u32) -> StatusUpdate {
    let later = Status::Failed { again: Again::Later };
    StatusUpdate { retry_at: Some(at(1_500)), ..scene.keyed(seq, attempt, later, at(1_100)) }
}

/// Nothing is sent any more, however long one waits.
async fn assert_never_sent_again(scene: &Scene, seq: u32, now: DateTime<Utc>) {
    scene.store.sweep_doubts(now, 10).await.unwrap();
    scene.store.requeue_retries(now, 10, 10).await.unwrap();
    scene.store.reclaim_slices(now).await.unwrap();
    for slice in scene.release_all(now).await {
        let claimed = scene.claim(slice.slice.number, [seq], now).await;
        assert!(seqs(&claimed).is_empty(), "message {seq} was sent again");
    }
}

pub async fn a_late_acceptance_of_the_first_attempt_stops_the_third(store: SharedStore) {
    let scene = resent(&store).await;
    // The second attempt provably never left; the first one's answer comes at last.
    for seq in 0..4 {
        scene.refused(seq, 2, Some(at(1_500)), at(1_001)).await;
    }
    assert_eq!(scene.money().await, (0, 40), "the first attempts may still cost");
    scene.accepted(0, 1, at(1_100)).await;
    scene.apply(&[scene.keyed(1, 1, Status::Sent, at(1_100))], at(1_100)).await;
    scene.apply(&[scene.keyed(2, 1, Status::Delivered, at(1_100))], at(1_100)).await;
    for (seq, state) in [(0, State::Accepted), (1, State::Sent), (2, State::Delivered)] {
        let row = scene.row(seq).await;
        assert_eq!((row.state, row.assumed, row.failure, row.retry_at), (state, false, None, None));
        assert_eq!(
            (row.wamid, row.attempt),
            (Some(wamid(seq, 1)), 2),
            "the first attempt is the one that counts"
        );
        assert_never_sent_again(&scene, seq, at(2_000)).await;
    }
    assert_eq!(scene.money().await, (8, 30));
    // Of the last one nothing was heard: it goes its way.
    assert_eq!(seqs(&scene.claim(1, 0..4, at(2_000)).await), [3]);
    // And the first attempt's statuses, with our key or without, are the message's.
    let told = [unkeyed(0, 1, Status::Sent, at(1_200)), scene.keyed(1, 1, FAILED, at(1_200))];
    scene.apply(&told, at(1_200)).await;
    assert_eq!((scene.state(0).await, scene.row(0).await.sent_at), (State::Sent, Some(at(1_200))));
    assert_eq!(scene.state(1).await, State::Failed);
}

pub async fn a_late_acceptance_stops_what_was_given_a_slice(store: SharedStore) {
    let scene = resent(&store).await;
    scene.refused(0, 2, Some(at(1_500)), at(1_001)).await;
    assert_eq!(store.requeue_retries(at(1_500), 10, 10).await.unwrap(), 1);
    assert_eq!(scene.release_all(at(1_500)).await.len(), 1);
    scene.accepted(0, 1, at(1_501)).await;
    assert!(seqs(&scene.claim(1, [0], at(1_502)).await).is_empty());
    assert_eq!(scene.waiting().await, (0, 0));
    scene.finish(1).await;
}

pub async fn an_acceptance_of_the_first_while_the_second_is_on_its_way(store: SharedStore) {
    let scene = resent(&store).await;
    for seq in 0..4 {
        scene.accepted(seq, 1, at(1_001)).await;
        assert_eq!(scene.state(seq).await, State::Sending, "the second may be on its way");
    }
    assert_eq!(scene.money().await, (0, 80));
    // Refused for now; refused for good; its fate unknown; taken as well.
    scene.refused(0, 2, Some(at(1_500)), at(1_002)).await;
    scene.refused(1, 2, None, at(1_002)).await;
    scene.unknown(2, 2, at(1_002)).await;
    scene.accepted(3, 2, at(1_002)).await;
    for seq in 0..2 {
        let row = scene.row(seq).await;
        assert_eq!((row.state, row.wamid, row.failure), (State::Accepted, Some(wamid(seq, 1)), None));
    }
    assert_eq!((scene.state(2).await, scene.state(3).await), (State::InDoubt, State::Accepted));
    assert_eq!(scene.row(3).await.wamid, Some(wamid(3, 2)));
    assert_eq!(scene.money().await, (0, 60));
    // The doubt ends: the first attempt was taken all the same.
    assert_eq!(store.sweep_doubts(at(1_602), 10).await.unwrap().by_policy, 1);
    let row = scene.row(2).await;
    assert_eq!((row.state, row.wamid), (State::Accepted, Some(wamid(2, 1))));
    assert_eq!(scene.money().await, (0, 50));
    for seq in 0..4 {
        assert_never_sent_again(&scene, seq, at(3_000)).await;
    }
    let ended = at(1_602) + TimeDelta::seconds(i64::from(TTL_S));
    assert_eq!(store.sweep_ttl(ended, Duration::ZERO, 10).await.unwrap(), 4);
    assert_eq!(scene.money().await, (0, 0));
}

pub async fn a_sent_status_of_the_first_while_the_second_is_on_its_way(store: SharedStore) {
    let scene = resent(&store).await;
    scene.apply(&[scene.keyed(0, 1, Status::Sent, at(1_001))], at(1_001)).await;
    assert_eq!(scene.state(0).await, State::Sending);
    // The claim's answer was lost: nothing of the second attempt left.
    let claim = Claim {
        slice: scene.slice(0),
        seqs: (0..4).map(campaign::ids::Seq).collect(),
        worker: worker("w1"),
        lease_until: at(1_060),
        daily_reach: None,
    };
    assert_eq!(store.disown(&claim, at(1_000), at(1_002)).await.unwrap(), 4);
    let row = scene.row(0).await;
    assert_eq!(
        (row.state, row.wamid, row.failure, row.retry_at),
        (State::Accepted, Some(wamid(0, 1)), None, None)
    );
    assert_eq!(scene.state(1).await, State::Retrying);
    assert_never_sent_again(&scene, 0, at(2_000)).await;
}

pub async fn a_failure_for_now_of_the_second_is_not_retried_where_the_first_was_taken(store: SharedStore) {
    let scene = resent(&store).await;
    for seq in 0..3 {
        scene.accepted(seq, 2, at(1_001)).await;
    }
    // The first attempt is heard of before the failure, after it, and never.
    scene.accepted(0, 1, at(1_050)).await;
    for seq in 0..3 {
        scene.apply(&[failed_for_now(&scene, seq, 2)], at(1_100)).await;
    }
    scene.accepted(1, 1, at(1_150)).await;
    for seq in 0..2 {
        let row = scene.row(seq).await;
        assert_eq!((row.state, row.failure, row.retry_at), (State::Accepted, None, None), "message {seq}");
        assert_never_sent_again(&scene, seq, at(2_000)).await;
    }
    assert_eq!((scene.state(2).await, scene.row(2).await.retry_at), (State::Retrying, Some(at(1_500))));
    // Told again, the failure of the second attempt is not taken for the first one's.
    scene.apply(&[failed_for_now(&scene, 0, 2), failed_for_now(&scene, 1, 2)], at(2_100)).await;
    assert_eq!((scene.state(0).await, scene.state(1).await), (State::Accepted, State::Accepted));
    assert_eq!(scene.money().await, (0, 10 + 10 + 10 + 20));
}

pub async fn the_second_counts_where_the_first_failed(store: SharedStore) {
    let scene = resent(&store).await;
    scene.accepted(0, 1, at(1_001)).await;
    scene
        .apply(&[scene.keyed(0, 1, FAILED, at(1_002)), scene.keyed(1, 1, FAILED, at(1_002))], at(1_002))
        .await;
    assert_eq!(scene.money().await, (0, 10 + 10 + 20 + 20));
    for seq in 0..2 {
        assert_eq!(scene.state(seq).await, State::Sending, "that is the second attempt's");
        scene.refused(seq, 2, Some(at(1_500)), at(1_003)).await;
        // What is heard of the first one now is older than its failure.
        scene.accepted(seq, 1, at(1_004)).await;
        scene.apply(&[unkeyed(seq, 1, Status::Sent, at(1_001))], at(1_004)).await;
        assert_eq!(scene.state(seq).await, State::Retrying);
    }
    assert_eq!(scene.money().await, (0, 20 + 20));
    store.requeue_retries(at(1_500), 10, 10).await.unwrap();
    scene.release_all(at(1_500)).await;
    assert_eq!(seqs(&scene.claim(1, 0..2, at(1_500)).await), [0, 1]);
}

pub async fn an_ended_message_whose_first_attempt_was_taken_is_corrected(store: SharedStore) {
    let scene = resent(&store).await;
    scene.refused(0, 2, None, at(1_001)).await;
    for seq in 1..4 {
        scene.refused(seq, 2, Some(at(1_500)), at(1_001)).await;
    }
    store.skip_unsent(scene.id, "cancelled", at(1_002), 1).await.unwrap();
    store.expire_unsent(scene.id, at(1_003), 1).await.unwrap();
    let ended: Vec<_> = store.messages(scene.id, None, 3).await.unwrap().iter().map(|m| m.state).collect();
    assert_eq!(ended, [State::Failed, State::Skipped, State::Expired]);
    assert_eq!(scene.money().await, (0, 10), "what ended holds nothing");
    for (seq, state) in [(0, State::Accepted), (1, State::Sent), (2, State::Sent)] {
        if state == State::Accepted {
            scene.accepted(seq, 1, at(1_010)).await;
        } else {
            scene.apply(&[scene.keyed(seq, 1, Status::Sent, at(1_010))], at(1_010)).await;
        }
        let row = scene.row(seq).await;
        assert_eq!((row.state, row.failure, row.wamid), (state, None, Some(wamid(seq, 1))), "message {seq}");
    }
    assert_eq!(scene.money().await, (0, 40));
    scene.transition(Event::Cancel, at(1_020)).await;
    store.skip_unsent(scene.id, "cancelled", at(1_021), 10).await.unwrap();
}

pub async fn both_attempts_are_delivered(store: SharedStore) {
    let scene = resent(&store).await;
    scene.accepted(0, 2, at(1_001)).await;
    assert_eq!(scene.money().await.1, 80);
    let told = [2, 1].map(|attempt| scene.keyed(0, attempt, Status::Delivered, at(1_010)));
    scene.apply(&told, at(1_010)).await;
    assert_eq!((scene.state(0).await, scene.money().await), (State::Delivered, (8, 60)));
}
