//! When a recipient may be sent to: sending windows on the wall clock of their zone or the schedule's.
//!
//! A window is a statement about the wall clock: an instant is inside if the clock shows a day and a time
//! that the window names. So daylight saving needs no rule of its own: a time that is skipped opens
//! nothing, and an hour that comes twice is open twice. A window over midnight (22:00 to 02:00 on fri)
//! belongs to the day on which it opens: the hours after midnight are Saturday's, although sat need not be
//! among its days.

use std::time::Duration;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use super::local_time::{Stretch, local, stretches};
use super::weekdays::Weekdays;

/// How far ahead the next opening is looked for: a weekly window opens within a week, or two if its only
/// hour was skipped by daylight saving.
const HORIZON: TimeDelta = TimeDelta::days(22);

/// Whose clock a window is read on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WindowZone {
    /// The recipient's own zone.
    Recipient,
    /// The campaign's `schedule.zone`.
    #[serde(rename = "zone")]
    Schedule,
}

/// A stretch of the day in which messages may go out, on certain days of the week.
///
/// It opens at `from` on each of `days` and closes before `to`. Where `to` is not after `from`, it
/// closes on the next day: 22:00 to 02:00 runs over midnight, and 00:00 to 00:00 is the whole day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// The days on which it opens.
    pub days: Weekdays,
    /// When it opens, on the wall clock.
    pub from: NaiveTime,
    /// When it closes, on the wall clock; the first instant that is outside.
    pub to: NaiveTime,
    /// Whose wall clock that is.
    #[serde(rename = "in")]
    pub zone: WindowZone,
}

/// Whether it is open, and when that changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hours {
    /// Whether messages may go out.
    pub open: bool,
    /// When that changes next; `None` where it stays so (open around the clock, or never open).
    pub changes_at: Option<DateTime<Utc>>,
}

/// A span of time: from the first instant that is inside to the first one that is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The first instant inside.
    pub from: DateTime<Utc>,
    /// The first instant after it.
    pub until: DateTime<Utc>,
}

impl Span {
    /// How long it is.
    pub fn length(self) -> Duration {
        self.until.signed_duration_since(self.from).to_std().unwrap_or_default()
    }
}

/// Whether the windows are open at `now` for a recipient in the zone `recipient`, and when that changes.
/// Without windows it is always open.
pub fn at(windows: &[Window], recipient: Tz, schedule: Tz, now: DateTime<Utc>) -> Hours {
    // Most windows open and close within two days: look a little ahead before looking far.
    for horizon in [TimeDelta::days(2), HORIZON] {
        let Some(end) = now.checked_add_signed(horizon) else { break };
        match spans(windows, recipient, schedule, now, end).first() {
            Some(span) if span.from > now => return Hours { open: false, changes_at: Some(span.from) },
            Some(span) if span.until < end => return Hours { open: true, changes_at: Some(span.until) },
            Some(_) if horizon == HORIZON => return Hours { open: true, changes_at: None },
            Some(_) | None => {}
        }
    }
    Hours { open: is_open(windows, recipient, schedule, now), changes_at: None }
}

/// Whether the windows are open at an instant.
pub fn is_open(windows: &[Window], recipient: Tz, schedule: Tz, at: DateTime<Utc>) -> bool {
    windows.is_empty() || windows.iter().any(|w| shows_inside(w, local(zone_of(w, recipient, schedule), at)))
}

/// When it is open next, at `now` or after; `None` where it never is.
pub fn next_opening(
    windows: &[Window],
    recipient: Tz,
    schedule: Tz,
    now: DateTime<Utc>,
) -> Option<DateTime<Utc>> {
    let hours = at(windows, recipient, schedule, now);
    if hours.open { Some(now) } else { hours.changes_at }
}

