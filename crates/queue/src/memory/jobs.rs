//! Jobs in a channel's order, fair between senders: each sender has a line of its own and the lines are
//! served in turn, so that one sender's long backlog never holds up another's.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use tokio::sync::{Notify, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::{Depth, Handler, Job, Queue, QueueError};

#[derive(Debug, Default)]
struct Lines {
    by_sender: BTreeMap<String, VecDeque<Job>>,
    /// The sender that was served last.
    served: String,
    /// What waits, so that a job pushed again while it still waits is not there twice.
    waiting: HashSet<Job>,
    running: u64,
}

impl Lines {
    fn push(&mut self, job: Job) {
        if self.waiting.insert(job.clone()) {
            self.by_sender.entry(job.sender.clone()).or_default().push_back(job);
        }
    }

    /// The first job of the next sender after the one that was served last.
    fn pop(&mut self) -> Option<Job> {
        let sender = self
            .by_sender
            .range::<String, _>((std::ops::Bound::Excluded(&self.served), std::ops::Bound::Unbounded))
            .next()
            .or_else(|| self.by_sender.iter().next())
            .map(|(sender, _)| sender.clone())?;
        let line = self.by_sender.get_mut(&sender)?;
        let job = line.pop_front();
        if line.is_empty() {
            self.by_sender.remove(&sender);
        }
        self.served = sender;
        if let Some(job) = &job {
            self.waiting.remove(job);
        }
        job
    }
}

/// A job queue in memory.
#[derive(Debug, Default, Clone)]
pub struct MemoryQueue {
    lines: Arc<Mutex<Lines>>,
    pushed: Arc<Notify>,
}

impl MemoryQueue {
    /// An empty queue.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next job at once, or none: for tests that drive jobs one by one.
    #[must_use]
    pub fn try_pop(&self) -> Option<Job> {
        self.lines().pop()
    }

    async fn pop(&self, stop: &CancellationToken) -> Option<Job> {
        loop {
            // Armed before the look, so that a push between the two is not missed.
            let pushed = self.pushed.notified();
            if let Some(job) = self.lines().pop() {
                return Some(job);
            }
            tokio::select! {
                () = pushed => {}
                () = stop.cancelled() => return None,
            }
        }
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn push(&self, jobs: Vec<Job>) -> Result<(), QueueError> {
        let mut lines = self.lines();
        for job in jobs {
            lines.push(job);
        }
        drop(lines);
        self.pushed.notify_waiters();
        Ok(())
    }

    async fn serve(
        &self,
        worker: &str,
        concurrency: usize,
        handler: Arc<dyn Handler>,
        stop: CancellationToken,
    ) {
        let places = Arc::new(Semaphore::new(concurrency.max(1)));
        let tasks = TaskTracker::new();
        loop {
            let place = tokio::select! {
                place = places.clone().acquire_owned() => place,
                () = stop.cancelled() => break,
            };
            // The semaphore is never closed.
            let Ok(place) = place else { break };
            let Some(job) = self.pop(&stop).await else { break };
            self.lines().running += 1;
            let handler = handler.clone();
            let lines = self.lines.clone();
            let worker = worker.to_owned();
            tasks.spawn(async move {
                let slice = job.slice;
                if AssertUnwindSafe(handler.handle(job)).catch_unwind().await.is_err() {
                    tracing::error!(%slice, worker, "a job panicked; its slice comes back when its lease ends");
                }
                lines.lock().unwrap_or_else(PoisonError::into_inner).running -= 1;
                drop(place);
            });
        }
        tasks.close();
        tasks.wait().await;
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let lines = self.lines();
        Ok(Depth { waiting: lines.waiting.len() as u64, running: lines.running })
    }
}

#[cfg(test)]
mod tests {
    use campaign::ids::{CampaignId, SliceId};

    use super::*;

    fn job(sender: &str, number: u32) -> Job {
        Job::new(SliceId { campaign: CampaignId(1), number }, sender)
    }

    #[tokio::test]
    async fn senders_are_served_in_turn() {
        let queue = MemoryQueue::new();
        queue.push(vec![job("a", 1), job("a", 2), job("a", 3), job("b", 4)]).await.unwrap();
        let order: Vec<u32> = std::iter::from_fn(|| queue.try_pop()).map(|j| j.slice.number).collect();
        assert_eq!(order, [1, 4, 2, 3]);
    }

    #[tokio::test]
    async fn a_job_that_still_waits_is_not_there_twice() {
        let queue = MemoryQueue::new();
        queue.push(vec![job("a", 1)]).await.unwrap();
        queue.push(vec![job("a", 1)]).await.unwrap();
        assert_eq!(queue.depth().await.unwrap().waiting, 1);
    }
}
