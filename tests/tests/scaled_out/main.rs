//! The same stories as in ../scenarios, on PostgreSQL and Redis: the parts are others, and nobody can tell.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a story that cannot be told on has to fail"
)]

use testkit::{Backend, World, WorldOptions};

#[path = "../scenarios/codes.rs"]
mod codes;
#[path = "../scenarios/control.rs"]
mod control;
#[path = "../scenarios/doubts.rs"]
mod doubts;
#[path = "../scenarios/errors.rs"]
mod errors;
#[path = "../scenarios/gate.rs"]
mod gate;
#[path = "../scenarios/health.rs"]
mod health;
#[path = "../scenarios/launching.rs"]
mod launching;
#[path = "../scenarios/limits.rs"]
mod limits;
#[path = "../scenarios/money.rs"]
mod money;
#[path = "../scenarios/optout.rs"]
mod optout;
#[path = "../scenarios/preflight.rs"]
mod preflight;
#[path = "../scenarios/purge.rs"]
mod purge;
#[path = "../scenarios/recipients.rs"]
mod recipients;
#[path = "../scenarios/recurring.rs"]
mod recurring;
#[path = "../scenarios/replay.rs"]
mod replay;
#[path = "../scenarios/retrying.rs"]
mod retrying;
#[path = "../scenarios/routes.rs"]
mod routes;
#[path = "../scenarios/schedule.rs"]
mod schedule;
#[path = "../scenarios/webhooks.rs"]
mod webhooks;

/// The world that the stories are told in.
async fn world(options: WorldOptions) -> World {
    World::start(WorldOptions { backend: Backend::ScaledOut, ..options }).await
}
