//! What an answer of the platform means: for the message, and for its template, sender and campaign.

use std::time::Duration;

use campaign::platform_error::{Circumstances, LIFTS_AFTER, Learnt, Scope, Stopped, Verdict, classify};
use campaign::retry::{self, LONGEST_RETRY_AFTER, Next};
use chrono::{DateTime, Utc};
use store::brake::Cause;
use store::model::{ClaimedMessage, Failure, OutcomeKind};
use whatsapp::{MessageStatus, Refusal, SendOutcome};

/// What an answer means.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    /// For the message.
    pub result: OutcomeKind,
    /// For everything else.
    pub effects: Vec<Effect>,
}

/// What follows from an answer beside the message's own state.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effect {
    /// The template was used.
    Accepted,
    /// The platform has the one message an idle template gets, or may have it.
    CanaryLanded,
    /// The one message an idle template gets, claimed at this time, was refused for a reason of its recipient.
    CanaryRefused(DateTime<Utc>),
    /// The template is still syncing.
    NotSynced,
    /// These go too fast, or the platform is out of reach.
    SlowDown(Stopped),
    /// Refused in a way that, many times in a row, is not the recipients' fault.
    Suspicious(String),
    /// Nothing more of what the platform refuses.
    Brake(Stop),
    /// Nothing more of this campaign until someone has looked.
    Pause(String),
}

/// What the platform refuses, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stop {
    /// What it is.
    pub on: Stopped,
    /// The refusal's code.
    pub cause: Cause,
    /// What happened and what to do.
    pub reason: String,
    /// When to try again; `None`: when it is lifted.
    pub until: Option<DateTime<Utc>>,
}

/// What surrounds an attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// The campaign's retry policy.
    pub policy: retry::Policy,
    /// No try is worth waiting for at or after this instant.
    pub end: Option<DateTime<Utc>>,
    /// How long a template syncs.
    pub sync_wait: Duration,
    /// Where jitter comes from.
    pub seed: u64,
    /// The present.
    pub now: DateTime<Utc>,
}

/// What an answer means.
#[must_use]
pub fn judge(answer: SendOutcome, message: &ClaimedMessage, attempt: &Attempt) -> Judged {
    match answer {
        SendOutcome::Accepted(accepted) => Judged {
            result: OutcomeKind::Accepted {
                wamid: accepted.wamid,
                held: matches!(accepted.status, MessageStatus::Held | MessageStatus::Paused),
            },
            effects: landed(message).chain([Effect::Accepted]).collect(),
        },
        SendOutcome::NotSent(reason) => {
            let failure = Failure {
                code: None,
                class: "not_sent".to_owned(),
                detail: format!("The platform could not be reached: {reason}."),
            };
            let wait = attempt.policy.delay(1, seed_of(message, attempt.seed));
            let mut effects = vec![Effect::SlowDown(Stopped::Sender)];
            if message.is_canary {
                effects.push(Effect::CanaryRefused(message.claimed_at));
            }
            Judged {
                result: OutcomeKind::Refused { failure, retry_at: Some(attempt.now + wait), counts: false },
                effects,
            }
        }
        SendOutcome::Unknown(reason) => Judged {
            result: OutcomeKind::Unknown {
                failure: Failure {
                    code: None,
                    class: "unknown".to_owned(),
                    detail: format!("No answer says whether the platform took it: {reason}."),
                },
            },
            effects: landed(message).collect(),
        },
        SendOutcome::Refused(refusal) => refused(&refusal, message, attempt),
    }
}

fn landed(message: &ClaimedMessage) -> impl Iterator<Item = Effect> {
    message.is_canary.then_some(Effect::CanaryLanded).into_iter()
}

/// What it means that a claimed message was not sent in time: this worker stood still, or got no permit. It goes
/// back, to be sent by whoever comes first.
#[must_use]
pub fn never_left(message: &ClaimedMessage, attempt: &Attempt) -> Judged {
    let failure = Failure {
        code: None,
        class: "not_sent".to_owned(),
        detail: "It was claimed and not sent in time; nothing left.".to_owned(),
    };
    let wait = attempt.policy.delay(1, seed_of(message, attempt.seed));
    let effects =
        if message.is_canary { vec![Effect::CanaryRefused(message.claimed_at)] } else { Vec::new() };
    Judged {
        result: OutcomeKind::Refused { failure, retry_at: Some(attempt.now + wait), counts: false },
        effects,
    }
}

