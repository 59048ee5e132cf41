//! A whole Paceline in one test.
//!
//! Three forms. A [`World`] runs every part in the test's own process, on a clock that the test sets: an hour
//! passes at once, and every step is made on purpose. A [`Machine`] runs the real binary on real time, and a
//! [`Cluster`] each of its roles as several processes: what is tested by killing, stopping and restarting them.
//!
//! All use a real database, the simulator over real HTTP, and the real command line for what people do.
//!
//! | module | holds |
//! | --- | --- |
//! | [`backend`] | what a world is built on: embedded, or PostgreSQL and Redis |
//! | [`binary`] | the `paceline` binary, built from this tree |
//! | [`files`] | campaign files, audiences and a workers.toml in a folder of the test's own |
//! | [`world`] | the parts in one process |
//! | [`machine`] | the embedded Paceline as a process |
//! | [`cluster`] | each role as processes, over PostgreSQL and Redis |
//! | [`proxy`] | a network that can be cut |
//! | [`departures`] | when messages left, beside when they arrived |
//! | `logs` | what must never be in a log; every story checks it |
//! | [`truth`] | the simulator's ledger against what Paceline says |

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this crate is part of the tests: a failure here is a failure of the test"
)]

pub mod backend;
pub mod binary;
pub mod cluster;
pub mod departures;
pub mod files;
mod logs;
pub mod machine;
pub mod proxy;
pub mod truth;
pub mod world;

pub use backend::Backend;
pub use binary::Answer;
pub use cluster::Cluster;
pub use files::Files;
pub use machine::Machine;
pub use whatsapp::Provider;
pub use world::{World, WorldOptions};
