//! A look into the jobs in memory.

use async_trait::async_trait;
use campaign::ids::SliceId;

use super::jobs::MemoryQueue;
use crate::inspect::{DEEPEST, Inspect, JobList, JobRow, Line, PAGE, WorkerRow};
use crate::{Depth, QueueError};

#[async_trait]
impl Inspect for MemoryQueue {
    fn senders(&self) -> &[String] {
        &self.senders
    }

    async fn lines(&self) -> Result<Vec<Line>, QueueError> {
        let now = self.now();
        let mut lines = self.lines();
        let mut counted = Vec::with_capacity(self.senders.len());
        for sender in &self.senders {
            let line = lines.entry(sender.clone()).or_default();
            let count = |list| line.count(list) as u64;
            counted.push(Line {
                sender: sender.clone(),
                depth: Depth { waiting: count(JobList::Waiting), running: count(JobList::Running) },
                kept_done: count(JobList::Done),
                kept_failed: count(JobList::Failed),
                total: line.tally.total(),
                minutes: line.tally.minutes(now),
            });
        }
        Ok(counted)
    }

    async fn jobs(
        &self,
        sender: &str,
        list: JobList,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<JobRow>, QueueError> {
        if skip >= DEEPEST {
            return Ok(Vec::new());
        }
        let lines = self.lines();
        Ok(lines.get(sender).map(|line| line.page(list, skip, limit.min(PAGE))).unwrap_or_default())
    }

    async fn job(&self, sender: &str, slice: SliceId) -> Result<Option<JobRow>, QueueError> {
        Ok(self.lines().get(sender).and_then(|line| line.find(slice)))
    }

    async fn workers(&self, sender: &str) -> Result<Vec<WorkerRow>, QueueError> {
        let now = self.now();
        let lines = self.lines();
        let Some(line) = lines.get(sender) else { return Ok(Vec::new()) };
        let row = |(name, serving): (&String, &super::line::Serving)| WorkerRow {
            name: name.clone(),
            sender: sender.to_owned(),
            started_at: serving.started_at,
            // It is this process that tells.
            last_heard: now,
            is_alive: true,
            running: line.held_by(name) as u64,
        };
        Ok(line.workers.iter().map(row).collect())
    }
}
