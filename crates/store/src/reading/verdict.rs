//! The guarantees, compared: what does not hold is said in sentences.

use std::collections::BTreeMap;

use campaign::ids::CampaignId;
use campaign::message::State;

use crate::StoreError;
use crate::by_name::by_name;
use crate::codec::{number, unreadable};
use crate::model::Verdict;

type Result<T> = std::result::Result<T, StoreError>;

by_name! {
/// What a campaign's row says, by the names of its columns.
#[derive(Debug)]
pub(crate) struct CampaignSums {
    budget: Option<i64>,
    spent: i64,
    reserved: i64,
    unguarded: i64,
    attempts: i64,
    planned_total: i64,
    excluded_total: i64,
    messages_total: i64,
    state: String,
}
}

/// The same, added up from the rows.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    messages: i64,
    cost: i64,
    reserved: i64,
    attempts: i64,
}

/// What was found so far.
#[derive(Debug)]
pub(crate) struct Findings {
    campaign: CampaignId,
    counts: BTreeMap<State, u64>,
    sums: Sums,
    violations: Vec<String>,
}

impl Findings {
    /// Nothing yet.
    pub(crate) fn new(campaign: CampaignId) -> Self {
        Self { campaign, counts: BTreeMap::new(), sums: Sums::default(), violations: Vec::new() }
    }

    fn say(&mut self, sentence: String) {
        self.violations.push(sentence);
    }

    /// Compares messages by state (state, how many, their cost, reservations and attempts) with the counters of
    /// states.
    pub(crate) fn states(
        &mut self,
        rows: Vec<(String, i64, i64, i64, i64)>,
        counters: Vec<(String, i64)>,
    ) -> Result<()> {
        let mut counters: BTreeMap<String, i64> = counters.into_iter().collect();
        for (state, messages, cost, reserved, attempts) in rows {
            let counted = counters.remove(&state).unwrap_or(0);
            if counted != messages {
                self.say(format!("{messages} messages are {state}, but the counter says {counted}"));
            }
            match state.parse::<State>() {
                Ok(state) => {
                    self.counts.insert(state, number("messages", messages)?);
                }
                Err(unknown) => {
                    self.say(format!("{messages} messages have a state that does not exist: {unknown}"));
                }
            }
            self.sums.messages += messages;
            self.sums.cost += cost;
            self.sums.reserved += reserved;
            self.sums.attempts += attempts;
        }
        for (state, counted) in counters.into_iter().filter(|(_, n)| *n != 0) {
            self.say(format!("no messages are {state}, but the counter says {counted}"));
        }
        Ok(())
    }

    /// Conservation, money and attempts: after [`Findings::states`].
    pub(crate) fn sums(&mut self, row: Option<CampaignSums>, excluded: i64) -> Result<()> {
        let Some(row) = row else {
            return Err(unreadable(format!("campaign {}", self.campaign), "there is no such campaign"));
        };
        let CampaignSums { budget, spent, reserved, unguarded, attempts, .. } = row;
        let (planned, excluded_total, messages_total) =
            (row.planned_total, row.excluded_total, row.messages_total);
        let Sums { messages, cost, reserved: held, attempts: made } = self.sums;
        if row.state != "loading" {
            if planned != excluded + messages {
                self.say(format!(
                    "{planned} rows were planned, but there are {excluded} excluded rows and {messages} messages"
                ));
            }
            if (excluded_total, messages_total) != (excluded, messages) {
                self.say(format!(
                    "the launch stored {messages_total} messages and {excluded_total} excluded rows, but there are {messages} and {excluded}"
                ));
            }
        }
        for (what, counter, rows) in
            [("spent", spent, cost), ("reserved", reserved, held), ("attempts", attempts, made)]
        {
            if counter != rows {
                self.say(format!("the campaign's {what} is {counter}, but its messages sum up to {rows}"));
            }
        }
        if let Some(budget) = budget {
            // What the platform charged without our asking (a delivery after we gave it up, a price above the
            // worst case) is true all the same; all else was asked for below the ceiling.
            let over = spent + reserved - budget;
            if over > unguarded {
                self.say(format!(
                    "spent and reserved pass the budget by {over} millionths, of which only {unguarded} came unasked from the platform"
                ));
            }
        }
        Ok(())
    }

    /// So many rows of which a sentence is true that should be true of none.
    pub(crate) fn none(&mut self, sentence: &str, rows: i64) {
        if rows > 0 {
            self.say(format!("{rows} {sentence}"));
        }
    }

    /// Counters that are not what their rows say: which, what the counter says, and what there is.
    pub(crate) fn even(&mut self, what: &str, uneven: Vec<(String, i64, i64)>) {
        for (key, counted, rows) in uneven {
            self.say(format!("{what} {key}: the counter says {counted}, but there are {rows}"));
        }
    }

    /// All that was found.
    pub(crate) fn verdict(self, excluded: i64) -> Result<Verdict> {
        let excluded = number("excluded", excluded)?;
        Ok(Verdict { counts: self.counts, excluded, violations: self.violations })
    }
}
