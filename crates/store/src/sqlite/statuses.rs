//! Status webhooks: matched, applied, or parked until their message is known.

use campaign::ids::MessageId;
use campaign::message::{Again, Event, Of, Status};
use campaign::money::Micros;
use campaign::platform_error::lookup;
use chrono::{DateTime, Utc};
use sqlx::{Row, SqliteConnection};

use super::codec::{changed, failed, from_json, json, micros, row_id_of};
use super::connection::SqliteStore;
use super::transition::{Batch, Entry};
use crate::StoreError;
use crate::model::{Failure, StatusReport, StatusUpdate};

type Result<T> = std::result::Result<T, StoreError>;

/// Identical statuses are parked once: webhooks are repeated for days.
const PARK: &str = "
    INSERT INTO parked_statuses (wamid, status, parked_at)
    SELECT value ->> 0, value ->> 1, ?2 FROM json_each(?1) WHERE true
    ON CONFLICT (wamid, status) DO NOTHING";

/// Parked statuses of these ids, in the order in which they came.
pub(super) const PARKED: &str = "
    SELECT p.id, p.status
    FROM json_each(?1) AS j
    CROSS JOIN parked_statuses AS p ON p.wamid = j.value
    ORDER BY p.id";

const SUPPRESS: &str = "
    INSERT INTO suppressions (address, source, suppressed_at)
    SELECT m.recipient, '131050', ?2 FROM json_each(?1) AS j CROSS JOIN messages AS m ON m.id = j.value WHERE true
    ON CONFLICT (address) DO NOTHING";

const UNPARK: &str = "DELETE FROM parked_statuses WHERE id IN (SELECT value FROM json_each(?1))";

const PRUNE: &str = "
    DELETE FROM parked_statuses
    WHERE id IN (SELECT id FROM parked_statuses WHERE parked_at < ?1 ORDER BY parked_at LIMIT ?2)";

/// What a status did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Moved,
    Nothing,
    NoSuchMessage,
}

/// See [`crate::Store::apply_statuses`].
pub(super) async fn apply(
    store: &SqliteStore,
    updates: &[StatusUpdate],
    now: DateTime<Utc>,
) -> Result<StatusReport> {
    let mut report = StatusReport::default();
    if updates.is_empty() {
        return Ok(report);
    }
    let mut tx = store.change().await?;
    let mut batch = Batch::default();
    let named: Vec<i64> = updates.iter().filter_map(|u| u.key).filter_map(|(m, _)| row_id_of(m)).collect();
    batch.load(&mut tx, &named).await?;
    let unnamed: Vec<&str> =
        updates.iter().filter(|u| by_key(&mut batch, u).is_none()).map(|u| u.wamid.as_str()).collect();
    batch.load_by_wamid(&mut tx, &unnamed).await?;

    let mut parked = Vec::new();
    let mut opted_out = Vec::new();
    for update in updates {
        if says_opt_out(update) {
            opted_out.extend(
                by_key(&mut batch, update).or_else(|| batch.attempt_of(&update.wamid)).map(|(id, _)| id),
            );
        }
        match apply_one(&mut batch, update, now) {
            Effect::Moved => report.applied += 1,
            Effect::Nothing => report.unchanged += 1,
            Effect::NoSuchMessage => {
                parked.push((&update.wamid, json(update)?));
                report.parked += 1;
            }
        }
    }
    if !parked.is_empty() {
        let parking = failed("park statuses");
        sqlx::query(PARK).bind(json(&parked)?).bind(micros(now)).execute(&mut *tx).await.map_err(parking)?;
    }
    batch.write_back(&mut tx).await?;
    suppress(&mut tx, &opted_out, now).await?;
    tx.commit().await.map_err(failed("commit statuses"))?;
    Ok(report)
}

/// Whether the failure says that the recipient does not want messages of this business (platform: 131050).
fn says_opt_out(update: &StatusUpdate) -> bool {
    update.failure.as_ref().and_then(|f| f.code).and_then(lookup).is_some_and(|info| info.opt_out)
}

/// Puts the recipients of these messages on the do-not-send list: the store's own, as the webhook's recipient
/// is not to be trusted.
async fn suppress(tx: &mut SqliteConnection, ids: &[i64], now: DateTime<Utc>) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    sqlx::query(SUPPRESS)
        .bind(json(ids)?)
        .bind(micros(now))
        .execute(tx)
        .await
        .map_err(failed("keep an opt-out"))?;
    Ok(())
}

/// Applies what was parked under these ids to the batch, which has their messages, and takes it away.
pub(super) async fn apply_parked(
    tx: &mut SqliteConnection,
    batch: &mut Batch,
    wamids: &[&str],
    now: DateTime<Utc>,
) -> Result<()> {
    if wamids.is_empty() {
        return Ok(());
    }
    let read = failed("read parked statuses");
    let rows = sqlx::query(PARKED).bind(json(wamids)?).fetch_all(&mut *tx).await.map_err(&read)?;
    let mut done: Vec<i64> = Vec::new();
    let mut opted_out = Vec::new();
    for row in rows {
        let update: StatusUpdate = from_json("parked_statuses.status", row.try_get(1).map_err(&read)?)?;
        if says_opt_out(&update) {
            opted_out.extend(batch.attempt_of(&update.wamid).map(|(id, _)| id));
        }
        if apply_one(batch, &update, now) != Effect::NoSuchMessage {
            done.push(row.try_get(0).map_err(&read)?);
        }
    }
    suppress(tx, &opted_out, now).await?;
    if !done.is_empty() {
        sqlx::query(UNPARK)
            .bind(json(&done)?)
            .execute(tx)
            .await
            .map_err(failed("take parked statuses away"))?;
    }
    Ok(())
}

