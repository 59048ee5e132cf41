//! When messages left, and when they arrived.
//!
//! A pace that is read from arrivals alone is also a measurement of the machine: a core that stands still for fifty
//! milliseconds delays what had left in time, and lets it arrive together with what follows. Processes of a test
//! therefore log each message's last look at the clock ([`LOG_FILTER`]), which is what the limiter holds to the rate
//! exactly, whatever the machine does; and arrivals are matched with it, so that the log cannot tell of a pace that
//! nothing was sent at.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::ids::CorrelationKey;
use chrono::{DateTime, TimeDelta, Utc};
use simulator::LedgerEntry;

/// What processes log in a test.
pub const LOG_FILTER: &str = "warn,clock=info,paceline=info,queue=info,reconciler=info,scheduler=info,simulator=info,\
     store=info,whatsapp=info,worker=info,worker::departure=trace";

/// What marks a departure's line.
const MARK: &str = " TRACE worker::departure: ";

/// How much longer than the quickest nearly all messages may be on their way, on a machine that is busy.
const PROMPT: TimeDelta = TimeDelta::milliseconds(100);

/// The pace of a sender, as it left and as it arrived.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// The most that left in any half-open second.
    pub left: usize,
    /// The most that arrived in any half-open second.
    pub arrived: usize,
    /// How much longer than the quickest the slowest was on its way.
    pub slowest: Duration,
    /// The share of messages that were on their way for no more than 100 ms longer than the quickest.
    pub prompt: f64,
}

impl Pace {
    /// The pace of all that the ledger has, by the logs of the processes that sent it.
    ///
    /// # Panics
    /// When a message arrived that no process logged.
    #[must_use]
    pub fn of<'a>(logs: impl IntoIterator<Item = &'a str>, ledger: &[LedgerEntry]) -> Self {
        let left: BTreeMap<String, DateTime<Utc>> = logs.into_iter().flat_map(departures).collect();
        let mut ways: Vec<TimeDelta> = Vec::with_capacity(ledger.len());
        for entry in ledger {
            let key = sent_as(entry);
            let left =
                left.get(&key).unwrap_or_else(|| panic!("{key} arrived, and no log says that it left"));
            ways.push(entry.arrived_at - *left);
        }
        let quickest = ways.iter().min().copied().unwrap_or_default();
        let longer = |way: &TimeDelta| *way - quickest;
        let prompt =
            ways.iter().filter(|way| longer(way) <= PROMPT).count() as f64 / ways.len().max(1) as f64;
        Self {
            left: most_in_a_second(left.into_values().collect()),
            arrived: most_in_a_second(ledger.iter().map(|entry| entry.arrived_at).collect()),
            slowest: ways.iter().map(longer).max().unwrap_or_default().to_std().unwrap_or_default(),
            prompt,
        }
    }

    /// Fails unless no more than the rate left in any second, and what the log says is what was sent.
    ///
    /// # Panics
    /// When it was not held.
    pub fn assert_held(&self, per_second: usize) {
        assert!(self.left <= per_second, "{self}, at {per_second}/s");
        assert!(self.prompt >= 0.95, "what left did not arrive soon: {self}");
    }
}

impl std::fmt::Display for Pace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { left, arrived, slowest, prompt } = self;
        write!(
            f,
            "at most {left} left and {arrived} arrived in a second, {:.1} % within 100 ms of the quickest way, \
             the slowest {} ms",
            prompt * 100.0,
            slowest.as_millis(),
        )
    }
}

/// The departures that a log tells of: what left, as `campaign.seq.attempt`, and when.
pub fn departures(log: &str) -> impl Iterator<Item = (String, DateTime<Utc>)> {
    log.lines().filter_map(|line| {
        let (_, fields) = line.split_once(MARK)?;
        let field = |name: &str| {
            let value = fields.split(' ').find_map(|field| field.strip_prefix(name)?.strip_prefix('='));
            value.unwrap_or_else(|| panic!("a departure has {name}: {line}"))
        };
        let at = field("at").parse().unwrap_or_else(|error| panic!("{line}: {error}"));
        Some((format!("{}.{}.{}", field("campaign"), field("seq"), field("attempt")), at))
    })
}

fn sent_as(entry: &LedgerEntry) -> String {
    let key = entry.biz_opaque_callback_data.as_deref().expect("tests that judge the pace send a key");
    let key: CorrelationKey = key.parse().unwrap();
    format!("{}.{}.{}", key.message.campaign.0, key.message.seq.0, key.attempt)
}

fn most_in_a_second(mut instants: Vec<DateTime<Utc>>) -> usize {
    instants.sort_unstable();
    let (mut start, mut most) = (0, 0);
    for end in 0..instants.len() {
        while instants[end] - instants[start] >= TimeDelta::seconds(1) {
            start += 1;
        }
        most = most.max(end - start + 1);
    }
    most
}
