//! Scenarios of real processes in real time: the binary as it is shipped, one database file, and the simulated
//! platform, whose ledger is the judge.
//!
//! | module | shows |
//! | --- | --- |
//! | [`pace`] | no second above the rate, and nearly all of it used |
//! | [`pause`] | a pause takes hold within a second |
//! | [`kill`] | `kill -9` at any moment: nobody twice, nobody forgotten, few in doubt |
//! | [`archive`] | `kill -9` while webhooks are archived: what was answered with 200 is read |
//! | [`recurring`] | `kill -9` while a recurring campaign's run is loaded: one run, whole |
//! | [`longrun`] | simulator, `run` and the command line as three terminals |
//! | [`gate_real_time`] | a fresh template's wait, with the clock on the wall |
//! | [`demo`] | the demonstration ends and agrees with its ledger |
//!
//! They mostly wait, so two run at once; what measures the pace has the machine to itself.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failure here is a failure of the test, in its helpers too; what was measured is worth reading"
)]

mod archive;
mod demo;
mod gate_real_time;
mod kill;
mod longrun;
mod pace;
mod pause;
mod recurring;

use tokio::sync::{Semaphore, SemaphorePermit};

/// So many scenarios fit on the machine at once.
const AT_ONCE: u32 = 2;

static MACHINE: Semaphore = Semaphore::const_new(AT_ONCE as usize);

/// A part of the machine.
async fn beside_others() -> SemaphorePermit<'static> {
    MACHINE.acquire().await.unwrap()
}

/// The whole machine.
async fn alone() -> SemaphorePermit<'static> {
    MACHINE.acquire_many(AT_ONCE).await.unwrap()
}
