//! Recurring campaigns: when they run next, how the last run went, and what is in the way.

use campaign::series::{PATIENCE, State};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use desk::series::{NextRun, next_runs};
use serde::Serialize;
use store::model::CampaignRow;
use store::series::SeriesRow;

use super::list;
use crate::commands::launch::recurring::next_runs_text;
use crate::output::{Look, Table, Text, Tone, format};
use desk::facts::Facts;

/// What is true of one recurring campaign now; its field names are stable.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct SeriesFacts {
    pub(super) campaign: String,
    /// Always true: what tells it from a campaign.
    recurring: bool,
    pub(super) state: State,
    repeat: String,
    zone: Tz,
    file: String,
    /// Read anew for each run.
    audience: String,
    launched_at: DateTime<Utc>,
    ends_at: Option<DateTime<Utc>>,
    /// The next runs, from the first that is not made yet; none unless it is active.
    pub(super) next_runs: Vec<NextRun>,
    last_run: Option<LastRun>,
    /// How many runs there are.
    runs: usize,
    /// Since when its next run is tried and cannot be made.
    pub(super) trying_since: Option<DateTime<Utc>>,
    /// Why a run could not be made, the last time that happened.
    last_problem: Option<ProblemFact>,
    skipped: SkippedFacts,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct LastRun {
    campaign: String,
    state: campaign::lifecycle::State,
    launched_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct ProblemFact {
    at: DateTime<Utc>,
    why: String,
}

/// Times that were not run.
#[derive(Debug, Clone, PartialEq, Serialize)]
struct SkippedFacts {
    total: u64,
    last: Option<LastSkipped>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct LastSkipped {
    first: DateTime<Utc>,
    last: DateTime<Utc>,
    times: u64,
    why: String,
}

impl SeriesFacts {
    /// Of a series with its runs, newest first.
    pub(super) fn of<'r>(row: &SeriesRow, runs: impl Iterator<Item = &'r CampaignRow>) -> Self {
        let schedule = &row.definition.schedule;
        let mut runs = runs.peekable();
        Self {
            campaign: row.key.clone(),
            recurring: true,
            state: row.state,
            repeat: schedule.repeat.clone().unwrap_or_default(),
            zone: schedule.zone,
            file: row.file.clone(),
            audience: row.audience.clone(),
            launched_at: row.launched_at,
            ends_at: schedule.end.map(|end| end.to_utc()),
            next_runs: match row.state {
                State::Active => next_runs(&row.key, &row.timetable, row.handled),
                State::Paused | State::Done | State::Cancelled => Vec::new(),
            },
            last_run: runs.peek().map(|run| LastRun {
                campaign: run.key.clone(),
                state: run.state,
                launched_at: run.launched_at,
            }),
            runs: runs.count(),
            trying_since: row.trying_since,
            last_problem: row.problem.as_ref().map(|p| ProblemFact { at: p.at, why: p.why.clone() }),
            skipped: SkippedFacts {
                total: row.skipped_total,
                last: row.skipped.as_ref().map(|(skipped, why)| LastSkipped {
                    first: skipped.first,
                    last: skipped.last,
                    times: skipped.times,
                    why: why.clone(),
                }),
            },
        }
    }

    /// What is in the way of the next run, where something is.
    fn trouble(&self, now: DateTime<Utc>) -> Option<String> {
        let since = self.trying_since.filter(|_| self.state == State::Active)?;
        let problem = self.last_problem.as_ref()?;
        let run = self.next_runs.first().map_or("its run", |run| run.campaign.as_str());
        Some(format!(
            "{run} cannot be made: {}. The last try was {}; it is tried each minute, and skipped {} or when the next time comes.",
            problem.why,
            format::relative(problem.at, now),
            format::relative(since + PATIENCE, now)
        ))
    }

    fn next(&self, now: DateTime<Utc>) -> String {
        match self.next_runs.first() {
            Some(run) if run.at <= now => format!("{} (due)", shown(run.at, self.zone)),
            Some(run) => format!("{} ({})", shown(run.at, self.zone), format::roughly(run.at, now)),
            None => format::NOTHING.to_owned(),
        }
    }
}

/// All of them, one row each; what is in their way stands below.
pub(super) fn render(all: &[SeriesFacts], look: Look, now: DateTime<Utc>) -> String {
    let mut table =
        Table::new(["RECURRING", "STATE", "NEXT RUN", "LAST RUN", "RUNS", "SKIPPED"]).right([4, 5]);
    for facts in all {
        let last = facts.last_run.as_ref().map_or(format::NOTHING, |run| run.state.name());
        table.row([
            Text::from(facts.campaign.as_str()),
            Text::toned(tone(facts), facts.state.name()),
            facts.next(now).into(),
            last.into(),
            format::count(facts.runs as u64).into(),
            format::count(facts.skipped.total).into(),
        ]);
    }
    let mut text = table.render(look);
    for trouble in all.iter().filter_map(|facts| facts.trouble(now)) {
        text.push_str("\n\n");
        text.push_str(&look.wrap(&trouble, 0));
    }
    text
}

/// One of them as one line, for text that is appended to.
pub(super) fn line(facts: &SeriesFacts, now: DateTime<Utc>) -> String {
    let mut line = format!(
        "{}  {}  {}  next run {}",
        now.format("%H:%M:%S"),
        facts.campaign,
        facts.state,
        facts.next(now)
    );
    if let Some(trouble) = facts.trouble(now) {
        line.push_str(&format!("  ({trouble})"));
    }
    line
}

/// One of them, and its runs.
pub(super) fn detail(facts: &SeriesFacts, runs: &[Facts], look: Look, now: DateTime<Utc>) -> String {
    let head = format!(
        "{} is {}; it recurs",
        look.paint(Tone::Strong, &facts.campaign),
        look.paint(tone(facts), facts.state.name())
    );
    let mut table = Table::new(["", ""]).indent(2);
    let when = |at: DateTime<Utc>| format::when(at, now, facts.zone);
    if let Some(trouble) = facts.trouble(now) {
        table.row(["why", &trouble]);
    }
    table.row(["repeat", &format!("\"{}\" in {}", facts.repeat, facts.zone)]);
    table.row(["audience", &facts.audience]);
    table.row(["file", &facts.file]);
    table.row(["launched", &when(facts.launched_at)]);
    if let Some(end) = facts.ends_at {
        table.row(["end", &when(end)]);
    }
    if let Some(run) = &facts.last_run {
        table.row(["last run", &format!("{}, {}", run.campaign, run.state)]);
    }
    if let Some(problem) = &facts.last_problem {
        table.row(["last problem", &format!("{}: {}", when(problem.at), problem.why)]);
    }
    if let Some(last) = &facts.skipped.last {
        let times = if last.times == 1 {
            shown(last.first, facts.zone)
        } else {
            format!(
                "{} from {} to {}",
                format::counted(last.times, "time"),
                shown(last.first, facts.zone),
                shown(last.last, facts.zone)
            )
        };
        table.row([
            "skipped",
            &format!("{} in all; the last: {times}, as {}", format::count(facts.skipped.total), last.why),
        ]);
    }
    let mut parts = vec![format!("{head}\n{}", table.render(look))];
    if !facts.next_runs.is_empty() {
        let text = next_runs_text(&facts.next_runs, now, facts.zone);
        parts.push(format!("Next runs:\n{}", text.trim_end()));
    }
    parts.push(match runs {
        [] => "No run was made yet.".to_owned(),
        runs => list::render(runs, look, now),
    });
    parts.join("\n\n")
}

fn tone(facts: &SeriesFacts) -> Tone {
    match facts.state {
        State::Active if facts.trying_since.is_some() => Tone::Bad,
        State::Active => Tone::Good,
        State::Paused => Tone::Warn,
        State::Done | State::Cancelled => Tone::Quiet,
    }
}

fn shown(at: DateTime<Utc>, zone: Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()
}

#[cfg(test)]
mod tests {
    use campaign::series::{Skipped, Timetable};
    use store::series::Problem;

    use super::super::sample;
    use super::*;

    fn row() -> SeriesRow {
        let yaml = sample::YAML.replace("schedule: {", "schedule: { repeat: \"0 10 * * MON\",");
        let definition = campaign::definition::Definition::parse("weekly.yaml", yaml.as_bytes()).unwrap();
        SeriesRow {
            key: "weekly".to_owned(),
            state: State::Active,
            file: "weekly.yaml".to_owned(),
            audience: "/srv/people.csv".to_owned(),
            timetable: Timetable::of(&definition.schedule).unwrap(),
            definition: std::sync::Arc::new(definition),
            launched_at: sample::at("2026-10-01T00:00:00Z"),
            handled: sample::at("2026-11-02T04:30:00Z"),
            trying_since: None,
            problem: None,
            skipped_total: 0,
            skipped: None,
        }
    }

    fn in_trouble() -> SeriesRow {
        let (first, last) = (sample::at("2026-10-19T04:30:00Z"), sample::at("2026-10-26T04:30:00Z"));
        SeriesRow {
            handled: sample::at("2026-10-26T04:30:00Z"),
            trying_since: Some(sample::now() - chrono::TimeDelta::minutes(90)),
            problem: Some(Problem { why: "the audience is gone".to_owned(), at: sample::now() }),
            skipped_total: 3,
            skipped: Some((Skipped { first, last, times: 2 }, "no scheduler ran when they came".to_owned())),
            ..row()
        }
    }

    #[test]
    fn a_list_says_what_is_next_and_what_is_in_the_way() {
        let run = CampaignRow { key: "weekly@2026-11-02T10:00".to_owned(), ..sample::row() };
        let all = [
            SeriesFacts::of(&row(), [&run].into_iter()),
            SeriesFacts::of(&in_trouble(), std::iter::empty()),
            SeriesFacts::of(&SeriesRow { state: State::Paused, ..row() }, std::iter::empty()),
        ];
        insta::assert_snapshot!(render(&all, Look::plain(100), sample::now()));
    }

    #[test]
    fn its_detail_names_its_runs() {
        let run = CampaignRow { key: "weekly@2026-11-02T10:00".to_owned(), ..sample::row() };
        let facts = SeriesFacts::of(&in_trouble(), [&run].into_iter());
        let runs = [Facts::of(&run, &sample::gates(), None, sample::now())];
        insta::assert_snapshot!(detail(&facts, &runs, Look::plain(100), sample::now()));
    }

    #[test]
    fn machines_get_stable_names() {
        let facts = SeriesFacts::of(&in_trouble(), std::iter::empty());
        insta::assert_snapshot!(serde_json::to_string_pretty(&facts).unwrap());
    }
}
