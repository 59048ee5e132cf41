//! The queue: a queue of apalis's for each sender.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use campaign::ids::SliceId;
use futures::FutureExt;
use futures::future::join_all;
use tokio_util::sync::CancellationToken;

use super::keys::{self, Keys};
use super::link::Link;
use super::sender::Sender;
use super::{bell, supervisor};
use crate::places::Places;
use crate::{Depth, Handler, Job, Queue, QueueError};

/// So many jobs are pushed by one call: a script keeps all others waiting.
const CHUNK: usize = 500;

/// A job that is pushed again after so many seconds in the line is looked for there. Less than a slice's lease.
const LOOKED_FOR: u64 = 8;

/// A job queue in Redis.
///
/// Each sender has a line of its own. A job's name is its slice's: one that is pushed again while it waits is not there
/// twice, and one that is pushed again while it is in hand is taken from whoever has it.
#[derive(Debug, Clone)]
pub struct RedisQueue {
    pub(super) link: Arc<Link>,
    installation: String,
    pub(super) senders: Vec<String>,
}

impl RedisQueue {
    pub(super) fn new(
        link: Arc<Link>,
        installation: &str,
        senders: impl IntoIterator<Item = String>,
    ) -> Self {
        let mut senders: Vec<String> = senders.into_iter().collect();
        senders.sort_unstable();
        senders.dedup();
        Self { link, installation: installation.to_owned(), senders }
    }

    /// The keys of a sender's queue.
    pub(super) fn keys_of(&self, sender: &str) -> Keys {
        Keys::of(&self.installation, sender)
    }
}

/// A job's name in its sender's queue.
pub(super) fn id_of(slice: SliceId) -> String {
    format!("{}-{}", slice.campaign, slice.number)
}

#[async_trait]
impl Queue for RedisQueue {
    async fn push(&self, jobs: Vec<Job>) -> Result<(), QueueError> {
        let mut by_sender: BTreeMap<&str, Vec<(String, Vec<u8>)>> = BTreeMap::new();
        for job in &jobs {
            let data = serde_json::to_vec(job)
                .map_err(|error| QueueError { doing: "push jobs", why: error.to_string() })?;
            by_sender.entry(&job.sender).or_default().push((id_of(job.slice), data));
        }
        for (sender, jobs) in by_sender {
            let keys = self.keys_of(sender);
            for chunk in jobs.chunks(CHUNK) {
                let mut call = keys.call(&keys::PUSH);
                call.arg(LOOKED_FOR);
                for (id, data) in chunk {
                    call.arg(id).arg(data);
                }
                self.link.run::<u64>("push jobs", |_| call).await?;
            }
        }
        Ok(())
    }

    async fn serve(
        &self,
        worker: &str,
        concurrency: usize,
        handler: Arc<dyn Handler>,
        stop: CancellationToken,
    ) {
        if self.senders.len() > concurrency {
            tracing::warn!(
                concurrency,
                senders = self.senders.len(),
                "fewer jobs at once than senders: jobs of one that hang can hold up the others"
            );
        }
        let sender = |name: &String| Arc::new(Sender::new(name, self.keys_of(name), self.link.clone()));
        let senders: Vec<Arc<Sender>> = self.senders.iter().map(sender).collect();
        let places = Places::share_out(concurrency, senders.len());
        let mut serving = Vec::with_capacity(senders.len());
        for (sender, places) in senders.iter().zip(places) {
            let worker = worker.to_owned();
            serving.push(
                supervisor::serve(sender.clone(), worker, places, handler.clone(), stop.clone()).boxed(),
            );
        }
        tokio::select! {
            _ = join_all(serving) => {}
            () = bell::ring(&self.link, &senders) => {}
        }
        if senders.is_empty() {
            stop.cancelled().await;
        }
    }

    async fn depth(&self) -> Result<Depth, QueueError> {
        let mut depth = Depth::default();
        for sender in &self.senders {
            let keys = self.keys_of(sender);
            let (waiting, running): (u64, u64) =
                self.link.run("count jobs", |_| keys.call(&keys::DEPTH)).await?;
            depth.waiting += waiting;
            depth.running += running;
        }
        Ok(depth)
    }
}
