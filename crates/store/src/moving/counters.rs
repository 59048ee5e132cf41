//! What counters change by when messages change: kept in the transaction that changes the rows.

use std::collections::BTreeMap;

use campaign::message::State;

use super::message::{Entry, Live};

/// What counters change by.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    states: BTreeMap<(i64, &'static str), i64>,
    failures: BTreeMap<(i64, String), i64>,
    money: BTreeMap<i64, [i64; 4]>,
    slices: BTreeMap<(i64, i64), i64>,
}

/// What a campaign's sums change by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) campaign: i64,
    pub(crate) spent: i64,
    pub(crate) reserved: i64,
    pub(crate) unguarded: i64,
    pub(crate) attempts: i64,
}

impl Counters {
    /// Adds the change of one message.
    pub(crate) fn follow(&mut self, entry: &Entry) {
        let campaign = entry.campaign.0;
        let (before, after) = (&entry.before, &entry.live);
        if before.current.state != after.current.state {
            *self.states.entry((campaign, before.current.state.name())).or_default() -= 1;
            *self.states.entry((campaign, after.current.state.name())).or_default() += 1;
        }
        for (live, n) in [(before, -1), (after, 1)] {
            if live.current.state == State::Failed {
                *self.failures.entry((campaign, failure_key(live))).or_default() += n;
            }
        }
        let money = self.money.entry(campaign).or_default();
        money[0] += after.cost.unwrap_or_default().0 - before.cost.unwrap_or_default().0;
        money[1] += after.reserved.0 - before.reserved.0;
        money[2] += entry.unguarded;
        money[3] += i64::from(after.attempt) - i64::from(before.attempt);
        if before.placed && !after.placed {
            *self.slices.entry((campaign, entry.slice)).or_default() += 1;
        }
    }

    /// Campaign, state, and by how much its count of messages in that state changes.
    pub(crate) fn states(&self) -> Vec<(i64, &'static str, i64)> {
        self.states.iter().filter(|(_, n)| **n != 0).map(|((c, state), n)| (*c, *state, *n)).collect()
    }

    /// Campaign, code (empty: none), and by how much its count of messages that failed with it changes.
    pub(crate) fn failures(&self) -> Vec<(i64, &str, i64)> {
        let changes = self.failures.iter().filter(|(_, n)| **n != 0);
        changes.map(|((c, code), n)| (*c, code.as_str(), *n)).collect()
    }

    /// What campaigns' sums change by.
    pub(crate) fn sums(&self) -> Vec<Sums> {
        self.money
            .iter()
            .filter(|(_, sums)| **sums != [0; 4])
            .map(|(campaign, [spent, reserved, unguarded, attempts])| Sums {
                campaign: *campaign,
                spent: *spent,
                reserved: *reserved,
                unguarded: *unguarded,
                attempts: *attempts,
            })
            .collect()
    }

    /// Campaign, slice, and how many messages wait in it no longer.
    pub(crate) fn slices(&self) -> Vec<(i64, i64, i64)> {
        self.slices.iter().map(|((campaign, slice), n)| (*campaign, *slice, *n)).collect()
    }
}

fn failure_key(live: &Live) -> String {
    live.failure.as_ref().and_then(|f| f.code).map(|code| code.to_string()).unwrap_or_default()
}
