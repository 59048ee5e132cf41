//! The server's clock, as seen from this process.
//!
//! A call that was sent at `sent` and answered at `received`, here, was executed in between; the server says when, by
//! its own clock. So what is to be added to the server's time to get ours lies between `sent - server` and
//! `received - server`. We use the upper end, by which a permit is never used before its instant, and the smallest upper
//! end of the last seconds: an answer that was long on its way would otherwise make its permits late, and crowd them
//! with the next.

/// Instants are microseconds; differences may be negative.
type Micros = i64;

/// How long a sample counts, twice: clocks drift apart, by less than a millisecond in that time.
const BUCKET: Micros = 5_000_000;

/// Clocks that differ by more than this from one call to the next were set, they did not drift. Less than the margin of
/// the pace.
const SET: Micros = 15_000;

/// The bounds from some calls.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    since: Micros,
    low: Micros,
    high: Micros,
    samples: u32,
}

/// What a call tells of the server's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reading {
    /// To be added to the server's time to get ours. Never too little.
    pub(super) offset: Micros,
    /// The server's clock was set forward: what it holds for long ago may just have happened.
    pub(super) jumped_ahead: bool,
}

/// The difference between the server's clock and ours.
#[derive(Debug, Default)]
pub(super) struct ServerClock {
    now: Option<Bounds>,
    before: Option<Bounds>,
}

impl ServerClock {
    /// Takes note of a call.
    pub(super) fn observe(&mut self, sent: Micros, received: Micros, server: Micros) -> Reading {
        let (low, high) = (sent - server, received - server);
        let known = |bounds: &Option<Bounds>| bounds.filter(|bounds| received < bounds.since + 2 * BUCKET);
        self.before = known(&self.before);
        if let Some(now) = self.now
            && received >= now.since + BUCKET
        {
            self.before = known(&self.now);
            self.now = None;
        }
        let all = || self.now.iter().chain(self.before.iter());
        let jumped_ahead = all().any(|bounds| high + SET < bounds.low);
        let jumped_back = all().any(|bounds| low > bounds.high + SET);
        if jumped_ahead || jumped_back {
            *self = Self::default();
        }
        let now = self.now.get_or_insert(Bounds { since: received, low, high, samples: 0 });
        now.low = now.low.max(low);
        now.high = now.high.min(high);
        now.samples += 1;
        let smallest = self.before.map_or(now.high, |before| before.high.min(now.high));
        Reading { offset: smallest.max(low), jumped_ahead }
    }

    /// Whether some calls have been seen not long ago.
    pub(super) fn is_known(&self, at: Micros) -> bool {
        let samples: u32 = [self.now, self.before]
            .iter()
            .flatten()
            .filter(|bounds| at < bounds.since + 2 * BUCKET)
            .map(|bounds| bounds.samples)
            .sum();
        samples >= 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The server's clock is 1,000 s ahead of ours.
    const AHEAD: Micros = 1_000_000_000;

    #[test]
    fn a_slow_answer_changes_nothing() {
        let mut clock = ServerClock::default();
        assert!(!clock.is_known(0));
        for i in 0..3 {
            let sent = i * 10_000;
            let reading = clock.observe(sent, sent + 300, sent + 100 + AHEAD);
            assert_eq!(reading, Reading { offset: 200 - AHEAD, jumped_ahead: false });
        }
        assert!(clock.is_known(30_000));
        let slow = clock.observe(40_000, 140_000, 40_100 + AHEAD);
        assert_eq!(slow.offset, 200 - AHEAD);
        assert!(!clock.is_known(40_000_000));
    }

    #[test]
    fn it_is_never_too_little() {
        let mut clock = ServerClock::default();
        // Ours runs faster than the server's, by a thousandth.
        for i in 0..10_000_i64 {
            let sent = i * 10_000;
            let server = sent - sent / 1_000 + AHEAD;
            let reading = clock.observe(sent, sent + 50, server);
            assert!(reading.offset >= sent - server);
            assert!(reading.offset <= sent + 50 - server);
            assert!(!reading.jumped_ahead);
        }
    }

    #[test]
    fn a_clock_that_was_set_is_noticed() {
        let mut clock = ServerClock::default();
        clock.observe(0, 100, AHEAD);
        let ahead = clock.observe(10_000, 10_100, 10_000 + AHEAD + 100_000);
        assert_eq!(ahead, Reading { offset: 100 - AHEAD - 100_000, jumped_ahead: true });
        let back = clock.observe(20_000, 20_100, 20_000 + AHEAD - 500_000);
        assert_eq!(back, Reading { offset: 100 - AHEAD + 500_000, jumped_ahead: false });
    }
}
