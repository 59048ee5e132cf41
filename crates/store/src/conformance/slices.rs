//! Slices: released, taken back, deferred, finished by who lost them.

use campaign::ids::Seq;
use campaign::lifecycle::Event;

use super::scene::{Setup, at, seqs};
use crate::SharedStore;
use crate::model::{Held, Released, SliceEnd};

pub async fn slices_are_released_in_order_up_to_the_order(store: SharedStore) {
    let scene = Setup { messages: 20, ..Setup::default() }.launch(&store).await;
    let numbers =
        |released: Vec<crate::model::Released>| released.iter().map(|r| r.slice.number).collect::<Vec<_>>();
    assert_eq!(numbers(scene.release(0, at(0)).await), [0; 0]);
    let first = scene.release(6, at(0)).await;
    assert!(first.iter().all(|r| r.sender == "jaspers-in" && r.messages == 5));
    assert_eq!(numbers(first), [0, 1], "six messages need two slices");
    assert_eq!(scene.waiting().await, (10, 10));
    assert_eq!(numbers(scene.release_all(at(0)).await), [2, 3]);
    assert_eq!(numbers(scene.release_all(at(0)).await), [0; 0]);
    assert_eq!(scene.waiting().await, (0, 20));
}

pub async fn nothing_is_released_unless_the_campaign_runs(store: SharedStore) {
    let scene = Setup::default().launch(&store).await;
    scene.transition(Event::Pause, at(0)).await;
    assert!(scene.release_all(at(0)).await.is_empty());
    assert_eq!(scene.waiting().await, (10, 0));
}

pub async fn a_lease_that_ends_gives_the_slice_back(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    assert_eq!(store.reclaim_slices(at(60)).await.unwrap(), 0);
    assert_eq!(store.reclaim_slices(at(61)).await.unwrap(), 2);
    assert_eq!(scene.waiting().await, (10, 0));
    assert!(store.slice(scene.slice(0)).await.unwrap().is_none());
    assert_eq!(scene.claim(0, 0..5, at(61)).await.held, Some(Held::SliceGone));
    assert_eq!(scene.release_all(at(61)).await.len(), 2);
}

pub async fn a_claim_prolongs_the_lease(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, [0], at(30)).await;
    assert_eq!(store.reclaim_slices(at(80)).await.unwrap(), 1, "only the other slice");
    assert_eq!(store.reclaim_slices(at(91)).await.unwrap(), 1);
    assert_eq!(scene.waiting().await, (9, 0), "what was claimed does not wait");
}

pub async fn unsent_messages_make_a_finished_slice_wait_again(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..3, at(1)).await;
    for seq in 0..3 {
        scene.accepted(seq, 1, at(1)).await;
    }
    scene.finish(0).await;
    scene.finish(0).await;
    assert_eq!(scene.waiting().await, (2, 5));
    let again = scene.release_all(at(2)).await;
    assert_eq!((again.len(), again[0].slice.number, again[0].messages), (1, 0, 2));
    assert_eq!(seqs(&scene.claim(0, 0..5, at(2)).await), [3, 4]);
    scene.finish(0).await;
    assert_eq!(scene.waiting().await, (0, 5), "all claimed: done");
    assert!(scene.release_all(at(2)).await.is_empty());
}

pub async fn a_deferred_slice_waits_for_its_time(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    store.finish_slice(scene.slice(0), SliceEnd { not_before: Some(at(600)) }).await.unwrap();
    let group = scene.campaign().await.groups[0].clone();
    assert_eq!((group.planned, group.released, group.not_before), (0, 5, Some(at(600))));
    assert!(scene.release_all(at(599)).await.is_empty());
    store.reclaim_slices(at(600)).await.unwrap();
    let group = scene.campaign().await.groups[0].clone();
    assert_eq!((group.planned, group.not_before), (10, None), "the other slice's lease ended, too");
    assert_eq!(scene.release_all(at(600)).await.len(), 2);
}

