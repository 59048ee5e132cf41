//! Reading campaigns with their counters, and moving them by their state machine.

use std::collections::{BTreeMap, HashMap};

use campaign::ids::CampaignId;
use campaign::lifecycle;
use campaign::message;
use campaign::money::Micros;
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteArguments;
use sqlx::{FromRow, Sqlite, SqliteConnection};

use super::codec::{amount, currency, failed, json, micros, named, number, optional_time, time};
use super::connection::SqliteStore;
use crate::model::{CampaignRow, FailureCount, GroupRow, TemplateKey, Totals};
use crate::{StoreError, TransitionError};

type Result<T, E = StoreError> = std::result::Result<T, E>;

macro_rules! campaigns_where {
    ($condition:literal) => {
        concat!(
            "SELECT id, key, state, reason, file, definition, plan_hash, currency, budget, spent, reserved, launched_at, \
             started_at, last_sent_at, finished_at, planned_total, excluded_total, messages_total, attempts, stop_waived \
             FROM campaigns WHERE ",
            $condition
        )
    };
}

pub(super) const BY_KEY: &str = campaigns_where!("key = ?1");
pub(super) const BY_ID: &str = campaigns_where!("id = ?1 AND key IS NOT NULL");
const ALL: &str = campaigns_where!("state <> 'loading' ORDER BY launched_at DESC, id DESC");
pub(super) const ACTIVE: &str = campaigns_where!(
    "state IN ('waiting', 'running', 'settling')
     OR (state = 'cancelled' AND EXISTS (
            SELECT 1 FROM campaign_counts AS n
            WHERE n.campaign_id = campaigns.id AND n.state IN ('queued', 'retrying') AND n.n > 0))
     ORDER BY id"
);

pub(super) const COUNTS: &str = "SELECT campaign_id, state, n FROM campaign_counts WHERE campaign_id IN (SELECT value FROM json_each(?1)) AND n <> 0";

pub(super) const FAILURES: &str = "
    SELECT campaign_id, code, n FROM failure_counts
    WHERE campaign_id IN (SELECT value FROM json_each(?1)) AND n <> 0
    ORDER BY n DESC, code";

pub(super) const GROUPS: &str = "
    SELECT g.campaign_id, g.number, g.sender, g.waba_id, g.template, g.language, g.variant, g.zone, g.planned,
           g.released,
           (SELECT MIN(s.not_before) FROM slices AS s
            WHERE s.campaign_id = g.campaign_id AND s.group_no = g.number AND s.state = 'deferred') AS not_before
    FROM send_groups AS g
    WHERE g.campaign_id IN (SELECT value FROM json_each(?1))
    ORDER BY g.campaign_id, g.number";

const MOVE: &str = "
    UPDATE campaigns
    SET state = ?3, reason = ?4, finished_at = ?5, stop_waived = stop_waived OR (state = 'stopped' AND ?3 = 'waiting')
    WHERE id = ?1 AND state = ?2";

#[derive(Debug, FromRow)]
struct Row {
    id: i64,
    key: String,
    state: String,
    reason: Option<String>,
    file: String,
    definition: String,
    plan_hash: String,
    currency: String,
    budget: Option<i64>,
    spent: i64,
    reserved: i64,
    launched_at: i64,
    started_at: Option<i64>,
    last_sent_at: Option<i64>,
    finished_at: Option<i64>,
    planned_total: i64,
    excluded_total: i64,
    messages_total: i64,
    attempts: i64,
    stop_waived: bool,
}

#[derive(Debug, FromRow)]
struct Group {
    campaign_id: i64,
    number: i64,
    sender: String,
    waba_id: String,
    template: String,
    language: String,
    variant: Option<String>,
    zone: String,
    planned: i64,
    released: i64,
    not_before: Option<i64>,
}

/// See [`crate::Store::campaign`].
pub(super) async fn by_key(store: &SqliteStore, key: &str) -> Result<Option<CampaignRow>> {
    Ok(load(store, sqlx::query_as(BY_KEY).bind(key.to_owned())).await?.pop())
}

/// See [`crate::Store::campaign_by_id`].
pub(super) async fn by_id(store: &SqliteStore, id: CampaignId) -> Result<Option<CampaignRow>> {
    Ok(load(store, sqlx::query_as(BY_ID).bind(id.0)).await?.pop())
}

/// See [`crate::Store::campaigns`].
pub(super) async fn all(store: &SqliteStore) -> Result<Vec<CampaignRow>> {
    load(store, sqlx::query_as(ALL)).await
}

/// See [`crate::Store::active_campaigns`].
pub(super) async fn active(store: &SqliteStore) -> Result<Vec<CampaignRow>> {
    load(store, sqlx::query_as(ACTIVE)).await
}

type Query<'q> = sqlx::query::QueryAs<'q, Sqlite, Row, SqliteArguments>;

