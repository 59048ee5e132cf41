//! What a webhook's body takes, decoded: some times its own bytes, whatever it is made of. Alone in its process, because
//! all memory that the process takes is measured.

#![expect(clippy::wildcard_enum_match_arm, reason = "a test fails at any event but those it wants")]

use peak_alloc::PeakAlloc;
use whatsapp::webhook::{Event, decode};

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// The largest body that is taken, bytes.
const LARGEST: usize = 3 * 1024 * 1024;

/// A body of about the largest size, made of this between its head and its tail.
fn body(head: &str, part: &str, tail: &str) -> String {
    let parts = (LARGEST - head.len() - tail.len()) / part.len();
    format!("{head}{}{tail}", part.repeat(parts)).replacen(&format!(",{tail}"), tail, 1)
}

#[test]
fn what_is_made_of_many_small_parts_takes_little() {
    let entry = r#"{"object":"whatsapp_business_account","entry":["#;
    let changes = format!(r#"{entry}{{"id":"1","changes":["#);
    let long = "9".repeat(500);
    let value = format!(
        r#"{changes}{{"field":"messages","value":{{"metadata":{{"phone_number_id":"{long}","display_phone_number":"{long}"}},"contacts":[{{"wa_id":"{long}","user_id":"{long}"}}],"#
    );
    let account = r#"{"field":"account_update","value":{"event":"ACCOUNT_RESTRICTION","restriction_info":["#;
    let mut cases = vec![
        (entry.to_owned(), "0,", "]}", 10),
        (entry.to_owned(), "{},", "]}", 10),
        (changes.clone(), "0,", "]}]}", 10),
        (changes.clone(), "{},", "]}]}", 10),
        (changes.clone(), r#"{"value":{}},"#, "]}]}", 10),
        (format!("{changes}{account}"), "0,", "]}}]}]}", 10),
        (format!(r#"{changes}{{"field":"messages","value":{{"contacts":["#), "0,", "]}}]}]}", 10),
        (format!(r#"{value}"statuses":[{{"id":"a","status":"failed","errors":["#), "0,", "]}]}}]}]}", 10),
        // Events of the smallest kinds that say something: each is kept, and takes some hundred bytes.
        (format!(r#"{value}"statuses":["#), r#"{"id":1,"status":"sent"},"#, "]}}]}]}", 30),
        (format!(r#"{value}"user_actions":["#), r#"{"action_type":1},"#, "]}}]}]}", 50),
        (format!(r#"{value}"messages":["#), r#"{"type":1},"#, "]}}]}]}", 90),
        (format!(r#"{value}"errors":["#), r#"{"code":1},"#, "]}}]}]}", 90),
    ];
    for list in ["statuses", "messages", "user_preferences", "user_actions", "errors"] {
        for part in ["0,", "{},"] {
            cases.push((format!(r#"{value}"{list}":["#), part, "]}}]}]}", 10));
        }
    }
    for (head, part, tail, times) in &cases {
        let body = body(head, part, tail);
        MEMORY.reset_peak_usage();
        let before = MEMORY.current_usage();
        let posted = decode(body.as_bytes()).unwrap();
        let taken = MEMORY.peak_usage().saturating_sub(before);
        let name = format!("`{part}` after `...{}`", &head[head.len().saturating_sub(20)..]);
        println!("{name}: {} events, {} bytes for each byte", posted.len(), taken / body.len());
        assert!(taken <= times * body.len(), "{name} takes {taken} bytes for {} bytes", body.len());
    }
}

#[test]
fn what_is_not_kept_is_counted() {
    let parts = 5_000;
    let unreadable = vec!["0"; parts].join(",");
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","changes":[{unreadable},{{"field":"messages","value":{{"statuses":[{{"id":"a","status":"sent"}}]}}}}]}}]}}"#
    );
    let posted = decode(body.as_bytes()).unwrap();
    let (mut statuses, mut unreadable) = (0, 0);
    for posted in posted {
        match posted.event {
            Event::Status(_) => statuses += 1,
            Event::Unreadable { .. } => unreadable += 1,
            Event::Further { unreadable: further, other } => {
                unreadable += further;
                assert_eq!(other, 0);
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((statuses, unreadable), (1, parts as u64));
}
