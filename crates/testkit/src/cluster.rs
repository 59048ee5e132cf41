//! Paceline scaled out: a PostgreSQL and a Redis of the test's own, the simulated platform, and each role as any
//! number of real processes that can be killed, frozen, stopped and started again.

use std::collections::BTreeMap;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use chrono::{DateTime, Utc};
use servers::{Postgres, Redis, free_port};
use simulator::{Config, Number, Profile, Simulator, Webhook};
use store::model::{CampaignRow, MessageRow};
use store::{PostgresStore, Store};
use whatsapp::Provider;

use crate::binary::Answer;
use crate::departures::LOG_FILTER;
use crate::files::{APP_SECRET, Files, SECOND, Settings};
use crate::machine::tail;
use crate::proxy::Proxy;
use crate::world::{all_messages, template_key};

/// A role that processes are started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Releases what is due; one leads.
    Scheduler,
    /// Sends.
    Worker,
    /// Takes webhooks in.
    Reconciler,
}

impl Role {
    /// Its command.
    #[must_use]
    pub fn command(self) -> &'static str {
        match self {
            Self::Scheduler => "scheduler",
            Self::Worker => "worker",
            Self::Reconciler => "reconciler",
        }
    }
}

/// How a cluster is set up.
#[derive(Debug, Clone)]
pub struct ClusterOptions {
    /// The sender's rate in Paceline.
    pub rate: &'static str,
    /// The rate of a second sender, where there is to be one.
    pub second: Option<&'static str>,
    /// What the simulator lets through in a second.
    pub throughput: u32,
    /// How well the platform behaves.
    pub profile: Profile,
    /// Fixes every random decision of the platform.
    pub seed: u64,
    /// Processes of each role.
    pub schedulers: usize,
    /// Processes of each role.
    pub workers: usize,
    /// Processes of each role.
    pub reconcilers: usize,
    /// Requests in flight at once, by each worker.
    pub concurrency: usize,
    /// A process with a way of its own to the database, [`Cluster::own_way`].
    pub own_way: Option<&'static str>,
}

impl Default for ClusterOptions {
    fn default() -> Self {
        Self {
            rate: "80/s",
            second: None,
            throughput: 100_000,
            profile: Profile::none(),
            seed: 1,
            schedulers: 1,
            workers: 2,
            reconcilers: 1,
            concurrency: 256,
            own_way: None,
        }
    }
}

/// Paceline as many processes.
pub struct Cluster {
    /// The folder with workers.toml, campaign files and logs.
    pub files: Files,
    /// The platform.
    pub platform: Simulator,
    /// The database server.
    pub postgres: Postgres,
    /// The queue's server.
    pub redis: Redis,
    /// The processes' way to the database.
    pub to_postgres: Proxy,
    /// The processes' way to the queue.
    pub to_redis: Proxy,
    /// The process with a way of its own to the database, and that way.
    own_way: Option<(&'static str, Proxy)>,
    database: String,
    /// By name, `worker-0` for example. `None`: it does not run at the moment.
    processes: BTreeMap<String, Option<Child>>,
    webhooks: Vec<u16>,
    /// Each process's health pages.
    health: BTreeMap<String, u16>,
}

impl Cluster {
    /// Servers, platform and files; all processes run.
    pub async fn start(options: ClusterOptions) -> Self {
        let (postgres, redis) = (Postgres::start(), Redis::start());
        let database = postgres.database();
        let (to_postgres, to_redis) =
            (Proxy::before(postgres.port()).await, Proxy::before(redis.port()).await);
        let own_way = match options.own_way {
            Some(name) => Some((name, Proxy::before(postgres.port()).await)),
            None => None,
        };
        let webhooks: Vec<u16> = (0..options.reconcilers).map(|_| free_port()).collect();
        let files = Files::new();
        let platform = platform(&options, &webhooks).await;
        files.workers_toml(&Settings {
            provider: Provider::Meta,
            base_url: platform.base_url(),
            webhook: "127.0.0.1:0".to_owned(),
            rate: options.rate.to_owned(),
            sync_wait: "10m".to_owned(),
            correlate: true,
            concurrency: options.concurrency,
            second: options.second.map(str::to_owned),
            daily_reach: None,
        });
        let mut cluster = Self {
            files,
            platform,
            postgres,
            redis,
            to_postgres,
            to_redis,
            own_way,
            database,
            processes: BTreeMap::new(),
            webhooks,
            health: BTreeMap::new(),
        };
        let store = cluster.store().await;
        let rules = campaign::gate::GateRules::default();
        let open = store::model::GateEvent::OpenByHand;
        store.gate_event(&template_key("test_offer"), open, &rules, cluster.now()).await.unwrap();
        for (role, number) in [
            (Role::Scheduler, options.schedulers),
            (Role::Worker, options.workers),
            (Role::Reconciler, options.reconcilers),
        ] {
            for i in 0..number {
                cluster.start_process(&format!("{}-{i}", role.command()));
            }
        }
        cluster
    }

