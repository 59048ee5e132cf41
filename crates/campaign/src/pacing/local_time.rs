//! Arithmetic of wall clocks: where a zone's offset changes, and which instant a local time means.

use chrono::{DateTime, MappedLocalTime, NaiveDateTime, Offset, TimeDelta, TimeZone, Utc};
use chrono_tz::{GapInfo, Tz};

/// How far ahead a change of offset is looked for in one step. No zone changes its offset twice within a
/// day.
const STEP: TimeDelta = TimeDelta::days(1);

/// A stretch of time in which a zone's offset does not change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    /// Where it begins.
    pub(super) from: DateTime<Utc>,
    /// The first instant after it.
    pub(super) until: DateTime<Utc>,
    /// What the wall clock is ahead of UTC.
    pub(super) offset: TimeDelta,
}

/// The zone's offset from UTC at an instant.
pub(super) fn offset(zone: Tz, at: DateTime<Utc>) -> TimeDelta {
    let seconds = zone.offset_from_utc_datetime(&at.naive_utc()).fix().local_minus_utc();
    TimeDelta::seconds(i64::from(seconds))
}

/// What the wall clock of the zone shows at an instant.
pub(super) fn local(zone: Tz, at: DateTime<Utc>) -> NaiveDateTime {
    at.naive_utc() + offset(zone, at)
}

/// Cuts a span of time into stretches without a change of offset. They are in order and have no gaps
/// between them; neighbours may have the same offset.
pub(super) fn stretches(
    zone: Tz,
    from: DateTime<Utc>,
    until: DateTime<Utc>,
) -> impl Iterator<Item = Stretch> {
    let mut at = from;
    std::iter::from_fn(move || {
        if at >= until {
            return None;
        }
        let end = at.checked_add_signed(STEP).map_or(until, |next| next.min(until));
        let here = offset(zone, at);
        let end = if offset(zone, end) == here { end } else { change(zone, at, end) };
        let stretch = Stretch { from: at, until: end, offset: here };
        at = end;
        Some(stretch)
    })
}

/// The first second in `(from, until]` with another offset than `from`, which `until` has.
fn change(zone: Tz, from: DateTime<Utc>, until: DateTime<Utc>) -> DateTime<Utc> {
    let before = offset(zone, from);
    let (mut same, mut other) = (from.timestamp(), until.timestamp());
    while other - same > 1 {
        let middle = same + (other - same) / 2;
        let at = DateTime::from_timestamp(middle, 0).unwrap_or(until);
        if offset(zone, at) == before { same = middle } else { other = middle }
    }
    DateTime::from_timestamp(other, 0).unwrap_or(until)
}

/// The instant that a local time means: the first one where the clock shows it twice, and the end of the
/// gap where the clock skips it.
pub(super) fn instant(zone: Tz, local: NaiveDateTime) -> DateTime<Utc> {
    match zone.from_local_datetime(&local) {
        MappedLocalTime::Single(at) => at.with_timezone(&Utc),
        MappedLocalTime::Ambiguous(a, b) => a.with_timezone(&Utc).min(b.with_timezone(&Utc)),
        MappedLocalTime::None => {
            let gap = GapInfo::new(&local, &zone);
            let end = gap.as_ref().and_then(|gap| gap.end.as_ref()).map(|end| end.with_timezone(&Utc));
            let shifted = gap.and_then(|gap| gap.begin).map(|(_, offset)| {
                (local - TimeDelta::seconds(i64::from(offset.fix().local_minus_utc()))).and_utc()
            });
            end.or(shifted).unwrap_or_else(|| local.and_utc())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utc(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn stretches_end_where_the_clock_changes() {
        let zone = Tz::Europe__Berlin;
        let cut: Vec<_> = stretches(zone, utc("2026-03-28T12:00:00.5Z"), utc("2026-03-30T00:00:00Z"))
            .map(|s| (s.until, s.offset.num_hours()))
            .collect();
        assert_eq!(cut, [(utc("2026-03-29T01:00:00Z"), 1), (utc("2026-03-30T00:00:00Z"), 2)]);
        assert_eq!(stretches(zone, utc("2026-01-02T00:00:00Z"), utc("2026-01-01T00:00:00Z")).count(), 0);
    }

    #[test]
    fn skipped_and_repeated_times() {
        let at = |zone: Tz, text: &str| instant(zone, text.parse().unwrap());
        assert_eq!(at(Tz::Europe__Berlin, "2026-03-29T02:30:00"), utc("2026-03-29T01:00:00Z"));
        assert_eq!(at(Tz::Europe__Berlin, "2026-10-25T02:30:00"), utc("2026-10-25T00:30:00Z"));
        assert_eq!(at(Tz::Asia__Kathmandu, "2026-01-01T09:00:00"), utc("2026-01-01T03:15:00Z"));
        // Half an hour of daylight saving, and a day that never was.
        assert_eq!(at(Tz::Australia__Lord_Howe, "2026-10-04T02:15:00"), utc("2026-10-03T15:30:00Z"));
        assert_eq!(at(Tz::Pacific__Apia, "2011-12-30T12:00:00"), utc("2011-12-30T10:00:00Z"));
    }
}
