//! Delivers webhooks: signed (those of 360dialog's numbers with their headers instead), several at a time, retried until they are answered with 200. The platform
//! retries for days; here the wait between attempts grows to two seconds and never ends, so that a receiver
//! that was restarted gets what it missed.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::payload::{Event, envelope};
use super::queue::Queue;
use crate::clock::SimClock;
use crate::config::{Config, Webhook};
use crate::dialog360::KeyedWebhook;

/// Requests under way at once.
const CONCURRENCY: usize = 16;
/// How often the background looks for what is due: short enough to keep delays honest, long enough for
/// statuses that are due together to share a request.
const TICK: Duration = Duration::from_millis(10);
/// An endpoint that takes longer to answer has failed.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(2);

/// What came of one attempt. What is neither delivered nor failed has no webhook: the platform tells nobody.
#[derive(Debug)]
pub(crate) struct Attempt {
    /// How many events were delivered.
    pub(crate) delivered: usize,
    /// Those that were not, in their order.
    pub(crate) failed: Vec<Event>,
}

/// Whose webhook tells an event.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Teller {
    /// The app's, which is signed.
    App,
    /// That of this number, by 360dialog.
    Number(String),
}

/// Posts webhooks to where they go at the moment.
pub(crate) struct Deliverer {
    client: reqwest::Client,
    webhook: Mutex<Option<Webhook>>,
    /// 360dialog's numbers, each with its account and with where its webhooks go.
    keyed: Mutex<BTreeMap<String, (String, Option<KeyedWebhook>)>>,
    /// Accounts that have a number which is not 360dialog's.
    apps: BTreeSet<String>,
    /// Attempts so far: each goes to the next of several addresses.
    attempts: AtomicUsize,
    /// Events that were answered with 200, and those that were not, each time anew.
    taken: AtomicUsize,
    refused: AtomicUsize,
    clock: SimClock,
}

impl Deliverer {
    pub(crate) fn new(config: &Config) -> io::Result<Self> {
        // Fails only when another provider was installed before, which serves as well.
        rustls::crypto::ring::default_provider().install_default().ok();
        let client = reqwest::Client::builder()
            .timeout(ANSWER_WITHIN)
            .tcp_nodelay(true)
            .no_proxy()
            .build()
            .map_err(io::Error::other)?;
        let (keyed, others): (Vec<_>, Vec<_>) =
            config.numbers.iter().partition(|number| number.api_key.is_some());
        let keyed = keyed.into_iter().map(|number| {
            (number.phone_number_id.clone(), (number.waba_id.clone(), config.keyed_webhook.clone()))
        });
        Ok(Self {
            client,
            webhook: Mutex::new(config.webhook.clone()),
            keyed: Mutex::new(keyed.collect()),
            apps: others.into_iter().map(|number| number.waba_id.clone()).collect(),
            attempts: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            refused: AtomicUsize::new(0),
            clock: config.clock.clone(),
        })
    }

    pub(crate) fn set_webhook(&self, webhook: Option<Webhook>) {
        *self.webhook.lock().unwrap_or_else(PoisonError::into_inner) = webhook;
    }

    /// How many events were answered with 200, and how often one was not.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (self.taken.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    fn webhook(&self) -> Option<Webhook> {
        self.webhook.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What webhooks are signed with: the app's secret.
    pub(crate) fn app_secret(&self) -> Option<String> {
        self.webhook().map(|webhook| webhook.app_secret)
    }

    /// Says where 360dialog posts the webhooks of a number.
    pub(crate) fn set_keyed_webhook(&self, phone_number_id: &str, webhook: KeyedWebhook) {
        if let Some((_, own)) = self.numbers().get_mut(phone_number_id) {
            *own = Some(webhook);
        }
    }

    /// The same for all its numbers.
    pub(crate) fn set_all_keyed_webhooks(&self, webhook: Option<&KeyedWebhook>) {
        for (_, own) in self.numbers().values_mut() {
            *own = webhook.cloned();
        }
    }

