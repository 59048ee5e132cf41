//! `retry C --failed`: sends a campaign's failed messages again, as a campaign of its own, with the parameters they had.
//!
//! | module | does |
//! | --- | --- |
//! | [`follow_up`] | whom a follow-up goes to, and its rows |

mod follow_up;

use campaign::follow_up::{LeftOut, Wanted, campaign_of, key};
use campaign::lifecycle;
use campaign::money::Micros;
use campaign::problem::Problems;
use serde::{Serialize, Serializer};
use store::model::{CampaignRow, NewCampaign, Totals};
use store::{LaunchError, SharedStore};

use super::control;
use super::launch::{ABANDONED_AFTER, see_templates};
use crate::app::App;
use crate::commands::audit::Doing;
use crate::failure::Failure;
use crate::launching::preflight;
use crate::output::{self, format};
use follow_up::{FollowUp, Gathered};

/// Which messages, and whether to send them.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A follow-up of sale is the campaign sale+retry-1: same sender, template, schedule and pace, with the \
parameters frozen at the launch, and with what is left of the budget. Left out is whoever got the message or may have: \
accepted or in doubt in any run, given up in doubt, expired after it was accepted; and who opted out, is on the do-not-send \
list, had as many messages as the frequency cap allows, or cannot be reached for good (unless --code names that failure)."
)]
pub(crate) struct Args {
    /// The campaign's key
    campaign: String,
    /// Send the failed messages again
    #[arg(long, required = true)]
    failed: bool,
    /// Only those that failed with this code; may be said again
    #[arg(long, value_name = "N")]
    code: Vec<i64>,
    /// Only those whose failure says this; may be said again
    #[arg(long, value_name = "TEXT")]
    reason: Vec<String>,
    /// Say how many would be sent and why not the others, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask the account about templates and senders
    #[arg(long)]
    offline: bool,
}

impl Args {
    /// What it is about to do.
    pub(crate) fn doing(&self) -> Option<Doing> {
        (!self.dry_run).then(|| Doing::new("retry", &self.campaign))
    }
}

/// What was launched, or would be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Answer {
    /// The follow-up's key.
    campaign: String,
    follow_up_of: String,
    /// Whether nothing was launched.
    dry_run: bool,
    /// Failed messages of the campaign.
    failed: u64,
    /// Of these, sent again.
    messages: u64,
    left_out: Vec<Part>,
    /// What it costs at the most.
    #[serde(serialize_with = "units")]
    worst_case: Micros,
    /// What is left of the campaign's budget for it.
    #[serde(serialize_with = "optional_units")]
    budget: Option<Micros>,
    currency: String,
    warnings: Vec<String>,
}

/// Messages that are left out for one reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
struct Part {
    why: LeftOut,
    messages: u64,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    if let Some(campaign) = campaign_of(&args.campaign) {
        return Err(Failure::BadUse(format!(
            "{} is a follow-up itself; name the campaign, {campaign}: its next follow-up takes who failed in both",
            args.campaign
        )));
    }
    let wanted = Wanted { codes: args.code.clone(), reasons: args.reason.clone() };
    if wanted.reasons.iter().any(|reason| reason.trim().is_empty()) {
        return Err(Failure::BadUse("--reason should be a word or more of what `report` says".to_owned()));
    }
    let store = app.store().await?;
    if store.series(&args.campaign).await?.is_some() {
        return Err(Failure::BadUse(format!(
            "{0} is a recurring campaign, whose runs have the messages; name a run, as `paceline status {0}` lists them",
            args.campaign
        )));
    }
    let row = control::find(&*store, &args.campaign).await?;
    let runs = store.follow_ups(row.id).await?;
    control::all_readable(&runs.unreadable)?;
    let runs = runs.campaigns;
    may_be_followed(app, &row)?;
    let budget = left(&row, &runs);
    let unsent = std::iter::once(&row).chain(&runs).find(|run| run.progress().unsent > 0);
    if let Some(run) = unsent.filter(|_| budget.is_some()) {
        return Err(Failure::Refused(format!(
            "{} still has messages to send, and the budget of {} is for all of them: wait until they are sent, or cancel it, \
             then ask again",
            run.key, row.key
        )));
    }
    if budget.is_some_and(|left| left <= Micros::ZERO) {
        return Err(Failure::Refused(format!(
            "the budget of {} is used up: nothing is left of it for a follow-up",
            row.key
        )));
    }
    let number = u32::try_from(runs.len()).unwrap_or(u32::MAX).saturating_add(1);
    let follow_up = FollowUp { app, store: &store, of: &row, key: key(&row.key, number), wanted };
    let (gathered, warnings) = if args.dry_run {
        (follow_up.gather(None).await?, Vec::new())
    } else {
        launch(app, &store, &follow_up, budget, args.offline).await?
    };
    let answer = Answer::of(&follow_up, &gathered, budget, args.dry_run, warnings);
    if gathered.messages == 0 {
        return Err(Failure::Refused(nobody(&answer)));
    }
    if app.json {
        output::print_json(&answer)?;
    } else {
        output::print(&render(&answer, &row))?;
    }
    Ok(())
}

