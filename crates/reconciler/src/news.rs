//! What webhooks tell of templates, for what is known of them. Pure: events in, news out.

use chrono::{DateTime, Utc};
use store::registry::{APPROVED, News, TemplateNews};
use whatsapp::webhook::{TemplateCategory, TemplateEvent, TemplateQuality, TemplateRef, TemplateStatus};

use crate::health::key;

/// A template's status.
#[must_use]
pub fn of_status(told: &TemplateStatus, said_at: DateTime<Utc>) -> Option<TemplateNews> {
    let status = match &told.event {
        TemplateEvent::Approved | TemplateEvent::Reinstated | TemplateEvent::Unarchived => APPROVED,
        TemplateEvent::Archived => "ARCHIVED",
        TemplateEvent::Deleted => "DELETED",
        TemplateEvent::Disabled => "DISABLED",
        TemplateEvent::InAppeal => "IN_APPEAL",
        TemplateEvent::LimitExceeded => "LIMIT_EXCEEDED",
        TemplateEvent::Paused => "PAUSED",
        TemplateEvent::Pending => "PENDING",
        TemplateEvent::PendingDeletion => "PENDING_DELETION",
        TemplateEvent::Rejected => "REJECTED",
        // These say something of it, and leave its status as it is.
        TemplateEvent::Flagged | TemplateEvent::Locked | TemplateEvent::Other(_) => return None,
    };
    let what = News::Status {
        status: status.to_owned(),
        category: told.category.clone(),
        // What ends a pause says so in its title.
        may_be_first: told.event == TemplateEvent::Approved && told.title.is_none(),
    };
    news(&told.template, said_at, what)
}

/// A template's quality.
#[must_use]
pub fn of_quality(told: &TemplateQuality, said_at: DateTime<Utc>) -> Option<TemplateNews> {
    news(&told.template, said_at, News::Quality(told.new.to_string()))
}

/// A template's category, once it has changed.
#[must_use]
pub fn of_category(told: &TemplateCategory, said_at: DateTime<Utc>) -> Option<TemplateNews> {
    let TemplateCategory::Completed { template, new, .. } = told else { return None };
    news(template, said_at, News::Category(new.to_ascii_uppercase()))
}

fn news(template: &TemplateRef, said_at: DateTime<Utc>, what: News) -> Option<TemplateNews> {
    Some(TemplateNews { key: key(template)?, said_at, what })
}
