//! What time moves: claims of silent workers, doubts, TTLs, retries, deadlines.

use std::time::Duration;

use campaign::ids::CampaignId;
use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::SqliteConnection;

use super::connection::SqliteStore;
use super::{inferring, slices, transition};
use crate::StoreError;
use crate::codec::{changed, count, failed, json, micros, span_micros};
use crate::model::{SweptDoubts, WorkerId};
use crate::moving::batch::Batch;
use crate::moving::doubts;
use crate::moving::inferring::Waits;
use crate::moving::sweeping::{self, Lost, Placement, Unsent, parts};

type Result<T> = std::result::Result<T, StoreError>;

/// Messages that a sweep without a limit of its own moves in one transaction.
const AT_ONCE: i64 = 5_000;

const SEE_WORKER: &str = "
    INSERT INTO workers (name, seen_at) VALUES (?1, ?2)
    ON CONFLICT (name) DO UPDATE SET seen_at = max(seen_at, excluded.seen_at)";

/// Workers with claims, whether they live or not: the index holds claims only.
pub(super) const BUSY_WORKERS: &str = "
    SELECT DISTINCT worker FROM messages WHERE state = 'sending'";

const IS_SILENT: &str = "SELECT NOT EXISTS (SELECT 1 FROM workers WHERE name = ?1 AND seen_at >= ?2)";

pub(super) const CLAIMS_OF: &str =
    "SELECT id FROM messages WHERE state = 'sending' AND worker = ?1 ORDER BY id LIMIT ?2";

/// The index holds claims only.
pub(super) const OVERDUE_CLAIMS: &str = "SELECT id FROM messages INDEXED BY messages_sending WHERE state = 'sending' AND claimed_at <= ?1 LIMIT ?2";

const FORGET_WORKERS: &str = "DELETE FROM workers WHERE seen_at < ?1";

/// A doubt is sent once more at the most, and not for a campaign that is over; in doubt again, it is given up.
pub(super) const OLD_DOUBTS: &str = "
    SELECT m.id, c.in_doubt = 'resend' AND m.resent = 0
    FROM campaigns AS c
    CROSS JOIN messages AS m ON m.campaign_id = c.id
    WHERE c.in_doubt <> 'hold' AND m.state = 'in_doubt' AND m.doubt_since <= ?1 - c.in_doubt_after
      AND (c.in_doubt = 'drop' OR m.resent <> 0 OR c.state NOT IN ('done', 'cancelled'))
    LIMIT ?2";

pub(super) const TTL_PASSED: &str = "
    SELECT id FROM messages WHERE state IN ('accepted', 'held', 'sent') AND ttl_at <= ?1 ORDER BY ttl_at LIMIT ?2";

pub(super) const UNSENT: &str = "
    SELECT id FROM messages WHERE campaign_id = ?1 AND state IN ('queued', 'retrying') LIMIT ?2";

pub(super) const RETRIES_DUE: &str = "
    SELECT m.id, m.campaign_id, m.group_no
    FROM messages AS m
    WHERE m.state = 'retrying' AND m.placed = 0 AND m.retry_at <= ?1
      AND (SELECT c.state FROM campaigns AS c WHERE c.id = m.campaign_id) NOT IN ('done', 'cancelled')
    ORDER BY m.retry_at
    LIMIT ?2";

const NEW_SLICES: &str =
    "UPDATE campaigns SET next_slice = next_slice + ?2 WHERE id = ?1 RETURNING next_slice - ?2";

/// Their turn comes before that of what was never sent.
const INSERT_SLICES: &str = "
    INSERT INTO slices (campaign_id, number, group_no, messages, turn)
    SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, 0 FROM json_each(?1)";

pub(super) const PLACE: &str = "
    UPDATE messages SET placed = 1, slice_no = j.value ->> 1
    FROM json_each(?1) AS j
    WHERE messages.id = j.value ->> 0 AND state = 'retrying' AND placed = 0";

/// See [`crate::Store::heartbeat`].
pub(super) async fn heartbeat(store: &SqliteStore, worker: &WorkerId, now: DateTime<Utc>) -> Result<()> {
    let mut tx = store.change().await?;
    see_worker(&mut tx, worker, now).await?;
    tx.commit().await.map_err(failed("commit a heartbeat"))
}

