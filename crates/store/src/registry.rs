//! The templates that accounts have: what they told when they were asked last, and what webhooks told since.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::TemplateKey;

/// The status of a template that may be sent.
pub const APPROVED: &str = "APPROVED";

/// What is known of a template. The words are the platform's, in capitals; empty where nobody told.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct TemplateFacts {
    /// `MARKETING`, …
    pub category: String,
    /// `APPROVED`, `PAUSED`, …
    pub status: String,
    /// `GREEN`, `YELLOW`, `RED`, `UNKNOWN`.
    pub quality: String,
    /// `POSITIONAL` or `NAMED`.
    pub parameter_format: String,
    /// `message_send_ttl_seconds`; `None`: the platform's default.
    pub ttl_s: Option<i64>,
    /// Its max price: per 1,000 deliveries, in the smallest unit of the account's currency.
    pub bid_amount: Option<i64>,
    /// When we first saw it.
    pub first_seen_at: Option<DateTime<Utc>>,
    /// When we first saw it approved.
    pub approved_at: Option<DateTime<Utc>>,
    /// When the platform last spoke of its status, its quality and its category: a word that it repeats is older.
    pub told_at: Told,
}

/// When the platform last spoke of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Told {
    status: Option<DateTime<Utc>>,
    quality: Option<DateTime<Utc>>,
    category: Option<DateTime<Utc>>,
}

/// A template that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisteredTemplate {
    /// Which.
    pub key: TemplateKey,
    /// What is known of it.
    pub facts: TemplateFacts,
    /// When the account was last asked for it; `None`: only webhooks told of it.
    pub read_at: Option<DateTime<Utc>>,
}

/// A template as the account told it; its times do not count.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadTemplate {
    /// Which.
    pub key: TemplateKey,
    /// What the account told.
    pub facts: TemplateFacts,
}

/// What a webhook tells of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateNews {
    /// Which.
    pub key: TemplateKey,
    /// When the platform said so.
    pub said_at: DateTime<Utc>,
    /// What.
    pub what: News,
}

/// What is new.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// Its status, with its category where that was told too.
    Status {
        /// The platform's word.
        status: String,
        /// The platform's word.
        category: Option<String>,
        /// Whether an approval may be its first: it ends no pause.
        may_be_first: bool,
    },
    /// Its quality.
    Quality(String),
    /// Its category.
    Category(String),
}

impl TemplateFacts {
    /// These facts, as an account told them at `now`, after what was known before.
    #[must_use]
    pub(crate) fn read(self, before: Option<&Self>, now: DateTime<Utc>) -> Self {
        let all = Told { status: Some(now), quality: Some(now), category: Some(now) };
        let known = before.cloned().unwrap_or_default();
        Self { first_seen_at: known.first_seen_at, approved_at: known.approved_at, told_at: all, ..self }
            .seen(now)
    }

    /// What is known after the news; nothing new where something newer was told.
    #[must_use]
    pub(crate) fn after(&self, news: &TemplateNews, now: DateTime<Utc>) -> Self {
        let mut facts = self.clone();
        let is_newer = |last: &mut Option<DateTime<Utc>>| {
            let is_newer = last.is_none_or(|last| last <= news.said_at);
            if is_newer {
                *last = Some(news.said_at);
            }
            is_newer
        };
        match &news.what {
            News::Status { status, category, .. } => {
                if is_newer(&mut facts.told_at.status) {
                    facts.status.clone_from(status);
                    if let Some(category) = category.as_ref().filter(|_| facts.category.is_empty()) {
                        facts.category.clone_from(category);
                    }
                }
            }
            News::Quality(quality) => {
                if is_newer(&mut facts.told_at.quality) {
                    facts.quality.clone_from(quality);
                }
            }
            News::Category(category) => {
                if is_newer(&mut facts.told_at.category) {
                    facts.category.clone_from(category);
                }
            }
        }
        facts.seen(now)
    }

    fn seen(mut self, now: DateTime<Utc>) -> Self {
        self.first_seen_at = self.first_seen_at.or(Some(now));
        self.approved_at = self.approved_at.or((self.status == APPROVED).then_some(now));
        self
    }
}

impl TemplateNews {
    /// Whether it says that a template comes into being, where this is what was known of it before: an approval that is
    /// its first, as far as anybody saw.
    #[must_use]
    pub(crate) fn creates(&self, before: Option<&TemplateFacts>) -> bool {
        let was_never_approved = before.is_none_or(|facts| {
            facts.approved_at.is_none()
                && matches!(facts.status.as_str(), "" | "PENDING" | "IN_APPEAL" | "REJECTED")
        });
        match &self.what {
            News::Status { status, may_be_first, .. } => {
                status == APPROVED && *may_be_first && was_never_approved
            }
            News::Quality(_) | News::Category(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(second, 0).unwrap()
    }

    fn status(status: &str, said: i64) -> TemplateNews {
        let key = TemplateKey { waba_id: "1".into(), name: "sale".into(), language: "en".into() };
        let what = News::Status { status: status.into(), category: None, may_be_first: true };
        TemplateNews { key, said_at: at(said), what }
    }

    #[test]
    fn the_newest_word_counts() {
        let approved = TemplateFacts::default().after(&status("APPROVED", 10), at(11));
        assert_eq!((approved.first_seen_at, approved.approved_at), (Some(at(11)), Some(at(11))));
        let paused = approved.after(&status("PAUSED", 20), at(21));
        assert_eq!((paused.status.as_str(), paused.approved_at), ("PAUSED", Some(at(11))));
        assert_eq!(paused.after(&status("APPROVED", 10), at(30)).status, "PAUSED", "repeated");
        let read =
            TemplateFacts { status: "APPROVED".into(), ttl_s: Some(43_200), ..TemplateFacts::default() };
        let read = read.read(Some(&paused), at(40));
        assert_eq!((read.status.as_str(), read.first_seen_at), ("APPROVED", Some(at(11))));
        assert_eq!(read.after(&status("PAUSED", 20), at(50)).status, "APPROVED", "the account knew it");
    }

    #[test]
    fn only_a_first_approval_creates() {
        let approval = status("APPROVED", 1);
        assert!(approval.creates(None));
        let was = |status: &str, approved_at| TemplateFacts {
            status: status.into(),
            approved_at,
            ..TemplateFacts::default()
        };
        assert!(approval.creates(Some(&was("PENDING", None))));
        assert!(!approval.creates(Some(&was("PAUSED", None))), "it was there before we looked");
        assert!(!approval.creates(Some(&was("PENDING", Some(at(1))))));
        assert!(!status("PAUSED", 1).creates(None));
    }
}
