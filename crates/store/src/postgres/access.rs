//! Tokens, sessions and the log of what people did: see [`crate::access::Access`].

use async_trait::async_trait;
use chrono::{DateTime, TimeDelta, Utc};

use super::connection::PostgresStore;
use super::repeating::{Patience, repeat};
use super::text::clean;
use crate::StoreError;
use crate::access::{Access, Deed, NewToken, Session, Token};
use crate::codec::{failed, micros};
use crate::reading::access::{DeedColumns, SessionColumns, TokenColumns, token_columns};

type Result<T> = std::result::Result<T, StoreError>;

const ADD_TOKEN: &str = "
    INSERT INTO access_tokens (hash, name, role, created_at, created_by, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT DO NOTHING";

const TOKENS: &str =
    concat!("SELECT ", token_columns!(), " FROM access_tokens ORDER BY name, created_at DESC, hash");

pub(super) const TOKEN: &str = concat!(
    "SELECT ",
    token_columns!(),
    " FROM access_tokens WHERE hash = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2)"
);

/// To the minute: looking at a page does not write each time.
pub(super) const NOTE_USE: &str = "
    UPDATE access_tokens SET last_used_at = $2 WHERE hash = $1 AND (last_used_at IS NULL OR last_used_at < $3)";

const REVOKE: &str = "
    UPDATE access_tokens SET revoked_at = $2 WHERE name = $1 AND revoked_at IS NULL RETURNING hash";

pub(super) const LOG_OUT: &str = "DELETE FROM access_sessions WHERE token_hash = ANY($1)";

const BEGIN: &str = "
    INSERT INTO access_sessions (hash, token_hash, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";

pub(super) const FORGET: &str = "DELETE FROM access_sessions WHERE expires_at <= $1";

pub(super) const SESSION: &str =
    "SELECT token_hash, expires_at FROM access_sessions WHERE hash = $1 AND expires_at > $2";

const LOG: &str = "
    INSERT INTO audit_log (done_at, who, via, action, target, detail, outcome) VALUES ($1, $2, $3, $4, $5, $6, $7)";

pub(super) const DEEDS: &str = "
    SELECT id, done_at, who, via, action, target, detail, outcome FROM audit_log
    WHERE id < $1 ORDER BY id DESC LIMIT $2";

#[async_trait]
impl Access for PostgresStore {
    async fn add_token(&self, token: &NewToken, now: DateTime<Utc>) -> Result<bool> {
        repeat(Patience::Short, "keep a token", || add_token(self, token, now)).await
    }

    async fn tokens(&self) -> Result<Vec<Token>> {
        repeat(Patience::Short, "read tokens", || tokens(self)).await
    }

    async fn use_token(&self, hash: &str, now: DateTime<Utc>) -> Result<Option<Token>> {
        repeat(Patience::Short, "look for a token", || use_token(self, hash, now)).await
    }

    async fn revoke_token(&self, name: &str, now: DateTime<Utc>) -> Result<bool> {
        repeat(Patience::Short, "revoke a token", || revoke_token(self, name, now)).await
    }

    async fn begin_session(&self, hash: &str, session: &Session, now: DateTime<Utc>) -> Result<()> {
        repeat(Patience::Short, "keep a session", || begin_session(self, hash, session, now)).await
    }

    async fn session(&self, hash: &str, now: DateTime<Utc>) -> Result<Option<Session>> {
        repeat(Patience::Short, "look for a session", || session(self, hash, now)).await
    }

    async fn end_session(&self, hash: &str) -> Result<()> {
        repeat(Patience::Short, "end a session", || end_session(self, hash)).await
    }

    async fn log_deed(&self, deed: &Deed) -> Result<()> {
        repeat(Patience::Short, "write down what was done", || log_deed(self, deed)).await
    }

    async fn deeds(&self, before: Option<i64>, limit: u32) -> Result<Vec<(i64, Deed)>> {
        repeat(Patience::Short, "read what was done", || deeds(self, before, limit)).await
    }
}

async fn add_token(store: &PostgresStore, token: &NewToken, now: DateTime<Utc>) -> Result<bool> {
    let mut tx = store.change().await?;
    sqlx::query(ADD_TOKEN)
        .bind(&token.hash)
        .bind(clean(&token.name))
        .bind(token.role.name())
        .bind(micros(now))
        .bind(clean(&token.created_by))
        .bind(token.expires_at.map(micros))
        .execute(&mut *tx)
        .await
        .map_err(failed("keep a token"))?;
    // Also where it was this one, and the answer was lost.
    let is_kept = sqlx::query_scalar("SELECT EXISTS (SELECT 1 FROM access_tokens WHERE hash = $1)")
        .bind(&token.hash)
        .fetch_one(&mut *tx)
        .await
        .map_err(failed("keep a token"))?;
    tx.commit("commit a token").await?;
    Ok(is_kept)
}

async fn tokens(store: &PostgresStore) -> Result<Vec<Token>> {
    let mut tx = store.snapshot().await?;
    let rows: Vec<TokenColumns> =
        sqlx::query_as(TOKENS).fetch_all(&mut *tx).await.map_err(failed("read tokens"))?;
    tx.end().await;
    rows.into_iter().map(TokenColumns::shown).collect()
}

async fn use_token(store: &PostgresStore, hash: &str, now: DateTime<Utc>) -> Result<Option<Token>> {
    let mut tx = store.change().await?;
    let row: Option<TokenColumns> = sqlx::query_as(TOKEN)
        .bind(hash)
        .bind(micros(now))
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed("look for a token"))?;
    let Some(row) = row else {
        tx.end().await;
        return Ok(None);
    };
    sqlx::query(NOTE_USE)
        .bind(hash)
        .bind(micros(now))
        .bind(micros(now - TimeDelta::minutes(1)))
        .execute(&mut *tx)
        .await
        .map_err(failed("note the use of a token"))?;
    tx.commit("commit the use of a token").await?;
    row.shown().map(Some)
}

async fn revoke_token(store: &PostgresStore, name: &str, now: DateTime<Utc>) -> Result<bool> {
    let mut tx = store.change().await?;
    let revoked: Vec<String> = sqlx::query_scalar(REVOKE)
        .bind(clean(name))
        .bind(micros(now))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("revoke a token"))?;
    sqlx::query(LOG_OUT).bind(&revoked).execute(&mut *tx).await.map_err(failed("end sessions"))?;
    tx.commit("commit a revoked token").await?;
    Ok(!revoked.is_empty())
}

