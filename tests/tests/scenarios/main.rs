//! Stories of whole campaigns, told through every part: the command line launches them, scheduler, worker and
//! reconciler run them, and the simulator's ledger is the truth they are held against. All on a settable clock.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a story that cannot be told on has to fail"
)]

use testkit::{World, WorldOptions};

mod account;
mod analytics;
mod applying;
mod codes;
mod control;
mod doubts;
mod errors;
mod gate;
mod health;
mod launching;
mod limits;
mod many_people;
mod money;
mod optout;
mod preflight;
mod purge;
mod recipients;
mod recurring;
mod replay;
mod reports;
mod restored;
mod retrying;
mod routes;
mod rules;
mod schedule;
mod webhooks;

/// The world that these stories are told in: the embedded parts.
async fn world(options: WorldOptions) -> World {
    World::start(options).await
}
