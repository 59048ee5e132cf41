//! What a launch must hold, and what is said where it does not.

use std::time::Duration;

use campaign::definition::InDoubt;
use campaign::ids::CampaignId;
use campaign::lifecycle;
use chrono::{DateTime, Utc};

use crate::StoreError;
use crate::codec::{micros, span_micros};
use crate::model::{NewMessage, Totals};

/// A launch that has added nothing for so long is dead.
pub(crate) const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// Rows of a dead launch that are deleted in one transaction, so that others get their turn in between.
pub(crate) const REMOVED_AT_ONCE: i64 = 20_000;

/// The policy's name in `campaigns.in_doubt`.
pub(crate) fn in_doubt_name(policy: InDoubt) -> &'static str {
    match policy {
        InDoubt::Hold => "hold",
        InDoubt::Resend => "resend",
        InDoubt::Drop => "drop",
    }
}

/// Whether a campaign that was last added to at `touched_at` is a launch that died.
pub(crate) fn is_dead(
    state: lifecycle::State,
    touched_at: i64,
    abandoned_after: Duration,
    now: DateTime<Utc>,
) -> bool {
    state == lifecycle::State::Loading
        && touched_at.saturating_add(span_micros(abandoned_after)) <= micros(now)
}

/// The campaign is not `loading` (any more).
pub(crate) fn not_loading(campaign: CampaignId) -> StoreError {
    StoreError::Inconsistent(format!(
        "campaign {campaign} is not being launched (any more): nothing can be added to it"
    ))
}

/// A statement changed the campaign's row, or did not.
///
/// # Errors
/// [`not_loading`] when it did not.
pub(crate) fn demand_loading(campaign: CampaignId, changed: u64) -> Result<(), StoreError> {
    if changed == 1 { Ok(()) } else { Err(not_loading(campaign)) }
}

/// Two messages of the campaign have one recipient or one number.
pub(crate) fn stands_twice(campaign: CampaignId, messages: &[NewMessage]) -> StoreError {
    StoreError::Inconsistent(format!(
        "a recipient or a row number stands twice among rows {} to {} of campaign {campaign}",
        messages.first().map_or(0, |m| m.seq.0),
        messages.last().map_or(0, |m| m.seq.0),
    ))
}

/// What must not be brought back: a follow-up is made of rows that were read a while ago.
///
/// # Errors
/// [`StoreError::PurgedMeanwhile`] when people were purged meanwhile.
pub(crate) fn demand_nobody_purged(purged: i64) -> Result<(), StoreError> {
    match u64::try_from(purged) {
        Ok(0) => Ok(()),
        people => Err(StoreError::PurgedMeanwhile(people.unwrap_or(0))),
    }
}

/// What a launch stored, counted from its rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored {
    pub(crate) messages: i64,
    pub(crate) excluded: i64,
    /// Slices that do not hold the messages that they say.
    pub(crate) uneven_slices: i64,
}

/// Compares what was stored with what was planned, and says the state in which the launch ends.
///
/// # Errors
/// [`StoreError::Inconsistent`] when it is not the same.
pub(crate) fn ended(
    campaign: CampaignId,
    stored: Stored,
    totals: Totals,
) -> Result<lifecycle::State, StoreError> {
    let Stored { messages, excluded, uneven_slices } = stored;
    let is = |rows: i64, total: u64| i64::try_from(total) == Ok(rows);
    if !is(messages, totals.messages)
        || !is(excluded, totals.excluded)
        || !is(messages + excluded, totals.planned)
    {
        return Err(StoreError::Inconsistent(format!(
            "the launch of campaign {campaign} stored {messages} messages and {excluded} excluded rows, where {} and {} of {} rows were planned",
            totals.messages, totals.excluded, totals.planned
        )));
    }
    if uneven_slices > 0 {
        return Err(StoreError::Inconsistent(format!(
            "{uneven_slices} slices of campaign {campaign} do not hold the messages that they say"
        )));
    }
    lifecycle::next(lifecycle::State::Loading, lifecycle::Event::Loaded)
        .map_err(|forbidden| StoreError::Inconsistent(forbidden.to_string()))
}
