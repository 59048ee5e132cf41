//! Scenarios of real processes in real time: the binary as it is shipped, one database file, and the simulated
//! platform, whose ledger is the judge.
//!
//! | module | shows |
//! | --- | --- |
//! | [`pace`] | no second above the rate, and nearly all of it used |
//! | [`pause`] | a pause takes hold within a second |
//! | [`kill`] | `kill -9` at any moment: nobody twice, nobody forgotten, few in doubt |
//! | [`longrun`] | simulator, `run` and the command line as three terminals |
//! | [`gate_real_time`] | a fresh template's wait, with the clock on the wall |
//! | [`demo`] | the demonstration ends and agrees with its ledger |
//!
//! What they measure is time, on few cores: one at a time, whatever the number of test threads.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failure here is a failure of the test, in its helpers too; what was measured is worth reading"
)]

mod demo;
mod gate_real_time;
mod kill;
mod longrun;
mod pace;
mod pause;

use tokio::sync::{Mutex, MutexGuard};

/// The machine belongs to one scenario at a time.
async fn alone() -> MutexGuard<'static, ()> {
    static MACHINE: Mutex<()> = Mutex::const_new(());
    MACHINE.lock().await
}
