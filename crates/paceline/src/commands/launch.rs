//! `paceline launch F [--plan HASH]`: stores the campaign; a running `paceline run` sends it.
//!
//! | module | does |
//! | --- | --- |
//! | [`recurring`] | keeps a recurring campaign, and makes its runs |

pub(crate) mod recurring;

use std::path::{Path, PathBuf};
use std::time::Duration;

use campaign::definition::Definition;
use campaign::planning::plan_hash;
use campaign::problem::Problems;
use chrono::{DateTime, Utc};
use serde_json::json;
use store::model::{NewCampaign, TemplateKey, Totals};

use super::check::{audience_progress, too_many_invalid};
use crate::app::App;
use crate::commands::audit::Doing;
use crate::failure::Failure;
use crate::launching::{Account, Prepared, Streamed, Target, preflight, prepare, stream};
use crate::output::{Progress, format, print, print_json};

/// A launch that has written nothing for so long has died; its half-loaded campaign may be replaced.
pub(super) const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// What `launch` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The campaign file.
    #[arg(required_unless_present = "run")]
    pub(crate) file: Option<PathBuf>,
    /// Launch only if the plan is still the one with this hash: see `paceline plan`.
    #[arg(long, value_name = "HASH")]
    pub(crate) plan: Option<String>,
    /// Do not ask the account about templates and senders.
    #[arg(long)]
    pub(crate) offline: bool,
    /// Make this run of a recurring campaign by hand: one that was skipped, or one to come, which waits for its time.
    #[arg(long, value_name = "KEY@TIME", conflicts_with_all = ["file", "plan", "offline"])]
    pub(crate) run: Option<String>,
}

impl Args {
    /// What it is about to do.
    pub(crate) fn doing(&self) -> Doing {
        let file = self.file.as_ref().map(|file| file.display().to_string());
        Doing::new("launch", self.run.clone().or(file).unwrap_or_default())
    }
}

/// A campaign that was launched.
#[derive(Debug)]
pub(crate) struct Launched {
    pub(crate) key: String,
    pub(crate) plan_hash: String,
    pub(crate) totals: Totals,
    pub(crate) warnings: Vec<String>,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let store = app.store().await?;
    let launched = match (&args.run, &args.file) {
        (Some(run), _) => {
            let progress = Progress::new("reading the audience", None);
            recurring::by_hand(app, &store, run, &progress).await?
        }
        (None, file) => {
            let prepared = prepare(&app.config, file.as_deref().unwrap_or(Path::new("")))?;
            let progress = audience_progress(&prepared);
            let plan = args.plan.as_deref();
            if prepared.definition.schedule.repeat.is_some() {
                let series =
                    recurring::launch_series(app, &store, prepared, plan, args.offline, &progress).await?;
                drop(progress);
                if app.json {
                    print_json(&series.as_json())?;
                } else {
                    print(&series.as_text(app.clock.now()))?;
                }
                return Ok(());
            }
            launch(app, &store, prepared, plan, args.offline, &progress).await?
        }
    };
    let Launched { key, plan_hash, totals, warnings } = launched;
    if app.json {
        print_json(
            &json!({ "campaign": key, "plan_hash": plan_hash, "totals": totals, "warnings": warnings }),
        )?;
        return Ok(());
    }
    let mut text = super::check::warnings_text(&warnings);
    text.push_str(&format!(
        "{key} is launched: {} messages, {} rows left out, plan {plan_hash}.\nWatch it: paceline status {key} --watch\n",
        format::count(totals.messages),
        format::count(totals.excluded)
    ));
    print(&text)?;
    Ok(())
}

/// Stores a campaign. Either all of it is stored, or nothing.
///
/// # Errors
/// Problems of the file, the audience or the account; a refusal where the key was launched before, or the
/// plan is another.
pub(crate) async fn launch(
    app: &App,
    store: &store::SharedStore,
    prepared: Prepared,
    plan: Option<&str>,
    offline: bool,
    progress: &Progress,
) -> Result<Launched, Failure> {
    launch_as(app, store, prepared, plan, offline, ABANDONED_AFTER, progress).await
}

