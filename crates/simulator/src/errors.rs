//! The platform's error codes: HTTP status, title, and the body that carries them.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// One row of the platform's table (Meta: Cloud API error codes, and the Marketing Messages API's own).
struct Known {
    code: u32,
    http: u16,
    title: &'static str,
}

const fn known(code: u32, http: u16, title: &'static str) -> Known {
    Known { code, http, title }
}

/// Sorted by code.
const TABLE: &[Known] = &[
    known(0, 401, "AuthException"),
    known(1, 400, "API Unknown"),
    known(2, 503, "API Service"),
    known(3, 500, "API Method"),
    known(4, 400, "API Too Many Calls"),
    known(10, 403, "Permission Denied"),
    known(33, 400, "Parameter value is not valid"),
    known(100, 400, "Invalid parameter"),
    known(104, 401, "This method requires an access token"),
    known(190, 401, "Access token has expired"),
    known(200, 403, "API Permission"),
    known(368, 403, "Temporarily blocked for policies violations"),
    known(613, 400, "Calls to this API have exceeded the rate limit"),
    known(80007, 400, "Rate limit issues"),
    known(130403, 400, "Recipient blocked by business"),
    known(130429, 400, "Rate limit hit"),
    known(130472, 400, "User's number is part of an experiment"),
    known(130497, 403, "Business account is restricted from messaging users in this country"),
    known(131000, 500, "Something went wrong"),
    known(131005, 403, "Access denied"),
    known(131008, 400, "Required parameter is missing"),
    known(131009, 400, "Parameter value is not valid"),
    known(131016, 500, "Service unavailable"),
    known(131021, 400, "Recipient cannot be sender"),
    known(131026, 400, "Message undeliverable"),
    known(131030, 400, "Recipient phone number not in allowed list"),
    known(131031, 403, "Account has been locked"),
    known(131037, 400, "WhatsApp provided number needs display name approval before message can be sent"),
    known(131042, 400, "Business eligibility payment issue"),
    known(131045, 500, "Incorrect certificate"),
    known(131047, 400, "Re-engagement message"),
    known(131048, 400, "Spam rate limit hit"),
    known(131049, 400, "This message was not delivered to maintain healthy ecosystem engagement"),
    known(131050, 400, "User has stopped receiving marketing messages from this business"),
    known(131051, 400, "Unsupported message type"),
    known(131052, 400, "Media download error"),
    known(131053, 400, "Media upload error"),
    known(131055, 400, "Method not allowed"),
    known(131056, 400, "(Business Account, Consumer Account) pair rate limit hit"),
    known(131057, 500, "Account in maintenance mode"),
    known(131061, 400, "Max price templates can only be sent with the Marketing Messages API"),
    known(131062, 400, "Business-scoped user ids are not supported for this message"),
    known(131063, 400, "Marketing messages are disabled on Cloud API for this account"),
    known(131064, 400, "Template classification limit hit"),
    known(132000, 400, "Number of parameters does not match the expected number of params"),
    known(132001, 404, "Template name does not exist in the translation"),
    known(132005, 400, "Translated text too long"),
    known(132007, 400, "Template format character policy violated"),
    known(132008, 400, "Template parameter value is invalid"),
    known(132012, 400, "Parameter format does not match format in the created template"),
    known(132015, 400, "Template is paused"),
    known(132016, 400, "Template is disabled"),
    known(132018, 400, "There is an issue with the parameters in your template"),
    known(132068, 400, "Flow is blocked"),
    known(132069, 400, "Flow is throttled"),
    known(133000, 500, "Incomplete deregistration"),
    known(133004, 503, "Server temporarily unavailable"),
    known(133005, 400, "Two step verification PIN mismatch"),
    known(133006, 400, "Phone number re-verification needed"),
    known(133008, 400, "Too many two step verification PIN guesses"),
    known(133009, 400, "Two step verification PIN guessed too fast"),
    known(133010, 400, "Phone number not registered"),
    known(133015, 400, "Please wait a few minutes before attempting to register this phone number"),
    known(133016, 400, "Registration or deregistration rate limit exceeded"),
    known(134011, 400, "WhatsApp Payments terms of service has not been accepted"),
    known(134100, 400, "Only marketing messages supported"),
    known(134101, 400, "Template is still syncing"),
    known(134102, 500, "Template unavailable"),
    known(134103, 400, "Marketing message error"),
    known(135000, 400, "Generic user error"),
    known(137000, 400, "Recipient identity key hash mismatch"),
    known(1752041, 400, "Onboarding intent already sent"),
    known(2388019, 400, "Template limit reached"),
    known(2388024, 400, "Content in this language already exists"),
    known(2388040, 400, "Character limit exceeded"),
    known(2388073, 400, "Message footer format incorrect"),
    known(2388299, 400, "Leading or trailing parameters are not allowed"),
];

