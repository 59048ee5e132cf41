//! What a look into a queue must show. Each story has a queue of its own that serves the sender `a`; the
//! first two `b` as well.

use std::sync::Arc;
use std::time::Duration;

use campaign::ids::{CampaignId, SliceId};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use super::jobs::{Recorder, Unable, jobs, next, serve};
use crate::inspect::{Counts, DEEPEST, JobList, JobRow, JobState, KEPT, Line, MINUTES, PAGE};
use crate::{Depth, SharedInspect, SharedQueue};

/// A queue, and a look into the same.
pub type Both = (SharedQueue, SharedInspect);

const LISTS: [JobList; 4] = [JobList::Waiting, JobList::Running, JobList::Done, JobList::Failed];

fn slice(number: u32) -> SliceId {
    SliceId { campaign: CampaignId(1), number }
}

async fn line(look: &SharedInspect, sender: &str) -> Line {
    let lines = look.lines().await.expect("lines");
    lines.into_iter().find(|line| line.sender == sender).expect("a line for each sender")
}

async fn page(look: &SharedInspect, list: JobList, skip: usize, limit: usize) -> Vec<JobRow> {
    let rows = look.jobs("a", list, skip, limit).await.expect("a page");
    for row in &rows {
        assert_eq!((row.state.list(), row.sender.as_str()), (list, "a"));
        assert_eq!(look.job("a", row.slice).await.expect("a job").as_ref(), Some(row));
    }
    rows
}

async fn numbers(look: &SharedInspect, list: JobList, skip: usize, limit: usize) -> Vec<u32> {
    page(look, list, skip, limit).await.iter().map(|row| row.slice.number).collect()
}

/// What the minutes count together: all that happened, in a story of seconds.
fn in_minutes(line: &Line) -> Counts {
    assert_eq!(line.minutes.len(), MINUTES);
    let mut sum = Counts::default();
    for minute in &line.minutes[MINUTES - 3..] {
        sum.done += minute.done;
        sum.put_back += minute.put_back;
        sum.panicked += minute.panicked;
        sum.unreadable += minute.unreadable;
        sum.lost += minute.lost;
    }
    sum
}

/// While jobs run: what waits in its order, what is in whose hands, and who serves.
pub async fn what_runs_is_told((queue, look): Both) {
    assert_eq!(look.senders(), ["a", "b"]);
    assert!(look.workers("a").await.expect("workers").is_empty());
    let (recorder, mut got) = Recorder::new();
    let stop = CancellationToken::new();
    let serving = serve(&queue, "w-1", 2, recorder.clone(), &stop);
    queue.push(jobs("a", 0..6).into_iter().map(|job| job.with_messages(20)).collect()).await.expect("pushed");
    queue.push(jobs("b", 100..101)).await.expect("pushed");
    next(&mut got).await;
    next(&mut got).await;

    let of_a = line(&look, "a").await;
    assert_eq!(of_a.depth, Depth { waiting: 5, running: 1 });
    assert_eq!((of_a.kept_done, of_a.kept_failed, of_a.total), (0, 0, Counts::default()));
    assert_eq!(line(&look, "b").await.depth, Depth { waiting: 0, running: 1 });
    assert_eq!(numbers(&look, JobList::Waiting, 0, 10).await, [1, 2, 3, 4, 5]);
    assert_eq!(numbers(&look, JobList::Waiting, 1, 2).await, [2, 3]);
    assert_eq!(numbers(&look, JobList::Waiting, 4, 2).await, [5]);
    assert!(numbers(&look, JobList::Waiting, 5, 2).await.is_empty());
    assert!(numbers(&look, JobList::Waiting, 0, 0).await.is_empty());
    assert!(numbers(&look, JobList::Waiting, DEEPEST, 10).await.is_empty());
    let waiting = &page(&look, JobList::Waiting, 0, 1).await[0];
    assert!(waiting.pushed_at.is_some());
    assert_eq!(waiting.messages, Some(20));
    assert_eq!(
        (waiting.times_taken, &waiting.worker, waiting.taken_at, waiting.ended_at),
        (0, &None, None, None)
    );

    let running = page(&look, JobList::Running, 0, 10).await;
    let [running] = running.as_slice() else { panic!("one of a is in hand: {running:?}") };
    assert_eq!((running.slice, running.times_taken, running.ended_at), (slice(0), 1, None));
    assert_eq!(running.messages, Some(20));
    assert!(running.taken_at >= running.pushed_at && running.taken_at.is_some());
    assert!(numbers(&look, JobList::Running, 1, 10).await.is_empty());
    let workers = look.workers("a").await.expect("workers");
    let [worker] = workers.as_slice() else { panic!("one worker: {workers:?}") };
    assert_eq!(Some(&worker.name), running.worker.as_ref());
    assert!(worker.name.starts_with("w-1") && worker.is_alive && worker.last_heard >= worker.started_at);
    assert_eq!((worker.running, worker.sender.as_str()), (1, "a"));

    for list in LISTS {
        assert!(look.jobs("nobody", list, 0, 10).await.expect("a page").is_empty());
    }
    assert_eq!(look.job("nobody", slice(0)).await, Ok(None));
    assert_eq!(look.job("a", slice(100)).await, Ok(None));
    assert!(look.workers("nobody").await.expect("workers").is_empty());
    recorder.leave.add_permits(100);
    stop.cancel();
    serving.await.expect("serving ends");
    assert!(look.workers("a").await.expect("workers").is_empty());
}

