//! Lengths of time, as people write them: `24h`, `1h30m`, `7d`, `500ms`, `2s`.

use std::time::Duration;

use rust_decimal::Decimal;

/// The longest length of time that may be written: 3,650 days. Ten years are more than any key means,
/// and little enough to be added to any date without overflow.
pub const LONGEST: Duration = Duration::from_secs(3_650 * 86_400);

/// The units, largest first, with their milliseconds.
const UNITS: [(&str, u64); 6] =
    [("w", 7 * 86_400_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// The text is not a length of time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not of the form number unit, number unit...
    #[error("\"{0}\" is not a length of time; write a number and a unit, such as 24h, 1h30m, 7d or 500ms")]
    Form(String),
    /// A number without a unit.
    #[error("\"{0}\" has no unit; write for example {0}s, {0}m or {0}h")]
    NoUnit(String),
    /// A unit that does not exist.
    #[error("\"{0}\" has an unknown unit; the units are w, d, h, m, s and ms")]
    Unit(String),
    /// Units not from large to small, or one twice.
    #[error("\"{0}\" has its units out of order; write each once, the largest first, such as 1h30m")]
    Order(String),
    /// Below zero.
    #[error("\"{0}\" is negative; write a positive length of time such as 30m")]
    Negative(String),
    /// Zero, where that would mean nothing.
    #[error("\"{0}\" is no time at all; write a positive length of time such as 30m")]
    Zero(String),
    /// Longer than ten years.
    #[error("\"{0}\" is longer than 3650d, the longest there is")]
    TooLong(String),
    /// Finer than a millisecond.
    #[error("\"{0}\" is finer than a millisecond; write fewer decimals")]
    TooFine(String),
}

/// Reads a positive length of time: one or more of number and unit (w, d, h, m, s, ms), the largest unit
/// first, with optional decimals and blanks: `24h`, `1h30m`, `1h 30m`, `1.5h`.
///
/// # Errors
///
/// The text is of another form, zero, negative, longer than 3,650 days or finer than a millisecond.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let duration = parse_duration_or_zero(text)?;
    if duration.is_zero() { Err(DurationError::Zero(text.to_owned())) } else { Ok(duration) }
}

/// Like [`parse_duration`], for keys where `0s` has a meaning.
///
/// # Errors
///
/// As [`parse_duration`], but for zero.
pub fn parse_duration_or_zero(text: &str) -> Result<Duration, DurationError> {
    let form = || DurationError::Form(text.to_owned());
    let mut rest = text.trim();
    if let Some(positive) = rest.strip_prefix('-') {
        return match parse_duration_or_zero(positive) {
            Ok(_) => Err(DurationError::Negative(text.to_owned())),
            Err(_) => Err(form()),
        };
    }
    if rest.is_empty() {
        return Err(form());
    }
    let mut millis = Decimal::ZERO;
    let mut last = None;
    while !rest.is_empty() {
        let number_ends = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(number_ends);
        if !number.starts_with(|c: char| c.is_ascii_digit()) || number.matches('.').count() > 1 {
            return Err(form());
        }
        let after = after.trim_start();
        let unit_ends = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(unit_ends);
        if unit.is_empty() {
            let bare = after.is_empty() && last.is_none();
            return Err(if bare { DurationError::NoUnit(text.trim().to_owned()) } else { form() });
        }
        let (place, (_, factor)) = UNITS
            .iter()
            .enumerate()
            .find(|(_, (name, _))| *name == unit)
            .ok_or_else(|| DurationError::Unit(text.to_owned()))?;
        if last.is_some_and(|last| last >= place) {
            return Err(DurationError::Order(text.to_owned()));
        }
        last = Some(place);
        let too_long = || DurationError::TooLong(text.to_owned());
        let number = number.parse::<Decimal>().map_err(|_| too_long())?;
        let part = number.checked_mul(Decimal::from(*factor)).ok_or_else(too_long)?;
        millis = millis.checked_add(part).ok_or_else(too_long)?;
        rest = after.trim_start();
    }
    if millis > Decimal::from(LONGEST.as_secs() * 1_000) {
        return Err(DurationError::TooLong(text.to_owned()));
    }
    if !millis.fract().is_zero() {
        return Err(DurationError::TooFine(text.to_owned()));
    }
    let millis = u64::try_from(millis).map_err(|_| DurationError::TooLong(text.to_owned()))?;
    Ok(Duration::from_millis(millis))
}

