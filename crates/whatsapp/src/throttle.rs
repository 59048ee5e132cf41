//! What the platform's headers say about slowing down: `Retry-After` and the usage headers. They come from
//! outside, so every value is clamped before it is turned into a number or a duration of ours.

use std::time::Duration;

use chrono::DateTime;
use reqwest::header::{DATE, HeaderMap, RETRY_AFTER};
use serde_json::Value;

/// The longest wait taken from a `Retry-After`: a longer one is a mistake or an attack, and would park a
/// sender for days.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);

/// The longest wait taken from `estimated_time_to_regain_access`; the platform's windows are an hour to a
/// day long.
pub const MAX_REGAIN_ACCESS: Duration = Duration::from_secs(24 * 3_600);

/// The most that a usage percentage is read as. The platform throttles at 100.
pub const MAX_PERCENT: u16 = 1_000;

/// A usage header longer than this is not read.
const MAX_HEADER_BYTES: usize = 64 * 1_024;

/// How much of its call limits the app and the business account have used, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// From `X-App-Usage`: the app as a whole.
    pub app: Option<Gauge>,
    /// From `X-Business-Use-Case-Usage`: the highest of all accounts and use cases named there.
    pub business: Option<Gauge>,
}

impl Usage {
    /// The highest percentage anywhere: at 100 the platform throttles.
    pub fn peak_percent(&self) -> u16 {
        self.app.iter().chain(&self.business).map(Gauge::peak_percent).max().unwrap_or(0)
    }

    /// How long until calls are let through again, where the platform said so.
    pub fn regain_access(&self) -> Option<Duration> {
        self.app.iter().chain(&self.business).filter_map(|gauge| gauge.regain_access).max()
    }
}

/// One set of usage figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gauge {
    /// Calls made, percent of the limit, 0 to [`MAX_PERCENT`].
    pub calls: u16,
    /// Processor time used, percent of the limit, 0 to [`MAX_PERCENT`].
    pub cpu_time: u16,
    /// Total time used, percent of the limit, 0 to [`MAX_PERCENT`].
    pub total_time: u16,
    /// How long until calls are let through again; at most [`MAX_REGAIN_ACCESS`]. The platform says it in
    /// minutes, and only while it throttles.
    pub regain_access: Option<Duration>,
}

impl Gauge {
    /// The highest of its percentages.
    pub fn peak_percent(&self) -> u16 {
        self.calls.max(self.cpu_time).max(self.total_time)
    }

    fn read(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        let percent = |key| object.get(key).and_then(number).map_or(0, percent);
        let minutes = object.get("estimated_time_to_regain_access").and_then(number);
        Some(Self {
            calls: percent("call_count"),
            cpu_time: percent("total_cputime"),
            total_time: percent("total_time"),
            regain_access: minutes
                .filter(|minutes| *minutes > 0.0)
                .map(|minutes| clamped_secs(minutes * 60.0, MAX_REGAIN_ACCESS)),
        })
    }

    fn max(self, other: Self) -> Self {
        Self {
            calls: self.calls.max(other.calls),
            cpu_time: self.cpu_time.max(other.cpu_time),
            total_time: self.total_time.max(other.total_time),
            regain_access: self.regain_access.max(other.regain_access),
        }
    }
}

/// Reads the usage headers; `None` where there are none that can be read.
pub(crate) fn usage(headers: &HeaderMap) -> Option<Usage> {
    let app = header_json(headers, "x-app-usage").as_ref().and_then(Gauge::read);
    let business = header_json(headers, "x-business-use-case-usage").and_then(|value| {
        let accounts = value.as_object()?;
        accounts
            .values()
            .flat_map(|entries| entries.as_array().map_or(&[][..], Vec::as_slice))
            .filter_map(Gauge::read)
            .reduce(Gauge::max)
    });
    (app.is_some() || business.is_some()).then_some(Usage { app, business })
}

/// Reads `Retry-After`: seconds, or an HTTP date, which is measured against the response's own `Date` (the
/// two clocks are then the same one). `None` where it is missing or cannot be read, and for a date without
/// a `Date`. At most [`MAX_RETRY_AFTER`]; a date in the past is zero.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(secs) = text.parse::<f64>() {
        return (secs.is_finite() && secs >= 0.0).then(|| clamped_secs(secs, MAX_RETRY_AFTER));
    }
    let until = DateTime::parse_from_rfc2822(text).ok()?;
    let now = DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?;
    let wait = until.signed_duration_since(now).to_std().unwrap_or(Duration::ZERO);
    Some(wait.min(MAX_RETRY_AFTER))
}

