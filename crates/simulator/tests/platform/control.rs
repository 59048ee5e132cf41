//! Control over HTTP, as a test of a separate process uses it.

use std::time::Duration;

use serde_json::{Value, json};
use simulator::{LedgerEntry, Profile, RequestRecord};

use crate::harness::{NUMBER, SECRET, World, config, message, phone, real_config};

impl World {
    async fn control(&self, path: &str, body: Value) -> (u16, Value) {
        let url = format!("{}/_sim/{path}", self.sim.base_url());
        let response = self.client.post(url).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn lines<T: serde::de::DeserializeOwned>(&self, path: &str) -> Vec<T> {
        let url = format!("{}/_sim/{path}", self.sim.base_url());
        let text = self.client.get(url).send().await.unwrap().text().await.unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[tokio::test]
async fn a_simulator_elsewhere_is_read_and_driven_over_http() {
    let world = World::start(config()).await;
    world.sim.clear_webhook();
    let (http, _) =
        world.control("webhook", json!({ "url": world.receiver.url, "app_secret": SECRET })).await;
    assert_eq!(http, 200);
    let rule = json!({ "times": 1, "outcome": { "kind": "error", "code": 131000 } });
    assert_eq!(world.control("script", rule).await, (200, json!({ "rules": 1 })));
    assert_eq!(world.send_to(1, "hello").await.code(), 131000);
    assert_eq!(world.send_to(1, "hello").await.http, 200);
    assert_eq!(world.send_to(2, "hello").await.http, 200);
    assert_eq!(world.lines::<LedgerEntry>("ledger").await, world.sim.ledger());
    assert_eq!(world.lines::<LedgerEntry>("ledger?from=1").await, world.sim.ledger_from(1));
    assert_eq!(world.lines::<RequestRecord>("requests").await, world.sim.requests());
    let (_, advanced) = world.control("advance", json!({ "seconds": 10 })).await;
    assert!(advanced["delivered"].as_u64().unwrap() >= 4, "{advanced}");
    assert!(world.receiver.statuses().len() >= 4);
    let health: Vec<Value> = world.lines("health").await;
    assert_eq!((&health[0]["pending_webhooks"], &health[0]["ledger"]), (&json!(0), &json!(2)));
}

#[tokio::test]
async fn state_and_profile_change_over_http() {
    let world = World::start(config()).await;
    assert_eq!(world.control("profile", json!("mild")).await.0, 200);
    assert_eq!(world.sim.profile(), Profile::mild());
    assert_eq!(world.control("profile", json!({ "error_before": 1.0 })).await.0, 200);
    assert!(world.send_to(1, "hello").await.http >= 500);
    assert_eq!(world.control("profile", json!("none")).await.0, 200);
    let template =
        json!({ "waba_id": "102290129340398", "name": "sale", "language": "en", "status": "PAUSED" });
    assert_eq!(world.control("templates", template).await.0, 200);
    assert_eq!(world.send_to(1, "sale").await.code(), 132015);
    let approve = json!({ "change": "template_status", "name": "sale", "status": "APPROVED" });
    assert_eq!(world.control("changes", approve).await.0, 200);
    assert_eq!(world.send_to(1, "sale").await.http, 200);
    let quality = json!({ "change": "number_quality", "phone_number_id": NUMBER, "quality": "RED" });
    assert_eq!(world.control("changes", quality).await.0, 200);
    world.sim.pump().await;
    assert!(world.receiver.changes().iter().any(|c| c["value"]["event"] == "FLAGGED"));
}

#[tokio::test]
async fn wrong_orders_are_refused_with_a_reason() {
    let world = World::start(real_config()).await;
    let reason = |answer: (u16, Value)| {
        assert_eq!(answer.0, 400, "{answer:?}");
        answer.1["error"].as_str().unwrap().to_owned()
    };
    assert!(reason(world.control("profile", json!("wild")).await).contains("none, mild or rough"));
    assert!(reason(world.control("profile", json!({ "lost": 2 })).await).contains("lost is 2"));
    assert!(
        reason(world.control("script", json!({ "outcome": { "kind": "explode" } })).await)
            .contains("explode")
    );
    assert!(reason(world.control("advance", json!({ "seconds": 1 })).await).contains("runs by itself"));
    let absent = json!({ "change": "template_status", "name": "nope", "status": "PAUSED" });
    assert!(reason(world.control("changes", absent).await).contains("no template"));
}

#[tokio::test]
async fn a_send_through_a_mild_day_is_settled_within_eight_seconds() {
    let world = World::start(real_config()).await;
    world.sim.set_profile(Profile::mild());
    let sends = (0..60).map(|n| {
        let body = message(&phone(n), "hello");
        let world = &world;
        async move { world.try_send(&body).await.is_ok() }
    });
    let answered = futures::future::join_all(sends).await;
    assert!(answered.iter().filter(|ok| **ok).count() >= 50);
    assert!(world.sim.quiet(Duration::from_secs(9)).await);
    for entry in world.sim.ledger() {
        assert!(entry.truth.is_fully_announced());
        assert!(!world.receiver.of(&entry.wamid).is_empty());
    }
}
