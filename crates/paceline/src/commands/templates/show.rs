//! All of one template.

use campaign::gate::GateRules;
use chrono::{DateTime, Utc};
use serde::Serialize;
use whatsapp::account::ParameterFormat;

use super::find::{Found, Wanted, currency, find};
use super::gates::GateFacts;
use super::list::ttl;
use super::preview;
use super::price::Price;
use crate::app::App;
use crate::commands::check::existing_store;
use crate::failure::Failure;
use crate::output::{self, Look, Tone, format};

/// Which template is shown.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The template's name
    name: String,
    /// Only this language; all without it
    #[arg(long, value_name = "CODE")]
    language: Option<String>,
    /// Only in the account of this sender; in all without it
    #[arg(long, value_name = "SENDER")]
    sender: Option<String>,
}

/// A template as the account has it.
#[derive(Debug, Serialize)]
struct Shown {
    account: String,
    id: String,
    name: String,
    language: String,
    category: String,
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rejected_reason: Option<String>,
    quality: String,
    parameter_format: String,
    variables: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_s: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_price: Option<Price>,
    gate: GateFacts,
    components: serde_json::Value,
    #[serde(skip)]
    text: Vec<String>,
}

/// Runs the command.
pub(super) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let wanted =
        Wanted { name: &args.name, language: args.language.as_deref(), sender: args.sender.as_deref() };
    let found = find(app, wanted).await?;
    let store = existing_store(app).await?;
    let (now, rules) = (app.clock.now(), app.config.gate_rules());
    let mut all = Vec::new();
    for one in &found {
        let gate = GateFacts::read(store.as_deref(), &one.key(), &rules, now).await?;
        let max_price = match &one.info.max_price {
            None => None,
            Some(price) => {
                let currency = match currency(&one.client, one.sender).await {
                    Ok(currency) => currency,
                    Err(error) => {
                        tracing::warn!("{error}");
                        None
                    }
                };
                Some(Price::new(price.bid_amount, currency))
            }
        };
        all.push(Shown::of(one, max_price, gate));
    }
    if app.json {
        output::print_json(&all)?;
    } else {
        let look = Look::of_stdout();
        let texts: Vec<String> = all.iter().map(|shown| shown.render(look, &rules, now)).collect();
        output::print(&texts.join("\n\n"))?;
    }
    Ok(())
}

impl Shown {
    fn of(found: &Found<'_>, max_price: Option<Price>, gate: GateFacts) -> Self {
        let info = &found.info;
        Self {
            account: found.sender.waba_id.clone(),
            id: info.id.clone(),
            name: info.name.clone(),
            language: info.language.clone(),
            category: info.category.to_string(),
            status: info.status.to_string(),
            rejected_reason: info.rejected_reason.clone(),
            quality: info.quality.to_string(),
            parameter_format: info.parameter_format.to_string(),
            variables: preview::variables(&info.components),
            ttl_s: info.message_send_ttl_seconds,
            max_price,
            gate,
            components: info.components_json.clone(),
            text: preview::lines(&info.components),
        }
    }

    fn render(&self, look: Look, rules: &GateRules, now: DateTime<Utc>) -> String {
        let title = format!("{} ({}) of account {}", self.name, self.language, self.account);
        let mut text = look.paint(Tone::Strong, &title);
        let mut say = |what: &str, said: &str| {
            let said = look.wrap(said, 14);
            text.push_str(&format!("\n  {what:<12}{}", said.trim_start()));
        };
        say("status", &self.status);
        if let Some(reason) = &self.rejected_reason {
            say("rejected", reason);
        }
        say("category", &self.category);
        say("quality", &self.quality);
        let named = self.parameter_format == ParameterFormat::Named.to_string();
        let variables = match (self.variables.is_empty(), self.components.is_null()) {
            (true, true) => "not told".to_owned(),
            (true, false) => "none".to_owned(),
            (false, _) => {
                let how = if named { "by name" } else { "by number" };
                format!("{} ({how})", self.variables.join("; "))
            }
        };
        say("variables", &variables);
        let own = if self.ttl_s.is_some_and(|ttl| ttl > 0) { "" } else { ", the platform's default" };
        let ttl = ttl(self.ttl_s);
        say("ttl", &format!("{} ({} s{own})", format::span(ttl), format::count(ttl.as_secs())));
        match &self.max_price {
            None => say("max price", "none: the rate card's price"),
            Some(price) => {
                say("max price", &price.in_full());
                if let Some(doubt) = price.doubt() {
                    say("", &doubt);
                }
            }
        }
        say("gate", &self.gate.sentence(rules, now));
        say("id", &self.id);
        text.push('\n');
        if self.text.is_empty() {
            text.push_str("\n  (the platform does not tell its parts)");
        }
        for line in &self.text {
            text.push_str(&format!("\n{}", look.wrap(line, 4)));
        }
        text
    }
}
