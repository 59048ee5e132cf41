//! `paceline run`, `scheduler`, `worker`, `reconciler` and `dashboard`: roles that work until a signal asks them to stop.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use campaign::problem::{Place, Problem};

use crate::app::{App, check_folder};
use crate::commands::launch::recurring::RunMaker;
use crate::config::{Config, QueueUrl, Secrets, Source, StoreUrl, WEBHOOK_PATH};
use crate::failure::Failure;
use crate::roles::{self, Parts, RoleSet, RunLock};

/// How long the database may take to be closed.
const CLOSING: Duration = Duration::from_secs(2);

/// What `run` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// What a process of one role is told.
#[derive(Debug, clap::Args)]
pub(crate) struct RoleArgs {
    /// Answer GET /healthz and /readyz there [default: health.listen]
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) health: Option<SocketAddr>,
}

/// Runs every role until a signal, or until a role fails.
pub(crate) async fn run(app: &App, _args: Args) -> Result<(), Failure> {
    let webhook = app.config.webhook.listen;
    work(app, RoleSet::All, Some((webhook, "webhook.listen"))).await
}

/// Runs the scheduler alone.
pub(crate) async fn scheduler(app: &App, args: RoleArgs) -> Result<(), Failure> {
    work(app, RoleSet::Scheduler, health(app, args)).await
}

/// Runs the worker alone.
pub(crate) async fn worker(app: &App, args: RoleArgs) -> Result<(), Failure> {
    work(app, RoleSet::Worker, health(app, args)).await
}

/// Runs the webhook intake alone. Its health pages are where its webhooks come in.
pub(crate) async fn reconciler(app: &App, _args: Args) -> Result<(), Failure> {
    work(app, RoleSet::Reconciler, Some((app.config.webhook.listen, "webhook.listen"))).await
}

/// Runs the dashboard alone. Its health pages are where it is.
pub(crate) async fn dashboard(app: &App, _args: Args) -> Result<(), Failure> {
    work(app, RoleSet::Dashboard, None).await
}

fn health(app: &App, args: RoleArgs) -> Option<(SocketAddr, &'static str)> {
    let configured = app.config.health.listen.map(|address| (address, "health.listen"));
    args.health.map(|address| (address, "--health")).or(configured)
}

async fn work(app: &App, set: RoleSet, listen: Option<(SocketAddr, &str)>) -> Result<(), Failure> {
    let config = &app.config;
    let is_memory = config.queue.url.value == QueueUrl::Memory;
    supported(config, set, is_memory)?;
    let secrets = Secrets::read(config, set.secrets())?;
    // Held until the process ends: two processes would each pace the senders on their own.
    let _lock = match &config.store.url.value {
        StoreUrl::Sqlite(path) if is_memory => Some(RunLock::take(path)?),
        StoreUrl::Sqlite(_) | StoreUrl::Postgres(_) => None,
    };
    let store = app.store().await?;
    let listener = match listen {
        Some((address, key)) => Some(roles::listen(address, key).await?),
        None => None,
    };
    let dashboard = if set.serves_dashboard() {
        Some(roles::listen(config.dashboard.listen, "dashboard.listen").await?)
    } else {
        None
    };
    let parts = Parts {
        config,
        roles: set,
        secrets,
        store: store.clone(),
        clock: app.clock.clone(),
        runs: Some(Arc::new(RunMaker::new(app, store.clone()))),
        listener,
        dashboard,
    };
    // Signals count from here on; before, they end the process at once, and nothing is in hand.
    let signals = roles::Signals::install()?;
    let started = tokio::select! {
        running = roles::start(parts) => Some(running?),
        // A start may have to wait for what is away, and nothing is in hand yet.
        () = signals.first() => None,
    };
    let ended = match started {
        Some(running) => {
            announce(config, set, running.address(), running.dashboard());
            roles::until_signal(running, signals).await
        }
        None => {
            tracing::info!("stopped before it began");
            Ok(())
        }
    };
    // A database that is away is left as it is.
    let _ = tokio::time::timeout(CLOSING, store.close()).await;
    ended
}

fn announce(config: &Config, set: RoleSet, address: Option<SocketAddr>, dashboard: Option<SocketAddr>) {
    // A dashboard that is alone has the health pages, too.
    let page = |path| address.or(dashboard).map(|address| format!("http://{address}{path}"));
    let is_one = set != RoleSet::All;
    tracing::info!(
        config = %config.source,
        role = is_one.then_some(set.name()),
        senders = config.senders.len(),
        webhook = page(WEBHOOK_PATH).filter(|_| set.takes_webhooks()),
        dashboard = dashboard.map(|address| format!("http://{address}/")),
        health = page(roles::HEALTH_PATH),
        ready = page(roles::READY_PATH),
        "paceline runs; press Ctrl-C to stop"
    );
}

/// What the configuration cannot mean for these roles.
fn supported(config: &Config, set: RoleSet, is_memory: bool) -> Result<(), Failure> {
    if is_memory && set != RoleSet::All && set.needs_queue() {
        return Err(Problem::new(
            config.queue.url.place.clone(),
            format!(
                "queue.url is memory://, which works within one process only, and this is a {} alone",
                set.name()
            ),
        )
        .help("name a redis:// address, or start `paceline run`, which has every role")
        .into());
    }
    if let StoreUrl::Sqlite(path) = &config.store.url.value {
        check_folder(config, path)?;
    }
    if let QueueUrl::Redis(server) = &config.queue.url.value {
        server.check_redis().map_err(|why| Problem::new(config.queue.url.place.clone(), why))?;
    }
    if config.senders.is_empty() {
        let problem = match &config.source {
            Source::BuiltIn => Problem::new(Place::file("workers.toml"), "is not here, so there are no senders")
                .help("start in the folder that has it, or name it with --config; the shipped workers.toml is a start"),
            Source::File(path) => Problem::new(Place::file(path.display().to_string()), "has no senders")
                .help("add one under [[senders]]; the shipped workers.toml shows how"),
        };
        return Err(problem.into());
    }
    Ok(())
}
