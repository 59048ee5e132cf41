//! Windows and repeats in every zone of the time zone database, held against a wall clock that is read minute
//! by minute: around every change of offset in two years, with the windows and times that such a change hits
//! hardest, and in every other zone around the turn of the year.
//!
//! The rules, as the model has them. A window is open at a minute if the clock shows a day and a time in it
//! at that minute: what is skipped opens nothing, what comes twice is open twice. A repeat runs when the clock
//! shows a time of its own for the first time; what the clock skips counts as shown when the gap ends.

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, Timelike, Utc, Weekday};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::repeat::Repeat;
use super::weekdays::Weekdays;
use super::windows::{Hours, Window, WindowZone, at, is_open, next_opening, open_time, spans};

const MINUTE: TimeDelta = TimeDelta::minutes(1);
const HOUR: TimeDelta = TimeDelta::hours(1);
/// How far the clock is read to each side of a change, minutes.
const SIDE: usize = 2 * 1_440;
/// Two years, in which every zone that has daylight saving changes at least four times.
const YEARS: (&str, &str) = ("2026-01-01T00:00:00Z", "2028-01-01T00:00:00Z");

fn utc(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// What a clock on a wall in the zone shows.
fn shown(zone: Tz, at: DateTime<Utc>) -> NaiveDateTime {
    at.with_timezone(&zone).naive_local()
}

/// A moment at which a zone's clock is put forward or back; in a zone whose clock never is, the turn of the year.
#[derive(Debug, Clone, Copy)]
struct Change {
    zone: Tz,
    at: DateTime<Utc>,
    /// What the clock would show then if it were left alone.
    due: NaiveDateTime,
    /// What it shows.
    shown: NaiveDateTime,
}

impl Change {
    /// All changes of a zone, found without the code that is tested: no clock is put forward and back again
    /// within six hours.
    fn all(zone: Tz) -> Vec<Self> {
        let (begin, end) = (utc(YEARS.0), utc(YEARS.1));
        let offset = |at: DateTime<Utc>| shown(zone, at) - at.naive_utc();
        let mut found = Vec::new();
        let mut now = begin;
        while now < end {
            let (before, next) = (offset(now), now + TimeDelta::hours(6));
            if offset(next) != before {
                while offset(now) == before {
                    now += MINUTE;
                }
                let due = now.naive_utc() + before;
                found.push(Self { zone, at: now, due, shown: shown(zone, now) });
            }
            now = next;
        }
        if found.is_empty() {
            let at = utc("2027-01-01T00:00:00Z");
            found.push(Self { zone, at, due: shown(zone, at), shown: shown(zone, at) });
        }
        found
    }

    /// The times of day that are skipped or come twice, from the first to the first after them; without a
    /// change, an hour like any other.
    fn odd_times(&self) -> (NaiveDateTime, NaiveDateTime) {
        let (first, last) = (self.due.min(self.shown), self.due.max(self.shown));
        (first, if first == last { first + HOUR } else { last })
    }

    /// What the clock shows from two days before the change to two days after it, by the minute.
    fn readings(&self) -> Readings {
        let begins = self.at - MINUTE * i32::try_from(SIDE).unwrap();
        let read = |n: usize| shown(self.zone, begins + MINUTE * i32::try_from(n).unwrap());
        Readings { begins, clock: (0..2 * SIDE).map(read).collect() }
    }
}

struct Readings {
    begins: DateTime<Utc>,
    clock: Vec<NaiveDateTime>,
}

impl Readings {
    fn instant(&self, minute: usize) -> DateTime<Utc> {
        self.begins + MINUTE * i32::try_from(minute).unwrap()
    }
}

/// Every change of every zone, dealt out to `shares` hands.
fn every_change(share: usize, shares: usize) -> impl Iterator<Item = Change> {
    TZ_VARIANTS.into_iter().skip(share).step_by(shares).flat_map(Change::all)
}

fn window(days: Weekdays, from: NaiveTime, to: NaiveTime, zone: WindowZone) -> Window {
    Window { days, from, to, zone }
}

/// The windows that a change hits hardest.
fn hard_windows(change: &Change, zone: WindowZone) -> Vec<Window> {
    let (first, last) = change.odd_times();
    let middle = first + (last - first) / 2;
    let day = Weekdays::of([first.weekday()]).unwrap();
    let eve = Weekdays::of([first.weekday().pred()]).unwrap();
    let daily = Weekdays::DAILY;
    let (midnight, clock) = (NaiveTime::MIN, |h, m| NaiveTime::from_hms_opt(h, m, 0).unwrap());
    [
        // Opens in the odd hour; closes in it; is it; goes over it; is all but it; lies beside it.
        (daily, middle.time(), (last + HOUR).time()),
        (daily, (first - HOUR).time(), middle.time()),
        (daily, first.time(), last.time()),
        (daily, (first - HOUR * 2).time(), (last + HOUR * 2).time()),
        (daily, last.time(), first.time()),
        (daily, (first - HOUR).time(), first.time()),
        // Whole days, by the clock: of the change, of its eve, all of them, and from the odd hour to the odd hour.
        (day, midnight, midnight),
        (eve, midnight, midnight),
        (daily, midnight, midnight),
        (eve, middle.time(), middle.time()),
        // Over midnight, into the change and after it; and shop hours.
        (eve, clock(22, 0), clock(2, 30)),
        (day, clock(22, 0), clock(2, 30)),
        (day, clock(9, 0), clock(20, 0)),
    ]
    .map(|(days, from, to)| window(days, from, to, zone))
    .into()
}

/// The rule of windows, in minutes of the day.
fn shows_inside(window: &Window, clock: NaiveDateTime) -> bool {
    let minute = |time: NaiveTime| time.hour() * 60 + time.minute();
    let (now, from, to) = (minute(clock.time()), minute(window.from), minute(window.to));
    let today = window.days.contains(clock.weekday());
    let yesterday = window.days.contains(clock.weekday().pred());
    if from < to { today && from <= now && now < to } else { today && from <= now || yesterday && now < to }
}

/// Holds all that is said of a set of windows against the clock. The zone of the change is the recipient's and
/// the schedule's: windows of either kind are read on the same clock.
fn check_windows(windows: &[Window], change: &Change, readings: &Readings) {
    let what = |minute: usize| {
        let clock = readings.clock[minute];
        format!("{} at {} (the clock shows {clock}), {windows:?}", change.zone, readings.instant(minute))
    };
    let zone = change.zone;
    let end = readings.instant(2 * SIDE);
    let open: Vec<bool> =
        readings.clock.iter().map(|clock| windows.iter().any(|w| shows_inside(w, *clock))).collect();

    let mut said = vec![false; open.len()];
    for span in spans(windows, zone, zone, readings.begins, end) {
        let minute = |at: DateTime<Utc>| {
            let since = at - readings.begins;
            assert_eq!(since, MINUTE * i32::try_from(since.num_minutes()).unwrap(), "{zone}: {at}");
            usize::try_from(since.num_minutes()).unwrap()
        };
        said[minute(span.from)..minute(span.until)].fill(true);
    }
    if let Some(minute) = (0..open.len()).find(|m| said[*m] != open[*m]) {
        assert_eq!(said[minute], open[minute], "whether a span covers {}", what(minute));
    }
    for (minute, open) in open.iter().enumerate().take(SIDE + 300).skip(SIDE - 300) {
        let said = is_open(windows, zone, zone, readings.instant(minute));
        assert_eq!(said, *open, "whether it is open in {}", what(minute));
    }
    let open_minutes = open[SIDE - 1_440..SIDE + 1_440].iter().filter(|open| **open).count();
    let (from, until) = (readings.instant(SIDE - 1_440), readings.instant(SIDE + 1_440));
    let said = open_time(windows, zone, zone, from, until).as_secs();
    assert_eq!(said, 60 * open_minutes as u64, "how long it is open a day around {}", what(SIDE));

    for minute in (SIDE - 150..SIDE + 150).step_by(25).chain([SIDE - 1, SIDE + 1]) {
        let now = readings.instant(minute);
        let hours = at(windows, zone, zone, now);
        let changes = (minute..2 * SIDE).find(|m| open[*m] != open[minute]).map(|m| readings.instant(m));
        // What lies behind the last reading is not known here.
        let told = hours.changes_at.filter(|at| *at < end);
        assert_eq!((hours.open, told), (open[minute], changes), "the next change, in {}", what(minute));
        let opens = if open[minute] { Some(now) } else { changes };
        let said = next_opening(windows, zone, zone, now).filter(|at| *at < end);
        assert_eq!(said, opens, "the next opening, in {}", what(minute));
    }
}

/// Runs a check in two halves at once.
fn in_two_shares(check: impl Fn(usize) -> usize + Sync) -> usize {
    std::thread::scope(|scope| {
        let other = scope.spawn(|| check(1));
        check(0) + other.join().unwrap()
    })
}

#[test]
fn windows_agree_with_the_wall_clock_in_every_zone_at_every_change() {
    let changes = in_two_shares(|share| {
        let mut seen = 0;
        for (number, change) in every_change(share, 2).enumerate() {
            let readings = change.readings();
            // Both ways of reading take turns; together they are read as one.
            let zone = [WindowZone::Recipient, WindowZone::Schedule][number % 2];
            let windows = hard_windows(&change, zone);
            for window in &windows {
                check_windows(std::slice::from_ref(window), &change, &readings);
            }
            let both: Vec<Window> = [&windows[1], &windows[10], &windows[0]]
                .into_iter()
                .zip([WindowZone::Recipient, WindowZone::Schedule, WindowZone::Recipient])
                .map(|(w, zone)| Window { zone, ..w.clone() })
                .collect();
            check_windows(&both, &change, &readings);
            seen += usize::from(change.due != change.shown);
        }
        seen
    });
    // Some two hundred zones change twice a year.
    assert!(changes > 800, "{changes}");
}

/// A cron expression, and what it names, written down a second time.
struct Times {
    minutes: Vec<u32>,
    hours: Vec<u32>,
    weekday: Option<Weekday>,
    day: Option<u32>,
}

impl Times {
    fn daily(at: NaiveDateTime) -> Self {
        Self { minutes: vec![at.minute()], hours: vec![at.hour()], weekday: None, day: None }
    }

    fn expression(&self) -> String {
        let list = |numbers: &[u32]| numbers.iter().map(u32::to_string).collect::<Vec<_>>().join(",");
        let day = self.day.map_or("*".to_owned(), |day| day.to_string());
        let weekday = self.weekday.map_or("*".to_owned(), |day| day.to_string());
        format!("{} {} {day} * {weekday}", list(&self.minutes), list(&self.hours))
    }

    fn name(&self, time: NaiveDateTime) -> bool {
        let (day, weekday) = (self.day.map(|d| d == time.day()), self.weekday.map(|w| w == time.weekday()));
        // Of two restricted days one is enough.
        let today = day.is_none() && weekday.is_none() || day == Some(true) || weekday == Some(true);
        today && self.minutes.contains(&time.minute()) && self.hours.contains(&time.hour())
    }

    /// The minutes in which it runs.
    fn runs(&self, clock: &[NaiveDateTime]) -> Vec<usize> {
        let mut latest = clock[0];
        let mut runs = Vec::new();
        for (minute, now) in clock.iter().enumerate().skip(1) {
            let mut is_due = false;
            while latest < *now {
                latest += MINUTE;
                is_due |= self.name(latest);
            }
            if is_due {
                runs.push(minute);
            }
        }
        runs
    }
}

/// The times that a change hits hardest.
fn hard_times(change: &Change) -> Vec<Times> {
    let (first, last) = change.odd_times();
    let middle = first + (last - first) / 2;
    let around = |hour: u32| (hour + 23..hour + 27).map(|h| h % 24).collect();
    vec![
        // In the odd hour, at its edges, and at midnight.
        Times::daily(middle),
        Times::daily(first),
        Times::daily(last - MINUTE),
        Times::daily(last),
        Times::daily(first - MINUTE),
        Times::daily(NaiveDate::MIN.and_time(NaiveTime::MIN)),
        // Several skipped times and one that exists; several that come twice.
        Times {
            minutes: vec![first.minute(), middle.minute()],
            hours: vec![first.hour(), last.hour()],
            weekday: None,
            day: None,
        },
        Times { minutes: vec![0, 20, 40], hours: around(first.hour()), weekday: None, day: None },
        // On that day alone, by its name, by its number, by either.
        Times { weekday: Some(first.weekday()), ..Times::daily(middle) },
        Times { day: Some(first.day()), ..Times::daily(middle) },
        Times {
            weekday: Some(first.weekday().succ()),
            day: Some(first.day()),
            ..Times::daily(last - MINUTE)
        },
    ]
}

fn check_times(times: &Times, change: &Change, readings: &Readings) {
    let repeat = Repeat::parse(&times.expression(), change.zone).unwrap();
    let runs: Vec<_> = times.runs(&readings.clock).into_iter().map(|m| readings.instant(m)).collect();
    let what = |after: DateTime<Utc>| {
        let clock = shown(change.zone, after);
        format!("\"{repeat}\" in {} after {after} (the clock shows {clock})", change.zone)
    };
    let end = readings.instant(2 * SIDE);
    let mut now = readings.begins;
    for run in &runs {
        assert_eq!(repeat.next_after(now), Some(*run), "{}", what(now));
        now = *run;
    }
    assert!(repeat.next_after(now).unwrap() >= end, "{}", what(now));
    // Wherever the search begins around the change, also within a minute.
    for minute in (SIDE - 120..SIDE + 120).step_by(30).chain([SIDE - 1, SIDE + 1]) {
        for now in [readings.instant(minute), readings.instant(minute) - TimeDelta::seconds(1)] {
            let next = runs.iter().find(|run| **run > now).copied();
            assert_eq!(repeat.next_after(now).filter(|run| *run < end), next, "{}", what(now));
        }
    }
}

#[test]
fn repeats_run_once_by_the_wall_clock_in_every_zone_at_every_change() {
    let changes = in_two_shares(|share| {
        let mut seen = 0;
        for change in every_change(share, 2) {
            let readings = change.readings();
            for times in hard_times(&change) {
                check_times(&times, &change, &readings);
            }
            seen += usize::from(change.due != change.shown);
        }
        seen
    });
    assert!(changes > 800, "{changes}");
}

#[test]
fn the_changes_are_those_of_the_world() {
    let changes = |zone: Tz| Change::all(zone).into_iter().filter(|c| c.due != c.shown).collect::<Vec<_>>();
    let sizes = |zone| changes(zone).iter().map(|c| (c.shown - c.due).num_minutes()).collect::<Vec<_>>();
    assert_eq!(sizes(Tz::Europe__Berlin), [60, -60, 60, -60]);
    assert_eq!(sizes(Tz::Australia__Lord_Howe), [-30, 30, -30, 30]);
    assert_eq!(sizes(Tz::Antarctica__Troll), [120, -120, 120, -120]);
    for zone in [Tz::Asia__Kathmandu, Tz::Asia__Kolkata, Tz::Pacific__Kiritimati, Tz::Pacific__Pago_Pago] {
        assert_eq!(sizes(zone), [0; 0], "{zone}");
    }
    // Skips the first hour of a day; skips one that goes over midnight; is three quarters of an hour off.
    let first = |zone| changes(zone)[0];
    assert_eq!(first(Tz::Asia__Beirut).due.to_string(), "2026-03-29 00:00:00");
    assert_eq!(first(Tz::America__Nuuk).due.to_string(), "2026-03-28 23:00:00");
    assert_eq!(first(Tz::Pacific__Chatham).due.to_string(), "2026-04-05 03:45:00");
}

/// The same by hand, for people: when it is ten o'clock on Monday, and in the hours that are skipped and repeated.
#[test]
fn on_both_sides_of_the_date_line_and_between_the_hours() {
    let next = |expression: &str, zone, after| {
        let run = Repeat::parse(expression, zone).unwrap().next_after(utc(after)).unwrap();
        run.format("%FT%H:%M").to_string()
    };
    let hours = |from: (u32, u32), to: (u32, u32), zone: Tz, now: &str| {
        let clock = |(h, m)| NaiveTime::from_hms_opt(h, m, 0).unwrap();
        let windows = [window(Weekdays::DAILY, clock(from), clock(to), WindowZone::Recipient)];
        let Hours { open, changes_at } = at(&windows, zone, Tz::UTC, utc(now));
        (open, changes_at.unwrap().format("%FT%H:%M").to_string())
    };
    for (zone, monday) in [
        (Tz::Pacific__Kiritimati, "2026-11-22T20:00"),
        (Tz::Pacific__Apia, "2026-11-22T21:00"),
        (Tz::Pacific__Chatham, "2026-11-22T20:15"),
        (Tz::Asia__Kathmandu, "2026-11-23T04:15"),
        (Tz::Pacific__Pago_Pago, "2026-11-23T21:00"),
    ] {
        assert_eq!(next("0 10 * * MON", zone, "2026-11-20T00:00:00Z"), monday, "{zone}");
        let now = format!("{monday}:00Z");
        assert!(hours((10, 0), (20, 0), zone, &now).0, "{zone}");
    }
    // Lord Howe, 4 October 2026: the clock goes from 02:00 to 02:30.
    let lord_howe = Tz::Australia__Lord_Howe;
    assert_eq!(next("15 2 * * *", lord_howe, "2026-10-03T12:00:00Z"), "2026-10-03T15:30");
    assert_eq!(
        hours((2, 15), (3, 0), lord_howe, "2026-10-03T15:29:00Z"),
        (false, "2026-10-03T15:30".to_owned())
    );
    // 5 April 2026: it goes from 02:00 back to 01:30, so that 01:45 comes at 14:45 and at 15:15.
    assert_eq!(next("45 1 * * *", lord_howe, "2026-04-04T12:00:00Z"), "2026-04-04T14:45");
    assert_eq!(next("45 1 * * *", lord_howe, "2026-04-04T14:45:00Z"), "2026-04-05T15:15");
    assert_eq!(
        hours((1, 45), (2, 0), lord_howe, "2026-04-04T14:45:00Z"),
        (true, "2026-04-04T15:00".to_owned())
    );
    assert_eq!(
        hours((1, 45), (2, 0), lord_howe, "2026-04-04T15:00:00Z"),
        (false, "2026-04-04T15:15".to_owned())
    );
}
