//! The script of the pace against the limiter it is a copy of: the same steps, the same answers.

#![expect(clippy::expect_used, reason = "helpers of tests")]

use campaign::ids::CampaignId;
use campaign::pacing::Rate;
use campaign::pacing::limiter::{Answer, Ask, Limiter};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed, TestRunner};
use queue::SenderPace;
use queue::redis::limiter::SharedLimiter;
use servers::Redis;

const RATES: [&str; 11] =
    ["20/s", "80/s", "1000/s", "1/s", "100/s", "333/s", "7.5/s", "90/m", "30/m", "12/s", "2000/s"];
const OWN: [Option<&str>; 7] =
    [None, None, Some("7/s"), Some("10/s"), Some("40/m"), Some("6/m"), Some("60.5/s")];

#[derive(Debug, Clone)]
enum Step {
    Take {
        campaign: i64,
        weight: u32,
        own: usize,
        permits: u32,
    },
    /// Gives back the last so many of the permits that are out.
    GiveBack {
        campaign: i64,
        weight: u32,
        count: usize,
    },
    /// Postpones the n-th of the permits that are out, or one that never was.
    Postpone {
        nth: usize,
    },
    SlowDown,
    SetRate {
        rate: usize,
    },
}

/// When a step is taken.
#[derive(Debug, Clone)]
enum When {
    /// So much later.
    After(u64),
    /// So much after the instant at which somebody was last told to ask again.
    Told(u64),
}

fn steps() -> impl Strategy<Value = Vec<(When, Step)>> {
    let campaign = 1i64..5;
    let step = prop_oneof![
        12 => (campaign.clone(), 1u32..5, 0..OWN.len(), 1u32..300)
            .prop_map(|(campaign, weight, own, permits)| Step::Take { campaign, weight, own, permits }),
        2 => (campaign, 1u32..5, 0usize..12)
            .prop_map(|(campaign, weight, count)| Step::GiveBack { campaign, weight, count }),
        4 => (0usize..60).prop_map(|nth| Step::Postpone { nth }),
        2 => Just(Step::SlowDown),
        1 => (0..RATES.len()).prop_map(|rate| Step::SetRate { rate }),
    ];
    // Where a comparison of two instants turns over, too.
    let edges = vec![0, 1, 2, 49_999, 50_000, 50_001, 100_000, 200_000, 999_999, 1_000_000, 10_000_000];
    let edge = proptest::sample::select(edges);
    let when = prop_oneof![
        3 => (0u64..3_000).prop_map(When::After),
        5 => (0u64..120_000).prop_map(When::After),
        3 => (0u64..1_500_000).prop_map(When::After),
        1 => (0u64..15_000_000).prop_map(When::After),
        2 => edge.clone().prop_map(When::After),
        3 => edge.prop_map(When::Told),
    ];
    proptest::collection::vec((when, step), 1..120)
}

fn rate(text: &str) -> Rate {
    text.parse().expect("a rate")
}

/// The server's clock counts from 1970: as many digits as there really are.
const START: u64 = 1_795_000_000_000_000;

async fn compare(shared: &SharedLimiter, name: String, first_rate: usize, steps: Vec<(When, Step)>) {
    let mut now = START;
    let mut sender = SenderPace { name, rate: rate(RATES[first_rate]) };
    let mut limiter = Limiter::new(sender.rate, now);
    shared.slow_down(&sender, Some(now)).await.expect("a step");
    limiter.slow_down(now);
    let mut out: Vec<(i64, u64)> = Vec::new();
    let mut told = now;
    for (i, (when, step)) in steps.into_iter().enumerate() {
        now = match when {
            When::After(wait) => now + wait,
            When::Told(after) => now.max(told + after),
        };
        limiter.set_rate(sender.rate);
        match step.clone() {
            Step::Take { campaign, weight, own, permits } => {
                let ask = Ask { campaign: CampaignId(campaign), weight, rate: OWN[own].map(rate), permits };
                let expected = limiter.take(&ask, now);
                let got = shared.take(&sender, &ask, Some(now)).await.expect("a step");
                assert_eq!(got.answer, expected, "step {i}, {step:?}, at {now}");
                match expected {
                    Answer::Granted(permits) => {
                        out.extend(permits.into_iter().map(|permit| (campaign, permit)))
                    }
                    Answer::AskAgainAt(at) => told = at,
                }
            }
            Step::GiveBack { campaign, weight, count } => {
                let mine: Vec<u64> =
                    out.iter().rev().filter(|o| o.0 == campaign).take(count).map(|o| o.1).collect();
                out.retain(|o| o.0 != campaign || !mine.contains(&o.1));
                limiter.give_back(CampaignId(campaign), weight, &mine);
                shared
                    .give_back(&sender, CampaignId(campaign), weight, &mine, Some(now))
                    .await
                    .expect("a step");
            }
            Step::Postpone { nth } => {
                let known = out.len().checked_sub(nth + 1).map(|i| out.remove(i));
                let (campaign, permit) = known.unwrap_or((1, now - 1));
                let expected = limiter.postpone(CampaignId(campaign), permit, now);
                let got =
                    shared.postpone(&sender, CampaignId(campaign), permit, Some(now)).await.expect("a step");
                assert_eq!(got.answer, expected, "step {i}, {step:?}, {permit} at {now}");
                if expected {
                    out.push((campaign, permit.max(now)));
                }
            }
            Step::SlowDown => {
                limiter.slow_down(now);
                shared.slow_down(&sender, Some(now)).await.expect("a step");
            }
            Step::SetRate { rate: next } => sender.rate = rate(RATES[next]),
        }
        limiter.set_rate(sender.rate);
        let factor = shared.factor(&sender, Some(now)).await.expect("a step").answer;
        assert!((factor - limiter.factor()).abs() < 1e-9, "step {i}: {factor} and {}", limiter.factor());
    }
}

