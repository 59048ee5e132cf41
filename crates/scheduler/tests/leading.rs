//! Of several schedulers one leads, and not one that can get nothing done. Real time, a real store, and queues in Redis
//! servers that are stopped.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use campaign::gate::GateRules;
use clock::{SharedClock, SystemClock};
use queue::SharedQueue;
use scheduler::{Scheduler, Settings};
use servers::Redis;
use store::conformance::scene::Setup;
use store::model::WorkerId;
use store::{SharedStore, SqliteStore};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const SENDER: &str = "jaspers-in";

/// A store with a campaign that runs and has work for a while.
async fn store() -> SharedStore {
    let store: SharedStore = Arc::new(SqliteStore::in_memory().await.unwrap());
    Setup { messages: 4_000, per_slice: 20, ..Setup::default() }.launch(&store).await;
    store
}

fn queue(server: &Redis, process: &str, clock: &SharedClock) -> SharedQueue {
    let senders = [SENDER.to_owned()];
    Arc::new(queue::redis::connect(&server.url(), "test", senders, process, clock.clone()).unwrap().0)
}

/// A scheduler that works, until it is stopped.
struct Working {
    stop: CancellationToken,
    ended: JoinHandle<()>,
}

impl Working {
    fn start(name: &'static str, store: &SharedStore, queue: &SharedQueue, clock: &SharedClock) -> Self {
        let senders = BTreeMap::from([(SENDER.to_owned(), "80/s".parse().unwrap())]);
        // Nobody works on what is released: it is to be released again soon.
        let settings =
            Settings { lease: Duration::from_secs(1), ..Settings::new(senders, GateRules::default()) };
        let scheduler = Scheduler::new(settings, store.clone(), queue.clone(), clock.clone());
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let ended = tokio::spawn(async move { scheduler.run(&WorkerId(name.to_owned()), stopped).await });
        Self { stop, ended }
    }

    async fn end(self) {
        self.stop.cancel();
        self.ended.await.unwrap();
    }
}

/// Waits until there are jobs in a queue, and says how long that took.
async fn until_jobs(queue: &SharedQueue, clock: &SharedClock, within: Duration) -> Duration {
    let begun = clock.monotonic();
    loop {
        let waited = clock.monotonic() - begun;
        if queue.depth().await.is_ok_and(|depth| depth.waiting > 0) {
            return waited;
        }
        assert!(waited < within, "no jobs within {within:?}");
        clock.sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_leader_that_cannot_push_lets_another_lead() {
    let clock: SharedClock = Arc::new(SystemClock::new());
    let store = store().await;
    let (its_own, the_others) = (Redis::start(), Redis::start());
    let (first, second) = (queue(&its_own, "first", &clock), queue(&the_others, "second", &clock));
    let leader = Working::start("first", &store, &first, &clock);
    until_jobs(&first, &clock, Duration::from_secs(5)).await;
    let standby = Working::start("second", &store, &second, &clock);

    its_own.stop();
    let took = until_jobs(&second, &clock, Duration::from_secs(15)).await;
    println!("the standby led {took:.1?} after the leader's queue was gone");
    // And stays the leader: its jobs come again and again, as nobody works on them.
    the_others.command("FLUSHALL");
    until_jobs(&second, &clock, Duration::from_secs(3)).await;
    leader.end().await;
    standby.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_can_push_somebody_leads_when_it_is_over() {
    let clock: SharedClock = Arc::new(SystemClock::new());
    let store = store().await;
    let server = Redis::start();
    let shared = queue(&server, "test", &clock);
    let all =
        ["first", "second"].map(|name| Working::start(name, &store, &queue(&server, name, &clock), &clock));
    until_jobs(&shared, &clock, Duration::from_secs(5)).await;

    server.stop();
    // Long enough for each of them to have led and given up.
    clock.sleep(Duration::from_secs(13)).await;
    server.start_again();
    let took = until_jobs(&shared, &clock, Duration::from_secs(5)).await;
    println!("jobs came {took:.1?} after the queue was back");
    for one in all {
        one.end().await;
    }
}
