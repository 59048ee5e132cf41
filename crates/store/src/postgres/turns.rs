//! Turns at campaigns: those of one process that change the same campaign wait for each other here.
//!
//! The database would let them take turns too, by the lock on the campaign's row. But a process that stands still
//! (frozen, cut off) stands still with all that it has there: each of its transactions that waits for the lock is
//! given it in its turn, and holds it until the server cuts that client off, three seconds a time, while all others
//! wait. With one of them at the database there is one such wait. It also leaves connections to other campaigns.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;
use tokio::time::timeout;

use super::connection::ACQUIRE_WAIT;
use crate::StoreError;
use crate::codec::failed;

/// So many campaigns are remembered before those that nobody changes are forgotten.
const MANY: usize = 64;

/// Who changes which campaign.
#[derive(Debug, Default)]
pub(super) struct Turns {
    campaigns: Mutex<BTreeMap<i64, Arc<tokio::sync::Mutex<()>>>>,
}

/// Campaigns that nobody else in this process changes until it is dropped.
#[derive(Debug)]
pub(super) struct Turn {
    _campaigns: Vec<OwnedMutexGuard<()>>,
}

impl Turns {
    /// Waits for a turn at these campaigns, which are in ascending order.
    ///
    /// # Errors
    /// They were taken for as long as a connection is waited for: nothing was changed.
    pub(super) async fn at(&self, campaigns: &[i64]) -> Result<Turn, StoreError> {
        let places: Vec<_> = campaigns.iter().map(|campaign| self.place(*campaign)).collect();
        let waiting = async {
            let mut taken = Vec::with_capacity(places.len());
            for place in places {
                taken.push(place.lock_owned().await);
            }
            Turn { _campaigns: taken }
        };
        let reaching = failed("be reached within 5 seconds");
        timeout(ACQUIRE_WAIT, waiting).await.map_err(|_| reaching(sqlx::Error::PoolTimedOut))
    }

    fn place(&self, campaign: i64) -> Arc<tokio::sync::Mutex<()>> {
        let mut campaigns = self.campaigns.lock().unwrap_or_else(PoisonError::into_inner);
        if campaigns.len() >= MANY {
            campaigns.retain(|_, place| Arc::strong_count(place) > 1);
        }
        campaigns.entry(campaign).or_default().clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_at_a_time_and_others_beside() {
        let turns = Turns::default();
        let first = turns.at(&[1, 2]).await.unwrap();
        turns.at(&[3]).await.unwrap();
        let mut second = Box::pin(turns.at(&[2, 4]));
        assert!(futures_poll(second.as_mut()).is_pending());
        drop(first);
        second.await.unwrap();
    }

    #[tokio::test]
    async fn idle_campaigns_are_forgotten() {
        let turns = Turns::default();
        let kept = turns.at(&[7]).await.unwrap();
        for campaign in 100..1_000 {
            turns.at(&[campaign]).await.unwrap();
        }
        assert!(turns.campaigns.lock().unwrap().len() <= MANY);
        assert!(turns.campaigns.lock().unwrap().contains_key(&7));
        drop(kept);
    }

    fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
        future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop()))
    }
}
