//! What must not be sent for now.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection::PostgresStore;
use super::text::clean;
use crate::StoreError;
use crate::brake::{Brake, BrakeChange, Lifted, Subject};
use crate::codec::{failed, micros};
use crate::columns::Reader;
use crate::reading::brakes;

type Result<T> = std::result::Result<T, StoreError>;

/// Whoever changes brakes comes after who did before: they are few, and changed seldom.
const LOCK: &str = "LOCK TABLE brakes IN SHARE ROW EXCLUSIVE MODE";

const FORGET: &str = "DELETE FROM brakes WHERE until <= $1";

const SET: &str = "
    INSERT INTO brakes AS b (kind, key, cause, reason, since, until) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (kind, key, cause) DO UPDATE SET reason = excluded.reason,
        until = CASE WHEN b.until IS NULL OR excluded.until IS NULL THEN NULL ELSE greatest(b.until, excluded.until) END";

const LIFT: &str = "DELETE FROM brakes WHERE kind = $1 AND key = $2 AND cause = $3";

const READ: &str = "
    SELECT kind, key, cause, reason, since, until FROM brakes WHERE until IS NULL OR until > $1
    ORDER BY since, kind, key, cause";

/// See [`crate::Store::change_brakes`].
pub(super) async fn change(
    store: &PostgresStore,
    changes: &[BrakeChange],
    now: DateTime<Utc>,
) -> Result<Vec<Brake>> {
    let mut tx = store.change().await?;
    let doing = failed("change what is braked");
    sqlx::query(LOCK).execute(&mut *tx).await.map_err(&doing)?;
    sqlx::query(FORGET).bind(micros(now)).execute(&mut *tx).await.map_err(&doing)?;
    let mut lifted = Vec::new();
    for change in changes {
        match change {
            BrakeChange::Set(brake) => set(&mut tx, brake).await?,
            BrakeChange::Lift(subject, causes) => lifted.extend(lift(&mut tx, subject, causes, now).await?),
        }
    }
    tx.commit("commit what is braked").await?;
    Ok(lifted)
}

async fn set(tx: &mut PgConnection, brake: &Brake) -> Result<()> {
    let (kind, key) = brake.on.columns();
    sqlx::query(SET)
        .bind(kind)
        .bind(clean(&key))
        .bind(brake.cause.to_string())
        .bind(clean(&brake.reason))
        .bind(micros(brake.since))
        .bind(brake.until.map(micros))
        .execute(tx)
        .await
        .map_err(failed("set a brake"))?;
    Ok(())
}

async fn lift(
    tx: &mut PgConnection,
    subject: &Subject,
    causes: &[Lifted],
    now: DateTime<Utc>,
) -> Result<Vec<Brake>> {
    let on = read(tx, now).await?.into_iter().filter(|brake| brakes::is_lifted(brake, subject, causes));
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

/// See [`crate::Store::brakes`].
pub(super) async fn all(store: &PostgresStore, now: DateTime<Utc>) -> Result<Vec<Brake>> {
    let mut tx = store.snapshot().await?;
    let brakes = read(&mut tx, now).await?;
    tx.end().await;
    Ok(brakes)
}

async fn read(tx: &mut PgConnection, now: DateTime<Utc>) -> Result<Vec<Brake>> {
    let rows =
        sqlx::query(READ).bind(micros(now)).fetch_all(tx).await.map_err(failed("read what is braked"))?;
    rows.iter().map(|row| brakes::read(&mut Reader::new(row))).collect()
}
