//! Every history of a message with up to four attempts, against what was told of each of them.
//!
//! The ledger knows nothing of the machine's states: it keeps, of every attempt, what the platform and the worker said,
//! and states what follows.

use std::collections::HashSet;

use super::{Again, Current, Event, Fate, Next, Of, State, Status, next};

const ATTEMPTS: usize = 4;

/// What was told of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Told {
    /// An acceptance, or a status.
    taken: bool,
    /// It was delivered.
    delivered: bool,
    /// Refused, never left, or failed by a status.
    over: bool,
    /// Its doubt was ended by giving it up, or its TTL has passed: nothing is reserved for it.
    let_go: bool,
}

/// A message, and what was told of its attempts, the first one first.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct History {
    at: Current,
    told: Vec<Told>,
    /// The attempt whose doubt was ended by sending once more, from 1.
    resent: usize,
}

impl History {
    fn of(&self, attempt: usize) -> Of {
        if attempt == self.resent && self.at.resent != Fate::Over {
            Of::ResentAttempt
        } else if attempt == self.told.len() {
            Of::LatestAttempt
        } else {
            Of::EarlierAttempt
        }
    }

    /// What can happen, and what the ledger holds after it.
    fn events(&self) -> Vec<(Event, History)> {
        let mut all = Vec::new();
        let mut push = |event, change: &dyn Fn(&mut History)| {
            let mut after = self.clone();
            change(&mut after);
            all.push((event, after));
        };
        for attempt in 1..=self.told.len() {
            let told = self.told[attempt - 1];
            let of = self.of(attempt);
            // Of what was refused the platform tells nothing; unless the answer was wrong.
            if told.over && !told.taken {
                if of == Of::LatestAttempt && !self.at.assumed && !self.at.state.is_awaiting_status() {
                    push(Event::Status(Of::RefusedAttempt, Status::Sent), &|h| {
                        (h.told[attempt - 1].taken, h.told[attempt - 1].over) = (true, false);
                    });
                }
                continue;
            }
            for event in [Event::Accepted(of), Event::Held(of), Event::Status(of, Status::Sent)] {
                push(event, &|h| h.told[attempt - 1].taken = true);
            }
            if !told.over {
                push(Event::Status(of, Status::Delivered), &|h| {
                    (h.told[attempt - 1].taken, h.told[attempt - 1].delivered) = (true, true);
                });
            }
            if !told.delivered {
                for again in [Again::Later, Again::No] {
                    push(Event::Status(of, Status::Failed { again }), &|h| {
                        (h.told[attempt - 1].taken, h.told[attempt - 1].over) = (true, true);
                    });
                }
            }
        }
        if let Some(newest) = self.told.last() {
            if !newest.taken {
                for again in [Again::Later, Again::No] {
                    push(Event::Refused(again), &|h| h.newest().over = true);
                }
            }
            push(Event::Unknown, &|_| {});
            push(Event::GiveUp, &|h| h.newest().let_go = true);
            // Nothing was told, and money is kept for it.
            push(Event::TakeOnTrust, &|_| {});
            push(Event::Resend, &|h| h.resent = h.told.len());
            push(Event::TtlPassed, &|h| h.told.iter_mut().for_each(|told| told.let_go = true));
        }
        push(Event::DeadlinePassed, &|_| {});
        push(Event::Skip, &|_| {});
        push(Event::Defer, &|_| {});
        if self.told.len() < ATTEMPTS {
            push(Event::Claim, &|h| h.told.push(Told::default()));
        }
        all
    }

    fn newest(&mut self) -> &mut Told {
        self.told.last_mut().expect("there is an attempt")
    }

    fn check(&self, event: Event, before: &History) {
        let what = || format!("{event:?}: {before:#?} -> {self:#?}");
        if event == Event::Claim {
            for (attempt, told) in (1..).zip(&before.told) {
                assert!(
                    told.over || !told.taken,
                    "attempt {attempt} was taken, and another leaves: {}",
                    what()
                );
                assert!(
                    told.over || attempt == self.resent,
                    "attempt {attempt} is repeated blindly: {}",
                    what()
                );
            }
        }
        if self.told.iter().any(|told| told.delivered) {
            assert_eq!(self.at.state, State::Delivered, "{}", what());
        }
        // Money is kept for all that may still cost.
        if !matches!(
            self.at.state,
            State::Queued | State::Delivered | State::Failed | State::Expired | State::Skipped
        ) {
            let open = self.told.iter().filter(|told| !told.over && !told.let_go).count();
            assert!(open <= usize::from(self.at.open_attempts()), "too little is reserved: {}", what());
        }
        // Nothing is said to be with the platform of which it said that all failed.
        if self.at.state.is_awaiting_status() {
            assert!(self.told.iter().any(|told| !told.over), "{}", what());
        }
    }
}

