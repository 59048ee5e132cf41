//! Recurring campaigns: launched, moved, and what is noted of their times.

use std::time::Duration;

use campaign::ids::CampaignId;
use campaign::{lifecycle, series};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection::PostgresStore;
use super::giving_up::give_up;
use super::launching::FIND_KEY;
use super::text::clean;
use crate::codec::{failed, json, micros, named};
use crate::moving::launching::is_dead;
use crate::reading::series::{SeriesColumns, listing};
use crate::series::{NewSeries, SeriesListing, SeriesNote, SeriesRow};
use crate::{LaunchError, SeriesError, StoreError};

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Whoever launches anything comes after who did before, so that no key is a campaign's and a series'.
pub(super) const LOCK: &str = "LOCK TABLE series IN SHARE ROW EXCLUSIVE MODE";

pub(super) const FIND: &str = "SELECT state FROM series WHERE key = $1 FOR UPDATE";

const INSERT: &str = "
    INSERT INTO series (key, state, file, audience, definition, launched_at, handled_at)
    VALUES ($1, $2, $3, $4, $5, $6, $6)";

macro_rules! series_where {
    ($condition:literal) => {
        concat!(
            "SELECT key, state, file, audience, definition, launched_at, handled_at, trying_since, problem, problem_at, \
             skipped_total, skipped_times, skipped_first, skipped_last, skipped_why FROM series ",
            $condition
        )
    };
}

const BY_KEY: &str = series_where!("WHERE key = $1");
const ALL: &str = series_where!("ORDER BY launched_at DESC, key");
const ACTIVE: &str = series_where!("WHERE state IN ('active', 'paused') ORDER BY launched_at, key");

const MOVE: &str = "UPDATE series SET state = $3 WHERE key = $1 AND state = $2";

const MADE: &str =
    "UPDATE series SET handled_at = $3, trying_since = NULL WHERE key = $1 AND handled_at = $2";

const SKIPPED: &str = "
    UPDATE series
    SET handled_at = $3, trying_since = NULL, skipped_total = skipped_total + $4, skipped_times = $4,
        skipped_first = $5, skipped_last = $3, skipped_why = $6
    WHERE key = $1 AND handled_at = $2";

const FAILED: &str = "
    UPDATE series SET trying_since = coalesce(trying_since, $3), problem = $4, problem_at = $3
    WHERE key = $1 AND handled_at = $2";

/// See [`crate::Store::begin_series`]. Returns the dead launch that has to be removed, where one had the key.
pub(super) async fn begin(
    store: &PostgresStore,
    new: &NewSeries,
    abandoned_after: Duration,
    now: DateTime<Utc>,
) -> Result<Option<CampaignId>, LaunchError> {
    let mut tx = store.change().await?;
    sqlx::query(LOCK).execute(&mut *tx).await.map_err(failed("begin a recurring campaign"))?;
    if let Some(state) = state(&mut tx, &new.key).await? {
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
    insert(&mut tx, new, now).await?;
    tx.commit("commit a new recurring campaign").await?;
    Ok(dead)
}

async fn insert(tx: &mut PgConnection, new: &NewSeries, now: DateTime<Utc>) -> Result<()> {
    sqlx::query(INSERT)
        .bind(&new.key)
        .bind(series::State::Active.name())
        .bind(clean(&new.file))
        .bind(clean(&new.audience))
        .bind(json(new.definition.as_ref())?)
        .bind(micros(now))
        .execute(tx)
        .await
        .map_err(failed("make a recurring campaign"))?;
    Ok(())
}

/// The state of the series with this key.
pub(super) async fn state(tx: &mut PgConnection, key: &str) -> Result<Option<series::State>> {
    let found: Option<(String,)> = sqlx::query_as(FIND)
        .bind(key.to_owned())
        .fetch_optional(tx)
        .await
        .map_err(failed("look for a recurring campaign"))?;
    found.map(|(state,)| named("series.state", &state)).transpose()
}

/// See [`crate::Store::series`].
pub(super) async fn by_key(store: &PostgresStore, key: &str) -> Result<Option<SeriesRow>> {
    let mut tx = store.snapshot().await?;
    let found: Option<SeriesColumns> = sqlx::query_as(BY_KEY)
        .bind(key.to_owned())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed("read a recurring campaign"))?;
    tx.end().await;
    found.map(SeriesColumns::read).transpose()
}

/// See [`crate::Store::all_series`].
pub(super) async fn all(store: &PostgresStore) -> Result<SeriesListing> {
    read(store, ALL).await
}

/// See [`crate::Store::active_series`].
pub(super) async fn active(store: &PostgresStore) -> Result<SeriesListing> {
    read(store, ACTIVE).await
}

async fn read(store: &PostgresStore, sql: &'static str) -> Result<SeriesListing> {
    let mut tx = store.snapshot().await?;
    let rows = sqlx::query_as(sql).fetch_all(&mut *tx).await.map_err(failed("read recurring campaigns"))?;
    tx.end().await;
    Ok(listing(rows))
}

/// See [`crate::Store::move_series`].
pub(super) async fn transition(
    store: &PostgresStore,
    key: &str,
    event: series::Event,
) -> Result<series::State, SeriesError> {
    let mut tx = store.change().await?;
    let Some(from) = state(&mut tx, key).await? else {
        tx.end().await;
        return Err(SeriesError::NoSuchSeries);
    };
    let to = match series::next(from, event) {
        Ok(to) => to,
        Err(forbidden) => {
            tx.end().await;
            return Err(forbidden.into());
        }
    };
    let done = sqlx::query(MOVE)
        .bind(key.to_owned())
        .bind(from.name())
        .bind(to.name())
        .execute(&mut *tx)
        .await
        .map_err(failed("move a recurring campaign"))?;
    if done.rows_affected() != 1 {
        return Err(
            StoreError::Inconsistent(format!("recurring campaign {key} is not {from} any more")).into()
        );
    }
    tx.commit("commit moving a recurring campaign").await?;
    Ok(to)
}

/// See [`crate::Store::note_series`].
pub(super) async fn note(
    store: &PostgresStore,
    key: &str,
    handled: DateTime<Utc>,
    note: &SeriesNote,
    now: DateTime<Utc>,
) -> Result<bool> {
    let mut tx = store.change().await?;
    let sql = match note {
        SeriesNote::Made(_) => MADE,
        SeriesNote::Skipped(..) => SKIPPED,
        SeriesNote::Failed(_) => FAILED,
    };
    let query = sqlx::query(sql).bind(key.to_owned()).bind(micros(handled));
    let query = match note {
        SeriesNote::Made(at) => query.bind(micros(*at)),
        SeriesNote::Skipped(skipped, why) => query
            .bind(micros(skipped.last))
            .bind(i64::try_from(skipped.times).unwrap_or(i64::MAX))
            .bind(micros(skipped.first))
            .bind(clean(why)),
        SeriesNote::Failed(why) => query.bind(micros(now)).bind(clean(why)),
    };
    let done = query.execute(&mut *tx).await.map_err(failed("note a time of a recurring campaign"))?;
    tx.commit("commit a note of a recurring campaign").await?;
    Ok(done.rows_affected() == 1)
}
