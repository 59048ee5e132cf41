//! Pausing, cancelling, reasons, reading, the do-not-send list.

use campaign::ids::{CampaignId, Seq};
use campaign::lifecycle::{Event, State};

use super::scene::{Setup, at, failure};
use crate::model::{Chunk, Excluded, Failure, OutcomeKind, Suppression};
use crate::{SharedStore, TransitionError};

pub async fn the_state_machine_decides(store: SharedStore) {
    let scene = Setup::default().launch(&store).await;
    let pause = |reason| store.transition(scene.id, Event::Pause, Some(reason), at(5));
    assert_eq!(pause("lunch").await.unwrap(), State::Paused);
    let refused = store.transition(scene.id, Event::Finish, None, at(6)).await.unwrap_err();
    assert!(matches!(refused, TransitionError::Forbidden(_)), "{refused}");
    let row = scene.campaign().await;
    assert_eq!((row.state, row.reason.as_deref(), row.finished_at), (State::Paused, Some("lunch"), None));
    scene.transition(Event::Resume, at(7)).await;
    scene.transition(Event::Begin, at(7)).await;
    scene.transition(Event::Settle, at(8)).await;
    store.expire_unsent(scene.id, at(8), 100).await.unwrap();
    scene.transition(Event::Finish, at(9)).await;
    let row = scene.campaign().await;
    assert_eq!((row.state, row.reason, row.finished_at), (State::Done, None, Some(at(9))));
    scene.transition(Event::Finish, at(10)).await;
    assert_eq!(scene.campaign().await.finished_at, Some(at(9)), "it is over already");
    let missing = store.transition(CampaignId(404), Event::Pause, None, at(9)).await.unwrap_err();
    assert!(matches!(missing, TransitionError::NoSuchCampaign), "{missing}");
}

pub async fn a_campaign_that_has_something_to_send_is_not_finished(store: SharedStore) {
    let scene = Setup { messages: 3, per_slice: 3, ..Setup::default() }.released(&store).await;
    let finish = || async {
        scene.transition(Event::Settle, at(5)).await;
        let answer = store.transition(scene.id, Event::Finish, Some("all is said"), at(5)).await;
        let row = scene.campaign().await;
        match &answer {
            Ok(_) => assert_eq!((row.state, row.finished_at), (State::Done, Some(at(5)))),
            Err(_) => assert_eq!((row.state, row.reason, row.finished_at), (State::Settling, None, None)),
        }
        answer.is_ok()
    };
    assert!(!finish().await, "all are queued");
    scene.transition(Event::Begin, at(5)).await;
    scene.claim(0, 0..3, at(5)).await;
    scene.unknown(0, 1, at(5)).await;
    assert!(!finish().await, "two are sending");
    scene.refused(1, 1, Some(at(9)), at(5)).await;
    scene.accepted(2, 1, at(5)).await;
    assert!(!finish().await, "one is retrying");
    store.expire_unsent(scene.id, at(5), 10).await.unwrap();
    // Doubts and statuses that are due are the scheduler's to wait for.
    assert!(finish().await);
}

pub async fn a_reason_is_written_only_to_the_state_it_is_for(store: SharedStore) {
    let scene = Setup::default().launch(&store).await;
    // A scheduler saw it running; then somebody paused it.
    store.transition(scene.id, Event::Pause, Some("lunch"), at(1)).await.unwrap();
    store.set_reason(scene.id, State::Running, Some("outside its windows")).await.unwrap();
    assert_eq!(scene.campaign().await.reason.as_deref(), Some("lunch"));
}

pub async fn a_reason_stays_until_the_campaign_moves(store: SharedStore) {
    let scene = Setup::default().launch(&store).await;
    store.set_reason(scene.id, State::Running, Some("outside its windows")).await.unwrap();
    scene.transition(Event::Begin, at(1)).await;
    assert_eq!(scene.campaign().await.reason.as_deref(), Some("outside its windows"));
    scene.transition(Event::Pause, at(2)).await;
    assert_eq!(scene.campaign().await.reason, None);
}

