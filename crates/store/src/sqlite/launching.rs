//! Writing a campaign's rows: begun, added to in chunks, ended or given up.

use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use campaign::ids::CampaignId;
use campaign::lifecycle;
use chrono::{DateTime, Utc};
use sqlx::{AssertSqlSafe, SqliteConnection};

use super::connection::SqliteStore;
use super::giving_up::{give_up, remove};
use super::series;
use crate::codec::{count, failed, json, micros, named, row_id, row_ids, span_micros};
use crate::model::{Chunk, NewCampaign, NewMessage, Totals};
use crate::moving::launching::{
    Stored, demand_loading, demand_nobody_purged, ended, in_doubt_name, is_dead, stands_twice,
};
use crate::{LaunchError, StoreError};

type Result<T, E = StoreError> = std::result::Result<T, E>;

pub(super) const FIND_KEY: &str = "SELECT id, state, touched_at FROM campaigns WHERE key = ?1";

const INSERT_CAMPAIGN: &str = "
    INSERT INTO campaigns (key, state, file, definition, plan_hash, currency, ttl_s, ends_at, in_doubt,
                           in_doubt_after, budget, launched_at, touched_at, retry_attempts, retry_base, retry_max,
                           cap_max, cap_per, follow_up_of)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
    RETURNING id";

const TOUCH: &str = "
    UPDATE campaigns SET touched_at = max(touched_at, ?2), next_slice = max(next_slice, ?3)
    WHERE id = ?1 AND state = 'loading' AND key IS NOT NULL";

const INSERT_GROUPS: &str = "
    INSERT INTO send_groups (campaign_id, number, sender, portfolio, waba_id, template, language, variant, zone)
    SELECT ?2, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, value ->> 6, value ->> 7
    FROM json_each(?1) WHERE true
    ON CONFLICT (campaign_id, number) DO NOTHING";

const INSERT_SLICES: &str = "
    INSERT INTO slices (campaign_id, number, group_no, messages)
    SELECT ?2, value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
    ON CONFLICT (campaign_id, number) DO UPDATE SET messages = messages + excluded.messages";

const INSERT_EXCLUDED: &str = "
    INSERT INTO excluded (campaign_id, seq, line, recipient, reason, detail)
    SELECT ?2, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4 FROM json_each(?1)";

const COUNT_QUEUED: &str = "
    INSERT INTO campaign_counts (campaign_id, state, n) VALUES (?1, 'queued', ?2)
    ON CONFLICT (campaign_id, state) DO UPDATE SET n = n + excluded.n";

const FINISH: &str = "
    UPDATE campaigns SET state = ?2, launched_at = ?3, planned_total = ?4, excluded_total = ?5, messages_total = ?6
    WHERE id = ?1 AND state = 'loading' AND key IS NOT NULL";

/// Slices whose own count of messages is not that of their rows, and messages whose slice is missing.
const UNEVEN_SLICES: &str = "
    SELECT COUNT(*)
    FROM (SELECT slice_no, COUNT(*) AS n FROM messages
          WHERE campaign_id = ?1 AND state IN ('queued', 'retrying') GROUP BY slice_no) AS m
    FULL JOIN (SELECT number, messages FROM slices WHERE campaign_id = ?1) AS s ON s.number = m.slice_no
    WHERE coalesce(m.n, 0) <> coalesce(s.messages, 0)";

/// Messages of a follow-up whose recipients were purged from its campaign after they were read.
pub(super) const PURGED_MEANWHILE: &str = "
    SELECT count(*)
    FROM campaigns AS k
    CROSS JOIN messages AS m
    CROSS JOIN messages AS o ON o.id = (k.follow_up_of << 32) + (m.id & 4294967295)
    WHERE k.id = ?3 AND k.follow_up_of IS NOT NULL AND m.id BETWEEN ?1 AND ?2 AND o.recipient LIKE 'purged-%'";

/// How many rows one statement inserts: its parameters are bound one by one, which is faster than JSON.
const ROWS: [usize; 4] = [64, 16, 4, 1];
static INSERT_MESSAGES: LazyLock<[Arc<str>; 4]> = LazyLock::new(|| ROWS.map(insert_messages));

