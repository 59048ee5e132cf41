//! The conformance suite over the queue and the permits in memory.

use std::sync::Arc;

use clock::{SharedClock, SystemClock};
use queue::conformance::{inspection, jobs, permits};
use queue::memory::{MemoryPermits, MemoryQueue};
use queue::{SharedInspect, SharedPermits, SharedQueue};

fn queue_of(senders: &[&str]) -> SharedQueue {
    both_of(senders).0
}

fn both_of(senders: &[&str]) -> (SharedQueue, SharedInspect) {
    let queue = Arc::new(MemoryQueue::new(senders.iter().map(|&sender| sender.to_owned())));
    (queue.clone(), queue)
}

fn permits_and_clock() -> (SharedPermits, SharedClock) {
    let clock: SharedClock = Arc::new(SystemClock::new());
    (Arc::new(MemoryPermits::new(clock.clone())), clock)
}

#[tokio::test]
async fn delivers_every_job() {
    jobs::delivers_every_job(queue_of(&["a", "b"])).await;
}

#[tokio::test]
async fn keeps_to_its_concurrency() {
    jobs::keeps_to_its_concurrency(queue_of(&["a"])).await;
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_hand() {
    jobs::a_stop_finishes_what_is_in_hand(queue_of(&["a"])).await;
}

#[tokio::test]
async fn a_panic_is_one_jobs_outcome() {
    jobs::a_panic_is_one_jobs_outcome(queue_of(&["a"])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pace_is_global() {
    permits::the_pace_is_global(permits_and_clock().0).await;
}

#[tokio::test]
async fn a_job_pushed_again_is_not_lost_and_not_doubled() {
    jobs::a_job_pushed_again_is_not_lost_and_not_doubled(queue_of(&["a"])).await;
}

#[tokio::test]
async fn a_backlog_holds_up_no_other_sender() {
    jobs::a_backlog_holds_up_no_other_sender(queue_of(&["a", "b"])).await;
}

#[tokio::test]
async fn senders_have_each_their_own_pace() {
    permits::senders_have_each_their_own_pace(permits_and_clock().0).await;
}

#[tokio::test]
async fn weights_are_kept() {
    permits::weights_are_kept(permits_and_clock().0).await;
}

#[tokio::test]
async fn a_campaigns_own_rate_holds() {
    permits::a_campaigns_own_rate_holds(permits_and_clock().0).await;
}

#[tokio::test]
async fn it_starts_empty() {
    let (permits, clock) = permits_and_clock();
    permits::it_starts_empty(permits, clock).await;
}

#[tokio::test]
async fn permits_come_just_in_time() {
    let (permits, clock) = permits_and_clock();
    permits::permits_come_just_in_time(permits, clock).await;
}

#[tokio::test]
async fn throttling_slows_down() {
    permits::throttling_slows_down(permits_and_clock().0).await;
}

#[tokio::test]
async fn given_back_permits_are_not_lost() {
    permits::given_back_permits_are_not_lost(permits_and_clock().0).await;
}

#[tokio::test]
async fn late_permits_count_from_their_use() {
    let (permits, clock) = permits_and_clock();
    permits::late_permits_count_from_their_use(permits, clock).await;
}

#[tokio::test]
async fn a_job_in_hand_that_is_pushed_again_goes_to_others() {
    jobs::a_job_in_hand_that_is_pushed_again_goes_to_others(queue_of(&["a"])).await;
}

#[tokio::test]
async fn a_job_put_back_goes_to_whoever_is_ready() {
    jobs::a_job_put_back_goes_to_whoever_is_ready(queue_of(&["a"])).await;
}

#[tokio::test]
async fn jobs_that_hang_hold_up_no_other_sender() {
    jobs::jobs_that_hang_hold_up_no_other_sender(queue_of(&["a", "b", "c"])).await;
}

#[tokio::test]
async fn what_runs_is_told() {
    inspection::what_runs_is_told(both_of(&["a", "b"])).await;
}

#[tokio::test]
async fn what_is_done_is_told() {
    inspection::what_is_done_is_told(both_of(&["a", "b"])).await;
}

#[tokio::test]
async fn only_the_last_ones_are_kept() {
    inspection::only_the_last_ones_are_kept(both_of(&["a"])).await;
}

#[tokio::test]
async fn what_is_put_back_is_told() {
    inspection::what_is_put_back_is_told(both_of(&["a"])).await;
}

#[tokio::test]
async fn what_panicked_is_told() {
    inspection::what_panicked_is_told(both_of(&["a"])).await;
}

#[tokio::test]
async fn a_worker_that_died_is_told() {
    inspection::a_worker_that_died_is_told(both_of(&["a"])).await;
}
