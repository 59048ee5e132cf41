//! All campaigns as a table, and one campaign as one line.

use campaign::lifecycle::State;
use chrono::{DateTime, Utc};

use crate::output::{Look, Table, Text, Tone, bars, format};
use desk::facts::{Basis, Facts};

/// From this width on there is room for bars and money.
const WIDE: usize = 110;
/// How many characters a bar has.
const BAR: usize = 10;

/// All campaigns, one row each; what they wait for stands below the table, so that rows stay short.
pub(super) fn render(all: &[Facts], look: Look, now: DateTime<Utc>) -> String {
    let is_wide = look.width >= WIDE;
    let mut headings = vec!["CAMPAIGN", "STATE", "PROGRESS", "RATE", "DONE", "DELIVERED", "READ", "FAILED"];
    if is_wide {
        headings.push("SPENT");
    }
    let mut table = Table::new(headings).right([3, 5, 6, 7]);
    for facts in all {
        let mut cells = vec![
            Text::from(facts.campaign.as_str()),
            Text::toned(tone(facts.state), facts.state.name()),
            progress(facts, is_wide).into(),
            rate(facts).into(),
            done(facts, now).into(),
            format::count(facts.delivered).into(),
            format::count(facts.read).into(),
            failed(facts),
        ];
        if is_wide {
            cells.push(spent(facts).into());
        }
        table.row(cells);
    }
    let mut text = table.render(look);
    let whys: Vec<String> = all.iter().filter_map(why).collect();
    if !whys.is_empty() {
        text.push_str("\n\n");
        text.push_str(&whys.iter().map(|why| look.wrap(why, 0)).collect::<Vec<_>>().join("\n"));
    }
    text
}

/// One campaign as one line, for text that is appended to.
pub(super) fn line(facts: &Facts, now: DateTime<Utc>) -> String {
    let mut line = format!(
        "{}  {}  {}  {} of {} handled ({})  {}  {} delivered  {} read  {} failed",
        now.format("%H:%M:%S"),
        facts.campaign,
        facts.state,
        format::count(facts.handled),
        format::count(facts.messages),
        format::percent(facts.handled, facts.messages),
        rate(facts),
        format::count(facts.delivered),
        format::count(facts.read),
        format::count(facts.failed),
    );
    if facts.eta.is_some() {
        line.push_str(&format!("  all sent {}", done(facts, now)));
    }
    if let Some(reason) = &facts.reason {
        line.push_str(&format!("  ({reason})"));
    }
    line
}

/// What a campaign's state means.
pub(super) const fn tone(state: State) -> Tone {
    match state {
        State::Running | State::Settling => Tone::Good,
        State::Loading | State::Waiting | State::Paused => Tone::Warn,
        State::Stopped => Tone::Bad,
        State::Done | State::Cancelled => Tone::Quiet,
    }
}

/// Why it is in its state; always said where it does not simply run.
fn why(facts: &Facts) -> Option<String> {
    if let Some(reason) = &facts.reason {
        return Some(format!("{} is {}: {reason}", facts.campaign, facts.state));
    }
    (!facts.adds_up).then(|| {
        format!("{}: its messages do not add up; run `paceline verify {}`", facts.campaign, facts.campaign)
    })
}

fn progress(facts: &Facts, is_wide: bool) -> String {
    let percent = format::percent(facts.handled, facts.messages);
    if is_wide { format!("{} {percent}", bars::bar(facts.handled, facts.messages, BAR)) } else { percent }
}

/// The rate now; a tilde before the average, where now is not known; nothing of a campaign that does not
/// send.
fn rate(facts: &Facts) -> String {
    match (facts.state, facts.rate) {
        (State::Running, Some(rate)) => match rate.basis {
            Basis::Now => format::rate(rate.per_second),
            Basis::Average => format!("~{}", format::rate(rate.per_second)),
        },
        (
            State::Loading
            | State::Waiting
            | State::Running
            | State::Paused
            | State::Settling
            | State::Done
            | State::Stopped
            | State::Cancelled,
            _,
        ) => format::NOTHING.to_owned(),
    }
}

fn done(facts: &Facts, now: DateTime<Utc>) -> String {
    match (facts.finished_at, facts.eta) {
        (Some(finished), _) => format::roughly(finished, now),
        (None, Some(eta)) => format::roughly(eta, now),
        (None, None) => format::NOTHING.to_owned(),
    }
}

fn failed(facts: &Facts) -> Text {
    let text = format::count(facts.failed);
    if facts.failed > 0 { Text::toned(Tone::Bad, text) } else { text.into() }
}

fn spent(facts: &Facts) -> String {
    let spend = &facts.spend;
    let spent = format::money(spend.spent, spend.currency);
    match spend.budget {
        Some(budget) => format!("{spent} of {}", format::money(budget, spend.currency)),
        None => spent,
    }
}

#[cfg(test)]
mod tests {
    use store::model::CampaignRow;

    use super::super::sample;
    use super::*;

    fn facts(row: &CampaignRow) -> Facts {
        Facts::of(row, &sample::gates(), Some(58.3), sample::now())
    }

    fn all() -> Vec<Facts> {
        let paused = CampaignRow {
            key: "spring".to_owned(),
            state: State::Paused,
            reason: Some("paused by an operator".to_owned()),
            budget: None,
            ..sample::row()
        };
        let done = CampaignRow {
            key: "xmas-2025".to_owned(),
            state: State::Done,
            finished_at: Some(sample::at("2026-11-07T04:30:00Z")),
            ..sample::row()
        };
        vec![facts(&sample::row()), facts(&paused), facts(&done)]
    }

    #[test]
    fn a_wide_table_has_bars_and_money() {
        insta::assert_snapshot!(render(&all(), Look::plain(140), sample::now()));
    }

    #[test]
    fn a_narrow_table_still_fits() {
        let text = render(&all(), Look::plain(80), sample::now());
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_line_says_it_all() {
        insta::assert_snapshot!(
            all().iter().map(|facts| line(facts, sample::now())).collect::<Vec<_>>().join("\n")
        );
    }
}
