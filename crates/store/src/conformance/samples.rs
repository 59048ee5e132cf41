//! How far campaigns were over time.

use std::time::Duration;

use campaign::lifecycle::Event;
use campaign::message::Status;

use super::scene::{Setup, at, unkeyed};
use crate::SharedStore;

const EVERY: Duration = Duration::from_secs(5);

pub async fn what_changed_is_noted_every_few_seconds(store: SharedStore) {
    let scene = Setup { budget: Some(1_000), ..Setup::default() }.released(&store).await;
    assert_eq!(store.note_progress(EVERY, at(0)).await.unwrap(), 0, "nothing was sent yet");
    scene.claim(0, 0..3, at(0)).await;
    scene.accepted(0, 1, at(1)).await;
    scene.accepted(1, 1, at(1)).await;
    assert_eq!(store.note_progress(EVERY, at(2)).await.unwrap(), 1);
    assert_eq!(store.note_progress(EVERY, at(7)).await.unwrap(), 0, "nothing changed");
    scene.refused(2, 1, None, at(8)).await;
    assert_eq!(store.note_progress(EVERY, at(6)).await.unwrap(), 0, "it is too soon");
    assert_eq!(store.note_progress(EVERY, at(8)).await.unwrap(), 1);
    scene.apply(&[unkeyed(0, 1, Status::Read, at(9)), unkeyed(1, 1, Status::Delivered, at(9))], at(9)).await;
    assert_eq!(store.note_progress(EVERY, at(13)).await.unwrap(), 1);
    let past = store.progress(scene.id, 100).await.unwrap();
    let seen: Vec<_> = past.iter().map(|s| (s.at, s.handled, s.delivered, s.read, s.failed)).collect();
    assert_eq!(seen, [(at(2), 2, 0, 0, 0), (at(8), 3, 0, 0, 1), (at(13), 3, 2, 1, 1)]);
    assert_eq!(past[2].spent, scene.campaign().await.spent);
    // The last one is always told.
    let few = store.progress(scene.id, 2).await.unwrap();
    assert_eq!(few.iter().map(|s| s.at).collect::<Vec<_>>(), [at(2), at(13)]);
    assert_eq!(store.progress(scene.id, 1).await.unwrap().len(), 1);
    assert_eq!(store.progress(scene.id, 1).await.unwrap()[0].at, at(13));
}

pub async fn a_day_after_its_end_nothing_is_noted_of_a_campaign(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, [0], at(0)).await;
    scene.accepted(0, 1, at(1)).await;
    scene.transition(Event::Cancel, at(2)).await;
    store.skip_unsent(scene.id, "the campaign was cancelled", at(2), 100).await.unwrap();
    assert_eq!(store.note_progress(EVERY, at(3)).await.unwrap(), 1, "late statuses still come");
    scene.apply(&[unkeyed(0, 1, Status::Read, at(4))], at(4)).await;
    assert_eq!(store.note_progress(EVERY, at(86_403)).await.unwrap(), 0);
    assert_eq!(store.note_progress(EVERY, at(86_400)).await.unwrap(), 1);
}
