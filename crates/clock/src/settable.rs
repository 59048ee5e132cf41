//! A clock that tests set. A sleep on it does not wait: it moves the time to the sleep's end, so that an
//! hour passes at once and the order of events stays what the sleeps make it.

use std::sync::Mutex;
use std::time::Duration;

use chrono::{DateTime, SubsecRound, Utc};

use crate::{Clock, Sleep};

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub struct SettableClock {
    start: DateTime<Utc>,
    elapsed: std::sync::Arc<Mutex<Duration>>,
}

impl SettableClock {
    /// Stands at `start`.
    #[must_use]
    pub fn at(start: DateTime<Utc>) -> Self {
        Self { start: start.trunc_subsecs(6), elapsed: std::sync::Arc::default() }
    }

    /// Moves forward.
    pub fn advance(&self, by: Duration) {
        *lock(&self.elapsed) += by;
    }

    /// Moves to `instant`; does nothing where that is in the past, as time does not go back.
    pub fn advance_to(&self, instant: DateTime<Utc>) {
        if let Ok(since_start) = (instant - self.start).to_std() {
            let mut elapsed = lock(&self.elapsed);
            *elapsed = since_start.max(*elapsed);
        }
    }
}

fn lock(elapsed: &Mutex<Duration>) -> std::sync::MutexGuard<'_, Duration> {
    elapsed.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Clock for SettableClock {
    fn now(&self) -> DateTime<Utc> {
        (self.start + *lock(&self.elapsed)).trunc_subsecs(6)
    }

    fn monotonic(&self) -> Duration {
        *lock(&self.elapsed)
    }

    fn sleep(&self, duration: Duration) -> Sleep {
        let end = *lock(&self.elapsed) + duration;
        let elapsed = self.elapsed.clone();
        Box::pin(async move {
            tokio::task::yield_now().await;
            let mut now = lock(&elapsed);
            *now = end.max(*now);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_moves_the_time() {
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let clock = SettableClock::at(start);
        clock.sleep(Duration::from_secs(3600)).await;
        assert_eq!(clock.now(), start + Duration::from_secs(3600));
        clock.advance_to(start);
        assert_eq!(clock.monotonic(), Duration::from_secs(3600));
    }
}
