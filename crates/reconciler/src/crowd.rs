//! Who is connected, at most so many at once, and who of them makes way for the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// At most so many connections.
#[derive(Debug)]
pub(crate) struct Crowd {
    most: usize,
    places: Arc<Semaphore>,
    /// Who is seated, and some who left.
    seated: Vec<Arc<Place>>,
    /// Counts how often somebody began to wait.
    turns: Arc<AtomicU64>,
}

/// Where a connection stands.
#[derive(Debug)]
struct Place {
    /// [`BUSY`], [`GONE`], or else the turn at which it began to wait for a request.
    waits_since: AtomicU64,
    sent_away: CancellationToken,
}

const BUSY: u64 = 0;
const GONE: u64 = u64::MAX;

/// A connection's leave to be there; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    place: Arc<Place>,
    turns: Arc<AtomicU64>,
    _permit: OwnedSemaphorePermit,
}

/// A request is being answered.
#[derive(Debug)]
pub(crate) struct Busy<'s>(&'s Seat);

impl Crowd {
    pub(crate) fn new(most: usize) -> Self {
        Self {
            most,
            places: Arc::new(Semaphore::new(most)),
            seated: Vec::new(),
            turns: Arc::new(AtomicU64::new(BUSY + 1)),
        }
    }

    /// A seat, for which one who waits for nothing may have to leave; none where everybody is busy.
    pub(crate) async fn seat_or_vacate(&mut self) -> Option<Seat> {
        let is_soon_free = self.places.available_permits() > 0 || self.send_one_away();
        if is_soon_free { Some(self.wait().await) } else { None }
    }

    /// A seat, as soon as there is one: nobody busy is sent away.
    pub(crate) async fn seat(&mut self) -> Seat {
        match self.seat_or_vacate().await {
            Some(seat) => seat,
            None => self.wait().await,
        }
    }

    async fn wait(&mut self) -> Seat {
        loop {
            // Never closed.
            if let Ok(permit) = self.places.clone().acquire_owned().await {
                return self.take(permit);
            }
        }
    }

    fn take(&mut self, permit: OwnedSemaphorePermit) -> Seat {
        // Those who left are forgotten now and then, not each by itself.
        if self.seated.len() >= 2 * self.most {
            self.seated.retain(|place| place.waits_since.load(Ordering::Relaxed) != GONE);
        }
        let turn = self.turns.fetch_add(1, Ordering::Relaxed);
        let place =
            Arc::new(Place { waits_since: AtomicU64::new(turn), sent_away: CancellationToken::new() });
        self.seated.push(place.clone());
        Seat { place, turns: self.turns.clone(), _permit: permit }
    }

    /// Tells the one who has waited longest for a request to leave, and says whether there was one.
    pub(crate) fn send_one_away(&self) -> bool {
        loop {
            let waiting = self.seated.iter().filter_map(|place| {
                let since = place.waits_since.load(Ordering::Relaxed);
                (since != BUSY && since != GONE).then_some((since, place))
            });
            let Some((since, place)) = waiting.min_by_key(|(since, _)| *since) else { return false };
            // Unless its next request came just now.
            if place.waits_since.compare_exchange(since, GONE, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
                place.sent_away.cancel();
                return true;
            }
        }
    }
}

impl Seat {
    /// Until what it returns is dropped, the connection is not sent away.
    pub(crate) fn busy(&self) -> Busy<'_> {
        // One that is sent away already stays so: the platform repeats what is not answered.
        let _ = self
            .place
            .waits_since
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |since| (since != GONE).then_some(BUSY));
        Busy(self)
    }

    /// Returns when the connection has to make way.
    pub(crate) async fn sent_away(&self) {
        self.place.sent_away.cancelled().await;
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        let turn = self.0.turns.fetch_add(1, Ordering::Relaxed);
        let since = &self.0.place.waits_since;
        // Not one that left meanwhile.
        let _ = since.compare_exchange(BUSY, turn, Ordering::Relaxed, Ordering::Relaxed);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.place.waits_since.store(GONE, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn who_has_waited_longest_makes_way() {
        let mut crowd = Crowd::new(3);
        let (first, second, third) = (crowd.seat().await, crowd.seat().await, crowd.seat().await);
        let is_sent_away = |seat: &Seat| seat.place.sent_away.is_cancelled();
        // The first one had a request since: the second one has waited longest.
        drop(first.busy());
        assert!(crowd.send_one_away());
        assert_eq!([&first, &second, &third].map(is_sent_away), [false, true, false]);
        drop(second);
        let _fourth = crowd.seat_or_vacate().await.unwrap();
        assert_eq!([&first, &third].map(is_sent_away), [false; 2], "there was room");
        let busy = third.busy();
        assert!(crowd.send_one_away());
        assert_eq!([&first, &third].map(is_sent_away), [true, false]);
        drop(busy);
    }

    #[tokio::test]
    async fn who_is_busy_stays() {
        let mut crowd = Crowd::new(1);
        let seat = crowd.seat().await;
        let busy = seat.busy();
        assert!(crowd.seat_or_vacate().await.is_none());
        drop(busy);
        assert!(crowd.send_one_away());
        assert!(seat.place.sent_away.is_cancelled());
        // A request that comes when it was told to leave does not bring it back.
        drop(seat.busy());
        assert!(!crowd.send_one_away());
    }

    #[tokio::test]
    async fn who_left_is_forgotten() {
        let mut crowd = Crowd::new(2);
        for _ in 0..1_000 {
            drop(crowd.seat().await);
        }
        assert!(crowd.seated.len() <= 4);
        assert!(!crowd.send_one_away());
    }
}
