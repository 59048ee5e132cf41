//! What is true of one campaign now: a pure function of its row, its templates' gates, and `now`.
//!
//! [`Facts`] is also what `status --json` prints: its field names are stable.

use std::collections::BTreeMap;

use campaign::gate::{self, Gate, GateRules, GateState};
use campaign::money::{Currency, Micros};
use campaign::pacing::windows;
use campaign::platform_error;
use campaign::{lifecycle, message};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::Serialize;
use store::model::{CampaignRow, GroupRow, TemplateKey};

use crate::ended::EndedAlike;
use crate::pace::per_second;

/// The gates of the campaigns' templates.
#[derive(Debug, Clone)]
pub struct Gates {
    /// What is known of each template; one that is not there is as good as new.
    pub states: BTreeMap<TemplateKey, GateState>,
    /// How long a gate waits.
    pub rules: GateRules,
}

/// What is true of one campaign now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Facts {
    /// Its key.
    pub campaign: String,
    /// Where it is.
    pub state: lifecycle::State,
    /// Why it is in that state, or what it waits for.
    pub reason: Option<String>,
    /// The campaign file, as it was named at the launch.
    pub file: String,
    /// What was launched.
    pub plan_hash: String,
    /// The campaign's `schedule.zone`.
    pub zone: Tz,
    /// When it was launched.
    pub launched_at: DateTime<Utc>,
    /// When its first message was claimed.
    pub started_at: Option<DateTime<Utc>>,
    /// When its newest message was claimed.
    pub last_sent_at: Option<DateTime<Utc>>,
    /// When it was over.
    pub finished_at: Option<DateTime<Utc>>,
    /// Nothing is sent from then on.
    pub ends_at: Option<DateTime<Utc>>,
    /// Rows of the audience.
    pub planned: u64,
    /// Of these, refused at planning.
    pub excluded: u64,
    /// Messages by state, all states.
    pub states: BTreeMap<message::State, u64>,
    /// Whether planned = excluded + all states.
    pub adds_up: bool,
    /// Messages that need no sending any more.
    pub handled: u64,
    /// Messages in all.
    pub messages: u64,
    /// Requests sent in all, further attempts included.
    pub attempts: u64,
    /// On the recipients' devices, read ones included.
    pub delivered: u64,
    /// Read.
    pub read: u64,
    /// Failed.
    pub failed: u64,
    /// How fast it goes.
    pub rate: Option<PaceNow>,
    /// When all is sent at this rate.
    pub eta: Option<DateTime<Utc>>,
    /// Its money.
    pub spend: Spend,
    /// Failed messages by code, the most frequent first.
    pub failures: Vec<FailureFact>,
    /// What holds back messages that could otherwise be sent.
    pub waits: Vec<Wait>,
    /// Doubts that the policy or an operator ended, and what became of them; of the campaign that was asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<EndedAlike>,
}

/// How fast it goes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct PaceNow {
    /// Requests a second.
    pub per_second: f64,
    /// What that was taken from.
    pub basis: Basis,
}

/// What a rate was taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Basis {
    /// The last seconds.
    Now,
    /// The time from the first message to the newest.
    Average,
}

/// Money, in units of the currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Spend {
    /// Of all three.
    #[serde(serialize_with = "code_of")]
    pub currency: Currency,
    /// Settled.
    #[serde(serialize_with = "units")]
    pub spent: Micros,
    /// The worst case of everything in flight.
    #[serde(serialize_with = "units")]
    pub reserved: Micros,
    /// The ceiling, where it has one.
    #[serde(serialize_with = "optional_units")]
    pub budget: Option<Micros>,
}

/// Failed messages of one code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureFact {
    /// The platform's; none where it gave none.
    pub code: Option<i64>,
    /// How many.
    pub messages: u64,
    /// What it is, in a few words.
    pub title: String,
    /// What it means and what to do.
    pub advice: String,
}

/// Messages that something holds back.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Wait {
    /// Until when; not known where something has to happen first.
    pub until: Option<DateTime<Utc>>,
    /// What for.
    pub why: String,
    /// The recipients' time zones.
    pub zones: Vec<String>,
    /// With which template they are sent.
    pub template: String,
    /// How many messages, where they are counted.
    pub messages: Option<u64>,
}

