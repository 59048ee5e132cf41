//! Limits of people: how many a portfolio may write to, how often one of them, and who is left alone for a time.

use std::collections::BTreeMap;

use campaign::message::{Again, State, Status};
use chrono::{DateTime, TimeDelta, Utc};

use super::scene::{Scene, Setup, at, failure, recipient, seqs, unkeyed};
use crate::SharedStore;
use crate::model::{Claimed, Failure, Held, OutcomeKind, Reached};

const PORTFOLIO: &str = "7001";

async fn limited(setup: Setup, store: &SharedStore, limit: u32) -> Scene {
    Scene { daily_reach: Some(limit), ..setup.released(store).await }
}

fn held_until(claimed: &Claimed) -> DateTime<Utc> {
    match claimed.held {
        Some(Held::DailyReach { until }) => until,
        _ => panic!("not held by the daily reach: {claimed:?}"),
    }
}

async fn people(store: &SharedStore, now: DateTime<Utc>) -> u64 {
    store.reached(PORTFOLIO, now).await.unwrap().iter().map(|r| r.people).sum()
}

pub async fn no_more_people_than_the_portfolio_may_write_to(store: SharedStore) {
    let scene = limited(Setup::default(), &store, 3).await;
    let claimed = scene.claim(0, 0..5, at(1)).await;
    assert_eq!(seqs(&claimed), [0, 1, 2]);
    let until = held_until(&claimed);
    let day = TimeDelta::hours(24);
    assert!(until > at(1) + day && until <= at(301) + day + TimeDelta::minutes(1), "{until}");
    assert_eq!(store.reached(PORTFOLIO, at(2)).await.unwrap(), vec![Reached { people: 3, until }]);
    // Whoever asks is told the same, until they count no longer.
    let just_before = until - TimeDelta::seconds(1);
    for now in [at(2), just_before] {
        let again = scene.claim_as("w2", 0, 3..5, now).await;
        assert_eq!((seqs(&again), held_until(&again)), (vec![], until));
    }
    assert_eq!(people(&store, until).await, 0);
    let claimed = scene.claim(0, 3..5, until).await;
    assert_eq!((seqs(&claimed), claimed.held), (vec![3, 4], None));
    assert_eq!(people(&store, until).await, 2);
}

pub async fn campaigns_of_a_portfolio_share_its_limit_under_concurrency(store: SharedStore) {
    let setups = [("a", 0), ("b", 1_000), ("c", 2_000)];
    let mut scenes = Vec::new();
    for (key, people_from) in setups {
        let setup = Setup { key, people_from, messages: 40, per_slice: 5, ..Setup::default() };
        scenes.push(limited(setup, &store, 50).await);
    }
    let mut claims = tokio::task::JoinSet::new();
    for scene in &scenes {
        for slice in 0..8 {
            let scene = scene.clone();
            claims.spawn(
                async move { scene.claim(slice, slice * 5..slice * 5 + 5, at(1)).await.messages.len() },
            );
        }
    }
    let granted: usize = claims.join_all().await.into_iter().sum();
    assert_eq!(granted, 50, "all of the limit is used, and no more");
    assert_eq!(people(&store, at(2)).await, 50);
    // Another portfolio has a limit of its own.
    let setup = Setup { key: "d", people_from: 3_000, portfolio: "7002", ..Setup::default() };
    assert_eq!(limited(setup, &store, 50).await.claim(0, 0..5, at(3)).await.messages.len(), 5);
}

pub async fn who_was_written_to_counts_once(store: SharedStore) {
    let first = limited(Setup::default(), &store, 5).await;
    assert_eq!(first.claim(0, 0..5, at(1)).await.messages.len(), 5);
    // The same five people, an hour later: they count as of now.
    let second = limited(Setup { key: "again", ..Setup::default() }, &store, 5).await;
    let later = at(3_600);
    assert_eq!(second.claim(0, 0..5, later).await.messages.len(), 5);
    assert_eq!(people(&store, later).await, 5);
    let claimed = second.claim(1, 5..10, at(3_601)).await;
    assert!(claimed.messages.is_empty());
    assert!(held_until(&claimed) > later + TimeDelta::hours(24));
}

pub async fn who_counts_already_is_written_to_again_at_the_limit(store: SharedStore) {
    let scene = limited(Setup::default(), &store, 3).await;
    scene.claim(0, 0..3, at(1)).await;
    for seq in [0, 2] {
        scene.refused(seq, 1, Some(at(2)), at(1)).await;
    }
    // Two are tried again, and two are new: these find no place.
    let claimed = scene.claim(0, 0..5, at(3)).await;
    assert_eq!(seqs(&claimed), [0, 2]);
    held_until(&claimed);
    assert_eq!(people(&store, at(3)).await, 3);
}

pub async fn a_portfolio_that_is_named_later_counts_for_what_was_launched_before(store: SharedStore) {
    let scene = limited(Setup { portfolio: "waba", ..Setup::default() }, &store, 3).await;
    let named = BTreeMap::from([("jaspers-in".to_owned(), PORTFOLIO.to_owned())]);
    store.name_portfolios(&named).await.unwrap();
    assert_eq!(scene.campaign().await.groups[0].portfolio, PORTFOLIO);
    scene.claim(0, 0..2, at(1)).await;
    assert_eq!(people(&store, at(2)).await, 2);
}

pub async fn a_portfolio_without_a_limit_counts_nobody(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    assert_eq!(scene.claim(0, 0..5, at(1)).await.messages.len(), 5);
    assert_eq!(people(&store, at(2)).await, 0);
}

