//! A campaign's failed messages, and what became of their recipients in all runs.

use std::collections::BTreeMap;

use campaign::follow_up::Run;
use campaign::ids::Seq;
use campaign::message::Fate;
use campaign::money::Micros;

use crate::StoreError;
use crate::codec::{from_json, named, number, seq_of};
use crate::columns::Columns;
use crate::follow_up::FailedMessage;
use crate::moving::message::failure;

type Result<T> = std::result::Result<T, StoreError>;

/// Columns of `m` (messages) that [`run`] reads, in its order.
macro_rules! run_columns {
    () => {
        "m.state, m.assumed, m.resent_fate, m.inferred, m.failure_code, m.failure_class, m.failure_detail"
    };
}
pub(crate) use run_columns;

/// Columns of `m` (messages) that [`failed`] reads, in its order.
macro_rules! failed_columns {
    () => {
        concat!(
            "m.id, m.group_no, m.recipient, m.country, m.content, m.multiplier, m.worst_case, m.expected_cost, ",
            $crate::reading::follow_ups::run_columns!()
        )
    };
}
pub(crate) use failed_columns;

/// What became of a message, from a row of [`run_columns`].
pub(crate) fn run(columns: &mut impl Columns) -> Result<Run> {
    let state = named("messages.state", &columns.text()?)?;
    let assumed = columns.flag()?;
    let resent: Fate = named("messages.resent_fate", &columns.text()?)?;
    let inferred = columns.flag()?;
    let failure = failure(columns.optional_number()?, columns.optional_text()?, columns.optional_text()?);
    Ok(Run {
        state,
        assumed,
        resent,
        inferred,
        code: failure.as_ref().and_then(|failure| failure.code),
        class: failure.as_ref().map(|failure| failure.class.clone()).unwrap_or_default(),
        detail: failure.map(|failure| failure.detail).unwrap_or_default(),
    })
}

/// A message that failed, from a row of [`failed_columns`].
pub(crate) fn failed(columns: &mut impl Columns) -> Result<FailedMessage> {
    Ok(FailedMessage {
        seq: seq_of(columns.number()?),
        group: number("messages.group_no", columns.number()?)?,
        recipient: columns.text()?,
        country: columns.text()?,
        content: from_json("messages.content", &columns.text()?)?,
        multiplier: columns.optional_text()?.map(|text| named("messages.multiplier", &text)).transpose()?,
        worst_case: Micros(columns.number()?),
        expected_cost: Micros(columns.number()?),
        original: run(columns)?,
        follow_ups: Vec::new(),
    })
}

/// A message's number, and what became of it, from a row of its number and [`run_columns`].
pub(crate) fn numbered(columns: &mut impl Columns) -> Result<(Seq, Run)> {
    Ok((seq_of(columns.number()?), run(columns)?))
}

/// Puts what became of recipients in follow-ups, the oldest first, to their messages.
pub(crate) fn with_follow_ups(mut all: Vec<FailedMessage>, runs: Vec<(Seq, Run)>) -> Vec<FailedMessage> {
    let mut by_seq: BTreeMap<Seq, Vec<Run>> = BTreeMap::new();
    for (seq, run) in runs {
        by_seq.entry(seq).or_default().push(run);
    }
    for message in &mut all {
        message.follow_ups = by_seq.remove(&message.seq).unwrap_or_default();
    }
    all
}
