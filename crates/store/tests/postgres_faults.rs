//! PostgreSQL goes away: restarted, crashed, cut off in the very moment of a commit. Whoever goes on knows what holds.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use campaign::ids::Seq;
use campaign::message::State;
use servers::Postgres;
use sqlx::{Connection as _, Executor as _};
use store::conformance::assert_sound;
use store::conformance::scene::{Scene, Setup, at, seqs, wamid, worker};
use store::model::{Claim, Outcome, OutcomeKind};
use store::{PostgresStore, SharedStore, StoreError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};

/// What the network does to the next commit.
const PASS: u8 = 0;
const SWALLOW_ITS_ANSWER: u8 = 1;
const SWALLOW_IT: u8 = 2;
/// The client is cut off; its commit arrives when [`Network::late`] says so.
const DELAY_IT: u8 = 3;

/// A network between a store and its server, that can swallow commits and their answers, and fall silent.
struct Network {
    next_commit: Arc<AtomicU8>,
    is_silent: watch::Sender<bool>,
    late: Arc<Notify>,
    url: String,
}

impl Network {
    async fn to(server: &'static Postgres, url: &str) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let here = listener.local_addr().unwrap().port();
        let next_commit = Arc::new(AtomicU8::new(PASS));
        let at_commit = Arc::clone(&next_commit);
        let (is_silent, silence) = watch::channel(false);
        let late = Arc::new(Notify::new());
        let when_late = Arc::clone(&late);
        tokio::spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = TcpStream::connect(("127.0.0.1", server.port())).await.unwrap();
                let (at_commit, when_late) = (Arc::clone(&at_commit), Arc::clone(&when_late));
                tokio::spawn(carry(client, server, at_commit, silence.clone(), when_late));
            }
        });
        let url = url.replace(&format!(":{}/", server.port()), &format!(":{here}/"));
        Self { next_commit, is_silent, late, url: format!("{url}?sslmode=disable") }
    }

    fn at_the_next_commit(&self, what: u8) {
        self.next_commit.store(what, Ordering::SeqCst);
    }
}

/// Carries bytes both ways until a commit is swallowed, or one side closes.
async fn carry(
    mut client: TcpStream,
    mut server: TcpStream,
    at_commit: Arc<AtomicU8>,
    mut silence: watch::Receiver<bool>,
    late: Arc<Notify>,
) {
    let (mut from_client, mut from_server) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        // Nothing is lost, but nothing arrives either.
        let Ok(_) = silence.wait_for(|is_silent| !is_silent).await else { return };
        tokio::select! {
            Ok(()) = silence.changed() => {}
            read = client.read(&mut from_client) => {
                let Ok(n @ 1..) = read else { return };
                let is_commit = from_client[..n].windows(7).any(|bytes| bytes == b"COMMIT\0");
                let what = if is_commit { at_commit.swap(PASS, Ordering::SeqCst) } else { PASS };
                if what == DELAY_IT {
                    drop(client);
                    late.notified().await;
                    let _ = server.write_all(&from_client[..n]).await;
                    let _ = server.read(&mut from_server).await;
                    return;
                }
                if what == SWALLOW_IT || server.write_all(&from_client[..n]).await.is_err() {
                    return;
                }
                if what == SWALLOW_ITS_ANSWER {
                    // It is done when it is answered.
                    let _ = server.read(&mut from_server).await;
                    return;
                }
            }
            read = server.read(&mut from_server) => {
                let Ok(n @ 1..) = read else { return };
                if client.write_all(&from_server[..n]).await.is_err() {
                    return;
                }
            }
        }
    }
}

fn claim(scene: &Scene, name: &str, slice: u32, asked: std::ops::Range<u32>) -> Claim {
    Claim {
        slice: scene.slice(slice),
        seqs: asked.map(Seq).collect(),
        worker: worker(name),
        lease_until: at(600),
        daily_reach: None,
    }
}

