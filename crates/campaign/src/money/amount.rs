//! Amounts as people write them ([`Money`]) and as databases keep them ([`Micros`]).

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::currency::{Currency, UnknownCurrency};

/// No amount is larger: a million million units. Sums of [`Micros`] stay far from overflow.
const LARGEST: i64 = 1_000_000_000_000;

/// An amount of a currency: not negative, with no more decimals than the platform can price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// The amount, in units of the currency (rupees, not paise). Written as text in JSON.
    pub amount: Decimal,
    /// The currency.
    pub currency: Currency,
}

/// The text is not an amount of the currency.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// No such currency.
    #[error(transparent)]
    Currency(#[from] UnknownCurrency),
    /// Not a plain decimal number.
    #[error("\"{0}\" is not a number; write digits with a decimal point, such as 0.87 or 50000")]
    NotANumber(String),
    /// Below zero.
    #[error("\"{0}\" is negative; write an amount of zero or more")]
    Negative(String),
    /// Finer than the platform can price.
    #[error(
        "\"{amount}\" has more than {allowed} decimals, the most for {currency}: prices are whole numbers of its smallest unit per 1,000 messages"
    )]
    TooManyDecimals {
        /// The amount as it was written.
        amount: String,
        /// Its currency.
        currency: Currency,
        /// The most decimals there may be.
        allowed: u32,
    },
    /// More than a million million.
    #[error("\"{0}\" is more than 1000000000000, the largest amount there may be")]
    TooLarge(String),
}

impl Money {
    /// Reads an amount and the code of its currency.
    ///
    /// # Errors
    ///
    /// The currency is unknown; the amount is not a plain decimal number (no thousands separators, no
    /// exponent), is negative, has more decimals than [`Currency::price_decimals`] (trailing zeros do
    /// not count), or is more than a million million.
    pub fn parse(amount: &str, currency: &str) -> Result<Self, MoneyError> {
        Self::parse_in(amount, currency.parse()?)
    }

    /// Reads an amount of a known currency.
    ///
    /// # Errors
    ///
    /// As [`Money::parse`].
    pub fn parse_in(amount: &str, currency: Currency) -> Result<Self, MoneyError> {
        let text = amount.trim();
        let digits = text.strip_prefix('-').unwrap_or(text);
        let plain = digits.starts_with(|c: char| c.is_ascii_digit())
            && digits.chars().all(|c| c.is_ascii_digit() || c == '.')
            && digits.matches('.').count() <= 1;
        if !plain {
            return Err(MoneyError::NotANumber(amount.to_owned()));
        }
        let fraction = digits.split_once('.').map_or("", |(_, f)| f).trim_end_matches('0');
        let whole = digits.split('.').next().unwrap_or("").trim_start_matches('0');
        if text.starts_with('-') && !(whole.is_empty() && fraction.is_empty()) {
            return Err(MoneyError::Negative(amount.to_owned()));
        }
        if whole.len() > 13 {
            return Err(MoneyError::TooLarge(amount.to_owned()));
        }
        let allowed = currency.price_decimals();
        if fraction.len() > allowed as usize {
            return Err(MoneyError::TooManyDecimals { amount: amount.to_owned(), currency, allowed });
        }
        let clean = format!("{}.{fraction}0", if whole.is_empty() { "0" } else { whole });
        let value = clean.parse::<Decimal>().map_err(|_| MoneyError::NotANumber(amount.to_owned()))?;
        if value > Decimal::from(LARGEST) {
            return Err(MoneyError::TooLarge(amount.to_owned()));
        }
        Ok(Self { amount: value.normalize(), currency })
    }

    /// The amount as a database keeps it; exact, since no amount has more than six decimals. Rounded
    /// up where the fields were filled by hand with more than that, and `None` where they overflow.
    pub fn micros(self) -> Option<Micros> {
        Micros::from_decimal_ceil(self.amount)
    }
}

/// The code and the amount, with at least the two decimals people expect where the currency has them:
/// `INR 0.87`, `USD 0.0118`, `INR 50000.00`, `JPY 7`.
impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let least = if self.currency.offset() == 1 { 0 } else { 2 };
        let mut amount = self.amount.normalize();
        if amount.scale() < least {
            amount.rescale(least);
        }
        write!(f, "{} {amount}", self.currency)
    }
}

/// Millionths of a unit of some currency: how databases keep money. The currency stands beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Micros(pub i64);

