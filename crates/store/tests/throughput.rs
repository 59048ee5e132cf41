//! How fast the stores are: SQLite on a file as in use, PostgreSQL on a server of the test's own (which does not wait
//! for its disk). Run by hand, optimised: `cargo test --release -p store --test throughput -- --ignored --nocapture`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement, of real time, for a person"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use campaign::ids::{MessageId, Seq};
use campaign::lifecycle::Event;
use campaign::message::Status;
use store::conformance::assert_sound;
use store::conformance::scene::{Scene, Setup, at, message, wamid};
use store::model::{Chunk, NewSlice, Outcome, OutcomeKind, Totals};
use store::{PostgresStore, SharedStore, SqliteStore};

const CHUNK: u32 = 5_000;
const BITE: u32 = 100;

fn rate(what: &str, messages: u32, since: Instant) -> f64 {
    let rate = f64::from(messages) / since.elapsed().as_secs_f64();
    println!("{what}: {rate:.0} messages/s");
    rate
}

/// `PACELINE_POSTGRES` names an empty database of another server to be measured.
fn new_database() -> String {
    std::env::var("PACELINE_POSTGRES").unwrap_or_else(|_| servers::Postgres::shared().database())
}

fn messages() -> u32 {
    std::env::var("PACELINE_MESSAGES").map_or(200_000, |text| text.parse().unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it optimised, on an idle machine"]
async fn launching_and_sending() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    // `PACELINE_STORE=:memory:` shows what the disk's share is.
    let url = std::env::var("PACELINE_STORE").unwrap_or_else(|_| file.display().to_string());
    let (launched, sent) = measure(Arc::new(SqliteStore::open(&url).await.unwrap()), 1).await;
    assert!(launched >= 150_000.0 && sent >= 20_000.0, "slower than what was aimed at");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it optimised, on an idle machine"]
async fn launching_and_sending_in_postgres() {
    let url = new_database();
    let (launched, sent) = measure(Arc::new(PostgresStore::connect(&url).await.unwrap()), 1).await;
    assert!(launched >= 50_000.0 && sent >= 10_000.0, "slower than what was aimed at");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it optimised, on an idle machine"]
async fn four_workers_in_postgres() {
    let url = new_database();
    let (_, sent) = measure(Arc::new(PostgresStore::connect(&url).await.unwrap()), 4).await;
    assert!(sent >= 10_000.0, "slower than what was aimed at");
}

/// Claims and records one worker's share of the bites, one after the other.
async fn send(scene: Scene, worker: u32, workers: u32, messages: u32) {
    for bite in (worker..messages / BITE).step_by(workers as usize) {
        let first = bite * BITE;
        let name = format!("w{worker}");
        let claimed = scene.claim_as(&name, first / CHUNK, first..first + BITE, at(1)).await;
        let outcomes: Vec<Outcome> = claimed
            .messages
            .iter()
            .map(|m| Outcome {
                message: MessageId { campaign: scene.id, seq: m.seq },
                attempt: m.attempt,
                result: OutcomeKind::Accepted { wamid: wamid(m.seq.0, 1), held: false },
            })
            .collect();
        assert_eq!(outcomes.len() as u32, BITE);
        scene.store.record(&outcomes, at(1)).await.unwrap();
    }
}

/// One campaign, sent by so many workers at once. Messages launched and sent, per second.
async fn measure(store: SharedStore, workers: u32) -> (f64, f64) {
    let messages = messages();
    let setup = Setup::default();
    let id = store.begin_launch(setup.campaign(), Duration::from_secs(60), at(0)).await.unwrap();
    let chunks: Vec<Chunk> = (0..messages / CHUNK)
        .map(|n| Chunk {
            groups: setup.chunk().groups,
            slices: vec![NewSlice { number: n, group: 0, messages: CHUNK }],
            messages: (n * CHUNK..(n + 1) * CHUNK).map(|seq| message(seq, n)).collect(),
            excluded: vec![],
        })
        .collect();
    let began = Instant::now();
    for chunk in chunks {
        store.add_chunk(id, chunk, at(0)).await.unwrap();
    }
    let launched = rate("add_chunk", messages, began);
    let totals = Totals { planned: u64::from(messages), excluded: 0, messages: u64::from(messages) };
    store.finish_launch(id, totals, at(0)).await.unwrap();
    rate("with finish_launch", messages, began);
    store.transition(id, Event::Begin, None, at(0)).await.unwrap();
    let rules = Default::default();
    let open = store::model::GateEvent::OpenByHand;
    store.gate_event(&store::conformance::scene::template(), open, &rules, at(0)).await.unwrap();
    let scene = Scene { store: Arc::clone(&store), id, rules, daily_reach: None };
    scene.release_all(at(0)).await;

    let began = Instant::now();
    let sending = (0..workers).map(|worker| tokio::spawn(send(scene.clone(), worker, workers, messages)));
    for worker in futures::future::join_all(sending).await {
        worker.unwrap();
    }
    let sent = rate("claim and record", messages, began);

    let began = Instant::now();
    for first in (0..messages).step_by(500) {
        let updates: Vec<_> =
            (first..first + 500).map(|seq| scene.keyed(Seq(seq).0, 1, Status::Delivered, at(2))).collect();
        store.apply_statuses(&updates, at(2)).await.unwrap();
    }
    rate("apply_statuses", messages, began);
    let began = Instant::now();
    assert_sound(&*store).await;
    rate("verify", messages, began);
    (launched, sent)
}
