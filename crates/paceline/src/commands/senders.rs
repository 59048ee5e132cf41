//! `paceline senders`: each configured sender as the platform knows it, held against workers.toml.

use std::collections::BTreeMap;

use serde::Serialize;
use whatsapp::account::{AccountError, NumberStatus, OnboardingStatus, PhoneNumberInfo, Throughput};
use whatsapp::health::{MessagingLimit, Quality};

use crate::app::App;
use crate::commands::{asking, onboarding};
use crate::config::Sender;
use crate::failure::Failure;
use crate::output::{self, Look, Table, Text, Tone, format};

/// From this width on there is room for names and throughput levels.
const WIDE: usize = 110;

/// `senders` is told nothing.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// A sender.
#[derive(Debug, Serialize)]
struct Shown {
    sender: String,
    provider: String,
    /// Nothing where it is left out, as 360dialog's key is bound to one number.
    phone_number_id: Option<String>,
    account: String,
    /// What the platform says of the number; nothing where it could not be asked.
    #[serde(flatten)]
    number: Option<Number>,
    /// `rate` of workers.toml.
    rate: String,
    /// `daily_reach` of workers.toml; null is unlimited.
    daily_reach: Option<u32>,
    /// The platform's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    onboarding: Option<String>,
    warnings: Vec<String>,
    /// Why the platform does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    status: Option<OnboardingStatus>,
}

/// What the platform says of a number.
#[derive(Debug, Serialize)]
struct Number {
    number: Option<String>,
    verified_name: Option<String>,
    status: String,
    quality: String,
    throughput: String,
    /// Unique users in 24 hours, as a number; `unlimited`; `not set`; null where it was not told.
    messaging_limit: Option<String>,
    #[serde(skip)]
    info: PhoneNumberInfo,
}

/// Runs the command.
pub(crate) async fn run(app: &App, _args: Args) -> Result<(), Failure> {
    let (mut all, mut missing) = (Vec::new(), Vec::new());
    let mut accounts: BTreeMap<&str, Result<OnboardingStatus, AccountError>> = BTreeMap::new();
    for sender in asking::senders(&app.config)? {
        let mut shown = Shown {
            sender: sender.name.clone(),
            provider: sender.provider.to_string(),
            phone_number_id: sender.phone_number_id.clone(),
            account: sender.waba_id.clone(),
            number: None,
            rate: sender.rate.to_string(),
            daily_reach: sender.daily_reach.limit(),
            onboarding: None,
            warnings: Vec::new(),
            error: None,
            status: None,
        };
        let client = asking::client(&app.config, sender)?;
        match client.phone_number().await {
            Ok(info) => {
                shown.warnings = warnings(sender, &info);
                shown.number = Some(Number::of(info));
                if !accounts.contains_key(sender.waba_id.as_str()) {
                    let asked = client.business_account(&sender.waba_id).await;
                    accounts.insert(&sender.waba_id, asked.map(|account| account.onboarding));
                }
            }
            Err(error) => {
                if !matches!(error, AccountError::NotOffered { .. }) {
                    missing.push(format!("sender {}: {error}", sender.name));
                }
                shown.error = Some(error.to_string());
            }
        }
        match accounts.get(sender.waba_id.as_str()) {
            Some(Ok(status)) if shown.number.is_some() => {
                if let Some(todo) = onboarding::todo(status) {
                    shown.warnings.push(format!("onboarding: {}: {todo}", onboarding::in_words(status)));
                }
                shown.onboarding = Some(status.to_string());
                shown.status = Some(status.clone());
            }
            Some(Err(error)) if shown.number.is_some() => {
                missing.push(format!("sender {}: {error}", sender.name));
                shown.error = Some(error.to_string());
            }
            Some(_) | None => {}
        }
        all.push(shown);
    }
    if app.json {
        output::print_json(&all)?;
    } else {
        output::print(&render(&all, Look::of_stdout()))?;
    }
    asking::all_asked(app, &missing)
}

impl Number {
    fn of(info: PhoneNumberInfo) -> Self {
        Self {
            number: info.display_phone_number.clone(),
            verified_name: info.verified_name.clone(),
            status: info.status.to_string(),
            quality: info.quality.to_string(),
            throughput: info.throughput.to_string(),
            messaging_limit: info.messaging_limit.map(|limit| match limit {
                MessagingLimit::UniqueUsers(users) => users.to_string(),
                MessagingLimit::Unlimited => "unlimited".to_owned(),
                MessagingLimit::NotSet => "not set".to_owned(),
            }),
            info,
        }
    }
}

/// The most messages per second of a throughput level.
fn most_per_second(throughput: &Throughput) -> Option<f64> {
    match throughput {
        Throughput::Standard => Some(80.0),
        Throughput::High => Some(1_000.0),
        Throughput::Other(_) => None,
    }
}