impl Micros {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The fewest micros that are no less than the amount; `None` where it does not fit into 64 bits
    /// (about 9.2 million million units). Rounding up is for worst cases, which must not be too small.
    pub fn from_decimal_ceil(amount: Decimal) -> Option<Self> {
        let micros = amount.checked_mul(Decimal::from(1_000_000))?.ceil();
        i64::try_from(micros).ok().map(Self)
    }

    /// The amount in units of the currency, exactly.
    pub fn to_decimal(self) -> Decimal {
        Decimal::new(self.0, 6).normalize()
    }

    /// As an amount of a currency.
    pub fn in_currency(self, currency: Currency) -> Money {
        Money { amount: self.to_decimal(), currency }
    }

    /// The sum; `None` on overflow.
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// The difference; `None` on overflow. May be negative.
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        self.0.checked_sub(other.0).map(Self)
    }

    /// So many times the amount; `None` on overflow.
    pub fn checked_mul(self, times: i64) -> Option<Self> {
        self.0.checked_mul(times).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_what_people_write() {
        for (amount, currency, shown) in [
            ("0.87", "INR", "INR 0.87"),
            ("50000", "INR", "INR 50000.00"),
            ("0.0118", "usd", "USD 0.0118"),
            ("7", "JPY", "JPY 7"),
            ("7.125", "JPY", "JPY 7.125"),
            (" 1.50 ", "EUR", "EUR 1.50"),
            ("0.8700000000000000000000000000000000000000", "INR", "INR 0.87"),
            ("000000000000000000000000000000000000001.5", "INR", "INR 1.50"),
            ("-0", "INR", "INR 0.00"),
            ("5.", "INR", "INR 5.00"),
            ("1000000000000", "INR", "INR 1000000000000.00"),
        ] {
            assert_eq!(Money::parse(amount, currency).unwrap().to_string(), shown, "{amount}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |amount: &str, currency: &str| Money::parse(amount, currency).unwrap_err();
        for amount in ["", "x", "1,000", "₹5", "1e3", "1.2.3", ".5", "NaN", "1_000", "+5", "--5", "٣"] {
            assert_eq!(error(amount, "INR"), MoneyError::NotANumber(amount.to_owned()), "{amount}");
        }
        assert_eq!(error("-0.01", "INR"), MoneyError::Negative("-0.01".to_owned()));
        assert!(matches!(error("0.000001", "INR"), MoneyError::TooManyDecimals { allowed: 5, .. }));
        assert!(matches!(error("0.0001", "JPY"), MoneyError::TooManyDecimals { allowed: 3, .. }));
        for amount in ["1000000000001", "1000000000000.00001", "99999999999999999999999999999999999999"] {
            assert_eq!(error(amount, "INR"), MoneyError::TooLarge(amount.to_owned()), "{amount}");
        }
        assert_eq!(
            error("1", "RUPEE").to_string(),
            "\"RUPEE\" is not a currency; write an ISO 4217 code such as USD, EUR or INR"
        );
    }

    #[test]
    fn micros_round_up_and_never_overflow() {
        let ceil = |text: &str| Micros::from_decimal_ceil(text.parse().unwrap());
        assert_eq!(ceil("0.87"), Some(Micros(870_000)));
        assert_eq!(ceil("0.0000001"), Some(Micros(1)));
        assert_eq!(ceil("0"), Some(Micros::ZERO));
        assert_eq!(ceil("9223372036854.775807"), Some(Micros(i64::MAX)));
        assert_eq!(ceil("9223372036854.775808"), None);
        assert_eq!(ceil("79228162514264337593543950335"), None);
        assert_eq!(Micros(i64::MAX).checked_add(Micros(1)), None);
        assert_eq!(Micros(i64::MIN).checked_sub(Micros(1)), None);
        assert_eq!(Micros(1_500_000).in_currency(Currency::INR).to_string(), "INR 1.50");
    }

    proptest! {
        #[test]
        fn micros_come_back_as_they_went(micros: i64) {
            prop_assert_eq!(Micros::from_decimal_ceil(Micros(micros).to_decimal()), Some(Micros(micros)));
        }

        #[test]
        fn money_fits_micros_exactly(units in 0i64..LARGEST, fraction in 0u32..100_000) {
            let money = Money::parse(&format!("{units}.{fraction:05}"), "INR").unwrap();
            prop_assert_eq!(money.micros().unwrap().to_decimal(), money.amount);
        }

        #[test]
        fn never_panics(text in ".{0,20}", number in "-?[0-9.]{0,40}") {
            let _ = Money::parse(&text, "INR");
            let _ = Money::parse(&number, "JPY");
        }
    }
}