    /// Where 360dialog posts the webhooks of a number.
    pub(crate) fn keyed_webhook(&self, phone_number_id: &str) -> Option<KeyedWebhook> {
        self.numbers().get(phone_number_id)?.1.clone()
    }

    fn numbers(&self) -> MutexGuard<'_, BTreeMap<String, (String, Option<KeyedWebhook>)>> {
        self.keyed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whose webhook tells an event: that of the number it is about, where 360dialog serves that; what is about an
    /// account goes to the app, or, where 360dialog has all its numbers, to the first of them.
    fn teller(&self, event: &Event) -> Teller {
        let keyed = self.numbers();
        match event.about() {
            (_, Some(number)) if keyed.contains_key(number) => Teller::Number(number.to_owned()),
            (waba_id, None) if !self.apps.contains(waba_id) => {
                let first = keyed.iter().find(|(_, (of, _))| of == waba_id);
                first.map_or(Teller::App, |(number, _)| Teller::Number(number.clone()))
            }
            _ => Teller::App,
        }
    }

    /// Tries once.
    pub(crate) async fn attempt(&self, events: Vec<Event>) -> Attempt {
        let mut told: Vec<(Teller, Vec<Event>)> = Vec::new();
        for event in events {
            let teller = self.teller(&event);
            match told.iter_mut().find(|(other, _)| *other == teller) {
                Some((_, events)) => events.push(event),
                None => told.push((teller, vec![event])),
            }
        }
        let mut attempt = Attempt { delivered: 0, failed: Vec::new() };
        for (teller, events) in told {
            match self.post(&teller, &events).await {
                None => {}
                Some(true) => attempt.delivered += events.len(),
                Some(false) => attempt.failed.extend(events),
            }
        }
        self.taken.fetch_add(attempt.delivered, Ordering::Relaxed);
        self.refused.fetch_add(attempt.failed.len(), Ordering::Relaxed);
        attempt
    }

    /// Posts events to where they go; `None` where nobody listens.
    async fn post(&self, teller: &Teller, events: &[Event]) -> Option<bool> {
        let body = envelope(events, self.clock.now());
        let request = match teller {
            Teller::App => {
                let webhook = self.webhook()?;
                let Some(signature) = sign(&webhook.app_secret, body.as_bytes()) else { return Some(false) };
                let turn = self.attempts.fetch_add(1, Ordering::Relaxed) % (webhook.others.len() + 1);
                let url = if turn == 0 { &webhook.url } else { &webhook.others[turn - 1] };
                self.client.post(url).header("x-hub-signature-256", signature)
            }
            Teller::Number(number) => {
                let KeyedWebhook { url, headers } = self.keyed_webhook(number)?;
                headers
                    .iter()
                    .fold(self.client.post(url), |request, (name, value)| request.header(name, value))
            }
        };
        Some(match request.header("content-type", "application/json").body(body).send().await {
            Ok(response) if response.status() == reqwest::StatusCode::OK => {
                // Reading the body to its end lets the connection be used again.
                let _ = response.bytes().await;
                true
            }
            Ok(response) => {
                tracing::debug!(status = response.status().as_u16(), "webhook was not answered with 200");
                false
            }
            Err(error) => {
                tracing::debug!(%error, "webhook could not be delivered");
                false
            }
        })
    }

    async fn until_delivered(&self, events: Vec<Event>) {
        let mut wait = FIRST_RETRY;
        let mut left = self.attempt(events).await.failed;
        while !left.is_empty() {
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(LAST_RETRY);
            left = self.attempt(left).await.failed;
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
            let attempt = self.attempt(events).await;
            delivered += attempt.delivered;
            let has_failed = !attempt.failed.is_empty();
            queue.put_back(attempt.failed);
            queue.done(count);
            if has_failed {
                return delivered;
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
                    let count = events.len();
                    stop.run_until_cancelled(deliverer.until_delivered(events)).await;
                    queue.done(count);
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
