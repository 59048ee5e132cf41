//! Processes are asked to stop while the database is away: nobody waits for it.

use std::time::Duration;

use testkit::Cluster;
use testkit::cluster::ClusterOptions;

use crate::{beside_others, launch};

/// Long before any service manager loses its patience.
const SOON: Duration = Duration::from_secs(12);

/// In the middle of a campaign, with webhooks on their way.
async fn in_the_middle() -> Cluster {
    let cluster = Cluster::start(ClusterOptions { workers: 1, ..ClusterOptions::default() }).await;
    launch(&cluster, "interrupted", 0, 2_000, "").await;
    cluster.until_accepted(100, Duration::from_secs(60)).await;
    cluster
}

/// Asks the processes to stop, one after the other: each ends well, soon, and says so.
fn end_well(cluster: &mut Cluster) {
    for name in ["scheduler-0", "reconciler-0"] {
        let asked = cluster.now();
        let code = cluster.terminate(name);
        let took = cluster.now() - asked;
        println!("{name} ended with {code:?} after {:.1} s", took.as_seconds_f64());
        let log = cluster.log(name);
        assert_eq!(code, Some(0), "{name}\n{log}");
        assert!(took.to_std().unwrap() < SOON, "{name} took {took}\n{log}");
        assert!(log.contains("stopped; "), "{name}\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_stopped() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle().await;
    cluster.postgres.stop();
    // They are in the middle of trying, and the platform of telling.
    tokio::time::sleep(Duration::from_secs(2)).await;
    end_well(&mut cluster);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_silent() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle().await;
    cluster.to_postgres.silence();
    tokio::time::sleep(Duration::from_secs(2)).await;
    end_well(&mut cluster);
}
