//! The names of one sender's keys, laid out as apalis-redis does so that apalis's tools can read them, and the scripts
//! over them.
//!
//! The scripts are ours, because apalis-redis's own cannot be used: each push goes to the scheduled set, and the fetch
//! that promotes more than 7,999 due tasks fails for ever; a heartbeat stops while fetched tasks wait for a free place;
//! an id without data ends one worker after the other; a task that fails is run again up to 25 times; workers' clocks
//! decide who is dead; and finished tasks stay for ever, in a set that its own statistics read as a sorted set.

use std::sync::LazyLock;

use redis::{Script, ScriptInvocation};

macro_rules! script {
    ($file:literal) => {
        LazyLock::new(|| Script::new(concat!(include_str!("lua/header.lua"), include_str!($file))))
    };
}

pub(super) static PUSH: LazyLock<Script> = script!("lua/push.lua");
pub(super) static REGISTER: LazyLock<Script> = script!("lua/register.lua");
pub(super) static BEAT: LazyLock<Script> = script!("lua/beat.lua");
pub(super) static FETCH: LazyLock<Script> = script!("lua/fetch.lua");
pub(super) static FINISH: LazyLock<Script> = script!("lua/finish.lua");
pub(super) static PUT_BACK: LazyLock<Script> = script!("lua/put_back.lua");
pub(super) static RELEASE: LazyLock<Script> = script!("lua/release.lua");
pub(super) static LEAVE: LazyLock<Script> = script!("lua/leave.lua");
pub(super) static DEPTH: LazyLock<Script> = script!("lua/depth.lua");
pub(super) static LINE: LazyLock<Script> = script!("lua/look/line.lua");
pub(super) static JOBS: LazyLock<Script> = script!("lua/look/jobs.lua");
pub(super) static JOB: LazyLock<Script> = script!("lua/look/job.lua");
pub(super) static WORKERS: LazyLock<Script> = script!("lua/look/workers.lua");

/// One sender's queue in apalis: a queue each, so that a long backlog of one never holds up another's.
#[derive(Debug, Clone)]
pub(super) struct Keys {
    config: apalis_redis::Config,
}

impl Keys {
    /// The keys of a sender's queue.
    pub(super) fn of(installation: &str, sender: &str) -> Self {
        Self { config: apalis_redis::Config::default().queue(format!("paceline:{installation}:{sender}")) }
    }

    /// The queue, as apalis describes it.
    pub(super) fn config(&self) -> &apalis_redis::Config {
        &self.config
    }

    /// The channel on which pushes are announced.
    pub(super) fn channel(&self) -> String {
        format!("tasks:{}:available", self.config.active_jobs_list())
    }

    /// A call of a script on these keys; the arguments are to be added.
    pub(super) fn call<'script>(&self, script: &'script Script) -> ScriptInvocation<'script> {
        let mut call = script.prepare_invoke();
        call.key(self.config.active_jobs_list())
            .key(self.config.job_data_hash())
            .key(self.config.job_meta_hash())
            .key(self.config.workers_set())
            .key(self.config.inflight_jobs_set())
            .key(self.config.done_jobs_set())
            .key(self.config.failed_jobs_set())
            .key(format!("{}:counts", self.config.queue.as_ref()));
        call
    }
}
