//! Leadership: one of many, for a time, renewed, taken over, given up.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::scene::{at, worker};
use crate::SharedStore;

const LEASE: Duration = Duration::from_secs(5);

async fn leads(store: &SharedStore, name: &str, now: DateTime<Utc>) -> bool {
    store.lead("scheduler", &worker(name), LEASE, now).await.unwrap()
}

pub async fn one_of_many_leads(store: SharedStore) {
    let mut candidates = tokio::task::JoinSet::new();
    for candidate in 0..8 {
        let store = store.clone();
        candidates.spawn(async move { leads(&store, &format!("s{candidate}"), at(0)).await });
    }
    let answers = candidates.join_all().await;
    assert_eq!(answers.iter().filter(|leads| **leads).count(), 1);
}

pub async fn a_leader_renews_its_lease(store: SharedStore) {
    assert!(leads(&store, "s1", at(0)).await);
    assert!(leads(&store, "s1", at(4)).await);
    assert!(!leads(&store, "s2", at(8)).await, "renewed until second 9");
    assert!(leads(&store, "s1", at(8)).await);
}

pub async fn another_takes_over_after_the_lease(store: SharedStore) {
    assert!(leads(&store, "s1", at(0)).await);
    assert!(!leads(&store, "s2", at(4)).await);
    assert!(leads(&store, "s2", at(5)).await);
    assert!(!leads(&store, "s3", at(6)).await);
}

pub async fn a_leader_that_stood_still_learns_that_it_leads_no_more(store: SharedStore) {
    assert!(leads(&store, "frozen", at(0)).await);
    assert!(leads(&store, "s2", at(60)).await);
    assert!(!leads(&store, "frozen", at(61)).await);
    // What it still says in its own, slow time changes nothing either.
    assert!(!leads(&store, "frozen", at(3)).await);
    store.resign("scheduler", &worker("frozen")).await.unwrap();
    assert!(!leads(&store, "s3", at(62)).await, "the lead was not its to give up");
    assert!(leads(&store, "s2", at(62)).await);
}

pub async fn a_leader_that_nobody_replaced_leads_on(store: SharedStore) {
    assert!(leads(&store, "s1", at(0)).await);
    assert!(leads(&store, "s1", at(600)).await);
    assert!(!leads(&store, "s2", at(601)).await);
}

pub async fn resigning_frees_the_role_at_once(store: SharedStore) {
    assert!(leads(&store, "s1", at(0)).await);
    store.resign("scheduler", &worker("s1")).await.unwrap();
    store.resign("scheduler", &worker("s1")).await.unwrap();
    assert!(leads(&store, "s2", at(1)).await);
    assert!(!leads(&store, "s1", at(1)).await);
}

pub async fn roles_are_led_apart(store: SharedStore) {
    assert!(leads(&store, "s1", at(0)).await);
    assert!(store.lead("reconciler", &worker("r1"), LEASE, at(0)).await.unwrap());
    store.resign("reconciler", &worker("s1")).await.unwrap();
    assert!(!store.lead("reconciler", &worker("r2"), LEASE, at(1)).await.unwrap());
    assert!(leads(&store, "s1", at(1)).await);
}
