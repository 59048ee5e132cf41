//! Doubts: what a campaign's policy does about one, what an operator may decide, and what became of it, in words.
//!
//! The transitions themselves are [`crate::message`]'s.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::definition::InDoubt;
use crate::lifecycle;
use crate::message::{Event, State};

/// How a doubt is ended without a word of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// The platform took it: it counts as accepted, and its money stays reserved, until a status or its time to live.
    Accepted,
    /// It is sent once more. The recipient may get it twice.
    Resend,
    /// It is given up: it counts as failed, or as accepted where an earlier attempt is known to have been taken.
    Drop,
}

impl Decision {
    /// All decisions.
    pub const ALL: [Self; 3] = [Self::Accepted, Self::Resend, Self::Drop];

    /// Its name in databases, reports and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Resend => "resend",
            Self::Drop => "drop",
        }
    }

    /// What it is to the message.
    #[must_use]
    pub const fn event(self) -> Event {
        match self {
            Self::Accepted => Event::TakeOnTrust,
            Self::Resend => Event::Resend,
            Self::Drop => Event::GiveUp,
        }
    }
}

/// The text names no decision.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a decision on a doubt")]
pub struct UnknownDecision(pub String);

impl FromStr for Decision {
    type Err = UnknownDecision;

    fn from_str(text: &str) -> Result<Self, UnknownDecision> {
        Self::ALL.into_iter().find(|d| d.name() == text).ok_or_else(|| UnknownDecision(text.to_owned()))
    }
}

/// What the campaign's policy decides when a doubt's time is over; `None`: nothing, it is left to an operator.
/// `was_resent`: the message was sent once more before; `is_over`: nothing is sent for the campaign any more.
#[must_use]
pub const fn by_policy(policy: InDoubt, was_resent: bool, is_over: bool) -> Option<Decision> {
    match (policy, was_resent, is_over) {
        (InDoubt::Hold, ..) | (InDoubt::Resend, false, true) => None,
        (InDoubt::Resend, false, false) => Some(Decision::Resend),
        (InDoubt::Drop, ..) | (InDoubt::Resend, true, _) => Some(Decision::Drop),
    }
}

/// What decides whether an operator may end a doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Where the message is.
    pub message: State,
    /// Whether it was sent once more before.
    pub was_resent: bool,
    /// Where its campaign is.
    pub campaign: lifecycle::State,
    /// Whether the campaign's end has passed: nothing is sent after it.
    pub has_ended: bool,
}

/// Why an operator may not decide so, as the end of a sentence about the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Refusal {
    /// There is no message of that number.
    #[error("planning left that row out: there is no message")]
    NoMessage,
    /// Something is known of it.
    #[error("it is {0}, not in doubt")]
    NotInDoubt(State),
    /// Once is all: two attempts may be with the platform already.
    #[error("it was sent once more already, and is never sent a third time; resolve it as accepted or drop")]
    ResentBefore,
    /// Nothing is sent for the campaign any more.
    #[error("its campaign is {}, and sends nothing any more; resolve it as accepted or drop", .0.name())]
    CampaignOver(lifecycle::State),
    /// Nothing is sent after the campaign's end.
    #[error("its campaign's end has passed, and nothing is sent after it; resolve it as accepted or drop")]
    EndPassed,
}

/// Whether an operator may end the doubt so.
///
/// # Errors
/// Why not.
pub const fn may(decision: Decision, standing: Standing) -> Result<(), Refusal> {
    if !matches!(standing.message, State::InDoubt) {
        return Err(Refusal::NotInDoubt(standing.message));
    }
    match decision {
        Decision::Accepted | Decision::Drop => Ok(()),
        Decision::Resend if standing.was_resent => Err(Refusal::ResentBefore),
        Decision::Resend if standing.campaign.is_over() => Err(Refusal::CampaignOver(standing.campaign)),
        Decision::Resend if standing.has_ended => Err(Refusal::EndPassed),
        Decision::Resend => Ok(()),
    }
}

/// The most that was told of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// Nothing.
    #[default]
    Nothing,
    /// The platform took it.
    Taken,
    /// It failed, or was refused.
    Failed,
    /// It was delivered.
    Delivered,
}

impl Told {
    /// All, in the order in which one takes the place of another.
    pub const ALL: [Self; 4] = [Self::Nothing, Self::Taken, Self::Failed, Self::Delivered];

    /// Its place in [`Told::ALL`]: databases keep the highest.
    #[must_use]
    pub const fn rank(self) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Taken => 1,
            Self::Failed => 2,
            Self::Delivered => 3,
        }
    }

    /// What has this rank.
    #[must_use]
    pub fn of_rank(rank: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|told| told.rank() == rank)
    }

    /// Of two attempts, what reached the recipient or may still.
    #[must_use]
    pub fn better_of(self, other: Self) -> Self {
        let good = |told| match told {
            Self::Nothing => 0,
            Self::Failed => 1,
            Self::Taken => 2,
            Self::Delivered => 3,
        };
        if good(other) > good(self) { other } else { self }
    }

    const fn is_taken(self) -> bool {
        matches!(self, Self::Taken | Self::Delivered)
    }
}

/// A decision on a doubt, and what was heard since.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Ending {
    /// What was decided.
    pub decision: Decision,
    /// The operator who decided; `None`: the campaign's policy.
    pub by: Option<String>,
    /// What was told of the attempt that was in doubt.
    pub told: Told,
    /// Whether another attempt was made after it.
    pub sent_again: bool,
    /// The best that was told of the attempts after it.
    pub told_of_newer: Told,
}

