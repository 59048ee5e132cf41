//! The state machine of one message: every transition there is, as functions of the state and what happened.
//!
//! ```text
//!            claim             accepted            status            status          status
//!  queued ──────────▶ sending ──────────▶ accepted ────────▶ sent ──────────▶ delivered ──────▶ read
//!    ▲  │               │ │ │             held ──────────────▲
//!    │  │ refused, may  │ │ │ unknown
//!    │  │ try again     │ │ └──────────▶ in_doubt ──▶ (any status; or by policy: retrying, failed)
//!    │  ▼               ▼ ▼
//!    │ retrying       failed        queued, retrying ──▶ expired (deadline), skipped (cancelled, opted out, …)
//!    └── claim ───────────          accepted, held, sent ──▶ expired (TTL passed, nothing came)
//! ```
//!
//! Two facts shape it. The platform has no idempotency key, so a request whose fate is unknown is its own
//! state and is never repeated by this machine, only by a decision ([`Event::Resend`]). And statuses arrive
//! duplicated, reordered and sometimes before the response of the send, so they only ever move a message up
//! `accepted < sent < delivered < read`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Where a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Waits for its turn. A worker's claim moves it out; stuck only while its campaign does not run.
    Queued,
    /// Waits for `retry_at`, after a refusal that may pass. A worker's claim moves it out.
    Retrying,
    /// Claimed: the request may be on its way. The worker moves it out, or the sweep of lost workers.
    Sending,
    /// It is not known whether the platform took it. A status, a policy or an operator moves it out.
    InDoubt,
    /// The platform took it and gave it an id.
    Accepted,
    /// The platform took it and holds it back to assess the template's quality.
    Held,
    /// On its way to the recipient's device.
    Sent,
    /// On the recipient's device.
    Delivered,
    /// Seen by the recipient (implies delivered, whose own status may never come).
    Read,
    /// Not delivered, with a code and class that say why.
    Failed,
    /// Not delivered: its deadline passed before it was sent, or its TTL after it was accepted.
    Expired,
    /// Deliberately not sent, with the reason.
    Skipped,
}

impl State {
    /// All states, in the order in which reports show them.
    pub const ALL: [Self; 12] = [
        Self::Queued,
        Self::Retrying,
        Self::Sending,
        Self::InDoubt,
        Self::Accepted,
        Self::Held,
        Self::Sent,
        Self::Delivered,
        Self::Read,
        Self::Failed,
        Self::Expired,
        Self::Skipped,
    ];

    /// Its name in databases, reports and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Retrying => "retrying",
            Self::Sending => "sending",
            Self::InDoubt => "in_doubt",
            Self::Accepted => "accepted",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Read => "read",
            Self::Failed => "failed",
            Self::Expired => "expired",
            Self::Skipped => "skipped",
        }
    }

    /// Whether a worker may still have to send it.
    #[must_use]
    pub const fn is_unsent(self) -> bool {
        matches!(self, Self::Queued | Self::Retrying)
    }

    /// Whether the platform took it and its fate is still open.
    #[must_use]
    pub const fn is_awaiting_status(self) -> bool {
        matches!(self, Self::Accepted | Self::Held | Self::Sent)
    }

    /// Whether it reached the recipient's device.
    #[must_use]
    pub const fn is_delivered(self) -> bool {
        matches!(self, Self::Delivered | Self::Read)
    }

    /// Whether money may still be asked for it: its worst case stays reserved.
    #[must_use]
    pub const fn holds_reservation(self) -> bool {
        matches!(self, Self::Sending | Self::InDoubt | Self::Accepted | Self::Held | Self::Sent)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The text names no message state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a message state")]
pub struct UnknownState(pub String);

impl FromStr for State {
    type Err = UnknownState;

    fn from_str(text: &str) -> Result<Self, UnknownState> {
        Self::ALL.into_iter().find(|s| s.name() == text).ok_or_else(|| UnknownState(text.to_owned()))
    }
}

/// A state, and whether what led there was told by the platform or assumed by us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Current {
    /// Where the message is.
    pub state: State,
    /// The last attempt's fate was assumed (a doubt that was given up or re-sent, a TTL that ran out):
    /// whatever the platform says later is nearer the truth.
    pub assumed: bool,
}

