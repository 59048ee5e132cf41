//! The compare-and-set before a send: who may send which message now; and what was granted but never left.

use std::time::Duration;

use campaign::definition::FrequencyCap;
use campaign::gate::{self, Gate, GateReason, GateRules, GateState};
use campaign::lifecycle;
use campaign::message::{Again, Event, State};
use chrono::{DateTime, Utc};

use super::batch::Batch;
use super::message::Entry;
use super::people::People;
use crate::StoreError;
use crate::codec::{amount, from_json, micros, named, number, optional_time, row_id, seq_of};
use crate::columns::Columns;
use crate::model::{Claim, Claimed, ClaimedMessage, Failure, Held, TemplateKey};

type Result<T> = std::result::Result<T, StoreError>;

/// The class of a message that is not sent because its recipient does not want it.
const SUPPRESSED: &str = "suppressed";
/// The class of a message of a follow-up that is not sent because another run reached its recipient.
const REACHED: &str = "reached";
/// The class of a message that is not sent because nothing is left for it.
const BUDGET: &str = "budget";
/// The class of a message whose recipient had as many as the frequency cap allows.
const OVER_CAP: &str = "over_cap";
/// The class of a message that waits until its recipient is left alone no longer.
const COOL_DOWN: &str = "cool_down";
/// The class of an attempt that provably never left.
const NOT_SENT: &str = "not_sent";

/// The slice's campaign and template, as far as claims ask.
#[derive(Debug)]
pub(crate) struct Terms {
    state: lifecycle::State,
    ends_at: Option<i64>,
    budget: Option<i64>,
    at_stake: i64,
    reserved: i64,
    is_released: bool,
    is_braked: bool,
    /// Whose gate is asked.
    pub(crate) template: TemplateKey,
    /// Whose limits are asked.
    pub(crate) portfolio: String,
    /// How often a person may be written to.
    pub(crate) cap: Option<FrequencyCap>,
}

impl Terms {
    /// From a row of campaign's state, end, budget, spent + reserved, slice's state, template's account, name
    /// and language, what is reserved, whether something of it is braked, the portfolio, and the frequency cap's number
    /// and time.
    pub(crate) fn read(columns: &mut impl Columns) -> Result<Self> {
        Ok(Self {
            state: named("campaigns.state", &columns.text()?)?,
            ends_at: columns.optional_number()?,
            budget: amount(columns.optional_number()?).map(|m| m.0),
            at_stake: columns.number()?,
            is_released: columns.text()? == "released",
            template: TemplateKey {
                waba_id: columns.text()?,
                name: columns.text()?,
                language: columns.text()?,
            },
            reserved: columns.number()?,
            is_braked: columns.flag()?,
            portfolio: columns.text()?,
            cap: match (columns.optional_number()?, columns.optional_number()?) {
                (Some(max), Some(per)) => Some(FrequencyCap {
                    max: number("campaigns.cap_max", max)?,
                    per: Duration::from_micros(number("campaigns.cap_per", per)?),
                }),
                (None, _) | (_, None) => None,
            },
        })
    }

    /// What refuses the whole claim, the gate left aside.
    pub(crate) fn refusal(&self, now: DateTime<Utc>) -> Option<Held> {
        if self.state != lifecycle::State::Running {
            Some(Held::NotRunning(self.state))
        } else if self.ends_at.is_some_and(|end| end <= micros(now)) {
            Some(Held::Ended)
        } else if self.is_braked {
            Some(Held::Braked)
        } else {
            (!self.is_released).then_some(Held::SliceGone)
        }
    }

    /// Whether something of a claim does not fit into what is left of the budget, and so it matters what is
    /// reserved for good.
    pub(crate) fn is_tight(&self, batch: &mut Batch, candidates: &[Candidate]) -> bool {
        candidates.iter().filter(|c| !c.is_suppressed).any(|candidate| {
            batch.get(candidate.id).is_some_and(|entry| !entry.fits(self.at_stake, self.budget))
        })
    }
}

/// A message that was asked for and may be claimed.
#[derive(Debug)]
pub(crate) struct Candidate {
    id: i64,
    message: ClaimedMessage,
    is_suppressed: bool,
    /// Its recipient is left alone until then.
    cools_until: Option<DateTime<Utc>>,
    /// Another run of the same campaign has reached the recipient meanwhile, or may have: the campaign that this one follows
    /// up, or a follow-up.
    is_reached: bool,
}