    /// Starts a process by its name, or starts it again.
    pub fn start_process(&mut self, name: &str) {
        let (role, number) = name.rsplit_once('-').expect("a name such as worker-0");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(self.log_path(name)).unwrap();
        let mut command = self.command(&[role]);
        command.env("RUST_LOG", LOG_FILTER);
        if role == Role::Reconciler.command() {
            let port = self.webhooks[number.parse::<usize>().unwrap()];
            command.env("PACELINE_WEBHOOK__LISTEN", format!("127.0.0.1:{port}"));
            self.health.insert(name.to_owned(), port);
        } else {
            let port = *self.health.entry(name.to_owned()).or_insert_with(free_port);
            command.env("PACELINE_HEALTH__LISTEN", format!("127.0.0.1:{port}"));
        }
        if let Some((_, way)) = self.own_way.as_ref().filter(|(owner, _)| *owner == name) {
            command.env("PACELINE_STORE__URL", self.database_through(way));
        }
        let child = command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log).spawn();
        let before = self.processes.insert(name.to_owned(), Some(child.unwrap()));
        assert!(before.flatten().is_none(), "{name} runs already");
    }

    /// Where a process's health pages are.
    #[must_use]
    pub fn health(&self, name: &str) -> String {
        format!("http://127.0.0.1:{}", self.health[name])
    }

    /// The names of the processes of a role.
    #[must_use]
    pub fn names(&self, role: Role) -> Vec<String> {
        self.processes.keys().filter(|name| name.starts_with(role.command())).cloned().collect()
    }

    /// Kills a process as `kill -9` does.
    pub fn kill(&mut self, name: &str) {
        let mut child = self.take(name);
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Lets a process stand still, as SIGSTOP does.
    pub fn freeze(&self, name: &str) {
        self.signal(name, "STOP");
    }

    /// Lets it go on.
    pub fn thaw(&self, name: &str) {
        self.signal(name, "CONT");
    }

    /// Asks a process to stop, as a service manager does, and returns its exit code.
    pub fn terminate(&mut self, name: &str) -> Option<i32> {
        self.signal(name, "TERM");
        self.take(name).wait().unwrap().code()
    }

    /// Asks all processes to stop, and fails unless each ends well.
    pub fn terminate_all(&mut self) {
        let running: Vec<String> = self
            .processes
            .iter()
            .filter(|(_, child)| child.is_some())
            .map(|(name, _)| name.clone())
            .collect();
        for name in &running {
            self.signal(name, "TERM");
        }
        for name in &running {
            let code = self.take(name).wait().unwrap().code();
            assert_eq!(code, Some(0), "{name} ended with {code:?}\n{}", tail(&self.log(name)));
        }
    }

    fn signal(&self, name: &str, signal: &str) {
        let child = self.processes[name].as_ref().expect("it runs");
        let done = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
        assert!(done.unwrap().success(), "{name} gets no {signal}");
    }

    fn take(&mut self, name: &str) -> Child {
        self.processes.get_mut(name).and_then(Option::take).expect("it runs")
    }

    /// Processes that should run and have ended.
    pub fn ended(&mut self) -> Vec<String> {
        let has_ended = |child: &mut Child| child.try_wait().unwrap().is_some();
        self.processes
            .iter_mut()
            .filter_map(|(name, child)| child.as_mut().is_some_and(has_ended).then(|| name.clone()))
            .collect()
    }

    /// What a process wrote.
    #[must_use]
    pub fn log(&self, name: &str) -> String {
        std::fs::read_to_string(self.log_path(name)).unwrap_or_default()
    }

    fn log_path(&self, name: &str) -> std::path::PathBuf {
        self.files.join(&format!("{name}.log"))
    }

    /// The ends of all logs, for a failure.
    #[must_use]
    pub fn tails(&self) -> String {
        self.processes.keys().map(|name| format!("--- {name}\n{}\n", tail(&self.log(name)))).collect()
    }

    /// A command of the binary over this cluster's servers, through the proxies.
    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = self.files.command(args);
        command
            .env("PACELINE_STORE__URL", self.database_through(&self.to_postgres))
            .env("PACELINE_QUEUE__URL", format!("redis://127.0.0.1:{}", self.to_redis.port()));
        command
    }

