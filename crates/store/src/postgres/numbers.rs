//! Which id a number has at the platform.

use super::connection::PostgresStore;
use super::text::clean;
use crate::StoreError;
use crate::codec::failed;
use crate::columns::{Columns, Reader};
use crate::model::NumberName;

type Result<T> = std::result::Result<T, StoreError>;

const LEARN: &str = "
    INSERT INTO numbers (display, phone_number_id) VALUES ($1, $2)
    ON CONFLICT (display) DO UPDATE SET phone_number_id = excluded.phone_number_id";

const ALL: &str = "SELECT display, phone_number_id FROM numbers ORDER BY display";

/// See [`crate::Store::learn_numbers`].
pub(super) async fn learn(store: &PostgresStore, numbers: &[NumberName]) -> Result<()> {
    let mut tx = store.change().await?;
    for number in numbers {
        sqlx::query(LEARN)
            .bind(clean(&number.display))
            .bind(clean(&number.phone_number_id))
            .execute(&mut *tx)
            .await
            .map_err(failed("learn a number"))?;
    }
    tx.commit("commit numbers").await
}

/// See [`crate::Store::numbers`].
pub(super) async fn all(store: &PostgresStore) -> Result<Vec<NumberName>> {
    let mut tx = store.snapshot().await?;
    let rows = sqlx::query(ALL).fetch_all(&mut *tx).await.map_err(failed("read numbers"))?;
    tx.end().await;
    rows.iter()
        .map(|row| {
            let mut columns = Reader::new(row);
            Ok(NumberName { display: columns.text()?, phone_number_id: columns.text()? })
        })
        .collect()
}
