//! When a series runs, and how its runs are called.

use chrono::{DateTime, FixedOffset, NaiveDateTime, TimeDelta, Utc};

use crate::definition::Schedule;
use crate::pacing::Repeat;

/// Stands between a series' key and the time of a run. No key of a campaign file has it.
pub const SEPARATOR: char = '@';

/// When a series runs: at the times of its `repeat` from `start` on, and before `end`.
#[derive(Debug, Clone, PartialEq)]
pub struct Timetable {
    repeat: Repeat,
    start: Option<DateTime<Utc>>,
    end: Option<DateTime<Utc>>,
}

impl Timetable {
    /// The timetable of a schedule; `None` where it has no `repeat`.
    #[must_use]
    pub fn of(schedule: &Schedule) -> Option<Self> {
        let utc = |at: DateTime<FixedOffset>| at.to_utc();
        Some(Self::new(schedule.recurrence()?, schedule.start.map(utc), schedule.end.map(utc)))
    }

    /// The times of `repeat`, from `start` on and before `end`.
    #[must_use]
    pub fn new(repeat: Repeat, start: Option<DateTime<Utc>>, end: Option<DateTime<Utc>>) -> Self {
        Self { repeat, start, end }
    }

    /// No run is at or after it.
    #[must_use]
    pub fn end(&self) -> Option<DateTime<Utc>> {
        self.end
    }

    /// The first time after an instant; `None` where none is left.
    #[must_use]
    pub fn next_after(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let start = self.start.filter(|start| *start > after);
        // A time at the start is one of its times.
        let from = start.map_or(after, |start| after.max(start - TimeDelta::seconds(1)));
        let mut at = self.repeat.next_after(from)?;
        while start.is_some_and(|start| at < start) {
            at = self.repeat.next_after(at)?;
        }
        self.end.is_none_or(|end| at < end).then_some(at)
    }

    /// The first `count` times after an instant; fewer where fewer are left.
    #[must_use]
    pub fn upcoming(&self, after: DateTime<Utc>, count: usize) -> Vec<DateTime<Utc>> {
        std::iter::successors(self.next_after(after), |at| self.next_after(*at)).take(count).collect()
    }

    /// The key of the run at one of the times: no two times of a series have the same, as a time that the wall clock
    /// shows twice is run once.
    #[must_use]
    pub fn run_key(&self, series: &str, at: DateTime<Utc>) -> String {
        format!("{series}{SEPARATOR}{}", at.with_timezone(&self.repeat.zone()).format("%Y-%m-%dT%H:%M"))
    }

    /// The time of the run with this key; `None` where it is none of this series.
    #[must_use]
    pub fn time_of(&self, series: &str, run: &str) -> Option<DateTime<Utc>> {
        let shown = run.strip_prefix(series)?.strip_prefix(SEPARATOR)?;
        let clock = NaiveDateTime::parse_from_str(shown, "%Y-%m-%dT%H:%M").ok()?.and_utc();
        // No zone is further than that from UTC.
        let day = TimeDelta::days(1);
        let mut at = clock.checked_sub_signed(day)?;
        let last = clock.checked_add_signed(day)?;
        while at < last {
            at = self.next_after(at)?;
            if self.run_key(series, at) == run {
                return Some(at);
            }
        }
        None
    }
}

/// The key of the series that a run belongs to; `None` where the key is no run's.
#[must_use]
pub fn series_of(run: &str) -> Option<&str> {
    run.split_once(SEPARATOR).map(|(series, _)| series)
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn in_zone(expression: &str, zone: Tz) -> Timetable {
        Timetable::new(Repeat::parse(expression, zone).unwrap(), None, None)
    }

    #[test]
    fn daylight_saving_skips_no_run_and_doubles_none() {
        let berlin = |expression| in_zone(expression, Tz::Europe__Berlin);
        let key = |table: &Timetable, after| table.run_key("d", table.next_after(utc(after)).unwrap());
        assert_eq!(key(&berlin("30 2 * * *"), "2026-03-28T12:00:00Z"), "d@2026-03-29T03:00");
        let hourly = berlin("30 * * * *");
        let keys: Vec<_> = hourly
            .upcoming(utc("2026-10-24T23:00:00Z"), 4)
            .iter()
            .map(|at| hourly.run_key("d", *at))
            .collect();
        assert_eq!(keys, ["01:30", "02:30", "03:30", "04:30"].map(|t| format!("d@2026-10-25T{t}")));
        assert_eq!(hourly.time_of("d", "d@2026-10-25T02:30"), Some(utc("2026-10-25T00:30:00Z")));
    }

    #[test]
    fn a_runs_key_is_read_back() {
        let mondays = in_zone("0 10 * * MON", Tz::Asia__Kolkata);
        let at = utc("2026-11-23T04:30:00Z");
        assert_eq!(mondays.time_of("weekly", "weekly@2026-11-23T10:00"), Some(at));
        for other in
            ["weekly@2026-11-24T10:00", "weekly@2026-11-23T10:01", "weekly", "daily@2026-11-23T10:00"]
        {
            assert_eq!(mondays.time_of("weekly", other), None, "{other}");
        }
        assert_eq!(series_of("weekly@2026-11-23T10:00"), Some("weekly"));
        assert_eq!(series_of("weekly"), None);
    }
}