/// As [`launch`]; a launch with the key that has written nothing for `abandoned_after` is replaced.
async fn launch_as(
    app: &App,
    store: &store::SharedStore,
    prepared: Prepared,
    plan: Option<&str>,
    offline: bool,
    abandoned_after: Duration,
    progress: &Progress,
) -> Result<Launched, Failure> {
    let definition = prepared.definition.clone();
    sendable(&definition, app.clock.now())?;
    let account = preflight(&app.config, &definition, offline).await;
    if !account.problems.is_empty() {
        return Err(Problems(account.problems).into());
    }
    store.keep_templates(&account.known, None, app.clock.now()).await?;
    let (_, planner) = prepared.open(&app.config)?;
    let new = NewCampaign {
        key: prepared.key.clone(),
        file: prepared.file.clone(),
        // Not known before the audience is read; set when it is complete.
        plan_hash: String::new(),
        budget: definition.budget.and_then(|budget| budget.micros()),
        currency: planner.currency(),
        ttl_s: account.ttl_s,
        follow_up_of: None,
        definition,
    };
    let id = store.begin_launch(new, abandoned_after, app.clock.now()).await?;
    match load(app, store, &prepared, &account, id, plan, progress).await {
        Ok(launched) => Ok(launched),
        Err(failure) => {
            // What went wrong first is what the reader has to know.
            if let Err(error) = store.abandon_launch(id).await {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "the half-loaded campaign is still there; launching again replaces it"
                );
            }
            Err(failure)
        }
    }
}

/// That a campaign can still be sent.
///
/// # Errors
/// The problem that its end has passed.
pub(super) fn sendable(definition: &Definition, now: DateTime<Utc>) -> Result<(), Failure> {
    if let Some(end) = definition.schedule.end.filter(|end| *end <= now) {
        let problem = definition
            .places
            .problem("schedule.end", format!("is {end}, which has passed"))
            .help("move the end into the future");
        return Err(problem.into());
    }
    Ok(())
}

async fn load(
    app: &App,
    store: &store::SharedStore,
    prepared: &Prepared,
    account: &Account,
    id: campaign::ids::CampaignId,
    plan: Option<&str>,
    progress: &Progress,
) -> Result<Launched, Failure> {
    let target = Target { store, campaign: id };
    let Streamed { summary, audience_sha256 } =
        stream(app, prepared, Some(store), Some(&target), progress).await?;
    let problems = too_many_invalid(prepared, &summary);
    if !problems.is_empty() {
        return Err(Problems(problems).into());
    }
    let hash = plan_hash(&prepared.bytes, &audience_sha256, &account.templates);
    same_plan(prepared, plan, &hash)?;
    see_templates(app, store, &prepared.definition).await?;
    let totals =
        Totals { planned: summary.rows, excluded: summary.excluded_rows(), messages: summary.messages };
    store.set_plan_hash(id, &hash).await?;
    store.finish_launch(id, totals, app.clock.now()).await?;
    Ok(Launched { key: prepared.key.clone(), plan_hash: hash, totals, warnings: account.warnings.clone() })
}

/// That what would be launched is what was planned.
///
/// # Errors
/// It is not.
fn same_plan(prepared: &Prepared, plan: Option<&str>, hash: &str) -> Result<(), Failure> {
    match plan.filter(|wanted| *wanted != hash) {
        None => Ok(()),
        Some(wanted) => Err(Failure::Refused(format!(
            "the plan {wanted} is no longer what would be sent: the campaign file, its audience or a template changed since, and the plan is {hash} now; \
             look at `paceline plan {}` again",
            prepared.file
        ))),
    }
}

/// Notes that the campaign's templates were seen: a new one's wait begins.
pub(super) async fn see_templates(
    app: &App,
    store: &store::SharedStore,
    definition: &Definition,
) -> Result<(), Failure> {
    for sender in definition.senders.iter().filter_map(|name| app.config.sender(name)) {
        for template in definition.templates() {
            let key = TemplateKey {
                waba_id: sender.waba_id.clone(),
                name: template.name.clone(),
                language: template.language.clone(),
            };
            store.see_template(&key, app.clock.now()).await?;
        }
    }
    Ok(())
}
