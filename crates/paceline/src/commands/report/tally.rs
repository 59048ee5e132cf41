//! Adds the recipients of a campaign up. Its memory grows with the number of reasons, countries, variants
//! and hours, not with the number of recipients.

use std::collections::BTreeMap;

use campaign::message::State;
use campaign::money::Micros;
use chrono::{DateTime, TimeDelta, Timelike, Utc};
use chrono_tz::Tz;
use store::model::{CampaignRow, Excluded, MessageRow};

use super::rows::Recipient;
use super::summary;
use super::timeline::Timeline;

/// No more distinct texts are kept of reasons that are free text; the rest are told as one.
const MOST_REASONS: usize = 50;
/// Stands for the reasons beyond [`MOST_REASONS`].
const OTHER: &str = "other reasons";

/// Recipients, added up.
#[derive(Debug, Clone)]
pub(super) struct Tally {
    zone: Tz,
    variants_of_groups: BTreeMap<u32, String>,
    templates_of_groups: BTreeMap<u32, String>,
    /// Messages by state.
    pub(super) states: BTreeMap<State, u64>,
    /// Rows that planning refused.
    pub(super) excluded: u64,
    /// The same by reason, with an example.
    pub(super) excluded_by_reason: BTreeMap<String, Reason>,
    /// All messages together.
    pub(super) all: Part,
    /// Failed messages by code and class.
    pub(super) failures: BTreeMap<(Option<i64>, String), Reason>,
    /// Skipped messages by reason.
    pub(super) skipped: BTreeMap<String, u64>,
    /// Priced messages by route.
    pub(super) routes: BTreeMap<String, u64>,
    /// Messages by the recipient's country.
    pub(super) countries: BTreeMap<String, Part>,
    /// Messages by variant; empty without variants.
    pub(super) variants: BTreeMap<String, Part>,
    /// Messages by template; all templates of the campaign.
    pub(super) templates: BTreeMap<String, Part>,
    /// What happened in shorter steps than hours.
    pub(super) timeline: Timeline,
    /// What happened in each hour of the campaign's zone.
    pub(super) hours: BTreeMap<DateTime<Utc>, Hour>,
    /// Messages that were matched by number, recipient and time alone.
    pub(super) inferred: u64,
    /// Costs that the platform told.
    pub(super) told: Cost,
    /// Costs of the rate card.
    pub(super) estimated: Cost,
}

/// How many, and one of them.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Reason {
    pub(super) number: u64,
    pub(super) example: String,
}

/// A part of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Part {
    pub(super) messages: u64,
    /// At least one request for them left, or may have.
    pub(super) attempted: u64,
    /// The platform took them.
    pub(super) accepted: u64,
    /// On their way to a device, or further.
    pub(super) sent: u64,
    /// On a device, read ones included.
    pub(super) delivered: u64,
    pub(super) read: u64,
    pub(super) failed: u64,
    pub(super) cost: Micros,
}

/// What happened in an hour, or another span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Hour {
    /// Messages whose newest attempt was made then.
    pub(super) attempted: u64,
    pub(super) delivered: u64,
    pub(super) read: u64,
}

/// What some messages cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Cost {
    pub(super) messages: u64,
    pub(super) amount: Micros,
}

impl Tally {
    /// Nothing yet, of this campaign.
    pub(super) fn of(row: &CampaignRow) -> Self {
        let templates_of_groups = summary::templates(row);
        Self {
            zone: row.definition.schedule.zone,
            variants_of_groups: summary::variants(row),
            states: BTreeMap::new(),
            excluded: 0,
            excluded_by_reason: BTreeMap::new(),
            all: Part::default(),
            failures: BTreeMap::new(),
            skipped: BTreeMap::new(),
            routes: BTreeMap::new(),
            countries: BTreeMap::new(),
            variants: BTreeMap::new(),
            templates: templates_of_groups.values().map(|name| (name.clone(), Part::default())).collect(),
            templates_of_groups,
            timeline: Timeline::default(),
            hours: BTreeMap::new(),
            inferred: 0,
            told: Cost::default(),
            estimated: Cost::default(),
        }
    }

    /// Adds a recipient.
    pub(super) fn add(&mut self, recipient: &Recipient) {
        match recipient {
            Recipient::Message(row) | Recipient::Retried(row, _) => self.add_message(row),
            Recipient::Excluded(row) => self.add_excluded(row),
        }
    }

    fn add_excluded(&mut self, row: &Excluded) {
        self.excluded += 1;
        note(self.excluded_by_reason.entry(row.reason.clone()).or_default(), &row.detail);
    }

