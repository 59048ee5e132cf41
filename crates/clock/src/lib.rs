//! The one place that reads the time.
//!
//! Everything else takes `now`, or a [`Clock`] where it has to wait. [`SystemClock`] is the real one;
//! [`SettableClock`] is for tests: its time moves only when it is told to, and a sleep moves it.

mod settable;
mod system;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

pub use settable::SettableClock;
pub use system::SystemClock;

/// A wait; boxed so that a [`Clock`] can be shared as `dyn`.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A clock that many share.
pub type SharedClock = Arc<dyn Clock>;

/// Tells the time, and waits.
pub trait Clock: fmt::Debug + Send + Sync + 'static {
    /// The time of day, in whole microseconds (what both databases keep).
    fn now(&self) -> DateTime<Utc>;

    /// Time since some fixed instant; never goes back and never jumps. For pacing and leases.
    fn monotonic(&self) -> Duration;

    /// Waits for `duration`.
    fn sleep(&self, duration: Duration) -> Sleep;

    /// Waits until [`Clock::monotonic`] has reached `instant`.
    fn sleep_until(&self, instant: Duration) -> Sleep {
        self.sleep(instant.saturating_sub(self.monotonic()))
    }
}
