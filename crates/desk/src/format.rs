//! Numbers, shares, rates, money, lengths of time and instants, as people write them.

use std::time::Duration;

use campaign::money::{Currency, Micros};
use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// Stands where there is nothing to say.
pub const NOTHING: &str = "-";

/// A number with thousands separators: `1,234,567`.
#[must_use]
pub fn count(number: u64) -> String {
    grouped(&number.to_string())
}

/// A number and what is counted: `1 message`, `1,200 messages`. The plural takes an s.
#[must_use]
pub fn counted(number: u64, what: &str) -> String {
    format!("{} {what}{}", count(number), if number == 1 { "" } else { "s" })
}

/// An amount with thousands separators: `INR 50,000.00`.
#[must_use]
pub fn money(amount: Micros, currency: Currency) -> String {
    let text = amount.in_currency(currency).to_string();
    match text.split_once(' ') {
        Some((code, number)) => format!("{code} {}", grouped(number)),
        None => text,
    }
}

/// A share with one decimal: `61.2 %`. Only the whole is `100 %` and only nothing is `0 %`: what lies
/// between is shown as lying between, however near. [`NOTHING`] where there is no whole.
#[must_use]
pub fn percent(part: u64, whole: u64) -> String {
    if whole == 0 {
        return NOTHING.to_owned();
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

/// Messages per second: `58.3/s`, `1,000/s`; below one in ten seconds by the minute or hour.
#[must_use]
pub fn rate(per_second: f64) -> String {
    if !per_second.is_finite() || per_second <= 0.0 {
        return "0/s".to_owned();
    }
    if per_second >= 99.95 {
        return format!("{}/s", grouped(&format!("{per_second:.0}")));
    }
    let (number, unit) = if per_second >= 0.1 {
        (per_second, "s")
    } else if per_second * 60.0 >= 0.1 {
        (per_second * 60.0, "min")
    } else {
        (per_second * 3_600.0, "h")
    };
    let text = format!("{number:.1}");
    format!("{}/{unit}", text.strip_suffix(".0").unwrap_or(&text))
}

/// A length of time in its two largest units: `3 d 4 h`, `2 h 5 min`, `4 min 10 s`, `12 s`, `0 s`.
#[must_use]
pub fn span(length: Duration) -> String {
    let seconds = length.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    let two = |large: u64, large_unit: &str, small: u64, small_unit: &str| {
        if small == 0 {
            format!("{large} {large_unit}")
        } else {
            format!("{large} {large_unit} {small} {small_unit}")
        }
    };
    if days > 0 {
        two(days, "d", hours, "h")
    } else if hours > 0 {
        two(hours, "h", minutes, "min")
    } else if minutes > 0 {
        two(minutes, "min", seconds % 60, "s")
    } else {
        format!("{seconds} s")
    }
}

/// How far an instant is from now: `in 4 min 10 s`, `2 h ago`, `now` within a second.
#[must_use]
pub fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let ahead = at - now;
    let length = ahead.abs().to_std().unwrap_or_default();
    if length < Duration::from_secs(1) {
        "now".to_owned()
    } else if ahead > TimeDelta::zero() {
        format!("in {}", span(length))
    } else {
        format!("{} ago", span(length))
    }
}

/// How far an instant is from now, in the largest unit alone: for columns. `in 4 min`, `2 h ago`.
#[must_use]
pub fn roughly(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let passed = (at - now).abs().num_seconds();
    let unit = [86_400, 3_600, 60].into_iter().find(|unit| passed >= *unit).unwrap_or(1);
    relative(
        if at > now {
            now + TimeDelta::seconds(passed / unit * unit)
        } else {
            now - TimeDelta::seconds(passed / unit * unit)
        },
        now,
    )
}

/// An instant by the clock of a zone: `2026-11-08 09:00:00 IST`.
#[must_use]
pub fn instant(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M:%S %Z").to_string()
}

/// Both: `in 4 min (2026-11-08 09:00:00 IST)`.
#[must_use]
pub fn when(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> String {
    format!("{} ({})", relative(at, now), instant(at, zone))
}

/// Puts separators into the whole part of a plain decimal number, with or without a sign.
fn grouped(number: &str) -> String {
    let (sign, digits) = number.strip_prefix('-').map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) =
        digits.split_once('.').map_or((digits, None), |(whole, fraction)| (whole, Some(fraction)));
    let mut text = sign.to_owned();
    for (i, digit) in whole.chars().enumerate() {
        if i > 0 && (whole.len() - i) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    if let Some(fraction) = fraction {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separates_thousands() {
        for (number, text) in
            [(0, "0"), (999, "999"), (1_000, "1,000"), (12_345, "12,345"), (1_234_567, "1,234,567")]
        {
            assert_eq!(count(number), text);
        }
        assert_eq!(counted(1, "message"), "1 message");
        assert_eq!(counted(0, "message"), "0 messages");
        assert_eq!(grouped("-1234.5678"), "-1,234.5678");
        assert_eq!(grouped("-123"), "-123");
    }

    #[test]
    fn writes_money_with_its_code() {
        assert_eq!(money(Micros(50_000_000_000), Currency::INR), "INR 50,000.00");
        assert_eq!(money(Micros(870_000), Currency::INR), "INR 0.87");
        assert_eq!(money(Micros(11_800), Currency::USD), "USD 0.0118");
        assert_eq!(money(Micros::ZERO, "JPY".parse().unwrap()), "JPY 0");
    }

    #[test]
    fn a_share_never_rounds_to_all_or_nothing() {
        for (part, whole, text) in [
            (0, 0, "-"),
            (3, 0, "-"),
            (0, 9, "0 %"),
            (9, 9, "100 %"),
            (1, 1_000_000, "<0.1 %"),
            (999_999, 1_000_000, ">99.9 %"),
            (612, 1_000, "61.2 %"),
            (1, 3, "33.3 %"),
            (2, 3, "66.7 %"),
            (3, 2, "150.0 %"),
            (u64::MAX / 2, u64::MAX, "50.0 %"),
        ] {
            assert_eq!(percent(part, whole), text, "{part}/{whole}");
        }
    }

    #[test]
    fn rates_keep_their_meaning_when_slow() {
        for (rate_per_s, text) in [
            (0.0, "0/s"),
            (f64::NAN, "0/s"),
            (f64::INFINITY, "0/s"),
            (58.34, "58.3/s"),
            (60.0, "60/s"),
            (99.96, "100/s"),
            (1_000.2, "1,000/s"),
            (0.05, "3/min"),
            (0.001, "3.6/h"),
        ] {
            assert_eq!(rate(rate_per_s), text);
        }
    }

    #[test]
    fn spans_show_two_units() {
        for (seconds, text) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (250, "4 min 10 s"),
            (3_600, "1 h"),
            (7_500, "2 h 5 min"),
            (86_400, "1 d"),
            (273_600, "3 d 4 h"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn instants_say_how_far_they_are() {
        let now: DateTime<Utc> = "2026-11-08T03:30:00Z".parse().unwrap();
        let at = |seconds: i64| now + TimeDelta::seconds(seconds);
        assert_eq!(relative(at(250), now), "in 4 min 10 s");
        assert_eq!(relative(at(-7_200), now), "2 h ago");
        assert_eq!(roughly(at(250), now), "in 4 min");
        assert_eq!(roughly(at(-100_000), now), "1 d ago");
        assert_eq!(roughly(at(59), now), "in 59 s");
        assert_eq!(roughly(now, now), "now");
        assert_eq!(relative(now + TimeDelta::milliseconds(-400), now), "now");
        assert_eq!(when(at(240), now, Tz::Asia__Kolkata), "in 4 min (2026-11-08 09:04:00 IST)");
        assert_eq!(instant(now, Tz::UTC), "2026-11-08 03:30:00 UTC");
    }
}
