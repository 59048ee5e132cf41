//! Taking out of the database what is of people: see [`crate::Store::purge_rows`] and [`crate::Store::purge_person`].

use campaign::ids::{CampaignId, Seq};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection::PostgresStore;
use super::text::clean;
use super::transition;
use crate::StoreError;
use crate::codec::{changed, failed, row_id};
use crate::moving::batch::Batch;
use crate::moving::purging::{Found, GONE, REFUSED_AT_ONCE, Refused, Verdict, refused_of, verdict};
use crate::moving::sweeping::{self, Unsent};
use crate::purge::PersonPurge;

type Result<T> = std::result::Result<T, StoreError>;

/// What may still be sent, or is with a worker, keeps whom it goes to.
pub(super) const RIPE: &str = "
    SELECT m.id FROM messages AS m JOIN campaigns AS c ON c.id = m.campaign_id
    WHERE m.id >= $1 AND m.id < $2 AND c.state IN ('done', 'cancelled')
      AND m.state NOT IN ('queued', 'retrying', 'sending') AND m.recipient NOT LIKE 'purged-%'";

/// Who was written to today would else stay noted until the portfolio sends again. The count of the day stays: whoever is
/// written to again counts twice. Those who are being written to at this moment are passed over.
pub(super) const FORGET_REACHED: &str = "
    DELETE FROM reached_people
    WHERE (portfolio, address) IN (
        SELECT p.portfolio, p.address
        FROM messages AS m
        CROSS JOIN (SELECT DISTINCT portfolio FROM reached_slots) AS s
        JOIN reached_people AS p ON p.portfolio = s.portfolio AND p.address = m.recipient
        WHERE m.id = ANY($1)
        FOR UPDATE OF p SKIP LOCKED)";

/// That the platform gave an id is kept, as it says that the message was taken or a status of it came. Why one was skipped
/// are our own words, and counted by them.
pub(super) const EMPTY: &str = "
    UPDATE messages SET
        recipient = 'purged-' || (id & 4294967295), content = '{}', multiplier = NULL,
        wamid = CASE WHEN wamid IS NULL THEN NULL ELSE 'purged-' || id END,
        failure_detail = CASE WHEN failure_class IS NULL OR state = 'skipped' THEN failure_detail ELSE '' END
    WHERE id = ANY($1)";

pub(super) const FORGET_ATTEMPTS: &str = "DELETE FROM earlier_attempts WHERE message_id = ANY($1)";

pub(super) const FORGET_DOUBTS: &str =
    "UPDATE doubt_decisions SET detail = '' WHERE message_id = ANY($1) AND detail <> ''";

pub(super) const EMPTY_EXCLUDED: &str = "
    UPDATE excluded SET recipient = 'purged', detail = ''
    WHERE campaign_id = $1 AND seq >= $2 AND seq < $3
      AND EXISTS (SELECT 1 FROM campaigns AS c WHERE c.id = $1 AND c.state IN ('done', 'cancelled'))";

/// Each campaign has an index of its recipients.
pub(super) const CAMPAIGNS_OF_PERSON: &str = "
    SELECT c.id FROM campaigns AS c
    WHERE (SELECT TRUE FROM messages AS m WHERE m.campaign_id = c.id AND m.recipient = $1)";

/// A launch that was given up is as good as called off.
pub(super) const OF_PERSON: &str = "
    SELECT m.id, c.id, m.state, CASE WHEN c.key IS NULL THEN 'cancelled' ELSE c.state END, c.touched_at
    FROM campaigns AS c JOIN messages AS m ON m.campaign_id = c.id AND m.recipient = $1
    WHERE c.id = ANY($2)";

pub(super) const REFUSED: &str = "
    SELECT campaign_id, seq, recipient FROM excluded
    WHERE (campaign_id, seq) > ($1, $2) AND recipient <> 'purged'
    ORDER BY campaign_id, seq
    LIMIT $3";

const EMPTY_EXCLUDED_PERSON: &str = "
    UPDATE excluded AS e SET recipient = 'purged', detail = ''
    FROM unnest($1::bigint[], $2::bigint[]) AS p (campaign_id, seq)
    WHERE e.campaign_id = p.campaign_id AND e.seq = p.seq";

const FORGET_PERSON: [&str; 4] = [
    "DELETE FROM cooldowns WHERE address = $1",
    "DELETE FROM reached_people WHERE address = $1",
    "DELETE FROM last_choices WHERE address = $1",
    "DELETE FROM parked_statuses WHERE address = $1 OR other_address = $1",
];

