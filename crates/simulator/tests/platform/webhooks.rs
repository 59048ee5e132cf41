//! Webhooks: their order, their faults, their persistence. Signatures are checked by the receiver.

use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;
use simulator::{Change, Config, Fate, Outcome, Profile, Rule, Simulator, Template};

use crate::harness::{NUMBER, WABA, World, config, message, phone, profile, real_config, start_time};

#[tokio::test]
async fn an_explicit_clock_delivers_what_is_due_in_order_when_pumped() {
    let world = World::start(config()).await;
    let sent = world.send_to(1, "hello").await;
    assert_eq!(world.sim.pump().await, 0, "nothing is due yet");
    let truth = world.sim.ledger()[0].truth.clone();
    assert_eq!(world.sim.pending_webhooks(), truth.timeline.len());
    for (n, event) in truth.timeline.iter().enumerate() {
        world.sim.clock().set(event.at).unwrap();
        assert_eq!(world.sim.pump().await, 1);
        assert_eq!(world.receiver.of(&sent.wamid()).len(), n + 1);
        assert_eq!(world.receiver.of(&sent.wamid())[n], event.status.name());
        assert_eq!(world.receiver.statuses()[n]["timestamp"], json!(event.at.timestamp().to_string()));
    }
    assert_eq!(world.sim.pending_webhooks(), 0);
    let change = &world.receiver.changes()[0];
    assert_eq!(change["field"], "messages");
    assert_eq!(
        change["value"]["metadata"],
        json!({ "display_phone_number": "919876543210", "phone_number_id": NUMBER })
    );
    let status = &change["value"]["statuses"][0];
    assert_eq!(
        status["pricing"],
        json!({ "billable": true, "pricing_model": "PMP", "type": "regular", "category": "marketing_lite" })
    );
    assert!(status.get("conversation").is_none());
}

#[tokio::test]
async fn in_real_time_webhooks_leave_by_themselves_and_tell_the_truth() {
    let world = World::start(real_config()).await;
    for n in 0..30 {
        world.send_to(n, "hello").await;
    }
    assert!(world.sim.quiet(Duration::from_secs(10)).await);
    for entry in world.sim.ledger() {
        let mut told = world.receiver.of(&entry.wamid);
        let mut truth: Vec<String> =
            entry.truth.timeline.iter().map(|e| e.status.name().to_owned()).collect();
        told.sort();
        truth.sort();
        assert_eq!(told, truth);
    }
    world.sim.shutdown().await;
}

#[tokio::test]
async fn webhooks_are_retried_until_they_are_answered_with_200() {
    let world = World::start(real_config()).await;
    world.receiver.refuse(3);
    let sent = world.send_to(1, "hello").await;
    assert!(world.sim.quiet(Duration::from_secs(20)).await);
    assert_eq!(world.receiver.refused(), 3);
    assert!(world.receiver.of(&sent.wamid()).len() >= 2);
}

#[tokio::test]
async fn webhooks_wait_for_a_receiver_that_is_down() {
    let world = World::start(real_config()).await;
    let up = world.receiver.url.clone();
    world.sim.set_webhook("http://127.0.0.1:9/hook", crate::harness::SECRET);
    let sent = world.send_to(1, "hello").await;
    assert!(!world.sim.quiet(Duration::from_millis(800)).await, "nobody takes them");
    world.sim.set_webhook(up, crate::harness::SECRET);
    assert!(world.sim.quiet(Duration::from_secs(10)).await);
    assert_eq!(world.receiver.of(&sent.wamid()).len(), world.sim.ledger()[0].truth.timeline.len());
}

#[tokio::test]
async fn a_pump_stops_at_the_first_failure_and_goes_on_from_there() {
    let world = World::start(Config { webhook_batch: 1, ..config() }).await;
    let sent = world.send_to(1, "hello").await;
    world.advance(TimeDelta::seconds(10));
    world.receiver.refuse(1);
    assert_eq!(world.sim.pump().await, 0);
    let events = world.sim.ledger()[0].truth.timeline.len();
    assert_eq!(world.sim.pending_webhooks(), events);
    assert_eq!(world.sim.pump().await, events);
    assert_eq!(world.receiver.of(&sent.wamid())[..2], ["sent", "delivered"]);
}

#[tokio::test]
async fn without_a_webhook_nobody_is_told() {
    let world = World::start(config()).await;
    world.sim.clear_webhook();
    world.send_to(1, "hello").await;
    world.advance(TimeDelta::seconds(10));
    assert_eq!((world.sim.pump().await, world.sim.pending_webhooks()), (0, 0));
}

