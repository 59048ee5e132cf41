//! `kill -9` of `run` at random moments, and a restart each time: nobody is sent to twice, nobody is
//! forgotten, little is in doubt, and what was really accepted is known in the end.
//!
//! Twenty seeds. Each seed has a platform, a database and a `run` of its own, two campaigns with different
//! policies for doubts, and three kills; several seeds go at the same time, as time is not what is judged.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::lifecycle::State;
use campaign::message;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use simulator::Profile;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use store::{SqliteStore, Store};
use testkit::machine::{Machine, MachineOptions};
use testkit::truth;

use crate::beside_others;

const SEEDS: u64 = 20;
/// So many seeds at the same time.
const AT_ONCE: u64 = 5;
const KILLS: u32 = 3;
/// What a bite has at the most: a tenth of a second of the rate.
const BITE: i64 = 20;
/// `worker.slices_at_once`, which the machine leaves at its default.
const SLICES_AT_ONCE: usize = 16;
/// Each with its people, and what becomes of its doubts.
const CAMPAIGNS: [(&str, u32, &str); 2] = [("dropped", 300, "drop"), ("kept", 300, "hold")];

#[tokio::test]
async fn nobody_twice_and_nobody_forgotten() {
    let _place = beside_others().await;
    let mut doubts = 0;
    for first in (0..SEEDS).step_by(AT_ONCE as usize) {
        let seeds: Vec<_> =
            (first..first + AT_ONCE).map(|seed| std::thread::spawn(move || on_its_own(seed))).collect();
        for (seed, killed) in (first..).zip(seeds) {
            doubts += killed.join().unwrap_or_else(|_| panic!("seed {seed} failed; see above"));
        }
    }
    println!("{doubts} messages were in a worker's hands at {} kills", SEEDS * u64::from(KILLS));
    assert!(doubts > 0, "no kill of {} came at a moment that mattered", SEEDS * u64::from(KILLS));
}

/// A thread and a runtime for one seed: the command line is waited for, and must hold up no other seed.
fn on_its_own(seed: u64) -> i64 {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(killed(seed))
}

/// One seed. Returns how many messages were left in doubt by the kills.
async fn killed(seed: u64) -> i64 {
    let mut chance = ChaCha8Rng::seed_from_u64(seed);
    let profile = Profile { missing: 0.0, ..Profile::mild() };
    let options = MachineOptions {
        rate: "200/s",
        throughput: Some(100_000),
        profile,
        seed,
        ..MachineOptions::default()
    };
    let mut machine = Machine::start(options).await;
    let end = (machine.now() + chrono::TimeDelta::minutes(20)).to_rfc3339();
    let mut first = 0;
    for (key, people, in_doubt) in CAMPAIGNS {
        let audience = format!("{key}.csv");
        machine.files.people(&audience, first, people);
        first += people;
        // Nothing is to be tried again tomorrow: the end is today.
        let more = format!("schedule: {{ end: {end} }}\nin_doubt: {in_doubt}\nin_doubt_after: 6s");
        machine.files.campaign(key, &audience, &more);
        let _ = machine.cli(&["launch", &format!("{key}.yaml")]).good();
    }
    let store = machine.store().await;
    let rows = raw(&machine).await;
    let mut doubts = 0;
    for kill in 0..KILLS {
        machine.run();
        // The moment is drawn from the start of the process to well after its first second, which is quiet.
        let moment = Duration::from_millis(chance.random_range(200..2_400));
        tokio::time::sleep(moment).await;
        assert!(machine.is_running(), "seed {seed}: `run` ended by itself\n{}", machine.log());
        machine.kill();
        let at = format!("seed {seed}, kill {kill} after {moment:?}");
        let in_hand = in_hand(&rows).await;
        assert!(in_hand.len() <= SLICES_AT_ONCE, "{at}: {in_hand:?}");
        for ((campaign, slice), sending) in &in_hand {
            assert!(*sending <= BITE, "{at}: {sending} messages of slice {campaign}.{slice} are in doubt");
        }
        doubts += in_hand.values().sum::<i64>();
        sound(&machine, &store, &at).await;
    }
    machine.run();
    for (key, _, _) in CAMPAIGNS {
        let row = machine.until(&store, key, Duration::from_secs(90), |row| row.state == State::Done).await;
        assert!(row.started_at.is_some());
    }
    assert!(machine.platform.quiet(Duration::from_secs(20)).await, "seed {seed}: all webhooks are taken in");
    assert_eq!(machine.terminate(), Some(0), "seed {seed}: {}", machine.log());
    let at = format!("seed {seed}, in the end");
    sound(&machine, &store, &at).await;

    let ledger = machine.platform.ledger();
    for (key, people, _) in CAMPAIGNS {
        let messages = machine.messages(&store, key).await;
        assert_eq!(messages.len(), people as usize);
        assert_eq!(truth::differences(&ledger, &messages), Vec::<String>::new(), "{at}, {key}");
        for message in messages {
            let known =
                ledger.iter().any(|entry| entry.recipient.trim_start_matches('+') == message.recipient);
            let is_doubt = message.state == message::State::InDoubt;
            assert!(
                !(known && is_doubt),
                "{at}, {key}: {} was accepted and is still in doubt",
                message.recipient
            );
        }
    }
    doubts
}

/// Nobody twice in the ledger; nobody forgotten and nothing impossible in the database.
async fn sound(machine: &Machine, store: &SqliteStore, at: &str) {
    assert_eq!(truth::sent_twice(&machine.platform.ledger()), Vec::<String>::new(), "{at}");
    for (key, _, _) in CAMPAIGNS {
        let row = machine.row(store, key).await;
        assert!(row.is_conserved(), "{at}, {key}: {row:?}");
        let violations = store.verify(row.id).await.unwrap().violations;
        assert_eq!(violations, Vec::<String>::new(), "{at}, {key}");
    }
}

/// The database behind the store's back.
async fn raw(machine: &Machine) -> SqlitePool {
    let options =
        SqliteConnectOptions::new().filename(machine.files.join("paceline.db")).pragma("query_only", "ON");
    SqlitePool::connect_with(options).await.unwrap()
}

/// Messages claimed and not recorded, by campaign and slice: what a kill at this moment leaves in doubt.
async fn in_hand(rows: &SqlitePool) -> BTreeMap<(i64, i64), i64> {
    let sql = "SELECT campaign_id, slice_no, count(*) FROM messages WHERE state = 'sending' GROUP BY 1, 2";
    let rows: Vec<(i64, i64, i64)> = sqlx::query_as(sql).fetch_all(rows).await.unwrap();
    rows.into_iter().map(|(campaign, slice, sending)| ((campaign, slice), sending)).collect()
}
