//! A recurring campaign: a *series*, whose runs are campaigns of their own.
//!
//! At each time of its [`Timetable`] one run is made, named `key@2026-11-23T10:00` after the wall clock of its zone.
//! [`step`] says what has to be done about the times that have come: of several that came while nobody scheduled, the
//! latest is run and the others are skipped. A run that cannot be made is tried again each [`AGAIN`] for [`PATIENCE`],
//! unless the next time comes first; then it is skipped.
//!
//! | module | holds |
//! | --- | --- |
//! | [`timetable`] | when a series runs, and how its runs are called |
//! | [`lifecycle`] | the state machine of a series |

pub mod lifecycle;
pub mod timetable;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use lifecycle::{Event, Forbidden, State, UnknownState, next};
pub use timetable::{SEPARATOR, Timetable, series_of};

/// A run that could not be made is tried again after so long.
pub const AGAIN: TimeDelta = TimeDelta::minutes(1);

/// A run that could not be made is given up so long after the first try.
pub const PATIENCE: TimeDelta = TimeDelta::hours(6);

/// No more times are looked at in one step, so that none takes long: a time a minute for a week.
const MOST_AT_ONCE: u64 = 10_080;

/// What `status` says of a run that was paused with its series: it goes on with it.
pub const PAUSED_WITH_SERIES: &str = "paused by an operator, with its recurring campaign";

/// How far a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Where it is.
    pub state: State,
    /// Every time up to this one was run or skipped; at first, when the series was launched.
    pub handled: DateTime<Utc>,
    /// Of the first time after that, where it was tried and could not be run.
    pub trying: Option<Trying>,
}

/// A run that could not be made yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trying {
    /// The first try.
    pub since: DateTime<Utc>,
    /// The last try.
    pub last: DateTime<Utc>,
}

/// Times that are not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Skipped {
    /// The first of them.
    pub first: DateTime<Utc>,
    /// The last of them.
    pub last: DateTime<Utc>,
    /// How many; at least one.
    pub times: u64,
}

impl Skipped {
    fn one(at: DateTime<Utc>) -> Self {
        Self { first: at, last: at, times: 1 }
    }
}

/// Why times are not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// Nothing scheduled when they came, and a later one has come since.
    Missed,
    /// The series was paused.
    Paused,
    /// It could not be made until the next time came, its end came, or the patience was over.
    Failed,
    /// The series' end had come before it could be made.
    Ended,
}

/// What has to be done about a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// These times are not run.
    Skip(Skipped, Why),
    /// Its run is to be made.
    Make(DateTime<Utc>),
    /// None of its times is left.
    Finish,
}

/// The next thing that has to be done about a series; `None`: nothing now. Each step is carried out, and its result
/// noted, before the next is asked for.
#[must_use]
pub fn step(timetable: &Timetable, standing: &Standing, now: DateTime<Utc>) -> Option<Step> {
    if standing.state.is_over() {
        return None;
    }
    let Some(first) = timetable.next_after(standing.handled) else {
        return Some(Step::Finish);
    };
    if first > now {
        return None;
    }
    // What was tried is told apart from what nobody tried.
    let later = timetable.next_after(first).filter(|at| *at <= now);
    let is_ended = timetable.end().is_some_and(|end| end <= now);
    match (standing.state, standing.trying) {
        (State::Active, Some(trying)) => {
            if later.is_some() || is_ended || now >= trying.since + PATIENCE {
                Some(Step::Skip(Skipped::one(first), Why::Failed))
            } else if now >= trying.last + AGAIN {
                Some(Step::Make(first))
            } else {
                None
            }
        }
        (State::Active, None) if later.is_none() => {
            Some(if is_ended { Step::Skip(Skipped::one(first), Why::Ended) } else { Step::Make(first) })
        }
        (State::Active, None) => Some(Step::Skip(passed(timetable, first, now, true), Why::Missed)),
        _ => Some(Step::Skip(passed(timetable, first, now, false), Why::Paused)),
    }
}

/// The times from `first` on that have come by `now`, without the latest where that is to be spared; not more than
/// are looked at in one step.
#[must_use]
pub fn passed(
    timetable: &Timetable,
    first: DateTime<Utc>,
    now: DateTime<Utc>,
    spare_latest: bool,
) -> Skipped {
    let mut skipped = Skipped::one(first);
    while skipped.times < MOST_AT_ONCE {
        let Some(next) = timetable.next_after(skipped.last).filter(|at| *at <= now) else { break };
        if spare_latest && timetable.next_after(next).is_none_or(|later| later > now) {
            break;
        }
        skipped.last = next;
        skipped.times += 1;
    }
    skipped
}

