//! Hours of the campaign's zone under their names, or days where there are many.

use std::collections::BTreeMap;

use chrono_tz::Tz;

use super::summary::HourPart;

/// With more hours than this, days are listed.
const MOST_HOURS: usize = 24;

/// Named spans of time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Spans {
    /// Days; else hours.
    pub(super) are_days: bool,
    /// Attempted, delivered and read in each, by its name, which sorts by time.
    pub(super) named: BTreeMap<String, [u64; 3]>,
}

/// The spans in which something happened.
pub(super) fn spans(hours: &[HourPart], zone: Tz) -> Spans {
    let are_days = hours.len() > MOST_HOURS;
    let pattern = if are_days { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" };
    let mut named: BTreeMap<String, [u64; 3]> = BTreeMap::new();
    for hour in hours {
        let name = hour.from.with_timezone(&zone).format(pattern).to_string();
        let sum = named.entry(name).or_default();
        for (sum, more) in sum.iter_mut().zip([hour.attempted, hour.delivered, hour.read]) {
            *sum += more;
        }
    }
    Spans { are_days, named }
}
