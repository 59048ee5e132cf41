//! A campaign that cannot be scheduled holds up no other, and is told of once.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use campaign::gate::GateRules;
use clock::SettableClock;
use queue::Queue;
use queue::memory::MemoryQueue;
use scheduler::{Scheduler, Settings};
use sqlx::sqlite::SqlitePool;
use store::conformance::scene::{Setup, at};
use store::{SharedStore, SqliteStore};

/// What was logged.
#[derive(Debug, Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn one_that_a_newer_version_wrote() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paceline.db");
    let store: SharedStore = Arc::new(SqliteStore::open(path.to_str().unwrap()).await.unwrap());
    let beside = SqlitePool::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    Setup { key: "newer", ..Setup::default() }.launch(&store).await;
    let other = Setup { key: "diwali", ..Setup::default() }.launch(&store).await;
    let sql = r#"UPDATE campaigns SET definition = '{"moon_phase":"full"}' WHERE key = 'newer'"#;
    sqlx::query(sql).execute(&beside).await.unwrap();

    let senders = BTreeMap::from([("jaspers-in".to_owned(), "80/s".parse().unwrap())]);
    let settings = Settings::new(senders, GateRules::default());
    let queue = Arc::new(MemoryQueue::new(["jaspers-in".to_owned()]));
    let clock = Arc::new(SettableClock::at(at(1)));
    let scheduler = Scheduler::new(settings, store, queue.clone(), clock);
    let log = Log::default();
    let written = log.clone();
    let _logging = tracing::subscriber::set_default(
        tracing_subscriber::fmt().with_ansi(false).with_writer(move || written.clone()).finish(),
    );
    assert_eq!(scheduler.tick().await.unwrap(), 2);
    assert_eq!(queue.depth().await.unwrap().waiting, 2);
    assert_eq!(other.waiting().await, (0, 10));
    assert_eq!(scheduler.tick().await.unwrap(), 0);

    let said = log.text();
    assert_eq!(said.matches("a campaign cannot be scheduled by this process").count(), 1, "{said}");
    assert!(said.contains("campaign=\"newer\"") && said.contains("use the version that wrote it"), "{said}");
}