pub(super) async fn rows(store: &PostgresStore, campaign: CampaignId, from: Seq, to: Seq) -> Result<u64> {
    let doing = failed("purge messages");
    let mut tx = store.change_of(&[campaign]).await?;
    let (first, end) = (row_id(campaign, from), row_id(campaign, to));
    let ids: Vec<i64> =
        sqlx::query_scalar(RIPE).bind(first).bind(end).fetch_all(&mut *tx).await.map_err(&doing)?;
    empty(&mut tx, &ids).await?;
    let excluded = sqlx::query(EMPTY_EXCLUDED).bind(campaign.0).bind(i64::from(from.0)).bind(i64::from(to.0));
    excluded.execute(&mut *tx).await.map_err(&doing)?;
    tx.commit("commit purged messages").await?;
    Ok(changed(ids.len()))
}

/// Makes these messages nobody's.
async fn empty(tx: &mut PgConnection, ids: &[i64]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    for sql in [FORGET_REACHED, EMPTY, FORGET_DOUBTS, FORGET_ATTEMPTS] {
        sqlx::query(sql).bind(ids).execute(&mut *tx).await.map_err(failed("purge messages"))?;
    }
    Ok(())
}

pub(super) async fn person(store: &PostgresStore, address: &str, now: DateTime<Utc>) -> Result<PersonPurge> {
    let doing = failed("purge a person");
    let address = clean(address);
    let refused = refused(store, &address).await?;
    let mut snapshot = store.snapshot().await?;
    let mut campaigns = campaigns_of(&mut snapshot, &address).await?;
    snapshot.end().await;
    let mut tx = loop {
        let numbers: Vec<CampaignId> = campaigns.iter().copied().map(CampaignId).collect();
        let mut tx = store.change_of(&numbers).await?;
        // Somebody may have launched one before these were ours.
        let now = campaigns_of(&mut tx, &address).await?;
        if now.iter().all(|campaign| campaigns.contains(campaign)) {
            break tx;
        }
        campaigns = now;
        tx.end().await;
    };
    let found: Vec<Found> = sqlx::query_as(OF_PERSON)
        .bind(&*address)
        .bind(&campaigns)
        .fetch_all(&mut *tx)
        .await
        .map_err(&doing)?;
    let Verdict { under_way, unsent, all } = verdict(&found, now)?;
    if !under_way.is_empty() {
        tx.end().await;
        return Ok(PersonPurge::UnderWay(under_way));
    }
    let mut batch = Batch::default();
    transition::load(&mut tx, &mut batch, &unsent).await?;
    let skipped = sweeping::end_unsent(&mut batch, &unsent, Unsent::Skip(GONE), now);
    transition::write_back(&mut tx, &batch).await?;
    empty(&mut tx, &all).await?;
    let (in_campaigns, seqs): (Vec<i64>, Vec<i64>) = refused.into_iter().unzip();
    let excluded = sqlx::query(EMPTY_EXCLUDED_PERSON)
        .bind(in_campaigns)
        .bind(seqs)
        .execute(&mut *tx)
        .await
        .map_err(&doing)?;
    for sql in FORGET_PERSON {
        sqlx::query(sql).bind(&*address).execute(&mut *tx).await.map_err(&doing)?;
    }
    tx.commit("commit a purged person").await?;
    Ok(PersonPurge::Done { messages: changed(all.len()), skipped, excluded: excluded.rows_affected() })
}

async fn campaigns_of(tx: &mut PgConnection, address: &str) -> Result<Vec<i64>> {
    let found = sqlx::query_scalar(CAMPAIGNS_OF_PERSON).bind(address).fetch_all(tx).await;
    found.map_err(failed("look for a person"))
}

/// The rows that planning refused and that may be about a person.
async fn refused(store: &PostgresStore, address: &str) -> Result<Vec<(i64, i64)>> {
    let (mut theirs, mut after) = (Vec::new(), (-1, -1));
    loop {
        let mut tx = store.snapshot().await?;
        let page: Vec<Refused> = sqlx::query_as(REFUSED)
            .bind(after.0)
            .bind(after.1)
            .bind(REFUSED_AT_ONCE)
            .fetch_all(&mut *tx)
            .await
            .map_err(failed("read refused rows"))?;
        tx.end().await;
        let Some((campaign, seq, _)) = page.last() else { return Ok(theirs) };
        after = (*campaign, *seq);
        theirs.extend(refused_of(&page, address));
    }
}
