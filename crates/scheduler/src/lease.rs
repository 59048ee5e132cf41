//! A lease on a role, kept in the database: it ends by itself when its holder dies, freezes or loses the database, and
//! another takes it.
//!
//! Its holder counts it on a monotonic clock from before it asked, so that it never takes the lease for longer than the
//! database gave it. That clock goes on while a process is frozen: one that wakes knows at its first look that it
//! has to ask again.

use std::time::Duration;

use clock::SharedClock;
use store::model::WorkerId;
use store::{SharedStore, StoreError};
use tokio::sync::watch;

/// How long a holder that stops tries to give its lease back.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a lease is of, and its times.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// The role's name in the store.
    pub role: &'static str,
    /// A holder that has not renewed it for so long has lost it to whoever asks.
    pub length: Duration,
    /// Its holder relies on it for so long after it asked; at most [`Terms::length`]. What is between the two is for the
    /// clocks of different machines.
    pub good_for: Duration,
    /// How often the holder renews it.
    pub renew: Duration,
    /// How often others ask for it.
    pub ask: Duration,
}

/// One candidate's lease.
#[derive(Debug)]
pub struct Lease {
    terms: Terms,
    holder: WorkerId,
    store: SharedStore,
    clock: SharedClock,
    /// It is good until then, by the monotonic clock.
    until: watch::Sender<Duration>,
    /// When to renew it, or to ask for it, next.
    next: Duration,
}

impl Lease {
    /// A lease that is not held yet. `holder` is unique per start of a process.
    #[must_use]
    pub fn new(terms: Terms, holder: WorkerId, store: SharedStore, clock: SharedClock) -> Self {
        Self { terms, holder, store, clock, until: watch::Sender::new(Duration::ZERO), next: Duration::ZERO }
    }

    /// Renews the lease, or asks for it. False: another holds it.
    ///
    /// # Errors
    /// The store's. A lease that was held is good until it ends.
    pub async fn ask(&mut self) -> Result<bool, StoreError> {
        // Counted from before the question: the answer may take its time.
        let asked = self.clock.monotonic();
        let answer =
            self.store.lead(self.terms.role, &self.holder, self.terms.length, self.clock.now()).await;
        let is_held = *answer.as_ref().unwrap_or(&false);
        self.next = asked + if is_held { self.terms.renew } else { self.terms.ask };
        if answer.is_ok() {
            self.until.send_replace(if is_held { asked + self.terms.good_for } else { Duration::ZERO });
        }
        answer
    }

    /// Renews the lease, or asks for it, where that is due, and says whether it is held now.
    pub async fn keep(&mut self) -> bool {
        if self.clock.monotonic() >= self.next
            && let Err(error) = self.ask().await
        {
            tracing::warn!(
                role = self.terms.role,
                error = &error as &dyn std::error::Error,
                "a lease could not be asked for; the next look asks again"
            );
        }
        self.is_held()
    }

    /// Whether it is held now.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.clock.monotonic() < *self.until.borrow()
    }

    /// A view of it for those who may act only while it is held.
    #[must_use]
    pub fn hold(&self) -> Hold {
        Hold { until: self.until.subscribe(), clock: self.clock.clone() }
    }

    /// Lets another take it at once, and asks no more for `rest`. Where the database does not answer within two
    /// seconds, the lease ends by itself.
    pub async fn give_back(&mut self, rest: Duration) {
        let was_held = self.is_held();
        self.until.send_replace(Duration::ZERO);
        self.next = self.clock.monotonic() + rest;
        if !was_held {
            return;
        }
        let farewell = self.store.resign(self.terms.role, &self.holder);
        match tokio::time::timeout(FAREWELL, farewell).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::info!(
                role = self.terms.role,
                error = &error as &dyn std::error::Error,
                "a lease was not given back; it ends by itself"
            ),
            Err(_) => tracing::info!(
                role = self.terms.role,
                "a lease was not given back, as the database does not answer; it ends by itself"
            ),
        }
    }
}

/// Whether a lease is held, for those who do not keep it.
#[derive(Debug, Clone)]
pub struct Hold {
    until: watch::Receiver<Duration>,
    clock: SharedClock,
}

impl Hold {
    /// Whether it is held now.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.clock.monotonic() < *self.until.borrow()
    }

    /// Waits until it is held; for ever where it never is again.
    pub async fn good(&self) {
        let clock = self.clock.clone();
        if self.until.clone().wait_for(|until| clock.monotonic() < *until).await.is_err() {
            // Whoever kept it is gone.
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use chrono::DateTime;
    use clock::SettableClock;
    use futures::FutureExt;
    use store::SqliteStore;

    use super::*;

    const TERMS: Terms = Terms {
        role: "test",
        length: Duration::from_secs(6),
        good_for: Duration::from_secs(5),
        renew: Duration::from_secs(1),
        ask: Duration::from_millis(500),
    };

    async fn two() -> (Lease, Lease, Arc<SettableClock>) {
        let clock = Arc::new(SettableClock::at(DateTime::UNIX_EPOCH + Duration::from_secs(1_795_000_000)));
        let store: SharedStore = Arc::new(SqliteStore::in_memory().await.unwrap());
        let lease = |name: &str| Lease::new(TERMS, WorkerId(name.to_owned()), store.clone(), clock.clone());
        (lease("first"), lease("second"), clock)
    }

    #[tokio::test]
    async fn it_is_good_for_less_than_the_database_gives() {
        let (mut first, mut second, clock) = two().await;
        assert!(first.ask().await.unwrap());
        let hold = first.hold();
        clock.advance(Duration::from_millis(4_999));
        assert!(hold.is_good() && first.is_held() && !second.keep().await);
        clock.advance(Duration::from_millis(1));
        assert!(
            !hold.is_good() && !first.is_held() && !second.ask().await.unwrap(),
            "it is nobody's for a second"
        );
        clock.advance(Duration::from_secs(1));
        assert!(second.ask().await.unwrap());
        assert!(!first.ask().await.unwrap());
        assert!(!first.is_held() && second.is_held());
    }

    #[tokio::test]
    async fn who_wakes_waits_until_it_is_confirmed() {
        let (mut first, _, clock) = two().await;
        let hold = first.hold();
        assert!(hold.good().now_or_never().is_none(), "it was never held");
        assert!(first.ask().await.unwrap());
        assert!(hold.good().now_or_never().is_some());
        clock.advance(Duration::from_secs(60));
        assert!(hold.good().now_or_never().is_none());
        assert!(first.keep().await, "nobody took it meanwhile");
        assert!(hold.good().now_or_never().is_some());
        drop(first);
        assert!(hold.good().now_or_never().is_some(), "it is still good");
        clock.advance(Duration::from_secs(60));
        assert!(hold.good().now_or_never().is_none());
    }

    #[tokio::test]
    async fn who_gives_it_back_rests() {
        let (mut first, mut second, clock) = two().await;
        assert!(first.keep().await);
        first.give_back(Duration::from_secs(3)).await;
        assert!(!first.is_held() && !first.keep().await);
        assert!(second.keep().await);
        second.give_back(Duration::from_secs(3)).await;
        clock.advance(Duration::from_millis(2_999));
        assert!(!first.keep().await);
        clock.advance(Duration::from_millis(1));
        assert!(first.keep().await);
    }
}
