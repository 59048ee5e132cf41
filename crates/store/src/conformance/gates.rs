//! The template gate: closed, one canary under concurrency, by hand.

use campaign::gate::GateReason;
use campaign::message::State;

use super::scene::{Setup, at, message, seqs, template};
use crate::SharedStore;
use crate::model::{GateEvent, Held, OutcomeKind, Suppression};

fn shut() -> Setup {
    Setup { is_gate_open: false, ..Setup::default() }
}

pub async fn a_closed_gate_grants_nothing(store: SharedStore) {
    let scene = shut().released(&store).await;
    let rules = scene.rules;
    let state = store.gate_event(&template(), GateEvent::Created, &rules, at(0)).await.unwrap();
    assert_eq!(store.gate(&template()).await.unwrap(), state);
    let answer = scene.claim(0, 0..5, at(599)).await;
    assert!(answer.messages.is_empty());
    assert_eq!(answer.held, Some(Held::Gate { until: at(600), why: GateReason::Created(at(0)) }));
    let fresh = scene.claim(0, 0..5, at(600)).await.messages;
    assert!(fresh.len() == 5 && fresh.iter().all(|m| m.template_unsettled && !m.is_canary));
    // An operator who knows better.
    store.gate_event(&template(), GateEvent::NotSynced, &rules, at(601)).await.unwrap();
    assert!(scene.claim(1, 5..10, at(602)).await.messages.is_empty());
    store.gate_event(&template(), GateEvent::OpenByHand, &rules, at(602)).await.unwrap();
    assert_eq!(scene.claim(1, 5..9, at(602)).await.messages.len(), 4);
    let settled = scene.claim(1, 9..10, at(1_300)).await.messages;
    assert!(settled.iter().all(|m| !m.template_unsettled));
    assert_eq!(settled.len(), 1);
}

pub async fn an_idle_template_gets_exactly_one_message(store: SharedStore) {
    let scene = shut().released(&store).await;
    let mut claimers = tokio::task::JoinSet::new();
    for claimer in 0..6 {
        let scene = scene.clone();
        claimers.spawn(async move {
            let slice = claimer % 2;
            scene.claim_as(&format!("w{claimer}"), slice, slice * 5..slice * 5 + 5, at(0)).await
        });
    }
    let mut granted = Vec::new();
    while let Some(answer) = claimers.join_next().await {
        let answer = answer.unwrap();
        assert_eq!(answer.held, Some(Held::Gate { until: at(600), why: GateReason::CanarySent(at(0)) }));
        granted.extend(answer.messages);
    }
    assert_eq!(granted.len(), 1);
    assert!(granted[0].is_canary);
    let canary = granted[0].seq.0;
    scene.accepted(canary, 1, at(1)).await;
    store.gate_event(&template(), GateEvent::CanaryLanded, &scene.rules, at(1)).await.unwrap();
    store.gate_event(&template(), GateEvent::Accepted, &scene.rules, at(1)).await.unwrap();
    let held = scene.claim(0, 0..5, at(600)).await.held;
    assert_eq!(held, Some(Held::Gate { until: at(601), why: GateReason::CanarySent(at(1)) }));
    let bulk = scene.claim(0, 0..5, at(601)).await;
    assert!(bulk.held.is_none() && bulk.messages.iter().all(|m| !m.is_canary));
}

pub async fn a_canary_goes_to_who_may_get_it(store: SharedStore) {
    let scene = shut().released(&store).await;
    let entry = Suppression { address: message(0, 0).recipient, source: "stop".into() };
    store.suppress(&[entry], at(0)).await.unwrap();
    assert_eq!(seqs(&scene.claim(0, 0..1, at(0)).await), [0; 0], "the canary is still to come");
    assert_eq!(seqs(&scene.claim(0, 0..5, at(0)).await), [1]);
    assert_eq!(scene.state(0).await, State::Skipped);
}

pub async fn not_synced_closes_the_gate_and_uses_no_attempt_up(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..1, at(0)).await;
    let refused = OutcomeKind::Refused {
        failure: super::scene::failure(134_101),
        retry_at: Some(at(601)),
        counts: false,
    };
    scene.record(0, 1, refused, at(1)).await;
    store.gate_event(&template(), GateEvent::NotSynced, &scene.rules, at(1)).await.unwrap();
    let why = GateReason::NotSynced;
    assert_eq!(scene.claim(0, 1..2, at(600)).await.held, Some(Held::Gate { until: at(601), why }));
    // The template was opened by hand and never used: it is idle, and gets a canary.
    let again = scene.claim(0, 0..2, at(601)).await;
    assert_eq!((again.messages[0].attempt, again.messages[0].failures), (2, 0));
    assert!(again.messages[0].is_canary);
}

