//! How many webhooks of each kind came.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::SqliteConnection;

use super::connection::SqliteStore;
use crate::StoreError;
use crate::codec::{failed, json, micros};
use crate::columns::Reader;
use crate::reading::webhooks::read;
use crate::webhooks::{WebhookCount, WebhookDay, day_number};

type Result<T> = std::result::Result<T, StoreError>;

const COUNT: &str = "
    INSERT INTO webhook_counts (day, kind, number, n, last_at)
    SELECT ?2, value ->> 0, value ->> 1, value ->> 2, ?3 FROM json_each(?1) WHERE true
    ON CONFLICT (day, kind, number) DO UPDATE SET n = n + excluded.n, last_at = max(last_at, excluded.last_at)";

pub(super) const SINCE: &str = "
    SELECT day, kind, number, n, last_at FROM webhook_counts WHERE day >= ?1 ORDER BY day, kind, number";

/// See [`crate::Store::count_webhooks`].
pub(super) async fn count(store: &SqliteStore, counts: &[WebhookCount], now: DateTime<Utc>) -> Result<()> {
    let mut tx = store.change().await?;
    add(&mut tx, counts, now).await?;
    tx.commit().await.map_err(failed("commit counts of webhooks"))
}

/// Adds counts in a transaction.
pub(super) async fn add(
    tx: &mut SqliteConnection,
    counts: &[WebhookCount],
    now: DateTime<Utc>,
) -> Result<()> {
    let rows: Vec<_> = counts.iter().map(|count| (&count.kind, &count.number, count.n)).collect();
    sqlx::query(COUNT)
        .bind(json(&rows)?)
        .bind(day_number(now.date_naive()))
        .bind(micros(now))
        .execute(tx)
        .await
        .map_err(failed("count webhooks"))?;
    Ok(())
}

/// See [`crate::Store::webhook_counts`].
pub(super) async fn since(store: &SqliteStore, since: NaiveDate) -> Result<Vec<WebhookDay>> {
    let mut tx = store.snapshot().await?;
    let rows = sqlx::query(SINCE)
        .bind(day_number(since))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read counts of webhooks"))?;
    rows.iter().map(|row| read(&mut Reader::new(row))).collect()
}
