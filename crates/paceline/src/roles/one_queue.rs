//! One queue for each PostgreSQL database: that of one process with the queue in its own memory, or one Redis that any
//! number share. With two, each with a pace of its own, a sender would go at twice its rate. A [`Lease`] in the database
//! says which queue it is, and ends some seconds after the last process that holds it. Database files have a lock
//! instead ([`super::lock`]).
//!
//! A process with the queue in its memory that was frozen for longer than its lease wakes beside its successor: it gets
//! no permit before the database has confirmed that the lease is still its own.

use std::time::Duration;

use campaign::ids::CampaignId;
use campaign::pacing::limiter::{Ask, Instant};
use clock::SharedClock;
use queue::{Granted, Permits, QueueError, SenderPace, SharedPermits};
use scheduler::lease::{Hold, Lease, Terms};
use store::SharedStore;
use store::model::WorkerId;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// Who has not renewed the lease for six seconds is taken for gone. A process with the queue in its memory sends no more a
/// second before that: a permit is used up to a quarter second after it was granted, and clocks of different machines
/// differ.
const TERMS: Terms = Terms {
    role: "queue",
    length: Duration::from_secs(6),
    good_for: Duration::from_secs(5),
    renew: Duration::from_secs(1),
    ask: Duration::from_secs(1),
};

/// The lease on being the database's queue.
pub(super) struct OneQueue {
    lease: Lease,
    clock: SharedClock,
    /// Whether others may hold it beside this process.
    is_shared: bool,
}

impl OneQueue {
    /// Takes the lease for the queue in this process's memory; waits for that of a process that ended without a word.
    ///
    /// # Errors
    /// [`Failure::Refused`] when somebody else keeps renewing it; the store's errors.
    pub(super) async fn in_memory(
        store: SharedStore,
        clock: SharedClock,
        process: WorkerId,
    ) -> Result<Self, Failure> {
        let taken = Self::take(Lease::new(TERMS, process, store, clock.clone()), clock, false).await?;
        taken.ok_or_else(|| {
            Failure::Refused(
                "other processes already send from this database, with the queue in their own memory or in Redis; \
                 stop them first, or let all share one redis:// (queue.url)"
                    .to_owned(),
            )
        })
    }

    /// Takes part in the lease of the Redis at `address`, which has no password in it. One on this machine is another than
    /// one of the same address on `machine`s elsewhere.
    ///
    /// # Errors
    /// [`Failure::Refused`] when another queue's holders keep renewing it; the store's errors.
    pub(super) async fn in_redis(
        store: SharedStore,
        clock: SharedClock,
        address: &str,
        machine: &str,
    ) -> Result<Self, Failure> {
        let is_local = ["//localhost", "//127.", "//[::1]"].iter().any(|local| address.contains(local));
        let name = if is_local { format!("{address} on {machine}") } else { address.to_owned() };
        let lease = Lease::new(TERMS, WorkerId(name), store, clock.clone());
        let taken = Self::take(lease, clock, true).await?;
        taken.ok_or_else(|| {
            Failure::Refused(format!(
                "other processes send from this database with another queue than {address}; all must name the same \
                 queue.url, spelt alike: correct it, or stop the others first"
            ))
        })
    }

    /// `None`: somebody else keeps renewing it.
    async fn take(mut lease: Lease, clock: SharedClock, is_shared: bool) -> Result<Option<Self>, Failure> {
        let patience = TERMS.length + TERMS.ask;
        let give_up = clock.monotonic() + patience;
        let mut is_waiting = false;
        loop {
            if lease.ask().await? {
                return Ok(Some(Self { lease, clock, is_shared }));
            }
            if !is_waiting {
                is_waiting = true;
                tracing::info!(
                    "others have this database; waiting up to {} s, in case they are gone",
                    patience.as_secs()
                );
            }
            if clock.monotonic() >= give_up {
                return Ok(None);
            }
            clock.sleep(TERMS.ask).await;
        }
    }

    /// The permits as this process may use them: only while it holds the lease.
    pub(super) fn guard(&self, permits: SharedPermits) -> WhileHeld {
        WhileHeld { permits, hold: self.lease.hold() }
    }

    /// Renews the lease until `stop` is cancelled, then gives it back where it is this process's alone.
    ///
    /// # Errors
    /// Another queue has it: nothing was heard of this one for too long.
    pub(super) async fn keep(mut self, stop: CancellationToken) -> Result<(), Failure> {
        while !stop.is_cancelled() {
            let answer = tokio::select! {
                answer = self.lease.ask() => answer,
                () = stop.cancelled() => break,
            };
            match answer {
                Ok(true) => {}
                Ok(false) => {
                    return Err(Failure::Failed(anyhow::anyhow!(
                        "another process took this database over with another queue, as nothing was heard of this \
                         one for more than {} s; all that share a database must share one redis:// (queue.url)",
                        TERMS.length.as_secs()
                    )));
                }
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the lease of the database could not be renewed yet"
                ),
            }
            tokio::select! {
                () = self.clock.sleep(TERMS.renew) => {}
                () = stop.cancelled() => {}
            }
        }
        if !self.is_shared {
            self.lease.give_back(Duration::ZERO).await;
        }
        Ok(())
    }
}

