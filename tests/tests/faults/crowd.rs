//! Very many messages due at once, on a platform that takes all of them: the queue in Redis stays small and alive, as
//! slices are released just in time, and a second sender's campaign keeps its own pace beside the first.

use std::time::Duration;

use testkit::Cluster;
use testkit::cluster::ClusterOptions;
use testkit::files::{SECOND, person};
use testkit::truth;

use crate::{alone, ends_well, launch, launch_on, nothing_was_refused};

/// What Redis may need, in bytes.
const MEMORY: u64 = 64 * 1024 * 1024;

/// The second sender's campaign, and its rate.
const BESIDE: (u32, &str, f64) = (400, "40/s", 40.0);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn fifteen_thousand_due_at_once() {
    due_at_once(15_000, Duration::from_secs(90)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: run it before a release"]
async fn two_hundred_thousand_due_at_once() {
    due_at_once(200_000, Duration::from_secs(900)).await;
}

async fn due_at_once(people: u32, within: Duration) {
    let _alone = alone().await;
    let options = ClusterOptions { rate: "10000/s", second: Some(BESIDE.1), ..ClusterOptions::default() };
    let mut cluster = Cluster::start(options).await;
    let launched = cluster.now();
    launch(&cluster, "crowd", 0, people, "").await;
    // In the midst of the crowd.
    cluster.until_accepted(1_000, Duration::from_secs(60)).await;
    launch_on(&cluster, SECOND.0, "beside", people, BESIDE.0, "").await;
    let beside_launched = cluster.now();
    let ledger = ends_well(&mut cluster, &["crowd", "beside"], within).await;
    let largest = most_memory(&cluster.redis.url()).await;
    nothing_was_refused(&cluster);
    assert_eq!(ledger.len(), (people + BESIDE.0) as usize);

    let first = person(people);
    let number = |recipient: &str| recipient.trim_start_matches('+').to_owned();
    let (beside, crowd): (Vec<_>, Vec<_>) =
        ledger.into_iter().partition(|entry| number(&entry.recipient) >= number(&first));
    let last = |entries: &[simulator::LedgerEntry]| entries.iter().map(|e| e.arrived_at).max().unwrap();
    let waited = beside.iter().map(|entry| entry.arrived_at).min().unwrap() - beside_launched;
    let used = truth::share_used(&beside, BESIDE.2);
    println!(
        "{people} due at once: all arrived {:.1} s after the launch began; Redis needed {:.1} MB at most; beside it, \
         the second sender's campaign began {:.1} s after its launch and used {:.1} % of its rate",
        (last(&crowd) - launched).as_seconds_f64(),
        largest as f64 / 1_048_576.0,
        waited.as_seconds_f64(),
        used * 100.0,
    );
    assert!(largest < MEMORY, "Redis needed {largest} bytes");
    assert!(last(&crowd) > beside_launched + waited, "the crowd was there when the other began");
    assert!(waited < chrono::TimeDelta::seconds(5), "the second sender's campaign began after {waited}");
    assert!(used >= 0.8, "the second sender used only {:.1} % of its rate", used * 100.0);
    cluster.terminate_all();
}

/// The most memory that this Redis ever had in use, in bytes.
async fn most_memory(url: &str) -> u64 {
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let info: String = redis::cmd("INFO").arg("memory").query_async(&mut connection).await.unwrap();
    let peak = info.lines().find_map(|line| line.strip_prefix("used_memory_peak:"));
    peak.unwrap().trim().parse().unwrap()
}