/// After they are done: the last one first, until one is pushed again.
pub async fn what_is_done_is_told((queue, look): Both) {
    let (recorder, mut got) = Recorder::new();
    recorder.leave.add_permits(100);
    queue.push(jobs("a", 0..3)).await.expect("pushed");
    let stop = CancellationToken::new();
    let serving = serve(&queue, "w-1", 2, recorder, &stop);
    for _ in 0..3 {
        next(&mut got).await;
    }
    stop.cancel();
    serving.await.expect("serving ends");

    let of_a = line(&look, "a").await;
    let three = Counts { done: 3, ..Counts::default() };
    assert_eq!((of_a.depth, of_a.kept_done, of_a.kept_failed), (Depth::default(), 3, 0));
    assert_eq!((of_a.total, in_minutes(&of_a)), (three, three));
    assert_eq!(line(&look, "b").await.total, Counts::default());
    assert_eq!(numbers(&look, JobList::Done, 0, 10).await, [2, 1, 0]);
    assert_eq!(numbers(&look, JobList::Done, 1, 1).await, [1]);
    for row in page(&look, JobList::Done, 0, 10).await {
        assert_eq!((row.state, row.times_taken, row.messages), (JobState::Done, 1, None));
        assert!(row.worker.is_some_and(|worker| worker.starts_with("w-1")));
        assert!(row.ended_at.is_some() && row.ended_at >= row.taken_at && row.taken_at >= row.pushed_at);
    }
    queue.push(jobs("a", 1..2)).await.expect("pushed");
    assert_eq!(numbers(&look, JobList::Done, 0, 10).await, [2, 0]);
    assert_eq!(numbers(&look, JobList::Waiting, 0, 10).await, [1]);
    assert_eq!(line(&look, "a").await.total, three);
}

/// However many there were, only the last ones are kept; all are counted.
pub async fn only_the_last_ones_are_kept((queue, look): Both) {
    let (recorder, mut got) = Recorder::new();
    recorder.leave.add_permits(1_000);
    queue.push(jobs("a", 0..300)).await.expect("pushed");
    let stop = CancellationToken::new();
    let serving = serve(&queue, "w-1", 2, recorder, &stop);
    for _ in 0..300 {
        next(&mut got).await;
    }
    stop.cancel();
    serving.await.expect("serving ends");
    let of_a = line(&look, "a").await;
    assert_eq!((of_a.total.done, of_a.kept_done), (300, KEPT as u64));
    let last: Vec<u32> = (200..300).rev().collect();
    assert_eq!(numbers(&look, JobList::Done, 0, 1_000).await, last);
    assert_eq!(last.len(), PAGE);
    assert_eq!(numbers(&look, JobList::Done, KEPT - 1, 10).await, [100]);
    assert_eq!(look.job("a", slice(99)).await, Ok(None));
}

