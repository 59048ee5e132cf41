//! `paceline onboarding status|eligible|invite|token`: whether accounts may use the Marketing Messages API, and what
//! a partner does for the businesses it serves.

use serde::Serialize;
use serde_json::json;
use whatsapp::account::{AccountError, BusinessStatus, Invited, OnboardingStatus};

use crate::app::App;
use crate::commands::asking;
use crate::config::Sender;
use crate::failure::Failure;
use crate::output::{self, Look, Table, Tone, format};

/// What to do about onboarding.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Say how far each account is, and what is to be done
    Status,
    /// List the accounts of your clients that may be onboarded and are not (for partners)
    Eligible {
        /// Your business, which serves the clients [default: business_id of the sender]
        #[arg(long, value_name = "ID")]
        business: Option<String>,
        #[command(flatten)]
        by: By,
    },
    /// Ask a client's business to sign the terms (for partners)
    Invite {
        /// The client's business
        business: String,
        /// Your multi-partner solution, if you have one
        #[arg(long, value_name = "ID")]
        solution: Option<String>,
        #[command(flatten)]
        by: By,
    },
    /// Fetch the token of the system user in a client's business (for partners)
    Token {
        /// The client's business
        business: String,
        /// Print it: nothing else is printed
        #[arg(long)]
        show: bool,
        #[command(flatten)]
        by: By,
    },
}

/// Whose token is used.
#[derive(Debug, clap::Args)]
struct By {
    /// The sender whose token is used [default: the only account's]
    #[arg(long, value_name = "SENDER")]
    sender: Option<String>,
}

/// Runs the command.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    match args.action {
        Action::Status => status(app).await,
        Action::Eligible { business, by } => eligible(app, business, &by).await,
        Action::Invite { business, solution, by } => invite(app, &business, solution.as_deref(), &by).await,
        Action::Token { business, show, by } => token(app, &business, show, &by).await,
    }
}

/// An account's status in words, short.
pub(crate) fn in_words(status: &OnboardingStatus) -> String {
    match status {
        OnboardingStatus::Onboarded => "done".to_owned(),
        OnboardingStatus::Eligible => "terms not signed".to_owned(),
        OnboardingStatus::PendingValidPaymentMethod => "no valid payment method".to_owned(),
        OnboardingStatus::PendingInternalSetup => "Meta is setting it up".to_owned(),
        OnboardingStatus::Ineligible(name) => match name.as_str() {
            "INELIGIBLE_ON_BEHALF_OF_WABA" => "not possible: another business owns it".to_owned(),
            "INELIGIBLE_INACTIVE_OR_RESTRICTED" => "not possible: inactive or restricted".to_owned(),
            "INELIGIBLE_COUNTRY_NOT_SUPPORTED" => "not possible in its country".to_owned(),
            "INELIGIBLE_USING_WHATSAPP_BUSINESS_APP" => {
                "not possible: used in the WhatsApp Business app".to_owned()
            }
            _ => format!("not possible: {name}"),
        },
        OnboardingStatus::Other(name) => name.clone(),
        OnboardingStatus::Unknown => "not told".to_owned(),
    }
}

/// What is to be done about an account's status, if anything.
pub(crate) fn todo(status: &OnboardingStatus) -> Option<&'static str> {
    Some(match status {
        OnboardingStatus::Onboarded | OnboardingStatus::Unknown => return None,
        OnboardingStatus::Eligible => {
            "sign the terms of the Marketing Messages API in the WhatsApp manager (a partner asks its client to, with `paceline onboarding invite`)"
        }
        OnboardingStatus::PendingValidPaymentMethod => {
            "add a valid payment method to the account in the Business Manager"
        }
        OnboardingStatus::PendingInternalSetup => "wait: there is nothing to do; ask again later",
        OnboardingStatus::Ineligible(name) => match name.as_str() {
            "INELIGIBLE_ON_BEHALF_OF_WABA" => {
                "the account is used on behalf of another business: move it to the business that sends"
            }
            "INELIGIBLE_INACTIVE_OR_RESTRICTED" => {
                "look at the account's restrictions in the Business Manager (Business support home)"
            }
            "INELIGIBLE_COUNTRY_NOT_SUPPORTED" => "Meta does not offer it to businesses there",
            "INELIGIBLE_USING_WHATSAPP_BUSINESS_APP" => {
                "take the number out of the WhatsApp Business app, or send from another one"
            }
            _ => "look at the account in the WhatsApp manager",
        },
        OnboardingStatus::Other(_) => "look at the account in the WhatsApp manager",
    })
}