pub async fn who_had_as_many_as_the_cap_allows_is_skipped(store: SharedStore) {
    let first = Setup::default().released(&store).await;
    first.claim(0, 0..5, at(1)).await;
    first.accepted(0, 1, at(2)).await;
    first.refused(1, 1, None, at(2)).await;
    first.unknown(2, 1, at(2)).await;
    first.refused(3, 1, Some(at(9_000_000)), at(2)).await;
    let counted = store.contacts(PORTFOLIO, &(0..6).map(recipient).collect::<Vec<_>>(), at(0)).await.unwrap();
    // Accepted, in doubt, on its way: each may have reached its person, and nothing else may have.
    assert_eq!(counted, BTreeMap::from([(recipient(0), 1), (recipient(2), 1), (recipient(4), 1)]));
    assert_eq!(store.contacts("7002", &[recipient(0)], at(0)).await.unwrap(), BTreeMap::new());
    assert_eq!(store.contacts(PORTFOLIO, &[recipient(0)], at(1)).await.unwrap(), BTreeMap::new());

    let capped = |key, extra| Setup { key, extra, ..Setup::default() };
    let once = capped("once", "limits: { per_recipient: { max: 1, per: 7d } }").released(&store).await;
    assert_eq!(seqs(&once.claim(0, 0..5, at(10)).await), [1, 3]);
    let row = once.row(0).await;
    assert_eq!(row.state, State::Skipped);
    let why = row.failure.unwrap();
    assert_eq!(why.class, "over_cap");
    assert_eq!(why.detail, "the recipient had 1 message in 7d, as many as limits.per_recipient allows");
    // One more fits below two, and it was another message for 1 and 3 only.
    let twice = capped("twice", "limits: { per_recipient: { max: 2, per: 7d } }").released(&store).await;
    assert_eq!(seqs(&twice.claim(0, 0..5, at(11)).await), [0, 1, 2, 3, 4]);
    let thrice = capped("thrice", "limits: { per_recipient: { max: 2, per: 7d } }").released(&store).await;
    assert_eq!(seqs(&thrice.claim(0, 0..5, at(12)).await), Vec::<u32>::new());
    // What was sent longer ago than that is forgotten.
    let hourly = |key| capped(key, "limits: { per_recipient: { max: 1, per: 1h } }");
    let just_before = hourly("just-before").released(&store).await;
    assert_eq!(seqs(&just_before.claim(0, 0..5, at(3_610)).await), Vec::<u32>::new());
    let later = hourly("later").released(&store).await;
    assert_eq!(seqs(&later.claim(0, 0..5, at(3_611)).await), [0, 1, 2, 3, 4]);
}

fn shielded() -> Failure {
    Failure { class: "later".into(), ..failure(131_049) }
}

/// The person of seq 0 is left alone until `until`, and nobody else is.
async fn is_left_alone(scene: &Scene, now: DateTime<Utc>, until: DateTime<Utc>) {
    assert_eq!(seqs(&scene.claim(0, 0..5, now).await), [1, 2, 3, 4]);
    let row = scene.row(0).await;
    assert_eq!((row.state, row.retry_at, row.attempt), (State::Retrying, Some(until), 0));
    assert_eq!(row.failure.unwrap().class, "cool_down");
    assert_eq!(scene.store.requeue_retries(until - TimeDelta::seconds(1), 10, 10).await.unwrap(), 0);
}

pub async fn a_shielded_person_is_left_alone_by_all_campaigns(store: SharedStore) {
    let first = Setup::default().released(&store).await;
    first.claim(0, 0..5, at(1)).await;
    let day = at(2) + TimeDelta::hours(24);
    let result = OutcomeKind::Refused { failure: shielded(), retry_at: Some(day), counts: true };
    first.record(0, 1, result, at(2)).await;
    let second = Setup { key: "second", ..Setup::default() }.released(&store).await;
    is_left_alone(&second, at(3), day).await;
    // Another portfolio may write to them, and after a day everybody may.
    let other = Setup { key: "other", portfolio: "7002", ..Setup::default() }.released(&store).await;
    assert_eq!(other.claim(0, 0..5, at(3)).await.messages.len(), 5);
    assert_eq!(store.prune_cooldowns(day - TimeDelta::seconds(1), 10).await.unwrap(), 0);
    assert_eq!(store.prune_cooldowns(day, 10).await.unwrap(), 1);
    assert_eq!(store.requeue_retries(day, 10, 10).await.unwrap(), 2);
    assert_eq!(second.campaign().await.groups[0].retries, 1);
    second.release_all(day).await;
    assert_eq!(seqs(&second.claim(2, [0], day).await), [0]);
}

pub async fn a_status_that_shields_holds_for_others_too(store: SharedStore) {
    let first = Setup::default().released(&store).await;
    first.claim(0, 0..5, at(1)).await;
    first.accepted(0, 1, at(2)).await;
    let failed = |seq| {
        let mut update = unkeyed(seq, 1, Status::Failed { again: Again::No }, at(10));
        update.failure = Some(shielded());
        update
    };
    // One is told before the response was recorded.
    first.apply(&[failed(0), failed(1)], at(20)).await;
    first.accepted(1, 1, at(30)).await;
    let second = Setup { key: "second", ..Setup::default() }.released(&store).await;
    assert_eq!(seqs(&second.claim(0, 0..5, at(40)).await), [2, 3, 4]);
    for seq in [0, 1] {
        assert_eq!(second.row(seq).await.retry_at, Some(at(10) + TimeDelta::hours(24)));
    }
    // The webhook again, two days later: that day has passed.
    let late = at(2 * 86_400);
    first.apply(&[failed(0)], late).await;
    let third = Setup { key: "third", ..Setup::default() }.released(&store).await;
    assert_eq!(third.claim(0, 0..5, late).await.messages.len(), 5);
}
