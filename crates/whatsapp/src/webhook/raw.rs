//! Forgiving readers of single JSON values. Each looks at the value's own text, so that one odd value spoils
//! nothing but itself, and so that amounts are read as they were written.

use std::fmt;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::de::{SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A value that has not been looked into yet; `None` where it is missing or null.
pub(super) type Raw<'a> = Option<&'a RawValue>;

/// Timestamps from here on are in milliseconds: in seconds it would be the year 5138.
const MILLISECONDS_FROM: f64 = 1e11;

/// Times from here on (the year 2100) are none of this platform's: they would only break what reckons with them.
const NO_TIME_FROM: f64 = 4.1e12;

/// The longest text that names something: a message, a person, a number, a template. Meta's are shorter (a template's
/// name has at most 512 bytes), and databases refuse keys of some thousand bytes.
const LONGEST_NAME: usize = 512;

/// The longest id of a number or a person: a business-scoped user id has two letters, a point and up to 128 characters.
const LONGEST_ID: usize = 131;

/// A string, or a number or boolean as its text. Blank is missing. U+FFFD stands for NUL, which databases refuse.
pub(super) fn text(raw: Raw<'_>) -> Option<String> {
    let json = raw?.get();
    let text = match json.as_bytes().first()? {
        b'"' => serde_json::from_str::<String>(json).ok()?,
        b'{' | b'[' => return None,
        _ => json.to_owned(),
    };
    let text = if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    (!text.trim().is_empty()).then_some(text)
}

/// A text that names something: one that is too long for that is missing.
pub(super) fn name(raw: Raw<'_>) -> Option<String> {
    text(raw).filter(|text| text.len() <= LONGEST_NAME)
}

/// The id of a number or a person, which may stand in many events of a post: one that is longer than any of the
/// platform's is missing.
pub(super) fn id(raw: Raw<'_>) -> Option<String> {
    text(raw).filter(|text| text.len() <= LONGEST_ID)
}

/// A whole number, also in quotes.
pub(super) fn integer(raw: Raw<'_>) -> Option<i64> {
    text(raw)?.trim().parse().ok()
}

/// A boolean, also in quotes.
pub(super) fn boolean(raw: Raw<'_>) -> Option<bool> {
    text(raw)?.trim().to_ascii_lowercase().parse().ok()
}

/// Unix time in seconds: a string or a number, with or without a fraction (`"1700000000"`, `1700000000`,
/// `1700000000.0`); milliseconds are recognised by their size.
pub(super) fn time(raw: Raw<'_>) -> Option<DateTime<Utc>> {
    let text = text(raw)?;
    let number: f64 = text.trim().parse().ok()?;
    if !number.is_finite() || number < 0.0 {
        return None;
    }
    let millis = if number < MILLISECONDS_FROM { number * 1_000.0 } else { number };
    if millis >= NO_TIME_FROM {
        return None;
    }
    DateTime::from_timestamp_millis(millis as i64)
}

/// A decimal from the number's own text, also in quotes or with an exponent. A number with more digits than
/// a [`Decimal`] holds (28) is rounded at the last of them.
pub(super) fn decimal(raw: Raw<'_>) -> Option<Decimal> {
    let text = text(raw)?;
    let text = text.trim();
    Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text)).or_else(|_| text.parse()).ok()
}

/// Shows each element of an array, one after the other, so that a list of a million nothings takes no memory; shows none
/// where it is missing, and gives an error where it is something else.
pub(super) fn each<'a>(raw: Raw<'a>, name: &str, see: impl FnMut(&'a RawValue)) -> Result<(), String> {
    struct Elements<F>(F);

    impl<'de, F: FnMut(&'de RawValue)> Visitor<'de> for Elements<F> {
        type Value = ();

        fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
            formatter.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(mut self, mut elements: A) -> Result<(), A::Error> {
            while let Some(element) = elements.next_element::<&'de RawValue>()? {
                (self.0)(element);
            }
            Ok(())
        }
    }

    let Some(raw) = raw else { return Ok(()) };
    let mut json = serde_json::Deserializer::from_str(raw.get());
    json.deserialize_seq(Elements(see)).map_err(|_| format!("{name} is not a list"))
}

