//! What became of sends.

use campaign::message::{Again, Event};
use chrono::{DateTime, Utc};

use super::codec::{failed, row_id};
use super::connection::SqliteStore;
use super::statuses;
use super::transition::Batch;
use crate::StoreError;
use crate::model::{Outcome, OutcomeKind};

/// See [`crate::Store::record`].
pub(super) async fn record(
    store: &SqliteStore,
    outcomes: &[Outcome],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if outcomes.is_empty() {
        return Ok(());
    }
    let mut tx = store.change().await?;
    let mut batch = Batch::default();
    let ids: Vec<i64> = outcomes.iter().map(|o| row_id(o.message.campaign, o.message.seq)).collect();
    batch.load(&mut tx, &ids).await?;
    let mut wamids = Vec::new();
    for (id, outcome) in ids.into_iter().zip(outcomes) {
        if let OutcomeKind::Accepted { wamid, .. } = &outcome.result {
            batch.learn_wamid(id, outcome.attempt, wamid);
            wamids.push(wamid.as_str());
        }
        record_one(&mut batch, id, outcome, now);
    }
    // Statuses may have come before the response of their own send.
    statuses::apply_parked(&mut tx, &mut batch, &wamids, now).await?;
    batch.write_back(&mut tx).await?;
    tx.commit().await.map_err(failed("commit outcomes"))
}

fn record_one(batch: &mut Batch, id: i64, outcome: &Outcome, now: DateTime<Utc>) {
    let Some(entry) = batch.get(id) else {
        tracing::warn!(message = %outcome.message, "an outcome is for a message that does not exist");
        return;
    };
    if outcome.attempt != entry.live.attempt {
        tracing::debug!(message = %outcome.message, attempt = outcome.attempt, "the outcome of an earlier attempt came late");
        return;
    }
    let event = match &outcome.result {
        OutcomeKind::Accepted { held: false, .. } => Event::Accepted,
        OutcomeKind::Accepted { held: true, .. } => Event::Held,
        OutcomeKind::Refused { retry_at: Some(_), .. } => Event::Refused(Again::Later),
        OutcomeKind::Refused { retry_at: None, .. } => Event::Refused(Again::No),
        OutcomeKind::Unknown { .. } => Event::Unknown,
    };
    let moved = match entry.happen(event, now) {
        Ok(moved) => moved,
        Err(forbidden) => {
            tracing::warn!(message = %outcome.message, attempt = outcome.attempt, %forbidden, "an outcome changes nothing");
            false
        }
    };
    let live = &mut entry.live;
    match &outcome.result {
        OutcomeKind::Accepted { .. } => {
            live.accepted_at.get_or_insert(now);
        }
        OutcomeKind::Refused { failure, retry_at, counts } if moved => {
            live.failure = Some(failure.clone());
            live.retry_at = *retry_at;
            live.failures += u32::from(*counts);
        }
        OutcomeKind::Unknown { failure } if moved => live.failure = Some(failure.clone()),
        OutcomeKind::Refused { .. } | OutcomeKind::Unknown { .. } => {}
    }
}
