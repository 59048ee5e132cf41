//! Connections that the server closes between requests: the one place where the layers below repeat a
//! request on their own. The platform must never see two copies, and what is called unsent must not be there.
#![expect(clippy::panic, clippy::unwrap_used, reason = "a test's helpers may panic")]

use std::collections::BTreeMap;

use whatsapp::SendOutcome;

use crate::platform::{Platform, Step, accepted, send};

/// How often each message (by its callback data) reached the platform.
fn copies(platform: &Platform) -> BTreeMap<String, usize> {
    let mut copies = BTreeMap::new();
    for request in platform.received() {
        let (_, rest) = request.body.split_once(r#""biz_opaque_callback_data":""#).unwrap();
        let (name, _) = rest.split_once('"').unwrap();
        *copies.entry(name.to_owned()).or_default() += 1;
    }
    copies
}

/// Checks each outcome against what the platform saw; returns how many were accepted.
fn compare(outcomes: &[(String, SendOutcome)], copies: &BTreeMap<String, usize>) -> usize {
    let mut count = 0;
    for (name, outcome) in outcomes {
        let seen = copies.get(name).copied().unwrap_or(0);
        match outcome {
            SendOutcome::Accepted(_) => {
                count += 1;
                assert_eq!(seen, 1, "{name} was accepted");
            }
            SendOutcome::NotSent(why) => assert_eq!(seen, 0, "{name} was called unsent: {why}"),
            SendOutcome::Unknown(_) => assert!(seen <= 1, "{name} arrived {seen} times"),
            SendOutcome::Refused(refusal) => panic!("{name}: {refusal:?}"),
        }
    }
    count
}

#[tokio::test]
async fn a_server_that_closes_after_each_answer_sees_no_message_twice() {
    // The close is not announced, so the client finds out only when it looks at the connection again.
    let platform = Platform::start((0..300).map(|_| Step::SayAndClose(accepted()))).await;
    let client = platform.client();
    let mut outcomes = Vec::new();
    for i in 0..300 {
        let name = format!("m{i}");
        outcomes.push((name.clone(), send(&client, &name).await));
    }
    let accepted = compare(&outcomes, &copies(&platform));
    assert!(accepted > 150, "only {accepted} of 300 got through");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nor_with_many_messages_at_once() {
    // Closing, resetting and hanging up unread, in turns, under 32 messages at a time.
    let script = (0..2_000).map(|i| match i % 7 {
        0 => Step::Reset,
        1 => Step::CloseUnread,
        2 => Step::Say(accepted()),
        _ => Step::SayAndClose(accepted()),
    });
    let platform = Platform::start(script).await;
    let client = platform.client();
    let tasks: Vec<_> = (0..32)
        .map(|task| {
            let client = client.clone();
            tokio::spawn(async move {
                let mut outcomes = Vec::new();
                for i in 0..40 {
                    let name = format!("t{task}m{i}");
                    outcomes.push((name.clone(), send(&client, &name).await));
                }
                outcomes
            })
        })
        .collect();
    let mut outcomes = Vec::new();
    for task in tasks {
        outcomes.extend(task.await.unwrap());
    }
    let accepted = compare(&outcomes, &copies(&platform));
    assert!(accepted > 200, "only {accepted} of {} got through", outcomes.len());
}
