//! 360dialog's form of the platform: a number is reached by its key, errors of the platform come wrapped, 360dialog has
//! some of its own, and webhooks carry headers of the receiver's choice and no signature.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::errors::ApiError;
use crate::state::{NumberState, State};

/// The first part of every path; [`crate::Simulator::dialog360_url`] ends in it.
pub(crate) const ROOT: &str = "360dialog";
/// The header with a number's key.
pub(crate) const KEY_HEADER: &str = "d360-api-key";

/// How 360dialog stands to a number that it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It passes on what it is told.
    #[default]
    Good,
    /// The key was replaced by another: 401.
    KeyRevoked,
    /// Messaging is switched off: 400.
    Disabled,
    /// Its invoices are overdue: 400.
    Unpaid,
    /// The path is blocked for it: 403.
    Blocked,
}

/// Where 360dialog posts the webhooks of a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyedWebhook {
    /// The full address.
    pub url: String,
    /// Sent along with each, as they are.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
}

/// A refusal of 360dialog's own: an HTTP status and a sentence, without a code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OwnError {
    pub(crate) http: u16,
    pub(crate) says: &'static str,
}

impl OwnError {
    /// What it says where it has only a status to give (360dialog: error code reference).
    pub(crate) fn of_status(http: u16) -> Self {
        let says = match http {
            400 => "Your WhatsApp for Business API has been disabled. Please contact our support team.",
            401 => "Invalid API key",
            403 => "The endpoint is blocked",
            429 => "You have exceeded the endpoint rate limit.",
            _ => "Internal server error",
        };
        Self { http, says }
    }

    /// As it is written.
    pub(crate) fn body(&self) -> Value {
        json!({ "meta": { "httpCode": self.http, "developerMessage": self.says, "success": false } })
    }
}

/// An error of the platform, as it is passed on.
pub(crate) fn wrapped(error: &ApiError, trace: &str) -> Value {
    json!({ "detail": error.body(trace) })
}

impl State {
    /// The id of a key's number, whatever its standing.
    pub(crate) fn number_of_any_standing(&self, key: Option<&str>) -> Option<String> {
        self.keyed(key?).map(|state| state.number.phone_number_id.clone())
    }

    fn keyed(&self, key: &str) -> Option<&NumberState> {
        self.numbers.values().find(|state| state.number.api_key.as_deref() == Some(key))
    }

    /// The number of a key.
    ///
    /// # Errors
    /// 360dialog's own refusals: an unknown key, or the number's standing.
    pub(crate) fn number_of_key(&self, key: Option<&str>) -> Result<&NumberState, OwnError> {
        let unknown = || OwnError::of_status(401);
        let state = key.and_then(|key| self.keyed(key)).ok_or_else(unknown)?;
        match state.standing {
            Standing::Good => Ok(state),
            Standing::KeyRevoked => Err(unknown()),
            Standing::Disabled => Err(OwnError::of_status(400)),
            Standing::Unpaid => Err(OwnError {
                http: 400,
                says: "Could not send message due to lack of payment. Messaging can resume once overdue invoices \
                       towards 360Dialog are settled.",
            }),
            Standing::Blocked => Err(OwnError::of_status(403)),
        }
    }
}
