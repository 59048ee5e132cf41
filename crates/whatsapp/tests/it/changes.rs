//! Calls that change something at the account, and those of a partner: what is written, and what may come back.
#![expect(clippy::unwrap_used, reason = "a test's platform may panic")]

use serde_json::{Value, json};
use whatsapp::account::{
    Category, ChangeError, ClientAccount, Invited, MaxPriceContent, NewTemplate, ParameterFormat,
    ReachInterval, ReachPoint, TemplateContent,
};
use whatsapp::{Client, ClientConfig, Secret};

use crate::platform::{Platform, Step, answer};

fn ok(body: &Value) -> Step {
    Step::Say(answer("200 OK", "", &body.to_string()))
}

/// The first line of a request's head, without its version.
fn line(head: &str) -> &str {
    head.lines().next().unwrap().trim_end_matches(" HTTP/1.1")
}

#[tokio::test]
async fn a_template_is_written_as_the_platform_reads_it() {
    let platform = Platform::start([
        ok(&json!({ "id": "5", "status": "PENDING", "category": "UTILITY" })),
        ok(&json!({ "success": true })),
    ])
    .await;
    let client = platform.client();
    let components = json!([{ "type": "BODY", "text": "Hi", "any_new_key": { "kept": [1] } }]);
    let template = NewTemplate {
        waba_id: "102290129340398",
        name: "eid_sale",
        language: "en",
        parameter_format: Some(ParameterFormat::Named),
        content: TemplateContent {
            category: Some(&Category::Marketing),
            components: Some(&components),
            ttl_seconds: Some(86_400),
            max_price: Some(MaxPriceContent { field: "optimization_spec", bid_amount: 87_000 }),
        },
    };
    let created = client.create_template(template).await.unwrap();
    assert_eq!((created.id.as_deref(), created.category), (Some("5"), Some(Category::Utility)));
    let only = TemplateContent {
        max_price: Some(MaxPriceContent { field: "bid_spec", bid_amount: 90_000 }),
        ..TemplateContent::default()
    };
    client.edit_template("5", "eid_sale", only).await.unwrap();

    let received = platform.received();
    assert_eq!(line(&received[0].head), "POST /v25.0/102290129340398/message_templates");
    assert_eq!(
        serde_json::from_str::<Value>(&received[0].body).unwrap(),
        json!({
            "name": "eid_sale", "language": "en", "parameter_format": "NAMED", "category": "MARKETING",
            "components": components, "message_send_ttl_seconds": 86_400,
            "optimization_spec": { "bid_amount": 87_000, "bid_strategy": "LOWEST_COST_WITH_BID_CAP" }
        })
    );
    assert_eq!(line(&received[1].head), "POST /v25.0/5");
    assert_eq!(
        serde_json::from_str::<Value>(&received[1].body).unwrap(),
        json!({ "bid_spec": { "bid_amount": 90_000, "bid_strategy": "LOWEST_COST_WITH_BID_CAP" } })
    );
}

#[tokio::test]
async fn what_is_not_known_is_not_called_refused() {
    let refused = r#"{"error":{"message":"Invalid parameter","code":100,"error_subcode":2388073,"error_user_msg":"The footer has variables."}}"#;
    let platform = Platform::start([
        Step::Say(answer("400 Bad Request", "", refused)),
        Step::Say(answer("503 Service Unavailable", "", "{}")),
        Step::Say(answer("200 OK", "", "<html>")),
        ok(&json!({ "success": false })),
        Step::Reset,
    ])
    .await;
    let client = platform.client();
    let edit =
        || async { client.edit_template("5", "eid_sale", TemplateContent::default()).await.unwrap_err() };
    let error = edit().await;
    assert!(
        matches!(error, ChangeError::Refused { code: Some(100), subcode: Some(2_388_073), .. }),
        "{error:?}"
    );
    insta::assert_snapshot!(error, @"the platform refused to edit the template eid_sale: The footer has variables. (code 100)");
    for unknown in ["HTTP 503", "cannot be read"] {
        let error = edit().await;
        assert!(
            matches!(error, ChangeError::Unknown { .. }) && error.to_string().contains(unknown),
            "{error:?}"
        );
    }
    assert!(matches!(edit().await, ChangeError::Refused { .. }));
    let error = edit().await;
    assert!(matches!(error, ChangeError::Unknown { .. }), "{error:?}");
    assert_eq!(platform.received().len(), 5, "nothing is written twice");

    let error = client.edit_template("../me", "x", TemplateContent::default()).await.unwrap_err();
    assert!(matches!(error, ChangeError::InvalidId { .. }), "{error:?}");
    let dialog = Client::new(ClientConfig::dialog360(Secret::new("key"))).unwrap();
    let error = dialog.edit_template("5", "x", TemplateContent::default()).await.unwrap_err();
    assert!(matches!(error, ChangeError::NotOffered { .. }), "{error:?}");
}

