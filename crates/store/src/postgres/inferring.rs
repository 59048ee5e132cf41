//! Parked statuses of which number, recipient and time alone tell whose they are.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection::PostgresStore;
use super::text::clean;
use super::transition::column;
use super::{statuses, sweeps, transition};
use crate::StoreError;
use crate::codec::{changed, failed, micros};
use crate::columns::Reader;
use crate::model::{DoubtPlace, Inference};
use crate::moving::batch::Batch;
use crate::moving::inferring::{
    Candidate, Inferred, Look, Parked, Waits, Wanted, candidate_columns, next_page, parked, place,
};

type Result<T> = std::result::Result<T, StoreError>;

/// Doubts, one after the other: as they stand in their index.
pub(super) const DOUBTS: &str = "
    SELECT id, doubt_since FROM messages
    WHERE state = 'in_doubt' AND (campaign_id, doubt_since, id) > ($1, $2, $3)
    ORDER BY campaign_id, doubt_since, id
    LIMIT $4";

/// All that is parked of the ids that some of these messages may have. Each is looked up by its address (`OFFSET 0` keeps
/// it so): there may be far more parked statuses than doubts. What came before a message was claimed is of none of its
/// attempts; a minute is more than the clocks of our own machines differ.
pub(super) const TOLD: &str = "
    SELECT p.status, p.parked_at
    FROM parked_statuses AS p
    WHERE p.wamid = ANY (ARRAY (
        SELECT q.wamid
        FROM messages AS m
        CROSS JOIN LATERAL (
            (SELECT wamid FROM parked_statuses WHERE address = m.recipient AND parked_at >= m.claimed_at - 60000000 OFFSET 0)
            UNION ALL
            (SELECT wamid FROM parked_statuses
             WHERE other_address = m.recipient AND parked_at >= m.claimed_at - 60000000 OFFSET 0)) AS q
        WHERE m.id = ANY($1)))";

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
      WHERE (m.wamid IS NULL AND m.claimed_at BETWEEN w.since AND w.until
             AND (m.state IN ('sending', 'in_doubt') OR m.assumed))
         OR m.resent_fate = 'open'"
);

const MARK: &str = "UPDATE messages SET inferred = TRUE WHERE id = ANY($1)";

/// See [`crate::Store::infer_statuses`].
pub(super) async fn infer(
    store: &PostgresStore,
    after: Option<DoubtPlace>,
    now: DateTime<Utc>,
    limit: u32,
) -> Result<Inference> {
    let mut tx = store.change().await?;
    let (campaign, since, id) = place(after);
    let page: Vec<(i64, i64)> = sqlx::query_as(DOUBTS)
        .bind(campaign)
        .bind(since)
        .bind(id)
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("find doubts"))?;
    let next = next_page(&page, limit)?;
    let page = column(&page, |(id, _)| *id);
    let seen = decide(&mut tx, &page, Waits::Usual, now).await?;
    if seen.is_empty() {
        tx.end().await;
        return Ok(Inference { matched: 0, next });
    }
    let doubts = column(&seen, |one| one.id);
    sweeps::lock_campaigns_of(&mut tx, &doubts).await?;
    let matched = settle(&mut tx, &doubts, Waits::Usual, now).await?;
    tx.commit("commit inferred statuses").await?;
    Ok(Inference { matched: changed(matched.len()), next })
}

/// Ends those of these doubts, whose campaigns are this transaction's, that parked statuses can only be of. Returns which.
pub(super) async fn settle(
    tx: &mut PgConnection,
    doubts: &[i64],
    waits: Waits,
    now: DateTime<Utc>,
) -> Result<Vec<i64>> {
    let mut inferred = decide(tx, doubts, waits, now).await?;
    if inferred.is_empty() {
        return Ok(Vec::new());
    }
    let wamids = column(&inferred, |one| one.wamid.as_str());
    let parked = statuses::parked_of(tx, &wamids).await?;
    // An id that has found its message meanwhile is parked no longer. From here on none does until the commit.
    inferred.retain(|one| parked.iter().any(|(_, status)| status.wamid == one.wamid));
    let ids = column(&inferred, |one| one.id);
    let mut batch = Batch::default();
    transition::load(tx, &mut batch, &ids).await?;
    for one in &inferred {
        batch.infer_wamid(one.id, one.attempt, &one.wamid);
    }
    statuses::unpark(tx, &mut batch, &parked, now).await?;
    transition::write_back(tx, &batch).await?;
    sqlx::query(MARK).bind(&ids).execute(tx).await.map_err(failed("mark inferred messages"))?;
    Ok(ids)
}

/// Whose ids parked statuses tell, among these doubts.
async fn decide(
    tx: &mut PgConnection,
    doubts: &[i64],
    waits: Waits,
    now: DateTime<Utc>,
) -> Result<Vec<Inferred>> {
    if doubts.is_empty() {
        return Ok(Vec::new());
    }
    let rows: Vec<(String, i64)> = sqlx::query_as(TOLD)
        .bind(doubts)
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
