//! Queue and permits inside one process: the embedded default. Nothing here outlives the process, and
//! nothing has to: the store is the truth.
//!
//! | module | holds |
//! | --- | --- |
//! | `jobs` | the queue: pushing, serving, counting |
//! | `line` | one sender's jobs: waiting, in hand, ended |
//! | `inspect` | a look into them |
//! | `tally` | what became of jobs, counted |
//! | `permits` | the pace |

mod inspect;
mod jobs;
mod line;
mod permits;
mod tally;

pub use jobs::MemoryQueue;
pub use permits::MemoryPermits;
