//! The HTTP side of webhook intake: handshake, signature or shared secret, size, backpressure.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::body::Body;
use axum::extract::{Query, State};
use axum::http::header::{CONNECTION, RETRY_AFTER};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use serde::Deserialize;
use subtle::ConstantTimeEq;
use whatsapp::signature::{self, SignatureError};
use whatsapp::webhook::{self, Event, Posted};

use crate::body::{Bodies, Limits, Refused};
use crate::commit::{CommitHandle, NotCommitted};
use crate::{Settings, SharedSecret};

/// The path under which the platform reaches us.
pub const PATH: &str = "/webhooks/whatsapp";

/// What intake has seen since the process started.
#[derive(Debug, Default)]
pub struct Counters {
    /// Posts answered with 200.
    pub taken: AtomicU64,
    /// Posts refused for their signature or shared secret.
    pub forged: AtomicU64,
    /// Posts whose body could not be read.
    pub unreadable: AtomicU64,
    /// Posts that were not read to their end: too large, too slow, or broken off.
    pub unread: AtomicU64,
    /// Posts answered with 503.
    pub turned_away: AtomicU64,
    /// Statuses that moved a message.
    pub applied: AtomicU64,
    /// Statuses that told nothing new.
    pub unchanged: AtomicU64,
    /// Statuses that match no message yet.
    pub parked: AtomicU64,
}

pub(crate) fn add(counter: &AtomicU64, n: u64) {
    counter.fetch_add(n, Ordering::Relaxed);
}

#[derive(Debug, Clone)]
struct Intake {
    settings: Arc<Settings>,
    commit: CommitHandle,
    counters: Arc<Counters>,
    bodies: Bodies,
}

pub(crate) fn router(
    settings: Arc<Settings>,
    commit: CommitHandle,
    counters: Arc<Counters>,
    limits: Limits,
) -> axum::Router {
    axum::Router::new().route(PATH, get(handshake).post(receive)).with_state(Intake {
        settings,
        commit,
        counters,
        bodies: Bodies::new(limits),
    })
}

/// What posts get while every connection that there may be is busy.
pub(crate) fn router_when_full(counters: Arc<Counters>) -> axum::Router {
    let full = async move || {
        add(&counters.turned_away, 1);
        // Its body is not read.
        let headers = [(RETRY_AFTER, "1"), (CONNECTION, "close")];
        (StatusCode::SERVICE_UNAVAILABLE, headers, "too many connections are busy; send it again")
            .into_response()
    };
    axum::Router::new().route(PATH, any(full))
}

#[derive(Debug, Deserialize)]
struct Handshake {
    #[serde(rename = "hub.mode")]
    mode: Option<String>,
    #[serde(rename = "hub.challenge")]
    challenge: Option<String>,
    #[serde(rename = "hub.verify_token")]
    verify_token: Option<String>,
}

async fn handshake(State(intake): State<Intake>, Query(query): Query<Handshake>) -> Response {
    let known = match (&intake.settings.verify_token, &query.verify_token) {
        (Some(expected), Some(given)) => bool::from(expected.expose().as_bytes().ct_eq(given.as_bytes())),
        (None, _) | (_, None) => false,
    };
    if query.mode.as_deref() == Some("subscribe") && known {
        return (StatusCode::OK, query.challenge.unwrap_or_default()).into_response();
    }
    (StatusCode::FORBIDDEN, "the verify token is not the one in this server's configuration").into_response()
}

/// Whether Meta signed a post, or 360dialog sends our secret along with it. A post that carries the shared secret's
/// header is judged by that alone.
fn is_genuine(settings: &Settings, headers: &HeaderMap, body: &[u8]) -> Result<(), SignatureError> {
    if let Some(SharedSecret { header, secrets }) = &settings.shared_secret {
        let given = headers.get(header.as_str()).map(|value| value.as_bytes());
        if given.is_some() || settings.app_secrets.is_empty() {
            return signature::verify_shared(secrets, given);
        }
    }
    let header = headers.get("x-hub-signature-256").and_then(|value| value.to_str().ok());
    signature::verify(&settings.app_secrets, header, body)
}

/// Why this part cannot be read, where it cannot.
fn why_unreadable(posted: &Posted) -> Option<&str> {
    if let Event::Unreadable { why } = &posted.event { Some(why) } else { None }
}

async fn receive(State(intake): State<Intake>, headers: HeaderMap, body: Body) -> Response {
    // Held until the answer: its bytes count as long as what was decoded of them is there.
    let whole = match intake.bodies.read(&headers, body).await {
        Ok(whole) => whole,
        Err(refused) => {
            let counter = match refused {
                Refused::TooMany => &intake.counters.turned_away,
                Refused::TooLarge | Refused::TooSlow | Refused::CutOff => &intake.counters.unread,
            };
            add(counter, 1);
            tracing::warn!(error = &refused as &dyn std::error::Error, "a post was not read to its end");
            return refused.into_response();
        }
    };
    let body = &whole.bytes;
    if let Err(error) = is_genuine(&intake.settings, &headers, body) {
        add(&intake.counters.forged, 1);
        tracing::warn!(error = &error as &dyn std::error::Error, "a webhook was refused");
        return (StatusCode::UNAUTHORIZED, "the signature or shared secret does not match").into_response();
    }
    let events = match webhook::decode(body) {
        Ok(events) => events,
        Err(error) => {
            // Signed and not readable: repeating it would not help, so it is counted and taken.
            add(&intake.counters.unreadable, 1);
            vec![Posted { event: Event::Unreadable { why: error.to_string() }, at: None }]
        }
    };
    if let Some(why) = events.iter().find_map(why_unreadable) {
        tracing::error!(why, "a signed webhook, or a part of it, could not be read");
    }
    match intake.commit.commit(events, body.clone()).await {
        Ok(()) => {
            add(&intake.counters.taken, 1);
            StatusCode::OK.into_response()
        }
        Err(NotCommitted) => {
            add(&intake.counters.turned_away, 1);
            (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "1")], "not stored; send it again")
                .into_response()
        }
    }
}
