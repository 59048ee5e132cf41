//! Messages loaded from the database into a [`Batch`], and written back in one statement with the counters that
//! follow. What happens in between is the same for every database: `crate::moving`.

use std::sync::{Arc, LazyLock};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{AssertSqlSafe, Sqlite, SqliteConnection};

use super::doubts;
use crate::StoreError;
use crate::codec::{failed, json, micros, number};
use crate::columns::{Columns as _, Reader};
use crate::moving::batch::Batch;
use crate::moving::counters::Counters;
use crate::moving::message::{Entry, Live, live_columns};

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Messages by number.
pub(super) const BY_ID: &str = concat!(
    "SELECT ",
    live_columns!(),
    " FROM json_each(?1) AS j
      CROSS JOIN messages AS m ON m.id = j.value
      CROSS JOIN campaigns AS c ON c.id = m.campaign_id"
);

/// Messages by the platform's id of their newest attempt.
pub(super) const BY_WAMID: &str = concat!(
    "SELECT ",
    live_columns!(),
    " FROM json_each(?1) AS j
      CROSS JOIN messages AS m ON m.wamid = j.value
      CROSS JOIN campaigns AS c ON c.id = m.campaign_id"
);

/// Messages by the platform's id of an earlier attempt, with that id and attempt.
pub(super) const BY_EARLIER_WAMID: &str = concat!(
    "SELECT ",
    live_columns!(),
    ", e.wamid, e.attempt
      FROM json_each(?1) AS j
      CROSS JOIN earlier_attempts AS e ON e.wamid = j.value
      CROSS JOIN messages AS m ON m.id = e.message_id
      CROSS JOIN campaigns AS c ON c.id = m.campaign_id"
);

/// How many rows one statement writes back.
const ROWS: [usize; 4] = [64, 16, 4, 1];

/// Writes so many rows back. Their columns are parameters: taking them out of JSON costs ten times as much.
pub(super) static WRITE_BACK: LazyLock<[Arc<str>; 4]> = LazyLock::new(|| ROWS.map(write_back_of));

/// What [`WRITE_BACK`] sets, in the order of [`bind_live`].
const WRITTEN: [&str; 24] = [
    "state",
    "assumed",
    "placed",
    "attempt",
    "failures",
    "resent",
    "resent_fate",
    "worker",
    "wamid",
    "failure_code",
    "failure_class",
    "failure_detail",
    "retry_at",
    "claimed_at",
    "doubt_since",
    "accepted_at",
    "ttl_at",
    "sent_at",
    "delivered_at",
    "read_at",
    "route",
    "cost",
    "cost_told",
    "reserved",
];

fn write_back_of(rows: usize) -> Arc<str> {
    let names = WRITTEN.join(", ");
    let row = format!("(?{})", ", ?".repeat(WRITTEN.len()));
    let rows = vec![row; rows].join(", ");
    let sets: Vec<String> = WRITTEN.iter().map(|name| format!("{name} = new.{name}")).collect();
    format!(
        "WITH new (id, {names}) AS (VALUES {rows}) UPDATE messages SET {} FROM new WHERE messages.id = new.id",
        sets.join(", ")
    )
    .into()
}

const COUNT_STATES: &str = "
    INSERT INTO campaign_counts (campaign_id, state, n)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
    ON CONFLICT (campaign_id, state) DO UPDATE SET n = n + excluded.n";

const COUNT_FAILURES: &str = "
    INSERT INTO failure_counts (campaign_id, code, n)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
    ON CONFLICT (campaign_id, code) DO UPDATE SET n = n + excluded.n";

const SUM_MONEY: &str = "
    UPDATE campaigns SET
        spent = spent + (j.value ->> 1), reserved = reserved + (j.value ->> 2),
        unguarded = unguarded + (j.value ->> 3), attempts = attempts + (j.value ->> 4)
    FROM json_each(?1) AS j
    WHERE campaigns.id = j.value ->> 0";

/// A slice that waits for nobody is done.
pub(super) const LEAVE_SLICES: &str = "
    UPDATE slices SET
        messages = messages - (j.value ->> 2),
        state = CASE WHEN state IN ('planned', 'deferred') AND messages = j.value ->> 2 THEN 'done' ELSE state END
    FROM json_each(?1) AS j
    WHERE slices.campaign_id = j.value ->> 0 AND slices.number = j.value ->> 1";

const KEEP_EARLIER: &str = "
    INSERT INTO earlier_attempts (wamid, message_id, attempt)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
    ON CONFLICT (wamid) DO NOTHING";

/// Loads messages by number into the batch; those that are in it stay as they are.
pub(super) async fn load(tx: &mut SqliteConnection, batch: &mut Batch, ids: &[i64]) -> Result<()> {
    let wanted = batch.missing(ids);
    load_by(tx, batch, BY_ID, &wanted).await
}

