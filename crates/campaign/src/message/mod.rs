//! The state machine of one message: every transition there is, as functions of the state and what happened.
//!
//! ```text
//!            claim             accepted            status            status          status
//!  queued ──────────▶ sending ──────────▶ accepted ────────▶ sent ──────────▶ delivered ──────▶ read
//!    ▲  │               │ │ │             held ──────────────▲
//!    │  │ refused, may  │ │ │ unknown
//!    │  │ try again     │ │ └──────────▶ in_doubt ──▶ (any status; or by policy: retrying, failed;
//!    │  ▼               ▼ ▼                       or by an operator: accepted, retrying, failed)
//!    │ retrying       failed        queued, retrying ──▶ expired (deadline), skipped (cancelled, opted out, …)
//!    └── claim ───────────          accepted, held, sent ──▶ expired (TTL passed, nothing came)
//!
//!  queued, retrying ──▶ retrying (deferred: its recipient is left alone for a time)
//! ```
//!
//! Two facts shape it. The platform has no idempotency key, so a request whose fate is unknown is its own
//! state and is never repeated by this machine, only by a decision ([`Event::Resend`]). And statuses arrive
//! duplicated, reordered and sometimes before the response of the send, so they only ever move a message up
//! `accepted < sent < delivered < read`.
//!
//! # Which word counts
//!
//! Of one attempt, whatever the order in which its answer and its statuses come, and however often:
//!
//! | told | the message is |
//! | --- | --- |
//! | `read` | read |
//! | `delivered` | delivered |
//! | `failed` | failed, or retrying where its code allows; of several failures the first one told counts |
//! | `sent` | sent |
//! | no status | what the answer says: accepted, held, failed or retrying (refused), in doubt (none came) |
//!
//! The first line that applies counts. So a status is believed against an answer: what is said to be on its way although
//! it was refused does not leave again.
//!
//! # A doubt that is sent once more
//!
//! From [`Event::Resend`] on two attempts may be with the platform: the *resent* one, whose doubt was ended by sending
//! once more, and the newest. [`Current::resent`] keeps what is known of the former ([`Fate`]), through whatever happens
//! to the latter, until nothing can come of it any more. The rule: **once it is known that the resent attempt was taken,
//! no attempt that has not left yet leaves**, unless the platform says that it failed in the end.
//!
//! | the newest attempt | news that the resent one was taken | and then, of the newest |
//! | --- | --- | --- |
//! | has not left (again): retrying, or failed, expired, skipped before it left | the message is accepted (held, sent), by the resent attempt | |
//! | may be on its way: sending, in doubt | the message stays, and knows it | refused, never left, given up: accepted, by the resent attempt; taken: accepted, by both |
//! | was taken: accepted, held, sent | the message stays, and knows it | failed: the message stays, by the resent attempt alone |
//!
//! A delivery is believed of any attempt. A failure of one of two attempts never ends, and never repeats, what the other
//! one may still do.

mod attempts;
#[cfg(test)]
mod histories;
mod machine;
#[cfg(test)]
mod orders;

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

pub use attempts::{Current, Fate, Of, UnknownFate};
pub use machine::next;

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for its turn. A worker's claim moves it out; stuck only while its campaign does not run.
    Queued,
    /// Waits for `retry_at`, after a refusal that may pass. A worker's claim moves it out.
    Retrying,
    /// Claimed: the request may be on its way. The worker moves it out, or the sweep of lost workers.
    Sending,
    /// It is not known whether the platform took it. A status, a policy or an operator moves it out.
    InDoubt,
    /// The platform took it and gave it an id.
    Accepted,
    /// The platform took it and holds it back to assess the template's quality.
    Held,
    /// On its way to the recipient's device.
    Sent,
    /// On the recipient's device.
    Delivered,
    /// Seen by the recipient (implies delivered, whose own status may never come).
    Read,
    /// Not delivered, with a code and class that say why.
    Failed,
    /// Not delivered: its deadline passed before it was sent, or its TTL after it was accepted.
    Expired,
    /// Deliberately not sent, with the reason.
    Skipped,
}

impl State {
    /// All states, in the order in which reports show them.
    pub const ALL: [Self; 12] = [
        Self::Queued,
        Self::Retrying,
        Self::Sending,
        Self::InDoubt,
        Self::Accepted,
        Self::Held,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::Expired,
        Self::Skipped,
    ];

    /// Its name in databases, reports and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Retrying => "retrying",
            Self::Sending => "sending",
            Self::InDoubt => "in_doubt",
            Self::Accepted => "accepted",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Skipped => "skipped",
        }
    }

    /// Whether a worker may still have to send it.
    #[must_use]
    pub const fn is_unsent(self) -> bool {
        matches!(self, Self::Queued | Self::Retrying)
    }

    /// Whether the platform took it and its fate is still open.
    #[must_use]
    pub const fn is_awaiting_status(self) -> bool {
        matches!(self, Self::Accepted | Self::Held | Self::Sent)
    }

    /// Whether it reached the recipient's device.
    #[must_use]
    pub const fn is_delivered(self) -> bool {
        matches!(self, Self::Delivered | Self::Read)
    }

    /// Whether money may still be asked for it: its worst case stays reserved.
    #[must_use]
    pub const fn holds_reservation(self) -> bool {
        matches!(self, Self::Sending | Self::InDoubt | Self::Accepted | Self::Held | Self::Sent)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no message state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a message state")]
pub struct UnknownState(pub String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|s| s.name() == text).ok_or_else(|| UnknownState(text.to_owned()))
    }
}

/// What a status webhook says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// On its way.
    Sent,
    /// On the device.
    Delivered,
    /// Seen.
    Read,
    /// Not delivered; `again` when the code's class allows another attempt.
    Failed {
        /// Whether the message may be tried again.
        again: Again,
    },
}

/// Whether a refused or failed message is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// At its `retry_at`.
    Later,
    /// Never.
    No,
}

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A worker takes it, to send it now.
    Claim,
    /// The platform took that attempt.
    Accepted(Of),
    /// The platform took that attempt and holds it for quality assessment.
    Held(Of),
    /// The platform refused the newest attempt, or its request provably never left.
    Refused(Again),
    /// The newest attempt's request left, or may have, and no answer says what became of it.
    Unknown,
    /// A status webhook.
    Status(Of, Status),
    /// A doubt is decided: send once more.
    Resend,
    /// A doubt is decided: give it up.
    GiveUp,
    /// A doubt is decided: somebody knows, or trusts, that the platform took it.
    TakeOnTrust,
    /// Its deadline passed before it was sent.
    DeadlinePassed,
    /// Its TTL and the margin passed with no delivery.
    TtlPassed,
    /// It is not to be sent: cancelled, opted out, over budget.
    Skip,
    /// It is not to be sent yet: its recipient is left alone for a time.
    Defer,
}

/// What an event leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The message moves.
    To(Current),
    /// The message stays in its state, and something more is known of its attempts.
    Learn(Current),
    /// True, but nothing new: a duplicate, or older than what is known.
    Stay,
}

/// The event cannot happen to a message in that state. Stores refuse it and change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message that is {} cannot take {event:?}", from.state)]
pub struct Forbidden {
    /// Where the message was.
    pub from: Current,
    /// What was to happen.
    pub event: Event,
}
