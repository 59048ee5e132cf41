//! Follow-ups of a campaign, and the failed messages that one is made of.

use campaign::ids::{CampaignId, Seq};

use super::campaigns;
use super::connection::PostgresStore;
use crate::StoreError;
use crate::codec::{failed, row_id, row_ids};
use crate::columns::Reader;
use crate::follow_up::FailedMessage;
use crate::model::Listing;
use crate::reading::follow_ups as reading;
use crate::reading::follow_ups::{failed_columns, run_columns};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) const FAILED: &str = concat!(
    "SELECT ",
    failed_columns!(),
    " FROM messages AS m
      WHERE m.id > $1 AND m.id <= $2 AND m.state = 'failed'
      ORDER BY m.id
      LIMIT $3"
);

/// What became of messages with these numbers in the campaign's follow-ups.
pub(super) const RUNS: &str = concat!(
    "SELECT m.id, ",
    run_columns!(),
    " FROM campaigns AS k
      CROSS JOIN unnest($2::bigint[]) AS j (seq)
      JOIN messages AS m ON m.id = (k.id << 32) + j.seq
      WHERE k.follow_up_of = $1 AND k.key IS NOT NULL AND k.state <> 'loading'
      ORDER BY m.id"
);

/// See [`crate::Store::follow_ups`].
pub(super) async fn all(store: &PostgresStore, campaign: CampaignId) -> Result<Listing> {
    campaigns::following(store, campaign).await
}

/// See [`crate::Store::failed_messages`].
pub(super) async fn failed_messages(
    store: &PostgresStore,
    campaign: CampaignId,
    after: Option<Seq>,
    limit: u32,
) -> Result<Vec<FailedMessage>> {
    let (first, last) = row_ids(campaign);
    let reading_failed = failed("read failed messages");
    let mut tx = store.snapshot().await?;
    let rows = sqlx::query(FAILED)
        .bind(after.map_or(first - 1, |seq| row_id(campaign, seq)))
        .bind(last)
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(&reading_failed)?;
    let all = rows.iter().map(|row| reading::failed(&mut Reader::new(row))).collect::<Result<Vec<_>>>()?;
    let seqs: Vec<i64> = all.iter().map(|message| i64::from(message.seq.0)).collect();
    let rows =
        sqlx::query(RUNS).bind(campaign.0).bind(seqs).fetch_all(&mut *tx).await.map_err(reading_failed)?;
    tx.end().await;
    let runs = rows.iter().map(|row| reading::numbered(&mut Reader::new(row))).collect::<Result<_>>()?;
    Ok(reading::with_follow_ups(all, runs))
}
