//! How well the platform and the wire behave: shares of faults, and delays.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A delay, in milliseconds: log-normal above its minimum, cut off at 1.5 times the 99th percentile.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Latency {
    /// Never less than this.
    pub min_ms: f64,
    /// Half are below.
    pub median_ms: f64,
    /// All but one in a hundred are below.
    pub p99_ms: f64,
}

impl Latency {
    /// A delay with these quantiles, in milliseconds.
    pub const fn ms(min_ms: f64, median_ms: f64, p99_ms: f64) -> Self {
        Self { min_ms, median_ms, p99_ms }
    }
}

/// How well the platform and the wire behave. Shares are from 0 to 1. Response delays are real time;
/// webhook delays are the platform's time, so a fast clock shortens them.
///
/// The seven faults of a request, from `error_before` to `throttled`, exclude each other: their sum should
/// not pass 1.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Profile {
    /// From the arrival of a request to its answer.
    pub response: Latency,
    /// Answered 5xx; not accepted.
    pub error_before: f64,
    /// Answered 5xx, and accepted all the same: the ambiguous case.
    pub error_after: f64,
    /// Accepted, never answered; the connection is held open for `lost_hold_ms`, then closed.
    pub lost: f64,
    /// How long a lost response holds its connection, in milliseconds of real time.
    pub lost_hold_ms: u64,
    /// Connection reset, not accepted.
    pub reset_before: f64,
    /// Connection reset after acceptance.
    pub reset_after: f64,
    /// Accepted and answered; headers at once, the body in small pieces over `slow_body_ms`.
    pub slow_body: f64,
    /// How long a slow body takes, in milliseconds of real time.
    pub slow_body_ms: u64,
    /// Refused with 130429 although within the number's throughput.
    pub throttled: f64,
    /// Attempts refused with 131049 (per-user marketing limit): half at once, half by webhook.
    pub per_user_limit: f64,
    /// People who are not on WhatsApp, 131026: half at once, half by webhook.
    pub not_on_whatsapp: f64,
    /// People who can be reached at all; a message to the others expires with its TTL.
    pub reachable: f64,
    /// Delivered messages that are read.
    pub read: f64,
    /// Of the messages that lose the auction for their max price, how many are told by a failed webhook
    /// (131049); the others expire in silence.
    pub auction_loss_told: f64,
    /// From acceptance to `sent` (or `failed`).
    pub sent_after: Latency,
    /// From `sent` to `delivered`.
    pub delivered_after: Latency,
    /// From `delivered` to `read`.
    pub read_after: Latency,
    /// Status webhooks that come twice.
    pub duplicate: f64,
    /// From a webhook to its duplicate.
    pub duplicate_after: Latency,
    /// Status webhooks that come late.
    pub late: f64,
    /// How much later.
    pub late_by: Latency,
    /// Messages whose `delivered` webhook comes before their `sent` webhook.
    pub reordered: f64,
    /// Status webhooks that never come.
    pub missing: f64,
    /// Messages whose `sent` webhook comes before the send's own response.
    pub early: f64,
}

impl Profile {
    /// Nothing goes wrong: answers in a few milliseconds, everybody is reached, 60 % read.
    pub const fn none() -> Self {
        Self {
            response: Latency::ms(1.0, 3.0, 8.0),
            error_before: 0.0,
            error_after: 0.0,
            lost: 0.0,
            lost_hold_ms: 2_000,
            reset_before: 0.0,
            reset_after: 0.0,
            slow_body: 0.0,
            slow_body_ms: 500,
            throttled: 0.0,
            per_user_limit: 0.0,
            not_on_whatsapp: 0.0,
            reachable: 1.0,
            read: 0.6,
            auction_loss_told: 1.0,
            sent_after: Latency::ms(20.0, 60.0, 150.0),
            delivered_after: Latency::ms(50.0, 150.0, 500.0),
            read_after: Latency::ms(100.0, 300.0, 800.0),
            duplicate: 0.0,
            duplicate_after: Latency::ms(100.0, 300.0, 1_000.0),
            late: 0.0,
            late_by: Latency::ms(1_000.0, 10_000.0, 60_000.0),
            reordered: 0.0,
            missing: 0.0,
            early: 0.0,
        }
    }

