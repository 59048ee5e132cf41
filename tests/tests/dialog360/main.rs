//! The same stories as in ../scenarios, with senders at 360dialog: keys instead of tokens, errors wrapped, webhooks with
//! a shared secret and no signature.
//!
//! Left out is what 360dialog does not have: `account`, `analytics`, `applying` and `preflight` ask the account about templates,
//! numbers, onboarding, reach and analytics, which its messaging API does not tell; `rules` is about a document, and
//! `recurring` about when campaigns are made, before anything is sent.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a story that cannot be told on has to fail"
)]

use testkit::{Provider, World, WorldOptions};

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
mod own;
#[path = "../scenarios/recipients.rs"]
mod recipients;
#[path = "../scenarios/retrying.rs"]
mod retrying;
#[path = "../scenarios/routes.rs"]
mod routes;
mod same_report;
#[path = "../scenarios/schedule.rs"]
mod schedule;
#[path = "../scenarios/webhooks.rs"]
mod webhooks;

/// The world that the stories are told in.
async fn world(options: WorldOptions) -> World {
    World::start(WorldOptions { provider: Provider::Dialog360, ..options }).await
}
