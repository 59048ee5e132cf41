//! The compare-and-set before a send: who may send which message now.

use campaign::gate::{self, Gate, GateRules, GateState};
use campaign::lifecycle;
use campaign::message::Event;
use chrono::{DateTime, Utc};
use sqlx::{Row, SqliteConnection};

use super::codec::{amount, failed, from_json, json, micros, named, number, row_id, seq_of};
use super::connection::SqliteStore;
use super::transition::{Batch, FAILURES, LIVE_COLUMNS, live_columns};
use super::{sweeps, templates};
use crate::StoreError;
use crate::model::{Claim, Claimed, ClaimedMessage, Failure, Held, TemplateKey};

type Result<T> = std::result::Result<T, StoreError>;

/// The class of a message that is not sent because its recipient does not want it.
pub(super) const SUPPRESSED: &str = "suppressed";

/// The class of a message that is not sent because nothing is left for it.
const BUDGET: &str = "budget";

/// The slice's campaign and template, as far as claims ask.
pub(super) const TERMS: &str = "
    SELECT c.state, c.ends_at, c.budget, c.spent + c.reserved, s.state, g.waba_id, g.template, g.language, c.reserved
    FROM slices AS s
    JOIN campaigns AS c ON c.id = s.campaign_id
    JOIN send_groups AS g ON g.campaign_id = s.campaign_id AND g.number = s.group_no
    WHERE s.campaign_id = ?1 AND s.number = ?2";

/// Of the asked messages those that may be sent now, with whether their recipient is suppressed.
pub(super) const CLAIMABLE: &str = concat!(
    "SELECT ",
    live_columns!(),
    ", m.recipient, m.country, m.content, m.multiplier,
       EXISTS (SELECT 1 FROM suppressions AS d WHERE d.address = m.recipient)
     FROM json_each(?1) AS j
     CROSS JOIN messages AS m ON m.id = j.value
     CROSS JOIN campaigns AS c ON c.id = m.campaign_id
     WHERE m.slice_no = ?2 AND (m.state = 'queued' OR (m.state = 'retrying' AND (m.placed = 1 OR m.retry_at <= ?3)))
     ORDER BY m.id"
);

const NOTE_CLAIM: &str = "
    UPDATE campaigns SET started_at = coalesce(started_at, ?2), last_sent_at = max(coalesce(last_sent_at, ?2), ?2)
    WHERE id = ?1";

const PROLONG: &str = "
    UPDATE slices SET lease_until = max(coalesce(lease_until, 0), ?3)
    WHERE campaign_id = ?1 AND number = ?2 AND state = 'released'";

const STUCK: &str = "
    SELECT coalesce(sum(m.reserved), 0)
    FROM messages AS m
    JOIN campaigns AS c ON c.id = m.campaign_id
    WHERE m.campaign_id = ?1
      AND (m.state = 'retrying'
           OR (m.state = 'in_doubt' AND c.in_doubt = 'hold' AND m.doubt_since <= ?2 - c.in_doubt_after))";

struct Terms {
    state: lifecycle::State,
    ends_at: Option<i64>,
    budget: Option<i64>,
    at_stake: i64,
    reserved: i64,
    template_unsettled: bool,
    is_released: bool,
    template: TemplateKey,
}

/// See [`crate::Store::claim`].
pub(super) async fn claim(
    store: &SqliteStore,
    claim: &Claim,
    rules: &GateRules,
    now: DateTime<Utc>,
) -> Result<Claimed> {
    let mut tx = store.change().await?;
    let Some(mut terms) = terms(&mut tx, claim).await? else {
        return Ok(held(Held::SliceGone));
    };
    if terms.state != lifecycle::State::Running {
        return Ok(held(Held::NotRunning(terms.state)));
    }
    if terms.ends_at.is_some_and(|end| end <= micros(now)) {
        return Ok(held(Held::Ended));
    }
    if !terms.is_released {
        return Ok(held(Held::SliceGone));
    }
    let gate_state = templates::read(&mut tx, &terms.template).await?;
    terms.template_unsettled = gate_state.is_unsettled(rules, now);
    let canary_only = match gate::decide(&gate_state, rules, now) {
        Gate::Open => false,
        Gate::Canary => true,
        Gate::Closed { until, why } => return Ok(held(Held::Gate { until, why })),
    };
    let claimed = grant(&mut tx, claim, &terms, canary_only.then_some((gate_state, rules)), now).await?;
    tx.commit().await.map_err(failed("commit a claim"))?;
    Ok(claimed)
}