async fn begin_session(
    store: &PostgresStore,
    hash: &str,
    session: &Session,
    now: DateTime<Utc>,
) -> Result<()> {
    let mut tx = store.change().await?;
    sqlx::query(FORGET).bind(micros(now)).execute(&mut *tx).await.map_err(failed("forget sessions"))?;
    sqlx::query(BEGIN)
        .bind(hash)
        .bind(&session.token_hash)
        .bind(micros(session.expires_at))
        .execute(&mut *tx)
        .await
        .map_err(failed("keep a session"))?;
    tx.commit("commit a session").await
}

async fn session(store: &PostgresStore, hash: &str, now: DateTime<Utc>) -> Result<Option<Session>> {
    let mut tx = store.snapshot().await?;
    let row: Option<SessionColumns> = sqlx::query_as(SESSION)
        .bind(hash)
        .bind(micros(now))
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed("look for a session"))?;
    tx.end().await;
    row.map(SessionColumns::shown).transpose()
}

async fn end_session(store: &PostgresStore, hash: &str) -> Result<()> {
    let mut tx = store.change().await?;
    sqlx::query("DELETE FROM access_sessions WHERE hash = $1")
        .bind(hash)
        .execute(&mut *tx)
        .await
        .map_err(failed("end a session"))?;
    tx.commit("commit the end of a session").await
}

async fn log_deed(store: &PostgresStore, deed: &Deed) -> Result<()> {
    let mut tx = store.change().await?;
    sqlx::query(LOG)
        .bind(micros(deed.at))
        .bind(clean(&deed.who))
        .bind(deed.via.name())
        .bind(clean(&deed.action))
        .bind(clean(&deed.target))
        .bind(clean(&deed.detail))
        .bind(deed.outcome.name())
        .execute(&mut *tx)
        .await
        .map_err(failed("write down what was done"))?;
    tx.commit("commit what was done").await
}

async fn deeds(store: &PostgresStore, before: Option<i64>, limit: u32) -> Result<Vec<(i64, Deed)>> {
    let mut tx = store.snapshot().await?;
    let rows: Vec<DeedColumns> = sqlx::query_as(DEEDS)
        .bind(before.unwrap_or(i64::MAX))
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read what was done"))?;
    tx.end().await;
    rows.into_iter().map(DeedColumns::shown).collect()
}