impl Ending {
    /// What became of it, as a sentence without its full stop.
    #[must_use]
    pub fn story(&self) -> String {
        let who = match &self.by {
            Some(name) => format!("the operator {name}"),
            None => "the policy".to_owned(),
        };
        match (self.decision, self.told) {
            (Decision::Accepted, Told::Nothing) => {
                format!("{who} took it for accepted; nothing was heard of it since")
            }
            (Decision::Accepted, Told::Taken) => format!("{who} took it for accepted, and it was"),
            (Decision::Accepted, Told::Failed) => {
                format!("{who} took it for accepted, but the platform says that it failed")
            }
            (Decision::Accepted, Told::Delivered) => {
                format!("{who} took it for accepted, and it was delivered")
            }
            (Decision::Drop, Told::Nothing) => format!("{who} gave it up; nothing was heard of it since"),
            (Decision::Drop, Told::Taken) => format!("it was accepted although {who} gave it up"),
            (Decision::Drop, Told::Failed) => format!("{who} gave it up, and it had failed"),
            (Decision::Drop, Told::Delivered) => format!("it was delivered although {who} gave it up"),
            (Decision::Resend, first) if !self.sent_again => not_sent_again(&who, first),
            (Decision::Resend, first) => sent_again(&who, first, self.told_of_newer),
        }
    }
}

fn not_sent_again(who: &str, first: Told) -> String {
    match first {
        Told::Nothing => format!("{who} decided to send it once more; that has not left"),
        Told::Failed => {
            format!("{who} decided to send it once more; then word came that the first had failed")
        }
        Told::Taken => {
            format!(
                "sent once: {who} decided to send it again, but word came in time that the first was accepted"
            )
        }
        Told::Delivered => {
            format!(
                "sent once: {who} decided to send it again, but word came in time that the first had arrived"
            )
        }
    }
}

fn sent_again(who: &str, first: Told, second: Told) -> String {
    if first.is_taken() && second.is_taken() {
        let end = match (first, second) {
            (Told::Delivered, Told::Delivered) => "both arrived",
            (Told::Delivered, _) => "the platform took both, and the first arrived",
            (_, Told::Delivered) => "the platform took both, and the second arrived",
            _ => "the platform took both",
        };
        return format!("sent twice because {who} resent it: {end}");
    }
    let heard = |told: Told| match told {
        Told::Nothing => "was never heard of",
        Told::Taken => "was accepted",
        Told::Failed => "failed",
        Told::Delivered => "arrived",
    };
    format!("{who} resent it: the first {}, the second {}", heard(first), heard(second))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_come_back() {
        for decision in Decision::ALL {
            assert_eq!(decision.name().parse(), Ok(decision));
        }
        for told in Told::ALL {
            assert_eq!(Told::of_rank(told.rank()), Some(told));
        }
        assert!("delete".parse::<Decision>().is_err() && Told::of_rank(4).is_none());
    }

    #[test]
    fn the_policy_resends_once_and_not_for_what_is_over() {
        assert_eq!(by_policy(InDoubt::Hold, false, false), None);
        assert_eq!(by_policy(InDoubt::Drop, false, true), Some(Decision::Drop));
        assert_eq!(by_policy(InDoubt::Resend, false, false), Some(Decision::Resend));
        assert_eq!(by_policy(InDoubt::Resend, true, false), Some(Decision::Drop));
        assert_eq!(by_policy(InDoubt::Resend, false, true), None);
    }

    #[test]
    fn an_operator_may_not_send_a_third_time_nor_for_what_is_over() {
        let running = lifecycle::State::Running;
        let doubt =
            Standing { message: State::InDoubt, was_resent: false, campaign: running, has_ended: false };
        for decision in Decision::ALL {
            assert_eq!(may(decision, doubt), Ok(()));
            let known = Standing { message: State::Delivered, ..doubt };
            assert_eq!(may(decision, known), Err(Refusal::NotInDoubt(State::Delivered)));
        }
        for (standing, refusal) in [
            (Standing { was_resent: true, ..doubt }, Refusal::ResentBefore),
            (
                Standing { campaign: lifecycle::State::Done, ..doubt },
                Refusal::CampaignOver(lifecycle::State::Done),
            ),
            (Standing { has_ended: true, ..doubt }, Refusal::EndPassed),
        ] {
            assert_eq!(may(Decision::Resend, standing), Err(refusal));
            assert_eq!(may(Decision::Accepted, standing), Ok(()));
            assert_eq!(may(Decision::Drop, standing), Ok(()));
        }
    }

    #[test]
    fn what_became_of_it_is_told() {
        let mut stories = Vec::new();
        for decision in Decision::ALL {
            for told in Told::ALL {
                let newer: &[Option<Told>] = match decision {
                    Decision::Resend => &[
                        None,
                        Some(Told::Nothing),
                        Some(Told::Taken),
                        Some(Told::Failed),
                        Some(Told::Delivered),
                    ],
                    Decision::Accepted | Decision::Drop => &[None],
                };
                for newer in newer {
                    let ending = Ending {
                        decision,
                        by: (told != Told::Nothing).then(|| "ravi".to_owned()),
                        told,
                        sent_again: newer.is_some(),
                        told_of_newer: newer.unwrap_or_default(),
                    };
                    stories.push(ending.story());
                }
            }
        }
        insta::assert_snapshot!(stories.join("\n"));
    }
}
