//! Connections and routes: stamps each arrival, reads the request, and writes (or withholds) the answer.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::body::{Body, to_bytes};
use axum::extract::Query;
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{SimClock, Stopwatch};
use crate::control;
use crate::dialog360::{self, KeyedWebhook};
use crate::door::Door;
use crate::graph::GraphCall;
use crate::message::Endpoint;
use crate::sends::{Arrival, Call, Decision, Reply};
use crate::state::State;
use crate::webhooks::{Deliverer, Event, Queue};
use crate::wire::{ResetSwitch, Wire};

/// Larger requests are refused: the platform's sends are a few kilobytes.
const LARGEST_BODY: usize = 4 * 1024 * 1024;
/// How long a send waits for its early webhook to be answered.
const EARLY_WITHIN: Duration = Duration::from_secs(2);
/// In how many pieces a slow body comes.
const SLOW_PIECES: u32 = 8;

/// Everything that a request needs. Shared by all connections.
pub(crate) struct Platform {
    pub(crate) state: Mutex<State>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) deliverer: Arc<Deliverer>,
    pub(crate) clock: SimClock,
    pub(crate) stopwatch: Stopwatch,
    pub(crate) webhook_batch: usize,
    /// One pump at a time, so that webhooks leave in their order.
    pub(crate) pumping: tokio::sync::Mutex<()>,
}

impl Platform {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Delivers all webhooks that are due, in their order.
    pub(crate) async fn pump(&self) -> usize {
        let _one = self.pumping.lock().await;
        self.deliverer.pump(&self.queue, self.webhook_batch).await
    }

    /// Lets these events be told now.
    pub(crate) fn tell(&self, events: Vec<Event>) {
        let now = self.clock.now();
        self.queue.push(events.into_iter().map(|event| (now, event)));
    }
}

/// Ends a connection without an answer.
#[derive(Debug)]
struct Withheld;

impl fmt::Display for Withheld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer is withheld")
    }
}

impl std::error::Error for Withheld {}

/// Takes connections until `stop`.
pub(crate) async fn serve(listener: TcpListener, platform: Arc<Platform>, stop: CancellationToken) {
    let tasks = TaskTracker::new();
    while let Some(accepted) = stop.run_until_cancelled(listener.accept()).await {
        let stream = match accepted {
            Ok((stream, _)) => stream,
            Err(error) => {
                // Out of file descriptors, say: others may close theirs.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            }
        };
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection was gone before it was taken");
            continue;
        }
        let switch = ResetSwitch::default();
        let io = TokioIo::new(Wire::new(stream, switch.clone()));
        let (platform, stop) = (Arc::clone(&platform), stop.clone());
        tasks.spawn(async move {
            let service = service_fn(move |request| {
                let (platform, switch) = (Arc::clone(&platform), switch.clone());
                async move { handle(&platform, &switch, request).await }
            });
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(io, service);
            if let Some(Err(error)) = stop.run_until_cancelled(connection).await {
                tracing::trace!(%error, "a connection ended early");
            }
        });
    }
    tasks.close();
    tasks.wait().await;
}

async fn handle(
    platform: &Platform,
    switch: &ResetSwitch,
    request: Request<Incoming>,
) -> Result<Response<Body>, Withheld> {
    let arrival = Arrival { at: platform.clock.now(), us: platform.stopwatch.micros() };
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(Body::new(body), LARGEST_BODY).await else {
        return Ok(text(413, "The request body is too large or was cut off."));
    };
    let token = parts
        .headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("Bearer "))
        .map(str::trim);
    let query =
        Query::<HashMap<String, String>>::try_from_uri(&parts.uri).map(|query| query.0).unwrap_or_default();
    let token = token.or_else(|| query.get("access_token").map(String::as_str));
    let method = parts.method.as_str();
    let path: Vec<&str> = parts.uri.path().split('/').filter(|part| !part.is_empty()).collect();
    match (method, path.as_slice()) {
        (_, ["_sim", path @ ..]) => Ok(control::answer(platform, method, path, &query, &bytes).await),
        (_, [dialog360::ROOT, path @ ..]) => {
            let key = parts.headers.get(dialog360::KEY_HEADER).and_then(|value| value.to_str().ok());
            let endpoint = match (method, path) {
                ("POST", ["marketing_messages"]) => Endpoint::MarketingMessages,
                ("POST", ["messages"]) => Endpoint::Messages,
                _ => return Ok(keyed(platform, method, path, key, &bytes)),
            };
            let id = platform.state().number_of_any_standing(key).unwrap_or_default();
            let call = Call { arrival, endpoint, phone_number_id: &id, token: key, door: Door::Dialog360 };
            send(platform, switch, &call, &bytes).await
        }
        ("POST", [version, id, "marketing_messages"]) if is_version(version) => {
            let endpoint = Endpoint::MarketingMessages;
            let call = Call { arrival, endpoint, phone_number_id: id, token, door: Door::Graph };
            send(platform, switch, &call, &bytes).await
        }
        ("POST", [version, id, "messages"]) if is_version(version) => {
            let endpoint = Endpoint::Messages;
            let call = Call { arrival, endpoint, phone_number_id: id, token, door: Door::Graph };
            send(platform, switch, &call, &bytes).await
        }
        (_, [version, path @ ..]) if is_version(version) && !path.is_empty() => {
            let body = serde_json::from_slice(&bytes).ok();
            let app_secret = platform.deliverer.app_secret();
            let call = GraphCall { method, path, query: &query, body, token, app_secret, now: arrival.at };
            Ok(graph(platform, &call))
        }
        _ => Ok(text(
            404,
            "Unknown path. Paths start with the API version, for example /v25.0/, or with /360dialog/ or /_sim/.",
        )),
    }
}