impl Facts {
    /// What is true of the campaign at `now`. `rate` is the rate of the last seconds, where it was taken.
    #[must_use]
    pub fn of(row: &CampaignRow, gates: &Gates, rate: Option<f64>, now: DateTime<Utc>) -> Self {
        let open = [message::State::Queued, message::State::Retrying, message::State::Sending];
        let unsent: u64 = open.into_iter().map(|state| row.count(state)).sum();
        let rate = pace_now(row, rate);
        let read = row.count(message::State::Read);
        Self {
            campaign: row.key.clone(),
            state: row.state,
            reason: row.reason.clone(),
            file: row.file.clone(),
            plan_hash: row.plan_hash.clone(),
            zone: row.definition.schedule.zone,
            launched_at: row.launched_at,
            started_at: row.started_at,
            last_sent_at: row.last_sent_at,
            finished_at: row.finished_at,
            ends_at: row.definition.schedule.end.map(|end| end.to_utc()),
            planned: row.totals.planned,
            excluded: row.totals.excluded,
            states: message::State::ALL.into_iter().map(|state| (state, row.count(state))).collect(),
            adds_up: row.is_conserved(),
            handled: row.totals.messages.saturating_sub(unsent),
            messages: row.totals.messages,
            attempts: row.attempts,
            delivered: read + row.count(message::State::Delivered),
            read,
            failed: row.count(message::State::Failed),
            rate,
            eta: rate.and_then(|rate| arrival(row.state, unsent, rate.per_second, now)),
            spend: Spend {
                currency: row.currency,
                spent: row.spent,
                reserved: row.reserved,
                budget: row.budget,
            },
            failures: failures(row),
            waits: waits(row, gates, now),
            doubts: Vec::new(),
        }
    }

    /// How many messages are in a state.
    #[must_use]
    pub fn count(&self, state: message::State) -> u64 {
        self.states.get(&state).copied().unwrap_or(0)
    }
}

fn pace_now(row: &CampaignRow, rate: Option<f64>) -> Option<PaceNow> {
    if let Some(now) = rate {
        return Some(PaceNow { per_second: now, basis: Basis::Now });
    }
    let (first, last) = (row.started_at?, row.last_sent_at?);
    // What goes out in the first second would look like a burst.
    let seconds = (last - first).as_seconds_f64();
    let average = || PaceNow { per_second: per_second(row.attempts, seconds), basis: Basis::Average };
    (seconds >= 1.0).then(average)
}

/// When the unsent messages are sent at this rate; `None` where the campaign does not send.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    reason = "an estimate; bounded below"
)]
fn arrival(
    state: lifecycle::State,
    unsent: u64,
    per_second: f64,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    // An estimate beyond a year says nothing.
    const FARTHEST_S: f64 = 366.0 * 86_400.0;
    let sends = matches!(state, lifecycle::State::Running);
    let seconds = unsent as f64 / per_second;
    (sends && unsent > 0 && seconds.is_finite() && seconds < FARTHEST_S)
        .then(|| now + TimeDelta::milliseconds((seconds * 1_000.0) as i64))
}

fn failures(row: &CampaignRow) -> Vec<FailureFact> {
    let mut failures: Vec<FailureFact> = row
        .failures
        .iter()
        .filter(|failure| failure.messages > 0)
        .map(|failure| {
            let (title, advice) = in_words(failure.code);
            FailureFact { code: failure.code, messages: failure.messages, title, advice }
        })
        .collect();
    failures.sort_by_key(|failure| (std::cmp::Reverse(failure.messages), failure.code));
    failures
}

/// A code's title, and what it means and what to do.
fn in_words(code: Option<i64>) -> (String, String) {
    match code.map(|code| (code, platform_error::lookup(code))) {
        Some((_, Some(info))) => (info.title.to_owned(), info.advice.to_owned()),
        Some((code, None)) => (
            format!("Unknown code {code}"),
            "Paceline does not know this code; look it up in Meta's documentation.".to_owned(),
        ),
        None => (
            "No code".to_owned(),
            "These failed without an error code of the platform; the report has each one's reason."
                .to_owned(),
        ),
    }
}

