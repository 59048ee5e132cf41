//! Every order of an attempt's answer and its statuses, each status up to twice, against the rule of which word counts.

use super::{Again, Current, Event, Next, Of, State, Status, next};

/// What the answer to the attempt was, or what is known without it.
const ANSWERS: [Option<Event>; 6] = [
    None,
    Some(Event::Accepted(Of::LatestAttempt)),
    Some(Event::Held(Of::LatestAttempt)),
    Some(Event::Refused(Again::No)),
    Some(Event::Refused(Again::Later)),
    Some(Event::Unknown),
];

/// What was told so far.
#[derive(Debug, Clone, Copy, Default)]
struct Told {
    answered: bool,
    sent: u8,
    delivered: u8,
    read: u8,
    failed: u8,
}

/// Where the message has to be: the rule, which knows nothing of the machine.
fn rule(told: Told, answer: Option<Event>, again: Again) -> State {
    let after_failure = |again| if again == Again::Later { State::Retrying } else { State::Failed };
    match told {
        Told { read: 1.., .. } => State::Read,
        Told { delivered: 1.., .. } => State::Delivered,
        Told { failed: 1.., .. } => after_failure(again),
        Told { sent: 1.., .. } => State::Sent,
        Told { answered: false, .. } => State::Sending,
        Told { answered: true, .. } => match answer {
            Some(Event::Accepted(_)) => State::Accepted,
            Some(Event::Held(_)) => State::Held,
            Some(Event::Refused(again)) => after_failure(again),
            _ => State::InDoubt,
        },
    }
}

/// Goes on with every step that can follow, and returns in how many orders the message has been.
fn walk(at: Current, told: Told, answer: Option<Event>, again: Again) -> u32 {
    assert_eq!(at.state, rule(told, answer, again), "{told:?} {answer:?} {again:?}");
    assert!(!at.assumed, "{told:?} {answer:?} {again:?}");
    // The store knows by its id whether a status was heard of the attempt.
    let is_unheard_of = told.sent + told.delivered + told.read + told.failed == 0;
    let was_refused = is_unheard_of && matches!(at.state, State::Failed | State::Retrying);
    let of = if was_refused { Of::RefusedAttempt } else { Of::LatestAttempt };
    let mut orders = 1;
    let mut go = |event, told| {
        let to = match next(at, event) {
            Ok(Next::To(to) | Next::Learn(to)) => to,
            Ok(Next::Stay) => at,
            Err(forbidden) => panic!("{forbidden}"),
        };
        orders += walk(to, told, answer, again);
    };
    if let Some(event) = answer
        && !told.answered
    {
        go(event, Told { answered: true, ..told });
    }
    if told.sent < 2 {
        go(Event::Status(of, Status::Sent), Told { sent: told.sent + 1, ..told });
    }
    if told.delivered < 2 {
        go(Event::Status(of, Status::Delivered), Told { delivered: told.delivered + 1, ..told });
    }
    if told.read < 2 {
        go(Event::Status(of, Status::Read), Told { read: told.read + 1, ..told });
    }
    if told.failed < 2 {
        go(Event::Status(of, Status::Failed { again }), Told { failed: told.failed + 1, ..told });
    }
    orders
}

#[test]
fn every_order_of_the_answer_and_the_statuses_ends_by_the_rule() {
    for answer in ANSWERS {
        for again in [Again::No, Again::Later] {
            // An answer and a status speak of the same failure.
            if matches!(answer, Some(Event::Refused(told)) if told != again) {
                continue;
            }
            let orders = walk(Current::known(State::Sending), Told::default(), answer, again);
            assert_eq!(orders, if answer.is_some() { 65_202 } else { 7_365 }, "{answer:?}");
        }
    }
}
