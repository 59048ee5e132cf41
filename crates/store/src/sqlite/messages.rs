//! Reading messages and excluded rows, page by page.

use campaign::ids::{CampaignId, MessageId, Seq};

use super::connection::SqliteStore;
use crate::StoreError;
use crate::codec::{failed, row_id, row_id_of, row_ids};
use crate::columns::Reader;
use crate::model::{Excluded, MessageRow, SentWith};
use crate::reading::messages as reading;
use crate::reading::messages::{ExcludedColumns, message, message_columns};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) const PAGE: &str = concat!(
    "SELECT ",
    message_columns!(),
    " FROM messages
      WHERE id > ?1 AND id <= ?2
      ORDER BY id
      LIMIT ?3"
);

pub(super) const EXCLUDED_PAGE: &str = "
    SELECT seq, line, recipient, reason, detail
    FROM excluded
    WHERE campaign_id = ?1 AND seq > ?2
    ORDER BY seq
    LIMIT ?3";

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
    rows.iter().map(|row| message(&mut Reader::new(row))).collect()
}

/// See [`crate::Store::excluded`].
pub(super) async fn excluded(
    store: &SqliteStore,
    campaign: CampaignId,
    after: Option<Seq>,
    limit: u32,
) -> Result<Vec<Excluded>> {
    let mut tx = store.snapshot().await?;
    let rows: Vec<ExcludedColumns> = sqlx::query_as(EXCLUDED_PAGE)
        .bind(campaign.0)
        .bind(after.map_or(-1, |seq| i64::from(seq.0)))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read excluded rows"))?;
    rows.into_iter().map(ExcludedColumns::shown).collect()
}

pub(super) const SENT_WITH: &str = "
    SELECT g.sender, g.waba_id, g.template, g.language
    FROM messages AS m
    JOIN send_groups AS g ON g.campaign_id = m.campaign_id AND g.number = m.group_no
    WHERE m.id = ?1";

pub(super) const SENT_WITH_BY_WAMID: &str = "
    SELECT g.sender, g.waba_id, g.template, g.language
    FROM messages AS m
    JOIN send_groups AS g ON g.campaign_id = m.campaign_id AND g.number = m.group_no
    WHERE m.wamid = ?1
    LIMIT 1";

/// See [`crate::Store::sent_with`].
pub(super) async fn sent_with(
    store: &SqliteStore,
    wamid: &str,
    key: Option<(MessageId, u32)>,
) -> Result<Option<SentWith>> {
    let query = match key.map(|(message, _)| row_id_of(message)) {
        Some(None) => return Ok(None),
        Some(Some(id)) => sqlx::query(SENT_WITH).bind(id),
        None => sqlx::query(SENT_WITH_BY_WAMID).bind(wamid),
    };
    let mut tx = store.snapshot().await?;
    let row = query.fetch_optional(&mut *tx).await.map_err(failed("read what a message was sent with"))?;
    row.map(|row| reading::sent_with(&mut Reader::new(&row))).transpose()
}
