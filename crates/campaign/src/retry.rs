//! Whether and when a message is tried again.
//!
//! The wait after the n-th failure is `base` x 2^(n-1), at most `max`, and of that a random part between
//! one half and the whole, so that messages that failed together do not come back together. With the
//! default of 4 attempts, 2 s and 10 min:
//!
//! | failure | wait before jitter | wait |
//! | --- | --- | --- |
//! | 1st | 2 s | 1 to 2 s |
//! | 2nd | 4 s | 2 to 4 s |
//! | 3rd | 8 s | 4 to 8 s |
//! | 4th | none: the attempts are used up | |
//!
//! With more attempts it goes on 16, 32, 64, 128, 256, 512 s, and from the 10th failure on stays at 600 s.
//! The platform's own waits (a pair limit's powers of four, a day for 131049, ten minutes for a template
//! that is not synced, `Retry-After`) are lower bounds and may pass `max`.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::pacing::duration;
use crate::platform_error::{Class, Verdict};

/// The longest wait that a `Retry-After` header or a usage header may ask for: it comes from outside.
pub const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// How often and after what waits a message is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// How many attempts there are in all, the first included; at least 1.
    pub attempts: u32,
    /// The wait after the first failure, before jitter.
    #[serde(with = "duration::text")]
    pub base: Duration,
    /// The longest wait.
    #[serde(with = "duration::text")]
    pub max: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self { attempts: 4, base: Duration::from_secs(2), max: Duration::from_secs(600) }
    }
}

impl Policy {
    /// The wait after the n-th failure (from 1): between half of and the whole `base` x 2^(n-1), at most
    /// `max`. The same seed gives the same wait; a good seed is made of the message's id.
    pub fn delay(self, failures: u32, seed: u64) -> Duration {
        let doublings = failures.saturating_sub(1).min(63);
        let whole = 1u64
            .checked_shl(doublings)
            .and_then(|factor| self.base.as_nanos().checked_mul(u128::from(factor)))
            .map_or(self.max.as_nanos(), |nanos| nanos.min(self.max.as_nanos()));
        // A number from 2^32 to 2^33 - 1, over 2^33: at least a half, less than one.
        let part = (1u128 << 32) + u128::from(mixed(seed, failures) >> 32);
        from_nanos((whole >> 33) * part + (((whole & ((1 << 33) - 1)) * part) >> 33))
    }

    /// What becomes of a message that failed with `verdict`.
    ///
    /// `failures` counts the failures that used up an attempt, this one included where it does
    /// ([`Verdict::counts_as_attempt`]). `asked` is what the platform asked for, as [`retry_after`] or
    /// [`regain_access`] read it. `seed` varies the jitter from message to message.
    ///
    /// Failures that do not use up an attempt (throttling, a template that is not synced) are tried again
    /// without end: the campaign's own end is what bounds them.
    pub fn next(self, verdict: &Verdict, failures: u32, asked: Option<Duration>, seed: u64) -> Next {
        if verdict.ambiguous {
            return Next::InDoubt;
        }
        match verdict.class {
            Class::Retry | Class::Later => {
                if verdict.counts_as_attempt && failures >= self.attempts {
                    return Next::GiveUp;
                }
                match verdict.delay.least(failures) {
                    None => Next::GiveUp,
                    Some(least) => {
                        let asked = asked.unwrap_or_default().min(LONGEST_RETRY_AFTER);
                        Next::RetryIn(self.delay(failures, seed).max(least).max(asked))
                    }
                }
            }
            Class::StopTemplate | Class::StopSender | Class::StopAccount | Class::StopAll => Next::WhenLifted,
            Class::DropRecipient | Class::OurBug => Next::GiveUp,
        }
    }
}

/// What becomes of a message after a failure.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// It is tried again after this time.
    RetryIn(Duration),
    /// It may have been sent: it becomes `in_doubt` and is not tried again by itself.
    InDoubt,
    /// Nothing is wrong with it: it waits until the stop is lifted, and keeps its attempts.
    WhenLifted,
    /// It has failed.
    GiveUp,
}

