//! Parked statuses of which number, recipient and time alone tell whose they are.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::connection::SqliteStore;
use super::{statuses, transition};
use crate::StoreError;
use crate::codec::{changed, failed, from_json, json, micros};
use crate::columns::Reader;
use crate::model::StatusUpdate;
use crate::moving::batch::Batch;
use crate::moving::inferring::{Candidate, Look, Wanted, candidate_columns};

type Result<T> = std::result::Result<T, StoreError>;

/// Whether there is anything to do. Mostly nothing is in doubt.
pub(super) const IS_DUE: &str = "
    SELECT EXISTS (SELECT 1 FROM parked_statuses WHERE look_at <= ?1)
       AND EXISTS (SELECT 1 FROM messages WHERE state = 'in_doubt')";

/// Each is looked at again after as long as it has been parked.
pub(super) const TAKE: &str = "
    UPDATE parked_statuses SET look_at = ?1 + max(?1 - parked_at, 1000000)
    WHERE id IN (SELECT id FROM parked_statuses WHERE look_at <= ?1 ORDER BY look_at LIMIT ?2)
    RETURNING status";

/// Attempts of that time to those people whose id is not known, and that may have been taken.
pub(super) const CANDIDATES: &str = concat!(
    "SELECT j.value ->> 0, ",
    candidate_columns!(),
    " FROM json_each(?1) AS j
      CROSS JOIN campaigns AS c ON c.last_sent_at >= j.value ->> 2
      CROSS JOIN messages AS m ON m.campaign_id = c.id AND m.recipient = j.value ->> 1
      CROSS JOIN send_groups AS g ON g.campaign_id = m.campaign_id AND g.number = m.group_no
      WHERE m.wamid IS NULL AND m.claimed_at BETWEEN j.value ->> 2 AND j.value ->> 3
        AND (m.state IN ('sending', 'in_doubt') OR m.assumed)"
);

const MARK: &str = "UPDATE messages SET inferred = 1 WHERE id IN (SELECT value FROM json_each(?1))";

/// See [`crate::Store::infer_statuses`].
pub(super) async fn infer(store: &SqliteStore, now: DateTime<Utc>, limit: u32) -> Result<u64> {
    if !is_due(store, now).await? {
        return Ok(0);
    }
    let mut tx = store.change().await?;
    let texts: Vec<String> = sqlx::query_scalar(TAKE)
        .bind(micros(now))
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read parked statuses"))?;
    let parked: Vec<StatusUpdate> =
        texts.iter().map(|text| from_json("parked_statuses.status", text)).collect::<Result<_>>()?;
    let look = Look::at(&parked);
    let inferred = look.decide(&candidates(&mut tx, &look.wanted()).await?, now);
    let ids: Vec<i64> = inferred.iter().map(|one| one.id).collect();
    if !ids.is_empty() {
        let mut batch = Batch::default();
        transition::load(&mut tx, &mut batch, &ids).await?;
        for one in &inferred {
            batch.infer_wamid(one.id, one.attempt, one.wamid);
        }
        let wamids: Vec<&str> = inferred.iter().map(|one| one.wamid).collect();
        statuses::apply_parked(&mut tx, &mut batch, &wamids, now).await?;
        transition::write_back(&mut tx, &batch).await?;
        let marking = failed("mark inferred messages");
        sqlx::query(MARK).bind(json(&ids)?).execute(&mut *tx).await.map_err(marking)?;
    }
    tx.commit().await.map_err(failed("commit inferred statuses"))?;
    Ok(changed(ids.len()))
}

async fn is_due(store: &SqliteStore, now: DateTime<Utc>) -> Result<bool> {
    let mut tx = store.snapshot().await?;
    sqlx::query_scalar(IS_DUE)
        .bind(micros(now))
        .fetch_one(&mut *tx)
        .await
        .map_err(failed("look for parked statuses"))
}

async fn candidates(tx: &mut SqliteConnection, wanted: &[Wanted]) -> Result<Vec<Candidate>> {
    let rows: Vec<_> =
        wanted.iter().map(|w| (w.place, &w.recipient, micros(w.since), micros(w.until))).collect();
    let found = sqlx::query(CANDIDATES)
        .bind(json(&rows)?)
        .fetch_all(tx)
        .await
        .map_err(failed("find messages in doubt"))?;
    found.iter().map(|row| Candidate::read(&mut Reader::new(row))).collect()
}
