//! Brakes: what must not be sent for now, and only that.
//!
//! A template, a sender or an account that the platform paused, restricted or refuses is braked, for all campaigns
//! and workers: no message is claimed that it touches, and nothing else stands still. What stands still waits, with
//! its attempts kept, and goes on when the brake is lifted: by what the platform says next, by time, or by a person.
//!
//! The platform repeats its webhooks, for days and in any order. Of each subject and cause the newest word counts
//! ([`Word`]): an older one that comes again neither sets what was lifted since, nor lifts what was set since.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, TimeDelta, Utc};
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
    /// Sets a brake. Where it is on already, it keeps its `since`, takes the new reason, and ends no sooner. For any
    /// cause but refusals, `since` is when the platform said so: nothing is set where it has said something newer.
    Set(Brake),
    /// Lifts the brakes on a subject that were set for these causes, as was said at this time: what was set later stays.
    Lift(Subject, Vec<Lifted>, DateTime<Utc>),
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

/// What change made of brakes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Changed {
    /// Brakes that were set, or set again.
    pub set: Vec<Brake>,
    /// Brakes that were lifted.
    pub lifted: Vec<Brake>,
}

/// When a word about a subject and a cause was said, and whether it lifts. Words are ordered by their time; of two of
/// the same second the one that lifts counts, as what must not be sent after all is refused, and what may be is not
/// missed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word {
    /// When.
    pub said_at: DateTime<Utc>,
    /// Whether it lifts the brake, else it sets it.
    pub lifts: bool,
}

impl Word {
    /// Whether it counts after what was said before.
    #[must_use]
    pub fn counts_after(self, last: Option<Self>) -> bool {
        last.is_none_or(|last| last <= self)
    }
}

/// How far the platform's clock and ours may be apart: an answer is dated by ours, what lifts its brake by theirs.
const CLOCKS_APART: TimeDelta = TimeDelta::minutes(5);

impl Brake {
    /// Whether it was set by a word of the platform, which may be repeated; refusals are met, not told.
    #[must_use]
    pub fn is_told(&self) -> bool {
        !matches!(self.cause, Cause::Refused(_))
    }

    /// Whether a refusal is old enough to be what was lifted at that time.
    #[must_use]
    pub(crate) fn is_as_old_as(&self, said_at: DateTime<Utc>) -> bool {
        self.is_told() || self.since <= said_at + CLOCKS_APART
    }
}

/// The causes that the platform speaks of.
pub(crate) const TOLD: [Cause; 3] = [Cause::Status, Cause::Quality, Cause::Category];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_word_counts_and_of_two_at_once_the_one_that_lifts() {
        let word = |second, lifts| Word { said_at: DateTime::from_timestamp(second, 0).unwrap(), lifts };
        assert!(word(1, false).counts_after(None));
        for (new, last, counts) in [
            (word(2, false), word(1, true), true),
            (word(1, false), word(2, true), false),
            (word(1, true), word(2, false), false),
            (word(1, false), word(1, true), false),
            (word(1, true), word(1, false), true),
            (word(1, false), word(1, false), true),
        ] {
            assert_eq!(new.counts_after(Some(last)), counts, "{new:?} after {last:?}");
        }
    }

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