/// How much of the time from `from` to `until` is open.
pub fn open_time(
    windows: &[Window],
    recipient: Tz,
    schedule: Tz,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Duration {
    spans(windows, recipient, schedule, from, until)
        .iter()
        .fold(Duration::ZERO, |sum, span| sum.saturating_add(span.length()))
}

/// The open spans between two instants: in order, apart from one another, cut at `from` and `until`.
pub fn spans(
    windows: &[Window],
    recipient: Tz,
    schedule: Tz,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Vec<Span> {
    if from >= until {
        return Vec::new();
    }
    if windows.is_empty() {
        return vec![Span { from, until }];
    }
    let mut found = Vec::new();
    for kind in [WindowZone::Recipient, WindowZone::Schedule] {
        let same: Vec<_> = windows.iter().filter(|w| w.zone == kind).collect();
        if let Some(first) = same.first() {
            for stretch in stretches(zone_of(first, recipient, schedule), from, until) {
                for window in &same {
                    openings(window, stretch, &mut found);
                }
            }
        }
    }
    merged(found)
}

/// Joins spans that touch or overlap.
pub(super) fn merged(mut found: Vec<Span>) -> Vec<Span> {
    found.sort_by_key(|span| (span.from, span.until));
    let mut joined: Vec<Span> = Vec::with_capacity(found.len());
    for span in found {
        match joined.last_mut() {
            Some(last) if span.from <= last.until => last.until = last.until.max(span.until),
            Some(_) | None => joined.push(span),
        }
    }
    joined
}

fn zone_of(window: &Window, recipient: Tz, schedule: Tz) -> Tz {
    match window.zone {
        WindowZone::Recipient => recipient,
        WindowZone::Schedule => schedule,
    }
}

fn shows_inside(window: &Window, clock: NaiveDateTime) -> bool {
    let (date, time) = (clock.date(), clock.time());
    let opens_on = |date: NaiveDate| window.days.contains(chrono::Datelike::weekday(&date));
    if window.from < window.to {
        return opens_on(date) && window.from <= time && time < window.to;
    }
    let since_yesterday = time < window.to && date.pred_opt().is_some_and(opens_on);
    (opens_on(date) && window.from <= time) || since_yesterday
}

/// The window's openings within a stretch of constant offset, cut to it.
fn openings(window: &Window, stretch: Stretch, found: &mut Vec<Span>) {
    let first = stretch.from.naive_utc() + stretch.offset;
    let last = stretch.until.naive_utc() + stretch.offset;
    let mut date = first.date().pred_opt();
    while let Some(day) = date.filter(|day| *day <= last.date()) {
        date = day.succ_opt();
        if !window.days.contains(chrono::Datelike::weekday(&day)) {
            continue;
        }
        let closes_on = if window.from < window.to { Some(day) } else { day.succ_opt() };
        let closes = closes_on.map_or(last, |day| wall(day, window.to));
        let (from, until) = (wall(day, window.from).max(first), closes.min(last));
        if from < until {
            found.push(Span {
                from: (from - stretch.offset).and_utc(),
                until: (until - stretch.offset).and_utc(),
            });
        }
    }
}

fn wall(day: NaiveDate, time: NaiveTime) -> NaiveDateTime {
    NaiveDateTime::new(day, time)
}

#[cfg(test)]
mod tests {
    use chrono_tz::TZ_VARIANTS;
    use proptest::prelude::*;

    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn window(days: &str, from: &str, to: &str) -> Window {
        let time = |text: &str| NaiveTime::parse_from_str(text, "%H:%M").unwrap();
        Window { days: days.parse().unwrap(), from: time(from), to: time(to), zone: WindowZone::Recipient }
    }

    fn open_minutes(windows: &[Window], zone: Tz, from: &str, until: &str) -> u64 {
        open_time(windows, zone, Tz::UTC, utc(from), utc(until)).as_secs() / 60
    }

    #[test]
    fn shop_hours_in_india() {
        let windows = [window("mon-sat", "09:00", "20:00")];
        let hours = |now: &str| at(&windows, Tz::Asia__Kolkata, Tz::UTC, utc(now));
        // Saturday, 7 November 2026.
        assert_eq!(
            hours("2026-11-07T03:29:59Z"),
            Hours { open: false, changes_at: Some(utc("2026-11-07T03:30:00Z")) }
        );
        assert_eq!(
            hours("2026-11-07T03:30:00Z"),
            Hours { open: true, changes_at: Some(utc("2026-11-07T14:30:00Z")) }
        );
        // From its close over Sunday to Monday.
        assert_eq!(
            hours("2026-11-07T14:30:00Z"),
            Hours { open: false, changes_at: Some(utc("2026-11-09T03:30:00Z")) }
        );
        assert_eq!(
            next_opening(&windows, Tz::Asia__Kolkata, Tz::UTC, utc("2026-11-08T00:00:00Z")),
            Some(utc("2026-11-09T03:30:00Z"))
        );
        assert_eq!(
            open_minutes(&windows, Tz::Asia__Kolkata, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z"),
            6 * 11 * 60
        );
    }

    #[test]
    fn the_recipients_clock_or_the_schedules() {
        let mut two = window("daily", "09:00", "10:00");
        let open = |w: &Window, now: &str| {
            is_open(std::slice::from_ref(w), Tz::Asia__Tokyo, Tz::Europe__Paris, utc(now))
        };
        assert!(open(&two, "2026-01-05T00:30:00Z") && !open(&two, "2026-01-05T08:30:00Z"));
        two.zone = WindowZone::Schedule;
        assert!(!open(&two, "2026-01-05T00:30:00Z") && open(&two, "2026-01-05T08:30:00Z"));
        let both = [window("daily", "09:00", "10:00"), two];
        let day = (utc("2026-01-05T00:00:00Z"), utc("2026-01-06T00:00:00Z"));
        assert_eq!(spans(&both, Tz::Asia__Tokyo, Tz::Europe__Paris, day.0, day.1).len(), 2);
        // Where they overlap they are one.
        assert_eq!(spans(&both, Tz::Europe__Madrid, Tz::Europe__Paris, day.0, day.1).len(), 1);
    }

    #[test]
    fn over_midnight_belongs_to_the_day_it_opens() {
        let windows = [window("fri", "22:00", "02:00")];
        let open = |now: &str| is_open(&windows, Tz::UTC, Tz::UTC, utc(now));
        // 6 November 2026 is a Friday.
        assert!(!open("2026-11-06T01:00:00Z") && open("2026-11-06T22:00:00Z"));
        assert!(
            open("2026-11-07T01:59:59Z") && !open("2026-11-07T02:00:00Z") && !open("2026-11-07T23:00:00Z")
        );
        let hours = at(&windows, Tz::UTC, Tz::UTC, utc("2026-11-06T23:00:00Z"));
        assert_eq!(hours.changes_at, Some(utc("2026-11-07T02:00:00Z")));
    }

    #[test]
    fn around_the_clock() {
        let always = Hours { open: true, changes_at: None };
        let whole_day = [window("daily", "00:00", "00:00")];
        assert_eq!(at(&[], Tz::UTC, Tz::UTC, utc("2026-11-06T01:00:00Z")), always);
        assert_eq!(at(&whole_day, Tz::America__New_York, Tz::UTC, utc("2026-10-30T01:00:00Z")), always);
        assert_eq!(at(&[], Tz::UTC, Tz::UTC, DateTime::<Utc>::MAX_UTC), always);
        let sundays = [window("sun", "00:00", "00:00")];
        assert_eq!(
            open_minutes(&sundays, Tz::UTC, "2026-11-02T00:00:00Z", "2026-11-30T00:00:00Z"),
            4 * 24 * 60
        );
    }

    #[test]
    fn daylight_saving() {
        // 29 March 2026: 02:00 to 03:00 does not exist in Berlin; 25 October: it comes twice.
        let night = [window("sun", "02:00", "03:00")];
        let berlin = Tz::Europe__Berlin;
        assert_eq!(open_minutes(&night, berlin, "2026-03-28T12:00:00Z", "2026-03-29T12:00:00Z"), 0);
        assert_eq!(open_minutes(&night, berlin, "2026-10-24T12:00:00Z", "2026-10-25T12:00:00Z"), 120);
        // The skipped one opens a week later.
        let hours = at(&night, berlin, Tz::UTC, utc("2026-03-22T02:00:00Z"));
        assert_eq!(hours, Hours { open: false, changes_at: Some(utc("2026-04-05T00:00:00Z")) });
        // A day of 23 and one of 25 hours.
        let all = [window("sun", "00:00", "00:00")];
        assert_eq!(open_minutes(&all, berlin, "2026-03-27T12:00:00Z", "2026-03-31T12:00:00Z"), 23 * 60);
        assert_eq!(open_minutes(&all, berlin, "2026-10-23T12:00:00Z", "2026-10-27T12:00:00Z"), 25 * 60);
        // Lord Howe shifts by half an hour.
        let early = [window("daily", "01:00", "03:00")];
        assert_eq!(
            open_minutes(&early, Tz::Australia__Lord_Howe, "2026-10-03T12:00:00Z", "2026-10-04T00:00:00Z"),
            90
        );
    }

    #[test]
    fn a_day_that_never_was() {
        // Samoa went from Thursday, 29 December 2011, straight to Saturday.
        let friday = [window("fri", "09:00", "20:00")];
        let apia = Tz::Pacific__Apia;
        let hours = at(&friday, apia, Tz::UTC, utc("2011-12-29T00:00:00Z"));
        assert_eq!(hours, Hours { open: false, changes_at: Some(utc("2012-01-05T19:00:00Z")) });
    }

    /// The naive model: whether the wall clock at this very minute is inside.
    fn model(windows: &[Window], recipient: Tz, schedule: Tz, now: DateTime<Utc>) -> bool {
        windows.iter().any(|w| {
            let zone = if w.zone == WindowZone::Recipient { recipient } else { schedule };
            let clock = now.with_timezone(&zone).naive_local();
            let minute = |t: NaiveTime| chrono::Timelike::hour(&t) * 60 + chrono::Timelike::minute(&t);
            let (time, from, to) = (minute(clock.time()), minute(w.from), minute(w.to));
            let day = chrono::Datelike::weekday(&clock.date());
            if from < to {
                w.days.contains(day) && (from..to).contains(&time)
            } else {
                (w.days.contains(day) && time >= from) || (w.days.contains(day.pred()) && time < to)
            }
        })
    }

    fn a_window() -> impl Strategy<Value = Window> {
        let minute = || prop_oneof![0u32..1_440, (0u32..24).prop_map(|h| h * 60)];
        (1u32..128, minute(), minute(), any::<bool>()).prop_map(|(days, from, to, own)| {
            let day = |n: u32| chrono::Weekday::try_from(u8::try_from(n).unwrap()).unwrap();
            let time = |m: u32| NaiveTime::from_hms_opt(m / 60, m % 60, 0).unwrap();
            Window {
                days: Weekdays::of((0..7).filter(|n| days & (1 << n) != 0).map(day)).unwrap(),
                from: time(from),
                to: time(to),
                zone: if own { WindowZone::Recipient } else { WindowZone::Schedule },
            }
        })
    }

    fn a_zone() -> impl Strategy<Value = Tz> {
        (0..TZ_VARIANTS.len()).prop_map(|n| TZ_VARIANTS[n])
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(150))]

        /// Over all zones and two years, minute by minute, for nine days from a random minute.
        #[test]
        fn agrees_with_the_wall_clock(
            windows in proptest::collection::vec(a_window(), 1..4),
            (recipient, schedule) in (a_zone(), a_zone()),
            start in 0i64..2 * 365 * 1_440,
        ) {
            let from = utc("2026-01-01T00:00:00Z") + TimeDelta::minutes(start);
            let minutes = 9 * 1_440;
            let until = from + TimeDelta::minutes(minutes);
            let spans = spans(&windows, recipient, schedule, from, until);
            for pair in spans.windows(2) {
                prop_assert!(pair[0].until < pair[1].from);
            }
            let mut open = 0;
            let mut ahead = spans.iter().copied().peekable();
            for minute in 0..minutes {
                let now = from + TimeDelta::minutes(minute);
                while ahead.next_if(|span| span.until <= now).is_some() {}
                let inside = ahead.peek().is_some_and(|span| span.from <= now);
                let expected = model(&windows, recipient, schedule, now);
                prop_assert_eq!(inside, expected, "{} {} {}", recipient, schedule, now);
                if minute % 97 == 0 {
                    prop_assert_eq!(is_open(&windows, recipient, schedule, now), expected);
                }
                open += u64::from(expected);
            }
            prop_assert_eq!(open_time(&windows, recipient, schedule, from, until).as_secs(), open * 60);
            // The next change is where the model changes first.
            let hours = at(&windows, recipient, schedule, from);
            prop_assert_eq!(hours.open, model(&windows, recipient, schedule, from));
            let change = (1..minutes).map(|m| from + TimeDelta::minutes(m))
                .find(|now| model(&windows, recipient, schedule, *now) != hours.open);
            if let Some(change) = change {
                prop_assert_eq!(hours.changes_at, Some(change));
            }
        }
    }
}
