//! Who was written to, how often, and who is left alone for a time.

use std::collections::BTreeMap;

use campaign::pacing::daily_reach;
use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection::PostgresStore;
use super::text::clean;
use super::transition::column;
use crate::StoreError;
use crate::codec::{failed, micros};
use crate::model::{Claim, Reached};
use crate::moving::granting::{Candidate, Terms};
use crate::moving::people::{self, Allowance, COUNTS, Noted, People, Tally};

type Result<T> = std::result::Result<T, StoreError>;

/// Whoever asks how many people a portfolio has written to has it alone until its commit. After the campaign's and the
/// template's locks, before the park's.
const TAKE_PORTFOLIO: &str = "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))";

pub(super) const TALLY: &str = "
    SELECT coalesce(sum(people), 0)::bigint, min(slot) FILTER (WHERE people > 0), max(slot)
    FROM reached_slots WHERE portfolio = $1 AND slot >= $2";

pub(super) const SLOTS: &str = "
    SELECT slot, people FROM reached_slots WHERE portfolio = $1 AND slot >= $2 AND people > 0 ORDER BY slot";

pub(super) const KNOWN: &str =
    "SELECT address, slot FROM reached_people WHERE portfolio = $1 AND address = ANY($2) AND slot >= $3";

const NOTE_PEOPLE: &str = "
    INSERT INTO reached_people AS p (portfolio, address, slot) SELECT $1, address, $3 FROM unnest($2::text[]) AS address
    ON CONFLICT (portfolio, address) DO UPDATE SET slot = greatest(p.slot, excluded.slot)";

const NOTE_SLOTS: &str = "
    INSERT INTO reached_slots AS s (portfolio, slot, people)
    SELECT $1, * FROM unnest($2::bigint[], $3::bigint[])
    ON CONFLICT (portfolio, slot) DO UPDATE SET people = s.people + excluded.people";

const FORGET: [&str; 2] = [
    "DELETE FROM reached_people WHERE portfolio = $1 AND slot < $2",
    "DELETE FROM reached_slots WHERE portfolio = $1 AND slot < $2",
];

/// By campaigns that sent something lately, of which there are few: each has an index of its recipients.
pub(super) const CONTACTS: &str = "
    SELECT m.recipient, count(*)
    FROM messages AS m
    WHERE m.campaign_id = ANY (ARRAY (
              SELECT c.id FROM campaigns AS c
              WHERE c.last_sent_at > $3
                AND EXISTS (SELECT 1 FROM send_groups AS g WHERE g.campaign_id = c.id AND g.portfolio = $1)))
      AND m.recipient = ANY($2) AND m.claimed_at > $3 AND m.state = ANY($4)
      AND EXISTS (SELECT 1 FROM send_groups AS g
                  WHERE g.campaign_id = m.campaign_id AND g.number = m.group_no AND g.portfolio = $1)
    GROUP BY m.recipient";

/// In the order of addresses: two that add the same ones do not wait in a circle.
const COOL_DOWN: &str = "
    INSERT INTO cooldowns AS d (portfolio, address, until)
    SELECT g.portfolio, m.recipient, max(j.until)
    FROM unnest($1::bigint[], $2::bigint[]) AS j (message, until)
    JOIN messages AS m ON m.id = j.message
    JOIN send_groups AS g ON g.campaign_id = m.campaign_id AND g.number = m.group_no
    WHERE m.recipient NOT LIKE 'purged-%'
    GROUP BY g.portfolio, m.recipient
    ORDER BY g.portfolio, m.recipient
    ON CONFLICT (portfolio, address) DO UPDATE SET until = greatest(d.until, excluded.until)";

/// Those who are being left alone anew at this moment are passed over.
pub(super) const COOLED: &str = "
    DELETE FROM cooldowns
    WHERE (portfolio, address) IN (SELECT portfolio, address FROM cooldowns WHERE until <= $1 ORDER BY until LIMIT $2
                                   FOR UPDATE SKIP LOCKED)";

const NAME_PORTFOLIO: &str = "UPDATE send_groups SET portfolio = $2 WHERE sender = $1 AND portfolio <> $2";

