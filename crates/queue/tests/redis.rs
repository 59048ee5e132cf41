//! The conformance suite over the queue and the permits in Redis. Each story has a server of its own.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::sync::Arc;

use clock::{SharedClock, SystemClock};
use queue::conformance::{inspection, jobs, permits};
use queue::{SharedInspect, SharedPermits, SharedQueue};
use servers::Redis;

fn queue_of(redis: &Redis, senders: &[&str]) -> SharedQueue {
    both_of(redis, senders).0
}

fn both_of(redis: &Redis, senders: &[&str]) -> (SharedQueue, SharedInspect) {
    let senders = senders.iter().map(|&sender| sender.to_owned());
    let clock = Arc::new(SystemClock::new());
    let (queue, _) = queue::redis::connect(&redis.url(), "x", senders, "test", clock).expect("a URL");
    let queue = Arc::new(queue);
    (queue.clone(), queue)
}

fn permits_and_clock(redis: &Redis) -> (SharedPermits, SharedClock) {
    let clock: SharedClock = Arc::new(SystemClock::new());
    let (_, permits) = queue::redis::connect(&redis.url(), "x", [], "test", clock.clone()).expect("a URL");
    (Arc::new(permits), clock)
}

#[tokio::test]
async fn delivers_every_job() {
    let redis = Redis::start();
    jobs::delivers_every_job(queue_of(&redis, &["a", "b"])).await;
}

#[tokio::test]
async fn keeps_to_its_concurrency() {
    let redis = Redis::start();
    jobs::keeps_to_its_concurrency(queue_of(&redis, &["a"])).await;
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_hand() {
    let redis = Redis::start();
    jobs::a_stop_finishes_what_is_in_hand(queue_of(&redis, &["a"])).await;
}

#[tokio::test]
async fn a_panic_is_one_jobs_outcome() {
    let redis = Redis::start();
    jobs::a_panic_is_one_jobs_outcome(queue_of(&redis, &["a"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pace_is_global() {
    let redis = Redis::start();
    permits::the_pace_is_global(permits_and_clock(&redis).0).await;
}

#[tokio::test]
async fn a_job_pushed_again_is_not_lost_and_not_doubled() {
    let redis = Redis::start();
    jobs::a_job_pushed_again_is_not_lost_and_not_doubled(queue_of(&redis, &["a"])).await;
}

#[tokio::test]
async fn a_backlog_holds_up_no_other_sender() {
    let redis = Redis::start();
    jobs::a_backlog_holds_up_no_other_sender(queue_of(&redis, &["a", "b"])).await;
}

#[tokio::test]
async fn senders_have_each_their_own_pace() {
    let redis = Redis::start();
    permits::senders_have_each_their_own_pace(permits_and_clock(&redis).0).await;
}

#[tokio::test]
async fn weights_are_kept() {
    let redis = Redis::start();
    permits::weights_are_kept(permits_and_clock(&redis).0).await;
}

#[tokio::test]
async fn a_campaigns_own_rate_holds() {
    let redis = Redis::start();
    permits::a_campaigns_own_rate_holds(permits_and_clock(&redis).0).await;
}

#[tokio::test]
async fn it_starts_empty() {
    let redis = Redis::start();
    let (permits, clock) = permits_and_clock(&redis);
    permits::it_starts_empty(permits, clock).await;
}

#[tokio::test]
async fn permits_come_just_in_time() {
    let redis = Redis::start();
    let (permits, clock) = permits_and_clock(&redis);
    permits::permits_come_just_in_time(permits, clock).await;
}

#[tokio::test]
async fn throttling_slows_down() {
    let redis = Redis::start();
    permits::throttling_slows_down(permits_and_clock(&redis).0).await;
}

#[tokio::test]
async fn given_back_permits_are_not_lost() {
    let redis = Redis::start();
    permits::given_back_permits_are_not_lost(permits_and_clock(&redis).0).await;
}

#[tokio::test]
async fn late_permits_count_from_their_use() {
    let redis = Redis::start();
    let (permits, clock) = permits_and_clock(&redis);
    permits::late_permits_count_from_their_use(permits, clock).await;
}

#[tokio::test]
async fn a_job_in_hand_that_is_pushed_again_goes_to_others() {
    let redis = Redis::start();
    jobs::a_job_in_hand_that_is_pushed_again_goes_to_others(queue_of(&redis, &["a"])).await;
}

#[tokio::test]
async fn a_job_put_back_goes_to_whoever_is_ready() {
    let redis = Redis::start();
    jobs::a_job_put_back_goes_to_whoever_is_ready(queue_of(&redis, &["a"])).await;
}

#[tokio::test]
async fn jobs_that_hang_hold_up_no_other_sender() {
    let redis = Redis::start();
    jobs::jobs_that_hang_hold_up_no_other_sender(queue_of(&redis, &["a", "b", "c"])).await;
}

#[tokio::test]
async fn what_runs_is_told() {
    let redis = Redis::start();
    inspection::what_runs_is_told(both_of(&redis, &["a", "b"])).await;
}

#[tokio::test]
async fn what_is_done_is_told() {
    let redis = Redis::start();
    inspection::what_is_done_is_told(both_of(&redis, &["a", "b"])).await;
}

#[tokio::test]
async fn only_the_last_ones_are_kept() {
    let redis = Redis::start();
    inspection::only_the_last_ones_are_kept(both_of(&redis, &["a"])).await;
}

#[tokio::test]
async fn what_is_put_back_is_told() {
    let redis = Redis::start();
    inspection::what_is_put_back_is_told(both_of(&redis, &["a"])).await;
}

#[tokio::test]
async fn what_panicked_is_told() {
    let redis = Redis::start();
    inspection::what_panicked_is_told(both_of(&redis, &["a"])).await;
}

#[tokio::test]
async fn a_worker_that_died_is_told() {
    let redis = Redis::start();
    inspection::a_worker_that_died_is_told(both_of(&redis, &["a"])).await;
}
