//! A look into the queue in Redis, when things went wrong. Each story has a server of its own.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use campaign::ids::{CampaignId, SliceId};
use clock::SystemClock;
use queue::inspect::{Counts, DEEPEST, JobList, JobState, Line};
use queue::redis::RedisQueue;
use queue::{Depth, Handled, Handler, Inspect as _, Job, Queue as _};
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

fn queue_at(redis: &Redis) -> Arc<RedisQueue> {
    let clock = Arc::new(SystemClock::new());
    Arc::new(queue::redis::connect(&redis.url(), "x", ["a".to_owned()], "test", clock).expect("a URL").0)
}

/// Serves with the handler having leave to finish so many jobs; what it gets is told.
fn serve(
    queue: &Arc<RedisQueue>,
    worker: &'static str,
    leave: usize,
    stop: &CancellationToken,
) -> (mpsc::UnboundedReceiver<Job>, JoinHandle<()>) {
    let (sender, got) = mpsc::unbounded_channel();
    let handler = Arc::new(Telling { got: sender, leave: Semaphore::new(leave) });
    let (queue, stop) = (queue.clone(), stop.clone());
    (got, tokio::spawn(async move { queue.serve(worker, 4, handler, stop).await }))
}

fn jobs(numbers: std::ops::Range<u32>) -> Vec<Job> {
    numbers.map(|number| Job::new(SliceId { campaign: CampaignId(1), number }, "a")).collect()
}

async fn next(got: &mut mpsc::UnboundedReceiver<Job>) -> u32 {
    let job = tokio::time::timeout(Duration::from_secs(30), got.recv()).await;
    job.ok().flatten().expect("a job is delivered within 30 s").slice.number
}

async fn line(queue: &RedisQueue) -> Line {
    queue.lines().await.expect("lines").pop().expect("a line")
}

