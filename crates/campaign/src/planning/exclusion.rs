//! Why a plan leaves a row out.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The kind of reason for which a row is not sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// The row itself cannot be read: fields missing, not UTF-8.
    BrokenRow,
    /// The phone number or user id is none.
    InvalidRecipient,
    /// A number, but not of a mobile phone.
    NotMobile,
    /// The time zone column holds no zone.
    InvalidZone,
    /// A parameter does not render.
    Unrenderable,
    /// An earlier row has the same recipient.
    Duplicate,
    /// The recipient is on the do-not-send list.
    Suppressed,
    /// The platform delivers no marketing there.
    NotDelivered,
    /// The recipient has had as many messages as the frequency cap allows.
    OverCap,
    /// Held out, to compare with.
    HoldOut,
}

impl Reason {
    /// All reasons, the faults of the file first.
    pub const ALL: [Self; 10] = [
        Self::BrokenRow,
        Self::InvalidRecipient,
        Self::NotMobile,
        Self::InvalidZone,
        Self::Unrenderable,
        Self::Duplicate,
        Self::Suppressed,
        Self::NotDelivered,
        Self::OverCap,
        Self::HoldOut,
    ];

    /// Its fixed word in databases and files.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BrokenRow => "broken_row",
            Self::InvalidRecipient => "invalid_recipient",
            Self::NotMobile => "not_mobile",
            Self::InvalidZone => "invalid_zone",
            Self::Unrenderable => "unrenderable",
            Self::Duplicate => "duplicate",
            Self::Suppressed => "suppressed",
            Self::NotDelivered => "not_delivered",
            Self::OverCap => "over_cap",
            Self::HoldOut => "hold_out",
        }
    }

    /// In words, for people.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::BrokenRow => "broken rows",
            Self::InvalidRecipient => "invalid numbers",
            Self::NotMobile => "not mobile numbers",
            Self::InvalidZone => "unknown time zones",
            Self::Unrenderable => "parameters that do not render",
            Self::Duplicate => "duplicates",
            Self::Suppressed => "opted out or suppressed",
            Self::NotDelivered => "countries without marketing delivery",
            Self::OverCap => "over the frequency cap",
            Self::HoldOut => "hold-out",
        }
    }

    /// Whether it is a fault of the file, and counts against `audience.max_invalid`.
    #[must_use]
    pub const fn is_invalid(self) -> bool {
        match self {
            Self::BrokenRow
            | Self::InvalidRecipient
            | Self::NotMobile
            | Self::InvalidZone
            | Self::Unrenderable => true,
            Self::Duplicate | Self::Suppressed | Self::NotDelivered | Self::OverCap | Self::HoldOut => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A row that is not sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exclusion {
    /// Its number, from 0.
    pub seq: u32,
    /// Its line in the audience file, from 1.
    pub line: u64,
    /// The recipient as it stands in the file, at most 64 characters.
    pub recipient: String,
    /// The kind of reason.
    pub reason: Reason,
    /// The reason as a sentence without its full stop.
    pub detail: String,
}
