//! `paceline templates list|show|gate|apply`: the account's templates, and what Paceline knows of them.
//!
//! | module | does |
//! | --- | --- |
//! | `list` | all templates of all accounts, a line each |
//! | `show` | all of one template |
//! | `preview` | a template's parts as people read them |
//! | `gate` | the sync gate's clock; opens it by hand |
//! | `gates` | what is known of a gate |
//! | `find` | a template by its name, with what was perhaps meant |
//! | `price` | max prices in the platform's terms and in people's |
//! | `apply` | creates and edits templates from a file |
//! | `file` | reads that file |
//! | `difference` | what the account's template and the file's do not have in common |
//! | `refusal` | why the platform refused a template, in words |

mod apply;
mod difference;
mod file;
mod find;
mod gate;
mod gates;
mod list;
mod preview;
pub(super) mod price;
mod refusal;
mod show;

use crate::app::App;
use crate::commands::audit::Doing;
use crate::failure::Failure;

/// What to do with templates.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// List all templates of all accounts: status, quality, time to live, max price, sync gate
    List,
    /// Show all of one template, with its text and its variables
    Show(show::Args),
    /// Show whether a template may be sent to yet, and until when it waits; or open its gate by hand
    Gate(gate::Args),
    /// Create or edit templates from a file
    Apply(apply::Args),
}

impl Args {
    /// What it is about to do.
    pub(crate) fn doing(&self) -> Option<Doing> {
        match &self.action {
            Action::List | Action::Show(_) => None,
            Action::Gate(args) => args.doing(),
            Action::Apply(args) => args.doing(),
        }
    }
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    match args.action {
        Action::List => list::run(app).await,
        Action::Show(args) => show::run(app, args).await,
        Action::Gate(args) => gate::run(app, args).await,
        Action::Apply(args) => apply::run(app, args).await,
    }
}
