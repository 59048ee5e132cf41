//! `paceline run` and `paceline simulate` as processes: health, one `run` per database, signals, exit codes.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "helpers of tests; a panic is a failed test")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, ChildStdout, Command, ExitStatus, Stdio};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};

const WORKERS: &str = "\
[dashboard]
listen = \"127.0.0.1:0\"
[webhook]
listen = \"127.0.0.1:0\"
[[senders]]
name = \"shop\"
phone_number_id = \"106540352242922\"
waba_id = \"102290129340398\"
token_env = \"SHOP_TOKEN\"
";

/// How long a test waits for an answer that has to come.
const PATIENCE: Duration = Duration::from_secs(30);

/// A process of `paceline` that is killed when the test ends.
struct Process {
    child: Child,
    stderr: BufReader<ChildStderr>,
    stdout: BufReader<ChildStdout>,
}

impl Process {
    fn start(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paceline"));
        command.args(arguments);
        Self::spawn(command, folder, variables)
    }

    fn spawn(mut command: Command, folder: &Path, variables: &[(&str, &str)]) -> Self {
        let mut child = command
            .current_dir(folder)
            .env_clear()
            .envs([("SHOP_TOKEN", "t"), ("META_APP_SECRET", "s"), ("WEBHOOK_VERIFY_TOKEN", "word")])
            .envs(variables.iter().copied())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stderr, stdout }
    }

    /// `paceline run`, and the address of its webhook listener from its log.
    fn run(folder: &Path) -> (Self, String) {
        std::fs::write(folder.join("workers.toml"), WORKERS).unwrap();
        Self::start(folder, &["run", "--log-format", "json"], &[]).announced()
    }

    /// The same, with so many file descriptors and no way to more.
    fn run_with_descriptors(folder: &Path, descriptors: u32) -> (Self, String) {
        std::fs::write(folder.join("workers.toml"), WORKERS).unwrap();
        let program = env!("CARGO_BIN_EXE_paceline");
        let script = format!("ulimit -n {descriptors} && exec '{program}' run --log-format json");
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script]);
        Self::spawn(shell, folder, &[]).announced()
    }

    fn announced(mut self) -> (Self, String) {
        let line = self.log_line("paceline runs");
        let line: serde_json::Value = serde_json::from_str(&line).unwrap();
        let webhook = line["webhook"].as_str().unwrap();
        let address = webhook.strip_prefix("http://").unwrap().strip_suffix("/webhooks/whatsapp").unwrap();
        (self, address.to_owned())
    }

    /// Reads the log up to the line that has this text.
    fn log_line(&mut self, text: &str) -> String {
        let mut log = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(
                self.stderr.read_line(&mut line).unwrap(),
                0,
                "the process ended before {text:?}: {log}"
            );
            if line.contains(text) {
                return line;
            }
            log.push_str(&line);
        }
    }

    fn signal(&self, name: &str) {
        let status =
            Command::new("kill").args([&format!("-{name}"), &self.child.id().to_string()]).status().unwrap();
        assert!(status.success());
    }

    fn end(mut self) -> (ExitStatus, String) {
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).unwrap();
        (self.child.wait().unwrap(), rest)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn it_runs_until_it_is_asked_to_stop() {
    let folder = tempfile::tempdir().unwrap();
    let (process, address) = Process::run(folder.path());
    let health = get(&address, "/healthz");
    assert!(health.starts_with("HTTP/1.1 200") && health.ends_with(r#"{"status":"ok"}"#), "{health}");
    let handshake = "/webhooks/whatsapp?hub.mode=subscribe&hub.verify_token=word&hub.challenge=42";
    assert!(get(&address, handshake).ends_with("\r\n\r\n42"));

    process.signal("TERM");
    let (status, log) = process.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(log.contains("everything in hand is recorded"), "{log}");
}

/// A connection that has sent this.
fn sent(address: &str, text: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    stream
}

/// The answer to a signed webhook without news.
fn post(address: &str) -> String {
    let body = r#"{"object":"whatsapp_business_account","entry":[]}"#;
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"s").unwrap();
    mac.update(body.as_bytes());
    let signature = hex::encode(mac.finalize().into_bytes());
    let mut stream = sent(
        address,
        &format!(
            "POST /webhooks/whatsapp HTTP/1.1\r\nhost: test\r\nconnection: close\r\ncontent-length: {}\r\n\
             x-hub-signature-256: sha256={signature}\r\n\r\n{body}",
            body.len()
        ),
    );
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// More connections than the process may have files: those that wait for nothing make way, those that are busy have a
/// bound, and in any case there is a way to the health pages and a file for the database.
#[test]
fn who_fills_the_connections_keeps_nobody_out() {
    let folder = tempfile::tempdir().unwrap();
    let (process, address) = Process::run_with_descriptors(folder.path(), 200);
    let is_well = || {
        for page in ["/healthz", "/readyz"] {
            let answer = get(&address, page);
            assert!(answer.starts_with("HTTP/1.1 200"), "{page}: {answer}");
        }
    };
    let silent: Vec<TcpStream> = (0..500).map(|_| sent(&address, "")).collect();
    is_well();
    assert!(post(&address).starts_with("HTTP/1.1 200"));
    let slow: Vec<TcpStream> =
        (0..500).map(|_| sent(&address, "POST /webhooks/whatsapp HTTP/1.1\r\nhost:")).collect();
    is_well();
    assert!(post(&address).starts_with("HTTP/1.1 200"));

    let head = "POST /webhooks/whatsapp HTTP/1.1\r\nhost: test\r\ncontent-length: 1000\r\n\r\n{";
    let mut busy: Vec<TcpStream> = (0..300).map(|_| sent(&address, head)).collect();
    is_well();
    // One that came just now may not be busy yet, and make way. Who comes when all are is told to come again, at once.
    while !post(&address).starts_with("HTTP/1.1 503") {
        busy.push(sent(&address, head));
        assert!(busy.len() < 1_000, "busy connections have no bound");
    }
    is_well();

    drop((silent, slow, busy));
    let mut answer = post(&address);
    while answer.starts_with("HTTP/1.1 503") {
        answer = post(&address);
    }
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    process.signal("TERM");
    let (status, log) = process.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(!log.contains("could not be accepted"), "the bound is below what the process may have: {log}");
}

/// Whoever waits for a request leaves a descriptor for the next, and that there is none is said once, not at each try.
#[test]
fn without_a_descriptor_left_it_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let (process, address) = Process::run_with_descriptors(folder.path(), 32);
    let silent: Vec<TcpStream> = (0..200).map(|_| sent(&address, "")).collect();
    let health = get(&address, "/healthz");
    assert!(health.starts_with("HTTP/1.1 200"), "{health}");
    drop(silent);
    process.signal("TERM");
    let (status, log) = process.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!((1..=5).contains(&log.matches("a connection could not be accepted").count()), "{log}");
}

#[test]
fn few_descriptors_are_said() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("workers.toml"), WORKERS).unwrap();
    let script = format!("ulimit -n 200 && exec '{}' run", env!("CARGO_BIN_EXE_paceline"));
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", &script]);
    let mut process = Process::spawn(shell, folder.path(), &[]);
    let line = process.log_line("file descriptors");
    assert!(
        line.contains(
            "the process may have 200 file descriptors (ulimit -n), so at most 100 connections with webhooks are open at \
             once instead of 4096; let it have 8192 (LimitNOFILE= in systemd, --ulimit nofile= in Docker)"
        ),
        "{line}"
    );
}

