//! A template as the account has it.

use std::fmt;

use serde_json::Value;

use super::ask::{AccountError, Fields, Go, integer, text, unreadable};
use super::business::check_id;
use super::components::{self, TemplateComponents};
use crate::health::Quality;
use crate::{Client, Provider};

/// What is asked of each template.
const FIELDS: &[&str] = &[
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

/// Which templates of an account are listed.
#[derive(Debug, Clone, Copy)]
pub struct TemplateList<'a> {
    /// The business account.
    pub waba_id: &'a str,
    /// Only this name, in all its languages; `None` for all templates.
    pub name: Option<&'a str>,
    /// As in [`TemplateQuery`].
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
    /// Its parts as the platform writes them: an array of components, or null where it gave none.
    pub components_json: Value,
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
    /// Reads the platform's word, in any case.
    pub fn read(name: &str) -> Self {
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

impl fmt::Display for ParameterFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Positional => "POSITIONAL",
            Self::Named => "NAMED",
        })
    }
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
        let filters = [("name", query.name), ("language", query.language)];
        // The filter on the name also finds longer names, so the right one may be on a later page.
        let mut found = None;
        self.each_template(&what, query.waba_id, &filters, query.max_price_field, |template| {
            let is_it = text(template, "name").as_deref() == Some(query.name)
                && text(template, "language").as_deref() == Some(query.language);
            if is_it {
                found = Some(read(&what, query.max_price_field, template)?);
            }
            Ok(if is_it { Go::Enough } else { Go::On })
        })
        .await?;
        Ok(found)
    }

    /// Lists an account's templates, in the platform's order.
    ///
    /// # Errors
    ///
    /// See [`AccountError`]; 360dialog does not offer it.
    pub async fn templates(&self, list: TemplateList<'_>) -> Result<Vec<TemplateInfo>, AccountError> {
        let what = match list.name {
            Some(name) => format!("the template {name}"),
            None => format!("the templates of account {}", list.waba_id),
        };
        if self.provider == Provider::Dialog360 {
            return Err(AccountError::NotOffered { what });
        }
        check_id(&what, list.waba_id)?;
        let filters: Vec<(&str, &str)> = list.name.map(|name| ("name", name)).into_iter().collect();
        let mut found = Vec::new();
        self.each_template(&what, list.waba_id, &filters, list.max_price_field, |template| {
            if list.name.is_none_or(|name| text(template, "name").as_deref() == Some(name)) {
                found.push(read(&what, list.max_price_field, template)?);
            }
            Ok(Go::On)
        })
        .await?;
        Ok(found)
    }

    async fn each_template(
        &self,
        what: &str,
        waba_id: &str,
        filters: &[(&str, &str)],
        max_price_field: &str,
        mut take: impl FnMut(&Value) -> Result<Go, AccountError>,
    ) -> Result<(), AccountError> {
        let path = format!("{waba_id}/message_templates");
        let fields = Fields::These { required: FIELDS, optional: &[max_price_field] };
        self.ask_pages(what, &path, filters, fields, |page| {
            for template in page {
                if take(template)? == Go::Enough {
                    return Ok(Go::Enough);
                }
            }
            Ok(Go::On)
        })
        .await
    }
}

fn read(what: &str, max_price_field: &str, template: &Value) -> Result<TemplateInfo, AccountError> {
    let required =
        |key: &str| text(template, key).ok_or_else(|| unreadable(what, format!("it has no `{key}`")));
    let quality = template.get("quality_score");
    let quality =
        quality.and_then(|quality| text(quality, "score")).or_else(|| text(template, "quality_score"));
    let max_price = [max_price_field, "optimization_spec", "bid_spec"]
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
        name: required("name")?,
        language: required("language")?,
        status: TemplateState::read(&required("status")?),
        category: Category::read(&required("category")?),
        parameter_format: match text(template, "parameter_format") {
            Some(format) if format.eq_ignore_ascii_case("NAMED") => ParameterFormat::Named,
            _ => ParameterFormat::Positional,
        },
        components: components::read(template.get("components")),
        components_json: template.get("components").cloned().unwrap_or(Value::Null),
        message_send_ttl_seconds: integer(template, "message_send_ttl_seconds"),
        max_price,
        quality: quality.map_or(Quality::Unknown, |score| Quality::read(&score)),
        rejected_reason: text(template, "rejected_reason")
            .filter(|reason| !reason.eq_ignore_ascii_case("none")),
    })
}
