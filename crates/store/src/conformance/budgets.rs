//! Money: the ceiling under concurrent claims, what is settled, what is given back.

use campaign::message::{State, Status};
use campaign::money::{Currency, Micros};
use rust_decimal::Decimal;

use super::scene::{EXPECTED_COST, Setup, TTL_S, WORST_CASE, at, seqs};
use crate::SharedStore;
use crate::model::Held;

const DAY: i64 = 86_400;

pub async fn concurrent_claims_never_pass_the_ceiling(store: SharedStore) {
    // 57 micros are five worst cases of ten.
    let scene =
        Setup { messages: 40, per_slice: 40, budget: Some(57), ..Setup::default() }.released(&store).await;
    let mut claimers = tokio::task::JoinSet::new();
    for claimer in 0..8 {
        let scene = scene.clone();
        claimers.spawn(async move { scene.claim(0, claimer * 5..claimer * 5 + 5, at(0)).await });
    }
    let (mut granted, mut held) = (0, 0);
    while let Some(answer) = claimers.join_next().await {
        let answer = answer.unwrap();
        granted += answer.messages.len();
        held += usize::from(answer.held == Some(Held::Budget));
    }
    assert_eq!((granted, held), (5, 7));
    assert_eq!(scene.money().await, (0, 5 * WORST_CASE.0));
    // One message is granted in part of a bite, in order.
    let first = (0..40).map(|seq| scene.row(seq));
    let sent: Vec<_> =
        futures::future::join_all(first).await.into_iter().filter(|m| m.attempt == 1).collect();
    let seq = sent[0].seq.0;
    scene.accepted(seq, 1, at(1)).await;
    scene
        .apply(&[scene.keyed(seq, 1, Status::Failed { again: campaign::message::Again::No }, at(2))], at(2))
        .await;
    let open: Vec<u32> = (0..40).filter(|s| !sent.iter().any(|m| m.seq.0 == *s)).collect();
    let answer = scene.claim(0, open[..3].iter().copied(), at(3)).await;
    assert_eq!((seqs(&answer), answer.held), (vec![open[0]], Some(Held::Budget)));
}

pub async fn what_was_delivered_is_spent_and_the_rest_released(store: SharedStore) {
    let scene = Setup { budget: Some(1_000), ..Setup::default() }.released(&store).await;
    scene.claim(0, 0..5, at(0)).await;
    for seq in 0..5 {
        scene.accepted(seq, 1, at(1)).await;
    }
    assert_eq!(scene.money().await, (0, 50));
    scene
        .apply(&[scene.keyed(0, 1, Status::Delivered, at(2)), scene.keyed(1, 1, Status::Read, at(2))], at(2))
        .await;
    assert_eq!(scene.money().await, (2 * EXPECTED_COST.0, 30));
    scene.apply(&[scene.keyed(0, 1, Status::Read, at(3))], at(3)).await;
    assert_eq!(scene.money().await, (2 * EXPECTED_COST.0, 30), "reading costs nothing more");
    store.sweep_ttl(at(DAY), Default::default(), 100).await.unwrap();
    assert_eq!(scene.money().await, (2 * EXPECTED_COST.0, 0));
    assert_eq!(scene.row(0).await.cost, Some(EXPECTED_COST));
}

pub async fn a_told_cost_corrects_the_assumed_one(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..3, at(0)).await;
    let mut told = scene.keyed(0, 1, Status::Read, at(3));
    told.cost = Some((Decimal::new(5, 6), Currency::INR));
    told.route = Some("marketing_lite".into());
    scene.apply(&[scene.keyed(0, 1, Status::Delivered, at(2))], at(2)).await;
    assert_eq!(scene.money().await, (8, 20));
    scene.apply(&[told.clone()], at(3)).await;
    assert_eq!(scene.money().await, (5, 20));
    scene.apply(&[told], at(4)).await;
    let row = scene.row(0).await;
    assert_eq!(
        (row.cost, row.cost_told, row.route.as_deref()),
        (Some(Micros(5)), true, Some("marketing_lite"))
    );
    // Another currency cannot be added up.
    let mut foreign = scene.keyed(1, 1, Status::Delivered, at(5));
    foreign.cost = Some((Decimal::ONE, Currency::USD));
    scene.apply(&[foreign], at(5)).await;
    let row = scene.row(1).await;
    assert_eq!((row.cost, row.cost_told), (Some(EXPECTED_COST), false));
    // Nothing is spent before the delivery.
    let mut early = scene.keyed(2, 1, Status::Sent, at(5));
    early.cost = Some((Decimal::new(5, 6), Currency::INR));
    scene.apply(&[early], at(5)).await;
    assert_eq!(scene.money().await, (13, 10));
}

