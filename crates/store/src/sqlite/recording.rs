//! What became of sends.

use chrono::{DateTime, Utc};

use super::connection::SqliteStore;
use super::{statuses, transition};
use crate::StoreError;
use crate::codec::failed;
use crate::model::Outcome;
use crate::moving::batch::Batch;
use crate::moving::recording::{messages, record as record_all, told, wamids};

/// See [`crate::Store::record`].
pub(super) async fn record(
    store: &SqliteStore,
    outcomes: &[Outcome],
    now: DateTime<Utc>,
) -> Result<(), StoreError> {
    if outcomes.is_empty() {
        return Ok(());
    }
    let mut tx = store.change().await?;
    let mut batch = Batch::default();
    transition::load(&mut tx, &mut batch, &messages(outcomes)).await?;
    record_all(&mut batch, outcomes, now);
    // Statuses may have come before the response of their own send.
    statuses::apply_parked(&mut tx, &mut batch, &wamids(outcomes), now).await?;
    transition::write_back(&mut tx, &batch).await?;
    statuses::keep(&mut tx, &told(outcomes, now)).await?;
    tx.commit().await.map_err(failed("commit outcomes"))
}
