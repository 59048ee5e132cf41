//! `status`: how far campaigns are, once or live.
//!
//! | module | does |
//! | --- | --- |
//! | [`facts`] | what is true of one campaign now: progress, rate, arrival, waits, failures |
//! | [`pace`] | the rate now, from several reads |
//! | [`list`] | all campaigns as a table |
//! | [`detail`] | one campaign as text |

mod detail;
mod facts;
mod list;
mod pace;
#[cfg(test)]
pub(crate) mod sample;

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::gate::GateState;
use chrono::{DateTime, Utc};
use store::Store;
use store::model::{CampaignRow, Listing, TemplateKey};

use crate::app::App;
use crate::commands::control;
use crate::failure::Failure;
use crate::output::{self, Live, Look, Reader, screen};
use facts::{Facts, Gates};
use pace::PaceMeter;

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

pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let store = app.store().await?;
    let key = args.campaign.as_deref();
    if args.watch {
        return watch(app, &*store, key).await;
    }
    let Listing { campaigns, unreadable } = control::listing(&*store, key).await?;
    let all = facts_of(app, &*store, &campaigns, &PaceMeter::default()).await?;
    let now = app.clock.now();
    if !app.json {
        if !all.is_empty() || unreadable.is_empty() {
            output::print(&text(&all, key, Form::Full, now))?;
        }
    } else if key.is_some() {
        if let Some(facts) = all.first() {
            output::print_json(facts)?;
        }
    } else {
        output::print_json(&all)?;
    }
    control::all_readable(&unreadable)
}

async fn watch(app: &App, store: &dyn Store, key: Option<&str>) -> Result<(), Failure> {
    let in_place = screen::is_terminal() && !app.json;
    let live = in_place.then(Live::on_stdout);
    let mut meter = PaceMeter::default();
    let interrupted = tokio::signal::ctrl_c();
    tokio::pin!(interrupted);
    let (last, unreadable) = loop {
        let Listing { campaigns: rows, unreadable } = control::listing(store, key).await?;
        if rows.is_empty() && !unreadable.is_empty() {
            return control::all_readable(&unreadable);
        }
        let now = app.clock.now();
        meter.note(&rows, now);
        let all = facts_of(app, store, &rows, &meter).await?;
        let is_over = !all.is_empty() && rows.iter().all(|row| row.state.is_over());
        match &live {
            Some(live) => live.show(&text(&all, key, Form::Full, now)),
            None => {
                let form = if is_over { Form::Full } else { Form::Line };
                if append(app, &all, key, form, now)? == Reader::Gone {
                    return Ok(());
                }
            }
        }
        if is_over {
            break (all, unreadable);
        }
        tokio::select! {
            () = app.clock.sleep(if in_place { REDRAW } else { APPEND }) => {}
            _ = &mut interrupted => break (all, unreadable),
        }
    };
    if let Some(live) = live {
        live.end(&text(&last, key, Form::Full, app.clock.now()))?;
    }
    control::all_readable(&unreadable)
}

/// Writes one look at the store below the last one.
fn append(
    app: &App,
    all: &[Facts],
    key: Option<&str>,
    form: Form,
    now: DateTime<Utc>,
) -> Result<Reader, Failure> {
    if !app.json {
        return output::print(&text(all, key, form, now));
    }
    let mut reader = Reader::There;
    for facts in all {
        reader = output::print_json_line(facts)?;
    }
    Ok(reader)
}

fn text(all: &[Facts], key: Option<&str>, form: Form, now: DateTime<Utc>) -> String {
    let look = Look::of_stdout();
    match (form, key, all.first()) {
        (Form::Line, _, Some(_)) => {
            all.iter().map(|facts| list::line(facts, now)).collect::<Vec<_>>().join("\n")
        }
        (Form::Full, Some(_), Some(facts)) => detail::render(facts, look, now),
        (Form::Full, None, Some(_)) => list::render(all, look, now),
        (Form::Line | Form::Full, _, None) => {
            "No campaign was launched yet: see `paceline launch`.".to_owned()
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
