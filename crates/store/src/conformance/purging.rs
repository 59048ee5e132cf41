//! What is of people is taken out, and what was counted stays.

use std::time::Duration;

use campaign::doubt::Decision;
use campaign::ids::{CampaignId, Seq};
use campaign::lifecycle::Event;
use campaign::message::{Again, State, Status};

use super::scene::{Scene, Setup, at, recipient, unkeyed};
use crate::model::{
    About, Choice, Chunk, Excluded, MessageRow, NewCampaign, NewSlice, StatusReport, Suppression, Totals,
};
use crate::purge::PersonPurge;
use crate::{SharedStore, StoreError, purge};

const FAILED: Status = Status::Failed { again: Again::No };

/// What must not be left of a message.
fn is_nobodys(row: &MessageRow) -> bool {
    row.is_purged()
        && row.wamid.as_deref().is_none_or(purge::is_nobody)
        && row.failure.as_ref().is_none_or(|f| f.detail.is_empty() || row.state == State::Skipped)
}

/// What was done with a person of whom planning had refused no row.
fn done(messages: u64, skipped: u64) -> PersonPurge {
    PersonPurge::Done { messages, skipped, excluded: 0 }
}

/// One delivered, one failed, one in doubt, one on the do-not-send list when its turn came, the others cancelled; eight
/// messages and two excluded rows.
async fn over(store: &SharedStore) -> Scene {
    let scene =
        Setup { messages: 8, excluded: 2, budget: Some(1_000), ..Setup::default() }.released(store).await;
    scene.claim(0, 0..3, at(0)).await;
    for seq in 0..2 {
        scene.accepted(seq, 1, at(1)).await;
    }
    scene.unknown(2, 1, at(1)).await;
    let told = [unkeyed(0, 1, Status::Delivered, at(2)), unkeyed(1, 1, FAILED, at(2))];
    scene.apply(&told, at(2)).await;
    let entry = Suppression { address: recipient(7), source: "operator".into() };
    store.suppress(std::slice::from_ref(&entry), at(2)).await.unwrap();
    scene.claim(1, [7], at(2)).await;
    store.unsuppress(&[entry.address]).await.unwrap();
    scene.transition(Event::Cancel, at(3)).await;
    assert_eq!(store.skip_unsent(scene.id, "the campaign was cancelled", at(3), 100).await.unwrap(), 4);
    scene
}

/// All that a report adds up of a message.
fn counted(rows: &[MessageRow]) -> Vec<MessageRow> {
    let counted = |row: &MessageRow| MessageRow {
        recipient: String::new(),
        wamid: row.wamid.as_ref().map(|_| String::new()),
        failure: row.failure.clone().map(|mut failure| {
            if row.state != State::Skipped {
                failure.detail.clear();
            }
            failure
        }),
        ..row.clone()
    };
    rows.iter().map(counted).collect()
}

pub async fn a_purged_campaign_keeps_what_was_counted(store: SharedStore) {
    let scene = over(&store).await;
    let (before, told) = (scene.campaign().await, store.messages(scene.id, None, 100).await.unwrap());
    assert_eq!(store.purge_rows(scene.id, Seq(0), Seq(5)).await.unwrap(), 5);
    assert!(!scene.row(5).await.is_purged(), "what was not asked for stays");
    assert_eq!(store.purge_rows(scene.id, Seq(0), Seq(100)).await.unwrap(), 3);
    assert_eq!(store.purge_rows(scene.id, Seq(0), Seq(100)).await.unwrap(), 0, "once is enough");
    let after = scene.campaign().await;
    assert_eq!((&after.counts, after.totals), (&before.counts, before.totals));
    assert_eq!((after.spent, after.reserved), (before.spent, before.reserved));
    let rows = store.messages(scene.id, None, 100).await.unwrap();
    assert!(rows.len() == 8 && rows.iter().all(is_nobodys), "{rows:?}");
    assert_eq!(counted(&rows), counted(&told));
    for row in store.excluded(scene.id, None, 100).await.unwrap() {
        let told = (row.recipient.as_str(), row.detail.as_str(), row.reason.as_str());
        assert_eq!(told, ("purged", "", "invalid"));
    }
    assert_eq!(store.doubts(scene.id, None, 10).await.unwrap()[0].seq, Seq(2), "it is still in doubt");
}

