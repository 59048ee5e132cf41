//! `paceline suppress add|import|list|remove`: the do-not-send list. It takes hold at the next claim, on
//! running campaigns too.

use std::fs::File;
use std::path::PathBuf;

use campaign::audience::{AudienceReader, Country, Row, RowProblem, UserId, normalise};
use campaign::problem::{Place, Problem, Problems};
use serde_json::json;
use store::SharedStore;
use store::model::Suppression;

use crate::app::App;
use crate::commands::audit::Doing;
use crate::failure::Failure;
use crate::output::{format, print, print_json};

/// Addresses that are added or read together.
const PAGE: usize = 5_000;

/// What to do with the list.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

impl Args {
    /// What it is about to do. Whom is not said: the list has it, and a purge would have to find it here.
    pub(crate) fn doing(&self) -> Option<Doing> {
        let addresses = |addresses: &[String]| match addresses.len() {
            1 => "1 address".to_owned(),
            many => format!("{many} addresses"),
        };
        match &self.action {
            Action::Add { addresses: all } => Some(Doing::new("suppress add", addresses(all))),
            Action::Remove { addresses: all } => Some(Doing::new("suppress remove", addresses(all))),
            Action::Import { file, .. } => Some(Doing::new("suppress import", file.display().to_string())),
            Action::List => None,
        }
    }
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Add numbers (+country code) or business-scoped user ids
    Add {
        /// Numbers or user ids
        #[arg(required = true)]
        addresses: Vec<String>,
    },
    /// Add all numbers of a CSV or NDJSON file
    Import {
        /// The file, with a header
        file: PathBuf,
        /// The column with the numbers
        #[arg(long, default_value = "phone")]
        column: String,
        /// The country (two letters) of numbers without a country code
        #[arg(long)]
        region: Option<Country>,
    },
    /// Print the list
    List,
    /// Take numbers or user ids off the list
    Remove {
        /// Numbers or user ids
        #[arg(required = true)]
        addresses: Vec<String>,
    },
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let store = app.store().await?;
    match args.action {
        Action::Add { addresses } => {
            let added = add(app, &store, read(&addresses)?, "operator").await?;
            tell(app, "added", added, addresses.len() as u64)
        }
        Action::Import { file, column, region } => import(app, &store, &file, &column, region).await,
        Action::List => list(app, &store).await,
        Action::Remove { addresses } => {
            let removed = store.unsuppress(&read(&addresses)?).await?;
            tell(app, "removed", removed, addresses.len() as u64)
        }
    }
}

fn tell(app: &App, what: &str, changed: u64, asked: u64) -> Result<(), Failure> {
    if app.json {
        print_json(&json!({ what: changed, "asked": asked }))?;
    } else {
        print(&format!(
            "{} of {} {what}; the others were so already.",
            format::count(changed),
            format::count(asked)
        ))?;
    }
    Ok(())
}

/// The addresses as they are kept.
fn read(addresses: &[String]) -> Result<Vec<String>, Failure> {
    let read = |text: &String| address(text, None).map_err(|why| Failure::BadUse(format!("{text}: {why}")));
    addresses.iter().map(read).collect()
}

fn address(text: &str, region: Option<Country>) -> Result<String, String> {
    if let Ok(id) = UserId::parse(text) {
        return Ok(id.as_str().to_owned());
    }
    normalise(text, region).map(|phone| phone.to_string()).map_err(|refused| refused.to_string())
}

async fn add(app: &App, store: &SharedStore, addresses: Vec<String>, source: &str) -> Result<u64, Failure> {
    let entries: Vec<Suppression> =
        addresses.into_iter().map(|address| Suppression { address, source: source.to_owned() }).collect();
    Ok(store.suppress(&entries, app.clock.now()).await?)
}

/// Adds a file's numbers. Rows that cannot be read are told and left out: whoever is in the others has said stop.
async fn import(
    app: &App,
    store: &SharedStore,
    file: &std::path::Path,
    column: &str,
    region: Option<Country>,
) -> Result<(), Failure> {
    let shown = file.display().to_string();
    let source = File::open(file).map_err(|error| {
        Problem::new(Place::file(&shown), format!("cannot be opened: {}", crate::failure::reason(&error)))
            .help("check the path")
    })?;
    let mut reader = AudienceReader::open(&shown, source)?;
    let at = reader.require_column(column, &Place::line(&shown, 1))?;
    let (mut page, mut row) = (Vec::new(), Row::default());
    let (mut rows, mut added) = (0, 0);
    let mut left_out: Vec<Problem> = Vec::new();
    while let Some(next) = reader.next_row(&mut row) {
        rows += 1;
        match next {
            Ok(()) => match address(row.get(at), region) {
                Ok(address) => page.push(address),
                Err(why) => left_out
                    .push(Problem::new(Place::line(&shown, row.line()), format!("column {column}: {why}"))),
            },
            Err(RowProblem::Row(problem)) => left_out.push(problem),
            Err(RowProblem::Fatal(problem)) => return Err(Problems(vec![problem]).into()),
        }
        if page.len() >= PAGE {
            added += add(app, store, std::mem::take(&mut page), "import").await?;
        }
    }
    added += add(app, store, page, "import").await?;
    if app.json {
        let problems: Vec<String> = left_out.iter().map(ToString::to_string).collect();
        print_json(&json!({ "rows": rows, "added": added, "left_out": problems }))?;
        return Ok(());
    }
    let mut text = String::new();
    for problem in left_out.iter().take(20) {
        text.push_str(&format!("left out: {problem}\n"));
    }
    text.push_str(&format!(
        "{} rows read, {} added, {} left out; the others were on the list already.\n",
        format::count(rows),
        format::count(added),
        format::count(left_out.len() as u64)
    ));
    print(&text)?;
    Ok(())
}

async fn list(app: &App, store: &SharedStore) -> Result<(), Failure> {
    let mut all: Vec<Suppression> = Vec::new();
    let limit = u32::try_from(PAGE).unwrap_or(u32::MAX);
    loop {
        let after = all.last().map(|entry| entry.address.clone());
        let page = store.suppressions(after.as_deref(), limit).await?;
        if page.is_empty() {
            break;
        }
        if !app.json {
            let lines: String = page.iter().map(|e| format!("{}\t{}\n", e.address, e.source)).collect();
            print(&lines)?;
        }
        all.extend(page);
    }
    if app.json {
        print_json(&all)?;
    }
    Ok(())
}
