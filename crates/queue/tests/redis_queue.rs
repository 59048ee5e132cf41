//! The queue in Redis, when things go wrong and when there is much of it. Each story has a server of its own.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use campaign::ids::{CampaignId, SliceId};
use clock::{Clock, SystemClock};
use queue::{Handled, Handler, Job, Queue as _, SharedQueue};
use servers::Redis;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Tells what it got, and waits for leave to finish.
struct Telling {
    got: mpsc::UnboundedSender<Job>,
    leave: Semaphore,
}

#[async_trait]
impl Handler for Telling {
    async fn handle(&self, job: Job) -> Handled {
        let _ = self.got.send(job);
        if let Ok(leave) = self.leave.acquire().await {
            leave.forget();
        }
        Handled::Done
    }
}

/// A process that serves.
struct Process {
    queue: SharedQueue,
    handler: Arc<Telling>,
    got: mpsc::UnboundedReceiver<Job>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Process {
    /// Serves with the handler having leave to finish so many jobs.
    fn start(url: &str, senders: &[&str], worker: &str, concurrency: usize, leave: usize) -> Self {
        let queue = queue_at(url, senders);
        let (sender, got) = mpsc::unbounded_channel();
        let handler = Arc::new(Telling { got: sender, leave: Semaphore::new(leave) });
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let (queue, handler, stop, worker) =
                (queue.clone(), handler.clone(), stop.clone(), worker.to_owned());
            async move { queue.serve(&worker, concurrency, handler, stop).await }
        });
        Self { queue, handler, got, stop, serving }
    }

    async fn next(&mut self) -> Job {
        let job = tokio::time::timeout(Duration::from_secs(30), self.got.recv()).await;
        job.ok().flatten().expect("a job is delivered within 30 s")
    }

    /// Waits until so many different jobs were delivered; how often each.
    async fn until(&mut self, count: usize) -> BTreeMap<SliceId, usize> {
        let mut seen = BTreeMap::new();
        while seen.len() < count {
            *seen.entry(self.next().await.slice).or_default() += 1;
        }
        seen
    }

    async fn end(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(20), self.serving)
            .await
            .expect("it ends")
            .expect("no panic");
    }
}

fn queue_at(url: &str, senders: &[&str]) -> SharedQueue {
    let senders = senders.iter().map(|&sender| sender.to_owned());
    Arc::new(queue::redis::connect(url, "x", senders, "test", Arc::new(SystemClock::new())).expect("a URL").0)
}

fn jobs(sender: &str, numbers: std::ops::Range<u32>) -> Vec<Job> {
    numbers.map(|number| Job::new(SliceId { campaign: CampaignId(1), number }, sender)).collect()
}

/// Pushes until Redis takes it.
async fn push(queue: &SharedQueue, jobs: Vec<Job>) {
    let pushing = async {
        while queue.push(jobs.clone()).await.is_err() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), pushing).await.expect("Redis takes jobs within 20 s");
}

