//! The work on one slice: bites, one after the other, never more claimed and unrecorded than one bite.

use std::sync::Arc;
use std::time::Duration;

use campaign::definition::Definition;
use campaign::ids::{MessageId, Seq};
use campaign::pacing::limiter::{Ask, HORIZON};
use campaign::pacing::windows;
use campaign::{lifecycle, planning};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use queue::{Handled, Job};
use store::StoreError;
use store::model::{CampaignRow, Claim, Claimed, GateEvent, GroupRow, Held, Outcome, SliceEnd, SliceWork};
use tokio::task::JoinSet;

use crate::dispatch::{Flight, Ready};
use crate::outcome::{Attempt, Effect, Judged, judge, never_left};
use crate::persist::persist;
use crate::worker::{Line, Worker};

/// A bite is about so much of the sender's rate.
const BITE: Duration = Duration::from_millis(100);

/// A bite has at most so many messages, however fast the sender.
const LARGEST_BITE: usize = 256;

/// So near to the end of a sending window, or to the campaign's end, no bite begins: its permits lie up to
/// `HORIZON` ahead, and a claim that takes long makes them later still.
const CLOSING: Duration = HORIZON.saturating_add(Duration::from_millis(100));

/// How long to wait for permits before the slice is put back: longer than many slices of a campaign take turns.
const PATIENCE: Duration = Duration::from_secs(20);

/// The same for a campaign that goes slower than a message a second: it must not hold a worker's hands for long.
const SLOW_PATIENCE: Duration = Duration::from_secs(2);

/// How long a slice that got no permits is put back.
const PUT_BACK: Duration = Duration::from_secs(5);

/// How long after its claim a message may still be sent. Well before others take a silent worker for dead (10 s): a
/// process that was frozen, and wakes, must not send what has long been decided about.
const CLAIM_GOOD_FOR: Duration = Duration::from_secs(5);

/// How long a slice is put back whose messages could not be claimed: an outage is over by then or is not, and a claim
/// that can never succeed does not keep everybody busy.
const AFTER_A_FAILED_CLAIM: Duration = Duration::from_secs(1);

/// How long reading a slice may take before the database counts as out of reach, and the slice is left to others.
const READ_WITHIN: Duration = Duration::from_secs(2);

/// What is said of a slice that could not be read.
const CUT_OFF: &str = "the database does not answer; slices are left to others until it does";

/// How long a worker that stops tries to end a slice that it would not work on any more: it comes back in any case.
const LAST_WORD: Duration = Duration::from_secs(2);

/// How long to wait for stragglers before the places they do not occupy are used.
const STRAGGLERS: Duration = Duration::from_millis(200);

/// What stays the same for all bites of a slice.
#[derive(Debug, Clone)]
pub(crate) struct SliceContext {
    pub(crate) job: Job,
    pub(crate) campaign: Arc<Definition>,
    pub(crate) group: GroupRow,
    /// The zone whose hours its messages keep.
    pub(crate) zone: Tz,
    pub(crate) line: Arc<Line>,
}

impl SliceContext {
    /// Whether its recipients' hours, or its campaign, are over now or in a moment.
    fn is_closing(&self, now: DateTime<Utc>) -> bool {
        let schedule = &self.campaign.schedule;
        let soon = now + CLOSING;
        let is_open = |at| windows::is_open(&schedule.windows, self.zone, schedule.zone, at);
        schedule.end.is_some_and(|end| end <= soon) || !is_open(now) || !is_open(soon)
    }
}

/// How many messages a bite has on a sender of this rate.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are positive and at most 10,000 per second"
)]
fn bite_size(per_second: f64) -> usize {
    ((per_second * BITE.as_secs_f64()).round() as usize).clamp(1, LARGEST_BITE)
}

