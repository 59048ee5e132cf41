//! What a [`World`](crate::World) is built on: the embedded parts, or PostgreSQL and Redis, driven step by step on the
//! world's own clock.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use clock::SharedClock;
use queue::memory::{MemoryPermits, MemoryQueue};
use queue::{Handled, Handler, Job, SharedPermits, SharedQueue};
use servers::{Postgres, Redis};
use store::{PostgresStore, SharedStore, SqliteStore};
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::files::Files;

/// The kinds of parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Backend {
    /// SQLite, and queue and permits in memory.
    #[default]
    Embedded,
    /// PostgreSQL, and queue and permits in Redis.
    ScaledOut,
}

/// The parts of a world.
pub(crate) struct Parts {
    pub(crate) store: SharedStore,
    pub(crate) queue: SharedQueue,
    pub(crate) permits: SharedPermits,
    pub(crate) jobs: Jobs,
    /// Kept as long as the world.
    pub(crate) redis: Option<Redis>,
}

impl Backend {
    /// Makes the parts; the command line of `files` finds the same store.
    pub(crate) async fn build(
        self,
        files: &mut Files,
        clock: SharedClock,
        stop: &CancellationToken,
        senders: &[String],
    ) -> Parts {
        match self {
            Self::Embedded => {
                let path = files.join("paceline.db");
                let queue = MemoryQueue::new(senders.iter().cloned()).by_clock(clock.clone());
                Parts {
                    store: Arc::new(SqliteStore::open(path.to_str().unwrap()).await.unwrap()),
                    permits: Arc::new(MemoryPermits::new(clock)),
                    jobs: Jobs::Memory(queue.clone()),
                    queue: Arc::new(queue),
                    redis: None,
                }
            }
            Self::ScaledOut => {
                let (database, redis) = (Postgres::shared().database(), Redis::start());
                files.set("PACELINE_STORE__URL", &database);
                let senders = senders.iter().cloned();
                let (queue, permits) =
                    queue::redis::connect(&redis.url(), "world", senders, "world", clock).unwrap();
                let queue: SharedQueue = Arc::new(queue);
                Parts {
                    store: Arc::new(PostgresStore::connect(&database).await.unwrap()),
                    permits: Arc::new(permits.by_own_clock()),
                    jobs: Jobs::delivered_by(&queue, stop),
                    queue,
                    redis: Some(redis),
                }
            }
        }
    }
}

/// Where a world takes its jobs from, one by one.
pub(crate) enum Jobs {
    Memory(MemoryQueue),
    Delivered { queue: SharedQueue, arriving: tokio::sync::Mutex<mpsc::UnboundedReceiver<Delivered>> },
}

/// A job that its queue takes for under way until it is dropped.
pub(crate) struct Delivered {
    pub(crate) job: Job,
    _done: Option<oneshot::Sender<()>>,
}

impl Jobs {
    /// Serves the queue, and hands each job over.
    fn delivered_by(queue: &SharedQueue, stop: &CancellationToken) -> Self {
        let (deliver, arriving) = mpsc::unbounded_channel();
        let (serving, stop) = (queue.clone(), stop.clone());
        tokio::spawn(async move {
            serving.serve("world", 1, Arc::new(HandOver { deliver }), stop).await;
        });
        Self::Delivered { queue: queue.clone(), arriving: tokio::sync::Mutex::new(arriving) }
    }

    /// The next job, or none where none waits.
    pub(crate) async fn next(&self) -> Option<Delivered> {
        match self {
            Self::Memory(queue) => queue.try_pop().map(|job| Delivered { job, _done: None }),
            Self::Delivered { queue, arriving } => {
                let mut arriving = arriving.lock().await;
                loop {
                    if let Ok(delivered) = arriving.try_recv() {
                        return Some(delivered);
                    }
                    let depth = queue.depth().await.unwrap();
                    if depth.waiting + depth.running == 0 {
                        return None;
                    }
                    // It is on its way, or the one before is just being put away.
                    if let Ok(Some(delivered)) =
                        tokio::time::timeout(Duration::from_millis(5), arriving.recv()).await
                    {
                        return Some(delivered);
                    }
                }
            }
        }
    }
}

/// A handler that hands jobs over and waits until they are done.
struct HandOver {
    deliver: mpsc::UnboundedSender<Delivered>,
}

#[async_trait]
impl Handler for HandOver {
    async fn handle(&self, job: Job) -> Handled {
        let (done, is_done) = oneshot::channel();
        if self.deliver.send(Delivered { job, _done: Some(done) }).is_ok() {
            let _ = is_done.await;
        }
        Handled::Done
    }
}
