//! The state machine of one campaign.
//!
//! ```text
//! loading ─▶ waiting ⇄ running ─▶ settling ─▶ done
//!              │  ▲      │  ▲        │
//!              ▼  │      ▼  │        └─▶ running (a failure that may be tried again came late)
//!             paused    stopped (a safety rule) ── resume ─▶ waiting
//!   waiting, running, paused, stopped ── cancel ─▶ cancelled
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a campaign is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Its audience is being written. A launch that dies here leaves a campaign that never runs and can be
    /// launched again.
    Loading,
    /// Waits for its start time, its template's gate, or a brake.
    Waiting,
    /// Sends.
    Running,
    /// Held by an operator, or because many messages in a row were refused.
    Paused,
    /// All is sent; statuses are still due.
    Settling,
    /// Over.
    Done,
    /// A safety rule fired; the reason says which.
    Stopped,
    /// Called off by an operator: what was not sent is skipped.
    Cancelled,
}

impl State {
    /// All states.
    pub const ALL: [Self; 8] = [
        Self::Loading,
        Self::Waiting,
        Self::Running,
        Self::Paused,
        Self::Settling,
        Self::Done,
        Self::Stopped,
        Self::Cancelled,
    ];

    /// Its name in databases, reports and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Waiting => "waiting",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Settling => "settling",
            Self::Done => "done",
            Self::Stopped => "stopped",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether nothing more will be sent, unless an operator asks for it.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Done | Self::Cancelled)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no campaign state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a campaign state")]
pub struct UnknownState(pub String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|s| s.name() == text).ok_or_else(|| UnknownState(text.to_owned()))
    }
}

/// What happens to a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// Its audience is complete.
    Loaded,
    /// Its start time has come and a template's gate is open.
    Begin,
    /// It has nothing it may send before some time: a gate closed, or a brake was set.
    Wait,
    /// An operator holds it, or many messages in a row were refused.
    Pause,
    /// An operator lets it go on.
    Resume,
    /// Nothing is left to send.
    Settle,
    /// Nothing is left to come.
    Finish,
    /// A safety rule fired.
    Stop,
    /// An operator calls it off.
    Cancel,
}

impl Event {
    /// What an operator calls it: completes "cannot be …".
    #[must_use]
    pub const fn participle(self) -> &'static str {
        match self {
            Self::Loaded => "loaded",
            Self::Begin => "begun",
            Self::Wait => "made to wait",
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Settle => "settled",
            Self::Finish => "finished",
            Self::Stop => "stopped",
            Self::Cancel => "cancelled",
        }
    }
}

/// The event cannot happen to a campaign in that state. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a campaign that is {from} cannot be {}", event.participle())]
pub struct Forbidden {
    /// Where the campaign was.
    pub from: State,
    /// What was to happen.
    pub event: Event,
}

/// The one function that moves a campaign. Asking for what already holds is no error: it stays.
///
/// # Errors
/// [`Forbidden`] when the event cannot happen in that state.
pub const fn next(from: State, event: Event) -> Result<State, Forbidden> {
    use State::*;
    match (from, event) {
        (Loading, Event::Loaded) => Ok(Waiting),
        (Waiting | Settling | Running, Event::Begin) => Ok(Running),
        (Running | Waiting, Event::Wait) => Ok(Waiting),
        (Waiting | Running | Paused, Event::Pause) => Ok(Paused),
        (Paused | Stopped, Event::Resume) => Ok(Waiting),
        (Waiting | Running | Settling, Event::Resume) => Ok(from),
        (Waiting | Running | Settling, Event::Settle) => Ok(Settling),
        (Settling | Done, Event::Finish) => Ok(Done),
        (Waiting | Running | Stopped, Event::Stop) => Ok(Stopped),
        (Waiting | Running | Paused | Stopped | Cancelled, Event::Cancel) => Ok(Cancelled),
        (
            Loading | Waiting | Running | Paused | Settling | Done | Stopped | Cancelled,
            Event::Loaded
            | Event::Begin
            | Event::Wait
            | Event::Pause
            | Event::Resume
            | Event::Settle
            | Event::Finish
            | Event::Stop
            | Event::Cancel,
        ) => Err(Forbidden { from, event }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ended_campaign_stays_ended() {
        for event in [Event::Begin, Event::Wait, Event::Pause, Event::Resume, Event::Settle, Event::Stop] {
            for from in [State::Done, State::Cancelled] {
                assert_eq!(next(from, event), Err(Forbidden { from, event }));
            }
        }
    }

    #[test]
    fn the_sentence_says_what_cannot_be_done() {
        let refused = next(State::Done, Event::Pause).unwrap_err();
        assert_eq!(refused.to_string(), "a campaign that is done cannot be paused");
    }

    #[test]
    fn a_half_loaded_campaign_never_runs() {
        for event in [Event::Begin, Event::Resume, Event::Settle, Event::Pause] {
            assert!(next(State::Loading, event).is_err());
        }
    }

    #[test]
    fn pausing_and_resuming_twice_is_once() {
        assert_eq!(next(State::Paused, Event::Pause), Ok(State::Paused));
        assert_eq!(next(State::Running, Event::Resume), Ok(State::Running));
    }
}
