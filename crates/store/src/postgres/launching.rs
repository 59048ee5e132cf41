//! Writing a campaign's rows: begun, added to in chunks, ended or given up.

use std::time::Duration;

use campaign::ids::CampaignId;
use campaign::lifecycle;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::campaigns::lock;
use super::connection::PostgresStore;
use super::giving_up::give_up;
use super::series;
use super::text::clean;
use super::transition::column;
use crate::codec::{count, failed, json, micros, named, row_id, row_ids, span_micros};
use crate::model::{Chunk, Excluded, NewCampaign, NewGroup, NewMessage, NewSlice, Totals};
use crate::moving::launching::{
    Stored, demand_loading, demand_nobody_purged, ended, in_doubt_name, is_dead, stands_twice,
};
use crate::{LaunchError, StoreError};

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Locked, so that of two that find the same dead launch one replaces it.
pub(super) const FIND_KEY: &str = "SELECT id, state, touched_at FROM campaigns WHERE key = $1 FOR UPDATE";

const INSERT_CAMPAIGN: &str = "
    INSERT INTO campaigns (key, state, file, definition, plan_hash, currency, ttl_s, ends_at, in_doubt,
                           in_doubt_after, budget, launched_at, touched_at, retry_attempts, retry_base, retry_max,
                           cap_max, cap_per, follow_up_of)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14, $15, $16, $17, $18)
    RETURNING id";

const TOUCH: &str = "
    UPDATE campaigns SET touched_at = greatest(touched_at, $2), next_slice = greatest(next_slice, $3)
    WHERE id = $1 AND state = 'loading' AND key IS NOT NULL";

const INSERT_GROUPS: &str = "
    INSERT INTO send_groups (campaign_id, number, sender, portfolio, waba_id, template, language, variant, zone)
    SELECT $1::bigint, * FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[],
                                     $9::text[])
    ON CONFLICT (campaign_id, number) DO NOTHING";

const INSERT_SLICES: &str = "
    INSERT INTO slices AS s (campaign_id, number, group_no, messages)
    SELECT $1::bigint, number, min(group_no), sum(messages)::bigint
    FROM unnest($2::bigint[], $3::bigint[], $4::bigint[]) AS u (number, group_no, messages)
    GROUP BY number
    ON CONFLICT (campaign_id, number) DO UPDATE SET messages = s.messages + excluded.messages";

const INSERT_EXCLUDED: &str = "
    INSERT INTO excluded (campaign_id, seq, line, recipient, reason, detail)
    SELECT $1::bigint, * FROM unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[])";

const INSERT_MESSAGES: &str = "
    INSERT INTO messages (campaign_id, id, slice_no, group_no, recipient, country, content, multiplier, worst_case,
                          expected_cost)
    SELECT $1::bigint, * FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::text[], $6::text[], $7::text[],
                                     $8::text[], $9::bigint[], $10::bigint[])";

const COUNT_QUEUED: &str = "
    INSERT INTO campaign_counts AS k (campaign_id, state, n) VALUES ($1, 'queued', $2)
    ON CONFLICT (campaign_id, state) DO UPDATE SET n = k.n + excluded.n";

const FINISH: &str = "
    UPDATE campaigns SET state = $2, launched_at = $3, planned_total = $4, excluded_total = $5, messages_total = $6
    WHERE id = $1 AND state = 'loading' AND key IS NOT NULL";

/// Slices whose own count of messages is not that of their rows, and messages whose slice is missing.
const UNEVEN_SLICES: &str = "
    SELECT count(*)
    FROM (SELECT slice_no, count(*) AS n FROM messages
          WHERE campaign_id = $1 AND state IN ('queued', 'retrying') GROUP BY slice_no) AS m
    FULL JOIN (SELECT number, messages FROM slices WHERE campaign_id = $1) AS s ON s.number = m.slice_no
    WHERE coalesce(m.n, 0) <> coalesce(s.messages, 0)";

