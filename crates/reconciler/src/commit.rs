//! Group commit: events of many requests, one transaction; each request is answered when that is durable.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use clock::SharedClock;
use store::brake::{Brake, BrakeChange};
use store::model::StatusReport;
use store::{SharedStore, StoreError};
use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use whatsapp::webhook::Posted;

use crate::Settings;
use crate::archive::Archive;
use crate::health;
use crate::intake::{Counters, add};
use crate::translate::{Changes, NumberWord, Ours, translate};

/// Events that may wait for a commit; more are turned away, and the platform sends them again. At 12,000 a second (three
/// senders of 1,000 messages a second) answers would take longer by then than the platform waits patiently (1 s).
const WAITING: usize = 20_000;

/// Statuses per transaction at the most.
const BATCH: usize = 2_000;

/// How long a commit gathers further requests after its first.
const GATHER: Duration = Duration::from_millis(2);

/// The store did not take it, or too many wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NotCommitted;

#[derive(Debug)]
struct Request {
    events: Vec<Posted>,
    /// Its part of [`WAITING`].
    _place: OwnedSemaphorePermit,
    /// The post's body, where it is archived.
    body: Option<Bytes>,
    done: oneshot::Sender<Result<(), NotCommitted>>,
}

/// Hands events over, and waits until they are durable.
#[derive(Debug, Clone)]
pub struct CommitHandle {
    requests: mpsc::UnboundedSender<Request>,
    places: Arc<Semaphore>,
    archives: bool,
}

impl CommitHandle {
    /// Returns when the events are in the store, and the body that they came in is in the archive, where there is one.
    ///
    /// # Errors
    /// [`NotCommitted`] when they are not: the sender of the webhook has to send it again.
    pub async fn commit(&self, events: Vec<Posted>, body: Bytes) -> Result<(), NotCommitted> {
        let (done, answer) = oneshot::channel();
        let body = self.archives.then_some(body);
        // One post that is larger than all places takes all of them.
        let places = u32::try_from(events.len().clamp(1, WAITING)).unwrap_or(u32::MAX);
        let place = self.places.clone().try_acquire_many_owned(places).map_err(|_| NotCommitted)?;
        self.requests.send(Request { events, body, _place: place, done }).map_err(|_| NotCommitted)?;
        answer.await.unwrap_or(Err(NotCommitted))
    }

    /// Whether bodies are archived.
    #[must_use]
    pub fn archives(&self) -> bool {
        self.archives
    }
}

/// Commits.
#[derive(Debug)]
pub struct Committer {
    store: SharedStore,
    clock: SharedClock,
    ours: Ours,
    counters: Arc<Counters>,
    archive: Option<Archive>,
    handle: CommitHandle,
    requests: Mutex<mpsc::UnboundedReceiver<Request>>,
}

impl Committer {
    pub(crate) fn new(
        store: SharedStore,
        clock: SharedClock,
        settings: &Settings,
        counters: Arc<Counters>,
    ) -> Self {
        let (sender, requests) = mpsc::unbounded_channel();
        let archive = settings.archive.clone();
        let places = Arc::new(Semaphore::new(WAITING));
        let handle = CommitHandle { requests: sender, places, archives: archive.is_some() };
        let ours = Ours::new(&settings.install, settings.senders.clone());
        Self { store, clock, ours, counters, archive, handle, requests: Mutex::new(requests) }
    }

    pub(crate) fn handle(&self) -> CommitHandle {
        self.handle.clone()
    }

    /// Commits until `stop` is cancelled; what was handed over by then is still committed and answered.
    pub async fn run(&self, stop: CancellationToken) {
        let mut requests = self.requests.lock().await;
        loop {
            let first = tokio::select! {
                biased;
                request = requests.recv() => request,
                () = stop.cancelled() => None,
            };
            let Some(first) = first else { break };
            let batch = gather(first, &mut requests).await;
            self.commit(batch).await;
        }
        while let Ok(request) = requests.try_recv() {
            self.commit(vec![request]).await;
        }
    }

    async fn commit(&self, batch: Vec<Request>) {
        let now = self.clock.now();
        let mut changes = Changes::default();
        for request in &batch {
            for event in &request.events {
                translate(event, &self.ours, now, &mut changes);
            }
        }
        let result = self.store_changes(&changes, now).await.map(|stored| self.count(stored));
        if let Err(error) = &result {
            tracing::error!(
                error = error as &dyn std::error::Error,
                "webhooks were not stored; they are answered with 503"
            );
        }
        // After the store: an archive that takes nothing is no reason not to know what became of messages.
        let result = match (result, &self.archive) {
            (Ok(()), Some(archive)) => self.keep(archive, &batch, now).await,
            (Ok(()), None) => Ok(()),
            (Err(_), _) => Err(NotCommitted),
        };
        // Last: what comes again because something before it failed is counted once.
        let result = match result {
            Ok(()) => self.count_kinds(&changes, now).await,
            Err(error) => Err(error),
        };
        for request in batch {
            // A requester that went away is no matter: the platform repeats what was not answered.
            let _ = request.done.send(result);
        }
    }

