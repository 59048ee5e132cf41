//! Doubts: listed, ended by an operator, and what was decided on them.

use campaign::doubt::{Decision, Refusal};
use campaign::ids::{CampaignId, Seq};
use campaign::message::State;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection::PostgresStore;
use super::inferring;
use super::text::clean;
use super::transition::{self, column};
use crate::StoreError;
use crate::codec::{failed, micros, row_id, row_ids};
use crate::columns::Reader;
use crate::doubt::{DoubtRow, EndedDoubt};
use crate::moving::batch::Batch;
use crate::moving::doubts;
use crate::moving::inferring::Waits;
use crate::reading::doubts::{Decided, decided_columns, doubt, doubt_columns};

type Result<T> = std::result::Result<T, StoreError>;

/// Found by the index of doubts, and put in order afterwards: they are few, and a campaign's messages many.
pub(super) const PAGE: &str = concat!(
    "WITH doubts AS MATERIALIZED (
         SELECT ",
    doubt_columns!(),
    "    FROM messages
         WHERE campaign_id = $1 AND state = 'in_doubt')
     SELECT * FROM doubts WHERE id > $2 ORDER BY id LIMIT $3"
);

pub(super) const ENDED: &str = concat!(
    "SELECT ",
    decided_columns!(),
    " FROM doubt_decisions AS d
      JOIN messages AS m ON m.id = d.message_id
      WHERE (d.message_id, d.attempt) > ($1, $2) AND d.message_id <= $3
      ORDER BY d.message_id, d.attempt
      LIMIT $4"
);

pub(super) const NEWS: &str = "
    SELECT message_id, attempt, told FROM attempt_news WHERE message_id BETWEEN $1 AND $2";

const KEEP_DECISIONS: &str = "
    INSERT INTO doubt_decisions (message_id, attempt, decision, decided_by, decided_at, doubt_since, detail)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::text[])
    ON CONFLICT (message_id, attempt) DO NOTHING";

const KEEP_NEWS: &str = "
    INSERT INTO attempt_news AS n (message_id, attempt, told)
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[])
    ON CONFLICT (message_id, attempt) DO UPDATE SET told = greatest(n.told, excluded.told)";

/// See [`crate::Store::doubts`].
pub(super) async fn page(
    store: &PostgresStore,
    campaign: CampaignId,
    after: Option<Seq>,
    limit: u32,
) -> Result<Vec<DoubtRow>> {
    let (first, _) = row_ids(campaign);
    let mut tx = store.snapshot().await?;
    let rows = sqlx::query(PAGE)
        .bind(campaign.0)
        .bind(after.map_or(first - 1, |seq| row_id(campaign, seq)))
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read doubts"))?;
    tx.end().await;
    rows.iter().map(|row| doubt(&mut Reader::new(row))).collect()
}

/// See [`crate::Store::resolve_doubts`].
pub(super) async fn resolve(
    store: &PostgresStore,
    campaign: CampaignId,
    seqs: &[Seq],
    decision: Decision,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Vec<(Seq, std::result::Result<State, Refusal>)>> {
    let ids: Vec<i64> = seqs.iter().map(|seq| row_id(campaign, *seq)).collect();
    let mut tx = store.change_of(&[campaign]).await?;
    // What is known of them comes before what anybody thinks.
    inferring::settle(&mut tx, &ids, Waits::None, now).await?;
    let mut batch = Batch::default();
    transition::load(&mut tx, &mut batch, &ids).await?;
    let became = doubts::resolve(&mut batch, &ids, decision, by, now);
    transition::write_back(&mut tx, &batch).await?;
    tx.commit("commit the end of doubts").await?;
    Ok(seqs.iter().copied().zip(became).collect())
}

/// See [`crate::Store::ended_doubts`].
pub(super) async fn ended(
    store: &PostgresStore,
    campaign: CampaignId,
    after: Option<(Seq, u32)>,
    limit: u32,
) -> Result<Vec<EndedDoubt>> {
    let (first, last) = row_ids(campaign);
    let (id, attempt) =
        after.map_or((first, -1), |(seq, attempt)| (row_id(campaign, seq), i64::from(attempt)));
    let reading = failed("read how doubts were ended");
    let mut tx = store.snapshot().await?;
    let rows = sqlx::query(ENDED)
        .bind(id)
        .bind(attempt)
        .bind(last)
        .bind(i64::from(limit))
        .fetch_all(&mut *tx)
        .await
        .map_err(&reading)?;
    let decided = rows.iter().map(|row| Decided::read(&mut Reader::new(row))).collect::<Result<Vec<_>>>()?;
    let (Some(from), Some(to)) = (decided.first(), decided.last()) else {
        tx.end().await;
        return Ok(Vec::new());
    };
    let news = sqlx::query_as(NEWS).bind(from.id).bind(to.id).fetch_all(&mut *tx).await.map_err(reading)?;
    tx.end().await;
    Decided::with_news(decided, news)
}

/// Keeps decisions, and what was told of attempts.
pub(super) async fn keep(
    tx: &mut PgConnection,
    decisions: &[doubts::Decided],
    heard: &[(i64, u32, i64)],
) -> Result<()> {
    if !decisions.is_empty() {
        let keeping = failed("keep decisions on doubts");
        sqlx::query(KEEP_DECISIONS)
            .bind(column(decisions, |d| d.id))
            .bind(column(decisions, |d| i64::from(d.attempt)))
            .bind(column(decisions, |d| d.decision.name()))
            .bind(column(decisions, |d| d.by.as_deref().map(clean)))
            .bind(column(decisions, |d| micros(d.at)))
            .bind(column(decisions, |d| d.since.map(micros)))
            .bind(column(decisions, |d| clean(&d.detail)))
            .execute(&mut *tx)
            .await
            .map_err(keeping)?;
    }
    if !heard.is_empty() {
        let keeping = failed("keep what was told of attempts");
        sqlx::query(KEEP_NEWS)
            .bind(column(heard, |(id, ..)| *id))
            .bind(column(heard, |(_, attempt, _)| i64::from(*attempt)))
            .bind(column(heard, |(.., told)| *told))
            .execute(tx)
            .await
            .map_err(keeping)?;
    }
    Ok(())
}
