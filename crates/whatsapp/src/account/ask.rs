//! One GET call to the account: the answer as JSON, or an error that is a sentence.

use reqwest::{RequestBuilder, Url};
use serde_json::Value;

use crate::Client;
use crate::error_body::{ErrorBody, excerpt};
use crate::send::{causes, read_to_end};

/// How many pages of a listing are read: an account has at most 6,000 templates, 100 on a page.
const MAX_PAGES: usize = 64;

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

pub(super) fn code_or_status(code: &Option<i64>, http_status: &u16) -> String {
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
        let url = self
            .address(path, query)
            .map_err(|reason| AccountError::Unreachable { what: what.to_owned(), reason })?;
        exchange(self.http.get(url)).await.map_err(|trouble| match trouble {
            Trouble::NotSent(reason) | Trouble::Lost(reason) => {
                AccountError::Unreachable { what: what.to_owned(), reason }
            }
            Trouble::Refused { code, http_status, message, subcode: _ } => {
                AccountError::Refused { what: what.to_owned(), code, http_status, message }
            }
            Trouble::Unreadable(reason) => unreadable(what, reason),
        })
    }

    /// `{root}/{path}?{query}`, each value of the query encoded.
    pub(super) fn address(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, String> {
        let address = format!("{}/{path}", self.root);
        let url =
            if query.is_empty() { Url::parse(&address) } else { Url::parse_with_params(&address, query) };
        url.map_err(|error| error.to_string())
    }

    /// Reads a listing page by page: its `data`, until `take` says that it has what it wants.
    pub(super) async fn ask_pages(
        &self,
        what: &str,
        path: &str,
        query: &[(&str, &str)],
        fields: Fields<'_>,
        mut take: impl FnMut(&[Value]) -> Result<Go, AccountError>,
    ) -> Result<(), AccountError> {
        let mut after: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut query = query.to_vec();
            query.push(("limit", "100"));
            query.extend(after.as_deref().map(|after| ("after", after)));
            let page = match fields {
                Fields::Usual => self.ask(what, path, &query).await?,
                Fields::These { required, optional } => {
                    self.ask_fields(what, path, &query, required, optional).await?
                }
            };
            let data = page.get("data").and_then(Value::as_array);
            let data = data.ok_or_else(|| unreadable(what, "it has no list `data`"))?;
            if take(data)? == Go::Enough {
                return Ok(());
            }
            match next_cursor(&page) {
                Some(cursor) if after.as_ref() != Some(&cursor) => after = Some(cursor),
                _ => return Ok(()),
            }
        }
        Err(unreadable(what, format!("its list goes on after {MAX_PAGES} pages")))
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

/// Which fields of a listing's entries are asked for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fields<'a> {
    /// Those that come unasked.
    Usual,
    /// These; as [`Client::ask_fields`].
    These {
        /// Known to every version.
        required: &'a [&'a str],
        /// Left out where the platform does not know them.
        optional: &'a [&'a str],
    },
}

/// Whether a listing is read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    On,
    Enough,
}

/// Where the next page begins. The address the platform gives for it is only taken as a sign that there is
/// one: following it would send the token wherever it points.
fn next_cursor(page: &Value) -> Option<String> {
    let paging = page.get("paging")?;
    paging.get("next")?;
    text(paging.get("cursors")?, "after")
}

/// Why a call has no usable answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Trouble {
    /// No request went out.
    NotSent(String),
    /// A request went out, or may have, and no answer came.
    Lost(String),
    /// The answer is an error.
    Refused { code: Option<i64>, subcode: Option<i64>, http_status: u16, message: String },
    /// The answer makes no sense.
    Unreadable(String),
}

/// Makes one call: the answer, a JSON object, or what came instead.
pub(super) async fn exchange(request: RequestBuilder) -> Result<Value, Trouble> {
    let mut response = request.send().await.map_err(|error| {
        let is_unsent = error.is_connect() || error.is_builder();
        let reason = causes(error);
        if is_unsent { Trouble::NotSent(reason) } else { Trouble::Lost(reason) }
    })?;
    let status = response.status();
    let body = read_to_end(&mut response).await.map_err(Trouble::Lost)?;

    let error = ErrorBody::read(&body);
    if !status.is_success() || error.as_ref().is_some_and(|error| error.code.is_some()) {
        let (code, subcode, message) = match error {
            Some(error) => (error.code, error.subcode, error.details.unwrap_or(error.title)),
            None => (None, None, excerpt(&body)),
        };
        let message = if message.is_empty() { "it does not say why".to_owned() } else { message };
        return Err(Trouble::Refused { code, subcode, http_status: status.as_u16(), message });
    }
    let value: Value = serde_json::from_slice(&body)
        .map_err(|error| Trouble::Unreadable(format!("it is not JSON ({error}): `{}`", excerpt(&body))))?;
    if value.is_object() { Ok(value) } else { Err(Trouble::Unreadable("it is not a JSON object".to_owned())) }
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