impl Worker {
    /// Works through a slice, as far as its campaign, gate, budget and the worker's own stop allow.
    pub(crate) async fn work(&self, job: &Job, line: &Arc<Line>) -> Handled {
        let (work, row) = match tokio::time::timeout(READ_WITHIN, self.read(job)).await {
            Ok(Ok(Some(read))) => read,
            Ok(Ok(None)) => return Handled::Done,
            Ok(Err(error)) if !error.is_transient() => {
                tracing::warn!(slice = %job.slice, error = &error as &dyn std::error::Error, "a slice is left out");
                return Handled::Done;
            }
            Ok(Err(error)) => {
                tracing::warn!(slice = %job.slice, error = &error as &dyn std::error::Error, "{CUT_OFF}");
                self.reach.lost();
                return Handled::PutBack;
            }
            Err(_) => {
                tracing::warn!(slice = %job.slice, "{CUT_OFF}");
                self.reach.lost();
                return Handled::PutBack;
            }
        };
        let context = SliceContext {
            campaign: self.remember(job.slice.campaign, &row.definition),
            zone: work.group.zone.parse().unwrap_or(row.definition.schedule.zone),
            group: work.group,
            line: line.clone(),
            job: job.clone(),
        };
        let end = if row.state == lifecycle::State::Running {
            self.bites(&context, &row, work.pending).await
        } else {
            SliceEnd::default()
        };
        self.end(job, end).await;
        Handled::Done
    }

    /// The slice and its campaign. `None`: there is none, or none any more.
    async fn read(&self, job: &Job) -> Result<Option<(SliceWork, CampaignRow)>, StoreError> {
        let Some(work) = self.store.slice(job.slice).await? else { return Ok(None) };
        let row = self.store.campaign_by_id(job.slice.campaign).await?;
        Ok(row.map(|row| (work, row)))
    }

    /// Says that the slice is done with. A worker that stops does not wait for a database that is away: the slice comes
    /// back when its lease ends.
    async fn end(&self, job: &Job, end: SliceEnd) {
        let ending = persist("end a slice", || self.store.finish_slice(job.slice, end));
        let stopping = async {
            self.stop.cancelled().await;
            tokio::time::sleep(LAST_WORD).await;
        };
        tokio::select! {
            _ = ending => {}
            () = stopping => tracing::debug!(slice = %job.slice, "a slice was not ended; it comes back"),
        }
    }

    async fn bites(&self, context: &SliceContext, row: &CampaignRow, mut pending: Vec<Seq>) -> SliceEnd {
        let bite = bite_size(context.line.sender.pace.rate.per_second());
        let mut flight: JoinSet<Flight> = JoinSet::new();
        let mut end = SliceEnd::default();
        let mut use_any_place = false;
        loop {
            let mut landed = Vec::new();
            while let Some(Ok(one)) = flight.try_join_next() {
                landed.push(one);
            }
            if !landed.is_empty() && !self.record(context, landed).await {
                pending.clear();
            }
            if self.stop.is_cancelled() {
                pending.clear();
            }
            let places = bite - flight.len();
            if !pending.is_empty() && (places * 2 >= bite || (use_any_place && places > 0)) {
                use_any_place = false;
                match self.one_bite(context, row, &mut pending, places, &mut flight).await {
                    None => continue,
                    Some(until) => {
                        end.not_before = until;
                        pending.clear();
                    }
                }
            }
            if flight.is_empty() {
                if pending.is_empty() {
                    return end;
                }
                continue;
            }
            if pending.is_empty() {
                if let Some(Ok(one)) = flight.join_next().await {
                    self.record(context, Self::gather(one, &mut flight)).await;
                }
            } else {
                match tokio::time::timeout(STRAGGLERS, flight.join_next()).await {
                    Ok(Some(Ok(one))) => {
                        if !self.record(context, Self::gather(one, &mut flight)).await {
                            pending.clear();
                        }
                    }
                    Ok(_) => {}
                    Err(_) => use_any_place = true,
                }
            }
        }
    }

    fn gather(first: Flight, flight: &mut JoinSet<Flight>) -> Vec<Flight> {
        let mut landed = vec![first];
        while let Some(Ok(one)) = flight.try_join_next() {
            landed.push(one);
        }
        landed
    }