impl Candidate {
    /// From a row of the message's live columns, its recipient, country, content and multiplier, whether its
    /// recipient is suppressed, until when they are left alone, and whether another run reached them. Adds the message to the batch.
    pub(crate) fn read(columns: &mut impl Columns, batch: &mut Batch) -> Result<Self> {
        let (id, entry) = Entry::read(columns)?;
        let message = ClaimedMessage {
            seq: seq_of(id),
            attempt: 0,
            failures: entry.live.failures,
            recipient: columns.text()?,
            country: columns.text()?,
            content: from_json("messages.content", &columns.text()?)?,
            multiplier: columns
                .optional_text()?
                .map(|text| named("messages.multiplier", &text))
                .transpose()?,
            is_canary: false,
            template_unsettled: false,
            claimed_at: DateTime::UNIX_EPOCH,
        };
        batch.add(id, entry);
        Ok(Self {
            id,
            message,
            is_suppressed: columns.flag()?,
            cools_until: optional_time("cooldowns.until", columns.optional_number()?)?,
            is_reached: columns.flag()?,
        })
    }

    /// Who would get it.
    pub(crate) fn recipient(&self) -> &str {
        &self.message.recipient
    }
}

/// What the template's gate says to a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Passage {
    /// All may go.
    Open,
    /// One may go: the gate is to be noted with it.
    Canary,
    /// None may go.
    Closed {
        /// Until when.
        until: DateTime<Utc>,
        /// Why.
        why: GateReason,
    },
}

impl Passage {
    /// Asks the gate.
    pub(crate) fn of(state: &GateState, rules: &GateRules, now: DateTime<Utc>) -> Self {
        match gate::decide(state, rules, now) {
            Gate::Open => Self::Open,
            Gate::Canary => Self::Canary,
            Gate::Closed { until, why } => Self::Closed { until, why },
        }
    }
}

/// Refuses a whole claim.
pub(crate) fn held(why: Held) -> Claimed {
    Claimed { messages: Vec::new(), held: Some(why) }
}

/// A claim whose campaign runs and whose gate lets something through.
#[derive(Debug)]
pub(crate) struct Grant<'c> {
    pub(crate) claim: &'c Claim,
    pub(crate) terms: &'c Terms,
    /// What is known of the template.
    pub(crate) gate: GateState,
    pub(crate) rules: &'c GateRules,
    /// Whether only the canary may go.
    pub(crate) is_canary: bool,
    /// Reservations that nothing but an operator or another claim gives back; read only where it
    /// [matters](Terms::is_tight).
    pub(crate) stuck: i64,
    /// What is known of the recipients.
    pub(crate) people: &'c People,
    pub(crate) now: DateTime<Utc>,
}

