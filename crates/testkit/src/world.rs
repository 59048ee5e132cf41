//! Every part of Paceline in the test's own process, on a clock that the test sets.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use campaign::gate::GateRules;
use campaign::ids::Seq;
use campaign::pacing::Rate;
use chrono::{DateTime, Utc};
use clock::{Clock, SettableClock};
use queue::{Handler, SenderPace, SharedPermits};
use reconciler::{Archive, ArchiveSettings, KnownSender, Reconciler, SharedSecret};
use scheduler::{MakeRun, Recurring, Scheduler};
use simulator::{Config, KeyedWebhook, Number, Profile, SimClock, Simulator, Template};
use store::model::{CampaignRow, MessageRow, WorkerId};
use store::series::SeriesRow;
use store::{SharedStore, SqliteStore, Store};
use tokio_util::sync::CancellationToken;
use whatsapp::{Client, ClientConfig, Provider, Secret};
use worker::{Worker, WorkerSender};

use crate::backend::{Backend, Jobs};
use crate::binary::Answer;
use crate::files::{
    APP_SECRET, Commands, Files, PHONE_NUMBER_ID, SECOND, SHARED_SECRET, SHARED_SECRET_HEADER, Settings,
    TOKEN, WABA_ID, person, second_token,
};

/// What a world is made of.
#[derive(Debug, Clone)]
pub struct WorldOptions {
    /// What it is built on.
    pub backend: Backend,
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
    /// Most requests in flight at once. A request takes real time, in which the clock may jump to a later
    /// permit: the platform lets ten times the rate through, and sees requests late by up to a bite. Only with
    /// one at a time and a rate of at most 10/s (bites of one message) does each arrive at its permit's instant.
    pub concurrency: usize,
    /// Whether there is a second sender, [`SECOND`], of the same account and rate.
    pub second: bool,
    /// How many people the portfolio may write to in 24 hours, in Paceline and in the simulator.
    pub daily_reach: u32,
    /// Whose form of the API all senders speak, and who posts the webhooks.
    pub provider: Provider,
    /// Where webhooks are archived, if they are.
    pub archive: Option<PathBuf>,
}

impl Default for WorldOptions {
    fn default() -> Self {
        Self {
            backend: Backend::Embedded,
            rate: "80/s",
            profile: Profile::none(),
            templates: Vec::new(),
            sync_wait: Duration::from_secs(600),
            seed: 1,
            correlate: true,
            gate_open: true,
            concurrency: 16,
            second: false,
            daily_reach: 100_000,
            provider: Provider::Meta,
            archive: None,
        }
    }
}

