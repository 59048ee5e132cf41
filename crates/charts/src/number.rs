//! Numbers and shares, as people write them.

/// A number with thousands separators: `1,234,567`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A share with one decimal: `61.2 %`. Only the whole is `100 %` and only nothing is `0 %`; `-` where there is no whole.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "-".to_owned();
    }
    if part == 0 {
        return "0 %".to_owned();
    }
    if part == whole {
        return "100 %".to_owned();
    }
    let tenths = (u128::from(part) * 1_000 + u128::from(whole) / 2) / u128::from(whole);
    match tenths {
        0 => "<0.1 %".to_owned(),
        1_000 => if part < whole { ">99.9 %" } else { "100.0 %" }.to_owned(),
        tenths => format!("{}.{} %", tenths / 10, tenths % 10),
    }
}

/// A share that is no more than estimated, in percent with one decimal: `61.2 %`, `50.0 %`. `0 %` and `100 %` are
/// exact; what is near them is `<0.1 %` and `>99.9 %`.
#[must_use]
pub fn share(share: f64) -> String {
    if share == 0.0 || !share.is_finite() {
        return "0 %".to_owned();
    }
    if share == 1.0 {
        return "100 %".to_owned();
    }
    if 0.0 < share && share < 0.000_5 {
        return "<0.1 %".to_owned();
    }
    if (0.999_5..1.0).contains(&share) {
        return ">99.9 %".to_owned();
    }
    format!("{:.1} %", share * 100.0)
}

/// A number in at most five characters or so, for axes: `950`, `1.5k`, `20k`, `3M`, `1.2B`; 0 where it is no number.
#[must_use]
pub fn compact(number: f64) -> String {
    if !number.is_finite() || number == 0.0 {
        return "0".to_owned();
    }
    let (scale, unit) = match number.abs() {
        a if a < 1e3 => (1.0, ""),
        a if a < 1e6 => (1e3, "k"),
        a if a < 1e9 => (1e6, "M"),
        a if a < 1e12 => (1e9, "B"),
        a if a < 1e15 => (1e12, "T"),
        _ => return format!("{number:.0e}"),
    };
    let scaled = number / scale;
    let text = if scaled.abs() < 10.0 { format!("{scaled:.2}") } else { format!("{scaled:.1}") };
    let text = text.trim_end_matches('0').trim_end_matches('.');
    // What rounds to nothing is said with one digit.
    if text.is_empty() || text == "0" || text == "-0" {
        format!("{number:.0e}")
    } else {
        format!("{text}{unit}")
    }
}

/// As a float: exact up to 2^53, which is enough for drawing.
#[expect(clippy::cast_precision_loss, reason = "the place of a line in a drawing")]
pub(crate) const fn float(number: u64) -> f64 {
    number as f64
}

/// A part of a whole, from 0 to 1, wherever both come from.
pub(crate) fn fraction(part: f64, whole: f64) -> f64 {
    let fraction = part / whole;
    if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_shortened() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), text);
        }
        for (number, text) in [
            (0.0, "0"),
            (f64::NAN, "0"),
            (0.25, "0.25"),
            (950.0, "950"),
            (1_500.0, "1.5k"),
            (20_000.0, "20k"),
            (3_000_000.0, "3M"),
            (1.25e9, "1.25B"),
            (4e12, "4T"),
            (1.8e19, "2e19"),
            (0.000_2, "2e-4"),
            (-40.0, "-40"),
        ] {
            assert_eq!(compact(number), text);
        }
    }

    #[test]
    fn shares_never_round_to_all_or_nothing() {
        for (part, whole, text) in [
            (0, 0, "-"),
            (0, 9, "0 %"),
            (9, 9, "100 %"),
            (1, 1_000_000, "<0.1 %"),
            (999_999, 1_000_000, ">99.9 %"),
            (1, 3, "33.3 %"),
            (3, 2, "150.0 %"),
        ] {
            assert_eq!(percent(part, whole), text);
        }
        for (value, text) in [
            (0.1234, "12.3 %"),
            (0.5, "50.0 %"),
            (0.0, "0 %"),
            (1.0, "100 %"),
            (0.000_01, "<0.1 %"),
            (0.999_9, ">99.9 %"),
            (f64::NAN, "0 %"),
            (1.5, "150.0 %"),
        ] {
            assert_eq!(share(value), text);
        }
    }

    #[test]
    fn a_fraction_stays_within_its_whole() {
        assert_eq!((fraction(1.0, 4.0), fraction(9.0, 4.0), fraction(1.0, 0.0)), (0.25, 1.0, 0.0));
    }
}
