//! Parked statuses of which number, recipient and time alone tell whose they are.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection::PostgresStore;
use super::text::clean;
use super::transition::column;
use super::{campaigns, statuses, transition};
use crate::StoreError;
use crate::codec::{changed, failed, from_json, micros};
use crate::columns::Reader;
use crate::model::StatusUpdate;
use crate::moving::batch::Batch;
use crate::moving::inferring::{Candidate, Look, Wanted, candidate_columns};

type Result<T> = std::result::Result<T, StoreError>;

/// Whether there is anything to do. Mostly nothing is in doubt. The first one by the index: `EXISTS` would walk over the
/// table where the server expects to meet one soon.
pub(super) const IS_DUE: &str = "
    SELECT coalesce((SELECT min(look_at) FROM parked_statuses) <= $1, FALSE)
       AND EXISTS (SELECT 1 FROM messages WHERE state = 'in_doubt')";

/// Each is looked at again after as long as it has been parked. What is being unparked at this moment is left alone.
pub(super) const TAKE: &str = "
    UPDATE parked_statuses SET look_at = $1 + greatest($1 - parked_at, 1000000)
    WHERE id = ANY (ARRAY (SELECT id FROM parked_statuses WHERE look_at <= $1 ORDER BY look_at LIMIT $2
                           FOR UPDATE SKIP LOCKED))
    RETURNING status";

/// Attempts of that time to those people whose id is not known, and that may have been taken. Each person is looked up in
/// the campaigns of that time (`OFFSET 0` keeps it so): there are few of those without an id, as far as the server can
/// tell, and it would walk over all messages to find them.
pub(super) const CANDIDATES: &str = concat!(
    "SELECT w.place, ",
    candidate_columns!(),
    " FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bigint[]) AS w (place, recipient, since, until)
      CROSS JOIN LATERAL (
          SELECT * FROM messages
          WHERE campaign_id = ANY (ARRAY (SELECT id FROM campaigns WHERE last_sent_at >= w.since))
            AND recipient = w.recipient
          OFFSET 0) AS m
      JOIN send_groups AS g ON g.campaign_id = m.campaign_id AND g.number = m.group_no
      WHERE m.wamid IS NULL AND m.claimed_at BETWEEN w.since AND w.until
        AND (m.state IN ('sending', 'in_doubt') OR m.assumed)"
);

const MARK: &str = "UPDATE messages SET inferred = TRUE WHERE id = ANY($1)";

/// See [`crate::Store::infer_statuses`].
pub(super) async fn infer(store: &PostgresStore, now: DateTime<Utc>, limit: u32) -> Result<u64> {
    if !is_due(store, now).await? {
        return Ok(0);
    }
    let parked = take(store, now, limit).await?;
    let look = Look::at(&parked);
    let wanted = look.wanted();
    let mut tx = store.change().await?;
    let seen = look.decide(&candidates(&mut tx, &wanted).await?, now);
    let locked: BTreeSet<i64> = seen.iter().map(|one| one.id >> 32).collect();
    campaigns::lock(&mut tx, &Vec::from_iter(locked.iter().copied())).await?;
    // Once more, now that nobody else moves them. What turns up only now waits for the next look.
    let mut inferred = look.decide(&candidates(&mut tx, &wanted).await?, now);
    inferred.retain(|one| locked.contains(&(one.id >> 32)));
    let ids = column(&inferred, |one| one.id);
    if ids.is_empty() {
        tx.end().await;
        return Ok(0);
    }
    let mut batch = Batch::default();
    transition::load(&mut tx, &mut batch, &ids).await?;
    for one in &inferred {
        batch.infer_wamid(one.id, one.attempt, one.wamid);
    }
    statuses::apply_parked(&mut tx, &mut batch, &column(&inferred, |one| one.wamid), now).await?;
    transition::write_back(&mut tx, &batch).await?;
    let marking = failed("mark inferred messages");
    sqlx::query(MARK).bind(&ids).execute(&mut *tx).await.map_err(marking)?;
    tx.commit("commit inferred statuses").await?;
    Ok(changed(ids.len()))
}

async fn is_due(store: &PostgresStore, now: DateTime<Utc>) -> Result<bool> {
    let mut tx = store.snapshot().await?;
    let is_due = sqlx::query_scalar(IS_DUE)
        .bind(micros(now))
        .fetch_one(&mut *tx)
        .await
        .map_err(failed("look for parked statuses"))?;
    tx.end().await;
    Ok(is_due)
}

/// The parked statuses whose turn it is. Committed at once, so that no row of the park is held while campaigns are
/// waited for.
async fn take(store: &PostgresStore, now: DateTime<Utc>, limit: u32) -> Result<Vec<StatusUpdate>> {
    let mut tx = store.change().await?;
    let texts: Vec<String> = sqlx::query_scalar(TAKE)
        .bind(micros(now))
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read parked statuses"))?;
    tx.commit("commit looking at parked statuses").await?;
    texts.iter().map(|text| from_json("parked_statuses.status", text)).collect()
}

async fn candidates(tx: &mut PgConnection, wanted: &[Wanted]) -> Result<Vec<Candidate>> {
    let rows = sqlx::query(CANDIDATES)
        .bind(column(wanted, |w| w.place))
        .bind(column(wanted, |w| clean(&w.recipient)))
        .bind(column(wanted, |w| micros(w.since)))
        .bind(column(wanted, |w| micros(w.until)))
        .fetch_all(tx)
        .await
        .map_err(failed("find messages in doubt"))?;
    rows.iter().map(|row| Candidate::read(&mut Reader::new(row))).collect()
}
