//! One queue for each PostgreSQL database. With the queue in its own memory only one process may send, and a second takes
//! over when the first is gone, or frozen for too long; beside processes that share a Redis, none with another queue.

use std::fs::File;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use testkit::Cluster;
use testkit::cluster::ClusterOptions;
use testkit::departures::{LOG_FILTER, Pace, departures};

use crate::{alone, beside_others, ends_well, launch};

/// `paceline run` on memory://.
struct Run {
    child: Child,
    log: std::path::PathBuf,
}

impl Run {
    fn start(cluster: &Cluster, name: &str) -> Self {
        Self::start_with(cluster, name, "run", "memory://")
    }

    /// A command with another queue than the cluster's.
    fn start_with(cluster: &Cluster, name: &str, role: &str, queue: &str) -> Self {
        let log = cluster.files.join(&format!("{name}.log"));
        let file = File::create(&log).unwrap();
        let mut command = cluster.command(&[role]);
        command.env("PACELINE_QUEUE__URL", queue).env("RUST_LOG", LOG_FILTER).stdin(Stdio::null());
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Self { child, log }
    }

    fn signal(&self, signal: &str) {
        let done = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(done.unwrap().success(), "no {signal}");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Waits for its end, for at most `within`, and returns its exit code.
    async fn ended(&mut self, cluster: &Cluster, within: Duration) -> Option<i32> {
        let end = cluster.now() + within;
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            assert!(cluster.now() < end, "it has not ended within {within:?}\n{}", self.log());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The first is frozen past its lease and wakes while the second sends: it must not send a single message beside it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_wakes_after_its_lease_does_not_send_beside_its_successor() {
    let _alone = alone().await;
    let options = ClusterOptions {
        rate: "200/s",
        schedulers: 0,
        workers: 0,
        reconcilers: 1,
        ..ClusterOptions::default()
    };
    let mut cluster = Cluster::start(options).await;
    launch(&cluster, "taken-over", 0, 3_000, "").await;
    let mut first = Run::start(&cluster, "first");
    cluster.until_accepted(500, Duration::from_secs(30)).await;

    first.signal("STOP");
    let mut second = Run::start(&cluster, "second");
    // What was under way when it froze has arrived long before the second may begin.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let before = cluster.platform.accepted();
    cluster.until_accepted(before + 100, Duration::from_secs(20)).await;
    let woken = cluster.now();
    first.signal("CONT");
    assert_eq!(first.ended(&cluster, Duration::from_secs(10)).await, Some(1), "{}", first.log());
    assert!(first.log().contains("another process took this database over"), "{}", first.log());

    let ledger = ends_well(&mut cluster, &["taken-over"], Duration::from_secs(60)).await;
    second.signal("TERM");
    assert_eq!(second.ended(&cluster, Duration::from_secs(10)).await, Some(0), "{}", second.log());
    let after: Vec<_> = departures(&first.log()).filter(|(_, at)| *at >= woken).collect();
    assert_eq!(after, [], "it sent when it woke");
    // How they arrived is not judged: what was under way when it froze may come with the waking.
    let pace = Pace::of([first.log().as_str(), second.log().as_str()], &ledger);
    println!("{pace}");
    assert!(pace.left <= 200, "{pace} at 200/s\n{}", first.log());
}

/// Processes that share a Redis hold the database together; none with another queue begins beside them, and when they
/// are gone, one may.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_sends_with_another_queue() {
    let _place = beside_others().await;
    let mut cluster = Cluster::start(ClusterOptions { rate: "200/s", ..ClusterOptions::default() }).await;
    launch(&cluster, "one-queue", 0, 4_000, "").await;
    cluster.until_accepted(100, Duration::from_secs(30)).await;
    let mut memory = Run::start(&cluster, "memory");
    let mut elsewhere = Run::start_with(&cluster, "elsewhere", "worker", "redis://127.0.0.1:1/3");
    assert_eq!(memory.ended(&cluster, Duration::from_secs(20)).await, Some(3), "{}", memory.log());
    assert_eq!(elsewhere.ended(&cluster, Duration::from_secs(20)).await, Some(3), "{}", elsewhere.log());
    assert!(memory.log().contains("other processes already send from this database"), "{}", memory.log());
    assert!(elsewhere.log().contains("another queue than redis://127.0.0.1:1/3"), "{}", elsewhere.log());
    let ledger = ends_well(&mut cluster, &["one-queue"], Duration::from_secs(60)).await;
    assert_eq!(ledger.len(), 4_000);
    cluster.terminate_all();
    let mut memory = Run::start(&cluster, "memory-alone");
    let end = cluster.now() + Duration::from_secs(20);
    while !memory.log().contains("this scheduler is the leader now") {
        assert!(cluster.now() < end, "it begins when the others are gone\n{}", memory.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    memory.signal("TERM");
    assert_eq!(memory.ended(&cluster, Duration::from_secs(10)).await, Some(0), "{}", memory.log());
}
