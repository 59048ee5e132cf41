//! SQLite passes the conformance suite, in memory and on a file.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::sync::Arc;

use store::{SharedStore, SqliteStore};

async fn in_memory() -> (SharedStore, ()) {
    let store = SqliteStore::in_memory().await.expect("a store in memory opens");
    (Arc::new(store), ())
}

async fn on_a_file() -> (SharedStore, tempfile::TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let path = folder.path().join("paceline.db");
    let store = SqliteStore::open(path.to_str().expect("its path is UTF-8")).await.expect("a new file opens");
    (Arc::new(store), folder)
}

mod memory {
    use super::in_memory;
    store::conformance::suite!(in_memory);
}

mod file {
    use super::on_a_file;
    store::conformance::suite!(on_a_file);
}
