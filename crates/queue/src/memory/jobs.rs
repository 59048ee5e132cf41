//! Jobs in memory: a line for each sender, and places of its own among the jobs in hand, so that neither a long
//! backlog nor jobs that hang hold up another sender.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use clock::{SharedClock, SystemClock};
use futures::FutureExt;
use futures::future::join_all;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::line::{Line, Outcome, Serving};
use crate::inspect::{JobList, Seconds};
use crate::places::Places;
use crate::{Depth, Handled, Handler, Job, Queue, QueueError};

/// A job queue in memory.
#[derive(Debug, Clone)]
pub struct MemoryQueue {
    pub(super) senders: Vec<String>,
    lines: Arc<Mutex<BTreeMap<String, Line>>>,
    pushed: Arc<Notify>,
    clock: SharedClock,
}

impl MemoryQueue {
    /// An empty queue. `senders` are those whose jobs are served.
    #[must_use]
    pub fn new(senders: impl IntoIterator<Item = String>) -> Self {
        let mut senders: Vec<String> = senders.into_iter().collect();
        senders.sort_unstable();
        senders.dedup();
        let clock = Arc::new(SystemClock::new());
        Self { senders, lines: Arc::default(), pushed: Arc::default(), clock }
    }

    /// The same queue by another clock than the machine's. Nothing waits by it: it is for what people are shown.
    #[must_use]
    pub fn by_clock(self, clock: SharedClock) -> Self {
        Self { clock, ..self }
    }

    pub(super) fn lines(&self) -> MutexGuard<'_, BTreeMap<String, Line>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn now(&self) -> Seconds {
        Seconds::try_from(self.clock.now().timestamp()).unwrap_or(0)
    }

    /// A job at once, or none: for tests that drive jobs one by one.
    #[must_use]
    pub fn try_pop(&self) -> Option<Job> {
        let mut lines = self.lines();
        self.senders.iter().find_map(|sender| lines.get_mut(sender)?.take_away())
    }

    async fn take(&self, sender: &str, worker: &str) -> (u64, Job) {
        loop {
            // Armed before the look, so that a push between the two is not missed.
            let pushed = self.pushed.notified();
            let now = self.now();
            if let Some(taken) = self.lines().get_mut(sender).and_then(|line| line.take(worker, now)) {
                return taken;
            }
            pushed.await;
        }
    }

    /// Serves one sender until `stop`; jobs in hand go on in `tasks`.
    async fn serve_sender(
        &self,
        sender: &str,
        worker: &str,
        places: Places,
        handler: &Arc<dyn Handler>,
        tasks: &TaskTracker,
        stop: &CancellationToken,
    ) {
        loop {
            let next = async {
                let place = places.one().await;
                handler.ready().await;
                (place, self.take(sender, worker).await)
            };
            let (place, (taken, job)) = tokio::select! {
                next = next => next,
                () = stop.cancelled() => return,
            };
            let (queue, handler) = (self.clone(), handler.clone());
            tasks.spawn(async move {
                queue.execute(taken, job, handler.as_ref()).await;
                drop(place);
            });
        }
    }

    async fn execute(&self, taken: u64, job: Job, handler: &dyn Handler) {
        let (slice, sender) = (job.slice, job.sender.clone());
        let outcome = match AssertUnwindSafe(handler.handle(job)).catch_unwind().await {
            Ok(handled) => Outcome::Handled(handled),
            Err(_) => {
                tracing::error!(%slice, sender, "a job panicked; its slice comes back when its lease ends");
                Outcome::Panicked
            }
        };
        let now = self.now();
        if let Some(line) = self.lines().get_mut(&sender) {
            line.end(taken, outcome, now);
        }
        if outcome == Outcome::Handled(Handled::PutBack) {
            self.pushed.notify_waiters();
        }
    }
}

/// That somebody serves the queue, until it is dropped.
struct Registration<'a> {
    queue: &'a MemoryQueue,
    sender: &'a str,
    worker: &'a str,
}

impl<'a> Registration<'a> {
    fn of(queue: &'a MemoryQueue, sender: &'a str, worker: &'a str) -> Self {
        let started_at = queue.now();
        let mut lines = queue.lines();
        let workers = &mut lines.entry(sender.to_owned()).or_default().workers;
        workers.entry(worker.to_owned()).or_insert(Serving { started_at, times: 0 }).times += 1;
        drop(lines);
        Self { queue, sender, worker }
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        let mut lines = self.queue.lines();
        let Some(line) = lines.get_mut(self.sender) else { return };
        if let Some(serving) = line.workers.get_mut(self.worker) {
            serving.times -= 1;
            if serving.times == 0 {
                line.workers.remove(self.worker);
            }
        }
    }
}

#[async_trait]
impl Queue for MemoryQueue {
    async fn push(&self, jobs: Vec<Job>) -> Result<(), QueueError> {
        let now = self.now();
        let mut lines = self.lines();
        for job in jobs {
            lines.entry(job.sender.clone()).or_default().push(job, now);
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
        let tasks = TaskTracker::new();
        let names: Vec<(&String, String)> =
            self.senders.iter().map(|sender| (sender, format!("{worker}-{sender}"))).collect();
        let _registrations: Vec<Registration<'_>> =
            names.iter().map(|(sender, name)| Registration::of(self, sender, name)).collect();
        let serving = names.iter().zip(Places::share_out(concurrency, names.len()));
        join_all(serving.map(|((sender, name), places)| {
            self.serve_sender(sender, name, places, &handler, &tasks, &stop)
        }))
        .await;
        if self.senders.is_empty() {
            stop.cancelled().await;
        }
        tasks.close();
        tasks.wait().await;
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let lines = self.lines();
        let count = |list| lines.values().map(|line| line.count(list) as u64).sum::<u64>();
        Ok(Depth { waiting: count(JobList::Waiting), running: count(JobList::Running) })
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
