//! Tokens, sessions and the log of what people did: see [`crate::access::Access`].

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::connection::SqliteStore;
use crate::StoreError;
use crate::access::{Access, Deed, NewToken, Session, Token};
use crate::codec::{failed, json, micros};
use crate::reading::access::{DeedColumns, SessionColumns, TokenColumns, token_columns};

type Result<T> = std::result::Result<T, StoreError>;

const ADD_TOKEN: &str = "
    INSERT INTO access_tokens (hash, name, role, created_at, created_by, expires_at)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6)
    ON CONFLICT DO NOTHING";

const TOKENS: &str =
    concat!("SELECT ", token_columns!(), " FROM access_tokens ORDER BY name, created_at DESC, hash");

pub(super) const TOKEN: &str = concat!(
    "SELECT ",
    token_columns!(),
    " FROM access_tokens WHERE hash = ?1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > ?2)"
);

/// To the minute: looking at a page does not write each time.
pub(super) const NOTE_USE: &str = "
    UPDATE access_tokens SET last_used_at = ?2 WHERE hash = ?1 AND (last_used_at IS NULL OR last_used_at < ?3)";

const REVOKE: &str = "
    UPDATE access_tokens SET revoked_at = ?2 WHERE name = ?1 AND revoked_at IS NULL RETURNING hash";

pub(super) const LOG_OUT: &str =
    "DELETE FROM access_sessions WHERE token_hash IN (SELECT value FROM json_each(?1))";

const BEGIN: &str = "
    INSERT INTO access_sessions (hash, token_hash, expires_at) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";

pub(super) const FORGET: &str = "DELETE FROM access_sessions WHERE expires_at <= ?1";

pub(super) const SESSION: &str =
    "SELECT token_hash, expires_at FROM access_sessions WHERE hash = ?1 AND expires_at > ?2";

const LOG: &str = "
    INSERT INTO audit_log (done_at, who, via, action, target, detail, outcome) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";

pub(super) const DEEDS: &str = "
    SELECT id, done_at, who, via, action, target, detail, outcome FROM audit_log
    WHERE id < ?1 ORDER BY id DESC LIMIT ?2";

#[async_trait]
impl Access for SqliteStore {
    async fn add_token(&self, token: &NewToken, now: DateTime<Utc>) -> Result<bool> {
        add_token(self, token, now).await
    }

    async fn tokens(&self) -> Result<Vec<Token>> {
        tokens(self).await
    }

    async fn use_token(&self, hash: &str, now: DateTime<Utc>) -> Result<Option<Token>> {
        use_token(self, hash, now).await
    }

    async fn revoke_token(&self, name: &str, now: DateTime<Utc>) -> Result<bool> {
        revoke_token(self, name, now).await
    }

    async fn begin_session(&self, hash: &str, session: &Session, now: DateTime<Utc>) -> Result<()> {
        begin_session(self, hash, session, now).await
    }

    async fn session(&self, hash: &str, now: DateTime<Utc>) -> Result<Option<Session>> {
        session(self, hash, now).await
    }

    async fn end_session(&self, hash: &str) -> Result<()> {
        end_session(self, hash).await
    }

    async fn log_deed(&self, deed: &Deed) -> Result<()> {
        log_deed(self, deed).await
    }

    async fn deeds(&self, before: Option<i64>, limit: u32) -> Result<Vec<(i64, Deed)>> {
        deeds(self, before, limit).await
    }
}

async fn add_token(store: &SqliteStore, token: &NewToken, now: DateTime<Utc>) -> Result<bool> {
    let mut tx = store.change().await?;
    sqlx::query(ADD_TOKEN)
        .bind(&token.hash)
        .bind(&token.name)
        .bind(token.role.name())
        .bind(micros(now))
        .bind(&token.created_by)
        .bind(token.expires_at.map(micros))
        .execute(&mut *tx)
        .await
        .map_err(failed("keep a token"))?;
    // Also where it was this one, and the answer was lost.
    let is_kept = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM access_tokens WHERE hash = ?1)")
        .bind(&token.hash)
        .fetch_one(&mut *tx)
        .await
        .map_err(failed("keep a token"))?;
    tx.commit().await.map_err(failed("commit a token"))?;
    Ok(is_kept)
}

