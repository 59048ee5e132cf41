//! The command line: commands, global options, and the help that people read first.

use std::path::PathBuf;

use clap::builder::styling::{AnsiColor, Styles};
use clap::{Parser, Subcommand};

use crate::commands;
use crate::commands::audit::Doing;
use crate::logging::LogFormat;

const STYLES: Styles = Styles::styled()
    .header(AnsiColor::Green.on_default().bold())
    .usage(AnsiColor::Green.on_default().bold())
    .literal(AnsiColor::Cyan.on_default().bold())
    .placeholder(AnsiColor::Cyan.on_default());

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 bad input, 3 refused by a rule.

Try `paceline demo` first. Then: check, plan and launch a campaign file while `paceline run` works.";

/// WhatsApp marketing campaigns at a held pace, at most once per recipient.
#[derive(Debug, Parser)]
#[command(name = "paceline", version, after_help = EXIT_CODES, styles = STYLES, max_term_width = 100)]
pub(crate) struct Cli {
    /// Configuration file [default: ./workers.toml where there is one, else the built-in defaults]
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        value_name = "FILE",
        env = "PACELINE_CONFIG",
        hide_env_values = true
    )]
    pub(crate) config: Option<PathBuf>,

    /// Answer in JSON, for machines
    #[arg(long, global = true, help_heading = "Global options")]
    pub(crate) json: bool,

    /// How log lines are written to standard error; RUST_LOG says which
    #[arg(
        long,
        global = true,
        help_heading = "Global options",
        value_name = "FORMAT",
        default_value = "text",
        env = "PACELINE_LOG_FORMAT",
        hide_env_values = true
    )]
    pub(crate) log_format: LogFormat,

    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Show the whole system at work on this machine, with a simulated platform
    Demo(commands::demo::Args),
    /// Report every problem of a campaign file, its audience and the account at once
    Check(commands::check::Args),
    /// Show what a launch would do: who, when, how long, at what cost
    Plan(commands::plan::Args),
    /// Launch a campaign
    Launch(commands::launch::Args),
    /// Send: scheduler, workers and webhook intake in one process, until stopped
    Run(commands::run::Args),
    /// Only the scheduler: releases what is due; of many, one leads and the others stand by
    Scheduler(commands::run::RoleArgs),
    /// Only a worker: sends; any number share the pace
    Worker(commands::run::RoleArgs),
    /// Only the webhook intake: matches statuses with messages; any number
    Reconciler(commands::run::Args),
    /// Only the dashboard: pages and HTTP API; any number
    Dashboard(commands::run::Args),
    /// Show campaigns with progress, rate, time left and spend
    Status(commands::status::Args),
    /// Pause a campaign; takes hold within one second
    Pause(commands::control::Args),
    /// Let a paused or stopped campaign go on
    Resume(commands::control::Args),
    /// Cancel a campaign for good: what was not sent is skipped
    Cancel(commands::control::Args),
    /// What is in doubt: list it, and decide on it
    Doubt(commands::doubt::Args),
    /// Send a campaign's failed messages again, as a follow-up run
    Retry(commands::retry::Args),
    /// Say what became of every recipient
    Report(commands::report::Args),
    /// Take archived webhooks in once more, after a backup of the database was restored
    Replay(commands::replay::Args),
    /// Recompute the guarantees from the database and say what does not hold
    Verify(commands::verify::Args),
    /// The account's templates: list, show, create, edit; and their sync gates
    Templates(commands::templates::Args),
    /// Show the configured senders as the platform knows them: status, quality, limits
    Senders(commands::senders::Args),
    /// Say whether accounts may use the Marketing Messages API; invite clients as a partner
    Onboarding(commands::onboarding::Args),
    /// Estimate how many deliveries a max price buys
    Reach(commands::reach::Args),
    /// What the platform counted itself: pull it into a campaign's report
    Analytics(commands::analytics::Args),
    /// Show what webhooks told beside statuses, by kind: clicks, opt-outs, unknown fields
    Webhooks(commands::webhooks::Args),
    /// Take out what is of people: of a campaign that is over, or of one person
    Purge(commands::purge::Args),
    /// Who may use the dashboard and the HTTP API: make, list and revoke tokens
    Token(commands::token::Args),
    /// Say what people did, at the command line, on pages and over HTTP
    Audit(commands::audit::Args),
    /// The do-not-send list
    Suppress(commands::suppress::Args),
    /// Run the simulated platform alone
    Simulate(commands::simulate::Args),
    /// Print the campaign file's JSON Schema
    Schema(commands::schema::Args),
    /// Print a completion script for a shell
    Completions(commands::completions::Args),
    /// Say what is missing on this machine and how to get it
    Doctor(commands::doctor::Args),
}

impl Command {
    /// What it is about to do that belongs in the audit log.
    pub(crate) fn doing(&self) -> Option<Doing> {
        match self {
            Self::Launch(args) => Some(args.doing()),
            Self::Pause(args) => Some(Doing::new("pause", &args.campaign)),
            Self::Resume(args) => Some(Doing::new("resume", &args.campaign)),
            Self::Cancel(args) => Some(Doing::new("cancel", &args.campaign)),
            Self::Doubt(args) => args.doing(),
            Self::Retry(args) => args.doing(),
            Self::Purge(args) => Some(args.doing()),
            Self::Suppress(args) => args.doing(),
            Self::Templates(args) => args.doing(),
            Self::Token(args) => args.doing(),
            Self::Replay(_) => Some(Doing::new("replay", "")),
            Self::Demo(_)
            | Self::Check(_)
            | Self::Plan(_)
            | Self::Run(_)
            | Self::Scheduler(_)
            | Self::Worker(_)
            | Self::Reconciler(_)
            | Self::Dashboard(_)
            | Self::Status(_)
            | Self::Report(_)
            | Self::Verify(_)
            | Self::Senders(_)
            | Self::Onboarding(_)
            | Self::Reach(_)
            | Self::Analytics(_)
            | Self::Webhooks(_)
            | Self::Audit(_)
            | Self::Simulate(_)
            | Self::Schema(_)
            | Self::Completions(_)
            | Self::Doctor(_) => None,
        }
    }

    /// What is logged where RUST_LOG does not say: everything of note where logs are what one reads,
    /// warnings beside an answer, errors beside live progress.
    pub(crate) fn default_log_filter(&self) -> &'static str {
        match self {
            Self::Run(_)
            | Self::Scheduler(_)
            | Self::Worker(_)
            | Self::Reconciler(_)
            | Self::Dashboard(_)
            | Self::Simulate(_) => {
                "warn,campaign=info,clock=info,dashboard=info,paceline=info,queue=info,reconciler=info,scheduler=info,\
                 simulator=info,store=info,whatsapp=info,worker=info"
            }
            // What was news when it came is none now.
            Self::Demo(_) | Self::Replay(_) => "error",
            Self::Check(_)
            | Self::Plan(_)
            | Self::Launch(_)
            | Self::Status(_)
            | Self::Pause(_)
            | Self::Resume(_)
            | Self::Cancel(_)
            | Self::Doubt(_)
            | Self::Retry(_)
            | Self::Report(_)
            | Self::Verify(_)
            | Self::Templates(_)
            | Self::Senders(_)
            | Self::Onboarding(_)
            | Self::Reach(_)
            | Self::Analytics(_)
            | Self::Webhooks(_)
            | Self::Purge(_)
            | Self::Token(_)
            | Self::Audit(_)
            | Self::Suppress(_)
            | Self::Schema(_)
            | Self::Completions(_)
            | Self::Doctor(_) => "warn",
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
