//! How the jobs that a process may have in hand are shared out among its senders.
//!
//! Half of the places belong to the senders in equal parts, at least one each where there are enough; the others are
//! for whoever comes first. So one busy sender gets more than half of all, and one whose jobs hang leaves every other
//! sender its own part. With fewer places than senders all are shared, and jobs that hang can use them up: give a
//! worker more places than it has senders.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A place, free again when it is dropped.
pub(crate) type Place = OwnedSemaphorePermit;

/// The places that one sender can use.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    own: Arc<Semaphore>,
    shared: Arc<Semaphore>,
}

impl Places {
    /// Shares out `concurrency` places, at least 1, among so many senders.
    pub(crate) fn share_out(concurrency: usize, senders: usize) -> Vec<Self> {
        let concurrency = concurrency.max(1);
        let own = if senders > concurrency { 0 } else { (concurrency / (2 * senders.max(1))).max(1) };
        let shared = Arc::new(Semaphore::new(concurrency - own * senders));
        (0..senders).map(|_| Self { own: Arc::new(Semaphore::new(own)), shared: shared.clone() }).collect()
    }

    /// Waits for a place.
    pub(crate) async fn one(&self) -> Place {
        let place = tokio::select! {
            biased;
            place = self.own.clone().acquire_owned() => place,
            place = self.shared.clone().acquire_owned() => place,
        };
        match place {
            Ok(place) => place,
            // The semaphores are never closed.
            Err(_) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free(places: &Places) -> usize {
        let all: Vec<_> = std::iter::from_fn(|| {
            let own = places.own.clone().try_acquire_owned();
            own.or_else(|_| places.shared.clone().try_acquire_owned()).ok()
        })
        .collect();
        all.len()
    }

    #[tokio::test]
    async fn a_sender_alone_gets_all() {
        for concurrency in [1, 2, 3, 64] {
            assert_eq!(free(&Places::share_out(concurrency, 1)[0]), concurrency);
        }
    }

    #[tokio::test]
    async fn no_sender_can_take_anothers_part() {
        let of = Places::share_out(64, 4);
        let mut hanging = Vec::new();
        while hanging.len() < 40 {
            hanging.push(of[0].one().await);
        }
        assert_eq!(hanging.len(), 40);
        assert_eq!(free(&of[0]), 0);
        for other in &of[1..] {
            assert_eq!(free(other), 8);
        }
    }

    #[test]
    fn there_are_never_more_than_concurrency() {
        for concurrency in 1..70 {
            for senders in 1..70 {
                let of = Places::share_out(concurrency, senders);
                let own: usize = of.iter().map(|places| places.own.available_permits()).sum();
                assert_eq!(own + of[0].shared.available_permits(), concurrency);
            }
        }
    }
}