    /// Takes permits, claims and dispatches. `Some`: the rest of the slice has to wait, until then if known.
    async fn one_bite(
        &self,
        context: &SliceContext,
        row: &CampaignRow,
        pending: &mut Vec<Seq>,
        places: usize,
        flight: &mut JoinSet<Flight>,
    ) -> Option<Option<DateTime<Utc>>> {
        let id = context.job.slice.campaign;
        let wanted = pending.len().min(places);
        let ask = Ask {
            campaign: id,
            weight: context.campaign.pace.weight,
            rate: planning::own_rate(&context.campaign, row.progress(), context.zone, self.clock.now())
                // Several senders share the campaign's rate.
                .map(|rate| rate.shared_by(context.campaign.senders.len())),
            permits: u32::try_from(wanted).unwrap_or(u32::MAX),
        };
        let is_slow = ask.rate.is_some_and(|rate| rate.interval() > Duration::from_secs(1));
        let patience = if is_slow { SLOW_PATIENCE } else { PATIENCE };
        let taking = tokio::time::timeout(patience, self.permits.take(&context.line.sender.pace, &ask));
        let permits = tokio::select! {
            taken = taking => match taken.unwrap_or_else(|_| Ok(Vec::new())) {
                Ok(permits) if permits.is_empty() => return Some(Some(self.clock.now() + PUT_BACK)),
                Ok(permits) => permits,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "no permits; nothing is sent until they are back");
                    self.clock.sleep(Duration::from_millis(500)).await;
                    return None;
                }
            },
            () = self.stop.cancelled() => return Some(None),
        };
        // Asked after the wait for the permits, which is long where the campaign is slow.
        if context.is_closing(self.clock.now()) {
            self.permits.give_back(&context.line.sender.pace, id, ask.weight, &permits).await;
            return Some(None);
        }
        // A message is only claimed where it can be sent at once: with a place among the requests in flight.
        let mut places = Vec::with_capacity(permits.len());
        while places.len() < permits.len()
            && let Ok(place) = context.line.places.clone().try_acquire_owned()
        {
            places.push(place);
        }
        if places.is_empty() {
            self.permits.give_back(&context.line.sender.pace, id, ask.weight, &permits).await;
            // The semaphore is never closed.
            let _ = context.line.places.acquire().await;
            return None;
        }
        let seqs: Vec<Seq> = pending.drain(..places.len().min(pending.len())).collect();
        let now = self.clock.now();
        let claim = Claim {
            slice: context.job.slice,
            seqs,
            worker: self.settings.id.clone(),
            lease_until: now + self.settings.lease,
            daily_reach: context.line.sender.daily_reach,
        };
        // From before the claim: it may hold from the moment it is asked for. By both clocks: the monotonic one stands
        // still while a machine sleeps.
        let good_until = (self.clock.monotonic() + CLAIM_GOOD_FOR, now + CLAIM_GOOD_FOR);
        let Some(claimed) = self.claim(&claim, now).await else {
            self.permits.give_back(&context.line.sender.pace, id, ask.weight, &permits).await;
            return Some(Some(self.clock.now() + AFTER_A_FAILED_CLAIM));
        };
        let (used, unused) = permits.split_at(claimed.messages.len().min(permits.len()));
        if !unused.is_empty() {
            self.permits.give_back(&context.line.sender.pace, id, ask.weight, unused).await;
        }
        let ready = Ready { messages: claimed.messages.into_iter().zip(places).collect(), good_until };
        self.dispatch(context, &ask, ready, used, flight).await;
        match claimed.held? {
            Held::Gate { until, .. } => Some(Some(until)),
            // The scheduler knows until when, and releases nothing more; a limit may also be raised meanwhile.
            Held::DailyReach { until } => Some(Some(until.min(self.clock.now() + PUT_BACK))),
            // What is under way may give some of its reservation back.
            Held::Budget => Some(Some(self.clock.now() + Duration::from_secs(1))),
            // The scheduler looks by its own clock: a slice must not go round while the two differ.
            Held::Braked => Some(Some(self.clock.now() + Duration::from_secs(1))),
            Held::NotRunning(_) | Held::Ended | Held::SliceGone => Some(None),
        }
    }

    /// Claims. `None`: the database did not do it; what the claim was granted all the same is given back by then.
    async fn claim(&self, claim: &Claim, now: DateTime<Utc>) -> Option<Claimed> {
        let error = match self.store.claim(claim, &self.settings.gate, now).await {
            Ok(claimed) => return Some(claimed),
            Err(error) => error,
        };
        tracing::warn!(
            slice = %claim.slice,
            error = &error as &dyn std::error::Error,
            "messages could not be claimed; nothing of them is sent"
        );
        // After any other error nothing was changed.
        if matches!(error, StoreError::Uncertain { .. }) {
            let back = persist("give a claim back", || self.store.disown(claim, now, self.clock.now())).await;
            if back > 0 {
                tracing::info!(slice = %claim.slice, messages = back, "a claim without an answer was given back");
            }
        }
        None
    }

    /// Records what became of some messages, and does what follows from it. False: the rest of the slice is
    /// not to be sent now.
    async fn record(&self, context: &SliceContext, landed: Vec<Flight>) -> bool {
        let campaign = context.job.slice.campaign;
        let attempt = Attempt {
            policy: Self::policy(&context.campaign),
            end: context.campaign.schedule.end.map(|end| end.to_utc()),
            sync_wait: self.settings.gate.sync_wait,
            seed: self.settings.seed,
            now: self.clock.now(),
        };
        let mut outcomes = Vec::with_capacity(landed.len());
        let mut effects = Vec::new();
        for Flight { message, answer } in landed {
            let Judged { result, effects: more } = match answer {
                Some(answer) => judge(answer, &message, &attempt),
                None => never_left(&message, &attempt),
            };
            effects.extend(more);
            outcomes.push(Outcome {
                message: MessageId { campaign, seq: message.seq },
                attempt: message.attempt,
                result,
            });
        }
        // As of now, however long the database is away: what a recipient says in the meantime is newer than the answer.
        persist("record outcomes", || self.store.record(&outcomes, attempt.now)).await;
        if let Some(pause) = self.breaker.judge(campaign, &effects) {
            effects.push(pause);
        }
        effects.sort_unstable();
        effects.dedup();
        let mut go_on = true;
        for effect in effects {
            go_on &= self.follow(context, effect).await;
        }
        go_on
    }

    async fn follow(&self, context: &SliceContext, effect: Effect) -> bool {
        let template = &context.group.template;
        let gate = |event| {
            persist("keep a template's gate", move || {
                self.store.gate_event(template, event, &self.settings.gate, self.clock.now())
            })
        };
        match effect {
            Effect::Accepted => {
                if self.is_news(template) {
                    gate(GateEvent::Accepted).await;
                }
                true
            }
            Effect::Suspicious(_) => true,
            Effect::CanaryLanded => {
                gate(GateEvent::CanaryLanded).await;
                true
            }
            Effect::CanaryRefused(claimed_at) => {
                gate(GateEvent::CanaryRefused(claimed_at)).await;
                true
            }
            Effect::NotSynced => {
                gate(GateEvent::NotSynced).await;
                false
            }
            Effect::SlowDown(on) => {
                for line in self.concerned(context, on) {
                    self.permits.slow_down(&line.sender.pace).await;
                }
                true
            }
            Effect::Brake(stop) => {
                self.brake(context, &stop).await;
                false
            }
            Effect::Pause(reason) => {
                let id = context.job.slice.campaign;
                let paused =
                    self.store.transition(id, lifecycle::Event::Pause, Some(&reason), self.clock.now()).await;
                match paused {
                    Ok(_) => tracing::warn!(campaign = %id, reason, "the campaign was paused"),
                    Err(error) => tracing::warn!(
                        campaign = %id,
                        reason,
                        error = &error as &dyn std::error::Error,
                        "the campaign should be paused, and could not be"
                    ),
                }
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bite_is_a_tenth_of_a_second() {
        assert_eq!(bite_size(80.0), 8);
        assert_eq!(bite_size(1000.0), 100);
        assert_eq!(bite_size(0.5), 1);
        assert_eq!(bite_size(10_000.0), 256);
    }
}