/// The worker lives.
pub(super) async fn see_worker(
    tx: &mut SqliteConnection,
    worker: &WorkerId,
    now: DateTime<Utc>,
) -> Result<()> {
    let noting = failed("note a worker's heartbeat");
    sqlx::query(SEE_WORKER).bind(&worker.0).bind(micros(now)).execute(tx).await.map_err(noting)?;
    Ok(())
}

/// See [`crate::Store::sweep_lost_workers`].
pub(super) async fn lost_workers(
    store: &SqliteStore,
    now: DateTime<Utc>,
    silent_for: Duration,
) -> Result<u64> {
    let alive_since = micros(now).saturating_sub(span_micros(silent_for));
    let mut moved = 0;
    for worker in busy_workers(store).await? {
        loop {
            // Asked again in each transaction: the worker may have come back.
            let mut tx = store.change().await?;
            let is_silent: bool = sqlx::query_scalar(IS_SILENT)
                .bind(&worker)
                .bind(alive_since)
                .fetch_one(&mut *tx)
                .await
                .map_err(failed("look for a worker's heartbeat"))?;
            if !is_silent {
                break;
            }
            let (claims, doubts) = doubt_claims(&mut tx, &worker, Lost::Silent, now).await?;
            tx.commit().await.map_err(failed("commit doubts"))?;
            moved += doubts;
            if claims < AT_ONCE {
                break;
            }
        }
    }
    let mut tx = store.change().await?;
    // A day more than any sweep looks back: names are unique per process start and would pile up.
    let forgotten = alive_since.saturating_sub(span_micros(Duration::from_secs(86_400)));
    sqlx::query(FORGET_WORKERS)
        .bind(forgotten)
        .execute(&mut *tx)
        .await
        .map_err(failed("forget old workers"))?;
    tx.commit().await.map_err(failed("commit forgetting old workers"))?;
    Ok(moved)
}

/// See [`crate::Store::sweep_overdue_claims`].
pub(super) async fn overdue_claims(
    store: &SqliteStore,
    now: DateTime<Utc>,
    overdue: Duration,
    limit: u32,
) -> Result<u64> {
    let mut tx = store.change().await?;
    let ids: Vec<i64> = sqlx::query_scalar(OVERDUE_CLAIMS)
        .bind(micros(now).saturating_sub(span_micros(overdue)))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("find overdue claims"))?;
    let moved = moved(&mut tx, &ids, |batch| sweeping::doubt(batch, &ids, Lost::Overdue, now)).await?;
    tx.commit().await.map_err(failed("commit doubts"))?;
    Ok(moved)
}

/// See [`crate::Store::take_over`].
pub(super) async fn take_over(store: &SqliteStore, except: &WorkerId, now: DateTime<Utc>) -> Result<u64> {
    let mut moved = 0;
    for worker in busy_workers(store).await?.into_iter().filter(|worker| *worker != except.0) {
        loop {
            let mut tx = store.change().await?;
            let (claims, doubts) = doubt_claims(&mut tx, &worker, Lost::Ended, now).await?;
            tx.commit().await.map_err(failed("commit doubts"))?;
            moved += doubts;
            if claims < AT_ONCE {
                break;
            }
        }
    }
    let mut tx = store.change().await?;
    slices::reclaim_all(&mut tx).await?;
    tx.commit().await.map_err(failed("commit taking all slices back"))?;
    Ok(moved)
}

async fn busy_workers(store: &SqliteStore) -> Result<Vec<String>> {
    let mut tx = store.snapshot().await?;
    sqlx::query_scalar(BUSY_WORKERS).fetch_all(&mut *tx).await.map_err(failed("find workers with claims"))
}

/// Claims of a worker become doubts, a bounded number at once. Returns how many there were and how many moved.
async fn doubt_claims(
    tx: &mut SqliteConnection,
    worker: &str,
    lost: Lost,
    now: DateTime<Utc>,
) -> Result<(i64, u64)> {
    let ids: Vec<i64> = sqlx::query_scalar(CLAIMS_OF)
        .bind(worker)
        .bind(AT_ONCE)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("find a worker's claims"))?;
    let moved = moved(tx, &ids, |batch| sweeping::doubt(batch, &ids, lost, now)).await?;
    Ok((count(ids.len()), moved))
}

