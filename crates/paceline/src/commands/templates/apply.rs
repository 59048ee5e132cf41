//! Creates and edits templates from a file: first the plan, then, unless it is a dry run, the changes one by one.

use std::path::PathBuf;

use campaign::money::Currency;
use campaign::problem::{Problem, Problems};
use serde::Serialize;
use store::SharedStore;
use store::model::{GateEvent, TemplateKey};
use whatsapp::Client;
use whatsapp::account::{ChangeError, MaxPriceContent, NewTemplate, TemplateContent, TemplateInfo};

use super::difference::{Difference, Differences};
use super::file::{self, TemplatesFile, Wanted};
use super::find;
use super::list::ttl;
use super::price::Price;
use super::refusal;
use crate::app::App;
use crate::commands::asking;
use crate::commands::audit::Doing;
use crate::config::Sender;
use crate::failure::Failure;
use crate::output::{self, Look, Tone, format};

/// Which file, and whether only to look.
#[derive(Debug, clap::Args)]
#[command(after_help = "The file (YAML, TOML or JSON):

  account: jaspers-in          # a sender of the account; default: the only account there is
  templates:
    - name: eid_sale
      language: en
      category: MARKETING      # the default
      parameter_format: NAMED  # or POSITIONAL, the default
      ttl: 24h                 # 12h to 30d
      max_price: { amount: \"0.87\", currency: INR }    # per message
      components:              # Meta's component JSON, passed through as it is
        - { type: BODY, text: \"Hello {{name}}, it is Eid\", example: { … } }

What a template's entry leaves out stays as it is. Samples (example) are not compared.")]
pub(super) struct Args {
    /// The file with the templates
    file: PathBuf,
    /// Only show what would be done
    #[arg(long)]
    dry_run: bool,
}

impl Args {
    /// What it is about to do.
    pub(super) fn doing(&self) -> Option<Doing> {
        (!self.dry_run).then(|| Doing::new("templates apply", self.file.display().to_string()))
    }
}

/// What is to be done about one template, and what came of it.
#[derive(Debug, Serialize)]
struct Step {
    name: String,
    language: String,
    action: Action,
    changes: Vec<Difference>,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Outcome>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The platform's status of a template that was created.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// What is to be kept in mind.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
    /// What the platform made otherwise than was asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<String>,
    #[serde(skip)]
    differs: Differences,
    #[serde(skip)]
    price: Option<Price>,
    /// What a new template is to be.
    #[serde(skip)]
    detail: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Create,
    Edit,
    Unchanged,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Created,
    Edited,
    Failed,
}

/// The answer for machines.
#[derive(Debug, Serialize)]
struct Answer<'a> {
    account: &'a str,
    dry_run: bool,
    templates: &'a [Step],
}

/// Runs the command.
pub(super) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let file = file::read(&args.file)?;
    let sender = account(app, &file)?;
    let client = asking::client(&app.config, sender)?;
    let mut steps = plan(app, sender, &client, &file.templates).await?;
    let answer = |steps: &[Step]| {
        output::print_json(&Answer { account: &sender.waba_id, dry_run: args.dry_run, templates: steps })
    };
    if !app.json {
        output::print(&render(&steps, sender, args.dry_run, Look::of_stdout()))?;
    }
    let is_nothing = steps.iter().all(|step| step.action == Action::Unchanged);
    if args.dry_run || is_nothing {
        if app.json {
            answer(&steps)?;
        }
        return Ok(());
    }
    // Opened before anything is changed, so that what is created can be told to it.
    let store = app.store().await?;
    for (step, wanted) in steps.iter_mut().zip(&file.templates) {
        match step.action {
            Action::Unchanged => continue,
            Action::Create => create(app, sender, &client, &store, step, wanted).await,
            Action::Edit => edit(app, &client, step, wanted).await,
        }
        if !app.json {
            output::print(&done(step, app))?;
        }
    }
    if app.json {
        answer(&steps)?;
    }
    let failed = steps.iter().filter(|step| step.result == Some(Outcome::Failed)).count();
    match failed {
        0 => Ok(()),
        _ => Err(Failure::Answered {
            exit_code: 1,
            sentence: format!(
                "{} of {} could not be applied; the others were",
                failed,
                format::counted(steps.len() as u64, "template")
            ),
        }),
    }
}

