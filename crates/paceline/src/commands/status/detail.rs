//! One campaign as text: where it is, how fast, what it waits for, what became of its messages.

use campaign::message::State;
use chrono::{DateTime, Utc};

use super::list::tone;
use crate::output::{Look, Table, Text, Tone, bars, format};
use desk::facts::{Basis, Facts};

/// How many characters a bar has.
const BAR: usize = 32;
/// No more waits are listed: a campaign over many zones has one for each.
const MOST_WAITS: usize = 12;
/// No more zones are named for one wait.
const MOST_ZONES: usize = 3;

/// The campaign at `now`.
pub(super) fn render(facts: &Facts, look: Look, now: DateTime<Utc>) -> String {
    let mut parts = vec![head(facts, look, now), progress(facts, look)];
    if !facts.waits.is_empty() {
        parts.push(waits(facts, look, now));
    }
    parts.push(states(facts, look));
    parts.push(spend(facts, look));
    if !facts.failures.is_empty() {
        parts.push(failures(facts, look));
    }
    let doubts = doubts(facts, look);
    if !doubts.is_empty() {
        parts.push(doubts);
    }
    parts.join("\n\n")
}

fn head(facts: &Facts, look: Look, now: DateTime<Utc>) -> String {
    let mut lines = vec![format!(
        "{} is {}",
        look.paint(Tone::Strong, &facts.campaign),
        look.paint(tone(facts.state), facts.state.name())
    )];
    let mut table = Table::new(["", ""]).indent(2);
    if let Some(reason) = &facts.reason {
        table.row(["why", reason]);
    }
    table.row(["file", &facts.file]);
    if !facts.plan_hash.is_empty() {
        table.row(["plan", &facts.plan_hash]);
    }
    let mut time = |name: &str, at: Option<DateTime<Utc>>| {
        if let Some(at) = at {
            table.row([name, &format::when(at, now, facts.zone)]);
        }
    };
    time("launched", Some(facts.launched_at));
    time("started", facts.started_at);
    time("last sent", facts.last_sent_at);
    time("ended", facts.finished_at);
    if let Some(rate) = facts.rate {
        let basis = match rate.basis {
            Basis::Now => "now",
            Basis::Average => "on average, from the first message to the newest",
        };
        table.row(["rate", &format!("{} {basis}", format::rate(rate.per_second))]);
    }
    if let Some(eta) = facts.eta {
        table.row(["all sent", &format!("{} at this rate", format::when(eta, now, facts.zone))]);
    }
    if let Some(end) = facts.ends_at.filter(|_| !facts.state.is_over()) {
        let late = if facts.eta.is_some_and(|eta| eta > end) {
            "; too soon at this rate: what is left then expires"
        } else {
            ""
        };
        table.row(["end", &format!("{}{late}", format::when(end, now, facts.zone))]);
    }
    lines.push(table.render(look));
    lines.join("\n")
}

fn progress(facts: &Facts, look: Look) -> String {
    let bar = look.paint(Tone::Good, &bars::bar(facts.handled, facts.messages, BAR));
    format!(
        "{bar}  {}  {} of {} handled\n{} delivered, {} read, {} failed",
        format::percent(facts.handled, facts.messages),
        format::count(facts.handled),
        format::count(facts.messages),
        format::count(facts.delivered),
        format::count(facts.read),
        format::count(facts.failed),
    )
}

fn waits(facts: &Facts, look: Look, now: DateTime<Utc>) -> String {
    let mut table = Table::new(["WAITS FOR", "UNTIL", "MESSAGES", "ZONES"]).right([2]);
    for wait in facts.waits.iter().take(MOST_WAITS) {
        let until = wait
            .until
            .map_or_else(|| format::NOTHING.to_owned(), |until| format::when(until, now, facts.zone));
        let messages = wait.messages.map_or_else(|| format::NOTHING.to_owned(), format::count);
        let mut zones = wait.zones.iter().take(MOST_ZONES).cloned().collect::<Vec<_>>().join(", ");
        if wait.zones.len() > MOST_ZONES {
            zones.push_str(&format!(" and {} more", wait.zones.len() - MOST_ZONES));
        }
        table.row([wait.why.as_str(), &until, &messages, &zones]);
    }
    let mut text = table.render(look);
    if facts.waits.len() > MOST_WAITS {
        text.push_str(&format!("\nand {} more (all with --json)", facts.waits.len() - MOST_WAITS));
    }
    text
}

