//! How fast a campaign itself wants to go, and how big its slices are.

use std::time::Duration;

use chrono::{DateTime, Utc};
use chrono_tz::Tz;

use crate::definition::{Definition, Speed};
use crate::pacing::over::over_rate;
use crate::pacing::{Rate, ramp, windows};

/// A slice is about so much of its sender's rate: at most a second's worth is what the queue promises, and a
/// quarter lets several slices be in hand while answers are slow.
const SLICE: Duration = Duration::from_millis(250);

/// A slice has at most so many messages.
const LARGEST_SLICE: u32 = 250;

/// How far a campaign is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// Messages that are still to be sent.
    pub unsent: u64,
    /// Requests that were sent: what a ramp counts.
    pub attempts: u64,
    /// When its first message was claimed; `None` where none was.
    pub started_at: Option<DateTime<Utc>>,
}

/// The campaign's own rate at `now`, ramp included; `None` where it sets none and goes as fast as its
/// senders. `over` asks for what is left of its time to be enough, counting only hours in which the windows
/// of the zone are open.
#[must_use]
pub fn own_rate(definition: &Definition, progress: Progress, zone: Tz, now: DateTime<Utc>) -> Option<Rate> {
    let Progress { unsent, attempts, started_at } = progress;
    let full = match definition.pace.speed {
        None => None,
        Some(Speed::Rate(rate)) => Some(rate),
        Some(Speed::Over(time)) => {
            let until = started_at.unwrap_or(now) + time;
            let schedule = &definition.schedule;
            Some(over_rate(unsent, windows::open_time(&schedule.windows, zone, schedule.zone, now, until)))
        }
    };
    if definition.pace.ramp.is_empty() {
        return full;
    }
    let now = ramp::ramp_rate(&definition.pace.ramp, attempts, full.unwrap_or(Rate::FASTEST));
    (now < Rate::FASTEST || full.is_some()).then_some(now)
}

/// How many messages a slice on a sender of this rate has.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "rates are positive and at most 10,000 per second"
)]
pub fn slice_size(sender: Rate) -> u32 {
    ((sender.per_second() * SLICE.as_secs_f64()) as u32).clamp(1, LARGEST_SLICE)
}
