//! `paceline audit`: what people did, whichever way; and the commands' own entries in it.

use chrono::Utc;
use chrono_tz::Tz;
use serde_json::json;
use store::StoreError;
use store::access::{Deed, Outcome, Via};

use crate::app::App;
use crate::commands::doubt::operator;
use crate::failure::Failure;
use crate::output::{Look, Table, format, print, print_json};

/// How much of it to print.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// No more entries
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: u32,
    /// Only entries before this one, by its number
    #[arg(long, value_name = "NUMBER")]
    before: Option<i64>,
}

/// What a command is about to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Doing {
    /// As the command is called.
    pub(crate) action: &'static str,
    /// What it is done to; never a recipient's address.
    pub(crate) target: String,
}

impl Doing {
    /// So is it called, and done to that.
    pub(crate) fn new(action: &'static str, target: impl Into<String>) -> Self {
        Self { action, target: target.into() }
    }
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let deeds = app.store().await?.deeds(args.before, args.limit).await?;
    if app.json {
        let entry = |(number, deed): &(i64, Deed)| {
            let mut entry = json!(deed);
            entry["number"] = json!(number);
            entry
        };
        print_json(&deeds.iter().map(entry).collect::<Vec<_>>())?;
        return Ok(());
    }
    if deeds.is_empty() {
        print("Nobody has changed anything yet.")?;
        return Ok(());
    }
    let mut table = Table::new(["NUMBER", "WHEN", "WHO", "BY", "WHAT", "OF", "OUTCOME", "DETAIL"]).right([0]);
    for (number, deed) in &deeds {
        let (number, at) = (number.to_string(), format::instant(deed.at, Tz::UTC));
        let (via, outcome) = (deed.via.name(), deed.outcome.name());
        table.row([number.as_str(), &at, &deed.who, via, &deed.action, &deed.target, outcome, &deed.detail]);
    }
    print(&table.render(Look::of_stdout()))?;
    Ok(())
}

/// Writes down what a command did. What was asked wrongly did nothing. Where it cannot be written down the command has
/// done its work all the same.
pub(crate) async fn note(app: &App, doing: Doing, done: &Result<(), Failure>) {
    let (outcome, detail) = match done {
        Ok(()) => (Outcome::Done, String::new()),
        Err(Failure::BadInput(_) | Failure::BadUse(_)) => return,
        Err(Failure::Refused(sentence)) => (Outcome::Refused, sentence.clone()),
        Err(Failure::Answered { exit_code: 3, sentence }) => (Outcome::Refused, sentence.clone()),
        Err(Failure::Answered { sentence, .. }) => (Outcome::Failed, sentence.clone()),
        // Where the database was away it still is, and nobody waits for it twice.
        Err(Failure::Failed(error)) if is_away(error) => return,
        Err(failure @ Failure::Failed(_)) => (Outcome::Failed, failure.lines().join("; ")),
    };
    let deed = Deed {
        at: app.clock.now().max(chrono::DateTime::<Utc>::UNIX_EPOCH),
        who: operator::name(None).unwrap_or_default(),
        via: Via::Cli,
        action: doing.action.to_owned(),
        target: doing.target,
        detail,
        outcome,
    };
    let noted = async { Ok::<_, Failure>(app.store().await?.log_deed(&deed).await?) }.await;
    if let Err(failure) = noted {
        tracing::warn!(action = deed.action, target = deed.target, problem = ?failure.lines(), "this is not in the audit log");
    }
}

fn is_away(error: &anyhow::Error) -> bool {
    error.downcast_ref::<StoreError>().is_some_and(StoreError::is_transient)
}
