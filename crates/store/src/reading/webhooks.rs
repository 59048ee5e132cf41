//! Counts of webhooks.

use crate::StoreError;
use crate::codec::{number, time, unreadable};
use crate::columns::Columns;
use crate::webhooks::{WebhookDay, day};

/// From a row of day, kind, number, n and last_at.
pub(crate) fn read(columns: &mut impl Columns) -> Result<WebhookDay, StoreError> {
    let on = columns.number()?;
    Ok(WebhookDay {
        day: day(on).ok_or_else(|| unreadable("webhook_counts.day", format!("{on} is no day")))?,
        kind: columns.text()?,
        number: columns.text()?,
        n: number("webhook_counts.n", columns.number()?)?,
        last_at: time("webhook_counts.last_at", columns.number()?)?,
    })
}