pub async fn a_campaign_that_is_not_over_is_not_purged(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, [0], at(0)).await;
    scene.accepted(0, 1, at(1)).await;
    assert_eq!(store.purge_rows(scene.id, Seq(0), Seq(100)).await.unwrap(), 0);
    assert_eq!(scene.row(0).await.recipient, recipient(0));
    assert_eq!(store.excluded(scene.id, None, 100).await.unwrap()[0].recipient, "+1 212 555");
    // Called off, with one message still in a worker's hand: that one keeps whom it goes to until it is recorded.
    scene.claim(0, [1], at(2)).await;
    scene.transition(Event::Cancel, at(3)).await;
    store.skip_unsent(scene.id, "the campaign was cancelled", at(3), 100).await.unwrap();
    assert_eq!(store.purge_rows(scene.id, Seq(0), Seq(100)).await.unwrap(), 9);
    assert_eq!(scene.row(1).await.recipient, recipient(1));
    scene.accepted(1, 1, at(4)).await;
    assert_eq!(store.purge_rows(scene.id, Seq(0), Seq(100)).await.unwrap(), 1);
}

pub async fn a_late_webhook_of_a_purged_message_counts_and_names_nobody(store: SharedStore) {
    let scene = over(&store).await;
    store.purge_rows(scene.id, Seq(0), Seq(100)).await.unwrap();
    let late = [scene.keyed(0, 1, Status::Read, at(10)), scene.keyed(2, 1, FAILED, at(10))];
    assert_eq!(scene.apply(&late, at(10)).await, StatusReport { applied: 2, unchanged: 0, parked: 0 });
    assert_eq!((scene.state(0).await, scene.state(2).await), (State::Read, State::Failed));
    // What the platform told of a failure is its last word, also where its id there is not known any more.
    let stale = [scene.keyed(1, 1, Status::Sent, at(10)), scene.keyed(2, 1, Status::Sent, at(10))];
    assert_eq!(scene.apply(&stale, at(11)).await, StatusReport { applied: 0, unchanged: 2, parked: 0 });
    for seq in 0..3 {
        let wamid = scene.row(seq).await.wamid.unwrap();
        assert!(purge::is_nobody(&wamid), "its id at the platform has the number in it: {wamid}");
        assert!(is_nobodys(&scene.row(seq).await), "nor does what the platform says of it name anybody");
    }
    // Without our key nothing leads to it, and nobody who was purged gets on a list by it.
    let mut refused = unkeyed(0, 1, FAILED, at(11));
    refused.failure.as_mut().unwrap().code = Some(131_050);
    assert_eq!(scene.apply(&[refused.clone()], at(11)).await.parked, 1);
    refused.key = Some((scene.message(1), 1));
    let mut shielded = scene.keyed(1, 1, FAILED, at(11));
    shielded.failure.as_mut().unwrap().code = Some(131_049);
    scene.apply(&[refused, shielded], at(11)).await;
    assert!(store.suppressions(None, 10).await.unwrap().is_empty());
    assert_eq!(store.prune_cooldowns(at(1_000_000), 10).await.unwrap(), 0);
}

pub async fn a_purged_person_is_in_no_campaign(store: SharedStore) {
    let scene = over(&store).await;
    let other = Setup { key: "holi", ..Setup::default() }.released(&store).await;
    let entry = Suppression { address: recipient(0), source: "operator".into() };
    store.suppress(&[entry], at(5)).await.unwrap();
    assert_eq!(store.purge_person(&recipient(0), at(6)).await.unwrap(), done(2, 1));
    assert!(is_nobodys(&scene.row(0).await), "{:?}", scene.row(0).await);
    let unsent = other.row(0).await;
    assert!(unsent.is_purged() && unsent.state == State::Skipped, "{unsent:?}");
    assert!(unsent.failure.unwrap().detail.contains("purged"));
    assert_eq!(scene.row(1).await.recipient, recipient(1), "nobody else is touched");
    assert_eq!(store.suppressed(&[recipient(0)]).await.unwrap(), [recipient(0)]);
    assert_eq!(store.purge_person(&recipient(0), at(7)).await.unwrap(), done(0, 0), "once is enough");
    // The others of its slice are sent as ever.
    assert_eq!(other.claim(0, 0..5, at(8)).await.messages.len(), 4);
}

