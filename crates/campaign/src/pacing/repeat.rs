//! When a recurring campaign runs: a cron expression of five fields on the wall clock of a zone.
//!
//! The fields are those of crontab(5): minute, hour, day of month, month, day of week, where 0 and 7 are
//! Sunday, months and days may be written as names, and, when both day fields are restricted (neither
//! begins with `*`), a day matches if either does. `@hourly`, `@daily`, `@weekly`, `@monthly` and
//! `@yearly` work as well.
//!
//! A time that daylight saving skips runs once, at the end of the gap; one that comes twice runs once, the
//! first time.
//!
//! The crate `cron` does the search. It wants a seconds field in front, counts days of the week from 1 for
//! Sunday and always demands both day fields, so the expression is translated for it.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use cron::Schedule;

use super::local_time::{instant, local};

const DAY_NAMES: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
/// More local times than this never lie behind an instant: a repeated day has 1,440 minutes.
const MOST_STEPS: usize = 10_000;

/// A cron expression in a zone.
#[derive(Debug, Clone)]
pub struct Repeat {
    expression: String,
    zone: Tz,
    /// One schedule, or two where a day matches by either of its fields.
    schedules: Vec<Schedule>,
}

/// The text is not a cron expression of five fields.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RepeatError {
    /// Not five fields.
    #[error(
        "\"{expression}\" has {count} fields; a cron expression has five: minute, hour, day of month, month, day of week, such as \"0 10 * * MON\""
    )]
    Fields {
        /// The expression as it was written.
        expression: String,
        /// How many fields it has.
        count: usize,
    },
    /// A field is not one.
    #[error(
        "\"{value}\" does not fit the {field} field of a cron expression; write {range}, lists such as 1,15, ranges such as 1-5, or */2"
    )]
    Field {
        /// What was written.
        value: String,
        /// Which field.
        field: &'static str,
        /// What it may hold.
        range: &'static str,
    },
    /// No such shorthand.
    #[error(
        "\"{0}\" is not known; write @hourly, @daily, @weekly, @monthly, @yearly or five fields such as \"0 10 * * MON\""
    )]
    Shorthand(String),
    /// There is no such day.
    #[error("\"{0}\" never runs: no month has such a day; write for example \"0 10 28 2 *\"")]
    Never(String),
}

impl Repeat {
    /// Reads an expression; its times are on the wall clock of `zone`.
    ///
    /// # Errors
    ///
    /// It has not five fields, one of them is not valid, or no day ever matches.
    pub fn parse(expression: &str, zone: Tz) -> Result<Self, RepeatError> {
        let own = || expression.trim().to_owned();
        let text = match expression.trim() {
            "@hourly" => "0 * * * *",
            "@daily" | "@midnight" => "0 0 * * *",
            "@weekly" => "0 0 * * 0",
            "@monthly" => "0 0 1 * *",
            "@yearly" | "@annually" => "0 0 1 1 *",
            other if other.starts_with('@') => return Err(RepeatError::Shorthand(own())),
            other => other,
        };
        let fields: Vec<&str> = text.split_whitespace().collect();
        let [minute, hour, day, month, weekday] = fields[..] else {
            return Err(RepeatError::Fields { expression: own(), count: fields.len() });
        };
        check(minute, "minute", "0 to 59", |m| format!("0 {m} * * * *"))?;
        check(hour, "hour", "0 to 23", |h| format!("0 0 {h} * * *"))?;
        check(day, "day of month", "1 to 31", |d| format!("0 0 0 {d} * *"))?;
        check(month, "month", "1 to 12 or jan to dec", |m| format!("0 0 0 * {m} *"))?;
        let weekdays = weekdays(weekday)?;
        let either = !day.starts_with('*') && !weekday.starts_with('*');
        let texts = if either {
            vec![
                format!("0 {minute} {hour} {day} {month} *"),
                format!("0 {minute} {hour} * {month} {weekdays}"),
            ]
        } else {
            vec![format!("0 {minute} {hour} {day} {month} {weekdays}")]
        };
        let mut schedules = Vec::new();
        for text in texts {
            // Each field is valid by itself; what may still be wrong is all of them together.
            schedules.push(Schedule::from_str(&text).map_err(|_| RepeatError::Never(own()))?);
        }
        let repeat = Self { expression: own(), zone, schedules };
        if repeat.next_local(NaiveDateTime::default()).is_none() {
            return Err(RepeatError::Never(own()));
        }
        Ok(repeat)
    }

