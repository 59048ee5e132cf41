//! The pace, as the platform sees it: no half-open window of one second above the rate, and at least 97 % of
//! the rate used while work is due.
//!
//! Both are measurements, which anything else on the same cores spoils: a platform that is kept waiting notes late
//! what had come in time, and then more in the second that follows. The tests that run everywhere therefore shorten
//! the second by what the machine stood still, and ask for less use of the rate;
//! `cargo test -p tests --test processes -- --ignored pace` allows for nothing, on an idle machine. What a sender
//! lets go is held exactly by the properties of `campaign::pacing::limiter`.

use std::time::Duration;

use campaign::lifecycle::State;
use simulator::Answer;
use store::Store;
use testkit::machine::{Machine, MachineOptions};
use testkit::stalls::{Witness, countable};
use testkit::truth;

use crate::alone;

/// What is asked of the pace.
struct Demand {
    /// The share of the rate that has to be used.
    used: f64,
    /// Whether what the machine stood still is taken from the second.
    allows_for_stalls: bool,
}

/// Whatever else the machine does.
const ANYWHERE: Demand = Demand { used: 0.85, allows_for_stalls: true };

/// On a machine that does nothing else.
const ALONE: Demand = Demand { used: 0.97, allows_for_stalls: false };

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
    let witness = Witness::start();
    let within = Duration::from_secs(60);
    let row = machine.until(&store, "steady", within, |row| row.state == State::Done).await;
    let stood_still = witness.longest();
    assert!(machine.platform.quiet(Duration::from_secs(10)).await, "all webhooks are taken in");
    assert_eq!(machine.terminate(), Some(0), "{}", machine.log());

    let ledger = machine.platform.ledger();
    let worst = |window| truth::most_within(window, &ledger);
    let (second, used) = (Duration::from_secs(1), truth::share_used(&ledger, per_second as f64));
    println!(
        "{rate}: {} messages, at most {} in a second, {:.2} % used; the machine stood still for {stood_still:?}",
        ledger.len(),
        worst(second),
        used * 100.0,
    );
    let answers = machine.platform.requests();
    assert!(
        answers.iter().all(|request| matches!(request.answer, Answer::Accepted { .. })),
        "all are accepted"
    );
    assert_eq!(ledger.len(), people as usize);
    assert_eq!(truth::sent_twice(&ledger), Vec::<String>::new());
    let window = if demand.allows_for_stalls { countable(stood_still) } else { second };
    assert!(worst(window) <= per_second, "{} messages arrived within {window:?} at {rate}", worst(window));
    assert!(used >= demand.used, "only {:.2} % of {rate} was used", used * 100.0);
    let messages = machine.messages(&store, "steady").await;
    assert_eq!(truth::differences(&ledger, &messages), Vec::<String>::new());
    assert_eq!(store.verify(row.id).await.unwrap().violations, Vec::<String>::new());
}
