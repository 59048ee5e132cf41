//! A look into a queue, for people: which jobs are where, who has them, what became of the last ones. Every look is
//! bounded however much there is, changes nothing, and is not the truth: that is the store.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use campaign::ids::SliceId;

use crate::{Depth, QueueError};

/// A look into a queue that many share.
pub type SharedInspect = Arc<dyn Inspect>;

/// So many ended jobs of a sender are kept to be looked at: of those that are done, and of those that failed.
pub const KEPT: usize = 200;

/// What became of jobs is counted by the minute for so many minutes, the present one among them.
pub const MINUTES: usize = 70;

/// A page has at most so many jobs.
pub const PAGE: usize = 100;

/// Pages begin at most so many jobs from the first: further than anybody looks, and than the longest list that Redis
/// walks over in no time.
pub const DEEPEST: usize = 10_000;

/// Seconds since 1970, by the queue's own clock: in Redis the server's.
pub type Seconds = u64;

/// A look into a queue.
#[async_trait]
pub trait Inspect: fmt::Debug + Send + Sync + 'static {
    /// The senders that are served, in order: each has a line of its own.
    fn senders(&self) -> &[String];

    /// Every sender's line, in the order of [`Inspect::senders`].
    ///
    /// # Errors
    /// When the queue is out of reach.
    async fn lines(&self) -> Result<Vec<Line>, QueueError>;

    /// A page of a sender's jobs: those that wait in their order, those in hand by worker, those that ended newest
    /// first. `limit` counts up to [`PAGE`]; from [`DEEPEST`] on there are none. A sender that is not served has none.
    ///
    /// # Errors
    /// When the queue is out of reach.
    async fn jobs(
        &self,
        sender: &str,
        list: JobList,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<JobRow>, QueueError>;

    /// One job: where it is now, or how it ended last, while that is kept.
    ///
    /// # Errors
    /// When the queue is out of reach.
    async fn job(&self, sender: &str, slice: SliceId) -> Result<Option<JobRow>, QueueError>;

    /// Who serves a sender, by name.
    ///
    /// # Errors
    /// When the queue is out of reach.
    async fn workers(&self, sender: &str) -> Result<Vec<WorkerRow>, QueueError>;
}

/// One sender's line, counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// The sender.
    pub sender: String,
    /// How many wait, and how many are in hand.
    pub depth: Depth,
    /// How many done jobs are kept, at most [`KEPT`].
    pub kept_done: u64,
    /// How many failed jobs are kept, at most [`KEPT`].
    pub kept_failed: u64,
    /// What became of jobs since the queue was last lost.
    pub total: Counts,
    /// The same in each of the last [`MINUTES`] minutes, oldest first; the last one is not over.
    pub minutes: Vec<Counts>,
}

/// How often what became of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Done: what could be done at the time.
    pub done: u64,
    /// Put back by a worker that could do nothing with it.
    pub put_back: u64,
    /// Ended by a panic; the slice comes back when its lease ends.
    pub panicked: u64,
    /// Left out, as this version cannot read it; the slice comes back when its lease ends.
    pub unreadable: u64,
    /// Taken from a worker that was not heard of any more, and given to others.
    pub lost: u64,
}

/// Which jobs to look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobList {
    /// Those that wait for a worker.
    Waiting,
    /// Those in a worker's hands.
    Running,
    /// The last ones that were done.
    Done,
    /// The last ones that panicked or could not be read.
    Failed,
}

/// Where a job is, or how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobState {
    /// In the line.
    Waiting,
    /// In a worker's hands.
    Running,
    /// Done.
    Done,
    /// Its handler panicked.
    Panicked,
    /// This version could not read it.
    Unreadable,
}

impl JobState {
    /// The list that such jobs are in.
    #[must_use]
    pub fn list(self) -> JobList {
        match self {
            Self::Waiting => JobList::Waiting,
            Self::Running => JobList::Running,
            Self::Done => JobList::Done,
            Self::Panicked | Self::Unreadable => JobList::Failed,
        }
    }
}

/// A job as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobRow {
    /// Its slice, which is its name.
    pub slice: SliceId,
    /// The sender whose line it is in.
    pub sender: String,
    /// How many messages waited in the slice when it was released, where the job says so.
    pub messages: Option<u32>,
    /// Where it is.
    pub state: JobState,
    /// How often it was taken into hand since it was pushed.
    pub times_taken: u64,
    /// When it came into the line last: pushed, or put back.
    pub pushed_at: Option<Seconds>,
    /// Who has it in hand, or had when it ended.
    pub worker: Option<String>,
    /// When they took it.
    pub taken_at: Option<Seconds>,
    /// When it ended.
    pub ended_at: Option<Seconds>,
}

/// Who serves a sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerRow {
    /// Its name, unique per start.
    pub name: String,
    /// The sender it serves.
    pub sender: String,
    /// Since when.
    pub started_at: Seconds,
    /// When it was last heard of.
    pub last_heard: Seconds,
    /// Whether that is recent enough; else it is dead, or cut off.
    pub is_alive: bool,
    /// How many jobs it has in hand.
    pub running: u64,
}