/// What limits ask of the recipients of a claim. Where they ask something, the portfolio is this transaction's from then
/// on.
pub(super) async fn of(
    tx: &mut PgConnection,
    claim: &Claim,
    terms: &Terms,
    candidates: &[Candidate],
    now: DateTime<Utc>,
) -> Result<People> {
    let mut people = People::default();
    if candidates.is_empty() || (claim.daily_reach.is_none() && terms.cap.is_none()) {
        return Ok(people);
    }
    sqlx::query(TAKE_PORTFOLIO)
        .bind(&terms.portfolio)
        .execute(&mut *tx)
        .await
        .map_err(failed("wait for a portfolio"))?;
    let addresses = column(candidates, Candidate::recipient);
    if let Some(cap) = terms.cap {
        people.contacts = count(tx, &terms.portfolio, &addresses, now - cap.per).await?;
    }
    if let Some(limit) = claim.daily_reach {
        people.allowance = Some(allowance(tx, &terms.portfolio, limit, &addresses, now).await?);
    }
    Ok(people)
}

async fn allowance(
    tx: &mut PgConnection,
    portfolio: &str,
    limit: u32,
    addresses: &[&str],
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
pub(super) async fn note(tx: &mut PgConnection, portfolio: &str, noted: Noted) -> Result<()> {
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
        .bind(people)
        .bind(slot)
        .execute(&mut *tx)
        .await
        .map_err(&noting)?;
    sqlx::query(NOTE_SLOTS)
        .bind(portfolio)
        .bind(column(&slots, |(slot, _)| *slot))
        .bind(column(&slots, |(_, people)| *people))
        .execute(tx)
        .await
        .map_err(noting)?;
    Ok(())
}

/// Leaves the recipients of these messages alone until then.
pub(super) async fn cool_down(tx: &mut PgConnection, shielded: &[(i64, DateTime<Utc>)]) -> Result<()> {
    if shielded.is_empty() {
        return Ok(());
    }
    let keeping = failed("keep whom to leave alone");
    sqlx::query(COOL_DOWN)
        .bind(column(shielded, |(message, _)| *message))
        .bind(column(shielded, |(_, until)| micros(*until)))
        .execute(tx)
        .await
        .map_err(keeping)?;
    Ok(())
}

/// See [`crate::Store::prune_cooldowns`].
pub(super) async fn prune(store: &PostgresStore, now: DateTime<Utc>, limit: u32) -> Result<u64> {
    let mut tx = store.change().await?;
    let done = sqlx::query(COOLED)
        .bind(micros(now))
        .bind(i64::from(limit))
        .execute(&mut *tx)
        .await
        .map_err(failed("forget whom to leave alone"))?;
    tx.commit("commit forgetting whom to leave alone").await?;
    Ok(done.rows_affected())
}

/// See [`crate::Store::name_portfolios`].
pub(super) async fn name_portfolios(
    store: &PostgresStore,
    portfolios: &BTreeMap<String, String>,
) -> Result<()> {
    let mut tx = store.change().await?;
    let naming = failed("name the senders' portfolios");
    for (sender, portfolio) in portfolios {
        let done = sqlx::query(NAME_PORTFOLIO).bind(sender).bind(portfolio).execute(&mut *tx).await;
        done.map_err(&naming)?;
    }
    tx.commit("commit the senders' portfolios").await
}

/// See [`crate::Store::reached`].
pub(super) async fn reached(
    store: &PostgresStore,
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
    tx.end().await;
    people::reached(rows)
}

/// See [`crate::Store::contacts`].
pub(super) async fn contacts(
    store: &PostgresStore,
    portfolio: &str,
    addresses: &[String],
    since: DateTime<Utc>,
) -> Result<BTreeMap<String, u64>> {
    let mut tx = store.snapshot().await?;
    let addresses: Vec<_> = addresses.iter().map(|address| clean(address)).collect();
    let addresses: Vec<&str> = addresses.iter().map(AsRef::as_ref).collect();
    let counted = count(&mut tx, portfolio, &addresses, since).await?;
    tx.end().await;
    Ok(counted)
}

async fn count(
    tx: &mut PgConnection,
    portfolio: &str,
    addresses: &[&str],
    since: DateTime<Utc>,
) -> Result<BTreeMap<String, u64>> {
    let rows = sqlx::query_as(CONTACTS)
        .bind(portfolio)
        .bind(addresses)
        .bind(micros(since))
        .bind(COUNTS.map(|state| state.name()))
        .fetch_all(tx)
        .await
        .map_err(failed("count the messages that people had"))?;
    people::contacts(rows)
}