/// The sender whose account the file is for.
fn account<'c>(app: &'c App, file: &TemplatesFile) -> Result<&'c Sender, Failure> {
    let Some((name, place)) = &file.account else {
        let accounts = asking::accounts(&app.config)?;
        return match accounts.as_slice() {
            [only] => Ok(only),
            several => {
                let names: Vec<&str> = several.iter().map(|sender| sender.name.as_str()).collect();
                Err(Failure::BadUse(format!(
                    "the file does not say which account is meant, and there are several; add account: with one of {}",
                    names.join(", ")
                )))
            }
        };
    };
    app.config.sender(name).ok_or_else(|| {
        Problem::new(place.clone(), format!("account: {}", asking::unknown(&app.config, name))).into()
    })
}

/// Asks the account and compares. All problems of the file at once.
async fn plan(
    app: &App,
    sender: &Sender,
    client: &Client,
    templates: &[Wanted],
) -> Result<Vec<Step>, Failure> {
    let failed = |error: whatsapp::account::AccountError| Failure::Failed(error.into());
    let currency = find::currency(client, sender).await.map_err(failed)?;
    let (mut steps, mut problems) = (Vec::new(), Vec::new());
    for wanted in templates {
        let price = match wanted.max_price.as_ref().map(|price| price.in_account(currency)) {
            None => None,
            Some(Ok((money, bid))) => Some(Price::new(bid.into(), Some(money.currency))),
            Some(Err(problem)) => {
                problems.push(problem);
                None
            }
        };
        let known = client.templates(find::list(app, sender, Some(&wanted.name))).await.map_err(failed)?;
        let theirs = known.into_iter().find(|known| known.language == wanted.language);
        if let (Some(theirs), Some((format, place))) = (&theirs, &wanted.parameter_format)
            && theirs.parameter_format != *format
        {
            let said = format!(
                "parameter_format of {} is {format}, and the account's template is {}",
                wanted.name, theirs.parameter_format
            );
            problems.push(
                Problem::new(place.clone(), said)
                    .help("it cannot be changed: give the template another name"),
            );
        }
        steps.push(step(wanted, theirs.as_ref(), price, currency));
    }
    if problems.is_empty() { Ok(steps) } else { Err(Problems(problems).into()) }
}

fn step(
    wanted: &Wanted,
    theirs: Option<&TemplateInfo>,
    price: Option<Price>,
    currency: Option<Currency>,
) -> Step {
    let was = theirs.and_then(|info| info.max_price.as_ref());
    let was = was.map(|price| Price::new(price.bid_amount, currency));
    let differs = theirs.map_or_else(Differences::default, |theirs| {
        Differences::between(theirs, wanted, price.as_ref(), was.as_ref())
    });
    let action = match theirs {
        None => Action::Create,
        Some(_) if differs.all.is_empty() => Action::Unchanged,
        Some(_) => Action::Edit,
    };
    let mut notes = Vec::new();
    if action != Action::Unchanged {
        notes.extend(price.as_ref().and_then(Price::doubt));
    }
    if differs.components {
        notes.push("the text of an approved template may be edited once in 24 hours and 10 times in 30 days, and is reviewed again".to_owned());
    }
    if differs.has_new_address() {
        notes.push("Meta measures clicks of the address that a template was created with: for click figures of another one, make a new template".to_owned());
    }
    Step {
        name: wanted.name.clone(),
        language: wanted.language.clone(),
        action,
        changes: differs.all.clone(),
        result: None,
        id: theirs.map(|info| info.id.clone()),
        status: None,
        error: None,
        notes,
        warning: None,
        detail: detail(wanted, price.as_ref()),
        differs,
        price,
    }
}

/// What a new template is to be, without its text.
fn detail(wanted: &Wanted, price: Option<&Price>) -> String {
    let mut parts = vec![wanted.category.to_string()];
    parts.extend(wanted.ttl_s.map(|seconds| format!("ttl {}", format::span(ttl(Some(seconds.into()))))));
    parts.extend(price.map(|price| format!("max price {}", price.in_full())));
    parts.join(", ")
}

