//! One leader among many schedulers, by a [`Lease`]. Not one that gets nothing done: who fails at all it tries while
//! it could hold the lease on and on (its way to the queue is cut, say, and that to the database is not) lets another
//! try.
//!
//! Two leaders at once, for the moment in which a frozen one wakes, harm nothing: each release, move and sweep is
//! guarded in the store. The lease is there so that schedulers do not do everything twice.

use std::time::Duration;

use clock::SharedClock;
use store::SharedStore;
use store::model::WorkerId;

use crate::lease::{Lease, Terms};

/// A leader that has not renewed its lease for three seconds leads no more; with the half second in which standbys ask,
/// this bounds the time in which nobody leads after a leader was killed.
const TERMS: Terms = Terms {
    role: "scheduler",
    length: Duration::from_secs(3),
    good_for: Duration::from_secs(3),
    renew: Duration::from_secs(1),
    ask: Duration::from_millis(500),
};

/// A leader whose ticks all fail for so long lets another lead.
const TROUBLE: Duration = Duration::from_secs(5);

/// For so long it does not ask again: a standby asks several times in it. Not longer, as there may be none.
const STAND_BACK: Duration = Duration::from_secs(3);

/// A scheduler's claim to lead.
#[derive(Debug)]
pub(crate) struct Leadership {
    lease: Lease,
    holder: WorkerId,
    clock: SharedClock,
    was_leading: bool,
    /// Since when no tick was carried out to its end, while it led.
    failing_since: Option<Duration>,
}

impl Leadership {
    pub(crate) fn new(holder: WorkerId, store: SharedStore, clock: SharedClock) -> Self {
        let lease = Lease::new(TERMS, holder.clone(), store, clock.clone());
        Self { lease, holder, clock, was_leading: false, failing_since: None }
    }

    /// Whether this scheduler leads now; renews its lease, or asks for it, where that is due.
    pub(crate) async fn holds(&mut self) -> bool {
        let leads = self.lease.keep().await;
        self.note(leads);
        leads
    }

    fn note(&mut self, leads: bool) {
        if leads == self.was_leading {
            return;
        }
        self.was_leading = leads;
        self.failing_since = None;
        let holder = &self.holder.0;
        if leads {
            tracing::info!(holder, "this scheduler is the leader now");
        } else {
            tracing::warn!(holder, "this scheduler is a standby now");
        }
    }

    /// Takes note of a tick that began at `began`, by the monotonic clock, and whether it was carried out to its end.
    /// False: too many were not, and another is to lead for now.
    pub(crate) fn goes_on_after(&mut self, began: Duration, is_done: bool) -> bool {
        // Where the lease ended meanwhile, a standby has its chance without a word.
        if is_done || !self.lease.is_held() {
            self.failing_since = None;
            return true;
        }
        let since = *self.failing_since.get_or_insert(began);
        self.clock.monotonic().saturating_sub(since) < TROUBLE
    }

    /// Lets another lead, and takes part again a moment later.
    pub(crate) async fn stand_back(&mut self) {
        tracing::warn!(
            holder = self.holder.0,
            "nothing that this scheduler tried as the leader succeeded for {} s; another may try",
            TROUBLE.as_secs()
        );
        self.note(false);
        self.lease.give_back(STAND_BACK).await;
    }

    /// Lets a standby take over at once.
    pub(crate) async fn resign(mut self) {
        self.lease.give_back(Duration::ZERO).await;
    }
}
