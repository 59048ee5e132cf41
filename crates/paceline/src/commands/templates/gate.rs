//! The sync gate's clock; opens it by hand.

use campaign::gate::GateRules;
use chrono::{DateTime, Utc};
use serde::Serialize;
use store::model::{GateEvent, TemplateKey};
use whatsapp::Provider;

use super::find::{Found, Wanted, accounts, find};
use super::gates::GateFacts;
use crate::app::App;
use crate::commands::audit::Doing;
use crate::commands::check::existing_store;
use crate::failure::Failure;
use crate::output::{self, Look, format};

/// Whose gate, and what to do with it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "A new template is not sent to for 10 minutes, and an idle one gets one message and then 10 \
minutes' wait, as Meta syncs it (platform.template_sync_wait). --open skips that, for one who knows better: if Meta is \
still syncing, it answers 134101, no attempt is used up, and the gate closes again."
)]
pub(super) struct Args {
    /// The template's name
    name: String,
    /// Only this language; all without it
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// Only in the account of this sender; in all without it
    #[arg(long, value_name = "SENDER")]
    sender: Option<String>,
    /// Open it: campaigns send at once
    #[arg(long)]
    open: bool,
}

impl Args {
    /// What it is about to do.
    pub(super) fn doing(&self) -> Option<Doing> {
        self.open.then(|| Doing::new("templates gate --open", &self.name))
    }
}

/// A template's gate.
#[derive(Debug, Serialize)]
struct Shown {
    account: String,
    name: String,
    language: String,
    gate: GateFacts,
    /// Whether this command opened it.
    opened: bool,
}

/// Runs the command.
pub(super) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let (now, rules) = (app.clock.now(), app.config.gate_rules());
    let keys = keys(app, &args).await?;
    // Opening makes the store where there is none; looking does not.
    let store = if args.open { Some(app.store().await?) } else { existing_store(app).await? };
    let mut all = Vec::new();
    for key in keys {
        if args.open
            && let Some(store) = &store
        {
            store.gate_event(&key, GateEvent::OpenByHand, &rules, now).await?;
        }
        all.push(Shown {
            gate: GateFacts::read(store.as_deref(), &key, &rules, now).await?,
            account: key.waba_id,
            name: key.name,
            language: key.language,
            opened: args.open,
        });
    }
    if app.json {
        output::print_json(&all)?;
    } else {
        output::print(&render(&all, &rules, Look::of_stdout(), now))?;
    }
    Ok(())
}

/// The gates that are meant. 360dialog does not tell which templates there are: its are taken at their word.
async fn keys(app: &App, args: &Args) -> Result<Vec<TemplateKey>, Failure> {
    let accounts = accounts(app, args.sender.as_deref())?;
    if accounts.iter().any(|sender| sender.provider == Provider::Meta) {
        let wanted =
            Wanted { name: &args.name, language: args.language.as_deref(), sender: args.sender.as_deref() };
        return Ok(find(app, wanted).await?.iter().map(Found::key).collect());
    }
    let Some(language) = &args.language else {
        return Err(Failure::BadUse(
            "360dialog does not tell which languages a template has; name one with --language".to_owned(),
        ));
    };
    Ok(accounts
        .iter()
        .map(|sender| TemplateKey {
            waba_id: sender.waba_id.clone(),
            name: args.name.clone(),
            language: language.clone(),
        })
        .collect())
}

fn render(all: &[Shown], rules: &GateRules, look: Look, now: DateTime<Utc>) -> String {
    let mut lines: Vec<String> = all
        .iter()
        .map(|shown| {
            let sentence = shown.gate.sentence(rules, now);
            let text = format!("{} ({}): {sentence}", shown.name, shown.language);
            look.wrap(&text, 0)
        })
        .collect();
    if all.iter().any(|shown| shown.opened) {
        let said = format!(
            "Opened by hand. It stays open until the template is idle for {}, or Meta answers 134101 (it is still syncing): then the gate closes for {} again, and no attempt is used up.",
            format::span(rules.idle_after),
            format::span(rules.sync_wait)
        );
        lines.push(look.wrap(&said, 0));
    }
    lines.join("\n")
}
