//! Reading campaigns with their counters, locking them, and moving them by their state machine.

use campaign::ids::CampaignId;
use campaign::lifecycle;
use chrono::{DateTime, Utc};
use sqlx::postgres::PgArguments;
use sqlx::{PgConnection, Postgres};

use super::connection::PostgresStore;
use super::text::clean;
use crate::codec::{failed, is_number, micros, named};
use crate::model::{CampaignRow, Listing};
use crate::reading::campaigns::{CampaignColumns, Loaded, assemble};
use crate::{StoreError, TransitionError};

type Result<T, E = StoreError> = std::result::Result<T, E>;

macro_rules! campaigns_where {
    ($condition:literal) => {
        concat!(
            "SELECT id, key, state, reason, file, definition, plan_hash, currency, budget, spent, reserved, launched_at, \
             started_at, last_sent_at, finished_at, planned_total, excluded_total, messages_total, attempts, stop_waived, follow_up_of \
             FROM campaigns WHERE ",
            $condition
        )
    };
}

/// Only ever forwards: a launch may take a number at the same time.
const SKIP_NUMBERS: &str = "
    SELECT setval(numbers, $1)
    FROM (SELECT pg_get_serial_sequence('campaigns', 'id')::regclass AS numbers) AS n
    WHERE nextval(numbers) < $1";

pub(super) const BY_KEY: &str = campaigns_where!("key = $1");
pub(super) const BY_ID: &str = campaigns_where!("id = $1 AND key IS NOT NULL");
const ALL: &str = campaigns_where!("state <> 'loading' ORDER BY launched_at DESC, id DESC");
const FOLLOWING: &str =
    campaigns_where!("follow_up_of = $1 AND key IS NOT NULL AND state <> 'loading' ORDER BY id");
pub(super) const ACTIVE: &str = campaigns_where!(
    "state IN ('waiting', 'running', 'settling')
     OR (state = 'cancelled' AND EXISTS (
            SELECT 1 FROM campaign_counts AS n
            WHERE n.campaign_id = campaigns.id AND n.state IN ('queued', 'retrying') AND n.n > 0))
     ORDER BY id"
);

pub(super) const COUNTS: &str =
    "SELECT campaign_id, state, n FROM campaign_counts WHERE campaign_id = ANY($1) AND n <> 0";

pub(super) const FAILURES: &str = "
    SELECT campaign_id, code, n FROM failure_counts WHERE campaign_id = ANY($1) AND n <> 0
    ORDER BY n DESC, code";

pub(super) const GROUPS: &str = "
    SELECT g.campaign_id, g.number, g.sender, g.portfolio, g.waba_id, g.template, g.language, g.variant, g.zone, g.planned,
           g.released,
           (SELECT min(s.not_before) FROM slices AS s
            WHERE s.campaign_id = g.campaign_id AND s.group_no = g.number AND s.state = 'deferred') AS not_before,
           (SELECT coalesce(sum(s.messages), 0)::bigint FROM slices AS s
            WHERE s.campaign_id = g.campaign_id AND s.group_no = g.number AND s.state = 'planned' AND s.turn = 0) AS retries
    FROM send_groups AS g
    WHERE g.campaign_id = ANY($1)
    ORDER BY g.campaign_id, g.number";

/// Sorted before they are locked: writers of several campaigns never wait in a circle.
const LOCK: &str = "SELECT id FROM campaigns WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE";

const MOVE: &str = "
    UPDATE campaigns
    SET state = $3, reason = $4, finished_at = $5, stop_waived = stop_waived OR (state = 'stopped' AND $3 = 'waiting')
    WHERE id = $1 AND state = $2";

/// Makes the campaigns this transaction's until it ends. What is read from then on, statement by statement, is what
/// the one before it left.
pub(super) async fn lock(tx: &mut PgConnection, campaigns: &[i64]) -> Result<()> {
    if !campaigns.is_empty() {
        let locking = failed("lock campaigns");
        sqlx::query(LOCK).bind(campaigns).execute(tx).await.map_err(locking)?;
    }
    Ok(())
}

/// See [`crate::Store::campaign`].
pub(super) async fn by_key(store: &PostgresStore, key: &str) -> Result<Option<CampaignRow>> {
    load(store, sqlx::query_as(BY_KEY).bind(key.to_owned())).await?.one()
}

/// See [`crate::Store::campaign_by_id`].
pub(super) async fn by_id(store: &PostgresStore, id: CampaignId) -> Result<Option<CampaignRow>> {
    load(store, sqlx::query_as(BY_ID).bind(id.0)).await?.one()
}

/// See [`crate::Store::skip_campaign_numbers`].
pub(super) async fn skip_numbers(store: &PostgresStore, last: CampaignId) -> Result<()> {
    if !is_number(last) {
        return Ok(());
    }
    let mut tx = store.change().await?;
    sqlx::query(SKIP_NUMBERS)
        .bind(last.0)
        .execute(&mut *tx)
        .await
        .map_err(failed("skip numbers of campaigns"))?;
    tx.commit("commit skipping numbers of campaigns").await
}

/// See [`crate::Store::campaigns`].
pub(super) async fn all(store: &PostgresStore) -> Result<Listing> {
    load(store, sqlx::query_as(ALL)).await
}