/// Waits until the line is as it should be.
async fn until(queue: &RedisQueue, holds: impl Fn(&Line) -> bool) -> Line {
    let waiting = async {
        loop {
            let line = line(queue).await;
            if holds(&line) {
                return line;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting).await.expect("the line gets there")
}

#[tokio::test]
async fn a_flush_is_a_new_beginning() {
    let redis = Redis::start();
    let queue = queue_at(&redis);
    let stop = CancellationToken::new();
    let (mut got, serving) = serve(&queue, "w", 100, &stop);
    queue.push(jobs(0..3)).await.expect("pushed");
    until(&queue, |line| line.total.done == 3).await;
    redis.command("FLUSHALL");
    let empty = line(&queue).await;
    assert_eq!((empty.depth, empty.kept_done, empty.total), (Depth::default(), 0, Counts::default()));
    assert!(queue.jobs("a", JobList::Done, 0, 10).await.expect("a page").is_empty());
    queue.push(jobs(10..12)).await.expect("pushed");
    until(&queue, |line| line.total == Counts { done: 2, ..Counts::default() }).await;
    for _ in 0..5 {
        next(&mut got).await;
    }
    stop.cancel();
    serving.await.expect("serving ends");
}

#[tokio::test]
async fn what_is_taken_from_the_dead_is_counted() {
    let redis = Redis::start();
    let queue = queue_at(&redis);
    let stop = CancellationToken::new();
    let (mut got, dead) = serve(&queue, "dead", 0, &stop);
    queue.push(jobs(0..3)).await.expect("pushed");
    for _ in 0..3 {
        next(&mut got).await;
    }
    dead.abort();
    let worker = async {
        while queue.workers("a").await.expect("workers").iter().any(|worker| worker.is_alive) {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), worker).await.expect("it is known to be dead");
    let workers = queue.workers("a").await.expect("workers");
    assert_eq!((workers.len(), workers[0].running), (1, 3), "nobody has taken its jobs yet");
    assert_eq!(line(&queue).await.depth, Depth { waiting: 0, running: 3 });
    let (mut others, serving) = serve(&queue, "other", 100, &stop);
    for _ in 0..3 {
        next(&mut others).await;
    }
    let after = until(&queue, |line| line.total.done == 3).await;
    assert_eq!(after.total, Counts { done: 3, lost: 3, ..Counts::default() });
    for row in queue.jobs("a", JobList::Done, 0, 10).await.expect("a page") {
        assert_eq!((row.times_taken, row.worker.as_deref()), (2, Some("other-a-1")));
    }
    stop.cancel();
    serving.await.expect("serving ends");
}

#[tokio::test]
async fn what_is_pushed_again_while_in_hand_is_counted_as_lost() {
    let redis = Redis::start();
    let queue = queue_at(&redis);
    let stop = CancellationToken::new();
    let (mut got, serving) = serve(&queue, "w", 0, &stop);
    queue.push(jobs(0..1)).await.expect("pushed");
    next(&mut got).await;
    queue.push(jobs(0..1)).await.expect("pushed");
    next(&mut got).await;
    assert_eq!(line(&queue).await.total, Counts { lost: 1, ..Counts::default() });
    serving.abort();
}

#[tokio::test]
async fn what_cannot_be_read_is_among_the_failed() {
    let redis = Redis::start();
    let queue = queue_at(&redis);
    redis.command(r#"HSET paceline:x:a:data 1-9 '{"v":2,"slice":{"campaign":1,"number":9},"sender":"a"}'"#);
    redis.command("HSET paceline:x:a:meta:1-9 status Pending attempts 0 max_attempts 1");
    // An id without data, which nothing is known of, and one that is no name of a job.
    redis.command("RPUSH paceline:x:a:active 1-9 1-7 what");
    let waiting = queue.jobs("a", JobList::Waiting, 0, 10).await.expect("a page");
    assert_eq!(waiting.iter().map(|row| row.slice.number).collect::<Vec<_>>(), [9]);
    let stop = CancellationToken::new();
    let (_got, serving) = serve(&queue, "w", 100, &stop);
    let after = until(&queue, |line| line.total.unreadable == 1).await;
    assert_eq!((after.kept_failed, after.kept_done, after.depth), (1, 0, Depth::default()));
    let failed = queue.jobs("a", JobList::Failed, 0, 10).await.expect("a page");
    assert_eq!((failed.len(), failed[0].slice.number, failed[0].state), (1, 9, JobState::Unreadable));
    stop.cancel();
    serving.await.expect("serving ends");
}

#[tokio::test]
async fn a_long_line_is_shown_as_far_as_anybody_looks() {
    let redis = Redis::start();
    let queue = queue_at(&redis);
    queue.push(jobs(0..20_000)).await.expect("pushed");
    assert_eq!(line(&queue).await.depth.waiting, 20_000);
    let last = queue.jobs("a", JobList::Waiting, DEEPEST - 1, usize::MAX).await.expect("a page");
    assert_eq!((last.len(), last[0].slice.number), (100, 9_999));
    assert!(queue.jobs("a", JobList::Waiting, DEEPEST, 1).await.expect("a page").is_empty());
}

#[tokio::test]
async fn counts_by_the_minute_go_by_themselves() {
    let redis = Redis::start();
    let queue = queue_at(&redis);
    let stop = CancellationToken::new();
    let (_got, serving) = serve(&queue, "w", 100, &stop);
    queue.push(jobs(0..3)).await.expect("pushed");
    until(&queue, |line| line.total.done == 3).await;
    let client = redis::Client::open(redis.url()).expect("a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let minutes: Vec<String> = redis::cmd("KEYS")
        .arg("paceline:x:a:counts:*")
        .query_async(&mut connection)
        .await
        .expect("Redis answers");
    assert!((1..=2).contains(&minutes.len()), "{minutes:?}");
    for minute in minutes {
        let left: i64 =
            redis::cmd("TTL").arg(&minute).query_async(&mut connection).await.expect("Redis answers");
        // Seventy minutes, and the one that it is.
        assert!((4_200..=4_300).contains(&left), "{minute}: {left} s");
    }
    stop.cancel();
    serving.await.expect("serving ends");
}
