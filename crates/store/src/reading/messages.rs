//! Messages and excluded rows.

use crate::StoreError;
use crate::by_name::by_name;
use crate::codec::{amount, named, number, optional_time, seq_of};
use crate::columns::Columns;
use crate::model::{Excluded, MessageRow, SentWith, TemplateKey};
use crate::moving::message::failure;

type Result<T> = std::result::Result<T, StoreError>;

/// Columns of `messages` that [`message`] reads, in its order.
macro_rules! message_columns {
    () => {
        "id, group_no, state, assumed, attempt, wamid, failure_code, failure_class, failure_detail, retry_at, \
         claimed_at, accepted_at, sent_at, delivered_at, read_at, route, cost, cost_told, recipient, country, \
         inferred"
    };
}
pub(crate) use message_columns;

/// A message from a row of [`message_columns`].
pub(crate) fn message(columns: &mut impl Columns) -> Result<MessageRow> {
    Ok(MessageRow {
        seq: seq_of(columns.number()?),
        group: number("messages.group_no", columns.number()?)?,
        state: named("messages.state", &columns.text()?)?,
        assumed: columns.flag()?,
        attempt: number("messages.attempt", columns.number()?)?,
        wamid: columns.optional_text()?,
        failure: failure(columns.optional_number()?, columns.optional_text()?, columns.optional_text()?),
        retry_at: optional_time("messages.retry_at", columns.optional_number()?)?,
        claimed_at: optional_time("messages.claimed_at", columns.optional_number()?)?,
        accepted_at: optional_time("messages.accepted_at", columns.optional_number()?)?,
        sent_at: optional_time("messages.sent_at", columns.optional_number()?)?,
        delivered_at: optional_time("messages.delivered_at", columns.optional_number()?)?,
        read_at: optional_time("messages.read_at", columns.optional_number()?)?,
        route: columns.optional_text()?,
        cost: amount(columns.optional_number()?),
        cost_told: columns.flag()?,
        recipient: columns.text()?,
        country: columns.text()?,
        inferred: columns.flag()?,
    })
}

/// From a row of sender, and the template's account, name and language.
pub(crate) fn sent_with(columns: &mut impl Columns) -> Result<SentWith> {
    Ok(SentWith {
        sender: columns.text()?,
        template: TemplateKey { waba_id: columns.text()?, name: columns.text()?, language: columns.text()? },
    })
}

by_name! {
/// A row of `excluded`, by the names of its columns.
#[derive(Debug)]
pub(crate) struct ExcludedColumns {
    seq: i64,
    line: i64,
    recipient: String,
    reason: String,
    detail: String,
}
}

impl ExcludedColumns {
    /// The row as it is shown.
    pub(crate) fn shown(self) -> Result<Excluded> {
        Ok(Excluded {
            seq: campaign::ids::Seq(number("excluded.seq", self.seq)?),
            line: number("excluded.line", self.line)?,
            recipient: self.recipient,
            reason: self.reason,
            detail: self.detail,
        })
    }
}
