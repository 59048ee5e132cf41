//! What a failure that a webhook tells stops beside its message. Platform: errors come as an answer, by webhook, or both;
//! where every request is accepted and fails afterwards, each further one would lose another recipient.

use campaign::ids::MessageId;
use campaign::platform_error::{LIFTS_AFTER, Stopped, Verdict};
use chrono::{DateTime, TimeDelta, Utc};
use store::brake::{Brake, Cause, Subject};
use store::model::SentWith;
use whatsapp::webhook::StatusEvent;

/// A failed message whose template, sender or account is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stop {
    /// The message's id there.
    pub wamid: String,
    /// Our own key of it.
    pub key: Option<(MessageId, u32)>,
    phone_number_id: Option<String>,
    on: Stopped,
    cause: Cause,
    reason: String,
    lifts_by_itself: bool,
    failed_at: Option<DateTime<Utc>>,
}

/// A failure that is told so late says nothing of the present: the platform repeats its webhooks for days, and somebody
/// may have mended the cause and resumed.
const OLD: TimeDelta = TimeDelta::minutes(10);

impl Stop {
    /// What a failure stops, if anything.
    #[must_use]
    pub fn of(
        verdict: &Verdict,
        code: Option<i64>,
        event: &StatusEvent,
        key: Option<(MessageId, u32)>,
    ) -> Option<Self> {
        Some(Self {
            wamid: event.wamid.clone(),
            key,
            phone_number_id: event.phone_number_id.clone(),
            on: verdict.stops()?,
            cause: Cause::Refused(code.unwrap_or_default()),
            reason: verdict.explanation.clone(),
            lifts_by_itself: verdict.lifts_by_itself,
            failed_at: event.timestamp,
        })
    }

    /// Whether another one stops the same, as far as can be told without looking its message up.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        (self.cause, &self.phone_number_id) == (other.cause, &other.phone_number_id)
    }

    /// Whether it happened too long ago to stop anything now.
    #[must_use]
    pub fn is_old(&self, now: DateTime<Utc>) -> bool {
        self.failed_at.is_some_and(|at| at + OLD < now)
    }

    /// The brake, on what the message was sent with.
    #[must_use]
    pub fn brake(&self, with: SentWith, now: DateTime<Utc>) -> Brake {
        Brake {
            on: match self.on {
                Stopped::Template => Subject::Template(with.template),
                // A token concerns requests, and they meet it themselves.
                Stopped::Sender | Stopped::Token => Subject::Sender(with.sender),
                Stopped::Account => Subject::Account(with.template.waba_id),
            },
            cause: self.cause,
            reason: self.reason.clone(),
            since: now,
            until: self.lifts_by_itself.then(|| now + LIFTS_AFTER),
        }
    }
}
