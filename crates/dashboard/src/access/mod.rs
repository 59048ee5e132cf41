//! Who asks, and whether they may.
//!
//! People log in once with a token and have a session, a cookie that only this origin gets; programs send the token with
//! each request (`Authorization: Bearer …`). Tokens and what is in cookies are random, and only their SHA-256 is kept.
//! Whoever has neither sees the log-in page and nothing else. Looking takes the role `viewer`, changing `operator`.
//!
//! | module | does |
//! | --- | --- |
//! | [`secret`] | makes tokens, and hashes them |
//! | `attempts` | how many wrong tokens are put up with |
//! | `guard` | lets requests through, or not |
//! | `origin` | that a browser's change was asked for by a page of ours |
//! | `login` | logging in and out |

mod attempts;
mod guard;
mod login;
mod origin;
pub mod secret;

use store::access::{Role, Via};

pub(crate) use attempts::Attempts;
pub(crate) use guard::guard;
pub(crate) use login::{LOGIN, LOGOUT, form, log_in, log_out};

/// What the configured token is called, in the audit log and on pages.
pub const CONFIGURED: &str = "dashboard.token";

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The token's name.
    pub(crate) name: String,
    /// What it allows.
    pub(crate) role: Role,
    /// Whether a person at a browser, or a program.
    pub(crate) via: Via,
}

impl Caller {
    /// Whether they may change something.
    pub(crate) fn may_change(&self) -> bool {
        self.role >= Role::Operator
    }
}
