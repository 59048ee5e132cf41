//! Launching a recurring campaign, and making its runs: each by the same road as a campaign of its own.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use campaign::definition::Places;
use campaign::planning::plan_hash;
use campaign::problem::{Problem, Problems};
use campaign::series::{Timetable, series_of};
use chrono::{DateTime, Utc};
use desk::series::{NextRun, next_runs};
use scheduler::MakeRun;
use serde_json::json;
use store::SharedStore;
use store::series::{NewSeries, SeriesRow};

use super::{ABANDONED_AFTER, Launched, launch_as, same_plan, see_templates, sendable};
use crate::app::App;
use crate::commands::check::too_many_invalid;
use crate::failure::Failure;
use crate::launching::{Prepared, preflight, stream};
use crate::output::{Progress, format};

/// The load of a run that has written nothing for so long has died: only one process makes runs, so that the next one
/// need not wait long.
const RUN_ABANDONED_AFTER: Duration = Duration::from_secs(15);

/// No more problems of a run are told; the command line tells all.
const PROBLEMS_TOLD: usize = 3;

/// The next runs of a campaign file; none where it does not recur.
///
/// # Errors
/// It recurs, and none of its times is left.
pub(crate) fn next_runs_of(prepared: &Prepared, now: DateTime<Utc>) -> Result<Vec<NextRun>, Problem> {
    let definition = &prepared.definition;
    let Some(timetable) = Timetable::of(&definition.schedule) else { return Ok(Vec::new()) };
    let runs = next_runs(&definition.campaign, &timetable, now);
    if runs.is_empty() {
        return Err(definition
            .places
            .problem("schedule.repeat", "has no time left before schedule.end")
            .help("move schedule.end, or leave it out"));
    }
    Ok(runs)
}

/// The next runs as lines, by the clock of their zone.
pub(crate) fn next_runs_text(runs: &[NextRun], now: DateTime<Utc>, zone: chrono_tz::Tz) -> String {
    runs.iter().map(|run| format!("  {}  {}\n", run.campaign, format::when(run.at, now, zone))).collect()
}

/// A recurring campaign that was launched.
#[derive(Debug)]
pub(super) struct LaunchedSeries {
    key: String,
    plan_hash: String,
    repeat: String,
    zone: chrono_tz::Tz,
    audience: String,
    runs: Vec<NextRun>,
    warnings: Vec<String>,
}

/// Checks all that a run would be made of, and keeps the definition. Either it is kept, or nothing.
///
/// # Errors
/// As [`super::launch`], and where no run is to come.
pub(super) async fn launch_series(
    app: &App,
    store: &SharedStore,
    prepared: Prepared,
    plan: Option<&str>,
    offline: bool,
    progress: &Progress,
) -> Result<LaunchedSeries, Failure> {
    let now = app.clock.now();
    let definition = prepared.definition.clone();
    sendable(&definition, now)?;
    let runs = next_runs_of(&prepared, now)?;
    let account = preflight(&app.config, &definition, offline).await;
    if !account.problems.is_empty() {
        return Err(Problems(account.problems).into());
    }
    let streamed = stream(app, &prepared, Some(store), None, progress).await?;
    let problems = too_many_invalid(&prepared, &streamed.summary);
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    let plan_hash = plan_hash(&prepared.bytes, &streamed.audience_sha256, &account.templates);
    same_plan(&prepared, plan, &plan_hash)?;
    // Runs are made by another process, in another folder.
    let audience = std::path::absolute(&prepared.audience)?.display().to_string();
    let new = NewSeries {
        key: definition.campaign.clone(),
        definition: definition.clone(),
        file: prepared.file.clone(),
        audience: audience.clone(),
    };
    store.begin_series(new, ABANDONED_AFTER, now).await?;
    // From now on: a template that is new has its wait behind it at the first run.
    see_templates(app, store, &definition).await?;
    Ok(LaunchedSeries {
        key: definition.campaign.clone(),
        plan_hash,
        repeat: definition.schedule.repeat.clone().unwrap_or_default(),
        zone: definition.schedule.zone,
        audience,
        runs,
        warnings: account.warnings,
    })
}

impl LaunchedSeries {
    pub(super) fn as_json(&self) -> serde_json::Value {
        json!({
            "campaign": self.key,
            "recurring": true,
            "plan_hash": self.plan_hash,
            "repeat": self.repeat,
            "zone": self.zone,
            "audience": self.audience,
            "next_runs": self.runs,
            "warnings": self.warnings,
        })
    }

