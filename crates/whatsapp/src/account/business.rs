//! The sender's number and the business account it belongs to.

use std::fmt;

use serde_json::Value;

use super::ask::{AccountError, text, unreadable};
use crate::client::is_id;
use crate::health::{MessagingLimit, Quality};
use crate::{Client, Provider};

/// What the platform says about a business phone number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneNumberInfo {
    /// Its id.
    pub id: String,
    /// The number as people write it.
    pub display_phone_number: Option<String>,
    /// The name recipients see.
    pub verified_name: Option<String>,
    /// How many messages per second it may send.
    pub throughput: Throughput,
    /// Its quality rating.
    pub quality: Quality,
    /// Whether it can send at all.
    pub status: NumberStatus,
    /// The portfolio's messaging limit; `None` where the platform did not say.
    pub messaging_limit: Option<MessagingLimit>,
}

/// How many messages per second a number may send.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Throughput {
    /// 80 messages per second (20 for numbers that are also used in the WhatsApp Business app).
    Standard,
    /// 1,000 messages per second.
    High,
    /// `NOT_APPLICABLE`, or a level this program does not know; empty where the platform did not say.
    Other(String),
}

/// Whether a number can send.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NumberStatus {
    /// Registered.
    Connected,
    /// Anything else (`PENDING`, `DISCONNECTED`, `FLAGGED`, `BANNED`, `RESTRICTED`, ...).
    Other(String),
    /// The platform did not say.
    Unknown,
}

/// What the platform says about a business account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessAccountInfo {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: Option<String>,
    /// The currency it is billed in: ISO 4217, upper case.
    pub currency: Option<String>,
    /// Whether it may use the Marketing Messages API.
    pub onboarding: OnboardingStatus,
}

/// Whether an account may use the Marketing Messages API (`marketing_messages_onboarding_status`).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum OnboardingStatus {
    /// It does.
    Onboarded,
    /// It may, once the terms are signed.
    Eligible,
    /// It waits for a payment method.
    PendingValidPaymentMethod,
    /// It waits for the platform.
    PendingInternalSetup,
    /// It may not, for the reason in the name: `INELIGIBLE_COUNTRY_NOT_SUPPORTED`, ...
    Ineligible(String),
    /// A status this program does not know.
    Other(String),
    /// The platform did not say.
    Unknown,
}

impl Client {
    /// Asks for the sender's own number.
    ///
    /// # Errors
    ///
    /// See [`AccountError`]; 360dialog does not offer it.
    pub async fn phone_number(&self) -> Result<PhoneNumberInfo, AccountError> {
        let what = "the sender's number";
        if self.provider == Provider::Dialog360 {
            return Err(AccountError::NotOffered { what: what.to_owned() });
        }
        let fields = ["id", "display_phone_number", "verified_name", "quality_rating", "throughput"];
        let optional = ["status", "whatsapp_business_manager_messaging_limit"];
        let value = self.ask_fields(what, &self.phone_number_id, &[], &fields, &optional).await?;
        let id = text(&value, "id").ok_or_else(|| unreadable(what, "it has no id"))?;
        let level = value.get("throughput").and_then(|throughput| text(throughput, "level"));
        Ok(PhoneNumberInfo {
            id,
            display_phone_number: text(&value, "display_phone_number"),
            verified_name: text(&value, "verified_name"),
            throughput: match level.as_deref() {
                Some("STANDARD") => Throughput::Standard,
                Some("HIGH") => Throughput::High,
                level => Throughput::Other(level.unwrap_or_default().to_owned()),
            },
            quality: text(&value, "quality_rating").map_or(Quality::Unknown, |rating| Quality::read(&rating)),
            status: match text(&value, "status") {
                Some(status) if status == "CONNECTED" => NumberStatus::Connected,
                Some(status) => NumberStatus::Other(status),
                None => NumberStatus::Unknown,
            },
            messaging_limit: text(&value, "whatsapp_business_manager_messaging_limit")
                .and_then(|limit| MessagingLimit::read(&limit)),
        })
    }

    /// Asks for the business account.
    ///
    /// # Errors
    ///
    /// See [`AccountError`]; 360dialog does not offer it.
    pub async fn business_account(&self, waba_id: &str) -> Result<BusinessAccountInfo, AccountError> {
        let what = format!("the business account {waba_id}");
        if self.provider == Provider::Dialog360 {
            return Err(AccountError::NotOffered { what });
        }
        check_id(&what, waba_id)?;
        let optional = ["marketing_messages_onboarding_status"];
        let value = self.ask_fields(&what, waba_id, &[], &["id", "name", "currency"], &optional).await?;
        Ok(BusinessAccountInfo {
            id: text(&value, "id").ok_or_else(|| unreadable(&what, "it has no id"))?,
            name: text(&value, "name"),
            currency: text(&value, "currency").map(|currency| currency.to_ascii_uppercase()),
            onboarding: onboarding(&value),
        })
    }
}

/// An id goes into a path, so it must be one.
pub(super) fn check_id(what: &str, id: &str) -> Result<(), AccountError> {
    if is_id(id) {
        return Ok(());
    }
    Err(AccountError::InvalidId { what: what.to_owned(), id: id.to_owned() })
}

fn onboarding(value: &Value) -> OnboardingStatus {
    let key = "marketing_messages_onboarding_status";
    // The business level wraps it: {"status":..,"time":..}.
    let wrapped = value.get(key).and_then(|status| text(status, "status"));
    match text(value, key).or(wrapped) {
        None => OnboardingStatus::Unknown,
        Some(status) => match status.as_str() {
            "ONBOARDED" => OnboardingStatus::Onboarded,
            "ELIGIBLE" => OnboardingStatus::Eligible,
            "PENDING_VALID_PAYMENT_METHOD" => OnboardingStatus::PendingValidPaymentMethod,
            "PENDING_INTERNAL_SETUP" => OnboardingStatus::PendingInternalSetup,
            name if name.starts_with("INELIGIBLE") => OnboardingStatus::Ineligible(status),
            _ => OnboardingStatus::Other(status),
        },
    }
}

/// The platform's word; `UNKNOWN` where it said none.
impl fmt::Display for OnboardingStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Onboarded => "ONBOARDED",
            Self::Eligible => "ELIGIBLE",
            Self::PendingValidPaymentMethod => "PENDING_VALID_PAYMENT_METHOD",
            Self::PendingInternalSetup => "PENDING_INTERNAL_SETUP",
            Self::Ineligible(name) | Self::Other(name) => name,
            Self::Unknown => "UNKNOWN",
        })
    }
}

impl fmt::Display for Throughput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Standard => "STANDARD",
            Self::High => "HIGH",
            Self::Other(name) => name,
        })
    }
}

/// The platform's word; `UNKNOWN` where it said none.
impl fmt::Display for NumberStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connected => "CONNECTED",
            Self::Other(name) => name,
            Self::Unknown => "UNKNOWN",
        })
    }
}