fn states(facts: &Facts, look: Look) -> String {
    let mut table = Table::new(["STATE", "MESSAGES", "SHARE", ""]).right([1, 2]);
    let mut sum = Vec::new();
    let all = std::iter::once(("excluded", facts.excluded, None))
        .chain(State::ALL.into_iter().map(|state| (state.name(), facts.count(state), Some(state))));
    for (name, number, state) in all {
        if number == 0 {
            continue;
        }
        // Bound together: a number without its name says nothing.
        sum.push(format!("{name}\u{a0}{}", format::count(number)));
        let name = match state {
            Some(State::Failed) => Text::toned(Tone::Bad, name),
            Some(State::InDoubt) => Text::toned(Tone::Warn, name),
            Some(_) | None => name.into(),
        };
        table.row([
            name,
            format::count(number).into(),
            format::percent(number, facts.planned).into(),
            bars::bar(number, facts.planned, BAR / 2).into(),
        ]);
    }
    let verdict = if facts.adds_up {
        look.paint(Tone::Good, "adds up")
    } else {
        look.paint(Tone::Bad, &format!("DOES NOT ADD UP: run `paceline verify {}`", facts.campaign))
    };
    let sum = if sum.is_empty() { "nothing".to_owned() } else { sum.join(" + ") };
    let equation = look.wrap(&format!("planned {} = {sum}", format::count(facts.planned)), 0);
    format!("{}\n{equation}: {verdict}", table.render(look))
}

fn spend(facts: &Facts, look: Look) -> String {
    let money = |amount| format::money(amount, facts.spend.currency);
    let mut table = Table::new(["MONEY", "", ""]).right([1]);
    table.row(["spent", &money(facts.spend.spent), ""]);
    table.row(["reserved", &money(facts.spend.reserved), "the worst case of what is in flight"]);
    let used = facts.spend.spent.0.saturating_add(facts.spend.reserved.0);
    match facts.spend.budget {
        Some(budget) => {
            let (part, whole) = (u64::try_from(used).unwrap_or(0), u64::try_from(budget.0).unwrap_or(0));
            table.row([
                "budget",
                &money(budget),
                &format!("{} of it spent or reserved", format::percent(part, whole)),
            ]);
        }
        None => table.row(["budget", "none", ""]),
    }
    table.render(look)
}

fn doubts(facts: &Facts, look: Look) -> String {
    let mut lines = Vec::new();
    if !facts.doubts.is_empty() {
        let mut table = Table::new(["DOUBTS", "DECIDED, AND WHAT BECAME OF IT"]).right([0]);
        for part in &facts.doubts {
            table.row([format::count(part.doubts), part.story.clone()]);
        }
        lines.push(table.render(look));
    }
    let open = facts.count(State::InDoubt);
    if open > 0 {
        let text = format!(
            "{} in doubt: see `paceline doubt {} list`",
            format::counted(open, "message"),
            facts.campaign
        );
        lines.push(look.wrap(&text, 0));
    }
    lines.join("\n")
}

fn failures(facts: &Facts, look: Look) -> String {
    let mut table = Table::new(["FAILED", "CODE", "WHY"]).right([0, 1]);
    for failure in &facts.failures {
        let code = failure.code.map_or_else(|| format::NOTHING.to_owned(), |code| code.to_string());
        table.row([format::count(failure.messages), code, format!("{}. {}", failure.title, failure.advice)]);
    }
    table.render(look)
}

#[cfg(test)]
mod tests {
    use campaign::lifecycle;
    use store::model::CampaignRow;

    use super::super::sample;
    use super::*;

    #[test]
    fn a_running_campaign() {
        let facts = Facts::of(&sample::row(), &sample::gates(), Some(58.3), sample::now());
        insta::assert_snapshot!(render(&facts, Look::plain(100), sample::now()));
    }

    #[test]
    fn one_that_waits_for_its_template() {
        let mut gates = sample::gates();
        for state in gates.states.values_mut() {
            state.closed_until = Some(sample::at("2026-11-08T04:40:00Z"));
        }
        let row = CampaignRow {
            state: lifecycle::State::Waiting,
            reason: Some(
                "Meta says that template diwali_sale is not synced yet; it needs 10 minutes".to_owned(),
            ),
            budget: None,
            failures: Vec::new(),
            ..sample::row()
        };
        let facts = Facts::of(&row, &gates, None, sample::now());
        insta::assert_snapshot!(render(&facts, Look::plain(80), sample::now()));
    }

    #[test]
    fn one_that_does_not_add_up_says_so() {
        let mut row = sample::row();
        row.counts.insert(State::Sent, 849);
        let facts = Facts::of(&row, &sample::gates(), None, sample::now());
        assert!(
            render(&facts, Look::plain(100), sample::now())
                .contains("DOES NOT ADD UP: run `paceline verify diwali-2026-in`")
        );
    }

    #[test]
    fn an_empty_one_divides_by_nothing() {
        let row = CampaignRow {
            totals: store::model::Totals::default(),
            counts: std::collections::BTreeMap::new(),
            started_at: None,
            last_sent_at: None,
            attempts: 0,
            failures: Vec::new(),
            groups: Vec::new(),
            ..sample::row()
        };
        let facts = Facts::of(&row, &sample::gates(), None, sample::now());
        assert!(render(&facts, Look::plain(100), sample::now()).contains("planned 0 = nothing: adds up"));
    }
}
