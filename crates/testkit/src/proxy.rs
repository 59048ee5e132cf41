//! A TCP proxy between the processes and a server, whose way can be cut and restored: connections end, and new ones
//! are refused, as when a cable is pulled; or everything stands still, as when a firewall swallows it.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the way is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Connections are ended, and new ones end at once.
    Cut,
    /// Nothing passes, and nobody is told.
    Silent,
}

/// A proxy on a port of its own. It ends with its value.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    way: Arc<watch::Sender<Way>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Proxy {
    /// Stands before a server on this machine.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let way = Arc::new(watch::Sender::new(Way::Open));
        let seen = Arc::clone(&way);
        let accepting = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, port, seen.subscribe()));
            }
        });
        Self { address, way, accepting }
    }

    /// The port it listens on.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Ends all connections, and each new one at once.
    pub fn cut(&self) {
        self.way.send_replace(Way::Cut);
    }

    /// Lets nothing pass, without a word to either side.
    pub fn silence(&self) {
        self.way.send_replace(Way::Silent);
    }

    /// Opens the way again.
    pub fn restore(&self) {
        self.way.send_replace(Way::Open);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.accepting.abort();
        self.way.send_replace(Way::Cut);
    }
}

/// Carries bytes both ways until one side ends or the way is cut.
async fn pass(client: TcpStream, port: u16, mut way: watch::Receiver<Way>) {
    if way.wait_for(|way| *way != Way::Silent).await.is_err() || *way.borrow() == Way::Cut {
        return;
    }
    let Ok(server) = TcpStream::connect(("127.0.0.1", port)).await else { return };
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        () = carry(from_client, to_server, way.clone()) => {}
        () = carry(from_server, to_client, way) => {}
    }
}

/// Carries bytes one way.
async fn carry(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut way: watch::Receiver<Way>) {
    let mut bytes = vec![0; 16_384];
    loop {
        let n = tokio::select! {
            read = from.read(&mut bytes) => match read {
                Ok(n) if n > 0 => n,
                Ok(_) | Err(_) => return,
            },
            _ = way.wait_for(|way| *way == Way::Cut) => return,
        };
        let is_open = way.wait_for(|way| *way != Way::Silent).await.is_ok_and(|way| *way == Way::Open);
        if !is_open || to.write_all(&bytes[..n]).await.is_err() {
            return;
        }
    }
}
