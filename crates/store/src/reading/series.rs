//! Recurring campaigns as they are kept.

use std::sync::Arc;

use campaign::definition::Definition;
use campaign::series::{Skipped, Timetable};

use crate::StoreError;
use crate::by_name::by_name;
use crate::codec::{from_json, named, number, optional_time, time, unreadable};
use crate::series::{Problem, SeriesListing, SeriesRow};

type Result<T> = std::result::Result<T, StoreError>;

by_name! {
/// A row of `series`, by the names of its columns.
#[derive(Debug)]
pub(crate) struct SeriesColumns {
    key: String,
    state: String,
    file: String,
    audience: String,
    definition: String,
    launched_at: i64,
    handled_at: i64,
    trying_since: Option<i64>,
    problem: Option<String>,
    problem_at: Option<i64>,
    skipped_total: i64,
    skipped_times: Option<i64>,
    skipped_first: Option<i64>,
    skipped_last: Option<i64>,
    skipped_why: Option<String>,
}
}

impl SeriesColumns {
    /// The series; an error names it.
    pub(crate) fn read(self) -> Result<SeriesRow> {
        let key = self.key.clone();
        self.parse().map_err(|error| {
            if let StoreError::Unreadable { what, why } = error {
                unreadable(format!("{what} of recurring campaign {key}"), why)
            } else {
                error
            }
        })
    }

    fn parse(self) -> Result<SeriesRow> {
        let definition: Definition = from_json("series.definition", &self.definition)?;
        let timetable = Timetable::of(&definition.schedule)
            .ok_or_else(|| unreadable("series.definition", "its schedule has no repeat that can be read"))?;
        let problem_at = optional_time("series.problem_at", self.problem_at)?;
        Ok(SeriesRow {
            key: self.key,
            state: named("series.state", &self.state)?,
            file: self.file,
            audience: self.audience,
            definition: Arc::new(definition),
            timetable,
            launched_at: time("series.launched_at", self.launched_at)?,
            handled: time("series.handled_at", self.handled_at)?,
            trying_since: optional_time("series.trying_since", self.trying_since)?,
            problem: self.problem.zip(problem_at).map(|(why, at)| Problem { why, at }),
            skipped_total: number("series.skipped_total", self.skipped_total)?,
            skipped: match (self.skipped_first, self.skipped_last, self.skipped_times, self.skipped_why) {
                (Some(first), Some(last), Some(times), Some(why)) => Some((
                    Skipped {
                        first: time("series.skipped_first", first)?,
                        last: time("series.skipped_last", last)?,
                        times: number("series.skipped_times", times)?,
                    },
                    why,
                )),
                _ => None,
            },
        })
    }
}

/// All of them; what cannot be read hides no other.
pub(crate) fn listing(rows: Vec<SeriesColumns>) -> SeriesListing {
    let mut listing = SeriesListing::default();
    for row in rows {
        match row.read() {
            Ok(series) => listing.series.push(series),
            Err(error) => listing.unreadable.push(error),
        }
    }
    listing
}
