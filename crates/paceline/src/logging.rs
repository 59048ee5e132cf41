//! Log lines: to standard error, as text or JSON, filtered by RUST_LOG. What is logged names phone numbers
//! only in their masked form, and no secrets; see `whatsapp::mask_phone` and `whatsapp::Secret`.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::failure::Failure;

/// How log lines are written: for people, or one JSON object per line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    // No doc comments: the help of every command would list them.
    Text,
    Json,
}

/// Starts logging. RUST_LOG, where set, decides what is logged; else `default_filter`.
///
/// # Errors
/// RUST_LOG is not a filter.
pub(crate) fn init(format: LogFormat, default_filter: &str) -> Result<(), Failure> {
    let filter = match std::env::var("RUST_LOG") {
        Ok(text) if !text.trim().is_empty() => EnvFilter::try_new(&text).map_err(|error| {
            Failure::BadUse(format!("RUST_LOG is \"{text}\", which is no filter ({error}); write for example info, or warn,worker=debug"))
        })?,
        Ok(_) | Err(_) => EnvFilter::new(default_filter),
    };
    let builder = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => builder.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => builder.json().flatten_event(true).init(),
    }
    Ok(())
}
