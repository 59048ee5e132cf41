//! `paceline completions SHELL`: a script that completes commands and options.

use anyhow::Context;
use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::failure::Failure;
use crate::output;

/// What `completions` is told.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "For example: paceline completions bash > ~/.local/share/bash-completion/completions/paceline"
)]
pub(crate) struct Args {
    /// The shell
    shell: Shell,
}

/// Prints the script.
pub(crate) fn run(args: Args) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "paceline", &mut script);
    output::print(&String::from_utf8(script).context("the completion script is not UTF-8 text")?)?;
    Ok(())
}
