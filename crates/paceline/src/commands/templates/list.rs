//! All templates of all accounts, a line each.

use std::time::Duration;

use campaign::gate::GateRules;
use chrono::{DateTime, Utc};
use serde::Serialize;
use whatsapp::account::{AccountError, TemplateInfo, TemplateState};
use whatsapp::health::Quality;

use super::find;
use super::gates::{GateFacts, Stand};
use super::price::Price;
use crate::app::App;
use crate::commands::asking;
use crate::commands::check::existing_store;
use crate::config::Sender;
use crate::failure::Failure;
use crate::output::{self, Look, Table, Text, Tone, format};

/// From this width on there is room for categories.
const WIDE: usize = 110;
/// The platform's default time to live: 30 days.
const DEFAULT_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// An account with its templates.
#[derive(Debug, Serialize)]
struct Account {
    account: String,
    /// The sender by which it was asked.
    sender: String,
    templates: Vec<Line>,
    /// Why its templates are not here.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// A template.
#[derive(Debug, Serialize)]
struct Line {
    name: String,
    language: String,
    category: String,
    status: String,
    quality: String,
    /// The template's own; the platform's default is 30 days.
    #[serde(skip_serializing_if = "Option::is_none")]
    ttl_s: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_price: Option<Price>,
    gate: GateFacts,
    #[serde(skip)]
    tones: (Tone, Tone),
}

/// Runs the command.
pub(super) async fn run(app: &App) -> Result<(), Failure> {
    let store = existing_store(app).await?;
    let (now, rules) = (app.clock.now(), app.config.gate_rules());
    let (mut accounts, mut missing) = (Vec::new(), Vec::new());
    for sender in asking::accounts(&app.config)? {
        let mut account = Account {
            account: sender.waba_id.clone(),
            sender: sender.name.clone(),
            templates: Vec::new(),
            error: None,
        };
        match templates(app, sender).await? {
            Ok((infos, currency)) => {
                for info in infos {
                    let key = find::key(sender, &info);
                    let gate = GateFacts::read(store.as_deref(), &key, &rules, now).await?;
                    let price = info.max_price.as_ref().map(|price| Price::new(price.bid_amount, currency));
                    account.templates.push(Line::of(&info, price, gate));
                }
            }
            Err(error) => {
                account.error = Some(error.to_string());
                if !matches!(error, AccountError::NotOffered { .. }) {
                    missing.push(error.to_string());
                }
            }
        }
        accounts.push(account);
    }
    if app.json {
        output::print_json(&accounts)?;
    } else {
        output::print(&render(&accounts, Look::of_stdout(), &rules, now))?;
    }
    asking::all_asked(app, &missing)
}

type Told = (Vec<TemplateInfo>, Option<campaign::money::Currency>);

async fn templates(app: &App, sender: &Sender) -> Result<Result<Told, AccountError>, Failure> {
    let client = asking::client(&app.config, sender)?;
    let infos = match client.templates(find::list(app, sender, None)).await {
        Ok(infos) => infos,
        Err(error) => return Ok(Err(error)),
    };
    // Without the currency, max prices are shown as the platform's numbers.
    let currency = match find::currency(&client, sender).await {
        Ok(currency) => currency,
        Err(error) => {
            tracing::warn!("{error}");
            None
        }
    };
    Ok(Ok((infos, currency)))
}

impl Line {
    fn of(info: &TemplateInfo, max_price: Option<Price>, gate: GateFacts) -> Self {
        let status = match info.status {
            TemplateState::Approved => Tone::Good,
            TemplateState::Pending | TemplateState::Paused => Tone::Warn,
            TemplateState::Rejected | TemplateState::Disabled | TemplateState::Other(_) => Tone::Bad,
        };
        let quality = match info.quality {
            Quality::Green => Tone::Good,
            Quality::Yellow => Tone::Warn,
            Quality::Red => Tone::Bad,
            Quality::Unknown => Tone::Quiet,
        };
        Self {
            name: info.name.clone(),
            language: info.language.clone(),
            category: info.category.to_string(),
            status: info.status.to_string(),
            quality: info.quality.to_string(),
            ttl_s: info.message_send_ttl_seconds,
            max_price,
            gate,
            tones: (status, quality),
        }
    }
}

/// A template's time to live; the platform's default where it has none of its own.
pub(super) fn ttl(seconds: Option<i64>) -> Duration {
    let own = seconds.filter(|seconds| *seconds > 0).and_then(|seconds| u64::try_from(seconds).ok());
    own.map_or(DEFAULT_TTL, Duration::from_secs)
}

fn render(accounts: &[Account], look: Look, rules: &GateRules, now: DateTime<Utc>) -> String {
    let is_wide = look.width >= WIDE;
    let mut parts = Vec::new();
    for account in accounts {
        let title = format!("Account {} (sender {})", account.account, account.sender);
        let mut headings = vec!["NAME", "LANG", "STATUS", "QUALITY", "TTL", "MAX PRICE", "GATE"];
        if is_wide {
            headings.insert(2, "CATEGORY");
        }
        let mut table = Table::new(headings).right([if is_wide { 6 } else { 5 }]).indent(2);
        let mut whys = Vec::new();
        for line in &account.templates {
            let gate = line.gate.short();
            let price =
                line.max_price.as_ref().map_or_else(|| format::NOTHING.to_owned(), Price::per_message);
            let mut cells = vec![
                Text::from(line.name.as_str()),
                line.language.as_str().into(),
                Text::toned(line.tones.0, line.status.as_str()),
                Text::toned(line.tones.1, line.quality.as_str()),
                format::span(ttl(line.ttl_s)).into(),
                price.into(),
                match line.gate.state {
                    Stand::Open => Text::toned(Tone::Good, gate),
                    Stand::Closed | Stand::Idle => Text::toned(Tone::Warn, gate),
                    Stand::Unseen => Text::toned(Tone::Quiet, gate),
                },
            ];
            if is_wide {
                cells.insert(2, line.category.as_str().into());
            }
            table.row(cells);
            if line.gate.state == Stand::Closed {
                let why = format!("{} ({}): {}", line.name, line.language, line.gate.sentence(rules, now));
                whys.push(look.wrap(&why, 2));
            }
        }
        let mut body = match &account.error {
            Some(error) => look.wrap(error, 2),
            None if account.templates.is_empty() => "  It has no templates.".to_owned(),
            None => table.render(look),
        };
        for why in whys {
            body.push('\n');
            body.push_str(&why);
        }
        parts.push(format!("{}\n{body}", look.paint(Tone::Strong, &title)));
    }
    parts.join("\n\n")
}
