//! The charts of a report, each with its numbers in a table.

use campaign::audience::Country;
use campaign::money::Micros;
use charts::{Bars, Budget, Columns, Funnel, Intervals, Lines, time};
use chrono::{DateTime, TimeDelta, Utc};

use super::page::{Figure, Grid};
use super::sections::reason_in_words;
use super::tables;
use crate::commands::report::comparing::Measure;
use crate::commands::report::summary::{FailurePart, HourPart, Summary};
use crate::commands::report::times::spans;
use crate::output::format;

/// About so many times are written at an axis.
const TICKS: u32 = 5;
/// The names of what a timeline shows, in the order of its series.
const SERIES: [&str; 3] = ["attempted", "delivered", "read"];

fn figure(caption: impl Into<String>, svg: String, numbers: Grid) -> Figure {
    Figure { caption: caption.into(), svg, numbers }
}

/// From planned to read.
pub(super) fn funnel(summary: &Summary) -> Figure {
    let funnel = &summary.funnel;
    let steps = [
        ("Planned", funnel.planned),
        ("Attempted", funnel.attempted),
        ("Accepted", funnel.accepted),
        ("Sent", funnel.sent),
        ("Delivered", funnel.delivered),
        ("Read", funnel.read),
    ];
    let caption = "How far recipients got";
    let mut table = Grid::new(caption, ["Step", "Recipients#", "Of the step before#", "Of planned#"]);
    let mut chart = Funnel::new("chart-funnel", caption);
    let mut before = None;
    for (name, number) in steps {
        chart = chart.step(name, number);
        let of_before =
            before.map_or_else(|| format::NOTHING.to_owned(), |before| format::percent(number, before));
        let of_planned = format::percent(number, funnel.planned);
        table.row([name.to_owned(), format::count(number), of_before, of_planned]);
        before = Some(number);
    }
    figure(caption, chart.render(), table)
}

/// What happened in each step of time.
pub(super) fn timeline(summary: &Summary) -> Figure {
    let timeline = &summary.timeline;
    let caption = match timeline.step_seconds {
        1 => "Messages in each second".to_owned(),
        60 => "Messages in each minute".to_owned(),
        3_600 => "Messages in each hour".to_owned(),
        seconds @ ..60 => format!("Messages in each {seconds} seconds"),
        seconds => format!("Messages in each {} minutes", seconds / 60),
    };
    let points = without_gaps(&timeline.points, TimeDelta::seconds(timeline.step_seconds));
    let svg = lines("chart-timeline", &caption, summary, &points).render();
    figure(caption, svg, by_span(summary))
}

/// How many there were until then.
pub(super) fn progress(summary: &Summary) -> Figure {
    let caption = "Messages so far";
    let timeline = &summary.timeline;
    let mut sums = [0.0; 3];
    let mut points: Vec<(DateTime<Utc>, [f64; 3])> = Vec::new();
    for point in &timeline.points {
        // Until this step nothing more happened.
        if points.last().is_none_or(|(last, _)| *last < point.from) {
            points.push((point.from, sums));
        }
        for (sum, more) in sums.iter_mut().zip(values(point)) {
            *sum += more;
        }
        points.push((point.from + TimeDelta::seconds(timeline.step_seconds), sums));
    }
    let svg = lines("chart-progress", caption, summary, &points).render();
    let spans = spans(&summary.hours, summary.times.zone);
    let (caption_of_table, what) =
        if spans.are_days { ("At the end of each day", "Day") } else { ("At the end of each hour", "Hour") };
    let mut table = Grid::new(caption_of_table, [what, "Attempted#", "Delivered#", "Read#"]);
    let mut sums = [0; 3];
    for (name, of) in spans.named {
        for (sum, more) in sums.iter_mut().zip(of) {
            *sum += more;
        }
        let [attempted, delivered, read] = sums.map(format::count);
        table.row([name, attempted, delivered, read]);
    }
    figure(caption, svg, table)
}

