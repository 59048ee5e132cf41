//! `report`: what became of every recipient, as text, JSON, a page, or one CSV row each.
//!
//! | module | does |
//! | --- | --- |
//! | [`rows`] | messages and excluded rows in the order of the audience, page by page |
//! | [`csv_rows`] | one CSV row per recipient |
//! | [`tally`] | adds the rows up, in memory that does not grow with them |
//! | [`summary`] | the numbers of a report; what `--format json` prints |
//! | [`parts`] | what they are made of: reasons, runs, countries, variants, hours |
//! | [`timeline`] | what happened when, in steps that fit the campaign's length, and by hour of the day |
//! | [`times`] | hours and days under their names |
//! | [`comparing`] | whether variants differ |
//! | [`conservation`] | where every row of the audience is, as a sentence |
//! | [`beside`] | the platform's own numbers beside ours |
//! | [`text`] | the same numbers to read |
//! | [`html`] | the same numbers as a page with charts, which needs nothing else |
//! | [`recurring`] | the runs of a recurring campaign, and their totals |
//! | [`target`] | where a report is written: standard output, or a file that appears when it is complete |

mod beside;
mod comparing;
mod conservation;
mod csv_rows;
mod html;
mod parts;
mod recurring;
mod rows;
mod summary;
mod tally;
mod target;
mod text;
mod timeline;
mod times;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, Utc};
use store::Store;
use store::model::CampaignRow;

use crate::app::App;
use crate::commands::control;
use crate::commands::doubt::ended;
use crate::failure::Failure;
use crate::output::{self, Look, Progress};
use rows::Rows;
use summary::{PlatformPart, Summary};
use tally::Tally;
use target::Target;

/// The width of text that goes into a file, in columns.
const FILE_WIDTH: usize = 100;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The campaign's key
    campaign: String,
    /// How to write it [default: by the end of the output's name, else text to read]
    #[arg(long, short, value_enum)]
    format: Option<Format>,
    /// Write to this file, which appears when it is complete
    #[arg(long, short)]
    output: Option<PathBuf>,
}

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// One row per recipient, excluded ones too
    Csv,
    /// Totals, funnel, failures in words, spend
    Json,
    /// The same as one page with charts, without recipients' numbers
    Html,
    /// The same to read
    Text,
}

pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    // `-o -` is standard output.
    let args = Args { output: args.output.filter(|path| path != Path::new("-")), ..args };
    let format = format_of(&args, app.json)?;
    let store = app.store().await?;
    if let Some(series) = store.series(&args.campaign).await? {
        let text =
            recurring::report(&*store, &series, format, args.output.is_some(), app.clock.now()).await?;
        let mut target = Target::open(args.output.as_deref())?;
        match writeln!(target, "{text}").and_then(|()| target.flush()).map_err(|error| stop(error, &target)) {
            Ok(()) => target.complete()?,
            Err(Stop::ReaderGone) => {}
            Err(Stop::Failed(failure)) => return Err(failure),
        }
        return Ok(());
    }
    let row = control::find(&*store, &args.campaign).await?;
    let progress = if app.json || args.output.is_none() {
        Progress::hidden()
    } else {
        Progress::new(format!("reading {}", row.key), Some(row.totals.planned))
    };
    let mut target = Target::open(args.output.as_deref())?;
    let written = write(&mut target, format, app, &*store, &row, &args, &progress).await;
    drop(progress);
    match written {
        Ok(()) => {}
        // Whoever read standard output has seen enough.
        Err(Stop::ReaderGone) => return Ok(()),
        Err(Stop::Failed(failure)) => return Err(failure),
    }
    target.complete()?;
    if let Some(path) = &args.output
        && !app.json
    {
        output::print(&format!("The report of {} is in {}.", row.key, path.display()))?;
    }
    Ok(())
}

/// The numbers of a campaign's report, from all its rows.
///
/// # Errors
/// The store could not be read.
pub(crate) async fn summarise(
    store: &dyn Store,
    row: &CampaignRow,
    now: DateTime<Utc>,
    progress: &Progress,
) -> Result<Summary, Failure> {
    let runs = follow_ups(store, row).await?;
    let mut rows = Rows::joined(store, row.id, &runs);
    let mut tally = Tally::of(row);
    while let Some(recipient) = rows.next().await? {
        tally.add(&recipient);
        progress.advance(1);
    }
    // Read again: the numbers of the row are then no older than the messages that were just counted.
    let row = control::find(store, &row.key).await?;
    let analytics = store.analytics(row.id).await?;
    let platform = analytics.map(|(counted, pulled_at)| PlatformPart { pulled_at, counted });
    let runs = follow_ups(store, &row).await?;
    let mut doubts = ended::Sums::default();
    for id in std::iter::once(row.id).chain(runs.iter().map(|run| run.id)) {
        doubts.add(store, id).await?;
    }
    let doubts = doubts.told();
    Ok(Summary { platform, doubts, ..Summary::of(&row, &tally, now) }.joining(&runs))
}

