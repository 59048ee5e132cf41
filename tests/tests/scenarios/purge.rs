//! Who asks to be forgotten is, and what was counted stays.

use std::time::Duration;

use campaign::lifecycle;
use campaign::message::State;
use chrono::DateTime;
use clock::Clock;
use serde_json::json;
use simulator::{Change, LedgerEntry, Profile, Template};
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use store::model::NewCampaign;
use testkit::files::{PHONE_NUMBER_ID, WABA_ID, person};
use testkit::{World, WorldOptions};

/// A report, without what the platform said of failures in words, and when it was made.
async fn report(world: &World, key: &str) -> serde_json::Value {
    let mut report = world.cli(&["report", key, "--format", "json"]).await.good().json();
    drop_words(&mut report);
    report
}

fn drop_words(value: &mut serde_json::Value) {
    if let Some(fields) = value.as_object_mut() {
        fields.remove("example");
        fields.remove("reported_at");
        fields.values_mut().for_each(drop_words);
    }
    value.as_array_mut().into_iter().flatten().for_each(drop_words);
}

/// Every row of every table but the do-not-send list, as text.
async fn everything(world: &World) -> String {
    let mut all = String::new();
    if let Some(url) = world.files.is_set_to("PACELINE_STORE__URL") {
        let mut database = PgConnection::connect(url).await.unwrap();
        let tables: Vec<String> =
            sqlx::query_scalar("SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
                .fetch_all(&mut database)
                .await
                .unwrap();
        for table in tables.iter().filter(|table| *table != "suppressions") {
            let rows = format!("SELECT coalesce(string_agg(t::text, ' '), '') FROM {table} AS t");
            let text: String =
                sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(&mut database).await.unwrap();
            all.push_str(&text);
        }
        return all;
    }
    let file = world.files.join("paceline.db");
    let mut database = SqliteConnection::connect(&format!("sqlite://{}", file.display())).await.unwrap();
    let tables: Vec<(String, String)> = sqlx::query_as(
        "SELECT m.name, group_concat('quote(' || c.name || ')', ' || '' '' || ')
         FROM sqlite_master AS m JOIN pragma_table_info(m.name) AS c
         WHERE m.type = 'table' AND m.name <> 'suppressions' GROUP BY m.name",
    )
    .fetch_all(&mut database)
    .await
    .unwrap();
    for (table, columns) in tables {
        let rows = format!("SELECT coalesce(group_concat({columns}, ' '), '') FROM {table}");
        let text: String = sqlx::query_scalar(AssertSqlSafe(rows)).fetch_one(&mut database).await.unwrap();
        all.push_str(&text);
    }
    all
}

/// Whether a person's number, name, or one of the platform's ids of messages to them is in the database.
async fn is_known(world: &World, i: u32) -> bool {
    is_in(&everything(world).await, world, i)
}

fn is_in(all: &str, world: &World, i: u32) -> bool {
    let number = &person(i)[1..];
    let ledger = world.platform.ledger();
    let theirs = |entry: &&LedgerEntry| entry.recipient.trim_start_matches('+') == number;
    let mut wamids = ledger.iter().filter(theirs).map(|entry| &entry.wamid);
    all.contains(number) || all.contains(&format!("Asha{i}\"")) || wamids.any(|wamid| all.contains(wamid))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_campaign_reports_as_before_and_names_nobody() {
    let template = Template::new(WABA_ID, "test_offer", "en").with_components(json!([
        { "type": "BODY", "text": "Hi {{1}}, our sale is on.", "example": { "body_text": [["Asha"]] } }
    ]));
    let profile = Profile { reachable: 0.9, not_on_whatsapp: 0.2, ..Profile::none() };
    let options = WorldOptions { profile, templates: vec![template], ..WorldOptions::default() };
    let world = crate::world(options).await;
    let people = world.files.people("people.csv", 0, 60);
    let twice = format!("{}{},Asha0\n", std::fs::read_to_string(&people).unwrap(), person(0));
    std::fs::write(people, twice).unwrap();
    let params = "params: { body: [\"{{ first_name }}\"] }";
    world.launch(&world.files.campaign("old", "people.csv", params)).await;
    let early = world.cli(&["purge", "--campaign", "old"]).await;
    assert_eq!(early.code, 3, "{}", early.err);
    assert!(early.err.contains("only what is over is purged"), "{}", early.err);
    world.until_over("old").await;
    let _ = world.cli(&["retry", "old", "--failed", "--code", "131026"]).await.good();
    let early = world.cli(&["purge", "--campaign", "old"]).await;
    assert!(early.code == 3 && early.err.contains("old+retry-1 is"), "{}", early.err);
    world.until_over("old+retry-1").await;
    let (before, told) = (world.row("old").await, report(&world, "old").await);
    assert!(before.count(State::Failed) > 3, "{before:?}");
    assert!(is_known(&world, 0).await, "what the test looks for is found");

    let answer = world.cli(&["purge", "--campaign", "old"]).await.good();

    assert!(answer.out.starts_with("old, old+retry-1 are purged: "), "{}", answer.out);
    let after = world.verified("old").await;
    assert_eq!((after.counts, after.spent, after.reserved), (before.counts, before.spent, before.reserved));
    assert_eq!(report(&world, "old").await, told);
    let left = everything(&world).await;
    let known: Vec<u32> = (0..60).filter(|i| is_in(&left, &world, *i)).collect();
    assert!(known.is_empty(), "{known:?} in {left}");
    let csv = world.cli(&["report", "old", "--format", "csv"]).await.good().out;
    assert!(!csv.contains("9198"), "{csv}");
    assert_eq!(csv.lines().filter(|line| line.contains(",purged,")).count(), 61);
    let _ = world.cli(&["verify", "old"]).await.good();
    let again = world.cli(&["purge", "--campaign", "old", "--json"]).await.good().json();
    assert_eq!(again["messages"], 0);
    // Nobody is left to be written to again.
    let retry = world.cli(&["retry", "old", "--failed", "--code", "131026", "--dry-run"]).await;
    assert!(format!("{}{}", retry.out, retry.err).contains("were purged"), "{}{}", retry.out, retry.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_purged_person_is_not_written_to_and_the_others_are() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 120);
    world.launch(&world.files.campaign("running", "people.csv", "")).await;
    world.until_taken(20).await;
    let says = |i: u32, text: &str| Change::Inbound {
        phone_number_id: PHONE_NUMBER_ID.into(),
        recipient: person(i),
        text: text.into(),
    };
    world.platform.change(says(118, "STOP")).unwrap();
    world.platform.pump().await;

    let unsent = world.cli(&["purge", "--json", "--recipient", &person(119)]).await.good().json();
    let stopped = world.cli(&["purge", "--recipient", &person(118)]).await.good().out;

    assert_eq!((&unsent["messages"], &unsent["skipped"]), (&1.into(), &1.into()));
    assert_eq!(unsent["suppressed"], false);
    assert!(stopped.contains("stays on the do-not-send list"), "{stopped}");
    assert!(!is_known(&world, 119).await && !is_known(&world, 118).await);
    let row = world.until_over("running").await;
    assert_eq!((row.state, row.count(State::Skipped)), (lifecycle::State::Done, 2));
    assert_eq!(world.platform.accepted(), 118);
    // One who got it: what comes of it later is counted, and brings nothing back.
    let sent = world.cli(&["purge", "--json", "--recipient", &person(0)]).await.good().json();
    assert_eq!((&sent["messages"], &sent["skipped"]), (&1.into(), &0.into()));
    assert!(!is_known(&world, 0).await);
    // Who said stop is not written to by a later campaign that has them.
    world.launch(&world.files.campaign("later", "people.csv", "")).await;
    world.until_over("later").await;
    assert!(world.platform.ledger().iter().all(|entry| !entry.recipient.ends_with(&person(118)[1..])));
    let bad = world.cli(&["purge", "--recipient", "12"]).await;
    assert_eq!(bad.code, 2, "{}", bad.err);
    let neither = world.cli(&["purge"]).await;
    assert_eq!(neither.code, 2, "{}", neither.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_that_died_is_removed_and_one_under_way_is_waited_for() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 20);
    world.launch(&world.files.campaign("old", "people.csv", "")).await;
    world.until_over("old").await;
    let old = world.row("old").await;
    let begun = |key: &str, follow_up_of, at| {
        let new = NewCampaign {
            key: key.to_owned(),
            definition: old.definition.clone(),
            file: old.file.clone(),
            plan_hash: old.plan_hash.clone(),
            budget: None,
            currency: old.currency,
            ttl_s: 43_200,
            follow_up_of,
        };
        world.store.begin_launch(new, Duration::from_secs(60), at)
    };
    begun("old+retry-1", Some(old.id), world.clock.now()).await.unwrap();
    let early = world.cli(&["purge", "--campaign", "old"]).await;
    assert_eq!(early.code, 3, "{}", early.err);
    assert!(
        early.err.contains("old+retry-1 is being launched") && early.err.contains("in a minute"),
        "{}",
        early.err
    );
    world.store.abandon_launch(world.row("old+retry-1").await.id).await.unwrap();

    begun("old+retry-1", Some(old.id), DateTime::UNIX_EPOCH).await.unwrap();
    let answer = world.cli(&["purge", "--campaign", "old"]).await.good().out;
    assert!(answer.contains("The launch of old+retry-1 was never completed"), "{answer}");
    assert!(!is_known(&world, 0).await);

    begun("dead", None, DateTime::UNIX_EPOCH).await.unwrap();
    let answer = world.cli(&["purge", "--campaign", "dead", "--json"]).await.good().json();
    assert_eq!(answer["removed"], json!(["dead"]));
    let gone = world.cli(&["purge", "--campaign", "dead"]).await;
    assert_eq!(gone.code, 2, "{}", gone.err);
}
