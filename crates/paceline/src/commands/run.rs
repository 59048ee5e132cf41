//! `paceline run`: every role in one process, until a signal asks it to stop.

use campaign::problem::{Place, Problem};

use crate::app::{App, store_path};
use crate::config::{QueueUrl, Secrets, Source, WEBHOOK_PATH};
use crate::failure::Failure;
use crate::roles::{self, Parts, RunLock};

/// What `run` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Runs until a signal, or until a role fails.
pub(crate) async fn run(app: &App, _args: Args) -> Result<(), Failure> {
    let config = &app.config;
    let database = store_path(config)?;
    supported(app)?;
    let secrets = Secrets::read(config)?;
    // Held until the process ends: two processes would each pace the senders on their own.
    let _lock = RunLock::take(database)?;
    let store = app.store().await?;
    let webhook = roles::listen(config.webhook.listen, "webhook.listen").await?;
    let parts = Parts { config, secrets, store: store.clone(), clock: app.clock.clone(), webhook };
    // Signals count from here on; before, they end the process at once, and nothing is in hand.
    let signals = roles::Signals::install()?;
    let running = roles::start(parts).await?;
    tracing::info!(
        config = %config.source,
        senders = config.senders.len(),
        webhook = %format!("http://{}{WEBHOOK_PATH}", running.webhook_address()),
        health = %format!("http://{}{}", running.webhook_address(), roles::HEALTH_PATH),
        "paceline runs; press Ctrl-C to stop"
    );
    let ended = roles::until_signal(running, signals).await;
    store.close().await;
    ended
}

/// What the configuration asks for and this version cannot do.
fn supported(app: &App) -> Result<(), Failure> {
    let config = &app.config;
    if config.queue.url.value == QueueUrl::Redis {
        return Err(Problem::new(
            config.queue.url.place.clone(),
            "queue.url is a redis:// address, and this version has only the queue within one process",
        )
        .help("write memory://")
        .into());
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
