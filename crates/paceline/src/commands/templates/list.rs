//! All templates of all accounts, a line each.

use std::time::Duration;

use campaign::gate::GateRules;
use chrono::{DateTime, Utc};
use serde::Serialize;
use store::Store;
use store::registry::{ReadTemplate, RegisteredTemplate};
use whatsapp::account::{AccountError, TemplateInfo};

use super::find;
use super::gates::{GateFacts, Stand};
use super::price::Price;
use crate::app::App;
use crate::commands::asking;
use crate::commands::check::existing_store;
use crate::config::Sender;
use crate::failure::Failure;
use crate::launching::known;
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
    /// Where it could not be asked: when it was last, as these are its templates of then, with what webhooks told since.
    #[serde(skip_serializing_if = "Option::is_none")]
    as_of: Option<DateTime<Utc>>,
    /// Why it was not asked now.
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
            as_of: None,
            error: None,
        };
        match templates(app, sender).await? {
            Ok((infos, currency)) => {
                if let Some(store) = &store {
                    let read: Vec<_> = infos.iter().map(|info| known(&sender.waba_id, info)).collect();
                    store.keep_templates(&read, Some(&sender.waba_id), now).await?;
                }
                for info in infos {
                    let key = find::key(sender, &info);
                    let gate = GateFacts::read(store.as_deref(), &key, &rules, now).await?;
                    let price = info.max_price.as_ref().map(|price| Price::new(price.bid_amount, currency));
                    account.templates.push(Line::of(&info, price, gate));
                }
            }
            Err(error) => {
                account.error = Some(error.to_string());
                let can_be_known =
                    matches!(error, AccountError::Unreachable { .. } | AccountError::NotOffered { .. });
                if let Some(store) = store.as_deref().filter(|_| can_be_known) {
                    account.remember(store, &rules, now).await?;
                }
                if account.templates.is_empty() && !matches!(error, AccountError::NotOffered { .. }) {
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

impl Account {
    /// Takes what is known of the account's templates for what it has.
    async fn remember(
        &mut self,
        store: &dyn Store,
        rules: &GateRules,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let known = store.registered_templates(&self.account).await?;
        self.as_of = known.iter().filter_map(|one| one.read_at).max();
        for one in known {
            let gate = GateFacts::read(Some(store), &one.key, rules, now).await?;
            self.templates.push(Line::remembered(one, gate));
        }
        Ok(())
    }
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
        Self::new(known("", info), max_price, gate)
    }

    /// A template that the account cannot be asked for: its currency is not known either.
    fn remembered(one: RegisteredTemplate, gate: GateFacts) -> Self {
        let price = one.facts.bid_amount.map(|bid| Price::new(bid, None));
        Self::new(ReadTemplate { key: one.key, facts: one.facts }, price, gate)
    }

    fn new(template: ReadTemplate, max_price: Option<Price>, gate: GateFacts) -> Self {
        let ReadTemplate { key, facts } = template;
        let status = match facts.status.as_str() {
            "APPROVED" => Tone::Good,
            "PENDING" | "PAUSED" | "" => Tone::Warn,
            _ => Tone::Bad,
        };
        let quality = match facts.quality.as_str() {
            "GREEN" => Tone::Good,
            "YELLOW" => Tone::Warn,
            "RED" => Tone::Bad,
            _ => Tone::Quiet,
        };
        let told = |word: String| if word.is_empty() { "UNKNOWN".to_owned() } else { word };
        Self {
            name: key.name,
            language: key.language,
            category: told(facts.category),
            status: told(facts.status),
            quality: told(facts.quality),
            ttl_s: facts.ttl_s,
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
            Some(error) if account.templates.is_empty() => look.wrap(error, 2),
            Some(error) => {
                let age = match account.as_of {
                    Some(at) => format!("as they were {}", format::when(at, now, chrono_tz::UTC)),
                    None => "as far as webhooks told".to_owned(),
                };
                let why = format!("These are its templates {age}, with what webhooks told since: {error}");
                format!("{}\n{}", look.wrap(&why, 2), table.render(look))
            }
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
