//! The compare-and-set before a send: who may send which message now.

use campaign::gate::{GateRules, GateState};
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection::{PostgresStore, Session};
use super::{people, templates, transition};
use crate::StoreError;
use crate::codec::{failed, micros};
use crate::columns::Reader;
use crate::model::{Claim, Claimed, Held};
use crate::moving::batch::Batch;
use crate::moving::granting::{self, Candidate, Grant, Passage, Terms, asked, held};
use crate::moving::message::live_columns;

type Result<T> = std::result::Result<T, StoreError>;

/// The slice's campaign, template and portfolio, as far as claims ask, with whether something of it is braked.
pub(super) const TERMS: &str = "
    SELECT c.state, c.ends_at, c.budget, c.spent + c.reserved, s.state, g.waba_id, g.template, g.language, c.reserved,
           EXISTS (SELECT 1 FROM brakes AS b
                   WHERE (b.until IS NULL OR b.until > $3)
                     AND ((b.kind = 'template' AND b.key = g.waba_id || '/' || g.template || '/' || g.language)
                          OR (b.kind = 'sender' AND b.key = g.sender)
                          OR (b.kind = 'account' AND b.key = g.waba_id))),
           g.portfolio, c.cap_max, c.cap_per
    FROM slices AS s
    JOIN campaigns AS c ON c.id = s.campaign_id
    JOIN send_groups AS g ON g.campaign_id = s.campaign_id AND g.number = s.group_no
    WHERE s.campaign_id = $1 AND s.number = $2";

/// Of the asked messages those that may be sent now, with whether their recipient is suppressed, left alone until when,
/// and, where the campaign has follow-ups or is one, whether another run has reached them or may have. Found by number or
/// by slice, whichever the planner likes better: both are few.
pub(super) const CLAIMABLE: &str = concat!(
    "SELECT ",
    live_columns!(),
    ", m.recipient, m.country, m.content, m.multiplier,
       EXISTS (SELECT 1 FROM suppressions AS d WHERE d.address = m.recipient),
       (SELECT d.until FROM cooldowns AS d WHERE d.portfolio = $5 AND d.address = m.recipient AND d.until > $3),
       (c.follow_up_of IS NOT NULL OR EXISTS (SELECT 1 FROM campaigns AS k WHERE k.follow_up_of = c.id)) AND EXISTS (
           SELECT 1 FROM campaigns AS k
           JOIN messages AS o ON o.id = (k.id << 32) + (m.id & 4294967295)
           WHERE (k.id = c.follow_up_of OR k.follow_up_of = coalesce(c.follow_up_of, c.id)) AND k.id <> c.id
             AND (o.state IN ('sending', 'in_doubt', 'accepted', 'held', 'sent', 'delivered', 'read')
                  OR o.assumed OR o.inferred OR o.resent_fate <> 'over'))
     FROM messages AS m
     JOIN campaigns AS c ON c.id = m.campaign_id
     WHERE m.id = ANY($1) AND m.campaign_id = $4 AND m.slice_no = $2
       AND (m.state = 'queued' OR (m.state = 'retrying' AND (m.placed OR m.retry_at <= $3)))
     ORDER BY m.id"
);

/// The campaign's first and latest claim, the worker's sign of life, the slice's lease: of a claim that was granted
/// something.
const NOTE_CLAIM: &str = "
    WITH claimed AS (
        UPDATE campaigns SET started_at = coalesce(started_at, $3), last_sent_at = greatest(last_sent_at, $3)
        WHERE id = $1
    ), seen AS (
        INSERT INTO workers AS w (name, seen_at) VALUES ($5, $3)
        ON CONFLICT (name) DO UPDATE SET seen_at = greatest(w.seen_at, excluded.seen_at)
    )
    UPDATE slices SET lease_until = greatest(lease_until, $4)
    WHERE campaign_id = $1 AND number = $2 AND state = 'released'";

/// The slice's lease alone.
const PROLONG: &str = "
    UPDATE slices SET lease_until = greatest(lease_until, $3)
    WHERE campaign_id = $1 AND number = $2 AND state = 'released'";

pub(super) const STUCK: &str = "
    SELECT coalesce(sum(m.reserved), 0)::bigint
    FROM messages AS m
    JOIN campaigns AS c ON c.id = m.campaign_id
    WHERE m.campaign_id = $1
      AND (m.state = 'retrying'
           OR (m.state = 'in_doubt' AND c.in_doubt = 'hold' AND m.doubt_since <= $2 - c.in_doubt_after))";

