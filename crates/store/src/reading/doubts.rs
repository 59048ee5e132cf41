//! What is in doubt, and how doubts were ended.

use std::collections::BTreeMap;

use campaign::doubt::{Ending, Told};
use campaign::message::State;
use campaign::money::Micros;

use crate::StoreError;
use crate::codec::{named, number, optional_time, seq_of, time, unreadable};
use crate::columns::Columns;
use crate::doubt::{DoubtRow, EndedDoubt};
use crate::moving::message::failure;

type Result<T> = std::result::Result<T, StoreError>;

/// Columns of `messages` that [`doubt`] reads, in its order.
macro_rules! doubt_columns {
    () => {
        "id, group_no, recipient, attempt, doubt_since, failure_code, failure_class, failure_detail, resent, reserved"
    };
}
pub(crate) use doubt_columns;

/// Columns of `d` (doubt_decisions) and `m` (messages) that [`Decided::read`] reads, in its order.
macro_rules! decided_columns {
    () => {
        "d.message_id, d.attempt, d.decision, d.decided_by, d.decided_at, d.doubt_since, d.detail, \
         m.recipient, m.state, m.assumed, m.attempt, m.resent"
    };
}
pub(crate) use decided_columns;

/// A message in doubt from a row of [`doubt_columns`].
pub(crate) fn doubt(columns: &mut impl Columns) -> Result<DoubtRow> {
    Ok(DoubtRow {
        seq: seq_of(columns.number()?),
        group: number("messages.group_no", columns.number()?)?,
        recipient: columns.text()?,
        attempt: number("messages.attempt", columns.number()?)?,
        since: time("messages.doubt_since", columns.number()?)?,
        failure: failure(columns.optional_number()?, columns.optional_text()?, columns.optional_text()?),
        was_resent: columns.number()? != 0,
        reserved: Micros(columns.number()?),
    })
}

/// A decision with its message as it stands.
#[derive(Debug)]
pub(crate) struct Decided {
    /// The message.
    pub(crate) id: i64,
    row: EndedDoubt,
    assumed: bool,
    newest: u32,
    was_resent: bool,
}

impl Decided {
    /// From a row of [`decided_columns`].
    pub(crate) fn read(columns: &mut impl Columns) -> Result<Self> {
        let id = columns.number()?;
        let attempt = number("doubt_decisions.attempt", columns.number()?)?;
        let decision = named("doubt_decisions.decision", &columns.text()?)?;
        let by = columns.optional_text()?;
        let decided_at = time("doubt_decisions.decided_at", columns.number()?)?;
        let since = optional_time("doubt_decisions.doubt_since", columns.optional_number()?)?;
        let why = columns.text()?;
        let recipient = columns.text()?;
        let state = named("messages.state", &columns.text()?)?;
        let assumed = columns.flag()?;
        let newest: u32 = number("messages.attempt", columns.number()?)?;
        let was_resent = columns.number()? != 0;
        let ending = Ending {
            decision,
            by,
            told: Told::Nothing,
            sent_again: newest > attempt,
            told_of_newer: Told::Nothing,
        };
        let row = EndedDoubt { seq: seq_of(id), recipient, attempt, since, why, decided_at, state, ending };
        Ok(Self { id, row, assumed, newest, was_resent })
    }

    /// With what was told of the messages' attempts: message, attempt, rank.
    pub(crate) fn with_news(all: Vec<Self>, news: Vec<(i64, i64, i64)>) -> Result<Vec<EndedDoubt>> {
        let mut by_message: BTreeMap<i64, Vec<(u32, Told)>> = BTreeMap::new();
        for (id, attempt, rank) in news {
            let told = Told::of_rank(rank)
                .ok_or_else(|| unreadable("attempt_news.told", format!("{rank} is no rank")))?;
            let attempt = number("attempt_news.attempt", attempt)?;
            by_message.entry(id).or_default().push((attempt, told));
        }
        let none = Vec::new();
        let hearing = |one: Self| {
            let heard = by_message.get(&one.id).unwrap_or(&none);
            one.hearing(heard)
        };
        Ok(all.into_iter().map(hearing).collect())
    }

    fn hearing(mut self, news: &[(u32, Told)]) -> EndedDoubt {
        let mut told = self.told_by_state();
        for (attempt, heard) in news {
            if *attempt == self.row.attempt {
                told = told.max(*heard);
            } else if *attempt > self.row.attempt {
                self.row.ending.told_of_newer = self.row.ending.told_of_newer.better_of(*heard);
            }
        }
        self.row.ending.told = told;
        self.row
    }

    /// What the message's own state tells of the attempt: of one that is the only one that can count. Of others the
    /// news are kept from the decision on.
    fn told_by_state(&self) -> Told {
        if self.was_resent || self.newest != self.row.attempt || self.assumed {
            return Told::Nothing;
        }
        match self.row.state {
            State::Accepted | State::Held | State::Sent => Told::Taken,
            State::Delivered | State::Read => Told::Delivered,
            State::Failed | State::Retrying => Told::Failed,
            State::Queued | State::Sending | State::InDoubt | State::Expired | State::Skipped => {
                Told::Nothing
            }
        }
    }
}
