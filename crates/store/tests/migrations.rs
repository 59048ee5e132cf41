//! The tables are brought up to date: the same steps for every database, with rows in them, by many at once, and not
//! from a newer version.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::postgres::PgPool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use store::conformance::scene::{Setup, at, worker};
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

/// The steps up to version 1.
async fn first_version(database: &str) -> Migrator {
    let all = Migrator::new(folder(database)).await.unwrap();
    Migrator::with_migrations(all.iter().filter(|step| step.version == 1).cloned().collect())
}

/// A campaign with one message, as version 1 kept them.
fn rows_of_version_1() -> [String; 4] {
    let definition = serde_json::to_string(&*Setup::default().campaign().definition).unwrap();
    let definition = definition.replace('\'', "''");
    [
        format!(
            "INSERT INTO campaigns (key, state, file, definition, plan_hash, currency, ttl_s, in_doubt, in_doubt_after,
                retry_attempts, retry_base, retry_max, launched_at, touched_at, planned_total, messages_total)
             VALUES ('old', 'running', 'old.yaml', '{definition}', 'f00d', 'INR', 43200, 'hold', 1, 4, 1, 1, 1, 1, 1, 1)"
        ),
        "INSERT INTO send_groups (campaign_id, number, sender, waba_id, template, language, zone)
         VALUES (1, 0, 'jaspers-in', '1', 'diwali_sale', 'en', 'Asia/Kolkata')"
            .to_owned(),
        "INSERT INTO slices (campaign_id, number, group_no, messages) VALUES (1, 0, 0, 1)".to_owned(),
        "INSERT INTO messages (id, campaign_id, slice_no, group_no, recipient, country, content, worst_case,
                               expected_cost)
         VALUES (4294967296, 1, 0, 0, '919800000000', 'IN', '{}', 10, 8)"
            .to_owned(),
    ]
}

/// What was there is there, and what is new works.
async fn assert_up_to_date(store: SharedStore) {
    let campaign = store.campaign("old").await.unwrap().unwrap();
    assert_eq!((campaign.totals.planned, campaign.groups[0].planned), (1, 1));
    assert_eq!(store.messages(campaign.id, None, 10).await.unwrap().len(), 1);
    assert!(store.lead("scheduler", &worker("s1"), Duration::from_secs(5), at(0)).await.unwrap());
}

#[tokio::test]
async fn rows_of_version_1_are_kept_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paceline.db");
    let options = SqliteConnectOptions::new().filename(&path).create_if_missing(true);
    let pool = SqlitePool::connect_with(options).await.unwrap();
    first_version("sqlite").await.run(&pool).await.unwrap();
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
    first_version("postgres").await.run(&pool).await.unwrap();
    for sql in rows_of_version_1() {
        sqlx::query(sqlx::AssertSqlSafe(sql)).execute(&pool).await.unwrap();
    }
    assert_up_to_date(Arc::new(PostgresStore::connect(&url).await.unwrap())).await;
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
