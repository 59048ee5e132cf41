//! `paceline analytics pull C`: what the platform counted itself of a campaign's templates, kept for its report.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use store::model::{Analytics, CampaignRow, Charge, TemplateCount, TemplateKey};
use whatsapp::account::{AccountError, Charged, TemplateDay, TemplateQuery};
use whatsapp::{Client, Provider};

use crate::app::App;
use crate::commands::{asking, control};
use crate::failure::Failure;
use crate::output::{self, Look, Table, format};

/// The platform counts reads and clicks for so long after a message (Meta, template analytics).
const COUNTED_FOR: TimeDelta = TimeDelta::days(7);

/// The platform looks back so far (Meta, template analytics).
const LOOKBACK: TimeDelta = TimeDelta::days(90);

/// The platform's codes for insights that are not enabled (Meta, template analytics).
const NOT_ENABLED: std::ops::RangeInclusive<i64> = 200_005..=200_007;

/// What to do with the platform's own numbers.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Ask the platform what it counted of a campaign's templates, and keep it for the campaign's report
    Pull {
        /// The campaign's key
        campaign: String,
        /// Let the platform count what comes of the account's templates, where it does not yet: it cannot be undone
        #[arg(long)]
        enable: bool,
    },
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let Action::Pull { campaign, enable } = args.action;
    let store = app.store().await?;
    let row = control::find(&*store, &campaign).await?;
    let now = app.clock.now();
    let span = Span::of(&row, now)?;
    let mut analytics = Analytics {
        from: span.from.date_naive(),
        to: (span.until - TimeDelta::seconds(1)).date_naive(),
        ..Analytics::default()
    };
    let mut untold = Vec::new();
    for (sender, templates) in accounts(&row) {
        let sender = app.config.sender(&sender).ok_or_else(|| {
            Failure::BadUse(format!(
                "{}; campaign {} was sent by it",
                asking::unknown(&app.config, &sender),
                row.key
            ))
        })?;
        if sender.provider == Provider::Dialog360 {
            untold.push(format!(
                "360dialog does not tell what it counted of account {}; look in its hub",
                sender.waba_id
            ));
            continue;
        }
        let client = asking::client(&app.config, sender)?;
        let account = Asked { app, client: &client, waba_id: &sender.waba_id, span, key: &row.key };
        analytics.templates.extend(account.templates(&templates, enable).await?);
        let charged =
            client.pricing_analytics(&sender.waba_id, span.from, span.until).await.map_err(failed)?;
        analytics.charges.extend(charges(&sender.waba_id, charged));
    }
    if analytics.templates.is_empty() && !untold.is_empty() {
        return Err(Failure::Refused(untold.join("; ")));
    }
    store.keep_analytics(row.id, &analytics, now).await?;
    if app.json {
        output::print_json(&analytics)?;
    } else {
        let mut text = render(&analytics, Look::of_stdout());
        untold.iter().for_each(|line| text.push_str(&format!("\n\nnote: {line}")));
        output::print(&format!("{text}\n\nIt is in `paceline report {}` from now on.", row.key))?;
    }
    Ok(())
}

fn failed(error: AccountError) -> Failure {
    Failure::Failed(error.into())
}

/// Whole days (UTC).
#[derive(Debug, Clone, Copy)]
struct Span {
    from: DateTime<Utc>,
    until: DateTime<Utc>,
}

impl Span {
    /// From the campaign's first day until nothing more is counted of its last message.
    fn of(row: &CampaignRow, now: DateTime<Utc>) -> Result<Self, Failure> {
        let key = &row.key;
        let (Some(started), Some(last)) = (row.started_at, row.last_sent_at) else {
            return Err(Failure::Refused(format!(
                "nothing of campaign {key} was sent yet, so the platform has counted nothing; ask again when it has begun"
            )));
        };
        let day = |at: DateTime<Utc>| at.date_naive().and_time(chrono::NaiveTime::MIN).and_utc();
        let from = day(started);
        if from < now - LOOKBACK {
            return Err(Failure::Refused(format!(
                "the platform tells the last 90 days, and campaign {key} began on {}",
                from.format("%Y-%m-%d")
            )));
        }
        Ok(Self { from, until: day((last + COUNTED_FOR).min(now)) + TimeDelta::days(1) })
    }
}

/// The templates of each account that the campaign was sent from, by one of its senders there.
fn accounts(row: &CampaignRow) -> Vec<(String, BTreeSet<TemplateKey>)> {
    let mut accounts: BTreeMap<&str, (String, BTreeSet<TemplateKey>)> = BTreeMap::new();
    for group in &row.groups {
        let account = accounts
            .entry(&group.template.waba_id)
            .or_insert_with(|| (group.sender.clone(), BTreeSet::new()));
        account.1.insert(group.template.clone());
    }
    accounts.into_values().collect()
}

/// An account that is asked.
struct Asked<'a> {
    app: &'a App,
    client: &'a Client,
    waba_id: &'a str,
    span: Span,
    key: &'a str,
}

