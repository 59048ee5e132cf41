//! `paceline check F`: reads everything, writes nothing of the campaign, and says what is wrong. What the account tells of
//! templates is kept, where there is a database.

use std::path::PathBuf;

use campaign::planning::Summary;
use campaign::problem::Problems;
use desk::series::NextRun;
use serde_json::json;

use super::launch::recurring::{next_runs_of, next_runs_text};
use crate::app::App;
use crate::config::StoreUrl;
use crate::failure::Failure;
use crate::launching::{Account, Prepared, Streamed, preflight, prepare, stream};
use crate::output::{Progress, format, print, print_json};

/// What `check` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The campaign file.
    pub(crate) file: PathBuf,
    /// Do not ask the account about templates and senders.
    #[arg(long)]
    pub(crate) offline: bool,
}

/// All that `check`, `plan` and `launch` learn about a campaign before anything is written.
pub(crate) struct Checked {
    pub(crate) prepared: Prepared,
    pub(crate) account: Account,
    pub(crate) streamed: Streamed,
    /// What may go wrong.
    pub(crate) warnings: Vec<String>,
    /// The next runs, where it recurs.
    pub(crate) next_runs: Vec<NextRun>,
}

impl Checked {
    /// The plan's hash.
    pub(crate) fn plan_hash(&self) -> String {
        campaign::planning::plan_hash(
            &self.prepared.bytes,
            &self.streamed.audience_sha256,
            &self.account.templates,
        )
    }
}

/// Reads the file, asks the account, reads the audience.
///
/// # Errors
/// All problems, with their places.
pub(crate) async fn check(app: &App, args: &Args) -> Result<Checked, Failure> {
    let prepared = prepare(&app.config, &args.file)?;
    let account = preflight(&app.config, &prepared.definition, args.offline).await;
    let store = existing_store(app).await?;
    let progress = audience_progress(&prepared);
    let streamed = stream(app, &prepared, store.as_ref(), None, &progress).await?;
    drop(progress);
    let mut problems = account.problems.clone();
    let next_runs = next_runs_of(&prepared, app.clock.now()).unwrap_or_else(|problem| {
        problems.push(problem);
        Vec::new()
    });
    problems.extend(too_many_invalid(&prepared, &streamed.summary));
    if !problems.is_empty() {
        problems.sort();
        return Err(Problems(problems).into());
    }
    let mut warnings = account.warnings.clone();
    warnings.extend(warnings_of(&prepared, &streamed.summary));
    warnings.extend(too_many_people(app, &prepared, &streamed.summary));
    if let Some(store) = &store
        && let Some(row) = store.campaign(&prepared.definition.campaign).await?
    {
        warnings.push(format!(
            "campaign {} was launched before and is {}; it cannot be launched again",
            row.key, row.state
        ));
    }
    if let Some(store) = &store
        && let Some(row) = store.series(&prepared.definition.campaign).await?
    {
        warnings.push(format!(
            "recurring campaign {} was launched before and is {}; it cannot be launched again",
            row.key, row.state
        ));
    }
    Ok(Checked { prepared, account, streamed, warnings, next_runs })
}

/// Progress over the audience's bytes as stored.
pub(crate) fn audience_progress(prepared: &Prepared) -> Progress {
    Progress::new("reading the audience", Some(prepared.audience_bytes))
}

/// The store, where it exists: `check` and `plan` make none.
pub(crate) async fn existing_store(app: &App) -> Result<Option<store::SharedStore>, Failure> {
    match &app.config.store.url.value {
        StoreUrl::Sqlite(path) if !std::path::Path::new(path).exists() => Ok(None),
        StoreUrl::Sqlite(_) | StoreUrl::Postgres(_) => app.store().await.map(Some),
    }
}

/// The problems of an audience with more bad rows than `audience.max_invalid` allows: the first of the rows'
/// own, and the sum. An audience without a single message is a problem too.
pub(crate) fn too_many_invalid(prepared: &Prepared, summary: &Summary) -> Vec<campaign::problem::Problem> {
    let definition = &prepared.definition;
    let max = definition.audience.max_invalid;
    if max.is_exceeded_by(summary.invalid_rows(), summary.rows) {
        let mut problems = summary.problems.clone();
        problems.push(
            definition
                .places
                .problem(
                    "audience.max_invalid",
                    format!(
                        "is {max}, and {} of {} rows are invalid ({})",
                        format::count(summary.invalid_rows()),
                        format::count(summary.rows),
                        format::percent(summary.invalid_rows(), summary.rows)
                    ),
                )
                .help("mend the rows, or raise audience.max_invalid if they may be left out"),
        );
        return problems;
    }
    if summary.messages == 0 {
        return vec![
            definition
                .places
                .problem("audience.file", "has no row that a message can be sent to")
                .help("see the counts of excluded rows with `paceline plan`"),
        ];
    }
    Vec::new()
}

