//! What a plan says of an audience, counted as its rows stream by.

use std::collections::BTreeMap;

use chrono_tz::Tz;
use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use super::exclusion::{Exclusion, Reason};
use crate::audience::Country;
use crate::money::{Currency, Micros};
use crate::problem::Problem;

/// Problems of rows that are shown; the rest is only counted.
const SHOWN: usize = 10;

/// The share of messages that is delivered in the low and the likely estimate of the cost, in percent. The
/// platform charges for delivered messages only; both figures are judgement, and the report has the truth.
const DELIVERED_LOW: u32 = 70;
const DELIVERED_LIKELY: u32 = 90;

/// Counts over an audience.
#[derive(Debug, Clone)]
pub struct Summary {
    /// Rows in all.
    pub rows: u64,
    /// Rows that become messages.
    pub messages: u64,
    /// Rows that do not, by reason.
    pub excluded: BTreeMap<Reason, u64>,
    /// Messages by country.
    pub countries: BTreeMap<Country, u64>,
    /// Messages by the zone whose hours they keep.
    pub zones: BTreeMap<&'static str, u64>,
    /// Messages by variant's index (`None`: no variants).
    pub variants: BTreeMap<Option<usize>, u64>,
    /// Messages by sender.
    pub senders: BTreeMap<String, u64>,
    /// The first problems of rows.
    pub problems: Vec<Problem>,
    /// The currency of the amounts.
    pub currency: Currency,
    worst: i128,
    expected: i128,
}

/// What a campaign may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Seven in ten messages are delivered, at the expected price.
    pub low: Decimal,
    /// Nine in ten are.
    pub likely: Decimal,
    /// All are, at the highest price possible.
    pub worst: Decimal,
    /// The currency.
    pub currency: Currency,
}

impl Summary {
    pub(super) fn new(currency: Currency) -> Self {
        Self {
            rows: 0,
            messages: 0,
            excluded: BTreeMap::new(),
            countries: BTreeMap::new(),
            zones: BTreeMap::new(),
            variants: BTreeMap::new(),
            senders: BTreeMap::new(),
            problems: Vec::new(),
            currency,
            worst: 0,
            expected: 0,
        }
    }

    pub(super) fn excluded(&mut self, exclusion: &Exclusion) {
        *self.excluded.entry(exclusion.reason).or_default() += 1;
    }

    pub(super) fn problem(&mut self, problem: Problem) {
        if self.problems.len() < SHOWN {
            self.problems.push(problem);
        }
    }

    pub(super) fn message(
        &mut self,
        country: Country,
        zone: Tz,
        variant: Option<usize>,
        sender: &str,
        worst: Micros,
        expected: Micros,
    ) {
        self.messages += 1;
        *self.countries.entry(country).or_default() += 1;
        *self.zones.entry(zone.name()).or_default() += 1;
        *self.variants.entry(variant).or_default() += 1;
        if let Some(count) = self.senders.get_mut(sender) {
            *count += 1;
        } else {
            self.senders.insert(sender.to_owned(), 1);
        }
        self.worst += i128::from(worst.0);
        self.expected += i128::from(expected.0);
    }

    /// Rows that do not become messages.
    #[must_use]
    pub fn excluded_rows(&self) -> u64 {
        self.excluded.values().sum()
    }

    /// Rows that count against `audience.max_invalid`.
    #[must_use]
    pub fn invalid_rows(&self) -> u64 {
        self.excluded.iter().filter(|(reason, _)| reason.is_invalid()).map(|(_, count)| count).sum()
    }

    /// What the campaign may cost, before any budget.
    #[must_use]
    pub fn cost(&self) -> Cost {
        let decimal =
            |micros: i128| Decimal::try_from_i128_with_scale(micros, 6).unwrap_or(Decimal::MAX).normalize();
        let share = |percent: u32| decimal(self.expected * i128::from(percent) / 100);
        Cost {
            low: share(DELIVERED_LOW),
            likely: share(DELIVERED_LIKELY),
            worst: decimal(self.worst),
            currency: self.currency,
        }
    }
}

/// The hash of a plan: of the campaign file's bytes, the audience's bytes and what is known of the templates.
/// A launch by this hash is refused when any of them has changed. 16 hexadecimal digits: to be typed.
#[must_use]
pub fn plan_hash(campaign_file: &[u8], audience_sha256: &str, templates: &[String]) -> String {
    let mut hash = Sha256::new();
    hash.update(b"paceline plan 1\0");
    hash.update(Sha256::digest(campaign_file));
    hash.update(audience_sha256.as_bytes());
    for template in templates {
        hash.update([0]);
        hash.update(template.as_bytes());
    }
    hex::encode(&hash.finalize()[..8])
}
