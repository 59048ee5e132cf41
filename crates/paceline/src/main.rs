//! The `paceline` command: reads the command line, loads the configuration, runs one command, and turns its
//! result into an exit code (0 done, 1 failed, 2 bad input, 3 refused by a rule).

mod app;
mod cli;
mod commands;
mod config;
mod failure;
mod launching;
mod logging;
mod output;
mod roles;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;

use crate::app::App;
use crate::cli::{Cli, Command};
use crate::config::Config;
use crate::failure::Failure;

/// How long work that was handed to other threads may hold up the end of the process.
const LAST_WORK: Duration = Duration::from_secs(2);

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.json;
    let result = run(cli);
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            report(&failure, json);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(cli: Cli) -> Result<(), Failure> {
    logging::init(cli.log_format, cli.command.default_log_filter())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime could not be started")?;
    let result = runtime.block_on(dispatch(cli));
    runtime.shutdown_timeout(LAST_WORK);
    result
}

/// Runs the command, and writes down what it did.
async fn dispatch(cli: Cli) -> Result<(), Failure> {
    let (doing, file, json) = (cli.command.doing(), cli.config.clone(), cli.json);
    let done = execute(cli).await;
    // Where the configuration cannot be read, nothing was done.
    if let Some(doing) = doing
        && let Ok(config) = config::load(file.as_deref())
    {
        let app = App { config, clock: Arc::new(clock::SystemClock::new()), json };
        commands::audit::note(&app, doing, &done).await;
    }
    done
}

/// Loads the configuration where the command reads one, and runs the command.
async fn execute(cli: Cli) -> Result<(), Failure> {
    let clock: clock::SharedClock = Arc::new(clock::SystemClock::new());
    let file = cli.config.as_deref();
    let app = |config| App { config, clock: clock.clone(), json: cli.json };
    match cli.command {
        Command::Schema(args) => commands::schema::run(args),
        Command::Completions(args) => commands::completions::run(args),
        Command::Doctor(args) => commands::doctor::run(config::load(file), clock, cli.json, args).await,
        // The demo brings everything along; a broken workers.toml is no reason not to show it.
        Command::Demo(args) => commands::demo::run(&app(Config::default()), args).await,
        Command::Check(args) => commands::check::run(&app(config::load(file)?), args).await,
        Command::Plan(args) => commands::plan::run(&app(config::load(file)?), args).await,
        Command::Launch(args) => commands::launch::run(&app(config::load(file)?), args).await,
        Command::Run(args) => commands::run::run(&app(config::load(file)?), args).await,
        Command::Scheduler(args) => commands::run::scheduler(&app(config::load(file)?), args).await,
        Command::Worker(args) => commands::run::worker(&app(config::load(file)?), args).await,
        Command::Reconciler(args) => commands::run::reconciler(&app(config::load(file)?), args).await,
        Command::Dashboard(args) => commands::run::dashboard(&app(config::load(file)?), args).await,
        Command::Status(args) => commands::status::run(&app(config::load(file)?), args).await,
        Command::Pause(args) => commands::control::pause(&app(config::load(file)?), args).await,
        Command::Resume(args) => commands::control::resume(&app(config::load(file)?), args).await,
        Command::Cancel(args) => commands::control::cancel(&app(config::load(file)?), args).await,
        Command::Report(args) => commands::report::run(&app(config::load(file)?), args).await,
        Command::Replay(args) => commands::replay::run(&app(config::load(file)?), args).await,
        Command::Verify(args) => commands::verify::run(&app(config::load(file)?), args).await,
        Command::Templates(args) => commands::templates::run(&app(config::load(file)?), args).await,
        Command::Senders(args) => commands::senders::run(&app(config::load(file)?), args).await,
        Command::Onboarding(args) => commands::onboarding::run(&app(config::load(file)?), args).await,
        Command::Analytics(args) => commands::analytics::run(&app(config::load(file)?), args).await,
        Command::Reach(args) => commands::reach::run(&app(config::load(file)?), args).await,
        Command::Webhooks(args) => commands::webhooks::run(&app(config::load(file)?), args).await,
        Command::Doubt(args) => commands::doubt::run(&app(config::load(file)?), args).await,
        Command::Retry(args) => commands::retry::run(&app(config::load(file)?), args).await,
        Command::Purge(args) => commands::purge::run(&app(config::load(file)?), args).await,
        Command::Token(args) => commands::token::run(&app(config::load(file)?), args).await,
        Command::Audit(args) => commands::audit::run(&app(config::load(file)?), args).await,
        Command::Suppress(args) => commands::suppress::run(&app(config::load(file)?), args).await,
        Command::Simulate(args) => commands::simulate::run(&app(config::load(file)?), args).await,
    }
}

/// Tells a person on standard error and, with `--json`, a machine on standard output.
fn report(failure: &Failure, json: bool) {
    if json && let Some(object) = failure.json() {
        // Standard error still has the sentence.
        let _ = output::print_json(&object);
    }
    let mut err = std::io::stderr().lock();
    for line in failure.lines() {
        // Nobody is left to tell that standard error cannot be written to.
        let _ = writeln!(err, "{line}");
    }
}
