//! Making the parts of a running Paceline and starting them.

use std::sync::Arc;
use std::time::Duration;

use clock::SharedClock;
use queue::memory::{MemoryPermits, MemoryQueue};
use queue::{Queue, SenderPace, SharedQueue};
use store::SharedStore;
use store::model::WorkerId;
use tokio::net::TcpListener;
use worker::WorkerSender;

use super::listener;
use super::running::{Roles, Running, Stops};
use crate::config::{Config, Secrets};
use crate::failure::Failure;
use campaign::problem::{Problem, Problems};

/// How long a slice stays with the worker that claimed from it last. Longer than the longest request
/// (`platform.request_timeout`, at most 45 s), so that nobody takes over what is still under way.
const LEASE: Duration = Duration::from_secs(60);

/// How often a worker says that it lives; five times before the scheduler takes it for dead.
const BEAT: Duration = Duration::from_secs(2);

/// What is started.
pub(crate) struct Parts<'c> {
    /// The configuration: senders, platform, worker.
    pub(crate) config: &'c Config,
    /// The senders' tokens and the webhook's secrets.
    pub(crate) secrets: Secrets,
    /// The store. This process is the only one that sends from it.
    pub(crate) store: SharedStore,
    /// The clock.
    pub(crate) clock: SharedClock,
    /// Where webhooks come in, already bound.
    pub(crate) webhook: TcpListener,
}

/// Starts scheduler, worker and webhook intake.
///
/// # Errors
/// A sender's settings or token cannot be used, or the store does not answer.
pub(crate) async fn start(parts: Parts<'_>) -> Result<Running, Failure> {
    let Parts { config, secrets, store, clock, webhook } = parts;
    let senders = senders(config, &secrets)?;
    let address = webhook.local_addr()?;
    let started = clock.now();
    let id = WorkerId(format!("{}-{}-{}", host(), std::process::id(), started.timestamp_micros()));
    let install = store.install_id().await?;
    let doubts = store.take_over(&id, started).await?;
    if doubts > 0 {
        tracing::warn!(
            messages = doubts,
            "claimed by a process that ended before it recorded an answer: in doubt now"
        );
    }

    let stops = Stops::default();
    let memory = MemoryQueue::new();
    let permits = Arc::new(MemoryPermits::new(clock.clone()));
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
    let worker = Arc::new(worker::Worker::new(
        settings,
        store.clone(),
        permits,
        clock.clone(),
        senders,
        stops.sending.clone(),
    ));
    let jobs: SharedQueue = Arc::new(memory.clone());
    let scheduler = scheduler::Scheduler::new(
        scheduler::Settings::new(config.rates(), config.gate_rules()),
        store.clone(),
        jobs,
        clock.clone(),
    );
    let reconciler = Arc::new(reconciler::Reconciler::new(
        reconciler::Settings {
            verify_token: secrets.verify_token,
            app_secrets: secrets.app_secrets,
            install,
        },
        store.clone(),
        clock,
    ));

    let mut roles = Roles::default();
    {
        let (reconciler, stop) = (reconciler.clone(), stops.storing.clone());
        roles.spawn("webhook intake", async move {
            reconciler.run(stop).await;
            Ok(())
        });
    }
    roles.spawn(
        "webhook listener",
        listener::serve(webhook, reconciler.router(), store, stops.listening.clone()),
    );
    {
        let (worker, stop) = (worker.clone(), stops.listening.clone());
        roles.spawn("heartbeat", async move {
            worker.beat(BEAT, stop).await;
            Ok(())
        });
    }
    {
        let (stop, slices) = (stops.sending.clone(), config.worker.slices_at_once);
        roles.spawn("worker", async move {
            memory.serve(&id.0, slices, worker, stop).await;
            Ok(())
        });
    }
    {
        let stop = stops.sending.clone();
        roles.spawn("scheduler", async move {
            scheduler.run(stop).await;
            Ok(())
        });
    }
    Ok(Running::new(roles, stops, address, reconciler.counters()))
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
