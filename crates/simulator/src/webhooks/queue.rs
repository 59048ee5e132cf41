//! Webhooks that are not delivered yet, in the order in which they are due.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use tokio::sync::Notify;

use super::payload::Event;

struct Due {
    at: DateTime<Utc>,
    /// Ties are told in the order in which they were put in.
    order: u64,
    event: Event,
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.order == other.order
    }
}

impl Eq for Due {}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.order).cmp(&(other.at, other.order))
    }
}

#[derive(Default)]
struct Inner {
    due: BinaryHeap<Reverse<Due>>,
    next_order: u64,
    in_hand: usize,
}

/// What is to be told. Shared.
#[derive(Default)]
pub(crate) struct Queue {
    inner: Mutex<Inner>,
    filled: Notify,
    emptied: Notify,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts events in, each with the time at which it is due.
    pub(crate) fn push(&self, events: impl IntoIterator<Item = (DateTime<Utc>, Event)>) {
        {
            let mut inner = self.lock();
            for (at, event) in events {
                let order = inner.next_order;
                inner.next_order += 1;
                inner.due.push(Reverse(Due { at, order, event }));
            }
        }
        self.filled.notify_one();
    }

    /// Takes up to `most` events that are due at `now`, in their order. They count as pending until
    /// [`Queue::done`].
    pub(crate) fn take(&self, now: DateTime<Utc>, most: usize) -> Vec<Event> {
        let mut inner = self.lock();
        let mut taken = Vec::new();
        while taken.len() < most && inner.due.peek().is_some_and(|Reverse(due)| due.at <= now) {
            taken.extend(inner.due.pop().map(|Reverse(due)| due.event));
        }
        inner.in_hand += taken.len();
        taken
    }

    /// Puts events that were taken and could not be delivered back before all others.
    pub(crate) fn put_back(&self, events: Vec<Event>) {
        self.push(events.into_iter().map(|event| (DateTime::<Utc>::MIN_UTC, event)));
    }

    /// So many of the events taken are delivered or given up.
    pub(crate) fn done(&self, events: usize) {
        let empty = {
            let mut inner = self.lock();
            inner.in_hand = inner.in_hand.saturating_sub(events);
            inner.in_hand == 0 && inner.due.is_empty()
        };
        if empty {
            self.emptied.notify_waiters();
        }
    }

    /// Events that are not delivered yet, whether or not they are due.
    pub(crate) fn pending(&self) -> usize {
        let inner = self.lock();
        inner.due.len() + inner.in_hand
    }

    /// Whether nothing waits to be taken.
    pub(crate) fn has_nothing_to_take(&self) -> bool {
        self.lock().due.is_empty()
    }

    /// Waits until something was put in.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    /// Waits until nothing is pending.
    pub(crate) async fn emptied(&self) {
        loop {
            let emptied = self.emptied.notified();
            tokio::pin!(emptied);
            emptied.as_mut().enable();
            if self.pending() == 0 {
                return;
            }
            emptied.await;
        }
    }
}
