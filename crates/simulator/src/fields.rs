//! Fields of the platform's objects: which are asked for, and what those of numbers, accounts and businesses say.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::config::{Account, Number};
use crate::errors::ApiError;

/// The names in `fields`, without what stands in braces or brackets after them.
pub(crate) fn asked(query: &HashMap<String, String>) -> Option<Vec<String>> {
    let mut names = vec![String::new()];
    let mut depth = 0_usize;
    for c in query.get("fields")?.chars() {
        match c {
            '{' | '(' => depth += 1,
            '}' | ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => names.push(String::new()),
            c if depth == 0 && !c.is_whitespace() => {
                if let Some(name) = names.last_mut() {
                    name.push(c);
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    Some(names.into_iter().map(|name| name.split('.').next().unwrap_or_default().to_owned()).collect())
}

/// A field that exists and may be empty.
pub(crate) enum Field {
    Unknown,
    Unset,
    Is(Value),
}

/// An object with the fields that were asked for, or its default ones.
pub(crate) fn select(
    id: &str,
    asked: Option<Vec<String>>,
    defaults: &[&str],
    field: impl Fn(&str) -> Field,
) -> Result<Value, ApiError> {
    let names = asked.unwrap_or_else(|| defaults.iter().map(|name| (*name).to_owned()).collect());
    let mut object = Map::new();
    for name in names {
        match field(&name) {
            Field::Is(value) => {
                object.insert(name, value);
            }
            Field::Unset => {}
            Field::Unknown => {
                return Err(ApiError::new(100, format!("Tried accessing nonexisting field ({name})")));
            }
        }
    }
    object.insert("id".to_owned(), json!(id));
    Ok(Value::Object(object))
}

/// Fields of a number that come without being asked for.
pub(crate) const NUMBER_DEFAULTS: &[&str] =
    &["verified_name", "display_phone_number", "quality_rating", "id"];

pub(crate) fn number_field(number: &Number, name: &str) -> Field {
    Field::Is(match name {
        "id" => json!(number.phone_number_id),
        "display_phone_number" => json!(number.display_phone_number),
        "verified_name" => json!("Simulated Business"),
        "quality_rating" => json!(number.quality),
        "status" => json!(number.status),
        "name_status" => json!("APPROVED"),
        "code_verification_status" => json!("VERIFIED"),
        "platform_type" => json!("CLOUD_API"),
        "account_mode" => json!("LIVE"),
        "throughput" => {
            json!({ "level": if number.throughput_per_second >= 1000 { "HIGH" } else { "STANDARD" } })
        }
        "whatsapp_business_manager_messaging_limit" => json!(tier(number.daily_limit)),
        "health_status" => health("PHONE_NUMBER", &number.phone_number_id, sends(&number.status)),
        _ => return Field::Unknown,
    })
}

fn sends(status: &str) -> bool {
    matches!(status, "CONNECTED" | "FLAGGED")
}

/// The name of a messaging limit: the smallest tier that is not below it.
pub(crate) fn tier(limit: Option<u32>) -> &'static str {
    match limit {
        Some(0..=250) => "TIER_250",
        Some(251..=2_000) => "TIER_2K",
        Some(2_001..=10_000) => "TIER_10K",
        Some(10_001..=100_000) => "TIER_100K",
        Some(_) | None => "TIER_UNLIMITED",
    }
}

/// Fields of an account that come without being asked for.
pub(crate) const WABA_DEFAULTS: &[&str] =
    &["id", "name", "currency", "timezone_id", "message_template_namespace"];

/// `business` is its owner, with how far that one is.
pub(crate) fn account_field(account: &Account, business: (&str, &str), name: &str) -> Field {
    Field::Is(match name {
        "id" => json!(account.waba_id),
        "name" => json!(account.name),
        "currency" => json!(account.currency),
        "timezone_id" => json!("71"),
        "message_template_namespace" => json!("sim_namespace"),
        "marketing_messages_onboarding_status" => json!(account.onboarding_status),
        "marketing_messages_lite_api_status" => match account.onboarding_status.as_str() {
            known @ ("ONBOARDED" | "ELIGIBLE") => json!(known),
            _ => json!("INELIGIBLE"),
        },
        "owner_business_info" => json!({
            "id": business.0,
            "name": "Simulated business",
            "marketing_messages_onboarding_status": { "status": business.1 },
        }),
        "disable_marketing_messages_on_cloud_api" => json!(account.disable_marketing_messages_on_cloud_api),
        "health_status" => health("WABA", &account.waba_id, true),
        _ => return Field::Unknown,
    })
}

pub(crate) fn business_field(id: &str, status: &str, name: &str) -> Field {
    Field::Is(match name {
        "id" => json!(id),
        "name" => json!("Simulated business"),
        "marketing_messages_onboarding_status" => json!({ "status": status }),
        _ => return Field::Unknown,
    })
}

fn health(kind: &str, id: &str, available: bool) -> Value {
    let can = if available { "AVAILABLE" } else { "BLOCKED" };
    json!({
        "can_send_message": can,
        "entities": [{ "entity_type": kind, "id": id, "can_send_message": can }],
    })
}
