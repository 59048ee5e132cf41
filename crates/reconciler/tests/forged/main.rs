//! Forged, replayed, oversized, slow and malformed requests over the wire: refused, or harmless.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a story that cannot be told on has to fail")]

mod logs;
mod wire;

use std::sync::atomic::Ordering;
use std::time::Duration;

use campaign::message::State;
use reconciler::Limits;
use tokio::io::AsyncWriteExt;

use wire::{Intake, SECRET, answer, head, signed};

const SIGNATURE: &str = "x-hub-signature-256";

/// What a post may have.
const LARGEST: usize = 3 * 1024 * 1024;

async fn intake() -> Intake {
    Intake::start(Limits::default()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_platforms_own_signature_over_these_very_bytes_is_taken() {
    let intake = intake().await;
    let body = intake.body(0, "delivered");
    let good = signed(SECRET, body.as_bytes());
    let digits = good.strip_prefix("sha256=").unwrap();
    let mut flipped = good.clone().into_bytes();
    *flipped.last_mut().unwrap() ^= 1;
    for wrong in [
        String::new(),
        "sha256=".to_owned(),
        digits.to_owned(),
        signed("another secret", body.as_bytes()),
        signed("", body.as_bytes()),
        String::from_utf8(flipped).unwrap(),
        good[..good.len() - 2].to_owned(),
        format!("{good}00"),
        format!("sha1={digits}"),
        format!("SHA256={digits}"),
        format!("sha256=0x{digits}"),
        format!("sha256=\"{digits}\""),
        format!("{good}, {good}"),
    ] {
        let (status, text) = intake.post(&[(SIGNATURE, &wrong)], body.as_bytes()).await;
        assert_eq!(
            (status, text.as_str()),
            (401, "the signature or shared secret does not match"),
            "{wrong}"
        );
    }
    // Where the signature should be elsewhere, or is not there at all.
    for headers in [
        vec![],
        vec![("x-hub-signature", good.as_str())],
        vec![("authorization", good.as_str())],
        // The first one is judged.
        vec![(SIGNATURE, "sha256=00"), (SIGNATURE, good.as_str())],
    ] {
        assert_eq!(intake.post(&headers, body.as_bytes()).await.0, 401, "{headers:?}");
    }
    assert_eq!(intake.scene.state(0).await, State::Sending);
    assert_eq!(intake.counters.forged.load(Ordering::Relaxed), 17);
    // The same digits in capitals are the same signature.
    let capitals = format!("sha256={}", digits.to_uppercase());
    assert_eq!(intake.post(&[(SIGNATURE, &capitals)], body.as_bytes()).await.0, 200);
    assert_eq!(intake.scene.state(0).await, State::Delivered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_was_written_anew_is_not_the_signed_one() {
    let intake = intake().await;
    let body = intake.body(0, "delivered");
    let good = signed(SECRET, body.as_bytes());
    let anew: serde_json::Value = serde_json::from_str(&body).unwrap();
    let pretty = serde_json::to_string_pretty(&anew).unwrap();
    for other in [
        pretty,
        format!("{body}\n"),
        format!(" {body}"),
        format!("\u{feff}{body}"),
        body.replace("wamid.0.1", "wamid.1.1"),
        body.replace("delivered", "d\\u0065livered"),
        body[..body.len() - 1].to_owned(),
        String::new(),
    ] {
        assert_eq!(intake.post(&[(SIGNATURE, &good)], other.as_bytes()).await.0, 401, "{other}");
    }
    // Nothing is unpacked: what is signed is what is read.
    let gzip = [("content-encoding", "gzip"), (SIGNATURE, good.as_str())];
    assert_eq!(intake.post(&gzip, b"\x1f\x8b\x08\x00").await.0, 401);
    assert_eq!(intake.scene.state(0).await, State::Sending);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_posted_again_changes_nothing() {
    let intake = intake().await;
    let bodies = ["read", "sent", "delivered"].map(|status| intake.body(0, status));
    for body in &bodies {
        assert_eq!(
            intake.post(&[(SIGNATURE, &signed(SECRET, body.as_bytes()))], body.as_bytes()).await.0,
            200
        );
    }
    let (row, money) = (intake.scene.row(0).await, intake.scene.money().await);
    assert_eq!(row.state, State::Read);
    for body in bodies.iter().chain(bodies.iter().rev()) {
        assert_eq!(
            intake.post(&[(SIGNATURE, &signed(SECRET, body.as_bytes()))], body.as_bytes()).await.0,
            200
        );
    }
    assert_eq!((intake.scene.row(0).await, intake.scene.money().await), (row, money));
    assert_eq!(intake.counters.applied.load(Ordering::Relaxed), 1);
    assert_eq!(intake.counters.unchanged.load(Ordering::Relaxed), 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signed_and_cannot_be_read_is_counted_and_not_asked_for_again() {
    let intake = intake().await;
    for body in [&b""[..], b"{", b"[]", b"\xff\xfe", b"null", b"{\"entry\":1}"] {
        assert_eq!(intake.post(&[(SIGNATURE, &signed(SECRET, body))], body).await.0, 200, "{body:?}");
    }
    assert_eq!(intake.counters.unreadable.load(Ordering::Relaxed), 6);
}

/// A genuine post of a status, and of as many parts that cannot be read as fit beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_million_unreadable_parts_are_counted_and_cost_no_other() {
    let intake = intake().await;
    let unread = 1_400_000;
    let status = intake.body(0, "delivered");
    let body = status.replacen("\"entry\":[", &format!("\"entry\":[{}", "0,".repeat(unread)), 1);
    assert_eq!(intake.post(&[(SIGNATURE, &signed(SECRET, body.as_bytes()))], body.as_bytes()).await.0, 200);
    assert_eq!(intake.scene.state(0).await, State::Delivered);
    let counts = intake.store.webhook_counts(chrono::NaiveDate::MIN).await.unwrap();
    let counts: Vec<_> = counts.iter().map(|count| (count.kind.as_str(), count.n)).collect();
    assert_eq!(counts, [("unreadable", unread as u64)]);
}

/// A genuine post of exactly the largest size, and one of a byte more.
#[tokio::test(flavor = "multi_thread")]
async fn three_megabytes_are_taken_and_a_byte_more_is_not() {
    let intake = intake().await;
    let mut body = intake.body(0, "delivered").into_bytes();
    body.resize(LARGEST, b' ');
    assert_eq!(intake.post(&[(SIGNATURE, &signed(SECRET, &body))], &body).await.0, 200);
    assert_eq!(intake.scene.state(0).await, State::Delivered);
    let mut body = intake.body(1, "delivered").into_bytes();
    body.resize(LARGEST + 1, b' ');
    let (status, text) = intake.post(&[(SIGNATURE, &signed(SECRET, &body))], &body).await;
    assert_eq!(status, 413);
    assert_eq!(
        text,
        "the body is larger than 3 MB (3145728 bytes), the most that the platform sends; nothing of it was used"
    );
    assert_eq!(intake.scene.state(1).await, State::Sending);
}

/// The answer comes at the head, before a byte of the body: nothing is read into memory.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_says_it_is_too_large_is_not_read() {
    let intake = intake().await;
    for length in [LARGEST as u64 + 1, 10_000_000_000, u64::MAX - 100] {
        let mut connection = intake.connect().await;
        let length = length.to_string();
        let head = head("POST", reconciler::intake::PATH, &[("content-length", &length)]);
        connection.write_all(head.as_bytes()).await.unwrap();
        assert_eq!(answer(&mut connection).await.0, 413, "{length}");
        assert_eq!(answer(&mut connection).await.0, 0, "the connection is closed");
    }
}

/// A body in chunks says no length: it is read up to the limit and no further.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_in_chunks_is_read_up_to_the_limit() {
    let intake = intake().await;
    let chunked = [("transfer-encoding", "chunked")];
    let mut connection = intake.connect().await;
    connection.write_all(head("POST", reconciler::intake::PATH, &chunked).as_bytes()).await.unwrap();
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x1_0000], b"\r\n"].concat();
    let mut sent = 0;
    // It goes on for ever, unless it is told to stop.
    while connection.write_all(&chunk).await.is_ok() {
        sent += chunk.len();
        assert!(sent < 200 * LARGEST, "whatever is sent is read");
    }
    assert_eq!(intake.counters.unread.load(Ordering::Relaxed), 1);

    let body = intake.body(0, "sent");
    let signature = signed(SECRET, body.as_bytes());
    let mut connection = intake.connect().await;
    let headers = [("transfer-encoding", "chunked"), (SIGNATURE, signature.as_str())];
    connection.write_all(head("POST", reconciler::intake::PATH, &headers).as_bytes()).await.unwrap();
    let chunks: String = body
        .as_bytes()
        .chunks(7)
        .map(|c| format!("{:x}\r\n{}\r\n", c.len(), str::from_utf8(c).unwrap()))
        .collect();
    connection.write_all(format!("{chunks}0\r\n\r\n").as_bytes()).await.unwrap();
    assert_eq!(answer(&mut connection).await.0, 200, "a body in chunks that is short enough is taken");
    assert_eq!(intake.scene.state(0).await, State::Sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn lengths_that_lie_are_refused() {
    let intake = intake().await;
    let body = intake.body(0, "delivered");
    let signature = signed(SECRET, body.as_bytes());
    let longer = (body.len() + 10).to_string();
    let shorter = (body.len() - 10).to_string();
    // Less than was said: the sender closes its side and never gets a 200.
    let mut connection = intake.connect().await;
    let said = [("content-length", longer.as_str()), (SIGNATURE, signature.as_str())];
    connection.write_all(head("POST", reconciler::intake::PATH, &said).as_bytes()).await.unwrap();
    connection.write_all(body.as_bytes()).await.unwrap();
    connection.shutdown().await.unwrap();
    assert_ne!(answer(&mut connection).await.0, 200);
    // More than was said: its beginning is not what was signed, and the rest is no request.
    let mut connection = intake.connect().await;
    let said = [("content-length", shorter.as_str()), (SIGNATURE, signature.as_str())];
    connection.write_all(head("POST", reconciler::intake::PATH, &said).as_bytes()).await.unwrap();
    connection.write_all(body.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut connection).await.0, 401);
    // Two lengths at once, or a length and chunks, are how requests are smuggled.
    for said in [
        [("content-length", shorter.as_str()), ("content-length", longer.as_str())],
        [("content-length", "-1"), (SIGNATURE, signature.as_str())],
        [("content-length", "99999999999999999999999"), (SIGNATURE, signature.as_str())],
    ] {
        let mut connection = intake.connect().await;
        connection.write_all(head("POST", reconciler::intake::PATH, &said).as_bytes()).await.unwrap();
        assert_eq!(answer(&mut connection).await.0, 400, "{said:?}");
    }
    assert_eq!(intake.scene.state(0).await, State::Sending);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_slow_is_sent_away() {
    let short = Duration::from_millis(300);
    let limits = Limits { head: short, body: short, ..Limits::default() };
    let intake = Intake::start(limits).await;

    let mut slow_head = intake.connect().await;
    slow_head.write_all(b"POST /webhooks/whatsapp HTTP/1.1\r\nhost:").await.unwrap();
    let mut silent = intake.connect().await;
    let mut slow_body = intake.connect().await;
    let head = head("POST", reconciler::intake::PATH, &[("content-length", "1000")]);
    slow_body.write_all(head.as_bytes()).await.unwrap();
    slow_body.write_all(b"{").await.unwrap();

    let (status, text) = answer(&mut slow_body).await;
    assert_eq!(
        (status, text.as_str()),
        (408, "the body did not come in time; nothing of it was used, send it again")
    );
    assert_eq!(answer(&mut slow_body).await.0, 0, "the connection is closed");
    assert!(matches!(answer(&mut slow_head).await.0, 0 | 408));
    assert_eq!(answer(&mut silent).await.0, 0);
    assert_eq!(intake.counters.unread.load(Ordering::Relaxed), 1);
}

/// A sender that sends a byte now and then has no more time than one that sends none.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_trickles_is_not_waited_for() {
    let intake = Intake::start(Limits { body: Duration::from_millis(300), ..Limits::default() }).await;
    let connection = intake.connect().await;
    let (mut reading, mut writing) = connection.into_split();
    let head = head("POST", reconciler::intake::PATH, &[("content-length", "100000")]);
    writing.write_all(head.as_bytes()).await.unwrap();
    let trickle = tokio::spawn(async move {
        let mut every = tokio::time::interval(Duration::from_millis(10));
        while writing.write_all(b" ").await.is_ok() {
            every.tick().await;
        }
    });
    let mut got = Vec::new();
    let _ = tokio::io::AsyncReadExt::read_to_end(&mut reading, &mut got).await;
    assert!(got.starts_with(b"HTTP/1.1 408"), "{}", String::from_utf8_lossy(&got));
    trickle.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_all_posts_hold_together_is_limited() {
    let intake = Intake::start(Limits { held: 100_000, ..Limits::default() }).await;
    let head = head("POST", reconciler::intake::PATH, &[("content-length", "70000")]);
    let (mut one, mut other) = (intake.connect().await, intake.connect().await);
    for connection in [&mut one, &mut other] {
        connection.write_all(head.as_bytes()).await.unwrap();
        connection.write_all(&[b' '; 60_000]).await.unwrap();
    }
    // Neither is whole, and both are too much: who came second is sent away.
    let (refused, mut held) = tokio::select! {
        refused = answer(&mut one) => (refused, other),
        refused = answer(&mut other) => (refused, one),
    };
    assert_eq!(refused, (503, "too many large posts are being read at once; send it again".to_owned()));
    held.write_all(&[b' '; 10_000]).await.unwrap();
    assert_eq!(answer(&mut held).await.0, 401);
    assert_eq!(intake.post(&[], &[b' '; 70_000]).await.0, 401, "there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_nothing_makes_way() {
    let intake = Intake::start(Limits { connections: 2, ..Limits::default() }).await;
    let [mut first, mut second] = [intake.connect().await, intake.connect().await];
    // The first one had its answer after the second one: the second one has waited longest.
    for connection in [&mut second, &mut first] {
        connection.write_all(head("GET", "/webhooks/whatsapp", &[]).as_bytes()).await.unwrap();
        assert_eq!(answer(connection).await.0, 403);
    }
    assert_eq!(intake.post(&[], b"{}").await.0, 401);
    assert_eq!(answer(&mut second).await.0, 0, "it made way");
    first.write_all(head("GET", "/webhooks/whatsapp", &[]).as_bytes()).await.unwrap();
    assert_eq!(answer(&mut first).await.0, 403, "it stayed");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_busy_stays_and_others_are_told_to_come_again() {
    let limits = Limits { connections: 1, ..Limits::default() };
    let intake = Intake::start(limits).await;
    let body = intake.body(0, "delivered");
    let (length, signature) = (body.len().to_string(), signed(SECRET, body.as_bytes()));
    let headers = [("content-length", length.as_str()), (SIGNATURE, signature.as_str())];
    let mut busy = intake.connect().await;
    let head =
        head("POST", reconciler::intake::PATH, &[&headers[..], &[("expect", "100-continue")]].concat());
    busy.write_all(head.as_bytes()).await.unwrap();
    // From here on its body is waited for.
    assert_eq!(answer(&mut busy).await.0, 100);
    for _ in 0..40 {
        let told = intake.post(&headers[1..], body.as_bytes()).await;
        assert_eq!(told, (503, "too many connections are busy; send it again".to_owned()));
    }
    assert_eq!(intake.counters.turned_away.load(Ordering::Relaxed), 40);
    busy.write_all(body.as_bytes()).await.unwrap();
    assert_eq!(answer(&mut busy).await.0, 200);
    assert_eq!(intake.scene.state(0).await, State::Delivered);
    assert_eq!(intake.post(&headers[1..], body.as_bytes()).await.0, 200, "there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_connection_ends() {
    let limits = Limits { connection: Duration::from_millis(300), ..Limits::default() };
    let mut idle = Intake::start(limits).await.connect().await;
    assert_eq!(answer(&mut idle).await.0, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_methods_paths_and_heads_are_refused() {
    let intake = intake().await;
    for (method, path, expected) in [
        ("PUT", "/webhooks/whatsapp", 405),
        ("DELETE", "/webhooks/whatsapp", 405),
        ("PATCH", "/webhooks/whatsapp", 405),
        ("OPTIONS", "/webhooks/whatsapp", 405),
        ("POST", "/webhooks/whatsapp/", 404),
        ("POST", "/webhooks", 404),
        ("POST", "/", 404),
        ("POST", "/webhooks/../webhooks/whatsapp", 404),
        ("GET", "/webhooks/whatsapp", 403),
        ("GET", "/webhooks/whatsapp?hub.mode=subscribe&hub.challenge=1&hub.verify_token=", 403),
        ("GET", "/webhooks/whatsapp?hub.mode=subscribe&hub.challenge=1&hub.verify_token=the%20wor", 403),
        ("GET", "/webhooks/whatsapp?hub.mode=unsubscribe&hub.challenge=1&hub.verify_token=handshake-41", 403),
        ("GET", "/webhooks/whatsapp?hub.mode=subscribe&hub.challenge=1&hub.verify_token=handshake-41", 200),
    ] {
        let mut connection = intake.connect().await;
        connection.write_all(head(method, path, &[]).as_bytes()).await.unwrap();
        assert_eq!(answer(&mut connection).await.0, expected, "{method} {path}");
    }
    let names: Vec<String> = (0..5_000).map(|n| format!("x-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let wide = "a".repeat(200_000);
    for headers in [&many[..], &[("x-wide", wide.as_str())]] {
        let mut connection = intake.connect().await;
        let _ = connection.write_all(head("POST", "/webhooks/whatsapp", headers).as_bytes()).await;
        assert!(matches!(answer(&mut connection).await.0, 431 | 0));
    }
    let mut connection = intake.connect().await;
    connection.write_all(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n").await.unwrap();
    assert!(matches!(answer(&mut connection).await.0, 400 | 0), "no HTTP at all");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_logged_of_it_names_nobody_and_no_secret() {
    let intake = intake().await;
    let genuine = intake.body(0, "delivered");
    let damaged = genuine.replace(r#""timestamp":"1795000020""#, r#""timestamp":["1795000020"]"#);
    let unknown = genuine.replace(r#""field":"messages""#, r#""field":"unheard_of""#);
    for body in [&genuine, &damaged, &unknown, &genuine[..genuine.len() / 2].to_owned()] {
        for signature in [signed(SECRET, body.as_bytes()), signed("another", body.as_bytes())] {
            intake.post(&[(SIGNATURE, &signature)], body.as_bytes()).await;
        }
    }
    assert!(logs::assert_clean() > 0, "what cannot be read is logged");
}
