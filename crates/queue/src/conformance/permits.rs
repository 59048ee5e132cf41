//! What permits must do.

use std::sync::Arc;
use std::time::Duration;

use campaign::ids::CampaignId;
use campaign::pacing::Rate;
use campaign::pacing::limiter::{Ask, LEAD};
use clock::{Clock, SystemClock};

use crate::{SenderPace, SharedPermits};

fn sender(rate: &str) -> SenderPace {
    SenderPace { name: format!("sender-{rate}"), rate: rate.parse::<Rate>().expect("a rate") }
}

fn ask(campaign: i64, weight: u32, permits: u32) -> Ask {
    Ask { campaign: CampaignId(campaign), weight, rate: None, permits }
}

/// The most instants in any half-open window of one second.
#[must_use]
pub fn worst_window(instants: &mut [u64]) -> usize {
    instants.sort_unstable();
    let (mut start, mut worst) = (0, 0);
    for end in 0..instants.len() {
        while instants[end] - instants[start] >= 1_000_000 {
            start += 1;
        }
        worst = worst.max(end - start + 1);
    }
    worst
}

/// Takes permits with several takers at once for some seconds of real time.
async fn take_for(
    permits: &SharedPermits,
    pace: &SenderPace,
    takers: &[Ask],
    time: Duration,
) -> Vec<(CampaignId, u64)> {
    let clock = SystemClock::new();
    let tasks: Vec<_> = takers
        .iter()
        .map(|ask| {
            let (permits, pace, ask, clock) = (permits.clone(), pace.clone(), *ask, clock.clone());
            tokio::spawn(async move {
                let mut mine = Vec::new();
                while clock.monotonic() < time {
                    let taken = permits.take(&pace, &ask).await.expect("permits");
                    mine.extend(taken.into_iter().map(|at| (ask.campaign, at)));
                }
                mine
            })
        })
        .collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.expect("a taker"));
    }
    all
}

/// No one-second window has more permits than the rate, however many take, and the rate is used.
pub async fn the_pace_is_global(permits: SharedPermits) {
    for rate in ["80/s", "1000/s"] {
        let pace = sender(rate);
        let per_second = pace.rate.per_second();
        let bite = if rate == "80/s" { 8 } else { 100 };
        let takers = vec![ask(1, 1, bite); 8];
        let got = take_for(&permits, &pace, &takers, Duration::from_secs(5)).await;
        let mut instants: Vec<u64> = got.iter().map(|g| g.1).collect();
        assert!(worst_window(&mut instants) as f64 <= per_second, "{rate}: {}", worst_window(&mut instants));
        let span = (instants[instants.len() - 1] - instants[0]) as f64 / 1e6;
        let used = instants.len() as f64 / span / per_second;
        assert!(used >= 0.97, "{rate}: {used}");
    }
}

/// Each sender has a pace of its own.
pub async fn senders_have_each_their_own_pace(permits: SharedPermits) {
    let time = Duration::from_secs(4);
    let paces = ["one", "two"].map(|name| SenderPace { name: name.to_owned(), ..sender("60/s") });
    let askers = [ask(1, 1, 6); 2];
    let (one, two) = tokio::join!(
        take_for(&permits, &paces[0], &askers, time),
        take_for(&permits, &paces[1], &askers, time)
    );
    for got in [one, two] {
        let mut instants: Vec<u64> = got.iter().map(|g| g.1).collect();
        assert!(worst_window(&mut instants) <= 60);
        // The quiet second, then 58.6 a second.
        assert!(instants.len() >= 170, "{}", instants.len());
    }
}

/// Campaigns share a sender by their weights.
pub async fn weights_are_kept(permits: SharedPermits) {
    let pace = sender("200/s");
    let takers = [ask(1, 3, 20), ask(1, 3, 20), ask(2, 1, 20), ask(2, 1, 20)];
    let got = take_for(&permits, &pace, &takers, Duration::from_secs(5)).await;
    let first = got.iter().filter(|g| g.0 == CampaignId(1)).count() as f64;
    let share = first / got.len() as f64;
    assert!((share - 0.75).abs() < 0.05, "{share}");
}

