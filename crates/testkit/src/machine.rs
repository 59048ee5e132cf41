//! The real binary as processes on real time: `simulate` in the test's own process, `run` as a child that can
//! be killed, and the command line as a person would use it.

use std::process::{Child, Stdio};
use std::time::Duration;

use servers::free_port;
use simulator::{Config, Profile, Simulator, Webhook};
use store::model::{CampaignRow, MessageRow};
use store::{SqliteStore, Store};
use whatsapp::Provider;

use crate::binary::Answer;
use crate::departures::LOG_FILTER;
use crate::files::{APP_SECRET, Files, Settings};
use crate::world::{all_messages, template_key};

/// How a machine is set up.
#[derive(Debug, Clone)]
pub struct MachineOptions {
    /// The sender's rate, in Paceline and in the simulator.
    pub rate: &'static str,
    /// What the simulator lets through; `None`: the rate.
    pub throughput: Option<u32>,
    /// How well the platform behaves.
    pub profile: Profile,
    /// Fixes every random decision of the platform.
    pub seed: u64,
    /// `platform.template_sync_wait`.
    pub sync_wait: &'static str,
    /// Whether the template's gate is open from the start.
    pub gate_open: bool,
}

impl Default for MachineOptions {
    fn default() -> Self {
        Self {
            rate: "80/s",
            throughput: None,
            profile: Profile::none(),
            seed: 1,
            sync_wait: "10m",
            gate_open: true,
        }
    }
}

/// Paceline as processes.
pub struct Machine {
    /// The folder with workers.toml, campaign files and the database.
    pub files: Files,
    /// The platform.
    pub platform: Simulator,
    /// Where `run` takes webhooks in.
    pub webhook_url: String,
    run: Option<Child>,
}

impl Machine {
    /// The platform and the files; `run` is not started yet.
    pub async fn start(options: MachineOptions) -> Self {
        let webhook_port = free_port();
        let webhook_url = format!("http://127.0.0.1:{webhook_port}{}", reconciler::intake::PATH);
        let mut config = Config {
            seed: options.seed,
            profile: options.profile,
            webhook: Some(Webhook {
                url: webhook_url.clone(),
                others: Vec::new(),
                app_secret: APP_SECRET.1.to_owned(),
            }),
            ..Config::default()
        };
        let rate: campaign::pacing::Rate = options.rate.parse().unwrap();
        for number in &mut config.numbers {
            number.throughput_per_second = options.throughput.unwrap_or(rate.per_second().ceil() as u32);
        }
        let platform = Simulator::start(config).await.unwrap();
        let files = Files::new();
        files.workers_toml(&Settings {
            provider: Provider::Meta,
            base_url: platform.base_url(),
            webhook: format!("127.0.0.1:{webhook_port}"),
            rate: options.rate.to_owned(),
            sync_wait: options.sync_wait.to_owned(),
            correlate: true,
            concurrency: 256,
            second: None,
            daily_reach: None,
        });
        let machine = Self { files, platform, webhook_url, run: None };
        if options.gate_open {
            let store = machine.store().await;
            let rules = campaign::gate::GateRules::default();
            let now = machine.now();
            store
                .gate_event(&template_key("test_offer"), store::model::GateEvent::OpenByHand, &rules, now)
                .await
                .unwrap();
        }
        machine
    }

    /// The present.
    #[expect(clippy::disallowed_methods, reason = "processes live in real time")]
    #[must_use]
    pub fn now(&self) -> chrono::DateTime<chrono::Utc> {
        chrono::Utc::now()
    }

    /// A handle of the test's own on the database.
    pub async fn store(&self) -> SqliteStore {
        SqliteStore::open(self.files.join("paceline.db").to_str().unwrap()).await.unwrap()
    }

    /// Starts `paceline run`. Its log goes to run.log in the folder.
    pub fn run(&mut self) {
        assert!(self.run.is_none(), "it runs already");
        let log =
            std::fs::OpenOptions::new().create(true).append(true).open(self.files.join("run.log")).unwrap();
        let child = self
            .files
            .command(&["run"])
            .env("RUST_LOG", LOG_FILTER)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn();
        self.run = Some(child.unwrap());
    }

    /// Kills `run` as `kill -9` does.
    pub fn kill(&mut self) {
        let mut child = self.run.take().expect("it runs");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks `run` to stop as a service manager does, and returns its exit code.
    pub fn terminate(&mut self) -> Option<i32> {
        let mut child = self.run.take().expect("it runs");
        let sent =
            std::process::Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        child.wait().unwrap().code()
    }

    /// Whether `run` still runs.
    pub fn is_running(&mut self) -> bool {
        self.run.as_mut().is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// What `run` wrote.
    #[must_use]
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.files.join("run.log")).unwrap_or_default()
    }

    /// The command line.
    pub fn cli(&self, args: &[&str]) -> Answer {
        self.files.cli(args)
    }

    /// The campaign as it stands.
    pub async fn row(&self, store: &dyn Store, key: &str) -> CampaignRow {
        store.campaign(key).await.unwrap().expect("the campaign was launched")
    }

    /// All messages of a campaign.
    pub async fn messages(&self, store: &dyn Store, key: &str) -> Vec<MessageRow> {
        all_messages(store, key).await
    }

    /// Waits until the platform has accepted so many messages, for at most `within`.
    pub async fn until_accepted(&self, messages: usize, within: Duration) {
        let end = self.now() + within;
        while self.platform.accepted() < messages {
            let accepted = self.platform.accepted();
            assert!(self.now() < end, "{accepted} of {messages} within {within:?}\n{}", tail(&self.log()));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Waits until the campaign is as `wanted`, for at most `within`.
    pub async fn until(
        &mut self,
        store: &dyn Store,
        key: &str,
        within: Duration,
        wanted: impl Fn(&CampaignRow) -> bool,
    ) -> CampaignRow {
        let end = self.now() + within;
        loop {
            let row = self.row(store, key).await;
            if wanted(&row) {
                return row;
            }
            assert!(
                self.now() < end,
                "not within {within:?}: {} ({:?}) {:?}\n{}",
                row.state,
                row.reason,
                row.counts,
                tail(&self.log())
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        if let Some(mut child) = self.run.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The last lines of a log.
pub(crate) fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.contains(" TRACE ")).collect();
    lines[lines.len().saturating_sub(30)..].join("\n")
}
