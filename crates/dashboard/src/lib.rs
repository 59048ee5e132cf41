//! What people look at: pages, queue board, HTTP API and metrics.
//!
//! | module | does |
//! | --- | --- |
//! | [`access`] | who asks, and whether they may: tokens, sessions, roles |
//! | `answer` | answers: pages, and problems for people and programs |
//! | `headers` | what every answer tells a browser |
//! | `live` | what is true now, read once a second for all who look |
//! | `pages` | the pages |
//! | `stream` | what changes on a page, as it changes |
//! | `actions` | what an operator changes on pages |
//! | `assets` | style and script of the pages |
//! | [`board`] | the queue board |

pub mod access;
mod actions;
mod answer;
mod assets;
pub mod board;
mod headers;
mod live;
mod pages;
mod routes;
mod stream;

use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use campaign::gate::GateRules;
use clock::SharedClock;
use queue::SharedInspect;
use store::SharedStore;
use store::access::{Deed, Outcome};
use tokio_util::sync::CancellationToken;

use access::{Attempts, Caller, guard};
use assets::ASSETS;
use live::Live;
pub use routes::{Route, routes};

/// What the dashboard needs.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The store.
    pub store: SharedStore,
    /// The clock.
    pub clock: SharedClock,
    /// The queue, for the board; `None`: it is in another process's memory, and there is no board.
    pub board: Option<SharedInspect>,
    /// How long a template's gate waits.
    pub gates: GateRules,
    /// SHA-256 ([`access::secret::hash`]) of the configured token, which is an operator's; `None`: only those that were
    /// made by command.
    pub token_hash: Option<String>,
    /// Cancelled when the process is asked to stop: streams end then.
    pub stopping: CancellationToken,
}

/// The dashboard of a process.
#[derive(Debug, Clone)]
pub(crate) struct Dashboard(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    store: SharedStore,
    clock: SharedClock,
    /// SHA-256 of the configured token.
    token: Option<String>,
    live: Live,
    /// Whether there is a queue board.
    has_board: bool,
    attempts: Mutex<Attempts>,
    stopping: CancellationToken,
}

impl Deref for Dashboard {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Inner {
    fn attempts(&self) -> MutexGuard<'_, Attempts> {
        self.attempts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes down what somebody did. It is done by then: where it cannot be written, the log has it.
    async fn log(&self, caller: &Caller, action: &str, target: &str, detail: String, outcome: Outcome) {
        let deed = Deed {
            at: self.clock.now(),
            who: caller.name.clone(),
            via: caller.via,
            action: action.to_owned(),
            target: target.to_owned(),
            detail,
            outcome,
        };
        tracing::info!(who = deed.who, action, target, outcome = %deed.outcome, detail = deed.detail, "done on a page or over HTTP");
        if let Err(error) = self.store.log_deed(&deed).await {
            let error = &error as &dyn std::error::Error;
            tracing::error!(error, who = deed.who, action, target, "this is not in the audit log");
        }
    }
}

/// All routes, behind the guard. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`: wrong tokens are
/// counted by address.
pub fn router(parts: Parts) -> Router {
    let dashboard = Dashboard(Arc::new(Inner {
        store: parts.store.clone(),
        clock: parts.clock,
        token: parts.token_hash,
        live: Live::new(parts.gates),
        has_board: parts.board.is_some(),
        attempts: Mutex::default(),
        stopping: parts.stopping.clone(),
    }));
    let mut router = Router::new();
    for Route { path, answers, .. } in routes() {
        router = router.route(path, answers);
    }
    let mut router = router.with_state(dashboard.clone());
    if let Some(queue) = parts.board {
        router = router.merge(board::router(queue, parts.store, parts.stopping));
    }
    router
        .fallback(pages::no_such_page)
        .layer(from_fn_with_state(dashboard, guard))
        .layer(from_fn(headers::secure))
}