#[cfg(test)]
mod tests {
    use chrono_tz::Tz;
    use proptest::prelude::*;

    use super::*;
    use crate::pacing::Repeat;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn timetable(expression: &str, zone: Tz, start: Option<&str>, end: Option<&str>) -> Timetable {
        Timetable::new(Repeat::parse(expression, zone).unwrap(), start.map(utc), end.map(utc))
    }

    fn mondays() -> Timetable {
        timetable("0 10 * * MON", Tz::Asia__Kolkata, None, None)
    }

    fn active(handled: &str) -> Standing {
        Standing { state: State::Active, handled: utc(handled), trying: None }
    }

    #[test]
    fn each_time_is_run_when_it_comes() {
        let standing = active("2026-11-17T00:00:00Z");
        assert_eq!(step(&mondays(), &standing, utc("2026-11-23T04:29:59Z")), None);
        let due = utc("2026-11-23T04:30:00Z");
        assert_eq!(step(&mondays(), &standing, due), Some(Step::Make(due)));
        assert_eq!(mondays().run_key("weekly", due), "weekly@2026-11-23T10:00");
        assert_eq!(step(&mondays(), &Standing { handled: due, ..standing }, due), None);
    }

    #[test]
    fn of_missed_times_the_latest_is_run() {
        let now = utc("2026-12-10T12:00:00Z");
        let standing = active("2026-11-17T00:00:00Z");
        let (first, last) = (utc("2026-11-23T04:30:00Z"), utc("2026-11-30T04:30:00Z"));
        let skipped = Skipped { first, last, times: 2 };
        assert_eq!(step(&mondays(), &standing, now), Some(Step::Skip(skipped, Why::Missed)));
        let next = step(&mondays(), &Standing { handled: last, ..standing }, now);
        assert_eq!(next, Some(Step::Make(utc("2026-12-07T04:30:00Z"))));
    }

    #[test]
    fn what_comes_while_it_is_paused_is_skipped() {
        let standing = Standing { state: State::Paused, ..active("2026-11-17T00:00:00Z") };
        let (first, last) = (utc("2026-11-23T04:30:00Z"), utc("2026-12-07T04:30:00Z"));
        let skipped = Skipped { first, last, times: 3 };
        let now = utc("2026-12-10T12:00:00Z");
        assert_eq!(step(&mondays(), &standing, now), Some(Step::Skip(skipped, Why::Paused)));
        assert_eq!(
            step(&mondays(), &Standing { state: State::Active, handled: last, ..standing }, now),
            None
        );
    }

    #[test]
    fn a_run_that_cannot_be_made_is_tried_each_minute_for_six_hours() {
        let due = utc("2026-11-23T04:30:00Z");
        let tried = |since: TimeDelta, last: TimeDelta| Standing {
            trying: Some(Trying { since: due + since, last: due + last }),
            ..active("2026-11-17T00:00:00Z")
        };
        let seconds = TimeDelta::seconds;
        let standing = tried(seconds(1), seconds(1));
        assert_eq!(step(&mondays(), &standing, due + seconds(60)), None);
        assert_eq!(step(&mondays(), &standing, due + seconds(61)), Some(Step::Make(due)));
        let given_up = Some(Step::Skip(Skipped::one(due), Why::Failed));
        let late = tried(seconds(1), PATIENCE - seconds(60));
        assert_eq!(step(&mondays(), &late, due + PATIENCE), Some(Step::Make(due)));
        assert_eq!(step(&mondays(), &late, due + PATIENCE + seconds(1)), given_up);
        // The next time is not waited for beyond its coming.
        let minutely = timetable("* * * * *", Tz::UTC, None, None);
        let standing = Standing { handled: due - seconds(60), ..standing };
        assert_eq!(step(&minutely, &standing, due + seconds(60)), given_up);
    }

