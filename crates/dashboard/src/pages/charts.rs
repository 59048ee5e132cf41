//! A campaign over time, and how far its recipients got. Its numbers stand on the page as well.

use askama::Template;
use campaign::message::State;
use charts::{Funnel, Lines, time};
use desk::facts::Facts;
use store::model::Sample;

/// About so many times are written below the chart.
const TICKS: u32 = 5;

#[derive(Debug, Template)]
#[template(path = "campaign_charts.html")]
pub(super) struct Charts {
    progress: Option<String>,
    funnel: String,
}

/// Both charts.
pub(super) fn of(facts: &Facts, past: &[Sample]) -> Charts {
    Charts { progress: progress(facts, past), funnel: funnel(facts) }
}

/// Messages over time, from the first one sent; nothing before something was noted.
fn progress(facts: &Facts, past: &[Sample]) -> Option<String> {
    let (from, last) = (facts.started_at?, past.last()?);
    let series = |of: fn(&Sample) -> u64| {
        let points = past.iter().map(move |sample| (time::seconds(sample.at), float(of(sample))));
        std::iter::once((time::seconds(from), 0.0)).chain(points).collect::<Vec<_>>()
    };
    let local = |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&facts.zone).format("%Y-%m-%d %H:%M");
    let chart = Lines::new("chart-progress", "Messages over time")
        .series("handled", series(|sample| sample.handled))
        .series("delivered", series(|sample| sample.delivered))
        .series("read", series(|sample| sample.read))
        .series("failed", series(|sample| sample.failed))
        .ticks(time::ticks(from, last.at, &facts.zone, TICKS))
        .remark(format!("From {} to {}, {}.", local(from), local(last.at), facts.zone.name()));
    Some(chart.render())
}

fn funnel(facts: &Facts) -> String {
    Funnel::new("chart-funnel", "How far recipients got")
        .step("Planned", facts.planned)
        .step("To be sent", facts.messages)
        .step("Handled", facts.handled)
        .step("Sent", facts.count(State::Sent) + facts.delivered)
        .step("Delivered", facts.delivered)
        .step("Read", facts.read)
        .render()
}

#[expect(clippy::cast_precision_loss, reason = "a place in a chart")]
fn float(number: u64) -> f64 {
    number as f64
}
