//! A brake as it is kept.

use crate::StoreError;
use crate::brake::{Brake, Cause, Lifted, Subject, TOLD, Word};
use crate::codec::{named, optional_time, time, unreadable};
use crate::columns::Columns;

/// From a row of kind, key, cause, reason, since and until.
pub(crate) fn read(columns: &mut impl Columns) -> Result<Brake, StoreError> {
    let (kind, key) = (columns.text()?, columns.text()?);
    Ok(Brake {
        on: Subject::read(&kind, key)
            .ok_or_else(|| unreadable("brakes.kind", format!("\"{kind}\" is nothing that is braked")))?,
        cause: named("brakes.cause", &columns.text()?)?,
        reason: columns.text()?,
        since: time("brakes.since", columns.number()?)?,
        until: optional_time("brakes.until", columns.optional_number()?)?,
    })
}

/// Whether a brake is among those that are lifted.
pub(crate) fn is_lifted(brake: &Brake, subject: &Subject, causes: &[Lifted]) -> bool {
    brake.on == *subject && causes.iter().any(|lifted| lifted.includes(brake.cause))
}

/// The word that sets a brake.
pub(crate) fn sets(brake: &Brake) -> Word {
    Word { said_at: brake.since, lifts: false }
}

/// Of the causes that are lifted, those that the platform speaks of.
pub(crate) fn told(causes: &[Lifted]) -> impl Iterator<Item = Cause> {
    TOLD.into_iter().filter(|cause| causes.iter().any(|lifted| lifted.includes(*cause)))
}

/// From a row of said_at and lifts.
pub(crate) fn word(columns: &mut impl Columns) -> Result<Word, StoreError> {
    Ok(Word { said_at: time("last_words.said_at", columns.number()?)?, lifts: columns.flag()? })
}
