//! A report to read: funnel with bars, failures in words, parts, spend.

use chrono::{DateTime, Utc};

use super::beside;
use super::comparing;
use super::summary::{MessagesPart, Summary};
use super::times::spans;
use crate::commands::analytics;
use crate::output::{Look, Table, Text, Tone, bars, format};

/// How many characters a bar has.
const BAR: usize = 24;
/// No more countries are listed.
const MOST_COUNTRIES: usize = 10;

/// The report.
pub(super) fn render(summary: &Summary, look: Look, now: DateTime<Utc>) -> String {
    let parts = [
        head(summary, look, now),
        section("What became of the audience", &funnel(summary, look), look),
        section("Left out at planning", &excluded(summary).render(look), look),
        section("Failed", &failures(summary).render(look), look),
        section("Not sent on purpose", &skipped(summary).render(look), look),
        section("Follow-ups of who failed", &follow_ups(summary, look), look),
        section("Doubts that were decided", &doubts(summary).render(look), look),
        section("Variants", &variants(summary, look), look),
        section("Countries", &countries(summary, look), look),
        section("Over time", &times(summary).render(look), look),
        section("Hours of the day", &hours_of_day(summary).render(look), look),
        section("Spend", &spend(summary, look), look),
        section("What the platform counted", &platform(summary, look, now), look),
    ];
    parts.into_iter().flatten_empty().collect::<Vec<_>>().join("\n\n")
}

/// Leaves out what is empty.
trait FlattenEmpty: Iterator<Item = String> + Sized {
    fn flatten_empty(self) -> impl Iterator<Item = String> {
        self.filter(|text| !text.is_empty())
    }
}

impl<I: Iterator<Item = String>> FlattenEmpty for I {}

fn section(title: &str, body: &str, look: Look) -> String {
    if body.is_empty() { String::new() } else { format!("{}\n{body}", look.paint(Tone::Strong, title)) }
}

fn head(summary: &Summary, look: Look, now: DateTime<Utc>) -> String {
    let times = &summary.times;
    let mut lines = vec![format!(
        "Report of {}, which is {}",
        look.paint(Tone::Strong, &summary.campaign),
        summary.state
    )];
    let mut table = Table::new(["", ""]).indent(2);
    if let Some(reason) = &summary.reason {
        table.row(["why", reason]);
    }
    let templates: Vec<&str> = summary.templates.iter().map(|part| part.name.as_str()).collect();
    table.row(["template", &templates.join(", ")]);
    table.row(["sender", &summary.senders.join(", ")]);
    table.row(["file", &summary.file]);
    if !summary.plan_hash.is_empty() {
        table.row(["plan", &summary.plan_hash]);
    }
    let all = [
        ("launched", Some(times.launched_at)),
        ("first sent", times.started_at),
        ("last sent", times.last_sent_at),
        ("ended", times.finished_at),
    ];
    for (name, at) in all {
        if let Some(at) = at {
            table.row([name, &format::when(at, now, times.zone)]);
        }
    }
    lines.push(table.render(look));
    if !summary.is_over {
        lines.push(look.paint(Tone::Warn, "  The campaign is not over: these numbers will still change."));
    }
    if !summary.adds_up {
        let text = format!("  The rows do not add up: run `paceline verify {}`.", summary.campaign);
        lines.push(look.paint(Tone::Bad, &text));
    }
    lines.join("\n")
}

fn funnel(summary: &Summary, look: Look) -> String {
    let funnel = &summary.funnel;
    let mut table = Table::new(["", "RECIPIENTS", "OF PLANNED", ""]).right([1, 2]).indent(2);
    let mut row = |name: &str, number: u64, is_step: bool, tone: Option<Tone>| {
        if number == 0 && !is_step {
            return;
        }
        let name = if is_step { name.to_owned() } else { format!("  {name}") };
        table.row([
            tone.filter(|_| number > 0)
                .map_or_else(|| Text::from(name.clone()), |tone| Text::toned(tone, name.clone())),
            format::count(number).into(),
            format::percent(number, funnel.planned).into(),
            if is_step { bars::bar(number, funnel.planned, BAR).into() } else { Text::from("") },
        ]);
    };
    row("planned", funnel.planned, true, None);
    row("excluded", funnel.excluded, false, None);
    row("skipped", funnel.skipped, false, None);
    row("still to be sent", funnel.unsent, false, None);
    row("attempted", funnel.attempted, true, None);
    row("in doubt", funnel.in_doubt, false, Some(Tone::Warn));
    row("failed", funnel.failed, false, Some(Tone::Bad));
    row("expired", funnel.expired, false, Some(Tone::Warn));
    row("accepted", funnel.accepted, true, None);
    row("sent", funnel.sent, true, None);
    row("delivered", funnel.delivered, true, Some(Tone::Good));
    row("read", funnel.read, true, Some(Tone::Good));
    let rates = format!(
        "{} of the attempted were delivered, and {} of the delivered were read; {} in all.",
        format::percent(funnel.delivered, funnel.attempted),
        format::percent(funnel.read, funnel.delivered),
        format::counted(funnel.requests, "request"),
    );
    let mut text =
        format!("{}\n{}\n{}", table.render(look), look.wrap(&rates, 2), look.wrap(&summary.conservation, 2));
    if summary.inferred > 0 {
        let note = format!(
            "Of {}, what the platform reported was matched by number, recipient and time alone: no answer and no key told whose it is.",
            format::counted(summary.inferred, "message"),
        );
        text = format!("{text}\n{}", look.wrap(&note, 2));
    }
    text
}

