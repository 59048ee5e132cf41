//! What happens to templates, accounts and numbers. The keys decide which event it is, because the examples
//! of Meta's documentation carry wrong field names; where they leave it open, the field does.

use serde::Deserialize;

use super::decode::{Change, Keys};
use super::event::{
    AccountAlert, AccountEvent, AccountUpdate, Capability, Event, NumberEvent, PhoneQuality, Restriction,
    TemplateCategory, TemplateEvent, TemplateQuality, TemplateRef, TemplateStatus,
};
use super::raw::{self, Raw};
use crate::health::{MessagingLimit, Quality};

/// How many restrictions of an account are kept; the platform knows fewer kinds.
const MOST_RESTRICTIONS: usize = 100;

/// The event, or `None` where it is none that anybody here asks for.
pub(super) fn decode(
    field: &str,
    keys: &Keys<'_>,
    change: &Change<'_>,
    waba_id: Option<&str>,
) -> Option<Event> {
    if keys.message_template_id.is_some() || keys.message_template_name.is_some() {
        return template(keys, change, waba_id);
    }
    let waba_id = waba_id.map(str::to_owned);
    match field {
        "account_update" => account(keys, waba_id),
        "phone_number_quality_update" => number(keys, waba_id),
        "business_capability_update" => Some(capability(keys, waba_id)),
        "account_alerts" => Some(alert(keys)),
        _ if is_account(keys) => account(keys, waba_id),
        _ if keys.display_phone_number.is_some() && limit(keys).is_some() => number(keys, waba_id),
        _ if keys.event.is_none() && limit(keys).is_some() => Some(capability(keys, waba_id)),
        _ => None,
    }
}

fn template(keys: &Keys<'_>, change: &Change<'_>, waba_id: Option<&str>) -> Option<Event> {
    let template = TemplateRef {
        id: raw::name(keys.message_template_id),
        name: raw::name(keys.message_template_name),
        language: raw::name(keys.message_template_language),
        waba_id: waba_id.map(str::to_owned),
    };
    if let Some(new) = raw::text(keys.new_quality_score) {
        let previous = raw::text(keys.previous_quality_score).unwrap_or_default();
        let (previous, new) = (Quality::read(&previous), Quality::read(&new));
        return Some(Event::TemplateQuality(TemplateQuality { template, previous, new }));
    }
    if let Some(new) = raw::name(keys.new_category) {
        return Some(Event::TemplateCategory(match raw::text(keys.correct_category) {
            Some(correct) => TemplateCategory::Impending {
                template,
                current: new,
                correct,
                at: raw::time(keys.category_update_timestamp),
            },
            None => {
                TemplateCategory::Completed { template, previous: raw::text(keys.previous_category), new }
            }
        }));
    }
    let event = raw::text(keys.event)?;
    let OtherInfo { title, description } = raw::object(keys.other_info);
    let rejection: RejectionInfo<'_> = raw::object(keys.rejection_info.or(change.rejection_info));
    Some(Event::TemplateStatus(TemplateStatus {
        template,
        event: template_event(event),
        reason: raw::text(rejection.reason)
            .or_else(|| raw::text(keys.reason))
            .filter(|reason| !reason.eq_ignore_ascii_case("none")),
        title: raw::text(title),
        description: raw::text(description).or_else(|| raw::text(rejection.recommendation)),
        category: raw::name(keys.message_template_category),
    }))
}

fn template_event(name: String) -> TemplateEvent {
    match name.to_ascii_uppercase().as_str() {
        "APPROVED" => TemplateEvent::Approved,
        "ARCHIVED" => TemplateEvent::Archived,
        "UNARCHIVED" => TemplateEvent::Unarchived,
        "DELETED" => TemplateEvent::Deleted,
        "DISABLED" => TemplateEvent::Disabled,
        "FLAGGED" => TemplateEvent::Flagged,
        "IN_APPEAL" => TemplateEvent::InAppeal,
        "LIMIT_EXCEEDED" => TemplateEvent::LimitExceeded,
        "LOCKED" => TemplateEvent::Locked,
        "PAUSED" => TemplateEvent::Paused,
        "PENDING" => TemplateEvent::Pending,
        "REINSTATED" => TemplateEvent::Reinstated,
        "PENDING_DELETION" => TemplateEvent::PendingDeletion,
        "REJECTED" => TemplateEvent::Rejected,
        _ => TemplateEvent::Other(name),
    }
}

fn is_account(keys: &Keys<'_>) -> bool {
    keys.event.is_some()
        && [keys.waba_info, keys.violation_info, keys.restriction_info, keys.ban_info]
            .iter()
            .any(Option::is_some)
}

