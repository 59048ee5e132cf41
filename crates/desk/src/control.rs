//! An operator holds a campaign, lets it go on, or calls it off.

use campaign::{lifecycle, message};
use chrono::{DateTime, Utc};
use serde::Serialize;
use store::brake::{Brake, BrakeChange, Lifted};
use store::model::CampaignRow;
use store::{Store, TransitionError};

use crate::DeskError;
use crate::finding::{find, unknown};

type Result<T> = std::result::Result<T, DeskError>;

/// How many messages one transaction skips.
const SKIP_AT_ONCE: u32 = 5_000;
/// What the report says of the messages that a cancellation skipped.
const CANCELLED: &str = "the campaign was cancelled";
/// What `status` says of a paused campaign.
pub const PAUSED: &str = "paused by an operator";

/// What a campaign is after it was controlled; its field names are stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Controlled {
    /// Its key.
    pub campaign: String,
    /// Where it is now.
    pub state: lifecycle::State,
    /// Whether the state was changed.
    pub changed: bool,
    /// Messages that are with a worker at this moment.
    pub sending: u64,
    /// Messages that wait to be sent.
    pub unsent: u64,
    /// Messages in doubt.
    pub in_doubt: u64,
    /// Messages that this skipped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<u64>,
    /// Brakes that this lifted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lifted: Vec<Brake>,
}

impl Controlled {
    fn of(row: &CampaignRow, before: lifecycle::State, state: lifecycle::State) -> Self {
        Self {
            campaign: row.key.clone(),
            state,
            changed: before != state,
            sending: row.count(message::State::Sending),
            unsent: row.count(message::State::Queued) + row.count(message::State::Retrying),
            in_doubt: row.count(message::State::InDoubt),
            skipped: None,
            lifted: Vec::new(),
        }
    }
}

/// Holds a campaign, for a reason that is shown.
///
/// # Errors
/// There is none, or it cannot be paused where it is.
pub async fn pause(store: &dyn Store, key: &str, reason: &str, now: DateTime<Utc>) -> Result<Controlled> {
    let (before, state) = transition(store, key, lifecycle::Event::Pause, Some(reason), now).await?;
    Ok(Controlled::of(&find(store, key).await?, before, state))
}

/// Lets a paused or stopped campaign go on, and lifts the brakes that touch it.
///
/// # Errors
/// There is none, or it cannot go on where it is.
pub async fn resume(store: &dyn Store, key: &str, now: DateTime<Utc>) -> Result<Controlled> {
    let (before, state) = transition(store, key, lifecycle::Event::Resume, None, now).await?;
    let row = find(store, key).await?;
    let lifted = lift(store, &row, now).await?;
    Ok(Controlled { lifted, ..Controlled::of(&row, before, state) })
}

/// Calls a campaign off: what was not sent is skipped, some thousand messages at a time. `progress` is told how many of
/// how many.
///
/// # Errors
/// There is none, or it is over.
pub async fn cancel(
    store: &dyn Store,
    key: &str,
    now: DateTime<Utc>,
    mut progress: impl FnMut(u64, u64) + Send,
) -> Result<Controlled> {
    let why = Some("cancelled by an operator");
    let (before, state) = transition(store, key, lifecycle::Event::Cancel, why, now).await?;
    let row = find(store, key).await?;
    let unsent = row.count(message::State::Queued) + row.count(message::State::Retrying);
    let mut skipped = 0;
    loop {
        let some = store.skip_unsent(row.id, CANCELLED, now, SKIP_AT_ONCE).await?;
        if some == 0 {
            break;
        }
        skipped += some;
        progress(skipped, unsent);
    }
    let row = find(store, key).await?;
    Ok(Controlled { skipped: Some(skipped), ..Controlled::of(&row, before, state) })
}

/// Lifts the brakes on what a campaign is sent with: who resumes it says that the cause is gone.
async fn lift(store: &dyn Store, row: &CampaignRow, now: DateTime<Utc>) -> Result<Vec<Brake>> {
    let touching = |brake: &Brake| row.groups.iter().any(|group| brake.on.touches(group));
    let changes: Vec<BrakeChange> = store
        .brakes(now)
        .await?
        .into_iter()
        .filter(touching)
        // Whose clock is ahead of this machine's has set it all the same.
        .map(|brake| BrakeChange::Lift(brake.on, vec![Lifted::Everything], now.max(brake.since)))
        .collect();
    if changes.is_empty() {
        return Ok(Vec::new());
    }
    Ok(store.change_brakes(&changes, now).await?.lifted)
}

/// Moves a campaign. Returns the state it was in and the one it is in now.
async fn transition(
    store: &dyn Store,
    key: &str,
    event: lifecycle::Event,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<(lifecycle::State, lifecycle::State)> {
    let row = find(store, key).await?;
    // Asking again for what already holds keeps the reason that is shown: it says more than the operator.
    let reason =
        if lifecycle::next(row.state, event) == Ok(row.state) { row.reason.as_deref() } else { reason };
    match store.transition(row.id, event, reason, now).await {
        Ok(state) => Ok((row.state, state)),
        Err(TransitionError::Forbidden(forbidden)) => Err(DeskError::Refused(refusal(key, forbidden))),
        Err(TransitionError::NoSuchCampaign) => Err(DeskError::NotFound(unknown(key, &[]))),
        Err(TransitionError::Store(error)) => Err(error.into()),
    }
}

/// Why not, and what to do instead.
fn refusal(key: &str, forbidden: lifecycle::Forbidden) -> String {
    use lifecycle::State;
    let instead = match forbidden.from {
        State::Loading => "its launch is not complete: wait for it, or launch it again if it died",
        State::Done => "nothing of it is left to send",
        State::Cancelled => "it was called off for good: launch it under another key to send it again",
        State::Settling => "all its messages are sent, and only their statuses are still to come",
        State::Stopped => "a safety rule stopped it already: `resume` or `cancel` it",
        State::Waiting | State::Running | State::Paused => "nothing was changed",
    };
    format!("campaign {key}: {forbidden}; {instead}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do_instead() {
        let forbidden = lifecycle::next(lifecycle::State::Done, lifecycle::Event::Pause).unwrap_err();
        assert_eq!(
            refusal("diwali", forbidden),
            "campaign diwali: a campaign that is done cannot be paused; nothing of it is left to send"
        );
    }
}
