//! `paceline plan F`: what `check` does, and then who gets it when, whom the plan leaves out and why, when it
//! finishes, what it costs, and the hash by which exactly this plan is launched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use campaign::definition::{Definition, Speed};
use campaign::gate::{Gate, GateState, decide};
use campaign::money::RateCard;
use campaign::pacing::timeline::{Forecast, Group, Outlook, Pace, forecast};
use campaign::pacing::{Rate, WindowZone};
use campaign::planning::Summary;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use serde_json::json;
use store::model::TemplateKey;

use super::check::{self, Checked, check, excluded_json};
use super::launch::recurring::next_runs_text;
use crate::app::App;
use crate::failure::Failure;
use crate::launching::rate_card;
use crate::output::{Look, Table, format, print, print_json};

/// What `plan` is given.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The campaign file.
    pub(crate) file: PathBuf,
    /// Do not ask the account about templates and senders.
    #[arg(long)]
    pub(crate) offline: bool,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let checked = check(app, &check::Args { file: args.file, offline: args.offline }).await?;
    let definition = &checked.prepared.definition;
    let now = app.clock.now();
    // The plan of a recurring campaign is that of its next run.
    let start = match checked.next_runs.first() {
        Some(run) => run.at,
        None => definition.schedule.begins(now),
    };
    let gate = gate(app, definition, start, now).await?;
    let reached = reached(app, definition, now).await?;
    let forecast = timeline(app, definition, &checked.streamed.summary, gate.opens_at, &reached);
    let card = rate_card(&app.config)?;
    if app.json {
        print_json(&as_json(&checked, &forecast, &gate, &card))?;
    } else {
        print(&as_text(&checked, &forecast, &gate, &card, now, Look::of_stdout()))?;
    }
    Ok(())
}

/// When the bulk may go as far as the templates' gates are concerned, and why not before.
struct GateForecast {
    opens_at: DateTime<Utc>,
    why: Option<String>,
}

