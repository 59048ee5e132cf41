//! One leader among many schedulers, by a lease in the database: it ends by itself when its holder dies, freezes or
//! loses the database, and a standby takes over.
//!
//! Two leaders at once, for the moment in which a frozen one wakes, harm nothing: each release, move and sweep is
//! guarded in the store. The lease is there so that schedulers do not do everything twice.

use std::time::Duration;

use clock::SharedClock;
use store::SharedStore;
use store::model::WorkerId;

/// The role's name in the store.
const ROLE: &str = "scheduler";

/// A leader that has not renewed its lease for so long leads no more. With [`ASK`] it bounds the time in which
/// nobody leads, after a leader was killed.
const LEASE: Duration = Duration::from_secs(3);

/// How often a leader renews its lease.
const RENEW: Duration = Duration::from_secs(1);

/// How often a standby asks for it.
const ASK: Duration = Duration::from_millis(500);

/// How long a leader that stops tries to say so.
const FAREWELL: Duration = Duration::from_secs(2);

/// A scheduler's claim to lead.
#[derive(Debug)]
pub(crate) struct Leadership {
    holder: WorkerId,
    store: SharedStore,
    clock: SharedClock,
    /// It leads until then, by its own monotonic clock.
    until: Duration,
    /// When to renew, or ask, next.
    next: Duration,
    was_leading: bool,
}

impl Leadership {
    pub(crate) fn new(holder: WorkerId, store: SharedStore, clock: SharedClock) -> Self {
        Self { holder, store, clock, until: Duration::ZERO, next: Duration::ZERO, was_leading: false }
    }

    /// Whether this scheduler leads now; renews its lease, or asks for it, where that is due.
    pub(crate) async fn holds(&mut self) -> bool {
        // Counted from before the question: the answer may take its time.
        let asked = self.clock.monotonic();
        if asked >= self.next {
            match self.store.lead(ROLE, &self.holder, LEASE, self.clock.now()).await {
                Ok(true) => {
                    self.until = asked + LEASE;
                    self.next = asked + RENEW;
                }
                Ok(false) => {
                    self.until = Duration::ZERO;
                    self.next = asked + ASK;
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "the leader's lease could not be asked for"
                    );
                    self.next = asked + ASK;
                }
            }
        }
        let leads = self.clock.monotonic() < self.until;
        if leads != self.was_leading {
            self.was_leading = leads;
            let holder = &self.holder.0;
            if leads {
                tracing::info!(holder, "this scheduler is the leader now");
            } else {
                tracing::warn!(holder, "this scheduler is a standby now");
            }
        }
        leads
    }

    /// Lets a standby take over at once.
    pub(crate) async fn resign(self) {
        if !self.was_leading {
            return;
        }
        let farewell = tokio::time::timeout(FAREWELL, self.store.resign(ROLE, &self.holder)).await;
        if let Ok(Err(error)) = farewell {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "the lease was not given back; it ends by itself"
            );
        }
    }
}
