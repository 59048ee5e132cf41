//! What became of sends.

use campaign::doubt::Told;
use campaign::message::{Again, Event};
use campaign::platform_error::cool_down;
use chrono::{DateTime, Utc};

use super::batch::Batch;
use super::statuses::{Told as ToldOfPeople, says_opt_out};
use crate::codec::row_id;
use crate::model::{Outcome, OutcomeKind};

/// The numbers of the messages that outcomes speak of.
pub(crate) fn messages(outcomes: &[Outcome]) -> Vec<i64> {
    outcomes.iter().map(|o| row_id(o.message.campaign, o.message.seq)).collect()
}

/// The platform's ids that outcomes tell.
pub(crate) fn wamids(outcomes: &[Outcome]) -> Vec<&str> {
    outcomes
        .iter()
        .filter_map(|outcome| match &outcome.result {
            OutcomeKind::Accepted { wamid, .. } => Some(wamid.as_str()),
            OutcomeKind::Refused { .. } | OutcomeKind::Unknown { .. } => None,
        })
        .collect()
}

/// What answers tell of recipients. That somebody wants no more is as old as the answer: the platform knew it then.
pub(crate) fn told(outcomes: &[Outcome], now: DateTime<Utc>) -> ToldOfPeople {
    let mut told = ToldOfPeople::default();
    for outcome in outcomes {
        let OutcomeKind::Refused { failure, .. } = &outcome.result else { continue };
        let id = row_id(outcome.message.campaign, outcome.message.seq);
        if says_opt_out(failure) {
            told.opted_out.push((id, now));
        }
        told.shielded.extend(failure.code.and_then(cool_down).map(|time| (id, now + time)));
    }
    told
}

/// Records outcomes of messages that are loaded.
pub(crate) fn record(batch: &mut Batch, outcomes: &[Outcome], now: DateTime<Utc>) {
    for outcome in outcomes {
        let id = row_id(outcome.message.campaign, outcome.message.seq);
        record_one(batch, id, outcome, now);
        match &outcome.result {
            OutcomeKind::Accepted { wamid, .. } => {
                batch.learn_wamid(id, outcome.attempt, wamid);
                batch.hear(id, outcome.attempt, Told::Taken);
            }
            OutcomeKind::Refused { .. } => batch.hear(id, outcome.attempt, Told::Failed),
            OutcomeKind::Unknown { .. } => {}
        }
    }
}

fn record_one(batch: &mut Batch, id: i64, outcome: &Outcome, now: DateTime<Utc>) {
    let Some(entry) = batch.get(id) else {
        tracing::warn!(message = %outcome.message, "an outcome is for a message that does not exist");
        return;
    };
    let of = entry.of(outcome.attempt);
    let event = match &outcome.result {
        // That an earlier attempt was taken is news; that it was not, or that nobody knows, is not.
        OutcomeKind::Accepted { held: false, .. } => Event::Accepted(of),
        OutcomeKind::Accepted { held: true, .. } => Event::Held(of),
        OutcomeKind::Refused { .. } | OutcomeKind::Unknown { .. }
            if outcome.attempt != entry.live.attempt =>
        {
            tracing::debug!(message = %outcome.message, attempt = outcome.attempt, "the outcome of an earlier attempt came late");
            return;
        }
        // Nothing is sent any more for a campaign that is done, or to nobody, so nothing may wait to be.
        OutcomeKind::Refused { retry_at: Some(_), .. } if !entry.is_done && !entry.is_purged => {
            Event::Refused(Again::Later)
        }
        OutcomeKind::Refused { .. } => Event::Refused(Again::No),
        OutcomeKind::Unknown { .. } => Event::Unknown,
    };
    let moved = match entry.happen(event, now) {
        Ok(moved) => moved,
        Err(forbidden) => {
            tracing::warn!(message = %outcome.message, attempt = outcome.attempt, %forbidden, "an outcome changes nothing");
            return;
        }
    };
    let live = &mut entry.live;
    match &outcome.result {
        OutcomeKind::Accepted { .. } => {
            if live.current.counts(of) || live.shown_attempt() == outcome.attempt {
                live.accepted_at.get_or_insert(now);
            }
        }
        OutcomeKind::Refused { failure, retry_at, counts } if moved => {
            live.failures += u32::from(*counts);
            live.keep_failure(failure.clone(), *retry_at);
        }
        OutcomeKind::Unknown { failure } if moved => live.failure = Some(failure.clone()),
        OutcomeKind::Refused { .. } | OutcomeKind::Unknown { .. } => {}
    }
    entry.name_nobody();
}
