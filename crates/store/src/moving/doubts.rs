//! How doubts end without a word of the platform: by the campaign's policy, or by an operator. Each decision is kept
//! with its message, whatever is heard of it later.

use campaign::doubt::{self, Decision, Refusal, Standing};
use campaign::message::State;
use chrono::{DateTime, Utc};

use super::batch::Batch;
use super::sweeping::UNKNOWN;
use crate::codec::changed;
use crate::model::Failure;

/// A decision, to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Decided {
    /// The message.
    pub(crate) id: i64,
    /// Whose doubt it was.
    pub(crate) attempt: u32,
    pub(crate) decision: Decision,
    /// The operator; `None`: the campaign's policy.
    pub(crate) by: Option<String>,
    pub(crate) at: DateTime<Utc>,
    /// Since when it had been in doubt.
    pub(crate) since: Option<DateTime<Utc>>,
    /// Why it was in doubt.
    pub(crate) detail: String,
}

/// Doubts, each with whether it is sent once more or given up, end by their campaigns' policy. Returns how many moved.
pub(crate) fn end_by_policy(batch: &mut Batch, doubts: &[(i64, bool)], now: DateTime<Utc>) -> u64 {
    let decision = |is_resend| if is_resend { Decision::Resend } else { Decision::Drop };
    let ended = doubts.iter().filter(|(id, is_resend)| end(batch, *id, decision(*is_resend), None, now));
    changed(ended.count())
}

/// Doubts end as an operator decided, where that may be. Says of each message where it is now, or why it is untouched.
pub(crate) fn resolve(
    batch: &mut Batch,
    ids: &[i64],
    decision: Decision,
    by: &str,
    now: DateTime<Utc>,
) -> Vec<Result<State, Refusal>> {
    ids.iter().map(|id| resolve_one(batch, *id, decision, by, now)).collect()
}

fn resolve_one(
    batch: &mut Batch,
    id: i64,
    decision: Decision,
    by: &str,
    now: DateTime<Utc>,
) -> Result<State, Refusal> {
    let entry = batch.get(id).ok_or(Refusal::NoMessage)?;
    let message = entry.live.current.state;
    let standing = Standing {
        message,
        was_resent: entry.live.resent != 0,
        campaign: entry.campaign_state,
        has_ended: entry.ends_at.is_some_and(|end| end <= now),
    };
    doubt::may(decision, standing)?;
    if !end(batch, id, decision, Some(by), now) {
        return Err(Refusal::NotInDoubt(message));
    }
    Ok(batch.get(id).map_or(message, |entry| entry.live.current.state))
}

/// Ends one doubt. False: the state machine refuses, and nothing was changed.
fn end(batch: &mut Batch, id: i64, decision: Decision, by: Option<&str>, now: DateTime<Utc>) -> bool {
    let Some(entry) = batch.get(id) else { return false };
    let (since, seen) = (entry.live.doubt_since, entry.live.failure.clone());
    if !matches!(entry.happen(decision.event(), now), Ok(true)) {
        return false;
    }
    let live = &mut entry.live;
    match decision {
        Decision::Accepted => {
            live.accepted_at.get_or_insert(now);
        }
        Decision::Resend => {
            live.resent = live.attempt;
            live.retry_at = Some(now);
        }
        // It may be accepted, by an earlier attempt. Else what was seen at the time stays: it is all there is to say.
        Decision::Drop if live.current.state == State::Failed => {
            live.failure.get_or_insert_with(|| Failure {
                code: None,
                class: UNKNOWN.to_owned(),
                detail: "it is not known whether it was sent, and no status came".to_owned(),
            });
        }
        Decision::Drop => {}
    }
    let detail = seen.map(|failure| failure.detail).unwrap_or_default();
    let attempt = live.attempt;
    batch.keep_decision(Decided { id, attempt, decision, by: by.map(str::to_owned), at: now, since, detail });
    true
}
