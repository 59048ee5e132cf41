//! Status webhooks: matched, applied, or parked until their message is known.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection::PostgresStore;
use super::text::clean;
use super::transition::column;
use super::{campaigns, choices, people, transition, webhooks};
use crate::StoreError;
use crate::codec::{changed, failed, from_json, json, micros};
use crate::model::{StatusReport, StatusUpdate};
use crate::moving::batch::Batch;
use crate::moving::inferring::addresses;
use crate::moving::statuses::{self, Told, Unparked, named, unnamed};
use crate::webhooks::{NEVER_MATCHED, WebhookCount};

type Result<T> = std::result::Result<T, StoreError>;

/// The park's advisory lock, among those of this database: "paceline" in bytes.
const PARK_LOCK: i64 = i64::from_be_bytes(*b"paceline");

/// Whoever makes platform's ids known shares the park until its commit …
const SHARE_PARK: &str = "SELECT pg_advisory_xact_lock_shared($1)";

/// … and whoever parks has it alone: after that all ids are there to be seen, or their makers will look here.
const TAKE_PARK: &str = "SELECT pg_advisory_xact_lock($1)";

/// Identical statuses are parked once: webhooks are repeated for days.
const PARK: &str = "
    INSERT INTO parked_statuses (wamid, status, parked_at, address, other_address)
    SELECT wamid, status, $3, address, other_address
    FROM unnest($1::text[], $2::text[], $4::text[], $5::text[]) WITH ORDINALITY
        AS u (wamid, status, address, other_address, place)
    ORDER BY place
    ON CONFLICT (wamid, hashtextextended(status, 0)) DO NOTHING";

/// Parked statuses of these ids, in the order in which they came.
pub(super) const PARKED: &str = "SELECT id, status FROM parked_statuses WHERE wamid = ANY($1) ORDER BY id";

const UNPARK: &str = "DELETE FROM parked_statuses WHERE id = ANY($1)";

/// What is being unparked at this moment is left alone.
pub(super) const PRUNE: &str = "
    DELETE FROM parked_statuses
    WHERE id = ANY (ARRAY (SELECT id FROM parked_statuses WHERE parked_at < $1 ORDER BY parked_at LIMIT $2
                           FOR UPDATE SKIP LOCKED))";

/// How one attempt to apply statuses ended.
enum Attempt {
    /// Done, with what became of them.
    Done(StatusReport),
    /// These campaigns turned out to be concerned, too: their messages became known by platform's ids only after the
    /// campaigns had been locked.
    AlsoLock(Vec<i64>),
}

/// See [`crate::Store::apply_statuses`].
pub(super) async fn apply(
    store: &PostgresStore,
    updates: &[StatusUpdate],
    now: DateTime<Utc>,
) -> Result<StatusReport> {
    if updates.is_empty() {
        return Ok(StatusReport::default());
    }
    let mut locked: BTreeSet<i64> = named(updates).into_iter().map(|id| id >> 32).collect();
    loop {
        match attempt(store, updates, &mut locked, now).await? {
            Attempt::Done(report) => return Ok(report),
            // Ever more campaigns are locked: this ends.
            Attempt::AlsoLock(more) => locked.extend(more),
        }
    }
}

async fn attempt(
    store: &PostgresStore,
    updates: &[StatusUpdate],
    locked: &mut BTreeSet<i64>,
    now: DateTime<Utc>,
) -> Result<Attempt> {
    let mut tx = store.change().await?;
    let without_key: Vec<&str> =
        updates.iter().filter(|u| u.key.is_none()).map(|u| u.wamid.as_str()).collect();
    locked.extend(transition::campaigns_of(&mut tx, &without_key).await?);
    campaigns::lock(&mut tx, &Vec::from_iter(locked.iter().copied())).await?;

    let mut batch = Batch::default();
    transition::load(&mut tx, &mut batch, &named(updates)).await?;
    let wamids = unnamed(&mut batch, updates);
    transition::load_by_wamid(&mut tx, &mut batch, &wamids).await?;
    let also: Vec<i64> = batch.campaigns().difference(locked).copied().collect();
    if !also.is_empty() {
        tx.end().await;
        return Ok(Attempt::AlsoLock(also));
    }
    let applied = statuses::apply(&mut batch, updates, now);
    if !applied.unmatched.is_empty() {
        sqlx::query(TAKE_PARK)
            .bind(PARK_LOCK)
            .execute(&mut *tx)
            .await
            .map_err(failed("wait for parked statuses"))?;
        let wamids = column(&applied.unmatched, |update| update.wamid.as_str());
        // Those of campaigns that are locked were looked for in vain, and cannot have come since.
        let also = transition::campaigns_of(&mut tx, &wamids).await?;
        let also: Vec<i64> = also.into_iter().filter(|campaign| !locked.contains(campaign)).collect();
        if !also.is_empty() {
            tx.end().await;
            return Ok(Attempt::AlsoLock(also));
        }
        park(&mut tx, &applied.unmatched, now).await?;
    }
    transition::write_back(&mut tx, &batch).await?;
    keep(&mut tx, &applied.told).await?;
    tx.commit("commit statuses").await?;
    Ok(Attempt::Done(applied.report))
}

