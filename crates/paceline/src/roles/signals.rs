//! SIGTERM and Ctrl-C: the first asks to stop, the second ends the process at once.

use anyhow::Context;
use tokio::sync::watch;

use super::running::Running;
use crate::failure::Failure;

/// The exit code of a process that a second signal ended.
const ENDED_AT_ONCE: i32 = 130;

/// What a signal does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Escalation {
    /// Stop taking, finish what is in hand.
    Stop,
    /// End at once.
    End,
}

fn escalation(signals_before: u32) -> Escalation {
    if signals_before == 0 { Escalation::Stop } else { Escalation::End }
}

/// The process's signals. From [`Signals::install`] on they no longer end it by themselves.
#[derive(Debug)]
pub(crate) struct Signals {
    stop: watch::Receiver<bool>,
}

impl Signals {
    /// Takes over SIGTERM, SIGINT and, so that a closed terminal is a stop too, SIGHUP.
    ///
    /// # Errors
    /// The operating system refuses.
    pub(crate) fn install() -> Result<Self, Failure> {
        let mut source = Source::new().context("the signals of the operating system cannot be received")?;
        let (sender, stop) = watch::channel(false);
        tokio::spawn(async move {
            let mut signals = 0;
            loop {
                let name = source.next().await;
                match escalation(signals) {
                    Escalation::Stop => {
                        tracing::info!(
                            signal = name,
                            "stopping: finishing what is in hand; a second signal ends at once"
                        );
                        // Nobody waits for it any more when the process is ending anyway.
                        let _ = sender.send(true);
                    }
                    Escalation::End => {
                        tracing::warn!(
                            signal = name,
                            "ended at once: what was claimed is in doubt until its webhooks come"
                        );
                        std::process::exit(ENDED_AT_ONCE);
                    }
                }
                signals += 1;
            }
        });
        Ok(Self { stop })
    }

    /// Waits for the first signal.
    pub(crate) async fn first(&self) {
        let mut stop = self.stop.clone();
        // An error means that the task of `install` is gone, with the runtime.
        let _ = stop.wait_for(|stop| *stop).await;
    }
}

#[cfg(unix)]
#[derive(Debug)]
struct Source {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
    hangup: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Source {
    fn new() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.hangup.recv() => "SIGHUP",
        }
    }
}

#[cfg(not(unix))]
#[derive(Debug)]
struct Source;

#[cfg(not(unix))]
impl Source {
    fn new() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) -> &'static str {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        "Ctrl-C"
    }
}

/// Waits for the first signal, then stops the roles; or for a role that fails.
///
/// # Errors
/// A role failed, or what was in hand could not be finished in time.
pub(crate) async fn until_signal(running: Running, signals: Signals) -> Result<(), Failure> {
    let stop = running.stopper();
    let ended = running.ended();
    tokio::pin!(ended);
    tokio::select! {
        result = &mut ended => return result,
        () = signals.first() => stop.cancel(),
    }
    ended.await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_signal_ends_at_once() {
        assert_eq!([0, 1, 2].map(escalation), [Escalation::Stop, Escalation::End, Escalation::End]);
    }
}
