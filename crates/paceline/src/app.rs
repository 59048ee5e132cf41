//! What every command is given: the configuration, the clock, and how to answer.

use std::path::Path;
use std::sync::Arc;

use campaign::problem::Problem;

use crate::config::{Config, StoreUrl};
use crate::failure::Failure;

/// What every command is given.
#[derive(Debug)]
pub(crate) struct App {
    /// workers.toml with the environment's overrides, or the built-in defaults.
    pub(crate) config: Config,
    /// The machine's clock.
    pub(crate) clock: clock::SharedClock,
    /// `--json`: answer for machines.
    pub(crate) json: bool,
}

impl App {
    /// Opens the store and brings its tables up to date.
    ///
    /// # Errors
    /// [`Failure::BadInput`] when its folder does not exist; [`Failure::Failed`] when the database cannot be
    /// opened.
    pub(crate) async fn store(&self) -> Result<store::SharedStore, Failure> {
        open_store(&self.config).await
    }
}

/// Opens the configured store: see [`App::store`].
pub(crate) async fn open_store(config: &Config) -> Result<store::SharedStore, Failure> {
    match &config.store.url.value {
        StoreUrl::Sqlite(path) => {
            check_folder(config, path)?;
            Ok(Arc::new(store::SqliteStore::open(path).await?))
        }
        StoreUrl::Postgres(server) => Ok(Arc::new(store::PostgresStore::connect(server.reveal()).await?)),
    }
}

/// That the folder of a database file is there: SQLite would only say that it is "unable to open".
///
/// # Errors
/// It is not.
pub(crate) fn check_folder(config: &Config, path: &str) -> Result<(), Problem> {
    match Path::new(path).parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => Err(Problem::new(
            config.store.url.place.clone(),
            format!("store.url puts the database into the folder {}, which does not exist", folder.display()),
        )
        .help("create the folder, or correct the path")),
        Some(_) | None => Ok(()),
    }
}