async fn ask<T: redis::FromRedisValue>(redis: &Redis, command: &str) -> T {
    let client = redis::Client::open(redis.url()).expect("a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let mut words = command.split(' ');
    let mut command = redis::cmd(words.next().expect("a command"));
    command.arg(words.collect::<Vec<_>>());
    command.query_async(&mut connection).await.expect("Redis answers")
}

/// Waits until something that Redis says holds.
async fn until<T: redis::FromRedisValue>(redis: &Redis, command: &str, holds: impl Fn(&T) -> bool) {
    let waiting = async {
        while !holds(&ask::<T>(redis, command).await) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect(command);
}

#[tokio::test]
async fn serving_goes_on_after_a_flush() {
    let redis = Redis::start();
    let mut process = Process::start(&redis.url(), &["a", "b"], "w", 8, 10_000);
    push(&process.queue, jobs("a", 0..10)).await;
    process.until(10).await;
    for round in 1..4 {
        redis.command("FLUSHALL");
        push(&process.queue, jobs("b", round * 100..round * 100 + 10)).await;
        process.until(10).await;
    }
    process.end().await;
}

#[tokio::test]
async fn serving_goes_on_after_a_restart() {
    let redis = Redis::start();
    let mut process = Process::start(&redis.url(), &["a"], "w", 8, 10_000);
    push(&process.queue, jobs("a", 0..10)).await;
    process.until(10).await;
    redis.stop();
    assert!(process.queue.push(jobs("a", 10..20)).await.is_err());
    assert!(process.queue.depth().await.is_err());
    redis.start_again();
    push(&process.queue, jobs("a", 20..30)).await;
    process.until(10).await;
    process.end().await;
}

#[tokio::test]
async fn serving_goes_on_after_a_freeze() {
    let redis = Redis::start();
    let mut process = Process::start(&redis.url(), &["a"], "w", 8, 0);
    push(&process.queue, jobs("a", 0..1)).await;
    process.next().await;
    redis.freeze();
    // Longer than an answer is waited for, and than it takes to be taken for dead.
    tokio::time::sleep(Duration::from_secs(6)).await;
    redis.thaw();
    process.handler.leave.add_permits(1_000);
    push(&process.queue, jobs("a", 10..20)).await;
    let mut seen = process.until(10).await;
    assert_eq!(
        seen.remove(&SliceId { campaign: CampaignId(1), number: 0 }),
        None,
        "it was in hand all the time"
    );
    process.end().await;
}

#[tokio::test]
async fn a_queue_can_be_made_while_redis_is_down() {
    let redis = Redis::start();
    redis.stop();
    let mut process = Process::start(&redis.url(), &["a"], "w", 2, 1_000);
    let error = process.queue.push(jobs("a", 0..1)).await.expect_err("it is down");
    assert!(error.to_string().starts_with("the queue could not push jobs: redis://127.0.0.1:"), "{error}");
    redis.start_again();
    push(&process.queue, jobs("a", 0..5)).await;
    process.until(5).await;
    process.end().await;
}

#[tokio::test]
async fn a_stop_does_not_wait_for_a_redis_that_is_down() {
    let redis = Redis::start();
    let mut process = Process::start(&redis.url(), &["a"], "w", 2, 0);
    push(&process.queue, jobs("a", 0..1)).await;
    process.next().await;
    redis.stop();
    process.handler.leave.add_permits(1);
    process.end().await;
}

#[tokio::test]
async fn a_dead_workers_jobs_come_back() {
    let redis = Redis::start();
    let mut dead = Process::start(&redis.url(), &["a"], "dead", 4, 0);
    push(&dead.queue, jobs("a", 0..4)).await;
    dead.until(4).await;
    let mut other = Process::start(&redis.url(), &["a"], "other", 8, 1_000);
    dead.serving.abort();
    let clock = SystemClock::new();
    assert_eq!(other.until(4).await.values().sum::<usize>(), 4);
    assert!(clock.monotonic() < Duration::from_secs(7), "{:?}", clock.monotonic());
    until::<Vec<String>>(&redis, "ZRANGE paceline:x:a:workers 0 -1", |workers| workers == &["other-a-1"])
        .await;
    other.end().await;
}

/// Stands still with its whole process on its first job.
struct Freezing(mpsc::UnboundedSender<Job>);

#[async_trait]
impl Handler for Freezing {
    async fn handle(&self, job: Job) -> Handled {
        let number = job.slice.number;
        let _ = self.0.send(job);
        if number == 0 {
            std::thread::sleep(Duration::from_secs(9));
        }
        Handled::Done
    }
}

#[tokio::test]
async fn a_process_that_was_frozen_goes_on() {
    let redis = Redis::start();
    let (sender, mut frozen_got) = mpsc::unbounded_channel();
    let stop = CancellationToken::new();
    let frozen = std::thread::spawn({
        let (stop, url) = (stop.clone(), redis.url());
        move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(queue_at(&url, &["a"]).serve("frozen", 4, Arc::new(Freezing(sender)), stop));
        }
    });
    push(&queue_at(&redis.url(), &["a"]), jobs("a", 0..1)).await;
    assert_eq!(frozen_got.recv().await.expect("a job").slice.number, 0);
    let mut other = Process::start(&redis.url(), &["a"], "other", 4, 1_000);
    assert_eq!(other.next().await.slice.number, 0, "what the frozen one held");
    let queue = other.queue.clone();
    other.end().await;
    push(&queue, jobs("a", 1..10)).await;
    for _ in 1..10 {
        assert_ne!(frozen_got.recv().await.expect("it goes on").slice.number, 0);
    }
    stop.cancel();
    tokio::task::spawn_blocking(|| frozen.join().expect("no panic")).await.expect("it ends");
    assert_eq!(queue.depth().await.expect("depth"), queue::Depth::default());
}

#[tokio::test]
async fn jobs_in_hand_go_over_to_the_next_worker() {
    let redis = Redis::start();
    let mut process = Process::start(&redis.url(), &["a"], "w", 4, 0);
    push(&process.queue, jobs("a", 0..2)).await;
    process.until(2).await;
    // As if somebody had taken it for dead.
    redis.command("ZREM paceline:x:a:workers w-a-1");
    until::<Vec<String>>(&redis, "ZRANGE paceline:x:a:workers 0 -1", |workers| workers == &["w-a-2"]).await;
    assert_eq!(process.queue.depth().await.expect("depth"), queue::Depth { waiting: 0, running: 2 });
    process.handler.leave.add_permits(1_000);
    push(&process.queue, jobs("a", 2..3)).await;
    assert_eq!(process.next().await.slice.number, 2, "the others were in hand all the time");
    until::<usize>(&redis, "SCARD paceline:x:a:inflight:w-a-2", |count| *count == 0).await;
    process.end().await;
}

#[tokio::test]
async fn installations_share_a_redis() {
    let redis = Redis::start();
    let mut ours = Process::start(&redis.url(), &["a"], "w", 4, 1_000);
    let clock = Arc::new(SystemClock::new());
    let (theirs, _) = queue::redis::connect(&redis.url(), "y", ["a".to_owned()], "w", clock).expect("a URL");
    theirs.push(jobs("a", 0..3)).await.expect("pushed");
    push(&ours.queue, jobs("a", 5..6)).await;
    assert_eq!(ours.next().await.slice.number, 5, "the others' jobs came first, and are not ours");
    assert_eq!(theirs.depth().await.expect("depth"), queue::Depth { waiting: 3, running: 0 });
    ours.end().await;
}

#[tokio::test]
async fn a_broken_line_harms_nobody() {
    let redis = Redis::start();
    let mut process = Process::start(&redis.url(), &["a"], "w", 4, 1_000);
    // Ids without data, data that is no job, a job of a later version, a key of another kind.
    redis.command("RPUSH paceline:x:a:active 1-7 1-8 1-9 1-10");
    for (id, data) in
        [("1-8", "nonsense"), ("1-9", r#"{"v":2,"slice":{"campaign":1,"number":9},"sender":"a"}"#)]
    {
        redis.command(&format!("HSET paceline:x:a:data {id} '{data}'"));
        redis.command(&format!("HSET paceline:x:a:meta:{id} status Pending attempts 0 max_attempts 1"));
    }
    push(&process.queue, jobs("a", 0..3)).await;
    process.until(3).await;
    redis.command("DEL paceline:x:a:active");
    redis.command("SET paceline:x:a:active what");
    tokio::time::sleep(Duration::from_secs(1)).await;
    redis.command("DEL paceline:x:a:active");
    push(&process.queue, jobs("a", 3..6)).await;
    process.until(3).await;
    process.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_thousand_at_once_are_done_and_leave_little_behind() {
    let redis = Redis::start();
    let queue = queue_at(&redis.url(), &["a"]);
    push(&queue, jobs("a", 0..20_000)).await;
    push(&queue, jobs("a", 0..20_000)).await;
    assert_eq!(queue.depth().await.expect("depth").waiting, 20_000);
    let mut first = Process::start(&redis.url(), &["a"], "w1", 32, 100_000);
    let mut second = Process::start(&redis.url(), &["a"], "w2", 32, 100_000);
    let mut seen = BTreeMap::<SliceId, usize>::new();
    while seen.len() < 20_000 {
        let job = tokio::select! { job = first.next() => job, job = second.next() => job };
        *seen.entry(job.slice).or_default() += 1;
    }
    first.end().await;
    second.end().await;
    assert!(seen.values().all(|times| *times == 1));
    assert_eq!(queue.depth().await.expect("depth"), queue::Depth::default());
    let keys: usize = ask(&redis, "DBSIZE").await;
    let data: usize = ask(&redis, "HLEN paceline:x:a:data").await;
    assert!(keys < 220 && data <= 200, "{keys} keys, {data} jobs");
    assert_eq!(ask::<usize>(&redis, "ZCARD paceline:x:a:done").await, 200);
}

#[tokio::test]
async fn an_idle_worker_starts_at_once_and_asks_little() {
    let redis = Redis::start();
    let mut process = Process::start(&redis.url(), &["a", "b"], "w", 4, 1_000);
    until::<usize>(&redis, "PUBLISH tasks:paceline:x:a:active:available 1", |listeners| *listeners == 1)
        .await;
    let clock = SystemClock::new();
    let mut waits = Vec::new();
    for number in 0..21 {
        let pushed = clock.monotonic();
        push(&process.queue, jobs("a", number..number + 1)).await;
        process.next().await;
        waits.push(clock.monotonic() - pushed);
    }
    waits.sort_unstable();
    assert!(waits[10] < Duration::from_millis(50), "{waits:?}");
    let commands = || async {
        let stats: String = ask(&redis, "INFO commandstats").await;
        let calls = stats.lines().filter(|line| line.starts_with("cmdstat_evalsha:"));
        calls
            .filter_map(|line| line.split_once("calls=")?.1.split(',').next()?.parse::<u32>().ok())
            .sum::<u32>()
    };
    let before = commands().await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let asked = commands().await - before;
    // Two senders: a beat a second and two looks a second each.
    assert!(asked <= 20, "{asked} calls in 2 s");
    process.end().await;
}