impl WorldOptions {
    /// Each sender with its phone number's id, and with its token and where that is.
    fn senders(
        &self,
    ) -> impl Iterator<Item = (&'static str, &'static str, (&'static str, &'static str))> + use<> {
        let second = (SECOND.0, SECOND.1, second_token(self.provider));
        [("jaspers-in", PHONE_NUMBER_ID, TOKEN)].into_iter().chain(self.second.then_some(second))
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
    /// Whose form of it is spoken.
    pub provider: Provider,
    /// The scheduler; [`World::step`] ticks it.
    pub scheduler: Scheduler,
    /// Every sender's pace.
    pub permits: SharedPermits,
    /// Makes the runs of recurring campaigns; [`World::step`] lets it look.
    pub recurring: Recurring,
    worker: Arc<Worker>,
    worker_id: WorkerId,
    jobs: Jobs,
    stop: CancellationToken,
    gate_rules: GateRules,
    options: WorldOptions,
    _redis: Option<servers::Redis>,
}

impl World {
    /// A world with these options.
    pub async fn start(options: WorldOptions) -> Self {
        crate::logs::watch();
        let clock = Arc::new(SettableClock::at(now()));
        let rate: Rate = options.rate.parse().unwrap();
        let platform = platform(&options, clock.clone(), rate).await;
        let mut files = Files::new();
        files.workers_toml(&Settings {
            provider: options.provider,
            base_url: base_url(&platform, options.provider),
            webhook: "127.0.0.1:0".to_owned(),
            rate: options.rate.to_owned(),
            sync_wait: format!("{}s", options.sync_wait.as_secs()),
            correlate: options.correlate,
            concurrency: options.concurrency,
            second: options.second.then(|| options.rate.to_owned()),
            daily_reach: Some(options.daily_reach),
        });
        let stop = CancellationToken::new();
        let senders: Vec<String> = options.senders().map(|(name, ..)| name.to_owned()).collect();
        let parts = options.backend.build(&mut files, clock.clone(), &stop, &senders).await;
        let store = parts.store;
        take_webhooks(&options, &store, &clock, &platform, &stop).await;
        let gate_rules = GateRules { sync_wait: options.sync_wait, ..GateRules::default() };
        let worker_id = WorkerId("world-worker".to_owned());
        let permits = parts.permits;
        let worker =
            worker(&options, &store, permits.clone(), &clock, &platform, &worker_id, gate_rules, rate, &stop)
                .await;
        let senders: BTreeMap<String, Rate> = senders.into_iter().map(|name| (name, rate)).collect();
        let daily_reach = senders.keys().map(|name| (name.clone(), options.daily_reach)).collect();
        let scheduler = Scheduler::new(
            scheduler::Settings { daily_reach, ..scheduler::Settings::new(senders, gate_rules) },
            store.clone(),
            parts.queue,
            clock.clone(),
        );
        let maker = Arc::new(ByCommandLine { commands: files.commands() });
        let world = Self {
            files,
            recurring: Recurring::new(store.clone(), clock.clone(), maker),
            clock,
            store,
            platform,
            provider: options.provider,
            scheduler,
            permits,
            worker,
            worker_id,
            jobs: parts.jobs,
            stop,
            gate_rules,
            options,
            _redis: parts.redis,
        };
        if world.options.gate_open {
            world.open_gate("test_offer").await;
        }
        world
    }

    /// Webhooks go elsewhere from now on: to an intake over a database of its own, which archives them in this folder.
    pub async fn divert_webhooks(&self, archive: PathBuf) {
        let elsewhere: SharedStore = Arc::new(SqliteStore::in_memory().await.unwrap());
        let options = WorldOptions { archive: Some(archive), ..self.options.clone() };
        take_webhooks(&options, &elsewhere, &self.clock, &self.platform, &self.stop).await;
    }

    /// The folder in which webhooks are archived.
    #[must_use]
    pub fn archive(&self) -> &Path {
        self.options.archive.as_deref().expect("the world archives its webhooks")
    }

    /// Opens a template's gate as an operator would.
    pub async fn open_gate(&self, template: &str) {
        let key = template_key(template);
        self.store
            .gate_event(&key, store::model::GateEvent::OpenByHand, &self.gate_rules, self.clock.now())
            .await
            .unwrap();
    }

    /// Runs the command line to its end, while the platform goes on answering.
    pub async fn cli(&self, args: &[&str]) -> Answer {
        let mut command = self.files.command(args);
        tokio::task::spawn_blocking(move || Answer::of(command.output().expect("the binary runs")))
            .await
            .unwrap()
    }

    /// Launches a campaign file of this world by the command line, which has to succeed.
    pub async fn launch(&self, file: &Path) {
        let _ = self.cli(&["launch", file.to_str().unwrap()]).await.good();
        self.catch_up();
    }

    /// Moves the world's clock to the present, where it is behind: the command line lives in the present, and
    /// what it wrote must not be in the world's future.
    pub fn catch_up(&self) {
        self.clock.advance_to(now());
    }

    /// The world's time.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// What `status` says of a campaign.
    pub async fn status(&self, key: &str) -> serde_json::Value {
        self.cli(&["status", key, "--json"]).await.good().json()
    }

    /// The one round that everything is made of: sweeps, a tick, at most `jobs` jobs, the webhooks that are
    /// due. Says whether anything happened.
    pub async fn round(&self, jobs: usize) -> bool {
        let before = (self.clock.now(), self.platform.asked());
        self.store.heartbeat(&self.worker_id, self.clock.now()).await.unwrap();
        self.recurring.look().await.unwrap();
        self.scheduler.sweep().await.unwrap();
        let released = self.scheduler.tick().await.unwrap();
        let mut handled = 0;
        while handled < jobs
            && let Some(delivered) = self.jobs.next().await
        {
            let _ = self.worker.handle(delivered.job.clone()).await;
            handled += 1;
        }
        let webhooks = self.platform.pump().await;
        // What is released and comes back unsent at the same instant would do so for ever.
        let moved = before != (self.clock.now(), self.platform.asked());
        webhooks > 0 || (moved && released + handled > 0)
    }

