//! The max price of a message: what it may cost at most, and how the platform writes that down.
//!
//! The platform keeps it in the template, as a whole number of the currency's smallest unit per 1,000
//! deliveries (Meta: "Set a max price", `bid_amount`, a 32-bit integer): INR 0.87 is 87,000, USD 0.05 is
//! 5,000, and JPY 7.5, a currency without hundredths, is 7,500. A send may scale it by a multiplier
//! (`per_message_bid_multiplier`, more than 0, default 1).

use std::fmt;
use std::str::FromStr;

use rust_decimal::{Decimal, RoundingStrategy};
use serde::{Deserialize, Serialize};

use super::amount::{Micros, Money};
use super::currency::Currency;

/// What a message may cost at most, before its own multiplier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct MaxPrice {
    /// The price of one delivered message.
    pub price: Money,
}

/// The price cannot be written in the platform's terms.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaxPriceError {
    /// Zero or less.
    #[error("a max price of {0} would let no message be delivered; write a positive price")]
    NotPositive(Money),
    /// Finer than the smallest unit per 1,000 deliveries.
    #[error(
        "a max price of {price} is not a whole number of {currency}'s smallest unit per 1,000 messages; round it to {decimals} decimals"
    )]
    TooFine {
        /// The price.
        price: Money,
        /// Its currency.
        currency: Currency,
        /// How many decimals would do.
        decimals: u32,
    },
    /// More than the platform's 32 bits hold.
    #[error("a max price of {price} is too large; the most the platform can hold is {most}")]
    TooLarge {
        /// The price.
        price: Money,
        /// The largest price there can be in this currency.
        most: Money,
    },
}

impl MaxPrice {
    /// The `bid_amount` of the template's object: the smallest units per 1,000 deliveries, exactly.
    ///
    /// # Errors
    ///
    /// The price is not positive, not a whole number of the smallest unit per 1,000 deliveries, or more
    /// than 2,147,483,647 of them.
    pub fn bid_amount(self) -> Result<i32, MaxPriceError> {
        let Money { amount, currency } = self.price;
        if amount <= Decimal::ZERO {
            return Err(MaxPriceError::NotPositive(self.price));
        }
        let per_thousand = Decimal::from(1_000 * currency.offset());
        let too_large = || {
            let most = Money { amount: Decimal::from(i32::MAX) / per_thousand, currency };
            MaxPriceError::TooLarge { price: self.price, most }
        };
        let units = amount.checked_mul(per_thousand).ok_or_else(too_large)?;
        // checked_mul rounds what does not fit into its 28 digits; going back shows whether it did.
        if !units.fract().is_zero() || units / per_thousand != amount {
            let decimals = currency.price_decimals();
            return Err(MaxPriceError::TooFine { price: self.price, currency, decimals });
        }
        i32::try_from(units).map_err(|_| too_large())
    }

    /// The price that a template's `bid_amount` stands for, exactly; `None` where the amount is not
    /// positive, which is not a max price.
    pub fn from_bid_amount(bid_amount: i32, currency: Currency) -> Option<Self> {
        (bid_amount > 0).then(|| {
            let scale = currency.price_decimals();
            let amount = Decimal::new(i64::from(bid_amount), scale).normalize();
            Self { price: Money { amount, currency } }
        })
    }

    /// The most that one message may cost: the price times its multiplier, rounded up to a millionth.
    /// `None` on overflow.
    pub fn worst_case(self, multiplier: Multiplier) -> Option<Micros> {
        Micros::from_decimal_ceil(self.price.amount.checked_mul(multiplier.0)?)
    }
}

/// What one message's max price is multiplied by: more than 0, at most 1,000.
///
/// The platform documents no upper bound; this one catches a slip of a column before it costs money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "Decimal", into = "Decimal")]
pub struct Multiplier(Decimal);

/// The text is not a multiplier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MultiplierError {
    /// Not a plain decimal number.
    #[error("\"{0}\" is not a multiplier; write a number such as 1.5 (half as much again) or 0.8")]
    NotANumber(String),
    /// Not above 0 and at most 1,000.
    #[error("a max-price multiplier of {0} is out of range; it must be more than 0 and at most 1000")]
    Range(String),
    /// More than six decimals.
    #[error("a max-price multiplier of {0} has more than 6 decimals; round it")]
    TooFine(String),
}

impl Multiplier {
    /// The price as it stands in the template.
    pub const ONE: Self = Self(Decimal::ONE);

    /// The multiplier as a number.
    pub const fn value(self) -> Decimal {
        self.0
    }

    /// What a price becomes, rounded up to what the currency can price: for people to look at.
    pub fn applied_to(self, price: Money) -> Option<Money> {
        let scale = price.currency.price_decimals();
        let amount = price.amount.checked_mul(self.0)?;
        let amount = amount.round_dp_with_strategy(scale, RoundingStrategy::AwayFromZero).normalize();
        Some(Money { amount, currency: price.currency })
    }
}

impl Default for Multiplier {
    fn default() -> Self {
        Self::ONE
    }
}

