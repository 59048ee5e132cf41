//! The simulator's time: the platform's clock, which tests may set, and a stopwatch for arrivals.
//! The only file here that reads the ambient clock.
#![expect(clippy::disallowed_methods, reason = "the one place of this crate that reads the ambient clock")]

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

/// The platform's time. Cheap to clone; clones share one time.
#[derive(Clone)]
pub struct SimClock(Arc<Kind>);

enum Kind {
    Real { start: DateTime<Utc>, origin: Instant, speed: f64 },
    Explicit(Mutex<DateTime<Utc>>),
    Shared { read: Box<dyn Fn() -> DateTime<Utc> + Send + Sync>, delivery: Delivery },
}

/// How webhooks leave.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// By themselves, when they are due.
    Background,
    /// When the test pumps.
    Pumped,
}

/// The clock cannot be set: it runs by itself or belongs to somebody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotSettable;

impl fmt::Display for NotSettable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the simulator's clock runs by itself; start it with an explicit clock to set the time")
    }
}

impl std::error::Error for NotSettable {}

impl SimClock {
    /// Starts at the present time and runs `speed_factor` times as fast as real time (1.0 is real time;
    /// anything not above zero counts as 1.0). Webhooks leave by themselves.
    pub fn real(speed_factor: f64) -> Self {
        let speed = if speed_factor.is_finite() && speed_factor > 0.0 { speed_factor } else { 1.0 };
        Self(Arc::new(Kind::Real { start: Utc::now(), origin: Instant::now(), speed }))
    }

    /// Stands at `start` until [`SimClock::set`] or [`SimClock::advance`]. Webhooks wait for
    /// [`crate::Simulator::pump`].
    pub fn explicit(start: DateTime<Utc>) -> Self {
        Self(Arc::new(Kind::Explicit(Mutex::new(start))))
    }

    /// Reads a clock that the caller sets. Webhooks wait for [`crate::Simulator::pump`].
    pub fn shared(read: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Kind::Shared { read: Box::new(read), delivery: Delivery::Pumped }))
    }

    /// Reads a clock of the caller that runs by itself. Webhooks leave by themselves when it reaches them.
    pub fn shared_running(read: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(Kind::Shared { read: Box::new(read), delivery: Delivery::Background }))
    }

    /// The platform's present time, in microseconds at best.
    pub fn now(&self) -> DateTime<Utc> {
        match &*self.0 {
            Kind::Real { start, origin, speed } => {
                let micros = origin.elapsed().as_secs_f64() * speed * 1e6;
                *start + TimeDelta::microseconds(micros as i64)
            }
            Kind::Explicit(at) => *at.lock().unwrap_or_else(PoisonError::into_inner),
            Kind::Shared { read, .. } => read(),
        }
    }

    /// Sets an explicit clock.
    ///
    /// # Errors
    /// When the clock is not an explicit one.
    pub fn set(&self, to: DateTime<Utc>) -> Result<(), NotSettable> {
        self.change(|at| *at = to)
    }

    /// Moves an explicit clock on.
    ///
    /// # Errors
    /// When the clock is not an explicit one.
    pub fn advance(&self, by: Duration) -> Result<(), NotSettable> {
        let by = TimeDelta::from_std(by).unwrap_or(TimeDelta::MAX);
        self.change(|at| *at = at.checked_add_signed(by).unwrap_or(*at))
    }

    fn change(&self, how: impl FnOnce(&mut DateTime<Utc>)) -> Result<(), NotSettable> {
        match &*self.0 {
            Kind::Explicit(at) => {
                how(&mut at.lock().unwrap_or_else(PoisonError::into_inner));
                Ok(())
            }
            Kind::Real { .. } | Kind::Shared { .. } => Err(NotSettable),
        }
    }

    pub(crate) fn delivery(&self) -> Delivery {
        match &*self.0 {
            Kind::Real { .. } => Delivery::Background,
            Kind::Explicit(_) => Delivery::Pumped,
            Kind::Shared { delivery, .. } => *delivery,
        }
    }
}

impl fmt::Debug for SimClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &*self.0 {
            Kind::Real { .. } => "real",
            Kind::Explicit(_) => "explicit",
            Kind::Shared { .. } => "shared",
        };
        write!(f, "SimClock({kind}, {})", self.now())
    }
}

/// Real time since the simulator started: what pace is measured with, whatever the platform's clock says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Instant);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    pub(crate) fn micros(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_explicit_clock_stands_until_it_is_moved() {
        let start = DateTime::UNIX_EPOCH;
        let clock = SimClock::explicit(start);
        let other = clock.clone();
        other.advance(Duration::from_millis(1500)).unwrap();
        assert_eq!(clock.now(), start + TimeDelta::milliseconds(1500));
        clock.set(start).unwrap();
        assert_eq!(other.now(), start);
    }

    #[test]
    fn a_running_clock_refuses_to_be_set() {
        assert_eq!(SimClock::real(2.0).advance(Duration::from_secs(1)), Err(NotSettable));
    }
}
