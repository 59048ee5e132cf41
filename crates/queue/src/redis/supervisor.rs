//! One apalis worker after the other, whatever ends them: a flush, a restart, a failover, a script's error, a process
//! that was frozen and woken. Each has a name of its own, as the name is its identity in Redis; jobs in hand go over
//! from one to the next.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use apalis_core::worker::builder::WorkerBuilder;
use apalis_core::worker::context::WorkerContext;
use backon::{BackoffBuilder, ExponentialBuilder};
use futures::FutureExt;
use futures::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::sender::{Sender, Taken};
use super::source::Source;
use crate::places::Places;
use crate::{Handler, QueueError};

/// How often a worker says that it lives.
const BEAT: Duration = Duration::from_secs(1);

/// What ended a worker.
enum End {
    /// It was told to.
    Stopped,
    /// It could not begin.
    NotBegun(QueueError),
    /// Anything else.
    Failed {
        /// In its own words.
        why: String,
        /// It did not end at once: Redis had heard from it.
        lived: bool,
    },
}

/// Serves one sender until `stop`, and ends when what is in hand is done.
pub(super) async fn serve(
    sender: Arc<Sender>,
    worker: String,
    places: Places,
    handler: Arc<dyn Handler>,
    stop: CancellationToken,
) {
    let pauses = || {
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(100))
            .with_max_delay(Duration::from_secs(1))
            .without_max_times()
            .with_jitter()
            .build()
    };
    let mut pause = pauses();
    let mut is_out_of_reach = false;
    let mut generation = 0_u64;
    while !stop.is_cancelled() {
        generation += 1;
        let name = format!("{worker}-{}-{generation}", sender.name);
        match live(&sender, &name, &places, &handler, &stop).await {
            End::Stopped => break,
            End::NotBegun(error) => {
                // Once, not at every attempt.
                if !is_out_of_reach {
                    tracing::warn!(
                        sender = sender.name,
                        error = &error as &dyn std::error::Error,
                        "no jobs are taken until Redis is back"
                    );
                }
                is_out_of_reach = true;
            }
            End::Failed { why, lived } => {
                tracing::warn!(
                    sender = sender.name,
                    worker = name,
                    why,
                    "the queue's worker ended, and is started anew"
                );
                is_out_of_reach = false;
                if lived {
                    pause = pauses();
                }
            }
        }
        let wait = pause.next().unwrap_or(BEAT);
        let _ = tokio::time::timeout(wait, stop.cancelled()).await;
    }
    sender.tasks.close();
    let lived = AtomicBool::default();
    // While the last jobs are in hand, others must not take this worker for dead.
    tokio::select! {
        () = sender.tasks.wait() => {}
        _ = beat(&sender, &lived) => sender.tasks.wait().await,
    }
    if let Err(error) = sender.leave().await {
        tracing::debug!(
            sender = sender.name,
            error = &error as &dyn std::error::Error,
            "the registration ends by itself"
        );
    }
}

/// The life of one apalis worker.
async fn live(
    sender: &Arc<Sender>,
    name: &str,
    places: &Places,
    handler: &Arc<dyn Handler>,
    stop: &CancellationToken,
) -> End {
    if let Err(error) = sender.register(name).await {
        return End::NotBegun(error);
    }
    let context = WorkerContext::new(name);
    let lived = AtomicBool::default();
    let running = apalis_worker(&context, sender.clone(), places.clone(), handler.clone(), stop.clone());
    let end = tokio::select! {
        why = running => Some(why),
        error = beat(sender, &lived) => Some(error.to_string()),
        () = stop.cancelled() => None,
    };
    // The apalis worker is gone here; the jobs it was given go on in tasks of their own.
    let _ = context.stop();
    if let Some(why) = end {
        return End::Failed { why, lived: lived.into_inner() };
    }
    if let Err(error) = sender.release(name).await {
        tracing::debug!(
            sender = sender.name,
            error = &error as &dyn std::error::Error,
            "jobs not begun come back later"
        );
    }
    End::Stopped
}

/// Runs an apalis worker until something ends it, and says what.
fn apalis_worker(
    context: &WorkerContext,
    sender: Arc<Sender>,
    places: Places,
    handler: Arc<dyn Handler>,
    stop: CancellationToken,
) -> BoxFuture<'static, String> {
    let source = Source::new(sender.clone(), context.name().to_owned(), places, handler.clone());
    let execute = move |taken: Taken| {
        let task = sender.begin(taken, handler.clone(), stop.clone());
        async move {
            // It catches panics itself, and nobody aborts it. A task never fails, or apalis would run it
            // again.
            let _ = task.await;
            Ok::<(), QueueError>(())
        }
    };
    let apalis = WorkerBuilder::new(context).backend(source).build(execute);
    let running = AssertUnwindSafe(apalis.run()).catch_unwind();
    running
        .map(|ended| match ended {
            Ok(Ok(())) => "it ended without being told to".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it panicked".to_owned(),
        })
        .boxed()
}

/// Says that the worker lives, again and again, until that fails.
async fn beat(sender: &Sender, lived: &AtomicBool) -> QueueError {
    loop {
        tokio::time::sleep(BEAT).await;
        if let Err(error) = sender.beat().await {
            return error;
        }
        lived.store(true, Ordering::Relaxed);
    }
}
