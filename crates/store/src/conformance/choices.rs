//! What people say of whether they want to be written to: their last word counts, whenever it is heard.

use campaign::message::{Again, Status};

use super::scene::{Setup, at};
use crate::SharedStore;
use crate::model::{Choice, Failure, OutcomeKind, StatusUpdate, Suppression};

fn said(address: &str, stops: bool, when: i64) -> Choice {
    Choice { address: address.into(), stops, said_at: at(when), source: "user_preferences".into() }
}

async fn is_suppressed(store: &SharedStore, address: &str) -> bool {
    !store.suppressed(&[address.to_owned()]).await.unwrap().is_empty()
}

pub async fn the_last_word_counts_whenever_it_is_heard(store: SharedStore) {
    store.hear(&[said("1", false, 20), said("1", true, 10), said("2", true, 10)]).await.unwrap();
    assert!(!is_suppressed(&store, "1").await && is_suppressed(&store, "2").await);
    // Late, and again.
    store.hear(&[said("1", true, 15)]).await.unwrap();
    store.hear(&[said("2", false, 5), said("2", false, 10)]).await.unwrap();
    assert!(!is_suppressed(&store, "1").await && is_suppressed(&store, "2").await);
    // In one second: who says stop is heard.
    store.hear(&[said("1", true, 20)]).await.unwrap();
    store.hear(&[said("1", false, 20)]).await.unwrap();
    assert!(is_suppressed(&store, "1").await);
    store.hear(&[said("1", false, 21), said("3\0", true, 1)]).await.unwrap();
    assert!(!is_suppressed(&store, "1").await);
    store.hear(&[]).await.unwrap();
}

pub async fn an_operators_decision_stands_until_a_person_says_something_new(store: SharedStore) {
    store.hear(&[said("1", true, 10)]).await.unwrap();
    assert_eq!(store.unsuppress(&["1".to_owned()]).await.unwrap(), 1);
    store.hear(&[said("1", true, 10)]).await.unwrap();
    assert!(!is_suppressed(&store, "1").await, "the operator knew of it");
    store.hear(&[said("1", true, 11)]).await.unwrap();
    assert!(is_suppressed(&store, "1").await, "but not of this");

    // What an operator puts on the list stays there, also where the person was on it already.
    let operators = |address: &str| Suppression { address: address.into(), source: "operator".into() };
    assert_eq!(store.suppress(&[operators("1"), operators("2")], at(12)).await.unwrap(), 2);
    store.hear(&[said("1", false, 30), said("2", false, 30)]).await.unwrap();
    assert!(is_suppressed(&store, "1").await && is_suppressed(&store, "2").await);
    assert_eq!(store.unsuppress(&["1".to_owned(), "2".to_owned()]).await.unwrap(), 2);
}

pub async fn a_refusal_that_is_told_again_does_not_undo_a_newer_word(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..1, at(0)).await;
    scene.accepted(0, 1, at(1)).await;
    let refused = StatusUpdate {
        failure: Some(Failure { code: Some(131_050), class: "drop_recipient".into(), detail: "no".into() }),
        ..scene.keyed(0, 1, Status::Failed { again: Again::No }, at(2))
    };
    scene.apply(std::slice::from_ref(&refused), at(3)).await;
    let recipient = scene.row(0).await.recipient;
    assert!(is_suppressed(&store, &recipient).await);
    store.hear(&[said(&recipient, false, 60)]).await.unwrap();
    assert!(!is_suppressed(&store, &recipient).await);
    scene.apply(&[refused], at(70)).await;
    assert!(!is_suppressed(&store, &recipient).await);
}

pub async fn a_refused_send_is_a_word_like_any_other(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..3, at(0)).await;
    let mut people = Vec::new();
    for seq in 0..3 {
        people.push(scene.row(seq).await.recipient);
    }
    // The second one was on the list by their own word already; the third one resumed, as is known before the answer is.
    store.hear(&[said(&people[1], true, 1), said(&people[2], false, 60)]).await.unwrap();
    let failure = Failure { code: Some(131_050), class: "drop_recipient".into(), detail: "no".into() };
    let refused = OutcomeKind::Refused { failure, retry_at: None, counts: true };
    for seq in 0..3 {
        scene.record(seq, 1, refused.clone(), at(10)).await;
    }
    assert!(is_suppressed(&store, &people[0]).await && is_suppressed(&store, &people[1]).await);
    assert!(!is_suppressed(&store, &people[2]).await, "what they said since is what counts");
    // A word from before the answer comes late; one from after it counts.
    store.hear(&[said(&people[0], false, 5), said(&people[1], false, 5)]).await.unwrap();
    assert!(is_suppressed(&store, &people[0]).await && is_suppressed(&store, &people[1]).await);
    store.hear(&[said(&people[0], false, 20), said(&people[1], false, 20)]).await.unwrap();
    assert!(!is_suppressed(&store, &people[0]).await && !is_suppressed(&store, &people[1]).await);
}