pub async fn a_person_whose_message_is_under_way_is_not_purged(store: SharedStore) {
    let scene = Setup { extra: "in_doubt: resend", ..Setup::default() }.released(&store).await;
    scene.claim(0, 0..2, at(0)).await;
    let under_way = PersonPurge::UnderWay(vec![scene.id]);
    assert_eq!(store.purge_person(&recipient(0), at(1)).await.unwrap(), under_way);
    scene.unknown(0, 1, at(2)).await;
    assert_eq!(
        store.purge_person(&recipient(0), at(3)).await.unwrap(),
        under_way,
        "it may be sent once more"
    );
    assert_eq!(scene.row(0).await.recipient, recipient(0));
    // One that was taken is purged, and is not tried again whatever comes.
    scene.accepted(1, 1, at(4)).await;
    assert_eq!(store.purge_person(&recipient(1), at(5)).await.unwrap(), done(1, 0));
    let mut failed = scene.keyed(1, 1, Status::Failed { again: Again::Later }, at(6));
    failed.failure.as_mut().unwrap().code = Some(130_429);
    failed.retry_at = Some(at(60));
    scene.apply(&[failed], at(6)).await;
    assert_eq!(scene.state(1).await, State::Failed);
    // Nor is one whose answer comes after somebody trusted that it was taken.
    scene.claim(0, [2], at(7)).await;
    scene.unknown(2, 1, at(8)).await;
    store.resolve_doubts(scene.id, &[Seq(2)], Decision::Accepted, "asha", at(9)).await.unwrap();
    assert_eq!(store.purge_person(&recipient(2), at(10)).await.unwrap(), done(1, 0));
    scene.refused(2, 1, Some(at(70)), at(11)).await;
    assert_eq!(scene.state(2).await, State::Failed);
    assert!(is_nobodys(&scene.row(2).await), "{:?}", scene.row(2).await);
    assert_eq!(store.requeue_retries(at(10_000), 10, 10).await.unwrap(), 0);
}

pub async fn a_person_in_a_launch_is_purged_when_that_is_dead(store: SharedStore) {
    let setup = Setup::default();
    let id = store.begin_launch(setup.campaign(), Duration::from_secs(60), at(0)).await.unwrap();
    store.add_chunk(id, setup.chunk(), at(0)).await.unwrap();
    let person = recipient(3);
    assert_eq!(store.purge_person(&person, at(59)).await.unwrap(), PersonPurge::UnderWay(vec![id]));
    assert_eq!(store.purge_person(&person, at(60)).await.unwrap(), done(1, 1));
    // It was only slow: the others are launched.
    store.finish_launch(id, setup.totals(), at(61)).await.unwrap();
    let row = store.campaign_by_id(id).await.unwrap().unwrap();
    assert_eq!((row.count(State::Queued), row.count(State::Skipped)), (9, 1));
}

pub async fn nothing_else_that_names_a_purged_person_is_left(store: SharedStore) {
    let scene = over(&store).await;
    let person = "441211212555";
    let said = |stops: bool, when: i64| Choice {
        address: person.into(),
        stops,
        said_at: at(when),
        source: "stop_word".into(),
    };
    store.hear(&[said(true, 10)]).await.unwrap();
    let about = |who: &str| About { senders: vec!["jaspers-in".into()], recipients: vec![who.to_owned()] };
    let mut parked = [unkeyed(90, 1, Status::Sent, at(3)), unkeyed(91, 1, Status::Sent, at(3))];
    parked[0].about = Some(about(person));
    parked[1].about = Some(about("911"));
    assert_eq!(scene.apply(&parked, at(4)).await.parked, 2);

    let purged = store.purge_person(person, at(20)).await.unwrap();

    // Planning refused "+1 212 555", with which the address ends.
    assert_eq!(purged, PersonPurge::Done { messages: 0, skipped: 0, excluded: 2 });
    assert_eq!(store.excluded(scene.id, None, 10).await.unwrap()[0].recipient, "purged");
    assert_eq!(store.parked_statuses().await.unwrap(), 1);
    // Who said stop is still not written to, whatever the platform repeats, until they say otherwise.
    let is_suppressed = || async { !store.suppressed(&[person.to_owned()]).await.unwrap().is_empty() };
    store.hear(&[said(false, 5)]).await.unwrap();
    assert!(is_suppressed().await);
    store.hear(&[said(false, 30)]).await.unwrap();
    assert!(!is_suppressed().await);
}

/// A follow-up that is being made, of whom nothing was stored yet.
async fn follow_up_of(scene: &Scene, began: i64) -> CampaignId {
    let key = "diwali+retry-1".to_owned();
    let new = NewCampaign { key, follow_up_of: Some(scene.id), ..Setup::default().campaign() };
    scene.store.begin_launch(new, Duration::from_secs(60), at(began)).await.unwrap()
}

