//! Follow-up runs: the recipients of a campaign who did not get it, once more, as a campaign of its own.
//!
//! A follow-up of `sale` is called `sale+retry-1`, the next one `sale+retry-2`. Its messages have the seq that they have in
//! `sale`, so that what became of one recipient in all runs is found by one number.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::message::{Fate, State};
use crate::platform_error::{Class, lookup};

/// Between a campaign's key and the number of its follow-up.
const SEPARATOR: &str = "+retry-";

/// The key of a campaign's follow-up with this number, from 1.
#[must_use]
pub fn key(campaign: &str, number: u32) -> String {
    format!("{campaign}{SEPARATOR}{number}")
}

/// The campaign whose follow-up has this key; `None` where it is no follow-up's.
#[must_use]
pub fn campaign_of(key: &str) -> Option<&str> {
    key.split_once(SEPARATOR).map(|(campaign, _)| campaign)
}

/// What became of a recipient in one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Where the message is.
    pub state: State,
    /// Whether that was assumed by us.
    pub assumed: bool,
    /// What is known of an attempt whose doubt was ended by sending once more.
    pub resent: Fate,
    /// Whether it was matched with what was told of it by number, person and time alone.
    pub inferred: bool,
    /// The platform's code of its failure.
    pub code: Option<i64>,
    /// Its class, by name.
    pub class: String,
    /// What was said of it.
    pub detail: String,
}

/// Which failures are retried; all where nothing is named.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Wanted {
    /// With one of these codes.
    pub codes: Vec<i64>,
    /// Whose class or words hold one of these texts, in capitals or not.
    pub reasons: Vec<String>,
}

impl Wanted {
    fn names(&self, run: &Run) -> bool {
        let said = || {
            let title = run.code.and_then(lookup).map_or("", |info| info.title);
            format!("{}\n{}\n{title}", run.class, run.detail).to_lowercase()
        };
        (self.codes.is_empty() && self.reasons.is_empty())
            || run.code.is_some_and(|code| self.codes.contains(&code))
            || self.reasons.iter().any(|reason| said().contains(&reason.to_lowercase()))
    }
}

/// Why a message that failed is not retried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeftOut {
    /// Another failure was asked for.
    OtherFailure,
    /// It was given up while in doubt, or an attempt before the failed one may have arrived.
    MayHaveArrived,
    /// An earlier follow-up reached the recipient, or the platform took it.
    Reached,
    /// An earlier follow-up has it, and is not over with it.
    UnderWay,
    /// The recipient opted out.
    OptedOut,
    /// The failure is the recipient's for good.
    Final,
    /// The recipient was purged.
    Purged,
    /// The recipient is on the do-not-send list.
    Suppressed,
    /// The recipient had as many messages as the frequency cap allows.
    OverCap,
}

impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::OtherFailure => "failed with another code or reason",
            Self::MayHaveArrived => {
                "may have arrived: a doubt was given up, an earlier attempt is open, or its failure was matched by inference"
            }
            Self::Reached => "were taken by the platform in an earlier follow-up",
            Self::UnderWay => "are under way in an earlier follow-up",
            Self::OptedOut => "opted out",
            Self::Final => "cannot be reached for good (name the code to try all the same)",
            Self::Purged => "were purged",
            Self::Suppressed => "are on the do-not-send list",
            Self::OverCap => "had as many messages as limits.per_recipient allows",
        })
    }
}

