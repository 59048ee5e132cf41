//! PostgreSQL passes the conformance suite.
#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::sync::Arc;

use store::{PostgresStore, SharedStore};

async fn in_a_new_database() -> (SharedStore, ()) {
    let url = servers::Postgres::shared().database();
    let store = PostgresStore::connect(&url).await.expect("a new database is made ready");
    (Arc::new(store), ())
}

mod server {
    use super::in_a_new_database;
    store::conformance::suite!(in_a_new_database);
}
