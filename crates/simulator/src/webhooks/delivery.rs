//! Delivers webhooks: signed, several at a time, retried until they are answered with 200. The platform
//! retries for days; here the wait between attempts grows to two seconds and never ends, so that a receiver
//! that was restarted gets what it missed.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::payload::{Event, envelope};
use super::queue::Queue;
use crate::clock::SimClock;
use crate::config::Webhook;

/// Requests under way at once.
const CONCURRENCY: usize = 16;
/// How often the background looks for what is due: short enough to keep delays honest, long enough for
/// statuses that are due together to share a request.
const TICK: Duration = Duration::from_millis(10);
/// An endpoint that takes longer to answer has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(2);

/// What came of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    Delivered,
    /// There is no webhook: the platform tells nobody.
    NobodyListens,
    Failed,
}

/// Posts webhooks to where they go at the moment.
pub(crate) struct Deliverer {
    client: reqwest::Client,
    webhook: Mutex<Option<Webhook>>,
    /// Attempts so far: each goes to the next of several addresses.
    attempts: AtomicUsize,
    clock: SimClock,
}

impl Deliverer {
    pub(crate) fn new(webhook: Option<Webhook>, clock: SimClock) -> io::Result<Self> {
        // Fails only when another provider was installed before, which serves as well.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder()
            .timeout(ANSWER_WITHIN)
            .tcp_nodelay(true)
            .no_proxy()
            .build()
            .map_err(io::Error::other)?;
        Ok(Self { client, webhook: Mutex::new(webhook), attempts: AtomicUsize::new(0), clock })
    }

    pub(crate) fn set_webhook(&self, webhook: Option<Webhook>) {
        *self.webhook.lock().unwrap_or_else(PoisonError::into_inner) = webhook;
    }

    fn webhook(&self) -> Option<Webhook> {
        self.webhook.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What webhooks are signed with: the app's secret.
    pub(crate) fn app_secret(&self) -> Option<String> {
        self.webhook().map(|webhook| webhook.app_secret)
    }

    /// Tries once.
    pub(crate) async fn attempt(&self, events: &[Event]) -> Attempt {
        let Some(webhook) = self.webhook() else { return Attempt::NobodyListens };
        let body = envelope(events, self.clock.now());
        let Some(signature) = sign(&webhook.app_secret, body.as_bytes()) else { return Attempt::Failed };
        let turn = self.attempts.fetch_add(1, Ordering::Relaxed) % (webhook.others.len() + 1);
        let url = if turn == 0 { &webhook.url } else { &webhook.others[turn - 1] };
        let answer = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header("x-hub-signature-256", signature)
            .body(body)
            .send()
            .await;
        match answer {
            Ok(response) if response.status() == reqwest::StatusCode::OK => {
                // Reading the body to its end lets the connection be used again.
                let _ = response.bytes().await;
                Attempt::Delivered
            }
            Ok(response) => {
                tracing::debug!(status = response.status().as_u16(), "webhook was not answered with 200");
                Attempt::Failed
            }
            Err(error) => {
                tracing::debug!(%error, "webhook could not be delivered");
                Attempt::Failed
            }
        }
    }

    async fn until_delivered(&self, events: &[Event]) {
        let mut wait = FIRST_RETRY;
        while self.attempt(events).await == Attempt::Failed {
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LAST_RETRY);
        }
    }

    /// Delivers all that is due, in its order, one request after the other; stops at the first that fails,
    /// which stays due. Returns how many events were delivered.
    pub(crate) async fn pump(&self, queue: &Queue, batch: usize) -> usize {
        let mut delivered = 0;
        loop {
            let now = self.clock.now();
            let events = queue.take(now, batch);
            if events.is_empty() {
                return delivered;
            }
            let count = events.len();
            let attempt = self.attempt(&events).await;
            if attempt == Attempt::Failed {
                queue.put_back(events);
                queue.done(count);
                return delivered;
            }
            queue.done(count);
            if attempt == Attempt::Delivered {
                delivered += count;
            }
        }
    }
}

/// The value of `X-Hub-Signature-256`: hex HMAC-SHA256 over the raw body, keyed with the app secret.
fn sign(app_secret: &str, body: &[u8]) -> Option<String> {
    let mut mac = Hmac::<Sha256>::new_from_slice(app_secret.as_bytes()).ok()?;
    mac.update(body);
    Some(format!("sha256={}", hex::encode(mac.finalize().into_bytes())))
}

/// Delivers what falls due until `stop`.
pub(crate) async fn run_in_background(
    queue: Arc<Queue>,
    deliverer: Arc<Deliverer>,
    clock: SimClock,
    batch: usize,
    stop: CancellationToken,
) {
    let permits = Arc::new(Semaphore::new(CONCURRENCY));
    let tasks = TaskTracker::new();
    let work = async {
        loop {
            if queue.has_nothing_to_take() {
                queue.filled().await;
            }
            tokio::time::sleep(TICK).await;
            loop {
                let Ok(permit) = Arc::clone(&permits).acquire_owned().await else { return };
                let events = queue.take(clock.now(), batch);
                if events.is_empty() {
                    break;
                }
                let (queue, deliverer, stop) = (Arc::clone(&queue), Arc::clone(&deliverer), stop.clone());
                tasks.spawn(async move {
                    stop.run_until_cancelled(deliverer.until_delivered(&events)).await;
                    queue.done(events.len());
                    drop(permit);
                });
            }
        }
    };
    stop.run_until_cancelled(work).await;
    tasks.close();
    tasks.wait().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signature_is_the_documented_one() {
        // RFC 4231, test case 2.
        assert_eq!(
            sign("Jefe", b"what do ya want for nothing?").unwrap(),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }
}
