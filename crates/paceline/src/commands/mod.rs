//! One file per command. Each has `Args`, as clap reads them, and `run`. `asking` is what the commands about the
//! account share.

pub(crate) mod analytics;
pub(crate) mod asking;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod control;
pub(crate) mod demo;
pub(crate) mod doctor;
pub(crate) mod doubt;
pub(crate) mod launch;
pub(crate) mod onboarding;
pub(crate) mod plan;
pub(crate) mod purge;
pub(crate) mod reach;
pub(crate) mod replay;
pub(crate) mod report;
pub(crate) mod retry;
pub(crate) mod run;
pub(crate) mod schema;
pub(crate) mod senders;
pub(crate) mod simulate;
pub(crate) mod status;
pub(crate) mod suppress;
pub(crate) mod templates;
pub(crate) mod verify;
pub(crate) mod webhooks;
