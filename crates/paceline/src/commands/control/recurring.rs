//! What an operator does to a recurring campaign is done to its runs under way as well; what is done to a run's own key
//! is done to that run alone.

use campaign::lifecycle;
use campaign::series::{self, PAUSED_WITH_SERIES};
use serde::Serialize;
use store::model::CampaignRow;
use store::series::{SeriesNote, SeriesRow};
use store::{SeriesError, Store};

use super::{Controlled, all_readable, are, cancel_one, pause_one, resume_one, runs_of, were};
use crate::app::App;
use crate::commands::launch::recurring::{NextRun, next_runs};
use crate::failure::Failure;
use crate::output;

/// What is noted of the times that came while a recurring campaign was paused and nobody scheduled.
const PAUSED_THEN: &str = "it was paused when they came";

/// What a recurring campaign is after it was controlled.
#[derive(Debug, Serialize)]
struct ControlledSeries {
    campaign: String,
    recurring: bool,
    state: series::State,
    /// Whether the command changed the state.
    changed: bool,
    /// The next runs; none unless it is active.
    next_runs: Vec<NextRun>,
    /// The runs that were controlled with it.
    runs: Vec<Controlled>,
}

/// Holds a recurring campaign, and its runs under way.
pub(super) async fn pause(app: &App, store: &dyn Store, row: SeriesRow) -> Result<(), Failure> {
    // First of all no new run: one that is being made is then paused by who makes it.
    let state = moved(store, &row, series::Event::Pause).await?;
    let mut runs = Vec::new();
    let listing = runs_of(store, &row.key).await?;
    for run in listing.campaigns {
        if matches!(run.state, lifecycle::State::Waiting | lifecycle::State::Running) {
            runs.push(pause_one(app, store, &run.key, PAUSED_WITH_SERIES).await?);
        }
    }
    show(app, &ControlledSeries::of(app, &row, state, runs))?;
    all_readable(&listing.unreadable)
}

/// Lets a recurring campaign go on, and the runs that were paused with it. What came in between is skipped.
pub(super) async fn resume(app: &App, store: &dyn Store, row: SeriesRow) -> Result<(), Failure> {
    let row =
        if row.state == series::State::Paused { without_what_came(app, store, row).await? } else { row };
    let state = moved(store, &row, series::Event::Resume).await?;
    let mut runs = Vec::new();
    let with_it = |run: &CampaignRow| {
        run.state == lifecycle::State::Paused && run.reason.as_deref() == Some(PAUSED_WITH_SERIES)
    };
    let listing = runs_of(store, &row.key).await?;
    for run in listing.campaigns.iter().filter(|run| with_it(run)) {
        runs.push(resume_one(app, store, &run.key).await?);
    }
    show(app, &ControlledSeries::of(app, &row, state, runs))?;
    all_readable(&listing.unreadable)
}

/// Ends a recurring campaign, and calls its runs under way off.
pub(super) async fn cancel(app: &App, store: &dyn Store, row: SeriesRow) -> Result<(), Failure> {
    let state = moved(store, &row, series::Event::Cancel).await?;
    let mut runs = Vec::new();
    let listing = runs_of(store, &row.key).await?;
    for run in listing.campaigns {
        if !run.state.is_over() && run.state != lifecycle::State::Settling {
            runs.push(cancel_one(app, store, &run.key).await?);
        }
    }
    show(app, &ControlledSeries::of(app, &row, state, runs))?;
    all_readable(&listing.unreadable)
}

/// Notes the times that came while it was paused as skipped, where no scheduler has: who resumes does not ask for a
/// run at once.
async fn without_what_came(app: &App, store: &dyn Store, row: SeriesRow) -> Result<SeriesRow, Failure> {
    let mut row = row;
    while let Some(series::Step::Skip(skipped, _)) =
        series::step(&row.timetable, &row.standing(), app.clock.now())
    {
        let note = SeriesNote::Skipped(skipped, PAUSED_THEN.to_owned());
        // Where a scheduler was first, it is seen by reading again.
        store.note_series(&row.key, row.handled, &note, app.clock.now()).await?;
        row = store.series(&row.key).await?.ok_or(SeriesError::NoSuchSeries)?;
    }
    Ok(row)
}

