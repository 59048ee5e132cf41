//! What became of a sender's jobs, counted: in all, and by the minute for a little over an hour.

use std::collections::VecDeque;

use crate::inspect::{Counts, MINUTES, Seconds};

/// A count of what became of jobs.
#[derive(Debug, Default)]
pub(super) struct Tally {
    total: Counts,
    /// Minutes since 1970 in which something happened, the newest last.
    minutes: VecDeque<(u64, Counts)>,
}

impl Tally {
    /// Counts what happened now.
    pub(super) fn count(&mut self, now: Seconds, what: fn(&mut Counts) -> &mut u64) {
        *what(&mut self.total) += 1;
        let minute = now / 60;
        if self.minutes.back().is_none_or(|(last, _)| *last != minute) {
            self.minutes.push_back((minute, Counts::default()));
            if self.minutes.len() > MINUTES {
                self.minutes.pop_front();
            }
        }
        if let Some((_, counts)) = self.minutes.back_mut() {
            *what(counts) += 1;
        }
    }

    /// All of it.
    pub(super) fn total(&self) -> Counts {
        self.total
    }

    /// Each of the last minutes, oldest first, the present one last.
    pub(super) fn minutes(&self, now: Seconds) -> Vec<Counts> {
        let present = now / 60;
        let mut minutes = vec![Counts::default(); MINUTES];
        for (minute, counts) in &self.minutes {
            let age = present.checked_sub(*minute).and_then(|age| usize::try_from(age).ok());
            if let Some(place) = age.and_then(|age| (MINUTES - 1).checked_sub(age)) {
                minutes[place] = *counts;
            }
        }
        minutes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_pass_and_the_total_stays() {
        let mut tally = Tally::default();
        for minute in 0..200 {
            tally.count(minute * 60, |counts| &mut counts.done);
            tally.count(minute * 60 + 59, |counts| &mut counts.lost);
        }
        let each = Counts { done: 1, lost: 1, ..Counts::default() };
        assert_eq!(tally.total(), Counts { done: 200, lost: 200, ..Counts::default() });
        assert_eq!(tally.minutes(199 * 60), vec![each; MINUTES]);
        let later = tally.minutes(209 * 60);
        assert_eq!(later[..60], vec![each; 60]);
        assert_eq!(later[60..], [Counts::default(); 10]);
        assert_eq!(tally.minutes(1_000 * 60), vec![Counts::default(); MINUTES]);
        assert_eq!(tally.minutes.len(), MINUTES);
    }
}
