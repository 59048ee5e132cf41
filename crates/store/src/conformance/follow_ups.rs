//! Follow-ups: what they are made of, and whom they leave alone in the end.

use std::sync::Arc;
use std::time::Duration;

use campaign::doubt::Decision;
use campaign::ids::Seq;
use campaign::lifecycle::Event;
use campaign::message::{Again, State, Status};

use super::scene::{Scene, Setup, at, seqs};
use crate::SharedStore;
use crate::model::{Chunk, NewCampaign, NewMessage, NewSlice, StatusUpdate, Totals};

const FAILED: Status = Status::Failed { again: Again::No };

/// Ten messages, all claimed at second 0; the last six are refused for good.
async fn campaign(store: &SharedStore) -> Scene {
    let scene = Setup { per_slice: 10, ..Setup::default() }.released(store).await;
    scene.claim(0, 0..10, at(0)).await;
    for seq in 4..10 {
        scene.refused(seq, 1, None, at(1)).await;
    }
    scene
}

/// A follow-up with these messages, released.
async fn follow_up(of: &Scene, key: &str, these: &[u32]) -> Scene {
    let store = &of.store;
    let setup = Setup::default();
    let new = NewCampaign { key: key.to_owned(), follow_up_of: Some(of.id), ..setup.campaign() };
    let id = store.begin_launch(new, Duration::from_secs(60), at(10)).await.unwrap();
    let messages: Vec<NewMessage> = setup
        .chunk()
        .messages
        .into_iter()
        .filter(|message| these.contains(&message.seq.0))
        .map(|message| NewMessage { slice: 0, ..message })
        .collect();
    let number = u64::try_from(messages.len()).unwrap();
    let slices = vec![NewSlice { number: 0, group: 0, messages: u32::try_from(number).unwrap() }];
    let chunk = Chunk { messages, slices, excluded: Vec::new(), ..setup.chunk() };
    store.add_chunk(id, chunk, at(10)).await.unwrap();
    let totals = Totals { planned: number, excluded: 0, messages: number };
    store.finish_launch(id, totals, at(11)).await.unwrap();
    store.transition(id, Event::Begin, None, at(11)).await.unwrap();
    let scene = Scene { store: Arc::clone(store), id, ..of.clone() };
    scene.release_all(at(11)).await;
    scene
}

async fn state(scene: &Scene, seq: u32) -> State {
    let all = scene.store.messages(scene.id, None, 100).await.unwrap();
    all.iter().find(|row| row.seq == Seq(seq)).unwrap().state
}

pub async fn failed_messages_know_their_follow_ups(store: SharedStore) {
    let scene = campaign(&store).await;
    assert!(store.follow_ups(scene.id).await.unwrap().campaigns.is_empty());
    let first = follow_up(&scene, "diwali+retry-1", &[4, 5, 6]).await;
    first.claim(0, [4, 5], at(20)).await;
    first.accepted(4, 1, at(21)).await;
    first.refused(5, 1, None, at(21)).await;
    let second = follow_up(&scene, "diwali+retry-2", &[5]).await;

    let runs = store.follow_ups(scene.id).await.unwrap().campaigns;
    assert_eq!(
        runs.iter().map(|run| (run.id, run.follow_up_of)).collect::<Vec<_>>(),
        [(first.id, Some(scene.id)), (second.id, Some(scene.id))]
    );
    assert_eq!(scene.campaign().await.follow_up_of, None);
    let failed = store.failed_messages(scene.id, None, 100).await.unwrap();
    let seen: Vec<_> = failed
        .iter()
        .map(|m| (m.seq.0, m.follow_ups.iter().map(|run| run.state).collect::<Vec<_>>()))
        .collect();
    use State::{Accepted, Failed, Queued};
    assert_eq!(
        seen,
        [
            (4, vec![Accepted]),
            (5, vec![Failed, Queued]),
            (6, vec![Queued]),
            (7, vec![]),
            (8, vec![]),
            (9, vec![])
        ]
    );
    let chunk = Setup::default().chunk();
    let (one, was) = (&failed[0], &chunk.messages[4]);
    assert_eq!((&one.recipient, &one.country, &one.content), (&was.recipient, &was.country, &was.content));
    assert_eq!(
        (one.multiplier, one.worst_case, one.expected_cost),
        (was.multiplier, was.worst_case, was.expected_cost)
    );
    assert_eq!((one.original.code, one.original.class.as_str()), (Some(130_429), "retry"));
    let page = store.failed_messages(scene.id, Some(Seq(5)), 2).await.unwrap();
    assert_eq!(page.iter().map(|m| m.seq.0).collect::<Vec<_>>(), [6, 7]);
}