pub async fn retries_go_before_what_was_never_sent(store: SharedStore) {
    let scene = Setup { messages: 30, ..Setup::default() }.launch(&store).await;
    scene.release(5, at(0)).await;
    scene.claim(0, 0..5, at(0)).await;
    for seq in 0..3 {
        scene.refused(seq, 1, Some(at(2)), at(0)).await;
    }
    scene.finish(0).await;
    assert_eq!(store.requeue_retries(at(2), 2, 10).await.unwrap(), 3);
    let numbers = |released: Vec<Released>| released.iter().map(|r| r.slice.number).collect::<Vec<_>>();
    assert_eq!(numbers(scene.release(1, at(2)).await), [6], "the retries, the oldest first");
    assert_eq!(numbers(scene.release(8, at(2)).await), [7, 1, 2], "then the others, in their order");
    // Put back, they keep their place.
    store.reclaim_slices(at(99)).await.unwrap();
    assert_eq!(numbers(scene.release(8, at(99)).await), [6, 7, 1]);
    assert_eq!(seqs(&scene.claim(6, 0..5, at(99)).await), [0, 1]);
    assert_eq!(numbers(scene.release_all(at(99)).await), [2, 3, 4, 5]);
}

pub async fn a_slow_worker_ends_a_slice_that_is_someone_elses(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim_as("slow", 0, [0], at(0)).await;
    store.reclaim_slices(at(100)).await.unwrap();
    scene.release_all(at(100)).await;
    assert_eq!(seqs(&scene.claim_as("quick", 0, [1], at(100)).await), [1]);
    // The slow one thinks that it is through; the quick one finds the slice gone; nobody is forgotten.
    scene.finish(0).await;
    assert_eq!(scene.claim_as("quick", 0, [2], at(101)).await.held, Some(Held::SliceGone));
    scene.finish(0).await;
    let again = scene.release_all(at(102)).await;
    assert_eq!((again[0].slice.number, again[0].messages), (0, 3));
    // One that was taken back and not released again stays as it is, too.
    store.reclaim_slices(at(300)).await.unwrap();
    scene.finish(0).await;
    assert_eq!(scene.waiting().await, (8, 0));
}

pub async fn work_is_what_is_left(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, [0, 1, 2], at(1)).await;
    scene.accepted(0, 1, at(1)).await;
    scene.refused(1, 1, Some(at(500)), at(1)).await;
    let work = store.slice(scene.slice(0)).await.unwrap().unwrap();
    assert_eq!(
        work.pending,
        [1, 3, 4].map(Seq),
        "retrying ones are told, claims refuse them until they are due"
    );
    assert_eq!((work.group.sender.as_str(), work.group.number), ("jaspers-in", 0));
    assert!(seqs(&scene.claim(0, [1], at(499)).await).is_empty());
    assert_eq!(seqs(&scene.claim(0, [1], at(500)).await), [1]);
}

pub async fn a_slice_in_hand_is_prolonged(store: SharedStore) {
    let first = Setup::default().released(&store).await;
    let second = Setup { key: "holi", ..Setup::default() }.released(&store).await;
    // Of two campaigns at once; one slice of each is left alone.
    store.prolong(&[first.slice(0), second.slice(1)], at(100)).await.unwrap();
    assert_eq!(store.reclaim_slices(at(90)).await.unwrap(), 2);
    assert_eq!((first.waiting().await, second.waiting().await), ((5, 5), (5, 5)));
    assert_eq!(seqs(&first.claim(0, 0..5, at(90)).await), [0, 1, 2, 3, 4]);
    assert_eq!(store.reclaim_slices(at(101)).await.unwrap(), 1, "the claim prolonged the other");
}

pub async fn prolonging_never_shortens_a_lease(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    store.prolong(&[scene.slice(0), scene.slice(0)], at(10)).await.unwrap();
    store.prolong(&[], at(10)).await.unwrap();
    assert_eq!(store.reclaim_slices(at(60)).await.unwrap(), 0);
    assert_eq!(store.reclaim_slices(at(61)).await.unwrap(), 2);
}

pub async fn only_released_slices_are_prolonged(store: SharedStore) {
    let scene = Setup { messages: 15, ..Setup::default() }.released(&store).await;
    store.reclaim_slices(at(61)).await.unwrap();
    store.finish_slice(scene.slice(2), SliceEnd { not_before: Some(at(500)) }).await.unwrap();
    store.prolong(&[scene.slice(0), scene.slice(2), scene.slice(77)], at(900)).await.unwrap();
    assert_eq!(scene.waiting().await, (15, 0));
    // The lease of the next release counts, not the one that came too late.
    scene.release_all(at(100)).await;
    assert_eq!(store.reclaim_slices(at(161)).await.unwrap(), 3);
}