impl Asked<'_> {
    async fn templates(
        &self,
        templates: &BTreeSet<TemplateKey>,
        enable: bool,
    ) -> Result<Vec<TemplateCount>, Failure> {
        let mut by_id: BTreeMap<String, &TemplateKey> = BTreeMap::new();
        for template in templates {
            let query = TemplateQuery {
                waba_id: self.waba_id,
                name: &template.name,
                language: &template.language,
                max_price_field: &self.app.config.platform.max_price_field,
            };
            // One that was deleted since has no numbers any more.
            if let Some(info) = self.client.template(query).await.map_err(failed)? {
                by_id.insert(info.id, template);
            }
        }
        let ids: Vec<String> = by_id.keys().cloned().collect();
        let days = match self.days(&ids).await {
            Err(error) if is_not_enabled(&error) && enable => {
                let enabling = self.client.enable_insights(self.waba_id).await;
                enabling.map_err(|error| Failure::Failed(error.into()))?;
                self.days(&ids).await
            }
            Err(error) if is_not_enabled(&error) => {
                return Err(Failure::Refused(format!(
                    "the platform does not count what comes of the templates of account {}; let it from now on with \
                     `paceline analytics pull {} --enable` (Meta cannot turn it off again)",
                    self.waba_id, self.key
                )));
            }
            answer => answer,
        };
        let mut counts: BTreeMap<&str, TemplateCount> =
            by_id.iter().map(|(id, template)| (id.as_str(), nothing((*template).clone()))).collect();
        for day in days.map_err(failed)? {
            if let Some(count) = counts.get_mut(day.template_id.as_str()) {
                add(count, &day);
            }
        }
        Ok(counts.into_values().collect())
    }

    async fn days(&self, ids: &[String]) -> Result<Vec<TemplateDay>, AccountError> {
        self.client.template_analytics(self.waba_id, ids, self.span.from, self.span.until).await
    }
}

fn is_not_enabled(error: &AccountError) -> bool {
    matches!(error, AccountError::Refused { code: Some(code), .. } if NOT_ENABLED.contains(code))
}

fn nothing(template: TemplateKey) -> TemplateCount {
    TemplateCount { template, sent: 0, delivered: 0, read: 0, clicks: BTreeMap::new(), spent: None }
}

fn add(count: &mut TemplateCount, day: &TemplateDay) {
    count.sent += day.sent;
    count.delivered += day.delivered;
    count.read += day.read;
    for click in &day.clicks {
        // Unique clicks are told beside all clicks, of the same buttons.
        if !click.kind.starts_with("unique") {
            *count.clicks.entry(click.button.clone()).or_default() += click.count;
        }
    }
    count.spent = sum(count.spent, day.spent);
}

fn sum<T: std::ops::Add<Output = T>>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    }
}

/// Marketing alone: what else the account sends is not ours.
fn charges(waba_id: &str, charged: Vec<Charged>) -> Vec<Charge> {
    let mut sums: BTreeMap<(Option<String>, String), Charge> = BTreeMap::new();
    for one in charged.into_iter().filter(|one| one.category.starts_with("MARKETING")) {
        let Charged { country, category, volume, cost, .. } = one;
        let charge = sums.entry((country.clone(), category.clone())).or_insert_with(|| Charge {
            waba_id: waba_id.to_owned(),
            country,
            category,
            messages: 0,
            cost: None,
        });
        charge.messages += volume;
        charge.cost = sum(charge.cost, cost);
    }
    sums.into_values().collect()
}

/// What the platform counted, to read.
pub(crate) fn render(analytics: &Analytics, look: Look) -> String {
    let said = format!(
        "What the platform counted of the campaign's templates from {} to {} (UTC), whichever campaign it was for.",
        analytics.from, analytics.to
    );
    let mut parts = vec![look.wrap(&said, 2)];
    let mut table = Table::new(["TEMPLATE", "SENT", "DELIVERED", "", "READ", "", "CLICKS", "SPENT"])
        .right(1..=7)
        .indent(2);
    for count in &analytics.templates {
        let TemplateCount { template, sent, delivered, read, clicks, spent } = count;
        table.row([
            format!("{} ({})", template.name, template.language),
            format::count(*sent),
            format::count(*delivered),
            format::percent(*delivered, *sent),
            format::count(*read),
            format::percent(*read, *delivered),
            format::count(clicks.values().sum()),
            spent.map_or_else(|| format::NOTHING.to_owned(), |spent| spent.round_dp(2).to_string()),
        ]);
    }
    parts.push(table.render(look));
    let mut table =
        Table::new(["ACCOUNT", "CHARGED AS", "COUNTRY", "MESSAGES", "COST"]).right([3, 4]).indent(2);
    for charge in &analytics.charges {
        table.row([
            charge.waba_id.clone(),
            charge.category.to_lowercase(),
            charge.country.clone().unwrap_or_else(|| format::NOTHING.to_owned()),
            format::count(charge.messages),
            charge.cost.map_or_else(|| format::NOTHING.to_owned(), |cost| cost.round_dp(2).to_string()),
        ]);
    }
    if !analytics.charges.is_empty() {
        let said = "What it charged for all marketing messages that were delivered on these days, of any template and number of the account, in the account's currency.";
        parts.push(look.wrap(said, 2));
        parts.push(table.render(look));
    }
    parts.join("\n")
}
