//! Numbers, accounts, templates and reach estimates.

use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use simulator::{Account, Config, Number};
use std::time::Duration;

use crate::harness::{NUMBER, SECRET, WABA, World, config};

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
        "components": [{ "type": "BODY", "text": "Hello {{1}}, it is Eid" }],
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

#[tokio::test]
async fn templates_that_the_platform_would_refuse_are_refused() {
    let account = Account { max_price_agreement: false, ..Account::default() };
    let world = World::start(Config { accounts: vec![account], ..config() }).await;
    let path = format!("{WABA}/message_templates");
    let body = |text: &str| json!([{ "type": "BODY", "text": text }]);
    let footer =
        json!([{ "type": "BODY", "text": "Hi" }, { "type": "FOOTER", "text": "Bye {{1}}, see you" }]);
    let cases = [
        (2_388_040, body(&"x".repeat(1_025))),
        (2_388_073, footer),
        (2_388_299, body("Hello {{1}}")),
        (2_388_299, body("{{1}}, hello")),
    ];
    for (code, components) in cases {
        let create =
            json!({ "name": "bad", "language": "en", "category": "MARKETING", "components": components });
        assert_eq!(world.try_post(&path, &create).await.unwrap().code(), code, "{components}");
    }
    let spec = json!({ "bid_amount": 87_000, "bid_strategy": "LOWEST_COST_WITH_BID_CAP" });
    let create = json!({
        "name": "dear", "language": "en", "category": "MARKETING", "components": body("Hi"), "optimization_spec": spec
    });
    let refused = world.try_post(&path, &create).await.unwrap();
    assert_eq!(refused.code(), 100);
    let details = refused.body["error"]["error_data"]["details"].as_str().unwrap();
    assert!(details.contains("testing legal agreement"), "{details}");
    let listed = world.get(&format!("{path}?name=dear")).await;
    assert_eq!(listed.body["data"], json!([]), "a look for a name makes none");
}

#[tokio::test]
async fn a_partner_sees_and_invites_its_clients_only() {
    let client = Account {
        waba_id: "8".into(),
        owner_business_id: Some("55".into()),
        partner_business_id: Some(Number::default().business_id),
        onboarding_status: "ELIGIBLE".into(),
        ..Account::default()
    };
    let stranger = Account {
        waba_id: "9".into(),
        owner_business_id: Some("66".into()),
        partner_business_id: None,
        ..client.clone()
    };
    let accounts = vec![Account::default(), client, stranger];
    let world = World::start(Config { accounts, ..config() }).await;
    let business = Number::default().business_id;
    let path = format!("{business}/client_whatsapp_business_accounts");
    let filtered = |value: &str| {
        format!(
            "{path}?filtering=%5B%7B%22field%22:%22marketing_messages_onboarding_status%22,%22operator%22:%22IN%22,%22value%22:%5B%22{value}%22%5D%7D%5D"
        )
    };
    assert_eq!(world.get(&filtered("ELIGIBLE")).await.body["data"][0]["id"], "8");
    assert_eq!(world.get(&filtered("ONBOARDED")).await.body["data"], json!([]));
    assert_eq!(world.get(&format!("{path}?filtering=ELIGIBLE")).await.code(), 100, "not JSON");

    let status = |body: &serde_json::Value| body["marketing_messages_onboarding_status"]["status"].clone();
    let read = "fields=marketing_messages_onboarding_status";
    assert_eq!(status(&world.get(&format!("55?{read}")).await.body), "NOT_STARTED");
    let invite = "55/onboard_partners_to_mm_lite";
    assert!(world.try_post(invite, &json!({})).await.unwrap().body["request_id"].is_string());
    assert_eq!(world.try_post(invite, &json!({})).await.unwrap().code(), 1_752_041);
    assert_eq!(status(&world.get(&format!("55?{read}")).await.body), "REQUEST_SENT");
    assert_eq!(world.get(&format!("66?{read}")).await.code(), 100, "no client of ours");
    assert_eq!(world.try_post("66/onboard_partners_to_mm_lite", &json!({})).await.unwrap().code(), 100);
    let own = world.get(&format!("{business}?{read}")).await.body;
    assert_eq!(status(&own), "TERM_OF_SERVICE_SIGNED");
}

#[tokio::test]
async fn a_system_users_token_wants_a_proof() {
    let world = World::start(config()).await;
    let path = format!("{}/system_user_access_tokens", Number::default().business_id);
    let proof = {
        let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
        mac.update(b"sim-token");
        hex::encode(mac.finalize().into_bytes())
    };
    let fetched = world.get(&format!("{path}?appsecret_proof={proof}&fetch_only=true")).await;
    assert_eq!(fetched.http, 200, "{fetched:?}");
    assert!(fetched.body["access_token"].is_string());
    for query in [
        "fetch_only=true".to_owned(),
        "appsecret_proof=00&fetch_only=true".to_owned(),
        format!("appsecret_proof={proof}"),
    ] {
        assert_eq!(world.get(&format!("{path}?{query}")).await.code(), 100, "{query}");
    }
}