/// See [`crate::Store::prune_parked`].
pub(super) async fn prune(store: &SqliteStore, before: DateTime<Utc>, limit: u32) -> Result<u64> {
    let mut tx = store.change().await?;
    let pruning = failed("drop old parked statuses");
    let done =
        sqlx::query(PRUNE).bind(micros(before)).bind(limit).execute(&mut *tx).await.map_err(pruning)?;
    tx.commit().await.map_err(failed("commit dropping old parked statuses"))?;
    Ok(done.rows_affected())
}

/// See [`crate::Store::parked_statuses`].
pub(super) async fn parked(store: &SqliteStore) -> Result<u64> {
    let mut tx = store.snapshot().await?;
    let n: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM parked_statuses")
        .fetch_one(&mut *tx)
        .await
        .map_err(failed("count parked statuses"))?;
    Ok(changed(usize::try_from(n).unwrap_or(0)))
}

/// The message and attempt that our own key names, where there can be such an attempt.
fn by_key(batch: &mut Batch, update: &StatusUpdate) -> Option<(i64, u32)> {
    let (message, attempt): (MessageId, u32) = update.key?;
    let id = row_id_of(message)?;
    let entry = batch.get(id)?;
    (1..=entry.live.attempt).contains(&attempt).then_some((id, attempt))
}

fn apply_one(batch: &mut Batch, update: &StatusUpdate, now: DateTime<Utc>) -> Effect {
    let Some((id, attempt)) = by_key(batch, update).or_else(|| batch.attempt_of(&update.wamid)) else {
        return Effect::NoSuchMessage;
    };
    batch.learn_wamid(id, attempt, &update.wamid);
    let Some(entry) = batch.get(id) else { return Effect::NoSuchMessage };
    let of = if attempt == entry.live.attempt { Of::LatestAttempt } else { Of::EarlierAttempt };
    let Terms { status, retry_at, failures } = terms(update, id, entry, now);
    let Ok(moved) = entry.happen(Event::Status(of, status), now) else {
        // A message that was never claimed: the webhook is not about it.
        return Effect::NoSuchMessage;
    };
    let live = &mut entry.live;
    match status {
        Status::Sent if of == Of::LatestAttempt => earliest(&mut live.sent_at, update.at),
        Status::Sent => {}
        Status::Delivered => earliest(&mut live.delivered_at, update.at),
        Status::Read => {
            // Its own status may never come.
            earliest(&mut live.delivered_at, update.at);
            earliest(&mut live.read_at, update.at);
        }
        Status::Failed { again } => {
            if moved {
                live.failure = Some(update.failure.clone().unwrap_or_else(untold_failure));
                live.failures = failures;
                if again == Again::Later {
                    live.retry_at = retry_at;
                }
            }
        }
    }
    if let Some(route) = &update.route {
        live.route = Some(route.clone());
    }
    if let Some((cost, currency)) = update.cost {
        // An amount of another currency cannot be added up: the rate card's figure stands for it.
        if currency.code() == entry.currency
            && let Some(cost) = Micros::from_decimal_ceil(cost)
        {
            entry.told_cost(cost);
        }
    }
    if moved { Effect::Moved } else { Effect::Nothing }
}

/// A status on the campaign's own terms.
struct Terms {
    status: Status,
    retry_at: Option<DateTime<Utc>>,
    /// Failures that count, this one included.
    failures: u32,
}

/// Whether and when a failed message is tried again is the campaign's to say as well: not more often than its
/// retry policy has it, with its growing waits, and not at or after its end. A failure that may be tried again
/// at no known time is taken for final: it must not be tried at once.
fn terms(update: &StatusUpdate, id: i64, entry: &Entry, now: DateTime<Utc>) -> Terms {
    let before = entry.live.failures;
    let Status::Failed { again } = update.status else {
        return Terms { status: update.status, retry_at: None, failures: before };
    };
    let info = update.failure.as_ref().and_then(|f| f.code).and_then(lookup);
    let counts = info.is_none_or(|info| info.counts_as_attempt);
    let failures = before + u32::from(counts);
    let has_attempts_left = !entry.is_over && (!counts || failures < entry.retry.attempts);
    let retry_at = update.retry_at.filter(|_| again == Again::Later && has_attempts_left).map(|told| {
        let least = info.and_then(|info| info.delay.least(failures.max(1))).unwrap_or_default();
        told.max(now + entry.retry.delay(failures.max(1), id.unsigned_abs()).max(least))
    });
    let retry_at = retry_at.filter(|at| entry.ends_at.is_none_or(|end| *at < end));
    let again = if retry_at.is_some() { Again::Later } else { Again::No };
    Terms { status: Status::Failed { again }, retry_at, failures }
}

fn earliest(kept: &mut Option<DateTime<Utc>>, at: DateTime<Utc>) {
    *kept = Some(kept.map_or(at, |known| known.min(at)));
}

fn untold_failure() -> Failure {
    Failure { code: None, class: "unknown".to_owned(), detail: "the platform gave no reason".to_owned() }
}
