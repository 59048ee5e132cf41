//! A campaign's failed messages, and what became of their recipients in all runs: what a follow-up is made of.

use campaign::follow_up::Run;
use campaign::ids::Seq;
use campaign::money::Micros;
use campaign::params::Content;
use rust_decimal::Decimal;

/// A message that failed, with what it was made of.
#[derive(Debug, Clone, PartialEq)]
pub struct FailedMessage {
    /// Its place in the campaign.
    pub seq: Seq,
    /// Its group.
    pub group: u32,
    /// Where it went.
    pub recipient: String,
    /// ISO 3166 code of the recipient's country.
    pub country: String,
    /// What was filled into the template, frozen.
    pub content: Content,
    /// The bid multiplier.
    pub multiplier: Option<Decimal>,
    /// What an attempt costs at the most.
    pub worst_case: Micros,
    /// What it is expected to cost when delivered with no price told.
    pub expected_cost: Micros,
    /// What became of it.
    pub original: Run,
    /// What became of its recipient in the follow-ups so far, the oldest first.
    pub follow_ups: Vec<Run>,
}
