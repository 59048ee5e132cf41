//! Pausing, stopping and replacing processes while a campaign runs.

use std::time::Duration;

use campaign::lifecycle::State;
use campaign::message;
use store::Store;
use testkit::Cluster;
use testkit::cluster::ClusterOptions;

use crate::{alone, beside_others, ends_well, launch, nothing_was_refused};

/// A pause takes hold within a second over eight workers, and what was held goes out once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pause_holds_over_eight_workers() {
    let _alone = alone().await;
    let options = ClusterOptions { rate: "1000/s", workers: 8, ..ClusterOptions::default() };
    let mut cluster = Cluster::start(options).await;
    launch(&cluster, "held", 0, 8_000, "").await;
    cluster.until_accepted(2_000, Duration::from_secs(60)).await;
    let _ = cluster.cli(&["pause", "held"]).await.good();
    let returned = cluster.now();
    // Time passes here on purpose: nothing may happen in it.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let ledger = cluster.platform.ledger();
    let last = ledger.iter().map(|entry| entry.arrived_at).max().unwrap();
    let after = last - returned;
    println!("the last message arrived {} ms after the pause returned", after.num_milliseconds());
    assert!(after <= chrono::TimeDelta::seconds(1), "a message arrived {after} after the pause returned");
    assert!(ledger.len() < 8_000, "the pause came in the middle");
    let row = cluster.store().await.campaign("held").await.unwrap().unwrap();
    assert_eq!((row.state, row.count(message::State::Sending)), (State::Paused, 0), "{:?}", row.counts);
    let _ = cluster.cli(&["resume", "held"]).await.good();
    let ledger = ends_well(&mut cluster, &["held"], Duration::from_secs(60)).await;
    assert_eq!(ledger.len(), 8_000);
    cluster.terminate_all();
}

/// A rolling upgrade: each process in turn is asked to stop and started again. Nothing is in doubt, nothing fails.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_process_is_replaced_in_turn() {
    let _place = beside_others().await;
    let options = ClusterOptions {
        rate: "200/s",
        schedulers: 2,
        workers: 3,
        reconcilers: 2,
        ..ClusterOptions::default()
    };
    let mut cluster = Cluster::start(options).await;
    let people = 4_000;
    launch(&cluster, "rolling", 0, people, "").await;
    cluster.until_accepted(200, Duration::from_secs(60)).await;
    let names =
        ["scheduler-0", "scheduler-1", "worker-0", "worker-1", "worker-2", "reconciler-0", "reconciler-1"];
    for name in names {
        let before = cluster.platform.accepted();
        let code = cluster.terminate(name);
        assert_eq!(code, Some(0), "{name} ends well\n{}", cluster.log(name));
        cluster.start_process(name);
        let row = cluster.store().await.campaign("rolling").await.unwrap().unwrap();
        assert_eq!(row.count(message::State::InDoubt), 0, "{name} leaves nothing in doubt");
        // It goes on before the next one is asked.
        cluster.until_accepted((before + 100).min(people as usize), Duration::from_secs(20)).await;
    }
    let ledger = ends_well(&mut cluster, &["rolling"], Duration::from_secs(90)).await;
    assert_eq!(ledger.len(), people as usize);
    nothing_was_refused(&cluster);
    let store = cluster.store().await;
    let messages = cluster.messages(&store, "rolling").await;
    assert!(messages.iter().all(|message| message.attempt == 1), "each was tried once");
    cluster.terminate_all();
}

/// A worker with nothing claimed does not wait for a database that is away.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_stops_without_its_database() {
    let _place = beside_others().await;
    let mut cluster = Cluster::start(ClusterOptions { workers: 1, ..ClusterOptions::default() }).await;
    launch(&cluster, "paused", 0, 2_000, "").await;
    cluster.until_accepted(100, Duration::from_secs(60)).await;
    let _ = cluster.cli(&["pause", "paused"]).await.good();
    assert!(cluster.platform.quiet(Duration::from_secs(20)).await, "what is in flight is told");
    let store = cluster.store().await;
    let nothing_claimed = |row: &store::model::CampaignRow| row.count(message::State::Sending) == 0;
    cluster.until(&store, "paused", Duration::from_secs(10), nothing_claimed).await;
    drop(store);
    cluster.postgres.stop();
    let asked = cluster.now();
    assert_eq!(cluster.terminate("worker-0"), Some(0), "{}", cluster.log("worker-0"));
    let took = cluster.now() - asked;
    assert!(took < chrono::TimeDelta::seconds(15), "it took {took} to stop\n{}", cluster.log("worker-0"));
    // With the slices that it may have had in its hand, the campaign goes on elsewhere.
    cluster.postgres.start_again();
    cluster.start_process("worker-1");
    let _ = cluster.cli(&["resume", "paused"]).await.good();
    let ledger = ends_well(&mut cluster, &["paused"], Duration::from_secs(90)).await;
    assert_eq!(ledger.len(), 2_000);
    cluster.terminate_all();
}

/// Every process answers for its health, and says what it misses.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_health_pages_say_what_is_away() {
    let _place = beside_others().await;
    let cluster = Cluster::start(ClusterOptions { workers: 1, ..ClusterOptions::default() }).await;
    let url = |path: &str| format!("{}{path}", cluster.health("worker-0"));
    let get = async |path: &str| {
        let response = reqwest::get(url(path)).await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let end = cluster.now() + Duration::from_secs(20);
    while reqwest::get(url("/healthz")).await.is_err() {
        assert!(cluster.now() < end, "the worker answers\n{}", cluster.tails());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(get("/readyz").await.0, 200);
    cluster.redis.stop();
    let (code, text) = get("/readyz").await;
    assert_eq!(code, 503);
    assert!(text.contains("\"queue\"") && !text.contains("\"database\""), "{text}");
    assert_eq!(get("/healthz").await.0, 200, "it stays up");
    cluster.redis.start_again();
    cluster.postgres.stop();
    let (code, text) = get("/readyz").await;
    assert_eq!(code, 503);
    assert!(text.contains("\"database\""), "{text}");
    assert_eq!(get("/healthz").await.0, 200, "it stays up");
}
