//! Numbers, accounts, templates and reach estimates.

use chrono::TimeDelta;
use serde_json::json;
use simulator::{Config, Number};
use std::time::Duration;

use crate::harness::{NUMBER, WABA, World, config};

#[tokio::test]
async fn numbers_and_accounts_answer_the_fields_they_are_asked() {
    let numbers = vec![Number { daily_limit: Some(100_000), ..Number::default() }];
    let world = World::start(Config { numbers, ..config() }).await;
    let fields =
        "throughput,quality_rating,status,display_phone_number,whatsapp_business_manager_messaging_limit";
    let number = world.get(&format!("{NUMBER}?fields={fields}")).await;
    assert_eq!(
        number.body,
        json!({
            "throughput": { "level": "STANDARD" }, "quality_rating": "GREEN", "status": "CONNECTED",
            "display_phone_number": "+91 98765 43210", "whatsapp_business_manager_messaging_limit": "TIER_100K",
            "id": NUMBER
        })
    );
    let fields = "marketing_messages_onboarding_status,currency,owner_business_info{id,name},health_status";
    let waba = world.get(&format!("{WABA}?fields={fields}")).await;
    assert_eq!(waba.body["marketing_messages_onboarding_status"], "ONBOARDED");
    assert_eq!(waba.body["currency"], "INR");
    assert_eq!(waba.body["health_status"]["can_send_message"], "AVAILABLE");
    assert_eq!(world.get(&format!("{NUMBER}?fields=colour")).await.code(), 100);
    assert_eq!(world.get("12345?fields=id").await.body["error"]["error_subcode"], 33);
    let numbers = world.get(&format!("{WABA}/phone_numbers")).await;
    assert_eq!(numbers.body["data"][0]["id"], NUMBER);
}

#[tokio::test]
async fn templates_are_listed_by_page_and_by_name() {
    let world = World::start(config()).await;
    let first = world.get(&format!("{WABA}/message_templates?limit=2&fields=name,status")).await;
    assert_eq!(first.body["data"].as_array().unwrap().len(), 2);
    assert!(first.body["paging"]["next"].is_string());
    let after = first.body["paging"]["cursors"]["after"].as_str().unwrap();
    let second = world.get(&format!("{WABA}/message_templates?limit=2&after={after}")).await;
    assert_eq!(second.body["data"][0]["name"], "welcome");
    assert!(second.body["paging"].get("next").is_none());
    let named = world.get(&format!("{WABA}/message_templates?name=diwali_sale")).await;
    assert_eq!(named.body["data"][0]["status"], "APPROVED");
    assert_eq!(named.body["data"].as_array().unwrap().len(), 1);
    let born = world.get(&format!("{WABA}/message_templates?name=brand_new&language=hi")).await;
    assert_eq!(born.body["data"][0]["language"], "hi", "unknown names come into being");
    assert!(born.body["data"][0].get("components").is_none(), "nobody knows what it takes");
}

#[tokio::test]
async fn a_template_is_created_reviewed_edited_and_deleted() {
    let world = World::start(Config { review_time: Duration::from_secs(60), ..config() }).await;
    let create = json!({
        "name": "eid_sale", "language": "en", "category": "MARKETING", "message_send_ttl_seconds": 86_400,
        "components": [{ "type": "BODY", "text": "Hello {{1}}" }],
        "optimization_spec": { "bid_amount": 87_000, "bid_strategy": "LOWEST_COST_WITH_BID_CAP" }
    });
    let path = format!("{WABA}/message_templates");
    let created = world.try_post(&path, &create).await.unwrap();
    assert_eq!((created.http, created.body["status"].as_str()), (200, Some("PENDING")), "{created:?}");
    assert_eq!(world.try_post(&path, &create).await.unwrap().code(), 2_388_024);
    let id = created.body["id"].as_str().unwrap();
    world.advance(TimeDelta::seconds(60));
    world.sim.pump().await;
    assert_eq!(world.receiver.changes()[0]["value"]["event"], "APPROVED");
    let fields = "name,status,message_send_ttl_seconds,optimization_spec,bid_spec,quality_score";
    let read = world.get(&format!("{id}?fields={fields}")).await.body;
    assert_eq!(read["status"], "APPROVED");
    assert_eq!(read["message_send_ttl_seconds"], 86_400);
    assert_eq!(
        read["optimization_spec"],
        json!({ "bid_amount": 87_000, "bid_strategy": "LOWEST_COST_WITH_BID_CAP" })
    );
    assert_eq!(read["bid_spec"], read["optimization_spec"], "the older name reads the same");
    let edit = json!({
        "message_send_ttl_seconds": 43_200,
        "bid_spec": { "bid_amount": 50_000, "bid_strategy": "LOWEST_COST_WITH_BID_CAP" }
    });
    assert_eq!(world.try_post(id, &edit).await.unwrap().body["success"], true);
    let read = world.get(&format!("{id}?fields={fields}")).await.body;
    assert_eq!(
        (read["message_send_ttl_seconds"].as_u64(), read["bid_spec"]["bid_amount"].as_u64()),
        (Some(43_200), Some(50_000))
    );
    for bad in [
        json!({ "message_send_ttl_seconds": 120 }),
        json!({ "optimization_spec": { "bid_amount": 1 } }),
        json!({ "optimization_spec": { "bid_amount": 0, "bid_strategy": "LOWEST_COST_WITH_BID_CAP" } }),
        json!({ "category": "SALES" }),
    ] {
        assert_eq!(world.try_post(id, &bad).await.unwrap().code(), 100, "{bad}");
    }
    let delete = world.client.delete(world.url(&format!("{path}?name=eid_sale"))).bearer_auth("sim-token");
    assert_eq!(delete.send().await.unwrap().status().as_u16(), 200);
    assert_eq!(world.get(id).await.body["error"]["error_subcode"], 33);
}

#[tokio::test]
async fn reach_grows_with_the_max_price() {
    let world = World::start(config()).await;
    let spec = "%7B%22geo_locations%22%3A%7B%22countries%22%3A%5B%22IN%22%5D%7D%7D";
    let estimate =
        world.get(&format!("{WABA}/reachestimate?targeting_spec={spec}&date_interval=L7D")).await.body;
    assert_eq!(estimate["waba_currency"], "INR");
    let curve = estimate["estimates"].as_array().unwrap();
    let deliveries: Vec<u64> = curve.iter().map(|e| e["upper_bound_deliveries"].as_u64().unwrap()).collect();
    assert!(deliveries.is_sorted() && *deliveries.last().unwrap() == 1000, "{deliveries:?}");
    assert_eq!(world.get(&format!("{WABA}/reachestimate")).await.code(), 100);
}
