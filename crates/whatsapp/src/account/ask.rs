//! One GET call to the account: the answer as JSON, or an error that is a sentence.

use reqwest::Url;
use serde_json::Value;

use crate::Client;
use crate::error_body::{ErrorBody, excerpt};
use crate::send::{causes, read_to_end};

/// Why a question to the account has no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountError {
    /// No answer came.
    #[error(
        "the platform could not be asked for {what}: {reason}; check the network and base_url, then try again"
    )]
    Unreachable {
        /// What was asked for, for example `the template diwali_sale`.
        what: String,
        /// Why, as a fragment.
        reason: String,
    },
    /// The platform answered with an error.
    #[error("the platform refused to tell {what}: {message} ({})", code_or_status(.code, .http_status))]
    Refused {
        /// What was asked for.
        what: String,
        /// The platform's error code, where it gave one.
        code: Option<i64>,
        /// HTTP status of the answer.
        http_status: u16,
        /// What the platform says.
        message: String,
    },
    /// The answer makes no sense.
    #[error(
        "the platform's answer about {what} cannot be read: {reason}; check that base_url is the platform's address"
    )]
    Unreadable {
        /// What was asked for.
        what: String,
        /// Why, as a fragment.
        reason: String,
    },
    /// The id that was asked with cannot be one; nothing was asked.
    #[error(
        "the platform was not asked for {what}: `{id}` is not an id; copy the digits from the WhatsApp manager"
    )]
    InvalidId {
        /// What was asked for.
        what: String,
        /// As it was given.
        id: String,
    },
    /// The provider has no call for it.
    #[error("360dialog does not tell {what} through its messaging API; look in its hub instead")]
    NotOffered {
        /// What was asked for.
        what: String,
    },
}

fn code_or_status(code: &Option<i64>, http_status: &u16) -> String {
    match code {
        Some(code) => format!("code {code}"),
        None => format!("HTTP {http_status}"),
    }
}

impl Client {
    /// GET `{root}/{path}?{query}`.
    pub(super) async fn ask(
        &self,
        what: &str,
        path: &str,
        query: &[(&str, &str)],
    ) -> Result<Value, AccountError> {
        let url = Url::parse_with_params(&format!("{}/{path}", self.root), query).map_err(|error| {
            AccountError::Unreachable { what: what.to_owned(), reason: error.to_string() }
        })?;
        let unreachable = |reason| AccountError::Unreachable { what: what.to_owned(), reason };
        let mut response = self.http.get(url).send().await.map_err(|error| unreachable(causes(error)))?;
        let status = response.status();
        let body = read_to_end(&mut response).await.map_err(unreachable)?;

        let error = ErrorBody::read(&body);
        if !status.is_success() || error.as_ref().is_some_and(|error| error.code.is_some()) {
            let (code, message) = match error {
                Some(error) => (error.code, error.details.unwrap_or(error.title)),
                None => (None, excerpt(&body)),
            };
            let message = if message.is_empty() { "it does not say why".to_owned() } else { message };
            return Err(AccountError::Refused {
                what: what.to_owned(),
                code,
                http_status: status.as_u16(),
                message,
            });
        }
        let value: Value = serde_json::from_slice(&body)
            .map_err(|error| unreadable(what, format!("it is not JSON ({error}): `{}`", excerpt(&body))))?;
        if value.is_object() { Ok(value) } else { Err(unreadable(what, "it is not a JSON object")) }
    }

    /// Like [`Client::ask`], with a list of fields of which those in `optional` are left out where the
    /// platform does not know them: their names change from version to version, and the Graph API refuses
    /// the whole call (code 100) for one name it does not know.
    pub(super) async fn ask_fields(
        &self,
        what: &str,
        path: &str,
        query: &[(&str, &str)],
        fields: &[&str],
        optional: &[&str],
    ) -> Result<Value, AccountError> {
        let mut optional = optional.to_vec();
        loop {
            let list = [fields, &optional].concat().join(",");
            let query = [query, &[("fields", list.as_str())]].concat();
            let error = match self.ask(what, path, &query).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let AccountError::Refused { code: Some(100), message, .. } = &error else { return Err(error) };
            let before = optional.len();
            optional.retain(|field| !message.contains(field));
            if optional.len() == before {
                return Err(error);
            }
        }
    }
}

/// An answer that makes no sense.
pub(super) fn unreadable(what: &str, reason: impl Into<String>) -> AccountError {
    AccountError::Unreadable { what: what.to_owned(), reason: reason.into() }
}

/// A string, or a number as its text. Blank is missing.
pub(super) fn text(value: &Value, key: &str) -> Option<String> {
    let value = value.get(key)?;
    let text = match value.as_str() {
        Some(text) => text.to_owned(),
        None => value.as_number()?.to_string(),
    };
    (!text.trim().is_empty()).then_some(text)
}

/// A whole number, also in quotes.
pub(super) fn integer(value: &Value, key: &str) -> Option<i64> {
    text(value, key)?.trim().parse().ok()
}
