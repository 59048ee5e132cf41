//! Templates and their sync gates, by the functions of `campaign::gate`.

use campaign::gate::{GateRules, GateState};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection::PostgresStore;
use crate::StoreError;
use crate::codec::{failed, from_json, json, micros};
use crate::model::{GateEvent, TemplateKey};
use crate::moving::gates;

type Result<T> = std::result::Result<T, StoreError>;

pub(super) const READ: &str = "SELECT gate FROM templates WHERE waba_id = $1 AND name = $2 AND language = $3";

/// A row to be locked, where there is none yet.
const MAKE: &str = "
    INSERT INTO templates (waba_id, name, language, gate, changed_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (waba_id, name, language) DO NOTHING";

const LOCK: &str =
    "SELECT gate FROM templates WHERE waba_id = $1 AND name = $2 AND language = $3 FOR NO KEY UPDATE";

const WRITE: &str = "
    UPDATE templates SET gate = $4, changed_at = $5 WHERE waba_id = $1 AND name = $2 AND language = $3";

/// See [`crate::Store::gate`].
pub(super) async fn gate(store: &PostgresStore, key: &TemplateKey) -> Result<GateState> {
    let mut tx = store.snapshot().await?;
    let state = read(&mut tx, key).await?;
    tx.end().await;
    Ok(state)
}

/// See [`crate::Store::see_template`].
pub(super) async fn see(store: &PostgresStore, key: &TemplateKey, now: DateTime<Utc>) -> Result<GateState> {
    change(store, key, now, |state| gates::seen(state, now)).await
}

/// See [`crate::Store::gate_event`].
pub(super) async fn happen(
    store: &PostgresStore,
    key: &TemplateKey,
    event: GateEvent,
    rules: &GateRules,
    now: DateTime<Utc>,
) -> Result<GateState> {
    change(store, key, now, |state| gates::after(state, event, rules, now)).await
}

/// What is known of a template; nothing, when it was never seen.
pub(super) async fn read(tx: &mut PgConnection, key: &TemplateKey) -> Result<GateState> {
    let text: Option<String> = sqlx::query_scalar(READ)
        .bind(&key.waba_id)
        .bind(&key.name)
        .bind(&key.language)
        .fetch_optional(tx)
        .await
        .map_err(failed("read a template's gate"))?;
    text.map_or(Ok(GateState::default()), |text| from_json("templates.gate", &text))
}

/// What is known of a template, which is this transaction's from then on.
pub(super) async fn lock(tx: &mut PgConnection, key: &TemplateKey, now: DateTime<Utc>) -> Result<GateState> {
    let locking = failed("lock a template's gate");
    sqlx::query(MAKE)
        .bind(&key.waba_id)
        .bind(&key.name)
        .bind(&key.language)
        .bind(json(&GateState::default())?)
        .bind(micros(now))
        .execute(&mut *tx)
        .await
        .map_err(&locking)?;
    let text: String = sqlx::query_scalar(LOCK)
        .bind(&key.waba_id)
        .bind(&key.name)
        .bind(&key.language)
        .fetch_one(tx)
        .await
        .map_err(locking)?;
    from_json("templates.gate", &text)
}

/// Keeps what is known of a template that is [locked](lock).
pub(super) async fn write(
    tx: &mut PgConnection,
    key: &TemplateKey,
    state: &GateState,
    now: DateTime<Utc>,
) -> Result<()> {
    sqlx::query(WRITE)
        .bind(&key.waba_id)
        .bind(&key.name)
        .bind(&key.language)
        .bind(json(state)?)
        .bind(micros(now))
        .execute(tx)
        .await
        .map_err(failed("write a template's gate"))?;
    Ok(())
}

async fn change(
    store: &PostgresStore,
    key: &TemplateKey,
    now: DateTime<Utc>,
    changed: impl Fn(GateState) -> GateState,
) -> Result<GateState> {
    let mut tx = store.change().await?;
    let before = read(&mut tx, key).await?;
    // Every accepted message says so: what says nothing new is neither locked nor written.
    if changed(before) == before {
        tx.end().await;
        return Ok(before);
    }
    let after = changed(lock(&mut tx, key, now).await?);
    write(&mut tx, key, &after, now).await?;
    tx.commit("commit a template's gate").await?;
    Ok(after)
}
