//! `verify` sees what the store itself never does: rows are changed behind its back.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::sync::Arc;

use campaign::message::Status;
use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;
use store::conformance::scene::{Scene, Setup, at};
use store::{PostgresStore, SharedStore, SqliteStore};
use tempfile::TempDir;

/// A database beside its store: what is done here, the store does not know of.
enum Raw {
    Sqlite { pool: SqlitePool, _folder: TempDir },
    Postgres(PgPool),
}

impl Raw {
    /// Returns how many rows were changed.
    async fn execute(&self, sql: &'static str) -> u64 {
        match self {
            Self::Sqlite { pool, .. } => sqlx::query(sql).execute(pool).await.unwrap().rows_affected(),
            Self::Postgres(pool) => sqlx::query(sql).execute(pool).await.unwrap().rows_affected(),
        }
    }
}

/// A new database of each kind.
async fn databases() -> [(SharedStore, Raw); 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paceline.db");
    let file: SharedStore = Arc::new(SqliteStore::open(path.to_str().unwrap()).await.unwrap());
    let beside_file = SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    let url = servers::Postgres::shared().database();
    let server: SharedStore = Arc::new(PostgresStore::connect(&url).await.unwrap());
    let beside_server = PgPool::connect(&url).await.unwrap();
    [(file, Raw::Sqlite { pool: beside_file, _folder: folder }), (server, Raw::Postgres(beside_server))]
}

/// A campaign with something in many states.
async fn scene(store: &SharedStore) -> Scene {
    let scene = Setup { messages: 20, budget: Some(1_000), ..Setup::default() }.released(store).await;
    scene.claim(0, 0..5, at(0)).await;
    scene.accepted(0, 1, at(1)).await;
    scene.apply(&[scene.keyed(1, 1, Status::Delivered, at(1))], at(1)).await;
    scene.refused(2, 1, None, at(1)).await;
    scene.unknown(3, 1, at(1)).await;
    scene
}

#[tokio::test]
async fn planted_errors_are_found() {
    for (sql, says) in [
        (
            "UPDATE messages SET state = 'queued' WHERE id & 255 = 4",
            "messages are queued although they were attempted",
        ),
        ("UPDATE messages SET state = 'sleeping' WHERE id & 255 = 9", "'sleeping' is not a message state"),
        ("UPDATE messages SET state = 'read' WHERE id & 255 = 9", "without an attempt"),
        (
            "DELETE FROM messages WHERE id & 255 = 9",
            "22 rows were planned, but there are 2 excluded rows and 19 messages",
        ),
        ("DELETE FROM excluded WHERE seq = 20", "22 rows were planned, but there are 1 excluded rows"),
        ("UPDATE excluded SET seq = 3 WHERE seq = 20", "1 audience rows are both a message and excluded"),
        (
            "UPDATE campaign_counts SET n = n + 1 WHERE state = 'failed'",
            "1 messages are failed, but the counter says 2",
        ),
        (
            "UPDATE campaign_counts SET state = 'held' WHERE state = 'accepted'",
            "no messages are held, but the counter says 1",
        ),
        ("UPDATE failure_counts SET n = 7", "failures with code 130429: the counter says 7, but there are 1"),
        ("UPDATE campaigns SET spent = spent + 1", "the campaign's spent is 9, but its messages sum up to 8"),
        ("UPDATE campaigns SET reserved = 0", "the campaign's reserved is 0"),
        ("UPDATE campaigns SET attempts = 6", "the campaign's attempts is 6, but its messages sum up to 5"),
        ("UPDATE campaigns SET budget = 30", "spent and reserved pass the budget by 8 millionths"),
        (
            "UPDATE slices SET state = 'done' WHERE number = 2",
            "5 messages wait to be sent but are in no planned or released slice",
        ),
        (
            "UPDATE slices SET messages = 4 WHERE number = 2",
            "messages in slice 2: the counter says 4, but there are 5",
        ),
        ("UPDATE send_groups SET planned = 3", "messages in group 0: the counter says"),
        ("UPDATE messages SET worker = NULL", "1 messages are sending but nobody has claimed them"),
        ("UPDATE messages SET doubt_since = NULL", "1 messages are in doubt since no known time"),
        ("UPDATE messages SET reserved = 3 WHERE state = 'in_doubt'", "1 messages reserve something else"),
        ("UPDATE messages SET reserved = 3 WHERE state = 'failed'", "1 messages reserve something else"),
        (
            "UPDATE messages SET resent = 1, resent_fate = 'open' WHERE state = 'accepted'",
            "1 messages reserve something else",
        ),
        (
            "UPDATE messages SET resent = 1, resent_fate = 'taken' WHERE id & 255 = 9",
            "1 messages wait to be sent although an attempt was taken",
        ),
        ("UPDATE messages SET cost = NULL WHERE state = 'delivered'", "cost nothing known"),
        ("UPDATE messages SET delivered_at = NULL", "1 messages were delivered at no known time"),
        (
            "UPDATE messages SET placed = false WHERE id & 255 = 9",
            "1 messages are placed in a slice although",
        ),
        (
            "UPDATE messages SET state = 'retrying', placed = false WHERE id & 255 = 9",
            "1 messages are retrying but have no time",
        ),
        (
            "UPDATE messages SET campaign_id = 9 WHERE id & 255 = 9",
            "1 messages carry another campaign's number",
        ),
    ] {
        for (store, raw) in databases().await {
            let scene = scene(&store).await;
            assert_eq!(store.verify(scene.id).await.unwrap().violations, Vec::<String>::new());
            assert!(raw.execute(sql).await > 0, "{sql}");
            let found = store.verify(scene.id).await.unwrap().violations;
            assert!(found.iter().any(|v| v.contains(says)), "{sql} should say '{says}': {found:#?}");
        }
    }
}

#[tokio::test]
async fn a_recipient_that_stands_twice_is_found() {
    for (store, raw) in databases().await {
        let scene = scene(&store).await;
        raw.execute("DROP INDEX messages_once").await;
        raw.execute("UPDATE messages SET recipient = '919800000007' WHERE id & 255 = 9").await;
        let found = store.verify(scene.id).await.unwrap().violations;
        assert_eq!(found, ["1 recipients have more than one message"]);
    }
}

#[tokio::test]
async fn an_overrun_that_the_platform_told_is_no_violation() {
    for (store, _raw) in databases().await {
        let scene = Setup { budget: Some(10), ..Setup::default() }.released(&store).await;
        scene.claim(0, [0], at(0)).await;
        scene.accepted(0, 1, at(0)).await;
        store.sweep_ttl(at(86_400), Default::default(), 10).await.unwrap();
        scene.claim(0, [1], at(86_400)).await;
        scene.apply(&[scene.keyed(0, 1, Status::Delivered, at(5))], at(86_400)).await;
        assert_eq!(scene.money().await, (8, 10));
        assert_eq!(store.verify(scene.id).await.unwrap().violations, Vec::<String>::new());
    }
}
