//! What can go wrong in a store, as sentences.

use campaign::lifecycle;

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
    #[error("the database holds {what} that this version of Paceline cannot read: {why}")]
    Unreadable {
        /// Table, column and row.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// What was to be stored contradicts what is stored.
    #[error("the database refuses: {0}")]
    Inconsistent(String),
    /// The schema could not be brought up to date.
    #[error("the database's tables could not be brought up to date")]
    Migrate(#[source] sqlx::migrate::MigrateError),
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
