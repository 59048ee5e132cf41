//! The steps that bring a database's tables up to date, from migrations/ in the project's root. A step that was released
//! never changes.

use sqlx::SqlStr;
use sqlx::migrate::{Migration, MigrationType};

macro_rules! steps {
    ($database:literal) => {
        [
            (1, "initial", text!($database, "0001_initial")),
            (2, "leaders", text!($database, "0002_leaders")),
            (3, "resent attempts", text!($database, "0003_resent_attempts")),
            (4, "retries first", text!($database, "0004_retries_first")),
            (5, "brakes", text!($database, "0005_brakes")),
            (6, "people", text!($database, "0006_people")),
            (7, "series", text!($database, "0007_series")),
            (8, "platform words", text!($database, "0008_platform_words")),
            (9, "analytics", text!($database, "0009_analytics")),
            (10, "doubts and follow ups", text!($database, "0010_doubts_and_follow_ups")),
            (12, "inferred and counted", text!($database, "0012_inferred_and_counted")),
            (13, "earlier attempts by message", text!($database, "0013_earlier_attempts_by_message")),
            (15, "statuses by address", text!($database, "0015_statuses_by_address")),
            (16, "access", text!($database, "0016_access")),
            (17, "samples", text!($database, "0017_samples")),
        ]
    };
}

macro_rules! text {
    ($database:literal, $file:literal) => {
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/", $database, "/", $file, ".sql"))
    };
}

/// PostgreSQL's.
pub(crate) fn postgres() -> Vec<Migration> {
    steps!("postgres").map(step).into()
}

/// SQLite's.
pub(crate) fn sqlite() -> Vec<Migration> {
    steps!("sqlite").map(step).into()
}

fn step((version, description, text): (i64, &'static str, &'static str)) -> Migration {
    let without_transaction = false;
    let text = SqlStr::from_static(text);
    Migration::new(version, description.into(), MigrationType::Simple, text, without_transaction)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use sqlx::migrate::Migrator;

    use super::*;

    /// What is built in is what the folder has, step by step.
    #[tokio::test]
    async fn no_step_is_left_out() {
        for (database, built_in) in [("postgres", postgres()), ("sqlite", sqlite())] {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations").join(database);
            let step = |step: &Migration| {
                (step.version, step.description.to_string(), step.checksum.to_vec(), step.no_tx)
            };
            let there: Vec<_> = Migrator::new(folder).await.unwrap().iter().map(step).collect();
            assert_eq!(built_in.iter().map(step).collect::<Vec<_>>(), there, "{database}");
        }
    }
}
