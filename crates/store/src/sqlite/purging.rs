//! Taking out of the database what is of people: see [`crate::Store::purge_rows`] and [`crate::Store::purge_person`].

use campaign::ids::{CampaignId, Seq};
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::connection::SqliteStore;
use super::transition;
use crate::StoreError;
use crate::codec::{changed, failed, json, row_id};
use crate::moving::batch::Batch;
use crate::moving::purging::{Found, GONE, REFUSED_AT_ONCE, Refused, Verdict, refused_of, verdict};
use crate::moving::sweeping::{self, Unsent};
use crate::purge::PersonPurge;

type Result<T> = std::result::Result<T, StoreError>;

/// What may still be sent, or is with a worker, keeps whom it goes to.
pub(super) const RIPE: &str = "
    SELECT m.id FROM messages AS m CROSS JOIN campaigns AS c ON c.id = m.campaign_id
    WHERE m.id >= ?1 AND m.id < ?2 AND c.state IN ('done', 'cancelled')
      AND m.state NOT IN ('queued', 'retrying', 'sending') AND m.recipient NOT LIKE 'purged-%'";

/// Who was written to today would else stay noted until the portfolio sends again. The count of the day stays: whoever is
/// written to again counts twice.
pub(super) const FORGET_REACHED: &str = "
    DELETE FROM reached_people
    WHERE (portfolio, address) IN (
        SELECT portfolios.portfolio, m.recipient
        FROM json_each(?1) AS j
        CROSS JOIN messages AS m ON m.id = j.value
        CROSS JOIN (SELECT DISTINCT portfolio FROM reached_slots) AS portfolios)";

/// That the platform gave an id is kept, as it says that the message was taken or a status of it came. Why one was skipped
/// are our own words, and counted by them.
pub(super) const EMPTY: &str = "
    UPDATE messages SET
        recipient = 'purged-' || (id & 4294967295), content = '{}', multiplier = NULL,
        wamid = CASE WHEN wamid IS NULL THEN NULL ELSE 'purged-' || id END,
        failure_detail = CASE WHEN failure_class IS NULL OR state = 'skipped' THEN failure_detail ELSE '' END
    WHERE id IN (SELECT value FROM json_each(?1))";

pub(super) const FORGET_ATTEMPTS: &str =
    "DELETE FROM earlier_attempts WHERE message_id IN (SELECT value FROM json_each(?1))";

pub(super) const FORGET_DOUBTS: &str = "
    UPDATE doubt_decisions SET detail = ''
    WHERE message_id IN (SELECT value FROM json_each(?1)) AND detail <> ''";

pub(super) const EMPTY_EXCLUDED: &str = "
    UPDATE excluded SET recipient = 'purged', detail = ''
    WHERE campaign_id = ?1 AND seq >= ?2 AND seq < ?3
      AND EXISTS (SELECT 1 FROM campaigns AS c WHERE c.id = ?1 AND c.state IN ('done', 'cancelled'))";

/// Each campaign has an index of its recipients. A launch that was given up is as good as called off.
pub(super) const OF_PERSON: &str = "
    SELECT m.id, c.id, m.state, CASE WHEN c.key IS NULL THEN 'cancelled' ELSE c.state END, c.touched_at
    FROM campaigns AS c CROSS JOIN messages AS m ON m.campaign_id = c.id AND m.recipient = ?1";

pub(super) const REFUSED: &str = "
    SELECT campaign_id, seq, recipient FROM excluded
    WHERE (campaign_id, seq) > (?1, ?2) AND recipient <> 'purged'
    ORDER BY campaign_id, seq
    LIMIT ?3";

const EMPTY_EXCLUDED_PERSON: &str = "
    UPDATE excluded SET recipient = 'purged', detail = ''
    WHERE (campaign_id, seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each(?1))";

const FORGET_PERSON: [&str; 4] = [
    "DELETE FROM cooldowns WHERE address = ?1",
    "DELETE FROM reached_people WHERE address = ?1",
    "DELETE FROM last_choices WHERE address = ?1",
    "DELETE FROM parked_statuses WHERE address = ?1 OR other_address = ?1",
];

pub(super) async fn rows(store: &SqliteStore, campaign: CampaignId, from: Seq, to: Seq) -> Result<u64> {
    let doing = failed("purge messages");
    let mut tx = store.change().await?;
    let (first, end) = (row_id(campaign, from), row_id(campaign, to));
    let ids: Vec<i64> =
        sqlx::query_scalar(RIPE).bind(first).bind(end).fetch_all(&mut *tx).await.map_err(&doing)?;
    empty(&mut tx, &ids).await?;
    let excluded = sqlx::query(EMPTY_EXCLUDED).bind(campaign.0).bind(from.0).bind(to.0);
    excluded.execute(&mut *tx).await.map_err(&doing)?;
    tx.commit().await.map_err(failed("commit purged messages"))?;
    Ok(changed(ids.len()))
}

/// Makes these messages nobody's.
async fn empty(tx: &mut SqliteConnection, ids: &[i64]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let doing = failed("purge messages");
    let ids = json(ids)?;
    for sql in [FORGET_REACHED, EMPTY, FORGET_DOUBTS, FORGET_ATTEMPTS] {
        sqlx::query(sql).bind(&ids).execute(&mut *tx).await.map_err(&doing)?;
    }
    Ok(())
}

pub(super) async fn person(store: &SqliteStore, address: &str, now: DateTime<Utc>) -> Result<PersonPurge> {
    let doing = failed("purge a person");
    let refused = refused(store, address).await?;
    let mut tx = store.change().await?;
    let found: Vec<Found> =
        sqlx::query_as(OF_PERSON).bind(address).fetch_all(&mut *tx).await.map_err(&doing)?;
    let Verdict { under_way, unsent, all } = verdict(&found, now)?;
    if !under_way.is_empty() {
        return Ok(PersonPurge::UnderWay(under_way));
    }
    let mut batch = Batch::default();
    transition::load(&mut tx, &mut batch, &unsent).await?;
    let skipped = sweeping::end_unsent(&mut batch, &unsent, Unsent::Skip(GONE), now);
    transition::write_back(&mut tx, &batch).await?;
    empty(&mut tx, &all).await?;
    let excluded =
        sqlx::query(EMPTY_EXCLUDED_PERSON).bind(json(&refused)?).execute(&mut *tx).await.map_err(&doing)?;
    for sql in FORGET_PERSON {
        sqlx::query(sql).bind(address).execute(&mut *tx).await.map_err(&doing)?;
    }
    tx.commit().await.map_err(failed("commit a purged person"))?;
    Ok(PersonPurge::Done { messages: changed(all.len()), skipped, excluded: excluded.rows_affected() })
}

/// The rows that planning refused and that may be about a person.
async fn refused(store: &SqliteStore, address: &str) -> Result<Vec<(i64, i64)>> {
    let (mut theirs, mut after) = (Vec::new(), (-1, -1));
    loop {
        let mut reading = store.snapshot().await?;
        let page: Vec<Refused> = sqlx::query_as(REFUSED)
            .bind(after.0)
            .bind(after.1)
            .bind(REFUSED_AT_ONCE)
            .fetch_all(&mut *reading)
            .await
            .map_err(failed("read refused rows"))?;
        let Some((campaign, seq, _)) = page.last() else { return Ok(theirs) };
        after = (*campaign, *seq);
        theirs.extend(refused_of(&page, address));
    }
}
