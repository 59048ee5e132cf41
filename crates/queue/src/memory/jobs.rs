//! Jobs in memory: a line for each sender, and places of its own among the jobs in hand, so that neither a long
//! backlog nor jobs that hang hold up another sender.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::FutureExt;
use futures::future::join_all;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::places::Places;
use crate::{Depth, Handled, Handler, Job, Queue, QueueError};

#[derive(Debug, Default)]
struct Lines {
    by_sender: BTreeMap<String, VecDeque<Job>>,
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

    /// First in its line: it has waited already.
    fn put_back(&mut self, job: Job) {
        if self.waiting.insert(job.clone()) {
            self.by_sender.entry(job.sender.clone()).or_default().push_front(job);
        }
    }

    fn pop(&mut self, sender: &str) -> Option<Job> {
        let job = self.by_sender.get_mut(sender)?.pop_front()?;
        self.waiting.remove(&job);
        Some(job)
    }
}

/// A job queue in memory.
#[derive(Debug, Clone)]
pub struct MemoryQueue {
    senders: Vec<String>,
    lines: Arc<Mutex<Lines>>,
    pushed: Arc<Notify>,
}

impl MemoryQueue {
    /// An empty queue. `senders` are those whose jobs are served.
    #[must_use]
    pub fn new(senders: impl IntoIterator<Item = String>) -> Self {
        let mut senders: Vec<String> = senders.into_iter().collect();
        senders.sort_unstable();
        senders.dedup();
        Self { senders, lines: Arc::default(), pushed: Arc::default() }
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A job at once, or none: for tests that drive jobs one by one.
    #[must_use]
    pub fn try_pop(&self) -> Option<Job> {
        let mut lines = self.lines();
        self.senders.iter().find_map(|sender| lines.pop(sender))
    }

    async fn pop(&self, sender: &str) -> Job {
        loop {
            // Armed before the look, so that a push between the two is not missed.
            let pushed = self.pushed.notified();
            if let Some(job) = self.lines().pop(sender) {
                return job;
            }
            pushed.await;
        }
    }

    /// Serves one sender until `stop`; jobs in hand go on in `tasks`.
    async fn serve_sender(
        &self,
        sender: &str,
        places: Places,
        handler: &Arc<dyn Handler>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        loop {
            let next = async {
                let place = places.one().await;
                handler.ready().await;
                (place, self.pop(sender).await)
            };
            let (place, job) = tokio::select! {
                next = next => next,
                () = stop.cancelled() => return,
            };
            self.lines().running += 1;
            let (queue, handler) = (self.clone(), handler.clone());
            tasks.spawn(async move {
                queue.execute(job, handler.as_ref()).await;
                drop(place);
            });
        }
    }

    async fn execute(&self, job: Job, handler: &dyn Handler) {
        let handled =
            AssertUnwindSafe(handler.handle(job.clone())).catch_unwind().await.unwrap_or_else(|_| {
                tracing::error!(
                    slice = %job.slice,
                    sender = job.sender,
                    "a job panicked; its slice comes back when its lease ends"
                );
                Handled::Done
            });
        let mut lines = self.lines();
        lines.running -= 1;
        if handled == Handled::PutBack {
            lines.put_back(job);
            drop(lines);
            self.pushed.notify_waiters();
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
        _worker: &str,
        concurrency: usize,
        handler: Arc<dyn Handler>,
        stop: CancellationToken,
    ) {
        let tasks = TaskTracker::new();
        let places = Places::share_out(concurrency, self.senders.len());
        let serving = self.senders.iter().zip(places);
        join_all(serving.map(|(name, places)| self.serve_sender(name, places, &handler, &tasks, &stop)))
            .await;
        if self.senders.is_empty() {
            stop.cancelled().await;
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
    async fn a_job_that_still_waits_is_not_there_twice() {
        let queue = MemoryQueue::new(["a".to_owned()]);
        queue.push(vec![job("a", 1)]).await.unwrap();
        queue.push(vec![job("a", 1)]).await.unwrap();
        assert_eq!(queue.depth().await.unwrap().waiting, 1);
    }
}
