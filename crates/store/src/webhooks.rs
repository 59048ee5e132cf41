//! How many webhooks of each kind came that are no statuses of messages here.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};

/// The kind of statuses that no message matched until they were dropped: of messages that something else sent.
pub const NEVER_MATCHED: &str = "status.never_matched";

/// The kind of statuses whose key says that another Paceline database sent their message.
pub const ANOTHER_INSTALLATION: &str = "status.another_installation";

/// Events of one kind that came together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookCount {
    /// Which kind: dotted words such as `inbound` or `other.account_review_update`; at most 100 characters.
    pub kind: String,
    /// The id of the number that they are about; empty where they are about none. At most 64 characters.
    pub number: String,
    /// How many, at least 1.
    pub n: u64,
}

/// Events of one kind of one day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebhookDay {
    /// The day (UTC) on which they came.
    pub day: NaiveDate,
    /// As [`WebhookCount::kind`].
    pub kind: String,
    /// As [`WebhookCount::number`].
    pub number: String,
    /// How many, as often as the platform told of them.
    pub n: u64,
    /// When the last one came.
    pub last_at: DateTime<Utc>,
}

/// A day as a column: days since 1970.
pub(crate) fn day_number(day: NaiveDate) -> i64 {
    (day - NaiveDate::default()).num_days()
}

/// A column as a day.
pub(crate) fn day(number: i64) -> Option<NaiveDate> {
    NaiveDate::default().checked_add_signed(TimeDelta::try_days(number)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_comes_back_from_its_column() {
        for (text, number) in [("1970-01-01", 0), ("2026-11-22", 20_779), ("1969-12-31", -1)] {
            let date: NaiveDate = text.parse().unwrap();
            assert_eq!((day_number(date), day(number)), (number, Some(date)));
        }
        assert_eq!(day(i64::MAX), None);
    }
}
