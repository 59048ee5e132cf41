//! How many different people a portfolio has written to, and when they no longer count.
//!
//! Platform: a business portfolio may write to so many different people in any 24 hours (Meta, "Messaging limits":
//! 250 to 100,000, or unlimited). People are counted in slots of five minutes, by the slot of their newest message, and
//! count until 24 hours after its end: a little longer than the platform says, never shorter. So the number of people is
//! a sum of at most 290 numbers, however many people there are.

use chrono::{DateTime, TimeDelta, Utc};

/// The time in which people count.
pub const WINDOW: TimeDelta = TimeDelta::hours(24);

/// How finely people are counted, in seconds.
const SLOT: i64 = 300;

/// The platform counts a message when it comes there, which is a little later than when it was claimed.
const ON_ITS_WAY: TimeDelta = TimeDelta::minutes(1);

/// The slot that an instant falls into, counted from 1970.
#[must_use]
pub fn slot_of(at: DateTime<Utc>) -> i64 {
    at.timestamp().div_euclid(SLOT)
}

/// When a slot ends, and the next one begins.
#[must_use]
pub fn ends_at(slot: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(slot.saturating_add(1).saturating_mul(SLOT), 0)
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// When those who were last written to in that slot count no longer.
#[must_use]
pub fn comes_back(slot: i64) -> DateTime<Utc> {
    ends_at(slot).checked_add_signed(WINDOW + ON_ITS_WAY).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

/// The first slot that still counts at `now`.
#[must_use]
pub fn first_that_counts(now: DateTime<Utc>) -> i64 {
    now.checked_sub_signed(WINDOW + ON_ITS_WAY).map_or(i64::MIN, slot_of)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn who_was_written_to_counts_for_a_day_and_a_little_more() {
        let at: DateTime<Utc> = "2026-11-22T09:04:59.999999Z".parse().unwrap();
        assert_eq!(comes_back(slot_of(at)), "2026-11-23T09:06:00Z".parse::<DateTime<Utc>>().unwrap());
    }

    proptest! {
        #[test]
        fn a_slot_counts_until_it_comes_back(at in 0i64..4_000_000_000, later in 0i64..200_000) {
            let instant = |seconds| DateTime::from_timestamp(seconds, 0).unwrap();
            let slot = slot_of(instant(at));
            let now = instant(at + later);
            prop_assert_eq!(slot >= first_that_counts(now), now < comes_back(slot));
            prop_assert!(comes_back(slot) >= instant(at) + WINDOW + ON_ITS_WAY);
            prop_assert!(comes_back(slot) <= instant(at + SLOT) + WINDOW + ON_ITS_WAY);
        }
    }
}
