//! A recurring campaign as it is kept, and what is noted of its times.

use std::sync::Arc;

use campaign::definition::Definition;
use campaign::series::{Skipped, Standing, State, Timetable, Trying};
use chrono::{DateTime, Utc};

use crate::StoreError;

/// A recurring campaign about to be launched.
#[derive(Debug, Clone)]
pub struct NewSeries {
    /// Its key.
    pub key: String,
    /// The file, frozen; its schedule has a `repeat`.
    pub definition: Arc<Definition>,
    /// Where the file was, for messages to people.
    pub file: String,
    /// Where the audience is, read anew for each run: an absolute path.
    pub audience: String,
}

/// A recurring campaign as it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct SeriesRow {
    /// Its key.
    pub key: String,
    /// Its state.
    pub state: State,
    /// The file it came from.
    pub file: String,
    /// Where the audience is.
    pub audience: String,
    /// Its definition, frozen.
    pub definition: Arc<Definition>,
    /// When it runs.
    pub timetable: Timetable,
    /// When it was launched.
    pub launched_at: DateTime<Utc>,
    /// Every time up to this one was run or skipped; at first, when it was launched.
    pub handled: DateTime<Utc>,
    /// The first try of the run that could not be made yet, where one is being tried.
    pub trying_since: Option<DateTime<Utc>>,
    /// Why a run could not be made, the last time that happened.
    pub problem: Option<Problem>,
    /// Times that were skipped in all.
    pub skipped_total: u64,
    /// The times that were skipped together last, and why.
    pub skipped: Option<(Skipped, String)>,
}

impl SeriesRow {
    /// How far it is.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let tried = self.trying_since.zip(self.problem.as_ref());
        let trying = tried.map(|(since, problem)| Trying { since, last: problem.at });
        Standing { state: self.state, handled: self.handled, trying }
    }

    /// The first time that was not run or skipped yet; `None` where it is over.
    #[must_use]
    pub fn next(&self) -> Option<DateTime<Utc>> {
        if self.state.is_over() { None } else { self.timetable.next_after(self.handled) }
    }
}

/// Why a run could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// A sentence.
    pub why: String,
    /// When it was tried.
    pub at: DateTime<Utc>,
}

/// What became of the times of a series.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SeriesNote {
    /// The run of this time is there.
    Made(DateTime<Utc>),
    /// These times are not run, and why.
    Skipped(Skipped, String),
    /// The run of the next time could not be made, and why: it is tried again.
    Failed(String),
}

/// Recurring campaigns, as far as this version can read them.
#[derive(Debug, Default)]
pub struct SeriesListing {
    /// Those it can read.
    pub series: Vec<SeriesRow>,
    /// Those it cannot, with a sentence that names the campaign: another version wrote them.
    pub unreadable: Vec<StoreError>,
}
