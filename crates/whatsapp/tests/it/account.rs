//! The account's calls against an HTTP server that answers as the Graph API does.
#![expect(clippy::unwrap_used, reason = "a test's platform may panic")]

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use whatsapp::account::{
    AccountError, Category, HeaderFormat, MaxPrice, NumberStatus, OnboardingStatus, ParameterFormat,
    TemplateQuery, TemplateState, Throughput,
};
use whatsapp::health::{MessagingLimit, Quality};
use whatsapp::{Client, ClientConfig, Secret};

use crate::platform::{Patience, Platform, Step, answer, client};

type Asked = Arc<Mutex<Vec<HashMap<String, String>>>>;

async fn start(router: Router<Asked>) -> (Client, Asked) {
    let asked = Asked::default();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let service = router.with_state(Arc::clone(&asked));
    tokio::spawn(async move { axum::serve(listener, service).await });
    (client(&url, Patience::Long), asked)
}

fn query<'a>(name: &'a str, max_price_field: &'a str) -> TemplateQuery<'a> {
    TemplateQuery { waba_id: "102290129340398", name, language: "en", max_price_field }
}

fn template(name: &str, language: &str) -> Value {
    json!({
        "id": "594425479261596", "name": name, "language": language, "status": "APPROVED", "category": "MARKETING",
        "parameter_format": "NAMED", "message_send_ttl_seconds": 86_400,
        "optimization_spec": {"bid_amount": 87_000, "bid_strategy": "LOWEST_COST_WITH_BID_CAP"},
        "quality_score": {"score": "YELLOW", "date": 1_700_000_000}, "rejected_reason": "NONE",
        "components": [
            {"type": "HEADER", "format": "IMAGE"},
            {"type": "BODY", "text": "Hi {{first_name}}, {{discount}} off"},
            {"type": "BUTTONS", "buttons": [{"type": "URL", "text": "Shop", "url": "https://example.com/{{1}}"}]}
        ]
    })
}

