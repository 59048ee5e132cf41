//! Asks the account what a plan depends on: the templates, the senders, the onboarding.
//!
//! What the account says and what contradicts the campaign file are problems; what only may go wrong is a
//! warning. An account that cannot be reached is a warning too: the file can still be planned.

use campaign::definition::{Definition, RecipientColumn};
use campaign::money::{Currency, MaxPrice};
use campaign::problem::Problem;
use store::registry::ReadTemplate;
use whatsapp::Provider;
use whatsapp::account::{
    AccountError, Category, NumberStatus, OnboardingStatus, TemplateInfo, TemplateQuery, TemplateState,
};

use super::fits::differences;
use super::known::known;
use crate::config::{Config, Sender};

/// The platform's default time to live: 30 days.
const DEFAULT_TTL_S: u32 = 30 * 24 * 3_600;

/// What the account says.
#[derive(Debug)]
pub(crate) struct Account {
    /// What contradicts the campaign file.
    pub(crate) problems: Vec<Problem>,
    /// What may go wrong.
    pub(crate) warnings: Vec<String>,
    /// Each template as one line, for the plan's hash; empty where the account was not asked.
    pub(crate) templates: Vec<String>,
    /// The same as they are kept.
    pub(crate) known: Vec<ReadTemplate>,
    /// The templates' time to live, in seconds: the file's, else the account's, else the platform's default.
    pub(crate) ttl_s: u32,
    longest_ttl_s: Option<u32>,
}

/// Asks the accounts of all senders of the campaign; nothing where `offline`.
pub(crate) async fn preflight(config: &Config, definition: &Definition, offline: bool) -> Account {
    let wanted = definition.delivery.ttl.and_then(|ttl| u32::try_from(ttl.as_secs()).ok());
    let mut account = Account {
        problems: Vec::new(),
        warnings: Vec::new(),
        templates: Vec::new(),
        known: Vec::new(),
        ttl_s: wanted.unwrap_or(DEFAULT_TTL_S),
        longest_ttl_s: None,
    };
    // A template's own max price is told by the account alone.
    let unsure = definition.budget.is_some() && definition.delivery.max_price.is_none();
    let of_budget = if unsure { ", and the budget holds only if no template has a max price" } else { "" };
    if offline {
        account.warnings.push(format!(
            "the account was not asked (--offline): templates and senders are not checked{of_budget}"
        ));
        return account;
    }
    let mut asked = Vec::new();
    for sender in definition.senders.iter().filter_map(|name| config.sender(name)) {
        if sender.provider == Provider::Dialog360 {
            account.warnings.push(format!(
                "sender {}: 360dialog does not tell of templates and numbers, so they are not checked{of_budget}{}; look in its hub",
                sender.name,
                if wanted.is_none() { ", and a time to live of 30 days is assumed (delivery.ttl says another)" } else { "" }
            ));
            if let Err(problem) = sender.token.read() {
                account.problems.push(problem);
            }
            continue;
        }
        let client = match sender.token.read() {
            Err(problem) => {
                account.problems.push(problem);
                continue;
            }
            Ok(token) => match whatsapp::Client::new(config.client_config(sender, token)) {
                Ok(client) => client,
                Err(error) => {
                    account.problems.push(Problem::new(sender.place.clone(), error.to_string()));
                    continue;
                }
            },
        };
        if let Err(error) = number(&client, sender, &mut account).await {
            let gone = matches!(error, AccountError::Unreachable { .. });
            account.warnings.push(error.to_string());
            if gone {
                continue;
            }
        }
        if !asked.contains(&sender.waba_id) {
            asked.push(sender.waba_id.clone());
            business(&client, sender, &mut account).await;
            templates(&client, config, definition, sender, &mut account).await;
        }
    }
    if let Some(ttl_s) = account.longest_ttl_s {
        account.ttl_s = ttl_s;
    }
    account
}

async fn number(
    client: &whatsapp::Client,
    sender: &Sender,
    account: &mut Account,
) -> Result<(), AccountError> {
    let info = client.phone_number().await?;
    let name = &sender.name;
    if let NumberStatus::Other(status) = info.status {
        account.warnings.push(format!("sender {name}: the number's status is {status}"));
    }
    if matches!(info.quality, whatsapp::health::Quality::Red) {
        account
            .warnings
            .push(format!("sender {name}: the number's quality is RED; sending more may restrict it"));
    }
    Ok(())
}

async fn business(client: &whatsapp::Client, sender: &Sender, account: &mut Account) {
    match client.business_account(&sender.waba_id).await {
        Ok(info) => {
            let said = match &info.onboarding {
                OnboardingStatus::Onboarded | OnboardingStatus::Unknown => return,
                OnboardingStatus::Eligible => "possible but not done: its terms are not signed",
                OnboardingStatus::PendingValidPaymentMethod => "waiting for a payment method",
                OnboardingStatus::PendingInternalSetup => "waiting for the platform",
                OnboardingStatus::Ineligible(why) | OnboardingStatus::Other(why) => why,
            };
            account.warnings.push(format!(
                "sender {}: Marketing Messages onboarding is {said}; with product_policy strict nothing would be sent",
                sender.name
            ));
        }
        Err(error) => account.warnings.push(error.to_string()),
    }
}

