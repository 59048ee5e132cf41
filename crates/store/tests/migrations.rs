//! The tables are brought up to date: the same steps for every database, with rows in them, by many at once, and not
//! from a newer version.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use campaign::ids::{MessageId, Seq};
use campaign::message::{State, Status};
use sqlx::migrate::Migrator;
use sqlx::postgres::PgPool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use store::conformance::scene::{Setup, at, recipient, unkeyed, worker};
use store::model::{About, Outcome, OutcomeKind, StatusUpdate};
use store::{PostgresStore, SharedStore, SqliteStore, Store, StoreError};

fn folder(database: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(database)
}

fn files(database: &str) -> BTreeSet<String> {
    let entries = std::fs::read_dir(folder(database)).unwrap();
    entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn every_database_has_the_same_steps() {
    assert_eq!(files("sqlite"), files("postgres"));
    assert!(files("sqlite").len() >= 2);
}

/// The steps up to a version.
async fn steps_until(database: &str, version: i64) -> Migrator {
    let all = Migrator::new(folder(database)).await.unwrap();
    Migrator::with_migrations(all.iter().filter(|step| step.version <= version).cloned().collect())
}

/// A campaign with a message that waits and one whose doubt is to be sent once more, as version 1 kept them.
fn rows_of_version_1() -> [String; 6] {
    let definition = serde_json::to_string(&*Setup::default().campaign().definition).unwrap();
    let definition = definition.replace('\'', "''");
    [
        format!(
            "INSERT INTO campaigns (key, state, file, definition, plan_hash, currency, ttl_s, in_doubt, in_doubt_after,
                retry_attempts, retry_base, retry_max, launched_at, touched_at, planned_total, messages_total,
                attempts, reserved)
             VALUES ('old', 'running', 'old.yaml', '{definition}', 'f00d', 'INR', 43200, 'resend', 1, 4, 1, 1, 1, 1, 2, 2,
                1, 10)"
        ),
        "INSERT INTO send_groups (campaign_id, number, sender, waba_id, template, language, zone)
         VALUES (1, 0, 'jaspers-in', '1', 'diwali_sale', 'en', 'Asia/Kolkata')"
            .to_owned(),
        "INSERT INTO slices (campaign_id, number, group_no, messages) VALUES (1, 0, 0, 1)".to_owned(),
        "INSERT INTO messages (id, campaign_id, slice_no, group_no, recipient, country, content, worst_case,
                               expected_cost)
         VALUES (4294967296, 1, 0, 0, '919800000000', 'IN', '{}', 10, 8)"
            .to_owned(),
        "INSERT INTO messages (id, campaign_id, slice_no, group_no, recipient, country, content, worst_case,
                               expected_cost, state, assumed, placed, resent, attempt, retry_at, reserved)
         VALUES (4294967297, 1, 0, 0, '919800000001', 'IN', '{}', 10, 8, 'retrying', true, false, true, 1, 1, 10)"
            .to_owned(),
        "INSERT INTO campaign_counts (campaign_id, state, n) VALUES (1, 'queued', 1), (1, 'retrying', 1)".to_owned(),
    ]
}

/// What was there is there, and what is new works.
async fn assert_up_to_date(store: SharedStore) {
    let campaign = store.campaign("old").await.unwrap().unwrap();
    assert_eq!((campaign.totals.planned, campaign.groups[0].planned), (2, 1));
    let messages = store.messages(campaign.id, None, 10).await.unwrap();
    assert_eq!(messages.iter().map(|m| m.state).collect::<Vec<_>>(), [State::Queued, State::Retrying]);
    assert_eq!(store.verify(campaign.id).await.unwrap().violations, Vec::<String>::new());
    // What was to be sent once more is stopped by what is heard of it, as if this version had decided it.
    let answer = OutcomeKind::Accepted { wamid: "wamid.1".to_owned(), held: false };
    let message = MessageId { campaign: campaign.id, seq: Seq(1) };
    store.record(&[Outcome { message, attempt: 1, result: answer }], at(0)).await.unwrap();
    assert_eq!(store.messages(campaign.id, Some(Seq(0)), 10).await.unwrap()[0].state, State::Accepted);
    assert_eq!(store.verify(campaign.id).await.unwrap().violations, Vec::<String>::new());
    assert!(store.lead("scheduler", &worker("s1"), Duration::from_secs(5), at(0)).await.unwrap());
}

