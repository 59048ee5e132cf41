//! Faults on the wire: which of them leave a message in the ledger.

use std::error::Error as _;
use std::time::{Duration, Instant};

use serde_json::Value;
use simulator::{Answer, Config, Outcome, Profile, Rule};

use crate::harness::{World, config, message, phone, profile};

fn all_of(change: impl FnOnce(&mut Profile)) -> Config {
    Config { profile: profile(change), ..config() }
}

#[tokio::test]
async fn errors_before_acceptance_are_not_in_the_ledger() {
    let world = World::start(all_of(|p| p.error_before = 1.0)).await;
    for n in 0..20 {
        let answered = world.send_to(n, "hello").await;
        assert!(matches!(answered.http, 500 | 502 | 503), "{answered:?}");
    }
    assert_eq!(world.sim.accepted(), 0);
    assert!(world.sim.requests().iter().all(|r| matches!(r.answer, Answer::ErrorBefore { .. })));
}

#[tokio::test]
async fn errors_after_acceptance_are_in_the_ledger_and_are_told_by_webhook() {
    let world = World::start(all_of(|p| p.error_after = 1.0)).await;
    let answered = world.send_to(1, "hello").await;
    assert!(answered.http >= 500, "{answered:?}");
    let ledger = world.sim.ledger();
    assert_eq!(world.sim.requests()[0].answer.wamid(), Some(ledger[0].wamid.as_str()));
    world.sim.clock().advance(Duration::from_secs(10)).unwrap();
    world.sim.pump().await;
    assert_eq!(world.receiver.of(&ledger[0].wamid)[..2], ["sent", "delivered"]);
    assert_eq!(world.receiver.statuses()[0]["biz_opaque_callback_data"], format!("key-of-{}", phone(1)));
}

#[tokio::test]
async fn a_lost_response_is_held_and_then_the_connection_closes() {
    let world = World::start(all_of(|p| (p.lost, p.lost_hold_ms) = (1.0, 300))).await;
    let before = Instant::now();
    let error = world.try_send(&message(&phone(1), "hello")).await.unwrap_err();
    assert!(before.elapsed() >= Duration::from_millis(300) && !error.is_connect(), "{error:?}");
    assert_eq!(world.sim.accepted(), 1);
    assert!(matches!(world.sim.requests()[0].answer, Answer::Lost { .. }));
}

#[tokio::test]
async fn a_client_that_gives_up_changes_nothing() {
    let world = World::start(config()).await;
    world.sim.script(Rule::next(1, Outcome::Lost { hold_ms: 60_000 }));
    let url = world.url("106540352242922/marketing_messages");
    let request = world.client.post(url).bearer_auth("sim-token").json(&message(&phone(1), "hello"));
    let error = request.timeout(Duration::from_millis(200)).send().await.unwrap_err();
    assert!(error.is_timeout());
    assert_eq!(world.sim.accepted(), 1);
    assert_eq!(world.send_to(2, "hello").await.http, 200);
}

fn is_reset(error: &reqwest::Error) -> bool {
    let mut source = error.source();
    while let Some(cause) = source {
        if cause
            .downcast_ref::<std::io::Error>()
            .is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionReset)
        {
            return true;
        }
        source = cause.source();
    }
    false
}

#[tokio::test]
async fn resets_are_real_before_and_after_acceptance() {
    let world = World::start(config()).await;
    world.sim.script(Rule::to(phone(1), Outcome::ResetBefore));
    world.sim.script(Rule::to(phone(2), Outcome::ResetAfter));
    for n in [1, 2] {
        let error = world.try_send(&message(&phone(n), "hello")).await.unwrap_err();
        assert!(is_reset(&error), "{error:?}");
    }
    let ledger = world.sim.ledger();
    assert_eq!(ledger.len(), 1);
    assert_eq!(ledger[0].recipient, phone(2));
    let answers: Vec<Answer> = world.sim.requests().into_iter().map(|request| request.answer).collect();
    assert_eq!(answers, [Answer::ResetBefore, Answer::ResetAfter { wamid: ledger[0].wamid.clone() }]);
}

#[tokio::test]
async fn a_slow_body_comes_whole_in_the_end() {
    let world = World::start(config()).await;
    world.sim.script(Rule::next(1, Outcome::SlowBody { over_ms: 400 }));
    let before = Instant::now();
    let answered = world.send_to(1, "hello").await;
    assert!(before.elapsed() >= Duration::from_millis(300));
    assert_eq!(answered.wamid(), world.sim.ledger()[0].wamid);
}

#[tokio::test]
async fn throttling_may_come_without_cause() {
    let world = World::start(all_of(|p| p.throttled = 1.0)).await;
    assert_eq!(world.send_to(1, "hello").await.code(), 130429);
    assert_eq!(world.sim.accepted(), 0);
}

#[tokio::test]
async fn any_code_can_be_forced_with_its_status_and_headers() {
    let world = World::start(config()).await;
    let rules: Value = serde_json::json!([
        { "template": "sale", "times": 2, "outcome": { "kind": "error", "code": 131042 } },
        { "recipient": "919800000007", "outcome": { "kind": "error", "code": 4, "http": 429, "headers": { "Retry-After": "17" } } }
    ]);
    for rule in rules.as_array().unwrap() {
        world.sim.script(serde_json::from_value(rule.clone()).unwrap());
    }
    for _ in 0..2 {
        assert_eq!(world.send_to(1, "sale").await.code(), 131042);
    }
    assert_eq!(world.send_to(1, "sale").await.http, 200, "two times are used up");
    let url = world.url("106540352242922/marketing_messages");
    let request = world.client.post(url).bearer_auth("sim-token").json(&message("+919800000007", "hello"));
    let response = request.send().await.unwrap();
    assert_eq!(
        (response.status().as_u16(), response.headers()["retry-after"].to_str().unwrap()),
        (429, "17")
    );
    world.sim.clear_script();
    assert_eq!(world.send_to(7, "hello").await.http, 200);
    world.sim.script(Rule::template("hello", Outcome::ErrorBefore { http: 503 }).times(1));
    let down = world.send_to(8, "hello").await;
    assert_eq!((down.http, down.code()), (503, 2));
}

#[tokio::test]
async fn a_held_message_goes_on_or_is_dropped() {
    let world = World::start(config()).await;
    world.sim.script(Rule::to(phone(1), Outcome::Held { seconds: 600, dropped: false }));
    world.sim.script(Rule::to(phone(2), Outcome::Held { seconds: 600, dropped: true }));
    let (goes_on, dropped) = (world.send_to(1, "hello").await, world.send_to(2, "hello").await);
    assert_eq!(goes_on.body["messages"][0]["message_status"], "held_for_quality_assessment");
    world.sim.clock().advance(Duration::from_secs(599)).unwrap();
    assert_eq!(world.sim.pump().await, 0);
    world.sim.clock().advance(Duration::from_secs(30)).unwrap();
    world.sim.pump().await;
    assert_eq!(world.receiver.of(&goes_on.wamid())[..2], ["sent", "delivered"]);
    assert_eq!(world.receiver.of(&dropped.wamid()), ["failed"]);
}
