//! Whether a person's messages may be made nobody's, and which of them are still to be sent.

use campaign::audience::may_mean;
use campaign::ids::CampaignId;
use campaign::lifecycle;
use campaign::message::State;
use chrono::{DateTime, Utc};
use std::collections::BTreeSet;

use super::launching::{ABANDONED_AFTER, is_dead};
use crate::StoreError;
use crate::codec::named;

/// What the report says of a message that was still to be sent to somebody who is gone.
pub(crate) const GONE: &str = "the recipient was purged before it was sent";

/// Refused rows that are looked at together.
pub(crate) const REFUSED_AT_ONCE: i64 = 10_000;

/// A refused row: its campaign, its number, and what its file had as the recipient.
pub(crate) type Refused = (i64, i64, String);

/// Which of these rows may be about a person.
pub(crate) fn refused_of(rows: &[Refused], address: &str) -> Vec<(i64, i64)> {
    rows.iter().filter(|(.., written)| may_mean(written, address)).map(|(id, seq, _)| (*id, *seq)).collect()
}

/// A message of a person: its number, its campaign, its state, the campaign's, and when that was last added to.
pub(crate) type Found = (i64, i64, String, String, i64);

/// What may be done about a person.
#[derive(Debug, Default)]
pub(crate) struct Verdict {
    /// Campaigns in whose hands a message of the person is: nothing is done.
    pub(crate) under_way: Vec<CampaignId>,
    /// Messages that are still to be sent.
    pub(crate) unsent: Vec<i64>,
    /// All messages.
    pub(crate) all: Vec<i64>,
}

/// What may be done about a person with these messages. What a worker has in hand is needed until its answer is
/// recorded; a doubt may be sent once more, unless its campaign is over; and nobody knows yet what a launch will have.
pub(crate) fn verdict(found: &[Found], now: DateTime<Utc>) -> Result<Verdict, StoreError> {
    let mut verdict = Verdict::default();
    let mut under_way = BTreeSet::new();
    for (id, campaign, state, campaigns, touched_at) in found {
        let state: State = named("messages.state", state)?;
        let campaigns: lifecycle::State = named("campaigns.state", campaigns)?;
        let is_in_doubt = state == State::InDoubt && !campaigns.is_over();
        let is_launched =
            campaigns == lifecycle::State::Loading && !is_dead(campaigns, *touched_at, ABANDONED_AFTER, now);
        if state == State::Sending || is_in_doubt || is_launched {
            under_way.insert(CampaignId(*campaign));
        }
        if state.is_unsent() {
            verdict.unsent.push(*id);
        }
        verdict.all.push(*id);
    }
    verdict.under_way = under_way.into_iter().collect();
    Ok(verdict)
}