fn header_json(headers: &HeaderMap, name: &str) -> Option<Value> {
    let bytes = headers.get(name)?.as_bytes();
    if bytes.len() > MAX_HEADER_BYTES {
        return None;
    }
    serde_json::from_slice(bytes).ok()
}

/// A finite number, also where it stands in quotes.
fn number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    number.is_finite().then_some(number)
}

fn percent(number: f64) -> u16 {
    // `as` saturates, and the value is clamped to well inside u16 before.
    number.clamp(0.0, f64::from(MAX_PERCENT)).ceil() as u16
}

/// Seconds as a duration, clamped before the conversion (which would panic on a huge value).
fn clamped_secs(secs: f64, max: Duration) -> Duration {
    Duration::from_secs_f64(secs.clamp(0.0, max.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use reqwest::header::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn retry_after_in_seconds_is_clamped() {
        let max = Some(MAX_RETRY_AFTER);
        for (text, wait) in [
            ("0", Some(Duration::ZERO)),
            ("30", Some(Duration::from_secs(30))),
            (" 1.5 ", Some(Duration::from_millis(1_500))),
            ("3601", max),
            ("1e300", max),
            ("99999999999999999999999999999999", max),
            ("-1", None),
            ("inf", None),
            ("NaN", None),
            ("", None),
            ("soon", None),
        ] {
            assert_eq!(retry_after(&headers(&[("retry-after", text)])), wait, "{text}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn retry_after_as_a_date_is_measured_against_the_servers_clock() {
        let at = |until: &str| {
            retry_after(&headers(&[("date", "Sun, 08 Nov 2026 09:00:00 GMT"), ("retry-after", until)]))
        };
        assert_eq!(at("Sun, 08 Nov 2026 09:02:00 GMT"), Some(Duration::from_secs(120)));
        assert_eq!(at("Sun, 08 Nov 2026 08:00:00 GMT"), Some(Duration::ZERO));
        assert_eq!(at("Fri, 31 Dec 9999 23:59:59 GMT"), Some(MAX_RETRY_AFTER));
        assert_eq!(at("Sun, 99 Nov 2026 09:00:00 GMT"), None);
        assert_eq!(retry_after(&headers(&[("retry-after", "Sun, 08 Nov 2026 09:02:00 GMT")])), None);
        assert_eq!(
            retry_after(&headers(&[("date", "now"), ("retry-after", "Sun, 08 Nov 2026 09:02:00 GMT")])),
            None
        );
    }

    #[test]
    fn usage_takes_the_highest_figures() {
        let usage = usage(&headers(&[
            ("x-app-usage", r#"{"call_count":28,"total_time":25,"total_cputime":25.2}"#),
            (
                "x-business-use-case-usage",
                r#"{"1":[{"type":"messaging","call_count":100,"total_cputime":"10","total_time":3,
                    "estimated_time_to_regain_access":19}],"2":[{"call_count":7},{"total_time":55}]}"#
                    .replace('\n', " ")
                    .as_str(),
            ),
        ]))
        .unwrap();
        assert_eq!(usage.app, Some(Gauge { calls: 28, cpu_time: 26, total_time: 25, regain_access: None }));
        let regain = Some(Duration::from_secs(19 * 60));
        assert_eq!(
            usage.business,
            Some(Gauge { calls: 100, cpu_time: 10, total_time: 55, regain_access: regain })
        );
        assert_eq!((usage.peak_percent(), usage.regain_access()), (100, regain));
    }

    #[test]
    fn hostile_usage_is_clamped_or_ignored() {
        for text in ["", "{", "[]", "null", "7", r#""x""#, r#"{"1":{}}"#, r#"{"1":[7,null]}"#, r#"{"1":[]}"#]
        {
            assert_eq!(usage(&headers(&[("x-business-use-case-usage", text)])), None, "{text}");
        }
        let deep = format!("{{\"1\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
        assert_eq!(usage(&headers(&[("x-business-use-case-usage", &deep)])), None);
        let huge = r#"{"call_count":1e308,"total_time":-5,"total_cputime":"inf","estimated_time_to_regain_access":1e308}"#;
        let gauge =
            Gauge { calls: 1_000, cpu_time: 0, total_time: 0, regain_access: Some(MAX_REGAIN_ACCESS) };
        assert_eq!(usage(&headers(&[("x-app-usage", huge)])).unwrap().app, Some(gauge));
    }
}