/// The latest of the templates' gates. One that was never seen waits to be synced, then for its canary.
async fn gate(
    app: &App,
    definition: &Definition,
    start: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<GateForecast, Failure> {
    let rules = app.config.gate_rules();
    let store = super::check::existing_store(app).await?;
    let mut latest = GateForecast { opens_at: start, why: None };
    for sender in definition.senders.iter().filter_map(|name| app.config.sender(name)) {
        for template in definition.templates() {
            let key = TemplateKey {
                waba_id: sender.waba_id.clone(),
                name: template.name.clone(),
                language: template.language.clone(),
            };
            let mut state = match &store {
                Some(store) => store.gate(&key).await?,
                None => GateState::default(),
            };
            // A launch notes a template that was never seen.
            state.first_seen_at.get_or_insert(now);
            let said = decide(&state, &rules, start);
            let opens_at = match said {
                Gate::Open => continue,
                Gate::Canary => start + rules.sync_wait,
                // After the wait an idle template still gets its one message, and waits again.
                Gate::Closed { until, .. } => match decide(&state, &rules, until) {
                    Gate::Canary => until + rules.sync_wait,
                    Gate::Open | Gate::Closed { .. } => until,
                },
            };
            if opens_at > latest.opens_at {
                latest = GateForecast { opens_at, why: Some(said.describe(&template.name, &rules, now)) };
            }
        }
    }
    Ok(latest)
}

/// How many people the senders' portfolios may write to in 24 hours, together; `None`: as many as they like.
pub(super) fn daily_reach(app: &App, definition: &Definition) -> Option<u64> {
    let senders = definition.senders.iter().filter_map(|name| app.config.sender(name));
    let limits: BTreeMap<&str, Option<u32>> =
        senders.map(|sender| (sender.portfolio(), sender.daily_reach.limit())).collect();
    limits.into_values().map(|limit| limit.map(u64::from)).sum()
}

/// Whom the senders' portfolios have written to in the last 24 hours: they count towards their limits.
async fn reached(
    app: &App,
    definition: &Definition,
    now: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, u64)>, Failure> {
    let Some(store) = super::check::existing_store(app).await? else { return Ok(Vec::new()) };
    let senders = definition.senders.iter().filter_map(|name| app.config.sender(name));
    let portfolios: BTreeSet<&str> = senders.map(|sender| sender.portfolio()).collect();
    let mut all = Vec::new();
    for portfolio in portfolios {
        let reached = store.reached(portfolio, now).await?;
        all.extend(reached.into_iter().map(|reached| (reached.until, reached.people)));
    }
    all.sort_unstable();
    Ok(all)
}

fn timeline(
    app: &App,
    definition: &Definition,
    summary: &Summary,
    start: DateTime<Utc>,
    reached: &[(DateTime<Utc>, u64)],
) -> Forecast {
    let groups: Vec<Group> = summary
        .zones
        .iter()
        .map(|(zone, count)| Group { zone: zone.parse().unwrap_or(Tz::UTC), count: *count })
        .collect();
    let senders = || definition.senders.iter().filter_map(|name| app.config.sender(name));
    let together: u64 = senders().map(|s| s.rate.per_second().max(1.0) as u64).sum();
    let slowest = senders().map(|s| s.rate).min().unwrap_or(Rate::SLOWEST);
    let sender_rate = if definition.senders.len() == 1 {
        slowest
    } else {
        Rate::per_second_of(together).unwrap_or(Rate::FASTEST)
    };
    forecast(&Outlook {
        groups: &groups,
        start,
        end: definition.schedule.end.map(|end| end.to_utc()),
        windows: &definition.schedule.windows,
        schedule_zone: definition.schedule.zone,
        ramp: &definition.pace.ramp,
        pace: match definition.pace.speed {
            None => Pace::Unlimited,
            Some(Speed::Rate(rate)) => Pace::Rate(rate),
            Some(Speed::Over(time)) => Pace::Over(time),
        },
        sender_rate,
        daily_reach: daily_reach(app, definition),
        reached,
    })
}

fn as_json(
    checked: &Checked,
    forecast: &Forecast,
    gate: &GateForecast,
    card: &RateCard,
) -> serde_json::Value {
    let summary = &checked.streamed.summary;
    let cost = summary.cost();
    let countries: serde_json::Map<_, _> =
        summary.countries.iter().map(|(c, n)| (c.code().to_owned(), json!(n))).collect();
    let zones: serde_json::Map<_, _> =
        summary.zones.iter().map(|(z, n)| ((*z).to_owned(), json!(n))).collect();
    json!({
        "campaign": checked.prepared.definition.campaign,
        "plan_hash": checked.plan_hash(),
        "rows": summary.rows,
        "messages": summary.messages,
        "excluded": excluded_json(summary),
        "countries": countries,
        "zones": zones,
        "variants": variants(&checked.prepared.definition, summary)
            .into_iter().map(|(name, n)| (name, json!(n))).collect::<serde_json::Map<_, _>>(),
        "senders": summary.senders,
        "cost": { "low": cost.low, "likely": cost.likely, "worst": cost.worst, "currency": cost.currency },
        "rate_card": { "date": card.date, "source": card.source },
        "timeline": forecast.points.iter().map(|p| json!({ "at": p.at, "sent": p.sent, "total": p.total })).collect::<Vec<_>>(),
        "starts_at": gate.opens_at,
        "waits_for": gate.why,
        "finishes_at": forecast.finishes_at,
        "sent": forecast.sent,
        "expires": forecast.expires,
        "next_runs": checked.next_runs,
        "warnings": checked.warnings,
    })
}

fn variants(definition: &Definition, summary: &Summary) -> Vec<(String, u64)> {
    let name = |i: usize| definition.variants.get(i).map_or_else(|| i.to_string(), |v| v.name.clone());
    summary.variants.iter().filter_map(|(i, n)| i.map(|i| (name(i), *n))).collect()
}

fn as_text(
    checked: &Checked,
    forecast: &Forecast,
    gate: &GateForecast,
    card: &RateCard,
    now: DateTime<Utc>,
    look: Look,
) -> String {
    let definition = &checked.prepared.definition;
    let summary = &checked.streamed.summary;
    let zone = definition.schedule.zone;
    let mut text = match checked.next_runs.first() {
        None => format!("Plan for {} ({})\n\n", definition.campaign, checked.prepared.file),
        Some(run) => format!(
            "Plan for the next run of {}, {} ({}), with its audience as it is now\n\n",
            definition.campaign, run.campaign, checked.prepared.file
        ),
    };
    let mut table = Table::new(["rows", ""]).right([1]).indent(2);
    table.row(["in the audience".to_owned(), format::count(summary.rows)]);
    table.row(["become messages".to_owned(), format::count(summary.messages)]);
    for (reason, count) in &summary.excluded {
        table.row([format!("left out: {}", reason.words()), format::count(*count)]);
    }
    text.push_str(&table.render(look));
    text.push_str("\n\n");
    text.push_str(&who(definition, summary));
    if let Some(why) = &gate.why {
        text.push_str(&format!("  starts    {}: {why}\n", format::when(gate.opens_at, now, zone)));
    }
    text.push_str(&when(definition, forecast, now, zone));
    let cost = summary.cost();
    let money = |amount| format!("{} {amount}", cost.currency);
    text.push_str(&format!(
        "  cost      low {}, likely {}, worst case {}{}\n",
        money(cost.low.round_dp(2)),
        money(cost.likely.round_dp(2)),
        money(cost.worst.round_dp(2)),
        definition.budget.map(|b| format!("; the budget of {b} is a ceiling")).unwrap_or_default()
    ));
    text.push_str(&format!("  prices    of {}: {}\n", card.date, card.source));
    text.push_str(&format!("  plan      {}\n\n", checked.plan_hash()));
    if !checked.next_runs.is_empty() {
        text.push_str("The next runs:\n");
        text.push_str(&next_runs_text(&checked.next_runs, now, zone));
        text.push('\n');
    }
    text.push_str(&check::problems_text(summary));
    text.push_str(&check::warnings_text(&checked.warnings));
    text.push_str(&format!(
        "\nTo launch exactly this: paceline launch {} --plan {}\n",
        checked.prepared.file,
        checked.plan_hash()
    ));
    text
}

fn who(definition: &Definition, summary: &Summary) -> String {
    let mut countries: Vec<_> = summary.countries.iter().collect();
    countries.sort_by_key(|(_, n)| std::cmp::Reverse(**n));
    let list = |items: Vec<String>| items.join(", ");
    let mut text = format!(
        "  to        {}\n",
        list(countries.iter().map(|(c, n)| format!("{} {}", c.name(), format::count(**n))).collect())
    );
    if !summary.variants.keys().all(Option::is_none) {
        let variants = variants(definition, summary);
        text.push_str(&format!(
            "  variants  {}\n",
            list(variants.iter().map(|(v, n)| format!("{v} {}", format::count(*n))).collect())
        ));
    }
    let by_recipient = definition.schedule.windows.iter().any(|w| w.zone == WindowZone::Recipient);
    if by_recipient {
        text.push_str(&format!(
            "  zones     {}\n",
            list(summary.zones.iter().map(|(z, n)| format!("{z} {}", format::count(*n))).collect())
        ));
    }
    text
}

/// Hours that are shown; a longer timeline is folded, and `--json` has all of it.
const HOURS_SHOWN: usize = 12;

fn when(definition: &Definition, forecast: &Forecast, now: DateTime<Utc>, zone: Tz) -> String {
    let mut text = String::new();
    let most = forecast.points.iter().map(|p| p.sent).max().unwrap_or(0).max(1);
    for (i, point) in forecast.points.iter().filter(|p| p.sent > 0).enumerate() {
        if i == HOURS_SHOWN {
            text.push_str("            … (the whole timeline: --json)\n");
            break;
        }
        let label = if i == 0 { "  timeline " } else { "           " };
        let bar = "█".repeat(usize::try_from(point.sent * 24 / most).unwrap_or(24).max(1));
        text.push_str(&format!(
            "{label} {}  {:>9}  {bar}\n",
            point.at.with_timezone(&zone).format("%a %d %b %H:%M"),
            format::count(point.sent)
        ));
    }
    match forecast.finishes_at {
        Some(at) => text.push_str(&format!("  finishes  {}\n", format::when(at, now, zone))),
        None => text.push_str("  finishes  not all can be sent\n"),
    }
    if forecast.expires > 0 {
        let end = definition.schedule.end.map_or_else(|| "a year from now".to_owned(), |end| end.to_string());
        text.push_str(&format!(
            "  expires   {} messages would still be unsent at {end}\n",
            format::count(forecast.expires)
        ));
    }
    text
}