fn excluded(summary: &Summary) -> Table {
    let mut table = Table::new(["ROWS", "REASON", "FOR EXAMPLE"]).right([0]).indent(2);
    for part in &summary.excluded {
        table.row([format::count(part.rows), part.reason.replace('_', " "), part.example.clone()]);
    }
    table
}

fn failures(summary: &Summary) -> Table {
    let mut table = Table::new(["MESSAGES", "CODE", "WHAT IT MEANS AND WHAT TO DO"]).right([0, 1]).indent(2);
    for part in &summary.failures {
        let code = part.code.map_or_else(|| format::NOTHING.to_owned(), |code| code.to_string());
        table.row([format::count(part.messages), code, format!("{}. {}", part.title, part.advice)]);
    }
    table
}

fn follow_ups(summary: &Summary, look: Look) -> String {
    if summary.follow_ups.is_empty() {
        return String::new();
    }
    let mut table = Table::new(["RUN", "STATE", "MESSAGES", "DELIVERED", "FAILED"]).right(2..=4).indent(2);
    for part in &summary.follow_ups {
        table.row([
            part.campaign.clone(),
            part.state.to_string(),
            format::count(part.messages),
            format::count(part.delivered),
            format::count(part.failed),
        ]);
    }
    let said =
        "All numbers count each recipient once, by the run that got furthest with them; money is all runs'.";
    format!("{}\n{}", table.render(look), look.wrap(said, 2))
}

fn doubts(summary: &Summary) -> Table {
    let mut table = Table::new(["DOUBTS", "WHAT BECAME OF THEM"]).right([0]).indent(2);
    for part in &summary.doubts {
        table.row([format::count(part.doubts), part.story.clone()]);
    }
    table
}

fn skipped(summary: &Summary) -> Table {
    let mut table = Table::new(["MESSAGES", "REASON"]).right([0]).indent(2);
    for part in &summary.skipped {
        table.row([format::count(part.messages), part.reason.clone()]);
    }
    table
}

fn messages_parts(name: &str, parts: &[MessagesPart], summary: &Summary) -> Table {
    let mut table =
        Table::new([name, "MESSAGES", "ATTEMPTED", "DELIVERED", "", "READ", "", "FAILED", "COST"])
            .right(1..=8)
            .indent(2);
    for part in parts {
        table.row([
            part.name.clone(),
            format::count(part.messages),
            format::count(part.attempted),
            format::count(part.delivered),
            format::percent(part.delivered, part.attempted),
            format::count(part.read),
            format::percent(part.read, part.delivered),
            format::count(part.failed),
            format::money(part.cost, summary.spend.currency),
        ]);
    }
    table
}

fn countries(summary: &Summary, look: Look) -> String {
    let shown = summary.countries.len().min(MOST_COUNTRIES);
    let (first, rest) = summary.countries.split_at(shown);
    let mut text = messages_parts("COUNTRY", first, summary).render(look);
    if !rest.is_empty() {
        let messages = rest.iter().map(|part| part.messages).sum();
        text.push_str(&format!("\n  and {} more with {}", rest.len(), format::counted(messages, "message")));
    }
    text
}

fn variants(summary: &Summary, look: Look) -> String {
    if summary.variants.is_empty() {
        return String::new();
    }
    let mut parts = vec![messages_parts("VARIANT", &summary.variants, summary).render(look)];
    let mut table = Table::new(["VARIANT", "SHARE", "", "AT LEAST", "AT MOST"]).right(2..=4).indent(2);
    for measure in comparing::Measure::ALL {
        for part in &summary.variants {
            let of = measure.of(part);
            let Some((share, interval)) = of.share().zip(of.interval()) else { continue };
            let [share, low, high] = [share, interval.low, interval.high].map(charts::number::share);
            table.row([part.name.clone(), measure.name().to_lowercase(), share, low, high]);
        }
    }
    parts.push(table.render(look));
    parts.extend(summary.comparisons.iter().map(|one| look.wrap(&one.said, 2)));
    if !summary.comparisons.is_empty() {
        parts.push(look.wrap(comparing::CAVEAT, 2));
    }
    parts.retain(|part| !part.is_empty());
    parts.join("\n")
}

fn times(summary: &Summary) -> Table {
    let spans = spans(&summary.hours, summary.times.zone);
    let most = spans.named.values().map(|[attempted, ..]| *attempted).max().unwrap_or(0);
    let what = if spans.are_days { "DAY" } else { "HOUR" };
    let mut table = Table::new([what, "ATTEMPTED", "DELIVERED", "READ", ""]).right(1..=3).indent(2);
    for (name, [attempted, delivered, read]) in spans.named {
        table.row([
            name,
            format::count(attempted),
            format::count(delivered),
            format::count(read),
            bars::bar(attempted, most, BAR / 2),
        ]);
    }
    table
}