/// Messages of a follow-up whose recipients were purged from its campaign after they were read.
pub(super) const PURGED_MEANWHILE: &str = "
    SELECT count(*)
    FROM messages AS m
    JOIN messages AS o ON o.id = ($3::bigint << 32) + (m.id & 4294967295)
    WHERE m.id BETWEEN $1 AND $2 AND o.recipient LIKE 'purged-%'";

/// After so many new rows the planner should know of them before it is asked for the first slice. Someone else who
/// does the same is not waited for.
const ANALYZE: &str = "ANALYZE (SKIP_LOCKED) messages, slices, send_groups, campaigns, excluded";

/// See [`crate::Store::begin_launch`].
pub(super) async fn begin(
    store: &PostgresStore,
    new: &NewCampaign,
    abandoned_after: Duration,
    now: DateTime<Utc>,
) -> Result<(CampaignId, Option<CampaignId>), LaunchError> {
    let mut tx = store.change().await?;
    sqlx::query(series::LOCK).execute(&mut *tx).await.map_err(failed("begin a launch"))?;
    if let Some(state) = series::state(&mut tx, &new.key).await? {
        tx.end().await;
        return Err(LaunchError::KeyRecurs { key: new.key.clone(), state });
    }
    let found: Option<(i64, String, i64)> = sqlx::query_as(FIND_KEY)
        .bind(&new.key)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed("look for the campaign's key"))?;
    let mut dead = None;
    if let Some((id, state, touched_at)) = found {
        let state: lifecycle::State = named("campaigns.state", &state)?;
        if !is_dead(state, touched_at, abandoned_after, now) {
            tx.end().await;
            return Err(LaunchError::KeyTaken { key: new.key.clone(), state });
        }
        give_up(&mut tx, CampaignId(id)).await?;
        dead = Some(CampaignId(id));
    }
    let id = insert(&mut tx, new, now).await?;
    tx.commit("commit a new campaign").await?;
    if let Some(dead) = dead {
        tracing::info!(key = new.key, campaign = dead.0, "a launch that had died was replaced");
    }
    Ok((id, dead))
}

async fn insert(tx: &mut PgConnection, new: &NewCampaign, now: DateTime<Utc>) -> Result<CampaignId> {
    let definition = &new.definition;
    let id = sqlx::query_scalar(INSERT_CAMPAIGN)
        .bind(&new.key)
        .bind(lifecycle::State::Loading.name())
        .bind(clean(&new.file))
        .bind(json(definition.as_ref())?)
        .bind(&new.plan_hash)
        .bind(new.currency.code())
        .bind(i64::from(new.ttl_s))
        .bind(definition.schedule.end.map(|end| end.timestamp_micros()))
        .bind(in_doubt_name(definition.in_doubt))
        .bind(span_micros(definition.in_doubt_after))
        .bind(new.budget.map(|b| b.0))
        .bind(micros(now))
        .bind(i64::from(definition.retry.attempts))
        .bind(span_micros(definition.retry.base))
        .bind(span_micros(definition.retry.max))
        .bind(definition.limits.per_recipient.map(|cap| i64::from(cap.max)))
        .bind(definition.limits.per_recipient.map(|cap| span_micros(cap.per)))
        .bind(new.follow_up_of.map(|campaign| campaign.0))
        .fetch_one(tx)
        .await
        .map_err(failed("make a campaign"))?;
    Ok(CampaignId(id))
}

