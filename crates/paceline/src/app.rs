//! What every command is given: the configuration, the clock, and how to answer.

use std::path::Path;
use std::sync::Arc;

use campaign::problem::{Problem, Problems};

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
    match &config.store.url.value {
        StoreUrl::Sqlite(path) => {
            writable(path, config)?;
            let store = store::SqliteStore::open(path).await?;
            Ok(Arc::new(store))
        }
        StoreUrl::Postgres => Err(Failure::BadInput(Problems(vec![
            Problem::new(
                config.store.url.place.clone(),
                "store.url is a postgres:// address, and this version stores in sqlite:// only",
            )
            .help("write for example sqlite://paceline.db"),
        ]))),
    }
}

/// Says it in our words where the database's folder is missing: SQLite only says "unable to open".
fn writable(path: &str, config: &Config) -> Result<(), Failure> {
    let folder = match Path::new(path).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => return Ok(()),
    };
    if folder.is_dir() {
        return Ok(());
    }
    Err(Failure::BadInput(Problems(vec![
        Problem::new(
            config.store.url.place.clone(),
            format!("store.url puts the database into the folder {}, which does not exist", folder.display()),
        )
        .help("create the folder, or correct the path"),
    ])))
}