#[tokio::test]
async fn a_claim_whose_answer_is_lost_is_given_back() {
    let server = Postgres::shared();
    let url = server.database();
    let direct: SharedStore = Arc::new(PostgresStore::connect(&url).await.unwrap());
    let network = Network::to(server, &url).await;
    let far: SharedStore = Arc::new(PostgresStore::connect(&network.url).await.unwrap());
    let scene = Setup::default().released(&direct).await;
    let asked = claim(&scene, "w1", 0, 0..2);

    network.at_the_next_commit(SWALLOW_ITS_ANSWER);
    let lost = far.claim(&asked, &scene.rules, at(1)).await.unwrap_err();
    assert!(matches!(lost, StoreError::Uncertain { .. }), "{lost}");
    assert_eq!(scene.state(0).await, State::Sending, "it was kept, and nobody was told");
    assert_eq!(far.disown(&asked, at(1), at(2)).await.unwrap(), 2);
    assert_eq!(seqs(&scene.claim(0, 0..2, at(2)).await), [0, 1]);

    let asked = claim(&scene, "w1", 1, 5..8);
    network.at_the_next_commit(SWALLOW_IT);
    let lost = far.claim(&asked, &scene.rules, at(3)).await.unwrap_err();
    assert!(matches!(lost, StoreError::Uncertain { .. }), "{lost}");
    assert_eq!(far.disown(&asked, at(3), at(4)).await.unwrap(), 0);
    assert_eq!(scene.state(5).await, State::Queued);
    assert_sound(&*direct).await;
}

#[tokio::test]
async fn a_claim_whose_commit_is_late_is_waited_for() {
    let server = Postgres::shared();
    let url = server.database();
    let direct: SharedStore = Arc::new(PostgresStore::connect(&url).await.unwrap());
    let network = Network::to(server, &url).await;
    let far: SharedStore = Arc::new(PostgresStore::connect(&network.url).await.unwrap());
    let scene = Setup::default().released(&direct).await;
    let asked = claim(&scene, "w1", 0, 0..3);
    network.at_the_next_commit(DELAY_IT);
    let lost = far.claim(&asked, &scene.rules, at(1)).await.unwrap_err();
    assert!(matches!(lost, StoreError::Uncertain { .. }), "{lost}");

    let raw = sqlx::postgres::PgPool::connect(&url).await.unwrap();
    let disowning = tokio::spawn(async move { far.disown(&asked, at(1), at(2)).await.unwrap() });
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&raw).await.unwrap() == 0 {
        assert!(!disowning.is_finished(), "nobody knows yet what is to be given back");
    }
    network.late.notify_one();
    assert_eq!(disowning.await.unwrap(), 3);
    assert_eq!(seqs(&scene.claim(0, 0..3, at(2)).await), [0, 1, 2]);
    assert_sound(&*direct).await;
}

#[tokio::test]
async fn an_outcome_whose_answer_is_lost_is_recorded_again() {
    let server = Postgres::shared();
    let url = server.database();
    let network = Network::to(server, &url).await;
    let far: SharedStore = Arc::new(PostgresStore::connect(&network.url).await.unwrap());
    let scene = Setup::default().released(&far).await;
    scene.claim(0, 0..2, at(1)).await;
    for (seq, what) in [(0, SWALLOW_ITS_ANSWER), (1, SWALLOW_IT)] {
        let result = OutcomeKind::Accepted { wamid: wamid(seq, 1), held: false };
        let outcome = [Outcome { message: scene.message(seq), attempt: 1, result }];
        network.at_the_next_commit(what);
        let lost = far.record(&outcome, at(2)).await.unwrap_err();
        assert!(matches!(lost, StoreError::Uncertain { .. }), "{lost}");
        far.record(&outcome, at(2)).await.unwrap();
        assert_eq!(scene.state(seq).await, State::Accepted);
    }
    assert_sound(&*far).await;
}

