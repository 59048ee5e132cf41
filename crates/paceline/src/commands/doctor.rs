//! `paceline doctor`: what is there, what is missing, and how to get it. Changes nothing, except that opening a
//! database brings its tables up to date.

mod accounts;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use campaign::problem::{Problem, Problems};
use chrono::{DateTime, Datelike, Utc};
use clock::{SharedClock, SystemClock};
use queue::Queue;
use serde::Serialize;
use serde_json::json;
use store::model::Listing;
use tokio::net::TcpListener;

use crate::app::{check_folder, open_store};
use crate::config::{Config, QueueUrl, Source, StoreUrl, WEBHOOK_PATH};
use crate::failure::{Failure, reason};
use crate::output::{self, Look, Table, Text, Tone};
use crate::roles::{HEALTH_PATH, RunLock};

/// What `doctor` is told.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Do not ask the platform
    #[arg(long)]
    offline: bool,
}

/// How it stands with one thing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    /// There.
    Good,
    /// Not as it should be, and nothing stops working at once.
    Warning,
    /// Needed and not there.
    Missing,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Finding {
    what: String,
    verdict: Verdict,
    found: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    help: Option<String>,
}

impl Finding {
    fn new(what: impl Into<String>, verdict: Verdict, found: impl Into<String>) -> Self {
        Self { what: what.into(), verdict, found: found.into(), help: None }
    }

    fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(what, Verdict::Good, found)
    }

    fn of(what: impl Into<String>, verdict: Verdict, problem: &Problem) -> Self {
        let found = format!("{}: {}", problem.place, problem.message);
        Self { help: problem.help.clone(), ..Self::new(what, verdict, found) }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Looks at everything and prints what was found.
///
/// # Errors
/// Something that is needed is missing: exit code 1.
pub(crate) async fn run(
    config: Result<Config, Problems>,
    clock: SharedClock,
    json: bool,
    args: Args,
) -> Result<(), Failure> {
    let mut findings = Vec::new();
    match config {
        Err(problems) => {
            findings.extend(
                problems.0.iter().map(|problem| Finding::of("configuration", Verdict::Missing, problem)),
            );
        }
        Ok(config) => look_at(&config, args.offline, &mut findings).await,
    }
    findings.push(time_of_day(clock.now()));
    let missing = findings.iter().filter(|finding| finding.verdict == Verdict::Missing).count();
    if json {
        output::print_json(&json!({ "ready": missing == 0, "findings": findings }))?;
    } else {
        output::print(&render(&findings, Look::of_stdout()))?;
    }
    match missing {
        0 => Ok(()),
        1 => Err(answered("one thing that is needed is missing".to_owned())),
        n => Err(answered(format!("{n} things that are needed are missing"))),
    }
}

fn answered(sentence: String) -> Failure {
    Failure::Answered { exit_code: 1, sentence }
}

async fn look_at(config: &Config, offline: bool, findings: &mut Vec<Finding>) {
    findings.push(match &config.source {
        Source::File(path) => Finding::good("configuration", format!("{} is valid", path.display())),
        Source::BuiltIn => {
            Finding::new("configuration", Verdict::Warning, "no workers.toml here: built-in defaults")
                .help("copy the shipped workers.toml here, or name yours with --config")
        }
    });
    if config.senders.is_empty() {
        findings.push(
            Finding::new("senders", Verdict::Missing, "none")
                .help("add your business phone number under [[senders]] in workers.toml"),
        );
    }
    for sender in &config.senders {
        accounts::sender(config, sender, offline, findings).await;
    }
    accounts::webhook_secrets(config, findings);
    look_at_store(config, findings).await;
    findings.extend(look_at_queue(config).await);
    findings.push(port(config).await);
}

async fn look_at_store(config: &Config, findings: &mut Vec<Finding>) {
    let path = match &config.store.url.value {
        StoreUrl::Postgres(server) => {
            let shown = server.to_string();
            findings.push(opened(config, &shown).await);
            return;
        }
        StoreUrl::Sqlite(path) => path,
    };
    if let Err(problem) = check_folder(config, path) {
        findings.push(Finding::of("database", Verdict::Missing, &problem));
        return;
    }
    if !Path::new(path).exists() {
        findings.push(match writable_folder(Path::new(path)) {
            Ok(()) => {
                Finding::good("database", format!("{path} is not there yet; the first command makes it"))
            }
            Err(error) => Finding::new(
                "database",
                Verdict::Missing,
                format!("{path} cannot be made: {}", reason(&error)),
            )
            .help("create its folder and give this user the right to write there, or change store.url"),
        });
        return;
    }
    findings.push(opened(config, path).await);
    if RunLock::is_held(path) {
        findings.push(Finding::good("paceline run", format!("works on {path}")));
    }
}

/// Whether the database opens; `shown` is its name without secrets.
async fn opened(config: &Config, shown: &str) -> Finding {
    match open_store(config).await {
        Ok(store) => match store.campaigns().await {
            Ok(Listing { campaigns, unreadable }) if unreadable.is_empty() => {
                Finding::good("database", format!("{shown} opens; {} campaigns", campaigns.len()))
            }
            Ok(Listing { unreadable, .. }) => {
                let said: Vec<String> = unreadable.iter().map(|one| one.error.to_string()).collect();
                Finding::new("database", Verdict::Warning, format!("{shown} opens; {}", said.join("; ")))
            }
            Err(error) => broken_store(shown, &error.into()),
        },
        Err(failure) => broken_store(shown, &failure),
    }
}

/// Whether Redis answers, where it is used.
async fn look_at_queue(config: &Config) -> Option<Finding> {
    let QueueUrl::Redis(server) = &config.queue.url.value else { return None };
    let missing = |said: String| {
        Finding::new("queue", Verdict::Missing, said)
            .help("start Redis, or correct queue.url; until it answers, nothing is sent and nothing is lost")
    };
    let senders = config.senders.iter().map(|sender| sender.name.clone());
    let clock = Arc::new(SystemClock::new());
    let jobs = match queue::redis::connect(server.reveal(), "doctor", senders, "doctor", clock) {
        Ok((jobs, _)) => jobs,
        Err(error) => return Some(missing(error.to_string())),
    };
    Some(match jobs.depth().await {
        Ok(_) => Finding::good("queue", format!("{server} answers")),
        Err(error) => missing(error.to_string()),
    })
}

fn broken_store(path: &str, failure: &Failure) -> Finding {
    let said = failure.lines().join("; ");
    Finding::new("database", Verdict::Missing, said.trim_start_matches("error: ")).help(format!(
        "check that {path} can be reached, is a Paceline database, and that this user may write to it"
    ))
}

/// Whether a file can be made beside `database`; leaves none behind.
fn writable_folder(database: &Path) -> std::io::Result<()> {
    let mut name = database.as_os_str().to_owned();
    name.push(format!(".doctor-{}", std::process::id()));
    std::fs::File::create_new(&name)?;
    std::fs::remove_file(&name)
}

async fn port(config: &Config) -> Finding {
    let address: SocketAddr = config.webhook.listen;
    let what = "webhook address";
    let runs = matches!(&config.store.url.value, StoreUrl::Sqlite(path) if RunLock::is_held(path));
    match TcpListener::bind(address).await {
        Ok(_) => Finding::good(
            what,
            format!("{address} is free; the platform must reach it as https://YOUR-HOST{WEBHOOK_PATH}"),
        ),
        Err(_) if runs || is_ours(address).await => {
            Finding::good(what, format!("{address} is in use, by Paceline as it seems"))
        }
        Err(error) => {
            Finding::new(what, Verdict::Missing, format!("cannot listen on {address}: {}", reason(&error)))
                .help("stop what listens there, or change webhook.listen")
        }
    }
}

/// Whether what listens there answers as Paceline does.
async fn is_ours(address: SocketAddr) -> bool {
    let ip = match address.ip() {
        ip if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        ip => ip,
    };
    let url = format!("http://{}{HEALTH_PATH}", SocketAddr::new(ip, address.port()));
    let Ok(client) = reqwest::Client::builder().timeout(Duration::from_secs(2)).no_proxy().build() else {
        return false;
    };
    let Ok(response) = client.get(url).send().await else { return false };
    response.json::<serde_json::Value>().await.is_ok_and(|answer| answer["status"] == "ok")
}

/// A clock that is years off refuses every certificate and misses every start time.
fn time_of_day(now: DateTime<Utc>) -> Finding {
    let shown = now.format("%Y-%m-%d %H:%M UTC").to_string();
    if (2026..2100).contains(&now.year()) {
        Finding::good("clock", shown)
    } else {
        Finding::new("clock", Verdict::Missing, format!("says {shown}"))
            .help("set the machine's clock, for example with timedatectl set-ntp true")
    }
}

fn render(findings: &[Finding], look: Look) -> String {
    let mut table = Table::new(["", "WHAT", "FOUND"]);
    for finding in findings {
        let mark = match finding.verdict {
            Verdict::Good => Text::toned(Tone::Good, "ok"),
            Verdict::Warning => Text::toned(Tone::Warn, "warning"),
            Verdict::Missing => Text::toned(Tone::Bad, "missing"),
        };
        let found = match &finding.help {
            Some(help) => format!("{}\n→ {help}", finding.found),
            None => finding.found.clone(),
        };
        table.row([mark, finding.what.as_str().into(), found.into()]);
    }
    table.render(look)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_years_off_is_missing() {
        assert_eq!(time_of_day(DateTime::UNIX_EPOCH).verdict, Verdict::Missing);
        let now = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        assert_eq!(time_of_day(now), Finding::good("clock", "2027-01-15 08:00 UTC"));
    }

    #[test]
    fn advice_stands_below_what_was_found() {
        let findings = [
            Finding::good("configuration", "workers.toml is valid"),
            Finding::new("senders", Verdict::Missing, "none").help("add one"),
        ];
        insta::assert_snapshot!(render(&findings, Look::plain(60)), @r"
                 WHAT           FOUND
        ok       configuration  workers.toml is valid
        missing  senders        none
                                → add one
        ");
    }
}