#[test]
fn a_second_run_on_the_same_database_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (first, _) = Process::run(folder.path());
    let (status, said) = Process::start(folder.path(), &["run"], &[("RUST_LOG", "error")]).end();
    assert_eq!(status.code(), Some(3), "{said}");
    let expected = format!(
        "error: another `paceline run` (process {}) already works on paceline.db; stop it first, or give this one a \
         database of its own (store.url)\n",
        first.child.id()
    );
    assert_eq!(said, expected);

    first.signal("KILL");
    first.end();
    let (again, _) = Process::run(folder.path());
    again.signal("INT");
    assert_eq!(again.end().0.code(), Some(0), "the lock of a killed process is gone");
}

/// With the queue in memory, PostgreSQL too has one process that sends.
#[test]
fn a_second_run_on_the_same_postgres_is_refused() {
    let database = servers::Postgres::shared().database();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("workers.toml"), WORKERS).unwrap();
    let variables = [("PACELINE_STORE__URL", database.as_str())];
    let mut first = Process::start(folder.path(), &["run"], &variables);
    first.log_line("paceline runs");
    let (status, said) = Process::start(folder.path(), &["run"], &variables).end();
    assert_eq!(status.code(), Some(3), "{said}");
    assert!(said.contains("error: other processes already send from this database"), "{said}");
    // Who waits for it can be asked to stop.
    let mut waiting = Process::start(folder.path(), &["run"], &variables);
    waiting.log_line("others have this database");
    waiting.signal("TERM");
    let (status, said) = waiting.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("stopped before it began"), "{said}");

    first.signal("TERM");
    let (status, log) = first.end();
    assert_eq!(status.code(), Some(0), "{log}");
    let mut next = Process::start(folder.path(), &["run"], &variables);
    next.log_line("paceline runs");
}