pub async fn a_refused_canary_lets_another_go(store: SharedStore) {
    let scene = shut().released(&store).await;
    assert_eq!(seqs(&scene.claim(0, 0..5, at(0)).await), [0]);
    scene.refused(0, 1, None, at(1)).await;
    store.gate_event(&template(), GateEvent::CanaryRefused(at(0)), &scene.rules, at(1)).await.unwrap();
    assert_eq!(seqs(&scene.claim(0, 0..5, at(2)).await), [1]);
    assert_eq!(seqs(&scene.claim(0, 0..5, at(2)).await), [0; 0]);
}

pub async fn a_refusal_told_twice_spares_the_next_canary(store: SharedStore) {
    let scene = shut().released(&store).await;
    let gate = |event, now| {
        let store = store.clone();
        async move { store.gate_event(&template(), event, &Default::default(), now).await.unwrap() }
    };
    let first = scene.claim_as("w1", 0, 0..5, at(0)).await.messages;
    let refused = GateEvent::CanaryRefused(first[0].claimed_at);
    scene.refused(0, 1, None, at(1)).await;
    gate(refused, at(1)).await;
    // The database's answer was lost: it is told once more, when another's canary is on its way.
    assert_eq!(seqs(&scene.claim_as("w2", 1, 5..10, at(2)).await), [5]);
    assert_eq!(gate(refused, at(3)).await.canary_at, Some(at(2)));
    assert_eq!(seqs(&scene.claim_as("w1", 0, 1..5, at(3)).await), [0; 0]);
    // That one's own refusal is heard.
    assert_eq!(gate(GateEvent::CanaryRefused(at(2)), at(4)).await.canary_at, None);
    assert_eq!(seqs(&scene.claim_as("w1", 0, 1..5, at(5)).await), [1]);
}

pub async fn a_retry_does_not_overtake_the_canary(store: SharedStore) {
    let scene = shut().launch(&store).await;
    scene.release(5, at(0)).await;
    // A first canary was refused for now; another one goes, and the first one's turn comes again meanwhile.
    scene.claim(0, [0], at(0)).await;
    scene.refused(0, 1, Some(at(10)), at(1)).await;
    store.gate_event(&template(), GateEvent::CanaryRefused(at(0)), &scene.rules, at(1)).await.unwrap();
    assert_eq!(seqs(&scene.claim(0, 1..5, at(2)).await), [1]);
    store.requeue_retries(at(10), 5, 10).await.unwrap();
    assert_eq!(scene.release(1, at(10)).await[0].slice.number, 2, "it is released first");
    let held = Held::Gate { until: at(602), why: GateReason::CanarySent(at(2)) };
    assert_eq!(scene.claim(2, [0], at(601)).await.held, Some(held), "and waits like all the others");
    assert_eq!(seqs(&scene.claim(2, [0], at(602)).await), [0]);
}

pub async fn a_template_keeps_its_first_time(store: SharedStore) {
    assert_eq!(store.gate(&template()).await.unwrap(), Default::default());
    store.see_template(&template(), at(5)).await.unwrap();
    let again = store.see_template(&template(), at(9)).await.unwrap();
    assert_eq!(again.first_seen_at, Some(at(5)));
    let created =
        store.gate_event(&template(), GateEvent::Created, &Default::default(), at(9)).await.unwrap();
    assert_eq!((created.first_seen_at, created.created_at), (Some(at(5)), Some(at(9))));
}

pub async fn campaigns_that_share_a_template_share_its_canary(store: SharedStore) {
    let diwali = shut().released(&store).await;
    let holi = Setup { key: "holi", ..shut() }.released(&store).await;
    let mut claimers = tokio::task::JoinSet::new();
    for claimer in 0..8 {
        let scene = if claimer % 2 == 0 { diwali.clone() } else { holi.clone() };
        claimers.spawn(async move { scene.claim_as(&format!("w{claimer}"), 0, 0..5, at(0)).await });
    }
    let granted: usize = claimers.join_all().await.iter().map(|answer| answer.messages.len()).sum();
    assert_eq!(granted, 1);
}