async fn tokens(store: &SqliteStore) -> Result<Vec<Token>> {
    let mut tx = store.snapshot().await?;
    let rows: Vec<TokenColumns> =
        sqlx::query_as(TOKENS).fetch_all(&mut *tx).await.map_err(failed("read tokens"))?;
    rows.into_iter().map(TokenColumns::shown).collect()
}

async fn use_token(store: &SqliteStore, hash: &str, now: DateTime<Utc>) -> Result<Option<Token>> {
    let mut tx = store.change().await?;
    let row: Option<TokenColumns> = sqlx::query_as(TOKEN)
        .bind(hash)
        .bind(micros(now))
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed("look for a token"))?;
    let Some(row) = row else {
        return Ok(None);
    };
    sqlx::query(NOTE_USE)
        .bind(hash)
        .bind(micros(now))
        .bind(micros(now - TimeDelta::minutes(1)))
        .execute(&mut *tx)
        .await
        .map_err(failed("note the use of a token"))?;
    tx.commit().await.map_err(failed("commit the use of a token"))?;
    row.shown().map(Some)
}

async fn revoke_token(store: &SqliteStore, name: &str, now: DateTime<Utc>) -> Result<bool> {
    let mut tx = store.change().await?;
    let revoked: Vec<String> = sqlx::query_scalar(REVOKE)
        .bind(name)
        .bind(micros(now))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("revoke a token"))?;
    sqlx::query(LOG_OUT).bind(json(&revoked)?).execute(&mut *tx).await.map_err(failed("end sessions"))?;
    tx.commit().await.map_err(failed("commit a revoked token"))?;
    Ok(!revoked.is_empty())
}

async fn begin_session(store: &SqliteStore, hash: &str, session: &Session, now: DateTime<Utc>) -> Result<()> {
    let mut tx = store.change().await?;
    sqlx::query(FORGET).bind(micros(now)).execute(&mut *tx).await.map_err(failed("forget sessions"))?;
    sqlx::query(BEGIN)
        .bind(hash)
        .bind(&session.token_hash)
        .bind(micros(session.expires_at))
        .execute(&mut *tx)
        .await
        .map_err(failed("keep a session"))?;
    tx.commit().await.map_err(failed("commit a session"))
}

async fn session(store: &SqliteStore, hash: &str, now: DateTime<Utc>) -> Result<Option<Session>> {
    let mut tx = store.snapshot().await?;
    let row: Option<SessionColumns> = sqlx::query_as(SESSION)
        .bind(hash)
        .bind(micros(now))
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed("look for a session"))?;
    row.map(SessionColumns::shown).transpose()
}

async fn end_session(store: &SqliteStore, hash: &str) -> Result<()> {
    let mut tx = store.change().await?;
    sqlx::query("DELETE FROM access_sessions WHERE hash = ?1")
        .bind(hash)
        .execute(&mut *tx)
        .await
        .map_err(failed("end a session"))?;
    tx.commit().await.map_err(failed("commit the end of a session"))
}

async fn log_deed(store: &SqliteStore, deed: &Deed) -> Result<()> {
    let mut tx = store.change().await?;
    sqlx::query(LOG)
        .bind(micros(deed.at))
        .bind(&deed.who)
        .bind(deed.via.name())
        .bind(&deed.action)
        .bind(&deed.target)
        .bind(&deed.detail)
        .bind(deed.outcome.name())
        .execute(&mut *tx)
        .await
        .map_err(failed("write down what was done"))?;
    tx.commit().await.map_err(failed("commit what was done"))
}

async fn deeds(store: &SqliteStore, before: Option<i64>, limit: u32) -> Result<Vec<(i64, Deed)>> {
    let mut tx = store.snapshot().await?;
    let rows: Vec<DeedColumns> = sqlx::query_as(DEEDS)
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read what was done"))?;
    rows.into_iter().map(DeedColumns::shown).collect()
}
