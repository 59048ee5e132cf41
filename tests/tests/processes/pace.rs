//! The pace: no half-open window of one second above the rate, and at least 97 % of the rate used while work is due.
//!
//! What a sender lets go is held to the rate exactly, on any machine. How it arrives, and how much of the rate is used,
//! are measurements, which anything else on the same cores spoils: a platform that is kept waiting notes late what had
//! come in time, and then more in the second that follows. The tests that run everywhere therefore judge the pace as it
//! left; `cargo test -p tests --test processes -- --ignored pace` judges it as it arrived, too, on an idle machine.

use std::time::Duration;

use campaign::lifecycle::State;
use simulator::Answer;
use store::Store;
use testkit::departures::Pace;
use testkit::machine::{Machine, MachineOptions};
use testkit::truth;

use crate::alone;

/// What is asked of the pace.
struct Demand {
    /// The share of the rate that has to be used.
    used: f64,
    /// Whether it is also held as it arrives, whatever the way adds.
    as_it_arrives: bool,
}

/// Whatever else the machine does.
const ANYWHERE: Demand = Demand { used: 0.85, as_it_arrives: false };

/// On a machine that does nothing else.
const ALONE: Demand = Demand { used: 0.97, as_it_arrives: true };

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn eighty_a_second_for_half_a_minute() {
    held("80/s", 80, 2_480, ANYWHERE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_a_second_for_half_a_minute() {
    held("1000/s", 1_000, 30_500, ANYWHERE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it on an idle machine"]
async fn nearly_all_of_eighty_a_second_is_used() {
    held("80/s", 80, 2_480, ALONE).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it on an idle machine"]
async fn nearly_all_of_a_thousand_a_second_is_used() {
    held("1000/s", 1_000, 30_500, ALONE).await;
}

async fn held(rate: &'static str, per_second: usize, people: u32, demand: Demand) {
    let _alone = alone().await;
    // The platform would let much more through: the ledger alone judges.
    let options = MachineOptions { rate, throughput: Some(100_000), ..MachineOptions::default() };
    let mut machine = Machine::start(options).await;
    machine.files.people("people.csv", 0, people);
    machine.files.campaign("steady", "people.csv", "");
    let _ = machine.cli(&["launch", "steady.yaml"]).good();
    let store = machine.store().await;
    machine.run();
    let within = Duration::from_secs(60);
    let row = machine.until(&store, "steady", within, |row| row.state == State::Done).await;
    assert!(machine.platform.quiet(Duration::from_secs(10)).await, "all webhooks are taken in");
    assert_eq!(machine.terminate(), Some(0), "{}", machine.log());

    let ledger = machine.platform.ledger();
    let pace = Pace::of([machine.log().as_str()], &ledger);
    let used = truth::share_used(&ledger, per_second as f64);
    println!("{rate}: {} messages, {pace}, {:.2} % used", ledger.len(), used * 100.0);
    let answers = machine.platform.requests();
    assert!(
        answers.iter().all(|request| matches!(request.answer, Answer::Accepted { .. })),
        "all are accepted"
    );
    assert_eq!(ledger.len(), people as usize);
    assert_eq!(truth::sent_twice(&ledger), Vec::<String>::new());
    pace.assert_held(per_second);
    assert!(!demand.as_it_arrives || pace.arrived <= per_second, "{pace} at {rate}");
    assert!(used >= demand.used, "only {:.2} % of {rate} was used", used * 100.0);
    let messages = machine.messages(&store, "steady").await;
    assert_eq!(truth::differences(&ledger, &messages), Vec::<String>::new());
    assert_eq!(store.verify(row.id).await.unwrap().violations, Vec::<String>::new());
}
