//! Slices: planned (or deferred to a later time), released to a worker, taken back, done.

use campaign::ids::{CampaignId, SliceId};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::campaigns;
use super::connection::PostgresStore;
use crate::StoreError;
use crate::codec::{count, failed, micros, number};
use crate::columns::Reader;
use crate::model::{ReleaseOrder, Released, SliceEnd, SliceWork};
use crate::reading::slices;

type Result<T> = std::result::Result<T, StoreError>;

/// How many planned slices are looked at at once: more than a tick releases.
const PAGE: i64 = 32;

pub(super) const PLANNED: &str = "
    SELECT turn, number, messages FROM slices
    WHERE campaign_id = $1 AND group_no = $2 AND state = 'planned' AND (turn, number) > ($3, $4)
    ORDER BY turn, number
    LIMIT $5";

const RELEASE: &str = "
    UPDATE slices SET state = 'released', lease_until = $3
    WHERE campaign_id = $1 AND number = ANY($2) AND state = 'planned'";

/// Campaigns with deferred slices whose time has come, or with released slices whose lease ended.
pub(super) const RIPE: &str = "
    SELECT campaign_id FROM slices WHERE state = 'deferred' AND not_before <= $1
    UNION
    SELECT campaign_id FROM slices WHERE state = 'released' AND lease_until < $1";

/// Deferred slices of these campaigns whose time has come.
pub(super) const UNDEFER: &str = "
    UPDATE slices SET state = 'planned', not_before = NULL
    WHERE state = 'deferred' AND not_before <= $2 AND campaign_id = ANY($1)";

/// A released slice that holds nothing any more is done; the others wait again.
pub(super) const RECLAIM: &str = "
    UPDATE slices SET state = CASE messages WHEN 0 THEN 'done' ELSE 'planned' END, lease_until = NULL
    WHERE state = 'released' AND lease_until < $2 AND campaign_id = ANY($1)";

const WITH_RELEASED: &str = "SELECT DISTINCT campaign_id FROM slices WHERE state = 'released'";

const RECLAIM_ALL: &str = "
    UPDATE slices SET state = CASE messages WHEN 0 THEN 'done' ELSE 'planned' END, lease_until = NULL
    WHERE state = 'released' AND campaign_id = ANY($1)";

/// Only who still has the slice ends it: one that was taken back waits, or is someone else's, as it is.
const FINISH: &str = "
    UPDATE slices SET
        state = CASE WHEN messages = 0 THEN 'done' WHEN $3::bigint IS NULL THEN 'planned' ELSE 'deferred' END,
        not_before = CASE WHEN messages = 0 THEN NULL ELSE $3 END,
        lease_until = NULL
    WHERE campaign_id = $1 AND number = $2 AND state = 'released'";

/// A lease is never shortened.
pub(super) const PROLONG: &str = "
    UPDATE slices AS s SET lease_until = greatest(s.lease_until, $3)
    FROM unnest($1::bigint[], $2::bigint[]) AS j (campaign, slice)
    WHERE s.campaign_id = j.campaign AND s.number = j.slice AND s.state = 'released'";

pub(super) const WORK: &str = "
    SELECT g.number, g.sender, g.portfolio, g.waba_id, g.template, g.language, g.variant, g.zone
    FROM slices AS s JOIN send_groups AS g ON g.campaign_id = s.campaign_id AND g.number = s.group_no
    WHERE s.campaign_id = $1 AND s.number = $2 AND s.state = 'released'";

pub(super) const PENDING: &str = "
    SELECT id FROM messages
    WHERE campaign_id = $1 AND slice_no = $2 AND state IN ('queued', 'retrying')
    ORDER BY id";

/// See [`crate::Store::release`]. What is released when the commit's answer is lost is in nobody's hand: its lease
/// ends.
pub(super) async fn release(
    store: &PostgresStore,
    campaign: CampaignId,
    orders: &[ReleaseOrder],
    now: DateTime<Utc>,
    lease_until: DateTime<Utc>,
) -> Result<Vec<Released>> {
    let mut tx = store.change_of(&[campaign]).await?;
    let state: Option<String> = sqlx::query_scalar("SELECT state FROM campaigns WHERE id = $1")
        .bind(campaign.0)
        .fetch_optional(&mut *tx)
        .await
        .map_err(failed("read a campaign's state"))?;
    if state.as_deref() != Some(campaign::lifecycle::State::Running.name()) {
        tx.end().await;
        return Ok(Vec::new());
    }
    undefer(&mut tx, &[campaign.0], now).await?;
    let mut released = Vec::new();
    for order in orders {
        let slices = pick(&mut tx, campaign, order).await?;
        if slices.is_empty() {
            continue;
        }
        let sender = sender(&mut tx, campaign, order.group).await?;
        let numbers: Vec<i64> = slices.iter().map(|(number, _)| i64::from(*number)).collect();
        sqlx::query(RELEASE)
            .bind(campaign.0)
            .bind(numbers)
            .bind(micros(lease_until))
            .execute(&mut *tx)
            .await
            .map_err(failed("release slices"))?;
        released.extend(slices.into_iter().map(|(number, messages)| Released {
            slice: SliceId { campaign, number },
            sender: sender.clone(),
            messages,
        }));
    }
    tx.commit("commit released slices").await?;
    Ok(released)
}