impl Grant<'_> {
    /// Takes what the gate, the budget and the limits let through, in the order of `seq`.
    pub(crate) fn take(&self, batch: &mut Batch, candidates: Vec<Candidate>) -> Claimed {
        let now = self.now;
        let mut claimed = Claimed::default();
        let mut at_stake = self.terms.at_stake;
        let mut left = self.people.allowance.as_ref().map(|allowance| allowance.left);
        for Candidate { id, mut message, is_suppressed, cools_until, is_reached } in candidates {
            if is_reached {
                let said = "another run of the campaign has reached the recipient meanwhile, or may have";
                skip(batch, id, now, REACHED, said);
                continue;
            }
            if is_suppressed {
                skip(batch, id, now, SUPPRESSED, "the recipient is on the do-not-send list");
                continue;
            }
            if let Some(detail) = self.people.refusal(self.terms.cap, &message.recipient) {
                skip(batch, id, now, OVER_CAP, &detail);
                continue;
            }
            if let Some(until) = cools_until {
                defer(batch, id, now, until);
                continue;
            }
            let counts_already =
                self.people.allowance.as_ref().is_none_or(|reach| reach.has_reached(&message.recipient));
            match claimed.held {
                // Whoever was written to lately takes no place from anybody.
                Some(Held::DailyReach { .. }) if counts_already => {}
                Some(_) => continue,
                None => {}
            }
            if self.is_canary && !claimed.messages.is_empty() {
                let after = self.gate.on_canary_claimed(now);
                if let Gate::Closed { until, why } = gate::decide(&after, self.rules, now) {
                    claimed.held = Some(Held::Gate { until, why });
                }
                continue;
            }
            let Some(entry) = batch.get(id) else { continue };
            if !entry.fits(at_stake, self.terms.budget) {
                if claimed.messages.is_empty() && self.terms.reserved <= self.stuck {
                    // Nothing in flight can give anything back: it will never fit.
                    skip(batch, id, now, BUDGET, "the budget is used up");
                } else {
                    claimed.held = Some(Held::Budget);
                }
                continue;
            }
            if let (Some(allowance), Some(left)) = (&self.people.allowance, &mut left)
                && !counts_already
            {
                if *left == 0 {
                    claimed.held = Some(Held::DailyReach { until: allowance.comes_back });
                    continue;
                }
                *left -= 1;
            }
            at_stake = at_stake.saturating_add(entry.worst_case().0);
            // Only states that may be claimed were loaded.
            if entry.happen(Event::Claim, now).is_ok() {
                entry.live.worker = Some(self.claim.worker.0.clone());
                message.attempt = entry.live.attempt;
                message.is_canary = self.is_canary;
                message.template_unsettled = self.gate.is_unsettled(self.rules, now);
                message.claimed_at = now;
                claimed.messages.push(message);
            }
        }
        claimed
    }

    /// What is known of the template from now on, where the canary was among what was taken.
    pub(crate) fn gate_after(&self, claimed: &Claimed) -> Option<GateState> {
        (self.is_canary && !claimed.messages.is_empty()).then(|| self.gate.on_canary_claimed(self.now))
    }
}

/// Leaves the recipient alone until then.
fn defer(batch: &mut Batch, id: i64, now: DateTime<Utc>, until: DateTime<Utc>) {
    let Some(entry) = batch.get(id) else { return };
    if matches!(entry.happen(Event::Defer, now), Ok(true)) {
        let detail = "Meta shields the recipient from more marketing for now, as an answer or status of another message said".to_owned();
        entry.live.keep_failure(Failure { code: None, class: COOL_DOWN.to_owned(), detail }, Some(until));
    }
}

fn skip(batch: &mut Batch, id: i64, now: DateTime<Utc>, class: &str, detail: &str) {
    if let Some(entry) = batch.get(id)
        && matches!(entry.happen(Event::Skip, now), Ok(true))
    {
        entry.live.failure = Some(Failure { code: None, class: class.to_owned(), detail: detail.to_owned() });
    }
}

/// The numbers of the messages that a claim asks for, in order, each once.
pub(crate) fn asked(claim: &Claim) -> Vec<i64> {
    let mut ids: Vec<i64> = claim.seqs.iter().map(|seq| row_id(claim.slice.campaign, *seq)).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Takes back what a claim of `claimed_at` was granted, if it was: its worker says that nothing of it left. What
/// became a doubt in the meantime is still that worker's. Returns how many messages that were.
pub(crate) fn disown(batch: &mut Batch, claim: &Claim, claimed_at: DateTime<Utc>, now: DateTime<Utc>) -> u64 {
    let mut disowned = 0;
    for id in asked(claim) {
        let Some(entry) = batch.get(id) else { continue };
        let live = &entry.live;
        let is_its = matches!(live.current.state, State::Sending | State::InDoubt)
            && live.worker.as_deref() == Some(claim.worker.0.as_str())
            && live.claimed_at.map(micros) == Some(micros(claimed_at))
            && entry.slice == i64::from(claim.slice.number);
        // Nothing is sent any more for a campaign that is done, so nothing may wait to be.
        let again = if entry.is_done { Again::No } else { Again::Later };
        if is_its && matches!(entry.happen(Event::Refused(again), now), Ok(true)) {
            let failure = Failure {
                code: None,
                class: NOT_SENT.to_owned(),
                detail: "the database's answer to its claim was lost, so it was not sent".to_owned(),
            };
            entry.live.keep_failure(failure, Some(now));
            disowned += 1;
        }
    }
    disowned
}

/// The gate without the canary that a claim of `claimed_at` had noted, if it had.
pub(crate) fn without_canary(gate: GateState, claimed_at: DateTime<Utc>) -> Option<GateState> {
    let without = gate.on_canary_refused(claimed_at);
    (without != gate).then_some(without)
}