/// The hours in which something happened.
fn hours_of_day(summary: &Summary) -> Table {
    let mut table = Table::new(["HOUR", "ATTEMPTED", "DELIVERED", "READ"]).right(1..=3).indent(2);
    for part in &summary.hours_of_day {
        let counts = [part.attempted, part.delivered, part.read];
        if counts != [0; 3] {
            let [attempted, delivered, read] = counts.map(format::count);
            table.row([format!("{0:02}:00 to {0:02}:59", part.hour), attempted, delivered, read]);
        }
    }
    table
}

fn spend(summary: &Summary, look: Look) -> String {
    let spend = &summary.spend;
    let money = |amount| format::money(amount, spend.currency);
    let mut table = Table::new(["", "", ""]).right([1]).indent(2);
    let mut row = |name: &str, amount, note: String| table.row([name.to_owned(), money(amount), note]);
    let of_budget = |amount: i64| match spend.budget {
        Some(budget) => format!(
            "{} of the budget",
            format::percent(u64::try_from(amount).unwrap_or(0), u64::try_from(budget.0).unwrap_or(0))
        ),
        None => String::new(),
    };
    row("spent", spend.spent, of_budget(spend.spent.0));
    row("  told by the platform", spend.told, format::counted(spend.told_messages, "message"));
    row("  by the rate card", spend.estimated, format::counted(spend.estimated_messages, "message"));
    row("reserved", spend.reserved, "the worst case of what is in flight".to_owned());
    if let Some(budget) = spend.budget {
        row("budget", budget, String::new());
    }
    let mut text = table.render(look);
    if !summary.routes.is_empty() {
        let routes: Vec<String> = summary
            .routes
            .iter()
            .map(|part| format!("{} by {}", format::count(part.messages), route_in_words(&part.route)))
            .collect();
        text.push_str(&format!("\n{}", look.wrap(&format!("Priced messages: {}.", routes.join(", ")), 2)));
    }
    text
}

fn platform(summary: &Summary, look: Look, now: DateTime<Utc>) -> String {
    let Some(part) = &summary.platform else { return String::new() };
    let asked = format!("Asked {}.", format::when(part.pulled_at, now, summary.times.zone));
    let mut table = Table::new(["TEMPLATE", "", "SENT", "DELIVERED", "READ", "SPENT"]).right(2..=5).indent(2);
    for pair in beside::pairs(summary) {
        let counted = pair.platform;
        let spent =
            counted.spent.map_or_else(|| format::NOTHING.to_owned(), |spent| spent.round_dp(2).to_string());
        let counts = [counted.sent, counted.delivered, counted.read].map(format::count);
        let [sent, delivered, read] = counts;
        table.row([pair.template.clone(), "the platform".to_owned(), sent, delivered, read, spent]);
        if let Some(ours) = pair.ours {
            let [sent, delivered, read] = [ours.accepted, ours.delivered, ours.read].map(format::count);
            let spent = ours.cost.to_decimal().round_dp(2).to_string();
            table.row([String::new(), "this campaign".to_owned(), sent, delivered, read, spent]);
        }
    }
    let parts = [
        analytics::render(&part.counted, look),
        look.wrap(&asked, 2),
        look.wrap("Beside what this campaign saw:", 2),
        table.render(look),
        look.wrap(beside::CAVEAT, 2),
    ];
    parts.join("\n")
}

/// Meta: the pricing category of a status tells the API that carried the message.
pub(super) fn route_in_words(route: &str) -> &str {
    match route {
        "marketing_lite" => "the Marketing Messages API (marketing_lite)",
        "marketing" => "the Cloud API (marketing)",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::super::summary::{HourPart, sample};
    use super::*;
    use crate::commands::status::sample::now;

    #[test]
    fn a_report_reads_from_top_to_bottom() {
        insta::assert_snapshot!(render(&sample::summary(), Look::plain(110), now()));
    }

    #[test]
    fn a_narrow_report_still_fits() {
        let text = render(&sample::summary(), Look::plain(80), now());
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }

    #[test]
    fn many_hours_are_told_as_days() {
        let mut summary = sample::summary();
        summary.hours = (0..30)
            .map(|hour| HourPart {
                from: now() + TimeDelta::hours(hour),
                attempted: 10,
                delivered: 9,
                read: 1,
            })
            .collect();
        let text = times(&summary).render(Look::plain(80));
        assert!(text.contains("2026-11-08") && text.contains("2026-11-09"), "{text}");
        assert!(text.contains("DAY"), "{text}");
    }

    #[test]
    fn what_the_platform_counted_stands_beside_ours() {
        let summary = Summary { platform: Some(beside::sample::platform()), ..sample::summary() };
        insta::assert_snapshot!(platform(&summary, Look::plain(100), now()));
    }

    #[test]
    fn what_does_not_add_up_is_said() {
        let summary = Summary { adds_up: false, ..sample::summary() };
        assert!(render(&summary, Look::plain(80), now()).contains("do not add up"));
    }
}
