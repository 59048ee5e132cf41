//! A pause takes hold within a second of the command's return, by the ledger's clock; what was held goes out
//! after the resume, once.

use std::time::Duration;

use campaign::lifecycle::State;
use store::Store;
use testkit::departures::Pace;
use testkit::machine::{Machine, MachineOptions};
use testkit::truth;

use crate::alone;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_eighty_a_second() {
    held_within_a_second("80/s", 480).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_a_thousand_a_second() {
    held_within_a_second("1000/s", 6_000).await;
}

async fn held_within_a_second(rate: &'static str, people: u32) {
    let _alone = alone().await;
    let options = MachineOptions { rate, throughput: Some(100_000), ..MachineOptions::default() };
    let mut machine = Machine::start(options).await;
    machine.files.people("people.csv", 0, people);
    machine.files.campaign("held", "people.csv", "");
    let _ = machine.cli(&["launch", "held.yaml"]).good();
    let store = machine.store().await;
    machine.run();
    let third = people as usize / 3;
    machine.until_accepted(third, Duration::from_secs(20)).await;

    let _ = machine.cli(&["pause", "held"]).good();
    let returned = machine.now();
    let row = machine.row(&store, "held").await;
    assert_eq!(row.state, State::Paused);
    // Time passes here on purpose: nothing may happen in it.
    tokio::time::sleep(Duration::from_secs(3)).await;
    let ledger = machine.platform.ledger();
    let last = ledger.iter().map(|entry| entry.arrived_at).max().unwrap();
    let after = last - returned;
    println!("{rate}: the last message arrived {} ms after the pause returned", after.num_milliseconds());
    assert!(after <= chrono::TimeDelta::seconds(1), "a message arrived {after} after the pause returned");
    assert!(ledger.len() < people as usize, "the pause came in the middle: {} were sent", ledger.len());
    let row = machine.row(&store, "held").await;
    assert_eq!(row.state, State::Paused);
    assert_eq!(row.count(campaign::message::State::Sending), 0, "{:?}", row.counts);

    let _ = machine.cli(&["resume", "held"]).good();
    let row = machine.until(&store, "held", Duration::from_secs(40), |row| row.state == State::Done).await;
    assert!(machine.platform.quiet(Duration::from_secs(10)).await, "all webhooks are taken in");
    assert_eq!(machine.terminate(), Some(0), "{}", machine.log());
    let ledger = machine.platform.ledger();
    assert_eq!(ledger.len(), people as usize);
    assert_eq!(truth::sent_twice(&ledger), Vec::<String>::new());
    let per_second: campaign::pacing::Rate = rate.parse().unwrap();
    // A resume allows no burst.
    Pace::of([machine.log().as_str()], &ledger).assert_held(per_second.per_second() as usize);
    let messages = machine.messages(&store, "held").await;
    assert_eq!(truth::differences(&ledger, &messages), Vec::<String>::new());
    assert_eq!(store.verify(row.id).await.unwrap().violations, Vec::<String>::new());
}
