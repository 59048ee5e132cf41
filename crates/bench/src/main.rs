//! Measurements: what Paceline's processes reach on this machine, each with its yardstick beside it in the same run.
//!
//! | module | measures |
//! | --- | --- |
//! | [`intake`] | single-status webhooks: how many a second, how fast the answers, against a bare handler |
//! | `processes` | processes that are measured, and the processor time that they used |

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "a measurement that cannot be made has to fail, prints what it found, and looks at real clocks"
)]

mod intake;
mod processes;

use clap::{Parser, Subcommand};

/// Measure Paceline on this machine
#[derive(Debug, Parser)]
#[command(name = "bench")]
struct Arguments {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Single-status webhooks, against a handler that only checks the signature
    Intake(intake::Args),
    /// That handler, by itself
    #[command(hide = true)]
    Bare(intake::bare::Args),
}

#[tokio::main]
async fn main() {
    match Arguments::parse().what {
        What::Intake(args) => intake::run(args).await,
        What::Bare(args) => intake::bare::run(args).await,
    }
}