impl Next {
    /// How long to wait before the next try; `None` where there is none by itself.
    pub fn wait(self) -> Option<Duration> {
        match self {
            Self::RetryIn(wait) => Some(wait),
            Self::InDoubt | Self::WhenLifted | Self::GiveUp => None,
        }
    }
}

/// Reads a `Retry-After` header: seconds (decimals are rounded up) or an HTTP date. At most an hour; a
/// date in the past is no wait. `None` for anything else: negative, not a number, not a date.
pub fn retry_after(header: &str, now: DateTime<Utc>) -> Option<Duration> {
    let text = header.trim();
    if text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.')
    {
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        if fraction.contains('.') {
            return None;
        }
        // Digits that do not fit into 64 bits are more than an hour.
        let whole = whole.parse::<u64>().unwrap_or(u64::MAX);
        let up = u64::from(fraction.contains(|c: char| c != '0'));
        return Some(Duration::from_secs(whole.saturating_add(up)).min(LONGEST_RETRY_AFTER));
    }
    let date = DateTime::parse_from_rfc2822(text).ok()?;
    let wait = date.with_timezone(&Utc).signed_duration_since(now).to_std().unwrap_or_default();
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// The wait that a usage header's `estimated_time_to_regain_access` asks for, in minutes: at most an hour;
/// `None` where it is not positive.
pub fn regain_access(minutes: i64) -> Option<Duration> {
    let minutes = u64::try_from(minutes).ok().filter(|m| *m > 0)?;
    Some(Duration::from_secs(minutes.saturating_mul(60)).min(LONGEST_RETRY_AFTER))
}

/// Spreads a seed over all bits (the finaliser of SplitMix64), differently for each failure.
fn mixed(seed: u64, failures: u32) -> u64 {
    let mut x = seed.wrapping_add(u64::from(failures).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

fn from_nanos(nanos: u128) -> Duration {
    let seconds = u64::try_from(nanos / 1_000_000_000).unwrap_or(u64::MAX);
    Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::platform_error::{Circumstances, Learnt, classify};

    const PLAIN: Circumstances<'static> =
        Circumstances { learnt: Learnt::Answer, template_unsettled: false, country: None };

    fn verdict(code: i64) -> Verdict {
        classify(Some(code), None, "", PLAIN)
    }

    fn seconds(s: u64) -> Duration {
        Duration::from_secs(s)
    }

    #[test]
    fn waits_grow_up_to_the_longest() {
        let policy = Policy { attempts: 99, ..Policy::default() };
        for (failures, whole) in [(1, 2), (2, 4), (3, 8), (4, 16), (9, 512), (10, 600), (11, 600), (99, 600)]
        {
            for seed in 0..200 {
                let wait = policy.delay(failures, seed);
                assert!(wait >= seconds(whole) / 2 && wait <= seconds(whole), "{failures}: {wait:?}");
            }
        }
    }

    #[test]
    fn jitter_is_spread_and_repeatable() {
        let policy = Policy::default();
        let waits: Vec<_> = (0..1_000).map(|seed| policy.delay(1, seed).as_millis()).collect();
        let lower = waits.iter().filter(|w| **w < 1_500).count();
        assert!((400..600).contains(&lower), "{lower}");
        assert_eq!(policy.delay(1, 7), policy.delay(1, 7));
        assert_ne!(policy.delay(1, 7), policy.delay(1, 8));
    }

    #[test]
    fn what_becomes_of_a_message() {
        let policy = Policy::default();
        let next = |code, failures| policy.next(&verdict(code), failures, None, 1);
        assert_eq!(next(131_000, 1), Next::InDoubt);
        assert!(matches!(next(133_004, 3), Next::RetryIn(_)));
        assert_eq!(next(133_004, 4), Next::GiveUp);
        assert_eq!(next(131_026, 1), Next::GiveUp);
        assert_eq!(next(132_000, 1), Next::GiveUp);
        for code in [132_015, 131_048, 131_042, 190] {
            assert_eq!(next(code, 9), Next::WhenLifted, "{code}");
        }
        // Throttling and syncing use up no attempt, however often they come.
        assert!(matches!(next(130_429, 0), Next::RetryIn(_)));
        assert_eq!(next(134_101, 50), Next::RetryIn(seconds(600)));
    }

    #[test]
    fn the_platforms_own_waits() {
        let policy = Policy { attempts: 9, base: seconds(1), max: seconds(2) };
        let wait = |code, failures| match policy.next(&verdict(code), failures, None, 1) {
            Next::RetryIn(wait) => wait,
            end @ (Next::InDoubt | Next::WhenLifted | Next::GiveUp) => panic!("{end:?}"),
        };
        assert_eq!((2..=6).map(|n| wait(131_056, n).as_secs()).collect::<Vec<_>>(), [4, 16, 64, 256, 1024]);
        assert_eq!(wait(131_049, 1), seconds(24 * 3600));
        assert_eq!(wait(131_049, 2), seconds(48 * 3600));
        assert!(wait(4, 0) >= seconds(60));
    }

    #[test]
    fn retry_after_is_a_lower_bound_and_clamped() {
        let policy = Policy::default();
        let next = |asked| policy.next(&verdict(130_429), 0, Some(asked), 1);
        assert_eq!(next(seconds(30)), Next::RetryIn(seconds(30)));
        assert_eq!(next(Duration::MAX), Next::RetryIn(LONGEST_RETRY_AFTER));
    }

    #[test]
    fn hostile_headers() {
        let now = "2026-11-08T09:00:00Z".parse().unwrap();
        let read = |text: &str| retry_after(text, now);
        assert_eq!(read("120"), Some(seconds(120)));
        assert_eq!(read(" 1.5 "), Some(seconds(2)));
        assert_eq!(read("0"), Some(Duration::ZERO));
        for text in ["86400", "99999999999999999999999999", "1000000000000.5", "18446744073709551615.9"] {
            assert_eq!(read(text), Some(LONGEST_RETRY_AFTER), "{text}");
        }
        for text in
            ["", "-5", "NaN", "inf", "1e400", "1,5", "soon", "1.2.3", "٣", "Sun, 99 Nov 2026 09:00:00 GMT"]
        {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("Sun, 08 Nov 2026 09:01:30 GMT"), Some(seconds(90)));
        assert_eq!(read("Sat, 07 Nov 2026 09:01:30 GMT"), Some(Duration::ZERO));
        assert_eq!(read("Mon, 08 Nov 2049 09:01:30 GMT"), Some(LONGEST_RETRY_AFTER));
        assert_eq!(regain_access(5), Some(seconds(300)));
        assert_eq!(regain_access(i64::MAX), Some(LONGEST_RETRY_AFTER));
        assert_eq!((regain_access(0), regain_access(i64::MIN)), (None, None));
    }

    proptest! {
        #[test]
        fn never_longer_than_the_longest(base: u64, max: u64, failures: u32, seed: u64) {
            let policy = Policy { attempts: 4, base: Duration::from_secs(base), max: Duration::from_secs(max) };
            let wait = policy.delay(failures, seed);
            prop_assert!(wait <= policy.max);
            prop_assert!(wait >= policy.base.min(policy.max) / 2 - Duration::from_nanos(1).min(policy.base.min(policy.max) / 2));
        }

        #[test]
        fn headers_never_panic(text in ".{0,40}", number in "[0-9.eE+-]{0,30}") {
            let now = "2026-11-08T09:00:00Z".parse().unwrap();
            for header in [text, number] {
                if let Some(wait) = retry_after(&header, now) {
                    prop_assert!(wait <= LONGEST_RETRY_AFTER);
                }
            }
        }
    }
}
