//! A campaign that this version cannot read, as a newer one may write it, keeps no other campaign from being read.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;
use store::conformance::scene::Setup;
use store::{PostgresStore, SharedStore, SqliteStore, StoreError};

/// What a newer version may add to a definition, and to the states of messages.
const NEWER: [(&str, &str, &str, &str); 2] = [
    (
        "newer-file",
        r#"UPDATE campaigns SET definition = replace(definition, '"in_doubt":"hold"', '"in_doubt":"ask_the_moon"')
           WHERE key = 'newer-file'"#,
        "campaigns.definition",
        "ask_the_moon",
    ),
    (
        "newer-state",
        "INSERT INTO campaign_counts (campaign_id, state, n)
         SELECT id, 'dreaming', 1 FROM campaigns WHERE key = 'newer-state'",
        "campaign_counts.state",
        "dreaming",
    ),
];

/// `change` changes the database behind the store's back, and says how many rows.
async fn only_the_others_are_read(store: SharedStore, change: impl AsyncFn(&'static str) -> u64) {
    let readable = Setup { key: "diwali", ..Setup::default() }.launch(&store).await;
    let mut unreadable = Vec::new();
    for (key, sql, column, says) in NEWER {
        let scene = Setup { key, ..Setup::default() }.launch(&store).await;
        assert_eq!(change(sql).await, 1, "{sql}");
        // Asked for alone, it is an error that says which campaign and what to do.
        for answer in [store.campaign(key).await, store.campaign_by_id(scene.id).await] {
            let error = answer.unwrap_err();
            assert!(matches!(error, StoreError::Unreadable { .. }) && !error.is_transient(), "{error:?}");
            let said = error.to_string();
            assert!(said.contains(&format!("{column} of campaign {key}")) && said.contains(says), "{said}");
            assert!(said.contains("use the version that wrote it, or a newer one"), "{said}");
        }
        unreadable.push((scene.id, key.to_owned()));
    }
    for mut listing in [store.campaigns().await.unwrap(), store.active_campaigns().await.unwrap()] {
        let read: Vec<_> = listing.campaigns.iter().map(|row| row.id).collect();
        assert_eq!(read, [readable.id]);
        listing.unreadable.sort_by_key(|one| one.id);
        let not_read: Vec<_> = listing.unreadable.into_iter().map(|one| (one.id, one.key)).collect();
        assert_eq!(not_read, unreadable);
    }
    assert!(store.campaign("diwali").await.unwrap().is_some());
}

#[tokio::test]
async fn in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paceline.db");
    let store = SqliteStore::open(path.to_str().unwrap()).await.unwrap();
    let beside = SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let change = async |sql| sqlx::query(sql).execute(&beside).await.unwrap().rows_affected();
    only_the_others_are_read(Arc::new(store), change).await;
}

#[tokio::test]
async fn in_postgres() {
    let url = servers::Postgres::shared().database();
    let store = PostgresStore::connect(&url).await.unwrap();
    let beside = PgPool::connect(&url).await.unwrap();
    let change = async |sql| sqlx::query(sql).execute(&beside).await.unwrap().rows_affected();
    only_the_others_are_read(Arc::new(store), change).await;
}
