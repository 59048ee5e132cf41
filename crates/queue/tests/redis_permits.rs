//! The pace over many processes, and when things go wrong. Each story has a server of its own.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use std::sync::Arc;
use std::time::Duration;

use campaign::ids::CampaignId;
use campaign::pacing::Rate;
use campaign::pacing::limiter::{Ask, TOLERANCE};
use clock::{Clock, SettableClock, SystemClock};
use queue::conformance::permits::worst_window;
use queue::redis::RedisPermits;
use queue::redis::limiter::SharedLimiter;
use queue::{Permits, SenderPace};
use servers::Redis;
use tokio::task::JoinSet;

fn sender(name: &str, rate: &str) -> SenderPace {
    SenderPace { name: name.to_owned(), rate: rate.parse::<Rate>().expect("a rate") }
}

fn permits_at(url: &str, instance: &str, clock: &SystemClock) -> RedisPermits {
    queue::redis::connect(url, "x", [], instance, Arc::new(clock.clone())).expect("a URL").1
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).expect("a short run")
}

/// Takes permits and uses each as a worker does: at its instant, or late where that is allowed. Returns when they were
/// used, with the campaign.
async fn work(
    permits: Arc<RedisPermits>,
    pace: SenderPace,
    ask: Ask,
    clock: SystemClock,
    until: Duration,
) -> Vec<(CampaignId, u64)> {
    let mut used = Vec::new();
    while clock.monotonic() < until {
        let Ok(taken) = permits.take(&pace, &ask).await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        for permit in taken {
            clock.sleep_until(Duration::from_micros(permit)).await;
            let now = clock.monotonic();
            if now <= Duration::from_micros(permit) + TOLERANCE {
                used.push((ask.campaign, permit));
            } else if permits.postpone(&pace, ask.campaign, permit).await {
                used.push((ask.campaign, micros(clock.monotonic())));
            }
        }
    }
    used
}

struct Run {
    /// Most in a second.
    worst: usize,
    /// Share of the rate that was granted, after the first permit.
    used: f64,
    /// Share of the first campaign.
    first: f64,
}

/// Takes permits as fast as they come.
async fn take(
    permits: Arc<RedisPermits>,
    pace: SenderPace,
    ask: Ask,
    clock: SystemClock,
    until: Duration,
) -> Vec<(CampaignId, u64)> {
    let mut taken = Vec::new();
    while clock.monotonic() < until {
        let more = permits.take(&pace, &ask).await.expect("permits");
        taken.extend(more.into_iter().map(|at| (ask.campaign, at)));
    }
    taken
}

