//! A report as one page that needs nothing else: no script, no other file, no host. It has no recipient's number in it.
//!
//! | module | does |
//! | --- | --- |
//! | [`mod@page`] | what a page is made of: sections, figures, tables; its template |
//! | [`style`] | the stylesheet, and the policy by which the browser loads nothing |
//! | [`sections`] | the sections of a campaign's report, in their order |
//! | [`figures`] | the charts, each with its numbers in a table |
//! | [`tables`] | the tables of what has no chart |
//! | [`masking`] | takes what looks like a number of a phone out of texts |

mod figures;
mod masking;
mod page;
mod sections;
mod style;
mod tables;

use chrono::{DateTime, Utc};

pub(super) use figures::runs;
pub(super) use page::{Grid, Page, Section, write};

use super::summary::Summary;
use crate::output::format;

/// The page of a campaign's report.
pub(super) fn page(summary: &Summary, now: DateTime<Utc>) -> Page {
    let zone = summary.times.zone;
    let mut facts = vec![("State", summary.state.to_string())];
    if let Some(reason) = &summary.reason {
        facts.push(("Why", masking::masked(reason)));
    }
    let templates: Vec<&str> = summary.templates.iter().map(|part| part.name.as_str()).collect();
    facts.push((if templates.len() > 1 { "Templates" } else { "Template" }, templates.join(", ")));
    let senders = if summary.senders.len() > 1 { "Senders" } else { "Sender" };
    facts.push((senders, summary.senders.join(", ")));
    let times = &summary.times;
    let all = [
        ("Launched", Some(times.launched_at)),
        ("First sent", times.started_at),
        ("Last sent", times.last_sent_at),
        ("Ended", times.finished_at),
    ];
    facts.extend(all.into_iter().filter_map(|(name, at)| Some((name, format::instant(at?, zone)))));
    facts.push(("Time zone", zone.name().to_owned()));
    facts.push(("File", summary.file.clone()));
    if !summary.plan_hash.is_empty() {
        facts.push(("Plan", summary.plan_hash.clone()));
    }
    let mut notices = Vec::new();
    if !summary.is_over {
        notices.push("The campaign is not over: these numbers will still change.".to_owned());
    }
    if !summary.adds_up {
        notices.push(format!("The rows do not add up: run `paceline verify {}`.", summary.campaign));
    }
    Page::new(
        format!("Report of {}", summary.campaign),
        facts,
        notices,
        tiles(summary),
        sections::all(summary),
        format!("Made by Paceline at {}.", format::instant(now, zone)),
    )
}

/// The main numbers, each with what it is a share of.
fn tiles(summary: &Summary) -> Vec<page::Tile> {
    let funnel = &summary.funnel;
    let tile = |name, value, note: String| page::Tile { name, value, note };
    let mut tiles = vec![
        tile(
            "Planned",
            format::count(funnel.planned),
            format!("{} left out at planning", format::count(funnel.excluded)),
        ),
        tile(
            "Delivered",
            format::count(funnel.delivered),
            format!("{} of the attempted", format::percent(funnel.delivered, funnel.attempted)),
        ),
        tile(
            "Read",
            format::count(funnel.read),
            format!("{} of the delivered", format::percent(funnel.read, funnel.delivered)),
        ),
        tile(
            "Failed",
            format::count(funnel.failed),
            format!("{} of the attempted", format::percent(funnel.failed, funnel.attempted)),
        ),
    ];
    if funnel.in_doubt > 0 {
        let note = "it is not known whether the platform took them".to_owned();
        tiles.push(tile("In doubt", format::count(funnel.in_doubt), note));
    }
    let spend = &summary.spend;
    let note = match spend.budget {
        Some(budget) => format!("of a budget of {}", format::money(budget, spend.currency)),
        None => "without a budget".to_owned(),
    };
    tiles.push(tile("Spent", format::money(spend.spent, spend.currency), note));
    tiles
}

#[cfg(test)]
mod tests;