/// That a campaign can be followed up.
///
/// # Errors
/// It is not launched yet, its end has passed, or a sender of it is gone.
fn may_be_followed(app: &App, row: &CampaignRow) -> Result<(), Failure> {
    if row.state == lifecycle::State::Loading {
        return Err(Failure::Refused(format!("the launch of {} is not complete", row.key)));
    }
    if let Some(end) = row.definition.schedule.end.filter(|end| *end <= app.clock.now()) {
        return Err(Failure::Refused(format!(
            "the end of {} was {end}, and nothing of it is sent after that; launch a campaign of its own for those who failed",
            row.key
        )));
    }
    match row.groups.iter().find(|group| app.config.sender(&group.sender).is_none()) {
        None => Ok(()),
        Some(group) => Err(Failure::Refused(format!(
            "the sender {} of {} is not in {} any more; put it back to retry",
            group.sender, row.key, app.config.source
        ))),
    }
}

/// What is left of a campaign's budget after it and its follow-ups so far, the worst case of all that is in flight taken
/// off; `None`: it has none.
fn left(row: &CampaignRow, follow_ups: &[CampaignRow]) -> Option<Micros> {
    let at_stake = |row: &CampaignRow| row.spent.0.saturating_add(row.reserved.0);
    let taken = follow_ups.iter().map(at_stake).fold(at_stake(row), i64::saturating_add);
    row.budget.map(|budget| Micros(budget.0.saturating_sub(taken)))
}

/// Stores the follow-up. Either all of it is stored, or nothing.
async fn launch(
    app: &App,
    store: &SharedStore,
    follow_up: &FollowUp<'_>,
    budget: Option<Micros>,
    offline: bool,
) -> Result<(Gathered, Vec<String>), Failure> {
    let of = follow_up.of;
    let account = preflight(&app.config, &of.definition, offline).await;
    if !account.problems.is_empty() {
        return Err(Problems(account.problems).into());
    }
    store.keep_templates(&account.known, None, app.clock.now()).await?;
    let new = NewCampaign {
        key: follow_up.key.clone(),
        definition: of.definition.clone(),
        file: of.file.clone(),
        plan_hash: of.plan_hash.clone(),
        budget,
        currency: of.currency,
        ttl_s: account.ttl_s,
        follow_up_of: Some(of.id),
    };
    // The key is the guard: of two follow-ups that are made at once one is refused here, and the next one reads what
    // became of the first.
    let id = store.begin_launch(new, ABANDONED_AFTER, app.clock.now()).await.map_err(|error| match error {
        LaunchError::KeyTaken { .. } => Failure::Refused(format!(
            "another retry of {} is being made, or was a moment ago; look at `paceline status {}`, then ask again",
            of.key, follow_up.key
        )),
        other @ (LaunchError::KeyRecurs { .. } | LaunchError::Store(_)) => other.into(),
    })?;
    let loaded = load(app, store, follow_up, id).await;
    if !matches!(&loaded, Ok(gathered) if gathered.messages > 0)
        && let Err(error) = store.abandon_launch(id).await
    {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "the half-loaded follow-up is still there; retrying again replaces it"
        );
    }
    Ok((loaded?, account.warnings))
}

async fn load(
    app: &App,
    store: &SharedStore,
    follow_up: &FollowUp<'_>,
    id: campaign::ids::CampaignId,
) -> Result<Gathered, Failure> {
    let gathered = follow_up.gather(Some(id)).await?;
    if gathered.messages > 0 {
        see_templates(app, store, &follow_up.of.definition).await?;
        let totals = Totals { planned: gathered.messages, excluded: 0, messages: gathered.messages };
        store.finish_launch(id, totals, app.clock.now()).await?;
    }
    Ok(gathered)
}

