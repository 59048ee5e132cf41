//! Connecting, bringing the tables up to date, and transactions.

use std::ops::{Deref, DerefMut};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use campaign::ids::CampaignId;
use sqlx::migrate::Migrator;
use sqlx::pool::{PoolConnection, PoolOptions};
use sqlx::postgres::{PgConnectOptions, PgDatabaseError, PgPool, PgSeverity};
use sqlx::{ConnectOptions, Connection as _, Executor as _, PgConnection, Postgres};
use tokio::time::timeout;

use super::campaigns;
use super::repeating::is_lost;
use super::turns::{Turn, Turns};
use crate::StoreError;
use crate::codec::failed;
use crate::migrations;
use crate::reading::campaigns::Definitions;

type Result<T> = std::result::Result<T, StoreError>;

/// Connections of one store, unless told otherwise.
const CONNECTIONS: u32 = 16;
/// How long an operation waits for a connection: an outage is told after that.
pub(super) const ACQUIRE_WAIT: Duration = Duration::from_secs(5);
/// How long a commit may take before nobody knows.
const COMMIT_WAIT: Duration = Duration::from_secs(8);
/// How long a transaction may take to begin before its connection counts as dead: the network may swallow everything.
const BEGIN_WAIT: Duration = Duration::from_secs(3);
/// How long the first connection at start may take.
const CONNECT_WAIT: Duration = Duration::from_secs(10);

/// What every session asks of the server, in its own words: a client that stands still holds no lock for long, and
/// one that is gone is found out.
const SESSION: [(&str, &str); 9] = [
    ("idle_in_transaction_session_timeout", "3s"),
    // Longer than the above, so that whoever waits for a client that stands still gets its turn.
    ("lock_timeout", "8s"),
    ("statement_timeout", "12s"),
    ("tcp_keepalives_idle", "5"),
    ("tcp_keepalives_interval", "2"),
    ("tcp_keepalives_count", "3"),
    ("tcp_user_timeout", "10000"),
    // Whatever the server's default is: the claim must be on the disk before its request leaves.
    ("synchronous_commit", "on"),
    ("timezone", "UTC"),
];

/// A store in PostgreSQL. Cheap to clone: all clones share their connections.
#[derive(Debug, Clone)]
pub struct PostgresStore {
    pool: PgPool,
    definitions: Arc<Definitions>,
    turns: Arc<Turns>,
}

impl PostgresStore {
    /// Connects to the database at `postgres://USER:PASSWORD@HOST:PORT/DATABASE` and brings its tables up to date.
    /// TLS as the URL's `sslmode` says: `disable`, `prefer` (the default), `require`, `verify-ca`, `verify-full`.
    ///
    /// # Errors
    /// [`StoreError::Address`] when the URL cannot be read, [`StoreError::Connect`] when the server does not answer
    /// or refuses, [`StoreError::Migrate`] when its tables are of a newer version. None of them says the password.
    pub async fn connect(url: &str) -> Result<Self> {
        Self::connect_with(url, CONNECTIONS).await
    }

    /// As [`PostgresStore::connect`], with at most so many connections at once (at least 1).
    ///
    /// # Errors
    /// As [`PostgresStore::connect`].
    pub async fn connect_with(url: &str, connections: u32) -> Result<Self> {
        let options = PgConnectOptions::from_str(url)
            .map_err(StoreError::Address)?
            .application_name("paceline")
            // Formatting every statement for the log costs more than running it.
            .disable_statement_logging()
            .statement_cache_capacity(256);
        migrate(&options).await?;
        let pool = PoolOptions::new()
            .max_connections(connections.max(1))
            .acquire_timeout(ACQUIRE_WAIT)
            // The `BEGIN` of a transaction tests its connection, see `begin`.
            .test_before_acquire(false)
            .connect_lazy_with(options.options(SESSION));
        Ok(Self { pool, definitions: Arc::default(), turns: Arc::default() })
    }