pub async fn a_follow_up_leaves_alone_whom_another_run_reached_meanwhile(store: SharedStore) {
    let scene = campaign(&store).await;
    let follow = follow_up(&scene, "diwali+retry-1", &[4, 5, 6, 7, 8, 9]).await;
    // The platform said that they failed; then it says that one was delivered all the same.
    scene.apply(&[scene.keyed(4, 1, Status::Delivered, at(15))], at(15)).await;
    assert_eq!(seqs(&follow.claim(0, [4, 5], at(20)).await), [5]);
    assert_eq!(state(&follow, 4).await, State::Skipped);
    let skipped = store.messages(follow.id, None, 1).await.unwrap().remove(0);
    assert_eq!(skipped.failure.map(|f| f.class), Some("reached".to_owned()));
    // So it is for what another follow-up has in hand.
    let other = follow_up(&scene, "diwali+retry-2", &[5, 6]).await;
    assert_eq!(seqs(&other.claim(0, [5, 6], at(21)).await), [6]);
    assert_eq!(state(&other, 5).await, State::Skipped);
    assert_eq!(seqs(&follow.claim(0, [6, 7], at(22)).await), [7], "and the other way round");
    // What failed there as well is nobody's.
    other.refused(6, 1, None, at(23)).await;
    let third = follow_up(&scene, "diwali+retry-3", &[6]).await;
    assert_eq!(seqs(&third.claim(0, [6], at(24)).await), [6]);
}

/// Whatever keeps a recipient out of a new follow-up keeps them out of one that was made before.
pub async fn what_another_run_may_have_reached_is_left_alone(store: SharedStore) {
    let scene = campaign(&store).await;
    let first = follow_up(&scene, "diwali+retry-1", &[4, 5, 6, 7]).await;
    let second = follow_up(&scene, "diwali+retry-2", &[4, 5, 6, 7]).await;
    first.claim(0, [4, 5, 6], at(20)).await;
    for (seq, decision) in [(4, Decision::Drop), (5, Decision::Resend), (6, Decision::Resend)] {
        first.unknown(seq, 1, at(21)).await;
        let ended = store.resolve_doubts(first.id, &[Seq(seq)], decision, "asha", at(22)).await.unwrap();
        assert!(ended[0].1.is_ok(), "{ended:?}");
    }
    // One that was sent once more was refused then: the one before may have arrived.
    store.requeue_retries(at(23), 10, 10).await.unwrap();
    first.release_all(at(23)).await;
    first.claim(1, [6], at(24)).await;
    first.refused(6, 2, None, at(25)).await;
    let states = [state(&first, 4).await, state(&first, 5).await, state(&first, 6).await];
    assert_eq!(states, [State::Failed, State::Retrying, State::Failed]);

    assert_eq!(seqs(&second.claim(0, [4, 5, 6, 7], at(30)).await), [7]);
    for seq in 4..7 {
        assert_eq!(state(&second, seq).await, State::Skipped, "{seq}");
    }
}

pub async fn the_campaign_leaves_alone_whom_its_follow_up_reached(store: SharedStore) {
    let scene = campaign(&store).await;
    let follow = follow_up(&scene, "diwali+retry-1", &[4, 5]).await;
    follow.claim(0, [4], at(20)).await;
    follow.accepted(4, 1, at(21)).await;
    // What was refused was on its way all the same, says the platform, and failed in a way that may pass.
    for seq in [4, 5] {
        let failed = scene.keyed(seq, 1, Status::Failed { again: Again::Later }, at(31));
        let failed = StatusUpdate { retry_at: Some(at(40)), ..failed };
        scene.apply(&[scene.keyed(seq, 1, Status::Sent, at(30)), failed], at(31)).await;
        assert_eq!(state(&scene, seq).await, State::Retrying);
    }
    store.requeue_retries(at(40), 10, 10).await.unwrap();
    scene.release_all(at(40)).await;
    assert_eq!(
        seqs(&scene.claim(1, [4, 5], at(41)).await),
        [5],
        "the follow-up has not sent to the other one"
    );
    assert_eq!(state(&scene, 4).await, State::Skipped);
    assert_eq!(seqs(&follow.claim(0, [5], at(42)).await), [] as [u32; 0], "nor does it any more");
}

pub async fn a_campaign_asks_no_others_about_its_people(store: SharedStore) {
    let scene = campaign(&store).await;
    for seq in 0..4 {
        scene.accepted(seq, 1, at(2)).await;
    }
    // The same people, and no follow-up.
    let next = Setup { key: "holi", per_slice: 10, ..Setup::default() }.released(&store).await;
    assert_eq!(next.claim(0, 0..10, at(20)).await.messages.len(), 10);
    // A retry of a follow-up's own is no other run.
    let follow = follow_up(&scene, "diwali+retry-1", &[4]).await;
    follow.claim(0, [4], at(20)).await;
    follow.refused(4, 1, Some(at(30)), at(21)).await;
    store.requeue_retries(at(30), 10, 10).await.unwrap();
    follow.release_all(at(30)).await;
    assert_eq!(seqs(&follow.claim(1, [4], at(30)).await), [4]);
    follow.apply(&[follow.keyed(4, 2, FAILED, at(31))], at(31)).await;
}
