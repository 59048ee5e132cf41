//! Reach estimates: how many deliveries a max price buys.

use serde_json::{Value, json};

use super::ask::{AccountError, integer, text, unreadable};
use super::business::check_id;
use crate::{Client, Provider};

/// Of which days the estimates are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReachInterval {
    /// Yesterday.
    Day,
    /// The last 7 days.
    Week,
    /// The last 14 days.
    Fortnight,
    /// The last 28 days.
    FourWeeks,
}

impl ReachInterval {
    /// The platform's word, as `L7D`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Day => "L1D",
            Self::Week => "L7D",
            Self::Fortnight => "L14D",
            Self::FourWeeks => "L28D",
        }
    }
}

/// What max prices buy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReachEstimates {
    /// The account's currency: ISO 4217, upper case.
    pub currency: Option<String>,
    /// One for each max price, as the platform orders them.
    pub points: Vec<ReachPoint>,
}

/// What one max price buys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReachPoint {
    /// The max price: per 1,000 deliveries, in the currency's smallest unit.
    pub bid_amount: i64,
    /// Of how many people (the platform: 1,000).
    pub users: Option<i64>,
    /// Deliveries to them, at least and at most.
    pub deliveries: (Option<i64>, Option<i64>),
    /// Average cost of 1,000 deliveries in the currency's smallest unit, at least and at most.
    pub cost: (Option<i64>, Option<i64>),
}

impl Client {
    /// Asks what max prices buy among the people of these countries (ISO 3166, two letters).
    ///
    /// # Errors
    ///
    /// See [`AccountError`]; 360dialog does not offer it.
    pub async fn reach_estimates(
        &self,
        waba_id: &str,
        countries: &[String],
        interval: ReachInterval,
    ) -> Result<ReachEstimates, AccountError> {
        let what = format!("reach estimates of account {waba_id}");
        if self.provider == Provider::Dialog360 {
            return Err(AccountError::NotOffered { what });
        }
        check_id(&what, waba_id)?;
        let spec = json!({ "geo_locations": { "countries": countries } }).to_string();
        let query = [("targeting_spec", spec.as_str()), ("date_interval", interval.name())];
        let value = self.ask(&what, &format!("{waba_id}/reachestimate"), &query).await?;
        // Edges of the Graph API sometimes wrap their answer in `data`.
        let wrapped = value.get("data").map(|data| data.get(0).unwrap_or(data));
        let value = wrapped.filter(|data| data.get("estimates").is_some()).unwrap_or(&value);
        let estimates = value.get("estimates").and_then(Value::as_array);
        let estimates = estimates.ok_or_else(|| unreadable(&what, "it has no list `estimates`"))?;
        let points: Option<Vec<ReachPoint>> = estimates.iter().map(point).collect();
        Ok(ReachEstimates {
            currency: text(value, "waba_currency").map(|currency| currency.to_ascii_uppercase()),
            points: points.ok_or_else(|| unreadable(&what, "an estimate has no bid_amount"))?,
        })
    }
}

/// Both spellings of the bounds are read: the platform changed them in June 2026.
fn point(estimate: &Value) -> Option<ReachPoint> {
    let either = |names: [&str; 2]| names.into_iter().find_map(|name| integer(estimate, name));
    Some(ReachPoint {
        bid_amount: integer(estimate, "bid_amount")?,
        users: integer(estimate, "users"),
        deliveries: (
            either(["deliveries_lower_bound", "lower_bound_deliveries"]),
            either(["deliveries_upper_bound", "upper_bound_deliveries"]),
        ),
        cost: (
            either(["cost_lower_bound", "lower_bound_cost"]),
            either(["cost_upper_bound", "upper_bound_cost"]),
        ),
    })
}
