//! What time moves: claims of silent workers, doubts, TTLs, deadlines.
//!
//! Candidates are looked for without a lock; then their campaigns are locked, and those that are still what they were
//! are moved.

use std::collections::BTreeSet;
use std::time::Duration;

use campaign::ids::CampaignId;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection::{PostgresStore, Session};
use super::repeating::{Patience, repeat};
use super::transition::column;
use super::{campaigns, inferring, slices, transition};
use crate::StoreError;
use crate::codec::{changed, count, failed, micros, span_micros};
use crate::model::{SweptDoubts, WorkerId};
use crate::moving::batch::Batch;
use crate::moving::doubts;
use crate::moving::inferring::Waits;
use crate::moving::sweeping::{self, Lost, Unsent};

type Result<T> = std::result::Result<T, StoreError>;

/// Messages that a sweep without a limit of its own moves in one transaction: claims of the campaign wait as long.
const AT_ONCE: i64 = 2_000;

const SEE_WORKER: &str = "
    INSERT INTO workers AS w (name, seen_at) VALUES ($1, $2)
    ON CONFLICT (name) DO UPDATE SET seen_at = greatest(w.seen_at, excluded.seen_at)";

/// Workers with claims, whether they live or not: the index holds claims only.
pub(super) const BUSY_WORKERS: &str = "SELECT DISTINCT worker FROM messages WHERE state = 'sending'";

const IS_SILENT: &str = "SELECT NOT EXISTS (SELECT 1 FROM workers WHERE name = $1 AND seen_at >= $2)";

pub(super) const CLAIMS_OF: &str =
    "SELECT id FROM messages WHERE state = 'sending' AND worker = $1 ORDER BY id LIMIT $2";

/// Of these messages those that are still the worker's claims.
const STILL_CLAIMS_OF: &str =
    "SELECT id FROM messages WHERE id = ANY($1) AND state = 'sending' AND worker = $2 ORDER BY id";

/// The index holds claims only.
pub(super) const OVERDUE_CLAIMS: &str =
    "SELECT id FROM messages WHERE state = 'sending' AND claimed_at <= $1 LIMIT $2";

const STILL_OVERDUE: &str =
    "SELECT id FROM messages WHERE state = 'sending' AND claimed_at <= $1 AND id = ANY($2)";

const FORGET_WORKERS: &str = "DELETE FROM workers WHERE seen_at < $1";

/// A doubt is sent once more at the most, and not for a campaign that is over; in doubt again, it is given up.
macro_rules! old_doubts {
    ($condition:literal) => {
        concat!(
            "SELECT m.id, c.in_doubt = 'resend' AND m.resent = 0
             FROM campaigns AS c
             JOIN messages AS m ON m.campaign_id = c.id
             WHERE c.in_doubt <> 'hold' AND m.state = 'in_doubt' AND m.doubt_since <= $1 - c.in_doubt_after
               AND (c.in_doubt = 'drop' OR m.resent <> 0 OR c.state NOT IN ('done', 'cancelled')) ",
            $condition
        )
    };
}
pub(super) const OLD_DOUBTS: &str = old_doubts!("LIMIT $2");
const STILL_OLD_DOUBTS: &str = old_doubts!("AND m.id = ANY($2)");

pub(super) const TTL_PASSED: &str = "
    SELECT id FROM messages WHERE state IN ('accepted', 'held', 'sent') AND ttl_at <= $1 ORDER BY ttl_at LIMIT $2";

const STILL_TTL_PASSED: &str = "
    SELECT id FROM messages WHERE state IN ('accepted', 'held', 'sent') AND ttl_at <= $1 AND id = ANY($2)";

pub(super) const UNSENT: &str = "
    SELECT id FROM messages WHERE campaign_id = $1 AND state IN ('queued', 'retrying') LIMIT $2";

/// See [`crate::Store::heartbeat`].
pub(super) async fn heartbeat(store: &PostgresStore, worker: &WorkerId, now: DateTime<Utc>) -> Result<()> {
    let mut tx = store.change().await?;
    let noting = failed("note a worker's heartbeat");
    sqlx::query(SEE_WORKER).bind(&worker.0).bind(micros(now)).execute(&mut *tx).await.map_err(noting)?;
    tx.commit("commit a heartbeat").await
}

/// Makes the campaigns of these messages this transaction's.
pub(super) async fn lock_campaigns_of(tx: &mut PgConnection, ids: &[i64]) -> Result<()> {
    let concerned: BTreeSet<i64> = ids.iter().map(|id| id >> 32).collect();
    campaigns::lock(tx, &Vec::from_iter(concerned)).await
}