/// What holds messages back: the start, windows, gates. Groups that wait for the same are told as one.
fn waits(row: &CampaignRow, gates: &Gates, now: DateTime<Utc>) -> Vec<Wait> {
    if !matches!(row.state, lifecycle::State::Waiting | lifecycle::State::Running) {
        return Vec::new();
    }
    if let Some(start) =
        row.definition.schedule.start.map(|start| start.to_utc()).filter(|start| *start > now)
    {
        return vec![Wait {
            until: Some(start),
            why: "the campaign's start".to_owned(),
            zones: Vec::new(),
            template: row.definition.template.name.clone(),
            messages: Some(row.totals.messages),
        }];
    }
    let mut waits: Vec<Wait> = Vec::new();
    for group in &row.groups {
        let Some(wait) = hindrance(row, group, gates, now) else { continue };
        let same = |other: &&mut Wait| {
            (other.until, &other.why, &other.template) == (wait.until, &wait.why, &wait.template)
        };
        match waits.iter_mut().find(same) {
            Some(other) => {
                other.messages = other.messages.zip(wait.messages).map(|(one, more)| one + more);
                if !other.zones.contains(&group.zone) {
                    other.zones.push(group.zone.clone());
                }
            }
            None => waits.push(wait),
        }
    }
    waits.sort_by_key(|wait| (wait.until.is_none(), wait.until));
    waits
}

/// What holds a group back, if anything does.
fn hindrance(row: &CampaignRow, group: &GroupRow, gates: &Gates, now: DateTime<Utc>) -> Option<Wait> {
    let wait = |until, why: String, messages| Wait {
        until,
        why,
        zones: vec![group.zone.clone()],
        template: group.template.name.clone(),
        messages,
    };
    if group.planned == 0 {
        let until = group.not_before.filter(|at| *at > now)?;
        return Some(wait(
            Some(until),
            "put back for a while (another try, a gate, or the budget)".to_owned(),
            None,
        ));
    }
    let schedule = &row.definition.schedule;
    let zone: Tz = group.zone.parse().unwrap_or(schedule.zone);
    let hours = windows::at(&schedule.windows, zone, schedule.zone, now);
    if !hours.open {
        return Some(wait(hours.changes_at, "the next sending window".to_owned(), Some(group.planned)));
    }
    let state = gates.states.get(&group.template).copied().unwrap_or_default();
    let gate = gate::decide(&state, &gates.rules, now);
    let until = match gate {
        Gate::Open => return None,
        Gate::Canary => None,
        Gate::Closed { until, .. } => Some(until),
    };
    Some(wait(until, gate.describe(&group.template.name, &gates.rules, now), Some(group.planned)))
}

pub(crate) fn code_of<S: serde::Serializer>(currency: &Currency, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(currency.code())
}

