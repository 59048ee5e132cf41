//! Sends claimed messages, each at its permit's instant.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use campaign::definition::ProductPolicy;
use campaign::ids::{CorrelationKey, MessageId};
use campaign::pacing::limiter::{Ask, Instant, TOLERANCE};
use futures::FutureExt;
use store::model::ClaimedMessage;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinSet;
use whatsapp::{Recipient, SendOutcome, SendRequest};

use crate::slice::SliceContext;
use crate::worker::Worker;

/// A message that was sent, and what came of it.
#[derive(Debug)]
pub(crate) struct Flight {
    pub(crate) message: ClaimedMessage,
    pub(crate) answer: SendOutcome,
}

impl Worker {
    /// Waits for the permit's instant and lets the request go, in a task of its own.
    ///
    /// A permit that could not be used in time (a busy machine, too many requests in flight) is given back
    /// and another one taken: sending late would crowd the second that follows.
    pub(crate) async fn dispatch(
        &self,
        context: &SliceContext,
        ask: &Ask,
        message: ClaimedMessage,
        mut permit: Instant,
        place: OwnedSemaphorePermit,
        flight: &mut JoinSet<Flight>,
    ) {
        let pace = &context.sender.pace;
        loop {
            self.clock.sleep_until(Duration::from_micros(permit)).await;
            let late = self.clock.monotonic().saturating_sub(Duration::from_micros(permit));
            if late <= TOLERANCE {
                break;
            }
            self.permits.give_back(pace, ask.campaign, ask.weight, &[permit]).await;
            permit = self.another_permit(context, ask).await;
        }
        let send = Send::new(self, context, message);
        let sender = context.sender.clone();
        flight.spawn(async move {
            let _place = place;
            // A panic after the first byte left would lose what became of the message: it is then unknown.
            let sending = AssertUnwindSafe(sender.client.send(&send.request())).catch_unwind().await;
            let answer = sending.unwrap_or_else(|_| SendOutcome::Unknown("the sending task panicked".to_owned()));
            Flight { message: send.message, answer }
        });
    }

    async fn another_permit(&self, context: &SliceContext, ask: &Ask) -> Instant {
        let ask = Ask { permits: 1, ..*ask };
        loop {
            match self.permits.take(&context.sender.pace, &ask).await {
                Ok(permits) => {
                    if let Some(first) = permits.first() {
                        return *first;
                    }
                }
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
