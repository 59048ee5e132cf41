//! `doubt C list|resolve`: the messages of which nobody knows whether the platform took them, and an operator's decision
//! on them.
//!
//! | module | does |
//! | --- | --- |
//! | [`chosen`] | which messages are meant: numbers and ranges, as `--seq` takes them |
//! | [`list`] | what is in doubt, why, and what the policy will do |
//! | [`resolve`] | ends doubts, and says which and which not |
//! | [`operator`] | who decides |

mod chosen;
mod list;
pub(crate) mod operator;
mod resolve;

pub(crate) use desk::ended;
use store::Store;
use store::model::CampaignRow;

use crate::app::App;
use crate::commands::audit::Doing;
use crate::commands::control;
use crate::failure::Failure;

/// Doubts that are read or ended together.
const PAGE: u32 = 1_000;

/// Whose doubts, and what to do with them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A message is in doubt when its request left, or may have, and no answer says what became of it. It \
is never repeated by itself: a status ends the doubt, or, after in_doubt_after, the campaign's in_doubt policy, or you."
)]
pub(crate) struct Args {
    /// The campaign's key
    campaign: String,
    #[command(subcommand)]
    action: Action,
}

impl Args {
    /// What it is about to do.
    pub(crate) fn doing(&self) -> Option<Doing> {
        match &self.action {
            Action::List(_) => None,
            Action::Resolve(_) => Some(Doing::new("doubt resolve", &self.campaign)),
        }
    }
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Say what is in doubt, why, since when, and what the policy will do
    List(list::Args),
    /// End doubts: they were accepted, are sent once more, or are given up
    Resolve(resolve::Args),
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    // A mistake in what is asked is told before the database is.
    let action = match args.action {
        Action::List(list) => Asked::List(list),
        Action::Resolve(resolve) => Asked::Resolve(resolve.checked()?),
    };
    let store = app.store().await?;
    let row = campaign(&*store, &args.campaign).await?;
    match action {
        Asked::List(args) => list::run(app, &*store, &row, &args).await,
        Asked::Resolve(order) => resolve::run(app, &*store, &row, &order).await,
    }
}

enum Asked {
    List(list::Args),
    Resolve(resolve::Order),
}

/// The campaign with this key.
///
/// # Errors
/// There is none, or it is a recurring one: its runs have messages, it has none.
async fn campaign(store: &dyn Store, key: &str) -> Result<CampaignRow, Failure> {
    if store.series(key).await?.is_some() {
        return Err(Failure::BadUse(format!(
            "{key} is a recurring campaign, whose runs have the messages; name a run, as `paceline status {key}` lists them"
        )));
    }
    Ok(control::find(store, key).await?)
}