/// Loads messages by the platform's ids, of any attempt; ids that are known in the batch are left out.
pub(super) async fn load_by_wamid(
    tx: &mut SqliteConnection,
    batch: &mut Batch,
    wamids: &[&str],
) -> Result<()> {
    let wanted = batch.unknown(wamids);
    load_by(tx, batch, BY_WAMID, &wanted).await?;
    let wanted = batch.unknown(&wanted);
    if wanted.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(BY_EARLIER_WAMID)
        .bind(json(&wanted)?)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("find messages by an earlier attempt's id"))?;
    for row in rows {
        let mut columns = Reader::new(&row);
        let (id, entry) = Entry::read(&mut columns)?;
        let wamid = columns.text()?;
        batch.add_earlier(id, entry, wamid, number("earlier_attempts.attempt", columns.number()?)?);
    }
    Ok(())
}

async fn load_by<T: Serialize>(
    tx: &mut SqliteConnection,
    batch: &mut Batch,
    sql: &'static str,
    wanted: &[T],
) -> Result<()> {
    if wanted.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(sql).bind(json(wanted)?).fetch_all(tx).await.map_err(failed("read messages"))?;
    for row in &rows {
        add(batch, row)?;
    }
    Ok(())
}

fn add(batch: &mut Batch, row: &SqliteRow) -> Result<()> {
    let (id, entry) = Entry::read(&mut Reader::new(row))?;
    batch.add(id, entry);
    Ok(())
}

/// Writes back what changed, and its counters.
pub(super) async fn write_back(tx: &mut SqliteConnection, batch: &Batch) -> Result<()> {
    let changes = batch.changes();
    let mut rest = changes.rows.as_slice();
    for (size, sql) in ROWS.iter().zip(WRITE_BACK.iter()) {
        while let Some((part, others)) = rest.split_at_checked(*size) {
            let mut statement = sqlx::query(AssertSqlSafe(Arc::clone(sql)));
            for (id, live) in part {
                statement = bind_live(statement, *id, live);
            }
            statement.execute(&mut *tx).await.map_err(failed("write messages"))?;
            rest = others;
        }
    }
    count(tx, &changes.counters).await?;
    run(tx, KEEP_EARLIER, &changes.earlier, "keep earlier attempts").await?;
    doubts::keep(tx, changes.decisions, &changes.heard).await
}

async fn count(tx: &mut SqliteConnection, counters: &Counters) -> Result<()> {
    let sums: Vec<_> = counters
        .sums()
        .into_iter()
        .map(|s| (s.campaign, s.spent, s.reserved, s.unguarded, s.attempts))
        .collect();
    run(tx, COUNT_STATES, &counters.states(), "count states").await?;
    run(tx, COUNT_FAILURES, &counters.failures(), "count failures").await?;
    run(tx, SUM_MONEY, &sums, "sum up money").await?;
    run(tx, LEAVE_SLICES, &counters.slices(), "count what slices still hold").await
}

async fn run<T: Serialize>(
    tx: &mut SqliteConnection,
    sql: &'static str,
    rows: &[T],
    doing: &'static str,
) -> Result<()> {
    if !rows.is_empty() {
        sqlx::query(sql).bind(json(rows)?).execute(tx).await.map_err(failed(doing))?;
    }
    Ok(())
}

type Statement<'q> = Query<'q, Sqlite, SqliteArguments>;

fn bind_live<'q>(statement: Statement<'q>, id: i64, live: &'q Live) -> Statement<'q> {
    let at = |time: Option<DateTime<Utc>>| time.map(micros);
    let failure = live.failure.as_ref();
    statement
        .bind(id)
        .bind(live.current.state.name())
        .bind(live.current.assumed)
        .bind(live.placed)
        .bind(i64::from(live.attempt))
        .bind(i64::from(live.failures))
        .bind(i64::from(live.resent))
        .bind(live.current.resent.name())
        .bind(live.worker.as_deref())
        .bind(live.wamid.as_deref())
        .bind(failure.and_then(|f| f.code))
        .bind(failure.map(|f| f.class.as_str()))
        .bind(failure.map(|f| f.detail.as_str()))
        .bind(at(live.retry_at))
        .bind(at(live.claimed_at))
        .bind(at(live.doubt_since))
        .bind(at(live.accepted_at))
        .bind(at(live.ttl_at))
        .bind(at(live.sent_at))
        .bind(at(live.delivered_at))
        .bind(at(live.read_at))
        .bind(live.route.as_deref())
        .bind(live.cost.map(|c| c.0))
        .bind(live.cost_told)
        .bind(live.reserved.0)
}
