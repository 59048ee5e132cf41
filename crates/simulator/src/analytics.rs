//! What the platform counts: of templates, by day, and of what was charged. All from the ledger.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, NaiveTime, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use crate::errors::ApiError;
use crate::ledger::{LedgerEntry, Status};
use crate::state::State;

/// At most so many templates at once (Meta, template analytics).
const TEMPLATES_AT_ONCE: usize = 10;

/// What is asked for: from when until when.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: i64,
    until: i64,
}

impl Span {
    fn has(self, at: DateTime<Utc>) -> bool {
        (self.from..self.until).contains(&at.timestamp())
    }
}

/// The day (UTC) of an instant.
fn day_of(at: DateTime<Utc>) -> i64 {
    at.date_naive().and_time(NaiveTime::MIN).and_utc().timestamp()
}

/// Whether and when something had happened to a message by now.
fn happened(entry: &LedgerEntry, status: Status, now: DateTime<Utc>) -> bool {
    entry.truth.timeline.iter().any(|event| event.status == status && event.at <= now)
}

impl State {
    /// `GET /{WABA}/template_analytics`.
    pub(crate) fn template_analytics(
        &mut self,
        waba: &str,
        query: &HashMap<String, String>,
        now: DateTime<Utc>,
    ) -> Result<Value, ApiError> {
        if !self.insights.contains(waba) {
            return Err(ApiError::new(
                200_005,
                "Template Insights is not available: it is not enabled for this account.",
            ));
        }
        let number = |key: &str| query.get(key).and_then(|text| text.parse::<i64>().ok());
        let (Some(from), Some(until)) = (number("start"), number("end")) else {
            return Err(ApiError::new(100, "The parameters start and end are required."));
        };
        if query.get("granularity").is_none_or(|text| !text.eq_ignore_ascii_case("daily")) {
            return Err(ApiError::new(100, "Param granularity must be DAILY."));
        }
        if from < now.timestamp() - 90 * 86_400 - 86_400 {
            return Err(ApiError::new(100, "The start date is more than 90 days ago."));
        }
        let ids: Vec<&str> = query
            .get("template_ids")
            .map(|text| text.trim_matches(['[', ']']).split(',').map(|id| id.trim_matches('"')).collect())
            .unwrap_or_default();
        if ids.is_empty() || ids.len() > TEMPLATES_AT_ONCE {
            return Err(ApiError::new(100, "Param template_ids must name 1 to 10 templates."));
        }
        let mut points = Vec::new();
        for id in ids {
            let Some(template) =
                self.templates.by_id(id).filter(|template| template.template.waba_id == waba)
            else {
                return Err(ApiError::new(100, format!("Template {id} does not exist.")));
            };
            let (name, language) = (template.template.name.clone(), template.template.language.clone());
            let of_it = |entry: &&LedgerEntry| entry.template == name && entry.language == language;
            points.extend(self.by_day(waba, Span { from, until }, now, of_it, id));
        }
        Ok(json!({ "data": [{
            "granularity": "DAILY",
            "product_type": "marketing_messages_lite_api",
            "data_points": points,
        }] }))
    }

    fn by_day(
        &self,
        waba: &str,
        span: Span,
        now: DateTime<Utc>,
        of_it: impl Fn(&&LedgerEntry) -> bool,
        id: &str,
    ) -> Vec<Value> {
        let mut days: BTreeMap<i64, (u64, u64, u64, Decimal)> = BTreeMap::new();
        for entry in self.of_account(waba).filter(of_it).filter(|entry| span.has(entry.arrived_at)) {
            let day = days.entry(day_of(entry.arrived_at)).or_default();
            let delivered = happened(entry, Status::Delivered, now) || happened(entry, Status::Read, now);
            day.0 += 1;
            day.1 += u64::from(delivered);
            day.2 += u64::from(happened(entry, Status::Read, now));
            day.3 += if delivered { entry.truth.price } else { Decimal::ZERO };
        }
        let point = |(day, (sent, delivered, read, spent)): (i64, (u64, u64, u64, Decimal))| {
            json!({
                "template_id": id, "start": day, "end": day + 86_400,
                "sent": sent, "delivered": delivered, "read": read,
                "clicked": [{ "type": "url_button", "button_content": "Shop now", "count": read / 10 }],
                "cost": [
                    { "type": "amount_spent", "value": spent.to_f64() },
                    { "type": "cost_per_delivered" },
                ],
            })
        };
        days.into_iter().map(point).collect()
    }

    /// The field `pricing_analytics` of an account, with what its parameters say.
    pub(crate) fn pricing_analytics(&self, waba: &str, fields: &str, now: DateTime<Utc>) -> Value {
        let parameter = |name: &str| {
            let (_, rest) = fields.split_once(&format!(".{name}("))?;
            rest.split(')').next()?.parse::<i64>().ok()
        };
        let span =
            Span { from: parameter("start").unwrap_or(0), until: parameter("end").unwrap_or(i64::MAX) };
        let mut sums: BTreeMap<(i64, String, String), (u64, Decimal)> = BTreeMap::new();
        for entry in self.of_account(waba) {
            let delivered = [Status::Delivered, Status::Read].into_iter().find_map(|status| {
                entry.truth.timeline.iter().find(|event| event.status == status && event.at <= now)
            });
            let Some(event) = delivered.filter(|event| span.has(event.at)) else { continue };
            let category = serde_json::to_value(entry.route).unwrap_or_default();
            let category = category.as_str().unwrap_or_default().to_ascii_uppercase();
            let country = crate::countries::of(&entry.recipient).to_owned();
            let sum = sums.entry((day_of(event.at), country, category)).or_default();
            sum.0 += 1;
            sum.1 += entry.truth.price;
        }
        let point = |((day, country, category), (volume, cost)): ((i64, String, String), (u64, Decimal))| {
            json!({
                "start": day, "end": day + 86_400, "country": country, "pricing_category": category,
                "pricing_type": "REGULAR", "volume": volume, "cost": cost.to_f64(),
            })
        };
        json!({ "data": [{ "data_points": sums.into_iter().map(point).collect::<Vec<_>>() }] })
    }

    fn of_account(&self, waba: &str) -> impl Iterator<Item = &LedgerEntry> {
        self.ledger.iter().map(AsRef::as_ref).filter(move |entry: &&LedgerEntry| {
            self.numbers.get(&entry.phone_number_id).is_some_and(|number| number.number.waba_id == waba)
        })
    }
}