#[tokio::test]
async fn a_partners_calls_are_written_as_the_platform_reads_them() {
    let invited_before =
        r#"{"error":{"message":"(#1752041) Onboarding intent already sent","code":1752041}}"#;
    let platform = Platform::start([
        ok(&json!({ "data": [{ "id": "8", "name": "Client", "currency": "usd" }] })),
        ok(&json!({ "request_id": "77" })),
        Step::Say(answer("400 Bad Request", "", invited_before)),
        ok(&json!({ "access_token": "EAAG-of-the-client" })),
        ok(&json!({ "data": [{ "access_token": "EAAG-listed" }] })),
        ok(&json!({})),
    ])
    .await;
    let client = platform.client();
    let account = ClientAccount { id: "8".into(), name: Some("Client".into()), currency: Some("USD".into()) };
    assert_eq!(client.eligible_accounts("272").await.unwrap(), [account]);
    let sent = Invited::Sent { request_id: Some("77".into()) };
    assert_eq!(client.invite("55", Some("9 9")).await.unwrap(), sent);
    assert_eq!(client.invite("55", None).await.unwrap(), Invited::Before);
    // RFC 4231, test case 2: the key and the message of the proof.
    let (secret, token) = (Secret::new("Jefe"), Secret::new("what do ya want for nothing?"));
    let fetched = client.system_user_token("55", &secret, &token).await.unwrap();
    assert_eq!(fetched.expose(), "EAAG-of-the-client");
    assert_eq!(client.system_user_token("55", &secret, &token).await.unwrap().expose(), "EAAG-listed");
    let error = client.system_user_token("55", &secret, &token).await.unwrap_err().to_string();
    assert!(error.contains("it has no access_token") && !error.contains("Jefe"), "{error}");

    let received = platform.received();
    let lines: Vec<&str> = received.iter().take(4).map(|request| line(&request.head)).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    GET /v25.0/272/client_whatsapp_business_accounts?filtering=%5B%7B%22field%22%3A%22marketing_messages_onboarding_status%22%2C%22operator%22%3A%22IN%22%2C%22value%22%3A%5B%22ELIGIBLE%22%5D%7D%5D&limit=100
    POST /v25.0/55/onboard_partners_to_mm_lite?solution_id=9+9
    POST /v25.0/55/onboard_partners_to_mm_lite
    GET /v25.0/55/system_user_access_tokens?appsecret_proof=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843&fetch_only=true
    ");
}

#[tokio::test]
async fn both_spellings_of_reach_are_read() {
    let march = json!({ "bid_amount": 87_000, "users": 1000, "lower_bound_deliveries": 5, "upper_bound_deliveries": 7,
        "cost_lower_bound": 1, "cost_upper_bound": 2 });
    let june = json!({ "bid_amount": "87000", "users": 1000, "deliveries_lower_bound": 5, "deliveries_upper_bound": 7,
        "cost_lower_bound": 1, "cost_upper_bound": 2 });
    let platform = Platform::start([
        ok(&json!({ "waba_currency": "INR", "estimates": [march] })),
        ok(&json!({ "data": [{ "waba_currency": "INR", "estimates": [june] }] })),
        ok(&json!({ "waba_currency": "INR" })),
    ])
    .await;
    let client = platform.client();
    let countries = ["IN".to_owned(), "LK".to_owned()];
    let ask = || client.reach_estimates("1", &countries, ReachInterval::Fortnight);
    let point = ReachPoint {
        bid_amount: 87_000,
        users: Some(1_000),
        deliveries: (Some(5), Some(7)),
        cost: (Some(1), Some(2)),
    };
    for _ in 0..2 {
        let estimates = ask().await.unwrap();
        assert_eq!((estimates.currency.as_deref(), estimates.points), (Some("INR"), vec![point]));
    }
    assert!(ask().await.unwrap_err().to_string().contains("it has no list `estimates`"));
    assert_eq!(
        line(&platform.received()[0].head),
        "GET /v25.0/1/reachestimate?targeting_spec=%7B%22geo_locations%22%3A%7B%22countries%22%3A%5B%22IN%22%2C%22LK%22%5D%7D%7D&date_interval=L14D"
    );
}