/// See [`crate::Store::sweep_lost_workers`].
pub(super) async fn lost_workers(
    store: &PostgresStore,
    now: DateTime<Utc>,
    silent_for: Duration,
) -> Result<u64> {
    let alive_since = micros(now).saturating_sub(span_micros(silent_for));
    let mut moved = 0;
    for worker in &busy_workers(store).await? {
        moved += doubt_all(store, worker, Some(alive_since), now).await?;
    }
    // A day more than any sweep looks back: names are unique per process start and would pile up.
    let forgotten = alive_since.saturating_sub(span_micros(Duration::from_secs(86_400)));
    repeat(Patience::Short, "forget old workers", || forget_workers(store, forgotten)).await?;
    Ok(moved)
}

/// See [`crate::Store::sweep_overdue_claims`].
pub(super) async fn overdue_claims(
    store: &PostgresStore,
    now: DateTime<Utc>,
    overdue: Duration,
    limit: u32,
) -> Result<u64> {
    let aged = Aged { find: OVERDUE_CLAIMS, still: STILL_OVERDUE, older_than: overdue };
    let doing = ("find overdue claims", "commit doubts");
    move_aged(store, &aged, now, limit, doing, |batch, ids| sweeping::doubt(batch, ids, Lost::Overdue, now))
        .await
}

/// See [`crate::Store::take_over`].
pub(super) async fn take_over(store: &PostgresStore, except: &WorkerId, now: DateTime<Utc>) -> Result<u64> {
    let mut moved = 0;
    for worker in busy_workers(store).await?.iter().filter(|worker| **worker != except.0) {
        moved += doubt_all(store, worker, None, now).await?;
    }
    repeat(Patience::Short, "take all slices back", || slices::reclaim_all(store)).await?;
    Ok(moved)
}

/// Workers with claims, whether they are silent or not.
async fn busy_workers(store: &PostgresStore) -> Result<Vec<String>> {
    repeat(Patience::Short, "find workers with claims", || async {
        let mut tx = store.snapshot().await?;
        let finding = failed("find workers with claims");
        let workers = sqlx::query_scalar(BUSY_WORKERS).fetch_all(&mut *tx).await.map_err(finding)?;
        tx.end().await;
        Ok(workers)
    })
    .await
}

/// All claims of a worker become doubts, one transaction after the other. Returns how many moved.
async fn doubt_all(
    store: &PostgresStore,
    worker: &str,
    silent_since: Option<i64>,
    now: DateTime<Utc>,
) -> Result<u64> {
    let mut all = 0;
    loop {
        let doubting = || doubt_claims(store, worker, silent_since, now);
        let (moved, is_last) =
            repeat(Patience::Short, "turn a lost worker's claims into doubts", doubting).await?;
        all += moved;
        if is_last {
            return Ok(all);
        }
    }
}

/// Claims of a worker become doubts, a bounded number at once: of one that was not heard of since then, or, without a
/// time, in any case. Returns how many moved, and whether these were the last.
async fn doubt_claims(
    store: &PostgresStore,
    worker: &str,
    silent_since: Option<i64>,
    now: DateTime<Utc>,
) -> Result<(u64, bool)> {
    let mut tx = store.change().await?;
    let found: Vec<i64> = sqlx::query_scalar(CLAIMS_OF)
        .bind(worker)
        .bind(AT_ONCE)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("find a worker's claims"))?;
    lock_campaigns_of(&mut tx, &found).await?;
    // Asked in each transaction, after its locks: the worker may have come back.
    if let Some(alive_since) = silent_since {
        let is_silent: bool = sqlx::query_scalar(IS_SILENT)
            .bind(worker)
            .bind(alive_since)
            .fetch_one(&mut *tx)
            .await
            .map_err(failed("look for a worker's heartbeat"))?;
        if !is_silent {
            tx.end().await;
            return Ok((0, true));
        }
    }
    let lost = if silent_since.is_some() { Lost::Silent } else { Lost::Ended };
    let ids: Vec<i64> = sqlx::query_scalar(STILL_CLAIMS_OF)
        .bind(&found)
        .bind(worker)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("find a worker's claims"))?;
    let moved = moved(&mut tx, &ids, |batch| sweeping::doubt(batch, &ids, lost, now)).await?;
    tx.commit("commit doubts").await?;
    Ok((moved, count(found.len()) < AT_ONCE))
}

async fn forget_workers(store: &PostgresStore, seen_before: i64) -> Result<()> {
    let mut tx = store.change().await?;
    let forgetting = failed("forget old workers");
    sqlx::query(FORGET_WORKERS).bind(seen_before).execute(&mut *tx).await.map_err(forgetting)?;
    tx.commit("commit forgetting old workers").await
}

