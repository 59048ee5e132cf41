//! One sender's jobs, as one process that serves them sees them: fetched, in hand, done.

use std::collections::BTreeMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::FutureExt;
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::keys::{self, Keys};
use super::link::Link;
use crate::inspect::KEPT;
use crate::places::Place;
use crate::{Handled, Handler, Job, QueueError};

/// A worker that has not been heard of for so many seconds is dead, and its jobs go to others.
pub(super) const SILENT: u64 = 5;

/// A worker that was itself heard of so many seconds ago at the most may take others for dead.
const FRESH: u64 = 2;

/// How long to wait before a job's end is told again to a Redis that was out of reach.
const TELL_AGAIN: Duration = Duration::from_secs(1);

/// The version of the jobs that this process understands.
const VERSION: u8 = 1;

/// What became of a job in hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// It came to an end of its own.
    Handled(Handled),
    /// It panicked.
    Panicked,
    /// It could not be read.
    Unreadable,
}

/// A job that was fetched, with the place it takes.
pub(super) struct Taken {
    pub(super) id: String,
    pub(super) job: Job,
    pub(super) place: Place,
}

impl fmt::Debug for Taken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Taken").field("id", &self.id).finish_non_exhaustive()
    }
}

/// A sender that is served.
#[derive(Debug)]
pub(super) struct Sender {
    pub(super) name: String,
    pub(super) keys: Keys,
    /// Rung when there may be jobs.
    pub(super) bell: Notify,
    /// The jobs' own tasks: they outlive the apalis worker that was given the jobs.
    pub(super) tasks: TaskTracker,
    link: Arc<Link>,
    /// The name under which jobs are held in Redis: that of the last apalis worker.
    worker: Mutex<String>,
    /// How often each job is in hand: more than once where others took it for lost meanwhile.
    in_hand: Mutex<BTreeMap<String, usize>>,
}

impl Sender {
    /// A sender of which nothing is in hand.
    pub(super) fn new(name: &str, keys: Keys, link: Arc<Link>) -> Self {
        Self {
            name: name.to_owned(),
            keys,
            bell: Notify::new(),
            tasks: TaskTracker::new(),
            link,
            worker: Mutex::default(),
            in_hand: Mutex::default(),
        }
    }

    fn worker(&self) -> MutexGuard<'_, String> {
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn in_hand(&self) -> MutexGuard<'_, BTreeMap<String, usize>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ids_in_hand(&self) -> Vec<String> {
        self.in_hand().keys().cloned().collect()
    }

    /// Registers a worker; what the one before it has in hand is now held in this one's name.
    pub(super) async fn register(&self, worker: &str) -> Result<(), QueueError> {
        let before = self.worker().clone();
        let mut call = self.keys.call(&keys::REGISTER);
        call.arg(worker).arg(before).arg(self.ids_in_hand());
        self.link.run::<i64>("register a worker", |_| call).await?;
        worker.clone_into(&mut self.worker());
        Ok(())
    }

    /// Says that the worker lives, and puts back the jobs of dead ones.
    pub(super) async fn beat(&self) -> Result<(), QueueError> {
        let worker = self.worker().clone();
        let mut call = self.keys.call(&keys::BEAT);
        call.arg(worker).arg(SILENT).arg(FRESH);
        let returned: u64 = self.link.run("say that a worker lives", |_| call).await?;
        if returned > 0 {
            tracing::info!(sender = self.name, jobs = returned, "jobs of a dead worker are given to others");
            self.bell.notify_one();
        }
        Ok(())
    }

    /// Fetches a job, one only: so that those that wait are spread over all processes.
    pub(super) async fn fetch(&self, worker: &str, place: Place) -> Result<Option<Taken>, QueueError> {
        loop {
            let mut call = self.keys.call(&keys::FETCH);
            call.arg(worker);
            let fetched: Option<(String, Vec<u8>)> = self.link.run("fetch a job", |_| call).await?;
            let Some((id, data)) = fetched else { return Ok(None) };
            match serde_json::from_slice::<Job>(&data) {
                Ok(job) if job.v == VERSION => return Ok(Some(Taken { id, job, place })),
                Ok(Job { v, .. }) => {
                    tracing::warn!(
                        id,
                        version = v,
                        "a job of another version was left out; its slice comes back"
                    );
                }
                Err(error) => tracing::warn!(id, %error, "a job that cannot be read was left out"),
            }
            self.let_go_of(&id, Outcome::Unreadable).await?;
        }
    }

    /// Executes a job in a task of its own, to its end whatever becomes of the apalis worker.
    pub(super) fn begin(
        self: &Arc<Self>,
        taken: Taken,
        handler: Arc<dyn Handler>,
        stop: CancellationToken,
    ) -> JoinHandle<()> {
        let Taken { id, job, place } = taken;
        *self.in_hand().entry(id.clone()).or_default() += 1;
        let sender = self.clone();
        self.tasks.spawn(async move {
            let slice = job.slice;
            let outcome = match AssertUnwindSafe(handler.handle(job)).catch_unwind().await {
                Ok(handled) => Outcome::Handled(handled),
                Err(_) => {
                    let sender = &sender.name;
                    tracing::error!(%slice, sender, "a job panicked; its slice comes back when its lease ends");
                    Outcome::Panicked
                }
            };
            let mut told = sender.let_go_of(&id, outcome).await;
            drop(place);
            // Out of reach: until Redis knows, it would hold the job for one in hand.
            while told.is_err() && !stop.is_cancelled() {
                let _ = tokio::time::timeout(TELL_AGAIN, stop.cancelled()).await;
                told = sender.let_go_of(&id, outcome).await;
            }
            sender.forget(&id);
        })
    }

    fn forget(&self, id: &str) {
        let mut in_hand = self.in_hand();
        if let Some(times) = in_hand.get_mut(id) {
            *times -= 1;
            if *times == 0 {
                in_hand.remove(id);
            }
        }
    }

    /// Tells Redis that a job has ended, or is to be done by somebody else.
    async fn let_go_of(&self, id: &str, outcome: Outcome) -> Result<(), QueueError> {
        let how = match outcome {
            Outcome::Handled(Handled::Done) => Some("done"),
            Outcome::Handled(Handled::PutBack) => None,
            Outcome::Panicked => Some("panicked"),
            Outcome::Unreadable => Some("unreadable"),
        };
        let mut worker = self.worker().clone();
        loop {
            let was_held: bool = if let Some(how) = how {
                let mut call = self.keys.call(&keys::FINISH);
                call.arg(&worker).arg(id).arg(how).arg(KEPT);
                self.link.run("end a job", |_| call).await?
            } else {
                let mut call = self.keys.call(&keys::PUT_BACK);
                call.arg(&worker).arg(id);
                self.link.run("put back a job", |_| call).await?
            };
            let now = self.worker().clone();
            // A new worker may have taken the job over between the look at the name and the call.
            if was_held || now == worker {
                return Ok(());
            }
            worker = now;
        }
    }

    /// Puts back what was fetched and not begun.
    pub(super) async fn release(&self, worker: &str) -> Result<(), QueueError> {
        let mut call = self.keys.call(&keys::RELEASE);
        call.arg(worker).arg(self.ids_in_hand());
        self.link.run::<u64>("put back jobs", |_| call).await.map(|_| ())
    }

    /// Ends the registration.
    pub(super) async fn leave(&self) -> Result<(), QueueError> {
        let worker = self.worker().clone();
        let mut call = self.keys.call(&keys::LEAVE);
        call.arg(worker);
        self.link.run::<u64>("end a worker's registration", |_| call).await.map(|_| ())
    }
}
