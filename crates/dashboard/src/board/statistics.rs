//! What is counted, by the names that the page knows: it shows any other as the number of all jobs.

use apalis_core::backend::{StatType, Statistic};
use queue::inspect::{Counts, Line, MINUTES};

/// The page draws seven bars of what was done lately: of so many minutes each.
const BAR: usize = MINUTES / 7;

/// One sender's statistics. The page takes from them how many rows a list has, so that of the ended jobs those are
/// counted that are kept.
pub(super) fn of_one(line: &Line) -> Vec<Statistic> {
    let kept = [
        ("PENDING_JOBS", line.depth.waiting),
        ("RUNNING_JOBS", line.depth.running),
        ("DONE_JOBS", line.kept_done),
        ("FAILED_JOBS", line.kept_failed),
        ("KILLED_JOBS", 0),
        ("TOTAL_JOBS", line.depth.waiting + line.depth.running + line.kept_done + line.kept_failed),
        ("COMPLETED_JOBS", line.total.done),
    ];
    in_order(kept.map(|(title, count)| number(title, count)), &line.total, &last_hour(line))
}

/// The statistics of all together: of the ended jobs all that there were.
pub(super) fn of_all(lines: &[Line]) -> Vec<Statistic> {
    let sum = |count: fn(&Line) -> u64| lines.iter().map(count).sum::<u64>();
    let total = lines.iter().fold(Counts::default(), |sum, line| added(sum, line.total));
    let hour = lines.iter().fold(Counts::default(), |sum, line| added(sum, last_hour(line)));
    let all = [
        ("RUNNING_JOBS", sum(|line| line.depth.running)),
        ("PENDING_JOBS", sum(|line| line.depth.waiting)),
        ("COMPLETED_JOBS", total.done),
        ("FAILED_JOBS", failed(&total)),
    ];
    in_order(all.map(|(title, count)| number(title, count)), &total, &hour)
}

/// How many jobs were done in each of the last times, oldest first.
pub(super) fn activity(line: &Line) -> Vec<usize> {
    let done = |minutes: &[Counts]| minutes.iter().map(|counts| counts.done).sum::<u64>();
    line.minutes.chunks(BAR).map(|minutes| usize::try_from(done(minutes)).unwrap_or(usize::MAX)).collect()
}

fn in_order<const N: usize>(counts: [Statistic; N], total: &Counts, hour: &Counts) -> Vec<Statistic> {
    let ended_in_hour = hour.done + failed(hour);
    let mut all = Vec::from(counts);
    all.push(number("JOBS_PAST_HOUR", ended_in_hour));
    let per_minute = format!("{:.2}", ended_in_hour as f64 / 60.0);
    all.push(statistic("AVG_JOBS_PER_MINUTE_PAST_HOUR", StatType::Decimal, per_minute));
    let ended = total.done + failed(total);
    if ended > 0 {
        let rate = |part: u64| format!("{:.2}", part as f64 * 100.0 / ended as f64);
        all.push(statistic("SUCCESS_RATE", StatType::Percentage, rate(total.done)));
        all.push(statistic("FAILURE_RATE", StatType::Percentage, rate(failed(total))));
    }
    for (place, statistic) in all.iter_mut().enumerate() {
        statistic.priority = Some(place as u64 + 1);
    }
    all
}

/// What became of jobs in the last sixty minutes, the present one among them.
fn last_hour(line: &Line) -> Counts {
    let minutes = &line.minutes[line.minutes.len().saturating_sub(60)..];
    minutes.iter().copied().fold(Counts::default(), added)
}

fn added(a: Counts, b: Counts) -> Counts {
    Counts {
        done: a.done + b.done,
        put_back: a.put_back + b.put_back,
        panicked: a.panicked + b.panicked,
        unreadable: a.unreadable + b.unreadable,
        lost: a.lost + b.lost,
    }
}

fn failed(counts: &Counts) -> u64 {
    counts.panicked + counts.unreadable
}

fn number(title: &str, count: u64) -> Statistic {
    statistic(title, StatType::Number, count.to_string())
}

fn statistic(title: &str, stat_type: StatType, value: String) -> Statistic {
    Statistic { title: title.to_owned(), stat_type, value, priority: None }
}

#[cfg(test)]
mod tests {
    use queue::Depth;

    use super::*;

    fn line() -> Line {
        let mut minutes = vec![Counts::default(); MINUTES];
        // Before the last hour, in its first minute, and now.
        minutes[9].done = 7;
        minutes[10] = Counts { done: 5, panicked: 1, ..Counts::default() };
        minutes[69] = Counts { done: 3, unreadable: 3, put_back: 4, lost: 2, ..Counts::default() };
        Line {
            sender: "a".to_owned(),
            depth: Depth { waiting: 4, running: 2 },
            kept_done: 200,
            kept_failed: 4,
            total: Counts { done: 1_000, panicked: 10, unreadable: 15, put_back: 4, lost: 2 },
            minutes,
        }
    }

    fn shown(statistics: &[Statistic]) -> Vec<String> {
        statistics.iter().map(|statistic| format!("{} {}", statistic.title, statistic.value)).collect()
    }

    #[test]
    fn one_senders() {
        let expected = [
            "PENDING_JOBS 4",
            "RUNNING_JOBS 2",
            "DONE_JOBS 200",
            "FAILED_JOBS 4",
            "KILLED_JOBS 0",
            "TOTAL_JOBS 210",
            "COMPLETED_JOBS 1000",
            "JOBS_PAST_HOUR 12",
            "AVG_JOBS_PER_MINUTE_PAST_HOUR 0.20",
            "SUCCESS_RATE 97.56",
            "FAILURE_RATE 2.44",
        ];
        assert_eq!(shown(&of_one(&line())), expected);
        assert_eq!(activity(&line()), [7, 5, 0, 0, 0, 0, 3]);
    }

    #[test]
    fn all_senders() {
        let expected = [
            "RUNNING_JOBS 4",
            "PENDING_JOBS 8",
            "COMPLETED_JOBS 2000",
            "FAILED_JOBS 50",
            "JOBS_PAST_HOUR 24",
            "AVG_JOBS_PER_MINUTE_PAST_HOUR 0.40",
            "SUCCESS_RATE 97.56",
            "FAILURE_RATE 2.44",
        ];
        assert_eq!(shown(&of_all(&[line(), line()])), expected);
        // Nothing has ended: there is no rate to tell.
        assert_eq!(of_all(&[]).len(), 6);
    }
}
