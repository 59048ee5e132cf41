//! What the platform counted itself: sends, deliveries, reads and clicks of templates, and what was charged.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde_json::{Map, Value};

use super::ask::{AccountError, Fields, Go, integer, text, unreadable};
use super::business::check_id;
use super::change::ChangeError;
use crate::{Client, Provider};

/// At most so many templates are asked for at once (Meta, template analytics).
const TEMPLATES_AT_ONCE: usize = 10;

/// What is counted for messages by the Marketing Messages API. Meta's pages give two names for it; this one is the SDK's.
const PRODUCT: &str = "MARKETING_MESSAGES_LITE_API";

/// One template on one day (UTC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateDay {
    /// The template's id.
    pub template_id: String,
    /// When the day begins.
    pub start: DateTime<Utc>,
    /// Messages sent.
    pub sent: u64,
    /// Of these, delivered.
    pub delivered: u64,
    /// Of these, read; counted for 7 days.
    pub read: u64,
    /// Clicks on buttons; counted for 7 days.
    pub clicks: Vec<ButtonClicks>,
    /// What was spent, in units of the account's currency; `None` where it is not told.
    pub spent: Option<Decimal>,
}

/// Clicks on one button.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ButtonClicks {
    /// Its text.
    pub button: String,
    /// What was counted, as `url_button` or `unique_url_button`.
    pub kind: String,
    /// How many.
    pub count: u64,
}

/// What was charged for one country, category and day (UTC).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charged {
    /// When the day begins.
    pub start: DateTime<Utc>,
    /// ISO 3166 code; `None` where it is not told.
    pub country: Option<String>,
    /// The platform's word, as `MARKETING_LITE`.
    pub category: String,
    /// The platform's word, as `REGULAR`.
    pub kind: String,
    /// Delivered messages.
    pub volume: u64,
    /// What they cost, in units of the account's currency; `None` on a partner's credit line.
    pub cost: Option<Decimal>,
}

impl Client {
    /// Asks what came of templates, day by day. The platform looks back 90 days.
    ///
    /// # Errors
    /// See [`AccountError`]; 360dialog does not offer it. Refused while the account's insights are not
    /// [enabled](Client::enable_insights).
    pub async fn template_analytics(
        &self,
        waba_id: &str,
        template_ids: &[String],
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<TemplateDay>, AccountError> {
        let what = format!("the analytics of templates of account {waba_id}");
        if self.provider == Provider::Dialog360 {
            return Err(AccountError::NotOffered { what });
        }
        check_id(&what, waba_id)?;
        let (start, end) = (from.timestamp().to_string(), until.timestamp().to_string());
        let mut days = Vec::new();
        for ids in template_ids.chunks(TEMPLATES_AT_ONCE) {
            let ids = format!("[{}]", ids.join(","));
            let query = [
                ("start", start.as_str()),
                ("end", end.as_str()),
                ("granularity", "DAILY"),
                ("metric_types", "SENT,DELIVERED,READ,CLICKED,COST"),
                ("product_type", PRODUCT),
                ("template_ids", ids.as_str()),
            ];
            self.ask_pages(&what, &format!("{waba_id}/template_analytics"), &query, Fields::Usual, |data| {
                for point in points(data) {
                    let day = template_day(point);
                    days.push(
                        day.ok_or_else(|| unreadable(&what, "a data point has no template_id or start"))?,
                    );
                }
                Ok(Go::On)
            })
            .await?;
        }
        Ok(days)
    }

    /// Asks what was charged for messages, by day, country and category.
    ///
    /// # Errors
    /// See [`AccountError`]; 360dialog does not offer it.
    pub async fn pricing_analytics(
        &self,
        waba_id: &str,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<Vec<Charged>, AccountError> {
        let what = format!("the pricing analytics of account {waba_id}");
        if self.provider == Provider::Dialog360 {
            return Err(AccountError::NotOffered { what });
        }
        check_id(&what, waba_id)?;
        let fields = format!(
            "pricing_analytics.start({}).end({}).granularity(DAILY).metric_types([\"COST\",\"VOLUME\"])\
             .dimensions([\"COUNTRY\",\"PRICING_CATEGORY\",\"PRICING_TYPE\"])",
            from.timestamp(),
            until.timestamp()
        );
        let answer = self.ask(&what, waba_id, &[("fields", &fields)]).await?;
        let data = answer.get("pricing_analytics").and_then(|of| of.get("data")).and_then(Value::as_array);
        let charged = data.into_iter().flat_map(|data| points(data)).map(charged);
        charged.collect::<Option<_>>().ok_or_else(|| unreadable(&what, "a data point has no start"))
    }

    /// Lets the platform count what comes of the account's templates. It cannot be undone (Meta, code 200006).
    ///
    /// # Errors
    /// See [`ChangeError`].
    pub async fn enable_insights(&self, waba_id: &str) -> Result<(), ChangeError> {
        let what = format!("enable insights of account {waba_id}");
        let query = [("is_enabled_for_insights", "true")];
        self.change(&what, waba_id, "", &query, &Map::new()).await.map(|_| ())
    }
}

/// The data points of all blocks.
fn points(data: &[Value]) -> impl Iterator<Item = &Value> {
    data.iter().filter_map(|block| block.get("data_points").and_then(Value::as_array)).flatten()
}

fn template_day(point: &Value) -> Option<TemplateDay> {
    let list = |key: &str| point.get(key).and_then(Value::as_array).into_iter().flatten();
    let clicks = list("clicked").map(|click| ButtonClicks {
        button: text(click, "button_content").unwrap_or_default(),
        kind: text(click, "type").unwrap_or_default(),
        count: count(click, "count"),
    });
    let spent = list("cost").find(|cost| text(cost, "type").as_deref() == Some("amount_spent"));
    Some(TemplateDay {
        template_id: text(point, "template_id")?,
        start: start(point)?,
        sent: count(point, "sent"),
        delivered: count(point, "delivered"),
        read: count(point, "read"),
        clicks: clicks.collect(),
        spent: spent.and_then(|cost| amount(cost, "value")),
    })
}

fn charged(point: &Value) -> Option<Charged> {
    Some(Charged {
        start: start(point)?,
        country: text(point, "country"),
        category: text(point, "pricing_category").unwrap_or_default(),
        kind: text(point, "pricing_type").unwrap_or_default(),
        volume: count(point, "volume"),
        cost: amount(point, "cost"),
    })
}

fn start(point: &Value) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(integer(point, "start")?, 0)
}

fn count(value: &Value, key: &str) -> u64 {
    integer(value, key).and_then(|count| count.try_into().ok()).unwrap_or(0)
}

/// An amount, which the platform writes as a number.
fn amount(value: &Value, key: &str) -> Option<Decimal> {
    let text = text(value, key)?;
    text.parse().or_else(|_| Decimal::from_scientific(&text)).ok()
}
