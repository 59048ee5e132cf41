//! The numbers of a report: a pure function of the campaign's row and the tally of its recipients.
//!
//! [`Summary`] is also what `report --format json` prints: its field names are stable.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use campaign::message::State;
use campaign::money::{Currency, Micros};
use campaign::{lifecycle, platform_error};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde::{Serialize, Serializer};
use store::model::{Analytics, CampaignRow, TemplateKey};

use super::comparing::{self, Comparison};
use super::conservation;
pub(crate) use super::parts::{
    ExcludedPart, FailurePart, HourPart, MessagesPart, RoutePart, RunPart, SkippedPart,
};
use super::parts::{share, units};
use super::tally::{Part, Tally};
use super::timeline::{self, DayHourPart, TimelinePart};
use crate::commands::doubt::ended::EndedAlike;

/// All numbers of a report.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Summary {
    pub(crate) campaign: String,
    pub(crate) state: lifecycle::State,
    pub(crate) reason: Option<String>,
    /// Whether the campaign is over: else the numbers will still change.
    pub(crate) is_over: bool,
    /// Whether planned = excluded + all states, counted from the rows.
    pub(crate) adds_up: bool,
    pub(crate) file: String,
    pub(crate) plan_hash: String,
    /// The senders' names.
    pub(crate) senders: Vec<String>,
    pub(crate) times: Times,
    /// Where every row of the audience is, as a sentence.
    pub(crate) conservation: String,
    pub(crate) funnel: Funnel,
    /// Messages by state, all states, counted from the rows.
    pub(crate) states: BTreeMap<State, u64>,
    /// Messages whose statuses were matched by number, recipient and time alone: no answer and no key of ours told whose
    /// they are.
    pub(crate) inferred: u64,
    /// Rows that planning refused, the most frequent reason first.
    pub(crate) excluded: Vec<ExcludedPart>,
    /// Failed messages, the most frequent code first.
    pub(crate) failures: Vec<FailurePart>,
    /// Skipped messages, the most frequent reason first.
    pub(crate) skipped: Vec<SkippedPart>,
    /// Priced messages by the way they went: `marketing_lite` (Marketing Messages API) or `marketing`
    /// (Cloud API).
    pub(crate) routes: Vec<RoutePart>,
    /// By the recipient's country, the largest first.
    pub(crate) countries: Vec<MessagesPart>,
    /// By variant, in the order of their names; empty without variants.
    pub(crate) variants: Vec<MessagesPart>,
    /// Whether the variants differ.
    pub(crate) comparisons: Vec<Comparison>,
    /// By template, `name (language)`: what stands beside the platform's own numbers.
    pub(crate) templates: Vec<MessagesPart>,
    /// In steps that fit the campaign's length.
    pub(crate) timeline: TimelinePart,
    /// By hour of the campaign's zone.
    pub(crate) hours: Vec<HourPart>,
    /// The same by hour of the day, all days together: 24.
    pub(crate) hours_of_day: Vec<DayHourPart>,
    /// The follow-ups that sent its failed messages again, the oldest first: each recipient is counted once, by the run
    /// that got furthest with them, and money is all runs'.
    pub(crate) follow_ups: Vec<RunPart>,
    /// Doubts that the policy or an operator ended, and what became of them, the most frequent first.
    pub(crate) doubts: Vec<EndedAlike>,
    pub(crate) spend: Spend,
    /// What the platform counted itself, where it was asked: `paceline analytics pull`.
    pub(crate) platform: Option<PlatformPart>,
}

/// What the platform counted itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct PlatformPart {
    pub(crate) pulled_at: DateTime<Utc>,
    #[serde(flatten)]
    pub(crate) counted: Analytics,
}

/// When things happened.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Times {
    /// The campaign's zone; the times themselves are UTC.
    pub(crate) zone: Tz,
    pub(crate) launched_at: DateTime<Utc>,
    /// The first message was claimed.
    pub(crate) started_at: Option<DateTime<Utc>>,
    /// The newest message was claimed.
    pub(crate) last_sent_at: Option<DateTime<Utc>>,
    pub(crate) finished_at: Option<DateTime<Utc>>,
    pub(crate) reported_at: DateTime<Utc>,
}

/// How far recipients got. Each step up to `read` is a part of the one before it, but for messages that a
/// later word of the platform moved on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Funnel {
    /// Rows of the audience.
    pub(crate) planned: u64,
    /// Refused at planning.
    pub(crate) excluded: u64,
    pub(crate) messages: u64,
    /// At least one request for them left, or may have.
    pub(crate) attempted: u64,
    /// The platform took them.
    pub(crate) accepted: u64,
    /// On their way to a device, or further.
    pub(crate) sent: u64,
    /// On a device, read ones included.
    pub(crate) delivered: u64,
    pub(crate) read: u64,
    pub(crate) failed: u64,
    pub(crate) expired: u64,
    pub(crate) skipped: u64,
    pub(crate) in_doubt: u64,
    /// Still to be sent, or with a worker.
    pub(crate) unsent: u64,
    /// Requests in all, further attempts included.
    pub(crate) requests: u64,
    pub(crate) delivered_per_attempted: Option<f64>,
    pub(crate) read_per_delivered: Option<f64>,
}

