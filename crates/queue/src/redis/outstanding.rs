//! Permits that were given out, by our clock and by the server's: who postpones one or gives it back names it by ours.

use std::collections::BTreeMap;

use campaign::pacing::limiter::Instant;

/// A permit that is older than this, in microseconds, cannot be postponed on any but the slowest senders.
const COUNTS: Instant = 5_000_000;

/// So many are kept whatever their age, for the slowest senders.
const KEPT: usize = 64;

/// The permits of one sender.
#[derive(Debug, Default)]
pub(super) struct Outstanding {
    by_ours: BTreeMap<Instant, Instant>,
}

impl Outstanding {
    /// Keeps a permit, and returns its instant by our clock.
    pub(super) fn add(&mut self, server: Instant, offset: i64) -> Instant {
        let mut ours = server.saturating_add_signed(offset);
        // Two are never the same, and none is early.
        while self.by_ours.contains_key(&ours) {
            ours += 1;
        }
        self.by_ours.insert(ours, server);
        ours
    }

    /// The instant by the server's clock, once.
    pub(super) fn take(&mut self, ours: Instant) -> Option<Instant> {
        self.by_ours.remove(&ours)
    }

    /// Forgets those that are too old.
    pub(super) fn forget_old(&mut self, now: Instant) {
        while self.by_ours.len() > KEPT
            && let Some(oldest) = self.by_ours.first_entry()
            && *oldest.key() + COUNTS < now
        {
            oldest.remove();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_permit_is_found_once() {
        let mut outstanding = Outstanding::default();
        assert_eq!(outstanding.add(1_000, -400), 600);
        assert_eq!(outstanding.add(1_001, -401), 601);
        assert_eq!(outstanding.take(601), Some(1_001));
        assert_eq!(outstanding.take(601), None);
    }

    #[test]
    fn it_does_not_grow() {
        let mut outstanding = Outstanding::default();
        for at in 0..100_000 {
            outstanding.add(at * 1_000, 0);
            outstanding.forget_old(at * 1_000);
        }
        assert!(outstanding.by_ours.len() <= 5_001, "{}", outstanding.by_ours.len());
        outstanding.forget_old(u64::MAX);
        assert_eq!(outstanding.by_ours.len(), KEPT);
    }
}
