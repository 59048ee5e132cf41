//! The simulator's ledger against what Paceline says.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::message::State;
use simulator::{Fate, LedgerEntry, Status};
use store::model::MessageRow;

/// Recipients that the ledger has more than once: must be none.
#[must_use]
pub fn sent_twice(ledger: &[LedgerEntry]) -> Vec<String> {
    let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
    // One that was told to have failed may be tried again: nobody got it.
    for entry in ledger.iter().filter(|entry| !matches!(entry.truth.fate, Fate::Failed(_))) {
        *counts.entry(entry.recipient.trim_start_matches('+')).or_default() += 1;
    }
    counts
        .into_iter()
        .filter(|(_, n)| *n > 1)
        .map(|(recipient, n)| format!("{recipient} got it {n} times"))
        .collect()
}

/// The most arrivals in any half-open window of this length, on the platform's clock.
#[must_use]
pub fn worst_window(ledger: &[LedgerEntry], window: Duration) -> usize {
    let arrivals = ledger.iter().map(|entry| entry.arrived_at.timestamp_micros().unsigned_abs()).collect();
    most_in(u64::try_from(window.as_micros()).unwrap_or(u64::MAX), arrivals)
}

fn most_in(window: u64, mut arrivals: Vec<u64>) -> usize {
    arrivals.sort_unstable();
    let (mut start, mut worst) = (0, 0);
    for end in 0..arrivals.len() {
        while arrivals[end] - arrivals[start] >= window {
            start += 1;
        }
        worst = worst.max(end - start + 1);
    }
    worst
}

/// The share of a rate that was used between the first and the last arrival.
#[must_use]
pub fn share_used(ledger: &[LedgerEntry], per_second: f64) -> f64 {
    let first = ledger.iter().map(|e| e.arrived_us).min().unwrap_or(0);
    let last = ledger.iter().map(|e| e.arrived_us).max().unwrap_or(0);
    (ledger.len() as f64 - 1.0) / ((last - first) as f64 / 1e6) / per_second
}

/// What Paceline should say in the end of a message that the ledger has: what was told of it, and where
/// nothing more can be told, what its TTL makes of it.
#[must_use]
pub fn expected(entry: &LedgerEntry) -> State {
    let told =
        |status: Status| entry.truth.timeline.iter().any(|event| event.status == status && event.announced);
    match entry.truth.fate {
        _ if told(Status::Read) => State::Read,
        _ if told(Status::Delivered) => State::Delivered,
        Fate::Failed(_) if told(Status::Failed) => State::Failed,
        Fate::Delivered | Fate::Read | Fate::Failed(_) | Fate::Expired => State::Expired,
    }
}

/// Whether no webhook tells anything of a message.
#[must_use]
pub fn is_silent(entry: &LedgerEntry) -> bool {
    entry.truth.timeline.iter().all(|event| !event.announced)
}

fn has_failed(entry: &LedgerEntry) -> bool {
    matches!(entry.truth.fate, Fate::Failed(_)) && expected(entry) == State::Failed
}

/// Where what Paceline says of a message differs from the truth, as sentences: must be none. Messages that
/// the ledger does not have must not be in a state that only an accepted message can be in.
#[must_use]
pub fn differences(ledger: &[LedgerEntry], messages: &[MessageRow]) -> Vec<String> {
    let truth: BTreeMap<&str, &LedgerEntry> =
        ledger.iter().map(|entry| (entry.recipient.trim_start_matches('+'), entry)).collect();
    let mut found = Vec::new();
    for message in messages {
        match truth.get(message.recipient.as_str()) {
            // Of its newest attempt neither an answer nor a webhook told: nobody can know, and the doubts'
            // policy decides. The ledger has nothing of it, or what was never told; or only an attempt before it
            // that is known to have failed.
            Some(entry) if message.wamid.is_none() && (is_silent(entry) || has_failed(entry)) => {
                if !matches!(message.state, State::InDoubt | State::Failed) {
                    found.push(format!(
                        "{} is {} and nothing was told of it",
                        message.recipient, message.state
                    ));
                }
            }
            Some(entry) => {
                let expected = expected(entry);
                if message.state != expected {
                    found
                        .push(format!("{} is {} and should be {expected}", message.recipient, message.state));
                }
                if message.wamid.as_deref() != Some(entry.wamid.as_str()) {
                    found.push(format!(
                        "{} has wamid {:?} and not {}",
                        message.recipient, message.wamid, entry.wamid
                    ));
                }
            }
            None => match message.state {
                State::Failed
                | State::Expired
                | State::Skipped
                | State::Queued
                | State::Retrying
                | State::InDoubt => {}
                State::Sending
                | State::Accepted
                | State::Held
                | State::Sent
                | State::Delivered
                | State::Read => {
                    found.push(format!("{} is {} and was never accepted", message.recipient, message.state));
                }
            },
        }
    }
    found
}
