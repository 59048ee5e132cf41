//! Status webhooks: matched, applied, or parked until their message is known.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::connection::SqliteStore;
use super::{choices, people, transition, webhooks};
use crate::StoreError;
use crate::codec::{changed, failed, from_json, json, micros};
use crate::model::{StatusReport, StatusUpdate};
use crate::moving::batch::Batch;
use crate::moving::inferring::addresses;
use crate::moving::statuses::{self, Told, Unparked, named, unnamed};
use crate::webhooks::{NEVER_MATCHED, WebhookCount};

type Result<T> = std::result::Result<T, StoreError>;

/// Identical statuses are parked once: webhooks are repeated for days.
const PARK: &str = "
    INSERT INTO parked_statuses (wamid, status, parked_at, address, other_address)
    SELECT value ->> 0, value ->> 1, ?2, value ->> 2, value ->> 3 FROM json_each(?1) WHERE true
    ON CONFLICT (wamid, status) DO NOTHING";

/// Parked statuses of these ids, in the order in which they came.
pub(super) const PARKED: &str = "
    SELECT p.id, p.status
    FROM json_each(?1) AS j
    CROSS JOIN parked_statuses AS p ON p.wamid = j.value
    ORDER BY p.id";

const UNPARK: &str = "DELETE FROM parked_statuses WHERE id IN (SELECT value FROM json_each(?1))";

const PRUNE: &str = "
    DELETE FROM parked_statuses
    WHERE id IN (SELECT id FROM parked_statuses WHERE parked_at < ?1 ORDER BY parked_at LIMIT ?2)";

/// See [`crate::Store::apply_statuses`].
pub(super) async fn apply(
    store: &SqliteStore,
    updates: &[StatusUpdate],
    now: DateTime<Utc>,
) -> Result<StatusReport> {
    if updates.is_empty() {
        return Ok(StatusReport::default());
    }
    let mut tx = store.change().await?;
    let mut batch = Batch::default();
    transition::load(&mut tx, &mut batch, &named(updates)).await?;
    let wamids = unnamed(&mut batch, updates);
    transition::load_by_wamid(&mut tx, &mut batch, &wamids).await?;
    let applied = statuses::apply(&mut batch, updates, now);
    if !applied.unmatched.is_empty() {
        let mut rows = Vec::new();
        for update in &applied.unmatched {
            let [address, other] = addresses(update);
            rows.push((&update.wamid, json(update)?, address, other));
        }
        let parking = failed("park statuses");
        sqlx::query(PARK).bind(json(&rows)?).bind(micros(now)).execute(&mut *tx).await.map_err(parking)?;
    }
    transition::write_back(&mut tx, &batch).await?;
    keep(&mut tx, &applied.told).await?;
    tx.commit().await.map_err(failed("commit statuses"))?;
    Ok(applied.report)
}

/// Keeps what was told of recipients.
pub(super) async fn keep(tx: &mut SqliteConnection, told: &Told) -> Result<()> {
    choices::refused(tx, &told.opted_out).await?;
    people::cool_down(tx, &told.shielded).await
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
    let rows: Vec<(i64, String)> = sqlx::query_as(PARKED)
        .bind(json(wamids)?)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read parked statuses"))?;
    let parked: Vec<(i64, StatusUpdate)> = rows
        .into_iter()
        .map(|(number, text)| Ok((number, from_json("parked_statuses.status", &text)?)))
        .collect::<Result<_>>()?;
    let Unparked { done, told } = statuses::apply_parked(batch, &parked, now);
    keep(tx, &told).await?;
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
pub(super) async fn prune(
    store: &SqliteStore,
    before: DateTime<Utc>,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<u64> {
    let mut tx = store.change().await?;
    let pruning = failed("drop old parked statuses");
    let done =
        sqlx::query(PRUNE).bind(micros(before)).bind(limit).execute(&mut *tx).await.map_err(pruning)?;
    if done.rows_affected() > 0 {
        let dropped =
            WebhookCount { kind: NEVER_MATCHED.to_owned(), number: String::new(), n: done.rows_affected() };
        webhooks::add(&mut tx, &[dropped], now).await?;
    }
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
