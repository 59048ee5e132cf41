//! Recurring campaigns: launched, moved, and what is noted of their times.

use std::time::Duration;

use campaign::ids::CampaignId;
use campaign::{lifecycle, series};
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::connection::SqliteStore;
use super::giving_up::{give_up, remove};
use super::launching::FIND_KEY;
use crate::codec::{failed, json, micros, named};
use crate::moving::launching::is_dead;
use crate::reading::series::{SeriesColumns, listing};
use crate::series::{NewSeries, SeriesListing, SeriesNote, SeriesRow};
use crate::{LaunchError, SeriesError, StoreError};

type Result<T, E = StoreError> = std::result::Result<T, E>;

pub(super) const FIND: &str = "SELECT state FROM series WHERE key = ?1";

const INSERT: &str = "
    INSERT INTO series (key, state, file, audience, definition, launched_at, handled_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";

macro_rules! series_where {
    ($condition:literal) => {
        concat!(
            "SELECT key, state, file, audience, definition, launched_at, handled_at, trying_since, problem, problem_at, \
             skipped_total, skipped_times, skipped_first, skipped_last, skipped_why FROM series ",
            $condition
        )
    };
}

const BY_KEY: &str = series_where!("WHERE key = ?1");
const ALL: &str = series_where!("ORDER BY launched_at DESC, key");
const ACTIVE: &str = series_where!("WHERE state IN ('active', 'paused') ORDER BY launched_at, key");

const MOVE: &str = "UPDATE series SET state = ?3 WHERE key = ?1 AND state = ?2";

const MADE: &str =
    "UPDATE series SET handled_at = ?3, trying_since = NULL WHERE key = ?1 AND handled_at = ?2";

const SKIPPED: &str = "
    UPDATE series
    SET handled_at = ?3, trying_since = NULL, skipped_total = skipped_total + ?4, skipped_times = ?4,
        skipped_first = ?5, skipped_last = ?3, skipped_why = ?6
    WHERE key = ?1 AND handled_at = ?2";

const FAILED: &str = "
    UPDATE series SET trying_since = coalesce(trying_since, ?3), problem = ?4, problem_at = ?3
    WHERE key = ?1 AND handled_at = ?2";

/// See [`crate::Store::begin_series`].
pub(super) async fn begin(
    store: &SqliteStore,
    new: &NewSeries,
    abandoned_after: Duration,
    now: DateTime<Utc>,
) -> Result<(), LaunchError> {
    let mut tx = store.change().await?;
    if let Some(state) = state(&mut tx, &new.key).await? {
        return Err(LaunchError::KeyRecurs { key: new.key.clone(), state });
    }
    let found: Option<(i64, String, i64)> = sqlx::query_as(FIND_KEY)
        .bind(new.key.clone())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed("look for the campaign's key"))?;
    let mut dead = None;
    if let Some((id, state, touched_at)) = found {
        let state: lifecycle::State = named("campaigns.state", &state)?;
        if !is_dead(state, touched_at, abandoned_after, now) {
            return Err(LaunchError::KeyTaken { key: new.key.clone(), state });
        }
        give_up(&mut tx, CampaignId(id)).await?;
        dead = Some(CampaignId(id));
    }
    insert(&mut tx, new, now).await?;
    tx.commit().await.map_err(failed("commit a new recurring campaign"))?;
    if let Some(dead) = dead {
        remove(store, dead).await?;
    }
    Ok(())
}

async fn insert(tx: &mut SqliteConnection, new: &NewSeries, now: DateTime<Utc>) -> Result<()> {
    sqlx::query(INSERT)
        .bind(new.key.clone())
        .bind(series::State::Active.name())
        .bind(new.file.clone())
        .bind(new.audience.clone())
        .bind(json(new.definition.as_ref())?)
        .bind(micros(now))
        .execute(tx)
        .await
        .map_err(failed("make a recurring campaign"))?;
    Ok(())
}

/// The state of the series with this key.
pub(super) async fn state(tx: &mut SqliteConnection, key: &str) -> Result<Option<series::State>> {
    let found: Option<(String,)> = sqlx::query_as(FIND)
        .bind(key.to_owned())
        .fetch_optional(tx)
        .await
        .map_err(failed("look for a recurring campaign"))?;
    found.map(|(state,)| named("series.state", &state)).transpose()
}

/// See [`crate::Store::series`].
pub(super) async fn by_key(store: &SqliteStore, key: &str) -> Result<Option<SeriesRow>> {
    let mut tx = store.snapshot().await?;
    let found: Option<SeriesColumns> = sqlx::query_as(BY_KEY)
        .bind(key.to_owned())
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed("read a recurring campaign"))?;
    found.map(SeriesColumns::read).transpose()
}

/// See [`crate::Store::all_series`].
pub(super) async fn all(store: &SqliteStore) -> Result<SeriesListing> {
    read(store, ALL).await
}

/// See [`crate::Store::active_series`].
pub(super) async fn active(store: &SqliteStore) -> Result<SeriesListing> {
    read(store, ACTIVE).await
}

async fn read(store: &SqliteStore, sql: &'static str) -> Result<SeriesListing> {
    let mut tx = store.snapshot().await?;
    let rows = sqlx::query_as(sql).fetch_all(&mut *tx).await.map_err(failed("read recurring campaigns"))?;
    Ok(listing(rows))
}

/// See [`crate::Store::move_series`].
pub(super) async fn transition(
    store: &SqliteStore,
    key: &str,
    event: series::Event,
) -> Result<series::State, SeriesError> {
    let mut tx = store.change().await?;
    let Some(from) = state(&mut tx, key).await? else {
        return Err(SeriesError::NoSuchSeries);
    };
    let to = match series::next(from, event) {
        Ok(to) => to,
        Err(forbidden) => {
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
    tx.commit().await.map_err(failed("commit moving a recurring campaign"))?;
    Ok(to)
}

/// See [`crate::Store::note_series`].
pub(super) async fn note(
    store: &SqliteStore,
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
            .bind(why.clone()),
        SeriesNote::Failed(why) => query.bind(micros(now)).bind(why.clone()),
    };
    let done = query.execute(&mut *tx).await.map_err(failed("note a time of a recurring campaign"))?;
    tx.commit().await.map_err(failed("commit a note of a recurring campaign"))?;
    Ok(done.rows_affected() == 1)
}
