//! How sure a share is that was counted: of so many delivered messages so many were read, and would others be read as often?
//!
//! The formulas are Wilson's score interval (E. B. Wilson, *Probable inference, the law of succession, and statistical
//! inference*, Journal of the American Statistical Association 22 (1927), 209–212), which R. G. Newcombe recommends for one
//! share (*Two-sided confidence intervals for the single proportion*, Statistics in Medicine 17 (1998), 857–872), and
//! Newcombe's hybrid of two of them for the difference of two shares (*Interval estimation for the difference between
//! independent proportions*, the same volume, 873–890, method 10). Both stay within their bounds and hold for small numbers
//! and for shares near 0 and 1, where the textbook's ± does not.

use serde::Serialize;

/// How often an interval of this module has the true share in it: 95 %.
pub const CONFIDENCE: f64 = 0.95;

/// So many of so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proportion {
    /// How many did.
    pub part: u64,
    /// Of how many.
    pub whole: u64,
}

/// A range of shares, or of differences of shares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Interval {
    /// Its lower end.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
}

impl Interval {
    /// Whether the value, such as 0 for a difference, is within it; its ends are.
    #[must_use]
    pub fn contains(&self, value: f64) -> bool {
        self.low <= value && value <= self.high
    }
}

impl Proportion {
    /// The share from 0 to 1; `None` where nothing was counted. More than all is all.
    #[must_use]
    pub fn share(&self) -> Option<f64> {
        (self.whole > 0).then(|| float(self.part.min(self.whole)) / float(self.whole))
    }

    /// Wilson's interval around the share, from 0 to 1, at a confidence of 95 %; `None` where nothing was counted.
    #[must_use]
    pub fn interval(&self) -> Option<Interval> {
        self.wilson(quantile(0.5 + CONFIDENCE / 2.0))
    }

    /// Newcombe's interval around the share less that of another, from -1 to 1; `None` where nothing was counted of either.
    ///
    /// `comparisons` says how many differences are looked at together, at least 1: all their intervals have the true
    /// differences in them at a confidence of 95 % (Bonferroni), as each of several would be deceived for itself.
    #[must_use]
    pub fn minus(&self, other: &Self, comparisons: u64) -> Option<Interval> {
        let z = quantile(1.0 - (1.0 - CONFIDENCE) / 2.0 / float(comparisons.max(1)));
        let (one, two) = (self.share()?, other.share()?);
        let (of_one, of_two) = (self.wilson(z)?, other.wilson(z)?);
        let difference = one - two;
        Some(Interval {
            low: difference - (one - of_one.low).hypot(of_two.high - two),
            high: difference + (of_one.high - one).hypot(two - of_two.low),
        })
    }

