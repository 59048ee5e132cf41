//! Templates and their sync gates, by the functions of `campaign::gate`.

use campaign::gate::{GateRules, GateState};
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::connection::SqliteStore;
use crate::StoreError;
use crate::codec::{failed, from_json, json, micros};
use crate::model::{GateEvent, TemplateKey};
use crate::moving::gates;

type Result<T> = std::result::Result<T, StoreError>;

pub(super) const READ: &str = "SELECT gate FROM templates WHERE waba_id = ?1 AND name = ?2 AND language = ?3";

const WRITE: &str = "
    INSERT INTO templates (waba_id, name, language, gate, changed_at) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (waba_id, name, language) DO UPDATE SET gate = excluded.gate, changed_at = excluded.changed_at";

/// See [`crate::Store::gate`].
pub(super) async fn gate(store: &SqliteStore, key: &TemplateKey) -> Result<GateState> {
    let mut tx = store.snapshot().await?;
    read(&mut tx, key).await
}

/// See [`crate::Store::see_template`].
pub(super) async fn see(store: &SqliteStore, key: &TemplateKey, now: DateTime<Utc>) -> Result<GateState> {
    change(store, key, now, |state| gates::seen(state, now)).await
}

/// See [`crate::Store::gate_event`].
pub(super) async fn happen(
    store: &SqliteStore,
    key: &TemplateKey,
    event: GateEvent,
    rules: &GateRules,
    now: DateTime<Utc>,
) -> Result<GateState> {
    change(store, key, now, |state| gates::after(state, event, rules, now)).await
}

/// What is known of a template; nothing, when it was never seen.
pub(super) async fn read(tx: &mut SqliteConnection, key: &TemplateKey) -> Result<GateState> {
    let text: Option<String> = sqlx::query_scalar(READ)
        .bind(&key.waba_id)
        .bind(&key.name)
        .bind(&key.language)
        .fetch_optional(tx)
        .await
        .map_err(failed("read a template's gate"))?;
    text.map_or(Ok(GateState::default()), |text| from_json("templates.gate", &text))
}

/// Keeps what is known of a template.
pub(super) async fn write(
    tx: &mut SqliteConnection,
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
    store: &SqliteStore,
    key: &TemplateKey,
    now: DateTime<Utc>,
    changed: impl FnOnce(GateState) -> GateState,
) -> Result<GateState> {
    let mut tx = store.change().await?;
    let before = read(&mut tx, key).await?;
    let after = changed(before);
    // Every accepted message says so: what says nothing new is not written.
    if after != before {
        write(&mut tx, key, &after, now).await?;
        tx.commit().await.map_err(failed("commit a template's gate"))?;
    }
    Ok(after)
}
