//! Reading the body of a send: every field, its type and its range, as the platform checks them.

use serde_json::{Map, Value};

use crate::components::{Filled, check_components};
use crate::errors::ApiError;

/// Which of the two send endpoints a message came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    MarketingMessages,
    Messages,
}

impl Endpoint {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::MarketingMessages => "marketing_messages",
            Self::Messages => "messages",
        }
    }
}

/// Whom a message is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Recipient {
    /// Digits, country code first.
    Phone(String),
    /// A business-scoped user id.
    UserId(String),
}

impl Recipient {
    pub(crate) fn key(&self) -> &str {
        match self {
            Self::Phone(text) | Self::UserId(text) => text,
        }
    }
}

/// A send whose fields are all in order.
#[derive(Debug)]
pub(crate) struct Message {
    pub(crate) recipient: Recipient,
    /// The recipient as it was written.
    pub(crate) written_to: String,
    pub(crate) template: String,
    pub(crate) language: String,
    pub(crate) filled: Filled,
    pub(crate) strict: bool,
    pub(crate) multiplier: f64,
    pub(crate) callback_data: Option<String>,
}

/// The digits of a phone number as the platform compares them.
pub(crate) fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

/// The recipient as written, where there is one: `to` wins over `recipient`.
pub(crate) fn written_recipient(body: &Value) -> Option<&str> {
    ["to", "recipient"].iter().find_map(|key| body.get(key)?.as_str()).filter(|text| !text.is_empty())
}

/// Reads a send.
///
/// # Errors
/// The platform's error for the first field that is not in order.
pub(crate) fn read(endpoint: Endpoint, body: &Value) -> Result<Message, ApiError> {
    let Value::Object(body) = body else {
        return Err(ApiError::new(100, "The request body must be a JSON object."));
    };
    known_keys(endpoint, body)?;
    if text(body, "messaging_product")? != "whatsapp" {
        return Err(ApiError::new(100, "Param messaging_product must be one of {\"whatsapp\"}"));
    }
    if let Some(kind) = body.get("recipient_type")
        && kind != "individual"
    {
        return Err(ApiError::new(100, "Param recipient_type must be one of {\"individual\"}"));
    }
    if body.get("type").and_then(Value::as_str) != Some("template") {
        return Err(match endpoint {
            Endpoint::MarketingMessages => ApiError::new(100, "Message must be a template message."),
            Endpoint::Messages => ApiError::new(131051, "Only template messages are simulated."),
        });
    }
    let (recipient, written_to) = recipient(body)?;
    let (template, language, filled) = template(body)?;
    Ok(Message {
        recipient,
        written_to,
        template,
        language,
        filled,
        strict: product_policy(body)?,
        multiplier: multiplier(body)?,
        callback_data: callback_data(body)?,
    })
}

fn known_keys(endpoint: Endpoint, body: &Map<String, Value>) -> Result<(), ApiError> {
    const BOTH: &[&str] = &[
        "messaging_product",
        "recipient_type",
        "to",
        "recipient",
        "type",
        "template",
        "biz_opaque_callback_data",
        "context",
        "recipient_identity_key_hash",
    ];
    const MARKETING: &[&str] = &["product_policy", "message_activity_sharing", "bid_spec"];
    for key in body.keys() {
        let known = BOTH.contains(&key.as_str())
            || (endpoint == Endpoint::MarketingMessages && MARKETING.contains(&key.as_str()));
        if !known {
            return Err(ApiError::new(100, format!("Unexpected key \"{key}\" on param \"root\".")));
        }
    }
    if body.get("message_activity_sharing").is_some_and(|value| !value.is_boolean()) {
        return Err(ApiError::new(100, "Param message_activity_sharing must be a boolean."));
    }
    Ok(())
}

fn text<'a>(body: &'a Map<String, Value>, key: &str) -> Result<&'a str, ApiError> {
    match body.get(key) {
        Some(Value::String(text)) if !text.is_empty() => Ok(text),
        Some(Value::String(_)) | None => Err(ApiError::new(100, format!("The parameter {key} is required."))),
        Some(_) => Err(ApiError::new(100, format!("Param {key} must be a string."))),
    }
}