    /// Finishes what is under way and closes all connections.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Begins a change. It sees what others commit in between, statement by statement.
    pub(super) async fn change(&self) -> Result<Session> {
        self.begin("BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE").await
    }

    /// Begins a change of these campaigns, which are this transaction's from then on. Of one process, one at a time
    /// waits for a campaign in the database.
    pub(super) async fn change_of(&self, campaigns: &[CampaignId]) -> Result<Session> {
        let mut numbers: Vec<i64> = campaigns.iter().map(|campaign| campaign.0).collect();
        numbers.sort_unstable();
        numbers.dedup();
        let turn = self.turns.at(&numbers).await?;
        let mut session = self.change().await?;
        campaigns::lock(&mut session, &numbers).await?;
        session.turn = Some(turn);
        Ok(session)
    }

    /// Begins reading one state of everything.
    pub(super) async fn snapshot(&self) -> Result<Session> {
        self.begin("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    async fn begin(&self, statement: &'static str) -> Result<Session> {
        let reaching = failed("be reached within 5 seconds");
        // After a restart of the server all connections in the pool are dead: each is found out here.
        let mut dead = 0;
        loop {
            let connection = self.pool.acquire().await.map_err(&reaching)?;
            match Session::begin(connection, statement).await {
                Err(error) if is_lost(&error) && dead < self.pool.options().get_max_connections() => {
                    dead += 1;
                }
                answer => return answer.map_err(failed("begin a transaction")),
            }
        }
    }

    /// The definitions that were parsed so far.
    pub(super) fn definitions(&self) -> &Definitions {
        &self.definitions
    }

    /// The connections, for tests that look behind the store's back.
    #[cfg(test)]
    pub(super) fn raw(&self) -> &PgPool {
        &self.pool
    }
}

/// What is said of what was waited for in vain.
pub(super) fn timed_out() -> sqlx::Error {
    sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::TimedOut))
}

/// A transaction on a connection. One that is dropped before its end takes its connection with it: nobody knows what
/// it still waits for, and the server rolls back what a closed connection had open.
#[derive(Debug)]
pub(super) struct Session {
    connection: PoolConnection<Postgres>,
    is_ended: bool,
    /// The campaigns that nobody else in this process changes meanwhile.
    turn: Option<Turn>,
}

impl Session {
    async fn begin(connection: PoolConnection<Postgres>, statement: &'static str) -> sqlx::Result<Self> {
        let mut session = Self { connection, is_ended: false, turn: None };
        match timeout(BEGIN_WAIT, session.connection.execute(statement)).await {
            Ok(begun) => begun.map(|_| session),
            Err(_) => Err(timed_out()),
        }
    }

    /// Lets the statements that follow take minutes: they read or write all rows of a campaign.
    pub(super) async fn take_time(&mut self) -> Result<()> {
        let setting = failed("prepare for a long statement");
        self.connection.execute("SET LOCAL statement_timeout = '10min'").await.map_err(setting)?;
        Ok(())
    }

    /// Keeps the change.
    ///
    /// # Errors
    /// [`StoreError::Uncertain`] when no answer came; else nothing was changed.
    pub(super) async fn commit(mut self, doing: &'static str) -> Result<()> {
        let source = match timeout(COMMIT_WAIT, self.connection.execute("COMMIT")).await {
            Ok(Ok(_)) => {
                self.is_ended = true;
                return Ok(());
            }
            Ok(Err(error)) => error,
            Err(_) => timed_out(),
        };
        // An answer of the server's own that it is not done, unless it says so because it is going away: after a failure
        // that ends the session or the server, what was written of the commit may be found again.
        if is_mere_error(&source) && !is_lost(&source) {
            return Err(StoreError::Database { doing, source });
        }
        Err(StoreError::Uncertain { doing, source })
    }