/// Money, in units of the currency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Spend {
    #[serde(serialize_with = "code_of")]
    pub(crate) currency: Currency,
    #[serde(serialize_with = "units")]
    pub(crate) spent: Micros,
    /// The worst case of what is in flight.
    #[serde(serialize_with = "units")]
    pub(crate) reserved: Micros,
    #[serde(serialize_with = "optional_units")]
    pub(crate) budget: Option<Micros>,
    /// Costs that the platform told, message by message.
    #[serde(serialize_with = "units")]
    pub(crate) told: Micros,
    pub(crate) told_messages: u64,
    /// Costs that the platform did not tell: the rate card's.
    #[serde(serialize_with = "units")]
    pub(crate) estimated: Micros,
    pub(crate) estimated_messages: u64,
}

impl Summary {
    /// The numbers of a campaign whose recipients were added up.
    pub(super) fn of(row: &CampaignRow, tally: &Tally, now: DateTime<Utc>) -> Self {
        let counted = tally.excluded + tally.all.messages;
        let zone = row.definition.schedule.zone;
        let states: BTreeMap<State, u64> =
            State::ALL.into_iter().map(|state| (state, count(tally, state))).collect();
        let variants = parts(&tally.variants);
        let hours: Vec<HourPart> = tally.hours.iter().map(|(from, hour)| HourPart::of(*from, hour)).collect();
        Self {
            campaign: row.key.clone(),
            state: row.state,
            reason: row.reason.clone(),
            is_over: row.state.is_over(),
            adds_up: counted == row.totals.planned,
            file: row.file.clone(),
            plan_hash: row.plan_hash.clone(),
            senders: senders(row),
            conservation: conservation::in_words(row.totals.planned, tally.excluded, &states),
            times: Times {
                zone,
                launched_at: row.launched_at,
                started_at: row.started_at,
                last_sent_at: row.last_sent_at,
                finished_at: row.finished_at,
                reported_at: now,
            },
            funnel: funnel(row, tally),
            states,
            inferred: tally.inferred,
            excluded: excluded(tally),
            failures: failures(tally),
            skipped: {
                let parts = tally.skipped.iter();
                let mut parts: Vec<_> = parts
                    .map(|(reason, messages)| SkippedPart { reason: reason.clone(), messages: *messages })
                    .collect();
                parts.sort_by_key(|part| Reverse(part.messages));
                parts
            },
            routes: tally
                .routes
                .iter()
                .map(|(route, messages)| RoutePart { route: route.clone(), messages: *messages })
                .collect(),
            countries: {
                let mut parts = parts(&tally.countries);
                parts.sort_by_key(|part| Reverse(part.messages));
                parts
            },
            comparisons: comparing::comparisons(&variants),
            variants,
            templates: parts(&tally.templates),
            timeline: tally.timeline.told(&hours),
            hours_of_day: timeline::hours_of_day(&hours, zone),
            hours,
            spend: Spend {
                currency: row.currency,
                spent: row.spent,
                reserved: row.reserved,
                budget: row.budget,
                told: tally.told.amount,
                told_messages: tally.told.messages,
                estimated: tally.estimated.amount,
                estimated_messages: tally.estimated.messages,
            },
            follow_ups: Vec::new(),
            doubts: Vec::new(),
            platform: None,
        }
    }
}

impl Summary {
    /// With the campaign's follow-ups.
    pub(super) fn joining(mut self, follow_ups: &[CampaignRow]) -> Self {
        for run in follow_ups {
            self.is_over &= run.state.is_over();
            self.funnel.requests += run.attempts;
            self.spend.spent = Micros(self.spend.spent.0.saturating_add(run.spent.0));
            self.spend.reserved = Micros(self.spend.reserved.0.saturating_add(run.reserved.0));
            self.times.last_sent_at = self.times.last_sent_at.max(run.last_sent_at);
            self.follow_ups.push(RunPart {
                campaign: run.key.clone(),
                state: run.state,
                messages: run.totals.messages,
                delivered: run.count(State::Delivered) + run.count(State::Read),
                failed: run.count(State::Failed),
            });
        }
        self
    }
}

/// The variant's name of each group that has one.
pub(super) fn variants(row: &CampaignRow) -> BTreeMap<u32, String> {
    row.groups.iter().filter_map(|group| Some((group.number, group.variant.clone()?))).collect()
}

/// The template of each group, `name (language)`.
pub(super) fn templates(row: &CampaignRow) -> BTreeMap<u32, String> {
    row.groups.iter().map(|group| (group.number, template_name(&group.template))).collect()
}

/// A template as it is called in reports.
pub(super) fn template_name(template: &TemplateKey) -> String {
    format!("{} ({})", template.name, template.language)
}

fn senders(row: &CampaignRow) -> Vec<String> {
    let senders: BTreeSet<&String> = row.groups.iter().map(|group| &group.sender).collect();
    senders.into_iter().cloned().collect()
}

