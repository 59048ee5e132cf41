//! The words in which errors are told apart: classes, scopes, delays, and what is known of one code.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What to do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Try again within seconds to minutes, with growing waits.
    Retry,
    /// Try again after a long wait: minutes to days.
    Later,
    /// This recipient cannot be reached with this message; the others are not affected.
    DropRecipient,
    /// Every message with this template would fail: stop using it until someone has looked.
    StopTemplate,
    /// Every message of this number would fail: stop it.
    StopSender,
    /// Every message of this WhatsApp Business account would fail: stop it.
    StopAccount,
    /// Every request with this token or app would fail: stop everything.
    StopAll,
    /// The request itself is wrong: a defect of Paceline, of the campaign file, or of the row's data.
    OurBug,
}

impl Class {
    /// How the class is written in reports and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Retry => "retry",
            Self::Later => "later",
            Self::DropRecipient => "drop_recipient",
            Self::StopTemplate => "stop_template",
            Self::StopSender => "stop_sender",
            Self::StopAccount => "stop_account",
            Self::StopAll => "stop_all",
            Self::OurBug => "our_bug",
        }
    }

    /// Whether it stops more than the one message.
    pub const fn stops(self) -> bool {
        match self {
            Self::StopTemplate | Self::StopSender | Self::StopAccount | Self::StopAll => true,
            Self::Retry | Self::Later | Self::DropRecipient | Self::OurBug => false,
        }
    }
}

/// How far an error reaches: what is to be stopped or slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// This attempt at this message.
    Message,
    /// This recipient.
    Recipient,
    /// This sender and this recipient together.
    Pair,
    /// All recipients of the recipient's country.
    Country,
    /// The template.
    Template,
    /// The business phone number.
    Sender,
    /// The WhatsApp Business account.
    Account,
    /// The token or app, with all that uses it.
    App,
}

/// How long to wait before another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delay {
    /// No other try.
    Never,
    /// The campaign's own growing waits.
    Backoff,
    /// The campaign's own growing waits, but at least this long.
    AtLeast(Duration),
    /// This long, whatever the number of tries.
    Fixed(Duration),
    /// This long after the first failure, twice as long after each further one, at most a week.
    Doubling(Duration),
    /// 4^X seconds with X = 0, 1, 2, ... (Meta: pair rate limit).
    PowersOfFour,
}

impl Delay {
    /// The shortest wait after the n-th failure (from 1): zero where the campaign's own waits decide,
    /// `None` where there is no other try.
    ///
    /// `Doubling(24h)` waits 24, 48, 96 hours and then a week; `PowersOfFour` waits 1, 4, 16, 64, 256,
    /// 1024 seconds and then an hour.
    pub fn least(self, failures: u32) -> Option<Duration> {
        const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);
        const HOUR: Duration = Duration::from_secs(3600);
        let before = failures.saturating_sub(1);
        match self {
            Self::Never => None,
            Self::Backoff => Some(Duration::ZERO),
            Self::AtLeast(wait) | Self::Fixed(wait) => Some(wait),
            Self::Doubling(first) => {
                let factor = 1u32.checked_shl(before).unwrap_or(u32::MAX);
                Some(first.checked_mul(factor).map_or(WEEK, |wait| wait.min(WEEK)))
            }
            Self::PowersOfFour => {
                Some(4u64.checked_pow(before).map_or(HOUR, |seconds| Duration::from_secs(seconds).min(HOUR)))
            }
        }
    }
}

/// Which requests answer with a code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Usage {
    /// Sends, in the answer or by webhook.
    Send,
    /// Onboarding calls.
    Onboarding,
    /// Creating templates and asking for their figures.
    Templates,
}

/// What a refusal of the platform stops or slows down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stopped {
    /// The message's template.
    Template,
    /// The message's sender.
    Sender,
    /// The sender's account, with all its senders and templates.
    Account,
    /// All senders that use the same access token.
    Token,
}

/// How long what lifts by itself is left alone at the least. Each look costs some bites of refused messages, which keep
/// their attempts.
pub const LIFTS_AFTER: Duration = Duration::from_secs(600);

