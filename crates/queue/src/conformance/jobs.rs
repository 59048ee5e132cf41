//! What a job queue must do.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use campaign::ids::{CampaignId, SliceId};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::{Handled, Handler, Job, SharedQueue};

/// A handler that tells what it got and waits for leave to finish.
pub(super) struct Recorder {
    got: mpsc::UnboundedSender<Job>,
    pub(super) leave: Arc<Semaphore>,
    at_once: AtomicUsize,
    most_at_once: AtomicUsize,
    finished: Mutex<BTreeSet<u32>>,
}

impl Recorder {
    pub(super) fn new() -> (Arc<Self>, mpsc::UnboundedReceiver<Job>) {
        let (got, receiver) = mpsc::unbounded_channel();
        let recorder = Self {
            got,
            leave: Arc::new(Semaphore::new(0)),
            at_once: AtomicUsize::new(0),
            most_at_once: AtomicUsize::new(0),
            finished: Mutex::default(),
        };
        (Arc::new(recorder), receiver)
    }
}

#[async_trait]
impl Handler for Recorder {
    async fn handle(&self, job: Job) -> Handled {
        let now = self.at_once.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_at_once.fetch_max(now, Ordering::SeqCst);
        let number = job.slice.number;
        let _ = self.got.send(job);
        if let Ok(permit) = self.leave.acquire().await {
            permit.forget();
        }
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        assert!(number != 666, "the job of the panic test");
        self.finished.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        Handled::Done
    }
}

/// A handler that puts the first job back that it gets, tells it, and is not ready for another.
pub(super) struct Unable {
    pub(super) got: mpsc::UnboundedSender<Job>,
    pub(super) ready: Semaphore,
}

#[async_trait]
impl Handler for Unable {
    async fn ready(&self) {
        if let Ok(permit) = self.ready.acquire().await {
            permit.forget();
        }
    }

    async fn handle(&self, job: Job) -> Handled {
        let _ = self.got.send(job);
        Handled::PutBack
    }
}

pub(super) fn serve(
    queue: &SharedQueue,
    worker: &'static str,
    concurrency: usize,
    handler: Arc<dyn Handler>,
    stop: &CancellationToken,
) -> JoinHandle<()> {
    let (queue, stop) = (queue.clone(), stop.clone());
    tokio::spawn(async move { queue.serve(worker, concurrency, handler, stop).await })
}

pub(super) fn jobs(sender: &str, numbers: std::ops::Range<u32>) -> Vec<Job> {
    numbers.map(|number| Job::new(SliceId { campaign: CampaignId(1), number }, sender)).collect()
}

pub(super) async fn next(receiver: &mut mpsc::UnboundedReceiver<Job>) -> Job {
    let job = tokio::time::timeout(Duration::from_secs(30), receiver.recv()).await;
    job.ok().flatten().expect("a job is delivered within 30 s")
}

/// Every job that is pushed is delivered, whether pushed before or while serving.
pub async fn delivers_every_job(queue: SharedQueue) {
    let (recorder, mut got) = Recorder::new();
    recorder.leave.add_permits(1_000);
    queue.push(jobs("a", 0..50)).await.expect("pushed");
    let stop = CancellationToken::new();
    let serving = serve(&queue, "w-1", 8, recorder.clone(), &stop);
    queue.push(jobs("b", 50..100)).await.expect("pushed");
    let mut seen = BTreeSet::new();
    while seen.len() < 100 {
        seen.insert(next(&mut got).await.slice.number);
    }
    stop.cancel();
    serving.await.expect("serving ends");
    assert_eq!(recorder.finished.lock().unwrap_or_else(PoisonError::into_inner).len(), 100);
    assert_eq!(queue.depth().await.expect("depth").running, 0);
}

/// No more than `concurrency` jobs are in hand at once.
pub async fn keeps_to_its_concurrency(queue: SharedQueue) {
    let (recorder, mut got) = Recorder::new();
    queue.push(jobs("a", 0..20)).await.expect("pushed");
    let stop = CancellationToken::new();
    let serving = serve(&queue, "w-1", 3, recorder.clone(), &stop);
    for _ in 0..3 {
        next(&mut got).await;
    }
    assert_eq!(queue.depth().await.expect("depth").running, 3);
    recorder.leave.add_permits(100);
    for _ in 3..20 {
        next(&mut got).await;
    }
    stop.cancel();
    serving.await.expect("serving ends");
    assert_eq!(recorder.most_at_once.load(Ordering::SeqCst), 3);
}

/// A stop takes no more, and waits for what is in hand.
pub async fn a_stop_finishes_what_is_in_hand(queue: SharedQueue) {
    let (recorder, mut got) = Recorder::new();
    queue.push(jobs("a", 0..10)).await.expect("pushed");
    let stop = CancellationToken::new();
    let mut serving = serve(&queue, "w-1", 2, recorder.clone(), &stop);
    next(&mut got).await;
    next(&mut got).await;
    stop.cancel();
    let early = tokio::time::timeout(Duration::from_millis(50), &mut serving).await;
    assert!(early.is_err(), "it returned with jobs in hand");
    recorder.leave.add_permits(100);
    serving.await.expect("serving ends");
    assert_eq!(recorder.finished.lock().unwrap_or_else(PoisonError::into_inner).len(), 2);
    assert_eq!(queue.depth().await.expect("depth").waiting, 8);
}

