//! Messages loaded from the database into a [`Batch`], and written back in one statement, with the counters that
//! follow in another. What happens in between is the same for every database: `crate::moving`.
//!
//! Whoever calls these has locked the campaigns concerned.

use sqlx::postgres::PgRow;
use sqlx::{Encode, PgConnection, Postgres, Type};

use super::doubts;
use super::text::clean;
use crate::StoreError;
use crate::codec::{failed, micros, number};
use crate::columns::{Columns as _, Reader};
use crate::moving::batch::{Batch, Changes};
use crate::moving::counters::Counters;
use crate::moving::message::{Entry, Live, live_columns};

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Messages by number.
pub(super) const BY_ID: &str = concat!(
    "SELECT ",
    live_columns!(),
    " FROM messages AS m JOIN campaigns AS c ON c.id = m.campaign_id WHERE m.id = ANY($1)"
);

/// Messages by the platform's id of their newest attempt.
pub(super) const BY_WAMID: &str = concat!(
    "SELECT ",
    live_columns!(),
    " FROM messages AS m JOIN campaigns AS c ON c.id = m.campaign_id WHERE m.wamid = ANY($1)"
);

/// Messages by the platform's id of an earlier attempt, with that id and attempt.
pub(super) const BY_EARLIER_WAMID: &str = concat!(
    "SELECT ",
    live_columns!(),
    ", e.wamid, e.attempt
      FROM earlier_attempts AS e
      JOIN messages AS m ON m.id = e.message_id
      JOIN campaigns AS c ON c.id = m.campaign_id
      WHERE e.wamid = ANY($1)"
);

/// The campaigns of messages by the platform's ids, of any attempt.
pub(super) const CAMPAIGNS_OF: &str = "
    SELECT campaign_id FROM messages WHERE wamid = ANY($1)
    UNION
    SELECT message_id >> 32 FROM earlier_attempts WHERE wamid = ANY($1)";

pub(super) const WRITE_BACK: &str = "
    UPDATE messages AS m SET
        state = n.state, assumed = n.assumed, placed = n.placed, attempt = n.attempt, failures = n.failures,
        resent = n.resent, worker = n.worker, wamid = n.wamid, failure_code = n.failure_code,
        failure_class = n.failure_class, failure_detail = n.failure_detail, retry_at = n.retry_at,
        claimed_at = n.claimed_at, doubt_since = n.doubt_since, accepted_at = n.accepted_at, ttl_at = n.ttl_at,
        sent_at = n.sent_at, delivered_at = n.delivered_at, read_at = n.read_at, route = n.route, cost = n.cost,
        cost_told = n.cost_told, reserved = n.reserved, resent_fate = n.resent_fate
    FROM unnest($1::bigint[], $2::text[], $3::boolean[], $4::boolean[], $5::bigint[], $6::bigint[], $7::bigint[],
                $8::text[], $9::text[], $10::bigint[], $11::text[], $12::text[], $13::bigint[], $14::bigint[],
                $15::bigint[], $16::bigint[], $17::bigint[], $18::bigint[], $19::bigint[], $20::bigint[],
                $21::text[], $22::bigint[], $23::boolean[], $24::bigint[], $25::text[])
        AS n (id, state, assumed, placed, attempt, failures, resent, worker, wamid, failure_code, failure_class,
              failure_detail, retry_at, claimed_at, doubt_since, accepted_at, ttl_at, sent_at, delivered_at,
              read_at, route, cost, cost_told, reserved, resent_fate)
    WHERE m.id = n.id";

