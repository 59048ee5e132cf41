//! Webhooks over the wire, byte for byte: the real routes behind the real listener, and a client that can misbehave.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use clock::SystemClock;
use hmac::{Hmac, KeyInit, Mac};
use reconciler::{Counters, Limits, Reconciler, Routes, Settings};
use store::SqliteStore;
use store::conformance::scene::{Scene, Setup, at};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use crate::logs;

pub(crate) const SECRET: &str = "the secret of our app";

pub(crate) const VERIFY_TOKEN: &str = "handshake-41";

/// Whom the webhooks tell of.
pub(crate) const RECIPIENT: &str = "919800000000";

/// Ten claimed messages, and an address that takes webhooks about them.
pub(crate) struct Intake {
    pub(crate) address: SocketAddr,
    pub(crate) scene: Scene,
    pub(crate) counters: Arc<Counters>,
    pub(crate) store: store::SharedStore,
    pub(crate) install: String,
    stop: CancellationToken,
}

impl Drop for Intake {
    fn drop(&mut self) {
        self.stop.cancel();
        if !std::thread::panicking() {
            logs::assert_clean();
        }
    }
}

impl Intake {
    pub(crate) async fn start(limits: Limits) -> Self {
        logs::watch();
        let store: store::SharedStore = Arc::new(SqliteStore::in_memory().await.unwrap());
        let scene = Setup::default().released(&store).await;
        scene.claim(0, 0..5, at(0)).await;
        let install = store.install_id().await.unwrap();
        let settings = Settings {
            verify_token: Some(whatsapp::Secret::new(VERIFY_TOKEN)),
            app_secrets: vec![whatsapp::Secret::new(SECRET)],
            shared_secret: None,
            install: install.clone(),
            senders: Vec::new(),
            archive: None,
        };
        let reconciler = Reconciler::new(settings, store.clone(), Arc::new(SystemClock::new()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, counters) = (listener.local_addr().unwrap(), reconciler.counters());
        let stop = CancellationToken::new();
        let routes =
            Routes { all: reconciler.router_within(limits), when_full: reconciler.router_when_full() };
        tokio::spawn(reconciler::serve(listener, routes, limits, stop.clone()));
        let stopped = stop.clone();
        tokio::spawn(async move { reconciler.run(stopped).await });
        Self { address, scene, counters, store, install, stop }
    }

    /// A webhook that says `status` of the first attempt of a message.
    pub(crate) fn body(&self, seq: u32, status: &str) -> String {
        let (id, install) = (self.scene.id, &self.install);
        format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"102290129340398","changes":[{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"15550783881","phone_number_id":"106540352242922"}},"statuses":[{{"id":"wamid.{seq}.1","status":"{status}","timestamp":"1795000020","recipient_id":"{RECIPIENT}","biz_opaque_callback_data":"pl1.{install}.{id}.{seq}.1"}}]}}}}]}}]}}"#
        )
    }

    /// Posts a body with these headers, as a decent client does, and returns status and text of the answer.
    pub(crate) async fn post(&self, headers: &[(&str, &str)], body: &[u8]) -> (u16, String) {
        let length = body.len().to_string();
        let mut all = vec![("content-length", length.as_str())];
        all.extend_from_slice(headers);
        let mut connection = self.connect().await;
        connection.write_all(head("POST", reconciler::intake::PATH, &all).as_bytes()).await.unwrap();
        // A server that has answered already may have closed its side.
        let _ = connection.write_all(body).await;
        answer(&mut connection).await
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

/// The head of a request.
pub(crate) fn head(method: &str, path: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: here\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    head
}

/// The status and text of the answer that comes next; status 0 where the connection ends without one.
pub(crate) async fn answer(connection: &mut TcpStream) -> (u16, String) {
    let reading = async {
        let mut got = Vec::new();
        let mut piece = [0; 4_096];
        loop {
            if let Some(answer) = whole(&got) {
                return answer;
            }
            match connection.read(&mut piece).await {
                Ok(0) | Err(_) => return (0, String::from_utf8_lossy(&got).into_owned()),
                Ok(n) => got.extend_from_slice(&piece[..n]),
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reading).await.expect("an answer comes")
}

fn whole(got: &[u8]) -> Option<(u16, String)> {
    let text = String::from_utf8_lossy(got);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
    (body.len() >= length.unwrap_or(0)).then(|| (status, body.to_owned()))
}

/// `X-Hub-Signature-256` over a body.
pub(crate) fn signed(secret: &str, body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}