/// Two campaigns with weights 3 and 1 on eight processes.
async fn eight_processes(redis: &Redis, rate: &str, time: Duration) -> Run {
    let clock = SystemClock::new();
    let pace = sender("a", rate);
    let per_second = pace.rate.per_second();
    let bite = if per_second > 500.0 { 100 } else { 8 };
    let mut tasks = JoinSet::new();
    for i in 0..8 {
        let permits = Arc::new(permits_at(&redis.url(), &format!("w{i}"), &clock));
        for (campaign, weight) in [(1, 3), (2, 1)] {
            let ask = Ask { campaign: CampaignId(campaign), weight, rate: None, permits: bite };
            tasks.spawn(take(permits.clone(), pace.clone(), ask, clock.clone(), time));
        }
    }
    let taken = tasks.join_all().await.into_iter().flatten();
    // What each took last is for later, one bite each whatever the weights.
    let taken: Vec<(CampaignId, u64)> = taken.filter(|taken| taken.1 < micros(time)).collect();
    let mut at: Vec<u64> = taken.iter().map(|taken| taken.1).collect();
    let worst = worst_window(&mut at);
    let span = (at[at.len() - 1] - at[0]) as f64 / 1e6;
    let first = taken.iter().filter(|taken| taken.0 == CampaignId(1)).count();
    Run { worst, used: at.len() as f64 / span / per_second, first: first as f64 / taken.len() as f64 }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_share_a_slow_sender() {
    let redis = Redis::start();
    let run = eight_processes(&redis, "80/s", Duration::from_secs(7)).await;
    assert!(run.worst <= 80, "{}", run.worst);
    assert!(run.used >= 0.97, "{}", run.used);
    assert!((run.first - 0.75).abs() < 0.05, "{}", run.first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_share_a_fast_sender() {
    let redis = Redis::start();
    let run = eight_processes(&redis, "1000/s", Duration::from_secs(7)).await;
    assert!(run.worst <= 1000, "{}", run.worst);
    assert!(run.used >= 0.97, "{}", run.used);
    assert!((run.first - 0.75).abs() < 0.05, "{}", run.first);
}

/// Nobody is left out, however near others are to the server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eight_processes_take_turns() {
    let redis = Redis::start();
    let clock = SystemClock::new();
    let pace = sender("a", "40/s");
    let mut tasks = JoinSet::new();
    for i in 0..8 {
        let permits = Arc::new(permits_at(&redis.url(), &format!("w{i}"), &clock));
        let ask = Ask { campaign: CampaignId(1), weight: 1, rate: None, permits: 4 };
        tasks.spawn(work(permits, pace.clone(), ask, clock.clone(), Duration::from_secs(8)));
    }
    let got: Vec<usize> = tasks.join_all().await.iter().map(Vec::len).collect();
    // 280 in all.
    assert!(got.iter().all(|got| *got >= 25), "{got:?}");
}

/// Faults of Redis while two processes send: never a burst, and it goes on by itself.
async fn through(fault: impl AsyncFnOnce(&Redis)) {
    let redis = Redis::start();
    let clock = SystemClock::new();
    let pace = sender("a", "100/s");
    let end = Duration::from_millis(9_500);
    let mut tasks = JoinSet::new();
    for i in 0..2 {
        let permits = Arc::new(permits_at(&redis.url(), &format!("w{i}"), &clock));
        let ask = Ask { campaign: CampaignId(1), weight: 1, rate: None, permits: 10 };
        tasks.spawn(work(permits, pace.clone(), ask, clock.clone(), end));
    }
    clock.sleep_until(Duration::from_millis(2_500)).await;
    fault(&redis).await;
    let back = clock.monotonic();
    let used = tasks.join_all().await;
    let mut at: Vec<u64> = used.iter().flatten().map(|used| used.1).collect();
    let worst = worst_window(&mut at);
    assert!(worst <= 100, "{worst}");
    let before = at.iter().filter(|at| **at < 2_500_000).count();
    assert!(before >= 110, "{before}");
    // A quiet second, and what it takes to connect again.
    let after = back + Duration::from_millis(3_000);
    let late = at.iter().filter(|at| (micros(after)..micros(end)).contains(at)).count();
    let expected = (end - after).as_secs_f64() * 85.0;
    assert!(late as f64 >= expected, "{late} of {expected}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flush_is_no_burst() {
    through(async |redis| redis.command("FLUSHALL")).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_is_no_burst() {
    through(async |redis| {
        redis.stop();
        tokio::time::sleep(Duration::from_secs(1)).await;
        redis.start_again();
    })
    .await;
}

/// What it reads from the disk lacks the last second: as with a replica that lags behind and takes over.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_with_an_older_state_is_no_burst() {
    through(async |redis| {
        redis.command("SAVE");
        tokio::time::sleep(Duration::from_millis(700)).await;
        redis.stop();
        redis.start_again();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_freeze_is_no_burst() {
    through(async |redis| {
        redis.freeze();
        tokio::time::sleep(Duration::from_secs(3)).await;
        redis.thaw();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_part_of_the_state_that_is_lost_is_no_burst() {
    through(async |redis| {
        redis.command("DEL paceline:x:{a}:permits:log");
        tokio::time::sleep(Duration::from_secs(2)).await;
        redis.command("DEL paceline:x:{a}:permits");
    })
    .await;
}

#[tokio::test]
async fn without_redis_there_are_no_permits() {
    let redis = Redis::start();
    let clock = SystemClock::new();
    let pace = sender("a", "100/s");
    let permits = permits_at(&redis.url(), "w", &clock);
    let ask = Ask { campaign: CampaignId(1), weight: 1, rate: None, permits: 10 };
    let taken = permits.take(&pace, &ask).await.expect("permits");
    redis.freeze();
    let asked = clock.monotonic();
    let asking = (0..20).map(|_| permits.take(&pace, &ask));
    for answer in futures::future::join_all(asking).await {
        answer.expect_err("it stands still");
    }
    assert!(clock.monotonic() - asked < Duration::from_secs(4), "{:?}", clock.monotonic() - asked);
    redis.thaw();
    redis.stop();
    let error = permits.take(&pace, &ask).await.expect_err("it is gone").to_string();
    assert!(error.starts_with("the queue could not"), "{error}");
    permits.slow_down(&pace).await;
    permits.give_back(&pace, CampaignId(1), 1, &taken[1..]).await;
    assert!(!permits.postpone(&pace, CampaignId(1), taken[0]).await);
    redis.start_again();
    permits.take(&pace, &ask).await.expect("permits");
}

/// A sender's state does not grow with the campaigns that it ever had, nor with the processes that ever waited.
#[tokio::test]
async fn the_state_stays_small() {
    let redis = Redis::start();
    let pace = sender("a", "100/s");
    let start = 1_795_000_000_000_000;
    for i in 0..200 {
        let limiter = SharedLimiter::at(&redis.url(), "x", &format!("w{i}")).expect("a URL");
        let rate = (i % 2 == 0).then(|| "5/s".parse::<Rate>().expect("a rate"));
        let ask = Ask { campaign: CampaignId(i), weight: 1, rate, permits: 10 };
        for step in 0..3 {
            let now = start + u64::try_from(i).expect("positive") * 1_000_000 + step;
            limiter.take(&pace, &ask, Some(now)).await.expect("a step");
        }
    }
    let client = redis::Client::open(redis.url()).expect("a URL");
    let mut connection = client.get_multiplexed_async_connection().await.expect("Redis answers");
    let fields: usize =
        redis::cmd("HLEN").arg("paceline:x:{a}:permits").query_async(&mut connection).await.expect("a count");
    let keys: Vec<String> = redis::cmd("KEYS").arg("*").query_async(&mut connection).await.expect("keys");
    assert!(fields < 40 && keys.len() < 20, "{fields} fields, {} keys", keys.len());
    for key in keys {
        let lives: i64 = redis::cmd("PTTL").arg(&key).query_async(&mut connection).await.expect("a time");
        assert!((500_000..1_000_000).contains(&lives), "{key} lives {lives} ms");
    }
}

#[tokio::test]
async fn throttling_slows_down_every_process() {
    let redis = Redis::start();
    let clock = SystemClock::new();
    let pace = sender("a", "100/s");
    let one = permits_at(&redis.url(), "w1", &clock);
    let other = permits_at(&redis.url(), "w2", &clock);
    assert!((other.factor(&pace).await - 1.0).abs() < 1e-9);
    one.slow_down(&pace).await;
    assert!((other.factor(&pace).await - 0.7).abs() < 1e-9);
}

/// An hour of a clock that is set passes at once.
#[tokio::test]
async fn a_clock_that_is_set_can_be_counted_by() {
    let redis = Redis::start();
    let clock = Arc::new(SettableClock::at(SystemClock::new().now()));
    let (_, permits) = queue::redis::connect(&redis.url(), "x", [], "w", clock.clone()).expect("a URL");
    let permits = permits.by_own_clock();
    let pace = sender("a", "10/s");
    let ask = Ask { campaign: CampaignId(1), weight: 1, rate: None, permits: 5 };
    let mut at = Vec::new();
    while clock.monotonic() < Duration::from_secs(60) {
        at.extend(permits.take(&pace, &ask).await.expect("permits"));
    }
    assert!(worst_window(&mut at) <= 10);
    assert!(at.len() > 570, "{}", at.len());
}
