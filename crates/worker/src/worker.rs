//! What a worker is made of: the senders it can use, and the parts it shares with others.

use std::collections::{BTreeMap, btree_map};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use campaign::definition::Definition;
use campaign::gate::GateRules;
use campaign::ids::{CampaignId, SliceId};
use campaign::retry;
use clock::SharedClock;
use queue::{Handled, Job, SenderPace, SharedPermits};
use store::SharedStore;
use store::model::{TemplateKey, WorkerId};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::breaker::Breaker;
use crate::persist::persist;
use crate::reach::Reach;

/// A sender as a worker uses it.
#[derive(Debug)]
pub struct WorkerSender {
    /// Its name and rate.
    pub pace: SenderPace,
    /// The way to the platform.
    pub client: whatsapp::Client,
    /// The account its templates belong to.
    pub waba_id: String,
    /// How many different people its portfolio may write to in 24 hours; `None`: as many as it likes.
    pub daily_reach: Option<u32>,
    /// What names its access token: senders with the same name share it.
    pub token_name: String,
}

/// A sender with its requests in flight: those of one that hangs take no place from the others.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) sender: WorkerSender,
    /// Places for requests in flight.
    pub(crate) places: Arc<Semaphore>,
}

/// How a worker works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Unique per start of a process.
    pub id: WorkerId,
    /// Most requests in flight at once, on each sender.
    pub concurrency: usize,
    /// How long a slice stays this worker's after a sign of life ([`Worker::beat`], or a claim from it).
    pub lease: Duration,
    /// The template gate's waits.
    pub gate: GateRules,
    /// Whether to send our own key along, so that statuses find their message without a wamid.
    pub correlate: bool,
    /// The store's name in that key.
    pub install: String,
    /// Where the jitter of retries comes from.
    pub seed: u64,
}

/// Executes slices. Shared by all jobs of a process.
#[derive(Debug)]
pub struct Worker {
    pub(crate) settings: Settings,
    pub(crate) store: SharedStore,
    pub(crate) permits: SharedPermits,
    pub(crate) clock: SharedClock,
    pub(crate) senders: BTreeMap<String, Arc<Line>>,
    /// The slices it works on, whose leases it keeps up, and whether each was delivered again meanwhile.
    in_hand: Mutex<BTreeMap<SliceId, bool>>,
    pub(crate) reach: Reach,
    /// Cancelled when the process is asked to stop: no more bites, what is in hand is finished.
    pub(crate) stop: CancellationToken,
    pub(crate) breaker: Breaker,
    /// When each template's use was last kept: once a minute is enough for a gate that counts days.
    used: Mutex<BTreeMap<TemplateKey, Duration>>,
    /// Definitions never change after launch, so they are read once.
    definitions: Mutex<BTreeMap<CampaignId, Arc<Definition>>>,
}

impl Worker {
    /// A worker with its senders.
    #[must_use]
    pub fn new(
        settings: Settings,
        store: SharedStore,
        permits: SharedPermits,
        clock: SharedClock,
        senders: impl IntoIterator<Item = WorkerSender>,
        stop: CancellationToken,
    ) -> Self {
        let places = || Arc::new(Semaphore::new(settings.concurrency.max(1)));
        let line = |sender| Arc::new(Line { sender, places: places() });
        let senders = senders.into_iter().map(|s| (s.pace.name.clone(), line(s))).collect();
        Self {
            settings,
            store,
            permits,
            clock,
            senders,
            in_hand: Mutex::default(),
            reach: Reach::new(),
            stop,
            breaker: Breaker::default(),
            used: Mutex::default(),
            definitions: Mutex::default(),
        }
    }

