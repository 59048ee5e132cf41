//! A storm of status webhooks while campaigns send: some come twice, some in another order, some before the send's own
//! answer, and in the midst of it a reconciler is killed and the database crashes. What was answered with 200 is kept.

use std::time::Duration;

use simulator::{Latency, Profile};
use store::Store;
use testkit::Cluster;
use testkit::cluster::{ClusterOptions, Role};

use crate::{alone, ends_well, launch};

/// Each message is sent, delivered and read.
const STATUSES: u32 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_statuses() {
    storm(20_000, Duration::from_secs(120)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: run it before a release"]
async fn two_hundred_thousand_statuses() {
    storm(200_000, Duration::from_secs(900)).await;
}

async fn storm(statuses: u32, within: Duration) {
    let _alone = alone().await;
    let options = ClusterOptions {
        rate: "2000/s",
        profile: Profile {
            duplicate: 0.10,
            reordered: 0.10,
            early: 0.05,
            read: 1.0,
            read_after: Latency::ms(100.0, 1_000.0, 4_000.0),
            ..Profile::none()
        },
        reconcilers: 2,
        ..ClusterOptions::default()
    };
    let mut cluster = Cluster::start(options).await;
    let people = statuses.div_ceil(STATUSES);
    let half = people / 2;
    launch(&cluster, "first", 0, half, "").await;
    launch(&cluster, "second", half, people - half, "").await;

    let share = |part: f64| (f64::from(people) * part) as usize;
    cluster.until_accepted(share(0.25), within).await;
    let killed = cluster.names(Role::Reconciler)[0].clone();
    cluster.kill(&killed);
    cluster.until_accepted(share(0.35), within).await;
    cluster.start_process(&killed);
    cluster.until_accepted(share(0.5), within).await;
    cluster.postgres.crash();
    tokio::time::sleep(Duration::from_secs(1)).await;
    cluster.postgres.start_again();
    cluster.until_accepted(share(0.75), within).await;
    let other = cluster.names(Role::Reconciler)[1].clone();
    cluster.kill(&other);
    cluster.start_process(&other);

    let begun = cluster.now();
    let ledger = ends_well(&mut cluster, &["first", "second"], within).await;
    let (taken, refused) = cluster.platform.told_events();
    println!(
        "{} messages, {taken} statuses answered with 200, {refused} times one was not; all ended {:.1} s after the last \
         fault",
        ledger.len(),
        (cluster.now() - begun).as_seconds_f64(),
    );
    assert!(taken >= statuses as usize, "only {taken} statuses were taken in");
    assert!(refused > 0, "no fault hit a webhook");
    assert_eq!(
        cluster.store().await.parked_statuses().await.unwrap(),
        0,
        "a status has not found its message"
    );
    cluster.terminate_all();
}
