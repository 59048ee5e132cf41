//! Which variant and sender a recipient gets, and who is held out: drawn from the campaign and the
//! recipient alone, so that a plan, a launch and a later look at it agree, in any order of rows.

use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use crate::definition::Definition;

/// Independent draws for one recipient of one campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draw {
    holdout: u64,
    variant: u64,
    sender: u64,
}

impl Draw {
    /// The draws of a recipient (digits or user id) in a campaign (its key).
    #[must_use]
    pub fn of(campaign: &str, recipient: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(campaign.as_bytes());
        hash.update([0]);
        hash.update(recipient.as_bytes());
        let digest = hash.finalize();
        let word = |i: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&digest[8 * i..8 * i + 8]);
            u64::from_be_bytes(bytes)
        };
        Self { holdout: word(0), variant: word(1), sender: word(2) }
    }

    /// Whether the recipient is in the hold-out of the definition.
    #[must_use]
    pub fn is_held_out(&self, definition: &Definition) -> bool {
        // Millionths are finer than any hold-out a person writes.
        Decimal::from(self.holdout % 1_000_000) < definition.holdout.fraction() * Decimal::from(1_000_000)
    }

    /// The index of the recipient's variant; `None` in a campaign without variants.
    #[must_use]
    pub fn variant(&self, definition: &Definition) -> Option<usize> {
        let total: u64 = definition.variants.iter().map(|v| u64::from(v.weight)).sum();
        if total == 0 {
            return None;
        }
        let mut at = self.variant % total;
        for (i, variant) in definition.variants.iter().enumerate() {
            let weight = u64::from(variant.weight);
            if at < weight {
                return Some(i);
            }
            at -= weight;
        }
        None
    }

    /// The name of the recipient's sender.
    #[must_use]
    pub fn sender<'a>(&self, definition: &'a Definition) -> &'a str {
        let senders = &definition.senders;
        let count = senders.len().max(1) as u64;
        let index = usize::try_from(self.sender % count).unwrap_or(0);
        senders.get(index).map_or("", String::as_str)
    }
}