impl Answer {
    fn of(
        follow_up: &FollowUp<'_>,
        gathered: &Gathered,
        budget: Option<Micros>,
        dry_run: bool,
        warnings: Vec<String>,
    ) -> Self {
        Self {
            campaign: follow_up.key.clone(),
            follow_up_of: follow_up.of.key.clone(),
            dry_run,
            failed: gathered.messages + gathered.left_out.values().sum::<u64>(),
            messages: gathered.messages,
            left_out: gathered
                .left_out
                .iter()
                .map(|(why, messages)| Part { why: *why, messages: *messages })
                .collect(),
            worst_case: gathered.worst_case,
            budget,
            currency: follow_up.of.currency.code().to_owned(),
            warnings,
        }
    }
}

fn left_out(answer: &Answer) -> Vec<String> {
    let line = |part: &Part| format!("{} {}", format::count(part.messages), part.why);
    answer.left_out.iter().map(line).collect()
}

fn nobody(answer: &Answer) -> String {
    if answer.failed == 0 {
        return format!("no message of {} failed: there is nobody to retry", answer.follow_up_of);
    }
    format!(
        "nobody of {} is to be retried; of its {}: {}",
        answer.follow_up_of,
        format::counted(answer.failed, "failed message"),
        left_out(answer).join("; ")
    )
}

fn render(answer: &Answer, row: &CampaignRow) -> String {
    let mut lines: Vec<String> =
        answer.warnings.iter().map(|warning| format!("warning: {warning}")).collect();
    let does = if answer.dry_run { "would send" } else { "is launched: it sends" };
    lines.push(format!(
        "{} {does} {} of the {} of {} again, for {} at the most.",
        answer.campaign,
        format::count(answer.messages),
        format::counted(answer.failed, "failed message"),
        answer.follow_up_of,
        format::money(answer.worst_case, row.currency)
    ));
    lines.extend(left_out(answer).iter().map(|part| format!("Left out: {part}.")));
    if let Some(budget) = answer.budget {
        lines.push(format!(
            "Its budget is what is left of {}'s: {}.",
            answer.follow_up_of,
            format::money(budget, row.currency)
        ));
    }
    if !answer.dry_run {
        lines.push(format!(
            "Watch it: paceline status {} --watch\nBoth together: paceline report {}",
            answer.campaign, answer.follow_up_of
        ));
    }
    lines.join("\n")
}

fn units<S: Serializer>(amount: &Micros, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&amount.to_decimal())
}

#[expect(clippy::ref_option, reason = "serde passes the field by reference")]
fn optional_units<S: Serializer>(amount: &Option<Micros>, to: S) -> Result<S::Ok, S::Error> {
    amount.map(|amount| amount.to_decimal().to_string()).serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::commands::status::sample::row;

    fn answer() -> Answer {
        Answer {
            campaign: "diwali-2026-in+retry-1".to_owned(),
            follow_up_of: "diwali-2026-in".to_owned(),
            dry_run: true,
            failed: 95,
            messages: 12,
            left_out: vec![
                Part { why: LeftOut::OtherFailure, messages: 3 },
                Part { why: LeftOut::Final, messages: 80 },
            ],
            worst_case: Micros(10_440_000),
            budget: Some(Micros(44_780_000_000)),
            currency: "INR".to_owned(),
            warnings: Vec::new(),
        }
    }

    #[test]
    fn the_answer_says_how_many_and_why_not_the_others() {
        insta::assert_snapshot!(render(&answer(), &row()));
        let launched = Answer { dry_run: false, budget: None, ..answer() };
        insta::assert_snapshot!(render(&launched, &row()));
        let none = Answer { messages: 0, failed: 83, ..answer() };
        insta::assert_snapshot!(nobody(&none));
        insta::assert_json_snapshot!(answer());
    }

    #[test]
    fn the_budget_is_what_all_runs_leave() {
        let run = CampaignRow { spent: Micros(1), reserved: Micros(2), ..row() };
        assert_eq!(left(&row(), &[run]), Some(Micros(50_000_000_000 - 4_437_000_000 - 783_000_000 - 3)));
        assert_eq!(left(&CampaignRow { budget: None, ..row() }, &[]), None);
    }
}
