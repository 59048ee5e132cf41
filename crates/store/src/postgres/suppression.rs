//! The do-not-send list.

use chrono::{DateTime, Utc};

use super::connection::PostgresStore;
use super::text::clean;
use super::transition::column;
use crate::StoreError;
use crate::codec::{failed, micros};
use crate::model::Suppression;

type Result<T> = std::result::Result<T, StoreError>;

/// Who is on it by their own word is an operator's from then on, where an operator adds them, too.
///
/// In the order of addresses: two that add the same ones do not wait in a circle.
const ADD: &str = "
    INSERT INTO suppressions (address, source, suppressed_at)
    SELECT DISTINCT ON (address) address, source, $3
    FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS u (address, source, place)
    ORDER BY address, place
    ON CONFLICT (address) DO UPDATE SET source = excluded.source
    WHERE suppressions.source IN ('user_preferences', 'stop_word', '131050') AND excluded.source NOT IN ('user_preferences', 'stop_word', '131050')";

const REMOVE: &str = "
    DELETE FROM suppressions
    WHERE address = ANY (ARRAY (SELECT address FROM suppressions WHERE address = ANY($1) ORDER BY address
                                FOR UPDATE))";

pub(super) const FIND: &str = "SELECT address FROM suppressions WHERE address = ANY($1) ORDER BY address";

const PAGE: &str = "SELECT address, source FROM suppressions WHERE address > $1 ORDER BY address LIMIT $2";

/// See [`crate::Store::suppress`].
pub(super) async fn add(store: &PostgresStore, entries: &[Suppression], now: DateTime<Utc>) -> Result<u64> {
    let mut tx = store.change().await?;
    let done = sqlx::query(ADD)
        .bind(column(entries, |entry| clean(&entry.address)))
        .bind(column(entries, |entry| clean(&entry.source)))
        .bind(micros(now))
        .execute(&mut *tx)
        .await
        .map_err(failed("add to the do-not-send list"))?;
    tx.commit("commit the do-not-send list").await?;
    Ok(done.rows_affected())
}

/// See [`crate::Store::unsuppress`].
pub(super) async fn remove(store: &PostgresStore, addresses: &[String]) -> Result<u64> {
    let mut tx = store.change().await?;
    let done = sqlx::query(REMOVE)
        .bind(column(addresses, |address| clean(address)))
        .execute(&mut *tx)
        .await
        .map_err(failed("take addresses off the do-not-send list"))?;
    tx.commit("commit the do-not-send list").await?;
    Ok(done.rows_affected())
}

/// See [`crate::Store::suppressed`].
pub(super) async fn find(store: &PostgresStore, addresses: &[String]) -> Result<Vec<String>> {
    let mut tx = store.snapshot().await?;
    let found = sqlx::query_scalar(FIND)
        .bind(column(addresses, |address| clean(address)))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read the do-not-send list"))?;
    tx.end().await;
    Ok(found)
}

/// See [`crate::Store::suppressions`].
pub(super) async fn page(store: &PostgresStore, after: Option<&str>, limit: u32) -> Result<Vec<Suppression>> {
    let mut tx = store.snapshot().await?;
    let rows: Vec<(String, String)> = sqlx::query_as(PAGE)
        .bind(clean(after.unwrap_or_default()))
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read the do-not-send list"))?;
    tx.end().await;
    Ok(rows.into_iter().map(|(address, source)| Suppression { address, source }).collect())
}
