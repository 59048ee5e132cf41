//! Listening: an address is bound, or said why not, and answers until it is asked to stop.

use std::io::ErrorKind;
use std::net::SocketAddr;

use axum::Router;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

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
    routes: Router,
    stop: CancellationToken,
) -> Result<(), Failure> {
    axum::serve(listener, routes)
        .with_graceful_shutdown(stop.cancelled_owned())
        .await
        .map_err(|error| anyhow::Error::new(error).context("a listener failed").into())
}
