//! Doubts that an operator ends, what is kept of it, and what is heard afterwards.

use campaign::doubt::{Decision, Refusal};
use campaign::ids::Seq;
use campaign::lifecycle::{self, Event};
use campaign::message::{Again, State, Status};
use chrono::{DateTime, TimeDelta, Utc};

use super::scene::{Scene, Setup, TTL_S, at, seqs};
use crate::SharedStore;
use crate::doubt::EndedDoubt;

const FAILED: Status = Status::Failed { again: Again::No };

/// Six messages in one slice, all in doubt since second 1, with money for twelve.
async fn doubts(store: &SharedStore, extra: &'static str) -> Scene {
    let setup = Setup { messages: 6, per_slice: 6, extra, budget: Some(120), ..Setup::default() };
    let scene = setup.released(store).await;
    scene.claim(0, 0..6, at(0)).await;
    for seq in 0..6 {
        scene.unknown(seq, 1, at(1)).await;
    }
    scene
}

async fn resolve(
    scene: &Scene,
    seqs: impl IntoIterator<Item = u32>,
    decision: Decision,
    now: DateTime<Utc>,
) -> Vec<Result<State, Refusal>> {
    let seqs: Vec<Seq> = seqs.into_iter().map(Seq).collect();
    let became = scene.store.resolve_doubts(scene.id, &seqs, decision, "ravi", now).await.unwrap();
    assert_eq!(became.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), seqs);
    became.into_iter().map(|(_, became)| became).collect()
}

async fn ended(scene: &Scene) -> Vec<EndedDoubt> {
    scene.store.ended_doubts(scene.id, None, 100).await.unwrap()
}

async fn stories(scene: &Scene) -> Vec<String> {
    ended(scene).await.iter().map(|one| one.ending.story()).collect()
}

/// The second attempts of these leave.
async fn send_again(scene: &Scene, these: impl IntoIterator<Item = u32>, now: DateTime<Utc>) {
    scene.store.requeue_retries(now, 10, 10).await.unwrap();
    let these: Vec<u32> = these.into_iter().collect();
    for slice in scene.release_all(now).await {
        assert_eq!(seqs(&scene.claim(slice.slice.number, these.clone(), now).await), these);
    }
}

pub async fn what_is_in_doubt_is_listed(store: SharedStore) {
    let scene = doubts(&store, "").await;
    scene.accepted(2, 1, at(2)).await;
    let listed = store.doubts(scene.id, None, 100).await.unwrap();
    assert_eq!(listed.iter().map(|d| d.seq.0).collect::<Vec<_>>(), [0, 1, 3, 4, 5]);
    let first = &listed[0];
    assert_eq!((first.attempt, first.group, first.since), (1, 0, at(1)));
    assert_eq!((first.was_resent, first.reserved.0), (false, 10));
    assert_eq!(first.failure.as_ref().map(|f| f.detail.as_str()), Some("no answer came"));
    assert_eq!(first.recipient, scene.row(0).await.recipient);
    let page = store.doubts(scene.id, Some(Seq(1)), 2).await.unwrap();
    assert_eq!(page.iter().map(|d| d.seq.0).collect::<Vec<_>>(), [3, 4]);
}