/// Each way down and up again, where a rounding more would make a rate of 75 a second one of 74.
#[test]
fn the_script_recovers_as_the_limiter_does() {
    let redis = Redis::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let shared = SharedLimiter::at(&redis.url(), "x", "test").expect("a URL");
    let take = || Step::Take { campaign: 1, weight: 1, own: 0, permits: 300 };
    for first in [2, 4] {
        for times in [0, 1, 2, 3, 10] {
            for seconds in 1..20 {
                let mut steps = vec![(When::After(0), take())];
                steps.extend((0..times).map(|_| (When::After(1_000_000), Step::SlowDown)));
                // Some windows in full show their capacity.
                steps.push((When::After(seconds * 1_000_000), take()));
                steps.extend((0..12).map(|_| (When::Told(0), take())));
                runtime.block_on(compare(&shared, format!("sender-{first}-{times}-{seconds}"), first, steps));
            }
        }
    }
}

#[test]
fn the_script_answers_as_the_limiter_does() {
    let redis = Redis::start();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let shared = SharedLimiter::at(&redis.url(), "x", "test").expect("a URL");
    let config = Config { cases: 400, failure_persistence: None, ..Config::default() };
    let case = std::cell::Cell::new(0);
    let result = TestRunner::new(Config { rng_seed: RngSeed::Fixed(20), ..config }).run(
        &(0..RATES.len(), steps()),
        |(first, steps)| {
            case.set(case.get() + 1);
            runtime.block_on(compare(&shared, format!("sender-{}", case.get()), first, steps));
            Ok(())
        },
    );
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// Takes until something is granted; when that is.
async fn first_grant(shared: &SharedLimiter, sender: &SenderPace, mut now: u64) -> u64 {
    let ask = Ask { campaign: CampaignId(1), weight: 1, rate: None, permits: 5 };
    loop {
        match shared.take(sender, &ask, Some(now)).await.expect("a step").answer {
            Answer::Granted(permits) => return permits[0],
            Answer::AskAgainAt(at) => now = at,
        }
    }
}

#[tokio::test]
async fn a_clock_that_goes_back_stalls_nobody() {
    let redis = Redis::start();
    let shared = SharedLimiter::at(&redis.url(), "x", "test").expect("a URL");
    let sender = SenderPace { name: "a".to_owned(), rate: rate("50/s") };
    let window = 1_024_000;
    assert_eq!(first_grant(&shared, &sender, START).await, START + window + window / 50);
    for _ in 0..20 {
        first_grant(&shared, &sender, START + 2_000_000).await;
    }
    // By less than what a permit may lie ahead: what was granted still counts.
    let back = START + 1_500_000;
    assert!(first_grant(&shared, &sender, back).await < back + 2_500_000);
    // By an hour: nothing is known of what was just sent.
    let back = START - 3_600_000_000;
    let first = first_grant(&shared, &sender, back).await;
    assert!((back + 1_000_000..back + 1_100_000).contains(&first), "{} later", first - back);
}

#[tokio::test]
async fn a_pace_that_begins_anew_is_quiet_for_a_second() {
    let redis = Redis::start();
    let shared = SharedLimiter::at(&redis.url(), "x", "test").expect("a URL");
    let sender = SenderPace { name: "a".to_owned(), rate: rate("50/s") };
    let ask = Ask { campaign: CampaignId(1), weight: 1, rate: None, permits: 5 };
    shared.take(&sender, &ask, None).await.expect("a step");
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
    let granted = shared.take(&sender, &ask, None).await.expect("a step").answer;
    assert!(matches!(granted, Answer::Granted(_)), "{granted:?}");
    shared.reset(&sender).await.expect("a step");
    let step = shared.take(&sender, &ask, None).await.expect("a step");
    let Answer::AskAgainAt(at) = step.answer else { panic!("{:?}", step.answer) };
    assert!(at > step.now + 900_000, "{}", at - step.now);
}
