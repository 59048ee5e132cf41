//! The platform as 360dialog speaks it: keys, wrapped errors, refusals of its own, unsigned webhooks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::routing::post;
use chrono::TimeDelta;
use serde_json::{Value, json};
use simulator::{Change, Config, KeyedWebhook, Number, Rule, Simulator, Standing, Template};

use crate::harness::{Answered, NUMBER, WABA, World, config, message, phone};

const KEY: &str = "a-key";
const KEYED: &str = "106540352242999";

/// Meta's number, and one of 360dialog's in an account of its own.
fn both() -> Config {
    let keyed = Number {
        phone_number_id: KEYED.into(),
        waba_id: "77".into(),
        api_key: Some(KEY.into()),
        ..Number::default()
    };
    Config { numbers: vec![Number::default(), keyed], ..config() }
}

async fn call(sim: &Simulator, method: &str, path: &str, key: Option<&str>, body: &Value) -> Answered {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let url = format!("{}/{path}", sim.dialog360_url());
    let mut request = reqwest::Client::new().request(method, url).json(body);
    if let Some(key) = key {
        request = request.header("D360-API-KEY", key);
    }
    let response = request.send().await.unwrap();
    Answered { http: response.status().as_u16(), body: response.json().await.unwrap_or(Value::Null) }
}

async fn send(sim: &Simulator, key: Option<&str>) -> Answered {
    call(sim, "POST", "marketing_messages", key, &message(&phone(1), "hello")).await
}

#[tokio::test]
async fn a_number_is_reached_by_its_key_alone() {
    let world = World::start(both()).await;
    assert_eq!(send(&world.sim, Some(KEY)).await.http, 200);
    assert_eq!(world.sim.ledger()[0].phone_number_id, KEYED);
    for key in [None, Some("another"), Some("sim-token"), Some("")] {
        let refused = send(&world.sim, key).await;
        assert_eq!((refused.http, &refused.body["meta"]["success"]), (401, &json!(false)), "{key:?}");
    }
    // Meta's API takes neither the key nor, for this number, a token.
    let path = format!("{KEYED}/marketing_messages");
    let through_meta = world.try_post(&path, &message(&phone(2), "hello")).await.unwrap();
    assert_eq!(through_meta.code(), 10);
    assert_eq!(world.sim.accepted(), 1);
}

#[tokio::test]
async fn errors_of_the_platform_come_wrapped_and_its_own_have_no_code() {
    let world = World::start(both()).await;
    let refused =
        simulator::Outcome::Error { code: 131_026, http: None, details: None, headers: BTreeMap::new() };
    world.sim.script(Rule::next(1, refused));
    let answer = send(&world.sim, Some(KEY)).await;
    assert_eq!((answer.http, &answer.body["detail"]["error"]["code"]), (400, &json!(131_026)));
    for (standing, http) in [
        (Standing::KeyRevoked, 401),
        (Standing::Disabled, 400),
        (Standing::Unpaid, 400),
        (Standing::Blocked, 403),
    ] {
        world.sim.change(Change::NumberStanding { phone_number_id: KEYED.into(), standing }).unwrap();
        let answer = send(&world.sim, Some(KEY)).await;
        assert_eq!((answer.http, &answer.body["meta"]["httpCode"]), (http, &json!(http)), "{standing:?}");
        assert_eq!(world.send_to(http.into(), "hello").await.http, 200, "Meta's number goes on");
    }
}

/// Takes posts and keeps their headers and bodies.
async fn taker() -> (String, Arc<Mutex<Vec<(HeaderMap, Value)>>>) {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let take = |State(taken): State<Arc<Mutex<Vec<_>>>>, headers: HeaderMap, body: axum::Json<Value>| async move {
        taken.lock().unwrap().push((headers, body.0));
    };
    let app = Router::new().route("/hook", post(take)).with_state(Arc::clone(&taken));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
    (url, taken)
}

#[tokio::test]
async fn its_webhooks_carry_headers_and_no_signature_and_the_others_go_to_the_app() {
    let world = World::start(both()).await;
    let (url, taken) = taker().await;
    let webhook = json!({ "url": url, "headers": { "X-Secret": "word" } });
    assert_eq!(call(&world.sim, "POST", "v1/configs/webhook", Some(KEY), &webhook).await.http, 200);
    let told = call(&world.sim, "GET", "v1/configs/webhook", Some(KEY), &Value::Null).await;
    assert_eq!(told.body, webhook);
    assert_eq!(call(&world.sim, "POST", "v1/configs/webhook", Some(KEY), &json!({})).await.http, 400);
    assert_eq!(call(&world.sim, "GET", "v1/configs/webhook", None, &Value::Null).await.http, 401);

    send(&world.sim, Some(KEY)).await;
    world.send_to(5, "hello").await;
    world.sim.put_template(Template::new("77", "theirs", "en"));
    world.sim.put_template(Template::new(WABA, "ours", "en"));
    world.advance(TimeDelta::days(3));
    world.sim.pump().await;
    let names = |bodies: &[Value]| -> Vec<String> {
        let changes = bodies.iter().flat_map(|body| body["entry"].as_array().unwrap().clone());
        let changes = changes.flat_map(|entry| entry["changes"].as_array().unwrap().clone());
        changes
            .filter_map(|change| change["value"]["message_template_name"].as_str().map(str::to_owned))
            .collect()
    };
    let taken = taken.lock().unwrap();
    for (headers, body) in taken.iter() {
        assert_eq!(headers["x-secret"], "word");
        assert!(!headers.contains_key("x-hub-signature-256"));
        assert!(!body.to_string().contains(NUMBER), "{body}");
    }
    let bodies: Vec<Value> = taken.iter().map(|(_, body)| body.clone()).collect();
    assert_eq!(names(&bodies), ["theirs"]);
    assert!(bodies.iter().any(|body| body.to_string().contains(KEYED)), "statuses of its number");
    // The receiver of the app checks every signature.
    let ours = world.receiver.changes();
    assert!(!ours.is_empty() && !ours.iter().any(|change| change.to_string().contains(KEYED)));
    assert_eq!(world.sim.pending_webhooks(), 0);
}

#[tokio::test]
async fn a_webhook_that_is_refused_holds_up_its_own_number_only() {
    let (url, taken) = taker().await;
    let nowhere = KeyedWebhook { url: "http://127.0.0.1:9/hook".into(), headers: BTreeMap::new() };
    let world = World::start(Config { keyed_webhook: Some(nowhere), ..both() }).await;
    world.sim.put_template(Template::new("77", "theirs", "en"));
    world.sim.put_template(Template::new(WABA, "ours", "en"));
    assert_eq!(world.sim.pump().await, 1);
    assert_eq!((world.receiver.changes().len(), world.sim.pending_webhooks()), (1, 1));
    world.sim.set_keyed_webhook(&KeyedWebhook { url, headers: BTreeMap::new() });
    assert_eq!(world.sim.pump().await, 1);
    assert_eq!(taken.lock().unwrap().len(), 1);
}