fn business_in_words(status: &BusinessStatus) -> String {
    match status {
        BusinessStatus::NotStarted => "was not asked to sign the terms".to_owned(),
        BusinessStatus::RequestSent => "was asked to sign the terms, and has not".to_owned(),
        BusinessStatus::TermsSigned => "has signed the terms".to_owned(),
        BusinessStatus::Other(name) => format!("is {name}"),
        BusinessStatus::Unknown => "is of unknown status".to_owned(),
    }
}

/// An account and how far it is.
#[derive(Debug, Serialize)]
struct Shown {
    account: String,
    sender: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    /// The platform's word.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    todo: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    business: Option<Business>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip)]
    words: String,
}

/// The business that `business_id` names.
#[derive(Debug, Serialize)]
struct Business {
    id: String,
    /// The platform's word.
    status: String,
    #[serde(skip)]
    words: String,
}

async fn status(app: &App) -> Result<(), Failure> {
    let (mut all, mut missing) = (Vec::new(), Vec::new());
    for sender in asking::accounts(&app.config)? {
        let mut shown = Shown {
            account: sender.waba_id.clone(),
            sender: sender.name.clone(),
            name: None,
            status: None,
            todo: None,
            business: None,
            error: None,
            words: String::new(),
        };
        if let Err(error) = ask(app, sender, &mut shown).await? {
            if !matches!(error, AccountError::NotOffered { .. }) {
                missing.push(error.to_string());
            }
            shown.error = Some(error.to_string());
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

async fn ask(app: &App, sender: &Sender, shown: &mut Shown) -> Result<Result<(), AccountError>, Failure> {
    let client = asking::client(&app.config, sender)?;
    let info = match client.business_account(&sender.waba_id).await {
        Ok(info) => info,
        Err(error) => return Ok(Err(error)),
    };
    shown.name = info.name;
    shown.words = in_words(&info.onboarding);
    shown.todo = todo(&info.onboarding);
    shown.status = Some(info.onboarding.to_string());
    if let Some(id) = &sender.business_id {
        match client.business_onboarding(id).await {
            Ok(status) => {
                shown.business = Some(Business {
                    id: id.clone(),
                    status: status.to_string(),
                    words: business_in_words(&status),
                });
            }
            // Needs a permission (business_management) that sending does not; the account's own status is what counts.
            Err(error) => tracing::warn!("{error}"),
        }
    }
    Ok(Ok(()))
}

fn render(all: &[Shown], look: Look) -> String {
    let mut parts = Vec::new();
    for shown in all {
        let name = shown.name.as_ref().map_or_else(String::new, |name| format!("{name}, "));
        let title = format!("Account {} ({name}sender {})", shown.account, shown.sender);
        let mut lines = vec![look.paint(Tone::Strong, &title)];
        if let Some(status) = &shown.status {
            let tone = if shown.todo.is_none() { Tone::Good } else { Tone::Warn };
            lines.push(format!("  {} ({status})", look.paint(tone, &shown.words)));
        }
        lines.extend(shown.todo.map(|todo| look.wrap(&format!("→ {todo}"), 2)));
        if let Some(business) = &shown.business {
            let said = format!("business {} {} ({})", business.id, business.words, business.status);
            lines.push(look.wrap(&said, 2));
        }
        lines.extend(shown.error.as_ref().map(|error| look.wrap(error, 2)));
        parts.push(lines.join("\n"));
    }
    parts.join("\n")
}

async fn eligible(app: &App, business: Option<String>, by: &By) -> Result<(), Failure> {
    let sender = asking::sender(&app.config, by.sender.as_deref())?;
    let Some(business) = business.or_else(|| sender.business_id.clone()) else {
        return Err(Failure::BadUse(format!(
            "sender {} has no business_id in {}; add it, or name your business with --business",
            sender.name, app.config.source
        )));
    };
    let client = asking::client(&app.config, sender)?;
    let accounts =
        client.eligible_accounts(&business).await.map_err(|error| Failure::Failed(error.into()))?;
    if app.json {
        let all: Vec<_> = accounts
            .iter()
            .map(|account| json!({ "account": account.id, "name": account.name, "currency": account.currency }))
            .collect();
        output::print_json(&all)?;
        return Ok(());
    }
    if accounts.is_empty() {
        output::print(&format!(
            "No client of business {business} has an account that is eligible and not onboarded."
        ))?;
        return Ok(());
    }
    let mut table = Table::new(["ACCOUNT", "NAME", "CURRENCY"]);
    for account in &accounts {
        let text = |text: &Option<String>| text.as_deref().unwrap_or(format::NOTHING).to_owned();
        table.row([account.id.clone(), text(&account.name), text(&account.currency)]);
    }
    let look = Look::of_stdout();
    output::print(&format!(
        "{}\n\n{}",
        table.render(look),
        look.wrap("Ask the business that owns an account to sign: paceline onboarding invite BUSINESS_ID", 0)
    ))?;
    Ok(())
}

async fn invite(app: &App, business: &str, solution: Option<&str>, by: &By) -> Result<(), Failure> {
    let sender = asking::sender(&app.config, by.sender.as_deref())?;
    let client = asking::client(&app.config, sender)?;
    let invited = client.invite(business, solution).await.map_err(|error| Failure::Failed(error.into()))?;
    let (request_id, before) = match invited {
        Invited::Sent { request_id } => (request_id, false),
        Invited::Before => (None, true),
    };
    if app.json {
        output::print_json(
            &json!({ "business": business, "request_id": request_id, "was_invited_before": before }),
        )?;
        return Ok(());
    }
    let said = match (before, request_id) {
        (true, _) => {
            format!("Business {business} was invited before; it has the request in its Business Manager.")
        }
        (false, id) => {
            let id = id.map_or_else(String::new, |id| format!(" (request {id})"));
            format!("Business {business} is invited{id}. It signs in its Business Manager.")
        }
    };
    output::print(&format!("{said} How far it is: paceline onboarding status"))?;
    Ok(())
}

async fn token(app: &App, business: &str, show: bool, by: &By) -> Result<(), Failure> {
    let sender = asking::sender(&app.config, by.sender.as_deref())?;
    let client = asking::client(&app.config, sender)?;
    let Some(secret) = app.config.webhook.app_secrets.first() else {
        return Err(Failure::BadUse(format!(
            "{} names no app secret, which proves that the token's app is yours; set webhook.app_secret_env",
            app.config.source
        )));
    };
    let (secret, own) = (secret.read()?, sender.token.read()?);
    let token = client.system_user_token(business, &secret, &own).await.map_err(|error| {
        let is_unproved = error.to_string().contains("appsecret_proof");
        let error = anyhow::Error::new(error);
        Failure::Failed(if is_unproved {
            error.context("the app secret that webhook.app_secret_env names is not that of the token's app")
        } else {
            error
        })
    })?;
    match (app.json, show) {
        (true, true) => output::print_json(&json!({ "business": business, "token": token.expose() }))?,
        (true, false) => output::print_json(&json!({ "business": business, "token": null }))?,
        (false, true) => output::print(token.expose())?,
        (false, false) => output::print(&format!(
            "Business {business} has a system user's token. It is not shown here. Put it where the client's sender looks \
             for it, such as\n  export CLIENT_TOKEN=\"$(paceline onboarding token {business} --show)\"\nand token_env = \
             \"CLIENT_TOKEN\" under its [[senders]] in workers.toml."
        ))?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_says_what_to_do() {
        for name in [
            "INELIGIBLE_ON_BEHALF_OF_WABA",
            "INELIGIBLE_INACTIVE_OR_RESTRICTED",
            "INELIGIBLE_COUNTRY_NOT_SUPPORTED",
            "INELIGIBLE_USING_WHATSAPP_BUSINESS_APP",
            "INELIGIBLE_FOR_A_NEW_REASON",
        ] {
            let status = OnboardingStatus::Ineligible(name.to_owned());
            assert!(in_words(&status).starts_with("not possible"), "{name}");
            assert!(todo(&status).is_some(), "{name}");
        }
        for status in [
            OnboardingStatus::Eligible,
            OnboardingStatus::PendingValidPaymentMethod,
            OnboardingStatus::PendingInternalSetup,
            OnboardingStatus::Other("NEW".to_owned()),
        ] {
            assert!(todo(&status).is_some(), "{status}");
        }
        assert_eq!(todo(&OnboardingStatus::Onboarded), None);
    }
}
