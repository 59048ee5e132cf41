//! Statuses that neither an id nor a key leads to a message: the only doubt of that number, person and time is it.

use campaign::doubt::{Decision, Refusal};
use campaign::ids::Seq;
use campaign::message::{Again, State, Status};

use super::scene::{Scene, Setup, at, recipient, unkeyed};
use crate::SharedStore;
use crate::model::{About, Inference, StatusUpdate, SweptDoubts};

/// What the platform reports of the person of a message, without a word of which message it is.
fn told(seq: u32, id: &str, status: Status, when: i64) -> StatusUpdate {
    let about = About { senders: vec!["jaspers-in".into()], recipients: vec![recipient(seq)] };
    StatusUpdate { wamid: id.into(), about: Some(about), ..unkeyed(seq, 1, status, at(when)) }
}

async fn infer(scene: &Scene, now: i64) -> u64 {
    let inference = scene.store.infer_statuses(None, at(now), 100).await.unwrap();
    assert_eq!(inference.next, None);
    inference.matched
}

/// Three messages are claimed at 0; of the first two no answer came.
async fn in_doubt(store: &SharedStore) -> Scene {
    let scene = Setup::default().released(store).await;
    scene.claim(0, 0..3, at(0)).await;
    scene.unknown(0, 1, at(1)).await;
    scene.unknown(1, 1, at(1)).await;
    scene
}

pub async fn a_parked_status_finds_the_only_doubt(store: SharedStore) {
    let scene = in_doubt(&store).await;
    let both = [told(0, "w0", Status::Delivered, 4), told(0, "w0", Status::Sent, 2)];
    assert_eq!(scene.apply(&both, at(5)).await.parked, 2);
    assert_eq!(infer(&scene, 34).await, 0, "its answer may still be recorded");
    assert_eq!(infer(&scene, 35).await, 1);
    let row = scene.row(0).await;
    assert_eq!((row.state, row.wamid.as_deref(), row.inferred), (State::Delivered, Some("w0"), true));
    assert_eq!((row.sent_at, row.delivered_at), (Some(at(2)), Some(at(4))));
    assert_eq!(store.parked_statuses().await.unwrap(), 0);
    assert_eq!(scene.money().await, (8, 20), "what was delivered is spent, the others may still be");
    // From then on its id leads to it.
    assert_eq!(scene.apply(&[told(0, "w0", Status::Read, 60)], at(60)).await.applied, 1);
    assert_eq!(scene.state(1).await, State::InDoubt);
    assert!(!scene.row(1).await.inferred);
}

pub async fn nothing_but_the_only_doubt_is_matched(store: SharedStore) {
    let scene = in_doubt(&store).await;
    scene.accepted(2, 1, at(1)).await;
    let elsewhere = About { senders: vec!["another".into()], recipients: vec![recipient(0)] };
    let apart = [
        // Of a number of another sender; of nobody in particular; of somebody else.
        StatusUpdate { about: Some(elsewhere), ..told(0, "w1", Status::Sent, 2) },
        StatusUpdate { about: None, ..told(0, "w2", Status::Sent, 2) },
        told(9, "w3", Status::Sent, 2),
        // Before it was sent; long after.
        told(0, "w4", Status::Sent, -60),
        told(0, "w5", Status::Delivered, 3_600),
        // It is accepted, by another id; two ids fit the second doubt.
        told(2, "w6", Status::Sent, 2),
        told(1, "w7", Status::Sent, 2),
        told(1, "w8", Status::Sent, 3),
    ];
    assert_eq!(scene.apply(&apart, at(5)).await.parked, 8);
    assert_eq!(infer(&scene, 100).await, 0);
    assert_eq!(store.parked_statuses().await.unwrap(), 8);
    let states = [scene.state(0).await, scene.state(1).await, scene.state(2).await];
    assert_eq!(states, [State::InDoubt, State::InDoubt, State::Accepted]);

    // The same people get another campaign: whose status it is, is open while that is on its way, and no longer when
    // that has its own id.
    let other = Setup { key: "holi", ..Setup::default() }.released(&store).await;
    other.claim(0, 0..1, at(1_003)).await;
    let third = in_doubt_at(&store, 1_001).await;
    scene.apply(&[told(0, "w9", Status::Sent, 1_004)], at(1_005)).await;
    assert_eq!(infer(&scene, 1_040).await, 0, "either may be meant");
    other.accepted(0, 1, at(1_050)).await;
    assert_eq!(infer(&scene, 1_100).await, 1);
    assert_eq!(third.row(0).await.wamid.as_deref(), Some("w9"));
    assert_eq!(scene.state(0).await, State::InDoubt, "its time was another");
}

/// One more campaign to the same people, whose first message is in doubt since that time.
async fn in_doubt_at(store: &SharedStore, seconds: i64) -> Scene {
    let scene = Setup { key: "onam", ..Setup::default() }.released(store).await;
    scene.claim(0, 0..1, at(seconds)).await;
    scene.unknown(0, 1, at(seconds)).await;
    scene
}

pub async fn a_doubt_whose_answer_may_come_is_left_alone(store: SharedStore) {
    let scene = in_doubt(&store).await;
    // The third is claimed and nothing is known of it yet.
    scene.apply(&[told(2, "w2", Status::Sent, 2)], at(3)).await;
    assert_eq!(infer(&scene, 40).await, 0);
    assert_eq!(scene.state(2).await, State::Sending);
    scene.unknown(2, 1, at(65)).await;
    assert_eq!(infer(&scene, 74).await, 0, "its worker may only have been taken for dead");
    assert_eq!(infer(&scene, 200).await, 1);
    assert_eq!(scene.state(2).await, State::Sent);
}

