//! Sends claimed messages, each at its permit's instant.

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use campaign::definition::ProductPolicy;
use campaign::ids::{CorrelationKey, MessageId};
use campaign::pacing::limiter::{Ask, Instant, TOLERANCE};
use chrono::{DateTime, Utc};
use futures::FutureExt;
use queue::Granted;
use store::model::ClaimedMessage;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use whatsapp::{Recipient, SendOutcome, SendRequest};

use crate::slice::SliceContext;
use crate::worker::Worker;

/// A message that was claimed, and what came of it.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) message: ClaimedMessage,
    /// `None`: it never left, as its claim had become too old.
    pub(crate) answer: Option<SendOutcome>,
}

/// Messages of one claim, each with its place among the requests in flight.
pub(crate) struct Ready {
    pub(crate) messages: Vec<(ClaimedMessage, OwnedSemaphorePermit)>,
    /// Nothing of it leaves after either of these instants, of `Clock::monotonic` and of `Clock::now`.
    pub(crate) good_until: (Duration, DateTime<Utc>),
}

impl Worker {
    /// Sends each message at the instant of a permit, in a task of its own.
    ///
    /// A permit that cannot be used at its instant (a slow claim, a busy machine) is used at once and counts from
    /// then. Where even that would crowd the second that follows, messages are left over, as all are alike to the
    /// pace; in the end they get new permits together.
    pub(crate) async fn dispatch(
        &self,
        context: &SliceContext,
        ask: &Ask,
        ready: Ready,
        permits: &[Instant],
        flight: &mut JoinSet<Flight>,
    ) {
        let mut permits: VecDeque<Instant> = permits.iter().copied().collect();
        let Ready { messages, good_until } = ready;
        let mut left = messages.len();
        for (message, place) in messages {
            let wanted = u32::try_from(left).unwrap_or(u32::MAX);
            let ask = Ask { permits: wanted, ..*ask };
            let turn = self.until_permitted(context, &ask, &mut permits);
            let remaining = good_until.0.saturating_sub(self.clock.monotonic());
            let leaves = tokio::time::timeout(remaining, turn).await.ok();
            left -= 1;
            // The last look before the request: the process may have been frozen until now.
            let is_good = self.clock.monotonic() < good_until.0 && self.clock.now() < good_until.1;
            let Some(at) = leaves.filter(|_| is_good) else {
                flight.spawn(async move { Flight { message, answer: None } });
                continue;
            };
            let send = Send::new(self, context, message);
            let line = context.line.clone();
            let campaign = context.job.slice.campaign;
            flight.spawn(async move {
                let _place = place;
                // What the pace is judged by: beside it, the way to the platform may be of any length.
                tracing::trace!(
                    target: "worker::departure",
                    at = %at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
                    campaign = campaign.0,
                    seq = send.message.seq.0,
                    attempt = send.message.attempt,
                );
                // A panic after the first byte left would lose what became of the message: it is then unknown.
                let sending = AssertUnwindSafe(async { line.sender.client.send(&send.request()).await })
                    .catch_unwind()
                    .await;
                let answer =
                    sending.unwrap_or_else(|_| SendOutcome::Unknown("the sending task panicked".to_owned()));
                Flight { message: send.message, answer: Some(answer) }
            });
        }
    }

    /// Waits until the next permit that can be used, and returns when it is; those that are too old count no more.
    async fn until_permitted(
        &self,
        context: &SliceContext,
        ask: &Ask,
        permits: &mut VecDeque<Instant>,
    ) -> DateTime<Utc> {
        loop {
            let Some(permit) = permits.pop_front() else {
                permits.extend(self.more_permits(context, ask).await);
                continue;
            };
            // A timer takes a millisecond at the least: what is due goes at once, or a fast sender falls behind.
            if Duration::from_micros(permit) > self.clock.monotonic() {
                self.clock.sleep_until(Duration::from_micros(permit)).await;
            }
            let (uptime, now) = (self.clock.monotonic(), self.clock.now());
            if uptime.saturating_sub(Duration::from_micros(permit)) <= TOLERANCE {
                return now;
            }
            if self.permits.postpone(&context.line.sender.pace, ask.campaign, permit).await {
                return self.clock.now();
            }
        }
    }

    /// At least one and at most as many permits as asked for, for messages that are claimed already.
    async fn more_permits(&self, context: &SliceContext, ask: &Ask) -> Granted {
        loop {
            match self.permits.take(&context.line.sender.pace, ask).await {
                Ok(permits) => return permits,
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "no permits; claimed messages wait"
                    );
                    self.clock.sleep(Duration::from_millis(500)).await;
                }
            }
        }
    }
}

/// What a request is made of, owned by its task.
struct Send {
    message: ClaimedMessage,
    campaign: std::sync::Arc<campaign::definition::Definition>,
    template: store::model::TemplateKey,
    key: Option<String>,
}

impl Send {
    fn new(worker: &Worker, context: &SliceContext, message: ClaimedMessage) -> Self {
        let key = worker.settings.correlate.then(|| {
            CorrelationKey {
                install: worker.settings.install.clone(),
                message: MessageId { campaign: context.job.slice.campaign, seq: message.seq },
                attempt: message.attempt,
            }
            .to_string()
        });
        Self { message, campaign: context.campaign.clone(), template: context.group.template.clone(), key }
    }

    fn request(&self) -> SendRequest<'_> {
        let delivery = &self.campaign.delivery;
        SendRequest {
            to: recipient(&self.message.recipient),
            template: &self.template.name,
            language: &self.template.language,
            content: &self.message.content,
            product_policy: Some(match delivery.product_policy {
                ProductPolicy::CloudApiFallback => whatsapp::ProductPolicy::CloudApiFallback,
                ProductPolicy::Strict => whatsapp::ProductPolicy::Strict,
            }),
            activity_sharing: delivery.activity_sharing,
            multiplier: self.message.multiplier,
            callback_data: self.key.as_deref(),
        }
    }
}

/// A business-scoped user id has a dot after its country; a phone number is digits alone.
fn recipient(address: &str) -> Recipient<'_> {
    if address.contains('.') { Recipient::UserId(address) } else { Recipient::Phone(address) }
}
