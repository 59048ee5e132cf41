//! Every field of a send, broken in turn.

use serde_json::{Value, json};

use crate::harness::{NUMBER, World, config, message, phone};

fn set(mut body: Value, path: &str, value: Value) -> Value {
    *body.pointer_mut(path).unwrap_or_else(|| panic!("no {path}")) = value;
    body
}

fn with(mut body: Value, key: &str, value: Value) -> Value {
    body[key] = value;
    body
}

fn without(mut body: Value, key: &str) -> Value {
    body.as_object_mut().unwrap().remove(key);
    body
}

fn filled(components: Value) -> Value {
    let mut body = message(&phone(1), "hello");
    body["template"]["components"] = components;
    body
}

#[tokio::test]
async fn broken_fields_are_refused_by_name() {
    let world = World::start(config()).await;
    let good = message(&phone(1), "hello");
    let cases = [
        (without(good.clone(), "messaging_product"), 100, "messaging_product"),
        (set(good.clone(), "/messaging_product", json!("sms")), 100, "messaging_product"),
        (set(good.clone(), "/recipient_type", json!("group")), 100, "recipient_type"),
        (without(good.clone(), "to"), 100, "The parameter to is required."),
        (set(good.clone(), "/to", json!("")), 100, "The parameter to is required."),
        (set(good.clone(), "/to", json!("not a number")), 131009, "phone number"),
        (set(good.clone(), "/to", json!("+123")), 131009, "phone number"),
        (set(good.clone(), "/to", json!(919876543210_u64)), 100, "to must be a string"),
        (with(without(good.clone(), "to"), "recipient", json!("in.1")), 131009, "user id"),
        (set(good.clone(), "/type", json!("text")), 100, "Message must be a template message."),
        (without(good.clone(), "type"), 100, "Message must be a template message."),
        (without(good.clone(), "template"), 100, "template"),
        (set(good.clone(), "/template", json!({ "language": { "code": "en" } })), 131008, "name"),
        (set(good.clone(), "/template/language", json!({})), 131008, "language"),
        (
            set(good.clone(), "/template/language", json!({ "code": "en", "policy": "fallback" })),
            131009,
            "policy",
        ),
        (with(good.clone(), "product_policy", json!("strict")), 100, "product_policy"),
        (with(good.clone(), "message_activity_sharing", json!("true")), 100, "message_activity_sharing"),
        (with(good.clone(), "bid_spec", json!(1.5)), 100, "bid_spec"),
        (
            with(good.clone(), "bid_spec", json!({ "per_message_bid_multiplier": "1.5" })),
            100,
            "must be a number",
        ),
        (with(good.clone(), "bid_spec", json!({ "per_message_bid_multiplier": 0 })), 100, "greater than 0"),
        (with(good.clone(), "bid_spec", json!({ "multiplier": 1 })), 100, "unexpected key"),
        (with(good.clone(), "biz_opaque_callback_data", json!("x".repeat(513))), 100, "512"),
        (with(good.clone(), "biz_opaque_callback_data", json!(7)), 100, "string"),
        (with(good.clone(), "ttl", json!(60)), 100, "Unexpected key \"ttl\""),
        (with(good.clone(), "to", json!("+919876543210")), 131021, "sender"),
        (json!([]), 100, "JSON object"),
    ];
    for (body, code, words) in cases {
        let answered = world.send(&body).await;
        assert_eq!(answered.code(), code, "{body}");
        let details = answered.body["error"]["error_data"]["details"].as_str().unwrap();
        assert!(details.contains(words), "{details:?} does not say {words:?}");
    }
    assert_eq!(world.sim.accepted(), 0);
}

