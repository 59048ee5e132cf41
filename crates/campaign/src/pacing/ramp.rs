//! How a campaign speeds up: a pure function of the messages already sent.
//!
//! A step covers `rate` x `for` messages: 5/s for 10 m covers the first 3,000, then 20/s for 20 m the next
//! 24,000, then the campaign goes at its full rate. Since messages count and not the clock, a pause or a
//! closed window does not skip a step.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Rate;

/// One step of a ramp: how fast, and for how long at that pace.
///
/// A step covers `rate` x `lasts` messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RampStep {
    /// The rate of this step.
    pub rate: Rate,
    /// How long the step lasts when nothing holds it up.
    #[serde(rename = "for", with = "super::duration::text")]
    pub lasts: Duration,
}

/// The rate after `sent` messages: that of the step they fall into, or `full` after the last step; never
/// above `full`.
pub fn ramp_rate(steps: &[RampStep], sent: u64, full: Rate) -> Rate {
    current(steps, sent).map_or(full, |(step, _)| step.rate.min(full))
}

/// How many messages are left in the step that `sent` messages have reached; `None` after the last step.
pub fn left_in_step(steps: &[RampStep], sent: u64) -> Option<u64> {
    current(steps, sent).map(|(_, left)| left)
}

/// How many messages the whole ramp covers.
pub fn covers(steps: &[RampStep]) -> u64 {
    steps.iter().fold(0, |sum, step| sum.saturating_add(step.rate.messages_in(step.lasts)))
}

/// How long the next `messages` take when nothing holds them up, `sent` having gone before.
///
/// With the steps 5/s for 10 m and 20/s for 20 m and a full rate of 60/s, the first 3,000 take 10 minutes,
/// the first 27,000 half an hour, and 33,000 take 1 min 40 s more.
pub fn time_for(steps: &[RampStep], sent: u64, messages: u64, full: Rate) -> Duration {
    let (mut sent, mut messages) = (sent, messages);
    let mut time = Duration::ZERO;
    while messages > 0 {
        let (rate, count) = match current(steps, sent) {
            Some((step, left)) => (step.rate.min(full), left.min(messages)),
            None => (full, messages),
        };
        time = time.saturating_add(rate.time_for(count));
        sent = sent.saturating_add(count);
        messages -= count;
        if sent == u64::MAX {
            break;
        }
    }
    time
}

/// The step that `sent` messages have reached, and how many messages it has left. Steps that cover no
/// whole message are passed over.
fn current(steps: &[RampStep], sent: u64) -> Option<(RampStep, u64)> {
    let mut covered = 0u64;
    for step in steps {
        covered = covered.saturating_add(step.rate.messages_in(step.lasts));
        if sent < covered {
            return Some((*step, covered - sent));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    fn steps(steps: &[(&str, u64)]) -> Vec<RampStep> {
        steps
            .iter()
            .map(|(r, minutes)| RampStep { rate: rate(r), lasts: Duration::from_secs(minutes * 60) })
            .collect()
    }

    #[test]
    fn the_ramp_goes_by_messages() {
        let ramp = steps(&[("5/s", 10), ("20/s", 20)]);
        let full = rate("60/s");
        for (sent, expected) in
            [(0, "5/s"), (2_999, "5/s"), (3_000, "20/s"), (26_999, "20/s"), (27_000, "60/s")]
        {
            assert_eq!(ramp_rate(&ramp, sent, full), rate(expected), "{sent}");
        }
        assert_eq!(ramp_rate(&ramp, 5_000, rate("8/s")), rate("8/s"));
        assert_eq!(ramp_rate(&[], 0, full), full);
        assert_eq!((left_in_step(&ramp, 2_990), left_in_step(&ramp, 27_000)), (Some(10), None));
        assert_eq!(covers(&ramp), 27_000);
    }

    #[test]
    fn the_time_it_takes() {
        let ramp = steps(&[("5/s", 10), ("20/s", 20)]);
        let full = rate("60/s");
        for (sent, messages, seconds) in
            [(0, 3_000, 600), (0, 27_000, 1_800), (0, 33_000, 1_900), (27_000, 60, 1), (2_999, 0, 0)]
        {
            assert_eq!(
                time_for(&ramp, sent, messages, full),
                Duration::from_secs(seconds),
                "{sent} {messages}"
            );
        }
        // A full rate below the ramp's: the step still covers its messages, and takes longer.
        assert_eq!(time_for(&ramp, 3_000, 24_000, rate("10/s")), Duration::from_secs(2_400));
    }

    #[test]
    fn steps_that_cover_nothing_are_passed_over() {
        let mut ramp = steps(&[("5/s", 1)]);
        ramp.insert(0, RampStep { rate: rate("1/h"), lasts: Duration::from_secs(1) });
        assert_eq!(ramp_rate(&ramp, 0, rate("60/s")), rate("5/s"));
    }

    proptest! {
        #[test]
        fn never_above_the_full_rate_and_additive(
            ramp in proptest::collection::vec((1u64..100, 0u64..100), 0..5),
            full in 1u64..1_000, sent in 0u64..100_000, a in 0u64..10_000, b in 0u64..10_000,
        ) {
            let ramp: Vec<_> = ramp.iter().map(|(r, s)| RampStep {
                rate: Rate::per_second_of(*r).unwrap(), lasts: Duration::from_secs(*s) }).collect();
            let full = Rate::per_second_of(full).unwrap();
            prop_assert!(ramp_rate(&ramp, sent, full) <= full);
            let whole = time_for(&ramp, sent, a + b, full);
            let parts = time_for(&ramp, sent, a, full) + time_for(&ramp, sent + a, b, full);
            // Each part rounds up to the nanosecond.
            prop_assert!(whole <= parts && parts <= whole + Duration::from_nanos(20));
        }

        #[test]
        fn hostile_numbers_never_hang(sent: u64, messages: u64) {
            let ramp = [RampStep { rate: Rate::FASTEST, lasts: Duration::MAX }];
            let _ = time_for(&ramp, sent, messages, Rate::SLOWEST);
        }
    }
}