    /// The zone of its wall clock.
    pub fn zone(&self) -> Tz {
        self.zone
    }

    /// The first run after an instant; `None` after the year 2100, where the search ends.
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut clock = local(self.zone, after);
        for _ in 0..MOST_STEPS {
            clock = self.next_local(clock)?;
            // A time that came before and comes again, or one at the end of the same gap, lies behind.
            let at = instant(self.zone, clock);
            if at > after {
                return Some(at);
            }
        }
        None
    }

    /// The next wall-clock time that matches, whether or not the clock ever shows it.
    fn next_local(&self, after: NaiveDateTime) -> Option<NaiveDateTime> {
        let after = after.and_utc();
        self.schedules.iter().filter_map(|s| s.after(&after).next()).min().map(|at| at.naive_utc())
    }
}

/// The expression as it was written.
impl fmt::Display for Repeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.expression)
    }
}

impl PartialEq for Repeat {
    fn eq(&self, other: &Self) -> bool {
        self.expression == other.expression && self.zone == other.zone
    }
}

/// Whether one field is valid by itself, asked of the crate by an expression with nothing else in it.
fn check(
    value: &str,
    field: &'static str,
    range: &'static str,
    expression: impl Fn(&str) -> String,
) -> Result<(), RepeatError> {
    let plain = value.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '*' | ',' | '-' | '/'));
    let zero_step = value
        .split(',')
        .any(|part| part.split_once('/').is_some_and(|(_, step)| step.bytes().all(|b| b == b'0')));
    // "5/15" means something else in each cron; only "*/15" and "5-59/15" mean the same everywhere.
    let odd_step = value
        .split(',')
        .any(|part| part.split_once('/').is_some_and(|(from, _)| from != "*" && !from.contains('-')));
    if plain && !zero_step && !odd_step && Schedule::from_str(&expression(value)).is_ok() {
        return Ok(());
    }
    Err(RepeatError::Field { value: value.to_owned(), field, range })
}

/// Translates the day-of-week field into names, since the crate numbers days otherwise.
fn weekdays(value: &str) -> Result<String, RepeatError> {
    let wrong = || RepeatError::Field {
        value: value.to_owned(),
        field: "day of week",
        range: "0 to 7 (0 and 7 are Sunday) or sun to sat",
    };
    if value == "*" {
        return Ok("*".to_owned());
    }
    let mut days = [false; 7];
    for part in value.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) if range == "*" || range.contains('-') => {
                (range, step.parse::<usize>().ok().filter(|step| (1..=7).contains(step)).ok_or_else(wrong)?)
            }
            Some(_) => return Err(wrong()),
            None => (part, 1),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (0, 6),
            Some((first, last)) => (weekday(first).ok_or_else(wrong)?, weekday(last).ok_or_else(wrong)?),
            None => {
                let day = weekday(range).ok_or_else(wrong)?;
                (day, day)
            }
        };
        // A range may run over the end of the week: fri-mon, sat-sun, 5-7.
        let last = if last < first { last + 7 } else { last };
        for day in (first..=last).step_by(step) {
            days[day % 7] = true;
        }
    }
    let names: Vec<_> = DAY_NAMES.iter().zip(days).filter(|(_, on)| *on).map(|(name, _)| *name).collect();
    Ok(names.join(","))
}