/// Campaigns and all that belongs to them, as of one moment.
async fn load(store: &SqliteStore, query: Query<'_>) -> Result<Vec<CampaignRow>> {
    let mut tx = store.snapshot().await?;
    let read = failed("read campaigns");
    let rows = query.fetch_all(&mut *tx).await.map_err(&read)?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<i64> = rows.iter().map(|row| row.id).collect();
    let ids = json(&ids)?;
    let counts: Vec<(i64, String, i64)> =
        sqlx::query_as(COUNTS).bind(&ids).fetch_all(&mut *tx).await.map_err(&read)?;
    let failures: Vec<(i64, String, i64)> =
        sqlx::query_as(FAILURES).bind(&ids).fetch_all(&mut *tx).await.map_err(&read)?;
    let groups: Vec<Group> = sqlx::query_as(GROUPS).bind(&ids).fetch_all(&mut *tx).await.map_err(&read)?;
    drop(tx);

    let mut parts: HashMap<i64, Parts> = HashMap::new();
    for (campaign, state, n) in counts {
        let part = parts.entry(campaign).or_default();
        part.counts.insert(named("campaign_counts.state", &state)?, number("campaign_counts.n", n)?);
    }
    for (campaign, code, n) in failures {
        let code = if code.is_empty() { None } else { Some(named("failure_counts.code", &code)?) };
        let messages = number("failure_counts.n", n)?;
        parts.entry(campaign).or_default().failures.push(FailureCount { code, messages });
    }
    for row in groups {
        parts.entry(row.campaign_id).or_default().groups.push(group(row)?);
    }
    rows.into_iter().map(|row| assemble(store, parts.remove(&row.id).unwrap_or_default(), row)).collect()
}

#[derive(Debug, Default)]
struct Parts {
    counts: BTreeMap<message::State, u64>,
    failures: Vec<FailureCount>,
    groups: Vec<GroupRow>,
}

fn assemble(store: &SqliteStore, parts: Parts, row: Row) -> Result<CampaignRow> {
    Ok(CampaignRow {
        id: CampaignId(row.id),
        key: row.key,
        state: named("campaigns.state", &row.state)?,
        reason: row.reason,
        file: row.file,
        definition: store.definition(row.id, &row.definition)?,
        plan_hash: row.plan_hash,
        currency: currency("campaigns.currency", &row.currency)?,
        budget: amount(row.budget),
        spent: Micros(row.spent),
        reserved: Micros(row.reserved),
        launched_at: time("campaigns.launched_at", row.launched_at)?,
        started_at: optional_time("campaigns.started_at", row.started_at)?,
        last_sent_at: optional_time("campaigns.last_sent_at", row.last_sent_at)?,
        finished_at: optional_time("campaigns.finished_at", row.finished_at)?,
        totals: Totals {
            planned: number("campaigns.planned_total", row.planned_total)?,
            excluded: number("campaigns.excluded_total", row.excluded_total)?,
            messages: number("campaigns.messages_total", row.messages_total)?,
        },
        counts: parts.counts,
        attempts: number("campaigns.attempts", row.attempts)?,
        stop_waived: row.stop_waived,
        failures: parts.failures,
        groups: parts.groups,
    })
}

fn group(row: Group) -> Result<GroupRow> {
    Ok(GroupRow {
        number: number("send_groups.number", row.number)?,
        sender: row.sender,
        template: TemplateKey { waba_id: row.waba_id, name: row.template, language: row.language },
        variant: row.variant,
        zone: row.zone,
        planned: number("send_groups.planned", row.planned)?,
        released: number("send_groups.released", row.released)?,
        not_before: optional_time("slices.not_before", row.not_before)?,
    })
}

/// See [`crate::Store::transition`].
pub(super) async fn transition(
    store: &SqliteStore,
    campaign: CampaignId,
    event: lifecycle::Event,
    reason: Option<&str>,
    now: DateTime<Utc>,
) -> Result<lifecycle::State, TransitionError> {
    let mut tx = store.change().await?;
    let (from, kept_reason, finished_at) =
        state(&mut tx, campaign).await?.ok_or(TransitionError::NoSuchCampaign)?;
    let to = lifecycle::next(from, event)?;
    // What holds already keeps its reason, unless there is a newer one.
    let reason =
        if to == from { reason.map(str::to_owned).or(kept_reason) } else { reason.map(str::to_owned) };
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
    tx.commit().await.map_err(failed("commit a campaign's state"))?;
    Ok(to)
}

async fn state(
    tx: &mut SqliteConnection,
    campaign: CampaignId,
) -> Result<Option<(lifecycle::State, Option<String>, Option<i64>)>> {
    let row: Option<(String, Option<String>, Option<i64>)> =
        sqlx::query_as("SELECT state, reason, finished_at FROM campaigns WHERE id = ?1 AND key IS NOT NULL")
            .bind(campaign.0)
            .fetch_optional(tx)
            .await
            .map_err(failed("read a campaign's state"))?;
    row.map(|(state, reason, finished_at)| Ok((named("campaigns.state", &state)?, reason, finished_at)))
        .transpose()
}

/// See [`crate::Store::set_reason`].
pub(super) async fn set_reason(
    store: &SqliteStore,
    campaign: CampaignId,
    reason: Option<&str>,
) -> Result<()> {
    let mut tx = store.change().await?;
    sqlx::query("UPDATE campaigns SET reason = ?2 WHERE id = ?1")
        .bind(campaign.0)
        .bind(reason)
        .execute(&mut *tx)
        .await
        .map_err(failed("write a campaign's reason"))?;
    tx.commit().await.map_err(failed("commit a campaign's reason"))
}

/// See [`crate::Store::install_id`].
pub(super) async fn install_id(store: &SqliteStore) -> Result<String> {
    let mut tx = store.snapshot().await?;
    sqlx::query_scalar("SELECT value FROM meta WHERE name = 'install_id'")
        .fetch_one(&mut *tx)
        .await
        .map_err(failed("read its own name"))
}
