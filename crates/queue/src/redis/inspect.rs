//! A look into the jobs in Redis: a bounded script each, which changes nothing.

use async_trait::async_trait;
use campaign::ids::{CampaignId, SliceId};
use futures::future::try_join_all;

use super::jobs::{RedisQueue, id_of};
use super::keys;
use super::sender::SILENT;
use crate::inspect::{
    Counts, DEEPEST, Inspect, JobList, JobRow, JobState, Line, MINUTES, PAGE, Seconds, WorkerRow,
};
use crate::{Depth, Job, QueueError};

/// At most so many of a sender's workers are looked at.
const WORKERS: usize = 1_000;

/// A job's data, and how it stands.
type Known = (Option<Vec<u8>>, Standing);

/// How a job stands: status, how it ended, how often it was taken, when it was pushed, who took it, when, when it ended.
type Standing = (
    Option<String>,
    Option<String>,
    Option<u64>,
    Option<Seconds>,
    Option<String>,
    Option<Seconds>,
    Option<Seconds>,
);

/// What became of jobs: done, put back, panicked, unreadable, lost.
type Counted = (Option<u64>, Option<u64>, Option<u64>, Option<u64>, Option<u64>);

#[async_trait]
impl Inspect for RedisQueue {
    fn senders(&self) -> &[String] {
        &self.senders
    }

    async fn lines(&self) -> Result<Vec<Line>, QueueError> {
        try_join_all(self.senders.iter().map(|sender| self.line(sender))).await
    }

    async fn jobs(
        &self,
        sender: &str,
        list: JobList,
        skip: usize,
        limit: usize,
    ) -> Result<Vec<JobRow>, QueueError> {
        let limit = limit.min(PAGE);
        if skip >= DEEPEST || limit == 0 || !self.serves(sender) {
            return Ok(Vec::new());
        }
        let name = match list {
            JobList::Waiting => "waiting",
            JobList::Running => "running",
            JobList::Done => "done",
            JobList::Failed => "failed",
        };
        let keys = self.keys_of(sender);
        let mut call = keys.call(&keys::JOBS);
        call.arg(name).arg(skip).arg(limit).arg(WORKERS);
        let rows: Vec<(String, Known)> = self.link.run("list jobs", |_| call).await?;
        let rows = rows.into_iter().filter_map(|(id, known)| row(sender, slice_of(&id)?, known));
        // An id may be in the line twice, or without its data.
        Ok(rows.filter(|row| row.state.list() == list).collect())
    }

    async fn job(&self, sender: &str, slice: SliceId) -> Result<Option<JobRow>, QueueError> {
        if !self.serves(sender) {
            return Ok(None);
        }
        let keys = self.keys_of(sender);
        let mut call = keys.call(&keys::JOB);
        call.arg(id_of(slice));
        let known: Known = self.link.run("find a job", |_| call).await?;
        Ok(row(sender, slice, known))
    }

    async fn workers(&self, sender: &str) -> Result<Vec<WorkerRow>, QueueError> {
        if !self.serves(sender) {
            return Ok(Vec::new());
        }
        let keys = self.keys_of(sender);
        let mut call = keys.call(&keys::WORKERS);
        call.arg(SILENT).arg(WORKERS);
        let rows: Vec<(String, Option<Seconds>, Seconds, bool, u64)> =
            self.link.run("list workers", |_| call).await?;
        let row =
            |(name, started_at, last_heard, is_alive, running): (_, Option<Seconds>, _, _, _)| WorkerRow {
                name,
                sender: sender.to_owned(),
                started_at: started_at.unwrap_or(last_heard),
                last_heard,
                is_alive,
                running,
            };
        let mut workers: Vec<WorkerRow> = rows.into_iter().map(row).collect();
        workers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(workers)
    }
}

impl RedisQueue {
    fn serves(&self, sender: &str) -> bool {
        self.senders.iter().any(|served| served == sender)
    }

    async fn line(&self, sender: &str) -> Result<Line, QueueError> {
        let keys = self.keys_of(sender);
        let mut call = keys.call(&keys::LINE);
        call.arg(MINUTES).arg(WORKERS);
        let ((waiting, running, kept_done, kept_failed), total, minutes): (_, Counted, Vec<Counted>) =
            self.link.run("count jobs", |_| call).await?;
        Ok(Line {
            sender: sender.to_owned(),
            depth: Depth { waiting, running },
            kept_done,
            kept_failed,
            total: counts(total),
            minutes: minutes.into_iter().map(counts).collect(),
        })
    }
}

fn counts((done, put_back, panicked, unreadable, lost): Counted) -> Counts {
    let or_none = |count: Option<u64>| count.unwrap_or(0);
    Counts {
        done: or_none(done),
        put_back: or_none(put_back),
        panicked: or_none(panicked),
        unreadable: or_none(unreadable),
        lost: or_none(lost),
    }
}

/// The slice that a job's name is made of.
fn slice_of(id: &str) -> Option<SliceId> {
    let (campaign, number) = id.rsplit_once('-')?;
    Some(SliceId { campaign: CampaignId(campaign.parse().ok()?), number: number.parse().ok()? })
}

/// A job as it stands; none where nothing that makes sense is known of it.
fn row(sender: &str, slice: SliceId, (data, standing): Known) -> Option<JobRow> {
    let (status, how, times_taken, pushed_at, worker, taken_at, ended_at) = standing;
    let state = match (status?.as_str(), how.as_deref()) {
        ("Pending", _) => JobState::Waiting,
        ("Running", _) => JobState::Running,
        ("Done", _) => JobState::Done,
        ("Failed", Some("panicked")) => JobState::Panicked,
        ("Failed", _) => JobState::Unreadable,
        _ => return None,
    };
    Some(JobRow {
        slice,
        sender: sender.to_owned(),
        messages: data.and_then(|data| serde_json::from_slice::<Job>(&data).ok()?.messages),
        state,
        times_taken: times_taken.unwrap_or(0),
        pushed_at,
        worker,
        taken_at,
        ended_at,
    })
}
