//! The job queue and the permits of the pace.
//!
//! A [`Job`] is a slice of a campaign: ids only. Losing a queue loses nothing, as the store releases a slice
//! again when its lease ends; delivering a job twice doubles nothing, as the store's claim is the only leave
//! to send. [`Permits`] hold the pace of each sender for all workers together.
//!
//! | module | holds |
//! | --- | --- |
//! | [`job`] | the wire format of a job |
//! | [`inspect`] | a look into a queue, for people |
//! | [`memory`] | queue and permits inside one process |
//! | [`redis`] | queue and permits that many processes share: apalis and a script, in Redis |
//! | `line` | the lines in which those wait who ask for permits |
//! | `places` | how the jobs in hand at once are shared out among senders |
//! | [`conformance`] | the suite that every queue and every permits pass (feature `conformance`) |

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod inspect;
pub mod job;
mod line;
pub mod memory;
mod places;
pub mod redis;

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use campaign::ids::CampaignId;
use campaign::pacing::Rate;
use campaign::pacing::limiter::{Ask, Instant};
use tokio_util::sync::CancellationToken;

pub use inspect::{Inspect, SharedInspect};
pub use job::Job;

/// A queue that many share.
pub type SharedQueue = Arc<dyn Queue>;
/// Permits that many share.
pub type SharedPermits = Arc<dyn Permits>;

/// The queue did not do it. The sentence is for people; the caller waits and tries again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the queue could not {doing}: {why}")]
pub struct QueueError {
    /// What was being done.
    pub doing: &'static str,
    /// The queue's own words.
    pub why: String,
}

/// How many jobs are where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Depth {
    /// Waiting for a worker.
    pub waiting: u64,
    /// In a worker's hands.
    pub running: u64,
}

/// What a handler did with a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handled {
    /// What could be done now: the job is gone from the queue.
    Done,
    /// Nothing: the job goes back to the front of the line, for whoever is ready first.
    PutBack,
}

/// What executes jobs.
#[async_trait]
pub trait Handler: Send + Sync + 'static {
    /// Waits until this handler can take a job. Asked before each one is taken, so that a process that cannot work
    /// at the moment leaves the jobs to others.
    async fn ready(&self) {}

    /// Executes one job. It has no error: what goes wrong is recorded in the store, and a job that is not
    /// finished comes back when its lease ends. A panic is caught by the queue and ends only this job.
    async fn handle(&self, job: Job) -> Handled;
}

/// A job queue.
#[async_trait]
pub trait Queue: fmt::Debug + Send + Sync + 'static {
    /// Adds jobs. They may be delivered in any order, and more than once: one that is pushed again while somebody has
    /// it in hand is delivered to whoever is ready, as its slice was released again.
    ///
    /// # Errors
    /// When the queue is out of reach; none or some of the jobs were added, and pushing them again is safe.
    async fn push(&self, jobs: Vec<Job>) -> Result<(), QueueError>;

    /// Delivers jobs to `handler`, at most `concurrency` at once, until `stop` is cancelled; then takes no
    /// more and returns when those in hand are done. Survives loss and return of its backend by itself.
    /// `worker` must be unique per start of a process.
    async fn serve(
        &self,
        worker: &str,
        concurrency: usize,
        handler: Arc<dyn Handler>,
        stop: CancellationToken,
    );

    /// How many jobs are waiting and running.
    ///
    /// # Errors
    /// When the queue is out of reach.
    async fn depth(&self) -> Result<Depth, QueueError>;
}

/// A sender's pace, as the permits need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SenderPace {
    /// The sender's name in the configuration.
    pub name: String,
    /// Its rate.
    pub rate: Rate,
}

/// Leave to send one message each, at given instants of `Clock::monotonic` in microseconds.
pub type Granted = Vec<Instant>;

/// The pace of each sender, shared by all workers.
#[async_trait]
pub trait Permits: fmt::Debug + Send + Sync + 'static {
    /// Waits for its turn and returns at least one and at most `ask.permits` permits, ascending. The first
    /// is at most `campaign::pacing::limiter::LEAD` ahead.
    ///
    /// A permit may be used until `TOLERANCE` after its instant; later only where [`Permits::postpone`] allows it.
    ///
    /// # Errors
    /// When the shared state is out of reach: then nobody sends.
    async fn take(&self, sender: &SenderPace, ask: &Ask) -> Result<Granted, QueueError>;

    /// Gives back permits that were not used.
    async fn give_back(&self, sender: &SenderPace, campaign: CampaignId, weight: u32, permits: &[Instant]);

    /// Says that a permit whose instant has passed is used now, and from now on counts as of now. False: it is
    /// too old, or out of reach, and must not be used; a new one may be taken.
    async fn postpone(&self, sender: &SenderPace, campaign: CampaignId, permit: Instant) -> bool;

    /// The platform throttled this sender: slow down for everybody.
    async fn slow_down(&self, sender: &SenderPace);

    /// The share of its rate that a sender may use now, 0.05 to 1.
    async fn factor(&self, sender: &SenderPace) -> f64;
}