/// All counters that follow from a change of messages. A slice that waits for nobody is done.
pub(super) const COUNT: &str = "
    WITH states AS (
        INSERT INTO campaign_counts AS k (campaign_id, state, n)
        SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[])
        ON CONFLICT (campaign_id, state) DO UPDATE SET n = k.n + excluded.n
    ), failures AS (
        INSERT INTO failure_counts AS k (campaign_id, code, n)
        SELECT * FROM unnest($4::bigint[], $5::text[], $6::bigint[])
        ON CONFLICT (campaign_id, code) DO UPDATE SET n = k.n + excluded.n
    ), sums AS (
        UPDATE campaigns AS c SET
            spent = c.spent + j.spent, reserved = c.reserved + j.reserved,
            unguarded = c.unguarded + j.unguarded, attempts = c.attempts + j.attempts
        FROM unnest($7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[])
            AS j (campaign, spent, reserved, unguarded, attempts)
        WHERE c.id = j.campaign
    )
    UPDATE slices AS s SET
        messages = s.messages - j.n,
        state = CASE WHEN s.state IN ('planned', 'deferred') AND s.messages = j.n THEN 'done' ELSE s.state END
    FROM unnest($12::bigint[], $13::bigint[], $14::bigint[]) AS j (campaign, slice, n)
    WHERE s.campaign_id = j.campaign AND s.number = j.slice";

const KEEP_EARLIER: &str = "
    INSERT INTO earlier_attempts (wamid, message_id, attempt)
    SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])
    ON CONFLICT (wamid) DO NOTHING";

/// Loads messages by number into the batch; those that are in it stay as they are.
pub(super) async fn load(tx: &mut PgConnection, batch: &mut Batch, ids: &[i64]) -> Result<()> {
    let wanted = batch.missing(ids);
    load_by(tx, batch, BY_ID, wanted).await
}