    /// Does everything that is to be done at this instant. Sending takes its time on the clock, as the
    /// permits' instants pass: a campaign that nothing holds back is sent to its end.
    pub async fn step(&self) {
        // Once more, as what was done last may be seen by a sweep or a tick only now.
        let mut idle = 0;
        while idle < 2 {
            idle = if self.round(usize::MAX).await { 0 } else { idle + 1 };
        }
    }

    /// Works job by job until the platform has taken at least `messages` in all.
    pub async fn until_taken(&self, messages: usize) {
        let mut idle = 0;
        while self.platform.accepted() < messages {
            idle = if self.round(1).await { 0 } else { idle + 1 };
            assert!(idle < 10, "nothing moves at {} of {messages} messages", self.platform.accepted());
        }
    }

    /// Works job by job, and shows the campaign after each round, until nothing moves.
    pub async fn watch(&self, key: &str, mut each: impl FnMut(&CampaignRow)) {
        let mut idle = 0;
        while idle < 4 {
            idle = if self.round(1).await { 0 } else { idle + 1 };
            each(&self.row(key).await);
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
    pub async fn until(
        &self,
        key: &str,
        within: Duration,
        step: Duration,
        wanted: impl Fn(&CampaignRow) -> bool,
    ) -> CampaignRow {
        let end = self.clock.now() + within;
        loop {
            self.step().await;
            let row = self.row(key).await;
            if wanted(&row) {
                return row;
            }
            assert!(
                self.clock.now() < end,
                "not within {within:?}: {} ({:?}) {:?}",
                row.state,
                row.reason,
                row.counts
            );
            self.clock.advance(step);
        }
    }

    /// Lets time pass until the campaign is over, by small steps while webhooks come and then by large ones,
    /// and verifies it.
    pub async fn until_over(&self, key: &str) -> CampaignRow {
        let start = self.clock.now();
        loop {
            self.step().await;
            let row = self.row(key).await;
            if row.state.is_over() {
                return self.verified(key).await;
            }
            let hours = (self.clock.now() - start).num_hours();
            assert!(
                hours < 90 * 24,
                "not over in 90 days: {} ({:?}) {:?}",
                row.state,
                row.reason,
                row.counts
            );
            self.clock.advance(match hours {
                0 => Duration::from_secs(20),
                1..24 => Duration::from_secs(1_800),
                _ => Duration::from_secs(4 * 3_600),
            });
        }
    }

    /// The campaign as it stands.
    pub async fn row(&self, key: &str) -> CampaignRow {
        self.store.campaign(key).await.unwrap().expect("the campaign was launched")
    }

    /// The message to the i-th test person.
    pub async fn message_to(&self, key: &str, i: u32) -> MessageRow {
        let wanted = person(i);
        let found = self.messages(key).await.into_iter().find(|m| format!("+{}", m.recipient) == wanted);
        found.unwrap_or_else(|| panic!("{key} has no message to {wanted}"))
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
        if !std::thread::panicking() {
            crate::logs::assert_clean();
        }
    }
}

/// Makes runs by the command line that operators have for it: it lives in the present, whatever the world's time is.
#[derive(Debug)]
struct ByCommandLine {
    commands: Commands,
}

#[async_trait::async_trait]
impl MakeRun for ByCommandLine {
    async fn make(&self, series: &SeriesRow, at: DateTime<Utc>) -> Result<(), String> {
        let key = series.timetable.run_key(&series.key, at);
        let mut command = self.commands.command(&["launch", "--run", &key]);
        let output = tokio::task::spawn_blocking(move || command.output().expect("the binary runs"));
        let answer = Answer::of(output.await.unwrap());
        if answer.code == 0 { Ok(()) } else { Err(answer.err.trim().to_owned()) }
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
    store::model::TemplateKey {
        waba_id: WABA_ID.to_owned(),
        name: name.to_owned(),
        language: "en".to_owned(),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "a world begins at the present, which the command line lives in"
)]
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
    if options.second {
        config.numbers.push(Number {
            phone_number_id: SECOND.1.to_owned(),
            display_phone_number: "+971 50 123 4567".to_owned(),
            ..Number::default()
        });
    }
    if options.provider == Provider::Dialog360 {
        for (number, (_, _, key)) in config.numbers.iter_mut().zip(options.senders()) {
            number.api_key = Some(key.1.to_owned());
        }
    }
    for number in &mut config.numbers {
        let held_to = if options.concurrency == 1 { 1.0 } else { 10.0 };
        number.throughput_per_second = (rate.per_second() * held_to).ceil() as u32;
        number.daily_limit = Some(options.daily_reach);
    }
    Simulator::start(config).await.unwrap()
}

/// Where a platform is, in a provider's form.
fn base_url(platform: &Simulator, provider: Provider) -> String {
    match provider {
        Provider::Meta => platform.base_url(),
        Provider::Dialog360 => platform.dialog360_url(),
    }
}

async fn take_webhooks(
    options: &WorldOptions,
    store: &SharedStore,
    clock: &Arc<SettableClock>,
    platform: &Simulator,
    stop: &CancellationToken,
) {
    let settings = reconciler::Settings {
        verify_token: None,
        app_secrets: vec![Secret::new(APP_SECRET.1)],
        shared_secret: Some(SharedSecret {
            header: SHARED_SECRET_HEADER.to_owned(),
            secrets: vec![Secret::new(SHARED_SECRET.1)],
        }),
        install: store.install_id().await.unwrap(),
        senders: options
            .senders()
            .map(|(name, phone_number_id, _)| KnownSender {
                name: name.to_owned(),
                waba_id: WABA_ID.to_owned(),
                phone_number_id: Some(phone_number_id.to_owned()),
            })
            .collect(),
        archive: options.archive.clone().map(|folder| {
            let (keep, writer) = (Duration::from_secs(90 * 24 * 3_600), "world".to_owned());
            Archive::open(ArchiveSettings { folder, keep, writer }).unwrap()
        }),
    };
    let reconciler = Reconciler::new(settings, store.clone(), clock.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}{}", listener.local_addr().unwrap(), reconciler::intake::PATH);
    platform.set_webhook(&url, APP_SECRET.1);
    let headers = [(SHARED_SECRET_HEADER.to_owned(), SHARED_SECRET.1.to_owned())].into();
    platform.set_keyed_webhook(&KeyedWebhook { url, headers });
    let routes = reconciler::Routes { all: reconciler.router(), when_full: reconciler.router_when_full() };
    tokio::spawn(reconciler::serve(listener, routes, reconciler::Limits::default(), stop.clone()));
    let stop = stop.clone();
    tokio::spawn(async move { reconciler.run(stop).await });
}

#[expect(clippy::too_many_arguments, reason = "the parts that a worker is made of")]
async fn worker(
    options: &WorldOptions,
    store: &SharedStore,
    permits: SharedPermits,
    clock: &Arc<SettableClock>,
    platform: &Simulator,
    id: &WorkerId,
    gate: GateRules,
    rate: Rate,
    stop: &CancellationToken,
) -> Arc<Worker> {
    let settings = worker::Settings {
        id: id.clone(),
        concurrency: options.concurrency,
        lease: Duration::from_secs(60),
        gate,
        correlate: options.correlate,
        install: store.install_id().await.unwrap(),
        seed: options.seed,
    };
    let senders = options.senders().map(|(name, phone_number_id, (token_name, token))| {
        let token = Secret::new(token);
        let mut client = match options.provider {
            Provider::Meta => ClientConfig::meta(phone_number_id, token),
            Provider::Dialog360 => ClientConfig::dialog360(token),
        };
        client.base_url = base_url(platform, options.provider);
        client.timeout = Duration::from_secs(5);
        client.connect_timeout = Duration::from_secs(2);
        WorkerSender {
            pace: SenderPace { name: name.to_owned(), rate },
            client: Client::new(client).unwrap(),
            waba_id: WABA_ID.to_owned(),
            daily_reach: Some(options.daily_reach),
            token_name: token_name.to_owned(),
        }
    });
    Arc::new(Worker::new(settings, store.clone(), permits, clock.clone(), senders, stop.clone()))
}
