//! The pace of many workers together, read from the ledger: no second above the rate, nearly all of it used, and two
//! campaigns on one sender share it by their weights.

use std::time::Duration;

use campaign::lifecycle::State;
use testkit::Cluster;
use testkit::cluster::{ClusterOptions, Role};
use testkit::departures::Pace;
use testkit::truth;

use crate::{alone, ends_well, launch, nothing_was_refused};

/// What is asked of the pace, beside that it is held.
struct Demand {
    /// The share of the rate that has to be used.
    used: f64,
    /// By how much a campaign's share may differ from its weight's.
    share: f64,
    /// Whether it is also held as it arrives, whatever the way adds.
    as_it_arrives: bool,
}

/// Whatever else the machine does.
const ANYWHERE: Demand = Demand { used: 0.80, share: 0.08, as_it_arrives: false };

/// On a machine that does nothing else.
const ALONE: Demand = Demand { used: 0.97, share: 0.05, as_it_arrives: true };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_workers_at_eighty_a_second() {
    held(4, "80/s", 80, 15, ANYWHERE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn four_workers_at_a_thousand_a_second() {
    held(4, "1000/s", 1_000, 15, ANYWHERE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it on an idle machine"]
async fn one_four_and_eight_workers() {
    for workers in [1, 4, 8] {
        held(workers, "80/s", 80, 30, ALONE).await;
        held(workers, "1000/s", 1_000, 30, ALONE).await;
    }
}

/// Two campaigns with weights 3 and 1 for so many seconds of the rate.
async fn held(workers: usize, rate: &'static str, per_second: usize, seconds: usize, demand: Demand) {
    let _alone = alone().await;
    let options = ClusterOptions { rate, workers, ..ClusterOptions::default() };
    let mut cluster = Cluster::start(options).await;
    let people = u32::try_from(per_second * seconds).unwrap();
    // Both are due for the whole time, so that the weights have something to share out; the lighter one is cut short
    // to end soon after.
    let (heavy, light) = (people * 3 / 4, people / 4);
    for (key, first, people, weight) in [("heavy", 0, heavy, 3), ("light", people, light, 1)] {
        launch(&cluster, key, first, people, &format!("pace: {{ weight: {weight} }}")).await;
        let _ = cluster.cli(&["pause", key]).await.good();
    }
    for key in ["heavy", "light"] {
        let _ = cluster.cli(&["resume", key]).await.good();
    }
    let store = cluster.store().await;
    for key in ["heavy", "light"] {
        let sent = |row: &store::model::CampaignRow| {
            row.progress().unsent == 0 && matches!(row.state, State::Settling | State::Done)
        };
        cluster.until(&store, key, Duration::from_secs(90), sent).await;
    }
    let ledger = ends_well(&mut cluster, &["heavy", "light"], Duration::from_secs(60)).await;
    nothing_was_refused(&cluster);
    assert_eq!(ledger.len(), people as usize);

    let logs: Vec<String> = cluster.names(Role::Worker).iter().map(|name| cluster.log(name)).collect();
    let pace = Pace::of(logs.iter().map(String::as_str), &ledger);
    let used = truth::share_used(&ledger, per_second as f64);
    let share = heavy_share(&ledger, people);
    println!(
        "{workers} workers, {rate}: {pace}, {:.2} % used, the heavier campaign had {:.1} % of the first half",
        used * 100.0,
        share * 100.0,
    );
    pace.assert_held(per_second);
    assert!(!demand.as_it_arrives || pace.arrived <= per_second, "{pace} at {rate}");
    assert!(used >= demand.used, "only {:.2} % of {rate} was used", used * 100.0);
    assert!((share - 0.75).abs() <= demand.share, "the heavier campaign had {share:.3}");
    cluster.terminate_all();
}

/// The heavier campaign's part of the arrivals from the second second to the middle, when both are due.
fn heavy_share(ledger: &[simulator::LedgerEntry], people: u32) -> f64 {
    let first_light = testkit::files::person(people);
    let mut arrivals: Vec<(u64, bool)> = ledger
        .iter()
        .map(|entry| {
            let recipient = entry.recipient.trim_start_matches('+');
            (entry.arrived_us, recipient < first_light.trim_start_matches('+'))
        })
        .collect();
    arrivals.sort_unstable();
    let both = &arrivals[arrivals.len() / 10..arrivals.len() / 2];
    both.iter().filter(|(_, is_heavy)| *is_heavy).count() as f64 / both.len() as f64
}
