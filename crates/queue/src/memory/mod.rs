//! Queue and permits inside one process: the embedded default. Nothing here outlives the process, and
//! nothing has to: the store is the truth.

mod jobs;
mod permits;

pub use jobs::MemoryQueue;
pub use permits::MemoryPermits;