#[test]
fn one_role_alone_needs_a_queue_that_others_reach() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("workers.toml"), WORKERS).unwrap();
    for role in ["scheduler", "worker"] {
        let (status, said) = Process::start(folder.path(), &[role], &[]).end();
        assert_eq!(status.code(), Some(2), "{said}");
        let expected = format!(
            "error: built-in defaults: queue.url is memory://, which works within one process only, and this is a {role} \
             alone; name a redis:// address, or start `paceline run`, which has every role\n"
        );
        assert_eq!(said, expected);
    }
}

/// Redis and the platform may be down when a process starts: it waits for them, and says so.
#[test]
fn a_worker_starts_without_redis_and_is_not_ready() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("workers.toml"), WORKERS).unwrap();
    let nobody = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let variables = [
        ("PACELINE_QUEUE__URL", format!("redis://{nobody}")),
        ("PACELINE_HEALTH__LISTEN", "127.0.0.1:0".to_owned()),
    ];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut worker = Process::start(folder.path(), &["worker", "--log-format", "json"], &variables);
    let line: serde_json::Value = serde_json::from_str(&worker.log_line("paceline runs")).unwrap();
    let health = line["health"].as_str().unwrap().strip_prefix("http://").unwrap();
    let address = health.strip_suffix("/healthz").unwrap();
    assert!(get(address, "/healthz").starts_with("HTTP/1.1 200"));
    let ready = get(address, "/readyz");
    assert!(ready.starts_with("HTTP/1.1 503") && ready.contains("\"queue\""), "{ready}");
    worker.signal("TERM");
    let (status, log) = worker.end();
    assert_eq!(status.code(), Some(0), "{log}");
}

#[test]
fn an_address_in_use_is_a_failure_with_advice() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    std::fs::write(folder.path().join("workers.toml"), WORKERS).unwrap();
    let variables = [("PACELINE_WEBHOOK__LISTEN", address.as_str()), ("RUST_LOG", "error")];
    let (status, said) = Process::start(folder.path(), &["run"], &variables).end();
    assert_eq!(status.code(), Some(1));
    let expected = format!(
        "error: cannot listen on {address}; another program listens there: stop it, or set webhook.listen to another port: "
    );
    assert!(said.starts_with(&expected), "{said}");
}

#[test]
fn the_simulator_has_the_senders_of_the_file_and_stops_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("workers.toml"), WORKERS).unwrap();
    let mut process = Process::start(folder.path(), &["simulate", "--listen", "127.0.0.1:0", "--json"], &[]);
    let mut line = String::new();
    process.stdout.read_line(&mut line).unwrap();
    let told: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(told["numbers"][0], "106540352242922");
    let base_url = told["base_url"].as_str().unwrap();

    // Doctor finds the number on it, with the sender's token.
    let variables = [("PACELINE_PLATFORM__BASE_URL", base_url)];
    let mut doctor = Process::start(folder.path(), &["doctor", "--json"], &variables);
    let mut found = String::new();
    doctor.stdout.read_to_string(&mut found).unwrap();
    assert!(found.contains("the platform knows it"), "{found}");
    assert_eq!(doctor.end().0.code(), Some(0));

    process.signal("TERM");
    let mut rest = String::new();
    process.stdout.read_to_string(&mut rest).unwrap();
    let (status, log) = process.end();
    assert_eq!(status.code(), Some(0), "{log}");
    assert!(rest.contains("\"accepted\":0"), "{rest}");
}

#[test]
fn a_wrong_profile_or_speed_is_bad_use() {
    let folder = tempfile::tempdir().unwrap();
    for arguments in [["--profile", "wild"], ["--speed", "0"]] {
        let all = [&["simulate", "--no-webhook"][..], &arguments].concat();
        let (status, said) = Process::start(folder.path(), &all, &[]).end();
        assert_eq!(status.code(), Some(2), "{said}");
        assert!(said.starts_with(&format!("error: {}", arguments[0])), "{said}");
    }
}
