//! Status webhooks: by key, by id, early, parked, late. Their orders are in [`orders`](super::orders).

use campaign::ids::{CampaignId, MessageId, Seq};
use campaign::message::{Again, State, Status};
use chrono::TimeDelta;

use super::scene::{Scene, Setup, TTL_S, at, seqs, template, unkeyed, wamid};
use crate::SharedStore;
use crate::model::{About, Failure, SentWith, StatusReport, StatusUpdate};

const FAILED: Status = Status::Failed { again: Again::No };

fn report(applied: u64, unchanged: u64, parked: u64) -> StatusReport {
    StatusReport { applied, unchanged, parked }
}

pub async fn statuses_are_found_by_key_before_any_response(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, [0], at(0)).await;
    assert_eq!(scene.apply(&[scene.keyed(0, 1, Status::Sent, at(1))], at(1)).await, report(1, 0, 0));
    let row = scene.row(0).await;
    assert_eq!((row.state, row.wamid.as_deref(), row.sent_at), (State::Sent, Some("wamid.0.1"), Some(at(1))));
    // The id was learnt from it: one without a key finds the message, too, even in the same request.
    let both = [unkeyed(0, 1, Status::Delivered, at(2)), scene.keyed(0, 1, Status::Delivered, at(2))];
    assert_eq!(scene.apply(&both, at(2)).await, report(1, 1, 0));
}

pub async fn early_statuses_without_a_key_wait_for_the_response(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..2, at(0)).await;
    let early = [unkeyed(0, 1, Status::Delivered, at(2)), unkeyed(0, 1, Status::Sent, at(1))];
    assert_eq!(scene.apply(&early, at(2)).await, report(0, 0, 2));
    assert_eq!(scene.state(0).await, State::Sending);
    scene.accepted(1, 1, at(3)).await;
    assert_eq!(store.parked_statuses().await.unwrap(), 2, "another's response changes nothing");
    scene.accepted(0, 1, at(3)).await;
    let row = scene.row(0).await;
    assert_eq!((row.state, row.sent_at, row.delivered_at), (State::Delivered, Some(at(1)), Some(at(2))));
    assert_eq!(store.parked_statuses().await.unwrap(), 0);
}

pub async fn a_parked_status_is_parked_once_and_pruned(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    let stranger = unkeyed(99, 1, Status::Sent, at(1));
    for now in [1, 2, 500] {
        assert_eq!(scene.apply(&[stranger.clone(), stranger.clone()], at(now)).await, report(0, 0, 2));
    }
    scene.apply(&[unkeyed(98, 1, Status::Sent, at(1))], at(500)).await;
    assert_eq!(store.parked_statuses().await.unwrap(), 2);
    assert_eq!(store.prune_parked(at(100), at(500), 10).await.unwrap(), 1);
    assert_eq!(store.prune_parked(at(100), at(500), 10).await.unwrap(), 0);
    assert_eq!(store.parked_statuses().await.unwrap(), 1);
}

pub async fn the_earlier_attempts_failure_does_not_touch_the_newer(store: SharedStore) {
    let scene = Setup { extra: "in_doubt: resend", ..Setup::default() }.released(&store).await;
    twice_sent(&scene, 0).await;
    assert_eq!(scene.apply(&[scene.keyed(0, 1, FAILED, at(10_001))], at(10_001)).await, report(0, 1, 0));
    assert_eq!(scene.apply(&[unkeyed(0, 1, Status::Sent, at(10_001))], at(10_001)).await, report(0, 1, 0));
    assert_eq!((scene.state(0).await, scene.row(0).await.sent_at), (State::Sending, None));
    scene.accepted(0, 2, at(10_002)).await;
    assert_eq!(
        (scene.state(0).await, scene.row(0).await.wamid.as_deref()),
        (State::Accepted, Some("wamid.0.2"))
    );
}

pub async fn the_earlier_attempts_delivery_is_believed(store: SharedStore) {
    let scene = Setup { extra: "in_doubt: resend", ..Setup::default() }.released(&store).await;
    twice_sent(&scene, 0).await;
    assert_eq!(
        scene.apply(&[scene.keyed(0, 1, Status::Delivered, at(10_001))], at(10_001)).await,
        report(1, 0, 0)
    );
    // What became of the second attempt does not undo it.
    scene.apply(&[scene.keyed(0, 2, FAILED, at(10_002))], at(10_002)).await;
    scene.refused(0, 2, None, at(10_003)).await;
    assert_eq!((scene.state(0).await, scene.money().await), (State::Delivered, (8, 0)));
}