async fn moved(store: &dyn Store, row: &SeriesRow, event: series::Event) -> Result<series::State, Failure> {
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
            Err(Failure::Refused(format!("{}: {forbidden}; {instead}", row.key)))
        }
        Err(error) => Err(error.into()),
    }
}

fn show(app: &App, controlled: &ControlledSeries) -> Result<(), Failure> {
    if app.json {
        output::print_json(controlled)?;
    } else {
        output::print(&controlled.text())?;
    }
    Ok(())
}

impl ControlledSeries {
    fn of(app: &App, row: &SeriesRow, state: series::State, runs: Vec<Controlled>) -> Self {
        let now = app.clock.now();
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
        }
    }

    fn text(&self) -> String {
        let already = if self.changed { "" } else { "already " };
        let mut text = format!("{} is {already}{}.", self.campaign, self.state);
        match self.state {
            series::State::Active => {
                let next = self.next_runs.first().map(|run| format!(" Its next run is {}.", run.campaign));
                text.push_str(&next.unwrap_or_default());
            }
            series::State::Paused => text.push_str(&format!(
                " No run is made, and times that come are skipped. Go on with: paceline resume {}",
                self.campaign
            )),
            series::State::Done | series::State::Cancelled => text.push_str(" No run is made any more."),
        }
        for run in &self.runs {
            text.push_str(&format!("\nWith it, the run {} is {}: ", run.campaign, run.state));
            text.push_str(&match run.skipped {
                Some(skipped) => format!("{} skipped.", were(skipped, "message")),
                None => format!("{} still to be sent.", are(run.unsent, "message")),
            });
            if run.sending > 0 && run.state != lifecycle::State::Waiting {
                text.push_str(&format!(
                    " {} with a worker and may still go out within a second.",
                    are(run.sending, "message")
                ));
            }
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn controlled(state: series::State, run: lifecycle::State, skipped: Option<u64>) -> ControlledSeries {
        let run = Controlled {
            campaign: "weekly@2026-11-23T10:00".to_owned(),
            state: run,
            changed: true,
            sending: 8,
            unsent: 1_200,
            in_doubt: 0,
            skipped,
            lifted: Vec::new(),
        };
        let next =
            NextRun { campaign: "weekly@2026-11-30T10:00".to_owned(), at: chrono::DateTime::UNIX_EPOCH };
        let next_runs = if state == series::State::Active { vec![next] } else { Vec::new() };
        ControlledSeries {
            campaign: "weekly".to_owned(),
            recurring: true,
            state,
            changed: true,
            next_runs,
            runs: vec![run],
        }
    }

    #[test]
    fn it_says_what_becomes_of_the_runs_under_way() {
        let text = controlled(series::State::Paused, lifecycle::State::Paused, None).text();
        insta::assert_snapshot!(text, @r#"
        weekly is paused. No run is made, and times that come are skipped. Go on with: paceline resume weekly
        With it, the run weekly@2026-11-23T10:00 is paused: 1,200 messages are still to be sent. 8 messages are with a worker and may still go out within a second.
        "#);
        let text = controlled(series::State::Active, lifecycle::State::Waiting, None).text();
        insta::assert_snapshot!(text, @r#"
        weekly is active. Its next run is weekly@2026-11-30T10:00.
        With it, the run weekly@2026-11-23T10:00 is waiting: 1,200 messages are still to be sent.
        "#);
        let text = controlled(series::State::Cancelled, lifecycle::State::Cancelled, Some(1_200)).text();
        insta::assert_snapshot!(text, @r#"
        weekly is cancelled. No run is made any more.
        With it, the run weekly@2026-11-23T10:00 is cancelled: 1,200 messages were skipped. 8 messages are with a worker and may still go out within a second.
        "#);
    }
}
