//! Messages that are nobody's any more: what stands in them for a person who was removed.

use campaign::ids::CampaignId;

/// How the recipient of a message begins that was purged, before its number; no phone number or user id does. The queries
/// have it as `LIKE 'purged-%'`.
const NOBODY: &str = "purged-";

/// Whether this stands for a person who was removed.
#[must_use]
pub fn is_nobody(recipient: &str) -> bool {
    recipient.starts_with(NOBODY)
}

/// What is kept of the platform's id of a message that was purged: that there is one. The id itself has the recipient's
/// number in it.
pub(crate) fn wamid(id: i64) -> String {
    format!("{NOBODY}{id}")
}

/// What became of the wish to remove a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonPurge {
    /// Nothing of the person is left but on the do-not-send list; nothing changed where there was nothing.
    Done {
        /// Messages that are nobody's now.
        messages: u64,
        /// Of these, messages that were still to be sent, and are skipped.
        skipped: u64,
        /// Rows that planning had refused.
        excluded: u64,
    },
    /// Nothing was changed: a message of these campaigns is with a worker, in doubt, or being launched.
    UnderWay(Vec<CampaignId>),
}

#[cfg(test)]
mod tests {
    use campaign::audience::{UserId, normalise};

    use super::*;

    #[test]
    fn nobody_has_the_address_of_nobody() {
        assert!(is_nobody(&wamid(7)));
        assert!(UserId::parse(&wamid(7)).is_err() && normalise(&wamid(7), None).is_err());
    }
}
