//! Slices for retries that are due.

use chrono::{DateTime, Utc};

use super::connection::PostgresStore;
use super::sweeps::lock_campaigns_of;
use super::transition::column;
use crate::StoreError;
use crate::codec::{changed, count, failed, micros};
use crate::moving::sweeping::{Placement, parts};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) const RETRIES_DUE: &str = "
    SELECT m.id
    FROM messages AS m
    WHERE m.state = 'retrying' AND NOT m.placed AND m.retry_at <= $1
      AND (SELECT c.state FROM campaigns AS c WHERE c.id = m.campaign_id) NOT IN ('done', 'cancelled')
    ORDER BY m.retry_at
    LIMIT $2";

/// Of these messages those that are still due.
pub(super) const STILL_DUE: &str = "
    SELECT m.id, m.campaign_id, m.group_no
    FROM messages AS m JOIN campaigns AS c ON c.id = m.campaign_id
    WHERE m.id = ANY($2) AND m.state = 'retrying' AND NOT m.placed AND m.retry_at <= $1
      AND c.state NOT IN ('done', 'cancelled')";

const NEW_SLICES: &str =
    "UPDATE campaigns SET next_slice = next_slice + $2 WHERE id = $1 RETURNING next_slice - $2";

/// Their turn comes before that of what was never sent.
const INSERT_SLICES: &str = "
    INSERT INTO slices (campaign_id, number, group_no, messages, turn)
    SELECT *, 0 FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[])";

pub(super) const PLACE: &str = "
    UPDATE messages AS m SET placed = TRUE, slice_no = j.slice
    FROM unnest($1::bigint[], $2::bigint[]) AS j (id, slice)
    WHERE m.id = j.id AND m.state = 'retrying' AND NOT m.placed";

/// See [`crate::Store::requeue_retries`].
pub(super) async fn requeue(
    store: &PostgresStore,
    now: DateTime<Utc>,
    slice_size: u32,
    limit: u32,
) -> Result<u64> {
    let mut tx = store.change().await?;
    let finding = failed("find retries that are due");
    let found: Vec<i64> = sqlx::query_scalar(RETRIES_DUE)
        .bind(micros(now))
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(&finding)?;
    if found.is_empty() {
        tx.end().await;
        return Ok(0);
    }
    lock_campaigns_of(&mut tx, &found).await?;
    let due: Vec<(i64, i64, i64)> =
        sqlx::query_as(STILL_DUE).bind(micros(now)).bind(found).fetch_all(&mut *tx).await.map_err(finding)?;
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
    let Placement { slices, placed } = placement;
    sqlx::query(INSERT_SLICES)
        .bind(column(&slices, |(campaign, ..)| *campaign))
        .bind(column(&slices, |(_, number, ..)| *number))
        .bind(column(&slices, |(_, _, group, _)| *group))
        .bind(column(&slices, |(.., messages)| *messages))
        .execute(&mut *tx)
        .await
        .map_err(failed("make slices of retries"))?;
    let moved = sqlx::query(PLACE)
        .bind(column(&placed, |(id, _)| *id))
        .bind(column(&placed, |(_, slice)| *slice))
        .execute(&mut *tx)
        .await
        .map_err(failed("place retries"))?
        .rows_affected();
    if moved != changed(placed.len()) {
        return Err(StoreError::Inconsistent("retries moved while they were given a slice".to_owned()));
    }
    tx.commit("commit slices of retries").await?;
    Ok(moved)
}
