//! Supervising the roles, and stopping them in order.
//!
//! Stopping has three stages, each with a deadline: what sends finishes what it has in hand and records it;
//! then the listener answers what has arrived and closes (until then, statuses of the last messages come in);
//! then what was taken in is stored.

use std::collections::HashMap;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// How long each stage of stopping may take.
#[derive(Debug, Clone, Copy)]
struct Deadlines {
    /// Finishing and recording what is in hand: the longest request, and time to record it.
    sending: Duration,
    /// Answering what has arrived.
    listening: Duration,
    /// Storing what was taken in.
    storing: Duration,
}

const DEADLINES: Deadlines = Deadlines {
    sending: Duration::from_secs(50),
    listening: Duration::from_secs(3),
    storing: Duration::from_secs(4),
};

/// What stops which roles.
#[derive(Debug, Clone, Default)]
pub(super) struct Stops {
    /// Scheduler and worker. Cancelling it begins the stop of everything.
    pub(super) sending: CancellationToken,
    /// The listener, and the heartbeat that must last until the worker is done.
    pub(super) listening: CancellationToken,
    /// The commits of webhooks.
    pub(super) storing: CancellationToken,
}

/// The tasks, by their names.
#[derive(Debug, Default)]
pub(super) struct Roles {
    tasks: JoinSet<Result<(), Failure>>,
    names: HashMap<Id, &'static str>,
    /// Those that were asked to end.
    asked: Vec<&'static str>,
}

impl Roles {
    pub(super) fn spawn(
        &mut self,
        name: &'static str,
        role: impl Future<Output = Result<(), Failure>> + Send + 'static,
    ) {
        let id = self.tasks.spawn(role).id();
        self.names.insert(id, name);
    }

    /// The next role that ends, by its name. `None` when none is left.
    async fn next(&mut self) -> Option<(&'static str, Ended)> {
        let (id, ended) = match self.tasks.join_next_with_id().await? {
            Ok((id, result)) => (id, Ended::By(result)),
            Err(error) => (error.id(), Ended::Torn(error)),
        };
        Some((self.names.remove(&id).unwrap_or("role"), ended))
    }

    fn has(&self, name: &str) -> bool {
        self.names.values().any(|other| *other == name)
    }
}

/// How a role ended.
#[derive(Debug)]
enum Ended {
    By(Result<(), Failure>),
    Torn(JoinError),
}

impl Ended {
    /// As a failure, where the role was not asked to end.
    fn unasked(self, name: &str) -> Failure {
        match self {
            Self::By(Ok(())) => Failure::Failed(anyhow::anyhow!(
                "the {name} ended by itself, and the process with it; start it again"
            )),
            Self::By(Err(failure)) => failure,
            Self::Torn(error) => torn(name, &error),
        }
    }

    /// As a result, where the role was asked to end.
    fn asked(self, name: &str) -> Result<(), Failure> {
        match self {
            Self::By(result) => result,
            Self::Torn(error) if error.is_cancelled() => Ok(()),
            Self::Torn(error) => Err(torn(name, &error)),
        }
    }
}

fn torn(name: &str, error: &JoinError) -> Failure {
    let how = if error.is_panic() { "panicked, which is a bug" } else { "was torn down" };
    Failure::Failed(anyhow::anyhow!("the {name} {how}, and the process ended with it; the log says more"))
}

/// Where a process listens, if anywhere.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Addresses {
    /// Webhooks and health pages.
    pub(super) listener: Option<SocketAddr>,
    pub(super) dashboard: Option<SocketAddr>,
}

/// Roles that run.
#[derive(Debug)]
pub(crate) struct Running {
    roles: Roles,
    stops: Stops,
    addresses: Addresses,
    /// Of the webhook intake, where it has one.
    counters: Option<Arc<reconciler::Counters>>,
    deadlines: Deadlines,
}