/// Writes a length of time so that [`parse_duration_or_zero`] reads it back: `1h30m`, `500ms`, `0s`.
/// Days are used from two days on (24 hours are `24h`, a week is `7d`); what is finer than a
/// millisecond is rounded up, so that a wait is never shown as shorter than it is.
pub fn format_duration(duration: Duration) -> String {
    let mut millis = duration.as_nanos().div_ceil(1_000_000);
    if millis == 0 {
        return "0s".to_owned();
    }
    let mut text = String::new();
    let use_days = millis >= 2 * 86_400_000;
    for (unit, factor) in UNITS {
        if unit == "w" || (unit == "d" && !use_days) {
            continue;
        }
        let count = millis / u128::from(factor);
        millis %= u128::from(factor);
        if count > 0 {
            text.push_str(&count.to_string());
            text.push_str(unit);
        }
    }
    text
}

/// For `#[serde(with = "...")]`: a [`Duration`] as text. Zero may be read.
pub mod text {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    /// Writes the duration as [`super::format_duration`] does.
    ///
    /// # Errors
    ///
    /// Those of the serializer.
    pub fn serialize<S: Serializer>(duration: &Duration, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&super::format_duration(*duration))
    }

    /// Reads a duration as [`super::parse_duration_or_zero`] does.
    ///
    /// # Errors
    ///
    /// Those of the deserializer, and a text that is not a length of time.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Duration, D::Error> {
        super::parse_duration_or_zero(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_and_writes_what_people_write() {
        for (text, seconds, shown) in [
            ("24h", 86_400.0, "24h"),
            ("1h30m", 5_400.0, "1h30m"),
            ("1h 30m", 5_400.0, "1h30m"),
            ("1.5h", 5_400.0, "1h30m"),
            ("7d", 604_800.0, "7d"),
            ("1w", 604_800.0, "7d"),
            ("36h", 129_600.0, "36h"),
            ("48h", 172_800.0, "2d"),
            ("500ms", 0.5, "500ms"),
            ("2s", 2.0, "2s"),
            ("0.25s", 0.25, "250ms"),
            ("1d2h3m4s5ms", 93_784.005, "26h3m4s5ms"),
            ("3650d", 315_360_000.0, "3650d"),
        ] {
            let duration = parse_duration(text).unwrap();
            assert_eq!(duration, Duration::from_secs_f64(seconds), "{text}");
            assert_eq!(format_duration(duration), shown, "{text}");
        }
        assert_eq!(format_duration(Duration::ZERO), "0s");
        assert_eq!(format_duration(Duration::from_nanos(1)), "1ms");
        assert_eq!(parse_duration_or_zero("0s"), Ok(Duration::ZERO));
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |text: &str| parse_duration(text).unwrap_err();
        let own = |text: &str| text.to_owned();
        for text in
            ["", " ", "h", "h1", "1h-30m", "-", "-x", "1,5h", ".5h", "1..5h", "1h30", "1 30m", "½h", "∞"]
        {
            assert_eq!(error(text), DurationError::Form(own(text)), "{text}");
        }
        assert_eq!(error("30"), DurationError::NoUnit(own("30")));
        assert_eq!(error("30").to_string(), "\"30\" has no unit; write for example 30s, 30m or 30h");
        for text in ["5y", "5H", "1hour", "3µs", "1M"] {
            assert_eq!(error(text), DurationError::Unit(own(text)), "{text}");
        }
        for text in ["30m1h", "1h1h", "1s1m"] {
            assert_eq!(error(text), DurationError::Order(own(text)), "{text}");
        }
        assert_eq!(error("-5m"), DurationError::Negative(own("-5m")));
        for text in ["0s", "0d0h", "0.0h"] {
            assert_eq!(error(text), DurationError::Zero(own(text)), "{text}");
        }
        for text in ["3651d", "99999999999999999999999999999999d", "79228162514264337593543950335w"] {
            assert_eq!(error(text), DurationError::TooLong(own(text)), "{text}");
        }
        for text in ["0.5ms", "0.0001s"] {
            assert_eq!(error(text), DurationError::TooFine(own(text)), "{text}");
        }
    }

    proptest! {
        #[test]
        fn comes_back_as_it_went(millis in 0..=LONGEST.as_secs() * 1_000) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(parse_duration_or_zero(&format_duration(duration)), Ok(duration));
        }

        #[test]
        fn never_panics(text in ".{0,20}", likely in "([0-9.]{0,30}[wdhms ]{0,3}){0,4}", nanos: u64, secs: u64) {
            let _ = parse_duration(&text);
            let _ = parse_duration(&likely);
            let _ = format_duration(Duration::new(secs, u32::try_from(nanos % 1_000_000_000).unwrap()));
        }
    }
}