impl Current {
    /// A state the platform or we ourselves know to be true.
    #[must_use]
    pub const fn known(state: State) -> Self {
        Self { state, assumed: false }
    }

    const fn assumed(state: State) -> Self {
        Self { state, assumed: true }
    }
}

/// What a status webhook says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// On its way.
    Sent,
    /// On the device.
    Delivered,
    /// Seen.
    Read,
    /// Not delivered; `again` when the code's class allows another attempt.
    Failed {
        /// Whether the message may be tried again.
        again: Again,
    },
}

/// Whether a refused or failed message is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Again {
    /// At its `retry_at`.
    Later,
    /// Never.
    No,
}

/// Which attempt a webhook speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Of {
    /// The message's newest attempt (or the webhook does not say which).
    LatestAttempt,
    /// An attempt before the newest.
    EarlierAttempt,
}

/// What happens to a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A worker takes it, to send it now.
    Claim,
    /// The platform took it.
    Accepted,
    /// The platform took it and holds it for quality assessment.
    Held,
    /// The platform refused it, or the request provably never left.
    Refused(Again),
    /// The request left, or may have, and no answer says what became of it.
    Unknown,
    /// A status webhook.
    Status(Of, Status),
    /// A doubt is decided: send once more.
    Resend,
    /// A doubt is decided: give it up.
    GiveUp,
    /// Its deadline passed before it was sent.
    DeadlinePassed,
    /// Its TTL and the margin passed with no delivery.
    TtlPassed,
    /// It is not to be sent: cancelled, opted out, over budget.
    Skip,
}

/// What an event leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// The message moves.
    To(Current),
    /// True, but nothing new: a duplicate, or older than what is known.
    Stay,
}

/// The event cannot happen to a message in that state. Stores refuse it and change nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message that is {} cannot take {event:?}", from.state)]
pub struct Forbidden {
    /// Where the message was.
    pub from: Current,
    /// What was to happen.
    pub event: Event,
}

/// The one function that moves a message.
///
/// # Errors
/// [`Forbidden`] when the event cannot happen in that state, for example a claim of a message in doubt.
pub const fn next(from: Current, event: Event) -> Result<Next, Forbidden> {
    use State::*;
    let forbidden = Err(Forbidden { from, event });
    match event {
        Event::Claim => match from.state {
            Queued | Retrying => Ok(Next::To(Current::known(Sending))),
            Sending | InDoubt | Accepted | Held | Sent | Delivered | Read | Failed | Expired | Skipped => {
                forbidden
            }
        },
        // The response of a send may be recorded after its own status webhooks, or after the worker was
        // taken for dead: it then only adds what is not known yet.
        Event::Accepted => match from.state {
            Sending | InDoubt => Ok(Next::To(Current::known(Accepted))),
            Accepted | Held | Sent | Delivered | Read => Ok(Next::Stay),
            Failed | Expired | Retrying | Skipped if from.assumed => Ok(Next::To(Current::known(Accepted))),
            // A failure told by webhook may have come first, and what followed from it too.
            Failed | Expired | Retrying | Skipped => Ok(Next::Stay),
            Queued => forbidden,
        },
        Event::Held => match from.state {
            Sending | InDoubt => Ok(Next::To(Current::known(Held))),
            Accepted | Held | Sent | Delivered | Read => Ok(Next::Stay),
            Failed | Expired | Retrying | Skipped if from.assumed => Ok(Next::To(Current::known(Held))),
            Failed | Expired | Retrying | Skipped => Ok(Next::Stay),
            Queued => forbidden,
        },
        Event::Refused(again) => match from.state {
            Sending | InDoubt => Ok(Next::To(Current::known(after_failure(again)))),
            // A status that came first knows better than the response.
            Accepted | Held | Sent | Delivered | Read | Failed | Expired | Retrying | Skipped => {
                Ok(Next::Stay)
            }
            Queued => forbidden,
        },
        Event::Unknown => match from.state {
            Sending => Ok(Next::To(Current::known(InDoubt))),
            InDoubt | Accepted | Held | Sent | Delivered | Read | Failed | Expired | Retrying | Skipped => {
                Ok(Next::Stay)
            }
            Queued => forbidden,
        },
        Event::Status(of, status) => on_status(from, of, status, event),
        Event::Resend => match from.state {
            InDoubt => Ok(Next::To(Current::assumed(Retrying))),
            Queued | Retrying | Sending | Accepted | Held | Sent | Delivered | Read | Failed | Expired
            | Skipped => forbidden,
        },
        Event::GiveUp => match from.state {
            InDoubt => Ok(Next::To(Current::assumed(Failed))),
            Queued | Retrying | Sending | Accepted | Held | Sent | Delivered | Read | Failed | Expired
            | Skipped => forbidden,
        },
        Event::DeadlinePassed => match from.state {
            Queued | Retrying => Ok(Next::To(Current { state: Expired, assumed: from.assumed })),
            Sending | InDoubt | Accepted | Held | Sent | Delivered | Read | Failed | Expired | Skipped => {
                forbidden
            }
        },
        Event::TtlPassed => match from.state {
            Accepted | Held | Sent => Ok(Next::To(Current::assumed(Expired))),
            Queued | Retrying | Sending | InDoubt | Delivered | Read | Failed | Expired | Skipped => {
                forbidden
            }
        },
        Event::Skip => match from.state {
            Queued | Retrying => Ok(Next::To(Current { state: Skipped, assumed: from.assumed })),
            Sending | InDoubt | Accepted | Held | Sent | Delivered | Read | Failed | Expired | Skipped => {
                forbidden
            }
        },
    }
}