/// See [`crate::Store::add_chunk`]. Not to be repeated after [`StoreError::Uncertain`]: rows that are there already
/// are refused, and slices without rows of their own would count twice.
pub(super) async fn add(
    store: &PostgresStore,
    campaign: CampaignId,
    chunk: &Chunk,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut tx = store.change().await?;
    let next_slice = chunk.slices.iter().map(|s| i64::from(s.number) + 1).max().unwrap_or(0);
    let touched = sqlx::query(TOUCH)
        .bind(campaign.0)
        .bind(micros(now))
        .bind(next_slice)
        .execute(&mut *tx)
        .await
        .map_err(failed("add to a campaign"))?;
    demand_loading(campaign, touched.rows_affected())?;
    add_groups(&mut tx, campaign, &chunk.groups).await?;
    add_slices(&mut tx, campaign, &chunk.slices).await?;
    add_excluded(&mut tx, campaign, &chunk.excluded).await?;
    add_messages(&mut tx, campaign, &chunk.messages).await?;
    let counting = failed("count the new messages");
    let queued = count(chunk.messages.len());
    sqlx::query(COUNT_QUEUED).bind(campaign.0).bind(queued).execute(&mut *tx).await.map_err(counting)?;
    tx.commit("commit rows of a launch").await
}

async fn add_groups(tx: &mut PgConnection, campaign: CampaignId, groups: &[NewGroup]) -> Result<()> {
    if groups.is_empty() {
        return Ok(());
    }
    sqlx::query(INSERT_GROUPS)
        .bind(campaign.0)
        .bind(column(groups, |g| i64::from(g.number)))
        .bind(column(groups, |g| g.sender.as_str()))
        .bind(column(groups, |g| g.portfolio.as_str()))
        .bind(column(groups, |g| g.template.waba_id.as_str()))
        .bind(column(groups, |g| g.template.name.as_str()))
        .bind(column(groups, |g| g.template.language.as_str()))
        .bind(column(groups, |g| g.variant.as_deref()))
        .bind(column(groups, |g| g.zone.as_str()))
        .execute(tx)
        .await
        .map_err(failed("add groups"))?;
    Ok(())
}

async fn add_slices(tx: &mut PgConnection, campaign: CampaignId, slices: &[NewSlice]) -> Result<()> {
    if slices.is_empty() {
        return Ok(());
    }
    sqlx::query(INSERT_SLICES)
        .bind(campaign.0)
        .bind(column(slices, |s| i64::from(s.number)))
        .bind(column(slices, |s| i64::from(s.group)))
        .bind(column(slices, |s| i64::from(s.messages)))
        .execute(tx)
        .await
        .map_err(failed("add slices"))?;
    Ok(())
}

async fn add_excluded(tx: &mut PgConnection, campaign: CampaignId, excluded: &[Excluded]) -> Result<()> {
    if excluded.is_empty() {
        return Ok(());
    }
    let line = |e: &Excluded| {
        i64::try_from(e.line).map_err(|_| StoreError::Inconsistent(format!("there is no line {}", e.line)))
    };
    sqlx::query(INSERT_EXCLUDED)
        .bind(campaign.0)
        .bind(column(excluded, |e| i64::from(e.seq.0)))
        .bind(excluded.iter().map(line).collect::<Result<Vec<_>>>()?)
        .bind(column(excluded, |e| clean(&e.recipient)))
        .bind(column(excluded, |e| clean(&e.reason)))
        .bind(column(excluded, |e| clean(&e.detail)))
        .execute(tx)
        .await
        .map_err(failed("add excluded rows"))?;
    Ok(())
}

async fn add_messages(tx: &mut PgConnection, campaign: CampaignId, messages: &[NewMessage]) -> Result<()> {
    if messages.is_empty() {
        return Ok(());
    }
    let content = messages.iter().map(|m| json(&m.content)).collect::<Result<Vec<_>>>()?;
    let added = sqlx::query(INSERT_MESSAGES)
        .bind(campaign.0)
        .bind(column(messages, |m| row_id(campaign, m.seq)))
        .bind(column(messages, |m| i64::from(m.slice)))
        .bind(column(messages, |m| i64::from(m.group)))
        .bind(column(messages, |m| clean(&m.recipient)))
        .bind(column(messages, |m| m.country.as_str()))
        .bind(content)
        .bind(column(messages, |m| m.multiplier.map(|m| m.to_string())))
        .bind(column(messages, |m| m.worst_case.0))
        .bind(column(messages, |m| m.expected_cost.0))
        .execute(tx)
        .await;
    match added {
        Ok(_) => Ok(()),
        Err(error) if error.as_database_error().is_some_and(|e| e.is_unique_violation()) => {
            Err(stands_twice(campaign, messages))
        }
        Err(error) => Err(failed("add messages")(error)),
    }
}

