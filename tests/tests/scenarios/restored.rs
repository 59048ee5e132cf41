//! A database file is lost and put back from a backup: the archive of webhooks brings it to where it was, as far as what it
//! had sent goes; what was sent after the backup is not sent again.

use std::path::PathBuf;

use campaign::lifecycle;
use campaign::message::State;
use simulator::{Outcome, Profile, Rule};
use sqlx::Connection;
use store::model::MessageRow;
use store::{SqliteStore, Store};
use tempfile::TempDir;
use testkit::files::person;
use testkit::world::all_messages;
use testkit::{World, WorldOptions};

/// A world that archives its webhooks, and a campaign to 300 people of which so many were written to.
async fn world_with(taken: usize) -> (World, TempDir) {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("webhooks");
    let profile = Profile { reachable: 0.95, duplicate: 0.3, ..Profile::none() };
    let world =
        crate::world(WorldOptions { profile, archive: Some(folder.clone()), ..WorldOptions::default() })
            .await;
    world.files.people("people.csv", 0, 300);
    world.launch(&world.files.campaign("lost", "people.csv", "")).await;
    world.until_taken(taken).await;
    (world, root)
}

/// A copy of the database as it is now, made while everything runs.
async fn backup(world: &World) -> PathBuf {
    let copy = world.files.join("backup.db");
    let mut database =
        sqlx::SqliteConnection::connect(&format!("sqlite://{}", world.files.join("paceline.db").display()))
            .await
            .unwrap();
    sqlx::query("VACUUM INTO ?1").bind(copy.to_str().unwrap()).execute(&mut database).await.unwrap();
    copy
}

fn replay(world: &World, folder: &std::path::Path, copy: &std::path::Path) -> testkit::binary::Answer {
    let mut command = world.files.command(&["replay", "--json", folder.to_str().unwrap()]);
    command.env("PACELINE_STORE__URL", format!("sqlite://{}", copy.display()));
    testkit::binary::Answer::of(command.output().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_from_before_the_webhooks_becomes_what_was_lost() {
    let (world, _archive) = world_with(300).await;
    let copy = backup(&world).await;
    let lost = world.until_over("lost").await;
    let messages = world.messages("lost").await;

    let restored = SqliteStore::open(copy.to_str().unwrap()).await.unwrap();
    assert_ne!(all_messages(&restored, "lost").await, messages);
    let answer = replay(&world, world.archive(), &copy).good().json();
    assert!(answer["applied"].as_u64().unwrap() > 30, "{answer}");
    let margin = std::time::Duration::from_secs(300);
    restored.sweep_ttl(world.now(), margin, 1_000).await.unwrap();

    let of = |messages: Vec<MessageRow>| messages.into_iter().map(|m| (m.seq, m)).collect::<Vec<_>>();
    assert_eq!(of(all_messages(&restored, "lost").await), of(messages));
    let row = restored.campaign("lost").await.unwrap().unwrap();
    assert_eq!((row.counts, row.spent, row.reserved), (lost.counts, lost.spent, lost.reserved));
    assert_eq!(restored.verify(row.id).await.unwrap().violations, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_that_was_launched_after_the_backup_is_told() {
    let (world, _archive) = world_with(300).await;
    let copy = backup(&world).await;
    world.files.people("more.csv", 1_000, 20);
    world.launch(&world.files.campaign("later", "more.csv", "")).await;
    let later = world.until_over("later").await.id;

    let answer = replay(&world, world.archive(), &copy);

    assert_eq!(answer.code, 1, "{}{}", answer.out, answer.err);
    assert_eq!(answer.json()["unknown"], serde_json::json!([{ "number": later.0, "messages": 20 }]));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_tried_again_after_the_backup_is_not_tried_once_more() {
    let root = tempfile::tempdir().unwrap();
    let archive = Some(root.path().join("webhooks"));
    let world = crate::world(WorldOptions { archive, ..WorldOptions::default() }).await;
    world.files.people("people.csv", 0, 5);
    world.platform.script(Rule::to(person(0), Outcome::FailLater { code: 131_049 }).times(1));
    world.launch(&world.files.campaign("lost", "people.csv", "retry: { attempts: 3 }")).await;
    world.until_taken(5).await;
    let copy = backup(&world).await;
    world.until_over("lost").await;
    assert_eq!(world.platform.ledger().len(), 6, "the first one was tried again");

    let answer = replay(&world, world.archive(), &copy);

    assert_eq!((answer.code, &answer.json()["unsent"][0]["messages"]), (1, &1.into()), "{}", answer.err);
    let restored = SqliteStore::open(copy.to_str().unwrap()).await.unwrap();
    let messages = all_messages(&restored, "lost").await;
    assert!(messages.iter().all(|m| !m.state.is_unsent()), "{messages:?}");
    assert_eq!(messages.iter().filter(|m| m.state == State::Failed).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_sent_after_the_backup_is_held_and_not_sent_again() {
    let (world, _archive) = world_with(100).await;
    let copy = backup(&world).await;
    world.until_over("lost").await;

    let answer = replay(&world, world.archive(), &copy);

    assert_eq!(answer.code, 1, "{}{}", answer.out, answer.err);
    let unsent = &answer.json()["unsent"][0];
    assert_eq!((&unsent["campaign"], &unsent["state"]), (&"lost".into(), &"paused".into()));
    let restored = SqliteStore::open(copy.to_str().unwrap()).await.unwrap();
    let before = all_messages(&restored, "lost").await;
    let unknown = before.iter().filter(|m| m.attempt == 0).count() as u64;
    assert!(unknown > 100, "{unknown}");
    assert_eq!(unsent["messages"].as_u64().unwrap(), unknown, "each has had a status");
    let row = restored.campaign("lost").await.unwrap().unwrap();
    assert_eq!(row.state, lifecycle::State::Paused);
    assert!(row.reason.unwrap().contains("would be sent again"));
    assert_eq!(replay(&world, world.archive(), &copy).code, 1, "and so it says as often as it is asked");
    assert_eq!(all_messages(&restored, "lost").await, before);
}