impl Running {
    pub(super) fn new(
        roles: Roles,
        stops: Stops,
        addresses: Addresses,
        counters: Option<Arc<reconciler::Counters>>,
    ) -> Self {
        Self { roles, stops, addresses, counters, deadlines: DEADLINES }
    }

    /// Where webhooks come in and the health pages are; `None`: nowhere.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.addresses.listener
    }

    /// Where the dashboard is; `None`: nowhere.
    pub(crate) fn dashboard(&self) -> Option<SocketAddr> {
        self.addresses.dashboard
    }

    /// Cancel it to stop the roles; [`Running::ended`] says when they have.
    pub(crate) fn stopper(&self) -> CancellationToken {
        self.stops.sending.clone()
    }

    /// Stops the roles and waits until they have.
    ///
    /// # Errors
    /// As [`Running::ended`].
    pub(crate) async fn stop(self) -> Result<(), Failure> {
        self.stops.sending.cancel();
        self.ended().await
    }

    /// Waits until the roles are asked to stop and have stopped, or until one of them fails.
    ///
    /// # Errors
    /// A role failed, panicked or ended by itself; or what was in hand could not be finished in time.
    pub(crate) async fn ended(mut self) -> Result<(), Failure> {
        let mut result = tokio::select! {
            () = self.stops.sending.cancelled() => Ok(()),
            ended = self.roles.next() => match ended {
                Some((name, ended)) if !self.stops.sending.is_cancelled() => Err(ended.unasked(name)),
                Some((name, ended)) => ended.asked(name),
                None => Ok(()),
            },
        };
        if let Err(failure) = &result {
            tracing::error!("a role failed, stopping the others: {}", failure.lines().join("; "));
        }
        let mut keep = |next: Result<(), Failure>| {
            if result.is_ok() {
                result = next;
            }
        };
        let deadlines = self.deadlines;
        self.stops.sending.cancel();
        keep(
            self.wait_for(
                &["scheduler", "maker of recurring runs", "worker"],
                deadlines.sending,
                SENDING_LATE,
            )
            .await,
        );
        self.stops.listening.cancel();
        keep(
            self.wait_for(&["listener", "dashboard", "heartbeat"], deadlines.listening, LISTENING_LATE).await,
        );
        self.stops.storing.cancel();
        keep(
            self.wait_for(&["webhook intake", "lease of the database"], deadlines.storing, STORING_LATE)
                .await,
        );
        let is_stored = !self.roles.has("webhook intake");
        self.roles.tasks.shutdown().await;
        if let Some(counters) = &self.counters {
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            tracing::info!(
                taken = count(&counters.taken),
                refused = count(&counters.forged),
                turned_away = count(&counters.turned_away),
                "webhooks until now"
            );
        }
        match (&result, is_stored) {
            (Ok(()), true) => tracing::info!("stopped; everything in hand is recorded"),
            (Ok(()), false) => tracing::info!("stopped; webhooks without an answer come again"),
            (Err(_), _) => tracing::info!("stopped after a failure"),
        }
        result
    }

    /// Waits until the named roles have ended, which were asked to, whatever else ends meanwhile.
    async fn wait_for(
        &mut self,
        names: &[&'static str],
        within: Duration,
        late: Late,
    ) -> Result<(), Failure> {
        self.roles.asked.extend(names);
        let mut result = Ok(());
        let waiting = async {
            while names.iter().any(|name| self.roles.has(name)) {
                let Some((name, ended)) = self.roles.next().await else { break };
                // Also one that was asked before, and took its time.
                let was_asked = self.roles.asked.contains(&name);
                let ended = if was_asked { ended.asked(name) } else { Err(ended.unasked(name)) };
                if result.is_ok() {
                    result = ended;
                }
            }
        };
        match (tokio::time::timeout(within, waiting).await, late) {
            (Ok(()), _) => result,
            (Err(_), Late::Failure(sentence)) => result.and(Err(Failure::Failed(anyhow::anyhow!(
                "not stopped within {} s: {sentence}",
                within.as_secs()
            )))),
            (Err(_), Late::Remark(sentence)) => {
                tracing::warn!("not stopped within {} s: {sentence}", within.as_secs());
                result
            }
            (Err(_), Late::NoMatter) => result,
        }
    }
}

