//! The templates that accounts have, by the functions of `registry`.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::connection::SqliteStore;
use super::templates;
use crate::StoreError;
use crate::codec::{failed, from_json, json, micros, optional_time};
use crate::columns::{Columns, Reader};
use crate::model::TemplateKey;
use crate::moving::gates;
use crate::registry::{ReadTemplate, RegisteredTemplate, TemplateFacts, TemplateNews};

type Result<T> = std::result::Result<T, StoreError>;

const FACTS: &str = "SELECT facts FROM account_templates WHERE waba_id = ?1 AND name = ?2 AND language = ?3";

const KEEP: &str = "
    INSERT INTO account_templates (waba_id, name, language, facts, read_at) VALUES (?1, ?2, ?3, ?4, ?5)
    ON CONFLICT (waba_id, name, language) DO UPDATE SET facts = excluded.facts,
        read_at = coalesce(excluded.read_at, account_templates.read_at)";

/// What the account did not tell this time it does not have; what only webhooks told of may be too new.
const FORGET: &str = "DELETE FROM account_templates WHERE waba_id = ?1 AND read_at < ?2";

const ALL: &str = "
    SELECT name, language, facts, read_at FROM account_templates WHERE waba_id = ?1 ORDER BY name, language";

/// See [`crate::Store::keep_templates`].
pub(super) async fn keep(
    store: &SqliteStore,
    templates: &[ReadTemplate],
    all_of: Option<&str>,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut tx = store.change().await?;
    for one in templates {
        let before = facts(&mut tx, &one.key).await?;
        let after = one.facts.clone().read(before.as_ref(), now);
        write(&mut tx, &one.key, &after, Some(now)).await?;
    }
    if let Some(waba_id) = all_of {
        let forgetting = sqlx::query(FORGET).bind(waba_id).bind(micros(now)).execute(&mut *tx).await;
        forgetting.map_err(failed("forget templates that an account does not have"))?;
    }
    tx.commit().await.map_err(failed("commit the templates of an account"))
}

/// See [`crate::Store::template_news`].
pub(super) async fn hear(store: &SqliteStore, news: &[TemplateNews], now: DateTime<Utc>) -> Result<()> {
    let mut tx = store.change().await?;
    for one in news {
        let before = facts(&mut tx, &one.key).await?;
        if one.creates(before.as_ref()) {
            let state = templates::read(&mut tx, &one.key).await?;
            // A gate that was seen is of a template that was there before.
            if state.first_seen_at.is_none() {
                let created = gates::created(state, now);
                templates::write(&mut tx, &one.key, &created, now).await?;
            }
        }
        let after = before.unwrap_or_default().after(one, now);
        write(&mut tx, &one.key, &after, None).await?;
    }
    tx.commit().await.map_err(failed("commit news of templates"))
}

/// See [`crate::Store::registered_templates`].
pub(super) async fn all(store: &SqliteStore, waba_id: &str) -> Result<Vec<RegisteredTemplate>> {
    let mut tx = store.snapshot().await?;
    let rows = sqlx::query(ALL)
        .bind(waba_id)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read the templates of an account"))?;
    rows.iter()
        .map(|row| {
            let mut columns = Reader::new(row);
            Ok(RegisteredTemplate {
                key: TemplateKey {
                    waba_id: waba_id.to_owned(),
                    name: columns.text()?,
                    language: columns.text()?,
                },
                facts: from_json("account_templates.facts", &columns.text()?)?,
                read_at: optional_time("account_templates.read_at", columns.optional_number()?)?,
            })
        })
        .collect()
}

async fn facts(tx: &mut SqliteConnection, key: &TemplateKey) -> Result<Option<TemplateFacts>> {
    let text: Option<String> = sqlx::query_scalar(FACTS)
        .bind(&key.waba_id)
        .bind(&key.name)
        .bind(&key.language)
        .fetch_optional(tx)
        .await
        .map_err(failed("read what is known of a template"))?;
    text.map(|text| from_json("account_templates.facts", &text)).transpose()
}

async fn write(
    tx: &mut SqliteConnection,
    key: &TemplateKey,
    facts: &TemplateFacts,
    read_at: Option<DateTime<Utc>>,
) -> Result<()> {
    sqlx::query(KEEP)
        .bind(&key.waba_id)
        .bind(&key.name)
        .bind(&key.language)
        .bind(json(facts)?)
        .bind(read_at.map(micros))
        .execute(tx)
        .await
        .map_err(failed("keep what is known of a template"))?;
    Ok(())
}
