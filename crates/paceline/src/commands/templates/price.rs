//! Max prices: the platform's number per 1,000 deliveries, and the money that it is.

use campaign::money::{Currency, MaxPrice, Micros};
use rust_decimal::Decimal;
use serde::Serialize;

use crate::output::format;

/// A max price as the account has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Price {
    /// Per 1,000 deliveries, in the currency's smallest unit.
    pub(crate) bid_amount: i64,
    /// Per message, exactly; `None` where the currency is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<Decimal>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) currency: Option<Currency>,
}

impl Price {
    pub(crate) fn new(bid_amount: i64, currency: Option<Currency>) -> Self {
        let price = currency.zip(i32::try_from(bid_amount).ok());
        let price = price.and_then(|(currency, bid)| MaxPrice::from_bid_amount(bid, currency));
        Self { bid_amount, amount: price.map(|max| max.price.amount), currency }
    }

    /// `INR 0.87`, or the platform's number where the currency is not known.
    pub(crate) fn per_message(&self) -> String {
        match self.amount.zip(self.currency) {
            Some((amount, currency)) => money(amount, currency),
            None => format!("{} per 1,000", self.bid_amount),
        }
    }

    /// `INR 0.87 a message: INR 870.00 per 1,000 deliveries (bid_amount 87,000)`.
    pub(crate) fn in_full(&self) -> String {
        let bid = format::count(self.bid_amount.unsigned_abs());
        match self.amount.zip(self.currency) {
            Some((amount, currency)) => format!(
                "{} a message: {} per 1,000 deliveries (bid_amount {bid})",
                money(amount, currency),
                money(amount * Decimal::ONE_THOUSAND, currency),
            ),
            None => format!("bid_amount {bid} per 1,000 deliveries, in the currency's smallest unit"),
        }
    }

    /// What to look at before money is spent, where the platform's own documents disagree.
    pub(crate) fn doubt(&self) -> Option<String> {
        let currency = self.currency.filter(|currency| currency.offset_is_disputed())?;
        Some(format!(
            "Meta's documents disagree on the smallest unit of {currency} (one of 100 parts, or the whole): compare with the WhatsApp manager before you spend"
        ))
    }
}

/// `INR 0.87`.
pub(crate) fn money(amount: Decimal, currency: Currency) -> String {
    match Micros::from_decimal_ceil(amount) {
        Some(micros) => format::money(micros, currency),
        None => format!("{currency} {amount}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_told_in_both_terms() {
        let price = Price::new(87_000, Some(Currency::INR));
        assert_eq!(price.per_message(), "INR 0.87");
        assert_eq!(
            price.in_full(),
            "INR 0.87 a message: INR 870.00 per 1,000 deliveries (bid_amount 87,000)"
        );
        let yen = Price::new(7_500, "JPY".parse().ok());
        assert_eq!(yen.in_full(), "JPY 7.5 a message: JPY 7,500 per 1,000 deliveries (bid_amount 7,500)");
        assert_eq!(Price::new(5, None).per_message(), "5 per 1,000");
        assert_eq!(price.doubt(), None);
        assert!(Price::new(5, "MXN".parse().ok()).doubt().is_some());
    }
}
