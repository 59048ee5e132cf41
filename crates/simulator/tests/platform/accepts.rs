//! What a good send is answered, and what the ledger says of it.

use chrono::TimeDelta;
use serde_json::json;
use simulator::{Account, Answer, Change, Config, Fate, MaxPrice, Route, Template};

use crate::harness::{NUMBER, WABA, World, config, message, phone, start_time};

#[tokio::test]
async fn a_good_send_is_accepted_and_written_down() {
    let world = World::start(config()).await;
    world.advance(TimeDelta::seconds(5));
    let mut body = message("+919876500001", "diwali_sale");
    body["template"]["components"] = json!([
        { "type": "header", "parameters": [{ "type": "image", "image": { "link": "https://example.com/a.jpg" } }] },
        { "type": "body", "parameters": [{ "type": "text", "text": "Asha" }, { "type": "text", "text": "40 %" }] },
        { "type": "button", "sub_type": "url", "index": "0", "parameters": [{ "type": "text", "text": "A1" }] }
    ]);
    body["product_policy"] = json!("STRICT");
    body["message_activity_sharing"] = json!(true);
    body["bid_spec"] = json!({ "per_message_bid_multiplier": 1.5 });
    let answered = world.send(&body).await;
    assert_eq!(answered.http, 200, "{answered:?}");
    assert_eq!(
        answered.body,
        json!({
            "messaging_product": "whatsapp",
            "contacts": [{ "input": "+919876500001", "wa_id": "919876500001" }],
            "messages": [{ "id": answered.wamid(), "message_status": "accepted" }],
        })
    );
    let ledger = world.sim.ledger();
    let [entry] = ledger.as_slice() else { panic!("{ledger:?}") };
    assert_eq!(entry.wamid, answered.wamid());
    assert_eq!(
        (entry.recipient.as_str(), entry.template.as_str(), entry.language.as_str()),
        ("+919876500001", "diwali_sale", "en")
    );
    assert_eq!(entry.biz_opaque_callback_data.as_deref(), Some("key-of-+919876500001"));
    assert_eq!(entry.arrived_at, start_time() + TimeDelta::seconds(5));
    assert_eq!(entry.route, Route::MarketingLite);
    assert_eq!(entry.body, body);
    assert!(entry.truth.is_delivered() && entry.truth.price > 0.into());
    let requests = world.sim.requests();
    assert_eq!(requests[0].answer, Answer::Accepted { wamid: answered.wamid() });
    assert_eq!(
        (requests[0].endpoint.as_str(), requests[0].phone_number_id.as_str()),
        ("marketing_messages", NUMBER)
    );
    world.sim.shutdown().await;
}

#[tokio::test]
async fn a_user_id_is_answered_with_a_user_id() {
    let world = World::start(config()).await;
    let mut body = message("", "hello");
    body.as_object_mut().unwrap().remove("to");
    body["recipient"] = json!("IN.13491208655302741918");
    let answered = world.send(&body).await;
    assert_eq!(
        answered.body["contacts"],
        json!([{ "input": "IN.13491208655302741918", "user_id": "IN.13491208655302741918" }])
    );
    world.advance(TimeDelta::seconds(10));
    world.sim.pump().await;
    let statuses = world.receiver.statuses();
    assert_eq!(statuses[0]["recipient_user_id"], "IN.13491208655302741918");
    assert!(statuses[0].get("recipient_id").is_none());
}

#[tokio::test]
async fn a_repeated_send_is_a_second_message() {
    let world = World::start(config()).await;
    let (first, second) = (world.send_to(1, "hello").await, world.send_to(1, "hello").await);
    assert_ne!(first.wamid(), second.wamid());
    assert_eq!(world.sim.accepted(), 2, "there is no idempotency key");
    assert_eq!(world.sim.ledger_from(1)[0].wamid, second.wamid());
}