/// Whether a message in this state is there for a reason that people want to read.
pub(super) const fn has_reason(state: State) -> bool {
    matches!(state, State::Retrying | State::InDoubt | State::Failed | State::Expired | State::Skipped)
}

/// What is said where nothing more was recorded.
pub(super) const fn default_reason(state: State, was_accepted: bool) -> &'static str {
    match state {
        State::Retrying => "It waits for another try.",
        State::InDoubt => "It is not known whether the platform took it.",
        State::Failed => "It failed, and no reason was given.",
        State::Expired if was_accepted => "Its time to live passed with no word of a delivery.",
        State::Expired => "The campaign ended before it was sent.",
        State::Skipped => "It was deliberately not sent.",
        State::Queued
        | State::Sending
        | State::Accepted
        | State::Held
        | State::Sent
        | State::Delivered
        | State::Read => "",
    }
}

fn count(tally: &Tally, state: State) -> u64 {
    tally.states.get(&state).copied().unwrap_or(0)
}

fn funnel(row: &CampaignRow, tally: &Tally) -> Funnel {
    let all = tally.all;
    Funnel {
        planned: row.totals.planned,
        excluded: tally.excluded,
        messages: all.messages,
        attempted: all.attempted,
        accepted: all.accepted,
        sent: all.sent,
        delivered: all.delivered,
        read: all.read,
        failed: all.failed,
        expired: count(tally, State::Expired),
        skipped: count(tally, State::Skipped),
        in_doubt: count(tally, State::InDoubt),
        unsent: count(tally, State::Queued) + count(tally, State::Retrying) + count(tally, State::Sending),
        requests: row.attempts,
        delivered_per_attempted: share(all.delivered, all.attempted),
        read_per_delivered: share(all.read, all.delivered),
    }
}

fn excluded(tally: &Tally) -> Vec<ExcludedPart> {
    let mut parts: Vec<ExcludedPart> = tally
        .excluded_by_reason
        .iter()
        .map(|(reason, of)| ExcludedPart {
            reason: reason.clone(),
            rows: of.number,
            example: of.example.clone(),
        })
        .collect();
    parts.sort_by_key(|part| Reverse(part.rows));
    parts
}

fn failures(tally: &Tally) -> Vec<FailurePart> {
    let mut parts: Vec<FailurePart> = tally
        .failures
        .iter()
        .map(|((code, class), of)| {
            let (title, advice) = in_words(*code, &of.example);
            FailurePart {
                code: *code,
                class: class.clone(),
                messages: of.number,
                title,
                advice,
                example: of.example.clone(),
            }
        })
        .collect();
    parts.sort_by_key(|part| Reverse(part.messages));
    parts
}

/// A code's title, and what it means and what to do; of failures that the platform does not document,
/// what was recorded with them.
fn in_words(code: Option<i64>, example: &str) -> (String, String) {
    if let Some(info) = code.and_then(platform_error::lookup) {
        return (info.title.to_owned(), info.advice.to_owned());
    }
    let title =
        code.map_or_else(|| "No code of the platform".to_owned(), |code| format!("Unknown code {code}"));
    let advice = if example.is_empty() {
        default_reason(State::Failed, false).to_owned()
    } else {
        format!("For example: {example}")
    };
    (title, advice)
}

fn parts(parts: &BTreeMap<String, Part>) -> Vec<MessagesPart> {
    parts
        .iter()
        .map(|(name, part)| MessagesPart {
            messages: part.messages,
            accepted: part.accepted,
            failed: part.failed,
            ..MessagesPart::counted(name, part.attempted, part.delivered, part.read, part.cost)
        })
        .collect()
}

fn code_of<S: Serializer>(currency: &Currency, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(currency.code())
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn optional_units<S: Serializer>(amount: &Option<Micros>, to: S) -> Result<S::Ok, S::Error> {
    amount.map(|amount| amount.to_decimal().to_string()).serialize(to)
}

#[cfg(test)]
pub(super) mod sample {
    //! The summary of a campaign with variants and one recipient of each kind.

    use store::model::{GroupRow, Totals};

    use super::super::rows;
    use super::*;
    use crate::commands::doubt::ended;
    use crate::commands::status;

    pub(in super::super) fn summary() -> Summary {
        let mut row = status::sample::row();
        row.groups = vec![GroupRow { variant: Some("a".to_owned()), ..row.groups[0].clone() }];
        row.totals = Totals { planned: 11, excluded: 2, messages: 9 };
        row.attempts = 8;
        row.spent = Micros(1_740_000);
        row.reserved = Micros(870_000);
        let mut tally = Tally::of(&row);
        for recipient in rows::sample::all() {
            tally.add(&recipient);
        }
        let doubts = ended::sample::added_up();
        Summary { doubts, ..Summary::of(&row, &tally, status::sample::now()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_get_stable_names() {
        insta::assert_snapshot!(serde_json::to_string_pretty(&sample::summary()).unwrap());
    }

    #[test]
    fn every_state_with_a_reason_has_words_for_it() {
        for state in State::ALL {
            assert_eq!(has_reason(state), !default_reason(state, true).is_empty(), "{state}");
        }
    }
}
