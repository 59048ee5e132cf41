//! What a delivered message costs where no max price is set: prices by the recipient's market.
//!
//! Prices are data, since Meta changes them every quarter: a card ships with Paceline
//! (`data/rate-card.toml`, which says where each figure is from) and a user may load one of their own.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde::Deserialize;

use super::amount::{Micros, Money, MoneyError};
use super::currency::{Currency, UnknownCurrency};

const SHIPPED: &str = include_str!("../../data/rate-card.toml");
/// The market of every country that no other market names.
const OTHER: &str = "other";

/// Prices per delivered marketing message, by market and currency.
#[derive(Debug, Clone, PartialEq)]
pub struct RateCard {
    /// The first day of the prices.
    pub date: NaiveDate,
    /// Where they are from.
    pub source: String,
    conversion_margin: Decimal,
    markets: BTreeMap<String, Market>,
    by_country: BTreeMap<String, String>,
}

/// One market of a [`RateCard`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Market {
    /// What Meta calls it.
    pub name: String,
    /// Whose figure the price is: `meta`, `third-party` or the user's own word; empty without a price.
    pub source: String,
    /// The prices there are.
    pub prices: BTreeMap<Currency, Decimal>,
}

/// A rate card that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateCardError {
    /// Not TOML, or not of a rate card's shape.
    #[error("the rate card cannot be read: {0}")]
    Form(String),
    /// A price is in no currency.
    #[error("market \"{market}\" has a price in no currency")]
    Currency {
        /// The market's key.
        market: String,
        /// What was written.
        source: UnknownCurrency,
    },
    /// A price is not an amount.
    #[error("market \"{market}\" has a price that is not an amount")]
    Price {
        /// The market's key.
        market: String,
        /// What was written.
        source: MoneyError,
    },
    /// A country is not two capital letters.
    #[error("market \"{market}\" names the country \"{country}\"; write its two-letter ISO code, such as IN")]
    Country {
        /// The market's key.
        market: String,
        /// What was written.
        country: String,
    },
    /// A country is in two markets.
    #[error("the country {country} is in two markets, \"{first}\" and \"{second}\"; leave it in one")]
    Twice {
        /// The country.
        country: String,
        /// One market's key.
        first: String,
        /// The other's.
        second: String,
    },
    /// The margin is not a number of at least 1.
    #[error("conversion_margin is \"{0}\"; write a number of 1 or more, such as \"1.25\"")]
    Margin(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardFile {
    date: String,
    source: String,
    #[serde(default)]
    conversion_margin: Option<String>,
    markets: BTreeMap<String, MarketFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MarketFile {
    name: String,
    countries: Vec<String>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    prices: BTreeMap<String, String>,
}

impl RateCard {
    /// The card that ships with Paceline.
    ///
    /// # Errors
    ///
    /// None in a build whose tests passed: the file is part of the program.
    pub fn shipped() -> Result<Self, RateCardError> {
        Self::parse(SHIPPED)
    }

    /// Reads a card from TOML of the form of the shipped one.
    ///
    /// # Errors
    ///
    /// The text is not TOML or has unknown or missing keys; a price, currency or country is not one; a
    /// country is in two markets.
    pub fn parse(toml: &str) -> Result<Self, RateCardError> {
        let form = |error: String| RateCardError::Form(error.trim().replace('\n', " "));
        let file: CardFile = toml::from_str(toml).map_err(|e| form(e.to_string()))?;
        let date = NaiveDate::parse_from_str(&file.date, "%Y-%m-%d")
            .map_err(|_| form(format!("its date \"{}\" is not a date such as 2026-07-01", file.date)))?;
        let margin = file.conversion_margin.unwrap_or_else(|| "1".to_owned());
        let conversion_margin = margin
            .parse::<Decimal>()
            .ok()
            .filter(|m| *m >= Decimal::ONE && *m <= Decimal::ONE_THOUSAND)
            .ok_or(RateCardError::Margin(margin))?;
        let mut markets = BTreeMap::new();
        let mut by_country: BTreeMap<String, String> = BTreeMap::new();
        for (key, market) in file.markets {
            for country in market.countries {
                if country.len() != 2 || !country.bytes().all(|b| b.is_ascii_uppercase()) {
                    return Err(RateCardError::Country { market: key, country });
                }
                if let Some(first) = by_country.insert(country.clone(), key.clone()) {
                    return Err(RateCardError::Twice { country, first, second: key });
                }
            }
            let mut prices = BTreeMap::new();
            for (code, price) in market.prices {
                let currency: Currency =
                    code.parse().map_err(|source| RateCardError::Currency { market: key.clone(), source })?;
                let price = Money::parse_in(&price, currency)
                    .map_err(|source| RateCardError::Price { market: key.clone(), source })?;
                prices.insert(currency, price.amount);
            }
            markets.insert(key, Market { name: market.name, source: market.source, prices });
        }
        Ok(Self { date, source: file.source, conversion_margin, markets, by_country })
    }

    /// The market of a country (two-letter ISO code): its own, or `other`. `None` where the card has
    /// neither.
    pub fn market(&self, country: &str) -> Option<&Market> {
        let key = self.by_country.get(country).map_or(OTHER, String::as_str);
        self.markets.get(key)
    }

    /// What a delivered message to the country costs in the currency; `None` where the card does not
    /// list it.
    pub fn price(&self, country: &str, currency: Currency) -> Option<Decimal> {
        self.market(country)?.prices.get(&currency).copied()
    }

    /// The highest price of the card in the currency, for worst cases of recipients without a listed
    /// price. Markets listed only in dollars are converted at the highest ratio that the card implies
    /// between the two currencies, times its conversion margin; `None` where the card lists nothing in
    /// the currency, so that nothing can be said.
    ///
    /// With INR 0.8631 and USD 0.0118 for India the ratio is 73.14; the dearest market, USD 0.1597,
    /// counts as INR 0.1597 x 73.14 x 1.25 = 14.60.
    pub fn highest(&self, currency: Currency) -> Option<Decimal> {
        let listed = self.markets.values().filter_map(|m| m.prices.get(&currency)).copied().max()?;
        let highest_usd = self.markets.values().filter_map(|m| m.prices.get(&Currency::USD)).copied().max();
        let ratio = self
            .markets
            .values()
            .filter_map(|m| {
                let usd = m.prices.get(&Currency::USD)?;
                m.prices.get(&currency)?.checked_div(*usd)
            })
            .max();
        let converted = match (highest_usd, ratio) {
            (Some(usd), Some(ratio)) if currency != Currency::USD => {
                usd.checked_mul(ratio)?.checked_mul(self.conversion_margin)?
            }
            (Some(_) | None, _) => Decimal::ZERO,
        };
        Some(listed.max(converted))
    }

    /// What a message to the country costs at most, and how that is known; `None` where the card lists
    /// nothing at all in the currency: then a budget cannot be kept without a max price, and a launch
    /// should be refused with that reason.
    pub fn worst_case(&self, country: Option<&str>, currency: Currency) -> Option<WorstCase> {
        let listed = country.and_then(|c| self.price(c, currency));
        let (price, basis) = match listed {
            Some(price) => (price, Basis::RateCard),
            None => (self.highest(currency)?, Basis::HighestOfCard),
        };
        Some(WorstCase { amount: Micros::from_decimal_ceil(price)?, basis })
    }

    /// The markets, by key.
    pub fn markets(&self) -> impl Iterator<Item = (&str, &Market)> {
        self.markets.iter().map(|(key, market)| (key.as_str(), market))
    }
}

/// The most that one message can cost, and how that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorstCase {
    /// The amount to reserve, in the budget's currency.
    pub amount: Micros,
    /// How it is known.
    pub basis: Basis,
}

/// How a [`WorstCase`] is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Basis {
    /// The message's max price times its multiplier.
    MaxPrice,
    /// The rate card's price for the recipient's market.
    RateCard,
    /// The highest price of the card, since the recipient's market is unknown or has no listed price.
    HighestOfCard,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        text.parse().unwrap()
    }

    #[test]
    fn the_shipped_card() {
        let card = RateCard::shipped().unwrap();
        assert_eq!(card.date.to_string(), "2026-07-01");
        for (country, usd) in [
            ("IN", Some("0.0118")),
            ("US", Some("0.0250")),
            ("CA", Some("0.0250")),
            ("NL", Some("0.1597")),
            ("KE", Some("0.0225")),
            ("SG", Some("0.0732")),
            ("SE", Some("0.0592")),
            ("KZ", Some("0.0604")),
            ("ZZ", Some("0.0604")),
            ("TR", None),
            ("PL", None),
        ] {
            assert_eq!(card.price(country, Currency::USD), usd.map(d), "{country}");
        }
        assert_eq!(card.price("IN", Currency::INR), Some(d("0.8631")));
        assert_eq!(card.price("DE", Currency::INR), None);
        assert_eq!(card.market("SG").unwrap().source, "third-party");
        assert_eq!(card.markets().count(), 32);
        for (key, market) in card.markets() {
            assert_eq!(market.prices.is_empty(), market.source.is_empty(), "{key}");
        }
    }

    #[test]
    fn worst_cases() {
        let card = RateCard::shipped().unwrap();
        let worst = |country, code: &str| card.worst_case(country, code.parse().unwrap());
        let is = |amount, basis| Some(WorstCase { amount: Micros(amount), basis });
        assert_eq!(worst(Some("IN"), "USD"), is(11_800, Basis::RateCard));
        assert_eq!(worst(Some("IN"), "INR"), is(863_100, Basis::RateCard));
        assert_eq!(worst(Some("TR"), "USD"), is(159_700, Basis::HighestOfCard));
        assert_eq!(worst(None, "USD"), is(159_700, Basis::HighestOfCard));
        // 0.1597 x (0.8631 / 0.0118) x 1.25 = 14.601384...
        assert_eq!(worst(Some("DE"), "INR"), is(14_601_385, Basis::HighestOfCard));
        assert_eq!(worst(Some("IN"), "EUR"), None);
    }

    #[test]
    fn says_what_is_wrong_with_a_card() {
        let card = |body: &str| {
            RateCard::parse(&format!("date = \"2026-10-01\"\nsource = \"mine\"\n{body}")).unwrap_err()
        };
        let market = |rest: &str| card(&format!("[markets.x]\nname = \"X\"\n{rest}"));
        assert!(matches!(card("nonsense"), RateCardError::Form(_)));
        assert!(matches!(market("countries = []\nprice = 1"), RateCardError::Form(_)));
        assert!(matches!(
            RateCard::parse("date = \"soon\"\nsource = \"\"\n[markets]"),
            Err(RateCardError::Form(_))
        ));
        assert!(matches!(market("countries = [\"IND\"]"), RateCardError::Country { .. }));
        assert!(matches!(market("countries = [\"IN\", \"IN\"]"), RateCardError::Twice { .. }));
        assert!(matches!(market("countries = []\nprices = { XXX = \"1\" }"), RateCardError::Currency { .. }));
        assert!(matches!(market("countries = []\nprices = { USD = \"-1\" }"), RateCardError::Price { .. }));
        for margin in ["0.5", "x", "1000000"] {
            let error = card(&format!("conversion_margin = \"{margin}\"\n[markets]"));
            assert_eq!(error, RateCardError::Margin(margin.to_owned()));
        }
    }

    #[test]
    fn a_card_of_ones_own_may_be_small() {
        let card = RateCard::parse(
            "date = \"2026-10-01\"\nsource = \"mine\"\n[markets.in]\nname = \"India\"\ncountries = [\"IN\"]\nprices = { EUR = \"0.01\" }",
        )
        .unwrap();
        let eur = "EUR".parse().unwrap();
        assert_eq!(card.price("FR", eur), None);
        assert_eq!(card.worst_case(Some("FR"), eur).unwrap().amount, Micros(10_000));
        assert_eq!(card.worst_case(None, Currency::USD), None);
    }
}