fn lines(id: &str, caption: &str, summary: &Summary, points: &[(DateTime<Utc>, [f64; 3])]) -> Lines {
    let mut chart = Lines::new(id, caption);
    for (place, name) in SERIES.into_iter().enumerate() {
        let series = points.iter().filter_map(|(at, of)| Some((time::seconds(*at), *of.get(place)?)));
        chart = chart.series(name, series.collect::<Vec<_>>());
    }
    let (Some((from, _)), Some((until, _))) = (points.first(), points.last()) else { return chart };
    let zone = summary.times.zone;
    let local = |at: &DateTime<Utc>| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
    chart.ticks(time::ticks(*from, *until, &zone, TICKS)).remark(format!(
        "From {} to {}, {}.",
        local(from),
        local(until),
        zone.name()
    ))
}

/// With nothing where nothing happened: of a long pause both ends, which is as good to draw as all of it.
fn without_gaps(points: &[HourPart], step: TimeDelta) -> Vec<(DateTime<Utc>, [f64; 3])> {
    let mut filled: Vec<(DateTime<Utc>, [f64; 3])> = Vec::new();
    for point in points {
        if let Some((last, _)) = filled.last().copied() {
            if point.from - last > step {
                filled.push((last + step, [0.0; 3]));
            }
            if point.from - last > step * 2 {
                filled.push((point.from - step, [0.0; 3]));
            }
        }
        filled.push((point.from, values(point)));
    }
    filled
}

#[expect(clippy::cast_precision_loss, reason = "the place of a line in a drawing")]
const fn values(point: &HourPart) -> [f64; 3] {
    [point.attempted as f64, point.delivered as f64, point.read as f64]
}

/// By hour, or by day where there are many hours.
fn by_span(summary: &Summary) -> Grid {
    let spans = spans(&summary.hours, summary.times.zone);
    let (caption, what) = if spans.are_days { ("By day", "Day") } else { ("By hour", "Hour") };
    let mut table = Grid::new(caption, [what, "Attempted#", "Delivered#", "Read#"]);
    for (name, [attempted, delivered, read]) in spans.named {
        table.row([name, format::count(attempted), format::count(delivered), format::count(read)]);
    }
    table
}

/// Failed messages by what failed.
pub(super) fn failures(summary: &Summary) -> Figure {
    let caption = "Failed messages by reason";
    let failed = summary.funnel.failed;
    let mut table = Grid::new(caption, ["Failure", "Code#", "Messages#", "Of the failed#"]);
    let mut chart = Bars::new("chart-failed", caption).whole(failed);
    for part in &summary.failures {
        let code = part.code.map_or_else(|| format::NOTHING.to_owned(), |code| code.to_string());
        chart = chart.bar(failure_name(part), part.messages);
        let share = format::percent(part.messages, failed);
        table.row([part.title.clone(), code, format::count(part.messages), share]);
    }
    figure(caption, chart.render(), table)
}

/// A failure's name, with its code.
pub(super) fn failure_name(part: &FailurePart) -> String {
    match part.code {
        Some(code) if !part.title.contains(&code.to_string()) => format!("{} ({code})", part.title),
        _ => part.title.clone(),
    }
}

/// Rows that planning refused, by reason.
pub(super) fn excluded(summary: &Summary) -> Figure {
    let caption = "Rows left out, by reason, and their share of the planned";
    let planned = summary.funnel.planned;
    let mut table = Grid::new(caption, ["Reason", "Rows#", "Of planned#"]);
    let mut chart = Bars::new("chart-excluded", caption);
    for part in &summary.excluded {
        let (name, share) = (reason_in_words(&part.reason), format::percent(part.rows, planned));
        chart = chart.bar_saying(name.clone(), part.rows, format!("{} · {share}", format::count(part.rows)));
        table.row([name, format::count(part.rows), share]);
    }
    figure(caption, chart.render(), table)
}

/// Messages by country, and how many arrived there.
pub(super) fn countries(summary: &Summary) -> Figure {
    let caption = "Messages by country";
    let mut chart = Bars::new("chart-countries", caption).most(10);
    for part in &summary.countries {
        let name = part.name.parse::<Country>().map_or_else(
            |_| part.name.clone(),
            |country| {
                let name = country.name();
                format!("{} ({})", name.strip_prefix("the ").unwrap_or(name), part.name)
            },
        );
        let delivered = format::percent(part.delivered, part.attempted);
        let said = format!("{} · {delivered} delivered", format::count(part.messages));
        chart = chart.bar_saying(name, part.messages, said);
    }
    figure(caption, chart.render(), tables::parts(caption, "Country", &summary.countries, summary))
}

