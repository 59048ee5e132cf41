//! What time moves: claims of silent workers, TTLs, deadlines; and slices for retries that are due.

use std::collections::BTreeMap;

use campaign::message::Event;
use chrono::{DateTime, Utc};

use super::batch::Batch;
use super::message::Entry;
use crate::codec::changed;
use crate::model::Failure;

/// The class of messages that are not sent by an operator's or a rule's decision.
const SKIPPED: &str = "skipped";
/// The class of messages whose fate is unknown.
pub(super) const UNKNOWN: &str = "unknown";

/// A worker that others take for dead.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Lost {
    /// It was silent for too long.
    Silent,
    /// It belongs to an earlier process.
    Ended,
    /// It lives, and has long not said what became of this claim.
    Overdue,
}

/// Claims of a lost worker become doubts. Returns how many messages moved.
pub(crate) fn doubt(batch: &mut Batch, ids: &[i64], lost: Lost, now: DateTime<Utc>) -> u64 {
    let detail = match lost {
        Lost::Silent => "the worker that sent it was last heard of long ago",
        Lost::Ended => "the worker that sent it ended before the answer came",
        Lost::Overdue => "the worker that was to send it has long not said what became of it",
    };
    happen_to(batch, ids, Event::Unknown, now, |entry| {
        entry.live.failure =
            Some(Failure { code: None, class: UNKNOWN.to_owned(), detail: detail.to_owned() });
    })
}

/// Messages whose TTL passed expire. Returns how many moved.
pub(crate) fn pass_ttl(batch: &mut Batch, ids: &[i64], now: DateTime<Utc>) -> u64 {
    happen_to(batch, ids, Event::TtlPassed, now, |_| {})
}

/// Why unsent messages are not sent any more.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Unsent<'r> {
    /// The campaign's end has passed.
    Expire,
    /// For a reason that the report shows.
    Skip(&'r str),
}

/// Unsent messages end. Returns how many moved.
pub(crate) fn end_unsent(batch: &mut Batch, ids: &[i64], why: Unsent<'_>, now: DateTime<Utc>) -> u64 {
    match why {
        Unsent::Expire => happen_to(batch, ids, Event::DeadlinePassed, now, |_| {}),
        Unsent::Skip(reason) => happen_to(batch, ids, Event::Skip, now, |entry| {
            entry.live.failure =
                Some(Failure { code: None, class: SKIPPED.to_owned(), detail: reason.to_owned() });
        }),
    }
}

/// Lets one event happen to many messages that are loaded.
fn happen_to(
    batch: &mut Batch,
    ids: &[i64],
    event: Event,
    now: DateTime<Utc>,
    mut and: impl FnMut(&mut Entry),
) -> u64 {
    let mut moved = 0;
    for id in ids {
        if let Some(entry) = batch.get(*id)
            && matches!(entry.happen(event, now), Ok(true))
        {
            and(entry);
            moved += 1;
        }
    }
    changed(moved)
}

/// Slices that are made for retries.
#[derive(Debug, Default)]
pub(crate) struct Placement {
    /// Campaign, number, group and how many messages.
    pub(crate) slices: Vec<(i64, i64, i64, i64)>,
    /// Message and the number of its slice.
    pub(crate) placed: Vec<(i64, i64)>,
}

/// Messages of a group that get a slice together: the group's number and theirs.
pub(crate) type Part = (i64, Vec<i64>);

/// Divides retries that are due (message, campaign, group) into parts of at most `size` messages, by campaign.
pub(crate) fn parts(due: Vec<(i64, i64, i64)>, size: u32) -> BTreeMap<i64, Vec<Part>> {
    let mut by_campaign: BTreeMap<i64, BTreeMap<i64, Vec<i64>>> = BTreeMap::new();
    for (id, campaign, group) in due {
        by_campaign.entry(campaign).or_default().entry(group).or_default().push(id);
    }
    let size = usize::try_from(size.max(1)).unwrap_or(usize::MAX);
    let divided = |groups: BTreeMap<i64, Vec<i64>>| {
        groups
            .into_iter()
            .flat_map(|(group, mut ids)| {
                ids.sort_unstable();
                ids.chunks(size).map(|part| (group, part.to_vec())).collect::<Vec<_>>()
            })
            .collect()
    };
    by_campaign.into_iter().map(|(campaign, groups)| (campaign, divided(groups))).collect()
}

impl Placement {
    /// Gives a campaign's parts the numbers from `first`.
    pub(crate) fn place(&mut self, campaign: i64, first: i64, parts: Vec<Part>) {
        for (number, (group, ids)) in (first..).zip(parts) {
            self.slices.push((campaign, number, group, crate::codec::count(ids.len())));
            self.placed.extend(ids.into_iter().map(|id| (id, number)));
        }
    }
}
