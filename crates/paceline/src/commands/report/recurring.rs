//! The report of a recurring campaign: its runs, each a campaign with a report of its own, and their totals.

use anyhow::Context;
use campaign::message::State;
use campaign::{lifecycle, series};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use store::Store;
use store::model::CampaignRow;
use store::series::SeriesRow;

use super::html::{self, Grid, Page, Section};
use super::{FILE_WIDTH, Format};
use crate::commands::control;
use crate::failure::Failure;
use crate::output::{Look, Table, format};

/// What `report --format json` prints of a recurring campaign; its field names are stable.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct SeriesReport {
    campaign: String,
    recurring: bool,
    state: series::State,
    currency: Option<&'static str>,
    /// The newest first.
    runs: Vec<Run>,
    totals: Numbers,
}

/// One run.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct Run {
    campaign: String,
    state: lifecycle::State,
    #[serde(flatten)]
    numbers: Numbers,
}

/// What became of the recipients of a run, or of all runs: somebody in several runs counts in each.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
struct Numbers {
    planned: u64,
    excluded: u64,
    messages: u64,
    /// On a device, read ones included.
    delivered: u64,
    read: u64,
    failed: u64,
    expired: u64,
    skipped: u64,
    in_doubt: u64,
    /// Still to be sent, or with a worker.
    unsent: u64,
    spent: Decimal,
}

impl Numbers {
    fn of(row: &CampaignRow) -> Self {
        let open = [State::Queued, State::Retrying, State::Sending];
        Self {
            planned: row.totals.planned,
            excluded: row.totals.excluded,
            messages: row.totals.messages,
            delivered: row.count(State::Delivered) + row.count(State::Read),
            read: row.count(State::Read),
            failed: row.count(State::Failed),
            expired: row.count(State::Expired),
            skipped: row.count(State::Skipped),
            in_doubt: row.count(State::InDoubt),
            unsent: open.into_iter().map(|state| row.count(state)).sum(),
            spent: row.spent.to_decimal(),
        }
    }

    fn add(&mut self, other: &Self) {
        self.planned += other.planned;
        self.excluded += other.excluded;
        self.messages += other.messages;
        self.delivered += other.delivered;
        self.read += other.read;
        self.failed += other.failed;
        self.expired += other.expired;
        self.skipped += other.skipped;
        self.in_doubt += other.in_doubt;
        self.unsent += other.unsent;
        self.spent += other.spent;
    }
}

/// The report as text, in its format.
///
/// # Errors
/// There is no CSV of all runs; a run cannot be read; the store's.
pub(super) async fn report(
    store: &dyn Store,
    row: &SeriesRow,
    format: Format,
    is_file: bool,
    now: DateTime<Utc>,
) -> Result<String, Failure> {
    let listing = control::runs_of(store, &row.key).await?;
    // Totals without one of them would be wrong.
    control::all_readable(&listing.unreadable)?;
    let report = SeriesReport::of(row, &listing.campaigns);
    let text = match format {
        Format::Csv => {
            let run = report.runs.first().map_or_else(
                || "it has none yet".to_owned(),
                |run| format!("the newest is: paceline report {} --format csv", run.campaign),
            );
            return Err(Failure::BadUse(format!(
                "{} recurs, and each of its runs has a CSV of its own; ask for one run ({run})",
                row.key
            )));
        }
        Format::Json => {
            serde_json::to_string_pretty(&report).context("the report could not be written as JSON")?
        }
        Format::Html => {
            let mut page = Vec::new();
            html::write(&report.page(now), &mut page).context("the report could not be written as a page")?;
            String::from_utf8(page).context("the report could not be written as a page")?
        }
        Format::Text => {
            let look = if is_file { Look { width: FILE_WIDTH, colours: false } } else { Look::of_stdout() };
            report.text(look)
        }
    };
    Ok(text)
}

impl SeriesReport {
    fn of(row: &SeriesRow, runs: &[CampaignRow]) -> Self {
        let mut totals = Numbers::default();
        let runs_told = runs
            .iter()
            .map(|run| {
                let numbers = Numbers::of(run);
                totals.add(&numbers);
                Run { campaign: run.key.clone(), state: run.state, numbers }
            })
            .collect();
        Self {
            campaign: row.key.clone(),
            recurring: true,
            state: row.state,
            currency: runs.first().map(|run| run.currency.code()),
            runs: runs_told,
            totals,
        }
    }

    fn page(&self, now: DateTime<Utc>) -> Page {
        let currency = self.currency.unwrap_or("none");
        let facts = vec![("State", self.state.to_string()), ("Amounts are in", currency.to_owned())];
        let mut numbers = Grid::new(
            "Runs, the newest first",
            [
                "Run",
                "State",
                "Messages#",
                "Delivered#",
                "Read#",
                "Failed#",
                "Expired#",
                "Skipped#",
                "Unsent#",
                "Spent#",
            ],
        );
        let mut row = |name: &str, state: &str, n: &Numbers| {
            let counts = [n.messages, n.delivered, n.read, n.failed, n.expired, n.skipped, n.unsent];
            let cells = [name.to_owned(), state.to_owned()].into_iter();
            numbers.row(cells.chain(counts.map(format::count)).chain([format!("{:.2}", n.spent)]));
        };
        for run in &self.runs {
            row(&run.campaign, run.state.name(), &run.numbers);
        }
        row("all", "", &self.totals);
        let said = match self.runs.first() {
            Some(newest) => format!(
                "Somebody who is in several runs counts in each. The report of one run: paceline report {} --format html",
                newest.campaign
            ),
            None => "No run was made yet.".to_owned(),
        };
        let delivered = self.runs.iter().map(|run| {
            let share = format::percent(run.numbers.delivered, run.numbers.messages);
            let said = format!("{} · {share} of the messages", format::count(run.numbers.delivered));
            (run.campaign.as_str(), run.numbers.delivered, said)
        });
        let section = Section {
            id: "runs",
            heading: "Runs",
            said: vec![said],
            figures: vec![html::runs(delivered, numbers)],
            ..Section::default()
        };
        Page::new(
            format!("Report of {}", self.campaign),
            facts,
            Vec::new(),
            Vec::new(),
            vec![section],
            format!("Made by Paceline at {}.", format::instant(now, chrono_tz::Tz::UTC)),
        )
    }

    fn text(&self, look: Look) -> String {
        let Some(newest) = self.runs.first() else {
            return format!("{} recurs and is {}; no run was made yet.", self.campaign, self.state);
        };
        let headings = [
            "RUN",
            "STATE",
            "MESSAGES",
            "DELIVERED",
            "READ",
            "FAILED",
            "EXPIRED",
            "SKIPPED",
            "UNSENT",
            "SPENT",
        ];
        let mut table = Table::new(headings).right(2..10);
        let mut row = |name: &str, state: &str, n: &Numbers| {
            table.row([
                name.to_owned(),
                state.to_owned(),
                format::count(n.messages),
                format::count(n.delivered),
                format::count(n.read),
                format::count(n.failed),
                format::count(n.expired),
                format::count(n.skipped),
                format::count(n.unsent),
                format!("{:.2}", n.spent),
            ]);
        };
        for run in &self.runs {
            row(&run.campaign, run.state.name(), &run.numbers);
        }
        row("all", "", &self.totals);
        format!(
            "{} recurs and is {}. Somebody who is in several runs counts in each; amounts are {}.\n\n{}\n\n\
             The report of one run: paceline report {}",
            self.campaign,
            self.state,
            self.currency.unwrap_or("none"),
            table.render(look),
            newest.campaign
        )
    }
}