/// Claims and records a slice's messages, whatever the database does; repeats what may be repeated.
async fn work(scene: Scene, name: String, slice: u32, messages: u32) -> Vec<(u32, u32)> {
    let mut sent = Vec::new();
    for first in (slice * messages..(slice + 1) * messages).step_by(10) {
        let asked = claim(&scene, &name, slice, first..first + 10);
        let claimed = loop {
            match scene.store.claim(&asked, &scene.rules, at(1)).await {
                Ok(claimed) => break claimed,
                Err(_) => while scene.store.disown(&asked, at(1), at(1)).await.is_err() {},
            }
        };
        assert_eq!(claimed.messages.len(), 10, "{:?}", claimed.held);
        sent.extend(claimed.messages.iter().map(|m| (m.seq.0, m.attempt)));
        let outcomes: Vec<_> = claimed
            .messages
            .iter()
            .map(|m| Outcome {
                message: scene.message(m.seq.0),
                attempt: m.attempt,
                result: OutcomeKind::Accepted { wamid: wamid(m.seq.0, m.attempt), held: false },
            })
            .collect();
        while scene.store.record(&outcomes, at(1)).await.is_err() {}
    }
    sent
}

/// Makes sure that nobody was granted twice and all were taken.
async fn assert_sent_once(scene: &Scene, sent: Vec<(u32, u32)>, messages: u32) {
    let seqs: BTreeSet<u32> = sent.iter().map(|(seq, _)| *seq).collect();
    assert_eq!((seqs.len(), sent.len()), (messages as usize, messages as usize), "each was granted once");
    assert_eq!(scene.campaign().await.count(State::Accepted), u64::from(messages));
    assert_sound(&*scene.store).await;
}

