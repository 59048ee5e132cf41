//! Real PostgreSQL and Redis servers for tests: each on a port of its own, with data of its own, gone with the test
//! process. A server can be stopped, killed, frozen and started again with the same port and data.
//!
//! Where the tests run as root, PostgreSQL runs as the user `postgres`, as it refuses to be root.
//!
//! | module | holds |
//! | --- | --- |
//! | [`postgres`] | PostgreSQL |
//! | [`redis`] | Redis |
//! | `port` | ports that nobody else gets |
//! | `process` | a server's process, which ends with the tests |

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "this crate is part of the tests: a server that does not start is a failed test"
)]

mod port;
pub mod postgres;
mod process;
pub mod redis;

pub use port::free_port;
pub use postgres::Postgres;
pub use redis::Redis;
