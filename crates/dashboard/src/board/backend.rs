//! The queue as apalis's listing and metrics traits want it. apalis-redis's own implementations are wrong on Redis: they
//! read a set as a sorted set, and a list that is not there, and sort all tasks for each page.

use std::convert::Infallible;
use std::task::{Context, Poll};

use apalis_core::backend::codec::Codec;
use apalis_core::backend::queue::Queue;
use apalis_core::backend::{
    Backend, FetchById, Filter, ListAllTasks, ListQueues, ListTasks, ListWorkers, Metrics, QueueInfo,
    RunningWorker, Statistic, WireFormatBackend,
};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::status::Status;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use queue::inspect::{DEEPEST, JobList, JobRow, Line, PAGE, WorkerRow};
use queue::{QueueError, SharedInspect};
use store::StoreError;

use super::slices::{Slice, Slices};
use super::statistics;

type Result<T> = std::result::Result<T, BoardError>;

/// What cannot be told.
#[derive(Debug, thiserror::Error)]
pub(super) enum BoardError {
    /// As the queue is out of reach.
    #[error(transparent)]
    Queue(#[from] QueueError),
    /// As the database is.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A look into the queues of some senders. Nothing can be taken from it or put into it.
#[derive(Debug, Clone)]
pub(super) struct Board {
    queue: SharedInspect,
    slices: Slices,
    senders: Vec<String>,
}

impl Board {
    /// A look into the queues of these senders.
    pub(super) fn over(queue: SharedInspect, slices: Slices, senders: Vec<String>) -> Self {
        Self { queue, slices, senders }
    }

    async fn lines(&self) -> Result<Vec<Line>> {
        let mut lines = self.queue.lines().await?;
        lines.retain(|line| self.senders.contains(&line.sender));
        Ok(lines)
    }

    /// A page of the senders' jobs, as if each list of each sender were one after the other.
    async fn page(&self, filter: &Filter) -> Result<Vec<JobRow>> {
        let lists: &[JobList] = match &filter.status {
            None => &[JobList::Running, JobList::Waiting, JobList::Failed, JobList::Done],
            Some(Status::Pending) => &[JobList::Waiting],
            Some(Status::Running) => &[JobList::Running],
            Some(Status::Done) => &[JobList::Done],
            Some(Status::Failed) => &[JobList::Failed],
            // No job is ever killed, nor queued with a worker that has not begun it.
            Some(_) => return Ok(Vec::new()),
        };
        let limit = usize::try_from(filter.limit()).unwrap_or(PAGE).min(PAGE);
        let page = usize::try_from(filter.page.saturating_sub(1)).unwrap_or(usize::MAX);
        let mut skip = page.saturating_mul(limit);
        let lines = self.lines().await?;
        let mut rows = Vec::with_capacity(limit);
        for list in lists {
            for line in &lines {
                let count = count(line, *list);
                if skip >= count {
                    skip -= count;
                } else if rows.len() < limit {
                    rows.extend(self.queue.jobs(&line.sender, *list, skip, limit - rows.len()).await?);
                    skip = 0;
                }
            }
        }
        Ok(rows)
    }

    async fn tasks(&self, filter: &Filter) -> Result<Vec<Task<Slice>>> {
        let rows = self.page(filter).await?;
        let slices = self.slices.tell(&rows).await;
        Ok(rows.iter().zip(slices).map(|(row, slice)| task(row, slice)).collect())
    }

    async fn workers(&self) -> Result<Vec<RunningWorker>> {
        let mut workers = Vec::new();
        for sender in &self.senders {
            workers.extend(self.queue.workers(sender).await?.into_iter().map(worker));
        }
        Ok(workers)
    }
}

/// How many rows of a list can be looked at.
fn count(line: &Line, list: JobList) -> usize {
    let count = match list {
        JobList::Waiting => line.depth.waiting,
        JobList::Running => line.depth.running,
        JobList::Done => line.kept_done,
        JobList::Failed => line.kept_failed,
    };
    usize::try_from(count).unwrap_or(usize::MAX).min(DEEPEST)
}

fn task(row: &JobRow, slice: Slice) -> Task<Slice> {
    let status = match row.state.list() {
        JobList::Waiting => Status::Pending,
        JobList::Running => Status::Running,
        JobList::Done => Status::Done,
        JobList::Failed => Status::Failed,
    };
    let id = TaskId::from_string(slice.id.as_str());
    let task = TaskBuilder::new(slice)
        .task_id(id)
        .queue(Queue::from(row.sender.as_str()))
        .status(status)
        .attempt(usize::try_from(row.times_taken).unwrap_or(usize::MAX))
        .lock_by(row.worker.clone())
        .lock_at(row.taken_at)
        .done_at(row.ended_at);
    match row.pushed_at {
        Some(pushed_at) => task.run_at_timestamp(pushed_at).build(),
        None => task.build(),
    }
}

fn worker(row: WorkerRow) -> RunningWorker {
    let jobs = if row.running == 1 { "1 slice".to_owned() } else { format!("{} slices", row.running) };
    // Shown as it is; of the layers only those are that it knows.
    let backend = if row.is_alive {
        format!("{jobs} in hand")
    } else {
        format!("not heard of any more, with {jobs} in hand")
    };
    RunningWorker {
        id: row.name,
        queue: row.sender,
        backend,
        started_at: row.started_at,
        last_heartbeat: row.last_heard,
        layers: String::new(),
    }
}

impl Backend for Board {
    type Task = Task<Slice>;
    type Error = BoardError;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }

    /// Nothing comes out of a look.
    fn poll_next(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Option<Result<Self::Task>>> {
        Poll::Ready(None)
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// Slices as they are: there is nothing to decode.
#[derive(Debug, Clone, Copy)]
pub(super) struct AsTheyAre;

impl Codec<Slice> for AsTheyAre {
    type Error = Infallible;
    type Compact = Slice;

    fn encode(&self, slice: &Slice) -> std::result::Result<Slice, Infallible> {
        Ok(slice.clone())
    }

    fn decode(&self, slice: &Slice) -> std::result::Result<Slice, Infallible> {
        Ok(slice.clone())
    }
}

impl WireFormatBackend for Board {
    type Codec = AsTheyAre;
    type Compact = Slice;

    fn codec(&self) -> &AsTheyAre {
        &AsTheyAre
    }
}

impl ListQueues for Board {
    async fn list_queues(&self) -> Result<Vec<QueueInfo>> {
        let mut queues = Vec::with_capacity(self.senders.len());
        for line in self.lines().await? {
            let workers = self.queue.workers(&line.sender).await?;
            queues.push(QueueInfo {
                stats: statistics::of_one(&line),
                workers: workers.into_iter().map(|worker| worker.name).collect(),
                activity: statistics::activity(&line),
                name: line.sender,
            });
        }
        Ok(queues)
    }
}

impl ListWorkers for Board {
    async fn list_workers(&self) -> Result<Vec<RunningWorker>> {
        self.workers().await
    }

    async fn list_all_workers(&self) -> Result<Vec<RunningWorker>> {
        self.workers().await
    }
}

impl ListTasks for Board {
    async fn list_tasks(&self, filter: &Filter) -> Result<Vec<Task<Slice>>> {
        self.tasks(filter).await
    }
}

impl ListAllTasks for Board {
    async fn list_all_tasks(&self, filter: &Filter) -> Result<Vec<Task<Slice>>> {
        self.tasks(filter).await
    }
}

impl FetchById for Board {
    async fn fetch_by_id(&mut self, id: &TaskId) -> Result<Option<Task<Slice>>> {
        let Some(slice) = self.slices.find(&id.to_string()).await? else { return Ok(None) };
        for sender in &self.senders {
            if let Some(row) = self.queue.job(sender, slice).await? {
                let told = self.slices.tell(std::slice::from_ref(&row)).await;
                return Ok(told.into_iter().next().map(|slice| task(&row, slice)));
            }
        }
        Ok(None)
    }
}

impl Metrics for Board {
    async fn global(&self) -> Result<Vec<Statistic>> {
        Ok(statistics::of_all(&self.lines().await?))
    }

    async fn fetch_by_queue(&self) -> Result<Vec<Statistic>> {
        Ok(self.lines().await?.iter().flat_map(statistics::of_one).collect())
    }
}
