//! A platform over a bare TCP socket, which does with each connection or request what a script says, and
//! keeps what it was sent. Bare, because the faults that matter are those that no HTTP server would make.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test's platform may panic")]

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use campaign::params::Content;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use whatsapp::{Client, ClientConfig, Recipient, Secret, SendOutcome, SendRequest};

/// What to do next. Each step is used up by one connection or one request.
pub(crate) enum Step {
    /// Close the next connection without reading from it.
    CloseUnread,
    /// Read a request, then reset the connection.
    Reset,
    /// Read a request, write this, keep the connection.
    Say(String),
    /// Read a request, write this, close the connection.
    SayAndClose(String),
    /// Read a request, write this, then nothing more until the client goes.
    SayAndHang(String),
}

/// A request as it came over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: String,
}

#[derive(Default)]
struct State {
    script: Mutex<VecDeque<Step>>,
    received: Mutex<Vec<Received>>,
    connections: Mutex<usize>,
}

/// The platform. When the script is used up, it accepts every message and keeps connections open.
pub(crate) struct Platform {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
}

impl Platform {
    pub(crate) async fn start(script: impl IntoIterator<Item = Step>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State { script: Mutex::new(script.into_iter().collect()), ..State::default() });
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *shared.connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.state.received.lock().unwrap().clone()
    }

    pub(crate) fn connections(&self) -> usize {
        *self.state.connections.lock().unwrap()
    }

    /// A client of this platform.
    pub(crate) fn client(&self) -> Client {
        client(&self.url(), Patience::Long)
    }
}

/// How long a client waits.
#[derive(Clone, Copy)]
pub(crate) enum Patience {
    /// Longer than any test takes.
    Long,
    /// Half a second, where the test is about running out of it.
    Short,
}

/// A client of whatever is at an address.
pub(crate) fn client(base_url: &str, patience: Patience) -> Client {
    let (timeout, connect_timeout) = match patience {
        Patience::Long => (Duration::from_secs(30), Duration::from_secs(20)),
        Patience::Short => (Duration::from_millis(500), Duration::from_millis(400)),
    };
    let base_url = base_url.to_owned();
    let config = ClientConfig::meta("106540352242922", Secret::new("EAAG-token"));
    Client::new(ClientConfig { base_url, timeout, connect_timeout, ..config }).unwrap()
}

/// Sends a message that is recognised by its callback data.
pub(crate) async fn send(client: &Client, callback_data: &str) -> SendOutcome {
    let content = Content::default();
    client
        .send(&SendRequest {
            to: Recipient::Phone("919876543210"),
            template: "diwali_sale",
            language: "en",
            content: &content,
            product_policy: None,
            activity_sharing: None,
            multiplier: None,
            callback_data: Some(callback_data),
        })
        .await
}

/// A complete answer.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n{headers}\r\n{body}", body.len())
}

/// The answer to an accepted message.
pub(crate) fn accepted() -> String {
    answer(
        "200 OK",
        "Content-Type: application/json\r\n",
        r#"{"messaging_product":"whatsapp","contacts":[{"input":"919876543210","wa_id":"919876543210"}],"messages":[{"id":"wamid.T","message_status":"accepted"}]}"#,
    )
}

async fn serve(mut stream: TcpStream, state: Arc<State>) {
    stream.set_nodelay(true).unwrap();
    {
        let mut script = state.script.lock().unwrap();
        if matches!(script.front(), Some(Step::CloseUnread)) {
            script.pop_front();
            return;
        }
    }
    while let Some(request) = read_request(&mut stream).await {
        state.received.lock().unwrap().push(request);
        let step = state.script.lock().unwrap().pop_front().unwrap_or_else(|| Step::Say(accepted()));
        match step {
            Step::CloseUnread => return,
            Step::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Step::Say(text) => stream.write_all(text.as_bytes()).await.unwrap(),
            Step::SayAndClose(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                return;
            }
            Step::SayAndHang(text) => {
                stream.write_all(text.as_bytes()).await.unwrap();
                let _ = stream.read(&mut [0]).await;
                return;
            }
        }
    }
}

async fn read_request(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8(bytes[..end].to_vec()).expect("heads are ASCII");
            let length: usize = head
                .lines()
                .find_map(|line| {
                    line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok()
                })
                .unwrap_or(0);
            if bytes.len() >= end + 4 + length {
                let body = String::from_utf8(bytes[end + 4..].to_vec()).expect("bodies are UTF-8");
                return Some(Received { head, body });
            }
        }
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(n) => bytes.extend_from_slice(&chunk[..n]),
        }
    }
}
