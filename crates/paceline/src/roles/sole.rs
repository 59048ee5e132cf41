//! One process per PostgreSQL database, where the queue is in memory: with a pace of its own each, two together would
//! send at twice the rate. A lease in the database says who it is, and ends some seconds after its holder. Database files
//! have a lock instead ([`super::lock`]).

use std::time::Duration;

use clock::SharedClock;
use store::SharedStore;
use store::model::WorkerId;
use tokio_util::sync::CancellationToken;

use crate::failure::Failure;

/// The role's name in the store.
const ROLE: &str = "sole";

/// A process that has not renewed its lease for so long is taken for gone.
const LEASE: Duration = Duration::from_secs(6);

/// How often the lease is renewed, or asked for.
const RENEW: Duration = Duration::from_secs(1);

/// The lease of the only process.
pub(super) struct Sole {
    store: SharedStore,
    clock: SharedClock,
    holder: WorkerId,
}

impl Sole {
    /// Takes the lease; waits for that of a process that ended without a word.
    ///
    /// # Errors
    /// [`Failure::Refused`] when another process keeps renewing it; the store's errors.
    pub(super) async fn take(
        store: SharedStore,
        clock: SharedClock,
        holder: WorkerId,
    ) -> Result<Self, Failure> {
        let give_up = clock.monotonic() + LEASE + RENEW;
        loop {
            if store.lead(ROLE, &holder, LEASE, clock.now()).await? {
                return Ok(Self { store, clock, holder });
            }
            if clock.monotonic() >= give_up {
                return Err(Failure::Refused(
                    "another process already sends from this database with the queue in its own memory; stop it \
                     first, or let both share redis:// (queue.url)"
                        .to_owned(),
                ));
            }
            clock.sleep(RENEW).await;
        }
    }

    /// Renews the lease until `stop` is cancelled, then gives it back.
    ///
    /// # Errors
    /// Another process has it: this one was silent for too long.
    pub(super) async fn keep(self, stop: CancellationToken) -> Result<(), Failure> {
        while !stop.is_cancelled() {
            match self.store.lead(ROLE, &self.holder, LEASE, self.clock.now()).await {
                Ok(true) => {}
                Ok(false) => {
                    return Err(Failure::Failed(anyhow::anyhow!(
                        "another process took this database over, as this one was silent for more than {} s; \
                         only one may send with the queue in memory",
                        LEASE.as_secs()
                    )));
                }
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the lease of the database could not be renewed yet"
                ),
            }
            tokio::select! {
                () = self.clock.sleep(RENEW) => {}
                () = stop.cancelled() => {}
            }
        }
        if let Err(error) = self.store.resign(ROLE, &self.holder).await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "the lease was not given back; it ends by itself"
            );
        }
        Ok(())
    }
}