    /// Archives the bodies of these requests, which were taken in at `now`.
    async fn keep(
        &self,
        archive: &Archive,
        batch: &[Request],
        now: DateTime<Utc>,
    ) -> Result<(), NotCommitted> {
        let bodies: Vec<Bytes> = batch.iter().filter_map(|request| request.body.clone()).collect();
        archive.append(now, bodies).await.map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "webhooks were stored and not archived; they are answered with 503, so that they come again"
            );
            NotCommitted
        })
    }

    async fn count_kinds(&self, changes: &Changes, now: DateTime<Utc>) -> Result<(), NotCommitted> {
        let seen = changes.seen.counts();
        if seen.is_empty() {
            return Ok(());
        }
        self.store.count_webhooks(&seen, now).await.map_err(|error| {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "webhooks were stored and not counted; they are answered with 503, so that they come again"
            );
            NotCommitted
        })
    }

    fn count(&self, stored: StatusReport) {
        add(&self.counters.applied, stored.applied);
        add(&self.counters.unchanged, stored.unchanged);
        add(&self.counters.parked, stored.parked);
    }

    /// Makes these changes, which came at `now`.
    pub(crate) async fn store_changes(
        &self,
        changes: &Changes,
        now: DateTime<Utc>,
    ) -> Result<StatusReport, StoreError> {
        let mut stored = StatusReport::default();
        if !changes.choices.is_empty() {
            self.store.hear(&changes.choices).await?;
        }
        if !changes.statuses.is_empty() {
            stored = self.store.apply_statuses(&changes.statuses, now).await?;
        }
        self.ours.numbers.learn(&*self.store, &changes.numbers).await?;
        if !changes.templates.is_empty() {
            self.store.template_news(&changes.templates, now).await?;
        }
        // Last: where something before it was not stored, all of it comes again, and an old brake with it.
        let brakes = self.brakes(changes, now).await?;
        if !brakes.is_empty() {
            self.change_brakes(&brakes, now).await?;
        }
        Ok(stored)
    }

    /// What webhooks about templates, numbers and accounts change, and what failed messages stop.
    async fn brakes(&self, changes: &Changes, now: DateTime<Utc>) -> Result<Vec<BrakeChange>, StoreError> {
        let mut brakes = changes.brakes.clone();
        for word in &changes.number_words {
            brakes.extend(self.of_number(word).await?);
        }
        for stop in changes.stops.iter().filter(|stop| !stop.is_old(now)) {
            // Of messages that are not ours, or not known yet, nobody knows what stops.
            if let Some(group) = self.store.sent_with(&stop.wamid, stop.key).await? {
                brakes.push(BrakeChange::Set(stop.brake(group, now)));
            }
        }
        Ok(brakes)
    }

    /// What a word about a number, or about what an account may do, changes for the senders that it concerns.
    async fn of_number(&self, word: &NumberWord) -> Result<Vec<BrakeChange>, StoreError> {
        match word {
            NumberWord::Number(number, at) => {
                let display = number.display_phone_number.as_deref().unwrap_or_default();
                let Some(sender) = self.ours.numbers.sender(&*self.store, display).await? else {
                    tracing::warn!(
                        event = ?number.event,
                        "a webhook speaks of a number that is no sender's, or not known yet; it changes nothing"
                    );
                    return Ok(Vec::new());
                };
                Ok(health::number(number, &sender.name, *at).into_iter().collect())
            }
            NumberWord::Capability(capability, at) => {
                let waba_id = capability.waba_id.as_deref().unwrap_or_default();
                let senders = self.ours.numbers.of_account(waba_id);
                Ok(senders.map(|sender| health::more_is_allowed(&sender.name, *at)).collect())
            }
        }
    }

    async fn change_brakes(&self, changes: &[BrakeChange], now: DateTime<Utc>) -> Result<(), StoreError> {
        let changed = self.store.change_brakes(changes, now).await?;
        for Brake { on, reason, .. } in &changed.set {
            tracing::warn!(on = %on, reason, "nothing more is sent there");
        }
        for brake in &changed.lifted {
            tracing::info!(on = %brake.on, "it may be sent to again");
        }
        Ok(())
    }
}

/// The first request and what comes within [`GATHER`], up to [`BATCH`] events.
async fn gather(first: Request, requests: &mut mpsc::UnboundedReceiver<Request>) -> Vec<Request> {
    let mut events = first.events.len();
    let mut batch = vec![first];
    let deadline = tokio::time::sleep(GATHER);
    tokio::pin!(deadline);
    while events < BATCH {
        tokio::select! {
            biased;
            request = requests.recv() => {
                let Some(request) = request else { break };
                events += request.events.len();
                batch.push(request);
            }
            () = &mut deadline => break,
        }
    }
    batch
}