    #[test]
    fn nothing_runs_before_the_start_or_from_the_end_on() {
        let bounded =
            timetable("0 10 * * *", Tz::UTC, Some("2026-11-20T10:00:00Z"), Some("2026-11-23T10:00:00Z"));
        let days = [20, 21, 22].map(|day| utc(&format!("2026-11-{day}T10:00:00Z")));
        assert_eq!(bounded.upcoming(utc("2026-11-01T00:00:00Z"), 9), days);
        assert_eq!(step(&bounded, &active("2026-11-22T10:00:00Z"), days[2]), Some(Step::Finish));
        // Made too late, nothing of it could be sent.
        let late = step(&bounded, &active("2026-11-21T10:00:00Z"), utc("2026-11-23T10:00:00Z"));
        assert_eq!(late, Some(Step::Skip(Skipped::one(days[2]), Why::Ended)));
        let over = Standing { state: State::Cancelled, ..active("2026-11-21T10:00:00Z") };
        assert_eq!(step(&bounded, &over, days[2]), None);
        // A start within a minute, and one after the instant asked for.
        let odd = timetable("* * * * *", Tz::UTC, Some("2026-11-20T10:00:30.5Z"), None);
        assert_eq!(odd.next_after(utc("2026-11-20T09:00:00Z")), Some(utc("2026-11-20T10:01:00Z")));
    }

    proptest! {
        /// Whatever happens when: each time is run or skipped once, in their order, and what is run was the latest.
        #[test]
        fn each_time_is_run_or_skipped_once(
            (minute, hours) in (0u32..60, proptest::collection::btree_set(0u32..24, 1..6)),
            zone in proptest::sample::select(vec![Tz::UTC, Tz::Europe__Berlin, Tz::America__New_York, Tz::Asia__Kolkata, Tz::Australia__Lord_Howe]),
            from in 1_735_700_000i64..1_800_000_000,
            bounds in (proptest::option::of(-200i64..400), proptest::option::of(0i64..600)),
            looks in proptest::collection::vec((1i64..2_000, 0u8..4, 0u8..12), 1..60),
        ) {
            let launched = DateTime::from_timestamp(from, 0).unwrap();
            let hour = |h: i64| launched + TimeDelta::hours(h);
            let hours: Vec<String> = hours.iter().map(u32::to_string).collect();
            let repeat = Repeat::parse(&format!("{minute} {} * * *", hours.join(",")), zone).unwrap();
            let (start, end) = (bounds.0.map(hour), bounds.1.map(hour));
            let table = Timetable::new(repeat, start, end);
            let mut standing = Standing { state: State::Active, handled: launched, trying: None };
            let (mut handled, mut keys) = (Vec::new(), std::collections::BTreeSet::new());
            let mut now = launched;
            for (minutes, outcome, event) in looks {
                now += TimeDelta::minutes(minutes);
                match event {
                    0 => standing.state = next(standing.state, Event::Pause).unwrap_or(standing.state),
                    1..4 => standing.state = next(standing.state, Event::Resume).unwrap_or(standing.state),
                    _ => {}
                }
                while let Some(step) = step(&table, &standing, now) {
                    match step {
                        Step::Finish => standing.state = State::Done,
                        Step::Skip(skipped, why) => {
                            let times = table.upcoming(standing.handled, usize::try_from(skipped.times).unwrap());
                            prop_assert_eq!((times.first(), times.last()), (Some(&skipped.first), Some(&skipped.last)));
                            prop_assert!(skipped.last <= now);
                            // The latest is given up only for a reason.
                            let is_latest = table.next_after(skipped.last).is_none_or(|later| later > now);
                            prop_assert!(!is_latest || why != Why::Missed);
                            handled.extend(times);
                            standing = Standing { handled: skipped.last, trying: None, ..standing };
                        }
                        Step::Make(at) => {
                            prop_assert_eq!(standing.state, State::Active);
                            prop_assert!(at <= now && table.next_after(at).is_none_or(|later| later > now));
                            prop_assert!(end.is_none_or(|end| now < end));
                            prop_assert!(start.is_none_or(|start| at >= start));
                            prop_assert_eq!(table.time_of("k", &table.run_key("k", at)), Some(at));
                            if outcome == 0 {
                                let since = standing.trying.map_or(now, |trying| trying.since);
                                standing.trying = Some(Trying { since, last: now });
                            } else {
                                prop_assert!(keys.insert(table.run_key("k", at)), "{} twice", at);
                                handled.push(at);
                                standing = Standing { handled: at, trying: None, ..standing };
                            }
                        }
                    }
                }
            }
            prop_assert_eq!(&table.upcoming(launched, handled.len()), &handled);
            if standing.trying.is_none() {
                prop_assert!(table.next_after(standing.handled).is_none_or(|at| at > now));
            }
        }
    }
}
