//! Shares in percent, exact.

use std::fmt;
use std::str::FromStr;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// A share from 0 % to 100 %, written with its sign: `5%`, `0.5%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Percent(Decimal);

/// The text is not a share in percent.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PercentError {
    /// Not a number with the sign.
    #[error("\"{0}\" is not a percentage; write a number with its sign, such as 5% or 0.5%")]
    Form(String),
    /// A number without the sign: 0.05 may mean 5 % or 0.05 %.
    #[error("\"{0}\" has no percent sign; write {0}% if that is meant")]
    NoSign(String),
    /// Below 0 % or above 100 %.
    #[error("\"{0}\" is out of range; write 0% to 100%")]
    Range(String),
}

impl Percent {
    /// 0 %.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// A whole number of percent; above 100 it is 100.
    pub const fn whole(percent: u8) -> Self {
        let percent = if percent > 100 { 100 } else { percent };
        Self(Decimal::from_parts(percent as u32, 0, 0, false, 0))
    }

    /// The number before the sign, 0 to 100.
    pub fn percent(self) -> Decimal {
        self.0
    }

    /// The share as a fraction, 0 to 1.
    pub fn fraction(self) -> Decimal {
        self.0 / Decimal::ONE_HUNDRED
    }

    /// Whether `part` of `whole` is more than this share. Nothing of nothing is not.
    pub fn is_exceeded_by(self, part: u64, whole: u64) -> bool {
        Decimal::from(part) * Decimal::ONE_HUNDRED > self.0 * Decimal::from(whole)
    }
}

impl FromStr for Percent {
    type Err = PercentError;

    fn from_str(text: &str) -> Result<Self, PercentError> {
        let trimmed = text.trim();
        let number = trimmed.strip_suffix('%').map(str::trim_end);
        let value = Decimal::from_str_exact(number.unwrap_or(trimmed))
            .map_err(|_| PercentError::Form(text.to_owned()))?
            .normalize();
        if number.is_none() && !value.is_zero() {
            return Err(PercentError::NoSign(text.to_owned()));
        }
        // A dozen decimals are more than any audience resolves, and keep all arithmetic in range.
        if value.is_sign_negative() || value > Decimal::ONE_HUNDRED || value.scale() > 12 {
            return Err(PercentError::Range(text.to_owned()));
        }
        Ok(Self(value))
    }
}

impl fmt::Display for Percent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl TryFrom<String> for Percent {
    type Error = PercentError;

    fn try_from(text: String) -> Result<Self, PercentError> {
        text.parse()
    }
}

impl From<Percent> for String {
    fn from(percent: Percent) -> Self {
        percent.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes() {
        for (text, shown) in [("5%", "5%"), ("0.50 %", "0.5%"), ("100%", "100%"), ("0", "0%"), ("0%", "0%")] {
            assert_eq!(text.parse::<Percent>().unwrap().to_string(), shown);
        }
        for text in ["5", "0.05", "x%", "%", "101%", "-1%", "5%%", ""] {
            assert!(text.parse::<Percent>().is_err(), "{text}");
        }
    }

    #[test]
    fn compares_exactly() {
        let five = Percent::whole(5);
        assert!(!five.is_exceeded_by(5, 100));
        assert!(five.is_exceeded_by(6, 100));
        assert!(!five.is_exceeded_by(0, 0));
        assert!(Percent::ZERO.is_exceeded_by(1, u64::MAX));
        assert_eq!(five.fraction().to_string(), "0.05");
    }
}