const fn after_failure(again: Again) -> State {
    match again {
        Again::Later => State::Retrying,
        Again::No => State::Failed,
    }
}

const fn on_status(from: Current, of: Of, status: Status, event: Event) -> Result<Next, Forbidden> {
    use State::*;
    // A message that was never claimed has no statuses: the webhook is not about it.
    if matches!(from.state, Queued) {
        return Err(Forbidden { from, event });
    }
    let latest = matches!(of, Of::LatestAttempt);
    let next = match status {
        Status::Read => match from.state {
            Read => Next::Stay,
            Queued | Retrying | Sending | InDoubt | Accepted | Held | Sent | Delivered | Failed | Expired
            | Skipped => Next::To(Current::known(Read)),
        },
        Status::Delivered => match from.state {
            Delivered | Read => Next::Stay,
            Queued | Retrying | Sending | InDoubt | Accepted | Held | Sent | Failed | Expired | Skipped => {
                Next::To(Current::known(Delivered))
            }
        },
        Status::Sent => match from.state {
            Sending | InDoubt | Accepted | Held if latest => Next::To(Current::known(Sent)),
            // Only what we assumed is corrected; what the platform said of a failure stands.
            Retrying | Failed | Skipped if from.assumed => Next::To(Current::known(Sent)),
            // The TTL ran out: that it was once on its way is no news.
            Queued | Retrying | Sending | InDoubt | Accepted | Held | Sent | Delivered | Read | Failed
            | Expired | Skipped => Next::Stay,
        },
        Status::Failed { again } => match from.state {
            Sending | InDoubt | Accepted | Held | Sent if latest => {
                Next::To(Current::known(after_failure(again)))
            }
            Expired if from.assumed => Next::To(Current::known(Failed)),
            Failed if from.assumed => Next::To(Current::known(Failed)),
            Retrying if from.assumed => Next::To(Current::known(after_failure(again))),
            Queued | Retrying | Sending | InDoubt | Accepted | Held | Sent | Delivered | Read | Failed
            | Expired | Skipped => Next::Stay,
        },
    };
    Ok(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATUSES: [Status; 5] = [
        Status::Sent,
        Status::Delivered,
        Status::Read,
        Status::Failed { again: Again::No },
        Status::Failed { again: Again::Later },
    ];

    fn events() -> Vec<Event> {
        let mut all = vec![
            Event::Claim,
            Event::Accepted,
            Event::Held,
            Event::Refused(Again::Later),
            Event::Refused(Again::No),
            Event::Unknown,
            Event::Resend,
            Event::GiveUp,
            Event::DeadlinePassed,
            Event::TtlPassed,
            Event::Skip,
        ];
        for of in [Of::LatestAttempt, Of::EarlierAttempt] {
            all.extend(STATUSES.map(|s| Event::Status(of, s)));
        }
        all
    }

    fn currents() -> impl Iterator<Item = Current> {
        State::ALL
            .into_iter()
            .flat_map(|state| [Current { state, assumed: false }, Current { state, assumed: true }])
    }

    #[test]
    fn only_unsent_messages_are_claimed() {
        for from in currents() {
            assert_eq!(next(from, Event::Claim).is_ok(), from.state.is_unsent(), "{from:?}");
        }
    }

    #[test]
    fn nothing_but_a_refusal_a_failure_or_a_decision_makes_a_message_claimable_again() {
        for from in currents().filter(|c| !c.state.is_unsent()) {
            for event in events() {
                if let Ok(Next::To(to)) = next(from, event)
                    && to.state.is_unsent()
                {
                    assert!(
                        matches!(
                            event,
                            Event::Refused(Again::Later)
                                | Event::Resend
                                | Event::Status(_, Status::Failed { again: Again::Later })
                        ),
                        "{from:?} {event:?} {to:?}"
                    );
                    assert!(!from.state.is_delivered() && from.state != State::Skipped, "{from:?} {event:?}");
                }
            }
        }
    }

    #[test]
    fn delivered_and_read_are_never_undone() {
        for from in currents().filter(|c| c.state.is_delivered()) {
            for event in events() {
                if let Ok(Next::To(to)) = next(from, event) {
                    assert_eq!((from.state, to.state), (State::Delivered, State::Read), "{event:?}");
                }
            }
        }
    }

    #[test]
    fn a_late_delivery_is_believed_whatever_we_thought() {
        for from in currents().filter(|c| c.state != State::Queued && !c.state.is_delivered()) {
            for of in [Of::LatestAttempt, Of::EarlierAttempt] {
                let got = next(from, Event::Status(of, Status::Delivered));
                assert_eq!(got, Ok(Next::To(Current::known(State::Delivered))), "{from:?}");
            }
        }
    }

    #[test]
    fn statuses_in_any_order_end_the_same() {
        // Every permutation of (sent, delivered, read) with the response anywhere between ends as read.
        let steps = [
            Event::Accepted,
            Event::Status(Of::LatestAttempt, Status::Sent),
            Event::Status(Of::LatestAttempt, Status::Delivered),
            Event::Status(Of::LatestAttempt, Status::Read),
        ];
        for order in permutations(4) {
            let mut at = Current::known(State::Sending);
            for i in order {
                if let Next::To(to) = next(at, steps[i]).unwrap() {
                    at = to;
                }
            }
            assert_eq!(at, Current::known(State::Read));
        }
    }

    fn permutations(n: usize) -> Vec<Vec<usize>> {
        if n == 0 {
            return vec![vec![]];
        }
        let mut all = Vec::new();
        for rest in permutations(n - 1) {
            for place in 0..=rest.len() {
                let mut one = rest.clone();
                one.insert(place, n - 1);
                all.push(one);
            }
        }
        all
    }

    #[test]
    fn a_sent_that_comes_after_the_failure_does_not_hide_it() {
        let failed = Current::known(State::Failed);
        assert_eq!(next(failed, Event::Status(Of::LatestAttempt, Status::Sent)), Ok(Next::Stay));
        let given_up = Current { state: State::Failed, assumed: true };
        assert_eq!(
            next(given_up, Event::Status(Of::LatestAttempt, Status::Sent)),
            Ok(Next::To(Current::known(State::Sent)))
        );
    }

    #[test]
    fn an_answer_that_comes_after_its_own_failure_and_a_cancellation_is_no_news() {
        let mut at = Current::known(State::Sending);
        for event in [Event::Status(Of::LatestAttempt, Status::Failed { again: Again::Later }), Event::Skip] {
            if let Next::To(to) = next(at, event).unwrap() {
                at = to;
            }
        }
        assert_eq!(at.state, State::Skipped);
        assert_eq!(next(at, Event::Accepted), Ok(Next::Stay));
    }

    #[test]
    fn an_earlier_attempts_failure_does_not_touch_the_newer_attempt() {
        let sending = Current::known(State::Sending);
        let failed = Event::Status(Of::EarlierAttempt, Status::Failed { again: Again::No });
        assert_eq!(next(sending, failed), Ok(Next::Stay));
    }

    #[test]
    fn names_come_back() {
        for state in State::ALL {
            assert_eq!(state.name().parse(), Ok(state));
        }
        assert!("sleeping".parse::<State>().is_err());
    }
}