/// Attempts and reads by hour of the day.
pub(super) fn hours_of_day(summary: &Summary) -> Vec<Figure> {
    let one = |id: &str, caption: &str, series: usize, of: fn(&HourOfDay) -> u64| {
        let mut chart = Columns::new(id, caption).series(series);
        let mut table = Grid::new(caption, ["Hour", "Messages#"]);
        for part in &summary.hours_of_day {
            chart = chart.column(format!("{:02}", part.hour), of(part));
            table.row([format!("{0:02}:00 to {0:02}:59", part.hour), format::count(of(part))]);
        }
        figure(caption, chart.remark("Columns are hours.").render(), table)
    };
    vec![
        one("chart-hours-sent", "Attempts by hour of the day", 0, |part| part.attempted),
        one("chart-hours-read", "Reads by hour of the day", 2, |part| part.read),
    ]
}

type HourOfDay = crate::commands::report::timeline::DayHourPart;

/// Variants by a share, with the range of each.
pub(super) fn variants(summary: &Summary, measure: Measure) -> Figure {
    let caption = measure.name();
    let id = format!("chart-variants-{}", measure.verb());
    let mut chart = Intervals::new(&id, caption).remark("The ranges are 95 % confidence intervals.");
    let mut table = Grid::new(caption, ["Variant", "Of#", "Number#", "Share#", "At least#", "At most#"]);
    for part in &summary.variants {
        let of = measure.of(part);
        let shown = of.share().zip(of.interval());
        let percent = |share: f64| charts::number::share(share);
        let nothing = || format::NOTHING.to_owned();
        let (share, low, high) = shown.map_or_else(
            || (nothing(), nothing(), nothing()),
            |(share, interval)| (percent(share), percent(interval.low), percent(interval.high)),
        );
        table.row([part.name.clone(), format::count(of.whole), format::count(of.part), share, low, high]);
        chart = match shown {
            Some((share, interval)) => chart.interval(part.name.clone(), share, interval.low, interval.high),
            None => chart.unknown(part.name.clone()),
        };
    }
    figure(caption, chart.render(), table)
}

/// What is spent and reserved, of the budget where there is one.
pub(super) fn budget(summary: &Summary) -> Figure {
    let spend = &summary.spend;
    let money = |amount: Micros| format::money(amount, spend.currency);
    let caption = if spend.budget.is_some() { "Spend against the budget" } else { "Spend" };
    let mut table = Grid::new(caption, ["Amount", "Money#", "Messages#"]);
    let nothing = || format::NOTHING.to_owned();
    table.row(["spent".to_owned(), money(spend.spent), nothing()]);
    let (told, estimated) = (format::count(spend.told_messages), format::count(spend.estimated_messages));
    table.row(["of it told by the platform".to_owned(), money(spend.told), told]);
    table.row(["of it by the rate card".to_owned(), money(spend.estimated), estimated]);
    table.row(["reserved: the worst case of what is in flight".to_owned(), money(spend.reserved), nothing()]);
    let mut chart = Budget::new("chart-budget", caption)
        .spent(size(spend.spent), money(spend.spent))
        .reserved(size(spend.reserved), money(spend.reserved));
    if let Some(budget) = spend.budget {
        let left = Micros((budget.0 - spend.spent.0 - spend.reserved.0).max(0));
        chart = chart.limit(size(budget), money(budget), money(left));
        table.row(["left".to_owned(), money(left), nothing()]);
        table.row(["budget".to_owned(), money(budget), nothing()]);
    }
    figure(caption, chart.render(), table)
}

#[expect(clippy::cast_precision_loss, reason = "the length of a bar in a drawing")]
const fn size(amount: Micros) -> f64 {
    amount.0 as f64
}

/// How many each run of a recurring campaign delivered, with a table of all their numbers.
pub(in super::super) fn runs<'r>(
    delivered: impl IntoIterator<Item = (&'r str, u64, String)>,
    numbers: Grid,
) -> Figure {
    let caption = "Delivered by run";
    let mut chart = Bars::new("chart-runs", caption).most(20);
    for (name, value, said) in delivered {
        chart = chart.bar_saying(name, value, said);
    }
    figure(caption, chart.render(), numbers)
}