/// The follow-ups of a campaign, the oldest first.
///
/// # Errors
/// The store could not be read, or another version wrote one.
async fn follow_ups(store: &dyn Store, row: &CampaignRow) -> Result<Vec<CampaignRow>, Failure> {
    let listing = store.follow_ups(row.id).await?;
    control::all_readable(&listing.unreadable)?;
    Ok(listing.campaigns)
}

/// Why a report is not written to its end.
enum Stop {
    ReaderGone,
    Failed(Failure),
}

impl<E: Into<Failure>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Judges an error of writing.
fn stop(error: io::Error, target: &Target) -> Stop {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Stop::ReaderGone;
    }
    Stop::Failed(anyhow::Error::new(error).context(format!("cannot write {}", target.name())).into())
}

async fn write(
    target: &mut Target,
    format: Format,
    app: &App,
    store: &dyn Store,
    row: &CampaignRow,
    args: &Args,
    progress: &Progress,
) -> Result<(), Stop> {
    if format == Format::Csv {
        return write_csv(target, store, row, progress).await;
    }
    let summary = summarise(store, row, app.clock.now(), progress).await?;
    if format == Format::Html {
        let page = html::page(&summary, app.clock.now());
        return html::write(&page, &mut *target).map_err(|error| stop(error, target));
    }
    let text = match format {
        Format::Csv | Format::Html | Format::Json => {
            serde_json::to_string_pretty(&summary).context("the report could not be written as JSON")?
        }
        Format::Text => {
            let look = if args.output.is_some() {
                Look { width: FILE_WIDTH, colours: false }
            } else {
                Look::of_stdout()
            };
            text::render(&summary, look, app.clock.now())
        }
    };
    writeln!(target, "{text}").and_then(|()| target.flush()).map_err(|error| stop(error, target))
}

async fn write_csv(
    target: &mut Target,
    store: &dyn Store,
    row: &CampaignRow,
    progress: &Progress,
) -> Result<(), Stop> {
    let runs = &follow_ups(store, row).await?;
    let mut ended = ended::all(store, row.id).await?;
    for run in runs {
        ended.extend(ended::all(store, run.id).await?);
    }
    let columns = csv_rows::Columns::of(row, runs, &ended);
    let rows = &mut Rows::joined(store, row.id, runs);
    let mut page = csv_rows::Page::default();
    page.push(csv_rows::HEADER)?;
    while let Some(recipient) = rows.next().await? {
        page.push(columns.record(&recipient))?;
        progress.advance(1);
        if page.is_full() {
            target.write_all(&page.take()?).map_err(|error| stop(error, target))?;
        }
    }
    target.write_all(&page.take()?).and_then(|()| target.flush()).map_err(|error| stop(error, target))
}

/// The format that was asked for, or that fits the output's name.
fn format_of(args: &Args, json: bool) -> Result<Format, Failure> {
    let by_name = |path: &Path| match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "csv" => Some(Format::Csv),
        "json" => Some(Format::Json),
        "html" | "htm" => Some(Format::Html),
        _ => None,
    };
    match (args.format, json) {
        (Some(Format::Csv | Format::Html | Format::Text), true) => Err(Failure::BadUse(
            "--json asks for JSON and --format for something else; leave one of them out".to_owned(),
        )),
        (Some(format), _) => Ok(format),
        (None, true) => Ok(Format::Json),
        (None, false) => Ok(args.output.as_deref().and_then(by_name).unwrap_or(Format::Text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(format: Option<Format>, output: Option<&str>) -> Args {
        Args { campaign: "diwali".to_owned(), format, output: output.map(PathBuf::from) }
    }

    #[test]
    fn the_format_follows_from_what_was_said() {
        assert_eq!(format_of(&args(None, None), false).ok(), Some(Format::Text));
        assert_eq!(format_of(&args(None, Some("a/b.CSV")), false).ok(), Some(Format::Csv));
        assert_eq!(format_of(&args(None, Some("b.txt")), false).ok(), Some(Format::Text));
        assert_eq!(format_of(&args(None, Some("b.HTML")), false).ok(), Some(Format::Html));
        assert_eq!(format_of(&args(Some(Format::Json), Some("b.csv")), false).ok(), Some(Format::Json));
        assert_eq!(format_of(&args(None, Some("b.csv")), true).ok(), Some(Format::Json));
        assert!(matches!(format_of(&args(Some(Format::Csv), None), true), Err(Failure::BadUse(_))));
    }
}
