//! Parked statuses of which number, recipient and time alone tell whose they are.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::connection::SqliteStore;
use super::{statuses, transition};
use crate::StoreError;
use crate::codec::{changed, failed, json, micros};
use crate::columns::Reader;
use crate::model::{DoubtPlace, Inference};
use crate::moving::batch::Batch;
use crate::moving::inferring::{
    Candidate, Inferred, Look, Parked, Waits, Wanted, candidate_columns, next_page, parked, place,
};

type Result<T> = std::result::Result<T, StoreError>;

/// Doubts, one after the other: as they stand in their index.
pub(super) const DOUBTS: &str = "
    SELECT id, doubt_since FROM messages INDEXED BY messages_in_doubt
    WHERE state = 'in_doubt' AND (campaign_id, doubt_since, id) > (?1, ?2, ?3)
    ORDER BY campaign_id, doubt_since, id
    LIMIT ?4";

/// All that is parked of the ids that some of these messages may have. What came before a message was claimed is of none of
/// its attempts; a minute is more than the clocks of our own machines differ.
pub(super) const TOLD: &str = "
    SELECT p.status, p.parked_at
    FROM parked_statuses AS p
    WHERE p.wamid IN (
        SELECT q.wamid FROM json_each(?1) AS j
        CROSS JOIN messages AS m ON m.id = j.value
        CROSS JOIN parked_statuses AS q ON q.address = m.recipient AND q.parked_at >= m.claimed_at - 60000000
        UNION ALL
        SELECT q.wamid FROM json_each(?1) AS j
        CROSS JOIN messages AS m ON m.id = j.value
        CROSS JOIN parked_statuses AS q
            ON q.other_address = m.recipient AND q.parked_at >= m.claimed_at - 60000000)";

/// Attempts of that time to those people whose id is not known, and that may have been taken.
pub(super) const CANDIDATES: &str = concat!(
    "SELECT j.value ->> 0, ",
    candidate_columns!(),
    " FROM json_each(?1) AS j
      CROSS JOIN campaigns AS c ON c.last_sent_at >= j.value ->> 2
      CROSS JOIN messages AS m ON m.campaign_id = c.id AND m.recipient = j.value ->> 1
      CROSS JOIN send_groups AS g ON g.campaign_id = m.campaign_id AND g.number = m.group_no
      WHERE (m.wamid IS NULL AND m.claimed_at BETWEEN j.value ->> 2 AND j.value ->> 3
             AND (m.state IN ('sending', 'in_doubt') OR m.assumed))
         OR m.resent_fate = 'open'"
);

const MARK: &str = "UPDATE messages SET inferred = 1 WHERE id IN (SELECT value FROM json_each(?1))";

/// See [`crate::Store::infer_statuses`].
pub(super) async fn infer(
    store: &SqliteStore,
    after: Option<DoubtPlace>,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Inference> {
    let (page, seen, next) = look(store, after, now, limit).await?;
    if seen.is_empty() {
        return Ok(Inference { matched: 0, next });
    }
    let mut tx = store.change().await?;
    let matched = settle(&mut tx, &page, Waits::Usual, now).await?;
    tx.commit().await.map_err(failed("commit inferred statuses"))?;
    Ok(Inference { matched: changed(matched.len()), next })
}

/// Some doubts, whose ids parked statuses tell among them, and where to go on: nobody waits for the look.
async fn look(
    store: &SqliteStore,
    after: Option<DoubtPlace>,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<(Vec<i64>, Vec<Inferred>, Option<DoubtPlace>)> {
    let mut tx = store.snapshot().await?;
    let (campaign, since, id) = place(after);
    let page: Vec<(i64, i64)> = sqlx::query_as(DOUBTS)
        .bind(campaign)
        .bind(since)
        .bind(id)
        .bind(limit)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("find doubts"))?;
    let next = next_page(&page, limit)?;
    let page: Vec<i64> = page.iter().map(|(id, _)| *id).collect();
    let seen = decide(&mut tx, &page, Waits::Usual, now).await?;
    Ok((page, seen, next))
}

/// Ends those of these doubts that parked statuses can only be of. Returns which.
pub(super) async fn settle(
    tx: &mut SqliteConnection,
    doubts: &[i64],
    waits: Waits,
    now: DateTime<Utc>,
) -> Result<Vec<i64>> {
    let inferred = decide(tx, doubts, waits, now).await?;
    let ids: Vec<i64> = inferred.iter().map(|one| one.id).collect();
    if !ids.is_empty() {
        let mut batch = Batch::default();
        transition::load(tx, &mut batch, &ids).await?;
        for one in &inferred {
            batch.infer_wamid(one.id, one.attempt, &one.wamid);
        }
        let wamids: Vec<&str> = inferred.iter().map(|one| one.wamid.as_str()).collect();
        statuses::apply_parked(tx, &mut batch, &wamids, now).await?;
        transition::write_back(tx, &batch).await?;
        let marking = failed("mark inferred messages");
        sqlx::query(MARK).bind(json(&ids)?).execute(tx).await.map_err(marking)?;
    }
    Ok(ids)
}

/// Whose ids parked statuses tell, among these doubts.
async fn decide(
    tx: &mut SqliteConnection,
    doubts: &[i64],
    waits: Waits,
    now: DateTime<Utc>,
) -> Result<Vec<Inferred>> {
    if doubts.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(String, i64)> = sqlx::query_as(TOLD)
        .bind(json(doubts)?)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read what is parked of doubts"))?;
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    let parked: Vec<Parked> =
        rows.iter().map(|(status, came)| parked(status, *came)).collect::<Result<_>>()?;
    let look = Look::at(&parked);
    let mut inferred = look.decide(&candidates(tx, &look.wanted()).await?, waits, now);
    // Others may be told of as well: it is their turn at another time.
    inferred.retain(|one| doubts.contains(&one.id));
    Ok(inferred)
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
