//! `paceline schema`: the campaign file's JSON Schema, for editors.

use crate::failure::Failure;
use crate::output;

/// What `schema` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints the schema.
pub(crate) fn run(_args: Args) -> Result<(), Failure> {
    output::print(campaign::definition::JSON_SCHEMA)?;
    Ok(())
}
