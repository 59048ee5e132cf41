//! How many webhooks of each kind came.

use chrono::{DateTime, NaiveDate, Utc};
use sqlx::PgConnection;

use super::connection::PostgresStore;
use super::text::clean;
use super::transition::column;
use crate::StoreError;
use crate::codec::{failed, micros};
use crate::columns::Reader;
use crate::reading::webhooks::read;
use crate::webhooks::{WebhookCount, WebhookDay, day_number};

type Result<T> = std::result::Result<T, StoreError>;

/// In the order of kinds and numbers: two that count the same ones do not wait in a circle.
const COUNT: &str = "
    INSERT INTO webhook_counts AS w (day, kind, number, n, last_at)
    SELECT $4, kind, number, sum(n)::bigint, $5 FROM unnest($1::text[], $2::text[], $3::bigint[]) AS u (kind, number, n)
    GROUP BY kind, number
    ORDER BY kind, number
    ON CONFLICT (day, kind, number)
    DO UPDATE SET n = w.n + excluded.n, last_at = greatest(w.last_at, excluded.last_at)";

pub(super) const SINCE: &str = "
    SELECT day, kind, number, n, last_at FROM webhook_counts WHERE day >= $1 ORDER BY day, kind, number";

/// See [`crate::Store::count_webhooks`].
pub(super) async fn count(store: &PostgresStore, counts: &[WebhookCount], now: DateTime<Utc>) -> Result<()> {
    let mut tx = store.change().await?;
    add(&mut tx, counts, now).await?;
    tx.commit("commit counts of webhooks").await
}

/// Adds counts in a transaction.
pub(super) async fn add(tx: &mut PgConnection, counts: &[WebhookCount], now: DateTime<Utc>) -> Result<()> {
    sqlx::query(COUNT)
        .bind(column(counts, |count| clean(&count.kind)))
        .bind(column(counts, |count| clean(&count.number)))
        .bind(column(counts, |count| i64::try_from(count.n).unwrap_or(i64::MAX)))
        .bind(day_number(now.date_naive()))
        .bind(micros(now))
        .execute(tx)
        .await
        .map_err(failed("count webhooks"))?;
    Ok(())
}

/// See [`crate::Store::webhook_counts`].
pub(super) async fn since(store: &PostgresStore, since: NaiveDate) -> Result<Vec<WebhookDay>> {
    let mut tx = store.snapshot().await?;
    let rows = sqlx::query(SINCE)
        .bind(day_number(since))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read counts of webhooks"))?;
    tx.end().await;
    rows.iter().map(|row| read(&mut Reader::new(row))).collect()
}