#[tokio::test]
async fn broken_components_are_refused_by_name() {
    let world = World::start(config()).await;
    let header = |p: Value| json!([{ "type": "header", "parameters": [p] }]);
    let body = |p: Value| json!([{ "type": "body", "parameters": [p] }]);
    let button = |kind: &str, p: Value| json!([{ "type": "button", "sub_type": kind, "index": "0", "parameters": [p] }]);
    let card = |n: u64| json!({ "card_index": n, "components": header(json!({ "type": "image", "image": { "id": "1" } })) });
    let cases = [
        (json!({}), 131009, "array"),
        (json!([{ "type": "footer" }]), 131009, "footer"),
        (json!([{ "parameters": [] }]), 131008, "type"),
        (header(json!({ "type": "image", "image": {} })), 131009, "id or a link"),
        (header(json!({ "type": "image", "image": { "id": "1", "link": "https://e.com" } })), 131009, "both"),
        (header(json!({ "type": "image", "image": { "link": "a.jpg" } })), 131009, "URL"),
        (header(json!({ "type": "video", "image": { "id": "1" } })), 100, "image"),
        (header(json!({ "type": "sticker" })), 131009, "sticker"),
        (header(json!({ "type": "text", "text": "x".repeat(61) })), 132005, "60"),
        (
            header(
                json!({ "type": "location", "location": { "latitude": "x", "longitude": "1", "name": "n", "address": "a" } }),
            ),
            131009,
            "latitude",
        ),
        (
            header(json!({ "type": "product", "product": { "product_retailer_id": "1" } })),
            131008,
            "catalog_id",
        ),
        (body(json!({ "type": "text" })), 131008, "text"),
        (body(json!({ "type": "text", "text": "" })), 131008, "text"),
        (body(json!({ "type": "text", "text": "two\nlines" })), 132018, "new-line"),
        (
            body(
                json!({ "type": "currency", "currency": { "fallback_value": "$1", "code": "USD", "amount_1000": 1.5 } }),
            ),
            131009,
            "amount_1000",
        ),
        (body(json!({ "type": "date_time", "date_time": {} })), 131008, "fallback_value"),
        (body(json!({ "type": "image", "image": { "id": "1" } })), 131009, "image"),
        (button("url", json!({ "type": "payload", "payload": "x" })), 131009, "text"),
        (button("quick_reply", json!({ "type": "payload" })), 131008, "payload"),
        (
            button("copy_code", json!({ "type": "coupon_code", "coupon_code": "SIXTEEN-LETTERS-" })),
            131009,
            "15",
        ),
        (button("dance", json!({ "type": "text", "text": "x" })), 131009, "dance"),
        (
            button(
                "mpm",
                json!({ "type": "action", "action": { "thumbnail_product_retailer_id": "1", "sections": [] } }),
            ),
            131009,
            "sections",
        ),
        (button("order_details", json!({ "type": "action", "action": {} })), 131008, "order_details"),
        (json!([{ "type": "button", "sub_type": "url", "index": 10, "parameters": [] }]), 131009, "index"),
        (
            json!([{ "type": "button", "sub_type": "url", "index": 0, "parameters": [] }]),
            131009,
            "exactly one",
        ),
        (
            json!([{ "type": "limited_time_offer", "parameters": [{ "type": "limited_time_offer", "limited_time_offer": {} }] }]),
            131009,
            "expiration_time_ms",
        ),
        (json!([{ "type": "carousel", "cards": [card(0)] }]), 131009, "2 to 10"),
        (json!([{ "type": "carousel", "cards": [card(0), card(2)] }]), 131009, "card_index"),
    ];
    for (components, code, words) in cases {
        let answered = world.send(&filled(components.clone())).await;
        assert_eq!(answered.code(), code, "{components}: {answered:?}");
        let details = answered.body["error"]["error_data"]["details"].as_str().unwrap();
        assert!(details.contains(words), "{details:?} does not say {words:?}");
    }
}

