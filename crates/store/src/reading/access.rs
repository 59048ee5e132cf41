//! Tokens, sessions, and what people did.

use crate::StoreError;
use crate::access::{Deed, Session, Token};
use crate::by_name::by_name;
use crate::codec::{named, optional_time, time};

type Result<T> = std::result::Result<T, StoreError>;

/// Columns of `access_tokens` that [`TokenColumns`] reads.
macro_rules! token_columns {
    () => {
        "name, role, created_at, created_by, expires_at, last_used_at, revoked_at"
    };
}
pub(crate) use token_columns;

by_name! {
    /// A token.
    pub(crate) struct TokenColumns {
        name: String,
        role: String,
        created_at: i64,
        created_by: String,
        expires_at: Option<i64>,
        last_used_at: Option<i64>,
        revoked_at: Option<i64>,
    }
}

impl TokenColumns {
    pub(crate) fn shown(self) -> Result<Token> {
        Ok(Token {
            name: self.name,
            role: named("access_tokens.role", &self.role)?,
            created_at: time("access_tokens.created_at", self.created_at)?,
            created_by: self.created_by,
            expires_at: optional_time("access_tokens.expires_at", self.expires_at)?,
            last_used_at: optional_time("access_tokens.last_used_at", self.last_used_at)?,
            revoked_at: optional_time("access_tokens.revoked_at", self.revoked_at)?,
        })
    }
}

by_name! {
    /// A session.
    pub(crate) struct SessionColumns {
        token_hash: String,
        expires_at: i64,
    }
}

impl SessionColumns {
    pub(crate) fn shown(self) -> Result<Session> {
        let expires_at = time("access_sessions.expires_at", self.expires_at)?;
        Ok(Session { token_hash: self.token_hash, expires_at })
    }
}

by_name! {
    /// What somebody did.
    pub(crate) struct DeedColumns {
        id: i64,
        done_at: i64,
        who: String,
        via: String,
        action: String,
        target: String,
        detail: String,
        outcome: String,
    }
}

impl DeedColumns {
    pub(crate) fn shown(self) -> Result<(i64, Deed)> {
        let deed = Deed {
            at: time("audit_log.done_at", self.done_at)?,
            who: self.who,
            via: named("audit_log.via", &self.via)?,
            action: self.action,
            target: self.target,
            detail: self.detail,
            outcome: named("audit_log.outcome", &self.outcome)?,
        };
        Ok((self.id, deed))
    }
}