/// What does not fit together.
fn warnings(sender: &Sender, info: &PhoneNumberInfo) -> Vec<String> {
    let mut found = Vec::new();
    match &info.status {
        NumberStatus::Connected | NumberStatus::Unknown => {}
        NumberStatus::Other(status) => {
            found.push(format!("the number's status is {status}: look at it in the WhatsApp manager"))
        }
    }
    match info.quality {
        Quality::Red => found.push("the number's quality is RED: sending more may restrict it".to_owned()),
        Quality::Green | Quality::Yellow | Quality::Unknown => {}
    }
    if let Some(most) = most_per_second(&info.throughput)
        && sender.rate.per_second() > most
    {
        found.push(format!(
            "rate is {}, and the number's throughput is {}, {most}/s (20/s where it is also used in the WhatsApp Business app): the platform refuses what is above it (130429); lower rate",
            sender.rate, info.throughput
        ));
    }
    if let Some(MessagingLimit::UniqueUsers(limit)) = info.messaging_limit {
        let configured = sender.daily_reach.limit();
        if configured.is_none_or(|people| u64::from(people) > limit) {
            let shown =
                configured.map_or_else(|| "unlimited".to_owned(), |people| format::count(people.into()));
            found.push(format!(
                "daily_reach is {shown}, and the portfolio may write to {} people in 24 hours: set daily_reach to {limit}",
                format::count(limit)
            ));
        }
    }
    found
}

fn render(all: &[Shown], look: Look) -> String {
    let is_wide = look.width >= WIDE;
    let mut headings = vec!["SENDER", "NUMBER", "STATUS", "QUALITY", "RATE", "IN 24 H", "ONBOARDING"];
    if is_wide {
        headings.insert(2, "NAME");
        headings.insert(5, "THROUGHPUT");
    }
    let mut table = Table::new(headings).right(if is_wide { [6, 7] } else { [4, 5] });
    let mut notes = Vec::new();
    for shown in all {
        let nothing = || Text::from(format::NOTHING);
        let mut cells = vec![match shown.number {
            Some(_) => Text::from(shown.sender.as_str()),
            None => Text::from(format!("{} ({})", shown.sender, shown.provider)),
        }];
        match &shown.number {
            None => {
                cells.push(shown.phone_number_id.as_deref().unwrap_or(format::NOTHING).into());
                cells.extend(std::iter::repeat_with(nothing).take(if is_wide { 4 } else { 2 }));
            }
            Some(number) => {
                let text = |text: &Option<String>| text.as_deref().unwrap_or(format::NOTHING).to_owned();
                cells.push(text(&number.number).into());
                if is_wide {
                    cells.push(text(&number.verified_name).into());
                }
                cells.push(Text::toned(status_tone(&number.info.status), number.status.as_str()));
                cells.push(Text::toned(quality_tone(number.info.quality), number.quality.as_str()));
                if is_wide {
                    cells.push(throughput(&number.info.throughput).into());
                }
            }
        }
        cells.push(shown.rate.as_str().into());
        cells.push(reach(shown.number.as_ref()).into());
        cells.push(match &shown.status {
            None => nothing(),
            Some(status) if onboarding::todo(status).is_none() => {
                Text::toned(Tone::Good, onboarding::in_words(status))
            }
            Some(status) => Text::toned(Tone::Warn, onboarding::in_words(status)),
        });
        table.row(cells);
        let warnings = shown.warnings.iter().map(|text| format!("warning: sender {}: {text}", shown.sender));
        notes.extend(warnings);
        notes.extend(shown.error.iter().map(|error| format!("sender {}: {error}", shown.sender)));
    }
    let mut text = table.render(look);
    if !notes.is_empty() {
        text.push_str("\n\n");
        text.push_str(&notes.iter().map(|note| look.wrap(note, 0)).collect::<Vec<_>>().join("\n"));
    }
    text
}

fn throughput(throughput: &Throughput) -> String {
    match most_per_second(throughput) {
        Some(most) => format::rate(most),
        None if throughput.to_string().is_empty() => format::NOTHING.to_owned(),
        None => throughput.to_string(),
    }
}

fn reach(number: Option<&Number>) -> String {
    let limit = number.and_then(|number| number.info.messaging_limit);
    match limit {
        Some(MessagingLimit::UniqueUsers(users)) => format::count(users),
        Some(MessagingLimit::Unlimited) => "unlimited".to_owned(),
        Some(MessagingLimit::NotSet) => "not set".to_owned(),
        None => format::NOTHING.to_owned(),
    }
}

fn status_tone(status: &NumberStatus) -> Tone {
    match status {
        NumberStatus::Connected => Tone::Good,
        NumberStatus::Other(_) => Tone::Bad,
        NumberStatus::Unknown => Tone::Quiet,
    }
}

fn quality_tone(quality: Quality) -> Tone {
    match quality {
        Quality::Green => Tone::Good,
        Quality::Yellow => Tone::Warn,
        Quality::Red => Tone::Bad,
        Quality::Unknown => Tone::Quiet,
    }
}