/// Permits that are granted, and may be used late, only while the lease is held.
#[derive(Debug)]
pub(super) struct WhileHeld {
    permits: SharedPermits,
    hold: Hold,
}

#[async_trait::async_trait]
impl Permits for WhileHeld {
    async fn take(&self, sender: &SenderPace, ask: &Ask) -> Result<Granted, QueueError> {
        loop {
            self.hold.good().await;
            let granted = self.permits.take(sender, ask).await?;
            // The turn may have come late, and the process may have been frozen meanwhile.
            if self.hold.is_good() {
                return Ok(granted);
            }
            self.permits.give_back(sender, ask.campaign, ask.weight, &granted).await;
        }
    }

    async fn give_back(&self, sender: &SenderPace, campaign: CampaignId, weight: u32, permits: &[Instant]) {
        self.permits.give_back(sender, campaign, weight, permits).await;
    }

    async fn postpone(&self, sender: &SenderPace, campaign: CampaignId, permit: Instant) -> bool {
        self.hold.is_good() && self.permits.postpone(sender, campaign, permit).await
    }

    async fn slow_down(&self, sender: &SenderPace) {
        self.permits.slow_down(sender).await;
    }

    async fn factor(&self, sender: &SenderPace) -> f64 {
        self.permits.factor(sender).await
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use clock::{Clock, SettableClock};
    use queue::memory::MemoryPermits;
    use store::SqliteStore;

    use super::*;

    /// A settable clock's sleeps move it: a wait that does not end says so by a wait of real time.
    async fn is_granted(permits: &WhileHeld, sender: &SenderPace) -> bool {
        let ask = Ask { campaign: CampaignId(1), weight: 1, rate: None, permits: 8 };
        let taking = permits.take(sender, &ask);
        tokio::time::timeout(Duration::from_millis(50), taking).await.is_ok()
    }

    #[tokio::test]
    async fn a_redis_on_each_machine_is_not_one_queue() {
        let clock = Arc::new(SettableClock::at(chrono::DateTime::UNIX_EPOCH));
        let store: SharedStore = Arc::new(SqliteStore::in_memory().await.unwrap());
        let join = |address, machine| OneQueue::in_redis(store.clone(), clock.clone(), address, machine);
        for local in ["redis://127.0.0.1:6379", "redis://localhost:6379/1", "rediss://[::1]:6379"] {
            assert!(join(local, "a").await.is_ok());
            // Its wait is the clock's: the lease would end, did the others not go on.
            let first = join(local, "a").await.unwrap();
            let refused = tokio::select! {
                joined = join(local, "b") => joined.err(),
                _ = first.keep(CancellationToken::new()) => None,
            };
            assert!(matches!(refused, Some(Failure::Refused(_))), "{local}");
            clock.advance(TERMS.length * 2);
        }
        assert!(join("redis://queue.example:6379", "a").await.is_ok());
        assert!(join("redis://queue.example:6379", "b").await.is_ok());
    }

    #[tokio::test]
    async fn who_wakes_gets_no_permit_before_the_lease_is_confirmed() {
        let clock = Arc::new(SettableClock::at(chrono::DateTime::UNIX_EPOCH));
        let store: SharedStore = Arc::new(SqliteStore::in_memory().await.unwrap());
        let holder = WorkerId("first".to_owned());
        let mut sole = OneQueue::in_memory(store.clone(), clock.clone(), holder).await.unwrap();
        let permits = sole.guard(Arc::new(MemoryPermits::new(clock.clone())));
        let sender = SenderPace { name: "shop".to_owned(), rate: "80/s".parse().unwrap() };
        assert!(is_granted(&permits, &sender).await);

        let ask = Ask { campaign: CampaignId(1), weight: 1, rate: None, permits: 1 };
        let granted = permits.take(&sender, &ask).await.unwrap()[0];
        clock.advance(TERMS.length);
        assert!(!is_granted(&permits, &sender).await, "nothing new");
        assert!(!permits.postpone(&sender, CampaignId(1), granted).await, "and nothing from before");

        // Nobody took it meanwhile: it goes on.
        assert!(sole.lease.ask().await.unwrap());
        assert!(is_granted(&permits, &sender).await);

        clock.advance(TERMS.length);
        assert!(
            store.lead(TERMS.role, &WorkerId("second".to_owned()), TERMS.length, clock.now()).await.unwrap()
        );
        assert!(!sole.lease.ask().await.unwrap());
        assert!(!is_granted(&permits, &sender).await);
    }
}
