//! Who may look and change over HTTP: tokens, sessions of browsers, and the log of what people did.

use std::fmt;
use std::str::FromStr;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::StoreError;

type Result<T> = std::result::Result<T, StoreError>;

/// Makes an enum whose values have names, which stand in columns and in answers.
macro_rules! names {
    ($(#[$about:meta])* $what:ident as $kind:literal { $($(#[$doc:meta])* $value:ident = $name:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub enum $what {
            $($(#[$doc])* #[serde(rename = $name)] $value,)*
        }

        impl $what {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$value),*];

            /// Its name, as it is stored and shown.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$value => $name,)* }
            }
        }

        impl fmt::Display for $what {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl FromStr for $what {
            type Err = String;

            fn from_str(text: &str) -> std::result::Result<Self, String> {
                let all = [$($name),*];
                match text {
                    $($name => Ok(Self::$value),)*
                    _ => Err(format!("{text} is no {}: {}", $kind, all.join(", "))),
                }
            }
        }
    };
}

names! {
    /// What a token allows. The later one allows what the earlier one does.
    Role as "role" {
        /// Looking.
        Viewer = "viewer",
        /// Looking and changing.
        Operator = "operator",
    }
}

names! {
    /// The way in which something was done.
    Via as "way" {
        /// A command.
        Cli = "cli",
        /// A page.
        Page = "page",
        /// The HTTP API.
        Api = "api",
    }
}

names! {
    /// How something ended that somebody did.
    Outcome as "outcome" {
        /// It was done.
        Done = "done",
        /// A rule refused it, or it made no sense: nothing was changed.
        Refused = "refused",
        /// It should have worked and did not.
        Failed = "failed",
    }
}

/// A token about to be kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// Whose it is; one that is not revoked has a name of its own.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// SHA-256 of the token, hexadecimal.
    pub hash: String,
    /// Who made it.
    pub created_by: String,
    /// Until when it is good; `None`: until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
}

/// What is known of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Token {
    /// Whose it is.
    pub name: String,
    /// What it allows.
    pub role: Role,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// Who made it.
    pub created_by: String,
    /// Until when it is good; `None`: until it is revoked.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was used last, to the minute.
    pub last_used_at: Option<DateTime<Utc>>,
    /// When it was revoked.
    pub revoked_at: Option<DateTime<Utc>>,
}

impl Token {
    /// Whether it lets anybody in.
    #[must_use]
    pub fn is_good(&self, now: DateTime<Utc>) -> bool {
        self.revoked_at.is_none() && self.expires_at.is_none_or(|end| now < end)
    }
}

/// A browser that is logged in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// SHA-256 of the token with which it logged in: whether that is still good is looked at each time.
    pub token_hash: String,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// What somebody did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Deed {
    /// When.
    pub at: DateTime<Utc>,
    /// The token's name; at the command line, the user of the system.
    pub who: String,
    /// Which way.
    pub via: Via,
    /// As the command is called: `pause`, `doubt resolve`.
    pub action: String,
    /// What it was done to: a campaign's key, a template, a sender. Never a recipient's address, which a purge would have
    /// to find.
    pub target: String,
    /// What else there is to say.
    pub detail: String,
    /// How it ended.
    pub outcome: Outcome,
}

/// Tokens, sessions and the log of what people did.
#[async_trait]
pub trait Access: Send + Sync {
    /// Keeps a token. False, and nothing is changed: another one that is not revoked has its name.
    async fn add_token(&self, token: &NewToken, now: DateTime<Utc>) -> Result<bool>;

    /// All tokens, also those that are revoked, by name and the newest first.
    async fn tokens(&self) -> Result<Vec<Token>>;

    /// The token of this hash, where it is good; notes that it was used.
    async fn use_token(&self, hash: &str, now: DateTime<Utc>) -> Result<Option<Token>>;

    /// Revokes the token of this name and logs out whoever used it. False: there was none.
    async fn revoke_token(&self, name: &str, now: DateTime<Utc>) -> Result<bool>;

    /// Keeps a browser's session by the SHA-256 of what is in its cookie, and forgets those that are over.
    async fn begin_session(&self, hash: &str, session: &Session, now: DateTime<Utc>) -> Result<()>;

    /// The session of this hash, where it is not over.
    async fn session(&self, hash: &str, now: DateTime<Utc>) -> Result<Option<Session>>;

    /// Logs a browser out.
    async fn end_session(&self, hash: &str) -> Result<()>;

    /// Writes down what somebody did. Where the database went away at the end it may stand there twice.
    async fn log_deed(&self, deed: &Deed) -> Result<()>;

    /// What people did, the newest first: at most `limit` before the number `before`, each with its number.
    async fn deeds(&self, before: Option<i64>, limit: u32) -> Result<Vec<(i64, Deed)>>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_as_they_are_written() {
        for role in Role::ALL {
            assert_eq!(role.name().parse::<Role>().as_ref(), Ok(role));
        }
        assert_eq!("root".parse::<Role>().unwrap_err(), "root is no role: viewer, operator");
        assert!(Role::Viewer < Role::Operator);
    }
}