fn weekday(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let by_name = DAY_NAMES.iter().position(|name| *name == lower);
    by_name.or_else(|| match lower.as_bytes() {
        [digit @ b'0'..=b'7'] => Some(usize::from(digit - b'0')),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use chrono::{Datelike, TimeDelta, Timelike};
    use chrono_tz::TZ_VARIANTS;
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn runs(expression: &str, zone: Tz, after: &str, count: usize) -> Vec<String> {
        let repeat = Repeat::parse(expression, zone).unwrap();
        let mut at = utc(after);
        let mut found = Vec::new();
        for _ in 0..count {
            at = repeat.next_after(at).unwrap();
            found.push(at.with_timezone(&zone).format("%a %Y-%m-%d %H:%M").to_string());
        }
        found
    }

    #[test]
    fn mondays_at_ten() {
        assert_eq!(
            runs("0 10 * * MON", Tz::Asia__Kolkata, "2026-11-16T04:30:00Z", 2),
            ["Mon 2026-11-23 10:00", "Mon 2026-11-30 10:00"]
        );
    }

    #[test]
    fn days_of_the_week_are_crontabs() {
        for (field, expected) in
            [("0", "Sun"), ("7", "Sun"), ("1", "Mon"), ("6", "Sat"), ("sun", "Sun"), ("Sat", "Sat")]
        {
            let run = &runs(&format!("0 10 * * {field}"), Tz::UTC, "2026-11-01T12:00:00Z", 1)[0];
            assert!(run.starts_with(expected), "{field}: {run}");
        }
        assert_eq!(weekdays("1-5").unwrap(), "mon,tue,wed,thu,fri");
        assert_eq!(weekdays("5-7").unwrap(), "sun,fri,sat");
        assert_eq!(weekdays("fri-mon").unwrap(), "sun,mon,fri,sat");
        assert_eq!(weekdays("*/2").unwrap(), "sun,tue,thu,sat");
        assert_eq!(weekdays("1-5/2,sat").unwrap(), "mon,wed,fri,sat");
        assert_eq!(weekdays("0-7").unwrap(), "sun,mon,tue,wed,thu,fri,sat");
    }

    #[test]
    fn either_day_field_is_enough_when_both_are_given() {
        assert_eq!(
            runs("0 9 13 * fri", Tz::UTC, "2026-11-07T00:00:00Z", 4),
            ["Fri 2026-11-13 09:00", "Fri 2026-11-20 09:00", "Fri 2026-11-27 09:00", "Fri 2026-12-04 09:00"]
        );
        assert_eq!(
            runs("0 9 15 * fri", Tz::UTC, "2026-11-13T10:00:00Z", 2),
            ["Sun 2026-11-15 09:00", "Fri 2026-11-20 09:00"]
        );
    }

    #[test]
    fn shorthands_and_the_end_of_months() {
        assert_eq!(runs("@weekly", Tz::UTC, "2026-11-07T00:00:00Z", 1), ["Sun 2026-11-08 00:00"]);
        assert_eq!(
            runs("0 9 31 * *", Tz::UTC, "2026-08-31T09:00:00Z", 2),
            ["Sat 2026-10-31 09:00", "Thu 2026-12-31 09:00"]
        );
        assert_eq!(runs("0 9 29 2 *", Tz::UTC, "2026-01-01T00:00:00Z", 1), ["Tue 2028-02-29 09:00"]);
    }

    #[test]
    fn skipped_and_repeated_times_run_once() {
        let berlin = Tz::Europe__Berlin;
        // 02:30 does not exist on 29 March 2026: it runs at 03:00, when the gap ends.
        assert_eq!(
            runs("30 2 * * *", berlin, "2026-03-28T00:00:00Z", 3),
            ["Sat 2026-03-28 02:30", "Sun 2026-03-29 03:00", "Mon 2026-03-30 02:30"]
        );
        // Several skipped times and one that exists at that instant are one run.
        assert_eq!(
            runs("*/20 2,3 * * *", berlin, "2026-03-29T00:59:00Z", 2),
            ["Sun 2026-03-29 03:00", "Sun 2026-03-29 03:20"]
        );
        // 02:30 comes twice on 25 October 2026.
        assert_eq!(
            runs("30 2 * * *", berlin, "2026-10-24T22:00:00Z", 2),
            ["Sun 2026-10-25 02:30", "Mon 2026-10-26 02:30"]
        );
        let repeat = Repeat::parse("30 2 * * *", berlin).unwrap();
        assert_eq!(repeat.next_after(utc("2026-10-24T22:00:00Z")), Some(utc("2026-10-25T00:30:00Z")));
        assert_eq!(repeat.next_after(utc("2026-10-25T01:00:00Z")), Some(utc("2026-10-26T01:30:00Z")));
    }

    #[test]
    fn says_what_is_wrong() {
        let error = |text: &str| Repeat::parse(text, Tz::UTC).unwrap_err();
        for (text, count) in [("", 0), ("0 10 * *", 4), ("0 0 10 * * MON", 6)] {
            assert_eq!(error(text), RepeatError::Fields { expression: text.to_owned(), count });
        }
        for (text, wrong) in [
            ("60 10 * * *", "minute"),
            ("a 10 * * *", "minute"),
            ("*/0 10 * * *", "minute"),
            ("5/15 10 * * *", "minute"),
            ("0 24 * * *", "hour"),
            ("0 10-5 * * *", "hour"),
            ("0 -1 * * *", "hour"),
            ("0 10 0 * *", "day of month"),
            ("0 10 32 * *", "day of month"),
            ("0 10 L * *", "day of month"),
            ("0 10 ? * *", "day of month"),
            ("0 10 * 13 *", "month"),
            ("0 10 * foo *", "month"),
            ("0 10 * * 8", "day of week"),
            ("0 10 * * MON#2", "day of week"),
            ("0 10 * * 1,", "day of week"),
            ("0 10 * * 1/2", "day of week"),
            ("99999999999999999999 10 * * *", "minute"),
        ] {
            assert!(
                matches!(error(text), RepeatError::Field { field, .. } if field == wrong),
                "{text}: {}",
                error(text)
            );
        }
        assert_eq!(error("@often"), RepeatError::Shorthand("@often".to_owned()));
        assert_eq!(error("0 10 31 2 *"), RepeatError::Never("0 10 31 2 *".to_owned()));
        assert_eq!(
            error("0 25 * * MON").to_string(),
            "\"25\" does not fit the hour field of a cron expression; write 0 to 23, lists such as 1,15, ranges such as 1-5, or */2"
        );
    }

    /// The naive model: minute by minute, what the wall clock shows for the first time, and what a gap
    /// that ends here skipped.
    fn model(zone: Tz, minutes: &[u32], hours: &[u32], from: DateTime<Utc>, days: i64) -> Vec<DateTime<Utc>> {
        let matches =
            |t: NaiveDateTime| minutes.contains(&t.minute()) && hours.contains(&t.hour()) && t.second() == 0;
        let show = |at: DateTime<Utc>| at.with_timezone(&zone).naive_local();
        let mut latest = show(from - TimeDelta::days(2));
        let mut found = Vec::new();
        for minute in -2 * 1_440..days * 1_440 {
            let at = from + TimeDelta::minutes(minute);
            let clock = show(at);
            let mut time = latest + TimeDelta::minutes(1);
            let mut hit = false;
            while time <= clock {
                hit |= matches(time);
                time += TimeDelta::minutes(1);
            }
            latest = latest.max(clock);
            if hit && at > from {
                found.push(at);
            }
        }
        found
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]

        #[test]
        fn agrees_with_the_wall_clock(
            zone in (0..TZ_VARIANTS.len()).prop_map(|n| TZ_VARIANTS[n]),
            minutes in proptest::collection::btree_set(0u32..60, 1..4),
            hours in proptest::collection::btree_set(0u32..24, 1..6),
            start in 0i64..2 * 365 * 24,
        ) {
            // Close to the changes of offset, where there are any.
            let from = utc("2026-01-01T00:00:00Z") + TimeDelta::hours(start);
            let change = super::super::local_time::stretches(zone, from, from + TimeDelta::days(365))
                .collect::<Vec<_>>().windows(2).find(|p| p[0].offset != p[1].offset).map(|p| p[1].from);
            let from = change.map_or(from, |c| c - TimeDelta::hours(20));
            let list = |set: &std::collections::BTreeSet<u32>| set.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
            let repeat = Repeat::parse(&format!("{} {} * * *", list(&minutes), list(&hours)), zone).unwrap();
            let minutes: Vec<_> = minutes.into_iter().collect();
            let hours: Vec<_> = hours.into_iter().collect();
            let mut at = from;
            for expected in model(zone, &minutes, &hours, from, 3) {
                at = repeat.next_after(at).unwrap();
                prop_assert_eq!(at, expected, "{} {}", zone, repeat);
            }
        }

        #[test]
        fn never_panics(text in ".{0,30}", likely in "([0-9*/,-]{1,5} ){4}[0-9*/,a-z-]{1,6}", days in 0i64..40_000) {
            let _ = Repeat::parse(&text, Tz::UTC);
            if let Ok(repeat) = Repeat::parse(&likely, Tz::America__New_York) {
                let after = DateTime::<Utc>::UNIX_EPOCH + TimeDelta::days(days);
                if let Some(next) = repeat.next_after(after) {
                    prop_assert!(next > after && next.year() <= 2101);
                }
            }
        }
    }
}
