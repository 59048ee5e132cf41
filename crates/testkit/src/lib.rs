//! A whole Paceline in one test.
//!
//! Two forms. A [`World`] runs every part in the test's own process, on a clock that the test sets: an hour
//! passes at once, and every step is made on purpose. A [`Machine`] runs the real binary as processes on real
//! time: what is tested by killing, stopping and restarting them.
//!
//! Both use a real database file, the simulator over real HTTP, and the real command line for what people do.
//!
//! | module | holds |
//! | --- | --- |
//! | [`binary`] | the `paceline` binary, built from this tree |
//! | [`files`] | campaign files, audiences and a workers.toml in a folder of the test's own |
//! | [`world`] | the parts in one process |
//! | [`machine`] | the parts as processes |
//! | [`stalls`] | how long the machine stood still, for what is measured in real time |
//! | [`truth`] | the simulator's ledger against what Paceline says |

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "this crate is part of the tests: a failure here is a failure of the test"
)]

pub mod binary;
pub mod files;
pub mod machine;
pub mod stalls;
pub mod truth;
pub mod world;

pub use binary::Answer;
pub use files::Files;
pub use machine::Machine;
pub use world::{World, WorldOptions};