/// An audience that its portfolio's messaging limit does not let through before the end.
fn too_many_people(app: &App, prepared: &Prepared, summary: &Summary) -> Option<String> {
    let definition = &prepared.definition;
    let end = definition.schedule.end?.to_utc();
    let limit = super::plan::daily_reach(app, definition)?;
    let now = app.clock.now();
    let start = definition.schedule.begins(now);
    let days = (end - start).num_seconds().max(0).unsigned_abs().div_ceil(24 * 3_600);
    let most = limit.saturating_mul(days);
    (most < summary.messages).then(|| {
        format!(
            "its portfolio may write to {} people in 24 hours: before schedule.end at most {} of the {} messages go out, and the rest expire; \
             move the end, or leave people out",
            format::count(limit),
            format::count(most),
            format::count(summary.messages)
        )
    })
}

/// What the platform's rules make of this audience.
fn warnings_of(prepared: &Prepared, summary: &Summary) -> Vec<String> {
    let mut warnings = Vec::new();
    let unoptimised: u64 = summary.countries.iter().filter(|(c, _)| c.is_unoptimised()).map(|(_, n)| n).sum();
    if unoptimised > 0 {
        warnings.push(format!(
            "{} recipients are in the EEA, the UK, Japan or South Korea: no delivery optimisation and no click metrics there",
            format::count(unoptimised)
        ));
    }
    let russian: u64 = summary.countries.iter().filter(|(c, _)| c.is_russia()).map(|(_, n)| n).sum();
    if russian > 0 {
        warnings.push(format!(
            "{} recipients are in Russia: no click and conversion metrics there",
            format::count(russian)
        ));
    }
    let definition = &prepared.definition;
    if let Some(max_price) = &definition.delivery.max_price
        && max_price.constant_multiplier().is_some_and(|m| m != rust_decimal::Decimal::ONE)
    {
        warnings.push("delivery.max_price.multiplier is the same for everybody: Meta advises to change the template's max price instead".to_owned());
    }
    let worst = summary.cost().worst;
    if let Some(budget) = definition.budget
        && budget.currency == summary.currency
        && worst > budget.amount
    {
        warnings.push(format!(
            "the worst case ({worst} {}) is above the budget ({} {}): the rest is skipped when the budget is used up",
            summary.currency, budget.amount, budget.currency
        ));
    }
    warnings
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let checked = check(app, &args).await?;
    let summary = &checked.streamed.summary;
    if app.json {
        print_json(&json!({
            "campaign": checked.prepared.definition.campaign,
            "ok": true,
            "rows": summary.rows,
            "messages": summary.messages,
            "excluded": excluded_json(summary),
            "next_runs": checked.next_runs,
            "warnings": checked.warnings,
        }))?;
        return Ok(());
    }
    let mut text = format!(
        "{}: good. {} rows, {} messages, {} left out.\n",
        checked.prepared.file,
        format::count(summary.rows),
        format::count(summary.messages),
        format::count(summary.excluded_rows())
    );
    if !checked.next_runs.is_empty() {
        let zone = checked.prepared.definition.schedule.zone;
        text.push_str("It recurs; its next runs, each with the audience as it is then:\n");
        text.push_str(&next_runs_text(&checked.next_runs, app.clock.now(), zone));
    }
    text.push_str(&problems_text(summary));
    text.push_str(&warnings_text(&checked.warnings));
    print(&text)?;
    Ok(())
}

/// Exclusions for machines: reason to count.
pub(crate) fn excluded_json(summary: &Summary) -> serde_json::Value {
    summary
        .excluded
        .iter()
        .map(|(reason, count)| (reason.name().to_owned(), json!(count)))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

/// The first problems of rows, as lines.
pub(crate) fn problems_text(summary: &Summary) -> String {
    let mut text = String::new();
    for problem in &summary.problems {
        text.push_str(&format!("  left out: {problem}\n"));
    }
    let more = summary.invalid_rows().saturating_sub(summary.problems.len() as u64);
    if more > 0 {
        text.push_str(&format!("  … and {} more; the report lists every row\n", format::count(more)));
    }
    text
}

/// Warnings, as lines.
pub(crate) fn warnings_text(warnings: &[String]) -> String {
    warnings.iter().map(|warning| format!("warning: {warning}\n")).collect()
}