/// After one was put back: it waits again, first, and is counted.
pub async fn what_is_put_back_is_told((queue, look): Both) {
    let (told, mut got) = mpsc::unbounded_channel();
    let unable = Arc::new(Unable { got: told, ready: Semaphore::new(1) });
    queue.push(jobs("a", 0..2)).await.expect("pushed");
    let stop = CancellationToken::new();
    let serving = serve(&queue, "w-1", 1, unable, &stop);
    next(&mut got).await;
    stop.cancel();
    serving.await.expect("serving ends");
    let of_a = line(&look, "a").await;
    let one = Counts { put_back: 1, ..Counts::default() };
    assert_eq!((of_a.depth, of_a.total, in_minutes(&of_a)), (Depth { waiting: 2, running: 0 }, one, one));
    let waiting = page(&look, JobList::Waiting, 0, 10).await;
    let seen: Vec<_> = waiting.iter().map(|row| (row.slice.number, row.times_taken, &row.worker)).collect();
    assert_eq!(seen, [(0, 1, &None), (1, 0, &None)]);
}

/// After one panicked: it is among the failed ones, and done ones are not.
pub async fn what_panicked_is_told((queue, look): Both) {
    let (recorder, mut got) = Recorder::new();
    recorder.leave.add_permits(100);
    queue.push(jobs("a", 665..668)).await.expect("pushed");
    let stop = CancellationToken::new();
    let serving = serve(&queue, "w-1", 1, recorder, &stop);
    for _ in 0..3 {
        next(&mut got).await;
    }
    stop.cancel();
    serving.await.expect("serving ends");
    let of_a = line(&look, "a").await;
    let counts = Counts { done: 2, panicked: 1, ..Counts::default() };
    assert_eq!((of_a.depth, of_a.kept_done, of_a.kept_failed), (Depth::default(), 2, 1));
    assert_eq!((of_a.total, in_minutes(&of_a)), (counts, counts));
    assert_eq!(numbers(&look, JobList::Done, 0, 10).await, [667, 665]);
    let failed = page(&look, JobList::Failed, 0, 10).await;
    let [failed] = failed.as_slice() else { panic!("one failed: {failed:?}") };
    assert_eq!((failed.slice, failed.state, failed.times_taken), (slice(666), JobState::Panicked, 1));
    assert!(failed.worker.is_some() && failed.ended_at.is_some());
    queue.push(jobs("a", 666..667)).await.expect("pushed");
    assert!(page(&look, JobList::Failed, 0, 10).await.is_empty());
}

/// After a worker died: it is not taken for alive for long, and what it had in hand comes to its end all the same.
pub async fn a_worker_that_died_is_told((queue, look): Both) {
    let (dying, mut dying_got) = Recorder::new();
    let (other, _other_got) = Recorder::new();
    other.leave.add_permits(100);
    queue.push(jobs("a", 0..1)).await.expect("pushed");
    let stop = CancellationToken::new();
    let dead = serve(&queue, "dead", 1, dying.clone(), &stop);
    next(&mut dying_got).await;
    dead.abort();
    let serving = serve(&queue, "other", 1, other, &stop);
    let alone = async {
        loop {
            let alive =
                look.workers("a").await.expect("workers").into_iter().filter(|worker| worker.is_alive);
            let alive: Vec<_> = alive.map(|worker| worker.name).collect();
            if matches!(alive.as_slice(), [name] if name.starts_with("other")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), alone).await.expect("the dead one is known to be");
    // In memory the job itself lives on, as its process does.
    dying.leave.add_permits(1);
    let done = async {
        while line(&look, "a").await.total.done == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), done).await.expect("the job comes to its end");
    assert_eq!(numbers(&look, JobList::Done, 0, 10).await, [0]);
    assert_eq!(line(&look, "a").await.depth, Depth::default());
    stop.cancel();
    serving.await.expect("serving ends");
}
