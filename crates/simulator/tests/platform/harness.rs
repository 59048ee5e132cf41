//! A simulator, a client for it, and a webhook receiver that checks signatures by hand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use chrono::{DateTime, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use simulator::{Config, Profile, SimClock, Simulator};

pub(crate) const NUMBER: &str = "106540352242922";
pub(crate) const WABA: &str = "102290129340398";
pub(crate) const SECRET: &str = "app-secret";

pub(crate) fn start_time() -> DateTime<Utc> {
    "2026-11-08T09:00:00Z".parse().unwrap()
}

/// A perfect platform on a clock that stands.
pub(crate) fn config() -> Config {
    Config { clock: SimClock::explicit(start_time()), ..Config::default() }
}

/// A perfect platform in real time.
pub(crate) fn real_config() -> Config {
    Config { clock: SimClock::real(1.0), ..Config::default() }
}

pub(crate) struct World {
    pub(crate) sim: Simulator,
    pub(crate) client: reqwest::Client,
    pub(crate) receiver: Receiver,
}

/// What a send was answered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Answered {
    pub(crate) http: u16,
    pub(crate) body: Value,
}

impl Answered {
    pub(crate) fn code(&self) -> u64 {
        self.body["error"]["code"].as_u64().unwrap_or_else(|| panic!("no error code in {self:?}"))
    }

    pub(crate) fn wamid(&self) -> String {
        self.body["messages"][0]["id"].as_str().unwrap_or_else(|| panic!("no id in {self:?}")).to_owned()
    }
}

impl World {
    pub(crate) async fn start(config: Config) -> Self {
        let receiver = Receiver::start().await;
        let sim = Simulator::start(config).await.unwrap();
        sim.set_webhook(&receiver.url, SECRET);
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap();
        Self { sim, client, receiver }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}/v25.0/{path}", self.sim.base_url())
    }

    pub(crate) async fn try_post(&self, path: &str, body: &Value) -> Result<Answered, reqwest::Error> {
        let request = self.client.post(self.url(path)).bearer_auth("sim-token").json(body);
        let response = request.send().await?;
        let http = response.status().as_u16();
        let text = response.text().await?;
        Ok(Answered { http, body: serde_json::from_str(&text).unwrap_or(Value::Null) })
    }

    pub(crate) async fn try_send(&self, body: &Value) -> Result<Answered, reqwest::Error> {
        self.try_post(&format!("{NUMBER}/marketing_messages"), body).await
    }

    pub(crate) async fn send(&self, body: &Value) -> Answered {
        self.try_send(body).await.unwrap()
    }

    /// Sends the template to a number of its own kind: `n` makes an Indian mobile number.
    pub(crate) async fn send_to(&self, n: u32, template: &str) -> Answered {
        self.send(&message(&phone(n), template)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answered {
        let response = self.client.get(self.url(path)).bearer_auth("sim-token").send().await.unwrap();
        Answered { http: response.status().as_u16(), body: response.json().await.unwrap() }
    }

    pub(crate) fn advance(&self, by: TimeDelta) {
        self.sim.clock().advance(by.to_std().unwrap()).unwrap();
    }
}

pub(crate) fn phone(n: u32) -> String {
    format!("+9198{n:08}")
}

/// A send of a template without parameters.
pub(crate) fn message(to: &str, template: &str) -> Value {
    json!({
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "template",
        "template": { "name": template, "language": { "code": "en" } },
        "biz_opaque_callback_data": format!("key-of-{to}"),
    })
}

/// Takes webhooks, and fails as many as it is told to.
pub(crate) struct Receiver {
    pub(crate) url: String,
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    bodies: Mutex<Vec<Value>>,
    refuse: AtomicUsize,
    refused: AtomicUsize,
    bad_signatures: AtomicUsize,
}

impl Receiver {
    async fn start() -> Self {
        let inner = Arc::new(Inner::default());
        let app = Router::new().route("/hook", post(receive)).with_state(Arc::clone(&inner));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, inner }
    }

    /// Answers the next `times` webhooks with 500.
    pub(crate) fn refuse(&self, times: usize) {
        self.inner.refuse.store(times, Ordering::SeqCst);
    }

    pub(crate) fn refused(&self) -> usize {
        self.inner.refused.load(Ordering::SeqCst)
    }

    /// Every change received, in order.
    pub(crate) fn changes(&self) -> Vec<Value> {
        assert_eq!(self.inner.bad_signatures.load(Ordering::SeqCst), 0, "a webhook was signed wrongly");
        let bodies = self.inner.bodies.lock().unwrap();
        let entries = bodies.iter().flat_map(|body| body["entry"].as_array().unwrap());
        entries.flat_map(|entry| entry["changes"].as_array().unwrap().clone()).collect()
    }

    /// Every status received, in order.
    pub(crate) fn statuses(&self) -> Vec<Value> {
        let changes = self.changes();
        changes.iter().flat_map(|c| c["value"]["statuses"].as_array().cloned().unwrap_or_default()).collect()
    }

    /// The statuses received for one message, in order.
    pub(crate) fn of(&self, wamid: &str) -> Vec<String> {
        let of_it = self.statuses().into_iter().filter(|status| status["id"] == wamid);
        of_it.map(|status| status["status"].as_str().unwrap().to_owned()).collect()
    }
}

async fn receive(State(inner): State<Arc<Inner>>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(&body);
    let expected = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    if headers.get("x-hub-signature-256").is_none_or(|given| given != expected.as_str()) {
        inner.bad_signatures.fetch_add(1, Ordering::SeqCst);
        return StatusCode::UNAUTHORIZED;
    }
    let refuse = |left: usize| left.checked_sub(1);
    if inner.refuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, refuse).is_ok() {
        inner.refused.fetch_add(1, Ordering::SeqCst);
        return StatusCode::INTERNAL_SERVER_ERROR;
    }
    inner.bodies.lock().unwrap().push(serde_json::from_slice(&body).unwrap());
    StatusCode::OK
}

/// A profile with one thing changed.
pub(crate) fn profile(change: impl FnOnce(&mut Profile)) -> Profile {
    let mut profile = Profile::none();
    change(&mut profile);
    profile
}
