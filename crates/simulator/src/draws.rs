//! Chance, from the seed alone. A decision depends on the seed, on whom or what it is about, and on which
//! decision it is; each decision has its own stream, so that a new one shifts none of the others.

use std::time::Duration;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

use crate::profile::Latency;

/// What is decided. The numbers are the streams: keep them when adding one.
#[derive(Clone, Copy)]
#[repr(u64)]
pub(crate) enum What {
    // About a person.
    OnWhatsApp = 1,
    RefusedAtOnce = 2,
    Reachable = 3,
    Price = 4,
    // About one attempt to send.
    Fault = 10,
    FaultStatus = 11,
    Early = 12,
    PerUserLimit = 13,
    Response = 14,
    SentAfter = 15,
    DeliveredAfter = 16,
    ReadAfter = 17,
    Read = 18,
    Reordered = 19,
    AuctionLoss = 20,
    Id = 22,
    /// First of a block: one per status that a webhook tells.
    Missing = 30,
    Late = 40,
    LateBy = 50,
    Duplicate = 60,
    DuplicateAfter = 70,
}

/// Draws about one person or one attempt.
#[derive(Clone)]
pub(crate) struct Draws {
    key: [u8; 32],
}

impl Draws {
    /// What is fixed about a person: the same for every attempt.
    pub(crate) fn person(seed: u64, recipient: &str) -> Self {
        Self::of(seed, &["person", recipient])
    }

    /// One attempt: the `occurrence`-th (from 0) with this template (name and language) to this person.
    pub(crate) fn attempt(seed: u64, recipient: &str, template: &str, occurrence: u32) -> Self {
        Self::of(seed, &["attempt", recipient, template, &occurrence.to_string()])
    }

    fn of(seed: u64, parts: &[&str]) -> Self {
        let mut hash = Sha256::new();
        hash.update(seed.to_le_bytes());
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        Self { key: hash.finalize().into() }
    }

    fn stream(&self, number: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::from_seed(self.key);
        rng.set_stream(number);
        rng
    }

    /// A number in `0.0..1.0`.
    pub(crate) fn unit(&self, what: What) -> f64 {
        self.unit_of(what, 0)
    }

    /// The same, from place `n` of the decision's block.
    pub(crate) fn unit_of(&self, what: What, n: u64) -> f64 {
        unit(&mut self.stream(what as u64 + n))
    }

    /// A delay with the given minimum, median and 99th percentile: log-normal above the minimum, cut off at
    /// one and a half times the 99th percentile.
    pub(crate) fn latency(&self, what: What, shape: &Latency) -> Duration {
        self.latency_of(what, 0, shape)
    }

    /// The same, from place `n` of the decision's block.
    pub(crate) fn latency_of(&self, what: What, n: u64, shape: &Latency) -> Duration {
        let mut rng = self.stream(what as u64 + n);
        let (first, second) = (unit(&mut rng), unit(&mut rng));
        let normal = (-2.0 * (1.0 - first).ln()).sqrt() * (std::f64::consts::TAU * second).cos();
        let min = shape.min_ms.max(0.0);
        let middle = (shape.median_ms - min).max(0.0);
        let tail = (shape.p99_ms - min).max(middle);
        // 2.326 standard deviations above the median lie 1 % of a normal distribution.
        let sigma = if middle > 0.0 { (tail / middle).ln() / 2.326 } else { 0.0 };
        let drawn = min + middle * (sigma * normal).exp();
        let millis = drawn.clamp(min, (shape.p99_ms * 1.5).max(min));
        Duration::from_micros((millis * 1000.0) as u64)
    }

    /// Sixteen bytes that name this attempt.
    pub(crate) fn id(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        self.stream(What::Id as u64).fill_bytes(&mut bytes);
        bytes
    }
}

fn unit(rng: &mut ChaCha8Rng) -> f64 {
    // The top 53 bits fill the mantissa exactly.
    (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_question_has_the_same_answer() {
        let a = Draws::attempt(7, "4915", "sale/en", 0);
        assert_eq!(a.unit(What::Fault), Draws::attempt(7, "4915", "sale/en", 0).unit(What::Fault));
        assert_ne!(a.unit(What::Fault), Draws::attempt(7, "4915", "sale/en", 1).unit(What::Fault));
        assert_ne!(a.unit(What::Fault), Draws::attempt(8, "4915", "sale/en", 0).unit(What::Fault));
        assert_ne!(a.unit(What::Fault), a.unit(What::Read));
    }

    #[test]
    fn latencies_follow_their_quantiles() {
        let shape = Latency { min_ms: 10.0, median_ms: 50.0, p99_ms: 400.0 };
        let mut drawn: Vec<f64> = (0..4000)
            .map(|n| {
                Draws::attempt(1, &n.to_string(), "t", 0).latency(What::Response, &shape).as_secs_f64() * 1e3
            })
            .collect();
        drawn.sort_by(f64::total_cmp);
        assert!(drawn[0] >= 10.0 && drawn[3999] <= 600.0);
        assert!((45.0..55.0).contains(&drawn[2000]), "median {}", drawn[2000]);
        assert!((300.0..520.0).contains(&drawn[3960]), "p99 {}", drawn[3960]);
    }
}
