//! One sender's jobs as a source of tasks for an apalis worker.
//!
//! A backend of our own on apalis-core, because apalis-redis's cannot be made safe by a corrected push alone: see
//! [`super::keys`]. A job is fetched only when there is a place for it, so none waits in a worker's buffer.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use apalis_core::backend::finalize::Ephemeral;
use apalis_core::backend::{Backend, BackendConfig};
use apalis_core::task::Task;
use apalis_core::task::builder::TaskBuilder;
use apalis_core::task::task_id::TaskId;
use apalis_core::worker::context::WorkerContext;
use futures::stream::BoxStream;
use futures::{StreamExt, stream};

use super::sender::{Sender, Taken};
use crate::places::Places;
use crate::{Handler, QueueError};

/// How long a worker without jobs waits until it looks again, should it not be woken before.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// Jobs, one by one.
pub(super) struct Source {
    config: apalis_redis::Config,
    taken: BoxStream<'static, Result<Taken, QueueError>>,
    given: u64,
}

impl Source {
    /// The jobs that `worker` fetches, as far as there are places and the handler is ready.
    pub(super) fn new(
        sender: Arc<Sender>,
        worker: String,
        places: Places,
        handler: Arc<dyn Handler>,
    ) -> Self {
        let config = sender.keys.config().clone();
        let look = Look { sender, worker, places, handler };
        let taken = stream::unfold(look, |look| async move { Some((look.next().await, look)) });
        Self { config, taken: taken.boxed(), given: 0 }
    }
}

struct Look {
    sender: Arc<Sender>,
    worker: String,
    places: Places,
    handler: Arc<dyn Handler>,
}

impl Look {
    async fn next(&self) -> Result<Taken, QueueError> {
        loop {
            let place = self.places.one().await;
            self.handler.ready().await;
            if let Some(taken) = self.sender.fetch(&self.worker, place).await? {
                return Ok(taken);
            }
            // A ring since the last wait is not lost.
            let _ = tokio::time::timeout(LOOK_AGAIN, self.sender.bell.notified()).await;
        }
    }
}

impl Backend for Source {
    type Task = Task<Taken>;
    type Error = QueueError;

    fn poll_ready(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), QueueError>> {
        Poll::Ready(Ok(()))
    }

    fn poll_next(
        &mut self,
        cx: &mut Context<'_>,
        _: &WorkerContext,
    ) -> Poll<Option<Result<Task<Taken>, QueueError>>> {
        let next = self.taken.poll_next_unpin(cx);
        next.map_ok(|taken| {
            // A job may be given to the same worker twice; apalis wants its tasks to be told apart.
            self.given += 1;
            let id = TaskId::from_string(format!("{}.{}", taken.id, self.given));
            TaskBuilder::new(taken).task_id(id).build()
        })
    }

    fn poll_close(&mut self, _: &mut Context<'_>, _: &WorkerContext) -> Poll<Result<(), QueueError>> {
        Poll::Ready(Ok(()))
    }
}

impl BackendConfig for Source {
    type Args = Taken;
    type Id = String;
    type Kind = Ephemeral;
    type Config = apalis_redis::Config;
    type Layer = ();

    fn config(&self) -> &apalis_redis::Config {
        &self.config
    }

    fn middleware(&mut self, _: &mut WorkerContext) {}
}
