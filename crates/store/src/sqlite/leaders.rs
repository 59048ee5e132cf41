//! Who leads in which role.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::connection::SqliteStore;
use crate::StoreError;
use crate::codec::{failed, micros, span_micros};
use crate::model::WorkerId;

type Result<T> = std::result::Result<T, StoreError>;

/// Changes nothing where another holds the role and its lease has not ended.
const LEAD: &str = "
    INSERT INTO leaders (role, holder, expires_at) VALUES (?1, ?2, ?4)
    ON CONFLICT (role) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at
    WHERE leaders.holder = excluded.holder OR leaders.expires_at <= ?3";

const RESIGN: &str = "DELETE FROM leaders WHERE role = ?1 AND holder = ?2";

/// See [`crate::Store::lead`].
pub(super) async fn lead(
    store: &SqliteStore,
    role: &str,
    holder: &WorkerId,
    lease: Duration,
    now: DateTime<Utc>,
) -> Result<bool> {
    let mut tx = store.change().await?;
    let done = sqlx::query(LEAD)
        .bind(role)
        .bind(&holder.0)
        .bind(micros(now))
        .bind(micros(now).saturating_add(span_micros(lease)))
        .execute(&mut *tx)
        .await
        .map_err(failed("take the lead"))?;
    tx.commit().await.map_err(failed("commit taking the lead"))?;
    Ok(done.rows_affected() == 1)
}

/// See [`crate::Store::resign`].
pub(super) async fn resign(store: &SqliteStore, role: &str, holder: &WorkerId) -> Result<()> {
    let mut tx = store.change().await?;
    sqlx::query(RESIGN)
        .bind(role)
        .bind(&holder.0)
        .execute(&mut *tx)
        .await
        .map_err(failed("give up the lead"))?;
    tx.commit().await.map_err(failed("commit giving up the lead"))
}
