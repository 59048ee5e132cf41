//! Messages per unit of time, as people write it: `60/s`, `90/m`, `5000/h`, `0.5/s`.
//!
//! Kept as a whole number of thousandths of a message an hour, so that every such text is exact,
//! rates compare exactly, and nothing drifts over a campaign of a million messages.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

const PER_HOUR: u64 = 1_000;
const PER_MINUTE: u64 = 60 * PER_HOUR;
const PER_SECOND: u64 = 60 * PER_MINUTE;
/// Ten times the fastest throughput tier of the platform (1,000 messages a second).
const MAX_PER_SECOND: u64 = 10_000;
const MAX: u64 = MAX_PER_SECOND * PER_SECOND;

/// How many messages in what time: more than none, at most 10,000 a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rate {
    milli_per_hour: u64,
}

/// The text is not a rate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RateError {
    /// Not of the form number/unit.
    #[error("\"{0}\" is not a rate; write a number and a unit, such as 60/s, 90/m or 5000/h")]
    Form(String),
    /// The unit is none of s, m, h.
    #[error("\"{0}\" has an unknown unit; a rate is per second, minute or hour: 60/s, 90/m or 5000/h")]
    Unit(String),
    /// Zero or negative.
    #[error("\"{0}\" sends nothing; write a positive rate such as 60/s, or pause the campaign instead")]
    NotPositive(String),
    /// Above 10,000/s.
    #[error("\"{0}\" is more than 10000/s; the platform's fastest senders do 1000/s")]
    TooFast(String),
    /// Finer than a thousandth of a message an hour.
    #[error("\"{0}\" is finer than a thousandth of a message an hour; write fewer decimals")]
    TooFine(String),
}

impl Rate {
    /// The fastest rate there is: 10,000/s.
    pub const FASTEST: Self = Self { milli_per_hour: MAX };
    /// The slowest rate there is: one message in a thousand hours.
    pub const SLOWEST: Self = Self { milli_per_hour: 1 };

    /// `count` messages a second; `None` outside 1 to 10,000.
    pub const fn per_second_of(count: u64) -> Option<Self> {
        if count == 0 || count > MAX_PER_SECOND {
            return None;
        }
        Some(Self { milli_per_hour: count * PER_SECOND })
    }

    /// The slowest rate that sends `messages` within `time`; `None` where there is nothing to send,
    /// no time to do it in, or more to send than 10,000/s can.
    ///
    /// `needed(14_400, 4 h)` is 1/s; `needed(1, 3 s)` is 1200/h; `needed(100, 7 s)` is a thousandth of a
    /// message an hour above 14.2857/s.
    pub fn needed(messages: u64, time: Duration) -> Option<Self> {
        // An hour has 3.6e12 ns; times 1,000 for thousandths, times 2^64 messages: fits in 128 bits.
        let thousandths = u128::from(messages).checked_mul(3_600_000_000_000 * u128::from(PER_HOUR))?;
        let nanos = time.as_nanos();
        if messages == 0 || nanos == 0 {
            return None;
        }
        let milli_per_hour = u64::try_from(thousandths.div_ceil(nanos)).ok()?;
        (milli_per_hour <= MAX).then_some(Self { milli_per_hour })
    }

    /// An equal part of it, one of `parts`; never below [`Rate::SLOWEST`].
    #[must_use]
    pub fn shared_by(self, parts: usize) -> Self {
        let parts = u64::try_from(parts).unwrap_or(u64::MAX).max(1);
        Self { milli_per_hour: (self.milli_per_hour / parts).max(1) }
    }

    /// Messages a second.
    #[expect(clippy::cast_precision_loss, reason = "at most 3.6e10, far below 2^53")]
    pub fn per_second(self) -> f64 {
        self.milli_per_hour as f64 / PER_SECOND as f64
    }

    /// The time between two messages, rounded up to the next nanosecond, so that keeping it never
    /// exceeds the rate: 60/s is 16,666,667 ns, 10000/s is 100 us, 1/h is an hour.
    pub fn interval(self) -> Duration {
        Duration::from_nanos((PER_SECOND * 1_000_000_000).div_ceil(self.milli_per_hour))
    }

