//! Reach estimates: how many deliveries a max price buys.

use std::collections::HashMap;

use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde_json::{Value, json};

use crate::config::Account;
use crate::errors::ApiError;
use crate::sends::smallest_units;

/// The curve of reach against max price. Auction prices of people lie evenly between half and one and a half
/// times the account's price: so do the estimates.
pub(crate) fn reach_estimate(account: &Account, query: &HashMap<String, String>) -> Result<Value, ApiError> {
    let spec: Value = query
        .get("targeting_spec")
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| ApiError::new(100, "The parameter targeting_spec is required, as JSON."))?;
    if spec["geo_locations"]["countries"].as_array().is_none_or(Vec::is_empty) {
        return Err(ApiError::new(100, "targeting_spec needs geo_locations.countries."));
    }
    if let Some(interval) = query.get("date_interval")
        && !["L1D", "L7D", "L14D", "L28D"].contains(&interval.as_str())
    {
        return Err(ApiError::new(100, "Param date_interval must be one of L1D, L7D, L14D, L28D."));
    }
    let thousand = account.price * Decimal::from(1000 * smallest_units(&account.currency));
    let thousand = thousand.to_f64().unwrap_or_default();
    let estimates: Vec<Value> = (5..=15)
        .map(|tenth| {
            let ratio = f64::from(tenth) / 10.0;
            let won = (ratio - 0.5) * 1000.0;
            let paid = thousand * (0.5 + ratio) / 2.0;
            json!({
                "bid_amount": (thousand * ratio).round() as i64,
                "users": 1000,
                "lower_bound_deliveries": (won * 0.9).floor() as i64,
                "upper_bound_deliveries": won.ceil() as i64,
                "cost_lower_bound": (paid * 0.95).floor() as i64,
                "cost_upper_bound": (paid * 1.05).ceil() as i64,
            })
        })
        .collect();
    Ok(json!({ "waba_currency": account.currency, "estimates": estimates }))
}
