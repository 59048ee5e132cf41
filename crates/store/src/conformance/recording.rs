//! Outcomes: every kind, late and doubled.

use std::time::Duration;

use campaign::ids::{CampaignId, MessageId, Seq};
use campaign::lifecycle::Event;
use campaign::message::{State, Status};

use super::scene::{Setup, at, failure, seqs, unkeyed, wamid};
use crate::SharedStore;
use crate::model::{Claim, FailureCount, Outcome, OutcomeKind};

pub async fn each_kind_of_outcome(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..5, at(0)).await;
    let outcome = |seq, result| Outcome { message: scene.message(seq), attempt: 1, result };
    let outcomes = [
        outcome(0, OutcomeKind::Accepted { wamid: wamid(0, 1), held: false }),
        outcome(1, OutcomeKind::Accepted { wamid: wamid(1, 1), held: true }),
        outcome(2, OutcomeKind::Refused { failure: failure(130_429), retry_at: Some(at(9)), counts: true }),
        outcome(3, OutcomeKind::Refused { failure: failure(131_026), retry_at: None, counts: true }),
        outcome(4, OutcomeKind::Unknown { failure: failure(2) }),
    ];
    store.record(&outcomes, at(1)).await.unwrap();
    let rows = store.messages(scene.id, None, 5).await.unwrap();
    let states: Vec<_> = rows.iter().map(|m| m.state).collect();
    assert_eq!(states, [State::Accepted, State::Held, State::Retrying, State::Failed, State::InDoubt]);
    assert_eq!((rows[0].wamid.clone(), rows[0].accepted_at), (Some(wamid(0, 1)), Some(at(1))));
    assert_eq!((rows[2].failure.clone(), rows[2].retry_at), (Some(failure(130_429)), Some(at(9))));
    assert_eq!(rows[3].failure, Some(failure(131_026)));
    assert_eq!(rows[4].failure, Some(failure(2)));
    assert_eq!(scene.campaign().await.failures, [FailureCount { code: Some(131_026), messages: 1 }]);
}

pub async fn an_outcome_told_twice_is_told_once(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..2, at(0)).await;
    for now in [1, 2, 3] {
        scene.accepted(0, 1, at(now)).await;
        scene.refused(1, 1, Some(at(50)), at(now)).await;
    }
    assert_eq!(scene.row(0).await.accepted_at, Some(at(1)));
    let again = scene.claim(0, [1], at(50)).await;
    assert_eq!(again.messages[0].failures, 1, "one refusal counts once");
}

pub async fn an_outcome_of_an_earlier_attempt_changes_no_state(store: SharedStore) {
    let scene = Setup { extra: "in_doubt: resend", ..Setup::default() }.released(&store).await;
    scene.claim(0, [0], at(0)).await;
    scene.unknown(0, 1, at(0)).await;
    store.sweep_doubts(at(9_999), 10).await.unwrap();
    assert_eq!(scene.claim(0, [0], at(9_999)).await.messages[0].attempt, 2);
    scene.accepted(0, 1, at(10_000)).await;
    let first = Some(wamid(0, 1));
    assert_eq!((scene.state(0).await, scene.row(0).await.wamid), (State::Sending, first.clone()));
    scene.refused(0, 1, None, at(10_000)).await;
    assert_eq!(scene.state(0).await, State::Sending);
    // Its id is kept: a delivery of the first attempt finds the message.
    scene.apply(&[unkeyed(0, 1, Status::Delivered, at(10_001))], at(10_001)).await;
    assert_eq!(scene.state(0).await, State::Delivered);
    scene.accepted(0, 2, at(10_002)).await;
    assert_eq!((scene.state(0).await, scene.row(0).await.wamid), (State::Delivered, first));
}

pub async fn a_response_that_came_after_the_worker_was_lost_ends_the_doubt(store: SharedStore) {
    let scene = Setup { extra: "in_doubt: resend", ..Setup::default() }.released(&store).await;
    scene.claim(0, 0..3, at(0)).await;
    scene.unknown(0, 1, at(1)).await;
    scene.accepted(0, 1, at(2)).await;
    let row = scene.row(0).await;
    assert_eq!((row.state, row.assumed, row.failure), (State::Accepted, false, None));
    scene.unknown(1, 1, at(1)).await;
    scene.refused(1, 1, None, at(2)).await;
    assert_eq!(scene.state(1).await, State::Failed);
    // Even after it was decided to send it again, as long as nobody has.
    scene.unknown(2, 1, at(1)).await;
    store.sweep_doubts(at(9_999), 10).await.unwrap();
    assert_eq!(store.requeue_retries(at(9_999), 10, 10).await.unwrap(), 1);
    scene.accepted(2, 1, at(10_000)).await;
    assert_eq!(scene.state(2).await, State::Accepted);
    scene.release_all(at(10_000)).await;
    assert!(seqs(&scene.claim(2, [2], at(10_000)).await).is_empty());
}

pub async fn nothing_waits_in_a_campaign_that_is_done(store: SharedStore) {
    // A worker comes back long after its claims became doubts, which the campaign was not held up by.
    let scene = Setup { messages: 2, per_slice: 2, ..Setup::default() }.released(&store).await;
    let claim = Claim {
        slice: scene.slice(0),
        seqs: vec![Seq(1)],
        worker: super::scene::worker("w1"),
        lease_until: at(60),
        daily_reach: None,
    };
    scene.claim(0, 0..1, at(0)).await;
    store.claim(&claim, &scene.rules, at(1)).await.unwrap();
    scene.unknown(0, 1, at(2)).await;
    store.sweep_lost_workers(at(100), Duration::from_secs(10)).await.unwrap();
    scene.transition(Event::Settle, at(9_000)).await;
    scene.transition(Event::Finish, at(9_000)).await;
    scene.refused(0, 1, Some(at(9_002)), at(9_001)).await;
    store.disown(&claim, at(1), at(9_001)).await.unwrap();
    for seq in 0..2 {
        assert_eq!((scene.state(seq).await, scene.row(seq).await.retry_at), (State::Failed, None));
    }
}

pub async fn an_outcome_for_nobody_is_no_error(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    let result = OutcomeKind::Accepted { wamid: "wamid.x".into(), held: false };
    let message = MessageId { campaign: CampaignId(404), seq: Seq(1) };
    store.record(&[Outcome { message, attempt: 1, result: result.clone() }], at(0)).await.unwrap();
    // A message that was never claimed has no outcome.
    scene.record(0, 1, result, at(0)).await;
    assert_eq!((scene.state(0).await, scene.row(0).await.wamid), (State::Queued, None));
    store.record(&[], at(0)).await.unwrap();
}
