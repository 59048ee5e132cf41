//! Every part of Paceline in the test's own process, on a clock that the test sets.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use campaign::gate::GateRules;
use campaign::ids::Seq;
use campaign::pacing::Rate;
use chrono::{DateTime, Utc};
use clock::{Clock, SettableClock};
use queue::memory::{MemoryPermits, MemoryQueue};
use queue::{Handler, SenderPace};
use reconciler::Reconciler;
use scheduler::Scheduler;
use simulator::{Config, Profile, SimClock, Simulator, Template};
use store::model::{CampaignRow, MessageRow, WorkerId};
use store::{SharedStore, SqliteStore, Store};
use tokio_util::sync::CancellationToken;
use whatsapp::{Client, ClientConfig, Secret};
use worker::{Worker, WorkerSender};

use crate::files::{APP_SECRET, Files, PHONE_NUMBER_ID, Settings, TOKEN, WABA_ID};

/// What a world is made of.
#[derive(Debug, Clone)]
pub struct WorldOptions {
    /// The sender's rate, in Paceline and in the simulator.
    pub rate: &'static str,
    /// How well the platform behaves.
    pub profile: Profile,
    /// The templates of the account; those that are not named are made when they are asked for.
    pub templates: Vec<Template>,
    /// How long a template syncs.
    pub sync_wait: Duration,
    /// Fixes every random decision.
    pub seed: u64,
    /// Whether our own key is sent along.
    pub correlate: bool,
    /// The template's gate is opened by hand before the first launch, where the gate is not what is tested.
    pub gate_open: bool,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            rate: "80/s",
            profile: Profile::none(),
            templates: Vec::new(),
            sync_wait: Duration::from_secs(600),
            seed: 1,
            correlate: true,
            gate_open: true,
        }
    }
}

/// Every part in one process.
pub struct World {
    /// The folder with the campaign files and the database.
    pub files: Files,
    /// The time of Paceline and of the platform.
    pub clock: Arc<SettableClock>,
    /// The store.
    pub store: SharedStore,
    /// The platform.
    pub platform: Simulator,
    /// The scheduler; [`World::step`] ticks it.
    pub scheduler: Scheduler,
    worker: Arc<Worker>,
    worker_id: WorkerId,
    queue: MemoryQueue,
    stop: CancellationToken,
    gate_rules: GateRules,
}

impl World {
    /// A world with these options.
    pub async fn start(options: WorldOptions) -> Self {
        let clock = Arc::new(SettableClock::at(now()));
        let rate: Rate = options.rate.parse().unwrap();
        let platform = platform(&options, clock.clone(), rate).await;
        let files = Files::new();
        files.workers_toml(&Settings {
            base_url: platform.base_url(),
            webhook: "127.0.0.1:0".to_owned(),
            rate: options.rate.to_owned(),
            sync_wait: format!("{}s", options.sync_wait.as_secs()),
            correlate: options.correlate,
            concurrency: 64,
        });
        let store: SharedStore = Arc::new(SqliteStore::open(files.join("paceline.db").to_str().unwrap()).await.unwrap());
        let stop = CancellationToken::new();
        take_webhooks(&store, &clock, &platform, &stop).await;
        let gate_rules = GateRules { sync_wait: options.sync_wait, ..GateRules::default() };
        let worker_id = WorkerId("world-worker".to_owned());
        let worker = worker(&options, &store, &clock, &platform, &worker_id, gate_rules, rate, &stop).await;
        let queue = MemoryQueue::new();
        let senders = BTreeMap::from([("jaspers-in".to_owned(), rate)]);
        let scheduler = Scheduler::new(
            scheduler::Settings::new(senders, gate_rules),
            store.clone(),
            Arc::new(queue.clone()),
            clock.clone(),
        );
        let world =
            Self { files, clock, store, platform, scheduler, worker, worker_id, queue, stop, gate_rules };
        if options.gate_open {
            world.open_gate("test_offer").await;
        }
        world
    }

    /// Opens a template's gate as an operator would.
    pub async fn open_gate(&self, template: &str) {
        let key = template_key(template);
        self.store.gate_event(&key, store::model::GateEvent::OpenByHand, &self.gate_rules, self.clock.now()).await.unwrap();
    }

    /// Launches a campaign file of this world by the command line, and lets the clock catch up with it.
    pub fn launch(&self, file: &std::path::Path) {
        let file = file.to_str().unwrap();
        let _ = self.files.cli(&["launch", file]).good();
        self.clock.advance_to(now());
    }

    /// Does everything that is to be done at this instant: sweeps, ticks, jobs, webhooks. Sending takes its
    /// time on the clock, as the permits' instants pass.
    pub async fn step(&self) {
        loop {
            self.store.heartbeat(&self.worker_id, self.clock.now()).await.unwrap();
            self.scheduler.sweep().await.unwrap();
            let released = self.scheduler.tick().await.unwrap();
            let mut jobs = 0;
            while let Some(job) = self.queue.try_pop() {
                self.worker.handle(job).await;
                jobs += 1;
            }
            let webhooks = self.platform.pump().await;
            if released + jobs + webhooks == 0 {
                return;
            }
        }
    }

