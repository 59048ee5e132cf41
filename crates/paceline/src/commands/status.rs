//! `status`: how far campaigns are, once or live.
//!
//! | module | does |
//! | --- | --- |
//! | [`list`] | all campaigns as a table |
//! | [`detail`] | one campaign as text |
//! | [`recurring`] | recurring campaigns: facts, table and text |

mod detail;
mod list;
mod recurring;

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::gate::GateState;
use campaign::series::series_of;
use chrono::{DateTime, Utc};
use desk::ended;
use desk::facts::{Facts, Gates};
use desk::pace::PaceMeter;
#[cfg(test)]
pub(crate) use desk::sample;
use store::model::{CampaignRow, Listing, TemplateKey, Unreadable};
use store::series::{SeriesListing, SeriesRow};
use store::{Store, StoreError};

use crate::app::App;
use crate::commands::control;
use crate::failure::Failure;
use crate::output::{self, Live, Look, Reader, screen};
use recurring::SeriesFacts;

/// How often `--watch` redraws a terminal.
const REDRAW: Duration = Duration::from_millis(500);
/// How often `--watch` writes lines where there is no terminal.
const APPEND: Duration = Duration::from_secs(2);

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The campaign's key; all campaigns without it
    campaign: Option<String>,
    /// Go on until the campaign is over or Ctrl-C is pressed
    #[arg(long, short)]
    watch: bool,
}

/// How one look at the store is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// All there is to say.
    Full,
    /// One line per campaign.
    Line,
}

/// What one look at the store saw.
struct Seen {
    /// The campaign that was asked for, the runs of the recurring one, or all campaigns.
    rows: Vec<CampaignRow>,
    all: Vec<Facts>,
    /// The recurring campaign that was asked for, or all.
    series: Vec<SeriesFacts>,
    unreadable: Vec<Unreadable>,
    /// Of recurring campaigns that this version cannot read.
    unreadable_series: Vec<StoreError>,
}

impl Seen {
    async fn at(
        app: &App,
        store: &dyn Store,
        key: Option<&str>,
        meter: &mut PaceMeter,
    ) -> Result<Self, Failure> {
        let Listing { campaigns: rows, unreadable } = control::listing(store, key).await?;
        let SeriesListing { series, unreadable: unreadable_series } = match key {
            None => store.all_series().await?,
            Some(key) => SeriesListing {
                series: store.series(key).await?.into_iter().collect(),
                ..SeriesListing::default()
            },
        };
        let facts = |one: &SeriesRow| {
            SeriesFacts::of(one, rows.iter().filter(|row| series_of(&row.key) == Some(&one.key)))
        };
        let series: Vec<SeriesFacts> = series.iter().map(facts).collect();
        meter.note(&rows, app.clock.now());
        let mut all = facts_of(app, store, &rows, meter).await?;
        // Of one campaign alone: of all there may be many.
        if let ([row], [facts], true) = (rows.as_slice(), all.as_mut_slice(), series.is_empty()) {
            let mut doubts = ended::Sums::default();
            doubts.add(store, row.id).await?;
            facts.doubts = doubts.told();
        }
        Ok(Self { rows, all, series, unreadable, unreadable_series })
    }

    fn is_empty(&self) -> bool {
        self.all.is_empty() && self.series.is_empty()
    }

    fn is_over(&self) -> bool {
        !self.is_empty()
            && self.rows.iter().all(|row| row.state.is_over())
            && self.series.iter().all(|series| series.state.is_over())
    }

    /// That all could be read.
    fn end(&self) -> Result<(), Failure> {
        control::all_readable(&self.unreadable)?;
        match self.unreadable_series.first() {
            None => Ok(()),
            Some(error) => Err(Failure::Answered { exit_code: 1, sentence: error.to_string() }),
        }
    }

    fn all_could_not_be_read(&self) -> bool {
        self.is_empty() && !(self.unreadable.is_empty() && self.unreadable_series.is_empty())
    }
}

pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let store = app.store().await?;
    let key = args.campaign.as_deref();
    if args.watch {
        return watch(app, &*store, key).await;
    }
    let seen = Seen::at(app, &*store, key, &mut PaceMeter::default()).await?;
    let now = app.clock.now();
    if !app.json {
        if !seen.all_could_not_be_read() {
            output::print(&text(&seen, key, Form::Full, now))?;
        }
    } else if key.is_some() {
        match (seen.series.first(), seen.all.first()) {
            (Some(series), _) => {
                output::print_json(series)?;
            }
            (None, Some(facts)) => {
                output::print_json(facts)?;
            }
            (None, None) => {}
        }
    } else {
        let campaigns = seen.all.iter().map(One::Campaign);
        let all: Vec<One<'_>> = campaigns.chain(seen.series.iter().map(One::Series)).collect();
        output::print_json(&all)?;
    }
    seen.end()
}

/// What `status --json` lists: campaigns, and then recurring ones, which say `"recurring": true`.
#[derive(serde::Serialize)]
#[serde(untagged)]
enum One<'f> {
    Campaign(&'f Facts),
    Series(&'f SeriesFacts),
}

async fn watch(app: &App, store: &dyn Store, key: Option<&str>) -> Result<(), Failure> {
    let in_place = screen::is_terminal() && !app.json;
    let live = in_place.then(Live::on_stdout);
    let mut meter = PaceMeter::default();
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    let last = loop {
        let seen = Seen::at(app, store, key, &mut meter).await?;
        if seen.all_could_not_be_read() {
            return seen.end();
        }
        let now = app.clock.now();
        let is_over = seen.is_over();
        match &live {
            Some(live) => live.show(&text(&seen, key, Form::Full, now)),
            None => {
                let form = if is_over { Form::Full } else { Form::Line };
                if append(app, &seen, key, form, now)? == Reader::Gone {
                    return Ok(());
                }
            }
        }
        if is_over {
            break seen;
        }
        tokio::select! {
            () = app.clock.sleep(if in_place { REDRAW } else { APPEND }) => {}
            _ = &mut interrupted => break seen,
        }
    };
    if let Some(live) = live {
        live.end(&text(&last, key, Form::Full, app.clock.now()))?;
    }
    last.end()
}

/// Writes one look at the store below the last one.
fn append(
    app: &App,
    seen: &Seen,
    key: Option<&str>,
    form: Form,
    now: DateTime<Utc>,
) -> Result<Reader, Failure> {
    if !app.json {
        return output::print(&text(seen, key, form, now));
    }
    let mut reader = Reader::There;
    for facts in &seen.all {
        reader = output::print_json_line(facts)?;
    }
    for series in &seen.series {
        reader = output::print_json_line(series)?;
    }
    Ok(reader)
}

fn text(seen: &Seen, key: Option<&str>, form: Form, now: DateTime<Utc>) -> String {
    let look = Look::of_stdout();
    let (all, series) = (&seen.all, &seen.series);
    if seen.is_empty() {
        return "No campaign was launched yet: see `paceline launch`.".to_owned();
    }
    match (form, key, all.first(), series.first()) {
        (Form::Line, ..) => {
            let campaigns = all.iter().map(|facts| list::line(facts, now));
            campaigns.chain(series.iter().map(|one| recurring::line(one, now))).collect::<Vec<_>>().join("\n")
        }
        (Form::Full, Some(_), _, Some(series)) => recurring::detail(series, all, look, now),
        (Form::Full, Some(_), Some(facts), None) => detail::render(facts, look, now),
        (Form::Full, ..) => {
            let mut parts = Vec::new();
            if !all.is_empty() {
                parts.push(list::render(all, look, now));
            }
            if !series.is_empty() {
                parts.push(recurring::render(series, look, now));
            }
            parts.join("\n\n")
        }
    }
}

async fn facts_of(
    app: &App,
    store: &dyn Store,
    rows: &[CampaignRow],
    meter: &PaceMeter,
) -> Result<Vec<Facts>, Failure> {
    let mut states: BTreeMap<TemplateKey, GateState> = BTreeMap::new();
    for row in rows.iter().filter(|row| !row.state.is_over()) {
        for group in &row.groups {
            if !states.contains_key(&group.template) {
                states.insert(group.template.clone(), store.gate(&group.template).await?);
            }
        }
    }
    let gates = Gates { states, rules: app.config.gate_rules() };
    let now = app.clock.now();
    Ok(rows.iter().map(|row| Facts::of(row, &gates, meter.rate(row.id), now)).collect())
}
