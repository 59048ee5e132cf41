//! The lines in which those who ask for permits wait: one for each sender and campaign, first come, first served.
//!
//! The limiter is fair between campaigns; within one, an asker that is put off must not lose its turn again and again
//! to others that wake at the same instant.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use campaign::ids::CampaignId;

/// One campaign's line on one sender. Whoever holds the lock asks.
pub(crate) type Line = Arc<tokio::sync::Mutex<()>>;

/// So many lines are kept before those in which nobody waits are forgotten.
const KEPT: usize = 1_024;

/// All lines of a process.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    lines: Mutex<BTreeMap<(String, CampaignId), Line>>,
}

impl Lines {
    /// The line of one campaign on one sender.
    pub(crate) fn of(&self, sender: &str, campaign: CampaignId) -> Line {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() >= KEPT {
            lines.retain(|_, line| Arc::strong_count(line) > 1);
        }
        lines.entry((sender.to_owned(), campaign)).or_default().clone()
    }
}
