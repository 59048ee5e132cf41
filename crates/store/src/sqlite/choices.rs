//! What people say of whether they want to be written to.

use chrono::{DateTime, Utc};
use sqlx::SqliteConnection;

use super::connection::SqliteStore;
use crate::StoreError;
use crate::codec::{failed, json, micros};
use crate::model::Choice;
use crate::moving::choices::{OWN_WORDS, newest};

type Result<T> = std::result::Result<T, StoreError>;

/// Returns the addresses whose choice is news.
const NOTE: &str = "
    INSERT INTO last_choices (address, stops, said_at)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
    ON CONFLICT (address) DO UPDATE SET stops = excluded.stops, said_at = excluded.said_at
    WHERE excluded.said_at > said_at OR (excluded.said_at = said_at AND excluded.stops > stops)
    RETURNING address";

const STOP: &str = "
    INSERT INTO suppressions (address, source, suppressed_at)
    SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) WHERE true
    ON CONFLICT (address) DO NOTHING";

const RESUME: &str = "
    DELETE FROM suppressions AS s
    WHERE EXISTS (SELECT 1 FROM json_each(?1) AS j
                  WHERE j.value ->> 0 = s.address AND j.value ->> 1 >= s.suppressed_at)
      AND address IN (SELECT value ->> 0 FROM json_each(?1))
      AND source IN (SELECT value FROM json_each(?2))";

/// Whose message was purged is not known any more.
const RECIPIENTS: &str = "
    SELECT m.id, m.recipient FROM json_each(?1) AS j CROSS JOIN messages AS m ON m.id = j.value
    WHERE m.recipient NOT LIKE 'purged-%'";

/// See [`crate::Store::hear`].
pub(super) async fn hear(store: &SqliteStore, choices: &[Choice]) -> Result<()> {
    let mut tx = store.change().await?;
    note(&mut tx, choices).await?;
    tx.commit().await.map_err(failed("commit people's choices"))
}

/// The recipients of these messages refused more of them, then.
pub(super) async fn refused(tx: &mut SqliteConnection, opted_out: &[(i64, DateTime<Utc>)]) -> Result<()> {
    if opted_out.is_empty() {
        return Ok(());
    }
    let ids: Vec<i64> = opted_out.iter().map(|(id, _)| *id).collect();
    let recipients: Vec<(i64, String)> = sqlx::query_as(RECIPIENTS)
        .bind(json(&ids)?)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("read who opted out"))?;
    note(tx, &Choice::refusals(&recipients, opted_out)).await
}

async fn note(tx: &mut SqliteConnection, choices: &[Choice]) -> Result<()> {
    let newest = newest(choices);
    let rows: Vec<_> = newest.iter().map(|c| (&c.address, i64::from(c.stops), micros(c.said_at))).collect();
    let news: Vec<String> = sqlx::query_scalar(NOTE)
        .bind(json(&rows)?)
        .fetch_all(&mut *tx)
        .await
        .map_err(failed("note people's choices"))?;
    let (stops, resumes): (Vec<&Choice>, Vec<&Choice>) =
        newest.into_iter().filter(|choice| news.contains(&choice.address)).partition(|choice| choice.stops);
    let stops: Vec<_> = stops.iter().map(|c| (&c.address, &c.source, micros(c.said_at))).collect();
    if !stops.is_empty() {
        let keeping = failed("keep an opt-out");
        sqlx::query(STOP).bind(json(&stops)?).execute(&mut *tx).await.map_err(keeping)?;
    }
    let resumes: Vec<_> = resumes.iter().map(|c| (&c.address, micros(c.said_at))).collect();
    if !resumes.is_empty() {
        sqlx::query(RESUME)
            .bind(json(&resumes)?)
            .bind(json(&OWN_WORDS)?)
            .execute(tx)
            .await
            .map_err(failed("take addresses off the do-not-send list"))?;
    }
    Ok(())
}
