//! `paceline demo`: the whole system on this machine, with nothing installed.
//!
//! A simulated platform with a mild share of faults, a campaign file and an audience as marketing ops would
//! export it, the embedded store and queue, and the same launch, roles and report as everywhere else. In the
//! end what Paceline says of every recipient is held against the simulator's ledger.

mod compare;
mod files;

use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use campaign::lifecycle::State;
use campaign::message;
use campaign::pacing::Rate;
use desk::control::PAUSED;
use simulator::{Config as PlatformConfig, Profile, Simulator, Template};
use store::SharedStore;
use store::model::{CampaignRow, MessageRow};
use tokio::net::TcpListener;

use crate::app::App;
use crate::config::{self, Secrets};
use crate::failure::Failure;
use crate::output::{Progress, format, print};
use crate::roles::RoleSet;
use crate::{launching, roles};

/// The time that the platform takes to sync a template in the demo: long enough to be seen.
const SYNC_WAIT: Duration = Duration::from_secs(2);

/// Between two looks at the campaign.
const LOOK: Duration = Duration::from_millis(250);

/// Where nobody watches a terminal, a line is printed so often.
const LINE: Duration = Duration::from_secs(3);

/// What `demo` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// How many recipients, 1 to 10,000
    #[arg(long, value_name = "N", default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    recipients: u32,

    /// How fast
    #[arg(long, value_name = "RATE", default_value = "80/s")]
    rate: Rate,

    /// Fixes every random decision of the platform
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// Keep the files (campaign, audience, database) in this folder
    #[arg(long, value_name = "FOLDER")]
    keep: Option<PathBuf>,

    /// Keep the dashboard when the campaign is over, until Ctrl-C is pressed
    #[arg(long)]
    stay: bool,
}

/// Runs the demo.
pub(crate) async fn run(app: &App, args: Args) -> Result<(), Failure> {
    let folder = files::Folder::new(args.keep.as_deref())?;
    let webhook =
        TcpListener::bind("127.0.0.1:0").await.context("no port of this machine could be listened on")?;
    let address = webhook.local_addr()?;
    let dashboard =
        TcpListener::bind("127.0.0.1:0").await.context("no port of this machine could be listened on")?;
    let pages = dashboard.local_addr()?;
    let platform = platform(&args, &format!("http://{address}{}", reconciler::intake::PATH)).await?;
    folder.write_configuration(&platform.base_url(), args.rate, SYNC_WAIT)?;
    let campaign = folder.write_campaign(args.recipients, args.rate, app.clock.now())?;
    let config = config::load(Some(&folder.path().join("workers.toml")))?;
    let app = App { config, clock: app.clock.clone(), json: app.json };
    say(&app, &introduction(&args, &platform, &folder))?;

    let store = app.store().await?;
    let prepared = launching::prepare(&app.config, &campaign)?;
    let launched = super::launch::launch(&app, &store, prepared, None, false, &Progress::hidden()).await?;
    say(
        &app,
        &format!(
            "launched {}: {} messages, {} rows of the audience left out\n",
            launched.key,
            format::count(launched.totals.messages),
            format::count(launched.totals.excluded)
        ),
    )?;
    let token = ::dashboard::access::secret::token();
    say(&app, &format!("dashboard: http://{pages}/  token: {token}"))?;
    let secrets = Secrets::read(&app.config, RoleSet::All.secrets())?;
    let parts = roles::Parts {
        config: &app.config,
        roles: RoleSet::All,
        secrets: Secrets { dashboard: Some(whatsapp::Secret::new(&token)), ..secrets },
        store: store.clone(),
        clock: app.clock.clone(),
        runs: None,
        listener: Some(webhook),
        dashboard: Some(dashboard),
    };
    let running = roles::start(parts).await?;
    let watched = watch(&app, &store, &launched.key).await;
    if args.stay {
        say(&app, "the campaign is over; the dashboard stays until Ctrl-C is pressed")?;
        let _ = tokio::signal::ctrl_c().await;
    }
    // Recipients still read after the campaign is over; the ledger has it, so the report waits for it too.
    platform.quiet(Duration::from_secs(20)).await;
    running.stop().await?;
    let row = watched?;
    let messages = all_messages(&store, &row).await?;
    let verdict = store.verify(row.id).await?;
    let compared = compare::compare(&platform.ledger(), &messages);
    let text = compare::render(&compared, &row, &verdict);
    platform.shutdown().await;
    if app.json {
        crate::output::print_json(&compare::as_json(&compared, &row, &verdict))?;
    } else {
        print(&text)?;
    }
    folder.end(&app)?;
    if compared.agrees() && verdict.violations.is_empty() {
        Ok(())
    } else {
        Err(anyhow::anyhow!(
            "the report and the simulator's ledger do not agree; this is a defect of Paceline"
        )
        .into())
    }
}

