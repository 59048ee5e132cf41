//! The scheduler's loop: ticks that release slices, and sweeps of what time alone moves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use campaign::gate::GateRules;
use campaign::ids::{CampaignId, SliceId};
use campaign::pacing::Rate;
use campaign::planning;
use chrono::{DateTime, Utc};
use clock::SharedClock;
use queue::{Job, QueueError, SharedQueue};
use store::brake::Brake;
use store::model::{CampaignRow, DoubtPlace, Reached, ReleaseOrder, SliceEnd, TemplateKey, WorkerId};
use store::{SharedStore, StoreError, TransitionError};
use tokio_util::sync::CancellationToken;

use crate::decide::{Action, Surroundings, decide};
use crate::leader::Leadership;

/// How a scheduler works.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Each sender's rate.
    pub senders: BTreeMap<String, Rate>,
    /// How many different people each sender's portfolio may write to in 24 hours; those that are left out may write to
    /// as many as they like.
    pub daily_reach: BTreeMap<String, u32>,
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
    /// The documented values, without a daily reach: 3 s of lookahead, 10 s of lease, 5 ticks and 1 sweep a second, 10 s of silence,
    /// 5 min of margin.
    #[must_use]
    pub fn new(senders: BTreeMap<String, Rate>, gate: GateRules) -> Self {
        Self {
            senders,
            daily_reach: BTreeMap::new(),
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

/// A claim of which nothing was recorded for so long is in doubt, although its worker lives: longer than any request, and
/// than an outage after which outcomes are mostly recorded.
const OVERDUE: Duration = Duration::from_secs(15 * 60);

/// Rows changed per statement by bulk moves, so that no transaction holds the database for long.
const BATCH: u32 = 5_000;

/// Doubts that are looked at in a sweep for whether a parked status is of one.
const LOOKED_AT_ONCE: u32 = 1_000;

/// How far campaigns are is noted so often, while something changes: for charts.
const SAMPLE: Duration = Duration::from_secs(5);

/// How long a scheduler that is asked to stop goes on with what it is at: what is released should be pushed too. A
/// database that is away is not waited for.
const LAST_TURN: Duration = Duration::from_secs(2);

/// How long it then takes to hand over what it could not push.
const HAND_OVER: Duration = Duration::from_secs(2);

/// Releases slices and sweeps.
#[derive(Debug)]
pub struct Scheduler {
    settings: Settings,
    store: SharedStore,
    queue: SharedQueue,
    clock: SharedClock,
    /// Jobs of released slices that the queue has not taken yet: each tick begins with them.
    unpushed: Mutex<BTreeMap<SliceId, Job>>,
    /// Campaigns that could not be scheduled at the last look, by their keys: each is told of once.
    left_out: Mutex<BTreeSet<String>>,
    /// The last doubt that was looked at; `None`: the first one's turn is next.
    looked_at: Mutex<Option<DoubtPlace>>,
    /// When it was noted how far campaigns are.
    noted_at: Mutex<Option<DateTime<Utc>>>,
}

impl Scheduler {
    /// A scheduler over a store and a queue.
    #[must_use]
    pub fn new(settings: Settings, store: SharedStore, queue: SharedQueue, clock: SharedClock) -> Self {
        Self {
            settings,
            store,
            queue,
            clock,
            unpushed: Mutex::default(),
            left_out: Mutex::default(),
            looked_at: Mutex::default(),
            noted_at: Mutex::default(),
        }
    }

    /// Ticks and sweeps while it leads, and stands by while another does, until `stop` is cancelled. An error is
    /// logged and the next tick tries again. `holder` is unique per start of a process.
    pub async fn run(&self, holder: &WorkerId, stop: CancellationToken) {
        let mut next_sweep = Duration::ZERO;
        let mut leadership = Leadership::new(holder.clone(), self.store.clone(), self.clock.clone());
        while !stop.is_cancelled() {
            let stopping = async {
                stop.cancelled().await;
                self.clock.sleep(LAST_TURN).await;
            };
            tokio::select! {
                () = self.turn(&mut leadership, &mut next_sweep) => {}
                () = stopping => {
                    tracing::info!("the scheduler stops in the middle of a tick that takes too long; the next leader goes on with it");
                    break;
                }
            }
            tokio::select! {
                () = self.clock.sleep(self.settings.tick) => {}
                () = stop.cancelled() => {}
            }
        }
        if tokio::time::timeout(HAND_OVER, self.hand_over()).await.is_err() {
            tracing::info!(
                "slices that were not pushed are not handed over; they come back when their leases end"
            );
        }
        leadership.resign().await;
    }

    /// What there is to do at one time: a sweep where one is due, and a tick, if it leads.
    async fn turn(&self, leadership: &mut Leadership, next_sweep: &mut Duration) {
        if !leadership.holds().await {
            return;
        }
        let began = self.clock.monotonic();
        if began >= *next_sweep {
            *next_sweep = began + self.settings.sweep;
            if let Err(error) = self.sweep().await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a sweep failed; the next one tries again"
                );
            }
        }
        let ticked = self.tick().await;
        if let Err(error) = &ticked {
            tracing::warn!(
                error = error as &dyn std::error::Error,
                "a tick failed; the next one tries again"
            );
        }
        if !leadership.goes_on_after(began, ticked.is_ok()) {
            // Before the next leader looks what is released.
            self.hand_over().await;
            leadership.stand_back().await;
        }
    }

    /// Looks at each active campaign once and does what it needs. Returns how many slices were released.
    ///
    /// A campaign for which that cannot be done, now and whenever it is tried again, is left out; what goes wrong with
    /// it is logged once. Where the queue takes no jobs, none are released, and all else is done.
    ///
    /// # Errors
    /// The store's or the queue's; what was done stays done.
    pub async fn tick(&self) -> Result<usize, TickError> {
        let mut tick = Tick { released: 0, refused: self.push_what_is_left().await.err() };
        // Slices that were put back until now count as due only after this.
        self.store.reclaim_slices(self.clock.now()).await?;
        let listing = self.store.active_campaigns().await?;
        for one in listing.unreadable {
            self.leave_out(&one.key, &one.error);
        }
        let common = Common {
            brakes: self.store.brakes(self.clock.now()).await?,
            reached: self.reached(&listing.campaigns).await?,
        };
        for row in listing.campaigns {
            match self.look_at(&row, &common, &mut tick).await {
                Ok(()) => self.take_in(&row.key),
                Err(error) if error.is_transient() => return Err(error.into()),
                Err(error) => self.leave_out(&row.key, &error),
            }
        }
        match tick.refused {
            None => Ok(tick.released),
            Some(error) => Err(error.into()),
        }
    }

    fn leave_out(&self, key: &str, error: &StoreError) {
        if lock(&self.left_out).insert(key.to_owned()) {
            tracing::warn!(
                campaign = key,
                error = error as &dyn std::error::Error,
                "a campaign cannot be scheduled by this process and stands still; the others go on"
            );
        }
    }

    fn take_in(&self, key: &str) {
        if lock(&self.left_out).remove(key) {
            tracing::info!(campaign = key, "a campaign can be scheduled again");
        }
    }

    /// Does what one campaign needs.
    async fn look_at(&self, row: &CampaignRow, common: &Common, tick: &mut Tick) -> Result<(), StoreError> {
        let around = self.surroundings(row, common).await?;
        for action in decide(row, &around, self.clock.now()) {
            self.act(row, action, tick).await?;
        }
        Ok(())
    }

    /// The people whom the portfolios with a limit have written to, of those that have something to send.
    async fn reached(&self, rows: &[CampaignRow]) -> Result<BTreeMap<String, Reached>, StoreError> {
        let groups = rows.iter().flat_map(|row| &row.groups);
        let limited = groups.filter(|g| g.planned > 0 && self.settings.daily_reach.contains_key(&g.sender));
        let portfolios: BTreeSet<&String> = limited.map(|group| &group.portfolio).collect();
        let mut reached = BTreeMap::new();
        for portfolio in portfolios {
            let counted = self.store.reached(portfolio, self.clock.now()).await?;
            let people = counted.iter().map(|part| part.people).sum();
            let first = counted.first().map(|first| Reached { people, until: first.until });
            reached.extend(first.map(|all| (portfolio.clone(), all)));
        }
        Ok(reached)
    }

    async fn surroundings(&self, row: &CampaignRow, common: &Common) -> Result<Surroundings, StoreError> {
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
            brakes: common.brakes.clone(),
            daily_reach: self.settings.daily_reach.clone(),
            reached: common.reached.clone(),
            rules: self.settings.gate,
            lookahead: self.settings.lookahead,
        })
    }

    async fn act(&self, row: &CampaignRow, action: Action, tick: &mut Tick) -> Result<(), StoreError> {
        let now = self.clock.now();
        match action {
            Action::Move(event, reason) => {
                match self.store.transition(row.id, event, reason.as_deref(), now).await {
                    Ok(state) => tracing::info!(campaign = row.key, %state, reason, "the campaign moved"),
                    Err(TransitionError::Store(error)) => return Err(error),
                    // Somebody else moved it since it was read: the next tick sees where it is.
                    Err(TransitionError::Forbidden(_) | TransitionError::NoSuchCampaign) => {}
                }
            }
            Action::Explain(reason) => self.store.set_reason(row.id, row.state, reason.as_deref()).await?,
            Action::Release(orders) => self.release(row.id, &orders, tick).await?,
            Action::ExpireUnsent => {
                self.store.expire_unsent(row.id, now, BATCH).await?;
            }
            Action::SkipUnsent(reason) => {
                self.store.skip_unsent(row.id, reason, now, BATCH).await?;
            }
        }
        Ok(())
    }

    async fn release(
        &self,
        campaign: CampaignId,
        orders: &[ReleaseOrder],
        tick: &mut Tick,
    ) -> Result<(), StoreError> {
        // What nobody can be told of is not released.
        if tick.refused.is_some() {
            return Ok(());
        }
        let now = self.clock.now();
        let released = self.store.release(campaign, orders, now, now + self.settings.lease).await?;
        tick.released += released.len();
        // If this process ends before the push, the slices come back when their leases end.
        lock(&self.unpushed).extend(
            released.into_iter().map(|r| (r.slice, Job::new(r.slice, r.sender).with_messages(r.messages))),
        );
        tick.refused = self.push_what_is_left().await.err();
        Ok(())
    }

    /// Pushes the jobs that the queue has not taken yet.
    async fn push_what_is_left(&self) -> Result<(), QueueError> {
        let jobs: Vec<Job> = lock(&self.unpushed).values().cloned().collect();
        if !jobs.is_empty() {
            self.queue.push(jobs).await?;
            lock(&self.unpushed).clear();
        }
        Ok(())
    }

    /// Puts slices back that were released and not pushed: another leader has what it needs to push them.
    async fn hand_over(&self) {
        let unpushed = std::mem::take(&mut *lock(&self.unpushed));
        for slice in unpushed.into_keys() {
            if let Err(error) = self.store.finish_slice(slice, SliceEnd::default()).await {
                tracing::info!(
                    error = &error as &dyn std::error::Error,
                    "slices that were not pushed are not handed over; they come back when their leases end"
                );
                return;
            }
        }
    }

    /// Moves what time alone moves: leases, retries, lost workers, doubts, TTLs. What fails keeps nothing else back.
    ///
    /// # Errors
    /// The store's first one; what was moved stays moved.
    pub async fn sweep(&self) -> Result<(), StoreError> {
        let (store, now) = (&self.store, self.clock.now());
        let lost = store.sweep_lost_workers(now, self.settings.worker_silent_for).await;
        if let Ok(messages @ 1..) = lost {
            tracing::warn!(messages, "a worker fell silent; the messages it had claimed are in doubt");
        }
        let overdue = store.sweep_overdue_claims(now, OVERDUE, BATCH).await;
        if let Ok(messages @ 1..) = overdue {
            tracing::warn!(
                messages,
                "a worker that lives has not said what became of its claims; they are in doubt"
            );
        }
        let inferred = self.infer(now).await;
        let doubts = store.sweep_doubts(now, BATCH).await.map(|swept| {
            note_inferred(swept.by_status);
            if swept.by_policy > 0 {
                tracing::info!(messages = swept.by_policy, "doubts were ended by their campaigns' policy");
            }
            swept.by_policy
        });
        let expired = store.sweep_ttl(now, self.settings.ttl_margin, BATCH).await;
        let placed = store.requeue_retries(now, self.retry_slice(), BATCH).await;
        let pruned = store.prune_parked(now - FORGET_PARKED, now, BATCH).await;
        let cooled = store.prune_cooldowns(now, BATCH).await;
        let noted = self.note_progress(now).await;
        [lost, overdue, inferred, doubts, expired, placed, pruned, cooled, noted]
            .into_iter()
            .try_for_each(|step| step.map(|_| ()))
    }

    /// Notes how far campaigns are, every few seconds: sweeps are more frequent, and this looks at every campaign.
    async fn note_progress(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let is_fresh = |at: DateTime<Utc>| (now - at).abs().to_std().is_ok_and(|passed| passed < SAMPLE);
        if (*lock(&self.noted_at)).is_some_and(is_fresh) {
            return Ok(0);
        }
        let noted = self.store.note_progress(SAMPLE, now).await?;
        *lock(&self.noted_at) = Some(now);
        Ok(noted)
    }

    /// Ends doubts by statuses that can be of no other message: some at each sweep, all in turn.
    async fn infer(&self, now: DateTime<Utc>) -> Result<u64, StoreError> {
        let after = *lock(&self.looked_at);
        let inference = self.store.infer_statuses(after, now, LOOKED_AT_ONCE).await?;
        *lock(&self.looked_at) = inference.next;
        note_inferred(inference.matched);
        Ok(inference.matched)
    }

    /// Retries of all campaigns are cut alike, for the slowest sender.
    fn retry_slice(&self) -> u32 {
        self.settings.senders.values().min().map_or(1, |rate| planning::slice_size(*rate))
    }
}

/// What surrounds all campaigns alike.
#[derive(Debug)]
struct Common {
    brakes: Vec<Brake>,
    /// By portfolio.
    reached: BTreeMap<String, Reached>,
}

/// What came of one tick so far.
#[derive(Debug)]
struct Tick {
    /// Slices.
    released: usize,
    /// Why the queue takes no jobs, where it does not.
    refused: Option<QueueError>,
}

fn note_inferred(messages: u64) {
    if messages > 0 {
        tracing::info!(messages, "doubts were ended by statuses that can be of no other message");
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