pub async fn an_operator_ends_doubts_in_each_way(store: SharedStore) {
    let scene = doubts(&store, "").await;
    assert_eq!(resolve(&scene, [0, 1], Decision::Accepted, at(50)).await, [Ok(State::Accepted); 2]);
    assert_eq!(resolve(&scene, [2, 3], Decision::Resend, at(60)).await, [Ok(State::Retrying); 2]);
    assert_eq!(resolve(&scene, [4], Decision::Drop, at(70)).await, [Ok(State::Failed)]);
    for (seq, state) in [(0, State::Accepted), (2, State::Retrying), (4, State::Failed)] {
        let row = scene.row(seq).await;
        assert_eq!((row.state, row.assumed), (state, true));
    }
    // The failure that was seen stays with what is given up.
    assert_eq!(scene.row(4).await.failure.map(|f| f.detail), Some("no answer came".to_owned()));
    assert_eq!(scene.money().await, (0, 50), "only what was given up is released");
    let all = ended(&scene).await;
    assert_eq!(all.iter().map(|one| one.seq.0).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    let first = &all[0];
    assert_eq!((first.attempt, first.since, first.decided_at), (1, Some(at(1)), at(50)));
    assert_eq!((first.why.as_str(), first.ending.by.as_deref()), ("no answer came", Some("ravi")));
    let page = store.ended_doubts(scene.id, Some((Seq(1), 1)), 2).await.unwrap();
    assert_eq!(page.iter().map(|one| one.seq.0).collect::<Vec<_>>(), [2, 3]);
    assert_eq!(store.doubts(scene.id, None, 10).await.unwrap().len(), 1);
    // What is sent once more leaves.
    send_again(&scene, [2, 3], at(80)).await;
    assert_eq!(scene.money().await, (0, 70), "both attempts may cost");
}

pub async fn what_may_not_be_decided_changes_nothing(store: SharedStore) {
    let scene = doubts(&store, "schedule: { end: \"2027-01-15T08:00:00Z\" }").await;
    scene.accepted(0, 1, at(2)).await;
    let refused = resolve(&scene, [0, 6, 900], Decision::Accepted, at(3)).await;
    let no_message = Err(Refusal::NoMessage);
    assert_eq!(refused, [Err(Refusal::NotInDoubt(State::Accepted)), no_message, no_message]);
    // Once more is all there is.
    assert_eq!(resolve(&scene, [1], Decision::Resend, at(10)).await, [Ok(State::Retrying)]);
    assert_eq!(
        resolve(&scene, [1], Decision::Resend, at(10)).await,
        [Err(Refusal::NotInDoubt(State::Retrying))]
    );
    send_again(&scene, [1], at(11)).await;
    scene.unknown(1, 2, at(12)).await;
    let before = (scene.row(1).await, scene.money().await);
    assert_eq!(resolve(&scene, [1], Decision::Resend, at(13)).await, [Err(Refusal::ResentBefore)]);
    assert_eq!((scene.row(1).await, scene.money().await), before);
    // Nothing is sent after the end, nor for a campaign that is over.
    let end = "2027-01-15T08:00:00Z".parse().unwrap();
    assert_eq!(resolve(&scene, [2], Decision::Resend, end).await, [Err(Refusal::EndPassed)]);
    scene.transition(Event::Cancel, at(20)).await;
    let over = Err(Refusal::CampaignOver(lifecycle::State::Cancelled));
    assert_eq!(resolve(&scene, [2], Decision::Resend, at(21)).await, [over]);
    assert_eq!(scene.state(2).await, State::InDoubt);
    // The others are possible all the same: somebody has to end them.
    assert_eq!(resolve(&scene, [1, 2], Decision::Drop, at(22)).await, [Ok(State::Failed); 2]);
    assert_eq!(resolve(&scene, [3], Decision::Accepted, at(22)).await, [Ok(State::Accepted)]);
    assert_eq!(ended(&scene).await.len(), 4, "both doubts of the one, and one each of the others");
}

pub async fn a_later_word_is_believed_and_told(store: SharedStore) {
    let scene = doubts(&store, "").await;
    resolve(&scene, 0..3, Decision::Accepted, at(50)).await;
    resolve(&scene, 3..6, Decision::Drop, at(50)).await;
    let told = [
        scene.keyed(0, 1, Status::Sent, at(60)),
        scene.keyed(0, 1, Status::Delivered, at(61)),
        scene.keyed(1, 1, FAILED, at(60)),
        scene.keyed(3, 1, Status::Read, at(60)),
        scene.keyed(4, 1, Status::Sent, at(60)),
    ];
    scene.apply(&told, at(61)).await;
    let states = [State::Delivered, State::Failed, State::Accepted, State::Read, State::Sent, State::Failed];
    for (seq, state) in (0..).zip(states) {
        let row = scene.row(seq).await;
        assert_eq!((row.state, row.assumed), (state, seq == 2 || seq == 5), "message {seq}");
    }
    assert_eq!(
        stories(&scene).await,
        [
            "the operator ravi took it for accepted, and it was delivered",
            "the operator ravi took it for accepted, but the platform says that it failed",
            "the operator ravi took it for accepted; nothing was heard of it since",
            "it was delivered although the operator ravi gave it up",
            "it was accepted although the operator ravi gave it up",
            "the operator ravi gave it up; nothing was heard of it since",
        ]
    );
    // What nobody told of ends with its time to live, and gives its money back.
    let ended = at(100) + TimeDelta::seconds(i64::from(TTL_S));
    store.sweep_ttl(ended, std::time::Duration::ZERO, 10).await.unwrap();
    assert_eq!((scene.state(2).await, scene.money().await), (State::Expired, (16, 0)));
}

pub async fn an_answer_that_comes_late_ends_the_trust(store: SharedStore) {
    let scene = doubts(&store, "").await;
    resolve(&scene, 0..3, Decision::Accepted, at(50)).await;
    scene.accepted(0, 1, at(60)).await;
    scene.refused(1, 1, None, at(60)).await;
    scene.refused(2, 1, Some(at(70)), at(60)).await;
    let states = [State::Accepted, State::Failed, State::Retrying];
    for (seq, state) in (0..).zip(states) {
        let row = scene.row(seq).await;
        assert_eq!((row.state, row.assumed), (state, false), "message {seq}");
    }
    assert_eq!(scene.money().await, (0, 40));
    let ends = ["and it was", "but the platform says that it failed", "but the platform says that it failed"];
    for (story, end) in stories(&scene).await.iter().zip(ends) {
        assert!(story.ends_with(end), "{story}");
    }
}

pub async fn what_was_sent_twice_says_who_decided_it(store: SharedStore) {
    let scene = doubts(&store, "in_doubt: resend\nin_doubt_after: 10m").await;
    resolve(&scene, 0..2, Decision::Resend, at(50)).await;
    assert_eq!(store.sweep_doubts(at(1_000), 10).await.unwrap().by_policy, 4);
    send_again(&scene, 0..6, at(1_000)).await;
    for seq in 0..4 {
        scene.accepted(seq, 2, at(1_001)).await;
    }
    scene.refused(4, 2, None, at(1_001)).await;
    let told = [
        // Whichever comes first.
        scene.keyed(0, 1, Status::Delivered, at(1_002)),
        scene.keyed(0, 2, Status::Delivered, at(1_003)),
        scene.keyed(1, 2, Status::Delivered, at(1_002)),
        scene.keyed(1, 1, Status::Sent, at(1_003)),
        scene.keyed(2, 2, Status::Delivered, at(1_002)),
        scene.keyed(2, 1, Status::Delivered, at(1_003)),
        scene.keyed(3, 2, Status::Delivered, at(1_002)),
        scene.keyed(4, 1, Status::Sent, at(1_002)),
    ];
    for one in told {
        scene.apply(&[one], at(1_010)).await;
    }
    assert_eq!(
        stories(&scene).await,
        [
            "sent twice because the operator ravi resent it: both arrived",
            "sent twice because the operator ravi resent it: the platform took both, and the second arrived",
            "sent twice because the policy resent it: both arrived",
            "the policy resent it: the first was never heard of, the second arrived",
            "the policy resent it: the first was accepted, the second failed",
            "the policy resent it: the first was never heard of, the second was never heard of",
        ]
    );
}

pub async fn word_that_comes_in_time_stops_the_second(store: SharedStore) {
    let scene = doubts(&store, "").await;
    resolve(&scene, 0..2, Decision::Resend, at(50)).await;
    scene.apply(&[scene.keyed(0, 1, Status::Delivered, at(55))], at(55)).await;
    send_again(&scene, [1], at(60)).await;
    let stories = stories(&scene).await;
    assert!(stories[0].starts_with("sent once: ") && stories[0].ends_with("arrived"), "{stories:?}");
}

pub async fn of_two_who_decide_at_once_one_does(store: SharedStore) {
    let scene = doubts(&store, "").await;
    let mut deciding = tokio::task::JoinSet::new();
    for (by, decision) in [("ravi", Decision::Accepted), ("mina", Decision::Drop), ("jo", Decision::Resend)] {
        let scene = scene.clone();
        deciding.spawn(async move {
            let all: Vec<Seq> = (0..6).map(Seq).collect();
            let became = scene.store.resolve_doubts(scene.id, &all, decision, by, at(50)).await.unwrap();
            became.into_iter().filter(|(_, became)| became.is_ok()).count()
        });
    }
    let won: Vec<usize> = deciding.join_all().await;
    assert_eq!((won.iter().sum::<usize>(), won.contains(&6)), (6, true));
    let all = ended(&scene).await;
    assert_eq!(all.len(), 6);
    assert!(all.iter().all(|one| one.ending.by == all[0].ending.by), "{all:?}");
}

pub async fn the_budget_is_held_until_a_doubt_ends(store: SharedStore) {
    // Two worst cases fit. Whatever ends the doubt decides what is left for the third.
    for (key, decision, reserved, granted) in [
        ("drop", Decision::Drop, 0, 2),
        ("accept", Decision::Accepted, 10, 1),
        ("resend", Decision::Resend, 10, 1),
    ] {
        let setup = Setup { key, messages: 4, per_slice: 4, budget: Some(20), ..Setup::default() };
        let scene = setup.released(&store).await;
        scene.claim(0, [0], at(0)).await;
        scene.unknown(0, 1, at(1)).await;
        assert_eq!(scene.money().await, (0, 10), "{key}");
        assert_eq!(resolve(&scene, [0], decision, at(50)).await.len(), 1);
        assert_eq!(scene.money().await, (0, reserved), "{key}");
        assert_eq!(scene.claim(0, [1, 2, 3], at(60)).await.messages.len(), granted, "{key}");
    }
}