pub async fn a_late_delivery_is_spent_even_above_the_ceiling(store: SharedStore) {
    let scene = Setup { budget: Some(10), ..Setup::default() }.released(&store).await;
    scene.claim(0, [0], at(0)).await;
    scene.accepted(0, 1, at(0)).await;
    store.sweep_ttl(at(DAY), Default::default(), 10).await.unwrap();
    assert_eq!(seqs(&scene.claim(0, [1], at(DAY)).await), [1], "the reservation was given back");
    scene.apply(&[scene.keyed(0, 1, Status::Delivered, at(i64::from(TTL_S)))], at(DAY)).await;
    assert_eq!(scene.money().await, (8, 10), "true all the same");
    assert_eq!(scene.claim(0, [2], at(DAY)).await.held, Some(Held::Budget));
}

pub async fn a_doubt_that_is_sent_again_is_reserved_twice(store: SharedStore) {
    let scene = Setup { budget: Some(19), extra: "in_doubt: resend\nin_doubt_after: 1h", ..Setup::default() };
    let scene = scene.released(&store).await;
    scene.claim(0, [0], at(0)).await;
    scene.unknown(0, 1, at(0)).await;
    assert_eq!(store.sweep_doubts(at(3_600), 10).await.unwrap().by_policy, 1);
    assert_eq!((scene.state(0).await, scene.money().await), (State::Retrying, (0, 10)));
    // Both attempts may cost ten, and nothing is under way that could give anything back.
    let answer = scene.claim(0, [0], at(3_600)).await;
    assert_eq!((seqs(&answer), answer.held), (vec![], None));
    assert_eq!(scene.state(0).await, State::Skipped);

    let rich = Setup { key: "holi", budget: Some(20), extra: "in_doubt: resend", ..Setup::default() };
    let rich = rich.released(&store).await;
    rich.claim(0, [0], at(0)).await;
    rich.unknown(0, 1, at(0)).await;
    store.sweep_doubts(at(7_200), 10).await.unwrap();
    assert_eq!(seqs(&rich.claim(0, [0], at(7_200)).await), [0]);
    assert_eq!(rich.money().await, (0, 20));
    rich.accepted(0, 2, at(7_200)).await;
    rich.apply(&[rich.keyed(0, 2, Status::Delivered, at(7_300))], at(7_300)).await;
    assert_eq!(rich.money().await, (8, 0));
}

pub async fn money_is_given_back_by_refusals(store: SharedStore) {
    let scene = Setup { budget: Some(1_000), ..Setup::default() }.released(&store).await;
    scene.claim(0, 0..4, at(0)).await;
    scene.refused(0, 1, None, at(1)).await;
    assert_eq!(scene.money().await, (0, 30));
    scene.refused(1, 1, Some(at(9)), at(1)).await;
    assert_eq!(scene.money().await, (0, 20));
    scene.unknown(2, 1, at(1)).await;
    assert_eq!(scene.money().await, (0, 20), "a doubt may still cost money");
}

pub async fn what_can_never_fit_is_skipped(store: SharedStore) {
    // Two worst cases fit; while they are under way the third waits, and once they are spent it never will.
    let scene =
        Setup { messages: 4, per_slice: 4, budget: Some(25), ..Setup::default() }.released(&store).await;
    let first = scene.claim(0, 0..4, at(0)).await;
    assert_eq!((seqs(&first), first.held), (vec![0, 1], Some(Held::Budget)));
    for seq in [0, 1] {
        scene.accepted(seq, 1, at(1)).await;
        scene.apply(&[scene.keyed(seq, 1, Status::Delivered, at(2))], at(2)).await;
    }
    assert_eq!(scene.money().await, (2 * EXPECTED_COST.0, 0));
    let rest = scene.claim(0, 2..4, at(3)).await;
    assert_eq!((seqs(&rest), rest.held), (vec![], None));
    for seq in [2, 3] {
        let row = scene.row(seq).await;
        assert_eq!((row.state, row.failure.map(|f| f.class)), (State::Skipped, Some("budget".to_owned())));
    }
}

pub async fn a_held_doubt_does_not_hold_up_the_budget_for_ever(store: SharedStore) {
    let extra = "in_doubt: hold\nin_doubt_after: 1h";
    let scene = Setup { messages: 3, per_slice: 3, budget: Some(19), extra, ..Setup::default() };
    let scene = scene.released(&store).await;
    scene.claim(0, [0], at(0)).await;
    scene.unknown(0, 1, at(0)).await;
    // A status may still come and give the reservation back.
    assert_eq!(scene.claim(0, [1], at(60)).await.held, Some(Held::Budget));
    let answer = scene.claim(0, [1, 2], at(3_600)).await;
    assert_eq!((seqs(&answer), answer.held), (vec![], None));
    assert_eq!((scene.state(0).await, scene.state(1).await), (State::InDoubt, State::Skipped));
}
