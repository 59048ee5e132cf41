//! Faults of a scaled-out Paceline: real processes of each role over a PostgreSQL and a Redis of their own, and in
//! the middle of a campaign something breaks. Whatever it is: nobody gets the message twice, nobody is forgotten,
//! and the campaign ends by itself. The simulated platform's ledger is the judge.
//!
//! | module | shows |
//! | --- | --- |
//! | [`matrix`] | each fault alone, and how long the campaign stood still |
//! | [`chaos`] | one fault after the other, at random |
//! | [`pace`] | the pace of many workers together, and the weights of campaigns |
//! | [`crowd`] | very many messages due at once |
//! | [`control`] | pausing, stopping and replacing processes while a campaign runs |
//! | [`stopping`] | processes that are asked to stop while the database is away |
//! | [`storm`] | status webhooks in every disorder while processes and the database fail |
//! | [`takeover`] | one process that sends, and its successor |
//!
//! They mostly wait, so a few run at once; what measures the pace has the machine to itself.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a failure here is a failure of the test, in its helpers too; what was measured is worth reading"
)]

mod chaos;
mod control;
mod crowd;
mod matrix;
mod pace;
mod stopping;
mod storm;
mod takeover;

use std::time::Duration;

use campaign::lifecycle::State;
use simulator::{Answer, LedgerEntry};
use store::Store;
use testkit::{Cluster, truth};
use tokio::sync::{Semaphore, SemaphorePermit};

/// So many scenarios fit on the machine at once.
const AT_ONCE: u32 = 4;

static MACHINE: Semaphore = Semaphore::const_new(AT_ONCE as usize);

/// A part of the machine.
async fn beside_others() -> SemaphorePermit<'static> {
    MACHINE.acquire().await.unwrap()
}

/// The whole machine.
async fn alone() -> SemaphorePermit<'static> {
    MACHINE.acquire_many(AT_ONCE).await.unwrap()
}

/// How doubts end in these tests: soon, and never by sending again.
const DOUBTS: &str = "in_doubt: drop\nin_doubt_after: 20s";

/// Launches a campaign to so many people.
async fn launch(cluster: &Cluster, key: &str, first: u32, people: u32, more: &str) {
    launch_on(cluster, "jaspers-in", key, first, people, more).await;
}

/// The same on this sender.
async fn launch_on(cluster: &Cluster, sender: &str, key: &str, first: u32, people: u32, more: &str) {
    let audience = format!("{key}.csv");
    cluster.files.people(&audience, first, people);
    let file = cluster.files.campaign_on(sender, key, &audience, &format!("{DOUBTS}\n{more}"));
    let _ = cluster.cli(&["launch", file.to_str().unwrap()]).await.good();
}

/// Waits until the campaigns are done, and compares: the ledger, the database and the guarantees.
async fn ends_well(cluster: &mut Cluster, keys: &[&str], within: Duration) -> Vec<LedgerEntry> {
    let store = cluster.store().await;
    for key in keys {
        let row = cluster.until(&store, key, within, |row| row.state == State::Done).await;
        assert!(row.is_conserved(), "{:?}", row.counts);
    }
    assert!(cluster.platform.quiet(Duration::from_secs(20)).await, "all webhooks are taken in");
    let ledger = cluster.platform.ledger();
    assert_eq!(truth::sent_twice(&ledger), Vec::<String>::new(), "\n{}", cluster.tails());
    let mut messages = Vec::new();
    for key in keys {
        messages.extend(cluster.messages(&store, key).await);
        let row = store.campaign(key).await.unwrap().unwrap();
        assert_eq!(store.verify(row.id).await.unwrap().violations, Vec::<String>::new(), "{key}");
    }
    assert_eq!(truth::differences(&ledger, &messages), Vec::<String>::new(), "\n{}", cluster.tails());
    ledger
}

/// That the platform had nothing to refuse: the pace was held.
fn nothing_was_refused(cluster: &Cluster) {
    let refused = cluster
        .platform
        .requests()
        .iter()
        .filter(|request| !matches!(request.answer, Answer::Accepted { .. }))
        .count();
    assert_eq!(refused, 0, "requests that the platform did not accept");
}

/// The longest time in which nothing arrived, between the first and the last message.
fn stood_still(ledger: &[LedgerEntry]) -> Duration {
    let mut arrivals: Vec<u64> = ledger.iter().map(|entry| entry.arrived_us).collect();
    arrivals.sort_unstable();
    Duration::from_micros(arrivals.windows(2).map(|pair| pair[1] - pair[0]).max().unwrap_or(0))
}