fn recipient(body: &Map<String, Value>) -> Result<(Recipient, String), ApiError> {
    if body.get("to").is_some() || body.get("recipient").is_none() {
        let written = text(body, "to")?;
        let number = written.strip_prefix('+').unwrap_or(written);
        if !(7..=15).contains(&number.len())
            || !number.bytes().all(|b| b.is_ascii_digit())
            || number.starts_with('0')
        {
            return Err(ApiError::new(131009, "Recipient phone number is not a valid phone number."));
        }
        return Ok((Recipient::Phone(number.to_owned()), written.to_owned()));
    }
    let written = text(body, "recipient")?;
    let valid = written.split_once('.').is_some_and(|(country, id)| {
        country.len() == 2
            && country.bytes().all(|b| b.is_ascii_uppercase())
            && (1..=128).contains(&id.len())
            && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.')
    });
    if !valid {
        return Err(ApiError::new(131009, "Recipient is not a valid business-scoped user id."));
    }
    Ok((Recipient::UserId(written.to_owned()), written.to_owned()))
}

fn template(body: &Map<String, Value>) -> Result<(String, String, Filled), ApiError> {
    let Some(Value::Object(template)) = body.get("template") else {
        return Err(ApiError::new(100, "The parameter template is required."));
    };
    for key in template.keys() {
        if !["name", "language", "components"].contains(&key.as_str()) {
            return Err(ApiError::new(100, format!("Unexpected key \"{key}\" on param \"template\".")));
        }
    }
    let name = text(template, "name").map_err(|_| ApiError::new(131008, "template['name'] is required."))?;
    if name.len() > 512 {
        return Err(ApiError::new(131009, "template['name'] is longer than 512 characters."));
    }
    let language = template.get("language");
    let code = language
        .and_then(|language| language.get("code"))
        .and_then(Value::as_str)
        .filter(|code| !code.is_empty())
        .ok_or_else(|| ApiError::new(131008, "template['language']['code'] is required."))?;
    if let Some(policy) = language.and_then(|language| language.get("policy"))
        && policy != "deterministic"
    {
        return Err(ApiError::new(131009, "template['language']['policy'] must be \"deterministic\"."));
    }
    let filled = match template.get("components") {
        None => Filled::default(),
        Some(components) => check_components(components, "template['components']")?,
    };
    Ok((name.to_owned(), code.to_owned(), filled))
}

/// Whether the policy is STRICT.
fn product_policy(body: &Map<String, Value>) -> Result<bool, ApiError> {
    match body.get("product_policy").map(Value::as_str) {
        None | Some(Some("CLOUD_API_FALLBACK")) => Ok(false),
        Some(Some("STRICT")) => Ok(true),
        Some(_) => Err(ApiError::new(
            100,
            "Param product_policy must be one of {\"CLOUD_API_FALLBACK\", \"STRICT\"}",
        )),
    }
}

fn multiplier(body: &Map<String, Value>) -> Result<f64, ApiError> {
    let Some(spec) = body.get("bid_spec") else { return Ok(1.0) };
    let refused = |why: &str| Err(ApiError::new(100, format!("Param bid_spec {why}")));
    let Value::Object(spec) = spec else { return refused("must be an object.") };
    if let Some(key) = spec.keys().find(|key| *key != "per_message_bid_multiplier") {
        return refused(&format!("has an unexpected key \"{key}\"."));
    }
    match spec.get("per_message_bid_multiplier") {
        None => Ok(1.0),
        Some(Value::Number(number)) => match number.as_f64() {
            Some(number) if number > 0.0 && number.is_finite() => Ok(number),
            _ => refused("['per_message_bid_multiplier'] must be greater than 0."),
        },
        Some(_) => refused("['per_message_bid_multiplier'] must be a number."),
    }
}

fn callback_data(body: &Map<String, Value>) -> Result<Option<String>, ApiError> {
    match body.get("biz_opaque_callback_data") {
        None => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= 512 => Ok(Some(text.clone())),
        Some(Value::String(_)) => {
            Err(ApiError::new(100, "Param biz_opaque_callback_data must be at most 512 characters long."))
        }
        Some(_) => Err(ApiError::new(100, "Param biz_opaque_callback_data must be a string.")),
    }
}
