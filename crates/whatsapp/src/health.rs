//! Quality ratings and messaging limits, which the account calls and the webhooks both speak of.

use std::fmt;

/// The quality of a template or of a number, as the platform rates it from what recipients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Quality {
    /// Good.
    Green,
    /// Recipients complain; it may be paused next.
    Yellow,
    /// Bad: pausing or a lower limit follows.
    Red,
    /// Not rated yet, or a rating this program does not know.
    Unknown,
}

impl Quality {
    /// Reads `GREEN`, `YELLOW`, `RED` in any case; everything else is [`Quality::Unknown`].
    pub fn read(text: &str) -> Self {
        match text.to_ascii_uppercase().as_str() {
            "GREEN" => Self::Green,
            "YELLOW" => Self::Yellow,
            "RED" => Self::Red,
            _ => Self::Unknown,
        }
    }
}

impl fmt::Display for Quality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Green => "GREEN",
            Self::Yellow => "YELLOW",
            Self::Red => "RED",
            Self::Unknown => "UNKNOWN",
        })
    }
}

/// How many different people may be written to in 24 hours outside a customer service window.
/// Meta: a limit of the whole business portfolio since October 2025.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessagingLimit {
    /// That many unique users in a rolling 24 hours: 250, 2,000, 10,000 or 100,000.
    UniqueUsers(u64),
    /// No limit.
    Unlimited,
    /// The platform has not set one yet (`UNTIERED`, `TIER_NOT_SET`).
    NotSet,
}

impl MessagingLimit {
    /// Reads `TIER_250`, `TIER_2K`, `TIER_UNLIMITED`, `UNTIERED`, a plain number, and `-1` for unlimited.
    /// `None` for anything else.
    pub fn read(text: &str) -> Option<Self> {
        let upper = text.trim().to_ascii_uppercase();
        let tier = upper.strip_prefix("TIER_").unwrap_or(&upper);
        match tier {
            "UNLIMITED" | "-1" => return Some(Self::Unlimited),
            "UNTIERED" | "NOT_SET" => return Some(Self::NotSet),
            _ => {}
        }
        let (digits, factor) = match tier.strip_suffix('K') {
            Some(thousands) => (thousands, 1_000),
            None => (tier, 1),
        };
        let number: u64 = digits.parse().ok()?;
        Some(Self::UniqueUsers(number.checked_mul(factor)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_limits() {
        for (text, limit) in [
            ("TIER_250", Some(MessagingLimit::UniqueUsers(250))),
            ("TIER_2K", Some(MessagingLimit::UniqueUsers(2_000))),
            ("tier_100k", Some(MessagingLimit::UniqueUsers(100_000))),
            ("10000", Some(MessagingLimit::UniqueUsers(10_000))),
            ("TIER_UNLIMITED", Some(MessagingLimit::Unlimited)),
            ("-1", Some(MessagingLimit::Unlimited)),
            ("UNTIERED", Some(MessagingLimit::NotSet)),
            ("TIER_NOT_SET", Some(MessagingLimit::NotSet)),
            ("TIER_", None),
            ("TIER_99999999999999999999K", None),
            ("18446744073709551615K", None),
            ("-2", None),
        ] {
            assert_eq!(MessagingLimit::read(text), limit, "{text}");
        }
    }

    #[test]
    fn reads_qualities() {
        assert_eq!(Quality::read("green"), Quality::Green);
        assert_eq!(Quality::read("RED"), Quality::Red);
        assert_eq!(Quality::read("NA"), Quality::Unknown);
    }
}