/// `v` and a number with one decimal place, such as `v25.0`.
fn is_version(text: &str) -> bool {
    text.strip_prefix('v').and_then(|number| number.split_once('.')).is_some_and(|(major, minor)| {
        [major, minor].iter().all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()))
    })
}

fn graph(platform: &Platform, call: &GraphCall<'_>) -> Response<Body> {
    let (answered, trace) = {
        let mut state = platform.state();
        (state.graph(call), state.trace())
    };
    match answered {
        Ok((value, events)) => {
            platform.queue.push(events);
            json(200, value.to_string())
        }
        Err(error) => json(error.http, error.body(&trace).to_string()),
    }
}

/// What 360dialog is asked beside messages: where the webhooks of the key's number go.
fn keyed(
    platform: &Platform,
    method: &str,
    path: &[&str],
    key: Option<&str>,
    bytes: &Bytes,
) -> Response<Body> {
    let own = |own: dialog360::OwnError| json(own.http, own.body().to_string());
    let id = match platform.state().number_of_key(key) {
        Ok(state) => state.number.phone_number_id.clone(),
        Err(error) => return own(error),
    };
    match (method, path) {
        ("POST", ["v1", "configs", "webhook"]) => match serde_json::from_slice::<KeyedWebhook>(bytes) {
            Ok(webhook) => {
                let answer = serde_json::json!(webhook).to_string();
                platform.deliverer.set_keyed_webhook(&id, webhook);
                json(200, answer)
            }
            Err(_) => {
                own(dialog360::OwnError { http: 400, says: "The webhook's url is missing or not valid." })
            }
        },
        ("GET", ["v1", "configs", "webhook"]) => {
            json(200, serde_json::json!(platform.deliverer.keyed_webhook(&id)).to_string())
        }
        _ => own(dialog360::OwnError { http: 404, says: "There is no such path." }),
    }
}

async fn send(
    platform: &Platform,
    switch: &ResetSwitch,
    call: &Call<'_>,
    bytes: &Bytes,
) -> Result<Response<Body>, Withheld> {
    let body: Option<Value> = serde_json::from_slice(bytes).ok();
    // The lock ends with this statement: everything below waits, and may be dropped when the client leaves.
    let Decision { reply, latency, events, early } = platform.state().send(call, body);
    platform.queue.push(events);
    if !early.is_empty() {
        tell_early(platform, early).await;
    }
    let spent = platform.stopwatch.elapsed().saturating_sub(Duration::from_micros(call.arrival.us));
    tokio::time::sleep(latency.saturating_sub(spent)).await;
    match reply {
        Reply::Json { http, headers, body } => {
            let mut response = json(http, body);
            for (name, value) in &headers {
                if let (Ok(name), Ok(value)) =
                    (hyper::header::HeaderName::try_from(name), hyper::header::HeaderValue::try_from(value))
                {
                    response.headers_mut().insert(name, value);
                }
            }
            Ok(response)
        }
        Reply::SlowJson { body, over } => Ok(slow(body, over)),
        Reply::Gateway { http } => {
            let page = "<html><head><title>Bad Gateway</title></head><body>upstream error</body></html>";
            Ok(answer(http, "text/html", Body::from(page)))
        }
        Reply::Hang(hold) => {
            tokio::time::sleep(hold).await;
            Err(Withheld)
        }
        Reply::Reset => {
            switch.reset_on_close();
            Err(Withheld)
        }
    }
}

/// Delivers webhooks before the send's own answer. Those that fail wait with the others.
async fn tell_early(platform: &Platform, early: Vec<Event>) {
    match tokio::time::timeout(EARLY_WITHIN, platform.deliverer.attempt(early.clone())).await {
        Ok(attempt) => platform.tell(attempt.failed),
        Err(_) => platform.tell(early),
    }
}

fn slow(body: String, over: Duration) -> Response<Body> {
    let pieces = body.len().div_ceil(SLOW_PIECES as usize).max(1);
    let pieces: Vec<Bytes> = body.into_bytes().chunks(pieces).map(Bytes::copy_from_slice).collect();
    let pause = over / SLOW_PIECES;
    let stream = futures::stream::unfold(pieces.into_iter(), move |mut pieces| async move {
        let piece = pieces.next()?;
        tokio::time::sleep(pause).await;
        Some((Ok::<_, io::Error>(piece), pieces))
    });
    answer(200, "application/json", Body::from_stream(stream))
}

pub(crate) fn json(http: u16, body: String) -> Response<Body> {
    answer(http, "application/json; charset=UTF-8", Body::from(body))
}

pub(crate) fn text(http: u16, body: &'static str) -> Response<Body> {
    answer(http, "text/plain", Body::from(body))
}

pub(crate) fn answer(http: u16, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    // A script may ask for a status that HTTP does not have.
    *response.status_mut() =
        hyper::StatusCode::from_u16(http).unwrap_or(hyper::StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static(content_type));
    response
}