    /// How many whole messages this rate sends in `time`; `u64::MAX` where there are more than that.
    pub fn messages_in(self, time: Duration) -> u64 {
        let thousandth_nanos = u128::from(self.milli_per_hour).saturating_mul(time.as_nanos());
        u64::try_from(thousandth_nanos / (3_600_000_000_000 * u128::from(PER_HOUR))).unwrap_or(u64::MAX)
    }

    /// How long this rate takes for `messages`, rounded up to the next nanosecond.
    pub fn time_for(self, messages: u64) -> Duration {
        let nanos = (u128::from(messages) * (3_600_000_000_000 * u128::from(PER_HOUR)))
            .div_ceil(u128::from(self.milli_per_hour));
        let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
        Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).unwrap_or(0))
    }

    /// The slower of the two.
    #[must_use]
    pub fn min(self, other: Self) -> Self {
        Ord::min(self, other)
    }
}

impl FromStr for Rate {
    type Err = RateError;

    fn from_str(text: &str) -> Result<Self, RateError> {
        let form = || RateError::Form(text.to_owned());
        let (number, unit) = text.split_once('/').ok_or_else(form)?;
        let (number, unit) = (number.trim(), unit.trim());
        let digits = number.strip_prefix('-').unwrap_or(number);
        if !digits.starts_with(|c: char| c.is_ascii_digit())
            || !digits.chars().all(|c| c.is_ascii_digit() || c == '.')
        {
            return Err(form());
        }
        let factor = match unit {
            "s" | "sec" | "second" => PER_SECOND,
            "m" | "min" | "minute" => PER_MINUTE,
            "h" | "hour" => PER_HOUR,
            _ => return Err(RateError::Unit(text.to_owned())),
        };
        // What is left to refuse are texts such as 1.2.3 and numbers too long for a decimal.
        let number = Decimal::from_str(number).map_err(|_| {
            if digits.matches('.').count() > 1 { form() } else { RateError::TooFast(text.to_owned()) }
        })?;
        if number <= Decimal::ZERO {
            return Err(RateError::NotPositive(text.to_owned()));
        }
        let thousandths = number
            .checked_mul(Decimal::from(factor))
            .filter(|n| *n <= Decimal::from(MAX))
            .ok_or_else(|| RateError::TooFast(text.to_owned()))?;
        if !thousandths.fract().is_zero() {
            return Err(RateError::TooFine(text.to_owned()));
        }
        let milli_per_hour = u64::try_from(thousandths).map_err(|_| RateError::TooFast(text.to_owned()))?;
        Ok(Self { milli_per_hour })
    }
}

/// In the largest unit that needs no decimals: `60/s`, `90/m`, `5000/h`; `0.5/s` shows as `30/m`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rate = self.milli_per_hour;
        if rate.is_multiple_of(PER_SECOND) {
            write!(f, "{}/s", rate / PER_SECOND)
        } else if rate.is_multiple_of(PER_MINUTE) {
            write!(f, "{}/m", rate / PER_MINUTE)
        } else {
            write!(f, "{}/h", Decimal::new(i64::try_from(rate).unwrap_or(i64::MAX), 3).normalize())
        }
    }
}

impl TryFrom<String> for Rate {
    type Error = RateError;

    fn try_from(text: String) -> Result<Self, RateError> {
        text.parse()
    }
}

