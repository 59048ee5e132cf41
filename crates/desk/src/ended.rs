//! How doubts were ended by the policy or an operator, and what became of it.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use campaign::doubt::Ending;
use campaign::ids::CampaignId;
use serde::Serialize;
use store::doubt::EndedDoubt;
use store::{Store, StoreError};

/// Doubts that are read together.
const PAGE: u32 = 1_000;

/// Doubts that were ended alike, and became the same.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndedAlike {
    /// How many.
    pub doubts: u64,
    /// What became of them, as a sentence.
    pub story: String,
    /// The decision, and what became of it.
    #[serde(flatten)]
    pub ending: Ending,
}

/// All doubts of a campaign that were ended, in the order of the audience.
///
/// # Errors
/// The store's.
pub async fn all(store: &dyn Store, campaign: CampaignId) -> Result<Vec<EndedDoubt>, StoreError> {
    let mut all: Vec<EndedDoubt> = Vec::new();
    loop {
        let after = all.last().map(|one| (one.seq, one.attempt));
        let page = store.ended_doubts(campaign, after, PAGE).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}

/// Ended doubts, added up. Its memory grows with the ways they ended, not with their number.
#[derive(Debug, Clone, Default)]
pub struct Sums(BTreeMap<Ending, u64>);

impl Sums {
    /// Adds the ended doubts of a campaign.
    ///
    /// # Errors
    /// The store's.
    pub async fn add(&mut self, store: &dyn Store, campaign: CampaignId) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = store.ended_doubts(campaign, after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = Some((last.seq, last.attempt));
            page.into_iter().for_each(|one| self.count(one.ending));
        }
    }

    fn count(&mut self, ending: Ending) {
        *self.0.entry(ending).or_default() += 1;
    }

    /// As they are told, the most frequent first.
    #[must_use]
    pub fn told(self) -> Vec<EndedAlike> {
        let alike = self.0.into_iter();
        let mut alike: Vec<EndedAlike> =
            alike.map(|(ending, doubts)| EndedAlike { doubts, story: ending.story(), ending }).collect();
        alike.sort_by_key(|one| Reverse(one.doubts));
        alike
    }
}

#[cfg(any(test, feature = "sample"))]
pub mod sample {
    //! Ended doubts written by hand.

    #![expect(missing_docs, reason = "for tests")]

    use campaign::doubt::{Decision, Told};
    use campaign::ids::Seq;
    use campaign::message::State;

    use super::*;
    use crate::sample::at;

    pub fn ended(seq: u32, decision: Decision, by: Option<&str>, told: Told) -> EndedDoubt {
        EndedDoubt {
            seq: Seq(seq),
            recipient: format!("9198200000{seq:02}"),
            attempt: 1,
            since: Some(at("2026-11-08T03:30:00Z")),
            why: "no answer came within 30 s".to_owned(),
            decided_at: at("2026-11-08T04:00:00Z"),
            state: State::Delivered,
            ending: Ending {
                decision,
                by: by.map(str::to_owned),
                told,
                sent_again: decision == Decision::Resend,
                told_of_newer: if decision == Decision::Resend { told } else { Told::Nothing },
            },
        }
    }

    pub fn added_up() -> Vec<EndedAlike> {
        let mut sums = Sums::default();
        all().into_iter().for_each(|one| sums.count(one.ending));
        sums.told()
    }

    pub fn all() -> Vec<EndedDoubt> {
        vec![
            ended(5, Decision::Drop, Some("ravi"), Told::Delivered),
            ended(7, Decision::Resend, None, Told::Delivered),
            ended(9, Decision::Resend, None, Told::Delivered),
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_frequent_come_first() {
        let alike: Vec<_> = sample::added_up().into_iter().map(|one| (one.doubts, one.story)).collect();
        assert_eq!(
            alike,
            [
                (2, "sent twice because the policy resent it: both arrived".to_owned()),
                (1, "it was delivered although the operator ravi gave it up".to_owned()),
            ]
        );
    }
}