#[tokio::test]
async fn an_early_webhook_is_there_before_the_answer() {
    let world = World::start(config()).await;
    world.sim.script(Rule::next(1, Outcome::Early));
    let sent = world.send_to(1, "hello").await;
    assert_eq!(world.receiver.of(&sent.wamid()), ["sent"], "already there, with no pump");
    world.receiver.refuse(1);
    world.sim.script(Rule::next(1, Outcome::Early));
    let sent = world.send_to(2, "hello").await;
    assert!(world.receiver.of(&sent.wamid()).is_empty());
    world.sim.pump().await;
    assert_eq!(world.receiver.of(&sent.wamid()), ["sent"], "a failed early one waits with the others");
}

#[tokio::test]
async fn webhook_faults_do_what_they_say() {
    let all = |change: fn(&mut Profile)| Config { profile: profile(change), ..config() };
    let told = |config| async move {
        let world = World::start(config).await;
        let sent = world.send_to(1, "hello").await;
        world.advance(TimeDelta::hours(1));
        world.sim.pump().await;
        (world.receiver.of(&sent.wamid()), world.sim.ledger()[0].clone())
    };
    let (statuses, entry) = told(all(|p| p.duplicate = 1.0)).await;
    assert_eq!(statuses.len(), 2 * entry.truth.timeline.len());
    let (statuses, entry) = told(all(|p| p.missing = 1.0)).await;
    assert!(statuses.is_empty() && !entry.truth.is_fully_announced() && entry.truth.is_delivered());
    let (statuses, _) = told(all(|p| p.reordered = 1.0)).await;
    assert_eq!(statuses[..2], ["delivered", "sent"]);
    let late = World::start(all(|p| p.late = 1.0)).await;
    late.send_to(1, "hello").await;
    late.sim.clock().set(late.sim.ledger()[0].truth.timeline[0].at).unwrap();
    assert_eq!(late.sim.pump().await, 0, "sent, but not told yet");
}

#[tokio::test]
async fn a_message_to_a_dead_phone_expires_in_silence() {
    let templates = vec![Template::new(WABA, "brief", "en").with_ttl_seconds(43_200)];
    let world = World::start(Config { templates, ..config() }).await;
    world.sim.script(Rule::to(phone(1), Outcome::Offline { seconds: 43_300 }));
    world.sim.script(Rule::to(phone(2), Outcome::Offline { seconds: 43_100 }));
    let (expired, delivered) = (world.send_to(1, "brief").await, world.send_to(2, "brief").await);
    world.advance(TimeDelta::days(2));
    world.sim.pump().await;
    assert_eq!(world.receiver.of(&expired.wamid()), ["sent"]);
    assert_eq!(world.receiver.of(&delivered.wamid())[..2], ["sent", "delivered"]);
    let ledger = world.sim.ledger();
    assert_eq!(ledger[0].truth.fate, Fate::Expired);
    assert_eq!(ledger[0].truth.timeline[1].at, start_time() + TimeDelta::seconds(43_200));
    assert_eq!(ledger[0].truth.price, 0.into());
}

#[tokio::test]
async fn people_write_tap_and_stop() {
    let world = World::start(config()).await;
    let number = || NUMBER.to_owned();
    world
        .sim
        .change(Change::Inbound { phone_number_id: number(), recipient: phone(1), text: "STOP".into() })
        .unwrap();
    world
        .sim
        .change(Change::Preference { phone_number_id: number(), recipient: phone(2), resume: false })
        .unwrap();
    world
        .sim
        .change(Change::ButtonTap {
            phone_number_id: number(),
            recipient: phone(3),
            wamid: "wamid.X".into(),
            text: "Stop".into(),
            payload: "stop".into(),
        })
        .unwrap();
    world.sim.change(Change::Click { phone_number_id: number() }).unwrap();
    world.sim.pump().await;
    let changes = world.receiver.changes();
    assert_eq!(changes[0]["value"]["messages"][0]["text"]["body"], "STOP");
    assert_eq!(changes[1]["field"], "user_preferences");
    assert_eq!(changes[1]["value"]["user_preferences"][0]["value"], "stop");
    assert_eq!(changes[2]["value"]["messages"][0]["context"]["id"], "wamid.X");
    assert_eq!(changes[3]["value"]["user_actions"][0]["action_type"], "marketing_messages_link_click");
    world.send(&message(&phone(2), "hello")).await;
    assert_eq!(world.sim.ledger()[0].truth.fate, Fate::Failed(131050), "who stopped is not reached");
    let unknown = world.sim.change(Change::Click { phone_number_id: "1".into() }).unwrap_err();
    assert!(unknown.to_string().contains("no phone number"), "{unknown}");
}

#[tokio::test]
async fn shutdown_does_not_wait_for_a_receiver_that_never_answers() {
    let world = World::start(real_config()).await;
    world.sim.set_webhook("http://127.0.0.1:9/hook", "x");
    world.send_to(1, "hello").await;
    let World { sim, .. } = world;
    tokio::time::timeout(Duration::from_secs(5), Simulator::shutdown(sim)).await.unwrap();
}
