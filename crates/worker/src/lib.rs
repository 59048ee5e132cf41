//! Executes jobs: permit, claim, send, record.
//!
//! A job is a slice of a campaign. A [`Worker`] works through it in bites of about 100 ms of the sender's
//! rate: it takes permits, claims the messages in the store (only then are they this worker's to send), sends
//! each at its permit's instant and records what became of them. At any moment at most one bite of a slice is
//! claimed and not yet recorded, which is what a kill can leave in doubt.
//!
//! | module | holds |
//! | --- | --- |
//! | [`worker`] | what a worker is made of |
//! | `slice` | the work on one slice |
//! | [`dispatch`] | sending claimed messages at their permits' instants |
//! | [`braking`] | what the platform refuses stands still, for everybody |
//! | [`breaker`] | when refusals in a row are no longer the recipients' fault |
//! | [`outcome`] | what an answer of the platform means for the message and for the rest |
//! | [`persist`] | database operations that are repeated until they succeed |
//! | `reach` | whether the database is in reach |

pub mod braking;
pub mod breaker;
pub mod dispatch;
pub mod outcome;
pub mod persist;
mod reach;
pub mod slice;
pub mod worker;

pub use worker::{Settings, Worker, WorkerSender};