    fn database_through(&self, way: &Proxy) -> String {
        let database = self.database.rsplit_once('/').map_or("", |(_, name)| name);
        format!("postgres://postgres@127.0.0.1:{}/{database}", way.port())
    }

    /// The way to the database of the process that has one of its own.
    #[must_use]
    pub fn own_way(&self) -> &Proxy {
        &self.own_way.as_ref().expect("a process has a way of its own").1
    }

    /// The command line, run to its end.
    pub async fn cli(&self, args: &[&str]) -> Answer {
        let mut command = self.command(args);
        // The proxies and the platform work in this runtime.
        tokio::task::spawn_blocking(move || Answer::of(command.output().expect("the binary runs")))
            .await
            .unwrap()
    }

    /// The database's address, past the proxy.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.database
    }

    /// A handle of the test's own on the database, past the proxy.
    pub async fn store(&self) -> PostgresStore {
        PostgresStore::connect(&self.database).await.unwrap()
    }

    /// The present.
    #[expect(clippy::disallowed_methods, reason = "processes live in real time")]
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        Utc::now()
    }

    /// Waits until the platform has accepted so many messages, for at most `within`.
    pub async fn until_accepted(&self, messages: usize, within: Duration) {
        let end = self.now() + within;
        while self.platform.accepted() < messages {
            let accepted = self.platform.accepted();
            assert!(self.now() < end, "{accepted} of {messages} within {within:?}\n{}", self.tails());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the campaign is as `wanted`, for at most `within`. A database that is away is waited for.
    pub async fn until(
        &self,
        store: &dyn Store,
        key: &str,
        within: Duration,
        wanted: impl Fn(&CampaignRow) -> bool,
    ) -> CampaignRow {
        let end = self.now() + within;
        let mut last = String::new();
        loop {
            match store.campaign(key).await {
                Ok(row) => {
                    let row = row.expect("the campaign was launched");
                    if wanted(&row) {
                        return row;
                    }
                    last = format!("{} ({:?}) {:?}", row.state, row.reason, row.counts);
                }
                Err(error) => last = format!("{error}; before: {last}"),
            }
            assert!(self.now() < end, "not within {within:?}: {last}\n{}", self.tails());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// All messages of a campaign.
    pub async fn messages(&self, store: &dyn Store, key: &str) -> Vec<MessageRow> {
        all_messages(store, key).await
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        for child in self.processes.values_mut().flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

async fn platform(options: &ClusterOptions, webhooks: &[u16]) -> Simulator {
    let url = |port: &u16| format!("http://127.0.0.1:{port}{}", reconciler::intake::PATH);
    let mut config = Config {
        seed: options.seed,
        profile: options.profile.clone(),
        webhook: webhooks.split_first().map(|(first, others)| Webhook {
            url: url(first),
            others: others.iter().map(url).collect(),
            app_secret: APP_SECRET.1.to_owned(),
        }),
        ..Config::default()
    };
    if options.second.is_some() {
        config.numbers.push(Number { phone_number_id: SECOND.1.to_owned(), ..Number::default() });
    }
    for number in &mut config.numbers {
        number.throughput_per_second = options.throughput;
    }
    Simulator::start(config).await.unwrap()
}
