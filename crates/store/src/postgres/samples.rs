//! How far campaigns were over time, for charts.

use std::time::Duration;

use campaign::ids::CampaignId;
use chrono::{DateTime, TimeDelta, Utc};

use super::connection::PostgresStore;
use crate::StoreError;
use crate::codec::{failed, micros, span_micros};
use crate::model::Sample;
use crate::reading::samples::{SampleColumns, thinned};

type Result<T> = std::result::Result<T, StoreError>;

/// Of campaigns that send or were over less than a day ago, where something is other than at the last sample, and that is
/// old enough.
pub(super) const NOTE: &str = "
    INSERT INTO campaign_samples (campaign_id, sampled_at, handled, delivered, read, failed, spent)
    SELECT f.id, $1, f.handled, f.delivered, f.read, f.failed, f.spent
    FROM (SELECT c.id, c.spent,
                 c.messages_total - sum(CASE WHEN n.state IN ('queued', 'retrying', 'sending') THEN n.n ELSE 0 END)::bigint AS handled,
                 sum(CASE WHEN n.state IN ('delivered', 'read') THEN n.n ELSE 0 END)::bigint AS delivered,
                 sum(CASE WHEN n.state = 'read' THEN n.n ELSE 0 END)::bigint AS read,
                 sum(CASE WHEN n.state = 'failed' THEN n.n ELSE 0 END)::bigint AS failed
          FROM campaigns AS c JOIN campaign_counts AS n ON n.campaign_id = c.id
          WHERE c.key IS NOT NULL AND c.state <> 'loading' AND c.started_at IS NOT NULL
            AND (c.finished_at IS NULL OR c.finished_at > $3)
          GROUP BY c.id) AS f
    LEFT JOIN campaign_samples AS l ON l.campaign_id = f.id
         AND l.sampled_at = (SELECT max(s.sampled_at) FROM campaign_samples AS s WHERE s.campaign_id = f.id)
    WHERE l.sampled_at IS NULL
       OR (l.sampled_at <= $2
           AND (l.handled, l.delivered, l.read, l.failed, l.spent)
               IS DISTINCT FROM (f.handled, f.delivered, f.read, f.failed, f.spent))
    ON CONFLICT (campaign_id, sampled_at) DO NOTHING";

/// The last one is always among them.
pub(super) const READ: &str = "
    SELECT sampled_at, handled, delivered, read, failed, spent FROM campaign_samples
    WHERE campaign_id = $1 ORDER BY sampled_at";

/// See [`crate::Store::note_progress`].
pub(super) async fn note(store: &PostgresStore, every: Duration, now: DateTime<Utc>) -> Result<u64> {
    let mut tx = store.change().await?;
    let done = sqlx::query(NOTE)
        .bind(micros(now))
        .bind(micros(now).saturating_sub(span_micros(every)))
        .bind(micros(now - TimeDelta::days(1)))
        .execute(&mut *tx)
        .await
        .map_err(failed("note how far campaigns are"))?;
    tx.commit("commit how far campaigns are").await?;
    Ok(done.rows_affected())
}

/// See [`crate::Store::progress`].
pub(super) async fn read(store: &PostgresStore, campaign: CampaignId, most: usize) -> Result<Vec<Sample>> {
    let mut tx = store.snapshot().await?;
    let rows: Vec<SampleColumns> = sqlx::query_as(READ)
        .bind(campaign.0)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read how far a campaign was"))?;
    tx.end().await;
    thinned(rows, most)
}
