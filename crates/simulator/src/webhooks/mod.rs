//! Webhooks: what they say, when they are due, and their signed delivery.

mod delivery;
mod payload;
mod queue;

pub(crate) use delivery::{Deliverer, run_in_background};
pub(crate) use payload::{Change, Event, Sender, StatusText, status_json};
pub(crate) use queue::Queue;