/// A campaign's own rate holds, and leaves the sender to the others.
pub async fn a_campaigns_own_rate_holds(permits: SharedPermits) {
    let pace = sender("100/s");
    let slow = Ask { rate: "10/s".parse().ok(), ..ask(1, 1, 10) };
    let got = take_for(&permits, &pace, &[slow, slow, ask(2, 1, 10)], Duration::from_secs(5)).await;
    let mut of_slow: Vec<u64> = got.iter().filter(|g| g.0 == CampaignId(1)).map(|g| g.1).collect();
    assert!(worst_window(&mut of_slow) <= 10);
    assert!(of_slow.len() >= 30, "{}", of_slow.len());
    let mut all: Vec<u64> = got.iter().map(|g| g.1).collect();
    assert!(worst_window(&mut all) <= 100);
    assert!(all.len() >= 370, "{}", all.len());
}

/// State that is new, or was lost, never allows a burst: a whole second is quiet first.
pub async fn it_starts_empty(permits: SharedPermits, clock: Arc<dyn Clock>) {
    let asked = clock.monotonic();
    let first = permits.take(&sender("500/s"), &ask(1, 1, 50)).await.expect("permits");
    assert!(Duration::from_micros(first[0]) >= asked + Duration::from_secs(1));
}

/// Permits come with enough time for a claim, and not too early.
pub async fn permits_come_just_in_time(permits: SharedPermits, clock: Arc<dyn Clock>) {
    let pace = sender("50/s");
    for _ in 0..20 {
        let first = permits.take(&pace, &ask(1, 1, 5)).await.expect("permits");
        let ahead = Duration::from_micros(first[0]).saturating_sub(clock.monotonic());
        assert!(ahead <= LEAD + Duration::from_millis(1), "{ahead:?}");
    }
}

/// Throttling slows everybody down.
pub async fn throttling_slows_down(permits: SharedPermits) {
    let pace = sender("300/s");
    permits.take(&pace, &ask(1, 1, 1)).await.expect("permits");
    permits.slow_down(&pace).await;
    let factor = permits.factor(&pace).await;
    assert!((0.65..0.75).contains(&factor), "{factor}");
}

/// What is given back can be taken again.
pub async fn given_back_permits_are_not_lost(permits: SharedPermits) {
    let pace = sender("40/s");
    let mut used = 0;
    let clock = SystemClock::new();
    while clock.monotonic() < Duration::from_secs(5) {
        let taken = permits.take(&pace, &ask(1, 1, 4)).await.expect("permits");
        // Every second bite's last permit goes unused.
        let (keep, back) = taken.split_at(taken.len() - 1);
        permits.give_back(&pace, CampaignId(1), 1, back).await;
        used += keep.len();
    }
    // Without giving back, a quarter of 40/s over the 4 s after the quiet second would be lost.
    assert!(used >= 138, "{used}");
}

/// A permit that is used late counts from then; one that is too old is not used at all.
pub async fn late_permits_count_from_their_use(permits: SharedPermits, clock: Arc<dyn Clock>) {
    let pace = sender("20/s");
    let mut used = Vec::new();
    while used.len() < 60 {
        for permit in permits.take(&pace, &ask(1, 1, 2)).await.expect("permits") {
            clock.sleep_until(Duration::from_micros(permit) + Duration::from_millis(40)).await;
            if permits.postpone(&pace, CampaignId(1), permit).await {
                used.push(u64::try_from(clock.monotonic().as_micros()).expect("a short run"));
            }
        }
    }
    assert!(worst_window(&mut used) <= 20);
    let once = permits.take(&pace, &ask(1, 1, 1)).await.expect("permits");
    clock.sleep_until(Duration::from_micros(once[0]) + Duration::from_millis(10)).await;
    assert!(permits.postpone(&pace, CampaignId(1), once[0]).await);
    assert!(!permits.postpone(&pace, CampaignId(1), once[0]).await, "it was used");
    let old = permits.take(&pace, &ask(1, 1, 1)).await.expect("permits");
    clock.sleep(Duration::from_millis(1_200)).await;
    assert!(!permits.postpone(&pace, CampaignId(1), old[0]).await);
}