/// See [`crate::Store::claim`]. Not to be repeated after [`StoreError::Uncertain`]: what it may have been granted is
/// given back by [`disown`], which waits for this transaction's lock and so comes after it in any case.
pub(super) async fn claim(
    store: &PostgresStore,
    claim: &Claim,
    rules: &GateRules,
    now: DateTime<Utc>,
) -> Result<Claimed> {
    let mut tx = store.change_of(&[claim.slice.campaign]).await?;
    let Some(terms) = terms(&mut tx, claim, now).await? else {
        return refuse(tx, Held::SliceGone).await;
    };
    if let Some(refusal) = terms.refusal(now) {
        return refuse(tx, refusal).await;
    }
    let mut gate = templates::read(&mut tx, &terms.template).await?;
    let mut passage = Passage::of(&gate, rules, now);
    if passage == Passage::Canary {
        // There is one canary of all campaigns: only now the template is this transaction's.
        gate = templates::lock(&mut tx, &terms.template, now).await?;
        passage = Passage::of(&gate, rules, now);
    }
    let is_canary = match passage {
        Passage::Open => false,
        Passage::Canary => true,
        Passage::Closed { until, why } => return refuse(tx, Held::Gate { until, why }).await,
    };
    let (mut batch, candidates) = candidates(&mut tx, claim, &terms, now).await?;
    let people = people::of(&mut tx, claim, &terms, &candidates, now).await?;
    let stuck = if terms.is_tight(&mut batch, &candidates) { stuck(&mut tx, claim, now).await? } else { 0 };
    let grant = Grant { claim, terms: &terms, gate, rules, is_canary, stuck, people: &people, now };
    let claimed = grant.take(&mut batch, candidates);
    transition::write_back(&mut tx, &batch).await?;
    if let Some(allowance) = &people.allowance {
        people::note(&mut tx, &terms.portfolio, allowance.noted(&claimed, now)).await?;
    }
    if let Some(gate) = grant.gate_after(&claimed) {
        templates::write(&mut tx, &terms.template, &gate, now).await?;
    }
    note(&mut tx, claim, &claimed, now).await?;
    tx.commit("commit a claim").await?;
    Ok(claimed)
}

async fn refuse(tx: Session, why: Held) -> Result<Claimed> {
    tx.end().await;
    Ok(held(why))
}

async fn note(tx: &mut PgConnection, claim: &Claim, claimed: &Claimed, now: DateTime<Utc>) -> Result<()> {
    let (campaign, number) = (claim.slice.campaign.0, i64::from(claim.slice.number));
    let lease_until = micros(claim.lease_until);
    let noting = if claimed.messages.is_empty() {
        sqlx::query(PROLONG).bind(campaign).bind(number).bind(lease_until)
    } else {
        sqlx::query(NOTE_CLAIM)
            .bind(campaign)
            .bind(number)
            .bind(micros(now))
            .bind(lease_until)
            .bind(&claim.worker.0)
    };
    noting.execute(tx).await.map_err(failed("note a claim"))?;
    Ok(())
}

/// Reservations that nothing but an operator or another claim gives back: of doubts that are held and whose time
/// for a status has passed, and of messages that wait to be sent again.
async fn stuck(tx: &mut PgConnection, claim: &Claim, now: DateTime<Utc>) -> Result<i64> {
    sqlx::query_scalar(STUCK)
        .bind(claim.slice.campaign.0)
        .bind(micros(now))
        .fetch_one(tx)
        .await
        .map_err(failed("add up what stays reserved"))
}

async fn terms(tx: &mut PgConnection, claim: &Claim, now: DateTime<Utc>) -> Result<Option<Terms>> {
    let row = sqlx::query(TERMS)
        .bind(claim.slice.campaign.0)
        .bind(i64::from(claim.slice.number))
        .bind(micros(now))
        .fetch_optional(tx)
        .await
        .map_err(failed("read what a claim depends on"))?;
    row.map(|row| Terms::read(&mut Reader::new(&row))).transpose()
}

async fn candidates(
    tx: &mut PgConnection,
    claim: &Claim,
    terms: &Terms,
    now: DateTime<Utc>,
) -> Result<(Batch, Vec<Candidate>)> {
    let rows = sqlx::query(CLAIMABLE)
        .bind(asked(claim))
        .bind(i64::from(claim.slice.number))
        .bind(micros(now))
        .bind(claim.slice.campaign.0)
        .bind(&terms.portfolio)
        .fetch_all(tx)
        .await
        .map_err(failed("read the messages of a claim"))?;
    let mut batch = Batch::default();
    let candidates = rows
        .iter()
        .map(|row| Candidate::read(&mut Reader::new(row), &mut batch))
        .collect::<Result<Vec<_>>>()?;
    Ok((batch, candidates))
}

/// See [`crate::Store::disown`].
pub(super) async fn disown(
    store: &PostgresStore,
    claim: &Claim,
    claimed_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<u64> {
    // The claim took this lock first of all: whatever became of its commit is settled from here on.
    let mut tx = store.change_of(&[claim.slice.campaign]).await?;
    let mut batch = Batch::default();
    transition::load(&mut tx, &mut batch, &asked(claim)).await?;
    let disowned = granting::disown(&mut batch, claim, claimed_at, now);
    if disowned == 0 {
        tx.end().await;
        return Ok(0);
    }
    transition::write_back(&mut tx, &batch).await?;
    if let Some(terms) = terms(&mut tx, claim, now).await? {
        let gate: GateState = templates::read(&mut tx, &terms.template).await?;
        if granting::without_canary(gate, claimed_at).is_some() {
            let gate = templates::lock(&mut tx, &terms.template, now).await?;
            if let Some(gate) = granting::without_canary(gate, claimed_at) {
                templates::write(&mut tx, &terms.template, &gate, now).await?;
            }
        }
    }
    tx.commit("commit that a claim is given back").await?;
    Ok(disowned)
}