/// What it means that a stage of stopping takes too long.
#[derive(Debug, Clone, Copy)]
enum Late {
    /// Something is lost that a person should know of.
    Failure(&'static str),
    /// Nothing is lost, and a person may want to know why.
    Remark(&'static str),
    /// Nothing is lost: clients that hold connections open, which the platform's do.
    NoMatter,
}

const SENDING_LATE: Late = Late::Failure(
    "messages were still under way or could not be recorded; they are in doubt, and settle when their webhooks come",
);
const LISTENING_LATE: Late = Late::NoMatter;
const STORING_LATE: Late = Late::Remark(
    "the last webhooks could not be stored; they were not answered with 200, and the platform sends them again",
);

#[cfg(test)]
mod tests {
    use super::*;

    fn running(roles: Roles, stops: Stops) -> Running {
        Running::new(roles, stops, Addresses::default(), None)
    }

    fn polite(roles: &mut Roles, stops: &Stops) {
        for (name, stop) in [
            ("scheduler", &stops.sending),
            ("worker", &stops.sending),
            ("heartbeat", &stops.listening),
            ("listener", &stops.listening),
            ("webhook intake", &stops.storing),
        ] {
            let stop = stop.clone();
            roles.spawn(name, async move {
                stop.cancelled().await;
                Ok(())
            });
        }
    }

    #[tokio::test]
    async fn stops_when_asked() {
        let (mut roles, stops) = (Roles::default(), Stops::default());
        polite(&mut roles, &stops);
        running(roles, stops).stop().await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_of_one_role_stops_the_others() {
        let (mut roles, stops) = (Roles::default(), Stops::default());
        polite(&mut roles, &stops);
        roles.spawn("sweeper", async { panic!("on purpose") });
        let storing = stops.storing.clone();
        let failure = running(roles, stops).ended().await.unwrap_err();
        assert_eq!(
            failure.lines(),
            ["error: the sweeper panicked, which is a bug, and the process ended with it; the log says more"]
        );
        assert!(storing.is_cancelled());
    }

    #[tokio::test]
    async fn a_role_that_ends_by_itself_is_a_failure() {
        let (mut roles, stops) = (Roles::default(), Stops::default());
        polite(&mut roles, &stops);
        roles.spawn("sweeper", async { Ok(()) });
        let failure = running(roles, stops).ended().await.unwrap_err();
        assert_eq!(failure.exit_code(), 1);
        assert!(failure.lines()[0].contains("the sweeper ended by itself"));
    }

    #[tokio::test]
    async fn who_was_asked_before_may_take_its_time() {
        let (mut roles, stops) = (Roles::default(), Stops::default());
        // Its connections are closed when what they wait for is stored, or is not.
        let storing = stops.storing.clone();
        roles.spawn("listener", async move {
            storing.cancelled().await;
            Ok(())
        });
        roles.spawn("webhook intake", std::future::pending());
        let mut running = running(roles, stops);
        running.deadlines.listening = Duration::ZERO;
        running.deadlines.storing = Duration::from_millis(100);
        running.stop().await.unwrap();
    }

    #[tokio::test]
    async fn what_cannot_be_finished_in_time_is_said() {
        let (mut roles, stops) = (Roles::default(), Stops::default());
        roles.spawn("worker", std::future::pending());
        let mut running = running(roles, stops);
        running.deadlines.sending = Duration::ZERO;
        let failure = running.stop().await.unwrap_err();
        assert!(
            failure.lines()[0].contains("not stopped within 0 s: messages were still under way"),
            "{failure:?}"
        );
    }
}