pub async fn cancelled_campaigns_are_active_until_nothing_is_unsent(store: SharedStore) {
    let scene = Setup::default().launch(&store).await;
    let active = || async { store.active_campaigns().await.unwrap().campaigns.len() };
    assert_eq!(active().await, 1);
    scene.transition(Event::Pause, at(1)).await;
    assert_eq!(active().await, 0);
    scene.transition(Event::Cancel, at(2)).await;
    assert_eq!((active().await, scene.campaign().await.finished_at), (1, Some(at(2))));
    assert_eq!(store.skip_unsent(scene.id, "cancelled", at(3), 100).await.unwrap(), 10);
    assert_eq!(active().await, 0);
}

pub async fn pages_follow_each_other(store: SharedStore) {
    let first = Setup::default().launch(&store).await;
    let second = Setup { key: "holi", messages: 3, ..Setup::default() }.launch(&store).await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = store.messages(first.id, after, 4).await.unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.seq);
        seen.extend(page.iter().map(|m| m.seq.0));
    }
    assert_eq!(seen, (0..10).collect::<Vec<_>>());
    assert_eq!(store.messages(second.id, None, 100).await.unwrap().len(), 3);
    let excluded = store.excluded(first.id, Some(Seq(10)), 100).await.unwrap();
    assert_eq!(excluded.iter().map(|e| e.seq.0).collect::<Vec<_>>(), [11]);
    let keys: Vec<_> = store.campaigns().await.unwrap().campaigns.into_iter().map(|c| c.key).collect();
    assert_eq!(keys, ["holi", "diwali"], "newest first");
}

pub async fn the_install_id_stays(store: SharedStore) {
    let id = store.install_id().await.unwrap();
    assert!(id.len() == 8 && id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()), "{id}");
    assert_eq!(store.install_id().await.unwrap(), id);
}

pub async fn the_do_not_send_list(store: SharedStore) {
    let entry = |address: &str, source: &str| Suppression { address: address.into(), source: source.into() };
    assert_eq!(store.suppress(&[entry("1", "import"), entry("2", "stop")], at(0)).await.unwrap(), 2);
    assert_eq!(store.suppress(&[entry("2", "import"), entry("3", "import")], at(1)).await.unwrap(), 1);
    let asked = ["3", "9", "2", "2"].map(str::to_owned);
    assert_eq!(store.suppressed(&asked).await.unwrap(), ["2", "3"]);
    let second_page = store.suppressions(Some("1"), 1).await.unwrap();
    assert_eq!(second_page, [entry("2", "stop")], "the first entry stays as it was");
    assert_eq!(store.unsuppress(&asked).await.unwrap(), 2);
    assert!(store.suppressed(&asked).await.unwrap().is_empty());
}

pub async fn words_with_a_nul_are_no_error(store: SharedStore) {
    let setup = Setup { excluded: 0, ..Setup::default() };
    let id = store.begin_launch(setup.campaign(), std::time::Duration::from_secs(60), at(0)).await.unwrap();
    let row = Excluded {
        seq: Seq(10),
        line: 12,
        recipient: "9\0 1".into(),
        reason: "invalid".into(),
        detail: "'9\0 1' is not a number".into(),
    };
    store.add_chunk(id, Chunk { excluded: vec![row], ..setup.chunk() }, at(0)).await.unwrap();
    let totals = Setup { excluded: 1, ..Setup::default() }.totals();
    store.finish_launch(id, totals, at(0)).await.unwrap();
    assert!(store.excluded(id, None, 10).await.unwrap()[0].detail.ends_with("is not a number"));

    let scene = Setup { key: "holi", ..Setup::default() }.released(&store).await;
    scene.claim(0, [0], at(0)).await;
    let failure = Failure { detail: "user\0error".into(), ..failure(100) };
    scene.record(0, 1, OutcomeKind::Refused { failure, retry_at: None, counts: true }, at(0)).await;
    let kept = scene.row(0).await.failure.unwrap();
    assert!(kept.detail.starts_with("user") && kept.detail.ends_with("error"));
    let nobodys = super::scene::unkeyed(7, 7, campaign::message::Status::Read, at(1));
    let nobodys = crate::model::StatusUpdate { wamid: "wamid.\0".into(), ..nobodys };
    assert_eq!(scene.apply(&[nobodys.clone(), nobodys], at(1)).await.parked, 2);
    assert_eq!(store.parked_statuses().await.unwrap(), 1);
}
