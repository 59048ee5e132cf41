//! The rate now: how many requests were sent between several reads of the same campaign.

use std::collections::{BTreeMap, VecDeque};

use campaign::ids::CampaignId;
use chrono::{DateTime, TimeDelta, Utc};
use store::model::CampaignRow;

/// The rate is taken over this time: long enough to be steady, short enough to show a pause soon.
const WINDOW: TimeDelta = TimeDelta::seconds(5);

/// Remembers the last reads of campaigns.
#[derive(Debug, Clone, Default)]
pub struct PaceMeter {
    reads: BTreeMap<CampaignId, VecDeque<Reading>>,
}

#[derive(Debug, Clone, Copy)]
struct Reading {
    at: DateTime<Utc>,
    attempts: u64,
}

impl PaceMeter {
    /// Notes what was read at `now`.
    pub fn note(&mut self, rows: &[CampaignRow], now: DateTime<Utc>) {
        for row in rows {
            self.note_one(row.id, row.attempts, now);
        }
    }

    fn note_one(&mut self, campaign: CampaignId, attempts: u64, now: DateTime<Utc>) {
        let reads = self.reads.entry(campaign).or_default();
        // A clock that was set back makes earlier reads useless, and so does a long pause: this is the rate now.
        reads.retain(|read| read.at < now && now - read.at < WINDOW * 2);
        reads.push_back(Reading { at: now, attempts });
        while reads.get(1).is_some_and(|second| now - second.at >= WINDOW) {
            reads.pop_front();
        }
    }

    /// Requests per second over the last five seconds; `None` before the second read.
    #[must_use]
    pub fn rate(&self, campaign: CampaignId) -> Option<f64> {
        let reads = self.reads.get(&campaign)?;
        let (first, last) = (reads.front()?, reads.back()?);
        let seconds = (last.at - first.at).as_seconds_f64();
        (seconds > 0.0).then(|| per_second(last.attempts.saturating_sub(first.attempts), seconds))
    }
}

/// So many requests in so many seconds.
#[expect(
    clippy::cast_precision_loss,
    reason = "for people to read: a float counts exactly far beyond any campaign"
)]
pub(crate) fn per_second(requests: u64, seconds: f64) -> f64 {
    requests as f64 / seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_the_last_five_seconds() {
        let start: DateTime<Utc> = "2026-11-08T03:30:00Z".parse().unwrap();
        let mut meter = PaceMeter::default();
        let campaign = CampaignId(1);
        assert_eq!(meter.rate(campaign), None);
        let mut attempts = 0;
        for half_seconds in 0..40 {
            meter.note_one(campaign, attempts, start + TimeDelta::milliseconds(500 * half_seconds));
            attempts += if half_seconds < 20 { 40 } else { 10 };
            match half_seconds {
                0 => assert_eq!(meter.rate(campaign), None),
                1..=20 => assert_eq!(meter.rate(campaign), Some(80.0)),
                _ => {}
            }
        }
        assert_eq!(meter.rate(campaign), Some(20.0), "ten seconds later the faster time is forgotten");
    }

    #[test]
    fn what_was_read_long_ago_says_nothing_of_now() {
        let start: DateTime<Utc> = "2026-11-08T03:30:00Z".parse().unwrap();
        let mut meter = PaceMeter::default();
        meter.note_one(CampaignId(1), 100, start);
        meter.note_one(CampaignId(1), 3_700, start + TimeDelta::hours(1));
        assert_eq!(meter.rate(CampaignId(1)), None);
    }

    #[test]
    fn a_clock_set_back_starts_again() {
        let start: DateTime<Utc> = "2026-11-08T03:30:00Z".parse().unwrap();
        let mut meter = PaceMeter::default();
        meter.note_one(CampaignId(1), 100, start);
        meter.note_one(CampaignId(1), 200, start - TimeDelta::hours(1));
        assert_eq!(meter.rate(CampaignId(1)), None);
    }
}
