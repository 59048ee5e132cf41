//! Who was written to, how often, and who is left alone for a time.

use std::collections::BTreeMap;

use campaign::pacing::daily_reach;
use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::connection::SqliteStore;
use crate::StoreError;
use crate::codec::{failed, json, micros};
use crate::model::{Claim, Reached};
use crate::moving::granting::{Candidate, Terms};
use crate::moving::people::{self, Allowance, COUNTS, Noted, People, Tally};

type Result<T> = std::result::Result<T, StoreError>;

pub(super) const TALLY: &str = "
    SELECT coalesce(sum(people), 0), min(slot) FILTER (WHERE people > 0), max(slot)
    FROM reached_slots WHERE portfolio = ?1 AND slot >= ?2";

pub(super) const SLOTS: &str = "
    SELECT slot, people FROM reached_slots WHERE portfolio = ?1 AND slot >= ?2 AND people > 0 ORDER BY slot";

pub(super) const KNOWN: &str = "
    SELECT p.address, p.slot
    FROM json_each(?2) AS j
    CROSS JOIN reached_people AS p ON p.portfolio = ?1 AND p.address = j.value AND p.slot >= ?3";

const NOTE_PEOPLE: &str = "
    INSERT INTO reached_people (portfolio, address, slot) SELECT ?1, value, ?3 FROM json_each(?2) WHERE true
    ON CONFLICT (portfolio, address) DO UPDATE SET slot = max(slot, excluded.slot)";

const NOTE_SLOTS: &str = "
    INSERT INTO reached_slots (portfolio, slot, people)
    SELECT ?1, value ->> 0, value ->> 1 FROM json_each(?2) WHERE true
    ON CONFLICT (portfolio, slot) DO UPDATE SET people = people + excluded.people";

const FORGET: [&str; 2] = [
    "DELETE FROM reached_people WHERE portfolio = ?1 AND slot < ?2",
    "DELETE FROM reached_slots WHERE portfolio = ?1 AND slot < ?2",
];

/// By campaigns that sent something lately, of which there are few: each has an index of its recipients.
pub(super) const CONTACTS: &str = "
    SELECT m.recipient, COUNT(*)
    FROM campaigns AS c
    CROSS JOIN json_each(?2) AS j
    CROSS JOIN messages AS m ON m.campaign_id = c.id AND m.recipient = j.value
    CROSS JOIN send_groups AS g ON g.campaign_id = m.campaign_id AND g.number = m.group_no
    WHERE c.last_sent_at > ?3 AND g.portfolio = ?1 AND m.claimed_at > ?3
      AND m.state IN (SELECT value FROM json_each(?4))
    GROUP BY m.recipient";

const COOL_DOWN: &str = "
    INSERT INTO cooldowns (portfolio, address, until)
    SELECT g.portfolio, m.recipient, j.value ->> 1
    FROM json_each(?1) AS j
    CROSS JOIN messages AS m ON m.id = j.value ->> 0
    CROSS JOIN send_groups AS g ON g.campaign_id = m.campaign_id AND g.number = m.group_no
    WHERE m.recipient NOT LIKE 'purged-%'
    ON CONFLICT (portfolio, address) DO UPDATE SET until = max(until, excluded.until)";

pub(super) const COOLED: &str = "
    DELETE FROM cooldowns
    WHERE (portfolio, address) IN (SELECT portfolio, address FROM cooldowns WHERE until <= ?1 ORDER BY until LIMIT ?2)";

const NAME_PORTFOLIO: &str = "UPDATE send_groups SET portfolio = ?2 WHERE sender = ?1 AND portfolio <> ?2";

/// What limits ask of the recipients of a claim.
pub(super) async fn of(
    tx: &mut SqliteConnection,
    claim: &Claim,
    terms: &Terms,
    candidates: &[Candidate],
    now: DateTime<Utc>,
) -> Result<People> {
    let mut people = People::default();
    if candidates.is_empty() || (claim.daily_reach.is_none() && terms.cap.is_none()) {
        return Ok(people);
    }
    let addresses: Vec<&str> = candidates.iter().map(Candidate::recipient).collect();
    let addresses = json(&addresses)?;
    if let Some(cap) = terms.cap {
        people.contacts = count(tx, &terms.portfolio, &addresses, now - cap.per).await?;
    }
    if let Some(limit) = claim.daily_reach {
        people.allowance = Some(allowance(tx, &terms.portfolio, limit, &addresses, now).await?);
    }
    Ok(people)
}

