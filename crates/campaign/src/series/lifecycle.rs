//! The state machine of a series.
//!
//! ```text
//! active ⇄ paused      active, paused ── cancel ─▶ cancelled      active, paused ── no time is left ─▶ done
//! ```

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a series is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Makes a run at each of its times.
    Active,
    /// Held by an operator: times that come are skipped.
    Paused,
    /// None of its times is left.
    Done,
    /// Called off by an operator.
    Cancelled,
}

impl State {
    /// All states.
    pub const ALL: [Self; 4] = [Self::Active, Self::Paused, Self::Done, Self::Cancelled];

    /// Its name in databases, reports and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    /// Whether it makes no run any more.
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

/// The text names no state of a series.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a state of a recurring campaign")]
pub struct UnknownState(pub String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|s| s.name() == text).ok_or_else(|| UnknownState(text.to_owned()))
    }
}

/// What happens to a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// An operator holds it.
    Pause,
    /// An operator lets it go on.
    Resume,
    /// None of its times is left.
    Finish,
    /// An operator calls it off.
    Cancel,
}

impl Event {
    /// All events.
    pub const ALL: [Self; 4] = [Self::Pause, Self::Resume, Self::Finish, Self::Cancel];

    /// What an operator calls it: completes "cannot be …".
    #[must_use]
    pub const fn participle(self) -> &'static str {
        match self {
            Self::Pause => "paused",
            Self::Resume => "resumed",
            Self::Finish => "finished",
            Self::Cancel => "cancelled",
        }
    }
}

/// The event cannot happen to a series in that state. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a recurring campaign that is {from} cannot be {}", event.participle())]
pub struct Forbidden {
    /// Where the series was.
    pub from: State,
    /// What was to happen.
    pub event: Event,
}

/// The one function that moves a series. Asking for what already holds is no error: it stays.
///
/// # Errors
/// [`Forbidden`] when the event cannot happen in that state.
pub const fn next(from: State, event: Event) -> Result<State, Forbidden> {
    match (from, event) {
        (State::Active | State::Paused, Event::Pause) => Ok(State::Paused),
        (State::Active | State::Paused, Event::Resume) => Ok(State::Active),
        (State::Active | State::Paused | State::Done, Event::Finish) => Ok(State::Done),
        (State::Active | State::Paused | State::Cancelled, Event::Cancel) => Ok(State::Cancelled),
        (State::Done | State::Cancelled, _) => Err(Forbidden { from, event }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_ends_are_ends() {
        for state in State::ALL {
            assert_eq!(state.name().parse(), Ok(state));
            for event in Event::ALL {
                if let Ok(to) = next(state, event) {
                    assert_eq!(next(to, event), Ok(to), "{state} {event:?}");
                    assert!(!state.is_over() || to == state);
                }
            }
        }
        assert!("asleep".parse::<State>().is_err());
        let said = next(State::Cancelled, Event::Resume).unwrap_err().to_string();
        assert_eq!(said, "a recurring campaign that is cancelled cannot be resumed");
    }
}
