//! What goes over the wire to each provider, and what comes back when all is well.

use std::time::Duration;

use whatsapp::{Client, ClientConfig, MessageStatus, Secret, SendOutcome};

use crate::platform::{Platform, Step, answer, send};

#[tokio::test]
async fn meta_is_asked_by_number_with_a_bearer_token() {
    let platform = Platform::start([]).await;
    let outcome = send(&platform.client(), "pl1.x.1.2.1").await;
    let SendOutcome::Accepted(accepted) = outcome else { panic!("{outcome:?}") };
    assert_eq!((accepted.wamid.as_str(), accepted.status), ("wamid.T", MessageStatus::Accepted));
    assert_eq!(accepted.wa_id.as_deref(), Some("919876543210"));

    let received = platform.received();
    let [request] = received.as_slice() else { panic!("{received:?}") };
    let port = platform.address.port().to_string();
    insta::assert_snapshot!(request.head.replace("\r\n", "\n").replace(&port, "PORT"), @r"
    POST /v25.0/106540352242922/marketing_messages HTTP/1.1
    content-type: application/json
    accept: */*
    authorization: Bearer EAAG-token
    user-agent: paceline/0.1.0
    host: 127.0.0.1:PORT
    content-length: 225
    ");
    insta::assert_snapshot!(request.body, @r#"{"messaging_product":"whatsapp","recipient_type":"individual","to":"919876543210","type":"template","template":{"name":"diwali_sale","language":{"policy":"deterministic","code":"en"}},"biz_opaque_callback_data":"pl1.x.1.2.1"}"#);
}

#[tokio::test]
async fn dialog360_is_asked_with_its_key_and_no_number() {
    let wrapped = r#"{"detail":{"error":{"message":"(#131049) Not delivered","code":131049,"error_data":{"details":"To keep things healthy"},"fbtrace_id":"A1"}}}"#;
    let own = r#"{"detail":"Invalid api key"}"#;
    let platform = Platform::start([
        Step::Say(answer("400 Bad Request", "", wrapped)),
        Step::Say(answer("401 Unauthorized", "", own)),
    ])
    .await;
    let client = Client::new(ClientConfig {
        base_url: platform.url(),
        ..ClientConfig::dialog360(Secret::new("key-of-a-number"))
    })
    .unwrap();

    let outcome = send(&client, "a").await;
    let SendOutcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    assert_eq!((refusal.http_status, refusal.code), (400, Some(131_049)));
    assert_eq!(refusal.title, "Not delivered");
    assert_eq!(refusal.details.as_deref(), Some("To keep things healthy"));
    assert_eq!(refusal.fbtrace_id.as_deref(), Some("A1"));

    let outcome = send(&client, "b").await;
    let SendOutcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
    assert_eq!((refusal.code, refusal.title.as_str()), (None, "Invalid api key"));

    let request = &platform.received()[0];
    assert!(request.head.starts_with("POST /marketing_messages HTTP/1.1\r\n"), "{}", request.head);
    assert!(request.head.contains("d360-api-key: key-of-a-number"), "{}", request.head);
    assert!(!request.head.to_lowercase().contains("authorization"), "{}", request.head);
}

#[tokio::test]
async fn throttling_carries_its_wait_and_its_usage() {
    let body = r#"{"error":{"message":"(#130429) Rate limit hit","code":130429,"is_transient":true}}"#;
    let with = |headers: &str| Step::Say(answer("429 Too Many Requests", headers, body));
    let platform = Platform::start([
        with("Retry-After: 7\r\nX-App-Usage: {\"call_count\":101,\"total_time\":3,\"total_cputime\":2}\r\n"),
        with("Date: Sun, 08 Nov 2026 09:00:00 GMT\r\nRetry-After: Sun, 08 Nov 2026 09:00:09 GMT\r\n"),
        with("Retry-After: 1e308\r\nX-Business-Use-Case-Usage: {\"1\":[{\"estimated_time_to_regain_access\":1e308}]}\r\n"),
        with("Retry-After: -5\r\nX-App-Usage: [[[\r\n"),
        with("Retry-After: \u{e9}\r\n"),
    ])
    .await;
    let client = platform.client();
    let mut waits = Vec::new();
    let mut usages = Vec::new();
    for i in 0..5 {
        let outcome = send(&client, &i.to_string()).await;
        let SendOutcome::Refused(refusal) = outcome else { panic!("{outcome:?}") };
        assert_eq!((refusal.http_status, refusal.code, refusal.is_transient), (429, Some(130_429), true));
        waits.push(refusal.retry_after.map(|wait| wait.as_secs()));
        usages.push(refusal.usage.map(|usage| (usage.peak_percent(), usage.regain_access())));
    }
    assert_eq!(waits, [Some(7), Some(9), Some(3_600), None, None]);
    let day = Some(Duration::from_secs(86_400));
    assert_eq!(usages, [Some((101, None)), None, Some((0, day)), None, None]);
}

#[tokio::test]
async fn one_connection_serves_many_messages() {
    let platform = Platform::start([]).await;
    let client = platform.client();
    for i in 0..50 {
        assert!(matches!(send(&client, &i.to_string()).await, SendOutcome::Accepted(_)));
    }
    assert_eq!((platform.received().len(), platform.connections()), (50, 1));
}