async fn allowance(
    tx: &mut SqliteConnection,
    portfolio: &str,
    limit: u32,
    addresses: &str,
    now: DateTime<Utc>,
) -> Result<Allowance> {
    let reading = failed("count the people of a portfolio");
    let first = daily_reach::first_that_counts(now);
    let (people, first_slot, last) =
        sqlx::query_as(TALLY).bind(portfolio).bind(first).fetch_one(&mut *tx).await.map_err(&reading)?;
    let known: Vec<(String, i64)> = sqlx::query_as(KNOWN)
        .bind(portfolio)
        .bind(addresses)
        .bind(first)
        .fetch_all(&mut *tx)
        .await
        .map_err(reading)?;
    let tally = Tally { people, first: first_slot, last };
    Ok(Allowance::of(limit, tally, known.into_iter().collect(), now))
}

/// Keeps whom a claim took.
pub(super) async fn note(tx: &mut SqliteConnection, portfolio: &str, noted: Noted) -> Result<()> {
    let Noted { slot, people, slots, forget_before } = noted;
    if people.is_empty() {
        return Ok(());
    }
    let noting = failed("note the people of a portfolio");
    if let Some(before) = forget_before {
        for sql in FORGET {
            sqlx::query(sql).bind(portfolio).bind(before).execute(&mut *tx).await.map_err(&noting)?;
        }
    }
    sqlx::query(NOTE_PEOPLE)
        .bind(portfolio)
        .bind(json(&people)?)
        .bind(slot)
        .execute(&mut *tx)
        .await
        .map_err(&noting)?;
    sqlx::query(NOTE_SLOTS).bind(portfolio).bind(json(&slots)?).execute(tx).await.map_err(noting)?;
    Ok(())
}

/// Leaves the recipients of these messages alone until then.
pub(super) async fn cool_down(tx: &mut SqliteConnection, shielded: &[(i64, DateTime<Utc>)]) -> Result<()> {
    if shielded.is_empty() {
        return Ok(());
    }
    let rows: Vec<(i64, i64)> = shielded.iter().map(|(message, until)| (*message, micros(*until))).collect();
    let keeping = failed("keep whom to leave alone");
    sqlx::query(COOL_DOWN).bind(json(&rows)?).execute(tx).await.map_err(keeping)?;
    Ok(())
}

/// See [`crate::Store::prune_cooldowns`].
pub(super) async fn prune(store: &SqliteStore, now: DateTime<Utc>, limit: u32) -> Result<u64> {
    let mut tx = store.change().await?;
    let pruning = failed("forget whom to leave alone");
    let done = sqlx::query(COOLED).bind(micros(now)).bind(limit).execute(&mut *tx).await.map_err(pruning)?;
    tx.commit().await.map_err(failed("commit forgetting whom to leave alone"))?;
    Ok(done.rows_affected())
}

/// See [`crate::Store::name_portfolios`].
pub(super) async fn name_portfolios(
    store: &SqliteStore,
    portfolios: &BTreeMap<String, String>,
) -> Result<()> {
    let mut tx = store.change().await?;
    let naming = failed("name the senders' portfolios");
    for (sender, portfolio) in portfolios {
        let done = sqlx::query(NAME_PORTFOLIO).bind(sender).bind(portfolio).execute(&mut *tx).await;
        done.map_err(&naming)?;
    }
    tx.commit().await.map_err(failed("commit the senders' portfolios"))
}

/// See [`crate::Store::reached`].
pub(super) async fn reached(
    store: &SqliteStore,
    portfolio: &str,
    now: DateTime<Utc>,
) -> Result<Vec<Reached>> {
    let mut tx = store.snapshot().await?;
    let rows = sqlx::query_as(SLOTS)
        .bind(portfolio)
        .bind(daily_reach::first_that_counts(now))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("count the people of a portfolio"))?;
    people::reached(rows)
}

/// See [`crate::Store::contacts`].
pub(super) async fn contacts(
    store: &SqliteStore,
    portfolio: &str,
    addresses: &[String],
    since: DateTime<Utc>,
) -> Result<BTreeMap<String, u64>> {
    let mut tx = store.snapshot().await?;
    count(&mut tx, portfolio, &json(addresses)?, since).await
}

async fn count(
    tx: &mut SqliteConnection,
    portfolio: &str,
    addresses: &str,
    since: DateTime<Utc>,
) -> Result<BTreeMap<String, u64>> {
    let rows = sqlx::query_as(CONTACTS)
        .bind(portfolio)
        .bind(addresses)
        .bind(micros(since))
        .bind(json(&COUNTS.map(|state| state.name()))?)
        .fetch_all(tx)
        .await
        .map_err(failed("count the messages that people had"))?;
    people::contacts(rows)
}