/// What is known of one code, or of a run of codes that mean the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodeInfo {
    /// The first code.
    pub first: i64,
    /// The last code; the same as the first but for runs such as 200 to 299.
    pub last: i64,
    /// The HTTP status that the platform documents for it.
    pub http: Option<u16>,
    /// Its class where nothing in the circumstances says otherwise.
    pub class: Class,
    /// What it reaches.
    pub scope: Scope,
    /// How long to wait before another try.
    pub delay: Delay,
    /// Whether the message may have been sent all the same.
    pub ambiguous: bool,
    /// Whether it says "too fast": whatever `scope` names slows down.
    pub throttle: bool,
    /// Whether the failed try uses up one of the message's attempts.
    pub counts_as_attempt: bool,
    /// Whether the recipient has opted out and goes on the do-not-send list.
    pub opt_out: bool,
    /// Whether many of them in a row mean that the template, not the recipient, is at fault.
    pub breaker: bool,
    /// Whether a stop lifts without anybody doing anything.
    pub lifts_by_itself: bool,
    /// Which requests answer with it.
    pub usage: Usage,
    /// What it is, in a few words.
    pub title: &'static str,
    /// What it means and what to do.
    pub advice: &'static str,
}

impl CodeInfo {
    /// An entry with the defaults of its class: retries back off and count; stops wait without using up
    /// an attempt; the rest is final.
    pub(crate) const fn new(
        code: i64,
        class: Class,
        scope: Scope,
        title: &'static str,
        advice: &'static str,
    ) -> Self {
        Self {
            first: code,
            last: code,
            http: Some(400),
            class,
            scope,
            delay: match class {
                Class::Retry | Class::Later => Delay::Backoff,
                Class::DropRecipient
                | Class::StopTemplate
                | Class::StopSender
                | Class::StopAccount
                | Class::StopAll
                | Class::OurBug => Delay::Never,
            },
            ambiguous: false,
            throttle: false,
            counts_as_attempt: !class.stops(),
            opt_out: false,
            breaker: matches!(class, Class::OurBug),
            lifts_by_itself: false,
            usage: Usage::Send,
            title,
            advice,
        }
    }

    pub(crate) const fn to(mut self, last: i64) -> Self {
        self.last = last;
        self
    }

    pub(crate) const fn http(mut self, status: u16) -> Self {
        self.http = Some(status);
        self
    }

    pub(crate) const fn http_unknown(mut self) -> Self {
        self.http = None;
        self
    }

    pub(crate) const fn ambiguous(mut self) -> Self {
        self.ambiguous = true;
        self
    }

    pub(crate) const fn throttle(mut self) -> Self {
        self.throttle = true;
        self.counts_as_attempt = false;
        self
    }

    pub(crate) const fn delay(mut self, delay: Delay) -> Self {
        self.delay = delay;
        self
    }

    pub(crate) const fn no_attempt(mut self) -> Self {
        self.counts_as_attempt = false;
        self
    }

    pub(crate) const fn opt_out(mut self) -> Self {
        self.opt_out = true;
        self
    }

    pub(crate) const fn breaker(mut self) -> Self {
        self.breaker = true;
        self
    }

    pub(crate) const fn lifts_by_itself(mut self) -> Self {
        self.lifts_by_itself = true;
        self
    }

    pub(crate) const fn usage(mut self, usage: Usage) -> Self {
        self.usage = usage;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_as_documented() {
        let seconds = |delay: Delay| (1..=8).map(|n| delay.least(n).unwrap().as_secs()).collect::<Vec<_>>();
        assert_eq!(seconds(Delay::PowersOfFour), [1, 4, 16, 64, 256, 1024, 3600, 3600]);
        let hour = 3600;
        let day = Delay::Doubling(Duration::from_secs(24 * 3600));
        assert_eq!(seconds(day)[..4], [24 * hour, 48 * hour, 96 * hour, 168 * hour]);
        for failures in [0, 31, 32, 33, u32::MAX] {
            assert!(Delay::PowersOfFour.least(failures).unwrap() <= Duration::from_secs(3600));
            assert!(day.least(failures).unwrap() <= Duration::from_secs(7 * 24 * 3600));
        }
        assert_eq!(Delay::Never.least(1), None);
    }
}
