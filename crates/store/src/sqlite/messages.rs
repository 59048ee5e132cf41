//! Reading messages and excluded rows, page by page.

use campaign::ids::{CampaignId, Seq};
use campaign::money::Micros;
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteRow;
use sqlx::{FromRow, Row};

use super::codec::{failed, named, number, optional_time, row_id, row_ids, seq_of};
use super::connection::SqliteStore;
use super::transition::failure;
use crate::StoreError;
use crate::model::{Excluded, MessageRow};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) const PAGE: &str = "
    SELECT id, group_no, state, assumed, attempt, wamid, failure_code, failure_class, failure_detail, retry_at,
           claimed_at, accepted_at, sent_at, delivered_at, read_at, route, cost, cost_told, recipient, country
    FROM messages
    WHERE id > ?1 AND id <= ?2
    ORDER BY id
    LIMIT ?3";

pub(super) const EXCLUDED_PAGE: &str = "
    SELECT seq, line, recipient, reason, detail
    FROM excluded
    WHERE campaign_id = ?1 AND seq > ?2
    ORDER BY seq
    LIMIT ?3";

#[derive(Debug, FromRow)]
struct ExcludedRow {
    seq: i64,
    line: i64,
    recipient: String,
    reason: String,
    detail: String,
}

/// See [`crate::Store::messages`].
pub(super) async fn page(
    store: &SqliteStore,
    campaign: CampaignId,
    after: Option<Seq>,
    limit: u32,
) -> Result<Vec<MessageRow>> {
    let (first, last) = row_ids(campaign);
    let mut tx = store.snapshot().await?;
    let rows = sqlx::query(PAGE)
        .bind(after.map_or(first - 1, |seq| row_id(campaign, seq)))
        .bind(last)
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read messages"))?;
    rows.iter().map(message).collect()
}

/// See [`crate::Store::excluded`].
pub(super) async fn excluded(
    store: &SqliteStore,
    campaign: CampaignId,
    after: Option<Seq>,
    limit: u32,
) -> Result<Vec<Excluded>> {
    let mut tx = store.snapshot().await?;
    let rows: Vec<ExcludedRow> = sqlx::query_as(EXCLUDED_PAGE)
        .bind(campaign.0)
        .bind(after.map_or(-1, |seq| i64::from(seq.0)))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read excluded rows"))?;
    rows.into_iter()
        .map(|row| {
            Ok(Excluded {
                seq: Seq(number("excluded.seq", row.seq)?),
                line: number("excluded.line", row.line)?,
                recipient: row.recipient,
                reason: row.reason,
                detail: row.detail,
            })
        })
        .collect()
}

fn message(row: &SqliteRow) -> Result<MessageRow> {
    let read = failed("read a message");
    let at = |column: &'static str| -> Result<Option<DateTime<Utc>>> {
        optional_time(column, row.try_get(column).map_err(&read)?)
    };
    Ok(MessageRow {
        seq: seq_of(row.try_get("id").map_err(&read)?),
        recipient: row.try_get("recipient").map_err(&read)?,
        country: row.try_get("country").map_err(&read)?,
        group: number("messages.group_no", row.try_get("group_no").map_err(&read)?)?,
        state: named("messages.state", row.try_get("state").map_err(&read)?)?,
        assumed: row.try_get("assumed").map_err(&read)?,
        attempt: number("messages.attempt", row.try_get("attempt").map_err(&read)?)?,
        wamid: row.try_get("wamid").map_err(&read)?,
        failure: failure(
            row.try_get("failure_code").map_err(&read)?,
            row.try_get("failure_class").map_err(&read)?,
            row.try_get("failure_detail").map_err(&read)?,
        ),
        retry_at: at("retry_at")?,
        claimed_at: at("claimed_at")?,
        accepted_at: at("accepted_at")?,
        sent_at: at("sent_at")?,
        delivered_at: at("delivered_at")?,
        read_at: at("read_at")?,
        route: row.try_get("route").map_err(&read)?,
        cost: row.try_get::<Option<i64>, _>("cost").map_err(&read)?.map(Micros),
        cost_told: row.try_get("cost_told").map_err(&read)?,
    })
}