/// The first attempt stayed unknown, the second is under way.
async fn twice_sent(scene: &Scene, seq: u32) {
    scene.claim(0, [seq], at(0)).await;
    scene.unknown(seq, 1, at(0)).await;
    scene.store.sweep_doubts(at(9_999), 10).await.unwrap();
    assert_eq!(seqs(&scene.claim(0, [seq], at(10_000)).await), [seq]);
}

pub async fn a_failure_that_may_pass_is_retried(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..2, at(0)).await;
    scene.accepted(0, 1, at(0)).await;
    scene.accepted(1, 1, at(0)).await;
    let later = Status::Failed { again: Again::Later };
    let told = StatusUpdate { retry_at: Some(at(100)), ..scene.keyed(0, 1, later, at(1)) };
    let untold = scene.keyed(1, 1, later, at(1));
    assert_eq!(scene.apply(&[told.clone(), untold, told], at(1)).await, report(2, 1, 0));
    assert_eq!((scene.state(0).await, scene.row(0).await.retry_at), (State::Retrying, Some(at(100))));
    assert_eq!(scene.state(1).await, State::Failed, "it must not be tried at once");
    let again = scene.claim(0, 0..2, at(100)).await;
    assert_eq!((again.messages[0].attempt, again.messages[0].failures), (2, 1));
    // The first attempt's id still finds the message.
    scene.apply(&[unkeyed(0, 1, FAILED, at(2))], at(101)).await;
    assert_eq!((scene.state(0).await, store.parked_statuses().await.unwrap()), (State::Sending, 0));
}

pub async fn a_key_that_no_message_has_is_parked(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, [0], at(0)).await;
    let message = |campaign, seq| MessageId { campaign: CampaignId(campaign), seq: Seq(seq) };
    let own = scene.id.0;
    for (n, key) in [
        (message(404, 0), 1),
        (message(i64::MAX, u32::MAX), 1),
        (message(-1, 0), 1),
        // Never claimed; claimed once only; no attempt has that number.
        (message(own, 1), 1),
        (message(own, 0), 2),
        (message(own, 0), 0),
    ]
    .into_iter()
    .enumerate()
    {
        let update = StatusUpdate {
            wamid: format!("wamid.stranger.{n}"),
            key: Some(key),
            ..unkeyed(0, 1, Status::Delivered, at(1))
        };
        assert_eq!(scene.apply(&[update], at(1)).await, report(0, 0, 1), "{key:?}");
    }
    assert_eq!(scene.state(0).await, State::Sending);
}

pub async fn a_read_message_was_delivered(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, [0], at(0)).await;
    scene.apply(&[scene.keyed(0, 1, Status::Read, at(9))], at(9)).await;
    let row = scene.row(0).await;
    assert_eq!((row.delivered_at, row.read_at), (Some(at(9)), Some(at(9))));
    scene.apply(&[scene.keyed(0, 1, Status::Delivered, at(5))], at(10)).await;
    let row = scene.row(0).await;
    assert_eq!((row.state, row.delivered_at, row.read_at), (State::Read, Some(at(5)), Some(at(9))));
}

pub async fn a_late_delivery_after_expiry(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, [0], at(0)).await;
    scene.accepted(0, 1, at(0)).await;
    let ended = at(0) + TimeDelta::seconds(i64::from(TTL_S));
    assert_eq!(store.sweep_ttl(ended, Default::default(), 10).await.unwrap(), 1);
    assert_eq!(scene.apply(&[unkeyed(0, 1, Status::Sent, at(5))], ended).await, report(0, 1, 0));
    assert_eq!(scene.state(0).await, State::Expired);
    assert_eq!(scene.apply(&[unkeyed(0, 1, Status::Delivered, at(9))], ended).await, report(1, 0, 0));
    let row = scene.row(0).await;
    assert_eq!((row.state, row.assumed), (State::Delivered, false));
}

fn failed_later(scene: &Scene, seq: u32, attempt: u32, code: i64, retry_at: i64) -> StatusUpdate {
    StatusUpdate {
        failure: Some(Failure { code: Some(code), class: "later".into(), detail: "not now".into() }),
        retry_at: Some(at(retry_at)),
        ..scene.keyed(seq, attempt, Status::Failed { again: Again::Later }, at(1))
    }
}

pub async fn a_failure_is_retried_as_often_as_the_campaign_says(store: SharedStore) {
    let scene = Setup { extra: "retry: { attempts: 2, base: 1s, max: 1s }", ..Setup::default() }
        .released(&store)
        .await;
    scene.claim(0, 0..1, at(0)).await;
    scene.apply(&[failed_later(&scene, 0, 1, 131_056, 5)], at(1)).await;
    let row = scene.row(0).await;
    assert_eq!((row.state, row.retry_at), (State::Retrying, Some(at(5))));
    store.requeue_retries(at(6), 10, 10).await.unwrap();
    scene.release(10, at(6)).await;
    let again = scene.claim(2, 0..1, at(6)).await;
    assert_eq!(seqs(&again), [0]);
    scene.apply(&[failed_later(&scene, 0, 2, 131_056, 10)], at(7)).await;
    assert_eq!(scene.row(0).await.state, State::Failed);
}

