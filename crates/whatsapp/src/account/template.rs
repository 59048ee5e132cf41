//! A template as the account has it.

use std::fmt;

use serde_json::Value;

use super::ask::{AccountError, integer, text, unreadable};
use super::business::check_id;
use super::components::{self, TemplateComponents};
use crate::health::Quality;
use crate::{Client, Provider};

/// How many pages of a listing are read: an account has at most 6,000 templates, and the name narrows them.
const MAX_PAGES: usize = 64;

/// Which template is asked for.
#[derive(Debug, Clone, Copy)]
pub struct TemplateQuery<'a> {
    /// The business account.
    pub waba_id: &'a str,
    /// The template's name.
    pub name: &'a str,
    /// The template's language.
    pub language: &'a str,
    /// What the template's max-price object is called: `optimization_spec`, or `bid_spec` before 31 July
    /// 2026. Both are read, but only this one is asked for.
    pub max_price_field: &'a str,
}

/// A template as the account has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateInfo {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its language.
    pub language: String,
    /// Whether it may be sent.
    pub status: TemplateState,
    /// Only [`Category::Marketing`] may be sent through this API.
    pub category: Category,
    /// How its parameters are named.
    pub parameter_format: ParameterFormat,
    /// Its parts and their variables.
    pub components: TemplateComponents,
    /// After how many seconds an undelivered message is dropped: 43,200 to 2,592,000; `None` for the default
    /// of 30 days. `-1` also means 30 days.
    pub message_send_ttl_seconds: Option<i64>,
    /// Its max price; `None` where it has none and the rate card applies.
    pub max_price: Option<MaxPrice>,
    /// Its quality rating.
    pub quality: Quality,
    /// Why it was rejected.
    pub rejected_reason: Option<String>,
}

/// A template's max price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MaxPrice {
    /// Per 1,000 deliveries, in the smallest unit of the account's currency.
    pub bid_amount: i64,
    /// `LOWEST_COST_WITH_BID_CAP`, the only one known.
    pub bid_strategy: Option<String>,
}

/// Whether a template may be sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TemplateState {
    /// It may.
    Approved,
    /// Not for now.
    Paused,
    /// In review.
    Pending,
    /// Did not pass the review.
    Rejected,
    /// Switched off for good.
    Disabled,
    /// Anything else (`ARCHIVED`, `DELETED`, `IN_APPEAL`, `LIMIT_EXCEEDED`, `PENDING_DELETION`, ...).
    Other(String),
}

impl TemplateState {
    fn read(name: &str) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "APPROVED" => Self::Approved,
            "PAUSED" => Self::Paused,
            "PENDING" => Self::Pending,
            "REJECTED" => Self::Rejected,
            "DISABLED" => Self::Disabled,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for TemplateState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Approved => "APPROVED",
            Self::Paused => "PAUSED",
            Self::Pending => "PENDING",
            Self::Rejected => "REJECTED",
            Self::Disabled => "DISABLED",
            Self::Other(name) => name,
        })
    }
}

/// What kind of message a template makes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Category {
    /// The only one for this API.
    Marketing,
    /// Order updates and the like.
    Utility,
    /// One-time codes.
    Authentication,
    /// One this program does not know.
    Other(String),
}

impl Category {
    fn read(name: &str) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "MARKETING" => Self::Marketing,
            "UTILITY" => Self::Utility,
            "AUTHENTICATION" => Self::Authentication,
            other => Self::Other(other.to_owned()),
        }
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Marketing => "MARKETING",
            Self::Utility => "UTILITY",
            Self::Authentication => "AUTHENTICATION",
            Self::Other(name) => name,
        })
    }
}

/// How a template's parameters are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ParameterFormat {
    /// By their number (the platform's default).
    Positional,
    /// By a name of their own.
    Named,
}

impl Client {
    /// Asks for a template by name and language; `None` where the account has none.
    ///
    /// # Errors
    ///
    /// See [`AccountError`]; 360dialog does not offer it.
    pub async fn template(&self, query: TemplateQuery<'_>) -> Result<Option<TemplateInfo>, AccountError> {
        let what = format!("the template {} ({})", query.name, query.language);
        if self.provider == Provider::Dialog360 {
            return Err(AccountError::NotOffered { what });
        }
        check_id(&what, query.waba_id)?;
        let path = format!("{}/message_templates", query.waba_id);
        let fields = [
            "id",
            "name",
            "language",
            "status",
            "category",
            "parameter_format",
            "components",
            "message_send_ttl_seconds",
            "rejected_reason",
            "quality_score",
        ];
        let optional = [query.max_price_field];
        // The filter on the name also finds longer names, so the right one may be on a later page.
        let mut after: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut filters = vec![("name", query.name), ("language", query.language), ("limit", "100")];
            filters.extend(after.as_deref().map(|after| ("after", after)));
            let page = self.ask_fields(&what, &path, &filters, &fields, &optional).await?;
            let templates = page.get("data").and_then(Value::as_array);
            let templates = templates.ok_or_else(|| unreadable(&what, "it has no list `data`"))?;
            let found = templates.iter().find(|template| {
                text(template, "name").as_deref() == Some(query.name)
                    && text(template, "language").as_deref() == Some(query.language)
            });
            if let Some(template) = found {
                return read(&what, query, template).map(Some);
            }
            match next_cursor(&page) {
                Some(cursor) if after.as_ref() != Some(&cursor) => after = Some(cursor),
                _ => return Ok(None),
            }
        }
        Err(unreadable(&what, format!("its list goes on after {MAX_PAGES} pages")))
    }
}

/// Where the next page begins. The address the platform gives for it is only taken as a sign that there is
/// one: following it would send the token wherever it points.
fn next_cursor(page: &Value) -> Option<String> {
    let paging = page.get("paging")?;
    paging.get("next")?;
    text(paging.get("cursors")?, "after")
}

fn read(what: &str, query: TemplateQuery<'_>, template: &Value) -> Result<TemplateInfo, AccountError> {
    let required =
        |key: &str| text(template, key).ok_or_else(|| unreadable(what, format!("it has no `{key}`")));
    let quality = template.get("quality_score");
    let quality =
        quality.and_then(|quality| text(quality, "score")).or_else(|| text(template, "quality_score"));
    let max_price = [query.max_price_field, "optimization_spec", "bid_spec"]
        .into_iter()
        .filter_map(|field| template.get(field))
        .find_map(|spec| {
            Some(MaxPrice {
                bid_amount: integer(spec, "bid_amount")?,
                bid_strategy: text(spec, "bid_strategy"),
            })
        });
    Ok(TemplateInfo {
        id: required("id")?,
        name: query.name.to_owned(),
        language: query.language.to_owned(),
        status: TemplateState::read(&required("status")?),
        category: Category::read(&required("category")?),
        parameter_format: match text(template, "parameter_format") {
            Some(format) if format.eq_ignore_ascii_case("NAMED") => ParameterFormat::Named,
            _ => ParameterFormat::Positional,
        },
        components: components::read(template.get("components")),
        message_send_ttl_seconds: integer(template, "message_send_ttl_seconds"),
        max_price,
        quality: quality.map_or(Quality::Unknown, |score| Quality::read(&score)),
        rejected_reason: text(template, "rejected_reason")
            .filter(|reason| !reason.eq_ignore_ascii_case("none")),
    })
}