async fn new_file(path: &Path) -> SqlitePool {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    SqlitePool::connect_with(options).await.unwrap()
}

#[tokio::test]
async fn rows_of_version_1_are_kept_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paceline.db");
    let pool = new_file(&path).await;
    steps_until("sqlite", 1).await.run(&pool).await.unwrap();
    for sql in rows_of_version_1() {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    }
    pool.close().await;
    assert_up_to_date(Arc::new(SqliteStore::open(path.to_str().unwrap()).await.unwrap())).await;
}

#[tokio::test]
async fn rows_of_version_1_are_kept_in_postgres() {
    let url = servers::Postgres::shared().database();
    let pool = PgPool::connect(&url).await.unwrap();
    steps_until("postgres", 1).await.run(&pool).await.unwrap();
    for sql in rows_of_version_1() {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    }
    assert_up_to_date(Arc::new(PostgresStore::connect(&url).await.unwrap())).await;
}

/// A status that version 12 parked, to be looked at by its time.
fn parked_by_version_12() -> String {
    let about =
        About { senders: vec!["jaspers-in".to_owned()], recipients: vec!["IN.x".to_owned(), recipient(0)] };
    let update = StatusUpdate { about: Some(about), ..unkeyed(0, 1, Status::Sent, at(2)) };
    let (wamid, update) = (&update.wamid, serde_json::to_string(&update).unwrap());
    let came = at(3).timestamp_micros();
    format!(
        "INSERT INTO parked_statuses (wamid, status, parked_at, look_at) VALUES ('{wamid}', '{update}', {came}, 1)"
    )
}

/// The doubt that it is of finds it.
async fn assert_it_is_found(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, [0], at(0)).await;
    scene.unknown(0, 1, at(1)).await;
    let inference = store.infer_statuses(None, at(60), 10).await.unwrap();
    assert_eq!(inference.matched, 1);
}

#[tokio::test]
async fn what_version_12_parked_is_found_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paceline.db");
    let pool = new_file(&path).await;
    steps_until("sqlite", 12).await.run(&pool).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(parked_by_version_12())).execute(&pool).await.unwrap();
    pool.close().await;
    assert_it_is_found(Arc::new(SqliteStore::open(path.to_str().unwrap()).await.unwrap())).await;
}

#[tokio::test]
async fn what_version_12_parked_is_found_in_postgres() {
    let url = servers::Postgres::shared().database();
    let pool = PgPool::connect(&url).await.unwrap();
    steps_until("postgres", 12).await.run(&pool).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(parked_by_version_12())).execute(&pool).await.unwrap();
    assert_it_is_found(Arc::new(PostgresStore::connect(&url).await.unwrap())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_that_start_at_once_make_the_tables_once() {
    let url = servers::Postgres::shared().database();
    let starts = (0..8).map(|_| PostgresStore::connect(&url));
    let mut names = BTreeSet::new();
    for store in futures::future::join_all(starts).await {
        names.insert(store.unwrap().install_id().await.unwrap());
    }
    assert_eq!(names.len(), 1);
}

#[tokio::test]
async fn a_newer_versions_tables_are_refused() {
    let url = servers::Postgres::shared().database();
    PostgresStore::connect(&url).await.unwrap();
    let pool = PgPool::connect(&url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
                 VALUES (9999, 'newer', TRUE, '', 0)";
    sqlx::query(newer).execute(&pool).await.unwrap();
    let refused = PostgresStore::connect(&url).await.unwrap_err();
    assert!(matches!(refused, StoreError::Migrate(_)), "{refused}");
}