fn insert_messages(rows: usize) -> Arc<str> {
    let mut sql = "INSERT INTO messages (id, campaign_id, slice_no, group_no, recipient, country, content, \
                   multiplier, worst_case, expected_cost) VALUES "
        .to_owned();
    for row in 0..rows {
        let separator = if row == 0 { "" } else { ", " };
        // Writing to a String cannot fail.
        let _ = write!(sql, "{separator}(?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    }
    sql.into()
}

/// See [`crate::Store::begin_launch`].
pub(super) async fn begin(
    store: &SqliteStore,
    new: NewCampaign,
    abandoned_after: Duration,
    now: DateTime<Utc>,
) -> Result<CampaignId, LaunchError> {
    let mut tx = store.change().await?;
    if let Some(state) = series::state(&mut tx, &new.key).await? {
        return Err(LaunchError::KeyRecurs { key: new.key, state });
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
            return Err(LaunchError::KeyTaken { key: new.key, state });
        }
        give_up(&mut tx, CampaignId(id)).await?;
        dead = Some(CampaignId(id));
    }
    let id = insert(&mut tx, &new, now).await?;
    tx.commit().await.map_err(failed("commit a new campaign"))?;
    if let Some(dead) = dead {
        tracing::info!(key = new.key, campaign = dead.0, "a launch that had died was replaced");
        remove(store, dead).await?;
    }
    Ok(id)
}

async fn insert(tx: &mut SqliteConnection, new: &NewCampaign, now: DateTime<Utc>) -> Result<CampaignId> {
    let definition = &new.definition;
    let id = sqlx::query_scalar(INSERT_CAMPAIGN)
        .bind(&new.key)
        .bind(lifecycle::State::Loading.name())
        .bind(&new.file)
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

/// See [`crate::Store::add_chunk`].
pub(super) async fn add(
    store: &SqliteStore,
    campaign: CampaignId,
    chunk: Chunk,
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

    let groups: Vec<_> = chunk
        .groups
        .iter()
        .map(|g| {
            (
                g.number,
                &g.sender,
                &g.portfolio,
                &g.template.waba_id,
                &g.template.name,
                &g.template.language,
                &g.variant,
                &g.zone,
            )
        })
        .collect();
    insert_all(&mut tx, campaign, INSERT_GROUPS, &groups, "add groups").await?;
    let slices: Vec<_> = chunk.slices.iter().map(|s| (s.number, s.group, s.messages)).collect();
    insert_all(&mut tx, campaign, INSERT_SLICES, &slices, "add slices").await?;
    let excluded: Vec<_> =
        chunk.excluded.iter().map(|e| (e.seq, e.line, &e.recipient, &e.reason, &e.detail)).collect();
    insert_all(&mut tx, campaign, INSERT_EXCLUDED, &excluded, "add excluded rows").await?;

    let queued = count(chunk.messages.len());
    let mut rest = chunk.messages.as_slice();
    for (rows, sql) in ROWS.iter().zip(INSERT_MESSAGES.iter()) {
        while let Some((batch, others)) = rest.split_at_checked(*rows) {
            insert_batch(&mut tx, campaign, sql, batch).await?;
            rest = others;
        }
    }
    let counting = failed("count the new messages");
    sqlx::query(COUNT_QUEUED).bind(campaign.0).bind(queued).execute(&mut *tx).await.map_err(counting)?;
    tx.commit().await.map_err(failed("commit rows of a launch"))
}

async fn insert_all<T: serde::Serialize>(
    tx: &mut SqliteConnection,
    campaign: CampaignId,
    sql: &'static str,
    rows: &Vec<T>,
    doing: &'static str,
) -> Result<()> {
    if !rows.is_empty() {
        sqlx::query(sql).bind(json(rows)?).bind(campaign.0).execute(tx).await.map_err(failed(doing))?;
    }
    Ok(())
}

async fn insert_batch(
    tx: &mut SqliteConnection,
    campaign: CampaignId,
    sql: &Arc<str>,
    batch: &[NewMessage],
) -> Result<()> {
    let mut query = sqlx::query(AssertSqlSafe(Arc::clone(sql)));
    for message in batch {
        query = query
            .bind(row_id(campaign, message.seq))
            .bind(campaign.0)
            .bind(i64::from(message.slice))
            .bind(i64::from(message.group))
            .bind(message.recipient.as_str())
            .bind(message.country.as_str())
            .bind(json(&message.content)?)
            .bind(message.multiplier.map(|m| m.to_string()))
            .bind(message.worst_case.0)
            .bind(message.expected_cost.0);
    }
    query.execute(tx).await.map_err(|error| {
        if error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation) {
            stands_twice(campaign, batch)
        } else {
            failed("add messages")(error)
        }
    })?;
    Ok(())
}

/// See [`crate::Store::set_plan_hash`].
pub(super) async fn set_plan_hash(store: &SqliteStore, campaign: CampaignId, hash: &str) -> Result<()> {
    let mut tx = store.change().await?;
    let done = sqlx::query("UPDATE campaigns SET plan_hash = ?2 WHERE id = ?1 AND state = 'loading'")
        .bind(campaign.0)
        .bind(hash)
        .execute(&mut *tx)
        .await
        .map_err(failed("keep a plan's hash"))?;
    demand_loading(campaign, done.rows_affected())?;
    tx.commit().await.map_err(failed("commit a plan's hash"))
}

/// See [`crate::Store::finish_launch`].
pub(super) async fn finish(
    store: &SqliteStore,
    campaign: CampaignId,
    totals: Totals,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut tx = store.change().await?;
    let (first, last) = row_ids(campaign);
    let read = failed("count the rows of a launch");
    let purged = sqlx::query_scalar(PURGED_MEANWHILE).bind(first).bind(last).bind(campaign.0);
    demand_nobody_purged(purged.fetch_one(&mut *tx).await.map_err(&read)?)?;
    let messages: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM messages WHERE id BETWEEN ?1 AND ?2")
        .bind(first)
        .bind(last)
        .fetch_one(&mut *tx)
        .await
        .map_err(&read)?;
    let excluded: i64 = sqlx::query_scalar("SELECT COUNT(*) FROM excluded WHERE campaign_id = ?1")
        .bind(campaign.0)
        .fetch_one(&mut *tx)
        .await
        .map_err(&read)?;
    let uneven_slices: i64 =
        sqlx::query_scalar(UNEVEN_SLICES).bind(campaign.0).fetch_one(&mut *tx).await.map_err(&read)?;
    let state = ended(campaign, Stored { messages, excluded, uneven_slices }, totals)?;
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
    tx.commit().await.map_err(failed("commit the end of a launch"))
}
