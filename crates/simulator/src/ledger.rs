//! What arrived, what was really accepted, and what came of it: the truth that others are compared with.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One message that the platform really accepted, whether or not the sender ever learned of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LedgerEntry {
    /// Its number in the ledger, from 0.
    pub number: usize,
    /// When its request arrived, on the platform's clock.
    pub arrived_at: DateTime<Utc>,
    /// When its request arrived, in microseconds of real time since the simulator started.
    pub arrived_us: u64,
    /// The number that sent it.
    pub phone_number_id: String,
    /// The recipient, as sent (`to`, else `recipient`).
    pub recipient: String,
    /// Template name.
    pub template: String,
    /// Template language.
    pub language: String,
    /// The message's id.
    pub wamid: String,
    /// The sender's own key, as sent.
    pub biz_opaque_callback_data: Option<String>,
    /// How it went.
    pub route: Route,
    /// The body as it was received.
    pub body: Value,
    /// What comes of it.
    pub truth: Truth,
}

/// How a message goes, as `pricing.category` in webhooks names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// Marketing Messages API.
    MarketingLite,
    /// Cloud API.
    Marketing,
}

/// What comes of an accepted message, fixed when it was accepted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// How it ends.
    pub fate: Fate,
    /// Everything that happens to it, in the order in which it happens.
    pub timeline: Vec<TruthEvent>,
    /// What it costs, in whole units of `currency`; 0 unless it is delivered.
    pub price: Decimal,
    /// The account's currency.
    pub currency: String,
}

impl Truth {
    /// Whether it is delivered (and charged).
    pub fn is_delivered(&self) -> bool {
        matches!(self.fate, Fate::Delivered | Fate::Read)
    }

    /// Whether every status of it is announced by a webhook sooner or later. An expiry never is.
    pub fn is_fully_announced(&self) -> bool {
        self.timeline.iter().all(|event| event.announced)
    }
}

/// How a message ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Delivered and not read.
    Delivered,
    /// Delivered and read.
    Read,
    /// Failed after it was accepted, with this code.
    Failed(u32),
    /// Not delivered within its TTL. Nobody is told.
    Expired,
}

/// One thing that happens to an accepted message.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TruthEvent {
    /// What.
    pub status: Status,
    /// When, on the platform's clock.
    pub at: DateTime<Utc>,
    /// Whether a webhook tells it (missing webhooks and expiries are not told).
    pub announced: bool,
}

/// What may happen to an accepted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// On its way.
    Sent,
    /// On the recipient's device.
    Delivered,
    /// Read.
    Read,
    /// Failed.
    Failed,
    /// Dropped, its TTL having passed.
    Expired,
}

impl Status {
    /// The name in webhooks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Expired => "expired",
        }
    }
}

/// One send request that arrived, and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RequestRecord {
    /// Its number, from 0.
    pub number: usize,
    /// When it arrived, on the platform's clock.
    pub arrived_at: DateTime<Utc>,
    /// When it arrived, in microseconds of real time since the simulator started.
    pub arrived_us: u64,
    /// `marketing_messages` or `messages`.
    pub endpoint: String,
    /// The number in the path.
    pub phone_number_id: String,
    /// The recipient, as sent; `None` where the body has none.
    pub recipient: Option<String>,
    /// The template's name; `None` where the body has none.
    pub template: Option<String>,
    /// The sender's own key, as sent.
    pub biz_opaque_callback_data: Option<String>,
    /// What was answered.
    pub answer: Answer,
}

/// What a send was answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// 200 with a message id.
    Accepted {
        /// The id.
        wamid: String,
    },
    /// Accepted; 200 headers at once, the body dribbled.
    AcceptedSlowly {
        /// The id.
        wamid: String,
    },
    /// Refused with an error of the platform.
    Refused {
        /// Its code.
        code: u32,
        /// The HTTP status.
        http: u16,
    },
    /// A server error, and not accepted.
    ErrorBefore {
        /// The HTTP status.
        http: u16,
    },
    /// A server error, and accepted all the same.
    ErrorAfter {
        /// The HTTP status.
        http: u16,
        /// The id.
        wamid: String,
    },
    /// Accepted and never answered.
    Lost {
        /// The id.
        wamid: String,
    },
    /// Connection reset, not accepted.
    ResetBefore,
    /// Connection reset, accepted all the same.
    ResetAfter {
        /// The id.
        wamid: String,
    },
}

impl Answer {
    /// The id of the message, where one was accepted.
    pub fn wamid(&self) -> Option<&str> {
        match self {
            Self::Accepted { wamid }
            | Self::AcceptedSlowly { wamid }
            | Self::ErrorAfter { wamid, .. }
            | Self::Lost { wamid }
            | Self::ResetAfter { wamid } => Some(wamid),
            Self::Refused { .. } | Self::ErrorBefore { .. } | Self::ResetBefore => None,
        }
    }
}
