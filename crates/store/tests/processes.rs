//! Several processes on one file: each has a handle of its own, as two `paceline` processes would.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::sync::Arc;

use campaign::lifecycle::{Event, State};
use store::conformance::assert_sound;
use store::conformance::scene::{Scene, Setup, at, seqs};
use store::model::Held;
use store::{SharedStore, SqliteStore, Store};

async fn open(folder: &tempfile::TempDir) -> SharedStore {
    let url = format!("sqlite://{}", folder.path().join("paceline.db").display());
    Arc::new(SqliteStore::open(&url).await.unwrap())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_file_is_made_once() {
    let folder = tempfile::tempdir().unwrap();
    let stores = futures::future::join_all((0..6).map(|_| open(&folder))).await;
    let mut names = BTreeSet::new();
    for store in stores {
        names.insert(store.install_id().await.unwrap());
    }
    assert_eq!(names.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn claims_of_two_processes_never_meet_and_a_pause_from_a_third_holds() {
    let folder = tempfile::tempdir().unwrap();
    let messages = 2_000;
    let here =
        Setup { messages, per_slice: messages, ..Setup::default() }.released(&open(&folder).await).await;
    let there = Scene { store: open(&folder).await, ..here.clone() };
    let operator = open(&folder).await;

    let claim_all = |scene: Scene, name: &'static str, reversed: bool| async move {
        let mut got = Vec::new();
        for bite in 0..messages / 20 {
            let first = if reversed { messages - (bite + 1) * 20 } else { bite * 20 };
            let answer = scene.claim_as(name, 0, first..first + 20, at(1)).await;
            got.extend(seqs(&answer));
            if let Some(held) = answer.held {
                assert_eq!(held, Held::NotRunning(State::Paused));
                break;
            }
        }
        got
    };
    let first = tokio::spawn(claim_all(here.clone(), "w1", false));
    let second = tokio::spawn(claim_all(there.clone(), "w2", true));
    // The pause comes somewhere in between; from its return on, nothing is claimed any more.
    while operator.campaign_by_id(here.id).await.unwrap().unwrap().attempts < 200 {
        tokio::task::yield_now().await;
    }
    operator.transition(here.id, Event::Pause, Some("by hand"), at(1)).await.unwrap();
    let at_pause = operator.campaign_by_id(here.id).await.unwrap().unwrap().attempts;
    let (mut got, others) = (first.await.unwrap(), second.await.unwrap());
    got.extend(others);
    assert_eq!(got.len() as u64, at_pause);
    assert_eq!(got.iter().collect::<BTreeSet<_>>().len(), got.len(), "nobody was claimed twice");

    operator.transition(here.id, Event::Resume, None, at(2)).await.unwrap();
    operator.transition(here.id, Event::Begin, None, at(2)).await.unwrap();
    let first = tokio::spawn(claim_all(here.clone(), "w1", false));
    let second = tokio::spawn(claim_all(there, "w2", true));
    got.extend(first.await.unwrap());
    got.extend(second.await.unwrap());
    got.sort_unstable();
    assert_eq!(got, (0..messages).collect::<Vec<_>>());
    assert_sound(&*operator).await;
}

#[tokio::test]
async fn a_store_that_is_opened_again_knows_everything() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("paceline.db");
    let store = SqliteStore::open(path.to_str().unwrap()).await.unwrap();
    let install = store.install_id().await.unwrap();
    let scene = Setup::default().released(&(Arc::new(store.clone()) as SharedStore)).await;
    scene.claim(0, 0..3, at(0)).await;
    store.close().await;
    let again: SharedStore = Arc::new(SqliteStore::open(path.to_str().unwrap()).await.unwrap());
    assert_eq!(again.install_id().await.unwrap(), install);
    let scene = Scene { store: again, ..scene };
    assert_eq!(scene.campaign().await.attempts, 3);
    assert_eq!(seqs(&scene.claim(0, 0..5, at(1)).await), [3, 4]);
}

#[tokio::test]
async fn a_file_that_cannot_be_opened_is_named() {
    let error = SqliteStore::open("/nowhere/at/all/paceline.db").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "the database /nowhere/at/all/paceline.db could not be opened; check that its folder exists and may be written to"
    );
}
