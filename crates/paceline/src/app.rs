//! What every command is given: the configuration, the clock, and how to answer.

use std::path::Path;
use std::sync::Arc;

use campaign::problem::Problem;

use crate::config::{Config, StoreUrl};
use crate::failure::Failure;

/// What every command is given.
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
    /// [`Failure::BadInput`] for a kind of store that this version does not have; [`Failure::Failed`] when
    /// the database cannot be opened.
    pub(crate) async fn store(&self) -> Result<store::SharedStore, Failure> {
        open_store(&self.config).await
    }
}

/// Opens the configured store: see [`App::store`].
pub(crate) async fn open_store(config: &Config) -> Result<store::SharedStore, Failure> {
    let path = store_path(config)?;
    Ok(Arc::new(store::SqliteStore::open(path).await?))
}

/// The path of the database file.
///
/// # Errors
/// The configured store is of a kind that this version does not have, or its folder is not there (of which
/// SQLite would only say that it is "unable to open").
pub(crate) fn store_path(config: &Config) -> Result<&str, Problem> {
    let problem = |said: String| Problem::new(config.store.url.place.clone(), said);
    let StoreUrl::Sqlite(path) = &config.store.url.value else {
        return Err(problem(
            "store.url is a postgres:// address, and this version stores in sqlite:// only".to_owned(),
        )
        .help("write for example sqlite://paceline.db"));
    };
    match Path::new(path).parent() {
        Some(folder) if !folder.as_os_str().is_empty() && !folder.is_dir() => Err(problem(format!(
            "store.url puts the database into the folder {}, which does not exist",
            folder.display()
        ))
        .help("create the folder, or correct the path")),
        Some(_) | None => Ok(path),
    }
}
