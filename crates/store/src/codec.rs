//! Values as columns, in every database alike: times, states, amounts, JSON.

use std::str::FromStr;
use std::time::Duration;

use campaign::ids::{CampaignId, MessageId, Seq};
use campaign::money::{Currency, Micros};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// Completes "the database could not …" for what the database answers.
pub(crate) fn failed(doing: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |source| StoreError::Database { doing, source }
}

/// A time as a column.
pub(crate) fn micros(at: DateTime<Utc>) -> i64 {
    at.timestamp_micros()
}

/// A span as a column.
pub(crate) fn span_micros(span: Duration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}

/// A column as a time.
pub(crate) fn time(column: &'static str, micros: i64) -> Result<DateTime<Utc>> {
    DateTime::from_timestamp_micros(micros).ok_or_else(|| unreadable(column, format!("{micros} is no time")))
}

/// A nullable column as a time.
pub(crate) fn optional_time(column: &'static str, micros: Option<i64>) -> Result<Option<DateTime<Utc>>> {
    micros.map(|at| time(column, at)).transpose()
}

/// A column of text that names something.
pub(crate) fn named<T: FromStr<Err: std::fmt::Display>>(column: &'static str, text: &str) -> Result<T> {
    text.parse().map_err(|e: T::Err| unreadable(column, e.to_string()))
}

/// A column of a count or number that is never negative.
pub(crate) fn number<T: TryFrom<i64>>(column: &'static str, value: i64) -> Result<T> {
    T::try_from(value).map_err(|_| unreadable(column, format!("{value} is out of range")))
}

/// A count as a column.
pub(crate) fn count(n: usize) -> i64 {
    i64::try_from(n).unwrap_or(i64::MAX)
}

/// Rows changed, as a count.
pub(crate) fn changed(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// A value as JSON text: for a column, or for `json_each`.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|e| StoreError::Inconsistent(format!("a value cannot be written as JSON: {e}")))
}

/// A column of JSON.
pub(crate) fn from_json<T: DeserializeOwned>(column: &'static str, text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| unreadable(column, e.to_string()))
}

/// What cannot be read.
pub(crate) fn unreadable(what: impl Into<String>, why: impl Into<String>) -> StoreError {
    StoreError::Unreadable { what: what.into(), why: why.into() }
}

/// `messages.id` of a message.
pub(crate) fn row_id(campaign: CampaignId, seq: Seq) -> i64 {
    (campaign.0 << 32) | i64::from(seq.0)
}

/// `messages.id` of a message by its name, where such a number can be.
pub(crate) fn row_id_of(message: MessageId) -> Option<i64> {
    // A webhook may carry any number.
    is_number(message.campaign).then(|| row_id(message.campaign, message.seq))
}

/// Whether a campaign can have this number.
pub(crate) fn is_number(campaign: CampaignId) -> bool {
    (0..1 << 31).contains(&campaign.0)
}

/// The first and the last `messages.id` that a campaign can have.
pub(crate) fn row_ids(campaign: CampaignId) -> (i64, i64) {
    (row_id(campaign, Seq(0)), row_id(campaign, Seq(u32::MAX)))
}

/// The place in its campaign of a `messages.id`.
pub(crate) fn seq_of(id: i64) -> Seq {
    Seq(u32::try_from(id & 0xffff_ffff).unwrap_or(u32::MAX))
}

/// A currency column.
pub(crate) fn currency(column: &'static str, text: &str) -> Result<Currency> {
    named(column, text)
}

/// An amount column.
pub(crate) fn amount(value: Option<i64>) -> Option<Micros> {
    value.map(Micros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_number_holds_campaign_and_seq() {
        let id = row_id(CampaignId(7), Seq(u32::MAX));
        assert_eq!(id >> 32, 7);
        assert_eq!(seq_of(id), Seq(u32::MAX));
        assert_eq!(row_ids(CampaignId(7)).1 + 1, row_ids(CampaignId(8)).0);
    }

    #[test]
    fn a_number_that_no_campaign_has_finds_nothing() {
        for campaign in [-1, 1 << 31, i64::MAX] {
            assert_eq!(row_id_of(MessageId { campaign: CampaignId(campaign), seq: Seq(0) }), None);
        }
    }
}
