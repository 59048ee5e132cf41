//! What the platform counted itself, as it was last asked.

use campaign::ids::CampaignId;
use chrono::{DateTime, Utc};

use super::connection::PostgresStore;
use crate::StoreError;
use crate::codec::{failed, from_json, json, micros, time};
use crate::model::Analytics;

type Result<T> = std::result::Result<T, StoreError>;

const KEEP: &str = "
    INSERT INTO analytics (campaign_id, counted, pulled_at) VALUES ($1, $2, $3)
    ON CONFLICT (campaign_id) DO UPDATE SET counted = excluded.counted, pulled_at = excluded.pulled_at";

/// See [`crate::Store::keep_analytics`].
pub(super) async fn keep(
    store: &PostgresStore,
    campaign: CampaignId,
    analytics: &Analytics,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut tx = store.change().await?;
    sqlx::query(KEEP)
        .bind(campaign.0)
        .bind(json(analytics)?)
        .bind(micros(now))
        .execute(&mut *tx)
        .await
        .map_err(failed("keep what the platform counted"))?;
    tx.commit("commit what the platform counted").await
}

/// See [`crate::Store::analytics`].
pub(super) async fn read(
    store: &PostgresStore,
    campaign: CampaignId,
) -> Result<Option<(Analytics, DateTime<Utc>)>> {
    let mut tx = store.snapshot().await?;
    let row: Option<(String, i64)> =
        sqlx::query_as("SELECT counted, pulled_at FROM analytics WHERE campaign_id = $1")
            .bind(campaign.0)
            .fetch_optional(&mut *tx)
            .await
            .map_err(failed("read what the platform counted"))?;
    tx.end().await;
    row.map(|(text, at)| Ok((from_json("analytics.counted", &text)?, time("analytics.pulled_at", at)?)))
        .transpose()
}
