//! What happened when: in steps that fit the campaign's length, and by hour of the day.

use std::collections::BTreeMap;

use chrono::{DateTime, Timelike, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::summary::HourPart;
use super::tally::Hour;

/// Steps of a timeline, in seconds. Every zone's hours begin at multiples of the longest one, in UTC too.
const STEPS: [i64; 6] = [1, 5, 15, 60, 300, 900];
/// A timeline has no more steps than this, with or without anything in them; beyond 2½ days hours are told.
const MOST: i64 = 240;
/// The length of an hour, in seconds.
const HOUR: i64 = 3_600;

/// Adds up what happened, in the shortest steps in which the whole fits. Its memory has a limit, as its steps have.
#[derive(Debug, Clone, Default)]
pub(super) struct Timeline {
    /// The place of its step in [`STEPS`]; beyond them: it is too long, and no more is kept.
    step: usize,
    /// By the step's number since 1970.
    parts: BTreeMap<i64, Hour>,
}

impl Timeline {
    /// What happened at a time, to be added to. `None`: the timeline is too long for anything shorter than hours.
    pub(super) fn at(&mut self, at: DateTime<Utc>) -> Option<&mut Hour> {
        loop {
            let step = *STEPS.get(self.step)?;
            let number = at.timestamp().div_euclid(step);
            let first = self.parts.first_key_value().map_or(number, |(first, _)| number.min(*first));
            let last = self.parts.last_key_value().map_or(number, |(last, _)| number.max(*last));
            if last - first < MOST {
                return Some(self.parts.entry(number).or_default());
            }
            self.lengthen(step);
        }
    }

    fn lengthen(&mut self, from: i64) {
        self.step += 1;
        let parts = std::mem::take(&mut self.parts);
        let Some(to) = STEPS.get(self.step) else { return };
        for (number, part) in parts {
            self.parts.entry((number * from).div_euclid(*to)).or_default().add(&part);
        }
    }

    /// As it is reported; `hours` are told where it is too long.
    pub(super) fn told(&self, hours: &[HourPart]) -> TimelinePart {
        let Some(step) = STEPS.get(self.step) else {
            return TimelinePart { step_seconds: HOUR, points: hours.to_vec() };
        };
        let at = |number: i64| DateTime::from_timestamp(number * step, 0).unwrap_or_default();
        let points = self.parts.iter().map(|(number, part)| HourPart::of(at(*number), part)).collect();
        TimelinePart { step_seconds: *step, points }
    }
}

/// What happened in each step of the campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct TimelinePart {
    /// The length of a step, in seconds: 1, 5, 15, 60 (a minute), 300, 900 or 3,600 (an hour).
    pub(crate) step_seconds: i64,
    /// The steps in which something happened, by their beginnings.
    pub(crate) points: Vec<HourPart>,
}

/// What happened in one hour of the clock, on all days together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(crate) struct DayHourPart {
    /// From 0 to 23, in the campaign's zone.
    pub(crate) hour: u32,
    pub(crate) attempted: u64,
    pub(crate) delivered: u64,
    pub(crate) read: u64,
}

/// The 24 hours of the day, added up.
pub(super) fn hours_of_day(hours: &[HourPart], zone: Tz) -> Vec<DayHourPart> {
    let mut day: Vec<DayHourPart> =
        (0..24).map(|hour| DayHourPart { hour, attempted: 0, delivered: 0, read: 0 }).collect();
    for part in hours {
        let hour = part.from.with_timezone(&zone).hour();
        if let Some(sum) = day.iter_mut().find(|sum| sum.hour == hour) {
            sum.attempted += part.attempted;
            sum.delivered += part.delivered;
            sum.read += part.read;
        }
    }
    day
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::commands::status::sample::at;

    fn timeline(seconds: impl IntoIterator<Item = i64>) -> Timeline {
        let mut timeline = Timeline::default();
        for second in seconds {
            if let Some(part) = timeline.at(at("2026-11-08T03:30:00Z") + TimeDelta::seconds(second)) {
                part.attempted += 1;
            }
        }
        timeline
    }

    #[test]
    fn steps_fit_the_length() {
        for (seconds, step) in [
            (239, 1),
            (240, 5),
            (1_199, 5),
            (1_200, 15),
            (3_600, 60),
            (14_400, 300),
            (72_000, 900),
            (215_999, 900),
        ] {
            // The latest comes first: the order does not matter.
            let told = timeline([seconds, 0, 7]).told(&[]);
            assert_eq!(told.step_seconds, step, "{seconds}");
            assert_eq!(told.points.iter().map(|point| point.attempted).sum::<u64>(), 3);
        }
    }

    #[test]
    fn beyond_two_days_and_a_half_hours_are_told() {
        let hours = [HourPart { from: at("2026-11-08T03:30:00Z"), attempted: 9, delivered: 8, read: 7 }];
        let timeline = timeline((0..300_000).step_by(600));
        assert!(timeline.parts.is_empty());
        assert_eq!(timeline.told(&hours), TimelinePart { step_seconds: 3_600, points: hours.into() });
    }

    #[test]
    fn hours_of_the_day_are_the_zones() {
        let hours = ["2026-11-08T03:30:00Z", "2026-11-09T03:30:00Z", "2026-11-08T18:30:00Z"]
            .map(|from| HourPart { from: at(from), attempted: 2, delivered: 1, read: 1 });
        let day = hours_of_day(&hours, Tz::Asia__Kolkata);
        assert_eq!(day.len(), 24);
        assert_eq!((day[9].attempted, day[9].read, day[0].attempted, day[3].attempted), (4, 2, 2, 0));
    }
}
