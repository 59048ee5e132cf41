//! The platform's counters: throughput of a number, messages to one person, people of one portfolio.
//! All times are microseconds of the platform's clock.

use std::collections::{BTreeMap, VecDeque};

const SECOND: i64 = 1_000_000;

/// Messages of one number in a sliding window of one second.
#[derive(Debug, Default)]
pub(crate) struct Throughput {
    admitted: VecDeque<i64>,
}

impl Throughput {
    /// Counts a message at `now` unless `limit` of the last second are used up.
    pub(crate) fn admit(&mut self, now: i64, limit: u32) -> bool {
        // Two arrivals may take the lock in the other order than they were stamped.
        let now = self.admitted.back().map_or(now, |last| now.max(*last));
        while self.admitted.front().is_some_and(|oldest| *oldest <= now - SECOND) {
            self.admitted.pop_front();
        }
        if self.admitted.len() >= limit as usize {
            return false;
        }
        self.admitted.push_back(now);
        true
    }
}

/// One message to the same person every 6 seconds, with up to 45 borrowed from the future (Meta: pair rate
/// limit). For each pair, the time at which what it borrowed is paid back.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    paid_back: BTreeMap<(String, String), i64>,
}

impl Pairs {
    const EVERY: i64 = 6 * SECOND;
    const BURST: i64 = 45;

    /// Whether the number may message this person at `now`.
    pub(crate) fn allows(&self, number: &str, recipient: &str, now: i64) -> bool {
        let key = (number.to_owned(), recipient.to_owned());
        self.paid_back.get(&key).is_none_or(|at| at - now <= (Self::BURST - 1) * Self::EVERY)
    }

    /// Counts a message.
    pub(crate) fn count(&mut self, number: &str, recipient: &str, now: i64) {
        let at = self.paid_back.entry((number.to_owned(), recipient.to_owned())).or_insert(now);
        *at = (*at).max(now) + Self::EVERY;
    }
}

/// The people a portfolio messaged in the last 24 hours.
#[derive(Debug, Default)]
pub(crate) struct Reach {
    last: BTreeMap<String, i64>,
    order: VecDeque<(i64, String)>,
}

impl Reach {
    const DAY: i64 = 24 * 60 * 60 * SECOND;

    /// Whether one more message to this person keeps the number of people within `limit`.
    pub(crate) fn allows(&mut self, recipient: &str, now: i64, limit: u32) -> bool {
        self.forget(now);
        self.last.contains_key(recipient) || self.last.len() < limit as usize
    }

    /// Counts a message.
    pub(crate) fn count(&mut self, recipient: &str, now: i64) {
        self.forget(now);
        self.last.insert(recipient.to_owned(), now);
        self.order.push_back((now, recipient.to_owned()));
    }

    fn forget(&mut self, now: i64) {
        while self.order.front().is_some_and(|(at, _)| *at <= now - Self::DAY) {
            if let Some((at, recipient)) = self.order.pop_front()
                && self.last.get(&recipient) == Some(&at)
            {
                self.last.remove(&recipient);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_window_of_a_second_holds_more_than_the_limit() {
        let mut throughput = Throughput::default();
        let admitted: Vec<i64> =
            (0..300).map(|n| n * 10_000).filter(|at| throughput.admit(*at, 20)).collect();
        assert_eq!(admitted.len(), 60, "20 in each of three seconds");
        assert!(admitted.windows(21).all(|w| w[20] - w[0] >= SECOND));
    }

    #[test]
    fn a_burst_to_one_person_is_borrowed_from_the_future() {
        let mut pairs = Pairs::default();
        let burst = (0..60)
            .filter(|_| {
                pairs.allows("n", "r", 0) && {
                    pairs.count("n", "r", 0);
                    true
                }
            })
            .count();
        assert_eq!(burst, 45);
        assert!(!pairs.allows("n", "r", 5 * SECOND));
        assert!(pairs.allows("n", "r", 6 * SECOND));
        assert!(pairs.allows("n", "other", 0));
    }

    #[test]
    fn a_person_counts_once_until_a_day_has_passed() {
        let mut reach = Reach::default();
        reach.count("a", 0);
        reach.count("a", 10);
        assert!(reach.allows("a", 20, 1) && !reach.allows("b", 20, 1));
        assert!(!reach.allows("b", Reach::DAY, 1), "a's second message still counts");
        assert!(reach.allows("b", Reach::DAY + 10, 1));
    }
}
