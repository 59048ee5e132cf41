//! Makes the runs of recurring campaigns when their times come.
//!
//! One of many schedulers does it at a time, by a lease of its own: reading an audience may take minutes, in which
//! ticks go on. What a leader that dies, freezes or loses its lease has begun, the next one finds half-loaded and
//! makes anew: a run's key is launched once, whoever tries.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use campaign::series::{self, PATIENCE, PAUSED_WITH_SERIES, Skipped, Step, Why};
use campaign::{lifecycle, message};
use chrono::{DateTime, Utc};
use clock::SharedClock;
use store::model::{CampaignRow, WorkerId};
use store::series::{SeriesNote, SeriesRow};
use store::{SeriesError, SharedStore, StoreError, TransitionError};
use tokio_util::sync::CancellationToken;

use crate::lease::{Lease, Terms};

/// Whoever makes the runs and is silent for five seconds makes them no more.
const TERMS: Terms = Terms {
    role: "recurring",
    length: Duration::from_secs(5),
    good_for: Duration::from_secs(5),
    renew: Duration::from_secs(1),
    ask: Duration::from_millis(500),
};

/// Between two looks at all recurring campaigns.
const LOOK: Duration = Duration::from_millis(500);

/// Makes one run: reads its audience and its template anew, and launches it under its key.
#[async_trait]
pub trait MakeRun: std::fmt::Debug + Send + Sync + 'static {
    /// Launches the run of this time, whole or not at all.
    ///
    /// # Errors
    /// Why it was not launched, as a sentence.
    async fn make(&self, series: &SeriesRow, at: DateTime<Utc>) -> Result<(), String>;
}

/// Makes the runs of all recurring campaigns.
#[derive(Debug)]
pub struct Recurring {
    store: SharedStore,
    clock: SharedClock,
    maker: Arc<dyn MakeRun>,
    /// What was left out at the last look, as it could not be read: each is told of once.
    left_out: Mutex<BTreeSet<String>>,
}

/// What came of one try to make a run.
#[derive(Debug)]
enum Made {
    /// It is there.
    Yes,
    /// It is half-loaded: another is at it, or died.
    ByAnother,
    /// It cannot be made now.
    No(String),
}

impl Recurring {
    /// Over a store; `maker` launches single runs.
    #[must_use]
    pub fn new(store: SharedStore, clock: SharedClock, maker: Arc<dyn MakeRun>) -> Self {
        Self { store, clock, maker, left_out: Mutex::default() }
    }

    /// Looks again and again while it holds the lease, and stands by while another does, until `stop` is cancelled.
    /// `holder` is unique per start of a process.
    pub async fn run(&self, holder: &WorkerId, stop: CancellationToken) {
        let mut lease = Lease::new(TERMS, holder.clone(), self.store.clone(), self.clock.clone());
        while !stop.is_cancelled() {
            if lease.keep().await {
                tokio::select! {
                    looked = self.look() => {
                        if let Err(error) = looked {
                            tracing::warn!(
                                error = &error as &dyn std::error::Error,
                                "recurring campaigns could not be looked at; the next look tries again"
                            );
                        }
                    }
                    () = self.until_lost(&mut lease) => tracing::warn!(
                        "the lease on making runs of recurring campaigns was lost; whoever has it goes on"
                    ),
                    () = stop.cancelled() => {}
                }
            }
            tokio::select! {
                () = self.clock.sleep(LOOK) => {}
                () = stop.cancelled() => {}
            }
        }
        lease.give_back(Duration::ZERO).await;
    }

    /// Keeps the lease while a look takes its time.
    async fn until_lost(&self, lease: &mut Lease) {
        while lease.keep().await {
            self.clock.sleep(TERMS.ask).await;
        }
    }

    /// Looks at each recurring campaign once: makes the run whose time has come, and skips those that are not run.
    ///
    /// # Errors
    /// The store's; what was done stays done.
    pub async fn look(&self) -> Result<(), StoreError> {
        let listing = self.store.active_series().await?;
        let mut left_out: BTreeSet<String> = listing.unreadable.iter().map(ToString::to_string).collect();
        for row in listing.series {
            let key = row.key.clone();
            match self.look_at(row).await {
                Err(error) if !error.is_transient() => {
                    left_out.insert(format!("{key}: {error}"));
                }
                looked => looked?,
            }
        }
        self.tell(left_out);
        Ok(())
    }

    /// Says once what makes no runs by this process.
    fn tell(&self, said: BTreeSet<String>) {
        let mut told = self.left_out.lock().unwrap_or_else(PoisonError::into_inner);
        for error in said.difference(&told) {
            tracing::warn!(error, "a recurring campaign makes no runs here; the others go on");
        }
        *told = said;
    }

    /// Does what one recurring campaign needs, step by step, until nothing is to be done now.
    async fn look_at(&self, mut row: SeriesRow) -> Result<(), StoreError> {
        while let Some(step) = series::step(&row.timetable, &row.standing(), self.clock.now()) {
            let goes_on = match step {
                Step::Finish => self.finish(&row).await?,
                Step::Skip(skipped, why) => self.skip(&row, skipped, why).await?,
                Step::Make(at) => self.make(&row, at).await?,
            };
            match self.store.series(&row.key).await? {
                Some(now) if goes_on => row = now,
                _ => break,
            }
        }
        Ok(())
    }

