//! Whether the database is in reach. A worker that is cut off from it cannot work on any slice: it takes none from the
//! queue then, which may well be in reach, and leaves them to others.

use std::time::Duration;

use clock::Clock;
use tokio::sync::watch;

/// The database is in reach for so long after it was last heard of: two beats, and time for one answer.
const RECENT: Duration = Duration::from_secs(5);

/// When the database was last heard of.
#[derive(Debug)]
pub(crate) struct Reach {
    /// By the monotonic clock. `None`: not yet, or it did not answer since.
    heard: watch::Sender<Option<Duration>>,
}

impl Reach {
    /// Nothing was heard yet.
    pub(crate) fn new() -> Self {
        Self { heard: watch::Sender::new(None) }
    }

    /// It answered.
    pub(crate) fn heard(&self, clock: &dyn Clock) {
        self.heard.send_replace(Some(clock.monotonic()));
    }

    /// It did not answer.
    pub(crate) fn lost(&self) {
        self.heard.send_replace(None);
    }

    /// Waits until it is in reach.
    pub(crate) async fn wait(&self, clock: &dyn Clock) {
        let is_recent = |heard: &Option<Duration>| heard.is_some_and(|at| clock.monotonic() < at + RECENT);
        // The sender is this value's own: it is not closed.
        let _ = self.heard.subscribe().wait_for(is_recent).await;
    }
}

#[cfg(test)]
mod tests {
    use clock::SettableClock;
    use futures::FutureExt;

    use super::*;

    #[test]
    fn it_is_in_reach_for_a_while_after_an_answer() {
        let clock = SettableClock::at(chrono::DateTime::UNIX_EPOCH);
        let reach = Reach::new();
        let is_in_reach = || reach.wait(&clock).now_or_never().is_some();
        assert!(!is_in_reach());
        reach.heard(&clock);
        assert!(is_in_reach());
        clock.advance(RECENT);
        assert!(!is_in_reach());
        reach.heard(&clock);
        assert!(is_in_reach());
        reach.lost();
        assert!(!is_in_reach());
    }
}