#[tokio::test]
async fn every_kind_of_component_is_accepted() {
    let world = World::start(config()).await;
    let media =
        |kind: &str| json!({ "type": "header", "parameters": [{ "type": kind, kind: { "id": "1" } }] });
    let button = |kind: &str, index: Value, p: Value| json!({ "type": "button", "sub_type": kind, "index": index, "parameters": [p] });
    let card = |n: u64| {
        json!({ "card_index": n, "components": [
            media("video"),
            { "type": "body", "parameters": [{ "type": "text", "text": "a" }] },
            button("quick_reply", json!(0), json!({ "type": "payload", "payload": "p" })),
            button("url", json!(1), json!({ "type": "text", "text": "x" })),
        ] })
    };
    let section = json!({ "title": "Best", "product_items": [{ "product_retailer_id": "1" }] });
    let cases = [
        json!([media("image")]),
        json!([media("video")]),
        json!([media("gif")]),
        json!([{ "type": "header", "parameters": [{ "type": "document", "document": { "link": "https://e.com/a.pdf", "filename": "a.pdf" } }] }]),
        json!([{ "type": "header", "parameters": [{ "type": "text", "text": "Hi", "parameter_name": "title" }] }]),
        json!([{ "type": "header", "parameters": [{ "type": "location", "location": { "latitude": "1.5", "longitude": "-2", "name": "n", "address": "a" } }] }]),
        json!([{ "type": "header", "parameters": [{ "type": "product", "product": { "product_retailer_id": "1", "catalog_id": "2" } }] }]),
        json!([{ "type": "body", "parameters": [
            { "type": "text", "text": "a", "parameter_name": "first_name" },
            { "type": "currency", "currency": { "fallback_value": "$1", "code": "USD", "amount_1000": 1000 } },
            { "type": "date_time", "date_time": { "fallback_value": "today" } }
        ] }]),
        json!([button(
            "catalog",
            json!("0"),
            json!({ "type": "action", "action": { "thumbnail_product_retailer_id": "1" } })
        )]),
        json!([button(
            "mpm",
            json!("0"),
            json!({ "type": "action", "action": { "thumbnail_product_retailer_id": "1", "sections": [section] } })
        )]),
        json!([button(
            "flow",
            json!("0"),
            json!({ "type": "action", "action": { "flow_token": "t", "flow_action_data": {} } })
        )]),
        json!([button(
            "order_details",
            json!(0),
            json!({ "type": "action", "action": { "order_details": {
            "reference_id": "1", "type": "digital-goods", "currency": "INR", "total_amount": { "value": 1, "offset": 100 }, "order": {}
        } } })
        )]),
        json!([
            { "type": "limited_time_offer", "parameters": [{ "type": "limited_time_offer", "limited_time_offer": { "expiration_time_ms": 1_800_000_000_000_i64 } }] },
            button("copy_code", json!(0), json!({ "type": "coupon_code", "coupon_code": "DIWALI40" })),
            button("url", json!(1), json!({ "type": "text", "text": "x" })),
        ]),
        json!([{ "type": "carousel", "cards": [card(0), card(1)] }]),
    ];
    for components in &cases {
        let answered = world.send(&filled(components.clone())).await;
        assert_eq!(answered.http, 200, "{components}: {answered:?}");
    }
    assert_eq!(world.sim.accepted(), cases.len());
}

#[tokio::test]
async fn tokens_and_numbers_are_checked_first() {
    let world = World::start(config()).await;
    let body = message(&phone(1), "hello");
    let path = world.url(&format!("{NUMBER}/marketing_messages"));
    let code = |response: reqwest::Response| async move {
        (
            response.status().as_u16(),
            response.json::<Value>().await.unwrap()["error"]["code"].as_u64().unwrap(),
        )
    };
    let nothing = world.client.post(&path).json(&body).send().await.unwrap();
    assert_eq!(code(nothing).await, (401, 104));
    let wrong = world.client.post(&path).bearer_auth("stolen").json(&body).send().await.unwrap();
    assert_eq!(code(wrong).await, (401, 190));
    assert_eq!(world.try_post("999/marketing_messages", &body).await.unwrap().code(), 33);
    let garbage = world.client.post(&path).bearer_auth("sim-token").body("{\"to\":").send().await.unwrap();
    assert_eq!(code(garbage).await, (400, 100));
    let no_version = format!("{}/{NUMBER}/marketing_messages", world.sim.base_url());
    let response = world.client.post(no_version).bearer_auth("sim-token").json(&body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 404);
    assert_eq!(world.sim.requests().len(), 4, "what is refused is recorded too");
}

#[tokio::test]
async fn an_error_has_the_platforms_shape() {
    let world = World::start(config()).await;
    let answered = world.send(&without(message("", "hello"), "to")).await;
    assert_eq!(answered.http, 400);
    let error = &answered.body["error"];
    assert_eq!(error["message"], "(#100) Invalid parameter");
    assert_eq!(error["type"], "OAuthException");
    assert_eq!(error["error_data"]["messaging_product"], "whatsapp");
    assert!(!error["fbtrace_id"].as_str().unwrap().is_empty());
}
