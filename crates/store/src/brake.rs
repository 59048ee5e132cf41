//! Brakes: what must not be sent for now, and only that.
//!
//! A template, a sender or an account that the platform paused, restricted or refuses is braked, for all campaigns
//! and workers: no message is claimed that it touches, and nothing else stands still. What stands still waits, with
//! its attempts kept, and goes on when the brake is lifted: by what the platform says next, by time, or by a person.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::{GroupRow, TemplateKey};

/// What a brake touches.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// A template of an account, on every sender.
    Template(TemplateKey),
    /// A sender, by its name in the configuration.
    Sender(String),
    /// A WhatsApp Business Account, by its id: all its senders and templates.
    Account(String),
}

impl Subject {
    /// Whether the messages of a group are touched.
    #[must_use]
    pub fn touches(&self, group: &GroupRow) -> bool {
        match self {
            Self::Template(key) => *key == group.template,
            Self::Sender(name) => *name == group.sender,
            Self::Account(waba_id) => *waba_id == group.template.waba_id,
        }
    }

    /// Its kind and its key, as they are kept.
    pub(crate) fn columns(&self) -> (&'static str, String) {
        match self {
            Self::Template(TemplateKey { waba_id, name, language }) => {
                ("template", format!("{waba_id}/{name}/{language}"))
            }
            Self::Sender(name) => ("sender", name.clone()),
            Self::Account(waba_id) => ("account", waba_id.clone()),
        }
    }

    /// The subject that was kept as these columns.
    pub(crate) fn read(kind: &str, key: String) -> Option<Self> {
        match kind {
            "template" => {
                let mut parts = key.splitn(3, '/').map(str::to_owned);
                let (waba_id, name, language) = (parts.next()?, parts.next()?, parts.next()?);
                Some(Self::Template(TemplateKey { waba_id, name, language }))
            }
            "sender" => Some(Self::Sender(key)),
            "account" => Some(Self::Account(key)),
            _ => None,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Template(key) => write!(f, "the template {} ({})", key.name, key.language),
            Self::Sender(name) => write!(f, "the sender {name}"),
            Self::Account(waba_id) => write!(f, "the account {waba_id}"),
        }
    }
}

/// What a brake was set for. Each cause is lifted for itself: a template that is approved again may still be of the
/// wrong category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Cause {
    /// The platform refused messages with this code (0 where it gave none).
    Refused(i64),
    /// It may not be used: a template that is paused or disabled, an account that is disabled, …
    Status,
    /// Its quality is low.
    Quality,
    /// A template that is not marketing (any more).
    Category,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code) => write!(f, "refused:{code}"),
            Self::Status => f.write_str("status"),
            Self::Quality => f.write_str("quality"),
            Self::Category => f.write_str("category"),
        }
    }
}

/// A text that names no cause.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is no cause of a brake")]
pub struct NoCause(String);

impl FromStr for Cause {
    type Err = NoCause;

    fn from_str(text: &str) -> Result<Self, NoCause> {
        let no_cause = || NoCause(text.to_owned());
        match text {
            "status" => Ok(Self::Status),
            "quality" => Ok(Self::Quality),
            "category" => Ok(Self::Category),
            _ => {
                let code = text.strip_prefix("refused:").ok_or_else(no_cause)?;
                code.parse().map(Self::Refused).map_err(|_| no_cause())
            }
        }
    }
}

impl From<Cause> for String {
    fn from(cause: Cause) -> Self {
        cause.to_string()
    }
}

impl TryFrom<String> for Cause {
    type Error = NoCause;

    fn try_from(text: String) -> Result<Self, NoCause> {
        text.parse()
    }
}

/// A brake that is on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brake {
    /// What it touches.
    pub on: Subject,
    /// What it was set for.
    pub cause: Cause,
    /// Why, as a sentence that also says what to do.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
    /// When it ends by itself; `None`: when it is lifted.
    pub until: Option<DateTime<Utc>>,
}

/// A change of what is braked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BrakeChange {
    /// Sets a brake. Where it is on already, it keeps its `since`, takes the new reason, and ends no sooner.
    Set(Brake),
    /// Lifts the brakes on a subject that were set for these causes.
    Lift(Subject, Vec<Lifted>),
}

/// Causes that are lifted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifted {
    /// One cause.
    Cause(Cause),
    /// Refusals with any code.
    Refusals,
    /// Whatever it was.
    Everything,
}

impl Lifted {
    /// Whether a brake of this cause is lifted.
    #[must_use]
    pub fn includes(self, cause: Cause) -> bool {
        match self {
            Self::Cause(one) => one == cause,
            Self::Refusals => matches!(cause, Cause::Refused(_)),
            Self::Everything => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subjects_and_causes_are_read_as_they_were_kept() {
        let key = TemplateKey { waba_id: "1".into(), name: "sale".into(), language: "en_US".into() };
        for subject in [Subject::Template(key), Subject::Sender("a/b".into()), Subject::Account("7".into())] {
            let (kind, key) = subject.columns();
            assert_eq!(Subject::read(kind, key), Some(subject));
        }
        assert_eq!(Subject::read("moon", "1".into()), None);
        assert_eq!(Subject::read("template", "1/sale".into()), None);
        for cause in [Cause::Refused(132_015), Cause::Status, Cause::Quality, Cause::Category] {
            assert_eq!(cause.to_string().parse(), Ok(cause));
        }
        assert!("refused:soon".parse::<Cause>().is_err() && "".parse::<Cause>().is_err());
    }
}