    /// Ends a transaction that is to change nothing, and spares its connection.
    pub(super) async fn end(mut self) {
        self.is_ended = matches!(timeout(COMMIT_WAIT, self.connection.execute("ROLLBACK")).await, Ok(Ok(_)));
    }
}

/// Whether the server says that a statement failed, and goes on.
fn is_mere_error(error: &sqlx::Error) -> bool {
    let answer = error.as_database_error().and_then(|error| error.try_downcast_ref::<PgDatabaseError>());
    answer.is_some_and(|error| matches!(error.severity(), PgSeverity::Error))
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.is_ended {
            self.connection.close_on_drop();
        }
    }
}

impl Deref for Session {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.connection
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.connection
    }
}

/// Brings the tables up to date. Processes that start at once take turns, by an advisory lock of sqlx's. On a
/// connection of its own, without the sessions' limits: an index on a large table takes its time.
async fn migrate(options: &PgConnectOptions) -> Result<()> {
    let address = format!(
        "{}:{}/{}",
        options.get_host(),
        options.get_port(),
        options.get_database().unwrap_or_else(|| options.get_username())
    );
    let cannot_connect = |source| StoreError::Connect { address: address.clone(), source };
    let mut connection = match timeout(CONNECT_WAIT, options.connect()).await {
        Ok(connected) => connected.map_err(cannot_connect)?,
        Err(_) => return Err(cannot_connect(timed_out())),
    };
    Migrator::with_migrations(migrations::postgres())
        .run(&mut connection)
        .await
        .map_err(StoreError::Migrate)?;
    // What it was for is done, however the connection ends.
    let _ = connection.close().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_stands_still_is_cut_off() {
        let store = PostgresStore::connect(&servers::Postgres::shared().database()).await.unwrap();
        let mut frozen = store.change().await.unwrap();
        frozen.execute("INSERT INTO leaders VALUES ('role', 'frozen', 0)").await.unwrap();
        // Waits until the server has freed the lock, which is before it gives up waiting.
        let mut next = store.change().await.unwrap();
        next.execute("INSERT INTO leaders VALUES ('role', 'next', 0)").await.unwrap();
        next.commit("insert").await.unwrap();
        let late = frozen.commit("insert").await.unwrap_err();
        assert!(matches!(late, StoreError::Uncertain { .. }), "{late}");
        // The connection that was cut is not given out again.
        for _ in 0..3 {
            store.change().await.unwrap().end().await;
        }
    }

    #[tokio::test]
    async fn a_transaction_that_is_dropped_leaves_nothing() {
        let store = PostgresStore::connect_with(&servers::Postgres::shared().database(), 1).await.unwrap();
        let mut dropped = store.change().await.unwrap();
        dropped.execute("INSERT INTO leaders VALUES ('role', 'dropped', 0)").await.unwrap();
        drop(dropped);
        let mut tx = store.snapshot().await.unwrap();
        let n: i64 = sqlx::query_scalar("SELECT count(*) FROM leaders").fetch_one(&mut *tx).await.unwrap();
        assert_eq!(n, 0);
    }

    #[tokio::test]
    async fn no_error_says_the_password() {
        let server = servers::Postgres::shared();
        let refusing = format!("postgres://paceline:s3cret@127.0.0.1:{}/nothing", server.port());
        for url in [
            refusing.as_str(),
            "postgres://paceline:s3cret@127.0.0.1:1/paceline",
            "postgres://paceline:s3cret@127.0.0.1:no-port/paceline",
            "postgres://paceline:s3cret@127.0.0.1/paceline?sslmode=perhaps",
        ] {
            let error = PostgresStore::connect(url).await.unwrap_err();
            let mut said = format!("{error:?}");
            let mut part: Option<&dyn std::error::Error> = Some(&error);
            while let Some(error) = part {
                said += &format!(" {error}");
                part = error.source();
            }
            assert!(!said.contains("s3cret"), "{said}");
        }
    }
}