#[tokio::test]
async fn the_auction_is_held_against_the_max_price() {
    let world = World::start(Config {
        templates: vec![Template::new(WABA, "capped", "en").with_max_price(86_000)],
        ..config()
    })
    .await;
    for n in 0..40 {
        assert_eq!(world.send_to(n, "capped").await.http, 200);
    }
    let mut body = message(&phone(100), "capped");
    body["bid_spec"] = json!({ "per_message_bid_multiplier": 2.0 });
    assert_eq!(world.send(&body).await.http, 200);
    let ledger = world.sim.ledger();
    let lost = ledger.iter().filter(|entry| entry.truth.fate == Fate::Failed(131049)).count();
    assert!((10..30).contains(&lost), "half the people ask for more than the cap, {lost} of 40 did");
    assert!(ledger[40].truth.is_delivered(), "nobody asks for twice the price");
    assert!(
        ledger
            .iter()
            .filter(|e| e.truth.is_delivered())
            .take(40)
            .all(|e| e.truth.price <= "1.72".parse().unwrap())
    );
    world.advance(TimeDelta::seconds(10));
    world.sim.pump().await;
    let won = ledger.iter().find(|entry| entry.truth.is_delivered()).unwrap();
    let costs: Vec<_> =
        world.receiver.statuses().into_iter().filter(|s| s["id"] == won.wamid.as_str()).collect();
    assert!(costs[0]["pricing"].get("cost").is_none(), "sent has no cost");
    assert_eq!(costs[1]["pricing"]["cost"]["currency"], "INR");
    assert_eq!(
        costs[1]["pricing"]["cost"]["amount"].as_f64().unwrap().to_string(),
        won.truth.price.normalize().to_string()
    );
}

#[tokio::test]
async fn max_price_has_its_own_refusals() {
    let world = World::start(Config {
        templates: vec![Template::new(WABA, "capped", "en").with_max_price(86_000)],
        ..config()
    })
    .await;
    let messages = format!("{NUMBER}/messages");
    assert_eq!(world.try_post(&messages, &message(&phone(1), "capped")).await.unwrap().code(), 131061);
    let mut body = message("", "capped");
    body.as_object_mut().unwrap().remove("to");
    body["recipient"] = json!("IN.134912");
    assert_eq!(world.send(&body).await.code(), 131062);
    world.sim.change(Change::Account(Account { max_price_agreement: false, ..Account::default() })).unwrap();
    let refused = world.send_to(1, "capped").await;
    assert_eq!(refused.code(), 100);
    assert!(refused.body["error"]["error_data"]["details"].as_str().unwrap().contains("legal agreement"));
    world
        .sim
        .change(Change::TemplateDelivery {
            name: "capped".into(),
            ttl_seconds: None,
            max_price: None::<MaxPrice>,
        })
        .unwrap();
    assert_eq!(world.send_to(1, "capped").await.http, 200);
}

#[tokio::test]
async fn the_route_follows_onboarding_and_policy() {
    let world = World::start(config()).await;
    let messages = format!("{NUMBER}/messages");
    world.try_post(&messages, &message(&phone(1), "hello")).await.unwrap();
    assert_eq!(world.sim.ledger()[0].route, Route::Marketing);
    let account = Account { onboarding_status: "ELIGIBLE".into(), ..Account::default() };
    world.sim.change(Change::Account(account.clone())).unwrap();
    world.send_to(2, "hello").await;
    assert_eq!(world.sim.ledger()[1].route, Route::Marketing, "falls back");
    let mut strict = message(&phone(3), "hello");
    strict["product_policy"] = json!("STRICT");
    assert_eq!(world.send(&strict).await.code(), 134102);
    world
        .sim
        .change(Change::Account(Account { disable_marketing_messages_on_cloud_api: true, ..account }))
        .unwrap();
    assert_eq!(world.send_to(4, "hello").await.code(), 131063);
    assert_eq!(world.try_post(&messages, &message(&phone(5), "hello")).await.unwrap().code(), 131063);
}