/// Loads messages by the platform's ids, of any attempt; ids that are known in the batch are left out.
pub(super) async fn load_by_wamid(tx: &mut PgConnection, batch: &mut Batch, wamids: &[&str]) -> Result<()> {
    let wanted = batch.unknown(wamids);
    load_by(tx, batch, BY_WAMID, cleaned(&wanted)).await?;
    let wanted = batch.unknown(&wanted);
    if wanted.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(BY_EARLIER_WAMID)
        .bind(cleaned(&wanted))
        .fetch_all(tx)
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

/// The campaigns that have messages with these platform's ids.
pub(super) async fn campaigns_of(tx: &mut PgConnection, wamids: &[&str]) -> Result<Vec<i64>> {
    if wamids.is_empty() {
        return Ok(Vec::new());
    }
    sqlx::query_scalar(CAMPAIGNS_OF)
        .bind(cleaned(wamids))
        .fetch_all(tx)
        .await
        .map_err(failed("find the campaigns of messages"))
}

fn cleaned(wamids: &[&str]) -> Vec<String> {
    wamids.iter().map(|wamid| clean(wamid).into_owned()).collect()
}

async fn load_by<T>(tx: &mut PgConnection, batch: &mut Batch, sql: &'static str, wanted: Vec<T>) -> Result<()>
where
    Vec<T>: for<'q> Encode<'q, Postgres> + Type<Postgres> + Send,
{
    if wanted.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query(sql).bind(wanted).fetch_all(tx).await.map_err(failed("read messages"))?;
    for row in &rows {
        add(batch, row)?;
    }
    Ok(())
}

fn add(batch: &mut Batch, row: &PgRow) -> Result<()> {
    let (id, entry) = Entry::read(&mut Reader::new(row))?;
    batch.add(id, entry);
    Ok(())
}

/// Writes back what changed, and its counters.
pub(super) async fn write_back(tx: &mut PgConnection, batch: &Batch) -> Result<()> {
    let Changes { rows, counters, earlier, decisions, heard } = batch.changes();
    if !rows.is_empty() {
        write(tx, &rows).await?;
        count(tx, &counters).await?;
    }
    if !earlier.is_empty() {
        let mut sorted = earlier;
        sorted.sort_unstable();
        let keeping = failed("keep earlier attempts");
        sqlx::query(KEEP_EARLIER)
            .bind(column(&sorted, |(wamid, ..)| clean(wamid)))
            .bind(column(&sorted, |(_, id, _)| *id))
            .bind(column(&sorted, |(.., attempt)| i64::from(*attempt)))
            .execute(&mut *tx)
            .await
            .map_err(keeping)?;
    }
    doubts::keep(tx, decisions, &heard).await
}

async fn write(tx: &mut PgConnection, rows: &[(i64, &Live)]) -> Result<()> {
    sqlx::query(WRITE_BACK)
        .bind(column(rows, |(id, _)| *id))
        .bind(column(rows, |(_, live)| live.current.state.name()))
        .bind(column(rows, |(_, live)| live.current.assumed))
        .bind(column(rows, |(_, live)| live.placed))
        .bind(column(rows, |(_, live)| i64::from(live.attempt)))
        .bind(column(rows, |(_, live)| i64::from(live.failures)))
        .bind(column(rows, |(_, live)| i64::from(live.resent)))
        .bind(column(rows, |(_, live)| live.worker.as_deref()))
        .bind(column(rows, |(_, live)| live.wamid.as_deref().map(clean)))
        .bind(column(rows, |(_, live)| live.failure.as_ref().and_then(|f| f.code)))
        .bind(column(rows, |(_, live)| live.failure.as_ref().map(|f| clean(&f.class))))
        .bind(column(rows, |(_, live)| live.failure.as_ref().map(|f| clean(&f.detail))))
        .bind(column(rows, |(_, live)| live.retry_at.map(micros)))
        .bind(column(rows, |(_, live)| live.claimed_at.map(micros)))
        .bind(column(rows, |(_, live)| live.doubt_since.map(micros)))
        .bind(column(rows, |(_, live)| live.accepted_at.map(micros)))
        .bind(column(rows, |(_, live)| live.ttl_at.map(micros)))
        .bind(column(rows, |(_, live)| live.sent_at.map(micros)))
        .bind(column(rows, |(_, live)| live.delivered_at.map(micros)))
        .bind(column(rows, |(_, live)| live.read_at.map(micros)))
        .bind(column(rows, |(_, live)| live.route.as_deref().map(clean)))
        .bind(column(rows, |(_, live)| live.cost.map(|c| c.0)))
        .bind(column(rows, |(_, live)| live.cost_told))
        .bind(column(rows, |(_, live)| live.reserved.0))
        .bind(column(rows, |(_, live)| live.current.resent.name()))
        .execute(tx)
        .await
        .map_err(failed("write messages"))?;
    Ok(())
}

async fn count(tx: &mut PgConnection, counters: &Counters) -> Result<()> {
    let (states, failures) = (counters.states(), counters.failures());
    let (sums, slices) = (counters.sums(), counters.slices());
    sqlx::query(COUNT)
        .bind(column(&states, |(campaign, ..)| *campaign))
        .bind(column(&states, |(_, state, _)| *state))
        .bind(column(&states, |(.., n)| *n))
        .bind(column(&failures, |(campaign, ..)| *campaign))
        .bind(column(&failures, |(_, code, _)| *code))
        .bind(column(&failures, |(.., n)| *n))
        .bind(column(&sums, |sums| sums.campaign))
        .bind(column(&sums, |sums| sums.spent))
        .bind(column(&sums, |sums| sums.reserved))
        .bind(column(&sums, |sums| sums.unguarded))
        .bind(column(&sums, |sums| sums.attempts))
        .bind(column(&slices, |(campaign, ..)| *campaign))
        .bind(column(&slices, |(_, slice, _)| *slice))
        .bind(column(&slices, |(.., n)| *n))
        .execute(tx)
        .await
        .map_err(failed("count what changed"))?;
    Ok(())
}

/// One column of many rows: an array.
pub(super) fn column<'r, R, T>(rows: &'r [R], of: impl Fn(&'r R) -> T) -> Vec<T> {
    rows.iter().map(of).collect()
}