pub async fn a_failure_is_not_retried_after_the_end(store: SharedStore) {
    let scene = Setup { extra: "schedule: { end: \"2026-11-18T13:00:00Z\" }", ..Setup::default() }
        .released(&store)
        .await;
    scene.claim(0, 0..1, at(0)).await;
    scene.apply(&[failed_later(&scene, 0, 1, 131_049, 86_400)], at(1)).await;
    let row = scene.row(0).await;
    assert_eq!((row.state, row.retry_at), (State::Failed, None));
}

pub async fn who_opted_out_by_status_is_not_written_to_again(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..1, at(0)).await;
    scene.accepted(0, 1, at(1)).await;
    let update = StatusUpdate {
        failure: Some(Failure {
            code: Some(131_050),
            class: "drop_recipient".into(),
            detail: "opted out".into(),
        }),
        ..scene.keyed(0, 1, Status::Failed { again: Again::No }, at(1))
    };
    scene.apply(&[update], at(2)).await;
    let recipient = scene.row(0).await.recipient;
    assert_eq!(store.suppressed(std::slice::from_ref(&recipient)).await.unwrap(), [recipient]);
}

pub async fn what_a_message_was_sent_with(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..2, at(0)).await;
    scene.accepted(0, 1, at(1)).await;
    let wanted = SentWith { sender: "jaspers-in".into(), template: template() };
    let message = |seq| Some((MessageId { campaign: scene.id, seq: Seq(seq) }, 1));
    assert_eq!(store.sent_with(&wamid(0, 1), None).await.unwrap(), Some(wanted.clone()));
    assert_eq!(store.sent_with("wamid.unheard-of", message(1)).await.unwrap(), Some(wanted));
    assert_eq!(store.sent_with("wamid.unheard-of\0", None).await.unwrap(), None);
    assert_eq!(store.sent_with("", message(4_000)).await.unwrap(), None);
    let elsewhere = MessageId { campaign: CampaignId(-1), seq: Seq(0) };
    assert_eq!(store.sent_with("", Some((elsewhere, 1))).await.unwrap(), None);
}

pub async fn the_extremes_of_what_webhooks_may_say_are_kept(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..3, at(0)).await;
    // As long as the decoder lets it be, and not to be compressed by an index.
    let long: String = (0..128_u32).map(|n| char::from_u32(0x1_0000 + n * 7_919 % 0xffff).unwrap()).collect();
    assert_eq!(long.len(), 512);
    let latest = "2099-12-31T23:59:59Z".parse().unwrap();
    let earliest = chrono::DateTime::UNIX_EPOCH;
    let failure = |code| Some(Failure { code: Some(code), class: long.clone(), detail: long.repeat(9) });
    let dear = Some((rust_decimal::Decimal::from(1_000_000), campaign::money::Currency::INR));
    let updates = [
        StatusUpdate {
            route: Some(long.clone()),
            cost: dear,
            ..scene.keyed(0, 1, Status::Delivered, latest)
        },
        StatusUpdate {
            wamid: long.clone(),
            failure: failure(i64::MIN),
            ..scene.keyed(1, 1, FAILED, earliest)
        },
        StatusUpdate { failure: failure(131_049), ..scene.keyed(2, 1, FAILED, latest) },
        // Of nobody: parked, and looked for.
        StatusUpdate {
            wamid: format!("{}x", &long[..508]),
            about: Some(About { senders: vec![long.clone()], recipients: vec![long.clone()] }),
            failure: failure(i64::MAX),
            ..unkeyed(9, 1, FAILED, latest)
        },
    ];
    assert_eq!(scene.apply(&updates, at(1)).await, report(3, 0, 1));
    assert_eq!(scene.apply(&updates, at(2)).await, report(0, 3, 1));
    scene.unknown(2, 1, at(2)).await;
    assert_eq!(store.infer_statuses(None, at(60), 10).await.unwrap().matched, 0);
    assert_eq!(scene.row(0).await.cost, Some(campaign::money::Micros(1_000_000_000_000)));
    assert_eq!((scene.row(0).await.sent_at, scene.row(0).await.delivered_at), (None, Some(latest)));
    assert_eq!(scene.row(1).await.failure.unwrap().code, Some(i64::MIN));
}