    /// Lets `time` pass, in steps of at most `step`.
    pub async fn pass(&self, time: Duration, step: Duration) {
        let end = self.clock.now() + time;
        loop {
            self.step().await;
            let left = (end - self.clock.now()).to_std().unwrap_or_default();
            if left.is_zero() {
                return;
            }
            self.clock.advance(step.min(left));
        }
    }

    /// Lets time pass until the campaign is as `wanted`, for at most `within`.
    pub async fn until(&self, key: &str, within: Duration, step: Duration, wanted: impl Fn(&CampaignRow) -> bool) -> CampaignRow {
        let end = self.clock.now() + within;
        loop {
            self.step().await;
            let row = self.row(key).await;
            if wanted(&row) {
                return row;
            }
            assert!(self.clock.now() < end, "not within {within:?}: {} ({:?}) {:?}", row.state, row.reason, row.counts);
            self.clock.advance(step);
        }
    }

    /// The campaign as it stands.
    pub async fn row(&self, key: &str) -> CampaignRow {
        self.store.campaign(key).await.unwrap().expect("the campaign was launched")
    }

    /// All its messages.
    pub async fn messages(&self, key: &str) -> Vec<MessageRow> {
        all_messages(&*self.store, key).await
    }

    /// Fails unless all guarantees hold, and returns the campaign.
    pub async fn verified(&self, key: &str) -> CampaignRow {
        let row = self.row(key).await;
        let verdict = self.store.verify(row.id).await.unwrap();
        assert_eq!(verdict.violations, Vec::<String>::new());
        assert!(row.is_conserved(), "{row:?}");
        row
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// All messages of a campaign.
pub async fn all_messages(store: &dyn Store, key: &str) -> Vec<MessageRow> {
    let id = store.campaign(key).await.unwrap().expect("the campaign was launched").id;
    let mut all: Vec<MessageRow> = Vec::new();
    loop {
        let after: Option<Seq> = all.last().map(|m| m.seq);
        let page = store.messages(id, after, 5_000).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// The key of a template of the tests' account.
#[must_use]
pub fn template_key(name: &str) -> store::model::TemplateKey {
    store::model::TemplateKey { waba_id: WABA_ID.to_owned(), name: name.to_owned(), language: "en".to_owned() }
}

#[expect(clippy::disallowed_methods, reason = "a world begins at the present, which the command line lives in")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

async fn platform(options: &WorldOptions, clock: Arc<SettableClock>, rate: Rate) -> Simulator {
    let mut config = Config {
        seed: options.seed,
        clock: SimClock::shared(move || clock.now()),
        profile: options.profile.clone(),
        sync_wait: options.sync_wait,
        ..Config::default()
    };
    config.templates.extend(options.templates.clone());
    for number in &mut config.numbers {
        number.throughput_per_second = rate.per_second().ceil() as u32;
    }
    Simulator::start(config).await.unwrap()
}

async fn take_webhooks(store: &SharedStore, clock: &Arc<SettableClock>, platform: &Simulator, stop: &CancellationToken) {
    let settings = reconciler::Settings {
        verify_token: None,
        app_secrets: vec![Secret::new(APP_SECRET.1)],
        install: store.install_id().await.unwrap(),
    };
    let reconciler = Reconciler::new(settings, store.clone(), clock.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{}", listener.local_addr().unwrap(), reconciler::intake::PATH);
    platform.set_webhook(url, APP_SECRET.1);
    let router = reconciler.router();
    let stop = stop.clone();
    tokio::spawn(async move { axum::serve(listener, router).await });
    tokio::spawn(async move { reconciler.run(stop).await });
}

#[expect(clippy::too_many_arguments, reason = "the parts that a worker is made of")]
async fn worker(
    options: &WorldOptions,
    store: &SharedStore,
    clock: &Arc<SettableClock>,
    platform: &Simulator,
    id: &WorkerId,
    gate: GateRules,
    rate: Rate,
    stop: &CancellationToken,
) -> Arc<Worker> {
    let mut client = ClientConfig::meta(PHONE_NUMBER_ID, Secret::new(TOKEN.1));
    client.base_url = platform.base_url();
    client.timeout = Duration::from_secs(5);
    client.connect_timeout = Duration::from_secs(2);
    let settings = worker::Settings {
        id: id.clone(),
        concurrency: 64,
        lease: Duration::from_secs(60),
        gate,
        correlate: options.correlate,
        install: store.install_id().await.unwrap(),
        seed: options.seed,
    };
    let sender = WorkerSender {
        pace: SenderPace { name: "jaspers-in".to_owned(), rate },
        client: Client::new(client).unwrap(),
        waba_id: WABA_ID.to_owned(),
    };
    let permits = Arc::new(MemoryPermits::new(clock.clone()));
    Arc::new(Worker::new(settings, store.clone(), permits, clock.clone(), [sender], stop.clone()))
}
