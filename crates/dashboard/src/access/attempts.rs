//! How many wrong tokens are put up with: a few from one address, some more from all together, each minute. It keeps logs
//! and the database quiet, and guards a configured token that is not as random as ours.

use std::collections::HashMap;
use std::net::IpAddr;

use chrono::{DateTime, TimeDelta, Utc};

/// Wrong tokens from one address within a minute.
const FROM_ONE: u32 = 10;
/// Wrong tokens from all addresses within a minute. Behind a proxy all come from one.
const FROM_ALL: u32 = 100;
/// How long they count.
const MINUTE: TimeDelta = TimeDelta::minutes(1);

/// The wrong tokens of this minute.
#[derive(Debug, Default)]
pub(crate) struct Attempts {
    began: DateTime<Utc>,
    from: HashMap<Option<IpAddr>, u32>,
    all: u32,
}

impl Attempts {
    /// Whether another token of this address is looked at; else in how many seconds one is.
    pub(crate) fn allows(&mut self, from: Option<IpAddr>, now: DateTime<Utc>) -> Result<(), u64> {
        // Also where the clock was set back.
        if (now - self.began).abs() >= MINUTE {
            *self = Self { began: now, ..Self::default() };
        }
        let here = self.from.get(&from).copied().unwrap_or(0);
        if here < FROM_ONE && self.all < FROM_ALL {
            return Ok(());
        }
        let left = (self.began + MINUTE - now).num_seconds();
        Err(u64::try_from(left).unwrap_or(0) + 1)
    }

    /// A token of this address was wrong. At most [`FROM_ALL`] addresses are remembered.
    pub(crate) fn was_wrong(&mut self, from: Option<IpAddr>) {
        *self.from.entry(from).or_default() += 1;
        self.all += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_has_a_few_and_all_together_some_more() {
        let start: DateTime<Utc> = "2026-11-08T03:30:00Z".parse().unwrap();
        let address = |n: u8| Some(IpAddr::from([10, 0, 0, n]));
        let mut attempts = Attempts::default();
        for n in 0..10 {
            assert_eq!(attempts.allows(address(1), start), Ok(()), "try {n}");
            attempts.was_wrong(address(1));
        }
        assert_eq!(attempts.allows(address(1), start + TimeDelta::seconds(20)), Err(41));
        assert_eq!(attempts.allows(address(2), start), Ok(()));
        for n in 2..11 {
            for _ in 0..10 {
                attempts.was_wrong(address(n));
            }
        }
        assert!(attempts.allows(address(99), start).is_err(), "nobody is let in by then");
        assert_eq!(attempts.allows(address(1), start + MINUTE), Ok(()));
    }
}