    async fn finish(&self, row: &SeriesRow) -> Result<bool, StoreError> {
        match self.store.move_series(&row.key, series::Event::Finish).await {
            Ok(_) => tracing::info!(recurring = row.key, "none of its times is left: it is done"),
            Err(SeriesError::Store(error)) => return Err(error),
            // Somebody else ended it meanwhile.
            Err(SeriesError::Forbidden(_) | SeriesError::NoSuchSeries) => {}
        }
        Ok(false)
    }

    async fn skip(&self, row: &SeriesRow, skipped: Skipped, why: Why) -> Result<bool, StoreError> {
        let problem = row.problem.as_ref().map_or("", |problem| problem.why.as_str());
        let said = match why {
            Why::Missed => "no scheduler ran when they came, and only the latest of them is run".to_owned(),
            Why::Paused => "it was paused when they came".to_owned(),
            Why::Ended => "its end came before it could be made".to_owned(),
            Why::Failed => format!("it could not be made: {problem}"),
        };
        // One that began and died is not left behind half-loaded.
        let key = row.timetable.run_key(&row.key, skipped.last);
        if let Some(run) =
            self.store.campaign(&key).await?.filter(|run| run.state == lifecycle::State::Loading)
        {
            self.store.abandon_launch(run.id).await?;
        }
        let now = self.clock.now();
        if self
            .store
            .note_series(&row.key, row.handled, &SeriesNote::Skipped(skipped, said.clone()), now)
            .await?
        {
            let Skipped { first, last, times } = skipped;
            tracing::error!(
                recurring = row.key, run = key, %first, %last, times, why = said,
                "runs of a recurring campaign are skipped"
            );
        }
        Ok(true)
    }

    async fn make(&self, row: &SeriesRow, at: DateTime<Utc>) -> Result<bool, StoreError> {
        let key = row.timetable.run_key(&row.key, at);
        let note = match self.try_to_make(row, &key, at).await? {
            Made::ByAnother => return Ok(false),
            Made::Yes => {
                tracing::info!(recurring = row.key, run = key, "a run of a recurring campaign is made");
                self.follow(row, &key).await?;
                SeriesNote::Made(at)
            }
            Made::No(why) => {
                tracing::warn!(
                    recurring = row.key,
                    run = key,
                    why,
                    "a run of a recurring campaign cannot be made; it is tried again each minute, for {} hours",
                    PATIENCE.num_hours()
                );
                SeriesNote::Failed(why)
            }
        };
        let goes_on = matches!(note, SeriesNote::Made(_));
        self.store.note_series(&row.key, row.handled, &note, self.clock.now()).await?;
        Ok(goes_on)
    }

    async fn try_to_make(&self, row: &SeriesRow, key: &str, at: DateTime<Utc>) -> Result<Made, StoreError> {
        // It was made by whoever did not live to note it, or by hand.
        if self.store.campaign(key).await?.is_some_and(|run| run.state != lifecycle::State::Loading) {
            return Ok(Made::Yes);
        }
        if let Some(why) = self.overlap(row).await? {
            return Ok(Made::No(why));
        }
        let Err(why) = self.maker.make(row, at).await else { return Ok(Made::Yes) };
        Ok(match self.store.campaign(key).await?.map(|run| run.state) {
            None => Made::No(why),
            Some(lifecycle::State::Loading) => Made::ByAnother,
            Some(_) => Made::Yes,
        })
    }

    /// Why no run may be made now: another has messages to send, and nobody is to hear from two at once.
    async fn overlap(&self, row: &SeriesRow) -> Result<Option<String>, StoreError> {
        let listing = self.store.campaigns().await?;
        let is_run = |key: &str| series::series_of(key) == Some(&row.key);
        if let Some(one) = listing.unreadable.iter().find(|one| is_run(&one.key)) {
            return Ok(Some(one.error.to_string()));
        }
        let busy = listing.campaigns.iter().find(|run| is_run(&run.key) && unsent(run) > 0);
        Ok(busy.map(|run| {
            format!(
                "the run {} is {} and still has messages to send ({}); resume or cancel it where it does not go on by itself",
                run.key,
                run.state,
                unsent(run)
            )
        }))
    }

    /// What an operator did to the series while its run was being made is done to the run.
    async fn follow(&self, row: &SeriesRow, key: &str) -> Result<(), StoreError> {
        let Some(now) = self.store.series(&row.key).await? else { return Ok(()) };
        let (event, reason) = match now.state {
            series::State::Paused => (lifecycle::Event::Pause, PAUSED_WITH_SERIES),
            series::State::Cancelled => (lifecycle::Event::Cancel, "cancelled by an operator"),
            series::State::Active | series::State::Done => return Ok(()),
        };
        let Some(run) = self.store.campaign(key).await? else { return Ok(()) };
        match self.store.transition(run.id, event, Some(reason), self.clock.now()).await {
            Ok(_) | Err(TransitionError::Forbidden(_) | TransitionError::NoSuchCampaign) => Ok(()),
            Err(TransitionError::Store(error)) => Err(error),
        }
    }
}

/// Messages that are to be sent, or are with a worker; none of a campaign that is over.
fn unsent(run: &CampaignRow) -> u64 {
    if run.state.is_over() {
        return 0;
    }
    let open = [message::State::Queued, message::State::Retrying, message::State::Sending];
    open.into_iter().map(|state| run.count(state)).sum()
}