/// The second message, which failed, as it was read for a follow-up.
fn of_the_second() -> (Chunk, Totals) {
    let all = Setup::default().chunk();
    let messages = all.messages.into_iter().filter(|message| message.seq == Seq(1)).collect();
    let slices = vec![NewSlice { number: 0, group: 0, messages: 1 }];
    let chunk = Chunk { messages, slices, excluded: Vec::new(), groups: all.groups };
    (chunk, Totals { planned: 1, excluded: 0, messages: 1 })
}

pub async fn who_is_purged_while_a_follow_up_is_made_is_not_in_it(store: SharedStore) {
    let scene = over(&store).await;
    let (chunk, totals) = of_the_second();
    let id = follow_up_of(&scene, 10).await;
    assert_eq!(store.purge_person(&recipient(1), at(11)).await.unwrap(), done(1, 0));
    store.add_chunk(id, chunk, at(12)).await.unwrap();
    let refused = store.finish_launch(id, totals, at(13)).await.unwrap_err();
    assert!(matches!(refused, StoreError::PurgedMeanwhile(1)), "{refused}");
    assert!(refused.to_string().contains("1 person was purged"), "{refused}");
    assert!(!refused.is_transient());
    store.abandon_launch(id).await.unwrap();
    assert!(store.messages(id, None, 10).await.unwrap().is_empty());
}

pub async fn a_campaign_that_is_purged_while_a_follow_up_is_made_has_none(store: SharedStore) {
    let scene = over(&store).await;
    let (chunk, totals) = of_the_second();
    let id = follow_up_of(&scene, 10).await;
    store.add_chunk(id, chunk.clone(), at(11)).await.unwrap();
    store.purge_rows(scene.id, Seq(0), Seq(1)).await.unwrap();
    store.purge_rows(scene.id, Seq(1), Seq(100)).await.unwrap();
    assert!(store.finish_launch(id, totals, at(13)).await.is_err());
    // Where nobody was, it is launched.
    let id = follow_up_of(&Setup { key: "holi", ..Setup::default() }.launch(&store).await, 100).await;
    store.add_chunk(id, chunk, at(101)).await.unwrap();
    store.finish_launch(id, totals, at(102)).await.unwrap();
}

pub async fn a_launch_that_died_is_removed(store: SharedStore) {
    let setup = Setup::default();
    let id = store.begin_launch(setup.campaign(), Duration::from_secs(60), at(0)).await.unwrap();
    store.add_chunk(id, setup.chunk(), at(5)).await.unwrap();
    assert!(!store.remove_dead_launch(id, at(64)).await.unwrap(), "it is not dead yet");
    assert_eq!(store.messages(id, None, 100).await.unwrap().len(), 10);
    assert!(store.remove_dead_launch(id, at(65)).await.unwrap());
    assert!(store.messages(id, None, 100).await.unwrap().is_empty());
    assert!(store.excluded(id, None, 100).await.unwrap().is_empty());
    assert!(store.campaign(setup.key).await.unwrap().is_none());
    assert!(store.remove_dead_launch(id, at(66)).await.unwrap(), "once is enough");
    let scene = setup.launch(&store).await;
    assert!(!store.remove_dead_launch(scene.id, at(9_999)).await.unwrap(), "what is launched stays");
    assert_eq!(scene.campaign().await.count(State::Queued), 10);
}

pub async fn refused_rows_are_a_persons_however_they_are_written(store: SharedStore) {
    let setup = Setup { excluded: 0, ..Setup::default() };
    let id = store.begin_launch(setup.campaign(), Duration::from_secs(60), at(0)).await.unwrap();
    store.add_chunk(id, setup.chunk(), at(0)).await.unwrap();
    let written =
        ["whatsapp:+44 1211\u{a0}212555", "+44 (0) 1211 212555", "[+44] 1211-212555", "+44 1211 212556"];
    let row = |(seq, written): (u32, &&str)| Excluded {
        seq: Seq(seq),
        line: u64::from(seq) + 2,
        recipient: (*written).to_owned(),
        reason: "not_in_use".into(),
        detail: String::new(),
    };
    let excluded = (100..).zip(&written).map(row).collect();
    store.add_chunk(id, Chunk { excluded, ..Chunk::default() }, at(0)).await.unwrap();
    let purged = store.purge_person("441211212555", at(1)).await.unwrap();
    assert_eq!(purged, PersonPurge::Done { messages: 0, skipped: 0, excluded: 3 });
    let left = store.excluded(id, None, 100).await.unwrap();
    let left: Vec<&str> = left.iter().map(|row| row.recipient.as_str()).collect();
    assert_eq!(left, ["purged", "purged", "purged", "+44 1211 212556"]);
}
