//! The body of a post: read whole, within limits of size, time and what all posts together may hold.
//!
//! Anybody can post to the address, and whose post it is shows only when all of it is there. So nothing is read of a body
//! that says it is too large, no body is read beyond the limit, no sender keeps its part of the memory for longer than
//! [`Limits::body`], and all of them together never hold more than [`Limits::held`].

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::header::{CONNECTION, CONTENT_LENGTH, RETRY_AFTER};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::StreamExt;

/// The largest body that is read, bytes (platform: webhook payloads have at most 3 MB).
pub const LARGEST: usize = 3 * 1024 * 1024;

/// What whoever posts may take of us.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long a request's head may take, counted from when its connection waits for one: longer than proxies keep a
    /// connection that nothing comes over (60 or 75 s mostly), so that none of them posts into one that is being closed.
    pub head: Duration,
    /// How long a body may take, from its first byte to its last.
    pub body: Duration,
    /// How long a connection is kept, however busy it is: then its request is answered and it is closed.
    pub connection: Duration,
    /// How many connections are open at once, beside a few spare ones: for the next one, one that waits for a request is
    /// closed. Where all of them are busy, further posts are answered with 503.
    pub connections: usize,
    /// How many bytes the bodies take that are read at once, or whose posts are not answered yet; the posts that would be
    /// too much are answered with 503. That is not all of the memory: a connection has up to 16 KB each of what it read
    /// and what it writes (64 MB each of 4,096 connections, which only heads and bodies that come in pieces as large
    /// fill; hyper begins with 8 KB), and what genuine bodies say, decoded, takes a few
    /// times their bytes (less than a hundred times, should the platform send nothing but tiny parts).
    pub held: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(120),
            body: Duration::from_secs(30),
            connection: Duration::from_secs(3_600),
            connections: 4_096,
            held: 128 * 1024 * 1024,
        }
    }
}

/// What bodies may take, and what they hold.
#[derive(Debug, Clone, Default)]
pub(crate) struct Bodies {
    limits: Limits,
    held: Arc<AtomicUsize>,
}

/// A body, and its part of what all of them may hold.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    _share: Share,
}

/// What a body holds; given back when it is dropped.
#[derive(Debug)]
struct Share {
    held: Arc<AtomicUsize>,
    bytes: usize,
}

impl Share {
    /// Takes so many bytes more, unless they would be too many.
    fn grow(&mut self, bytes: usize, most: usize) -> bool {
        if self.held.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > most {
            self.held.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.bytes += bytes;
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.held.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

/// Why a body was not read to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error(
        "the body is larger than 3 MB (3145728 bytes), the most that the platform sends; nothing of it was used"
    )]
    TooLarge,
    #[error("the body did not come in time; nothing of it was used, send it again")]
    TooSlow,
    #[error("the body broke off, or was not sent as its headers say; nothing of it was used")]
    CutOff,
    #[error("too many large posts are being read at once; send it again")]
    TooMany,
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = match self {
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooSlow => StatusCode::REQUEST_TIMEOUT,
            Self::CutOff => StatusCode::BAD_REQUEST,
            Self::TooMany => StatusCode::SERVICE_UNAVAILABLE,
        };
        let mut response = (status, self.to_string()).into_response();
        // The rest of the body is not read, so no other request can follow it.
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        if self == Self::TooMany {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        response
    }
}

impl Bodies {
    pub(crate) fn new(limits: Limits) -> Self {
        Self { limits, held: Arc::default() }
    }

    /// Reads a body to its end.
    pub(crate) async fn read(&self, headers: &HeaderMap, body: Body) -> Result<Whole, Refused> {
        let said = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
        let said = said.and_then(|said| said.parse::<u64>().ok());
        let most =
            said.map_or(Some(LARGEST), |said| usize::try_from(said).ok().filter(|said| *said <= LARGEST));
        let most = most.ok_or(Refused::TooLarge)?;
        let reading = tokio::time::timeout(self.limits.body, self.read_all(body, most)).await;
        reading.unwrap_or(Err(Refused::TooSlow))
    }

    /// Reads a body that has `most` bytes at the most, which bounds the memory that is set aside for it.
    async fn read_all(&self, body: Body, most: usize) -> Result<Whole, Refused> {
        let mut share = Share { held: self.held.clone(), bytes: 0 };
        let mut chunks = body.into_data_stream();
        let mut bytes = Vec::new();
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|_| Refused::CutOff)?;
            let length = bytes.len() + chunk.len();
            if length > LARGEST {
                return Err(Refused::TooLarge);
            }
            // What is set aside is what counts; it doubles, as what was read is copied each time.
            if length > share.bytes {
                let room = most.min(2 * share.bytes).max(length);
                if !share.grow(room - share.bytes, self.limits.held) {
                    return Err(Refused::TooMany);
                }
                bytes.reserve_exact(room - bytes.len());
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Whole { bytes: Bytes::from(bytes), _share: share })
    }
}
