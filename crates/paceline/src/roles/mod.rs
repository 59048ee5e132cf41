//! The roles of a running Paceline: scheduler, worker, webhook intake; all in one process, or each in any number of
//! processes of its own.
//!
//! `start` starts a process's roles over a store, and gives back a `Running` that stops them in order: first what
//! sends, then what listens, then what stores. A role that panics or ends by itself stops the others.
//!
//! | module | responsible for |
//! | --- | --- |
//! | [`lock`] | one `run` per database file, where the queue is in memory |
//! | `one_queue` | the same for PostgreSQL, and that all processes share one queue |
//! | `role_set` | which roles a process has |
//! | `means` | queue and permits, by the configuration |
//! | `start` | making the parts and starting them |
//! | [`running`] | supervising and stopping them |
//! | [`signals`] | SIGTERM and Ctrl-C: once to stop, twice to end at once |
//! | [`listener`] | binding an address |
//! | `descriptors` | how many files and connections the process may have |
//! | `health` | the health pages |

mod descriptors;
mod health;
mod listener;
mod lock;
mod means;
mod one_queue;
mod role_set;
mod running;
mod signals;
mod start;

pub(crate) use health::{HEALTH_PATH, READY_PATH};
pub(crate) use listener::listen;
pub(crate) use lock::RunLock;
pub(crate) use role_set::RoleSet;
pub(crate) use signals::{Signals, until_signal};
pub(crate) use start::{Parts, known, start};
