//! Launches that were given up or have died: their key is freed first, and their rows are removed at leisure.

use campaign::ids::CampaignId;
use campaign::lifecycle;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection::PostgresStore;
use super::repeating::{Patience, repeat};
use crate::StoreError;
use crate::codec::{changed, failed, micros, named, row_ids, span_micros};
use crate::moving::launching::{ABANDONED_AFTER, REMOVED_AT_ONCE, demand_loading, is_dead};

type Result<T> = std::result::Result<T, StoreError>;

/// Frees the key. Without one, nothing is added to the campaign any more, and its rows are removed at leisure.
const GIVE_UP: &str = "UPDATE campaigns SET key = NULL WHERE id = $1 AND state = 'loading'";

const FIND: &str = "SELECT state, touched_at FROM campaigns WHERE id = $1 AND key IS NOT NULL FOR UPDATE";

/// What was given up by somebody who was killed while removing it.
const LEFT_BEHIND: &str = "SELECT id FROM campaigns WHERE key IS NULL AND touched_at < $1 ORDER BY id";

/// One removes at a time: whoever finds nothing left to remove must not take the campaign away before its messages.
const ALONE: &str = "SELECT id FROM campaigns WHERE id = $1 FOR UPDATE";

/// See [`crate::Store::abandon_launch`].
pub(super) async fn abandon(store: &PostgresStore, campaign: CampaignId) -> Result<()> {
    let mut tx = store.change().await?;
    give_up(&mut tx, campaign).await?;
    tx.commit("commit giving a launch up").await
}

pub(super) async fn give_up(tx: &mut PgConnection, campaign: CampaignId) -> Result<()> {
    let done = sqlx::query(GIVE_UP).bind(campaign.0).execute(tx).await.map_err(failed("give a launch up"))?;
    demand_loading(campaign, done.rows_affected())
}

/// See [`crate::Store::remove_dead_launch`].
pub(super) async fn remove_dead(
    store: &PostgresStore,
    campaign: CampaignId,
    now: DateTime<Utc>,
) -> Result<bool> {
    let doing = "give a dead launch up";
    if !repeat(Patience::Short, doing, || give_up_dead(store, campaign, now)).await? {
        return Ok(false);
    }
    remove(store, campaign).await?;
    Ok(true)
}

/// See [`crate::Store::remove_left_behind`].
pub(super) async fn remove_left_behind(store: &PostgresStore, now: DateTime<Utc>) -> Result<u64> {
    let looking = || left_behind(store, now);
    let left = repeat(Patience::Short, "look for launches that were given up", looking).await?;
    for campaign in &left {
        remove(store, *campaign).await?;
    }
    Ok(changed(left.len()))
}

/// Returns whether nobody is launching it.
async fn give_up_dead(store: &PostgresStore, campaign: CampaignId, now: DateTime<Utc>) -> Result<bool> {
    let mut tx = store.change().await?;
    let found: Option<(String, i64)> = sqlx::query_as(FIND)
        .bind(campaign.0)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed("look for a dead launch"))?;
    let Some((state, touched_at)) = found else {
        tx.end().await;
        return Ok(true);
    };
    let state: lifecycle::State = named("campaigns.state", &state)?;
    if !is_dead(state, touched_at, ABANDONED_AFTER, now) {
        tx.end().await;
        return Ok(false);
    }
    give_up(&mut tx, campaign).await?;
    tx.commit("commit giving a dead launch up").await?;
    Ok(true)
}

async fn left_behind(store: &PostgresStore, now: DateTime<Utc>) -> Result<Vec<CampaignId>> {
    let mut tx = store.snapshot().await?;
    let ids: Vec<i64> = sqlx::query_scalar(LEFT_BEHIND)
        .bind(micros(now).saturating_sub(span_micros(ABANDONED_AFTER)))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("look for dead launches"))?;
    tx.end().await;
    Ok(ids.into_iter().map(CampaignId).collect())
}

/// Removes the rows of a launch that was given up. Safe to be cut short: what is left belongs to a campaign
/// without a key, which nothing shows or sends.
pub(super) async fn remove(store: &PostgresStore, campaign: CampaignId) -> Result<()> {
    let doing = "remove a launch that was given up";
    while repeat(Patience::Long, doing, || remove_messages(store, campaign)).await? {}
    repeat(Patience::Long, doing, || remove_rest(store, campaign)).await
}

/// Returns whether there may be more.
async fn remove_messages(store: &PostgresStore, campaign: CampaignId) -> Result<bool> {
    let (first, last) = row_ids(campaign);
    let mut tx = store.change().await?;
    tx.take_time().await?;
    alone(&mut tx, campaign).await?;
    let gone = sqlx::query(
        "DELETE FROM messages
         WHERE id = ANY (ARRAY (SELECT id FROM messages WHERE id BETWEEN $1 AND $2 LIMIT $3))",
    )
    .bind(first)
    .bind(last)
    .bind(REMOVED_AT_ONCE)
    .execute(&mut *tx)
    .await
    .map_err(failed("remove a launch that was given up"))?;
    tx.commit("commit removing a launch that was given up").await?;
    Ok(gone.rows_affected() >= changed(usize::try_from(REMOVED_AT_ONCE).unwrap_or(0)))
}

async fn remove_rest(store: &PostgresStore, campaign: CampaignId) -> Result<()> {
    let mut tx = store.change().await?;
    tx.take_time().await?;
    alone(&mut tx, campaign).await?;
    for sql in [
        "DELETE FROM excluded WHERE campaign_id = $1",
        "DELETE FROM slices WHERE campaign_id = $1",
        "DELETE FROM send_groups WHERE campaign_id = $1",
        "DELETE FROM campaign_counts WHERE campaign_id = $1",
        "DELETE FROM failure_counts WHERE campaign_id = $1",
        "DELETE FROM campaigns WHERE id = $1",
    ] {
        let removing = failed("remove a launch that was given up");
        sqlx::query(sql).bind(campaign.0).execute(&mut *tx).await.map_err(removing)?;
    }
    tx.commit("commit removing a launch that was given up").await
}

async fn alone(tx: &mut PgConnection, campaign: CampaignId) -> Result<()> {
    let done = sqlx::query(ALONE).bind(campaign.0).execute(tx).await;
    done.map(|_| ()).map_err(failed("remove a launch that was given up"))
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
        let store = PostgresStore::connect(&servers::Postgres::shared().database()).await.unwrap();
        let setup = Setup::default();
        let id = store.begin_launch(setup.campaign(), Duration::from_secs(60), at(0)).await.unwrap();
        store.add_chunk(id, setup.chunk(), at(10)).await.unwrap();
        sqlx::query("UPDATE campaigns SET key = NULL").execute(store.raw()).await.unwrap();
        // Nobody sends it: whoever is in it can be purged at once.
        let purged = store.purge_person(&recipient(1), at(11)).await.unwrap();
        assert_eq!(purged, PersonPurge::Done { messages: 1, skipped: 1, excluded: 0 });
        assert_eq!(store.remove_left_behind(at(70)).await.unwrap(), 0, "somebody may be at it");
        // Two at once do not get in each other's way.
        let both = tokio::join!(store.remove_left_behind(at(71)), store.remove_left_behind(at(71)));
        assert!(both.0.unwrap() + both.1.unwrap() >= 1);
        let left: i64 =
            sqlx::query_scalar("SELECT count(*) FROM messages").fetch_one(store.raw()).await.unwrap();
        assert_eq!((left, store.remove_left_behind(at(72)).await.unwrap()), (0, 0));
    }
}
