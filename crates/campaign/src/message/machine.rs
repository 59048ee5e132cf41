//! The transitions.

use super::{Again, Current, Event, Fate, Forbidden, Next, Of, State, Status};

/// The one function that moves a message.
///
/// # Errors
/// [`Forbidden`] when the event cannot happen in that state, for example a claim of a message in doubt.
pub const fn next(from: Current, event: Event) -> Result<Next, Forbidden> {
    use State::*;
    let forbidden = Err(Forbidden { from, event });
    // A message that was never claimed has no answers and no statuses: what says so is not about it.
    if matches!(from.state, Queued)
        && !matches!(event, Event::Claim | Event::DeadlinePassed | Event::Skip | Event::Defer)
    {
        return forbidden;
    }
    match event {
        Event::Claim => match (from.state, from.resent) {
            // No state that waits to be sent knows of an attempt that was taken.
            (Queued | Retrying, Fate::Taken) => forbidden,
            (Queued | Retrying, Fate::Open) => Ok(Next::To(Current::known(Sending).knowing(Fate::Open))),
            (Queued | Retrying, Fate::Over | Fate::Stands) => Ok(Next::To(Current::known(Sending))),
            (
                Sending | InDoubt | Accepted | Held | Sent | Delivered | Read | Failed | Expired | Skipped,
                _,
            ) => forbidden,
        },
        // The response of a send may be recorded after its own status webhooks, or after the worker was
        // taken for dead: it then only adds what is not known yet.
        Event::Accepted(of) => Ok(taken(from, of, Accepted)),
        Event::Held(of) => Ok(taken(from, of, Held)),
        Event::Refused(again) => match from.state {
            Sending | InDoubt => Ok(Next::To(without_newest(from, again))),
            // An answer is nearer the truth than a person's word that the attempt was taken.
            Accepted if from.is_taken_on_trust() => Ok(Next::To(without_newest(from, again))),
            // A status that came first knows better than the response.
            Queued | Accepted | Held | Sent | Delivered | Read | Failed | Expired | Retrying | Skipped => {
                Ok(Next::Stay)
            }
        },
        Event::Unknown => match from.state {
            Sending => Ok(Next::To(from.told(InDoubt))),
            Queued | InDoubt | Accepted | Held | Sent | Delivered | Read | Failed | Expired | Retrying
            | Skipped => Ok(Next::Stay),
        },
        Event::Status(of, Status::Sent) => Ok(taken(from, of, Sent)),
        Event::Status(of, Status::Delivered) => match from.state {
            Delivered | Read => Ok(Next::Stay),
            Queued | Retrying | Sending | InDoubt | Accepted | Held | Sent | Failed | Expired | Skipped => {
                Ok(Next::To(delivered(of, Delivered)))
            }
        },
        Event::Status(of, Status::Read) => match from.state {
            Read => Ok(Next::Stay),
            Queued | Retrying | Sending | InDoubt | Accepted | Held | Sent | Delivered | Failed | Expired
            | Skipped => Ok(Next::To(delivered(of, Read))),
        },
        Event::Status(of, Status::Failed { again }) => Ok(failed(from, of, again)),
        Event::Resend => match (from.state, from.resent) {
            (InDoubt, Fate::Over | Fate::Stands) => {
                Ok(Next::To(Current { state: Retrying, assumed: true, resent: Fate::Open }))
            }
            // Once: two attempts may be with the platform already.
            (InDoubt, Fate::Open | Fate::Taken) => forbidden,
            (
                Queued | Retrying | Sending | Accepted | Held | Sent | Delivered | Read | Failed | Expired
                | Skipped,
                _,
            ) => forbidden,
        },
        Event::GiveUp => match (from.state, from.resent) {
            (InDoubt, Fate::Taken) => {
                Ok(Next::To(Current { state: Accepted, assumed: true, resent: Fate::Stands }))
            }
            (InDoubt, Fate::Over | Fate::Open | Fate::Stands) => {
                Ok(Next::To(Current { state: Failed, assumed: true, ..from }))
            }
            (
                Queued | Retrying | Sending | Accepted | Held | Sent | Delivered | Read | Failed | Expired
                | Skipped,
                _,
            ) => forbidden,
        },
        Event::TakeOnTrust => match from.state {
            InDoubt => {
                Ok(Next::To(Current { state: Accepted, assumed: true, resent: on_trust(from.resent) }))
            }
            Queued | Retrying | Sending | Accepted | Held | Sent | Delivered | Read | Failed | Expired
            | Skipped => forbidden,
        },
        Event::DeadlinePassed => match from.state {
            Queued | Retrying => Ok(Next::To(Current { state: Expired, ..from })),
            Sending | InDoubt | Accepted | Held | Sent | Delivered | Read | Failed | Expired | Skipped => {
                forbidden
            }
        },
        Event::TtlPassed => match from.state {
            // The resent attempt left before the newest one: its time has passed, too.
            Accepted | Held | Sent => {
                let resent = if from.counts(Of::ResentAttempt) { Fate::Stands } else { Fate::Over };
                Ok(Next::To(Current { state: Expired, assumed: true, resent }))
            }
            Queued | Retrying | Sending | InDoubt | Delivered | Read | Failed | Expired | Skipped => {
                forbidden
            }
        },
        Event::Skip => match from.state {
            Queued | Retrying => Ok(Next::To(Current { state: Skipped, ..from })),
            Sending | InDoubt | Accepted | Held | Sent | Delivered | Read | Failed | Expired | Skipped => {
                forbidden
            }
        },
        Event::Defer => match from.state {
            Queued | Retrying => Ok(Next::To(Current { state: Retrying, ..from })),
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

/// What is known of the resent attempt where the newest one is taken on trust: it no longer stands for the message.
const fn on_trust(resent: Fate) -> Fate {
    match resent {
        Fate::Stands => Fate::Over,
        Fate::Over | Fate::Open | Fate::Taken => resent,
    }
}

/// An attempt was delivered: nothing that is known of others matters any more.
const fn delivered(of: Of, state: State) -> Current {
    match of {
        Of::ResentAttempt => Current::known(state).knowing(Fate::Stands),
        Of::LatestAttempt | Of::RefusedAttempt | Of::EarlierAttempt => Current::known(state),
    }
}

/// Nothing comes of the newest attempt, which may have been on its way.
const fn without_newest(from: Current, again: Again) -> Current {
    match from.resent {
        Fate::Taken => Current::known(State::Accepted).knowing(Fate::Stands),
        Fate::Over | Fate::Open | Fate::Stands => from.told(after_failure(again)),
    }
}

/// The platform took an attempt: it is accepted, held or, as a status says, sent.
const fn taken(from: Current, of: Of, to: State) -> Next {
    use State::*;
    match (of, from.resent) {
        (Of::RefusedAttempt, _) => match from.state {
            // It is on its way for all that the answer said: it must not leave a second time.
            Failed | Retrying | Expired | Skipped if matches!(to, Sent) && !from.assumed => {
                // Where an earlier attempt stood for the message until it failed, the newest one counts again.
                let resent = if matches!(from.resent, Fate::Stands) { Fate::Over } else { from.resent };
                Next::To(Current { state: to, assumed: false, resent })
            }
            Queued | Retrying | Sending | InDoubt | Accepted | Held | Sent | Delivered | Read | Failed
            | Expired | Skipped => taken(from, Of::LatestAttempt, to),
        },
        (Of::LatestAttempt, Fate::Over | Fate::Open | Fate::Taken) | (Of::ResentAttempt, Fate::Stands) => {
            match from.state {
                Sending | InDoubt => Next::To(from.told(to)),
                Accepted if from.is_taken_on_trust() && matches!(to, Accepted) => {
                    Next::Learn(from.told(Accepted))
                }
                Accepted if from.is_taken_on_trust() => Next::To(from.told(to)),
                Accepted | Held if matches!(to, Sent) => Next::To(Current { state: to, ..from }),
                // Only what we assumed is corrected; what the platform said of a failure stands. And when a TTL
                // has run out, that it was once on its way is no news.
                Failed if from.assumed => Next::To(from.told(to)),
                Queued | Retrying | Accepted | Held | Sent | Delivered | Read | Failed | Expired
                | Skipped => Next::Stay,
            }
        }
        (Of::ResentAttempt, Fate::Open) => match from.state {
            Sending | InDoubt | Accepted | Held | Sent => Next::Learn(from.knowing(Fate::Taken)),
            // A newest attempt that was given up may still turn out to have been taken.
            Failed => Next::To(Current { state: to, assumed: from.assumed, resent: Fate::Stands }),
            Retrying | Expired | Skipped => Next::To(Current::known(to).knowing(Fate::Stands)),
            Queued | Delivered | Read => Next::Stay,
        },
        // The newest attempt, which was given up, was taken after all.
        (Of::LatestAttempt, Fate::Stands) if from.assumed && from.state.is_awaiting_status() => {
            Next::Learn(Current { state: from.state, assumed: false, resent: Fate::Taken })
        }
        (Of::LatestAttempt, Fate::Stands)
        | (Of::ResentAttempt, Fate::Over | Fate::Taken)
        | (Of::EarlierAttempt, _) => Next::Stay,
    }
}

/// A status says that an attempt failed.
const fn failed(from: Current, of: Of, again: Again) -> Next {
    use State::*;
    match (of, from.resent) {
        // The answer told it already.
        (Of::RefusedAttempt, _) => failed(from, Of::LatestAttempt, again),
        (Of::LatestAttempt, Fate::Over | Fate::Open) => match from.state {
            Sending | InDoubt | Accepted | Held | Sent => Next::To(from.told(after_failure(again))),
            Failed | Expired if from.assumed => Next::To(from.told(Failed)),
            Queued | Retrying | Delivered | Read | Failed | Expired | Skipped => Next::Stay,
        },
        (Of::LatestAttempt, Fate::Taken) => match from.state {
            Sending | InDoubt => Next::To(without_newest(from, again)),
            Accepted | Held | Sent => Next::Learn(from.told(from.state).knowing(Fate::Stands)),
            Queued | Retrying | Delivered | Read | Failed | Expired | Skipped => Next::Stay,
        },
        (Of::ResentAttempt, Fate::Stands) => match from.state {
            // The newest attempt was given up, and is not followed by another one.
            Accepted | Held | Sent if from.assumed => {
                Next::To(Current { state: Failed, assumed: true, resent: Fate::Over })
            }
            Accepted | Held | Sent => Next::To(from.told(after_failure(again))),
            Expired if from.assumed => Next::To(from.told(Failed)),
            Queued | Retrying | Sending | InDoubt | Delivered | Read | Failed | Expired | Skipped => {
                Next::Stay
            }
        },
        (Of::ResentAttempt, Fate::Open | Fate::Taken) => match from.state {
            // It was the newest attempt itself.
            Retrying if from.assumed => Next::To(Current::known(after_failure(again))),
            Expired if from.assumed => Next::To(Current::known(Failed)),
            Skipped => Next::Learn(Current::known(Skipped)),
            Retrying | Sending | InDoubt | Accepted | Held | Sent | Failed | Expired => {
                Next::Learn(from.knowing(Fate::Over))
            }
            Queued | Delivered | Read => Next::Stay,
        },
        // The newest attempt, which was given up, failed indeed.
        (Of::LatestAttempt, Fate::Stands) if from.assumed && from.state.is_awaiting_status() => {
            Next::Learn(from.told(from.state))
        }
        (Of::LatestAttempt, Fate::Stands) | (Of::ResentAttempt, Fate::Over) | (Of::EarlierAttempt, _) => {
            Next::Stay
        }
    }
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
            Event::Refused(Again::Later),
            Event::Refused(Again::No),
            Event::Unknown,
            Event::Resend,
            Event::GiveUp,
            Event::TakeOnTrust,
            Event::DeadlinePassed,
            Event::TtlPassed,
            Event::Skip,
            Event::Defer,
        ];
        for of in [Of::LatestAttempt, Of::RefusedAttempt, Of::ResentAttempt, Of::EarlierAttempt] {
            all.extend([Event::Accepted(of), Event::Held(of)]);
            all.extend(STATUSES.map(|s| Event::Status(of, s)));
        }
        all
    }

    fn currents() -> impl Iterator<Item = Current> {
        let knowledge = [false, true].into_iter().flat_map(|a| Fate::ALL.map(|resent| (a, resent)));
        let each =
            move |state| knowledge.clone().map(move |(assumed, resent)| Current { state, assumed, resent });
        State::ALL.into_iter().flat_map(each)
    }

    #[test]
    fn only_unsent_messages_are_claimed() {
        for from in currents() {
            let may = from.state.is_unsent() && from.resent != Fate::Taken;
            assert_eq!(next(from, Event::Claim).is_ok(), may, "{from:?}");
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
            for of in [Of::LatestAttempt, Of::RefusedAttempt, Of::ResentAttempt, Of::EarlierAttempt] {
                let Ok(Next::To(to)) = next(from, Event::Status(of, Status::Delivered)) else {
                    panic!("{from:?} {of:?}")
                };
                assert_eq!((to.state, to.assumed, to.open_attempts()), (State::Delivered, false, 0));
                assert_eq!(to.counts(Of::ResentAttempt), of == Of::ResentAttempt);
            }
        }
    }

    #[test]
    fn a_sent_that_comes_after_the_failure_does_not_hide_it() {
        let failed = Current::known(State::Failed);
        assert_eq!(next(failed, Event::Status(Of::LatestAttempt, Status::Sent)), Ok(Next::Stay));
        let given_up = Current { assumed: true, ..failed };
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
        assert_eq!(next(at, Event::Accepted(Of::LatestAttempt)), Ok(Next::Stay));
    }

    #[test]
    fn what_is_taken_on_trust_yields_to_what_is_told() {
        let doubt = Current::known(State::InDoubt);
        let Ok(Next::To(trusted)) = next(doubt, Event::TakeOnTrust) else { panic!("a doubt may be trusted") };
        assert_eq!((trusted.state, trusted.assumed, trusted.open_attempts()), (State::Accepted, true, 1));
        let known = |state| Current::known(state);
        let latest = Of::LatestAttempt;
        for (event, ends) in [
            (Event::Accepted(latest), Next::Learn(known(State::Accepted))),
            (Event::Held(latest), Next::To(known(State::Held))),
            (Event::Status(latest, Status::Sent), Next::To(known(State::Sent))),
            (Event::Status(latest, Status::Read), Next::To(known(State::Read))),
            (Event::Status(latest, Status::Failed { again: Again::No }), Next::To(known(State::Failed))),
            (Event::Refused(Again::Later), Next::To(known(State::Retrying))),
            (Event::Refused(Again::No), Next::To(known(State::Failed))),
            (Event::Unknown, Next::Stay),
        ] {
            assert_eq!(next(trusted, event), Ok(ends), "{event:?}");
        }
        // What was told stays, whatever its answer says afterwards.
        assert_eq!(next(known(State::Accepted), Event::Refused(Again::Later)), Ok(Next::Stay));
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
        for fate in Fate::ALL {
            assert_eq!(fate.name().parse(), Ok(fate));
        }
        assert!("lost".parse::<Fate>().is_err());
        assert!("sleeping".parse::<State>().is_err());
    }
}
