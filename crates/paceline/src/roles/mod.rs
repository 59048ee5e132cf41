//! The roles of a running Paceline in one process: scheduler, worker, webhook intake.
//!
//! `start` starts them over a store, and gives back a `Running` that stops them in order: first what
//! sends, then what listens, then what stores. A role that panics or ends by itself stops the others.
//!
//! | module | responsible for |
//! | --- | --- |
//! | [`lock`] | one `run` per database file |
//! | `start` | making the parts and starting them |
//! | [`running`] | supervising and stopping them |
//! | [`signals`] | SIGTERM and Ctrl-C: once to stop, twice to end at once |
//! | [`listener`] | the webhook listener and its health page |

mod listener;
mod lock;
mod running;
mod signals;
mod start;

pub(crate) use listener::{HEALTH_PATH, listen};
pub(crate) use lock::RunLock;
pub(crate) use signals::{Signals, until_signal};
pub(crate) use start::{Parts, start};