impl TryFrom<Decimal> for Multiplier {
    type Error = MultiplierError;

    fn try_from(value: Decimal) -> Result<Self, MultiplierError> {
        let value = value.normalize();
        if value <= Decimal::ZERO || value > Decimal::ONE_THOUSAND {
            return Err(MultiplierError::Range(value.to_string()));
        }
        if value.scale() > 6 {
            return Err(MultiplierError::TooFine(value.to_string()));
        }
        Ok(Self(value))
    }
}

impl From<Multiplier> for Decimal {
    fn from(multiplier: Multiplier) -> Self {
        multiplier.0
    }
}

impl FromStr for Multiplier {
    type Err = MultiplierError;

    fn from_str(text: &str) -> Result<Self, MultiplierError> {
        let text = text.trim();
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || c == '.');
        let not_a_number = || MultiplierError::NotANumber(text.to_owned());
        if !plain {
            return Err(not_a_number());
        }
        text.parse::<Decimal>().map_err(|_| not_a_number())?.try_into()
    }
}

impl fmt::Display for Multiplier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn max_price(amount: &str, currency: &str) -> MaxPrice {
        MaxPrice { price: Money::parse(amount, currency).unwrap() }
    }

    #[test]
    fn the_platforms_own_examples() {
        for (amount, currency, bid_amount) in [
            ("0.87", "INR", 87_000),
            ("0.05", "USD", 5_000),
            ("0.00001", "USD", 1),
            ("7.5", "JPY", 7_500),
            ("850", "IDR", 850_000),
            ("0.5", "MXN", 50_000),
            ("21474.83647", "USD", i32::MAX),
        ] {
            let price = max_price(amount, currency);
            assert_eq!(price.bid_amount(), Ok(bid_amount), "{amount} {currency}");
            assert_eq!(MaxPrice::from_bid_amount(bid_amount, price.price.currency), Some(price));
        }
    }

    #[test]
    fn says_what_cannot_be_written() {
        assert!(matches!(max_price("0", "INR").bid_amount(), Err(MaxPriceError::NotPositive(_))));
        let fine = MaxPrice { price: Money { amount: "0.000001".parse().unwrap(), currency: Currency::INR } };
        assert!(matches!(fine.bid_amount(), Err(MaxPriceError::TooFine { decimals: 5, .. })));
        let finest = MaxPrice {
            price: Money {
                amount: "1.0000000000000000000000000001".parse().unwrap(),
                currency: Currency::INR,
            },
        };
        assert!(matches!(finest.bid_amount(), Err(MaxPriceError::TooFine { .. })));
        assert_eq!(
            max_price("21474.83648", "USD").bid_amount().unwrap_err().to_string(),
            "a max price of USD 21474.83648 is too large; the most the platform can hold is USD 21474.83647"
        );
        let huge = MaxPrice { price: Money { amount: Decimal::MAX, currency: Currency::USD } };
        assert!(matches!(huge.bid_amount(), Err(MaxPriceError::TooLarge { .. })));
        assert_eq!(MaxPrice::from_bid_amount(0, Currency::INR), None);
        assert_eq!(MaxPrice::from_bid_amount(i32::MIN, Currency::INR), None);
    }

    #[test]
    fn multipliers() {
        let price = max_price("0.87", "INR");
        assert_eq!(price.worst_case(Multiplier::ONE), Some(Micros(870_000)));
        assert_eq!(price.worst_case("1.5".parse().unwrap()), Some(Micros(1_305_000)));
        // 0.87 x 0.333333 = 0.28999971: up to the next millionth.
        assert_eq!(price.worst_case("0.333333".parse().unwrap()), Some(Micros(290_000)));
        let shown = "0.333333".parse::<Multiplier>().unwrap().applied_to(price.price).unwrap();
        assert_eq!(shown.to_string(), "INR 0.29");
        for text in ["0", "-1", "1000.1", "0.0"] {
            assert!(matches!(text.parse::<Multiplier>(), Err(MultiplierError::Range(_))), "{text}");
        }
        for text in ["", "x", "1,5", "150%", "1e3", "NaN", "1.2.3"] {
            assert!(matches!(text.parse::<Multiplier>(), Err(MultiplierError::NotANumber(_))), "{text}");
        }
        assert!(matches!("1.0000001".parse::<Multiplier>(), Err(MultiplierError::TooFine(_))));
        assert_eq!("2.500000000".parse::<Multiplier>().unwrap().to_string(), "2.5");
    }

    proptest! {
        #[test]
        fn bid_amounts_come_back_as_they_went(bid_amount in 1..=i32::MAX, code in "INR|USD|JPY|IDR|CLP|EUR") {
            let price = MaxPrice::from_bid_amount(bid_amount, code.parse().unwrap()).unwrap();
            prop_assert_eq!(price.bid_amount(), Ok(bid_amount));
            prop_assert_eq!(price.worst_case(Multiplier::ONE).unwrap().to_decimal(), price.price.amount);
        }
    }
}
