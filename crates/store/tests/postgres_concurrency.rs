//! Many processes on one PostgreSQL: each has a store of its own. Nobody's error is a deadlock, nothing is granted
//! twice, and no status stays parked beside its message.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use campaign::lifecycle::{Event, State};
use campaign::message::Status;
use store::conformance::assert_sound;
use store::conformance::scene::{Scene, Setup, at, failure, seqs, worker};
use store::model::{Held, Outcome, OutcomeKind, StatusUpdate, Suppression};
use store::{PostgresStore, SharedStore};

async fn open(url: &str) -> SharedStore {
    Arc::new(PostgresStore::connect_with(url, 6).await.unwrap())
}

/// The platform's id of a message of any campaign.
fn wamid(scene: &Scene, seq: u32) -> String {
    format!("wamid.{}.{seq}", scene.id)
}

/// A status without our key.
fn told(scene: &Scene, seq: u32, status: Status) -> StatusUpdate {
    StatusUpdate { wamid: wamid(scene, seq), key: None, ..scene.keyed(seq, 1, status, at(3)) }
}

fn taken(scene: &Scene, seq: u32, attempt: u32) -> Outcome {
    let result = OutcomeKind::Accepted { wamid: wamid(scene, seq), held: false };
    Outcome { message: scene.message(seq), attempt, result }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_status_never_stays_parked_beside_its_message() {
    const MESSAGES: u32 = 300;
    let url = servers::Postgres::shared().database();
    let (here, there) = (open(&url).await, open(&url).await);
    let setup = Setup { messages: MESSAGES, per_slice: MESSAGES, ..Setup::default() };
    let scene = setup.released(&here).await;
    scene.claim(0, 0..MESSAGES, at(1)).await;
    for first in (0..MESSAGES).step_by(6) {
        // Response and status of the same messages at the same time, one by one and together.
        let recording = async {
            let (one, rest) = (first, first + 1..first + 6);
            here.record(&[taken(&scene, one, 1)], at(2)).await.unwrap();
            let rest: Vec<_> = rest.map(|seq| taken(&scene, seq, 1)).collect();
            here.record(&rest, at(2)).await.unwrap();
        };
        let telling =
            futures::future::join_all(
                (first..first + 6).map(|seq| {
                    let (scene, there) = (&scene, &there);
                    async move {
                        there.apply_statuses(&[told(scene, seq, Status::Delivered)], at(3)).await.unwrap()
                    }
                }),
            );
        tokio::join!(recording, telling);
    }
    assert_eq!(here.parked_statuses().await.unwrap(), 0);
    assert_eq!(scene.campaign().await.count(campaign::message::State::Delivered), u64::from(MESSAGES));
    assert_sound(&*here).await;
}

/// Claims and records all of a campaign's slices, as one worker does, until there is nothing left for it.
async fn work(scene: Scene, name: String) -> Vec<u32> {
    let mut got = Vec::new();
    for slice in 0..10 {
        for bite in 0..4 {
            let first = slice * 40 + bite * 10;
            let claimed = scene.claim_as(&name, slice, first..first + 10, at(1)).await;
            got.extend(seqs(&claimed));
            let outcome = |m: &store::model::ClaimedMessage| match m.seq.0 % 9 {
                7 => Outcome {
                    message: scene.message(m.seq.0),
                    attempt: m.attempt,
                    result: OutcomeKind::Refused {
                        failure: failure(130_429),
                        retry_at: Some(at(2)),
                        counts: true,
                    },
                },
                8 => Outcome {
                    message: scene.message(m.seq.0),
                    attempt: m.attempt,
                    result: OutcomeKind::Unknown { failure: failure(2) },
                },
                _ => taken(&scene, m.seq.0, m.attempt),
            };
            let outcomes: Vec<_> = claimed.messages.iter().map(outcome).collect();
            scene.store.record(&outcomes, at(1)).await.unwrap();
        }
        scene.finish(slice).await;
    }
    got
}

/// Tells of all messages, in batches that mix both campaigns and come before, with and after the responses.
async fn tell(store: SharedStore, [diwali, holi]: [Scene; 2], status: Status) {
    for first in 0..40_u32 {
        let mut updates = Vec::new();
        for seq in (first..400).step_by(40) {
            updates.push(told(&diwali, seq, status));
            updates.push(told(&holi, 399 - seq, status));
        }
        if status == Status::Read {
            updates.reverse();
        }
        store.apply_statuses(&updates, at(3)).await.unwrap();
    }
}

/// What schedulers do, of all campaigns, again and again.
async fn sweep(store: SharedStore, scenes: [Scene; 2], name: &str, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        store.reclaim_slices(at(1)).await.unwrap();
        store.requeue_retries(at(2), 7, 50).await.unwrap();
        store.sweep_doubts(at(1), 50).await.unwrap();
        store.sweep_ttl(at(1), Duration::ZERO, 50).await.unwrap();
        store.sweep_lost_workers(at(1), Duration::from_secs(10)).await.unwrap();
        store.prune_parked(at(0), at(0), 10).await.unwrap();
        store.prolong(&[scenes[1].slice(3), scenes[0].slice(5), scenes[1].slice(1)], at(70)).await.unwrap();
        store.lead("scheduler", &worker(name), Duration::from_secs(5), at(1)).await.unwrap();
        let opted_out: Vec<_> = (0..5)
            .map(|n| Suppression { address: format!("1212555000{n}"), source: "stop".into() })
            .collect();
        store.suppress(&opted_out, at(1)).await.unwrap();
        store.unsuppress(&opted_out.iter().map(|s| s.address.clone()).collect::<Vec<_>>()).await.unwrap();
        for scene in &scenes {
            scene.campaign().await;
            store.set_reason(scene.id, State::Running, Some(name)).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_at_once() {
    let url = servers::Postgres::shared().database();
    let stores = futures::future::join_all((0..4).map(|_| open(&url))).await;
    let setup = |key| Setup { key, messages: 400, per_slice: 40, ..Setup::default() };
    let diwali = setup("diwali").released(&stores[0]).await;
    let holi = setup("holi").released(&stores[0]).await;
    let on =
        |n: usize| [&diwali, &holi].map(|scene| Scene { store: Arc::clone(&stores[n]), ..scene.clone() });

    let stop = Arc::new(AtomicBool::new(false));
    let sweepers: Vec<_> = (0..2)
        .map(|n| {
            let (store, stop) = (Arc::clone(&stores[n]), Arc::clone(&stop));
            let scenes = on(n);
            tokio::spawn(async move { sweep(store, scenes, &format!("s{n}"), stop).await })
        })
        .collect();
    let tellers = [Status::Sent, Status::Delivered, Status::Read]
        .map(|status| tokio::spawn(tell(Arc::clone(&stores[3]), on(3), status)));
    let mut workers = Vec::new();
    for n in 0..3 {
        for scene in on(n + 1) {
            workers.push((scene.id, tokio::spawn(work(scene, format!("w{n}")))));
        }
    }
    let mut granted = BTreeSet::new();
    for (campaign, worker) in workers {
        for seq in worker.await.unwrap() {
            assert!(granted.insert((campaign, seq)), "message {campaign}/{seq} was granted twice");
        }
    }
    for teller in tellers {
        teller.await.unwrap();
    }
    stop.store(true, Ordering::Relaxed);
    for sweeper in sweepers {
        sweeper.await.unwrap();
    }
    assert_eq!(granted.len(), 800);
    // What was taken has nothing parked any more: only what was not.
    let parked = stores[0].parked_statuses().await.unwrap();
    let never_taken = (0..400).filter(|seq| seq % 9 >= 7).count() as u64;
    assert_eq!(parked, 2 * 3 * never_taken);
    assert_sound(&*stores[0]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_claimed_after_a_pause_by_another_process() {
    let url = servers::Postgres::shared().database();
    let (here, operator) = (open(&url).await, open(&url).await);
    let scene = Setup { messages: 2_000, per_slice: 2_000, ..Setup::default() }.released(&here).await;
    let claiming = |name: &'static str, offset: u32| {
        let scene = scene.clone();
        tokio::spawn(async move {
            let mut claimed = 0;
            for bite in 0..100 {
                let first = (bite * 20 + offset) % 2_000;
                let answer = scene.claim_as(name, 0, first..first + 20, at(1)).await;
                claimed += answer.messages.len() as u64;
                if let Some(held) = answer.held {
                    assert_eq!(held, Held::NotRunning(State::Paused));
                    break;
                }
            }
            claimed
        })
    };
    let claimers = [claiming("w1", 0), claiming("w2", 1_000)];
    while operator.campaign_by_id(scene.id).await.unwrap().unwrap().attempts < 200 {
        tokio::task::yield_now().await;
    }
    operator.transition(scene.id, Event::Pause, Some("by hand"), at(1)).await.unwrap();
    let at_pause = operator.campaign_by_id(scene.id).await.unwrap().unwrap().attempts;
    let mut claimed = 0;
    for claimer in claimers {
        claimed += claimer.await.unwrap();
    }
    assert_eq!(claimed, at_pause);
}