    /// Says that this worker lives, and keeps up the leases of the slices it has in hand, every `every`, until
    /// `stop` is cancelled. Apart, so that a campaign that is locked does not keep the heart from beating. A worker
    /// that does not beat takes no jobs.
    pub async fn beat(&self, every: Duration, stop: CancellationToken) {
        let live = async {
            loop {
                persist("say that this worker lives", || {
                    self.store.heartbeat(&self.settings.id, self.clock.now())
                })
                .await;
                self.reach.heard(self.clock.as_ref());
                self.clock.sleep(every).await;
            }
        };
        let hold = async {
            loop {
                self.keep_up_leases().await;
                self.clock.sleep(every).await;
            }
        };
        tokio::select! {
            () = live => {}
            () = hold => {}
            () = stop.cancelled() => {}
        }
    }

    async fn keep_up_leases(&self) {
        let slices: Vec<SliceId> = self.slices_in_hand().keys().copied().collect();
        if slices.is_empty() {
            return;
        }
        if let Err(error) = self.store.prolong(&slices, self.clock.now() + self.settings.lease).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the leases of slices could not be kept up; the next beat tries again"
            );
        }
    }

    fn slices_in_hand(&self) -> MutexGuard<'_, BTreeMap<SliceId, bool>> {
        self.in_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the use of a template is to be kept now: the first time, and then once a minute.
    pub(crate) fn is_news(&self, template: &TemplateKey) -> bool {
        let now = self.clock.monotonic();
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        if used.get(template).is_some_and(|at| now < *at + Duration::from_secs(60)) {
            return false;
        }
        used.insert(template.clone(), now);
        true
    }

    /// The campaign's definition, shared by all its slices.
    pub(crate) fn remember(&self, id: CampaignId, definition: &Arc<Definition>) -> Arc<Definition> {
        let mut known = self.definitions.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() > 64 {
            known.clear();
        }
        known.entry(id).or_insert_with(|| definition.clone()).clone()
    }

    /// The retry policy of a campaign.
    pub(crate) fn policy(definition: &Definition) -> retry::Policy {
        retry::Policy {
            attempts: definition.retry.attempts,
            base: definition.retry.base,
            max: definition.retry.max,
        }
    }
}

/// A slice in the hand. It is put down also where the work on it panics.
struct InHand<'w> {
    worker: &'w Worker,
    slice: SliceId,
    is_down: bool,
}

impl<'w> InHand<'w> {
    /// Takes a slice into the hand. `None`: it is there already, and is looked at once more after that.
    fn pick_up(worker: &'w Worker, slice: SliceId) -> Option<Self> {
        match worker.slices_in_hand().entry(slice) {
            btree_map::Entry::Vacant(entry) => {
                entry.insert(false);
                Some(Self { worker, slice, is_down: false })
            }
            btree_map::Entry::Occupied(mut entry) => {
                entry.insert(true);
                None
            }
        }
    }

    /// Puts it down, and says so, unless it was delivered again since it was picked up or this was asked.
    fn put_down(&mut self) -> bool {
        let mut in_hand = self.worker.slices_in_hand();
        let is_wanted_again = in_hand.get_mut(&self.slice).is_some_and(std::mem::take);
        if !is_wanted_again {
            in_hand.remove(&self.slice);
            self.is_down = true;
        }
        self.is_down
    }
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        if !self.is_down {
            self.worker.slices_in_hand().remove(&self.slice);
        }
    }
}

#[async_trait::async_trait]
impl queue::Handler for Worker {
    async fn ready(&self) {
        self.reach.wait(self.clock.as_ref()).await;
    }

    async fn handle(&self, job: Job) -> Handled {
        let Some(line) = self.senders.get(&job.sender).cloned() else {
            tracing::error!(
                slice = %job.slice,
                sender = job.sender,
                "no sender of that name is in this worker's configuration; the slice waits for a worker that has it"
            );
            return Handled::Done;
        };
        let Some(mut in_hand) = InHand::pick_up(self, job.slice) else { return Handled::Done };
        loop {
            let handled = self.work(&job, &line).await;
            if handled == Handled::PutBack || in_hand.put_down() {
                return handled;
            }
        }
    }
}
