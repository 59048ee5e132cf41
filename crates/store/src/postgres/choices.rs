//! What people say of whether they want to be written to. Rows are locked in the order of their addresses: two that hear
//! of the same people do not wait in a circle.

use chrono::{DateTime, Utc};
use sqlx::PgConnection;

use super::connection::PostgresStore;
use super::text::clean;
use super::transition::column;
use crate::StoreError;
use crate::codec::{failed, micros};
use crate::model::Choice;
use crate::moving::choices::{OWN_WORDS, newest};

type Result<T> = std::result::Result<T, StoreError>;

/// Returns the addresses whose choice is news.
const NOTE: &str = "
    INSERT INTO last_choices AS k (address, stops, said_at)
    SELECT address, stops, said_at
    FROM unnest($1::text[], $2::boolean[], $3::bigint[]) WITH ORDINALITY AS u (address, stops, said_at, place)
    ORDER BY place
    ON CONFLICT (address) DO UPDATE SET stops = excluded.stops, said_at = excluded.said_at
    WHERE excluded.said_at > k.said_at OR (excluded.said_at = k.said_at AND excluded.stops AND NOT k.stops)
    RETURNING address";

const STOP: &str = "
    INSERT INTO suppressions (address, source, suppressed_at)
    SELECT address, source, said_at
    FROM unnest($1::text[], $2::text[], $3::bigint[]) WITH ORDINALITY AS u (address, source, said_at, place)
    ORDER BY place
    ON CONFLICT (address) DO NOTHING";

const RESUME: &str = "
    DELETE FROM suppressions AS s
    USING unnest($1::text[], $2::bigint[]) AS u (address, said_at)
    WHERE s.address = u.address AND s.suppressed_at <= u.said_at AND s.source = ANY($3)";

/// Whose message was purged is not known any more.
const RECIPIENTS: &str =
    "SELECT id, recipient FROM messages WHERE id = ANY($1) AND recipient NOT LIKE 'purged-%'";

/// See [`crate::Store::hear`].
pub(super) async fn hear(store: &PostgresStore, choices: &[Choice]) -> Result<()> {
    let mut tx = store.change().await?;
    note(&mut tx, choices).await?;
    tx.commit("commit people's choices").await
}

/// The recipients of these messages refused more of them, then: the store's own, as the webhook's recipient is not to be
/// trusted.
pub(super) async fn refused(tx: &mut PgConnection, opted_out: &[(i64, DateTime<Utc>)]) -> Result<()> {
    if opted_out.is_empty() {
        return Ok(());
    }
    let recipients: Vec<(i64, String)> = sqlx::query_as(RECIPIENTS)
        .bind(column(opted_out, |(id, _)| *id))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read who opted out"))?;
    note(tx, &Choice::refusals(&recipients, opted_out)).await
}

async fn note(tx: &mut PgConnection, choices: &[Choice]) -> Result<()> {
    let newest = newest(choices);
    let news: Vec<String> = sqlx::query_scalar(NOTE)
        .bind(column(&newest, |choice| clean(&choice.address)))
        .bind(column(&newest, |choice| choice.stops))
        .bind(column(&newest, |choice| micros(choice.said_at)))
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("note people's choices"))?;
    let is_news = |choice: &&Choice| news.iter().any(|address| *address == clean(&choice.address));
    let (stops, resumes): (Vec<&Choice>, Vec<&Choice>) =
        newest.into_iter().filter(is_news).partition(|choice| choice.stops);
    if !stops.is_empty() {
        sqlx::query(STOP)
            .bind(column(&stops, |choice| clean(&choice.address)))
            .bind(column(&stops, |choice| clean(&choice.source)))
            .bind(column(&stops, |choice| micros(choice.said_at)))
            .execute(&mut *tx)
            .await
            .map_err(failed("keep an opt-out"))?;
    }
    if !resumes.is_empty() {
        sqlx::query(RESUME)
            .bind(column(&resumes, |choice| clean(&choice.address)))
            .bind(column(&resumes, |choice| micros(choice.said_at)))
            .bind(OWN_WORDS.map(str::to_owned).to_vec())
            .execute(tx)
            .await
            .map_err(failed("take addresses off the do-not-send list"))?;
    }
    Ok(())
}