async fn park(tx: &mut PgConnection, unmatched: &[&StatusUpdate], now: DateTime<Utc>) -> Result<()> {
    let texts: Vec<String> = unmatched.iter().map(json).collect::<Result<_>>()?;
    sqlx::query(PARK)
        .bind(column(unmatched, |update| clean(&update.wamid)))
        .bind(texts)
        .bind(micros(now))
        .bind(column(unmatched, |update| addresses(update)[0].map(clean)))
        .bind(column(unmatched, |update| addresses(update)[1].map(clean)))
        .execute(tx)
        .await
        .map_err(failed("park statuses"))?;
    Ok(())
}

/// Keeps what was told of recipients.
pub(super) async fn keep(tx: &mut PgConnection, told: &Told) -> Result<()> {
    choices::refused(tx, &told.opted_out).await?;
    people::cool_down(tx, &told.shielded).await
}

/// Applies what was parked under these ids to the batch, which has their messages, and takes it away. From then
/// on until the commit nobody parks.
pub(super) async fn apply_parked(
    tx: &mut PgConnection,
    batch: &mut Batch,
    wamids: &[&str],
    now: DateTime<Utc>,
) -> Result<()> {
    if wamids.is_empty() {
        return Ok(());
    }
    let parked = parked_of(tx, wamids).await?;
    unpark(tx, batch, &parked, now).await
}

/// What is parked under these ids, with its numbers. From then on until the commit nobody parks.
pub(super) async fn parked_of(tx: &mut PgConnection, wamids: &[&str]) -> Result<Vec<(i64, StatusUpdate)>> {
    sqlx::query(SHARE_PARK)
        .bind(PARK_LOCK)
        .execute(&mut *tx)
        .await
        .map_err(failed("look at parked statuses"))?;
    let rows: Vec<(i64, String)> = sqlx::query_as(PARKED)
        .bind(column(wamids, |wamid| clean(wamid)))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read parked statuses"))?;
    rows.into_iter().map(|(number, text)| Ok((number, from_json("parked_statuses.status", &text)?))).collect()
}

/// Applies what was parked to the batch, which has its messages, and takes it away.
pub(super) async fn unpark(
    tx: &mut PgConnection,
    batch: &mut Batch,
    parked: &[(i64, StatusUpdate)],
    now: DateTime<Utc>,
) -> Result<()> {
    if parked.is_empty() {
        return Ok(());
    }
    let Unparked { done, told } = statuses::apply_parked(batch, parked, now);
    keep(tx, &told).await?;
    sqlx::query(UNPARK).bind(done).execute(tx).await.map_err(failed("take parked statuses away"))?;
    Ok(())
}

/// See [`crate::Store::prune_parked`].
pub(super) async fn prune(
    store: &PostgresStore,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<u64> {
    let mut tx = store.change().await?;
    let done = sqlx::query(PRUNE)
        .bind(micros(before))
        .bind(i64::from(limit))
        .execute(&mut *tx)
        .await
        .map_err(failed("drop old parked statuses"))?;
    if done.rows_affected() > 0 {
        let dropped =
            WebhookCount { kind: NEVER_MATCHED.to_owned(), number: String::new(), n: done.rows_affected() };
        webhooks::add(&mut tx, &[dropped], now).await?;
    }
    tx.commit("commit dropping old parked statuses").await?;
    Ok(done.rows_affected())
}

/// See [`crate::Store::parked_statuses`].
pub(super) async fn parked(store: &PostgresStore) -> Result<u64> {
    let mut tx = store.snapshot().await?;
    let n: i64 = sqlx::query_scalar("SELECT count(*) FROM parked_statuses")
        .fetch_one(&mut *tx)
        .await
        .map_err(failed("count parked statuses"))?;
    tx.end().await;
    Ok(changed(usize::try_from(n).unwrap_or(0)))
}