fn refused(refusal: &Refusal, message: &ClaimedMessage, attempt: &Attempt) -> Judged {
    let text = format!("{} {}", refusal.title, refusal.details.as_deref().unwrap_or_default());
    let circumstances = Circumstances {
        learnt: Learnt::Answer,
        template_unsettled: message.template_unsettled,
        country: Some(message.country.as_str()).filter(|c| !c.is_empty()),
    };
    let verdict = classify(refusal.code, Some(refusal.http_status), &text, circumstances);
    let failure = Failure {
        code: refusal.code,
        class: verdict.class.name().to_owned(),
        detail: verdict.explanation.clone(),
    };
    let mut effects = effects(&verdict, refusal, attempt.now);
    if verdict.ambiguous {
        effects.extend(landed(message));
        return Judged { result: OutcomeKind::Unknown { failure }, effects };
    }
    let retry_at = retry_at(&verdict, refusal, message, attempt);
    if message.is_canary && !verdict.closes_gate {
        effects.push(Effect::CanaryRefused(message.claimed_at));
    }
    Judged { result: OutcomeKind::Refused { failure, retry_at, counts: verdict.counts_as_attempt }, effects }
}

fn effects(verdict: &Verdict, refusal: &Refusal, now: DateTime<Utc>) -> Vec<Effect> {
    let mut effects = Vec::new();
    if verdict.closes_gate {
        effects.push(Effect::NotSynced);
    }
    let brake = |on, wait: Option<Duration>| {
        Effect::Brake(Stop {
            on,
            cause: Cause::Refused(refusal.code.unwrap_or_default()),
            reason: verdict.explanation.clone(),
            until: wait.map(|wait| now + wait),
        })
    };
    if verdict.throttle {
        let on = match verdict.scope {
            Scope::Account => Stopped::Account,
            Scope::App => Stopped::Token,
            Scope::Message
            | Scope::Recipient
            | Scope::Pair
            | Scope::Country
            | Scope::Template
            | Scope::Sender => Stopped::Sender,
        };
        effects.push(Effect::SlowDown(on));
        // What has used up its calls gets nothing through before they are given back.
        let regain = refusal.usage.and_then(|usage| usage.regain_access());
        let wait = regain.filter(|_| on != Stopped::Sender).max(refusal.retry_after);
        if let Some(wait) = wait.filter(|wait| !wait.is_zero()) {
            effects.push(brake(on, Some(wait.min(LONGEST_RETRY_AFTER))));
        }
    }
    if verdict.breaker {
        effects.push(Effect::Suspicious(verdict.explanation.clone()));
    }
    if let Some(on) = verdict.stops() {
        // Never shorter: refusals of this kind use up no attempt, so they would go on at the sender's pace.
        let asked = refusal.retry_after.map(|wait| wait.max(LIFTS_AFTER));
        let wait = asked.or_else(|| verdict.lifts_by_itself.then_some(LIFTS_AFTER));
        effects.push(brake(on, wait));
    }
    effects
}

/// When the message may be tried again: never after the campaign's end, and at once (when the campaign goes
/// on) where not the message but its template, sender or account was refused.
fn retry_at(
    verdict: &Verdict,
    refusal: &Refusal,
    message: &ClaimedMessage,
    attempt: &Attempt,
) -> Option<DateTime<Utc>> {
    let failures = message.failures + u32::from(verdict.counts_as_attempt);
    let seed = seed_of(message, attempt.seed);
    let wait = match attempt.policy.next(verdict, failures, refusal.retry_after, seed) {
        // The gate closes for so long; another try before would only close it again.
        Next::RetryIn(_) if verdict.closes_gate => attempt.sync_wait,
        Next::RetryIn(wait) => wait,
        Next::WhenLifted => Duration::ZERO,
        Next::GiveUp | Next::InDoubt => return None,
    };
    let at = attempt.now + wait;
    attempt.end.is_none_or(|end| at < end).then_some(at)
}

/// Each attempt at each message has its own jitter, the same in every run.
fn seed_of(message: &ClaimedMessage, seed: u64) -> u64 {
    seed ^ (u64::from(message.seq.0) << 32) ^ u64::from(message.attempt)
}
