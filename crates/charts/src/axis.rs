//! Round ticks of an axis.

/// An axis from a round number to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Axis {
    pub(crate) from: f64,
    pub(crate) to: f64,
    step: f64,
}

impl Axis {
    /// Includes both values, with about so many steps between ticks; whole numbers alone where `whole`.
    pub(crate) fn around(low: f64, high: f64, steps: f64, whole: bool) -> Self {
        let low = if low.is_finite() { low } else { 0.0 };
        let high = if high.is_finite() && high > low { high } else { low + 1.0 };
        let step = round_step((high - low) / steps);
        let step = if whole { step.max(1.0) } else { step };
        Self { from: (low / step).floor() * step, to: (high / step).ceil() * step, step }
    }

    /// The ticks, the lowest first.
    pub(crate) fn ticks(&self) -> Vec<f64> {
        let mut ticks = Vec::new();
        let mut number = 0.0;
        while ticks.len() < 50 && self.from + number * self.step <= self.to + self.step / 2.0 {
            ticks.push(self.from + number * self.step);
            number += 1.0;
        }
        ticks
    }

    /// Where a value lies, from 0 to 1.
    pub(crate) fn place(&self, value: f64) -> f64 {
        crate::number::fraction(value - self.from, self.to - self.from)
    }
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let power = if power.is_finite() && power > 0.0 { power } else { 1.0 };
    // A hair less than the factor, for steps that are round but for the last bit.
    [1.0, 2.0, 5.0].into_iter().find(|factor| step <= factor * power * (1.0 + 1e-9)).unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_include_both_ends() {
        assert_eq!(Axis::around(0.0, 97.0, 4.0, true).ticks(), [0.0, 50.0, 100.0]);
        assert_eq!(Axis::around(0.0, 3.0, 4.0, true).ticks(), [0.0, 1.0, 2.0, 3.0]);
        assert_eq!(Axis::around(0.0, 0.0, 4.0, true).ticks(), [0.0, 1.0]);
        assert_eq!(Axis::around(0.0, 1_000_000.0, 4.0, true).ticks().last(), Some(&1_000_000.0));
        let huge = Axis::around(0.0, 1.8e19, 4.0, true);
        assert!(huge.to >= 1.8e19 && huge.ticks().len() <= 6, "{huge:?}");
        let shares = Axis::around(0.113, 0.142, 4.0, false);
        assert!(shares.from <= 0.113 && shares.to >= 0.142 && shares.ticks().len() <= 7, "{shares:?}");
    }

    #[test]
    fn what_is_no_number_gets_an_axis_all_the_same() {
        let axis = Axis::around(f64::NAN, f64::INFINITY, 4.0, false);
        assert!(axis.to > axis.from && axis.ticks().len() > 1, "{axis:?}");
        assert_eq!(axis.place(f64::NAN), 0.0);
    }
}