    /// A good day on a real network: about one request in forty has a fault, about one message in fifty
    /// fails. No webhook is missing and everybody on WhatsApp is reached, and every webhook comes within
    /// about 8 s of its message, so that a demonstration settles soon.
    pub const fn mild() -> Self {
        Self {
            response: Latency::ms(15.0, 45.0, 250.0),
            error_before: 0.01,
            error_after: 0.005,
            lost: 0.003,
            lost_hold_ms: 2_000,
            reset_before: 0.001_5,
            reset_after: 0.001_5,
            slow_body: 0.002,
            slow_body_ms: 500,
            throttled: 0.0,
            per_user_limit: 0.01,
            not_on_whatsapp: 0.01,
            read: 0.6,
            sent_after: Latency::ms(100.0, 200.0, 500.0),
            delivered_after: Latency::ms(300.0, 700.0, 2_000.0),
            read_after: Latency::ms(300.0, 800.0, 2_000.0),
            duplicate: 0.02,
            duplicate_after: Latency::ms(50.0, 200.0, 600.0),
            reordered: 0.03,
            early: 0.01,
            ..Self::none()
        }
    }

    /// A bad day: every fault there is, several times as often as anybody would accept.
    pub const fn rough() -> Self {
        Self {
            response: Latency::ms(20.0, 120.0, 2_500.0),
            error_before: 0.04,
            error_after: 0.03,
            lost: 0.02,
            lost_hold_ms: 5_000,
            reset_before: 0.01,
            reset_after: 0.02,
            slow_body: 0.02,
            slow_body_ms: 1_500,
            throttled: 0.02,
            per_user_limit: 0.05,
            not_on_whatsapp: 0.04,
            reachable: 0.93,
            read: 0.45,
            auction_loss_told: 0.5,
            sent_after: Latency::ms(100.0, 300.0, 3_000.0),
            delivered_after: Latency::ms(300.0, 1_500.0, 20_000.0),
            read_after: Latency::ms(1_000.0, 20_000.0, 300_000.0),
            duplicate: 0.10,
            duplicate_after: Latency::ms(100.0, 1_000.0, 10_000.0),
            late: 0.05,
            late_by: Latency::ms(1_000.0, 10_000.0, 60_000.0),
            reordered: 0.10,
            missing: 0.02,
            early: 0.05,
        }
    }

    /// Checks that every share lies in 0..=1.
    ///
    /// # Errors
    /// A sentence that names the first share that does not.
    pub fn check(&self) -> Result<(), String> {
        let shares = [
            ("error_before", self.error_before),
            ("error_after", self.error_after),
            ("lost", self.lost),
            ("reset_before", self.reset_before),
            ("reset_after", self.reset_after),
            ("slow_body", self.slow_body),
            ("throttled", self.throttled),
            ("per_user_limit", self.per_user_limit),
            ("not_on_whatsapp", self.not_on_whatsapp),
            ("reachable", self.reachable),
            ("read", self.read),
            ("auction_loss_told", self.auction_loss_told),
            ("duplicate", self.duplicate),
            ("late", self.late),
            ("reordered", self.reordered),
            ("missing", self.missing),
            ("early", self.early),
        ];
        for (name, share) in shares {
            if !(0.0..=1.0).contains(&share) {
                return Err(format!("profile: {name} is {share}; write a share from 0 to 1"));
            }
        }
        let faults: f64 = shares[..7].iter().map(|(_, share)| share).sum();
        if faults > 1.0 {
            return Err(format!(
                "profile: the faults of a request add up to {faults}; at most 1 is possible"
            ));
        }
        Ok(())
    }
}

impl Default for Profile {
    fn default() -> Self {
        Self::none()
    }
}

/// No profile has this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownProfile(pub String);

impl fmt::Display for UnknownProfile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no fault profile {:?}; write none, mild or rough", self.0)
    }
}

impl std::error::Error for UnknownProfile {}

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Self, UnknownProfile> {
        match name {
            "none" => Ok(Self::none()),
            "mild" => Ok(Self::mild()),
            "rough" => Ok(Self::rough()),
            other => Err(UnknownProfile(other.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn presets_are_sound() {
        for name in ["none", "mild", "rough"] {
            let profile: Profile = name.parse().unwrap();
            assert_eq!(profile.check(), Ok(()), "{name}");
        }
        assert!("wild".parse::<Profile>().unwrap_err().to_string().contains("none, mild or rough"));
    }

    #[test]
    fn mild_settles_within_eight_seconds() {
        let p = Profile::mild();
        assert_eq!((p.missing, p.late, p.reachable), (0.0, 0.0, 1.0));
        let slowest: f64 = [p.sent_after, p.delivered_after, p.read_after, p.duplicate_after]
            .iter()
            .map(|delay| delay.p99_ms * 1.5)
            .sum();
        assert!(slowest <= 8_000.0, "{slowest} ms");
    }

    #[test]
    fn shares_outside_the_range_are_named() {
        let profile = Profile { lost: 1.5, ..Profile::none() };
        assert_eq!(profile.check(), Err("profile: lost is 1.5; write a share from 0 to 1".to_owned()));
    }
}
