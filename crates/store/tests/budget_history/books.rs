//! A database that writes down every value that a campaign's money ever had.
//!
//! A trigger does it, in the transaction that changes the money: what is in the history was committed, in that
//! order, and nothing that was committed is missing. Beside the campaign's own sums stands what its message
//! rows said at that moment.

use std::sync::Arc;

use campaign::ids::CampaignId;
use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;
use store::{PostgresStore, SharedStore, SqliteStore};
use tempfile::TempDir;

/// States in which an attempt is in flight.
macro_rules! in_flight {
    () => {
        "m.state IN ('sending', 'in_doubt', 'accepted', 'held', 'sent')"
    };
}

macro_rules! table {
    ($number:literal) => {
        concat!(
            "CREATE TABLE money_history (
                 number ",
            $number,
            ", campaign BIGINT NOT NULL, budget BIGINT NOT NULL,
                 spent_before BIGINT NOT NULL, reserved_before BIGINT NOT NULL,
                 spent BIGINT NOT NULL, reserved BIGINT NOT NULL,
                 paid BIGINT NOT NULL, in_flight BIGINT NOT NULL
             );"
        )
    };
}

macro_rules! entry {
    () => {
        concat!(
            "INSERT INTO money_history
                 (campaign, budget, spent_before, reserved_before, spent, reserved, paid, in_flight)
             SELECT NEW.id, NEW.budget, OLD.spent, OLD.reserved, NEW.spent, NEW.reserved,
                 coalesce(sum(m.cost), 0), coalesce(sum(m.worst_case) FILTER (WHERE ",
            in_flight!(),
            "), 0)
             FROM messages AS m
             WHERE m.id >= NEW.id << 32 AND m.id < (NEW.id + 1) << 32;"
        )
    };
}

const IN_POSTGRES: &str = concat!(
    table!("BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"),
    "CREATE FUNCTION write_money_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN ",
    entry!(),
    " RETURN NULL; END $$;
     CREATE TRIGGER write_money_down AFTER UPDATE ON campaigns FOR EACH ROW
     WHEN (OLD.spent <> NEW.spent OR OLD.reserved <> NEW.reserved) EXECUTE FUNCTION write_money_down();"
);

const IN_SQLITE: &str = concat!(
    table!("INTEGER PRIMARY KEY AUTOINCREMENT"),
    "CREATE TRIGGER write_money_down AFTER UPDATE ON campaigns FOR EACH ROW
     WHEN OLD.spent <> NEW.spent OR OLD.reserved <> NEW.reserved BEGIN ",
    entry!(),
    " END;"
);

macro_rules! read {
    ($campaign:literal) => {
        concat!(
            "SELECT budget, spent_before, reserved_before, spent, reserved, paid, in_flight
             FROM money_history WHERE campaign = ",
            $campaign,
            " ORDER BY number"
        )
    };
}

/// One committed value of a campaign's money, in millionths.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Entry {
    /// The ceiling.
    pub(crate) budget: i64,
    /// What was spent and reserved before the change.
    pub(crate) before: (i64, i64),
    /// What the campaign says is spent and reserved.
    pub(crate) after: (i64, i64),
    /// What the message rows say was paid.
    pub(crate) paid: i64,
    /// The worst case of all messages that are with a worker or the platform, by their rows.
    pub(crate) in_flight: i64,
}

enum Raw {
    Sqlite { pool: SqlitePool, _folder: TempDir },
    Postgres(PgPool),
}

/// A new database with a history, and the stores that work on it.
pub(crate) struct Books {
    raw: Raw,
    stores: Vec<SharedStore>,
}

impl Books {
    /// A file: the workers share its store, as they do in one process.
    pub(crate) async fn in_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("paceline.db").display().to_string();
        let store: SharedStore = Arc::new(SqliteStore::open(&path).await.unwrap());
        let pool = SqlitePool::connect(&format!("sqlite://{path}")).await.unwrap();
        sqlx::raw_sql(IN_SQLITE).execute(&pool).await.unwrap();
        Self { raw: Raw::Sqlite { pool, _folder: folder }, stores: vec![store] }
    }

    /// A database of the server: every worker has a store of its own, as processes have.
    pub(crate) async fn in_postgres(workers: usize) -> Self {
        let url = servers::Postgres::shared().database();
        let open = (0..workers).map(|_| PostgresStore::connect_with(&url, 2));
        let stores = futures::future::try_join_all(open).await.unwrap();
        let pool = PgPool::connect(&url).await.unwrap();
        sqlx::raw_sql(IN_POSTGRES).execute(&pool).await.unwrap();
        Self {
            raw: Raw::Postgres(pool),
            stores: stores.into_iter().map(|store| Arc::new(store) as SharedStore).collect(),
        }
    }

    /// The store of a worker.
    pub(crate) fn store(&self, worker: usize) -> &SharedStore {
        &self.stores[worker % self.stores.len()]
    }

    /// Changes something behind the stores' backs.
    pub(crate) async fn execute(&self, sql: &'static str) {
        match &self.raw {
            Raw::Sqlite { pool, .. } => drop(sqlx::query(sql).execute(pool).await.unwrap()),
            Raw::Postgres(pool) => drop(sqlx::query(sql).execute(pool).await.unwrap()),
        }
    }

    /// All that a campaign's money ever was.
    pub(crate) async fn history(&self, campaign: CampaignId) -> Vec<Entry> {
        type Columns = (i64, i64, i64, i64, i64, i64, i64);
        let rows: Vec<Columns> = match &self.raw {
            Raw::Sqlite { pool, .. } => {
                sqlx::query_as(read!("?1")).bind(campaign.0).fetch_all(pool).await.unwrap()
            }
            Raw::Postgres(pool) => {
                sqlx::query_as(read!("$1")).bind(campaign.0).fetch_all(pool).await.unwrap()
            }
        };
        rows.into_iter()
            .map(|(budget, spent_before, reserved_before, spent, reserved, paid, in_flight)| Entry {
                budget,
                before: (spent_before, reserved_before),
                after: (spent, reserved),
                paid,
                in_flight,
            })
            .collect()
    }
}
