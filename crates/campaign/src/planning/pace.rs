//! How fast a campaign itself wants to go, and how big its slices are.

use std::time::Duration;

use crate::definition::{Definition, Speed};
use crate::pacing::{Rate, ramp};

/// A slice is about so much of its sender's rate: at most a second's worth is what the queue promises, and a
/// quarter lets several slices be in hand while answers are slow.
const SLICE: Duration = Duration::from_millis(250);

/// A slice has at most so many messages.
const LARGEST_SLICE: u32 = 250;

/// The campaign's own rate after `attempts` sends of `messages`, ramp included; `None` where it sets none
/// and goes as fast as its senders.
#[must_use]
pub fn own_rate(definition: &Definition, messages: u64, attempts: u64) -> Option<Rate> {
    let full = match definition.pace.speed {
        None => None,
        Some(Speed::Rate(rate)) => Some(rate),
        Some(Speed::Over(time)) => Rate::needed(messages.max(1), time).or(Some(Rate::FASTEST)),
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
