//! What is known after a send. Not a `Result`: three of the four are neither success nor failure in a way
//! that `?` could carry, and the difference between "not sent" and "unknown" must not get lost on the way.

use std::time::Duration;

use crate::throttle::Usage;

/// What became of one request to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendOutcome {
    /// The platform took the message and named it. Taken, not sent: a failure may still come by webhook.
    Accepted(Accepted),
    /// The platform answered with an error. What the code means, and whether the message may nevertheless
    /// have been sent (Meta documents some codes as ambiguous), is the caller's to classify.
    Refused(Refusal),
    /// No byte of the request was written, with the reason as a sentence fragment: no connection (refused,
    /// name not found, TLS failed, connecting timed out), or the connection was gone before the request was
    /// put on it. The message may safely be sent again.
    NotSent(String),
    /// The request was written, or may have been, and no answer that could be read came back, with the
    /// reason as a sentence fragment. The message may have been sent: never repeat it blindly.
    Unknown(String),
}

/// The platform took the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// The message's id at the platform, by which its statuses are matched.
    pub wamid: String,
    /// Whether it is on its way or held.
    pub status: MessageStatus,
    /// The recipient's WhatsApp id; it may differ from the number that was sent to, and is missing where
    /// the message went to a user id.
    pub wa_id: Option<String>,
    /// The recipient's business-scoped user id, where the platform gave it.
    pub user_id: Option<String>,
    /// What the usage headers said, where there were any.
    pub usage: Option<Usage>,
}

/// What the platform does with a message it took (`message_status`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageStatus {
    /// It is on its way. Also where the response has no status, as before template pacing, or one this
    /// program does not know.
    Accepted,
    /// `held_for_quality_assessment`: template or portfolio pacing keeps it until the first recipients have
    /// reacted; it is then sent, or dropped with a failed webhook.
    Held,
    /// `paused`: the template was paused by pacing.
    Paused,
}

/// The platform answered with an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status of the answer.
    pub http_status: u16,
    /// The platform's error code; `None` where a 4xx came without one (from a gateway in front of the
    /// platform, for example).
    pub code: Option<i64>,
    /// `error_subcode`, which only old API versions send.
    pub subcode: Option<i64>,
    /// What the platform calls the error, without its `(#code)`; at most 300 characters.
    pub title: String,
    /// What the platform says about it, or the beginning of a body that could not be read; at most 1,000
    /// characters.
    pub details: Option<String>,
    /// `is_transient`: the platform expects a repetition to succeed.
    pub is_transient: bool,
    /// The platform's id of the request, for its support.
    pub fbtrace_id: Option<String>,
    /// How long the platform asks to wait; at most [`crate::throttle::MAX_RETRY_AFTER`].
    pub retry_after: Option<Duration>,
    /// What the usage headers said, where there were any.
    pub usage: Option<Usage>,
}
