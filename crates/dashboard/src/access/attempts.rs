//! How many wrong tokens are put up with: a few from one address, some more from all together, each minute. It guards a
//! configured token that is not as random as ours, and keeps logs quiet.

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
    /// Counts a token of this address as wrong, until [`Attempts::was_not_wrong`] says otherwise; or says in how many
    /// seconds another one is looked at. At most [`FROM_ALL`] addresses are remembered.
    pub(crate) fn begin(&mut self, from: Option<IpAddr>, now: DateTime<Utc>) -> Result<(), u64> {
        // Also where the clock was set back.
        if (now - self.began).abs() >= MINUTE {
            *self = Self { began: now, ..Self::default() };
        }
        let here = self.from.get(&from).copied().unwrap_or(0);
        if here >= FROM_ONE || self.all >= FROM_ALL {
            let left = (self.began + MINUTE - now).num_seconds();
            return Err(u64::try_from(left).unwrap_or(0) + 1);
        }
        self.from.insert(from, here + 1);
        self.all += 1;
        Ok(())
    }

    /// A token of this address that was counted was good, or could not be looked at.
    pub(crate) fn was_not_wrong(&mut self, from: Option<IpAddr>) {
        if let Some(here) = self.from.get_mut(&from)
            && *here > 0
        {
            *here -= 1;
            self.all = self.all.saturating_sub(1);
        }
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
        for _ in 0..30 {
            assert_eq!(attempts.begin(address(1), start), Ok(()));
            attempts.was_not_wrong(address(1));
        }
        for n in 0..10 {
            assert_eq!(attempts.begin(address(1), start), Ok(()), "try {n}");
        }
        assert_eq!(attempts.begin(address(1), start + TimeDelta::seconds(20)), Err(41));
        for n in 2..11 {
            for _ in 0..10 {
                assert_eq!(attempts.begin(address(n), start), Ok(()));
            }
        }
        assert!(attempts.begin(address(99), start).is_err(), "nobody's is looked at by then");
        assert_eq!(attempts.begin(address(1), start + MINUTE), Ok(()));
    }
}