/// Takes what the gate and the budget let through, in the order of `seq`, and writes it.
async fn grant(
    tx: &mut SqliteConnection,
    claim: &Claim,
    terms: &Terms,
    canary: Option<(GateState, &GateRules)>,
    now: DateTime<Utc>,
) -> Result<Claimed> {
    let (mut batch, candidates) = candidates(tx, claim, now).await?;
    let mut claimed = Claimed::default();
    let mut at_stake = terms.at_stake;
    let mut known_stuck = None;
    for Candidate { id, mut message, is_suppressed } in candidates {
        if is_suppressed {
            skip(&mut batch, id, now, SUPPRESSED, "the recipient is on the do-not-send list");
            continue;
        }
        if claimed.held.is_some() {
            continue;
        }
        if let Some((gate_state, rules)) = canary.filter(|_| !claimed.messages.is_empty()) {
            if let Gate::Closed { until, why } = gate::decide(&gate_state.on_canary_claimed(now), rules, now)
            {
                claimed.held = Some(Held::Gate { until, why });
            }
            continue;
        }
        let Some(entry) = batch.get(id) else { continue };
        if !entry.fits(at_stake, terms.budget) {
            if claimed.messages.is_empty()
                && terms.reserved <= stuck(tx, &mut known_stuck, claim, now).await?
            {
                // Nothing in flight can give anything back: it will never fit.
                skip(&mut batch, id, now, BUDGET, "the budget is used up");
            } else {
                claimed.held = Some(Held::Budget);
            }
            continue;
        }
        at_stake = at_stake.saturating_add(entry.worst_case().0);
        batch.retire_wamid(id);
        let Some(entry) = batch.get(id) else { continue };
        // The query took only states that may be claimed.
        if entry.happen(Event::Claim, now).is_ok() {
            entry.live.worker = Some(claim.worker.0.clone());
            message.attempt = entry.live.attempt;
            message.is_canary = canary.is_some();
            message.template_unsettled = terms.template_unsettled;
            claimed.messages.push(message);
        }
    }
    batch.write_back(tx).await?;
    let campaign = claim.slice.campaign;
    if !claimed.messages.is_empty() {
        if let Some((gate_state, _)) = canary {
            templates::write(tx, &terms.template, &gate_state.on_canary_claimed(now), now).await?;
        }
        let noting = failed("note a claim");
        sqlx::query(NOTE_CLAIM).bind(campaign.0).bind(micros(now)).execute(&mut *tx).await.map_err(noting)?;
        sweeps::see_worker(tx, &claim.worker, now).await?;
    }
    sqlx::query(PROLONG)
        .bind(campaign.0)
        .bind(i64::from(claim.slice.number))
        .bind(micros(claim.lease_until))
        .execute(tx)
        .await
        .map_err(failed("prolong a slice's lease"))?;
    Ok(claimed)
}

/// Reservations that nothing but an operator or another claim gives back: of doubts that are held and whose time
/// for a status has passed, and of messages that wait to be sent again. Asked once per claim, where it matters.
async fn stuck(
    tx: &mut SqliteConnection,
    known: &mut Option<i64>,
    claim: &Claim,
    now: DateTime<Utc>,
) -> Result<i64> {
    if let Some(known) = known {
        return Ok(*known);
    }
    let sum: i64 = sqlx::query_scalar(STUCK)
        .bind(claim.slice.campaign.0)
        .bind(micros(now))
        .fetch_one(tx)
        .await
        .map_err(failed("add up what stays reserved"))?;
    Ok(*known.insert(sum))
}

fn skip(batch: &mut Batch, id: i64, now: DateTime<Utc>, class: &str, detail: &str) {
    if let Some(entry) = batch.get(id)
        && matches!(entry.happen(Event::Skip, now), Ok(true))
    {
        entry.live.failure = Some(Failure { code: None, class: class.to_owned(), detail: detail.to_owned() });
    }
}

fn held(why: Held) -> Claimed {
    Claimed { messages: Vec::new(), held: Some(why) }
}

async fn terms(tx: &mut SqliteConnection, claim: &Claim) -> Result<Option<Terms>> {
    let read = failed("read what a claim depends on");
    let row = sqlx::query(TERMS)
        .bind(claim.slice.campaign.0)
        .bind(i64::from(claim.slice.number))
        .fetch_optional(tx)
        .await
        .map_err(&read)?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Terms {
        state: named("campaigns.state", row.try_get(0).map_err(&read)?)?,
        ends_at: row.try_get(1).map_err(&read)?,
        budget: amount(row.try_get(2).map_err(&read)?).map(|m| m.0),
        at_stake: row.try_get(3).map_err(&read)?,
        is_released: row.try_get::<&str, _>(4).map_err(&read)? == "released",
        template: TemplateKey {
            waba_id: row.try_get(5).map_err(&read)?,
            name: row.try_get(6).map_err(&read)?,
            language: row.try_get(7).map_err(&read)?,
        },
        reserved: row.try_get(8).map_err(&read)?,
        template_unsettled: false,
    }))
}

struct Candidate {
    id: i64,
    message: ClaimedMessage,
    is_suppressed: bool,
}

async fn candidates(
    tx: &mut SqliteConnection,
    claim: &Claim,
    now: DateTime<Utc>,
) -> Result<(Batch, Vec<Candidate>)> {
    let mut ids: Vec<i64> = claim.seqs.iter().map(|seq| row_id(claim.slice.campaign, *seq)).collect();
    ids.sort_unstable();
    ids.dedup();
    let read = failed("read the messages of a claim");
    let rows = sqlx::query(CLAIMABLE)
        .bind(json(&ids)?)
        .bind(i64::from(claim.slice.number))
        .bind(micros(now))
        .fetch_all(tx)
        .await
        .map_err(&read)?;
    let mut batch = Batch::default();
    let mut candidates = Vec::with_capacity(rows.len());
    for row in rows {
        let id = batch.add(&row)?;
        let multiplier: Option<&str> = row.try_get(LIVE_COLUMNS + 3).map_err(&read)?;
        let failures: i64 = row.try_get(FAILURES).map_err(&read)?;
        let message = ClaimedMessage {
            seq: seq_of(id),
            attempt: 0,
            failures: number("messages.failures", failures)?,
            recipient: row.try_get(LIVE_COLUMNS).map_err(&read)?,
            country: row.try_get(LIVE_COLUMNS + 1).map_err(&read)?,
            content: from_json("messages.content", row.try_get(LIVE_COLUMNS + 2).map_err(&read)?)?,
            multiplier: multiplier.map(|text| named("messages.multiplier", text)).transpose()?,
            is_canary: false,
            template_unsettled: false,
        };
        let is_suppressed = row.try_get(LIVE_COLUMNS + 4).map_err(&read)?;
        candidates.push(Candidate { id, message, is_suppressed });
    }
    Ok((batch, candidates))
}