/// What is sent of a template: all of it, or what differs.
fn content<'a>(app: &'a App, step: &Step, wanted: &'a Wanted) -> TemplateContent<'a> {
    let is_new = step.action == Action::Create;
    let price = step.price.as_ref().filter(|_| is_new || step.differs.max_price);
    TemplateContent {
        category: (is_new || step.differs.category).then_some(&wanted.category),
        components: (is_new || step.differs.components).then_some(&wanted.components),
        ttl_seconds: wanted.ttl_s.filter(|_| is_new || step.differs.ttl),
        max_price: price.and_then(|price| {
            let bid_amount = i32::try_from(price.bid_amount).ok()?;
            Some(MaxPriceContent { field: &app.config.platform.max_price_field, bid_amount })
        }),
    }
}

async fn create(
    app: &App,
    sender: &Sender,
    client: &Client,
    store: &SharedStore,
    step: &mut Step,
    wanted: &Wanted,
) {
    let template = NewTemplate {
        waba_id: &sender.waba_id,
        name: &wanted.name,
        language: &wanted.language,
        parameter_format: wanted.parameter_format.as_ref().map(|(format, _)| *format),
        content: content(app, step, wanted),
    };
    match client.create_template(template).await {
        Ok(created) => {
            let key = TemplateKey {
                waba_id: sender.waba_id.clone(),
                name: wanted.name.clone(),
                language: wanted.language.clone(),
            };
            let rules = app.config.gate_rules();
            let noted = store.gate_event(&key, GateEvent::Created, &rules, app.clock.now()).await;
            if let Err(error) = noted {
                // Harmless: a launch finds a template that the database has not seen, and waits.
                step.warning = Some(format!("the database could not be told of it: {error}"));
            }
            if let Some(category) = created.category.filter(|category| *category != wanted.category) {
                step.warning = Some(format!(
                    "the platform made {} a template of the category {category}; this API sends MARKETING only",
                    wanted.name
                ));
            }
            step.result = Some(Outcome::Created);
            step.id = created.id;
            step.status = created.status;
        }
        Err(error) => refuse(step, &error),
    }
}

async fn edit(app: &App, client: &Client, step: &mut Step, wanted: &Wanted) {
    let id = step.id.clone().unwrap_or_default();
    match client.edit_template(&id, &wanted.name, content(app, step, wanted)).await {
        Ok(()) => step.result = Some(Outcome::Edited),
        Err(error) => refuse(step, &error),
    }
}

fn refuse(step: &mut Step, error: &ChangeError) {
    step.result = Some(Outcome::Failed);
    step.error = Some(refusal::in_words(error));
}

/// The plan.
fn render(steps: &[Step], sender: &Sender, dry_run: bool, look: Look) -> String {
    let mut lines = vec![format!("Account {} (sender {}):", sender.waba_id, sender.name)];
    for step in steps {
        let named = format!("{} ({})", step.name, step.language);
        lines.push(match step.action {
            Action::Create => look.paint(Tone::Good, &format!("+ create     {named}")),
            Action::Edit => look.paint(Tone::Warn, &format!("~ edit       {named}")),
            Action::Unchanged => look.paint(Tone::Quiet, &format!("= unchanged  {named}")),
        });
        if step.action == Action::Create {
            lines.push(look.wrap(&step.detail, 15));
        }
        for Difference { what, from, to } in &step.changes {
            lines.push(look.wrap(&format!("{what}: {from} → {to}"), 15));
        }
        for note in &step.notes {
            lines.push(look.wrap(&format!("note: {note}"), 15));
        }
    }
    let count = |action| steps.iter().filter(|step| step.action == action).count();
    let tail = if dry_run { " Nothing was changed (--dry-run)." } else { "" };
    lines.push(format!(
        "{} to create, {} to edit, {} unchanged.{tail}",
        count(Action::Create),
        count(Action::Edit),
        count(Action::Unchanged)
    ));
    lines.join("\n")
}

/// What came of a step.
fn done(step: &Step, app: &App) -> String {
    let named = format!("{} ({})", step.name, step.language);
    let text = match (step.result, &step.error) {
        (Some(Outcome::Created), _) => {
            let status = step.status.as_deref().unwrap_or("no status told");
            let wait = format::span(app.config.platform.template_sync_wait);
            format!("created {named}: {status}; nothing is sent with it for {wait}, while Meta syncs it")
        }
        (Some(Outcome::Edited), _) => format!("edited {named}"),
        (_, error) => format!("failed {named}: {}", error.as_deref().unwrap_or("it is not known why")),
    };
    match &step.warning {
        Some(warning) => format!("{text}\nwarning: {warning}"),
        None => text,
    }
}
