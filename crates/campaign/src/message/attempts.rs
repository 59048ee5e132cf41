//! What is known of a message's attempts: of the newest, and of one whose doubt was ended by sending once more.

use std::str::FromStr;

use super::State;

/// What is known of the attempt whose doubt was ended by sending once more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// There is no such attempt, or nothing comes of it any more.
    Over,
    /// Nobody told whether the platform took it.
    Open,
    /// The platform took it; the newest attempt counts as well.
    Taken,
    /// The platform took it, and nothing comes of the newest attempt: it stands for the message, until another
    /// attempt is made.
    Stands,
}

impl Fate {
    /// All fates.
    pub const ALL: [Self; 4] = [Self::Over, Self::Open, Self::Taken, Self::Stands];

    /// Its name in databases.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Over => "over",
            Self::Open => "open",
            Self::Taken => "taken",
            Self::Stands => "stands",
        }
    }
}

/// The text names no fate.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not the fate of an attempt")]
pub struct UnknownFate(pub String);

impl FromStr for Fate {
    type Err = UnknownFate;

    fn from_str(text: &str) -> Result<Self, UnknownFate> {
        Self::ALL.into_iter().find(|f| f.name() == text).ok_or_else(|| UnknownFate(text.to_owned()))
    }
}

/// A state, and what is known beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Current {
    /// Where the message is.
    pub state: State,
    /// The newest attempt's fate was assumed (a doubt that was given up, re-sent or taken on trust, a TTL that ran out):
    /// whatever the platform says of it later is nearer the truth.
    pub assumed: bool,
    /// What is known of the attempt whose doubt was ended by sending once more.
    pub resent: Fate,
}

impl Current {
    /// A state the platform or we ourselves know to be true, with no other attempt under way.
    #[must_use]
    pub const fn known(state: State) -> Self {
        Self { state, assumed: false, resent: Fate::Over }
    }

    /// How many attempts may still cost money: the worst case of each stays reserved. What has ended holds nothing,
    /// whatever may still be heard of it.
    #[must_use]
    pub const fn open_attempts(self) -> u8 {
        let of_resent = matches!(self.resent, Fate::Open | Fate::Taken) as u8;
        match self.state {
            State::Sending | State::InDoubt | State::Accepted | State::Held | State::Sent => 1 + of_resent,
            // The resent attempt is the newest one until the next is claimed.
            State::Retrying => (self.assumed || of_resent == 1) as u8,
            State::Queued
            | State::Delivered
            | State::Read
            | State::Failed
            | State::Expired
            | State::Skipped => 0,
        }
    }

    /// Whether this attempt is the one by which the message is where it is.
    #[must_use]
    pub const fn counts(self, of: Of) -> bool {
        match of {
            Of::LatestAttempt | Of::RefusedAttempt => !matches!(self.resent, Fate::Stands),
            Of::ResentAttempt => matches!(self.resent, Fate::Stands),
            Of::EarlierAttempt => false,
        }
    }

    /// Whether the message is shown with the platform's id of its resent attempt: it stands for the message, or is the
    /// only one of which an id can be known.
    #[must_use]
    pub const fn shows_resent(self) -> bool {
        match self.resent {
            Fate::Stands => true,
            Fate::Taken => matches!(self.state, State::Sending | State::InDoubt),
            Fate::Over | Fate::Open => false,
        }
    }

    /// Whether nobody but an operator says that the newest attempt was taken.
    pub(super) const fn is_taken_on_trust(self) -> bool {
        self.assumed && matches!(self.state, State::Accepted) && !matches!(self.resent, Fate::Stands)
    }

    /// Another state by what was told, with the same knowledge of the resent attempt.
    pub(super) const fn told(self, state: State) -> Self {
        Self { state, assumed: false, resent: self.resent }
    }

    /// The same state, with other knowledge of the resent attempt.
    pub(super) const fn knowing(self, resent: Fate) -> Self {
        Self { resent, ..self }
    }
}

/// Which attempt an answer or a webhook speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Of {
    /// The message's newest attempt (or the webhook does not say which).
    LatestAttempt,
    /// The message's newest attempt, of which nothing is known but an answer that refused it, or that its request never
    /// left. A status of it says that this was not so.
    RefusedAttempt,
    /// The attempt whose doubt was ended by sending once more, as long as something may come of it. Until the next
    /// attempt is claimed it is the newest one, too, and is called this.
    ResentAttempt,
    /// Any other attempt before the newest: nothing comes of it any more.
    EarlierAttempt,
}
