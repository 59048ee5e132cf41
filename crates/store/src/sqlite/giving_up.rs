//! Launches that were given up or have died: their key is freed first, and their rows are removed at leisure.

use campaign::ids::CampaignId;
use campaign::lifecycle;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::connection::SqliteStore;
use crate::StoreError;
use crate::codec::{changed, failed, micros, named, row_ids, span_micros};
use crate::moving::launching::{ABANDONED_AFTER, REMOVED_AT_ONCE, demand_loading, is_dead};

type Result<T> = std::result::Result<T, StoreError>;

/// Frees the key. Without one, nothing is added to the campaign any more, and its rows are removed at leisure.
const GIVE_UP: &str = "UPDATE campaigns SET key = NULL WHERE id = ?1 AND state = 'loading'";

const FIND: &str = "SELECT state, touched_at FROM campaigns WHERE id = ?1 AND key IS NOT NULL";

/// What was given up by somebody who was killed while removing it.
const LEFT_BEHIND: &str = "SELECT id FROM campaigns WHERE key IS NULL AND touched_at < ?1 ORDER BY id";

/// See [`crate::Store::abandon_launch`].
pub(super) async fn abandon(store: &SqliteStore, campaign: CampaignId) -> Result<()> {
    let mut tx = store.change().await?;
    give_up(&mut tx, campaign).await?;
    tx.commit().await.map_err(failed("commit giving a launch up"))?;
    remove(store, campaign).await
}

pub(super) async fn give_up(tx: &mut SqliteConnection, campaign: CampaignId) -> Result<()> {
    let done = sqlx::query(GIVE_UP).bind(campaign.0).execute(tx).await.map_err(failed("give a launch up"))?;
    demand_loading(campaign, done.rows_affected())
}

/// See [`crate::Store::remove_dead_launch`].
pub(super) async fn remove_dead(
    store: &SqliteStore,
    campaign: CampaignId,
    now: DateTime<Utc>,
) -> Result<bool> {
    let looking = failed("look for a dead launch");
    let mut tx = store.change().await?;
    let found: Option<(String, i64)> =
        sqlx::query_as(FIND).bind(campaign.0).fetch_optional(&mut *tx).await.map_err(&looking)?;
    if let Some((state, touched_at)) = found {
        let state: lifecycle::State = named("campaigns.state", &state)?;
        if !is_dead(state, touched_at, ABANDONED_AFTER, now) {
            return Ok(false);
        }
        give_up(&mut tx, campaign).await?;
    }
    tx.commit().await.map_err(failed("commit giving a dead launch up"))?;
    remove(store, campaign).await?;
    Ok(true)
}

/// See [`crate::Store::remove_left_behind`].
pub(super) async fn remove_left_behind(store: &SqliteStore, now: DateTime<Utc>) -> Result<u64> {
    let mut reading = store.snapshot().await?;
    let left: Vec<i64> = sqlx::query_scalar(LEFT_BEHIND)
        .bind(micros(now).saturating_sub(span_micros(ABANDONED_AFTER)))
        .fetch_all(&mut *reading)
        .await
        .map_err(failed("look for launches that were given up"))?;
    drop(reading);
    for campaign in &left {
        remove(store, CampaignId(*campaign)).await?;
    }
    Ok(changed(left.len()))
}

/// Removes the rows of a launch that was given up. Safe to be cut short: what is left belongs to a campaign
/// without a key, which nothing shows or sends.
pub(super) async fn remove(store: &SqliteStore, campaign: CampaignId) -> Result<()> {
    let (first, last) = row_ids(campaign);
    let removing = failed("remove a launch that was given up");
    loop {
        let mut tx = store.change().await?;
        let gone = sqlx::query(
            "DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE id BETWEEN ?1 AND ?2 LIMIT ?3)",
        )
        .bind(first)
        .bind(last)
        .bind(REMOVED_AT_ONCE)
        .execute(&mut *tx)
        .await
        .map_err(&removing)?
        .rows_affected();
        tx.commit().await.map_err(&removing)?;
        if gone < changed(usize::try_from(REMOVED_AT_ONCE).unwrap_or(0)) {
            break;
        }
    }
    let mut tx = store.change().await?;
    for sql in [
        "DELETE FROM excluded WHERE campaign_id = ?1",
        "DELETE FROM slices WHERE campaign_id = ?1",
        "DELETE FROM send_groups WHERE campaign_id = ?1",
        "DELETE FROM campaign_counts WHERE campaign_id = ?1",
        "DELETE FROM failure_counts WHERE campaign_id = ?1",
        "DELETE FROM campaigns WHERE id = ?1",
    ] {
        sqlx::query(sql).bind(campaign.0).execute(&mut *tx).await.map_err(&removing)?;
    }
    tx.commit().await.map_err(&removing)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::Store;
    use crate::conformance::scene::{Setup, at, recipient};
    use crate::purge::PersonPurge;

    #[tokio::test]
    async fn what_a_killed_remover_left_is_removed() {
        let store = SqliteStore::in_memory().await.unwrap();
        let setup = Setup::default();
        let id = store.begin_launch(setup.campaign(), Duration::from_secs(60), at(0)).await.unwrap();
        store.add_chunk(id, setup.chunk(), at(10)).await.unwrap();
        sqlx::query("UPDATE campaigns SET key = NULL").execute(store.raw()).await.unwrap();
        // Nobody sends it: whoever is in it can be purged at once.
        let purged = store.purge_person(&recipient(1), at(11)).await.unwrap();
        assert_eq!(purged, PersonPurge::Done { messages: 1, skipped: 1, excluded: 0 });
        assert_eq!(store.remove_left_behind(at(70)).await.unwrap(), 0, "somebody may be at it");
        assert_eq!(store.remove_left_behind(at(71)).await.unwrap(), 1);
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM messages").fetch_one(store.raw()).await.unwrap();
        assert_eq!((left, store.remove_left_behind(at(72)).await.unwrap()), (0, 0));
    }
}