pub async fn what_was_matched_by_inference_is_never_tried_again(store: SharedStore) {
    let scene = in_doubt(&store).await;
    let later = Status::Failed { again: Again::Later };
    let failed = StatusUpdate { retry_at: Some(at(100)), ..told(0, "w0", later, 2) };
    scene.apply(&[told(1, "w1", Status::Sent, 2), failed], at(5)).await;
    assert_eq!(infer(&scene, 40).await, 2);
    assert_eq!((scene.state(0).await, scene.row(0).await.retry_at), (State::Failed, None));
    // The other one's failure is told by the id that was taken for its own.
    let failed = StatusUpdate { retry_at: Some(at(100)), ..told(1, "w1", later, 50) };
    assert_eq!(scene.apply(&[failed], at(51)).await.applied, 1);
    assert_eq!((scene.state(1).await, scene.row(1).await.retry_at), (State::Failed, None));
}

pub async fn all_that_is_known_of_a_person_is_looked_at(store: SharedStore) {
    let scene = in_doubt(&store).await;
    scene.apply(&[told(0, "w0", Status::Delivered, 20)], at(25)).await;
    // Another id, which says whom it is of in another way; it has just come.
    let both = About { senders: vec!["jaspers-in".into()], recipients: vec!["IN.x".into(), recipient(0)] };
    let rival = StatusUpdate { about: Some(both), ..told(0, "w9", Status::Sent, 2) };
    scene.apply(&[rival], at(58)).await;
    assert_eq!(infer(&scene, 60).await, 0, "either may be its own");
    assert_eq!(infer(&scene, 600).await, 0);
    // The first word of an id says when its message was sent, whomever it names.
    let first = StatusUpdate { about: None, ..told(1, "w1", Status::Sent, -3_600) };
    scene.apply(&[told(1, "w1", Status::Delivered, 20), first], at(25)).await;
    assert_eq!(infer(&scene, 600).await, 0, "its message was sent an hour before");
    assert_eq!((scene.state(0).await, scene.state(1).await), (State::InDoubt, State::InDoubt));
}

pub async fn doubts_are_looked_at_in_turn(store: SharedStore) {
    let scene = in_doubt(&store).await;
    scene.unknown(2, 1, at(1)).await;
    scene.apply(&[told(1, "w1", Status::Sent, 2), told(2, "w2", Status::Sent, 2)], at(3)).await;
    let look = |after| store.infer_statuses(after, at(60), 1);
    let first = look(None).await.unwrap();
    assert_eq!((first.matched, first.next.is_some()), (0, true));
    let second = look(first.next).await.unwrap();
    assert_eq!((second.matched, scene.state(1).await), (1, State::Sent));
    let third = look(second.next).await.unwrap();
    assert_eq!((third.matched, scene.state(2).await), (1, State::Sent));
    assert_eq!(look(third.next).await.unwrap(), Inference::default());
}

pub async fn what_is_parked_comes_before_a_policy(store: SharedStore) {
    let extra = "in_doubt: resend\nin_doubt_after: 10m";
    let scene = Setup { extra, ..Setup::default() }.released(&store).await;
    scene.claim(0, 0..3, at(0)).await;
    for seq in 0..3 {
        scene.unknown(seq, 1, at(1)).await;
    }
    // Far more is told of others than of us, and nobody has looked at it when the time has come.
    let others: Vec<_> = (0..2_000).map(|n| told(100 + n, &format!("o{n}"), Status::Sent, 2)).collect();
    scene.apply(&others, at(3)).await;
    scene.apply(&[told(1, "w1", Status::Delivered, 200)], at(600)).await;
    let swept = store.sweep_doubts(at(601), 10).await.unwrap();
    assert_eq!(swept, SweptDoubts { by_policy: 2, by_status: 1 });
    let states = [scene.state(0).await, scene.state(1).await, scene.state(2).await];
    assert_eq!(states, [State::Retrying, State::Delivered, State::Retrying]);
    assert!(scene.row(1).await.inferred);
    assert_eq!(store.parked_statuses().await.unwrap(), 2_000);
}

pub async fn what_is_parked_comes_before_an_operator(store: SharedStore) {
    let scene = in_doubt(&store).await;
    // By a reconciler whose clock is ahead.
    scene.apply(&[told(0, "w0", Status::Sent, 2)], at(90)).await;
    let resolve = store.resolve_doubts(scene.id, &[Seq(0), Seq(1)], Decision::Resend, "asha", at(60));
    let ended = resolve.await.unwrap();
    assert_eq!(ended, [(Seq(0), Err(Refusal::NotInDoubt(State::Sent))), (Seq(1), Ok(State::Retrying))]);
    assert!(scene.row(0).await.inferred);
}

pub async fn an_attempt_that_was_sent_once_more_may_be_meant(store: SharedStore) {
    let scene = in_doubt(&store).await;
    // The same people, a minute later; of their first one, too, no answer comes.
    let other = Setup { key: "holi", ..Setup::default() }.released(&store).await;
    other.claim(0, 0..1, at(60)).await;
    other.unknown(0, 1, at(61)).await;
    store.resolve_doubts(scene.id, &[Seq(0)], Decision::Resend, "asha", at(70)).await.unwrap();
    store.requeue_retries(at(70), 10, 10).await.unwrap();
    scene.release_all(at(70)).await;
    scene.claim(1, [0], at(3_600)).await;
    scene.accepted(0, 2, at(3_601)).await;
    // Of the first attempt, or of the other campaign's: nobody knows.
    scene.apply(&[told(0, "w", Status::Sent, 90)], at(3_700)).await;
    assert_eq!(infer(&scene, 4_000).await, 0);
    assert_eq!(other.state(0).await, State::InDoubt);
}
