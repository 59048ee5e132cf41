//! Every way an exchange can fail, over real sockets: what was not sent must be told from what may have been.

use tokio::net::TcpListener;
use whatsapp::SendOutcome;

use crate::platform::{Patience, Platform, Step, accepted, answer, client, send};

/// The outcome in a word, and its reason.
fn told(outcome: SendOutcome) -> (&'static str, String) {
    match outcome {
        SendOutcome::Accepted(accepted) => ("accepted", accepted.wamid),
        SendOutcome::Refused(refusal) => ("refused", refusal.title),
        SendOutcome::NotSent(why) => ("not sent", why),
        SendOutcome::Unknown(why) => ("unknown", why),
    }
}

async fn outcome_of(step: Step) -> (&'static str, String) {
    let patience = if matches!(step, Step::SayAndHang(_)) { Patience::Short } else { Patience::Long };
    let platform = Platform::start([step]).await;
    let told = told(send(&client(&platform.url(), patience), "a").await);
    assert!(platform.received().len() <= 1, "sent again: {:?}", platform.received());
    told
}

#[tokio::test]
async fn a_refused_connection_sends_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (told, why) = told(send(&client(&url, Patience::Long), "a").await);
    assert_eq!(told, "not sent", "{why}");
    assert!(why.contains("refused"), "{why}");
}

#[tokio::test]
async fn a_name_that_is_not_found_sends_nothing() {
    let (told, why) = told(send(&client("http://paceline-test.invalid", Patience::Long), "a").await);
    assert_eq!(told, "not sent", "{why}");
}

#[tokio::test]
async fn a_failing_tls_handshake_sends_nothing() {
    // The platform speaks no TLS: to what it takes for a request it answers in plain text.
    let platform = Platform::start([]).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.readable().await.unwrap();
            stream.try_write(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
        }
    });
    let (told, why) = told(send(&client(&url, Patience::Long), "a").await);
    assert_eq!(told, "not sent", "{why}");
    assert!(platform.received().is_empty());
}

#[tokio::test]
async fn a_tls_handshake_that_takes_too_long_sends_nothing() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let (told, why) = told(send(&client(&url, Patience::Short), "a").await);
    assert_eq!(told, "not sent", "{why}");
    assert!(why.contains("timed out"), "{why}");
    drop(listener);
}

#[tokio::test]
async fn a_connection_closed_before_it_is_read_is_never_taken_for_an_answer() {
    for _ in 0..50 {
        let platform = Platform::start([Step::CloseUnread]).await;
        let (told, why) = told(send(&platform.client(), "a").await);
        // Whether the request was written before the close was seen is a race; both are true.
        assert!(matches!(told, "not sent" | "unknown"), "{told}: {why}");
        assert!(platform.received().is_empty(), "sent again");
    }
}

#[tokio::test]
async fn a_connection_reset_after_the_request_is_unknown() {
    let (told, why) = outcome_of(Step::Reset).await;
    assert_eq!(told, "unknown", "{why}");
}

#[tokio::test]
async fn a_connection_closed_after_the_request_is_unknown() {
    let (told, why) = outcome_of(Step::SayAndClose(String::new())).await;
    assert_eq!(told, "unknown", "{why}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_unknown() {
    let whole = accepted();
    // In the head, at its end, in the body, before its last byte.
    let head = whole.find("\r\n\r\n").unwrap();
    for end in [1, 20, head, head + 4, head + 20, whole.len() - 1] {
        let part = whole[..end].to_owned();
        for step in [Step::SayAndClose(part.clone()), Step::SayAndHang(part)] {
            let (told, why) = outcome_of(step).await;
            assert_eq!(told, "unknown", "{end}: {why}");
        }
    }
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n20\r\n{\"messages\":[{\"id\":\"wamid.T\"}]}\r\n";
    let (told, why) = outcome_of(Step::SayAndClose(chunked.to_owned())).await;
    assert_eq!(told, "unknown", "{why}");
}

#[tokio::test]
async fn a_refusal_that_breaks_off_is_unknown() {
    let whole = answer("400 Bad Request", "", r#"{"error":{"code":1,"message":"(#1) Unknown"}}"#);
    let (told, why) = outcome_of(Step::SayAndClose(whole[..whole.len() - 5].to_owned())).await;
    assert_eq!(told, "unknown", "{why}");
}

#[tokio::test]
async fn a_slow_answer_is_unknown_and_says_that_it_timed_out() {
    for part in [String::new(), accepted()[..80].to_owned()] {
        let (told, why) = outcome_of(Step::SayAndHang(part)).await;
        assert_eq!(told, "unknown", "{why}");
        assert!(why.contains("timed out"), "{why}");
    }
}

#[tokio::test]
async fn answers_that_nobody_can_read_are_unknown() {
    let huge = format!("{{\"messages\":[{{\"id\":\"w\"}}],\"x\":\"{}\"}}", "x".repeat(2 * 1024 * 1024));
    for text in [
        answer("500 Internal Server Error", "Content-Type: text/html\r\n", "<html><b>Oops</b></html>"),
        answer("502 Bad Gateway", "", ""),
        answer("503 Service Unavailable", "Retry-After: 5\r\n", "{}"),
        answer("504 Gateway Timeout", "", r#"{"error":{"message":"upstream"}}"#),
        answer("200 OK", "", "OK"),
        answer("200 OK", "", r#"{"messages":[]}"#),
        answer("200 OK", "", &huge),
        answer("204 No Content", "", ""),
        answer("408 Request Timeout", "Connection: close\r\n", ""),
        "this is not HTTP\r\n\r\n".to_owned(),
    ] {
        let (told, why) = outcome_of(Step::SayAndClose(text.clone())).await;
        assert_eq!(told, "unknown", "{}: {why}", &text[..40.min(text.len())]);
    }
}

#[tokio::test]
async fn an_error_code_is_handed_up_even_with_a_5xx() {
    let body = r#"{"error":{"message":"(#131000) Something went wrong","code":131000}}"#;
    assert_eq!(
        outcome_of(Step::Say(answer("500 Internal Server Error", "", body))).await,
        ("refused", "Something went wrong".to_owned())
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Platform::start([]).await;
    for status in [
        "301 Moved Permanently",
        "302 Found",
        "303 See Other",
        "307 Temporary Redirect",
        "308 Permanent Redirect",
    ] {
        let to = format!("Location: {}/v25.0/1/marketing_messages\r\n", elsewhere.url());
        let (told, why) = outcome_of(Step::Say(answer(status, &to, ""))).await;
        assert_eq!(told, "unknown", "{status}: {why}");
        assert!(why.contains("redirect") && why.contains(&elsewhere.url()), "{why}");
    }
    assert_eq!(elsewhere.connections(), 0);
}