async fn until_attempts(scene: &Scene, attempts: u64) {
    while scene.campaign().await.attempts < attempts {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_goes_on_over_a_restart_and_a_crash() {
    const SLICES: u32 = 4;
    const MESSAGES: u32 = 600;
    let server = Arc::new(Postgres::start());
    let url = server.database();
    let mut scenes = Vec::new();
    let setup = Setup { messages: SLICES * MESSAGES, per_slice: MESSAGES, ..Setup::default() };
    for _ in 0..2 {
        let store: SharedStore = Arc::new(PostgresStore::connect(&url).await.unwrap());
        scenes.push(match scenes.first() {
            None => setup.released(&store).await,
            Some(first) => Scene { store, ..Scene::clone(first) },
        });
    }
    let workers: Vec<_> = (0..SLICES)
        .map(|slice| {
            let scene = scenes[slice as usize % 2].clone();
            tokio::spawn(work(scene, format!("w{slice}"), slice, MESSAGES))
        })
        .collect();
    for (attempts, fault) in [(200, Postgres::stop as fn(&Postgres)), (800, Postgres::crash)] {
        until_attempts(&scenes[0], attempts).await;
        let server = Arc::clone(&server);
        tokio::task::spawn_blocking(move || {
            fault(&server);
            server.start_again();
        })
        .await
        .unwrap();
    }
    let mut sent = Vec::new();
    for worker in workers {
        sent.extend(worker.await.unwrap());
    }
    assert_sent_once(&scenes[1], sent, SLICES * MESSAGES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_falls_silent_holds_nobody_up() {
    const MESSAGES: u32 = 600;
    let server = Postgres::shared();
    let url = server.database();
    let network = Network::to(server, &url).await;
    let near: SharedStore = Arc::new(PostgresStore::connect(&url).await.unwrap());
    let far: SharedStore = Arc::new(PostgresStore::connect(&network.url).await.unwrap());
    let setup = Setup { messages: 4 * MESSAGES, per_slice: MESSAGES, ..Setup::default() };
    let scene = setup.released(&near).await;
    let start = |store: &SharedStore, slice: u32| {
        let scene = Scene { store: Arc::clone(store), ..scene.clone() };
        tokio::spawn(work(scene, format!("w{slice}"), slice, MESSAGES))
    };
    let there = [start(&far, 0), start(&far, 1)];
    until_attempts(&scene, 100).await;
    network.is_silent.send_replace(true);
    // The far ones may hold the campaign at this moment: the server cuts them off.
    let here = [start(&near, 2), start(&near, 3)];
    let mut sent = Vec::new();
    for worker in here {
        let done = tokio::time::timeout(Duration::from_secs(30), worker).await;
        sent.extend(done.expect("the near ones go on").unwrap());
    }
    network.is_silent.send_replace(false);
    for worker in there {
        sent.extend(worker.await.unwrap());
    }
    assert_sent_once(&scene, sent, 4 * MESSAGES).await;
}

#[tokio::test]
async fn an_outage_is_told_soon_and_ends_by_itself() {
    let server = Postgres::start();
    let url = server.database();
    let store: SharedStore = Arc::new(PostgresStore::connect(&url).await.unwrap());
    let scene = Setup::default().released(&store).await;
    // Many connections, all of which will be dead.
    futures::future::join_all((0..12).map(|_| store.campaigns())).await;
    server.stop();
    let answer = tokio::time::timeout(Duration::from_secs(15), store.campaigns()).await;
    assert!(answer.expect("an answer within seconds").is_err());
    assert!(PostgresStore::connect(&url).await.is_err());
    server.start_again();
    assert_eq!(scene.claim(0, 0..5, at(1)).await.messages.len(), 5, "the first call finds a connection");
    assert_sound(&*store).await;
}

/// A client that stands still holds a campaign's lock until the server cuts it off. However many of its transactions
/// wanted that lock, it is handed to one of them at the most, or the others would have to wait for each in turn.
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "it measures how long the server takes")]
async fn who_stands_still_holds_the_others_up_once() {
    let server = Postgres::shared();
    let url = server.database();
    let direct: SharedStore = Arc::new(PostgresStore::connect(&url).await.unwrap());
    let network = Network::to(server, &url).await;
    let far: SharedStore = Arc::new(PostgresStore::connect(&network.url).await.unwrap());
    let scene = Setup { messages: 40, ..Setup::default() }.launch(&direct).await;
    scene.release(40, at(0)).await;

    let mut holder = sqlx::PgConnection::connect(&url).await.unwrap();
    holder.execute("BEGIN; SELECT 1 FROM campaigns FOR UPDATE").await.unwrap();
    let mut far_claims = tokio::task::JoinSet::new();
    for slice in 0..6 {
        let (far, asked, rules) =
            (far.clone(), claim(&scene, "far", slice, slice * 5..slice * 5 + 5), scene.rules);
        far_claims.spawn(async move { far.claim(&asked, &rules, at(1)).await });
    }
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let mut watcher = sqlx::PgConnection::connect(&url).await.unwrap();
    let mut most = 0;
    for _ in 0..200 {
        let now: i64 = sqlx::query_scalar(waiting).fetch_one(&mut watcher).await.unwrap();
        most = most.max(now);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(most, 1, "one of them waits in the database, the others at home");
    network.is_silent.send(true).unwrap();
    holder.execute("ROLLBACK").await.unwrap();
    let began = std::time::Instant::now();
    loop {
        // An operation gives up after some seconds, and whoever asked for it asks again.
        match direct.claim(&claim(&scene, "near", 7, 35..40), &scene.rules, at(2)).await {
            Ok(claimed) => {
                assert_eq!(seqs(&claimed), [35, 36, 37, 38, 39]);
                break;
            }
            Err(error) => assert!(error.is_transient(), "{error}"),
        }
    }
    let waited = began.elapsed();
    assert!(waited < Duration::from_secs(7), "it waited {waited:?} for locks of one client that stood still");
    network.is_silent.send(false).unwrap();
    drop(far_claims);
}