fn account(keys: &Keys<'_>, waba_id: Option<String>) -> Option<Event> {
    let name = raw::text(keys.event)?;
    let WabaInfo { waba_id: named, owner_business_id } = raw::object(keys.waba_info);
    let event = match name.to_ascii_uppercase().as_str() {
        "MM_LITE_TERMS_SIGNED" => AccountEvent::TermsSigned,
        "AD_ACCOUNT_LINKED" => AccountEvent::AdAccountLinked,
        "ACCOUNT_DELETED" => AccountEvent::Deleted,
        "ACCOUNT_VIOLATION" => {
            let ViolationInfo { violation_type } = raw::object(keys.violation_info);
            AccountEvent::Violation { violation_type: raw::text(violation_type) }
        }
        "ACCOUNT_RESTRICTION" => {
            AccountEvent::Restriction { restrictions: restrictions(keys.restriction_info) }
        }
        "DISABLED_UPDATE" => {
            let BanInfo { waba_ban_state, waba_ban_date } = raw::object(keys.ban_info);
            AccountEvent::Disabled { state: raw::text(waba_ban_state), date: raw::text(waba_ban_date) }
        }
        _ => AccountEvent::Other(name),
    };
    Some(Event::AccountUpdate(AccountUpdate {
        waba_id: raw::name(named).or(waba_id),
        owner_business_id: raw::name(owner_business_id),
        event,
    }))
}

fn restrictions(list: Raw<'_>) -> Vec<Restriction> {
    raw::first(list, MOST_RESTRICTIONS)
        .into_iter()
        .map(|item| {
            let RestrictionInfo { restriction_type, expiration } = raw::object(Some(item));
            Restriction {
                kind: raw::text(restriction_type).unwrap_or_default(),
                until: raw::time(expiration),
            }
        })
        .collect()
}

fn number(keys: &Keys<'_>, waba_id: Option<String>) -> Option<Event> {
    let name = raw::text(keys.event)?;
    let event = match name.to_ascii_uppercase().as_str() {
        "ONBOARDING" => NumberEvent::Onboarding,
        "THROUGHPUT_UPGRADE" => NumberEvent::ThroughputUpgrade,
        "UPGRADE" => NumberEvent::Upgrade,
        "DOWNGRADE" => NumberEvent::Downgrade,
        "FLAGGED" => NumberEvent::Flagged,
        "UNFLAGGED" => NumberEvent::Unflagged,
        _ => NumberEvent::Other(name),
    };
    Some(Event::PhoneQuality(PhoneQuality {
        display_phone_number: raw::name(keys.display_phone_number),
        waba_id,
        event,
        limit: limit(keys),
    }))
}

fn capability(keys: &Keys<'_>, waba_id: Option<String>) -> Event {
    let numbers = raw::integer(keys.max_phone_numbers_per_waba)
        .or_else(|| raw::integer(keys.max_phone_numbers_per_business))
        .and_then(|number| u64::try_from(number).ok());
    Event::Capability(Capability { waba_id, limit: limit(keys), max_phone_numbers: numbers })
}

/// The messaging limit under any of its names, the newest first.
fn alert(keys: &Keys<'_>) -> Event {
    let AlertInfo { alert_severity, alert_type, alert_description } = raw::object(keys.alert_info);
    Event::Alert(AccountAlert {
        entity: raw::text(keys.entity_type),
        entity_id: raw::text(keys.entity_id),
        severity: raw::text(alert_severity),
        kind: raw::text(alert_type),
        description: raw::text(alert_description),
    })
}

fn limit(keys: &Keys<'_>) -> Option<MessagingLimit> {
    [keys.max_daily_conversations_per_business, keys.current_limit, keys.max_daily_conversation_per_phone]
        .into_iter()
        .find_map(|raw| MessagingLimit::read(&raw::text(raw)?))
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct OtherInfo<'a> {
    #[serde(borrow)]
    title: Raw<'a>,
    #[serde(borrow)]
    description: Raw<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RejectionInfo<'a> {
    #[serde(borrow)]
    reason: Raw<'a>,
    #[serde(borrow)]
    recommendation: Raw<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WabaInfo<'a> {
    #[serde(borrow)]
    waba_id: Raw<'a>,
    #[serde(borrow)]
    owner_business_id: Raw<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct ViolationInfo<'a> {
    #[serde(borrow)]
    violation_type: Raw<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct BanInfo<'a> {
    #[serde(borrow)]
    waba_ban_state: Raw<'a>,
    #[serde(borrow)]
    waba_ban_date: Raw<'a>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct RestrictionInfo<'a> {
    #[serde(borrow)]
    restriction_type: Raw<'a>,
    #[serde(borrow)]
    expiration: Raw<'a>,
}

/// What an alert says.
#[derive(Deserialize, Default)]
#[serde(default)]
struct AlertInfo<'a> {
    #[serde(borrow)]
    alert_severity: Raw<'a>,
    #[serde(borrow)]
    alert_type: Raw<'a>,
    #[serde(borrow)]
    alert_description: Raw<'a>,
}