/// See [`crate::Store::sweep_doubts`].
pub(super) async fn doubts(store: &PostgresStore, now: DateTime<Utc>, limit: u32) -> Result<SweptDoubts> {
    let mut tx = store.change().await?;
    let finding = failed("find old doubts");
    let found: Vec<(i64, bool)> = sqlx::query_as(OLD_DOUBTS)
        .bind(micros(now))
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(&finding)?;
    let found: Vec<i64> = found.into_iter().map(|(id, _)| id).collect();
    if found.is_empty() {
        tx.end().await;
        return Ok(SweptDoubts::default());
    }
    lock_campaigns_of(&mut tx, &found).await?;
    let mut old: Vec<(i64, bool)> = sqlx::query_as(STILL_OLD_DOUBTS)
        .bind(micros(now))
        .bind(found)
        .fetch_all(&mut *tx)
        .await
        .map_err(finding)?;
    let ids = column(&old, |(id, _)| *id);
    let settled = inferring::settle(&mut tx, &ids, Waits::None, now).await?;
    old.retain(|(id, _)| !settled.contains(id));
    let ids = column(&old, |(id, _)| *id);
    let by_policy = moved(&mut tx, &ids, |batch| doubts::end_by_policy(batch, &old, now)).await?;
    tx.commit("commit the end of doubts").await?;
    Ok(SweptDoubts { by_policy, by_status: changed(settled.len()) })
}

/// See [`crate::Store::sweep_ttl`].
pub(super) async fn ttl(
    store: &PostgresStore,
    now: DateTime<Utc>,
    margin: Duration,
    limit: u32,
) -> Result<u64> {
    let aged = Aged { find: TTL_PASSED, still: STILL_TTL_PASSED, older_than: margin };
    let doing = ("find messages whose TTL passed", "commit expired messages");
    move_aged(store, &aged, now, limit, doing, |batch, ids| sweeping::pass_ttl(batch, ids, now)).await
}

/// Messages of which something is too long ago.
struct Aged {
    /// By the instant and a limit.
    find: &'static str,
    /// By the instant, of these messages: asked again under their campaigns' locks.
    still: &'static str,
    /// How long ago the instant is.
    older_than: Duration,
}

/// Moves aged messages, at most `limit`; `doing` completes what the database could not do. Returns how many moved.
async fn move_aged(
    store: &PostgresStore,
    aged: &Aged,
    now: DateTime<Utc>,
    limit: u32,
    doing: (&'static str, &'static str),
    moving: impl FnOnce(&mut Batch, &[i64]) -> u64,
) -> Result<u64> {
    let before = micros(now).saturating_sub(span_micros(aged.older_than));
    let finding = failed(doing.0);
    let mut tx = store.change().await?;
    let found: Vec<i64> = sqlx::query_scalar(aged.find)
        .bind(before)
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(&finding)?;
    if found.is_empty() {
        return nothing(tx).await;
    }
    lock_campaigns_of(&mut tx, &found).await?;
    let ids: Vec<i64> =
        sqlx::query_scalar(aged.still).bind(before).bind(found).fetch_all(&mut *tx).await.map_err(finding)?;
    let moved = moved(&mut tx, &ids, |batch| moving(batch, &ids)).await?;
    tx.commit(doing.1).await?;
    Ok(moved)
}

/// See [`crate::Store::expire_unsent`] and [`crate::Store::skip_unsent`].
pub(super) async fn end_unsent(
    store: &PostgresStore,
    campaign: CampaignId,
    why: Unsent<'_>,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<u64> {
    let mut tx = store.change_of(&[campaign]).await?;
    let ids: Vec<i64> = sqlx::query_scalar(UNSENT)
        .bind(campaign.0)
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("find unsent messages"))?;
    let moved = moved(&mut tx, &ids, |batch| sweeping::end_unsent(batch, &ids, why, now)).await?;
    tx.commit("commit messages that are not sent").await?;
    Ok(moved)
}

async fn nothing(tx: Session) -> Result<u64> {
    tx.end().await;
    Ok(0)
}

/// Loads messages, lets them be moved, and writes them back. Returns how many moved.
async fn moved(tx: &mut PgConnection, ids: &[i64], moving: impl FnOnce(&mut Batch) -> u64) -> Result<u64> {
    let mut batch = Batch::default();
    transition::load(tx, &mut batch, ids).await?;
    let moved = moving(&mut batch);
    transition::write_back(tx, &batch).await?;
    Ok(moved)
}
