//! Making the parts of a running Paceline and starting them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use clock::SharedClock;
use queue::SenderPace;
use reconciler::{Limits, Routes};
use store::SharedStore;
use store::model::WorkerId;
use tokio::net::TcpListener;
use worker::WorkerSender;

use super::descriptors;
use super::health::{self, Needs};
use super::means::Means;
use super::one_queue::OneQueue;
use super::role_set::RoleSet;
use super::running::{Addresses, Roles, Running, Stops};
use crate::config::{Config, QueueUrl, Secrets, Sender, StoreUrl};
use crate::failure::Failure;
use campaign::problem::{Problem, Problems};

/// How long a slice stays with a worker after its last sign of life: some beats, as one may be late.
const LEASE: Duration = Duration::from_secs(10);

/// How often a worker says that it lives; five times before the scheduler takes it for dead.
const BEAT: Duration = Duration::from_secs(2);

/// What is started.
pub(crate) struct Parts<'c> {
    /// The configuration: senders, platform, worker.
    pub(crate) config: &'c Config,
    /// The roles.
    pub(crate) roles: RoleSet,
    /// The senders' tokens and the webhook's secrets, as far as the roles need them.
    pub(crate) secrets: Secrets,
    /// The store.
    pub(crate) store: SharedStore,
    /// The clock.
    pub(crate) clock: SharedClock,
    /// Launches the runs of recurring campaigns; `None`: no runs are made.
    pub(crate) runs: Option<Arc<dyn scheduler::MakeRun>>,
    /// Where webhooks come in (where the process takes them in) and the health pages are, already bound.
    pub(crate) listener: Option<TcpListener>,
    /// Where the dashboard is, where the process serves it, already bound.
    pub(crate) dashboard: Option<TcpListener>,
}

/// Starts the roles.
///
/// # Errors
/// A sender's settings or token cannot be used, or the store does not answer.
pub(crate) async fn start(parts: Parts<'_>) -> Result<Running, Failure> {
    let Parts { config, roles: set, secrets, store, clock, runs, listener, dashboard } = parts;
    let started = clock.now();
    let connections = descriptors::connections(Limits::default().connections);
    let id = WorkerId(format!("{}-{}-{}", host(), std::process::id(), started.timestamp_micros()));
    let install = store.install_id().await?;
    let stops = Stops::default();
    let mut roles = Roles::default();
    let (mut routes, mut when_full) = (Router::new(), Router::new());
    let mut counters = None;
    let mut address = None;
    let mut needs = Needs { store: store.clone(), queue: None, stopping: stops.sending.clone() };

    let mut board = None;
    if set == RoleSet::Dashboard && config.queue.url.value != QueueUrl::Memory {
        // It looks, and serves nothing.
        board = Some(Means::of(config, &clock, &install, &id.0)?.inspect);
    }
    if set.needs_queue() {
        let mut means = Means::of(config, &clock, &install, &id.0)?;
        board = Some(means.inspect.clone());
        needs.queue = Some(means.queue.clone());
        // A database file has a lock of its own, which ends at once with its process.
        if matches!(config.store.url.value, StoreUrl::Postgres(_)) {
            let one_queue = match &config.queue.url.value {
                QueueUrl::Memory => {
                    let one = OneQueue::in_memory(store.clone(), clock.clone(), id.clone()).await?;
                    means.permits = Arc::new(one.guard(means.permits));
                    one
                }
                QueueUrl::Redis(server) => {
                    OneQueue::in_redis(store.clone(), clock.clone(), &server.to_string(), &host()).await?
                }
            };
            let stop = stops.storing.clone();
            roles.spawn("lease of the database", async move { one_queue.keep(stop).await });
        }
        if config.queue.url.value == QueueUrl::Memory {
            // What was claimed or released is nobody's any more: the queue was another process's memory.
            take_over(&store, &id, started).await?;
        }
        if set.sends() {
            let settings = worker::Settings {
                id: id.clone(),
                concurrency: config.worker.concurrency,
                lease: LEASE,
                gate: config.gate_rules(),
                correlate: config.platform.correlate,
                install: install.clone(),
                // Only the jitter of retries comes from it.
                seed: started.timestamp_micros().unsigned_abs(),
            };
            let senders = senders(config, &secrets)?;
            let sending = stops.sending.clone();
            let worker = worker::Worker::new(
                settings,
                store.clone(),
                means.permits.clone(),
                clock.clone(),
                senders,
                sending.clone(),
            );
            let worker = Arc::new(worker);
            let (beating, stop) = (worker.clone(), stops.listening.clone());
            roles.spawn("heartbeat", async move {
                beating.beat(BEAT, stop).await;
                Ok(())
            });
            let (queue, id, slices) = (means.queue.clone(), id.clone(), config.worker.slices_at_once);
            roles.spawn("worker", async move {
                queue.serve(&id.0, slices, worker, sending).await;
                Ok(())
            });
        }
        if let Some(runs) = runs.filter(|_| set.schedules()) {
            let recurring = scheduler::Recurring::new(store.clone(), clock.clone(), runs);
            let (id, stop) = (id.clone(), stops.sending.clone());
            roles.spawn("maker of recurring runs", async move {
                recurring.run(&id, stop).await;
                Ok(())
            });
        }
        if set.schedules() {
            // A business_id that was added to the configuration holds for campaigns that were launched before it, too.
            store.name_portfolios(&config.portfolios()).await?;
            let settings = scheduler::Settings {
                daily_reach: config.daily_reach(),
                ..scheduler::Settings::new(config.rates(), config.gate_rules())
            };
            let scheduler = scheduler::Scheduler::new(settings, store.clone(), means.queue, clock.clone());
            let stop = stops.sending.clone();
            let id = id.clone();
            roles.spawn("scheduler", async move {
                scheduler.run(&id, stop).await;
                Ok(())
            });
        }
    }
    let mut dashboard_address = None;
    if let Some(listener) = dashboard {
        dashboard_address = Some(listener.local_addr()?);
        let parts = dashboard::Parts {
            store: store.clone(),
            clock: clock.clone(),
            board,
            gates: config.gate_rules(),
            token_hash: secrets
                .dashboard
                .as_ref()
                .map(|token| dashboard::access::secret::hash(token.expose())),
            stopping: stops.sending.clone(),
        };
        let pages = health::router(needs.clone()).merge(dashboard::router(parts));
        let stop = stops.listening.clone();
        roles.spawn("dashboard", async move {
            let service = pages.into_make_service_with_connect_info::<SocketAddr>();
            axum::serve(listener, service).with_graceful_shutdown(stop.cancelled_owned()).await?;
            Ok(())
        });
    }
    if set.takes_webhooks() {
        let settings = reconciler::Settings {
            verify_token: secrets.verify_token,
            app_secrets: secrets.app_secrets,
            shared_secret: (!secrets.shared_secrets.is_empty()).then(|| reconciler::SharedSecret {
                header: config.webhook.shared_secret_header.clone(),
                secrets: secrets.shared_secrets,
            }),
            install,
            senders: config.senders.iter().map(known).collect(),
            archive: archive(config, &id)?,
        };
        let reconciler = Arc::new(reconciler::Reconciler::new(settings, store, clock));
        routes = routes.merge(reconciler.router());
        when_full = when_full.merge(reconciler.router_when_full());
        counters = Some(reconciler.counters());
        let stop = stops.storing.clone();
        roles.spawn("webhook intake", async move {
            reconciler.run(stop).await;
            Ok(())
        });
    }
    if let Some(listener) = listener {
        address = Some(listener.local_addr()?);
        let health = health::router(needs);
        let routes = Routes { all: routes.merge(health.clone()), when_full: when_full.merge(health) };
        let limits = Limits { connections, ..Limits::default() };
        let stop = stops.listening.clone();
        roles.spawn("listener", async move {
            reconciler::serve(listener, routes, limits, stop).await;
            Ok(())
        });
    }
    Ok(Running::new(roles, stops, Addresses { listener: address, dashboard: dashboard_address }, counters))
}

