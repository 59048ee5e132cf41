//! How fast the embedded store is, on a file as in use. Run by hand, optimised:
//! `cargo test --release -p store --test throughput -- --ignored --nocapture`.
#![expect(
    clippy::disallowed_methods,
    clippy::print_stdout,
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
use store::{SharedStore, SqliteStore};

const CHUNK: u32 = 5_000;
const BITE: u32 = 100;

fn rate(what: &str, messages: u32, since: Instant) -> f64 {
    let rate = f64::from(messages) / since.elapsed().as_secs_f64();
    println!("{what}: {rate:.0} messages/s");
    rate
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a measurement: run it optimised, on an idle machine"]
async fn launching_and_sending() {
    let messages: u32 = std::env::var("PACELINE_MESSAGES").map_or(200_000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.db");
    // `PACELINE_STORE=:memory:` shows what the disk's share is.
    let url = std::env::var("PACELINE_STORE").unwrap_or_else(|_| file.display().to_string());
    let store: SharedStore = Arc::new(SqliteStore::open(&url).await.unwrap());
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
    let scene = Scene { store: Arc::clone(&store), id, rules };
    scene.release_all(at(0)).await;

    let began = Instant::now();
    for bite in 0..messages / BITE {
        let first = bite * BITE;
        let claimed = scene.claim(first / CHUNK, first..first + BITE, at(1)).await;
        let outcomes: Vec<Outcome> = claimed
            .messages
            .iter()
            .map(|m| Outcome {
                message: MessageId { campaign: id, seq: m.seq },
                attempt: m.attempt,
                result: OutcomeKind::Accepted { wamid: wamid(m.seq.0, 1), held: false },
            })
            .collect();
        store.record(&outcomes, at(1)).await.unwrap();
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
    assert!(launched >= 150_000.0 && sent >= 20_000.0, "slower than what was aimed at");
}
