//! One sender's jobs: those that wait in their order, those in hand, and the last ones that ended.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, VecDeque};

use campaign::ids::SliceId;

use super::tally::Tally;
use crate::inspect::{JobList, JobRow, JobState, KEPT, Seconds};
use crate::{Handled, Job};

/// A job in the line.
#[derive(Debug)]
struct Waiting {
    job: Job,
    pushed_at: Seconds,
    times_taken: u64,
}

/// A job in somebody's hands.
#[derive(Debug)]
struct Running {
    waited: Waiting,
    worker: String,
    taken_at: Seconds,
}

/// What a handler made of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It came to an end of its own.
    Handled(Handled),
    /// It panicked.
    Panicked,
}

/// Who serves.
#[derive(Debug)]
pub(super) struct Serving {
    pub(super) started_at: Seconds,
    /// How often under this name: a name may be used again.
    pub(super) times: usize,
}

/// One sender's jobs, and who serves them.
#[derive(Debug, Default)]
pub(super) struct Line {
    order: VecDeque<SliceId>,
    /// By slice, so that a job pushed again while it still waits is not there twice.
    waiting: HashMap<SliceId, Waiting>,
    /// By a number of its own, as a job may be in hand more than once.
    running: BTreeMap<u64, Running>,
    taken: u64,
    /// The newest last.
    done: VecDeque<JobRow>,
    failed: VecDeque<JobRow>,
    pub(super) tally: Tally,
    pub(super) workers: BTreeMap<String, Serving>,
}

impl Line {
    /// Last in the line, unless it waits already.
    pub(super) fn push(&mut self, job: Job, now: Seconds) {
        let slice = job.slice;
        if !self.waiting.contains_key(&slice) {
            for ended in [&mut self.done, &mut self.failed] {
                ended.retain(|row| row.slice != slice);
            }
            self.waiting.insert(slice, Waiting { job, pushed_at: now, times_taken: 0 });
            self.order.push_back(slice);
        }
    }

    fn pop(&mut self) -> Option<Waiting> {
        let slice = self.order.pop_front()?;
        self.waiting.remove(&slice)
    }

    /// The first job, which is then nobody's.
    pub(super) fn take_away(&mut self) -> Option<Job> {
        self.pop().map(|waited| waited.job)
    }

    /// The first job, in a worker's hands from now on, and the number by which it is there.
    pub(super) fn take(&mut self, worker: &str, now: Seconds) -> Option<(u64, Job)> {
        let mut waited = self.pop()?;
        waited.times_taken += 1;
        let job = waited.job.clone();
        self.taken += 1;
        self.running.insert(self.taken, Running { waited, worker: worker.to_owned(), taken_at: now });
        Some((self.taken, job))
    }

    /// A job is out of its worker's hands.
    pub(super) fn end(&mut self, taken: u64, outcome: Outcome, now: Seconds) {
        let Some(held) = self.running.remove(&taken) else { return };
        match outcome {
            Outcome::Handled(Handled::PutBack) => {
                self.tally.count(now, |counts| &mut counts.put_back);
                self.put_back(held.waited, now);
            }
            Outcome::Handled(Handled::Done) => {
                self.tally.count(now, |counts| &mut counts.done);
                keep(&mut self.done, row_of_ended(held, JobState::Done, now));
            }
            Outcome::Panicked => {
                self.tally.count(now, |counts| &mut counts.panicked);
                keep(&mut self.failed, row_of_ended(held, JobState::Panicked, now));
            }
        }
    }

    /// First in the line: it has waited already.
    fn put_back(&mut self, waited: Waiting, now: Seconds) {
        let slice = waited.job.slice;
        if let Entry::Vacant(place) = self.waiting.entry(slice) {
            place.insert(Waiting { pushed_at: now, ..waited });
            self.order.push_front(slice);
        }
    }

    /// How many there are of a kind.
    pub(super) fn count(&self, list: JobList) -> usize {
        match list {
            JobList::Waiting => self.order.len(),
            JobList::Running => self.running.len(),
            JobList::Done => self.done.len(),
            JobList::Failed => self.failed.len(),
        }
    }

    /// How many of them a worker has in hand.
    pub(super) fn held_by(&self, worker: &str) -> usize {
        self.running.values().filter(|held| held.worker == worker).count()
    }

    /// A page of them.
    pub(super) fn page(&self, list: JobList, skip: usize, limit: usize) -> Vec<JobRow> {
        match list {
            JobList::Waiting => {
                let page = self.order.iter().skip(skip).take(limit);
                page.filter_map(|slice| self.waiting.get(slice).map(row_of_waiting)).collect()
            }
            JobList::Running => {
                let mut running: Vec<&Running> = self.running.values().collect();
                running.sort_by(|a, b| a.worker.cmp(&b.worker));
                running.into_iter().skip(skip).take(limit).map(row_of_running).collect()
            }
            JobList::Done => self.done.iter().rev().skip(skip).take(limit).cloned().collect(),
            JobList::Failed => self.failed.iter().rev().skip(skip).take(limit).cloned().collect(),
        }
    }

    /// Where a job is now, or how it ended last.
    pub(super) fn find(&self, slice: SliceId) -> Option<JobRow> {
        let waiting = || self.waiting.get(&slice).map(row_of_waiting);
        let running =
            || self.running.values().rev().find(|held| held.waited.job.slice == slice).map(row_of_running);
        let ended = || {
            let rows = self.done.iter().chain(&self.failed).filter(|row| row.slice == slice);
            rows.max_by_key(|row| row.ended_at).cloned()
        };
        waiting().or_else(running).or_else(ended)
    }
}

fn keep(ended: &mut VecDeque<JobRow>, row: JobRow) {
    ended.retain(|kept| kept.slice != row.slice);
    ended.push_back(row);
    if ended.len() > KEPT {
        ended.pop_front();
    }
}

fn row_of_waiting(waiting: &Waiting) -> JobRow {
    JobRow {
        slice: waiting.job.slice,
        sender: waiting.job.sender.clone(),
        messages: waiting.job.messages,
        state: JobState::Waiting,
        times_taken: waiting.times_taken,
        pushed_at: Some(waiting.pushed_at),
        worker: None,
        taken_at: None,
        ended_at: None,
    }
}

fn row_of_running(held: &Running) -> JobRow {
    JobRow {
        state: JobState::Running,
        worker: Some(held.worker.clone()),
        taken_at: Some(held.taken_at),
        ..row_of_waiting(&held.waited)
    }
}

fn row_of_ended(held: Running, state: JobState, now: Seconds) -> JobRow {
    JobRow { state, ended_at: Some(now), ..row_of_running(&held) }
}
