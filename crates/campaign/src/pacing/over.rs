//! The pace of `over: 4h`: as fast as is needed to be done in time.

use std::time::Duration;

use super::Rate;

/// The rate that sends what remains within the open time that is left: the slowest one that is enough.
///
/// 14,400 messages in 4 open hours are 1/s; after two hours in which only 3,600 went, 10,800 remain in two
/// hours, and the rate is 1.5/s. Where no time is left, or more is to be sent than 10,000/s can, it is
/// the fastest rate there is: the sender's own rate is then what bounds it. With nothing to send it is the
/// slowest.
pub fn over_rate(remaining: u64, open_left: Duration) -> Rate {
    if remaining == 0 {
        return Rate::SLOWEST;
    }
    Rate::needed(remaining, open_left).unwrap_or(Rate::FASTEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_fast_as_needed() {
        let hours = |h: u64| Duration::from_secs(h * 3600);
        for (remaining, open_left, rate) in [
            (14_400, hours(4), "1/s"),
            (10_800, hours(2), "90/m"),
            (1, hours(1), "1/h"),
            (5, Duration::ZERO, "10000/s"),
            (u64::MAX, hours(1), "10000/s"),
            (0, hours(1), "0.001/h"),
        ] {
            assert_eq!(over_rate(remaining, open_left), rate.parse().unwrap(), "{remaining}");
        }
    }
}