/// The first elements of an array, `most` at the most; none where it is something else.
pub(super) fn first<'a>(raw: Raw<'a>, most: usize) -> Vec<&'a RawValue> {
    let mut elements = Vec::new();
    let seen = each(raw, "", |element| {
        if elements.len() < most {
            elements.push(element);
        }
    });
    // What is no list has no elements.
    seen.map_or_else(|_| Vec::new(), |()| elements)
}

/// An object's known keys; the default where it is missing or no object.
pub(super) fn object<'a, T: Deserialize<'a> + Default>(raw: Raw<'a>) -> T {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
}

/// An object's known keys, or an error where it is no object.
pub(super) fn required<'a, T: Deserialize<'a>>(raw: &'a RawValue, name: &str) -> Result<T, String> {
    let json = raw.get();
    // Derived readers also take an array for an object; the platform never means that.
    if !json.starts_with('{') {
        return Err(format!("{name} is not an object"));
    }
    serde_json::from_str(json).map_err(|error| format!("{name} cannot be read: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> Box<RawValue> {
        RawValue::from_string(json.to_owned()).unwrap()
    }

    #[test]
    fn times_in_every_dress() {
        let expected = DateTime::from_timestamp(1_731_622_800, 0);
        for json in [
            r#""1731622800""#,
            "1731622800",
            "1731622800.0",
            r#""1731622800.0""#,
            "1731622800000",
            "1.7316228e9",
        ] {
            assert_eq!(time(Some(&raw(json))), expected, "{json}");
        }
        for json in [
            r#""TIMESTAMP""#,
            r#""""#,
            "-1",
            "1e300",
            r#""inf""#,
            r#""NaN""#,
            "{}",
            "[]",
            "true",
            "8210266876799999",
            "4102444800",
        ] {
            assert_eq!(time(Some(&raw(json))), None, "{json}");
        }
        assert_eq!(time(None), None);
    }

    #[test]
    fn amounts_keep_every_digit() {
        for (json, amount) in [
            ("0.0118", "0.0118"),
            ("0.1", "0.1"),
            ("0.30000000000000004", "0.30000000000000004"),
            (r#""0.87""#, "0.87"),
            ("87", "87"),
            ("1.18e-2", "0.0118"),
            ("5E-3", "0.005"),
            ("0.8631000000000000000000000000", "0.8631000000000000000000000000"),
        ] {
            assert_eq!(decimal(Some(&raw(json))), Some(amount.parse().unwrap()), "{json}");
        }
        for json in ["1e400", r#""x""#, "{}", "true", r#""""#] {
            assert_eq!(decimal(Some(&raw(json))), None, "{json}");
        }
    }

    #[test]
    fn what_names_something_is_short_and_has_no_nul() {
        let quoted = |length| raw(&format!("\"{}\"", "x".repeat(length)));
        assert_eq!(name(Some(&quoted(LONGEST_NAME))).map(|name| name.len()), Some(LONGEST_NAME));
        assert_eq!(name(Some(&quoted(LONGEST_NAME + 1))), None);
        assert_eq!(text(Some(&raw(r#""a\u0000b""#))).as_deref(), Some("a\u{fffd}b"));
        // Half of a pair of surrogates is no text, and spoils nothing but itself.
        assert_eq!(text(Some(&raw(r#""\ud800""#))), None);
    }

    #[test]
    fn texts_may_be_numbers() {
        assert_eq!(text(Some(&raw(r#""a\n\u00e9""#))).as_deref(), Some("a\né"));
        assert_eq!(text(Some(&raw("106540352242922"))).as_deref(), Some("106540352242922"));
        assert_eq!(text(Some(&raw(r#""  ""#))), None);
        assert_eq!(text(Some(&raw(r#"{"a":1}"#))), None);
        assert_eq!(boolean(Some(&raw(r#""True""#))), Some(true));
        assert_eq!(integer(Some(&raw(r#""131049""#))), Some(131_049));
        assert_eq!(integer(Some(&raw("99999999999999999999"))), None);
    }
}
