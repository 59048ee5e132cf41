//! The scheduler's loop: ticks that release slices, and sweeps of what time alone moves.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::gate::GateRules;
use campaign::ids::CampaignId;
use campaign::pacing::Rate;
use campaign::planning;
use clock::SharedClock;
use queue::{Job, QueueError, SharedQueue};
use store::model::{CampaignRow, ReleaseOrder, TemplateKey, WorkerId};
use store::{SharedStore, StoreError, TransitionError};
use tokio_util::sync::CancellationToken;

use crate::decide::{Action, Surroundings, decide};
use crate::leader::Leadership;

/// How a scheduler works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Each sender's rate.
    pub senders: BTreeMap<String, Rate>,
    /// The template gates' waits.
    pub gate: GateRules,
    /// So much of the rate is released ahead of the workers; a few seconds.
    pub lookahead: Duration,
    /// A released slice that nobody claims from for so long is released again.
    pub lease: Duration,
    /// Between two ticks.
    pub tick: Duration,
    /// Between two sweeps.
    pub sweep: Duration,
    /// A worker that was silent for so long is taken for dead.
    pub worker_silent_for: Duration,
    /// How long after its TTL a message may still be reported delivered.
    pub ttl_margin: Duration,
}

impl Settings {
    /// The documented values: 3 s of lookahead, 10 s of lease, 5 ticks and 1 sweep a second, 10 s of silence,
    /// 5 min of margin.
    #[must_use]
    pub fn new(senders: BTreeMap<String, Rate>, gate: GateRules) -> Self {
        Self {
            senders,
            gate,
            lookahead: Duration::from_secs(3),
            lease: Duration::from_secs(10),
            tick: Duration::from_millis(200),
            sweep: Duration::from_secs(1),
            worker_silent_for: Duration::from_secs(10),
            ttl_margin: Duration::from_secs(300),
        }
    }
}

/// A tick could not be carried out to its end; the next one starts afresh.
#[derive(Debug, thiserror::Error)]
pub enum TickError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The queue.
    #[error(transparent)]
    Queue(#[from] QueueError),
}

/// The platform repeats a webhook for up to 7 days; a status that matched nothing for longer never will.
const FORGET_PARKED: Duration = Duration::from_secs(9 * 24 * 3_600);

/// Rows changed per statement by bulk moves, so that no transaction holds the database for long.
const BATCH: u32 = 5_000;

/// Releases slices and sweeps.
#[derive(Debug)]
pub struct Scheduler {
    settings: Settings,
    store: SharedStore,
    queue: SharedQueue,
    clock: SharedClock,
}

impl Scheduler {
    /// A scheduler over a store and a queue.
    #[must_use]
    pub fn new(settings: Settings, store: SharedStore, queue: SharedQueue, clock: SharedClock) -> Self {
        Self { settings, store, queue, clock }
    }

    /// Ticks and sweeps while it leads, and stands by while another does, until `stop` is cancelled. An error is
    /// logged and the next tick tries again. `holder` is unique per start of a process.
    pub async fn run(&self, holder: &WorkerId, stop: CancellationToken) {
        let mut next_sweep = Duration::ZERO;
        let mut leadership = Leadership::new(holder.clone(), self.store.clone(), self.clock.clone());
        while !stop.is_cancelled() {
            if leadership.holds().await {
                self.round(&mut next_sweep).await;
            }
            tokio::select! {
                () = self.clock.sleep(self.settings.tick) => {}
                () = stop.cancelled() => {}
            }
        }
        leadership.resign().await;
    }

    /// A sweep where one is due, and a tick.
    async fn round(&self, next_sweep: &mut Duration) {
        if self.clock.monotonic() >= *next_sweep {
            *next_sweep = self.clock.monotonic() + self.settings.sweep;
            if let Err(error) = self.sweep().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a sweep failed; the next one tries again"
                );
            }
        }
        if let Err(error) = self.tick().await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "a tick failed; the next one tries again"
            );
        }
    }

    /// Looks at each active campaign once and does what it needs. Returns how many slices were released.
    ///
    /// # Errors
    /// The store's or the queue's; what was done stays done.
    pub async fn tick(&self) -> Result<usize, TickError> {
        let mut released = 0;
        // Slices that were put back until now count as due only after this.
        self.store.reclaim_slices(self.clock.now()).await?;
        for row in self.store.active_campaigns().await? {
            let around = self.surroundings(&row).await?;
            for action in decide(&row, &around, self.clock.now()) {
                released += self.act(&row, action).await?;
            }
        }
        Ok(released)
    }

    async fn surroundings(&self, row: &CampaignRow) -> Result<Surroundings, StoreError> {
        let mut gates = BTreeMap::new();
        for group in &row.groups {
            let key: &TemplateKey = &group.template;
            if !gates.contains_key(key) {
                gates.insert(key.clone(), self.store.gate(key).await?);
            }
        }
        Ok(Surroundings {
            senders: self.settings.senders.clone(),
            gates,
            rules: self.settings.gate,
            lookahead: self.settings.lookahead,
        })
    }

    async fn act(&self, row: &CampaignRow, action: Action) -> Result<usize, TickError> {
        let now = self.clock.now();
        match action {
            Action::Move(event, reason) => {
                match self.store.transition(row.id, event, reason.as_deref(), now).await {
                    Ok(state) => tracing::info!(campaign = row.key, %state, reason, "the campaign moved"),
                    Err(TransitionError::Store(error)) => return Err(error.into()),
                    // Somebody else moved it since it was read: the next tick sees where it is.
                    Err(TransitionError::Forbidden(_) | TransitionError::NoSuchCampaign) => {}
                }
            }
            Action::Explain(reason) => self.store.set_reason(row.id, reason.as_deref()).await?,
            Action::Release(orders) => return self.release(row.id, &orders).await,
            Action::ExpireUnsent => {
                self.store.expire_unsent(row.id, now, BATCH).await?;
            }
            Action::SkipUnsent(reason) => {
                self.store.skip_unsent(row.id, reason, now, BATCH).await?;
            }
        }
        Ok(0)
    }

    async fn release(&self, campaign: CampaignId, orders: &[ReleaseOrder]) -> Result<usize, TickError> {
        let now = self.clock.now();
        let released = self.store.release(campaign, orders, now, now + self.settings.lease).await?;
        let jobs: Vec<Job> = released.into_iter().map(|r| Job::new(r.slice, r.sender)).collect();
        let count = jobs.len();
        // If the push is lost, the slices come back when their leases end.
        self.queue.push(jobs).await?;
        Ok(count)
    }

    /// Moves what time alone moves: leases, retries, lost workers, doubts, TTLs.
    ///
    /// # Errors
    /// The store's; what was moved stays moved.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        let lost = self.store.sweep_lost_workers(now, self.settings.worker_silent_for).await?;
        if lost > 0 {
            tracing::warn!(messages = lost, "a worker fell silent; the messages it had claimed are in doubt");
        }
        let doubts = self.store.sweep_doubts(now, BATCH).await?;
        if doubts > 0 {
            tracing::info!(messages = doubts, "doubts were ended by their campaigns' policy");
        }
        self.store.sweep_ttl(now, self.settings.ttl_margin, BATCH).await?;
        self.store.requeue_retries(now, self.retry_slice(), BATCH).await?;
        self.store.prune_parked(now - FORGET_PARKED, BATCH).await?;
        Ok(())
    }

    /// Retries of all campaigns are cut alike, for the slowest sender.
    fn retry_slice(&self) -> u32 {
        self.settings.senders.values().min().map_or(1, |rate| planning::slice_size(*rate))
    }
}
