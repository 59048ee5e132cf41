//! The sections of a campaign's report, in their order. A section with nothing in it is left out.

use campaign::message::State;
use campaign::planning::Reason;

use super::masking::masked;
use super::page::{Grid, Section};
use super::{figures, tables};
use crate::commands::report::beside;
use crate::commands::report::comparing;
use crate::commands::report::conservation;
use crate::commands::report::summary::Summary;
use crate::output::format;

/// All sections.
pub(super) fn all(summary: &Summary) -> Vec<Section> {
    vec![
        became(summary),
        over_time(summary),
        failures(summary),
        left_out(summary),
        skipped(summary),
        countries(summary),
        hours_of_day(summary),
        variants(summary),
        spend(summary),
        doubts(summary),
        follow_ups(summary),
        platform(summary),
    ]
}

fn became(summary: &Summary) -> Section {
    let funnel = &summary.funnel;
    let mut said = vec![
        summary.conservation.clone(),
        format!(
            "{} of the attempted were delivered, and {} of the delivered were read; {} in all.",
            format::percent(funnel.delivered, funnel.attempted),
            format::percent(funnel.read, funnel.delivered),
            format::counted(funnel.requests, "request"),
        ),
    ];
    if summary.inferred > 0 {
        said.push(format!(
            "Of {}, what the platform reported was matched by number, recipient and time alone: no answer and no key \
             told whose it is.",
            format::counted(summary.inferred, "message"),
        ));
    }
    let mut states = Grid::new("Where everybody is", ["State", "Recipients#", "Of planned#"]);
    let mut row = |name: &str, number| {
        states.row([name.to_owned(), format::count(number), format::percent(number, funnel.planned)]);
    };
    row("excluded", funnel.excluded);
    for state in State::ALL {
        row(conservation::word(state), summary.states.get(&state).copied().unwrap_or(0));
    }
    row("planned", funnel.planned);
    Section {
        id: "became",
        heading: "What became of the audience",
        said,
        figures: vec![figures::funnel(summary)],
        tables: vec![states],
        is_beside: true,
        ..Section::default()
    }
}

fn over_time(summary: &Summary) -> Section {
    if summary.hours.is_empty() {
        return Section::default();
    }
    Section {
        id: "time",
        heading: "Over time",
        said: vec![format!(
            "Attempts count when the newest was made; the clock is that of {}.",
            summary.times.zone.name()
        )],
        figures: vec![figures::timeline(summary), figures::progress(summary)],
        ..Section::default()
    }
}

fn failures(summary: &Summary) -> Section {
    if summary.failures.is_empty() {
        return Section::default();
    }
    let meanings = summary.failures.iter().map(|part| {
        let messages = format::counted(part.messages, "message");
        (format!("{}: {messages}", figures::failure_name(part)), masked(&part.advice))
    });
    Section {
        id: "failed",
        heading: "What failed",
        figures: vec![figures::failures(summary)],
        meanings: meanings.collect(),
        ..Section::default()
    }
}

fn left_out(summary: &Summary) -> Section {
    if summary.excluded.is_empty() {
        return Section::default();
    }
    Section {
        id: "excluded",
        heading: "Left out at planning",
        said: vec![format!(
            "{} of {} planned were not made into messages. The CSV names each with its line.",
            format::count(summary.funnel.excluded),
            format::count(summary.funnel.planned)
        )],
        figures: vec![figures::excluded(summary)],
        ..Section::default()
    }
}

/// A reason of planning in words; one of another version as it is.
pub(super) fn reason_in_words(name: &str) -> String {
    let known = Reason::ALL.into_iter().find(|reason| reason.name() == name);
    known.map_or_else(|| name.replace('_', " "), |reason| reason.words().to_owned())
}

fn skipped(summary: &Summary) -> Section {
    if summary.skipped.is_empty() {
        return Section::default();
    }
    let mut table = Grid::new("Messages not sent on purpose", ["Reason", "Messages#"]);
    for part in &summary.skipped {
        table.row([masked(&part.reason), format::count(part.messages)]);
    }
    Section { id: "skipped", heading: "Not sent on purpose", tables: vec![table], ..Section::default() }
}

