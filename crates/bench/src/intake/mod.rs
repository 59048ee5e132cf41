//! Webhook intake under load: single-status posts of a campaign whose messages are all accepted, against the real
//! `paceline reconciler`, and against a bare handler that only checks the signature.
//!
//! | module | holds |
//! | --- | --- |
//! | [`bare`] | the yardstick |
//! | `load` | posts at a given rate, or as many as are answered; how long the answers took |
//! | `posts` | the campaign and its posts |

pub(crate) mod bare;
mod load;
mod posts;

use std::process::Command;

use clap::ValueEnum;
use serde::Serialize;
use servers::Postgres;
use tempfile::TempDir;

use crate::processes::{self, Measured, own_time, processor_time};
use load::{Answers, Load};
use posts::Posts;

#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Posts a second
    #[arg(long, default_value_t = 12_000)]
    rate: u32,
    /// For so many seconds
    #[arg(long, default_value_t = 30)]
    seconds: u32,
    /// Connections of the platform at the most
    #[arg(long, default_value_t = 1_024)]
    connections: usize,
    /// Where messages are kept
    #[arg(long, value_enum, default_value_t = Database::Postgres)]
    database: Database,
    /// Posts of the closed loop, in which each connection posts as soon as it has its answer
    #[arg(long, default_value_t = 120_000)]
    flood: u32,
    /// Keep each post in the archive as well (`webhook.archive`)
    #[arg(long)]
    archive: bool,
    /// Print the figures as JSON too
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
enum Database {
    Postgres,
    Sqlite,
}

/// What one run found.
#[derive(Debug, Serialize)]
struct Found {
    what: &'static str,
    posts: u32,
    offered_per_second: Option<u32>,
    answered_per_second: f64,
    not_200: u32,
    p50_ms: f64,
    p99_ms: f64,
    worst_ms: f64,
    /// Processor time of the process for each post, in microseconds.
    process_us: f64,
    /// That of the database server.
    database_us: f64,
    /// That of the load generator.
    generator_us: f64,
}

/// The app secret of the measurement.
const SECRET: &str = "bench-app-secret";

pub(crate) async fn run(args: Args) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    // This one waits for the disk, as a real one does.
    let postgres = (args.database == Database::Postgres)
        .then(|| Postgres::start_with(&["fsync=on", "shared_buffers=1GB", "max_wal_size=4GB"]));
    let url = match &postgres {
        Some(server) => server.database(),
        None => format!("sqlite://{}", folder.path().join("paceline.db").display()),
    };
    let steady = args.rate * args.seconds;
    println!("preparing {} messages in {:?} …", (steady + args.flood).div_ceil(3), args.database);
    // Three for each message.
    let (flood, steady) = (args.flood.next_multiple_of(3), steady.next_multiple_of(3));
    let (flood, steady) = posts::prepare(&url, flood, steady).await;

    let mut all = Vec::new();
    for measured in ["bare handler", "paceline reconciler"] {
        let port = servers::free_port();
        let process = match measured {
            "bare handler" => start_bare(&folder, port),
            _ => start_reconciler(&folder, port, &url, args.archive),
        };
        let pids = (process.id(), postgres.as_ref().map(Postgres::pid));
        all.push(measure(measured, &flood, None, port, pids, &args).await);
        show(all.last().expect("one was added"));
        all.push(measure(measured, &steady, Some(args.rate), port, pids, &args).await);
        show(all.last().expect("one was added"));
    }
    posts::check(&url).await;
    println!("all of it is in the database");
    if args.archive {
        let files = std::fs::read_dir(folder.path().join("archive")).expect("there is an archive");
        let bytes: u64 = files.flatten().filter_map(|file| Some(file.metadata().ok()?.len())).sum();
        assert!(bytes > 100_000, "the archive has only {bytes} bytes");
        println!("the archive has {} kB", bytes / 1_000);
    }
    println!(
        "as many as are answered: {:.2} of the bare handler's",
        all[2].answered_per_second / all[0].answered_per_second
    );
    if args.json {
        println!("{}", serde_json::to_string_pretty(&all).expect("figures are JSON"));
    }
}

async fn measure(
    what: &'static str,
    posts: &Posts,
    rate: Option<u32>,
    port: u16,
    (process, database): (u32, Option<u32>),
    args: &Args,
) -> Found {
    let used =
        || [processor_time(process), database.map_or(0.0, processor_time), own_time(std::process::id())];
    let before = used();
    let load = Load { posts, rate, port, connections: args.connections };
    let Answers { latencies, not_200, took } = load.run().await;
    let after = used();
    let n = latencies.len();
    let at = |share: f64| latencies[((n as f64 * share) as usize).min(n - 1)].as_secs_f64() * 1e3;
    let each = |part: usize| (after[part] - before[part]) * 1e6 / n as f64;
    Found {
        what,
        posts: u32::try_from(n).expect("not so many"),
        offered_per_second: rate,
        answered_per_second: n as f64 / took.as_secs_f64(),
        not_200,
        p50_ms: at(0.5),
        p99_ms: at(0.99),
        worst_ms: at(1.0),
        process_us: each(0),
        database_us: each(1),
        generator_us: each(2),
    }
}

fn show(found: &Found) {
    let offered = match found.offered_per_second {
        Some(rate) => format!("at {rate}/s"),
        None => "as many as are answered".to_owned(),
    };
    println!(
        "{} ({offered}): {} posts, {:.0}/s, {} not answered with 200; answers p50 {:.1} ms, p99 {:.1} ms, worst {:.1} ms; \
         processor time for each: process {:.1} µs, database {:.1} µs, generator {:.1} µs",
        found.what,
        found.posts,
        found.answered_per_second,
        found.not_200,
        found.p50_ms,
        found.p99_ms,
        found.worst_ms,
        found.process_us,
        found.database_us,
        found.generator_us,
    );
}

fn start_bare(folder: &TempDir, port: u16) -> Measured {
    let program = std::env::current_exe().expect("a program knows where it is");
    let mut command = Command::new(program);
    command.args(["bare", "--port", &port.to_string(), "--secret", SECRET]);
    Measured::start(&mut command, port, &folder.path().join("bare.log"))
}

fn start_reconciler(folder: &TempDir, port: u16, url: &str, archive: bool) -> Measured {
    let config = folder.path().join("workers.toml");
    let text = format!(
        r#"[store]
url = "{url}"
[webhook]
listen = "127.0.0.1:{port}"
verify_token_env = "PACELINE_BENCH_VERIFY"
app_secret_env = "PACELINE_BENCH_SECRET"
[[senders]]
name = "jaspers-in"
phone_number_id = "106540352242922"
waba_id = "102290129340398"
token_env = "PACELINE_BENCH_TOKEN"
rate = "80/s"
"#
    );
    std::fs::write(&config, text).expect("the configuration can be written");
    let mut command = Command::new(processes::paceline());
    if archive {
        command.env("PACELINE_WEBHOOK__ARCHIVE", folder.path().join("archive"));
    }
    command.arg("--config").arg(&config).arg("reconciler");
    command.env("PACELINE_BENCH_VERIFY", "verify").env("PACELINE_BENCH_SECRET", SECRET);
    command.env("PACELINE_BENCH_TOKEN", "token");
    Measured::start(&mut command, port, &folder.path().join("reconciler.log"))
}
