//! Queue and permits that many processes share, in Redis. Nothing here has to outlive Redis: the store is the truth, a
//! lost queue costs a lease's time, and a lost pace a quiet second.
//!
//! | module | holds |
//! | --- | --- |
//! | `address` | the URL: TLS, user, password, database |
//! | `link` | a connection that comes back by itself |
//! | `jobs` | the queue: pushing, serving, counting |
//! | `inspect` | a look into it |
//! | `keys` | the names of a sender's keys, and the scripts over them |
//! | `sender` | one sender's jobs, as one process sees them: fetched, in hand, done |
//! | `source` | these jobs as a source of tasks for an apalis worker |
//! | `supervisor` | one apalis worker after the other, whatever ends them |
//! | `bell` | wakes those who wait for jobs when some are pushed |
//! | `permits` | the pace |
//! | [`limiter`] | the script of the pace, one call each |
//! | `server_clock` | the server's clock, as seen from here |
//! | `outstanding` | permits given out, by both clocks |

mod address;
mod bell;
mod inspect;
mod jobs;
mod keys;
pub mod limiter;
mod link;
mod outstanding;
mod permits;
mod sender;
mod server_clock;
mod source;
mod supervisor;

use std::sync::Arc;

use clock::SharedClock;

pub use address::{Address, AddressError};
pub use jobs::RedisQueue;
pub use permits::RedisPermits;

use link::Link;

/// Queue and permits at a URL: `redis://` or `rediss://` (TLS), `[user:password@]host[:port][/database]`; with
/// `?ca=FILE`, certificates are checked against that file instead of the machine's. Nothing is connected yet: Redis may
/// come up later.
///
/// `installation` is in the names of all keys, so that several can share a Redis; all processes on one database must
/// give the same. `senders` are those whose jobs are served and counted; `worker` names this
/// process and must be unique per start.
///
/// # Errors
/// When the URL is not one of a Redis server, or its `ca` file cannot be read. The sentence never has the password.
pub fn connect(
    url: &str,
    installation: &str,
    senders: impl IntoIterator<Item = String>,
    worker: &str,
    clock: SharedClock,
) -> Result<(RedisQueue, RedisPermits), AddressError> {
    let address = Address::parse(url)?;
    // Apart, so that the pace never waits behind a large push.
    let queue = RedisQueue::new(Arc::new(Link::to(&address)), installation, senders);
    let permits = RedisPermits::new(Arc::new(Link::to(&address)), installation, worker, clock);
    Ok((queue, permits))
}
