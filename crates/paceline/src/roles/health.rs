//! The health pages: `/healthz` says that the process runs, `/readyz` that what it needs answers.
//!
//! A process whose database or queue is away stays up and goes on by itself: whoever restarts processes asks
//! `/healthz`, whoever sends them traffic, or wants to be told, asks `/readyz`.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use queue::SharedQueue;
use serde_json::{Map, Value, json};
use store::SharedStore;
use tokio_util::sync::CancellationToken;

/// The path that says that the process runs: always 200.
pub(crate) const HEALTH_PATH: &str = "/healthz";

/// The path that says that what it needs answers: 200, or 503 with what does not.
pub(crate) const READY_PATH: &str = "/readyz";

/// How long each part may take to answer.
const WAIT: Duration = Duration::from_secs(2);

/// What a process needs.
#[derive(Debug, Clone)]
pub(super) struct Needs {
    pub(super) store: SharedStore,
    /// None for a process that only takes webhooks in.
    pub(super) queue: Option<SharedQueue>,
    /// Cancelled when the process is asked to stop: then it wants no more traffic.
    pub(super) stopping: CancellationToken,
}

/// Both pages.
pub(super) fn router(needs: Needs) -> Router {
    Router::new()
        .route(HEALTH_PATH, get(|| async { Json(json!({ "status": "ok" })) }))
        .route(READY_PATH, get(ready))
        .with_state(needs)
}

async fn ready(State(needs): State<Needs>) -> (StatusCode, Json<Value>) {
    if needs.stopping.is_cancelled() {
        return (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "stopping" })));
    }
    let database = async { needs.store.install_id().await.map(drop).map_err(|error| error.to_string()) };
    let jobs = async {
        match &needs.queue {
            Some(queue) => queue.depth().await.map(drop).map_err(|error| error.to_string()),
            None => Ok(()),
        }
    };
    let (database, jobs) = tokio::join!(within("database", database), within("queue", jobs));
    let problems: Map<String, Value> = [("database", database), ("queue", jobs)]
        .into_iter()
        .filter_map(|(part, answer)| Some((part.to_owned(), Value::String(answer.err()?))))
        .collect();
    if problems.is_empty() {
        (StatusCode::OK, Json(json!({ "status": "ok" })))
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "failing", "problems": problems })))
    }
}

async fn within(part: &str, answer: impl Future<Output = Result<(), String>>) -> Result<(), String> {
    tokio::time::timeout(WAIT, answer)
        .await
        .unwrap_or_else(|_| Err(format!("the {part} did not answer within {} s", WAIT.as_secs())))
}