/// See [`crate::Store::follow_ups`].
pub(super) async fn following(store: &PostgresStore, campaign: CampaignId) -> Result<Listing> {
    load(store, sqlx::query_as(FOLLOWING).bind(campaign.0)).await
}

/// See [`crate::Store::active_campaigns`].
pub(super) async fn active(store: &PostgresStore) -> Result<Listing> {
    load(store, sqlx::query_as(ACTIVE)).await
}

type Query<'q> = sqlx::query::QueryAs<'q, Postgres, CampaignColumns, PgArguments>;

/// Campaigns and all that belongs to them, as of one moment.
async fn load(store: &PostgresStore, query: Query<'_>) -> Result<Listing> {
    let mut tx = store.snapshot().await?;
    let read = failed("read campaigns");
    let campaigns = query.fetch_all(&mut *tx).await.map_err(&read)?;
    let ids: Vec<i64> = campaigns.iter().map(|row| row.id).collect();
    let mut loaded = Loaded { campaigns, ..Loaded::default() };
    if !ids.is_empty() {
        loaded.counts = sqlx::query_as(COUNTS).bind(&ids).fetch_all(&mut *tx).await.map_err(&read)?;
        loaded.failures = sqlx::query_as(FAILURES).bind(&ids).fetch_all(&mut *tx).await.map_err(&read)?;
        loaded.groups = sqlx::query_as(GROUPS).bind(&ids).fetch_all(&mut *tx).await.map_err(&read)?;
    }
    tx.end().await;
    Ok(assemble(loaded, store.definitions()))
}

/// Whether something of the campaign may still leave, by its counters.
pub(super) const HAS_UNSENT: &str = "
    SELECT EXISTS (SELECT 1 FROM campaign_counts
                   WHERE campaign_id = $1 AND state IN ('queued', 'retrying', 'sending') AND n > 0)";

/// See [`crate::Store::transition`].
pub(super) async fn transition(
    store: &PostgresStore,
    campaign: CampaignId,
    event: lifecycle::Event,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<lifecycle::State, TransitionError> {
    let mut tx = store.change().await?;
    lock(&mut tx, &[campaign.0]).await?;
    let (from, kept_reason, finished_at) =
        state(&mut tx, campaign).await?.ok_or(TransitionError::NoSuchCampaign)?;
    let to = match lifecycle::next(from, event) {
        Ok(to) => to,
        Err(forbidden) => {
            tx.end().await;
            return Err(forbidden.into());
        }
    };
    if to == lifecycle::State::Done && to != from && has_unsent(&mut tx, campaign).await? {
        tx.end().await;
        return Err(lifecycle::Forbidden { from, event }.into());
    }
    let told = reason.map(|reason| clean(reason).into_owned());
    // What holds already keeps its reason, unless there is a newer one.
    let reason = if to == from { told.or(kept_reason) } else { told };
    let finished_at = if to.is_over() { finished_at.or(Some(micros(now))) } else { None };
    let done = sqlx::query(MOVE)
        .bind(campaign.0)
        .bind(from.name())
        .bind(to.name())
        .bind(reason)
        .bind(finished_at)
        .execute(&mut *tx)
        .await
        .map_err(failed("move a campaign"))?;
    if done.rows_affected() != 1 {
        return Err(TransitionError::NoSuchCampaign);
    }
    tx.commit("commit a campaign's state").await?;
    Ok(to)
}

async fn has_unsent(tx: &mut PgConnection, campaign: CampaignId) -> Result<bool> {
    sqlx::query_scalar(HAS_UNSENT)
        .bind(campaign.0)
        .fetch_one(tx)
        .await
        .map_err(failed("look for unsent messages"))
}

async fn state(
    tx: &mut PgConnection,
    campaign: CampaignId,
) -> Result<Option<(lifecycle::State, Option<String>, Option<i64>)>> {
    let row: Option<(String, Option<String>, Option<i64>)> =
        sqlx::query_as("SELECT state, reason, finished_at FROM campaigns WHERE id = $1 AND key IS NOT NULL")
            .bind(campaign.0)
            .fetch_optional(tx)
            .await
            .map_err(failed("read a campaign's state"))?;
    row.map(|(state, reason, finished_at)| Ok((named("campaigns.state", &state)?, reason, finished_at)))
        .transpose()
}

/// See [`crate::Store::set_reason`].
pub(super) async fn set_reason(
    store: &PostgresStore,
    campaign: CampaignId,
    state: lifecycle::State,
    reason: Option<&str>,
) -> Result<()> {
    let mut tx = store.change().await?;
    sqlx::query("UPDATE campaigns SET reason = $3 WHERE id = $1 AND state = $2")
        .bind(campaign.0)
        .bind(state.name())
        .bind(reason.map(clean))
        .execute(&mut *tx)
        .await
        .map_err(failed("write a campaign's reason"))?;
    tx.commit("commit a campaign's reason").await
}

/// See [`crate::Store::install_id`].
pub(super) async fn install_id(store: &PostgresStore) -> Result<String> {
    let mut tx = store.snapshot().await?;
    let name = sqlx::query_scalar("SELECT value FROM meta WHERE name = 'install_id'")
        .fetch_one(&mut *tx)
        .await
        .map_err(failed("read its own name"))?;
    tx.end().await;
    Ok(name)
}
