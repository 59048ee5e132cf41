//! The do-not-send list.

use chrono::{DateTime, Utc};

use super::connection::SqliteStore;
use crate::StoreError;
use crate::codec::{failed, json, micros};
use crate::model::Suppression;

type Result<T> = std::result::Result<T, StoreError>;

/// Who is on it by their own word is an operator's from then on, where an operator adds them, too.
const ADD: &str = "
    INSERT INTO suppressions (address, source, suppressed_at)
    SELECT value ->> 0, value ->> 1, ?2 FROM json_each(?1) WHERE true
    ON CONFLICT (address) DO UPDATE SET source = excluded.source
    WHERE suppressions.source IN ('user_preferences', 'stop_word', '131050') AND excluded.source NOT IN ('user_preferences', 'stop_word', '131050')";

const REMOVE: &str = "DELETE FROM suppressions WHERE address IN (SELECT value FROM json_each(?1))";

pub(super) const FIND: &str = "
    SELECT s.address FROM json_each(?1) AS j CROSS JOIN suppressions AS s ON s.address = j.value
    GROUP BY s.address ORDER BY s.address";

const PAGE: &str = "SELECT address, source FROM suppressions WHERE address > ?1 ORDER BY address LIMIT ?2";

/// See [`crate::Store::suppress`].
pub(super) async fn add(store: &SqliteStore, entries: &[Suppression], now: DateTime<Utc>) -> Result<u64> {
    let rows: Vec<_> = entries.iter().map(|e| (&e.address, &e.source)).collect();
    let mut tx = store.change().await?;
    let adding = failed("add to the do-not-send list");
    let done =
        sqlx::query(ADD).bind(json(&rows)?).bind(micros(now)).execute(&mut *tx).await.map_err(adding)?;
    tx.commit().await.map_err(failed("commit the do-not-send list"))?;
    Ok(done.rows_affected())
}

/// See [`crate::Store::unsuppress`].
pub(super) async fn remove(store: &SqliteStore, addresses: &[String]) -> Result<u64> {
    let mut tx = store.change().await?;
    let removing = failed("take addresses off the do-not-send list");
    let done = sqlx::query(REMOVE).bind(json(addresses)?).execute(&mut *tx).await.map_err(removing)?;
    tx.commit().await.map_err(failed("commit the do-not-send list"))?;
    Ok(done.rows_affected())
}

/// See [`crate::Store::suppressed`].
pub(super) async fn find(store: &SqliteStore, addresses: &[String]) -> Result<Vec<String>> {
    let mut tx = store.snapshot().await?;
    sqlx::query_scalar(FIND)
        .bind(json(addresses)?)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read the do-not-send list"))
}

/// See [`crate::Store::suppressions`].
pub(super) async fn page(store: &SqliteStore, after: Option<&str>, limit: u32) -> Result<Vec<Suppression>> {
    let mut tx = store.snapshot().await?;
    let rows: Vec<(String, String)> = sqlx::query_as(PAGE)
        .bind(after.unwrap_or_default())
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read the do-not-send list"))?;
    Ok(rows.into_iter().map(|(address, source)| Suppression { address, source }).collect())
}
