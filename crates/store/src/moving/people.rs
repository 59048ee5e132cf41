//! What limits ask of the people that a claim is about: who was written to lately, and how often.

use std::collections::{BTreeMap, BTreeSet};

use campaign::definition::FrequencyCap;
use campaign::message::State;
use campaign::pacing::daily_reach;
use chrono::{DateTime, Utc};

use crate::StoreError;
use crate::codec::number;
use crate::model::{Claimed, Reached};

/// The states in which a message was delivered or may still be: what counts towards a frequency cap.
pub(crate) const COUNTS: [State; 7] = [
    State::Sending,
    State::InDoubt,
    State::Accepted,
    State::Held,
    State::Sent,
    State::Delivered,
    State::Read,
];

/// What is known of the recipients of a claim.
#[derive(Debug, Default)]
pub(crate) struct People {
    /// How many messages each had in the time of the frequency cap, where the campaign has one.
    pub(crate) contacts: BTreeMap<String, u64>,
    /// How many more the portfolio may write to, where it has a limit.
    pub(crate) allowance: Option<Allowance>,
}

impl People {
    /// Why nothing more is sent to this person, who had as many messages as the cap allows.
    pub(crate) fn refusal(&self, cap: Option<FrequencyCap>, recipient: &str) -> Option<String> {
        cap?.refusal(*self.contacts.get(recipient)?)
    }
}

/// What is left of a portfolio's limit.
#[derive(Debug)]
pub(crate) struct Allowance {
    /// So many more people.
    pub(crate) left: u64,
    /// When there are more again.
    pub(crate) comes_back: DateTime<Utc>,
    /// Of the people that are asked for, those that count already, with their slots.
    known: BTreeMap<String, i64>,
    /// Whether the present slot is the first one's that somebody is written to in.
    is_new_slot: bool,
}

/// How many people a portfolio has written to, and in which slots.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    /// In all slots that count.
    pub(crate) people: i64,
    /// The first slot with people in it.
    pub(crate) first: Option<i64>,
    /// The last slot there is.
    pub(crate) last: Option<i64>,
}

/// What is written after a claim.
#[derive(Debug, Default)]
pub(crate) struct Noted {
    /// The slot.
    pub(crate) slot: i64,
    /// Who is in it now.
    pub(crate) people: Vec<String>,
    /// How many more or fewer people each slot has.
    pub(crate) slots: Vec<(i64, i64)>,
    /// What is in earlier slots counts no longer, and may be removed.
    pub(crate) forget_before: Option<i64>,
}

impl Allowance {
    /// What is left of a limit of so many people.
    pub(crate) fn of(limit: u32, tally: Tally, known: BTreeMap<String, i64>, now: DateTime<Utc>) -> Self {
        let slot = daily_reach::slot_of(now);
        Self {
            left: u64::from(limit).saturating_sub(tally.people.unsigned_abs()),
            comes_back: daily_reach::comes_back(tally.first.unwrap_or(slot)),
            known,
            is_new_slot: tally.last.is_none_or(|last| last < slot),
        }
    }

    /// Whether this person counts already.
    pub(crate) fn has_reached(&self, recipient: &str) -> bool {
        self.known.contains_key(recipient)
    }

    /// What is to be written of a claim.
    pub(crate) fn noted(&self, claimed: &Claimed, now: DateTime<Utc>) -> Noted {
        let slot = daily_reach::slot_of(now);
        let mut slots: BTreeMap<i64, i64> = BTreeMap::new();
        let mut people = BTreeSet::new();
        for message in &claimed.messages {
            let before = self.known.get(&message.recipient);
            // Another process's clock may be ahead.
            if before.is_some_and(|before| *before >= slot) || !people.insert(message.recipient.clone()) {
                continue;
            }
            if let Some(before) = before {
                *slots.entry(*before).or_default() -= 1;
            }
            *slots.entry(slot).or_default() += 1;
        }
        Noted {
            slot,
            people: people.into_iter().collect(),
            slots: slots.into_iter().collect(),
            forget_before: self.is_new_slot.then(|| daily_reach::first_that_counts(now)),
        }
    }
}

/// From slots with how many people each, in their order.
pub(crate) fn reached(rows: Vec<(i64, i64)>) -> Result<Vec<Reached>, StoreError> {
    let row = |(slot, people)| {
        Ok(Reached { people: number("reached_slots.people", people)?, until: daily_reach::comes_back(slot) })
    };
    rows.into_iter().map(row).collect()
}

/// From addresses with how many messages each.
pub(crate) fn contacts(rows: Vec<(String, i64)>) -> Result<BTreeMap<String, u64>, StoreError> {
    rows.into_iter().map(|(address, messages)| Ok((address, number("messages", messages)?))).collect()
}
