//! When refusals in a row are no longer the recipients' fault: a wrong parameter or a code nobody knows, many
//! times without one acceptance between, would otherwise fail a whole audience.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use campaign::ids::CampaignId;

use crate::outcome::Effect;

/// So many suspicious refusals in a row pause a campaign.
const IN_A_ROW: u32 = 20;

/// Counts suspicious refusals in a row, by campaign.
#[derive(Debug, Default)]
pub struct Breaker {
    in_a_row: Mutex<BTreeMap<CampaignId, u32>>,
}

impl Breaker {
    /// Takes note of what some answers meant; `Some` when the campaign has to be paused.
    pub fn judge(&self, campaign: CampaignId, effects: &[Effect]) -> Option<Effect> {
        let mut counts = self.in_a_row.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(campaign).or_default();
        let mut last = None;
        for effect in effects {
            match effect {
                Effect::Accepted => *count = 0,
                Effect::Suspicious(why) => {
                    *count += 1;
                    last = Some(why);
                }
                Effect::CanaryLanded
                | Effect::CanaryRefused(_)
                | Effect::NotSynced
                | Effect::SlowDown(_)
                | Effect::Brake(_)
                | Effect::Pause(_) => {}
            }
        }
        let why = last.filter(|_| *count >= IN_A_ROW)?;
        let pause = Effect::Pause(format!("{count} messages in a row were refused. {why}"));
        counts.remove(&campaign);
        Some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_acceptance_starts_the_count_anew() {
        let breaker = Breaker::default();
        let odd = vec![Effect::Suspicious("odd".into()); 19];
        assert_eq!(breaker.judge(CampaignId(1), &odd), None);
        assert_eq!(breaker.judge(CampaignId(1), &[Effect::Accepted]), None);
        assert_eq!(breaker.judge(CampaignId(1), &odd), None);
        let pause = breaker.judge(CampaignId(1), &odd[..1]);
        assert_eq!(pause, Some(Effect::Pause("20 messages in a row were refused. odd".into())));
    }
}