fn countries(summary: &Summary) -> Section {
    if summary.countries.is_empty() {
        return Section::default();
    }
    Section {
        id: "countries",
        heading: "Countries",
        figures: vec![figures::countries(summary)],
        ..Section::default()
    }
}

fn hours_of_day(summary: &Summary) -> Section {
    if summary.hours.is_empty() {
        return Section::default();
    }
    Section {
        id: "hours",
        heading: "Hours of the day",
        said: vec![format!("On the clock of {}, all days together.", summary.times.zone.name())],
        figures: figures::hours_of_day(summary),
        ..Section::default()
    }
}

fn variants(summary: &Summary) -> Section {
    if summary.variants.is_empty() {
        return Section::default();
    }
    let mut said: Vec<String> = summary.comparisons.iter().map(|one| one.said.clone()).collect();
    if !summary.is_over && !said.is_empty() {
        said.push("The campaign is not over: a difference may come or go until it is.".to_owned());
    }
    Section {
        id: "variants",
        heading: "Variants",
        said,
        figures: comparing::Measure::ALL
            .into_iter()
            .map(|measure| figures::variants(summary, measure))
            .collect(),
        tables: vec![tables::parts("Variants", "Variant", &summary.variants, summary)],
        caveat: Some(comparing::CAVEAT),
        ..Section::default()
    }
}

fn spend(summary: &Summary) -> Section {
    let spend = &summary.spend;
    let mut said = Vec::new();
    if !summary.follow_ups.is_empty() {
        said.push("Money is all runs'.".to_owned());
    }
    said.push(format!(
        "The platform told what {} cost; for {} it is the rate card's figure.",
        format::counted(spend.told_messages, "message"),
        format::count(spend.estimated_messages)
    ));
    Section {
        id: "spend",
        heading: "Spend",
        said,
        figures: vec![figures::budget(summary)],
        tables: tables::routes(summary).into_iter().collect(),
        is_beside: true,
        ..Section::default()
    }
}

fn doubts(summary: &Summary) -> Section {
    let in_doubt = summary.funnel.in_doubt;
    if summary.doubts.is_empty() && in_doubt == 0 {
        return Section::default();
    }
    let mut said = vec![
        "In doubt is a message of which nobody knows whether the platform took it; it is never sent again without a \
         decision."
            .to_owned(),
    ];
    if in_doubt > 0 {
        let are = if in_doubt == 1 { "is" } else { "are" };
        said.push(format!("{} {are} still in doubt.", format::counted(in_doubt, "message")));
    }
    let mut table = Grid::new("Doubts that were decided", ["What became of them", "Doubts#"]);
    for part in &summary.doubts {
        table.row([part.story.clone(), format::count(part.doubts)]);
    }
    Section {
        id: "doubts",
        heading: "Doubts",
        said,
        tables: if table.is_empty() { Vec::new() } else { vec![table] },
        ..Section::default()
    }
}

fn follow_ups(summary: &Summary) -> Section {
    if summary.follow_ups.is_empty() {
        return Section::default();
    }
    let mut table = Grid::new("Follow-ups", ["Run", "State", "Messages#", "Delivered#", "Failed#"]);
    for part in &summary.follow_ups {
        table.row([
            part.campaign.clone(),
            part.state.to_string(),
            format::count(part.messages),
            format::count(part.delivered),
            format::count(part.failed),
        ]);
    }
    Section {
        id: "follow-ups",
        heading: "Follow-ups of who failed",
        said: vec![
            "All numbers of this page count each recipient once, by the run that got furthest with them; money is all runs'."
                .to_owned(),
        ],
        tables: vec![table],
        ..Section::default()
    }
}

fn platform(summary: &Summary) -> Section {
    let Some(part) = &summary.platform else { return Section::default() };
    let counted = &part.counted;
    let mut tables = vec![tables::beside(&beside::pairs(summary))];
    tables.extend(tables::charges(counted));
    Section {
        id: "platform",
        heading: "What the platform counted",
        said: vec![format!(
            "From {} to {} (UTC), asked {}.",
            counted.from,
            counted.to,
            format::instant(part.pulled_at, summary.times.zone)
        )],
        tables,
        caveat: Some(beside::CAVEAT),
        ..Section::default()
    }
}
