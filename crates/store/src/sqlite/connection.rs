//! Opening the file, bringing its tables up to date, and transactions.

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::migrate::Migrator;
use sqlx::pool::PoolOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqliteSynchronous};
use sqlx::{ConnectOptions, Sqlite, Transaction};

use crate::StoreError;
use crate::codec::failed;
use crate::migrations;
use crate::reading::campaigns::Definitions;

type Result<T> = std::result::Result<T, StoreError>;

/// How long SQLite itself waits for another process's transaction, before this module asks again.
const BUSY_WAIT: Duration = Duration::from_secs(10);
/// How often it asks again.
const BUSY_ROUNDS: u32 = 6;
/// How long an operation waits for its turn within this process.
const TURN_WAIT: Duration = Duration::from_secs(120);
/// Connections for reading: pages and reports beside the scheduler.
const READERS: u32 = 4;

/// The embedded store. Cheap to clone: all clones share their connections.
#[derive(Debug, Clone)]
pub struct SqliteStore {
    /// One connection: SQLite has one writer at a time, and queueing here is fairer than its own waiting.
    write: SqlitePool,
    read: SqlitePool,
    definitions: Arc<Definitions>,
}

impl SqliteStore {
    /// Opens the database file, makes it where there is none, and brings its tables up to date.
    /// `path_or_url` is a path or `sqlite://path`; `sqlite::memory:` is [`SqliteStore::in_memory`].
    ///
    /// # Errors
    /// [`StoreError::Open`] when the file cannot be opened or made; [`StoreError::Migrate`] when its tables
    /// are of a newer version.
    pub async fn open(path_or_url: &str) -> Result<Self> {
        if matches!(path_or_url, ":memory:" | "sqlite::memory:" | "sqlite://:memory:") {
            return Self::in_memory().await;
        }
        let cannot_open = |source| StoreError::Open { path: path_or_url.to_owned(), source };
        let options = if path_or_url.starts_with("sqlite:") {
            SqliteConnectOptions::from_str(path_or_url).map_err(cannot_open)?
        } else {
            SqliteConnectOptions::new().filename(path_or_url)
        };
        let options = tuned(options.create_if_missing(true));
        let write = options
            .clone()
            .journal_mode(SqliteJournalMode::Wal)
            // The claim must be on the disk before its request leaves.
            .synchronous(SqliteSynchronous::Full)
            // Checkpoints cost a pass over the changed pages: seldom, but the log stays below some 64 MB.
            .pragma("wal_autocheckpoint", "8000")
            .pragma("journal_size_limit", "67108864");
        let write = patiently(|| pool(1).connect_with(write.clone())).await.map_err(cannot_open)?;
        migrate(&write).await?;
        let read = options.pragma("query_only", "ON");
        let read = patiently(|| pool(READERS).connect_with(read.clone())).await.map_err(cannot_open)?;
        Ok(Self { write, read, definitions: Arc::default() })
    }

    /// A store that is gone when it is dropped, for tests. All its operations share one connection.
    ///
    /// # Errors
    /// When memory runs out, or the tables cannot be made.
    pub async fn in_memory() -> Result<Self> {
        let options = tuned(SqliteConnectOptions::new().filename(":memory:"));
        let write = pool(1).connect_with(options).await.map_err(failed("be opened in memory"))?;
        migrate(&write).await?;
        Ok(Self { read: write.clone(), write, definitions: Arc::default() })
    }

    /// Finishes what is under way and closes the file.
    pub async fn close(&self) {
        self.read.close().await;
        self.write.close().await;
    }

    /// Begins a change: no other process or task changes anything until it ends.
    pub(super) async fn change(&self) -> Result<Transaction<'static, Sqlite>> {
        patiently(|| self.write.begin_with("BEGIN IMMEDIATE")).await.map_err(failed("begin a change"))
    }

    /// Begins reading one state of everything.
    pub(super) async fn snapshot(&self) -> Result<Transaction<'static, Sqlite>> {
        patiently(|| self.read.begin()).await.map_err(failed("begin reading"))
    }

    /// The definitions that were parsed so far.
    pub(super) fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// The connection that changes things, for tests that look behind the store's back.
    #[cfg(test)]
    pub(crate) fn raw(&self) -> &SqlitePool {
        &self.write
    }
}

fn tuned(options: SqliteConnectOptions) -> SqliteConnectOptions {
    options
        .busy_timeout(BUSY_WAIT)
        .foreign_keys(true)
        // Kibibytes: the working set of a running campaign and the upper levels of its indexes.
        .pragma("cache_size", "-65536")
        .pragma("temp_store", "MEMORY")
        .statement_cache_capacity(256)
        .row_buffer_size(512)
        // Formatting every statement for the log costs more than running it.
        .disable_statement_logging()
}

fn pool(connections: u32) -> PoolOptions<Sqlite> {
    PoolOptions::new()
        .min_connections(1)
        .max_connections(connections)
        .acquire_timeout(TURN_WAIT)
        // A database in memory lives as long as its connection.
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
}

/// Brings the tables up to date. In one transaction, so that two processes that start at once on a new file
/// do it once.
async fn migrate(write: &SqlitePool) -> Result<()> {
    let mut tx =
        patiently(|| write.begin_with("BEGIN IMMEDIATE")).await.map_err(failed("begin a migration"))?;
    Migrator::with_migrations(migrations::sqlite()).run(&mut *tx).await.map_err(StoreError::Migrate)?;
    tx.commit().await.map_err(failed("commit a migration"))
}

/// Another process's transaction is waited out, a minute if need be: it is no error.
async fn patiently<T, F: Future<Output = sqlx::Result<T>>>(
    mut attempt: impl FnMut() -> F,
) -> sqlx::Result<T> {
    let mut round = 1;
    loop {
        match attempt().await {
            Err(error) if is_busy(&error) && round < BUSY_ROUNDS => {
                tracing::debug!(round, "the database is busy with another process");
                round += 1;
                // Switching a new file to WAL fails at once when another process does the same.
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            answer => return answer,
        }
    }
}

/// `SQLITE_BUSY` or `SQLITE_LOCKED`, in any of their extended forms (the low byte is the primary code).
fn is_busy(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|e| e.code()).and_then(|code| code.parse::<u32>().ok());
    matches!(code.map(|code| code & 0xff), Some(5 | 6))
}