/// Whether a recipient gets the campaign's message in another follow-up. `original` is what became of them in the
/// campaign, `follow_ups` what did in those made so far, the oldest first.
///
/// # Errors
/// Why not. A message that is not failed is never asked for.
pub fn judge(original: &Run, follow_ups: &[Run], wanted: &Wanted) -> Result<(), LeftOut> {
    let mut failure = original;
    for run in std::iter::once(original).chain(follow_ups) {
        match run.state {
            State::Queued | State::Retrying | State::Sending => return Err(LeftOut::UnderWay),
            State::InDoubt => return Err(LeftOut::MayHaveArrived),
            State::Accepted | State::Held | State::Sent | State::Delivered | State::Read => {
                return Err(LeftOut::Reached);
            }
            // An expired one was taken, unless it never left; neither is said to have failed.
            State::Expired if run.assumed => return Err(LeftOut::MayHaveArrived),
            // What was told of a guess may have been told of another message.
            State::Failed | State::Expired if run.inferred => return Err(LeftOut::MayHaveArrived),
            State::Failed if run.assumed => return Err(LeftOut::MayHaveArrived),
            State::Failed | State::Expired | State::Skipped if run.resent != Fate::Over => {
                return Err(LeftOut::MayHaveArrived);
            }
            State::Failed => failure = run,
            State::Expired | State::Skipped => {}
        }
    }
    if failure.code.and_then(lookup).is_some_and(|info| info.opt_out) {
        return Err(LeftOut::OptedOut);
    }
    if !wanted.names(failure) {
        return Err(LeftOut::OtherFailure);
    }
    let is_named = failure.code.is_some_and(|code| wanted.codes.contains(&code));
    if failure.class == Class::DropRecipient.name() && !is_named {
        return Err(LeftOut::Final);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(state: State) -> Run {
        Run {
            state,
            assumed: false,
            resent: Fate::Over,
            inferred: false,
            code: Some(131_000),
            class: "retry".to_owned(),
            detail: "Something went wrong".to_owned(),
        }
    }

    #[test]
    fn keys_come_back() {
        assert_eq!(key("sale", 2), "sale+retry-2");
        assert_eq!(campaign_of("weekly@2026-11-23T10:00+retry-1"), Some("weekly@2026-11-23T10:00"));
        assert_eq!(campaign_of("sale"), None);
    }

    #[test]
    fn only_what_certainly_failed_is_retried() {
        let all = Wanted::default();
        let failed = run(State::Failed);
        assert_eq!(judge(&failed, &[], &all), Ok(()));
        for state in State::ALL {
            let may = matches!(state, State::Failed | State::Skipped | State::Expired);
            assert_eq!(judge(&failed, &[run(state)], &all).is_ok(), may, "{state}");
        }
        let given_up = Run { assumed: true, ..run(State::Failed) };
        let resent = Run { resent: Fate::Open, ..run(State::Failed) };
        let expired = Run { assumed: true, ..run(State::Expired) };
        let guessed = Run { inferred: true, ..run(State::Failed) };
        for unsure in [given_up, resent, expired, guessed] {
            assert_eq!(judge(&failed, std::slice::from_ref(&unsure), &all), Err(LeftOut::MayHaveArrived));
            assert_eq!(judge(&unsure, &[], &all), Err(LeftOut::MayHaveArrived));
        }
    }

    #[test]
    fn what_is_final_is_left_alone_unless_it_is_named_and_opt_outs_always() {
        let gone = Run { code: Some(131_026), class: "drop_recipient".to_owned(), ..run(State::Failed) };
        assert_eq!(judge(&gone, &[], &Wanted::default()), Err(LeftOut::Final));
        let named = Wanted { codes: vec![131_026], reasons: Vec::new() };
        assert_eq!(judge(&gone, &[], &named), Ok(()));
        let stop = Run { code: Some(131_050), ..gone };
        let named = Wanted { codes: vec![131_050], reasons: Vec::new() };
        assert_eq!(judge(&stop, &[], &named), Err(LeftOut::OptedOut));
    }

    #[test]
    fn codes_and_reasons_choose_by_the_latest_failure() {
        let other = Run { code: Some(130_429), detail: "Too Fast".to_owned(), ..run(State::Failed) };
        let codes = |codes: &[i64]| Wanted { codes: codes.to_vec(), reasons: Vec::new() };
        let reason = |text: &str| Wanted { codes: Vec::new(), reasons: vec![text.to_owned()] };
        let failed = run(State::Failed);
        assert_eq!(judge(&failed, &[], &codes(&[130_429])), Err(LeftOut::OtherFailure));
        assert_eq!(judge(&failed, std::slice::from_ref(&other), &codes(&[130_429])), Ok(()));
        assert_eq!(judge(&other, &[], &reason("too fast")), Ok(()));
        assert_eq!(judge(&failed, &[], &reason("too fast")), Err(LeftOut::OtherFailure));
    }
}
