//! Ticks at round times of a zone's clocks.

use chrono::{
    DateTime, Datelike, LocalResult, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike, Utc,
};

use crate::Tick;

/// Steps within a day, in seconds: each divides a day.
const SECONDS: [i64; 15] = [1, 5, 10, 15, 30, 60, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200];
/// Steps of days.
const DAYS: [i64; 6] = [1, 2, 7, 14, 28, 91];
/// No more ticks, whatever is asked for.
const MOST: i64 = 100;

/// At most about so many ticks between two times, at round times of the zone's clocks: `09:15` within a day, `09:15:30` within
/// a minute, `8 Nov` at midnights. Their unit is the second since 1970 (UTC). Times that the clocks skip have none.
pub fn ticks<Z: TimeZone>(from: DateTime<Utc>, until: DateTime<Utc>, zone: &Z, most: u32) -> Vec<Tick> {
    let most = i64::from(most).clamp(1, MOST);
    let span = until - from;
    if span < TimeDelta::zero() {
        return Vec::new();
    }
    let fits = |step: TimeDelta| span.num_seconds() / step.num_seconds().max(1) <= most;
    let local = from.with_timezone(zone).naive_local();
    let (step, first) = match SECONDS.into_iter().map(TimeDelta::seconds).find(|step| fits(*step)) {
        Some(step) => {
            let passed = i64::from(local.num_seconds_from_midnight()) / step.num_seconds();
            (step, local.date().and_time(NaiveTime::MIN) + TimeDelta::seconds(passed * step.num_seconds()))
        }
        None => {
            let step = DAYS.into_iter().map(TimeDelta::days).find(|step| fits(*step));
            let step = step.unwrap_or(span / i32::try_from(most).unwrap_or(1));
            // Weeks begin on Mondays.
            let back = if step.num_days() >= 7 { local.weekday().num_days_from_monday() } else { 0 };
            let day = local.date().checked_sub_days(chrono::Days::new(u64::from(back)));
            (step, day.unwrap_or(local.date()).and_time(NaiveTime::MIN))
        }
    };
    let mut ticks = Vec::new();
    let mut at = first;
    // One before the span and one after it; and what clocks show twice.
    for _ in 0..2 * (MOST + 2) {
        if let Some(instant) = instant(at, zone) {
            if instant > until {
                break;
            }
            if instant >= from {
                ticks.push(Tick { at: seconds(instant), label: label(at) });
            }
        }
        let Some(next) = at.checked_add_signed(step) else { break };
        at = next;
    }
    ticks
}

/// A time as a place on an axis: seconds since 1970 (UTC).
#[expect(clippy::cast_precision_loss, reason = "seconds are exact in a float for millions of years")]
#[must_use]
pub const fn seconds(at: DateTime<Utc>) -> f64 {
    at.timestamp() as f64
}

/// A date as it is written at an axis: `8 Nov`.
#[must_use]
pub fn day(date: NaiveDate) -> String {
    date.format("%-d %b").to_string()
}

fn label(at: NaiveDateTime) -> String {
    let pattern = if at.second() == 0 { "%H:%M" } else { "%H:%M:%S" };
    if at.time() == NaiveTime::MIN { day(at.date()) } else { at.format(pattern).to_string() }
}

fn instant<Z: TimeZone>(at: NaiveDateTime, zone: &Z) -> Option<DateTime<Utc>> {
    match zone.from_local_datetime(&at) {
        LocalResult::Single(one) | LocalResult::Ambiguous(one, _) => Some(one.to_utc()),
        LocalResult::None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(from: &str, until: &str, zone: chrono_tz::Tz, most: u32) -> Vec<String> {
        ticks(from.parse().unwrap(), until.parse().unwrap(), &zone, most)
            .into_iter()
            .map(|tick| tick.label)
            .collect()
    }

    #[test]
    fn times_are_round_in_their_zone() {
        let kolkata = chrono_tz::Asia::Kolkata;
        assert_eq!(
            labels("2026-11-08T03:20:00Z", "2026-11-08T04:20:00Z", kolkata, 5),
            ["09:00", "09:15", "09:30", "09:45"]
        );
        assert_eq!(
            labels("2026-11-08T03:29:50Z", "2026-11-08T03:30:31Z", kolkata, 5),
            ["08:59:50", "09:00", "09:00:10", "09:00:20", "09:00:30"]
        );
        assert_eq!(
            labels("2026-11-08T03:20:00Z", "2026-11-09T03:20:00Z", kolkata, 5),
            ["12:00", "18:00", "9 Nov", "06:00"]
        );
        assert_eq!(
            labels("2026-11-04T00:00:00Z", "2026-12-04T00:00:00Z", kolkata, 5),
            ["9 Nov", "16 Nov", "23 Nov", "30 Nov"]
        );
    }

    #[test]
    fn the_hour_that_clocks_skip_has_no_tick() {
        let berlin = chrono_tz::Europe::Berlin;
        assert_eq!(
            labels("2026-03-28T23:00:00Z", "2026-03-29T03:00:00Z", berlin, 5),
            ["29 Mar", "01:00", "03:00", "04:00", "05:00"]
        );
    }

    #[test]
    fn an_instant_and_a_century() {
        assert_eq!(labels("2026-11-08T00:00:00Z", "2026-11-08T00:00:00Z", chrono_tz::UTC, 5), ["8 Nov"]);
        assert!(labels("2026-11-08T00:00:01Z", "2026-11-08T00:00:00Z", chrono_tz::UTC, 5).is_empty());
        let century = labels("1926-11-08T00:00:00Z", "2026-11-08T00:00:00Z", chrono_tz::UTC, 5);
        assert!((1..=6).contains(&century.len()), "{century:?}");
    }
}
