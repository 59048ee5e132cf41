//! Listening: an address is bound, or said why not.

use std::io::ErrorKind;
use std::net::SocketAddr;

use tokio::net::TcpListener;

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
