//! What can go wrong in a store, as sentences.

use campaign::{lifecycle, series};
use sqlx::error::ErrorKind;

/// The store could not do it. Nothing was changed, except perhaps after [`StoreError::Uncertain`].
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database did not answer, or answered with an error.
    #[error("the database could not {doing}")]
    Database {
        /// What was being done: completes "the database could not …".
        doing: &'static str,
        /// The database's own words.
        #[source]
        source: sqlx::Error,
    },
    /// The connection was lost at the very end: it is not known whether the change was kept.
    #[error("the database could not {doing}: it went away at the end, and may or may not have kept it")]
    Uncertain {
        /// What was being done: completes "the database could not …".
        doing: &'static str,
        /// What was seen of it.
        #[source]
        source: sqlx::Error,
    },
    /// The database server does not answer, or refuses.
    #[error(
        "the database at {address} cannot be used; check that it runs, and the address, user and password in store.url"
    )]
    Connect {
        /// Host, port and database; never a password.
        address: String,
        /// The server's own words.
        #[source]
        source: sqlx::Error,
    },
    /// The address is none.
    #[error(
        "the database's address in store.url cannot be read; it should be postgres://USER:PASSWORD@HOST:PORT/DATABASE"
    )]
    Address(#[source] sqlx::Error),
    /// The database file cannot be opened or made.
    #[error("the database {path} could not be opened; check that its folder exists and may be written to")]
    Open {
        /// The file or address as it was configured.
        path: String,
        /// The database's own words.
        #[source]
        source: sqlx::Error,
    },
    /// A row holds what this version cannot read.
    #[error(
        "the database holds {what}, which this version of Paceline cannot read (use the version that wrote it, or a \
         newer one): {why}"
    )]
    Unreadable {
        /// Table, column and, where it is known, campaign.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// What was to be stored contradicts what is stored.
    #[error("the database refuses: {0}")]
    Inconsistent(String),
    /// So many people were purged whom a follow-up that was being made was to reach. Nothing was launched.
    #[error("{}", purged_meanwhile(*.0))]
    PurgedMeanwhile(u64),
    /// The schema could not be brought up to date.
    #[error("the database's tables could not be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
}

impl StoreError {
    /// Whether the same operation may well succeed later, with nothing changed but the circumstances: the database was
    /// away, busy or full. False: what is stored or asked cannot be read, does not fit or contradicts, and it fails
    /// as long as it is asked by this version.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Uncertain { .. } | Self::Connect { .. } | Self::Open { .. } => true,
            Self::Address(_)
            | Self::Unreadable { .. }
            | Self::Inconsistent(_)
            | Self::PurgedMeanwhile(_)
            | Self::Migrate(_) => false,
            Self::Database { source, .. } => !is_about_the_data(source),
        }
    }
}

fn purged_meanwhile(people: u64) -> String {
    let were = if people == 1 { "1 person was".to_owned() } else { format!("{people} people were") };
    format!(
        "{were} purged from the campaign while its follow-up was made, and nothing was launched: ask again"
    )
}

/// Whether the database took the operation and refused what it says; or its answer is none that can be read.
fn is_about_the_data(error: &sqlx::Error) -> bool {
    if let Some(said) = error.as_database_error() {
        // PostgreSQL's class 22: a value that is too large, no valid text, and so on.
        return said.kind() != ErrorKind::Other
            || said.code().is_some_and(|code| code.len() == 5 && code.starts_with("22"));
    }
    matches!(
        error,
        sqlx::Error::InvalidArgument(_)
            | sqlx::Error::RowNotFound
            | sqlx::Error::TypeNotFound { .. }
            | sqlx::Error::ColumnIndexOutOfBounds { .. }
            | sqlx::Error::ColumnNotFound(_)
            | sqlx::Error::ColumnDecode { .. }
            | sqlx::Error::Encode(_)
            | sqlx::Error::Decode(_)
    )
}

/// A launch was not begun. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The campaign's key was launched before.
    #[error(
        "campaign {key} was launched before and is {state}; a key is launched once: choose another `campaign:` key"
    )]
    KeyTaken {
        /// The key.
        key: String,
        /// The state of the campaign that has it.
        state: lifecycle::State,
    },
    /// The key is a recurring campaign's.
    #[error(
        "recurring campaign {key} was launched before and is {state}; a key is launched once: choose another `campaign:` key"
    )]
    KeyRecurs {
        /// The key.
        key: String,
        /// The state of the series that has it.
        state: series::State,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A recurring campaign was not moved. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum SeriesError {
    /// The state machine refuses.
    #[error(transparent)]
    Forbidden(#[from] series::Forbidden),
    /// There is no such series.
    #[error("there is no such recurring campaign")]
    NoSuchSeries,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A campaign was not moved. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum TransitionError {
    /// The state machine refuses.
    #[error(transparent)]
    Forbidden(#[from] lifecycle::Forbidden),
    /// There is no such campaign.
    #[error("there is no such campaign")]
    NoSuchCampaign,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[cfg(test)]
mod tests {
    use sqlx::PgConnection;
    use sqlx::sqlite::SqlitePool;
    use sqlx::{Connection as _, Executor as _};

    use super::*;
    use crate::codec::{failed, unreadable};

    fn told(source: sqlx::Error) -> StoreError {
        failed("try")(source)
    }

    #[test]
    fn what_was_away_may_come_back() {
        let cut = || sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::ConnectionReset));
        for error in [
            told(cut()),
            told(sqlx::Error::PoolTimedOut),
            told(sqlx::Error::Protocol("cut off".to_owned())),
            StoreError::Uncertain { doing: "try", source: cut() },
            StoreError::Connect { address: "db:5432/paceline".to_owned(), source: cut() },
        ] {
            assert!(error.is_transient(), "{error}");
        }
    }

    #[test]
    fn what_does_not_fit_stays_so() {
        for error in [
            unreadable("campaigns.state", "no state is called sleeping"),
            StoreError::Inconsistent("two and two are five".to_owned()),
            told(sqlx::Error::ColumnNotFound("moon_phase".to_owned())),
            told(sqlx::Error::Decode("no number".into())),
        ] {
            assert!(!error.is_transient(), "{error}");
        }
    }

    /// What both databases answer.
    #[tokio::test]
    async fn a_refusal_is_told_from_trouble() {
        let pool = SqlitePool::connect("sqlite::memory:").await.unwrap();
        let mut server = PgConnection::connect(&servers::Postgres::shared().database()).await.unwrap();
        let refused = ["CREATE TABLE t (n INTEGER NOT NULL)", "INSERT INTO t VALUES (NULL)"];
        pool.execute(refused[0]).await.unwrap();
        assert!(!told(pool.execute(refused[1]).await.unwrap_err()).is_transient());
        server.execute(refused[0]).await.unwrap();
        assert!(!told(server.execute(refused[1]).await.unwrap_err()).is_transient());
        assert!(!told(server.execute("SELECT 'nine'::BIGINT").await.unwrap_err()).is_transient());
        // Too slow this time, and a table that a migration may be bringing.
        server.execute("SET statement_timeout = '1ms'").await.unwrap();
        assert!(told(server.execute("SELECT pg_sleep(1)").await.unwrap_err()).is_transient());
        assert!(told(server.execute("SELECT * FROM missing").await.unwrap_err()).is_transient());
    }
}