/// See [`crate::Store::set_plan_hash`].
pub(super) async fn set_plan_hash(store: &PostgresStore, campaign: CampaignId, hash: &str) -> Result<()> {
    let mut tx = store.change().await?;
    let done = sqlx::query("UPDATE campaigns SET plan_hash = $2 WHERE id = $1 AND state = 'loading'")
        .bind(campaign.0)
        .bind(hash)
        .execute(&mut *tx)
        .await
        .map_err(failed("keep a plan's hash"))?;
    demand_loading(campaign, done.rows_affected())?;
    tx.commit("commit a plan's hash").await
}

/// See [`crate::Store::finish_launch`]. Repeated after it had succeeded, it says that the campaign is no longer being
/// launched.
pub(super) async fn finish(
    store: &PostgresStore,
    campaign: CampaignId,
    totals: Totals,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut tx = store.change().await?;
    tx.take_time().await?;
    let read = failed("count the rows of a launch");
    let of: Option<i64> =
        sqlx::query_scalar("SELECT follow_up_of FROM campaigns WHERE id = $1 AND follow_up_of IS NOT NULL")
            .bind(campaign.0)
            .fetch_optional(&mut *tx)
            .await
            .map_err(&read)?;
    let (first, last) = row_ids(campaign);
    let messages: i64 = sqlx::query_scalar("SELECT count(*) FROM messages WHERE id BETWEEN $1 AND $2")
        .bind(first)
        .bind(last)
        .fetch_one(&mut *tx)
        .await
        .map_err(&read)?;
    let excluded: i64 = sqlx::query_scalar("SELECT count(*) FROM excluded WHERE campaign_id = $1")
        .bind(campaign.0)
        .fetch_one(&mut *tx)
        .await
        .map_err(&read)?;
    let uneven_slices: i64 =
        sqlx::query_scalar(UNEVEN_SLICES).bind(campaign.0).fetch_one(&mut *tx).await.map_err(&read)?;
    let state = ended(campaign, Stored { messages, excluded, uneven_slices }, totals)?;
    // Not before all was counted, as others wait for these. Whoever purges makes the campaign its own: either is done before
    // the other looks.
    let both: Vec<i64> = of.into_iter().chain([campaign.0]).collect();
    lock(&mut tx, &both).await?;
    if let Some(of) = of {
        let purged = sqlx::query_scalar(PURGED_MEANWHILE).bind(first).bind(last).bind(of);
        demand_nobody_purged(purged.fetch_one(&mut *tx).await.map_err(&read)?)?;
    }
    let done = sqlx::query(FINISH)
        .bind(campaign.0)
        .bind(state.name())
        .bind(micros(now))
        .bind(messages + excluded)
        .bind(excluded)
        .bind(messages)
        .execute(&mut *tx)
        .await
        .map_err(failed("end a launch"))?;
    demand_loading(campaign, done.rows_affected())?;
    tx.commit("commit the end of a launch").await
}

/// Tells the planner of the new rows. The launch is done, whatever comes of it.
pub(super) async fn analyze(store: &PostgresStore) {
    let analyzed = async {
        let mut tx = store.change().await?;
        tx.take_time().await?;
        sqlx::query(ANALYZE).execute(&mut *tx).await.map_err(failed("look at the new rows"))?;
        tx.commit("commit what is known of the new rows").await
    };
    if let Err(error) = analyzed.await {
        tracing::debug!(%error, "the database's planner was not told of a launch's rows");
    }
}
