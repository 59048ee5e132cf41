//! What a report's numbers are made of: reasons, runs, countries, variants, hours.

use campaign::lifecycle;
use campaign::money::Micros;
use campaign::proportion::{Interval, Proportion};
use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::comparing;
use super::tally::Hour;

/// Rows refused for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct ExcludedPart {
    /// A fixed word.
    pub(crate) reason: String,
    pub(crate) rows: u64,
    /// The sentence of the first.
    pub(crate) example: String,
}

/// Messages that failed with one code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct FailurePart {
    pub(crate) code: Option<i64>,
    pub(crate) class: String,
    pub(crate) messages: u64,
    /// What it is, in a few words.
    pub(crate) title: String,
    /// What it means and what to do.
    pub(crate) advice: String,
    /// What was recorded with the first.
    pub(crate) example: String,
}

/// Messages skipped for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct SkippedPart {
    pub(crate) reason: String,
    pub(crate) messages: u64,
}

/// A follow-up that sent failed messages again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RunPart {
    pub(crate) campaign: String,
    pub(crate) state: lifecycle::State,
    pub(crate) messages: u64,
    /// On a device, read ones included.
    pub(crate) delivered: u64,
    pub(crate) failed: u64,
}

/// Messages that went one way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct RoutePart {
    pub(crate) route: String,
    pub(crate) messages: u64,
}

/// A country's or a variant's messages.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct MessagesPart {
    pub(crate) name: String,
    pub(crate) messages: u64,
    pub(crate) attempted: u64,
    pub(crate) accepted: u64,
    pub(crate) delivered: u64,
    pub(crate) read: u64,
    pub(crate) failed: u64,
    #[serde(serialize_with = "units")]
    pub(crate) cost: Micros,
    pub(crate) delivered_per_attempted: Option<f64>,
    /// Where the true share lies at a confidence of 95 %.
    pub(crate) delivered_interval: Option<Interval>,
    pub(crate) read_per_delivered: Option<f64>,
    /// Where the true share lies at a confidence of 95 %.
    pub(crate) read_interval: Option<Interval>,
}

/// What happened in one hour, or another step of time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct HourPart {
    pub(crate) from: DateTime<Utc>,
    pub(crate) attempted: u64,
    pub(crate) delivered: u64,
    pub(crate) read: u64,
}

impl MessagesPart {
    /// Messages of which requests left, and nothing else is said: with their shares and how sure those are.
    pub(super) fn counted(name: &str, attempted: u64, delivered: u64, read: u64, cost: Micros) -> Self {
        let interval = |part, whole| Proportion { part, whole }.interval().map(comparing::rounded_interval);
        Self {
            name: name.to_owned(),
            messages: attempted,
            attempted,
            accepted: attempted,
            delivered,
            read,
            failed: 0,
            cost,
            delivered_per_attempted: share(delivered, attempted),
            delivered_interval: interval(delivered, attempted),
            read_per_delivered: share(read, delivered),
            read_interval: interval(read, delivered),
        }
    }
}

impl HourPart {
    /// What happened from then on.
    pub(super) fn of(from: DateTime<Utc>, hour: &Hour) -> Self {
        Self { from, attempted: hour.attempted, delivered: hour.delivered, read: hour.read }
    }
}

/// The share in ten-thousandths; `None` where there is no whole.
#[expect(
    clippy::cast_precision_loss,
    reason = "for people to read: a float counts exactly far beyond any campaign"
)]
pub(super) fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| (part as f64 / whole as f64 * 10_000.0).round() / 10_000.0)
}

pub(super) fn units<S: Serializer>(amount: &Micros, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&amount.to_decimal())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_have_four_decimals() {
        assert_eq!(share(1, 3), Some(0.3333));
        assert_eq!(share(0, 3), Some(0.0));
        assert_eq!(share(3, 0), None);
    }
}
