//! What an operator does to a recurring campaign is done to its runs under way as well; what is done to a run's own key
//! is done to that run alone.

use campaign::lifecycle;
use campaign::series::{self, PAUSED_WITH_SERIES, Timetable};
use chrono::{DateTime, Utc};
use serde::Serialize;
use store::model::{CampaignRow, Unreadable};
use store::series::{SeriesNote, SeriesRow};
use store::{SeriesError, Store};

use crate::DeskError;
use crate::control::{self, Controlled};
use crate::finding::runs_of;

type Result<T> = std::result::Result<T, DeskError>;

/// How many of the next runs are told.
pub const TOLD: usize = 3;

/// What is noted of the times that came while a recurring campaign was paused and nobody scheduled.
const PAUSED_THEN: &str = "it was paused when they came";

/// A run to come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NextRun {
    /// The key it will have.
    pub campaign: String,
    /// When it is made, and begins.
    pub at: DateTime<Utc>,
}

/// The next runs after an instant, at most [`TOLD`].
#[must_use]
pub fn next_runs(key: &str, timetable: &Timetable, after: DateTime<Utc>) -> Vec<NextRun> {
    let runs = timetable.upcoming(after, TOLD).into_iter();
    runs.map(|at| NextRun { campaign: timetable.run_key(key, at), at }).collect()
}

/// What a recurring campaign is after it was controlled; its field names are stable.
#[derive(Debug, Serialize)]
pub struct ControlledSeries {
    /// Its key.
    pub campaign: String,
    /// Always true: what tells it from a campaign.
    pub recurring: bool,
    /// Where it is now.
    pub state: series::State,
    /// Whether the state was changed.
    pub changed: bool,
    /// The next runs; none unless it is active.
    pub next_runs: Vec<NextRun>,
    /// The runs that were controlled with it.
    pub runs: Vec<Controlled>,
    /// Runs that this version cannot read, and that were left as they are.
    #[serde(skip)]
    pub unreadable: Vec<Unreadable>,
}

impl ControlledSeries {
    fn of(row: &SeriesRow, state: series::State, runs: Vec<Controlled>, now: DateTime<Utc>) -> Self {
        let next_runs = match state {
            series::State::Active => next_runs(&row.key, &row.timetable, row.handled.max(now)),
            series::State::Paused | series::State::Done | series::State::Cancelled => Vec::new(),
        };
        Self {
            campaign: row.key.clone(),
            recurring: true,
            state,
            changed: row.state != state,
            next_runs,
            runs,
            unreadable: Vec::new(),
        }
    }
}

/// Holds a recurring campaign, and its runs under way.
///
/// # Errors
/// It is over.
pub async fn pause(store: &dyn Store, row: SeriesRow, now: DateTime<Utc>) -> Result<ControlledSeries> {
    // First of all no new run: one that is being made is then paused by who makes it.
    let state = moved(store, &row, series::Event::Pause).await?;
    let mut runs = Vec::new();
    let listing = runs_of(store, &row.key).await?;
    for run in listing.campaigns {
        if matches!(run.state, lifecycle::State::Waiting | lifecycle::State::Running) {
            runs.push(control::pause(store, &run.key, PAUSED_WITH_SERIES, now).await?);
        }
    }
    let unreadable = listing.unreadable;
    Ok(ControlledSeries { unreadable, ..ControlledSeries::of(&row, state, runs, now) })
}

/// Lets a recurring campaign go on, and the runs that were paused with it. What came in between is skipped.
///
/// # Errors
/// It is over.
pub async fn resume(store: &dyn Store, row: SeriesRow, now: DateTime<Utc>) -> Result<ControlledSeries> {
    let row =
        if row.state == series::State::Paused { without_what_came(store, row, now).await? } else { row };
    let state = moved(store, &row, series::Event::Resume).await?;
    let mut runs = Vec::new();
    let with_it = |run: &CampaignRow| {
        run.state == lifecycle::State::Paused && run.reason.as_deref() == Some(PAUSED_WITH_SERIES)
    };
    let listing = runs_of(store, &row.key).await?;
    for run in listing.campaigns.iter().filter(|run| with_it(run)) {
        runs.push(control::resume(store, &run.key, now).await?);
    }
    let unreadable = listing.unreadable;
    Ok(ControlledSeries { unreadable, ..ControlledSeries::of(&row, state, runs, now) })
}

/// Ends a recurring campaign, and calls its runs under way off; `progress` as [`control::cancel`], for each of them.
///
/// # Errors
/// It is over.
pub async fn cancel(
    store: &dyn Store,
    row: SeriesRow,
    now: DateTime<Utc>,
    mut progress: impl FnMut(u64, u64) + Send,
) -> Result<ControlledSeries> {
    let state = moved(store, &row, series::Event::Cancel).await?;
    let mut runs = Vec::new();
    let listing = runs_of(store, &row.key).await?;
    for run in listing.campaigns {
        if !run.state.is_over() && run.state != lifecycle::State::Settling {
            runs.push(control::cancel(store, &run.key, now, &mut progress).await?);
        }
    }
    let unreadable = listing.unreadable;
    Ok(ControlledSeries { unreadable, ..ControlledSeries::of(&row, state, runs, now) })
}

/// Notes the times that came while it was paused as skipped, where no scheduler has: who resumes does not ask for a
/// run at once.
async fn without_what_came(store: &dyn Store, row: SeriesRow, now: DateTime<Utc>) -> Result<SeriesRow> {
    let mut row = row;
    while let Some(series::Step::Skip(skipped, _)) = series::step(&row.timetable, &row.standing(), now) {
        let note = SeriesNote::Skipped(skipped, PAUSED_THEN.to_owned());
        // Where a scheduler was first, it is seen by reading again.
        store.note_series(&row.key, row.handled, &note, now).await?;
        let gone = || DeskError::NotFound(SeriesError::NoSuchSeries.to_string());
        row = store.series(&row.key).await?.ok_or_else(gone)?;
    }
    Ok(row)
}

async fn moved(store: &dyn Store, row: &SeriesRow, event: series::Event) -> Result<series::State> {
    match store.move_series(&row.key, event).await {
        Ok(state) => Ok(state),
        Err(SeriesError::Forbidden(forbidden)) => {
            let instead = match forbidden.from {
                series::State::Done => "none of its times is left; its runs are controlled by their own keys",
                series::State::Cancelled => {
                    "it was called off for good: launch it under another key to go on"
                }
                series::State::Active | series::State::Paused => "nothing was changed",
            };
            Err(DeskError::Refused(format!("{}: {forbidden}; {instead}", row.key)))
        }
        Err(error @ SeriesError::NoSuchSeries) => Err(DeskError::NotFound(error.to_string())),
        Err(SeriesError::Store(error)) => Err(error.into()),
    }
}
