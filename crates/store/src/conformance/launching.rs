//! Launching: twice, dead ones, chunks, totals that do not fit.

use std::time::Duration;

use campaign::ids::CampaignId;
use campaign::lifecycle::State;
use campaign::message;

use super::scene::{Setup, at, template};
use crate::model::{Chunk, NewSlice, Totals};
use crate::{LaunchError, SharedStore, StoreError};

const MINUTE: Duration = Duration::from_secs(60);

pub async fn a_launched_campaign_reads_as_it_was_written(store: SharedStore) {
    let setup = Setup { budget: Some(1_000), ..Setup::default() };
    let id = store.begin_launch(setup.campaign(), MINUTE, at(0)).await.unwrap();
    let chunk = setup.chunk();
    let heads = Chunk { messages: vec![], excluded: vec![], ..chunk.clone() };
    store.add_chunk(id, heads, at(0)).await.unwrap();
    for message in chunk.messages {
        store.add_chunk(id, Chunk { messages: vec![message], ..Chunk::default() }, at(1)).await.unwrap();
    }
    store.add_chunk(id, Chunk { excluded: chunk.excluded.clone(), ..Chunk::default() }, at(1)).await.unwrap();
    assert_eq!(store.campaign(setup.key).await.unwrap().unwrap().state, State::Loading);
    assert!(store.campaigns().await.unwrap().campaigns.is_empty(), "a loading campaign is not listed");
    store.finish_launch(id, setup.totals(), at(2)).await.unwrap();

    let row = store.campaign(setup.key).await.unwrap().unwrap();
    assert_eq!((row.id, row.state, row.launched_at), (id, State::Waiting, at(2)));
    assert_eq!(*row.definition, *setup.campaign().definition);
    assert_eq!((row.totals, row.count(message::State::Queued)), (setup.totals(), 10));
    assert_eq!(
        (row.budget.map(|b| b.0), row.plan_hash.as_str(), row.file.as_str()),
        (Some(1_000), "f00d", "diwali.yaml")
    );
    let group = &row.groups[0];
    assert_eq!((&group.template, group.planned, group.released), (&template(), 10, 0));
    assert_eq!((group.sender.as_str(), group.variant.as_deref()), ("jaspers-in", Some("a")));
    let messages = store.messages(id, None, 100).await.unwrap();
    assert_eq!(messages.len(), 10);
    assert!(
        messages.iter().all(|m| m.state == message::State::Queued && m.attempt == 0 && m.country == "IN")
    );
    assert_eq!(store.excluded(id, None, 100).await.unwrap(), chunk.excluded);
}

pub async fn a_key_is_launched_once(store: SharedStore) {
    let scene = Setup::default().launch(&store).await;
    let again = store.begin_launch(Setup::default().campaign(), MINUTE, at(9_999)).await.unwrap_err();
    assert!(matches!(again, LaunchError::KeyTaken { state: State::Running, .. }), "{again}");
    assert_eq!(scene.campaign().await.count(message::State::Queued), 10);
}

pub async fn numbers_that_were_given_out_elsewhere_are_skipped(store: SharedStore) {
    let number = |n| CampaignId(n);
    for last in [number(40), number(7), number(-1), number(i64::MAX)] {
        store.skip_campaign_numbers(last).await.unwrap();
    }
    let first = Setup::default().launch(&store).await.id;
    assert!(first.0 > 40, "{first}");
    store.skip_campaign_numbers(number(3)).await.unwrap();
    let second = Setup { key: "holi", ..Setup::default() }.launch(&store).await.id;
    assert!((first.0 + 1..first.0 + 10).contains(&second.0), "{first} {second}");
}

pub async fn a_dead_launch_is_replaced(store: SharedStore) {
    let setup = Setup::default();
    let dead = store.begin_launch(setup.campaign(), MINUTE, at(0)).await.unwrap();
    store.add_chunk(dead, setup.chunk(), at(5)).await.unwrap();
    let new = store.begin_launch(setup.campaign(), MINUTE, at(65)).await.unwrap();
    assert_ne!(new, dead, "numbers are never used twice");
    assert!(store.campaign_by_id(dead).await.unwrap().is_none());
    assert!(store.messages(dead, None, 100).await.unwrap().is_empty());
    // The dead launch may only have been slow: it finds that it was replaced.
    assert!(store.add_chunk(dead, setup.chunk(), at(66)).await.is_err());
    assert!(store.finish_launch(dead, setup.totals(), at(66)).await.is_err());
    store.add_chunk(new, setup.chunk(), at(66)).await.unwrap();
    store.finish_launch(new, setup.totals(), at(66)).await.unwrap();
}

