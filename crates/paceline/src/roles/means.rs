//! The queue and the permits, by the configuration.

use std::sync::Arc;

use campaign::problem::Problem;
use clock::SharedClock;
use queue::memory::{MemoryPermits, MemoryQueue};
use queue::{SharedInspect, SharedPermits, SharedQueue, redis};

use crate::config::{Config, QueueUrl};

/// What scheduler and workers meet by, beside the store.
#[derive(Debug, Clone)]
pub(super) struct Means {
    pub(super) queue: SharedQueue,
    pub(super) permits: SharedPermits,
    /// The same queue, to be looked into.
    pub(super) inspect: SharedInspect,
}

impl Means {
    /// Makes them for a process of this name. Redis need not be there yet: until it is, nothing is sent.
    ///
    /// # Errors
    /// The address cannot be used at all.
    pub(super) fn of(
        config: &Config,
        clock: &SharedClock,
        install: &str,
        process: &str,
    ) -> Result<Self, Problem> {
        let senders = config.senders.iter().map(|sender| sender.name.clone());
        match &config.queue.url.value {
            QueueUrl::Memory => {
                let queue = Arc::new(MemoryQueue::new(senders).by_clock(clock.clone()));
                let permits = Arc::new(MemoryPermits::new(clock.clone()));
                Ok(Self { queue: queue.clone(), permits, inspect: queue })
            }
            QueueUrl::Redis(server) => {
                let (queue, permits) =
                    redis::connect(server.reveal(), install, senders, process, clock.clone())
                        .map_err(|error| Problem::new(config.queue.url.place.clone(), error.to_string()))?;
                let queue = Arc::new(queue);
                Ok(Self { queue: queue.clone(), permits: Arc::new(permits), inspect: queue })
            }
        }
    }
}