#[test]
fn no_attempt_leaves_where_another_was_taken() {
    let begins = History { at: Current::known(State::Queued), told: Vec::new(), resent: 0 };
    let mut seen = HashSet::from([begins.clone()]);
    let mut open = vec![begins];
    let mut claims = 0;
    while let Some(history) = open.pop() {
        for (event, mut after) in history.events() {
            match next(history.at, event) {
                Ok(Next::To(to)) => after.at = to,
                Ok(Next::Learn(to)) => {
                    assert_eq!(to.state, history.at.state, "{event:?}");
                    after.at = to;
                }
                Ok(Next::Stay) => {}
                Err(_) => continue,
            }
            after.check(event, &history);
            claims += u32::from(event == Event::Claim);
            if seen.insert(after.clone()) {
                open.push(after);
            }
        }
    }
    assert!(claims > 100 && seen.len() > 1_000, "{claims} claims in {} histories", seen.len());
}

/// A message whose first attempt's doubt was ended by sending once more.
fn resent() -> Current {
    after(Current::known(State::Sending), &[Event::Unknown, Event::Resend])
}

fn after(mut at: Current, events: &[Event]) -> Current {
    for event in events {
        match next(at, *event) {
            Ok(Next::To(to) | Next::Learn(to)) => at = to,
            Ok(Next::Stay) => {}
            Err(forbidden) => panic!("{forbidden}"),
        }
    }
    at
}

#[test]
fn what_the_second_attempt_does_forgets_nothing_of_the_first() {
    let first_was_taken =
        [Event::Accepted(Of::ResentAttempt), Event::Status(Of::ResentAttempt, Status::Sent)];
    for news in first_was_taken {
        let is_sent = news != first_was_taken[0];
        let state = if is_sent { State::Sent } else { State::Accepted };
        for (second, ends) in [
            (&[][..], state),
            (&[Event::Claim, Event::Refused(Again::Later)], state),
            (&[Event::Claim, Event::Refused(Again::No)], state),
            (&[Event::Claim, Event::Refused(Again::Later), Event::Skip], state),
            (&[Event::Claim, Event::Refused(Again::Later), Event::DeadlinePassed], state),
            (&[Event::Claim, Event::Unknown, Event::GiveUp], state),
            (&[Event::Claim, Event::Refused(Again::Later), Event::Claim], State::Sending),
            (&[Event::Claim, Event::Unknown], State::InDoubt),
            (&[Event::Claim, Event::Accepted(Of::LatestAttempt)], State::Accepted),
        ] {
            let at = after(after(resent(), second), &[news]);
            assert_eq!(at.state, ends, "{second:?} {news:?}");
            assert_eq!(after(at, &[news]), at, "told twice: {second:?} {news:?}");
        }
    }
}

#[test]
fn what_is_on_its_way_is_not_repeated_where_the_first_was_taken() {
    let both = after(resent(), &[Event::Claim, Event::Accepted(Of::ResentAttempt)]);
    assert_eq!((both.state, both.open_attempts()), (State::Sending, 2));
    let stands = Current { state: State::Accepted, assumed: false, resent: Fate::Stands };
    for again in [Again::Later, Again::No] {
        assert_eq!(after(both, &[Event::Refused(again)]), stands);
        assert_eq!(after(both, &[Event::Unknown, Event::Refused(again)]), stands);
        let failed = Event::Status(Of::LatestAttempt, Status::Failed { again });
        assert_eq!(after(both, &[failed]), stands);
        assert_eq!(after(both, &[Event::Accepted(Of::LatestAttempt), failed]), stands);
    }
    let doubt = after(both, &[Event::Unknown]);
    assert!(next(doubt, Event::Resend).is_err());
    assert_eq!(after(doubt, &[Event::GiveUp]), Current { assumed: true, ..stands });
}

#[test]
fn a_second_attempt_that_is_taken_on_trust_forgets_nothing_of_the_first() {
    let trusted = after(resent(), &[Event::Claim, Event::Unknown, Event::TakeOnTrust]);
    assert_eq!((trusted.state, trusted.assumed, trusted.open_attempts()), (State::Accepted, true, 2));
    let both = after(trusted, &[Event::Accepted(Of::ResentAttempt)]);
    assert_eq!((both.resent, both.assumed), (Fate::Taken, true));
    let stands = Current { state: State::Accepted, assumed: false, resent: Fate::Stands };
    let failed = |of| Event::Status(of, Status::Failed { again: Again::Later });
    for told in [Event::Refused(Again::Later), failed(Of::LatestAttempt)] {
        assert_eq!(after(both, &[told]), stands, "{told:?}");
    }
    // Of the first alone it was told that it failed: the trust in the second is left.
    let alone = after(both, &[failed(Of::ResentAttempt)]);
    assert_eq!(alone, Current { state: State::Accepted, assumed: true, resent: Fate::Over });
}

#[test]
fn a_failure_of_the_first_attempt_leaves_the_second_alone() {
    let failed = Event::Status(Of::ResentAttempt, Status::Failed { again: Again::No });
    let sending = after(resent(), &[Event::Claim, failed]);
    assert_eq!(sending, Current::known(State::Sending));
    let waiting = after(resent(), &[Event::Claim, Event::Refused(Again::Later), failed]);
    assert_eq!((waiting, waiting.open_attempts()), (Current::known(State::Retrying), 0));
    // Before the second is claimed, the first is the newest.
    assert_eq!(after(resent(), &[failed]), Current::known(State::Failed));
}