pub(crate) fn units<S: serde::Serializer>(amount: &Micros, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&amount.to_decimal())
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn optional_units<S: serde::Serializer>(amount: &Option<Micros>, to: S) -> Result<S::Ok, S::Error> {
    amount.map(|amount| amount.to_decimal()).as_ref().map(Decimal::to_string).serialize(to)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use campaign::definition::Definition;
    use store::model::GroupRow;

    use super::*;
    use crate::sample;

    fn facts(row: &CampaignRow) -> Facts {
        Facts::of(row, &sample::gates(), Some(60.0), sample::now())
    }

    #[test]
    fn counts_read_as_delivered_and_adds_up() {
        let facts = facts(&sample::row());
        assert_eq!((facts.delivered, facts.read, facts.failed), (5_100, 2_000, 95));
        assert_eq!((facts.handled, facts.messages), (6_092, 10_000));
        assert!(facts.adds_up);
        let mut lost = sample::row();
        lost.counts.remove(&message::State::Skipped);
        assert!(!Facts::of(&lost, &sample::gates(), None, sample::now()).adds_up);
    }

    #[test]
    fn arrival_is_only_told_where_it_can_be() {
        let now = sample::now();
        let running = lifecycle::State::Running;
        assert_eq!(arrival(running, 600, 60.0, now), Some(now + TimeDelta::seconds(10)));
        assert_eq!(arrival(running, 0, 60.0, now), None);
        assert_eq!(arrival(running, 600, 0.0, now), None);
        assert_eq!(arrival(running, 1_000_000_000, 0.001, now), None);
        assert_eq!(arrival(lifecycle::State::Paused, 600, 60.0, now), None);
    }

    #[test]
    fn without_two_reads_the_rate_is_the_average() {
        let row = sample::row();
        let rate = Facts::of(&row, &sample::gates(), None, sample::now()).rate.unwrap();
        assert_eq!(rate.basis, Basis::Average);
        assert!((rate.per_second - 6_210.0 / 3_599.0).abs() < 1e-9);
        let fresh = CampaignRow { started_at: None, last_sent_at: None, attempts: 0, ..row };
        assert_eq!(Facts::of(&fresh, &sample::gates(), None, sample::now()).rate, None);
    }

    #[test]
    fn closed_windows_and_gates_are_told_with_their_end() {
        let mut row = sample::row();
        row.definition = Arc::new(
            Definition::parse("a.yaml", sample::YAML.replace("schedule: { zone: Asia/Kolkata }", "schedule: { zone: Asia/Kolkata, windows: [{ days: mon-sun, from: \"09:00\", to: \"20:00\", in: recipient }] }").as_bytes())
                .unwrap(),
        );
        let facts = facts(&row);
        assert_eq!(
            facts.waits,
            [Wait {
                until: Some(sample::at("2026-11-08T14:00:00Z")),
                why: "the next sending window".to_owned(),
                zones: vec!["America/New_York".to_owned()],
                template: "diwali_sale".to_owned(),
                messages: Some(880),
            }],
            "Kolkata is inside its window"
        );
        let mut gates = sample::gates();
        for state in gates.states.values_mut() {
            state.closed_until = Some(sample::at("2026-11-08T04:40:00Z"));
        }
        let facts = Facts::of(&sample::row(), &gates, None, sample::now());
        let [wait] = facts.waits.as_slice() else {
            panic!("both groups wait for the same: {:?}", facts.waits)
        };
        assert_eq!(wait.messages, Some(3_880));
        assert_eq!(wait.zones, ["Asia/Kolkata", "America/New_York"]);
        assert_eq!(wait.until, Some(sample::at("2026-11-08T04:40:00Z")));
        assert!(wait.why.contains("not synced"), "{}", wait.why);
    }

    #[test]
    fn a_start_to_come_is_the_only_wait() {
        let mut row = sample::row();
        row.state = lifecycle::State::Waiting;
        row.definition = Arc::new(
            Definition::parse(
                "a.yaml",
                sample::YAML
                    .replace(
                        "schedule: { zone: Asia/Kolkata }",
                        "schedule: { start: 2026-11-08T12:00:00+05:30 }",
                    )
                    .as_bytes(),
            )
            .unwrap(),
        );
        let facts = facts(&row);
        assert_eq!(facts.waits.len(), 1);
        assert_eq!(facts.waits[0].until, Some(sample::at("2026-11-08T06:30:00Z")));
        row.state = lifecycle::State::Paused;
        assert_eq!(Facts::of(&row, &sample::gates(), None, sample::now()).waits, []);
    }

    #[test]
    fn a_group_put_back_says_until_when() {
        let mut row = sample::row();
        row.groups = vec![GroupRow {
            planned: 0,
            not_before: Some(sample::at("2026-11-08T05:00:00Z")),
            ..row.groups[0].clone()
        }];
        let facts = facts(&row);
        assert_eq!(facts.waits[0].until, Some(sample::at("2026-11-08T05:00:00Z")));
        assert_eq!(facts.waits[0].messages, None);
    }

    #[test]
    fn machines_get_stable_names() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&facts(&sample::row())).unwrap());
    }
}