/// See [`crate::Store::sweep_doubts`].
pub(super) async fn doubts(store: &SqliteStore, now: DateTime<Utc>, limit: u32) -> Result<SweptDoubts> {
    let mut tx = store.change().await?;
    let mut old: Vec<(i64, bool)> = sqlx::query_as(OLD_DOUBTS)
        .bind(micros(now))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("find old doubts"))?;
    let ids: Vec<i64> = old.iter().map(|(id, _)| *id).collect();
    let settled = inferring::settle(&mut tx, &ids, Waits::None, now).await?;
    old.retain(|(id, _)| !settled.contains(id));
    let ids: Vec<i64> = old.iter().map(|(id, _)| *id).collect();
    let by_policy = moved(&mut tx, &ids, |batch| doubts::end_by_policy(batch, &old, now)).await?;
    tx.commit().await.map_err(failed("commit the end of doubts"))?;
    Ok(SweptDoubts { by_policy, by_status: changed(settled.len()) })
}

/// See [`crate::Store::sweep_ttl`].
pub(super) async fn ttl(
    store: &SqliteStore,
    now: DateTime<Utc>,
    margin: Duration,
    limit: u32,
) -> Result<u64> {
    let mut tx = store.change().await?;
    let ids: Vec<i64> = sqlx::query_scalar(TTL_PASSED)
        .bind(micros(now).saturating_sub(span_micros(margin)))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("find messages whose TTL passed"))?;
    let moved = moved(&mut tx, &ids, |batch| sweeping::pass_ttl(batch, &ids, now)).await?;
    tx.commit().await.map_err(failed("commit expired messages"))?;
    Ok(moved)
}

/// See [`crate::Store::expire_unsent`] and [`crate::Store::skip_unsent`].
pub(super) async fn end_unsent(
    store: &SqliteStore,
    campaign: CampaignId,
    why: Unsent<'_>,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<u64> {
    let mut tx = store.change().await?;
    let ids: Vec<i64> = sqlx::query_scalar(UNSENT)
        .bind(campaign.0)
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("find unsent messages"))?;
    let moved = moved(&mut tx, &ids, |batch| sweeping::end_unsent(batch, &ids, why, now)).await?;
    tx.commit().await.map_err(failed("commit messages that are not sent"))?;
    Ok(moved)
}

/// Loads messages, lets them be moved, and writes them back. Returns how many moved.
async fn moved(
    tx: &mut SqliteConnection,
    ids: &[i64],
    moving: impl FnOnce(&mut Batch) -> u64,
) -> Result<u64> {
    let mut batch = Batch::default();
    transition::load(tx, &mut batch, ids).await?;
    let moved = moving(&mut batch);
    transition::write_back(tx, &batch).await?;
    Ok(moved)
}

/// See [`crate::Store::requeue_retries`].
pub(super) async fn requeue(
    store: &SqliteStore,
    now: DateTime<Utc>,
    slice_size: u32,
    limit: u32,
) -> Result<u64> {
    let mut tx = store.change().await?;
    let due: Vec<(i64, i64, i64)> = sqlx::query_as(RETRIES_DUE)
        .bind(micros(now))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("find retries that are due"))?;
    if due.is_empty() {
        return Ok(0);
    }
    let mut placement = Placement::default();
    for (campaign, parts) in parts(due, slice_size) {
        let first: i64 = sqlx::query_scalar(NEW_SLICES)
            .bind(campaign)
            .bind(count(parts.len()))
            .fetch_one(&mut *tx)
            .await
            .map_err(failed("number new slices"))?;
        placement.place(campaign, first, parts);
    }
    execute(&mut tx, INSERT_SLICES, &placement.slices, "make slices of retries").await?;
    let moved = execute(&mut tx, PLACE, &placement.placed, "place retries").await?;
    if moved != changed(placement.placed.len()) {
        return Err(StoreError::Inconsistent("retries moved while they were given a slice".to_owned()));
    }
    tx.commit().await.map_err(failed("commit slices of retries"))?;
    Ok(moved)
}

async fn execute<T: Serialize>(
    tx: &mut SqliteConnection,
    sql: &'static str,
    rows: &T,
    doing: &'static str,
) -> Result<u64> {
    Ok(sqlx::query(sql).bind(json(rows)?).execute(tx).await.map_err(failed(doing))?.rows_affected())
}