fn row(code: u32) -> Option<&'static Known> {
    TABLE.binary_search_by_key(&code, |row| row.code).ok().map(|at| &TABLE[at])
}

/// The platform's short text for a code.
pub(crate) fn title(code: u32) -> &'static str {
    match (row(code), code) {
        (Some(row), _) => row.title,
        (None, 201..=299) => "API Permission",
        (None, _) => "Unknown error",
    }
}

/// The HTTP status that comes with a code.
pub(crate) fn http_status(code: u32) -> u16 {
    match (row(code), code) {
        (Some(row), _) => row.http,
        (None, 201..=299) => 403,
        (None, _) => 400,
    }
}

/// A refusal on its way to the client.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub(crate) code: u32,
    pub(crate) http: u16,
    pub(crate) subcode: Option<u32>,
    pub(crate) details: String,
    pub(crate) headers: BTreeMap<String, String>,
}

impl ApiError {
    /// With the table's HTTP status.
    pub(crate) fn new(code: u32, details: impl Into<String>) -> Self {
        Self {
            code,
            http: http_status(code),
            subcode: None,
            details: details.into(),
            headers: BTreeMap::new(),
        }
    }

    /// An object that does not exist, or that this token may not see (Graph API: 100 with subcode 33).
    pub(crate) fn no_such_object(method: &str, id: &str) -> Self {
        let verb = method.to_lowercase();
        let details = format!(
            "Unsupported {verb} request. Object with ID '{id}' does not exist, cannot be loaded due to missing \
             permissions, or does not support this operation."
        );
        Self { subcode: Some(33), ..Self::new(100, details) }
    }

    /// The platform's body: `message` is `(#code) title`, the reason is in `error_data.details`.
    pub(crate) fn body(&self, fbtrace_id: &str) -> Value {
        let mut error = json!({
            "message": format!("(#{}) {}", self.code, title(self.code)),
            "type": "OAuthException",
            "code": self.code,
            "error_data": { "messaging_product": "whatsapp", "details": self.details },
        });
        if let Some(subcode) = self.subcode {
            error["error_subcode"] = json!(subcode);
        }
        if matches!(self.code, 1 | 2 | 131000 | 131016 | 131057 | 133004) {
            error["is_transient"] = json!(true);
        }
        error["fbtrace_id"] = json!(fbtrace_id);
        json!({ "error": error })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_it_can_be_searched() {
        assert!(TABLE.is_sorted_by_key(|row| row.code));
    }

    #[test]
    fn a_body_reads_as_the_platform_writes_it() {
        let body = ApiError::new(130429, "Message failed to send").body("Abc");
        assert_eq!(body["error"]["message"], "(#130429) Rate limit hit");
        assert_eq!(body["error"]["code"], 130429);
        assert_eq!(body["error"]["error_data"]["details"], "Message failed to send");
        assert_eq!(body["error"]["fbtrace_id"], "Abc");
    }
}
