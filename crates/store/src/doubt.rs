//! What is in doubt, and how doubts were ended.

use campaign::doubt::{Decision, Ending};
use campaign::ids::Seq;
use campaign::message::State;
use campaign::money::Micros;
use chrono::{DateTime, Utc};
use serde::Serialize;

use crate::model::Failure;

/// A message of which nobody knows whether the platform took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoubtRow {
    /// Its place in the campaign.
    pub seq: Seq,
    /// Its group.
    pub group: u32,
    /// Where it goes.
    pub recipient: String,
    /// The attempt that is in doubt.
    pub attempt: u32,
    /// Since when.
    pub since: DateTime<Utc>,
    /// What was seen of it.
    pub failure: Option<Failure>,
    /// Whether a doubt of it was ended before by sending once more.
    pub was_resent: bool,
    /// What its attempts may still cost at the most.
    pub reserved: Micros,
}

/// A doubt that the policy or an operator has ended, and what was heard since.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndedDoubt {
    /// Its place in the campaign.
    pub seq: Seq,
    /// Where it goes.
    pub recipient: String,
    /// The attempt that was in doubt.
    pub attempt: u32,
    /// Since when it had been.
    pub since: Option<DateTime<Utc>>,
    /// Why it had been.
    pub why: String,
    /// When it was ended.
    pub decided_at: DateTime<Utc>,
    /// Where the message is now.
    pub state: State,
    /// The decision, and what became of it.
    #[serde(flatten)]
    pub ending: Ending,
}

impl EndedDoubt {
    /// The decision.
    #[must_use]
    pub const fn decision(&self) -> Decision {
        self.ending.decision
    }
}