/// Planned slices of the order's group, retries first, in order, until they hold what is ordered.
async fn pick(tx: &mut PgConnection, campaign: CampaignId, order: &ReleaseOrder) -> Result<Vec<(u32, u32)>> {
    let mut picked = Vec::new();
    let (mut held, mut last) = (0, (-1_i64, -1_i64));
    while held < order.messages {
        let page: Vec<(i64, i64, i64)> = sqlx::query_as(PLANNED)
            .bind(campaign.0)
            .bind(i64::from(order.group))
            .bind(last.0)
            .bind(last.1)
            .bind(PAGE)
            .fetch_all(&mut *tx)
            .await
            .map_err(failed("read planned slices"))?;
        let is_last_page = count(page.len()) < PAGE;
        for (turn, slice, messages) in page {
            if held >= order.messages {
                break;
            }
            let messages: u32 = number("slices.messages", messages)?;
            picked.push((number("slices.number", slice)?, messages));
            held += u64::from(messages);
            last = (turn, slice);
        }
        if is_last_page {
            break;
        }
    }
    Ok(picked)
}

async fn sender(tx: &mut PgConnection, campaign: CampaignId, group: u32) -> Result<String> {
    sqlx::query_scalar("SELECT sender FROM send_groups WHERE campaign_id = $1 AND number = $2")
        .bind(campaign.0)
        .bind(i64::from(group))
        .fetch_one(tx)
        .await
        .map_err(failed("read a group's sender"))
}

/// See [`crate::Store::reclaim_slices`]. Where nothing is to be done, which is nearly always, nothing is locked.
pub(super) async fn reclaim(store: &PostgresStore, now: DateTime<Utc>) -> Result<u64> {
    let mut tx = store.change().await?;
    let ripe: Vec<i64> = sqlx::query_scalar(RIPE)
        .bind(micros(now))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("look for slices to take back"))?;
    if ripe.is_empty() {
        tx.end().await;
        return Ok(0);
    }
    campaigns::lock(&mut tx, &ripe).await?;
    undefer(&mut tx, &ripe, now).await?;
    let done = sqlx::query(RECLAIM)
        .bind(ripe)
        .bind(micros(now))
        .execute(&mut *tx)
        .await
        .map_err(failed("take slices back"))?;
    tx.commit("commit taking slices back").await?;
    Ok(done.rows_affected())
}

/// Takes every released slice back.
pub(super) async fn reclaim_all(store: &PostgresStore) -> Result<()> {
    let mut tx = store.change().await?;
    let taking = failed("take all slices back");
    let campaigns: Vec<i64> = sqlx::query_scalar(WITH_RELEASED).fetch_all(&mut *tx).await.map_err(&taking)?;
    campaigns::lock(&mut tx, &campaigns).await?;
    sqlx::query(RECLAIM_ALL).bind(campaigns).execute(&mut *tx).await.map_err(taking)?;
    tx.commit("commit taking all slices back").await
}

async fn undefer(tx: &mut PgConnection, campaigns: &[i64], now: DateTime<Utc>) -> Result<()> {
    sqlx::query(UNDEFER)
        .bind(campaigns)
        .bind(micros(now))
        .execute(tx)
        .await
        .map_err(failed("plan deferred slices"))?;
    Ok(())
}

/// See [`crate::Store::finish_slice`].
pub(super) async fn finish(store: &PostgresStore, slice: SliceId, end: SliceEnd) -> Result<()> {
    let mut tx = store.change_of(&[slice.campaign]).await?;
    sqlx::query(FINISH)
        .bind(slice.campaign.0)
        .bind(i64::from(slice.number))
        .bind(end.not_before.map(micros))
        .execute(&mut *tx)
        .await
        .map_err(failed("end work on a slice"))?;
    tx.commit("commit the end of a slice").await
}

/// See [`crate::Store::prolong`].
pub(super) async fn prolong(
    store: &PostgresStore,
    slices: &[SliceId],
    lease_until: DateTime<Utc>,
) -> Result<()> {
    if slices.is_empty() {
        return Ok(());
    }
    let concerned: Vec<CampaignId> = slices.iter().map(|slice| slice.campaign).collect();
    let mut tx = store.change_of(&concerned).await?;
    sqlx::query(PROLONG)
        .bind(slices.iter().map(|slice| slice.campaign.0).collect::<Vec<_>>())
        .bind(slices.iter().map(|slice| i64::from(slice.number)).collect::<Vec<_>>())
        .bind(micros(lease_until))
        .execute(&mut *tx)
        .await
        .map_err(failed("prolong slices' leases"))?;
    tx.commit("commit slices' leases").await
}

/// See [`crate::Store::slice`].
pub(super) async fn work(store: &PostgresStore, slice: SliceId) -> Result<Option<SliceWork>> {
    let mut tx = store.snapshot().await?;
    let read = failed("read a slice");
    let row = sqlx::query(WORK)
        .bind(slice.campaign.0)
        .bind(i64::from(slice.number))
        .fetch_optional(&mut *tx)
        .await
        .map_err(&read)?;
    let Some(row) = row else {
        tx.end().await;
        return Ok(None);
    };
    let ids: Vec<i64> = sqlx::query_scalar(PENDING)
        .bind(slice.campaign.0)
        .bind(i64::from(slice.number))
        .fetch_all(&mut *tx)
        .await
        .map_err(&read)?;
    tx.end().await;
    Ok(Some(slices::work(&mut Reader::new(&row), ids)?))
}
