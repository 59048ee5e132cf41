//! Long-running use, as at three terminals: the simulator, `run`, and the command line, on one database file.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::Duration;

use campaign::lifecycle::State;
use campaign::message;
use chrono::{DateTime, Utc};
use servers::free_port;
use simulator::LedgerEntry;
use store::model::CampaignRow;
use store::{SqliteStore, Store};
use testkit::departures::{LOG_FILTER, Pace};
use testkit::files::{Settings, person};
use testkit::world::all_messages;
use testkit::{Files, truth};

use crate::beside_others;

/// People who can be sent to, and rows that cannot be read as people.
const PEOPLE: usize = 720;
const BROKEN: usize = 5;

/// A terminal with a command that runs on. It is killed with the test.
struct Terminal {
    child: Child,
    log: std::path::PathBuf,
}

impl Terminal {
    fn open(files: &Files, name: &str, command: &[&str]) -> Self {
        let log = files.join(&format!("{name}.log"));
        let out = File::create(&log).unwrap();
        let child = files
            .command(command)
            .env("RUST_LOG", LOG_FILTER)
            .stdin(Stdio::null())
            .stdout(out.try_clone().unwrap())
            .stderr(out)
            .spawn()
            .unwrap();
        Self { child, log }
    }

    /// What it shows.
    fn text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    async fn until_it_says(&mut self, words: &str) {
        let end = now() + Duration::from_secs(20);
        while !self.text().contains(words) {
            assert!(self.child.try_wait().unwrap().is_none(), "it ended: {}", self.text());
            assert!(now() < end, "it does not say {words:?}: {}", self.text());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Ctrl-C by a service manager, and the exit code.
    async fn terminate(&mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.ended(Duration::from_secs(60)).await
    }

    /// The exit code, once it ends.
    async fn ended(&mut self, within: Duration) -> Option<i32> {
        let end = now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(now() < end, "it does not end: {}", self.text());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[expect(clippy::disallowed_methods, reason = "processes live in real time")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_terminals_and_one_file() {
    let _place = beside_others().await;
    let files = Files::new();
    let platform = format!("127.0.0.1:{}", free_port());
    files.workers_toml(&Settings {
        provider: testkit::Provider::Meta,
        base_url: format!("http://{platform}"),
        webhook: format!("127.0.0.1:{}", free_port()),
        rate: "80/s".to_owned(),
        sync_wait: "1s".to_owned(),
        correlate: true,
        concurrency: 64,
        second: None,
        daily_reach: Some(100_000),
    });
    write_audience(&files);
    files.campaign("long", "long.csv", "");
    let mut simulate =
        Terminal::open(&files, "simulate", &["simulate", "--listen", &platform, "--seed", "7"]);
    simulate.until_it_says("listens on").await;
    let mut run = Terminal::open(&files, "run", &["run"]);
    run.until_it_says("paceline runs").await;
    let store = SqliteStore::open(files.join("paceline.db").to_str().unwrap()).await.unwrap();

    launched_by_its_plan_and_only_once(&files);
    let mut watch = Terminal::open(&files, "watch", &["status", "long", "--watch"]);

    until_accepted(&platform, PEOPLE / 4).await;
    let paused = files.cli(&["pause", "long", "--json"]).good().json();
    assert_eq!(paused["state"], "paused");
    assert_eq!(row(&store).await.state, State::Paused);
    watch.until_it_says("paused").await;
    let second = files.cli(&["run"]);
    assert_eq!(second.code, 3, "{}{}", second.out, second.err);
    assert!(second.err.contains("already works on"), "{}", second.err);
    let resumed = files.cli(&["resume", "long", "--json"]).good().json();
    assert_eq!(resumed["changed"], true);

    until_accepted(&platform, PEOPLE / 2).await;
    assert_eq!(run.terminate().await, Some(0), "{}", run.text());
    let first = run.text();
    let stopped = row(&store).await;
    assert_eq!(stopped.count(message::State::Sending), 0, "{:?}", stopped.counts);
    assert_eq!(stopped.count(message::State::InDoubt), 0, "{:?}", stopped.counts);
    assert!(stopped.count(message::State::Queued) > 0, "the stop came in the middle: {:?}", stopped.counts);
    assert!(stopped.is_conserved());
    assert_eq!(
        watch.child.try_wait().unwrap(),
        None,
        "the watch goes on while nothing runs: {}",
        watch.text()
    );

    let mut run = Terminal::open(&files, "run again", &["run"]);
    assert_eq!(watch.ended(Duration::from_secs(60)).await, Some(0), "{}", watch.text());
    assert!(watch.text().contains("long is done"), "{}", watch.text());
    assert_eq!(row(&store).await.state, State::Done);
    until_quiet(&platform).await;
    assert_eq!(run.terminate().await, Some(0), "{}", run.text());
    agrees(&files, &store, &platform, &[first.as_str(), run.text().as_str()]).await;
    assert_eq!(simulate.terminate().await, Some(0), "{}", simulate.text());
    assert!(simulate.text().contains(&format!("{PEOPLE} messages were accepted")), "{}", simulate.text());
}

fn write_audience(files: &Files) {
    let mut text = String::from("phone,first_name\n");
    for i in 0..PEOPLE {
        text.push_str(&format!("{},Asha{i}\n", person(u32::try_from(i).unwrap())));
        if i % (PEOPLE / BROKEN) == 0 {
            text.push_str("not a number,Nobody\n");
        }
    }
    files.write("long.csv", text);
}

/// `check`, `plan`, `launch`; and what is refused.
fn launched_by_its_plan_and_only_once(files: &Files) {
    let _ = files.cli(&["check", "long.yaml"]).good();
    let plan = files.cli(&["plan", "long.yaml", "--json"]).good().json();
    let hash = plan["plan_hash"].as_str().unwrap();
    let other = files.cli(&["launch", "long.yaml", "--plan", "0000000000000000"]);
    assert_eq!(other.code, 3, "{}{}", other.out, other.err);
    let launched = files.cli(&["launch", "long.yaml", "--plan", hash, "--json"]).good().json();
    assert_eq!(launched["totals"]["messages"], PEOPLE);
    assert_eq!(launched["totals"]["excluded"], BROKEN);
    let again = files.cli(&["launch", "long.yaml"]);
    assert_eq!(again.code, 3, "{}{}", again.out, again.err);
    let unknown = files.cli(&["status", "lonk"]);
    assert_eq!(unknown.code, 2, "{}{}", unknown.out, unknown.err);
    assert!(unknown.err.contains("did you mean long?"), "{}", unknown.err);
}

/// The ledger, the database, the reports and `verify` say the same.
async fn agrees(files: &Files, store: &SqliteStore, platform: &str, logs: &[&str]) {
    let ledger: Vec<LedgerEntry> =
        get(platform, "/_sim/ledger").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(ledger.len(), PEOPLE);
    assert_eq!(truth::sent_twice(&ledger), Vec::<String>::new());
    Pace::of(logs.iter().copied(), &ledger).assert_held(80);
    let messages = all_messages(store, "long").await;
    assert_eq!(truth::differences(&ledger, &messages), Vec::<String>::new());
    assert!(messages.iter().all(|message| message.attempt == 1));

    let _ = files.cli(&["report", "long", "--format", "csv", "-o", "long-report.csv"]).good();
    let report = std::fs::read_to_string(files.join("long-report.csv")).unwrap();
    assert_eq!(report.lines().count(), 1 + PEOPLE + BROKEN, "a header, and one row per row of the audience");
    for entry in &ledger {
        let recipient = entry.recipient.trim_start_matches('+');
        let state = truth::expected(entry).to_string();
        let of_them: Vec<&str> = report.lines().filter(|line| line.contains(recipient)).collect();
        let [line] = of_them[..] else { panic!("{recipient} has {} rows", of_them.len()) };
        assert!(line.split(',').any(|field| field == state), "{recipient} should be {state}: {line}");
    }
    let totals = files.cli(&["report", "long", "--format", "json"]).good().json();
    let read = ledger.iter().filter(|entry| truth::expected(entry) == message::State::Read).count();
    assert_eq!(totals["funnel"]["planned"], PEOPLE + BROKEN);
    assert_eq!(totals["funnel"]["excluded"], BROKEN);
    assert_eq!(totals["funnel"]["accepted"], PEOPLE);
    assert_eq!(totals["funnel"]["delivered"], PEOPLE);
    assert_eq!(totals["funnel"]["read"], read);
    assert_eq!(totals["funnel"]["requests"], PEOPLE);
    assert_eq!(totals["adds_up"], true);
    let verified = files.cli(&["verify", "long", "--json"]).good().json();
    assert_eq!(verified["ok"], true);
    let _ = files.cli(&["verify"]).good();
}

async fn row(store: &SqliteStore) -> CampaignRow {
    store.campaign("long").await.unwrap().unwrap()
}

async fn until_accepted(platform: &str, messages: usize) {
    until(platform, |health| health["ledger"].as_u64().unwrap() as usize >= messages).await;
}

async fn until_quiet(platform: &str) {
    until(platform, |health| health["pending_webhooks"] == 0).await;
}

async fn until(platform: &str, wanted: impl Fn(&serde_json::Value) -> bool) {
    let end = now() + Duration::from_secs(40);
    loop {
        let health: serde_json::Value = serde_json::from_str(&get(platform, "/_sim/health")).unwrap();
        if wanted(&health) {
            return;
        }
        assert!(now() < end, "{health}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{answer}");
    body.to_owned()
}