/// The archive of webhooks, where one is wanted.
fn archive(config: &Config, id: &WorkerId) -> Result<Option<reconciler::Archive>, Failure> {
    let Some(folder) = &config.webhook.archive else { return Ok(None) };
    let settings = reconciler::ArchiveSettings {
        folder: folder.into(),
        keep: config.webhook.archive_keep,
        writer: id.0.clone(),
    };
    reconciler::Archive::open(settings).map(Some).map_err(|error| Failure::Failed(error.into()))
}

/// A sender as webhooks speak of it.
pub(crate) fn known(sender: &Sender) -> reconciler::KnownSender {
    reconciler::KnownSender {
        name: sender.name.clone(),
        waba_id: sender.waba_id.clone(),
        phone_number_id: sender.phone_number_id.clone(),
    }
}

/// Makes doubts of what an earlier process had claimed.
async fn take_over(
    store: &SharedStore,
    id: &WorkerId,
    now: chrono::DateTime<chrono::Utc>,
) -> Result<(), Failure> {
    let doubts = store.take_over(id, now).await?;
    if doubts > 0 {
        tracing::warn!(
            messages = doubts,
            "claimed by a process that ended before it recorded an answer: in doubt now"
        );
    }
    Ok(())
}

/// Each sender with its client; every sender that cannot be used is a problem at its place.
fn senders(config: &Config, secrets: &Secrets) -> Result<Vec<WorkerSender>, Failure> {
    let mut senders = Vec::with_capacity(config.senders.len());
    let mut problems = Vec::new();
    for sender in &config.senders {
        let Some(token) = secrets.tokens.get(&sender.name) else {
            problems
                .push(Problem::new(sender.place.clone(), format!("the sender {} has no token", sender.name)));
            continue;
        };
        match whatsapp::Client::new(config.client_config(sender, token.clone())) {
            Ok(client) => senders.push(WorkerSender {
                pace: SenderPace { name: sender.name.clone(), rate: sender.rate },
                client,
                waba_id: sender.waba_id.clone(),
                daily_reach: sender.daily_reach.limit(),
                token_name: sender.token.name(),
            }),
            Err(error) => {
                problems
                    .push(Problem::new(sender.place.clone(), format!("the sender {}: {error}", sender.name)));
            }
        }
    }
    if problems.is_empty() { Ok(senders) } else { Err(Problems(problems).into()) }
}

/// The machine's name, as far as it fits a worker's name.
fn host() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").or_else(|_| std::env::var("HOSTNAME"));
    let name: String = name
        .unwrap_or_default()
        .trim()
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
        .take(60)
        .collect();
    if name.is_empty() { "host".to_owned() } else { name }
}
