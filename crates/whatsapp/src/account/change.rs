//! Calls that change something at the account (POST).
//!
//! None of them is repeated: an answer that got lost may stand for a change that was made, and the caller
//! looks before it tries again.

use serde_json::{Map, Value, json};

use super::ask::{Trouble, code_or_status, exchange, text};
use super::template::{Category, ParameterFormat};
use crate::client::is_id;
use crate::{Client, Provider};

/// The only strategy of a max price that there is.
const BID_STRATEGY: &str = "LOWEST_COST_WITH_BID_CAP";

/// Why a change was not made, or is not known to have been.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// No request went out, so nothing was changed.
    #[error(
        "the platform could not be asked to {what}: {reason}; nothing was changed: check the network and base_url, then try again"
    )]
    NotSent {
        /// What was to be done, for example `create the template diwali_sale (en)`.
        what: String,
        /// Why, as a fragment.
        reason: String,
    },
    /// The request went out, and no answer says what became of it.
    #[error(
        "nobody knows whether the platform did {what}: {reason}; look at the account before you try again"
    )]
    Unknown {
        /// What was to be done.
        what: String,
        /// Why, as a fragment.
        reason: String,
    },
    /// The platform refused; nothing was changed.
    #[error("the platform refused to {what}: {message} ({})", code_or_status(.code, .http_status))]
    Refused {
        /// What was to be done.
        what: String,
        /// The platform's error code, where it gave one.
        code: Option<i64>,
        /// The code below it, which is the telling one for templates (2388xxx).
        subcode: Option<i64>,
        /// HTTP status of the answer.
        http_status: u16,
        /// What the platform says.
        message: String,
    },
    /// The id that was given cannot be one; nothing was asked.
    #[error(
        "the platform was not asked to {what}: `{id}` is not an id; copy the digits from the Business Manager"
    )]
    InvalidId {
        /// What was to be done.
        what: String,
        /// As it was given.
        id: String,
    },
    /// The provider has no call for it.
    #[error("360dialog has no call of its messaging API to {what}; use its hub instead")]
    NotOffered {
        /// What was to be done.
        what: String,
    },
}

/// What a template is to be: only what is given is sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct TemplateContent<'a> {
    /// Its category.
    pub category: Option<&'a Category>,
    /// Its components, as the platform writes them; passed through untouched.
    pub components: Option<&'a Value>,
    /// `message_send_ttl_seconds`: 43,200 to 2,592,000 for marketing.
    pub ttl_seconds: Option<u32>,
    /// Its max price.
    pub max_price: Option<MaxPriceContent<'a>>,
}

/// A template's max price, as it is written.
#[derive(Debug, Clone, Copy)]
pub struct MaxPriceContent<'a> {
    /// The object's name: `optimization_spec`, or `bid_spec` before 31 July 2026.
    pub field: &'a str,
    /// Per 1,000 deliveries, in the smallest unit of the account's currency; more than 0.
    pub bid_amount: i32,
}

impl TemplateContent<'_> {
    fn write(&self) -> Map<String, Value> {
        let mut body = Map::new();
        if let Some(category) = self.category {
            body.insert("category".to_owned(), json!(category.to_string()));
        }
        if let Some(components) = self.components {
            body.insert("components".to_owned(), components.clone());
        }
        if let Some(seconds) = self.ttl_seconds {
            body.insert("message_send_ttl_seconds".to_owned(), json!(seconds));
        }
        if let Some(MaxPriceContent { field, bid_amount }) = self.max_price {
            let object = json!({ "bid_amount": bid_amount, "bid_strategy": BID_STRATEGY });
            body.insert(field.to_owned(), object);
        }
        body
    }
}

/// A template that does not exist yet.
#[derive(Debug, Clone, Copy)]
pub struct NewTemplate<'a> {
    /// The business account.
    pub waba_id: &'a str,
    /// Its name.
    pub name: &'a str,
    /// Its language code.
    pub language: &'a str,
    /// How its parameters are named; `None` leaves it to the platform (by number).
    pub parameter_format: Option<ParameterFormat>,
    /// What it is to be: category and components must be there.
    pub content: TemplateContent<'a>,
}

/// What the platform says of a template that it created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreatedTemplate {
    /// Its id.
    pub id: Option<String>,
    /// Its status: usually `PENDING` or `APPROVED`.
    pub status: Option<String>,
    /// The category that the platform chose, which may be another than was asked for.
    pub category: Option<Category>,
}

impl Client {
    /// Creates a template.
    ///
    /// # Errors
    ///
    /// See [`ChangeError`]; 360dialog does not offer it.
    pub async fn create_template(&self, template: NewTemplate<'_>) -> Result<CreatedTemplate, ChangeError> {
        let what = format!("create the template {} ({})", template.name, template.language);
        let mut body = Map::new();
        body.insert("name".to_owned(), json!(template.name));
        body.insert("language".to_owned(), json!(template.language));
        if let Some(format) = template.parameter_format {
            body.insert("parameter_format".to_owned(), json!(format.to_string()));
        }
        body.extend(template.content.write());
        let answer = self.change(&what, template.waba_id, "/message_templates", &[], &body).await?;
        Ok(CreatedTemplate {
            id: text(&answer, "id"),
            status: text(&answer, "status"),
            category: text(&answer, "category").map(|category| Category::read(&category)),
        })
    }

    /// Changes what is given of a template that exists; `name` is for messages to people.
    ///
    /// # Errors
    ///
    /// See [`ChangeError`]; 360dialog does not offer it.
    pub async fn edit_template(
        &self,
        id: &str,
        name: &str,
        content: TemplateContent<'_>,
    ) -> Result<(), ChangeError> {
        let what = format!("edit the template {name}");
        let answer = self.change(&what, id, "", &[], &content.write()).await?;
        if answer.get("success").and_then(Value::as_bool) == Some(false) {
            return Err(ChangeError::Refused {
                what,
                code: None,
                subcode: None,
                http_status: 200,
                message: "it does not say why".to_owned(),
            });
        }
        Ok(())
    }

    /// POST `{root}/{id}{tail}?{query}` with a JSON body.
    pub(super) async fn change(
        &self,
        what: &str,
        id: &str,
        tail: &str,
        query: &[(&str, &str)],
        body: &Map<String, Value>,
    ) -> Result<Value, ChangeError> {
        let what = what.to_owned();
        if self.provider == Provider::Dialog360 {
            return Err(ChangeError::NotOffered { what });
        }
        if !is_id(id) {
            return Err(ChangeError::InvalidId { what, id: id.to_owned() });
        }
        let url = match self.address(&format!("{id}{tail}"), query) {
            Ok(url) => url,
            Err(reason) => return Err(ChangeError::NotSent { what, reason }),
        };
        exchange(self.http.post(url).json(body)).await.map_err(|trouble| match trouble {
            Trouble::NotSent(reason) => ChangeError::NotSent { what, reason },
            Trouble::Lost(reason) => ChangeError::Unknown { what, reason },
            Trouble::Unreadable(reason) => {
                ChangeError::Unknown { what, reason: format!("its answer cannot be read: {reason}") }
            }
            // The Graph API may fail after it has done what it was asked.
            Trouble::Refused { http_status, message, .. } if http_status >= 500 => {
                ChangeError::Unknown { what, reason: format!("it answered HTTP {http_status}: {message}") }
            }
            Trouble::Refused { code, subcode, http_status, message } => {
                ChangeError::Refused { what, code, subcode, http_status, message }
            }
        })
    }
}