    pub(super) fn as_text(&self, now: DateTime<Utc>) -> String {
        format!(
            "{}{key} is launched: it runs by \"{}\" ({}), plan {}. Its next runs:\n{}\
             Each run is a campaign of its own and reads {} as it is then.\nWatch it: paceline status {key}\n",
            crate::commands::check::warnings_text(&self.warnings),
            self.repeat,
            self.zone,
            self.plan_hash,
            next_runs_text(&self.runs, now, self.zone),
            self.audience,
            key = self.key,
        )
    }
}

/// Makes the run with this key, which an operator asks for: one that was skipped, or one to come, which waits for its
/// time.
///
/// # Errors
/// There is no such run; its series is cancelled; or as [`super::launch`].
pub(super) async fn by_hand(
    app: &App,
    store: &SharedStore,
    run: &str,
    progress: &Progress,
) -> Result<Launched, Failure> {
    let Some(series) = series_of(run) else {
        return Err(Failure::BadUse(format!(
            "\"{run}\" is no run of a recurring campaign; a run is named after its campaign and time, as in weekly@2026-11-23T10:00"
        )));
    };
    let Some(row) = store.series(series).await? else {
        return Err(Failure::BadUse(format!(
            "there is no recurring campaign \"{series}\"; `paceline status` lists all"
        )));
    };
    if row.state == campaign::series::State::Cancelled {
        return Err(Failure::Refused(format!("recurring campaign {series} is cancelled: it runs no more")));
    }
    let Some(at) = row.timetable.time_of(series, run) else {
        let next = next_runs(series, &row.timetable, app.clock.now());
        let next =
            next.first().map_or_else(String::new, |next| format!("; the next one is {}", next.campaign));
        return Err(Failure::BadUse(format!("{run} is none of the times of {series}{next}")));
    };
    make_run(app, store, &row, at, progress).await
}

/// Launches the run of a series at one of its times. What is frozen is the definition; the audience and the account are
/// asked as they are now.
async fn make_run(
    app: &App,
    store: &SharedStore,
    row: &SeriesRow,
    at: DateTime<Utc>,
    progress: &Progress,
) -> Result<Launched, Failure> {
    let mut definition = (*row.definition).clone();
    definition.schedule.repeat = None;
    definition.schedule.start = Some(at.with_timezone(&definition.schedule.zone).fixed_offset());
    // Its key stays the series': who is held out, or gets which variant, is drawn alike for each run.
    definition.places = Places::of_file(&row.file);
    let audience = PathBuf::from(&row.audience);
    let prepared = Prepared {
        key: row.timetable.run_key(&row.key, at),
        file: row.file.clone(),
        bytes: serde_json::to_vec(&definition).map_err(anyhow::Error::from)?,
        definition: Arc::new(definition),
        audience_bytes: std::fs::metadata(&audience).map_or(0, |m| m.len()),
        audience,
    };
    launch_as(app, store, prepared, None, false, RUN_ABANDONED_AFTER, progress).await
}

/// Makes runs in this process, for the scheduler.
#[derive(Debug)]
pub(crate) struct RunMaker {
    app: App,
    store: SharedStore,
}

impl RunMaker {
    /// With what the process was configured with.
    pub(crate) fn new(app: &App, store: SharedStore) -> Self {
        Self { app: App { config: app.config.clone(), clock: app.clock.clone(), json: false }, store }
    }
}

#[async_trait]
impl MakeRun for RunMaker {
    async fn make(&self, series: &SeriesRow, at: DateTime<Utc>) -> Result<(), String> {
        let made = make_run(&self.app, &self.store, series, at, &Progress::hidden()).await;
        let launched = made.map_err(|failure| told(&failure))?;
        for warning in launched.warnings {
            tracing::warn!(recurring = series.key, run = launched.key, "{warning}");
        }
        Ok(())
    }
}

/// A failure as one text.
fn told(failure: &Failure) -> String {
    let lines = failure.lines();
    let mut text = lines
        .iter()
        .take(PROBLEMS_TOLD)
        .map(|line| line.strip_prefix("error: ").unwrap_or(line))
        .collect::<Vec<_>>()
        .join("; ");
    if lines.len() > PROBLEMS_TOLD {
        text.push_str(&format!("; and {} more", lines.len() - PROBLEMS_TOLD));
    }
    text
}

#[cfg(test)]
mod tests {
    use campaign::problem::Place;

    use super::*;

    #[test]
    fn a_run_tells_its_first_problems() {
        let problem = |i: u64| Problem::new(Place::at("people.csv", i, 1), "is wrong");
        let failure = |n| Failure::from(Problems((1..=n).map(problem).collect()));
        assert_eq!(told(&failure(1)), "people.csv:1:1: is wrong");
        assert!(told(&failure(5)).ends_with("people.csv:3:1: is wrong; and 2 more"), "{}", told(&failure(5)));
    }
}