pub async fn a_live_launch_is_not_replaced(store: SharedStore) {
    let setup = Setup::default();
    let id = store.begin_launch(setup.campaign(), MINUTE, at(0)).await.unwrap();
    store.add_chunk(id, setup.chunk(), at(50)).await.unwrap();
    let other = store.begin_launch(setup.campaign(), MINUTE, at(100)).await.unwrap_err();
    assert!(matches!(other, LaunchError::KeyTaken { state: State::Loading, .. }), "{other}");
    store.finish_launch(id, setup.totals(), at(101)).await.unwrap();
}

pub async fn an_abandoned_launch_leaves_nothing(store: SharedStore) {
    let setup = Setup::default();
    let id = store.begin_launch(setup.campaign(), MINUTE, at(0)).await.unwrap();
    store.add_chunk(id, setup.chunk(), at(0)).await.unwrap();
    store.abandon_launch(id).await.unwrap();
    assert!(store.campaign(setup.key).await.unwrap().is_none());
    assert!(store.messages(id, None, 1).await.unwrap().is_empty());
    assert!(store.excluded(id, None, 1).await.unwrap().is_empty());
    let scene = setup.launch(&store).await;
    assert!(store.abandon_launch(scene.id).await.is_err(), "a launched campaign is not abandoned");
}

pub async fn totals_that_do_not_fit_are_refused(store: SharedStore) {
    let setup = Setup::default();
    let id = store.begin_launch(setup.campaign(), MINUTE, at(0)).await.unwrap();
    store.add_chunk(id, setup.chunk(), at(0)).await.unwrap();
    for totals in [
        Totals { messages: 11, planned: 13, ..setup.totals() },
        Totals { excluded: 1, planned: 11, ..setup.totals() },
        Totals { planned: 13, ..setup.totals() },
    ] {
        let refused = store.finish_launch(id, totals, at(0)).await.unwrap_err();
        assert!(matches!(refused, StoreError::Inconsistent(_)), "{refused}");
    }
    let more = Chunk { slices: vec![NewSlice { number: 9, group: 0, messages: 3 }], ..Chunk::default() };
    store.add_chunk(id, more, at(0)).await.unwrap();
    let refused = store.finish_launch(id, setup.totals(), at(0)).await.unwrap_err();
    assert!(refused.to_string().contains("1 slices"), "{refused}");
    assert_eq!(store.campaign_by_id(id).await.unwrap().unwrap().state, State::Loading);
}

pub async fn a_recipient_twice_is_refused(store: SharedStore) {
    let setup = Setup::default();
    let id = store.begin_launch(setup.campaign(), MINUTE, at(0)).await.unwrap();
    let mut chunk = setup.chunk();
    chunk.messages[7].recipient = chunk.messages[3].recipient.clone();
    let refused = store.add_chunk(id, chunk, at(0)).await.unwrap_err();
    assert!(matches!(refused, StoreError::Inconsistent(_)), "{refused}");
    assert!(store.messages(id, None, 1).await.unwrap().is_empty(), "nothing was changed");
}

pub async fn slices_of_one_number_add_up(store: SharedStore) {
    let setup = Setup { messages: 8, per_slice: 8, excluded: 0, ..Setup::default() };
    let id = store.begin_launch(setup.campaign(), MINUTE, at(0)).await.unwrap();
    let whole = setup.chunk();
    for part in whole.messages.chunks(4) {
        let chunk = Chunk {
            groups: whole.groups.clone(),
            slices: vec![NewSlice { number: 0, group: 0, messages: 4 }],
            messages: part.to_vec(),
            excluded: vec![],
        };
        store.add_chunk(id, chunk, at(0)).await.unwrap();
    }
    store.finish_launch(id, setup.totals(), at(0)).await.unwrap();
    assert_eq!(store.campaign_by_id(id).await.unwrap().unwrap().groups[0].planned, 8);
}

pub async fn nothing_is_added_after_the_launch(store: SharedStore) {
    let scene = Setup::default().launch(&store).await;
    assert!(store.add_chunk(scene.id, Chunk::default(), at(1)).await.is_err());
    assert!(store.finish_launch(scene.id, Setup::default().totals(), at(1)).await.is_err());
}