async fn templates(
    client: &whatsapp::Client,
    config: &Config,
    definition: &Definition,
    sender: &Sender,
    account: &mut Account,
) {
    for name in definition.templates() {
        let query = TemplateQuery {
            waba_id: &sender.waba_id,
            name: &name.name,
            language: &name.language,
            max_price_field: &config.platform.max_price_field,
        };
        match client.template(query).await {
            Ok(Some(info)) => {
                account.known.push(known(&sender.waba_id, &info));
                template(definition, &info, account);
            }
            Ok(None) => {
                let said = format!(
                    "is {} ({}), which the account of sender {} does not have",
                    name.name, name.language, sender.name
                );
                account.problems.push(
                    definition
                        .places
                        .problem("template", said)
                        .help("check the name and the language, or create the template"),
                );
            }
            Err(error) => account.warnings.push(error.to_string()),
        }
    }
}

fn template(definition: &Definition, info: &TemplateInfo, account: &mut Account) {
    let mut problem = |path: &str, said: String, help: &str| {
        account.problems.push(definition.places.problem(path, said).help(help));
    };
    if info.status != TemplateState::Approved {
        problem(
            "template",
            format!("is {}, which is {}", info.name, info.status),
            "only an APPROVED template can be sent",
        );
    }
    if info.category != Category::Marketing {
        problem(
            "template",
            format!("is {}, whose category is {}", info.name, info.category),
            "this API sends MARKETING templates only",
        );
    }
    let ttl = info.message_send_ttl_seconds.filter(|ttl| *ttl > 0).and_then(|ttl| u32::try_from(ttl).ok());
    match definition.delivery.ttl {
        Some(wanted)
            if ttl.map_or(wanted.as_secs() != u64::from(DEFAULT_TTL_S), |ttl| {
                wanted.as_secs() != u64::from(ttl)
            }) =>
        {
            problem(
                "delivery.ttl",
                format!(
                    "is {} s, and template {} has {} s",
                    wanted.as_secs(),
                    info.name,
                    ttl.unwrap_or(DEFAULT_TTL_S)
                ),
                "a time to live is the template's own: give the template a `ttl` in a file for `paceline templates apply FILE`, or write its value here",
            )
        }
        Some(_) => {}
        // The longest of the templates': a message must not be given up while it may still be delivered.
        None => account.longest_ttl_s = account.longest_ttl_s.max(ttl.or(Some(DEFAULT_TTL_S))),
    }
    max_price(definition, info, account);
    let variants = definition.variants.len();
    let all: Vec<Option<usize>> = if variants == 0 { vec![None] } else { (0..variants).map(Some).collect() };
    let mut paths = Vec::new();
    for variant in all {
        let template = definition.template_of(variant);
        if (template.name.as_str(), template.language.as_str())
            != (info.name.as_str(), info.language.as_str())
        {
            continue;
        }
        let own = variant.filter(|i| definition.variants.get(*i).is_some_and(|v| v.params.is_some()));
        let path = own.map_or_else(|| "params".to_owned(), |i| format!("variants[{i}].params"));
        if paths.contains(&path) {
            continue;
        }
        // Every template has a body: one without was not told in full, and cannot be compared.
        let is_told = !info.components.body.text.is_empty();
        for (key, said) in
            differences(&path, definition.params_of(variant), info).into_iter().filter(|_| is_told)
        {
            account
                .problems
                .push(definition.places.problem(&key, said).help("fill exactly what the template has"));
        }
        paths.push(path);
    }
    account.templates.push(format!(
        "{} {} {} {} {} {:?} {:?} {:?}",
        info.name,
        info.language,
        info.id,
        info.status,
        info.category,
        ttl,
        info.max_price.as_ref().map(|p| p.bid_amount),
        info.components
    ));
}

/// The template's own max price must be the one of the file: the file's is what the budget reserves.
fn max_price(definition: &Definition, info: &TemplateInfo, account: &mut Account) {
    match (&definition.delivery.max_price, &info.max_price) {
        (None, None) => {}
        (None, Some(_)) if matches!(definition.audience.recipient, RecipientColumn::UserId { .. }) => {
            account.problems.push(
                definition
                    .places
                    .problem(
                        "audience.user_id",
                        format!(
                            "does not work with template {}, which has a max price: the platform refuses such messages (131062)",
                            info.name
                        ),
                    )
                    .help("name recipients by phone, or send a template without a max price"),
            );
        }
        // Without its price nobody knows what a message may cost at the most.
        (None, Some(price)) if definition.budget.is_some() => account.problems.push(
            definition
                .places
                .problem(
                    "budget",
                    format!(
                        "could not be kept: template {} has a max price (bid_amount {} per 1,000 deliveries) that the campaign file does not name",
                        info.name, price.bid_amount
                    ),
                )
                .help("set delivery.max_price to the template's price"),
        ),
        (None, Some(price)) => account.warnings.push(format!(
            "template {} has a max price (bid_amount {} per 1,000 deliveries) that the campaign file does not name; set delivery.max_price to plan with it",
            info.name, price.bid_amount
        )),
        (Some(_), None) => account.problems.push(
            definition
                .places
                .problem("delivery.max_price", format!("is given, and template {} has no max price", info.name))
                .help("set the max price on the template, or leave it out here"),
        ),
        (Some(ours), Some(theirs)) => {
            let currency: Currency = ours.price.currency;
            match (MaxPrice { price: ours.price }).bid_amount() {
                Ok(bid) if i64::from(bid) == theirs.bid_amount => {}
                Ok(bid) => account.problems.push(
                    definition
                        .places
                        .problem(
                            "delivery.max_price",
                            format!(
                                "is {} {currency}, which is a bid_amount of {bid} per 1,000, and template {} has {}",
                                ours.price.amount, info.name, theirs.bid_amount
                            ),
                        )
                        .help("make the two the same: the template's is what the platform uses"),
                ),
                Err(error) => account.problems.push(definition.places.problem("delivery.max_price", error)),
            }
        }
    }
}