impl From<Rate> for String {
    fn from(rate: Rate) -> Self {
        rate.to_string()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    #[test]
    fn reads_what_people_write() {
        for (text, shown, per_second) in [
            ("60/s", "60/s", 60.0),
            ("90/m", "90/m", 1.5),
            ("120/min", "2/s", 2.0),
            ("5000/h", "5000/h", 5000.0 / 3600.0),
            ("0.5/s", "30/m", 0.5),
            (" 2.5 / s ", "150/m", 2.5),
            ("1.5/h", "1.5/h", 1.5 / 3600.0),
            ("10000/s", "10000/s", 10_000.0),
        ] {
            assert_eq!(rate(text).to_string(), shown, "{text}");
            assert!((rate(text).per_second() - per_second).abs() < 1e-9, "{text}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |text: &str| text.parse::<Rate>().unwrap_err();
        for text in [
            "",
            "60",
            "/s",
            "x/s",
            "1e3/s",
            "1.2.3/s",
            ".5/s",
            "60/s/s".trim_end_matches("/s"),
            "NaN/s",
            "+5/s",
        ] {
            assert!(matches!(error(text), RateError::Form(_)), "{text}");
        }
        for text in ["60/d", "60/", "60/s/s", "60/ms"] {
            assert!(matches!(error(text), RateError::Unit(_)), "{text}");
        }
        for text in ["0/s", "-1/s", "0.000/h"] {
            assert!(matches!(error(text), RateError::NotPositive(_)), "{text}");
        }
        for text in ["10001/s", "999999999999999999999999999999999999/h", "79228162514264337593543950335/s"] {
            assert!(matches!(error(text), RateError::TooFast(_)), "{text}");
        }
        assert!(matches!(error("0.0001/h"), RateError::TooFine(_)));
        assert_eq!(
            error("0/s").to_string(),
            "\"0/s\" sends nothing; write a positive rate such as 60/s, or pause the campaign instead"
        );
    }

    #[test]
    fn the_interval_never_exceeds_the_rate() {
        assert_eq!(rate("60/s").interval(), Duration::from_nanos(16_666_667));
        assert_eq!(rate("1/h").interval(), Duration::from_secs(3600));
        assert_eq!(rate("10000/s").interval(), Duration::from_micros(100));
        assert_eq!(Rate::SLOWEST.interval(), Duration::from_secs(3_600_000));
    }

    #[test]
    fn the_rate_that_is_needed() {
        let hours = |h: u64| Duration::from_secs(h * 3600);
        assert_eq!(Rate::needed(14_400, hours(4)), Some(rate("1/s")));
        assert_eq!(Rate::needed(1, Duration::from_secs(3)), Some(rate("1200/h")));
        assert_eq!(Rate::needed(0, hours(1)), None);
        assert_eq!(Rate::needed(1, Duration::ZERO), None);
        assert_eq!(Rate::needed(u64::MAX, Duration::from_nanos(1)), None);
        assert_eq!(Rate::needed(1, Duration::MAX), Some(Rate::SLOWEST));
    }

    #[test]
    fn travels_as_text() {
        let json = serde_json::to_string(&rate("60/s")).unwrap();
        assert_eq!(json, "\"60/s\"");
        assert_eq!(serde_json::from_str::<Rate>(&json).unwrap(), rate("60/s"));
        assert!(serde_json::from_str::<Rate>("\"0/s\"").unwrap_err().to_string().contains("sends nothing"));
        assert!(rate("59/m") < rate("1/s"));
        assert_eq!(rate("2/s").min(rate("90/m")), rate("90/m"));
    }

    proptest! {
        #[test]
        fn comes_back_as_it_went(milli_per_hour in 1..=MAX) {
            let r = Rate { milli_per_hour };
            prop_assert_eq!(rate(&r.to_string()), r);
        }

        #[test]
        fn time_and_messages_agree(milli_per_hour in 1..=MAX, n in 0..10_000_000u64) {
            let r = Rate { milli_per_hour };
            let time = r.time_for(n);
            prop_assert_eq!(r.messages_in(time), n);
            if n > 0 {
                prop_assert!(r.messages_in(time - Duration::from_nanos(1)) < n);
                let needed = Rate::needed(n, time).unwrap();
                prop_assert!(needed <= r);
                prop_assert!(needed.time_for(n) <= time);
            }
        }

        #[test]
        fn never_panics(text in ".{0,20}", number in "[0-9.]{0,40}/[smhd]") {
            let _ = text.parse::<Rate>();
            let _ = number.parse::<Rate>();
        }
    }
}
