//! `paceline launch F [--plan HASH]`: stores the campaign; a running `paceline run` sends it.

use std::path::PathBuf;
use std::time::Duration;

use campaign::planning::plan_hash;
use campaign::problem::Problems;
use serde_json::json;
use store::model::{NewCampaign, TemplateKey, Totals};

use super::check::{audience_progress, too_many_invalid};
use crate::app::App;
use crate::failure::Failure;
use crate::launching::{Account, Prepared, Streamed, Target, preflight, prepare, stream};
use crate::output::{Progress, format, print, print_json};

/// A launch that has written nothing for so long has died; its half-loaded campaign may be replaced.
const ABANDONED_AFTER: Duration = Duration::from_secs(60);

/// What `launch` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The campaign file.
    pub(crate) file: PathBuf,
    /// Launch only if the plan is still the one with this hash: see `paceline plan`.
    #[arg(long, value_name = "HASH")]
    pub(crate) plan: Option<String>,
    /// Do not ask the account about templates and senders.
    #[arg(long)]
    pub(crate) offline: bool,
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
    let prepared = prepare(&app.config, &args.file)?;
    let progress = audience_progress(&prepared);
    let launched = launch(app, &store, prepared, args.plan.as_deref(), args.offline, &progress).await?;
    drop(progress);
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
    let definition = prepared.definition.clone();
    if definition.schedule.repeat.is_some() {
        return Err(Failure::Refused(
            "schedule.repeat is not run by this version; launch each run by a file of its own, without schedule.repeat".to_owned(),
        ));
    }
    if let Some(end) = definition.schedule.end.filter(|end| *end <= app.clock.now()) {
        let problem = definition
            .places
            .problem("schedule.end", format!("is {end}, which has passed"))
            .help("move the end into the future");
        return Err(problem.into());
    }
    let account = preflight(&app.config, &definition, offline).await;
    if !account.problems.is_empty() {
        return Err(Problems(account.problems).into());
    }
    store.keep_templates(&account.known, None, app.clock.now()).await?;
    let (_, planner) = prepared.open(&app.config)?;
    let new = NewCampaign {
        key: definition.campaign.clone(),
        file: prepared.file.clone(),
        // Not known before the audience is read; set when it is complete.
        plan_hash: String::new(),
        budget: definition.budget.and_then(|budget| budget.micros()),
        currency: planner.currency(),
        ttl_s: account.ttl_s,
        definition,
    };
    let id = store.begin_launch(new, ABANDONED_AFTER, app.clock.now()).await?;
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
    if let Some(wanted) = plan.filter(|wanted| *wanted != hash) {
        return Err(Failure::Refused(format!(
            "the plan {wanted} is no longer what would be sent: the campaign file, its audience or a template changed since, and the plan is {hash} now; \
             look at `paceline plan {}` again",
            prepared.file
        )));
    }
    for sender in prepared.definition.senders.iter().filter_map(|name| app.config.sender(name)) {
        for template in prepared.definition.templates() {
            let key = TemplateKey {
                waba_id: sender.waba_id.clone(),
                name: template.name.clone(),
                language: template.language.clone(),
            };
            store.see_template(&key, app.clock.now()).await?;
        }
    }
    let totals =
        Totals { planned: summary.rows, excluded: summary.excluded_rows(), messages: summary.messages };
    store.set_plan_hash(id, &hash).await?;
    store.finish_launch(id, totals, app.clock.now()).await?;
    Ok(Launched {
        key: prepared.definition.campaign.clone(),
        plan_hash: hash,
        totals,
        warnings: account.warnings.clone(),
    })
}
