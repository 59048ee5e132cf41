//! Whether variants really differ: shares compared with the best, with the range in which the difference may lie.

use campaign::proportion::{Interval, Proportion};
use serde::Serialize;

use super::summary::MessagesPart;

/// What has to be known to read the comparisons.
pub(super) const CAVEAT: &str = "A range has the true share in it in 95 of 100 cases (Wilson); differences are judged with \
    all pairs of variants in mind (Newcombe, Bonferroni). Whoever looks again and again until a difference is clear will see \
    one where there is none. The platform chooses whom of a variant's recipients it delivers to, and tells of reads only \
    where people let it.";

/// A share that variants are compared by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Measure {
    /// Delivered, of those for which a request left.
    DeliveredPerAttempted,
    /// Read, of the delivered.
    ReadPerDelivered,
}

impl Measure {
    pub(super) const ALL: [Self; 2] = [Self::DeliveredPerAttempted, Self::ReadPerDelivered];

    /// The share of some messages.
    pub(super) fn of(self, part: &MessagesPart) -> Proportion {
        match self {
            Self::DeliveredPerAttempted => Proportion { part: part.delivered, whole: part.attempted },
            Self::ReadPerDelivered => Proportion { part: part.read, whole: part.delivered },
        }
    }

    /// What is done to the messages.
    pub(super) const fn verb(self) -> &'static str {
        match self {
            Self::DeliveredPerAttempted => "delivered",
            Self::ReadPerDelivered => "read",
        }
    }

    /// The share's name.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::DeliveredPerAttempted => "Delivered, of the attempted",
            Self::ReadPerDelivered => "Read, of the delivered",
        }
    }
}

/// The best variant by a share, and another one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Comparison {
    pub(crate) measure: Measure,
    /// The variant with the highest share; of equals the first by name.
    pub(crate) best: String,
    pub(crate) other: String,
    /// The best's share less the other's, from 0 to 1.
    pub(crate) difference: f64,
    /// Where the true difference lies at a confidence of 95 %, all pairs of variants taken together.
    pub(crate) interval: Interval,
    /// Whether the range leaves out 0.
    pub(crate) is_clear: bool,
    /// The same as a sentence.
    pub(crate) said: String,
}

/// The best variant compared with each other one, for every measure of which something was counted.
pub(super) fn comparisons(variants: &[MessagesPart]) -> Vec<Comparison> {
    let mut comparisons = Vec::new();
    for measure in Measure::ALL {
        let counted: Vec<(&MessagesPart, Proportion, f64)> = variants
            .iter()
            .filter_map(|part| {
                let proportion = measure.of(part);
                Some((part, proportion, proportion.share()?))
            })
            .collect();
        let number = counted.len() as u64;
        let pairs = number * number.saturating_sub(1) / 2;
        // Of equals the first: `max_by` takes the last.
        let best = counted.iter().rev().max_by(|one, other| one.2.total_cmp(&other.2));
        let Some((best, of_best, share)) = best else { continue };
        for (other, of_other, other_share) in counted.iter().filter(|(part, ..)| part.name != best.name) {
            let Some(interval) = of_best.minus(of_other, pairs) else { continue };
            let (difference, is_clear) = (share - other_share, !interval.contains(0.0));
            comparisons.push(Comparison {
                measure,
                best: best.name.clone(),
                other: other.name.clone(),
                difference: rounded(difference),
                interval: rounded_interval(interval),
                is_clear,
                said: said(measure, (&best.name, &other.name), difference, interval),
            });
        }
    }
    comparisons
}

fn said(measure: Measure, (best, other): (&str, &str), difference: f64, interval: Interval) -> String {
    let verb = measure.verb();
    let points = |share: f64| {
        let text = format!("{:.1}", share * 100.0);
        if text == "-0.0" { "0.0".to_owned() } else { text }
    };
    let range = format!("{} to {}", points(interval.low), points(interval.high));
    if !interval.contains(0.0) {
        format!(
            "{best} is {verb} more often than {other}: by {} percentage points ({range}), more than chance would make.",
            points(difference)
        )
    } else if points(difference) == "0.0" {
        format!(
            "{best} and {other} are {verb} equally often so far (the difference may be {range} percentage points)."
        )
    } else {
        format!(
            "It is not clear that {best} is {verb} more often than {other}: the difference of {} percentage points may be \
             chance ({range}).",
            points(difference)
        )
    }
}

/// With four decimals.
pub(super) fn rounded_interval(interval: Interval) -> Interval {
    Interval { low: rounded(interval.low), high: rounded(interval.high) }
}

fn rounded(share: f64) -> f64 {
    // A negative zero is written as one.
    (share * 10_000.0).round() / 10_000.0 + 0.0
}

#[cfg(test)]
mod tests {
    use campaign::money::Micros;

    use super::*;

    fn part(name: &str, attempted: u64, delivered: u64, read: u64) -> MessagesPart {
        MessagesPart::counted(name, attempted, delivered, read, Micros::ZERO)
    }

    #[test]
    fn the_best_is_compared_with_each_other() {
        let all = comparisons(&[
            part("a", 1_000, 900, 300),
            part("b", 1_000, 900, 420),
            part("c", 1_000, 890, 410),
        ]);
        let said: Vec<&str> = all.iter().map(|one| one.said.as_str()).collect();
        insta::assert_snapshot!(said.join("\n"));
        let clear: Vec<bool> = all.iter().map(|one| one.is_clear).collect();
        assert_eq!(clear, [false, false, true, false]);
    }

    #[test]
    fn nothing_is_said_of_one_or_of_what_was_not_counted() {
        assert!(comparisons(&[part("a", 10, 9, 3)]).is_empty());
        assert!(comparisons(&[part("a", 0, 0, 0), part("b", 0, 0, 0)]).is_empty());
        assert_eq!(comparisons(&[part("a", 10, 9, 3), part("b", 10, 0, 0)]).len(), 1, "nobody could read b");
    }
}
