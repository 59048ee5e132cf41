//! Which fault of the wire or of the platform's front a send meets: drawn from the profile, or scripted.

use std::time::Duration;

use crate::draws::{Draws, What};
use crate::fate::Forced;
use crate::profile::Profile;
use crate::script::Outcome;

/// A fault of the wire or of the platform's front.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    ErrorBefore(u16),
    ErrorAfter(u16),
    Lost(Duration),
    ResetBefore,
    ResetAfter,
    Slow(Duration),
    Throttled,
}

/// The faults of the profile exclude each other: one draw falls into one of their shares, or into none.
pub(crate) fn drawn_fault(profile: &Profile, attempt: &Draws) -> Fault {
    let http = match attempt.unit(What::FaultStatus) {
        draw if draw < 0.4 => 500,
        draw if draw < 0.7 => 502,
        _ => 503,
    };
    let shares = [
        (profile.error_before, Fault::ErrorBefore(http)),
        (profile.error_after, Fault::ErrorAfter(http)),
        (profile.lost, Fault::Lost(Duration::from_millis(profile.lost_hold_ms))),
        (profile.reset_before, Fault::ResetBefore),
        (profile.reset_after, Fault::ResetAfter),
        (profile.slow_body, Fault::Slow(Duration::from_millis(profile.slow_body_ms))),
        (profile.throttled, Fault::Throttled),
    ];
    let mut draw = attempt.unit(What::Fault);
    for (share, fault) in shares {
        if draw < share {
            return fault;
        }
        draw -= share;
    }
    Fault::None
}

/// The fault that a script orders.
pub(crate) fn scripted_fault(outcome: &Outcome) -> Fault {
    match outcome {
        Outcome::ErrorBefore { http } => Fault::ErrorBefore(*http),
        Outcome::ErrorAfter { http } => Fault::ErrorAfter(*http),
        Outcome::Lost { hold_ms } => Fault::Lost(Duration::from_millis(*hold_ms)),
        Outcome::ResetBefore => Fault::ResetBefore,
        Outcome::ResetAfter => Fault::ResetAfter,
        Outcome::SlowBody { over_ms } => Fault::Slow(Duration::from_millis(*over_ms)),
        Outcome::Error { .. }
        | Outcome::SlowAnswer { .. }
        | Outcome::Early
        | Outcome::FailLater { .. }
        | Outcome::Held { .. }
        | Outcome::Offline { .. }
        | Outcome::Deliver => Fault::None,
    }
}

/// What a script orders for a message after its acceptance.
pub(crate) fn forced(outcome: &Outcome) -> Forced {
    match outcome {
        Outcome::FailLater { code } => Forced::Fail(*code),
        Outcome::Held { seconds, dropped } => Forced::Held { seconds: *seconds, dropped: *dropped },
        Outcome::Offline { seconds } => Forced::Offline { seconds: *seconds },
        Outcome::Deliver => Forced::Deliver,
        Outcome::Error { .. }
        | Outcome::ErrorBefore { .. }
        | Outcome::ErrorAfter { .. }
        | Outcome::Lost { .. }
        | Outcome::ResetBefore
        | Outcome::ResetAfter
        | Outcome::SlowBody { .. }
        | Outcome::SlowAnswer { .. }
        | Outcome::Early => Forced::Nothing,
    }
}
