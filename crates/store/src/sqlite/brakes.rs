//! What must not be sent for now.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::connection::SqliteStore;
use crate::StoreError;
use crate::brake::{Brake, BrakeChange, Cause, Changed, Lifted, Subject, Word};
use crate::codec::{failed, micros};
use crate::columns::Reader;
use crate::reading::brakes;

type Result<T> = std::result::Result<T, StoreError>;

const FORGET: &str = "DELETE FROM brakes WHERE until <= ?1";

const SET: &str = "
    INSERT INTO brakes (kind, key, cause, reason, since, until) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT (kind, key, cause) DO UPDATE SET reason = excluded.reason,
        until = CASE WHEN brakes.until IS NULL OR excluded.until IS NULL THEN NULL ELSE max(brakes.until, excluded.until) END";

const LIFT: &str = "DELETE FROM brakes WHERE kind = ?1 AND key = ?2 AND cause = ?3";

const LAST_WORD: &str = "SELECT said_at, lifts FROM last_words WHERE kind = ?1 AND key = ?2 AND cause = ?3";

const KEEP_WORD: &str = "
    INSERT INTO last_words (kind, key, cause, said_at, lifts) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (kind, key, cause) DO UPDATE SET said_at = excluded.said_at, lifts = excluded.lifts";

const READ: &str = "
    SELECT kind, key, cause, reason, since, until FROM brakes WHERE until IS NULL OR until > ?1
    ORDER BY since, kind, key, cause";

/// See [`crate::Store::change_brakes`].
pub(super) async fn change(
    store: &SqliteStore,
    changes: &[BrakeChange],
    now: DateTime<Utc>,
) -> Result<Changed> {
    let mut tx = store.change().await?;
    let doing = failed("change what is braked");
    sqlx::query(FORGET).bind(micros(now)).execute(&mut *tx).await.map_err(&doing)?;
    let mut changed = Changed::default();
    for change in changes {
        match change {
            BrakeChange::Set(brake) => {
                if !brake.is_told() || is_said(&mut tx, &brake.on, brake.cause, brakes::sets(brake)).await? {
                    set(&mut tx, brake).await?;
                    changed.set.push(brake.clone());
                }
            }
            BrakeChange::Lift(subject, causes, said_at) => {
                changed.lifted.extend(lift(&mut tx, subject, causes, *said_at, now).await?);
            }
        }
    }
    tx.commit().await.map_err(failed("commit what is braked"))?;
    Ok(changed)
}

async fn set(tx: &mut SqliteConnection, brake: &Brake) -> Result<()> {
    let (kind, key) = brake.on.columns();
    sqlx::query(SET)
        .bind(kind)
        .bind(key)
        .bind(brake.cause.to_string())
        .bind(&brake.reason)
        .bind(micros(brake.since))
        .bind(brake.until.map(micros))
        .execute(tx)
        .await
        .map_err(failed("set a brake"))?;
    Ok(())
}

async fn lift(
    tx: &mut SqliteConnection,
    subject: &Subject,
    causes: &[Lifted],
    said_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Vec<Brake>> {
    // Also of what is not braked: a word that comes again after this one is to set nothing.
    let mut newer = Vec::new();
    for cause in brakes::told(causes) {
        if !is_said(tx, subject, cause, Word { said_at, lifts: true }).await? {
            newer.push(cause);
        }
    }
    let on = read(tx, now).await?.into_iter().filter(|brake| {
        brakes::is_lifted(brake, subject, causes)
            && brake.is_as_old_as(said_at)
            && !newer.contains(&brake.cause)
    });
    let lifted: Vec<Brake> = on.collect();
    for brake in &lifted {
        let (kind, key) = brake.on.columns();
        sqlx::query(LIFT)
            .bind(kind)
            .bind(key)
            .bind(brake.cause.to_string())
            .execute(&mut *tx)
            .await
            .map_err(failed("lift a brake"))?;
    }
    Ok(lifted)
}

/// Keeps a word as the last one, where it counts; says whether it does.
async fn is_said(tx: &mut SqliteConnection, subject: &Subject, cause: Cause, word: Word) -> Result<bool> {
    let ((kind, key), cause) = (subject.columns(), cause.to_string());
    let doing = failed("keep the platform's last word");
    let last = sqlx::query(LAST_WORD).bind(kind).bind(&key).bind(&cause).fetch_optional(&mut *tx).await;
    let last = last.map_err(&doing)?.map(|row| brakes::word(&mut Reader::new(&row))).transpose()?;
    if !word.counts_after(last) {
        return Ok(false);
    }
    let keep = sqlx::query(KEEP_WORD).bind(kind).bind(&key).bind(&cause);
    keep.bind(micros(word.said_at)).bind(word.lifts).execute(&mut *tx).await.map_err(&doing)?;
    Ok(true)
}

/// See [`crate::Store::brakes`].
pub(super) async fn all(store: &SqliteStore, now: DateTime<Utc>) -> Result<Vec<Brake>> {
    let mut tx = store.snapshot().await?;
    read(&mut tx, now).await
}

async fn read(tx: &mut SqliteConnection, now: DateTime<Utc>) -> Result<Vec<Brake>> {
    let rows =
        sqlx::query(READ).bind(micros(now)).fetch_all(tx).await.map_err(failed("read what is braked"))?;
    rows.iter().map(|row| brakes::read(&mut Reader::new(row))).collect()
}
