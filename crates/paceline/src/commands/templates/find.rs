//! A template by its name, in all accounts; with what was perhaps meant where there is none.

use campaign::document::nearest;
use campaign::money::Currency;
use store::model::TemplateKey;
use whatsapp::Client;
use whatsapp::account::{AccountError, TemplateInfo, TemplateList};

use crate::app::App;
use crate::commands::asking;
use crate::config::Sender;
use crate::failure::Failure;

/// A template and whose it is.
pub(super) struct Found<'c> {
    pub(super) sender: &'c Sender,
    pub(super) client: Client,
    pub(super) info: TemplateInfo,
}

impl Found<'_> {
    /// What its gate belongs to.
    pub(super) fn key(&self) -> TemplateKey {
        key(self.sender, &self.info)
    }
}

/// What the gate of a sender's template belongs to.
pub(super) fn key(sender: &Sender, info: &TemplateInfo) -> TemplateKey {
    TemplateKey { waba_id: sender.waba_id.clone(), name: info.name.clone(), language: info.language.clone() }
}

/// Which template is meant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) name: &'a str,
    /// Only this language.
    pub(super) language: Option<&'a str>,
    /// Only in this sender's account.
    pub(super) sender: Option<&'a str>,
}

/// The accounts that are meant, each by one sender.
pub(super) fn accounts<'c>(app: &'c App, sender: Option<&str>) -> Result<Vec<&'c Sender>, Failure> {
    match sender {
        Some(_) => Ok(vec![asking::sender(&app.config, sender)?]),
        None => asking::accounts(&app.config),
    }
}

/// The templates that are meant, in all accounts that tell theirs.
///
/// # Errors
/// [`Failure::BadUse`] where there is none, with the nearest that there is; [`Failure::Failed`] where no
/// account could be asked.
pub(super) async fn find<'c>(app: &'c App, wanted: Wanted<'_>) -> Result<Vec<Found<'c>>, Failure> {
    let Wanted { name, language, sender } = wanted;
    let mut found = Vec::new();
    let mut asked = Vec::new();
    let mut errors: Vec<AccountError> = Vec::new();
    for sender in accounts(app, sender)? {
        let client = asking::client(&app.config, sender)?;
        match client.templates(list(app, sender, Some(name))).await {
            Ok(infos) => {
                found.extend(infos.into_iter().map(|info| Found { sender, client: client.clone(), info }));
                asked.push((sender, client));
            }
            Err(error) => {
                if !matches!(error, AccountError::NotOffered { .. }) {
                    tracing::warn!("account {} is left out: {error}", sender.waba_id);
                }
                errors.push(error);
            }
        }
    }
    if found.is_empty() {
        if asked.is_empty()
            && let Some(error) = errors.into_iter().next()
        {
            return Err(Failure::Failed(error.into()));
        }
        return Err(Failure::BadUse(unknown(app, name, &asked).await?));
    }
    let languages: Vec<String> = found.iter().map(|found| found.info.language.clone()).collect();
    if let Some(language) = language {
        found.retain(|found| found.info.language == language);
        if found.is_empty() {
            return Err(Failure::BadUse(format!(
                "template {name} has no language \"{language}\"; it has {}",
                languages.join(", ")
            )));
        }
    }
    Ok(found)
}

/// The question for templates of a sender's account.
pub(super) fn list<'c>(app: &'c App, sender: &'c Sender, name: Option<&'c str>) -> TemplateList<'c> {
    TemplateList { waba_id: &sender.waba_id, name, max_price_field: &app.config.platform.max_price_field }
}

/// The currency in which an account is billed; `None` where it does not say.
pub(super) async fn currency(client: &Client, sender: &Sender) -> Result<Option<Currency>, AccountError> {
    let info = client.business_account(&sender.waba_id).await?;
    Ok(info.currency.and_then(|code| code.parse().ok()))
}

async fn unknown(app: &App, name: &str, asked: &[(&Sender, Client)]) -> Result<String, Failure> {
    let mut names = Vec::new();
    for (sender, client) in asked {
        let all = client.templates(list(app, sender, None)).await;
        names.extend(all.map_err(|error| Failure::Failed(error.into()))?.into_iter().map(|info| info.name));
    }
    let help = match nearest(name, names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean {near}?"),
        None => "`paceline templates list` lists all".to_owned(),
    };
    Ok(format!("there is no template \"{name}\"; {help}"))
}
