//! The simulator over real HTTP: what it accepts, what it enforces, which faults it makes, what it tells.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on should stop where it is")]
#![expect(clippy::disallowed_methods, reason = "a test of slowness measures real time")]

mod accepts;
mod control;
mod determinism;
mod dialog360;
mod faults;
mod graph;
mod harness;
mod limits;
mod load;
mod templates;
mod validation;
mod webhooks;
