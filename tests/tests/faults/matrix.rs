//! Each fault alone, in the middle of a campaign of 2,000 messages at 200/s.
//!
//! The table in docs/operations.md says the same for people: what happens, and how long nothing is sent.

use std::time::Duration;

use campaign::ids::SliceId;
use clock::SystemClock;
use queue::{Job, Queue};
use sqlx::Connection;
use store::Store;
use testkit::Cluster;
use testkit::cluster::{ClusterOptions, Role};

use crate::{beside_others, ends_well, launch, stood_still};

const PEOPLE: u32 = 2_000;

/// No campaign may take longer, whatever happens to it.
const WITHIN: Duration = Duration::from_secs(120);

/// What a scheduler says when it begins to lead, and when it no longer does.
const LEADER: &str = "this scheduler is the leader now";
const STANDBY: &str = "this scheduler is a standby now";

/// A cluster with a campaign of which a quarter is sent.
async fn in_the_middle(options: ClusterOptions) -> Cluster {
    let cluster = Cluster::start(ClusterOptions { rate: "200/s", ..options }).await;
    launch(&cluster, "faulty", 0, PEOPLE, "").await;
    cluster.until_accepted(PEOPLE as usize / 4, Duration::from_secs(60)).await;
    cluster
}

/// Waits for the end, compares, and says how long nothing was sent.
async fn survives(cluster: &mut Cluster, fault: &str, stands_still_for: Duration) {
    let ledger = ends_well(cluster, &["faulty"], WITHIN).await;
    assert_eq!(cluster.ended(), Vec::<String>::new(), "no process ends by it\n{}", cluster.tails());
    let still = stood_still(&ledger);
    println!("{fault}: {} arrived, nothing for at most {still:.1?}", ledger.len());
    assert!(still <= stands_still_for, "{fault}: nothing was sent for {still:?}\n{}", cluster.tails());
    cluster.terminate_all();
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// The scheduler that leads, by what the schedulers say.
async fn leader(cluster: &Cluster) -> String {
    let names = cluster.names(Role::Scheduler);
    let leads = |name: &&String| {
        let log = cluster.log(name);
        log.rfind(LEADER).is_some_and(|leads| log.rfind(STANDBY).is_none_or(|stands| stands < leads))
    };
    names.iter().find(leads).cloned().unwrap_or_else(|| panic!("nobody leads\n{}", cluster.tails()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_is_killed() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions { workers: 2, ..ClusterOptions::default() }).await;
    cluster.kill("worker-0");
    let killed = cluster.now();
    survives(&mut cluster, "kill -9 of a worker", seconds(15)).await;
    // Its own slices are the last to go out, long after the pace alone would have ended it.
    let last = cluster.platform.ledger().iter().map(|entry| entry.arrived_at).max().unwrap();
    println!("the last message arrived {:.1} s after the kill", (last - killed).as_seconds_f64());
    assert!(last - killed <= chrono::TimeDelta::seconds(15), "its messages went out {} later", last - killed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_only_worker_is_killed_and_another_started() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions { workers: 1, ..ClusterOptions::default() }).await;
    cluster.kill("worker-0");
    cluster.start_process("worker-1");
    survives(&mut cluster, "kill -9 of the only worker, and a new one", seconds(15)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_is_killed() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions { schedulers: 2, ..ClusterOptions::default() }).await;
    let leads = leader(&cluster).await;
    cluster.kill(&leads);
    survives(&mut cluster, "kill -9 of the leader", seconds(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reconciler_is_killed() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions { reconcilers: 2, ..ClusterOptions::default() }).await;
    cluster.kill("reconciler-0");
    survives(&mut cluster, "kill -9 of a reconciler", seconds(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_lead_at_once() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions { schedulers: 2, ..ClusterOptions::default() }).await;
    let first = leader(&cluster).await;
    cluster.freeze(&first);
    let other = cluster.names(Role::Scheduler).into_iter().find(|name| *name != first).unwrap();
    let end = cluster.now() + seconds(10);
    while !cluster.log(&other).contains(LEADER) {
        assert!(cluster.now() < end, "the standby takes over\n{}", cluster.tails());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // It wakes in the middle of what it was doing, and takes itself for the leader still.
    cluster.thaw(&first);
    survives(&mut cluster, "a leader frozen and woken", seconds(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_flushed() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions::default()).await;
    cluster.redis.command("FLUSHALL");
    survives(&mut cluster, "FLUSHALL", seconds(15)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn redis_is_gone_for_ten_seconds() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions::default()).await;
    cluster.redis.stop();
    tokio::time::sleep(seconds(10)).await;
    cluster.redis.start_again();
    survives(&mut cluster, "Redis gone for 10 s, and back empty", seconds(25)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_is_restarted() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions::default()).await;
    cluster.postgres.stop();
    cluster.postgres.start_again();
    survives(&mut cluster, "PostgreSQL restarted", seconds(15)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_crashes() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions::default()).await;
    cluster.postgres.crash();
    tokio::time::sleep(seconds(3)).await;
    cluster.postgres.start_again();
    survives(&mut cluster, "PostgreSQL crashed, and back after 3 s", seconds(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_to_redis_is_cut() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions::default()).await;
    cluster.to_redis.cut();
    tokio::time::sleep(seconds(5)).await;
    cluster.to_redis.restore();
    survives(&mut cluster, "the network to Redis cut for 5 s", seconds(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_to_redis_falls_silent() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions::default()).await;
    cluster.to_redis.silence();
    tokio::time::sleep(seconds(5)).await;
    cluster.to_redis.restore();
    survives(&mut cluster, "the network to Redis silent for 5 s", seconds(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_to_postgres_is_cut() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions::default()).await;
    cluster.to_postgres.cut();
    tokio::time::sleep(seconds(5)).await;
    cluster.to_postgres.restore();
    survives(&mut cluster, "the network to PostgreSQL cut for 5 s", seconds(20)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_way_to_postgres_falls_silent() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions::default()).await;
    cluster.to_postgres.silence();
    tokio::time::sleep(seconds(5)).await;
    cluster.to_postgres.restore();
    survives(&mut cluster, "the network to PostgreSQL silent for 5 s", seconds(25)).await;
}

/// A cluster in which one of two workers loses its way to the database, and to nothing else.
async fn one_worker_apart() -> Cluster {
    in_the_middle(ClusterOptions { own_way: Some("worker-0"), ..ClusterOptions::default() }).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_workers_way_to_postgres_is_cut() {
    let _place = beside_others().await;
    let mut cluster = one_worker_apart().await;
    cluster.own_way().cut();
    tokio::time::sleep(seconds(15)).await;
    cluster.own_way().restore();
    survives(&mut cluster, "the network of one worker to PostgreSQL cut for 15 s", seconds(8)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_workers_way_to_postgres_falls_silent() {
    let _place = beside_others().await;
    let mut cluster = one_worker_apart().await;
    cluster.own_way().silence();
    tokio::time::sleep(seconds(15)).await;
    cluster.own_way().restore();
    survives(&mut cluster, "the network of one worker to PostgreSQL silent for 15 s", seconds(8)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_job_is_delivered_twice() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions { workers: 4, ..ClusterOptions::default() }).await;
    let store = cluster.store().await;
    let campaign = store.campaign("faulty").await.unwrap().unwrap().id;
    let clock = std::sync::Arc::new(SystemClock::new());
    let senders = ["jaspers-in".to_owned()];
    let install = store.install_id().await.unwrap();
    let (jobs, _) = queue::redis::connect(&cluster.redis.url(), &install, senders, "twice", clock).unwrap();
    for _ in 0..3 {
        let all = (0..PEOPLE / 20).map(|number| Job::new(SliceId { campaign, number }, "jaspers-in"));
        jobs.push(all.collect()).await.unwrap();
    }
    survives(&mut cluster, "every job delivered three times more", seconds(5)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_is_frozen_past_its_lease_and_woken() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions::default()).await;
    cluster.freeze("worker-0");
    tokio::time::sleep(seconds(15)).await;
    cluster.thaw("worker-0");
    survives(&mut cluster, "a worker frozen for 15 s and woken", seconds(15)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_disk_is_full() {
    let _place = beside_others().await;
    let mut cluster = in_the_middle(ClusterOptions::default()).await;
    let mut admin = sqlx::PgConnection::connect(cluster.database()).await.unwrap();
    // What PostgreSQL answers to every write then.
    sqlx::raw_sql(
        "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
             RAISE EXCEPTION 'could not extend file \"base/1/2\": No space left on device' USING ERRCODE = '53100';
         END $$;
         CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON messages
             FOR EACH STATEMENT EXECUTE FUNCTION full_disk();
         CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE OR DELETE ON slices
             FOR EACH STATEMENT EXECUTE FUNCTION full_disk();",
    )
    .execute(&mut admin)
    .await
    .unwrap();
    let before = cluster.platform.accepted();
    tokio::time::sleep(seconds(5)).await;
    let meanwhile = cluster.platform.accepted() - before;
    assert!(meanwhile < 200, "nothing is claimed while nothing can be written, and {meanwhile} were sent");
    sqlx::raw_sql("DROP TRIGGER full_disk ON messages; DROP TRIGGER full_disk ON slices;")
        .execute(&mut admin)
        .await
        .unwrap();
    survives(&mut cluster, "the database's disk full for 5 s", seconds(15)).await;
}
