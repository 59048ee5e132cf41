//! [`Client::send`]: one request, one outcome.
//!
//! The line that matters is whether a byte of the request may have been written. hyper tells exactly two
//! errors from before it: one of its connector's ([`reqwest::Error::is_connect`]: name resolution, TCP, TLS,
//! the connect timeout), and the one with which it hands an unwritten request back
//! ([`hyper::Error::is_canceled`]; on HTTP/1.1 it is made in no other case, see [`crate::client`]).
//! Everything else counts as written.

use std::error::Error;

use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Request, Response};

use super::{SendOutcome, SendRequest, answer};
use crate::Client;

/// The platform's answers have a few hundred bytes; one longer than this is not read to its end.
pub(crate) const MAX_ANSWER_BYTES: usize = 1024 * 1024;

impl Client {
    /// Sends one marketing message (`POST .../marketing_messages`), once, and says what is known afterwards.
    ///
    /// The caller must hold a claim on the message before, and record the outcome after. If the returned
    /// future is dropped before it is ready, the outcome is that of [`SendOutcome::Unknown`].
    pub async fn send(&self, request: &SendRequest<'_>) -> SendOutcome {
        let body = match request.to_json() {
            Ok(body) => body,
            Err(error) => {
                return SendOutcome::NotSent(format!("the request cannot be written as JSON: {error}"));
            }
        };
        let mut post = Request::new(Method::POST, self.send_url.clone());
        post.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        *post.body_mut() = Some(body.into());

        let mut response = match self.http.execute(post).await {
            Ok(response) => response,
            Err(error) if is_before_write(&error) => {
                return SendOutcome::NotSent(format!("no request went out: {}", causes(error)));
            }
            Err(error) => {
                return SendOutcome::Unknown(format!(
                    "the request went out, or part of it, and no answer came: {}",
                    causes(error)
                ));
            }
        };
        let status = response.status().as_u16();
        match read_to_end(&mut response).await {
            Ok(body) => answer::read(status, response.headers(), &body),
            Err(why) => answer::broken_off(status, &why),
        }
    }
}

/// Whether the error proves that no byte of the request was written.
fn is_before_write(error: &reqwest::Error) -> bool {
    error.is_connect() || error.is_builder() || handed_back(error)
}

fn handed_back(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(error) = source {
        if let Some(error) = error.downcast_ref::<hyper::Error>() {
            return error.is_canceled();
        }
        source = error.source();
    }
    false
}

/// Reads the whole body.
pub(crate) async fn read_to_end(response: &mut Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(causes)? {
        if body.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(format!("it is longer than {MAX_ANSWER_BYTES} bytes"));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// The error and everything that caused it, on one line, each said once. The address is left out: it is the
/// same for all requests, and the log line has the sender's name.
pub(crate) fn causes(error: reqwest::Error) -> String {
    let timed_out = error.is_timeout();
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = cause.source();
    }
    if timed_out && !text.contains("timed out") {
        text.push_str(": timed out");
    }
    text
}
