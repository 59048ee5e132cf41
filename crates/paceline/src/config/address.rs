//! Addresses of stores, queues and platforms, as they are written in workers.toml.

use std::fmt;

use campaign::document::Item;
use reqwest::Url;

use super::environment;

/// Where everything is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum StoreUrl {
    /// `sqlite://PATH`: the path, relative to where the command is started.
    Sqlite(String),
    /// `postgres://…`
    Postgres(ServerUrl),
}

/// Where jobs travel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum QueueUrl {
    /// `memory://`: within one process.
    Memory,
    /// `redis://…` or `rediss://…`
    Redis(ServerUrl),
}

/// The whole address of a server. It may hold a password, and is shown without user and password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct ServerUrl(String);

impl ServerUrl {
    /// The address as it was written, for whoever connects.
    pub(crate) fn reveal(&self) -> &str {
        &self.0
    }
}

impl ServerUrl {
    /// Whether all of it can be used as the address of a Redis server.
    ///
    /// # Errors
    /// What cannot be, as a sentence.
    pub(crate) fn check_redis(&self) -> Result<(), String> {
        queue::redis::Address::parse(&self.0).map(drop).map_err(|error| error.to_string())
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ok(url) = Url::parse(&self.0) else { return f.write_str("…") };
        write!(f, "{}://{}", url.scheme(), url.host_str().unwrap_or_default())?;
        if let Some(port) = url.port() {
            write!(f, ":{port}")?;
        }
        f.write_str(url.path())
    }
}

impl fmt::Debug for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Reads `store.url`.
pub(super) fn store_url(item: &Item<'_>) -> Option<StoreUrl> {
    const HELP: &str = "write for example sqlite://paceline.db or postgres://user@host/database";
    let text = item.text()?;
    match text.split_once("://") {
        Some(("sqlite", "")) => item.wrong("names no file", "write for example sqlite://paceline.db"),
        Some(("sqlite", ":memory:")) => {
            item.wrong("would be gone when the command ends", "name a file, as in sqlite://paceline.db")
        }
        Some(("sqlite", path)) if path.contains(['?', '#']) => item.wrong(
            "has options after its path, which are not supported",
            "write the path alone, as in sqlite://paceline.db",
        ),
        Some(("sqlite", path)) => Some(StoreUrl::Sqlite(path.to_owned())),
        Some(("postgres" | "postgresql", _)) => match Url::parse(text) {
            Ok(url) if url.has_host() => server(item, &url, text).map(StoreUrl::Postgres),
            Ok(_) | Err(_) => item.wrong("is not a whole postgres:// address", HELP),
        },
        Some(_) | None => item.wrong(format!("is {}, which is no kind of store", shown(text)), HELP),
    }
}

/// Reads `queue.url`.
pub(super) fn queue_url(item: &Item<'_>) -> Option<QueueUrl> {
    const HELP: &str = "write memory:// or for example redis://127.0.0.1:6379";
    let text = item.text()?;
    match text.split_once("://") {
        Some(("memory", "")) => Some(QueueUrl::Memory),
        Some(("redis" | "rediss", _)) => match Url::parse(text) {
            Ok(url) if url.has_host() => server(item, &url, text).map(QueueUrl::Redis),
            Ok(_) | Err(_) => item.wrong("is not a whole redis:// address", HELP),
        },
        Some(_) | None => item.wrong(format!("is {}, which is no kind of queue", shown(text)), HELP),
    }
}

/// A password does not belong into the file.
fn server(item: &Item<'_>, url: &Url, text: &str) -> Option<ServerUrl> {
    if url.path().contains('@') || url.path().to_ascii_lowercase().contains("%40") {
        return item.wrong(
            "has an @ in its path, as where a user or password has a / in it",
            "write %2F for a / in a user or password",
        );
    }
    let has_password = url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password");
    if has_password && !environment::is_place(item.place()) {
        return item.wrong(
            "has a password in it, and this file is no place for one",
            format!(
                "set the whole address in the environment instead: {}",
                environment::variable(item.path())
            ),
        );
    }
    Some(ServerUrl(text.to_owned()))
}

/// Reads an http or https address without credentials, query and fragment; the slash at its end is removed.
pub(super) fn base_url(item: &Item<'_>) -> Option<String> {
    const HELP: &str = "write the scheme and the host, such as https://graph.facebook.com";
    let text = item.text()?;
    let url = match Url::parse(text) {
        Ok(url) => url,
        Err(error) => return item.wrong(format!("is {}, which is no address ({error})", shown(text)), HELP),
    };
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return item.wrong(format!("is {}, expected an http or https address", shown(text)), HELP);
    }
    if !url.username().is_empty() || url.password().is_some() {
        return item.wrong(
            "has a user name or a password in it",
            "write the address without, and name the token by token_env",
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return item.wrong(format!("is {}, which has a query or a fragment", shown(text)), HELP);
    }
    Some(text.trim_end_matches('/').to_owned())
}

/// The text in quotes, without what may be a password before an `@`.
fn shown(text: &str) -> String {
    let kept = match text.rsplit_once('@') {
        Some((_, after)) => format!("…@{after}"),
        None => text.to_owned(),
    };
    let short: String = kept.chars().map(|c| if c.is_control() { ' ' } else { c }).take(60).collect();
    format!("\"{short}\"")
}