/// A panic in a job ends that job and nothing else.
pub async fn a_panic_is_one_jobs_outcome(queue: SharedQueue) {
    let (recorder, mut got) = Recorder::new();
    recorder.leave.add_permits(100);
    queue.push(jobs("a", 666..667)).await.expect("pushed");
    let stop = CancellationToken::new();
    let serving = serve(&queue, "w-1", 1, recorder.clone(), &stop);
    assert_eq!(next(&mut got).await.slice.number, 666);
    queue.push(jobs("a", 0..5)).await.expect("pushed");
    for _ in 0..5 {
        assert_ne!(next(&mut got).await.slice.number, 666);
    }
    stop.cancel();
    serving.await.expect("serving ends");
    assert_eq!(queue.depth().await.expect("depth").running, 0);
}

/// A job that is pushed again while it waits is not there twice; one that is pushed again while it is in hand, or done,
/// is delivered again.
pub async fn a_job_pushed_again_is_not_lost_and_not_doubled(queue: SharedQueue) {
    let (recorder, mut got) = Recorder::new();
    queue.push(jobs("a", 0..3)).await.expect("pushed");
    queue.push(jobs("a", 0..3)).await.expect("pushed");
    assert_eq!(queue.depth().await.expect("depth").waiting, 3);
    let stop = CancellationToken::new();
    let serving = serve(&queue, "w-1", 3, recorder.clone(), &stop);
    for _ in 0..3 {
        next(&mut got).await;
    }
    queue.push(jobs("a", 1..2)).await.expect("pushed");
    recorder.leave.add_permits(100);
    assert_eq!(next(&mut got).await.slice.number, 1);
    stop.cancel();
    serving.await.expect("serving ends");
    assert!(got.try_recv().is_err(), "a job was delivered twice");
    // And once it is done, it can be pushed again.
    queue.push(jobs("a", 1..3)).await.expect("pushed");
    assert_eq!(queue.depth().await.expect("depth").waiting, 2);
}

/// A sender's long backlog does not hold up another sender's job.
pub async fn a_backlog_holds_up_no_other_sender(queue: SharedQueue) {
    let (recorder, mut got) = Recorder::new();
    recorder.leave.add_permits(1_000);
    queue.push(jobs("a", 0..400)).await.expect("pushed");
    queue.push(jobs("b", 500..501)).await.expect("pushed");
    let stop = CancellationToken::new();
    let serving = serve(&queue, "w-1", 4, recorder.clone(), &stop);
    let mut before = 0;
    while next(&mut got).await.sender != "b" {
        before += 1;
    }
    assert!(before < 100, "{before}");
    stop.cancel();
    serving.await.expect("serving ends");
}

/// A job that is pushed again while somebody has it in hand, whose slice was released again because nothing was heard
/// of it, goes to others at once.
pub async fn a_job_in_hand_that_is_pushed_again_goes_to_others(queue: SharedQueue) {
    let (hanging, mut hanging_got) = Recorder::new();
    let (other, mut other_got) = Recorder::new();
    let stop = CancellationToken::new();
    let first = serve(&queue, "w-1", 1, hanging.clone(), &stop);
    queue.push(jobs("a", 0..1)).await.expect("pushed");
    next(&mut hanging_got).await;
    let second = serve(&queue, "w-2", 1, other.clone(), &stop);
    queue.push(jobs("a", 0..1)).await.expect("pushed");
    assert_eq!(next(&mut other_got).await.slice.number, 0);
    hanging.leave.add_permits(1);
    other.leave.add_permits(1);
    stop.cancel();
    first.await.expect("serving ends");
    second.await.expect("serving ends");
    assert_eq!(queue.depth().await.expect("depth"), crate::Depth::default());
}

/// A handler that puts a job back, and is not ready for another, leaves it to others.
pub async fn a_job_put_back_goes_to_whoever_is_ready(queue: SharedQueue) {
    let (told, mut unable_got) = mpsc::unbounded_channel();
    let unable = Arc::new(Unable { got: told, ready: Semaphore::new(1) });
    let stop = CancellationToken::new();
    let first = serve(&queue, "w-1", 4, unable, &stop);
    queue.push(jobs("a", 0..3)).await.expect("pushed");
    assert_eq!(next(&mut unable_got).await.slice.number, 0);
    let (able, mut able_got) = Recorder::new();
    able.leave.add_permits(3);
    let second = serve(&queue, "w-2", 1, able, &stop);
    let mut seen = Vec::new();
    for _ in 0..3 {
        seen.push(next(&mut able_got).await.slice.number);
    }
    seen.sort_unstable();
    assert_eq!(seen, [0, 1, 2]);
    stop.cancel();
    first.await.expect("serving ends");
    second.await.expect("serving ends");
    assert!(unable_got.try_recv().is_err(), "it was not ready, and got a job");
    assert_eq!(queue.depth().await.expect("depth"), crate::Depth::default());
}

/// One sender's jobs, however many of them hang, leave places to the others: to each of `a`, `b` and `c` its part of
/// half of them.
pub async fn jobs_that_hang_hold_up_no_other_sender(queue: SharedQueue) {
    let (recorder, mut got) = Recorder::new();
    let stop = CancellationToken::new();
    let serving = serve(&queue, "w-1", 12, recorder.clone(), &stop);
    queue.push(jobs("a", 0..2_000)).await.expect("pushed");
    // All the places that it can get: its own two and the shared six.
    for _ in 0..8 {
        assert_eq!(next(&mut got).await.sender, "a");
    }
    queue.push(jobs("b", 5_000..5_002)).await.expect("pushed");
    queue.push(jobs("c", 6_000..6_002)).await.expect("pushed");
    let mut others = BTreeSet::new();
    while others.len() < 4 {
        others.insert(next(&mut got).await.slice.number);
    }
    assert_eq!(others, BTreeSet::from([5_000, 5_001, 6_000, 6_001]));
    assert_eq!(queue.depth().await.expect("depth").running, 12);
    recorder.leave.add_permits(10_000);
    for _ in 8..2_000 {
        next(&mut got).await;
    }
    stop.cancel();
    serving.await.expect("serving ends");
}
