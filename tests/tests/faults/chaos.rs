//! One fault after the other at random, while 20,000 messages go out at 1,000/s over four workers, two schedulers and
//! two reconcilers.
//!
//! A few seeds run with the other tests. `PACELINE_CHAOS_SEEDS=1..100 cargo test -p tests --test faults -- --ignored
//! chaos` runs many; scripts/chaos does.

use std::time::Duration;

use rand::seq::IndexedRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use simulator::Profile;
use store::Store;
use testkit::Cluster;
use testkit::cluster::{ClusterOptions, Role};

use crate::{beside_others, ends_well, launch, stood_still};

const PEOPLE: u32 = 20_000;

/// Between two faults.
const EVERY: Duration = Duration::from_secs(2);

/// What can happen.
#[derive(Debug, Clone, Copy)]
enum Fault {
    Kill(Role),
    Freeze(Role),
    Flush,
    RestartRedis,
    RestartPostgres,
    CrashPostgres,
    CutRedis,
    SilenceRedis,
    CutPostgres,
    SilencePostgres,
    Terminate(Role),
}

const FAULTS: [Fault; 14] = [
    Fault::Kill(Role::Worker),
    Fault::Kill(Role::Scheduler),
    Fault::Kill(Role::Reconciler),
    Fault::Freeze(Role::Worker),
    Fault::Freeze(Role::Scheduler),
    Fault::Flush,
    Fault::RestartRedis,
    Fault::RestartPostgres,
    Fault::CrashPostgres,
    Fault::CutRedis,
    Fault::SilenceRedis,
    Fault::CutPostgres,
    Fault::SilencePostgres,
    Fault::Terminate(Role::Worker),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_first_seed() {
    run(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_seed() {
    run(2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "many seeds take long: scripts/chaos"]
async fn many_seeds() {
    let seeds = std::env::var("PACELINE_CHAOS_SEEDS").expect("PACELINE_CHAOS_SEEDS=FIRST..LAST");
    let (first, last) = seeds.split_once("..").expect("PACELINE_CHAOS_SEEDS=FIRST..LAST");
    for seed in first.parse::<u64>().unwrap()..=last.parse().unwrap() {
        run(seed).await;
    }
}

async fn run(seed: u64) {
    let _place = beside_others().await;
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let mut cluster = Cluster::start(ClusterOptions {
        rate: "1000/s",
        profile: Profile::mild(),
        seed,
        schedulers: 2,
        workers: 4,
        reconcilers: 2,
        ..ClusterOptions::default()
    })
    .await;
    // Some of the platform's refusals are not to be tried again for a day.
    launch(&cluster, "chaos", 0, PEOPLE, "retry: { attempts: 1 }").await;
    cluster.until_accepted(500, Duration::from_secs(60)).await;
    let mut happened = Vec::new();
    let end = cluster.now() + Duration::from_secs(180);
    loop {
        let row = cluster.store().await.campaign("chaos").await.unwrap().unwrap();
        if row.progress().unsent == 0 {
            break;
        }
        assert!(
            cluster.now() < end,
            "seed {seed}: still {} ({:?}) {:?} after {happened:?}\n{}",
            row.state,
            row.reason,
            row.counts,
            cluster.tails()
        );
        let fault = *FAULTS.choose(&mut chance).unwrap();
        happened.push(fault);
        inflict(&mut cluster, fault, &mut chance).await;
        tokio::time::sleep(EVERY).await;
    }
    let ledger = ends_well(&mut cluster, &["chaos"], Duration::from_secs(180)).await;
    assert_eq!(cluster.ended(), Vec::<String>::new(), "{}", cluster.tails());
    println!(
        "seed {seed}: {} arrived, {} faults, nothing for at most {:.1?}: {happened:?}",
        ledger.len(),
        happened.len(),
        stood_still(&ledger)
    );
    cluster.terminate_all();
}

/// Lets a fault happen, and mends it.
async fn inflict(cluster: &mut Cluster, fault: Fault, chance: &mut ChaCha8Rng) {
    let a_while = Duration::from_millis(chance.random_range(200..3_000));
    let wait = || tokio::time::sleep(a_while);
    let mut any = |role| cluster.names(role).choose(chance).unwrap().clone();
    match fault {
        Fault::Kill(role) => {
            let name = any(role);
            cluster.kill(&name);
            wait().await;
            cluster.start_process(&name);
        }
        Fault::Freeze(role) => {
            let name = any(role);
            cluster.freeze(&name);
            // Now and then for longer than anybody waits for it.
            tokio::time::sleep(a_while * if chance.random_bool(0.3) { 5 } else { 1 }).await;
            cluster.thaw(&name);
        }
        Fault::Terminate(role) => {
            let name = any(role);
            let code = cluster.terminate(&name);
            assert_eq!(code, Some(0), "{name} ends well\n{}", cluster.tails());
            cluster.start_process(&name);
        }
        Fault::Flush => cluster.redis.command("FLUSHALL"),
        Fault::RestartRedis => {
            cluster.redis.stop();
            wait().await;
            cluster.redis.start_again();
        }
        Fault::RestartPostgres => {
            cluster.postgres.stop();
            cluster.postgres.start_again();
        }
        Fault::CrashPostgres => {
            cluster.postgres.crash();
            wait().await;
            cluster.postgres.start_again();
        }
        Fault::CutRedis => {
            cluster.to_redis.cut();
            wait().await;
            cluster.to_redis.restore();
        }
        Fault::SilenceRedis => {
            cluster.to_redis.silence();
            wait().await;
            cluster.to_redis.restore();
        }
        Fault::CutPostgres => {
            cluster.to_postgres.cut();
            wait().await;
            cluster.to_postgres.restore();
        }
        Fault::SilencePostgres => {
            cluster.to_postgres.silence();
            wait().await;
            cluster.to_postgres.restore();
        }
    }
}
