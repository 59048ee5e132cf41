//! The template gate with the clock on the wall: a fresh template waits, an idle one gets one message and
//! waits, then the bulk goes.

use std::time::Duration;

use campaign::lifecycle::State;
use chrono::TimeDelta;
use simulator::Answer;
use store::Store;
use testkit::machine::{Machine, MachineOptions};
use testkit::truth;

use crate::beside_others;

const WAIT: TimeDelta = TimeDelta::seconds(2);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_message_a_wait_and_then_the_bulk() {
    let _place = beside_others().await;
    let options = MachineOptions { sync_wait: "2s", gate_open: false, ..MachineOptions::default() };
    let mut machine = Machine::start(options).await;
    machine.files.people("people.csv", 0, 200);
    machine.files.campaign("fresh", "people.csv", "");
    let store = machine.store().await;
    machine.run();
    // Launching is what makes the template known, at some instant between these two.
    let before = machine.now();
    let _ = machine.cli(&["launch", "fresh.yaml"]).good();
    let row = machine.until(&store, "fresh", Duration::from_secs(40), |row| row.state == State::Done).await;
    assert!(machine.platform.quiet(Duration::from_secs(10)).await, "all webhooks are taken in");
    assert_eq!(machine.terminate(), Some(0), "{}", machine.log());

    let mut ledger = machine.platform.ledger();
    ledger.sort_by_key(|entry| entry.arrived_us);
    assert_eq!(ledger.len(), 200);
    let arrived: Vec<_> = ledger.iter().map(|entry| entry.arrived_at).collect();
    let (canary, bulk) = (arrived[0], arrived[1]);
    println!(
        "the first after {} ms, the second {} ms after it",
        (canary - before).num_milliseconds(),
        (bulk - canary).num_milliseconds()
    );
    assert!(canary - before >= WAIT, "the fresh template got its first message after {}", canary - before);
    assert!(bulk - canary >= WAIT, "the second message followed the first after {}", bulk - canary);
    assert!(bulk - before < TimeDelta::seconds(15), "the bulk began only after {}", bulk - before);
    assert!(arrived[199] - bulk < TimeDelta::seconds(6), "the bulk goes at its pace");
    // The platform, which has a gate of its own, had nothing to refuse; no attempt was used up.
    assert!(machine.platform.requests().iter().all(|r| matches!(r.answer, Answer::Accepted { .. })));
    let messages = machine.messages(&store, "fresh").await;
    assert!(messages.iter().all(|message| message.attempt == 1));
    assert_eq!(truth::differences(&ledger, &messages), Vec::<String>::new());
    assert_eq!(store.verify(row.id).await.unwrap().violations, Vec::<String>::new());
}
