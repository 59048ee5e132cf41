//! The same seed decides the same, whatever the order and the time of arrivals.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use simulator::{Config, Number, Profile};

use crate::harness::{World, config, message, phone};

/// For each recipient: what each of its attempts was answered, and the fates of its messages.
async fn outcomes(
    seed: u64,
    order: impl Iterator<Item = u32>,
    pause: TimeDelta,
) -> BTreeMap<String, Vec<String>> {
    let calm =
        Profile { response: Profile::none().response, lost_hold_ms: 1, slow_body_ms: 1, ..Profile::rough() };
    let numbers = vec![Number { throughput_per_second: 1_000_000, ..Number::default() }];
    let world = World::start(Config { seed, profile: calm, numbers, ..config() }).await;
    for n in order {
        // Some answers never come: the simulator's own record says what happened.
        let _ = world.try_send(&message(&phone(n), "hello")).await;
        world.advance(pause);
    }
    let mut outcomes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for request in world.sim.requests() {
        let answer = serde_json::to_string(&request.answer).unwrap();
        outcomes.entry(request.recipient.unwrap()).or_default().push(answer);
    }
    for entry in world.sim.ledger() {
        let first = entry.arrived_at;
        let times: Vec<String> =
            entry.truth.timeline.iter().map(|e| format!("{:?} {}", e.status, e.at - first)).collect();
        outcomes.entry(entry.recipient).or_default().push(format!("{:?} {times:?}", entry.truth.fate));
    }
    outcomes
}

#[tokio::test]
async fn outcomes_follow_from_the_seed_alone() {
    let twice = || (0..60).chain(0..60);
    let forwards = outcomes(7, twice(), TimeDelta::zero()).await;
    let backwards = outcomes(7, twice().rev(), TimeDelta::milliseconds(50)).await;
    assert_eq!(forwards, backwards);
    assert_ne!(forwards, outcomes(8, twice(), TimeDelta::zero()).await);
}