/// Two pages; on the first there is only what the filter also finds.
async fn pages(
    State(asked): State<Asked>,
    Path(path): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<Value> {
    asked.lock().unwrap().push(query.clone());
    assert_eq!(path, "102290129340398");
    Json(match query.get("after").map(String::as_str) {
        None => json!({
            "data": [template("diwali_sale_b", "en"), template("diwali_sale", "en_US")],
            "paging": {"cursors": {"before": "a", "after": "two"}, "next": "https://evil.example/steal"}
        }),
        Some(_) => json!({
            "data": [template("diwali_sale", "en")],
            "paging": {"cursors": {"before": "two", "after": "two"}, "next": "https://evil.example/steal"}
        }),
    })
}

#[tokio::test]
async fn a_template_is_found_on_a_later_page() {
    let (client, asked) = start(Router::new().route("/v25.0/{waba}/message_templates", get(pages))).await;
    let info = client.template(query("diwali_sale", "optimization_spec")).await.unwrap().unwrap();
    assert_eq!(
        (info.id.as_str(), &info.status, &info.category),
        ("594425479261596", &TemplateState::Approved, &Category::Marketing)
    );
    assert_eq!(info.parameter_format, ParameterFormat::Named);
    assert_eq!(info.message_send_ttl_seconds, Some(86_400));
    let strategy = Some("LOWEST_COST_WITH_BID_CAP".to_owned());
    assert_eq!(info.max_price, Some(MaxPrice { bid_amount: 87_000, bid_strategy: strategy }));
    assert_eq!((info.quality, info.rejected_reason), (Quality::Yellow, None));
    assert_eq!(info.components.header.unwrap().format, HeaderFormat::Image);
    assert_eq!(info.components.body.variables, ["first_name", "discount"]);
    assert_eq!(info.components.buttons[0].url.as_ref().unwrap().variables, ["1"]);
    assert_eq!(asked.lock().unwrap().len(), 2);
    assert_eq!(asked.lock().unwrap()[0]["name"], "diwali_sale");
    assert_eq!(asked.lock().unwrap()[0]["language"], "en");

    // A cursor that comes back as it was is the end, not a loop.
    assert_eq!(client.template(query("other", "optimization_spec")).await.unwrap(), None);
}

async fn without_the_new_name(Query(query): Query<HashMap<String, String>>) -> (StatusCode, Json<Value>) {
    if query["fields"].contains("optimization_spec") {
        let error = json!({"error": {"message": "(#100) Tried accessing nonexisting field (optimization_spec)", "code": 100}});
        return (StatusCode::BAD_REQUEST, Json(error));
    }
    let mut template = template("diwali_sale", "en");
    let spec = template.as_object_mut().unwrap().remove("optimization_spec").unwrap();
    template["bid_spec"] = spec;
    (StatusCode::OK, Json(json!({"data": [template]})))
}

#[tokio::test]
async fn a_field_the_platform_does_not_know_is_left_out() {
    let (client, _) =
        start(Router::new().route("/v25.0/{waba}/message_templates", get(without_the_new_name))).await;
    let info = client.template(query("diwali_sale", "optimization_spec")).await.unwrap().unwrap();
    assert_eq!(info.max_price.unwrap().bid_amount, 87_000, "both names are read");
}

#[tokio::test]
async fn the_number_and_the_account() {
    let number = json!({
        "id": "106540352242922", "display_phone_number": "+1 631-555-5555", "verified_name": "Jasper's Market",
        "quality_rating": "GREEN", "throughput": {"level": "STANDARD"}, "status": "CONNECTED",
        "whatsapp_business_manager_messaging_limit": "TIER_100K"
    });
    let account = json!({
        "id": "102290129340398", "name": "Jasper's", "currency": "inr",
        "marketing_messages_onboarding_status": "ONBOARDED"
    });
    let (client, _) = start(
        Router::new()
            .route("/v25.0/106540352242922", get(|| async { Json(number) }))
            .route("/v25.0/102290129340398", get(|| async { Json(account) }))
            .route("/v25.0/7", get(|| async { Json(json!({"id": 7})) })),
    )
    .await;
    let number = client.phone_number().await.unwrap();
    assert_eq!(
        (number.throughput, number.quality, number.status),
        (Throughput::Standard, Quality::Green, NumberStatus::Connected)
    );
    assert_eq!(number.messaging_limit, Some(MessagingLimit::UniqueUsers(100_000)));
    let account = client.business_account("102290129340398").await.unwrap();
    assert_eq!((account.currency.as_deref(), account.onboarding), (Some("INR"), OnboardingStatus::Onboarded));
    let bare = client.business_account("7").await.unwrap();
    assert_eq!((bare.id.as_str(), bare.currency, bare.onboarding), ("7", None, OnboardingStatus::Unknown));
}

#[tokio::test]
async fn errors_are_sentences() {
    let expired = r#"{"error":{"message":"Error validating access token: Session has expired","type":"OAuthException","code":190}}"#;
    let platform = Platform::start([
        Step::Say(answer("401 Unauthorized", "", expired)),
        Step::Say(answer("502 Bad Gateway", "", "")),
        Step::Say(answer("200 OK", "", "<html>")),
        Step::Say(answer("200 OK", "", "[]")),
        Step::Say(answer("200 OK", "", "{}")),
        Step::SayAndClose(String::new()),
    ])
    .await;
    let client = platform.client();
    let ask = || async { client.phone_number().await.unwrap_err() };
    let error = ask().await;
    assert!(matches!(error, AccountError::Refused { code: Some(190), http_status: 401, .. }), "{error:?}");
    insta::assert_snapshot!(error, @"the platform refused to tell the sender's number: Error validating access token: Session has expired (code 190)");
    insta::assert_snapshot!(ask().await, @"the platform refused to tell the sender's number: it does not say why (HTTP 502)");
    for _ in 0..3 {
        let error = ask().await;
        assert!(matches!(error, AccountError::Unreadable { .. }), "{error:?}");
    }
    let error = ask().await;
    assert!(matches!(error, AccountError::Unreachable { .. }), "{error:?}");
    assert!(!error.to_string().contains("EAAG"), "{error}");

    let error = client.business_account("../me").await.unwrap_err();
    assert!(error.to_string().contains("`../me` is not an id"), "{error}");
    let dialog = Client::new(ClientConfig::dialog360(Secret::new("key"))).unwrap();
    let error = dialog.template(query("diwali_sale", "bid_spec")).await.unwrap_err();
    assert!(matches!(error, AccountError::NotOffered { .. }), "{error:?}");
}