    fn wilson(&self, z: f64) -> Option<Interval> {
        let (share, whole) = (self.share()?, float(self.whole));
        let shrink = 1.0 + z * z / whole;
        let middle = (share + z * z / (2.0 * whole)) / shrink;
        let half = z / shrink * (share * (1.0 - share) / whole + z * z / (4.0 * whole * whole)).sqrt();
        // Exactly 0 and 1 in the formula, but for the last bit.
        Some(Interval {
            low: if self.part == 0 { 0.0 } else { (middle - half).clamp(0.0, share) },
            high: if self.part >= self.whole { 1.0 } else { (middle + half).clamp(share, 1.0) },
        })
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact up to 2^53, far beyond any campaign")]
const fn float(number: u64) -> f64 {
    number as f64
}

/// The point below which a standard normal variable stays with a probability of at least 0.975: P. J. Acklam's rational
/// approximation for the upper tail (*An algorithm for computing the inverse normal cumulative distribution function*, 2003),
/// whose relative error is below 1e-8 there.
fn quantile(probability: f64) -> f64 {
    const C: [f64; 6] = [
        -7.784_894_002_430_293e-3,
        -3.223_964_580_411_365e-1,
        -2.400_758_277_161_838,
        -2.549_732_539_343_734,
        4.374_664_141_464_968,
        2.938_163_982_698_783,
    ];
    const D: [f64; 4] =
        [7.784_695_709_041_462e-3, 3.224_671_290_700_398e-1, 2.445_134_137_142_996, 3.754_408_661_907_416];
    let tail = (-2.0 * (1.0 - probability).ln()).sqrt();
    let polynomial = |factors: &[f64]| factors.iter().fold(0.0, |sum, factor| sum * tail + factor);
    -polynomial(&C) / (polynomial(&D) * tail + 1.0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(part: u64, whole: u64) -> Proportion {
        Proportion { part, whole }
    }

    fn close(interval: Option<Interval>, low: f64, high: f64) {
        let Interval { low: is_low, high: is_high } = interval.unwrap();
        assert!((is_low - low).abs() < 6e-5 && (is_high - high).abs() < 6e-5, "{is_low} to {is_high}");
    }

    /// Newcombe (1998), pages 857 ff., table I, method 3.
    #[test]
    fn one_share_is_as_published() {
        close(of(81, 263).interval(), 0.2553, 0.3662);
        close(of(15, 148).interval(), 0.0624, 0.1605);
        close(of(0, 20).interval(), 0.0, 0.1611);
        close(of(1, 29).interval(), 0.0061, 0.1718);
    }

    /// Newcombe (1998), pages 873 ff., table II, method 10.
    #[test]
    fn a_difference_is_as_published() {
        close(of(56, 70).minus(&of(48, 80), 1), 0.0524, 0.3339);
        close(of(9, 10).minus(&of(3, 10), 1), 0.1705, 0.8090);
        close(of(6, 7).minus(&of(2, 7), 1), 0.0582, 0.8062);
        close(of(5, 56).minus(&of(0, 29), 1), -0.0381, 0.1926);
        close(of(10, 10).minus(&of(0, 20), 1), 0.6791, 1.0);
    }

    #[test]
    fn quantiles_are_those_of_tables() {
        for (probability, z) in
            [(0.975, 1.959_964), (1.0 - 0.025 / 3.0, 2.393_980), (1.0 - 0.025 / 45.0, 3.260_767)]
        {
            assert!((quantile(probability) - z).abs() < 2e-6, "{probability}: {}", quantile(probability));
        }
    }

    #[test]
    fn of_nothing_nothing_is_known() {
        assert_eq!((of(0, 0).share(), of(0, 0).interval(), of(0, 0).minus(&of(1, 2), 1)), (None, None, None));
        assert_eq!(of(3, 2).share(), Some(1.0), "late words may make more of a part than of its whole");
    }

    #[test]
    fn who_compares_more_must_see_more() {
        let (one, two) = (of(560, 1_000), of(512, 1_000));
        assert!(!one.minus(&two, 1).unwrap().contains(0.0));
        assert!(one.minus(&two, 10).unwrap().contains(0.0));
    }

    proptest! {
        #[test]
        fn intervals_are_around_their_shares(whole in 1..3_000_000_u64, part in 0..3_000_000_u64, other in 0..500_u64) {
            let one = of(part.min(whole), whole);
            let share = one.share().unwrap();
            let interval = one.interval().unwrap();
            prop_assert!(interval.contains(share) && interval.low >= 0.0 && interval.high <= 1.0);
            // Counted the other way round it is the same.
            let rest = of(whole - one.part, whole).interval().unwrap();
            prop_assert!((rest.low - (1.0 - interval.high)).abs() < 1e-9);
            let two = of(other, 500);
            let (there, back) = (one.minus(&two, 1).unwrap(), two.minus(&one, 1).unwrap());
            prop_assert!((there.low + back.high).abs() < 1e-9);
            prop_assert!(there.contains(share - two.share().unwrap()));
            prop_assert!(there.low >= -1.0 - 1e-9 && there.high <= 1.0 + 1e-9);
        }
    }
}