fn introduction(args: &Args, platform: &Simulator, folder: &files::Folder) -> String {
    format!(
        "A simulated platform listens on {} and misbehaves mildly: errors before and after it has taken a\n\
         message, lost answers, resets, and webhooks that come twice, late, early and out of order.\n\
         {} recipients at {} from one sender; files in {}\n",
        platform.base_url(),
        format::count(u64::from(args.recipients)),
        args.rate,
        folder.path().display()
    )
}

fn say(app: &App, text: &str) -> Result<(), Failure> {
    if !app.json {
        print(text)?;
    }
    Ok(())
}

async fn platform(args: &Args, webhook: &str) -> Result<Simulator, Failure> {
    let mut config = PlatformConfig {
        seed: args.seed,
        profile: Profile::mild(),
        webhook: Some(simulator::Webhook {
            url: webhook.to_owned(),
            others: Vec::new(),
            app_secret: files::APP_SECRET.to_owned(),
        }),
        sync_wait: SYNC_WAIT,
        ..PlatformConfig::default()
    };
    let plain = config.accounts.first().map(|account| {
        Template::new(&account.waba_id, "plain", "en").with_components(serde_json::json!([
            { "type": "BODY", "text": "Hello {{1}}, our new season is here. Come and see us." },
            { "type": "FOOTER", "text": "Reply STOP to opt out" },
        ]))
    });
    config.templates.extend(plain);
    for number in &mut config.numbers {
        number.throughput_per_second = args.rate.per_second().ceil() as u32;
    }
    Ok(Simulator::start(config).await.context("the simulated platform could not be started")?)
}

/// Shows progress until the campaign is over.
async fn watch(app: &App, store: &SharedStore, key: &str) -> Result<CampaignRow, Failure> {
    let first = read(store, key).await?;
    let progress = Progress::new("sent", Some(first.totals.messages));
    let is_terminal = std::io::stderr().is_terminal();
    let mut next_line = app.clock.monotonic();
    loop {
        let row = read(store, key).await?;
        let unsent = row.count(message::State::Queued) + row.count(message::State::Retrying);
        progress.set(row.totals.messages.saturating_sub(unsent));
        progress.say(line(&row));
        if row.state.is_over() {
            return Ok(row);
        }
        // Whoever pauses it on the dashboard resumes it there.
        let is_held = matches!(row.state, State::Paused | State::Stopped);
        if is_held && row.reason.as_deref() != Some(PAUSED) {
            let why = row.reason.unwrap_or_default();
            return Err(anyhow::anyhow!("the demo's campaign is {}: {why}", row.state).into());
        }
        if !is_terminal && app.clock.monotonic() >= next_line {
            next_line = app.clock.monotonic() + LINE;
            say(app, &line(&row))?;
        }
        app.clock.sleep(LOOK).await;
    }
}

fn line(row: &CampaignRow) -> String {
    let count = |state| format::count(row.count(state));
    let mut text = format!(
        "{}: queued {}, retrying {}, in doubt {}, accepted {}, sent {}, delivered {}, read {}, failed {}",
        row.state,
        count(message::State::Queued),
        count(message::State::Retrying),
        count(message::State::InDoubt),
        count(message::State::Accepted),
        count(message::State::Sent),
        count(message::State::Delivered),
        count(message::State::Read),
        count(message::State::Failed),
    );
    if let Some(reason) = &row.reason {
        text.push_str(" - ");
        text.push_str(reason);
    }
    text
}

async fn read(store: &SharedStore, key: &str) -> Result<CampaignRow, Failure> {
    let row = store.campaign(key).await?;
    row.ok_or_else(|| anyhow::anyhow!("the demo's campaign {key} is gone from the database").into())
}

async fn all_messages(store: &SharedStore, row: &CampaignRow) -> Result<Vec<MessageRow>, Failure> {
    let mut all: Vec<MessageRow> = Vec::new();
    loop {
        let page = store.messages(row.id, all.last().map(|m| m.seq), 5_000).await?;
        if page.is_empty() {
            return Ok(all);
        }
        all.extend(page);
    }
}
