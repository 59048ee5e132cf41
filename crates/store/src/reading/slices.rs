//! What is left to do of a slice.

use crate::StoreError;
use crate::codec::{number, seq_of};
use crate::columns::Columns;
use crate::model::{GroupRow, SliceWork, TemplateKey};

/// From a row of the group's number, sender, portfolio, template's account, name and language, variant and zone, and the
/// numbers of the messages that wait.
pub(crate) fn work(columns: &mut impl Columns, pending: Vec<i64>) -> Result<SliceWork, StoreError> {
    let group = GroupRow {
        number: number("send_groups.number", columns.number()?)?,
        sender: columns.text()?,
        portfolio: columns.text()?,
        template: TemplateKey { waba_id: columns.text()?, name: columns.text()?, language: columns.text()? },
        variant: columns.optional_text()?,
        zone: columns.text()?,
        planned: 0,
        retries: 0,
        released: 0,
        not_before: None,
    };
    Ok(SliceWork { group, pending: pending.into_iter().map(seq_of).collect() })
}
