//! The webhook listener: the reconciler's routes and a health page.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use store::SharedStore;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// The path of the health page: 200 while the database answers, else 503.
pub(crate) const HEALTH_PATH: &str = "/healthz";

/// How long the health page waits for the database.
const HEALTH_WAIT: Duration = Duration::from_secs(2);

/// Binds an address; `key` is where it is configured.
///
/// # Errors
/// A sentence that names address and key.
pub(crate) async fn listen(address: SocketAddr, key: &str) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let kind = error.kind();
        let advice = if kind == ErrorKind::AddrInUse {
            format!("another program listens there: stop it, or set {key} to another port")
        } else if kind == ErrorKind::AddrNotAvailable {
            format!("this machine has no such address: correct {key}")
        } else if kind == ErrorKind::PermissionDenied {
            format!("this user may not listen there: set {key} to a port from 1024 on")
        } else {
            format!("check {key}")
        };
        anyhow::Error::new(error).context(format!("cannot listen on {address}; {advice}")).into()
    })
}

/// Answers until `stop` is cancelled and the requests under way are answered.
pub(super) async fn serve(
    listener: TcpListener,
    webhooks: Router,
    store: SharedStore,
    stop: CancellationToken,
) -> Result<(), Failure> {
    let health = Router::new().route(HEALTH_PATH, get(health)).with_state(store);
    axum::serve(listener, webhooks.merge(health))
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .map_err(|error| anyhow::Error::new(error).context("the webhook listener failed").into())
}

async fn health(State(store): State<SharedStore>) -> (StatusCode, Json<serde_json::Value>) {
    let problem = match tokio::time::timeout(HEALTH_WAIT, store.install_id()).await {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => Some(format!("the database did not answer within {} s", HEALTH_WAIT.as_secs())),
    };
    match problem {
        None => (StatusCode::OK, Json(json!({ "status": "ok" }))),
        Some(problem) => {
            (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "status": "failing", "problem": problem })))
        }
    }
}