    fn add_message(&mut self, row: &MessageRow) {
        *self.states.entry(row.state).or_default() += 1;
        self.all.add(row);
        self.inferred += u64::from(row.inferred);
        self.countries.entry(row.country.clone()).or_default().add(row);
        if let Some(variant) = self.variants_of_groups.get(&row.group) {
            self.variants.entry(variant.clone()).or_default().add(row);
        }
        if let Some(template) = self.templates_of_groups.get(&row.group) {
            self.templates.entry(template.clone()).or_default().add(row);
        }
        if let Some(route) = &row.route {
            *self.routes.entry(route.clone()).or_default() += 1;
        }
        self.add_reason(row);
        if let Some(cost) = row.cost {
            let sum = if row.cost_told { &mut self.told } else { &mut self.estimated };
            sum.messages += 1;
            sum.amount = plus(sum.amount, cost);
        }
        if row.attempt > 0
            && let Some(at) = row.claimed_at
        {
            self.happened(at, |part| part.attempted += 1);
        }
        if row.state.is_delivered()
            && let Some(at) = row.delivered_at.or(row.read_at)
        {
            self.happened(at, |part| part.delivered += 1);
        }
        if row.state == State::Read
            && let Some(at) = row.read_at
        {
            self.happened(at, |part| part.read += 1);
        }
    }

    fn happened(&mut self, at: DateTime<Utc>, what: impl Fn(&mut Hour)) {
        what(self.hours.entry(hour(at, self.zone)).or_default());
        if let Some(part) = self.timeline.at(at) {
            what(part);
        }
    }

    fn add_reason(&mut self, row: &MessageRow) {
        let detail = row.failure.as_ref().map_or("", |failure| failure.detail.as_str());
        if row.state == State::Failed {
            let kind = row.failure.as_ref().map_or((None, String::new()), |f| (f.code, f.class.clone()));
            note(self.failures.entry(kind).or_default(), detail);
        } else if row.state == State::Skipped {
            let reason = if detail.is_empty() { summary::default_reason(row.state, false) } else { detail };
            let is_known = self.skipped.contains_key(reason) || self.skipped.len() < MOST_REASONS;
            *self.skipped.entry(if is_known { reason } else { OTHER }.to_owned()).or_default() += 1;
        }
    }
}

impl Hour {
    /// Adds what happened in another one.
    pub(super) fn add(&mut self, other: &Self) {
        self.attempted += other.attempted;
        self.delivered += other.delivered;
        self.read += other.read;
    }
}

impl Part {
    fn add(&mut self, row: &MessageRow) {
        let is_sent = row.state == State::Sent || row.state.is_delivered() || row.sent_at.is_some();
        let is_accepted =
            is_sent || row.state.is_awaiting_status() || row.accepted_at.is_some() || row.wamid.is_some();
        self.messages += 1;
        self.attempted += u64::from(row.attempt > 0);
        self.accepted += u64::from(is_accepted);
        self.sent += u64::from(is_sent);
        self.delivered += u64::from(row.state.is_delivered());
        self.read += u64::from(row.state == State::Read);
        self.failed += u64::from(row.state == State::Failed);
        self.cost = plus(self.cost, row.cost.unwrap_or_default());
    }
}

fn note(reason: &mut Reason, detail: &str) {
    reason.number += 1;
    if reason.example.is_empty() {
        detail.clone_into(&mut reason.example);
    }
}

fn plus(sum: Micros, more: Micros) -> Micros {
    Micros(sum.0.saturating_add(more.0))
}

/// The beginning of the hour on the clock of the zone.
fn hour(at: DateTime<Utc>, zone: Tz) -> DateTime<Utc> {
    let local = at.with_timezone(&zone);
    let into = i64::from(local.minute()) * 60 + i64::from(local.second());
    at - TimeDelta::seconds(into) - TimeDelta::nanoseconds(i64::from(at.timestamp_subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use super::super::rows::sample;
    use super::*;
    use crate::commands::status::sample::{at, row};

    fn tally() -> Tally {
        let mut tally = Tally::of(&row());
        for recipient in sample::all() {
            tally.add(&recipient);
        }
        tally
    }

    #[test]
    fn delivered_includes_read() {
        let tally = tally();
        let all = tally.all;
        assert_eq!((all.messages, tally.excluded), (9, 2));
        assert_eq!((all.attempted, all.accepted, all.sent), (7, 3, 3));
        assert_eq!((all.delivered, all.read, all.failed), (2, 1, 2));
        assert_eq!(all.cost, Micros(1_740_000));
        assert_eq!((tally.told.amount, tally.estimated.amount), (Micros(870_000), Micros(870_000)));
        assert_eq!(tally.countries["AE"].messages, 1);
    }

    #[test]
    fn hours_are_those_of_the_campaigns_zone() {
        let kolkata = Tz::Asia__Kolkata;
        assert_eq!(hour(at("2026-11-08T03:31:12.5Z"), kolkata), at("2026-11-08T03:30:00Z"));
        assert_eq!(hour(at("2026-11-08T03:29:59Z"), kolkata), at("2026-11-08T02:30:00Z"));
        let hours = tally().hours;
        assert_eq!(hours[&at("2026-11-08T03:30:00Z")], Hour { attempted: 7, delivered: 2, read: 1 });
    }

    #[test]
    fn free_texts_do_not_pile_up() {
        let mut tally = Tally::of(&row());
        for seq in 0..200 {
            let mut message = sample::failed(seq, None, "skipped", &format!("reason {seq}"));
            message.state = State::Skipped;
            tally.add(&Recipient::Message(message));
        }
        assert_eq!(tally.skipped.len(), MOST_REASONS + 1);
        assert_eq!(tally.skipped[OTHER], 200 - MOST_REASONS as u64);
        assert_eq!(tally.skipped.values().sum::<u64>(), 200);
    }
}
