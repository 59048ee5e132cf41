//! Every order in which an attempt's answer and its status webhooks come, and what each of them ends as.
//!
//! One message per order: each of sent, delivered, read and failed comes or does not, in any order, one of them twice,
//! with the answer before, between or after them. At the end all of them come once more, backwards. What becomes of the
//! message is said by `rule`, which looks at what was told and at no order. The core's own test walks through all orders
//! with each status twice; this one is about rows, times, ids and money.

use std::collections::BTreeMap;

use campaign::message::{Again, State, Status};
use chrono::{DateTime, Utc};

use super::scene::{EXPECTED_COST, Scene, Setup, WORST_CASE, at, failure, unkeyed, wamid};
use crate::SharedStore;
use crate::model::{Failure, MessageRow, Outcome, OutcomeKind, StatusUpdate};

/// What is heard of an attempt from our own side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Answer {
    Accepted,
    Held,
    Refused,
    /// No answer came, and none comes.
    Unknown,
    /// The worker was taken for dead, and recorded its answer after that.
    UnknownThenAccepted,
    /// Nothing was recorded yet.
    None,
}

impl Answer {
    /// How many words of it there are.
    const fn words(self) -> usize {
        match self {
            Self::None => 0,
            Self::Accepted | Self::Held | Self::Refused | Self::Unknown => 1,
            Self::UnknownThenAccepted => 2,
        }
    }
}

/// One word about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The answer's next word.
    Answer,
    /// The status with this number in [`told`].
    Status(usize),
}

/// The platform's four words, with the time that each of them carries.
fn told(again: Again) -> [(Status, DateTime<Utc>); 4] {
    [
        (Status::Sent, at(20)),
        (Status::Delivered, at(21)),
        (Status::Read, at(22)),
        (Status::Failed { again }, at(23)),
    ]
}

/// Adds every order that begins with these steps and has all words of the answer.
fn orders(steps: &mut Vec<Step>, words: usize, all: &mut Vec<Vec<Step>>) {
    let answered = steps.iter().filter(|step| **step == Step::Answer).count();
    if answered == words {
        all.push(steps.clone());
    }
    let count = |status| steps.iter().filter(|step| **step == Step::Status(status)).count();
    let counts: [usize; 4] = std::array::from_fn(count);
    let mut next: Vec<Step> = Vec::new();
    if answered < words {
        next.push(Step::Answer);
    }
    let has_double = counts.contains(&2);
    next.extend((0..4).filter(|s| counts[*s] == 0 || (counts[*s] == 1 && !has_double)).map(Step::Status));
    for step in next {
        steps.push(step);
        orders(steps, words, all);
        steps.pop();
    }
}

/// What is to be seen of a message in the end.
#[derive(Debug, PartialEq)]
struct Seen {
    state: State,
    assumed: bool,
    wamid: Option<String>,
    failure: Option<Failure>,
    /// Accepted, sent, delivered, read.
    times: [Option<DateTime<Utc>>; 4],
    cost: Option<i64>,
}

/// The documented rule: the highest of read, delivered, failed, sent and the answer counts; each keeps its first time;
/// a failure is shown beside a delivery, too.
fn rule(seq: u32, steps: &[Step], answer: Answer, again: Again) -> Seen {
    let [sent, delivered, read, failed] = std::array::from_fn(|s| steps.contains(&Step::Status(s)));
    let after_failure = if again == Again::Later { State::Retrying } else { State::Failed };
    let state = match answer {
        _ if read => State::Read,
        _ if delivered => State::Delivered,
        _ if failed => after_failure,
        _ if sent => State::Sent,
        Answer::Accepted | Answer::UnknownThenAccepted => State::Accepted,
        Answer::Held => State::Held,
        Answer::Refused => after_failure,
        Answer::Unknown => State::InDoubt,
        Answer::None => State::Sending,
    };
    let failure = if failed || state == after_failure {
        Some(failure(131_026))
    } else {
        (state == State::InDoubt).then(no_answer)
    };
    let is_accepted = matches!(answer, Answer::Accepted | Answer::Held | Answer::UnknownThenAccepted);
    let is_delivered = delivered || read;
    let first_delivered = if delivered { at(21) } else { at(22) };
    Seen {
        state,
        assumed: false,
        wamid: (is_accepted || sent || delivered || read || failed).then(|| wamid(seq, 1)),
        failure,
        times: [
            is_accepted.then(|| at(10)),
            sent.then(|| at(20)),
            is_delivered.then_some(first_delivered),
            read.then(|| at(22)),
        ],
        cost: is_delivered.then_some(EXPECTED_COST.0),
    }
}

fn seen(row: MessageRow) -> Seen {
    Seen {
        state: row.state,
        assumed: row.assumed,
        wamid: row.wamid,
        failure: row.failure,
        times: [row.accepted_at, row.sent_at, row.delivered_at, row.read_at],
        cost: row.cost.map(|cost| cost.0),
    }
}

fn no_answer() -> Failure {
    Failure { code: None, class: "unknown".into(), detail: "no answer came".into() }
}

/// The answer's n-th word.
fn outcome(scene: &Scene, seq: u32, answer: Answer, again: Again, n: usize) -> Outcome {
    let accepted = |held| OutcomeKind::Accepted { wamid: wamid(seq, 1), held };
    let unknown = OutcomeKind::Unknown { failure: no_answer() };
    let result = match answer {
        Answer::Accepted => accepted(false),
        Answer::Held => accepted(true),
        Answer::Refused => OutcomeKind::Refused {
            failure: failure(131_026),
            retry_at: (again == Again::Later).then(|| at(90_000)),
            counts: true,
        },
        Answer::UnknownThenAccepted if n == 1 => accepted(false),
        Answer::Unknown | Answer::UnknownThenAccepted | Answer::None => unknown,
    };
    Outcome { message: scene.message(seq), attempt: 1, result }
}

/// Lets every order happen to a message of its own, and compares what is seen of it with the rule.
async fn every_order(store: SharedStore, answer: Answer, again: Again, is_keyed: bool) {
    let mut all = Vec::new();
    orders(&mut Vec::new(), answer.words(), &mut all);
    let messages = u32::try_from(all.len()).unwrap();
    let scene =
        Setup { messages, per_slice: messages, excluded: 0, ..Setup::default() }.released(&store).await;
    scene.claim(0, 0..messages, at(0)).await;
    let update = |seq: u32, status: usize| {
        let (status, when) = told(again)[status];
        let update = StatusUpdate {
            retry_at: matches!(status, Status::Failed { again: Again::Later }).then(|| at(90_000)),
            ..scene.keyed(seq, 1, status, when)
        };
        if is_keyed { update } else { StatusUpdate { key: None, ..update } }
    };
    // The n-th words of all messages travel together, as those of many webhooks do.
    for n in 0..all.iter().map(Vec::len).max().unwrap_or_default() {
        let (mut outcomes, mut updates) = (Vec::new(), Vec::new());
        for (seq, steps) in (0..).zip(&all) {
            match steps.get(n) {
                Some(Step::Answer) => {
                    let before = steps[..n].iter().filter(|step| **step == Step::Answer).count();
                    outcomes.push(outcome(&scene, seq, answer, again, before));
                }
                Some(Step::Status(status)) => updates.push(update(seq, *status)),
                None => {}
            }
        }
        store.record(&outcomes, at(10)).await.unwrap();
        scene.apply(&updates, at(30)).await;
    }
    let repeated: Vec<StatusUpdate> = (0..)
        .zip(&all)
        .flat_map(|(seq, steps)| steps.iter().rev().map(move |step| (seq, *step)))
        .filter_map(|(seq, step)| match step {
            Step::Status(status) => Some(update(seq, status)),
            Step::Answer => None,
        })
        .collect();
    let report = scene.apply(&repeated, at(40)).await;
    assert_eq!((report.applied, report.parked), (0, 0), "what is repeated is no news, and finds its message");
    compare(&scene, &all, answer, again).await;
}

async fn compare(scene: &Scene, all: &[Vec<Step>], answer: Answer, again: Again) {
    let rows = scene.store.messages(scene.id, None, u32::try_from(all.len()).unwrap()).await.unwrap();
    assert_eq!(rows.len(), all.len());
    let mut counts: BTreeMap<State, u64> = BTreeMap::new();
    let (mut spent, mut reserved) = (0, 0);
    for (row, steps) in rows.into_iter().zip(all) {
        let expected = rule(row.seq.0, steps, answer, again);
        *counts.entry(expected.state).or_default() += 1;
        spent += expected.cost.unwrap_or_default();
        reserved += if expected.state.holds_reservation() { WORST_CASE.0 } else { 0 };
        assert_eq!(seen(row), expected, "{answer:?}, a failure is tried again {again:?}: {steps:?}");
    }
    assert_eq!(scene.money().await, (spent, reserved));
    let campaign = scene.campaign().await;
    assert!(campaign.is_conserved());
    for state in State::ALL {
        let expected = counts.get(&state).copied().unwrap_or_default();
        assert_eq!(campaign.count(state), expected, "{state}");
    }
    assert_eq!(scene.store.parked_statuses().await.unwrap(), 0);
}

pub async fn every_order_around_an_acceptance(store: SharedStore) {
    every_order(store, Answer::Accepted, Again::No, true).await;
}

pub async fn every_order_around_an_acceptance_without_our_key(store: SharedStore) {
    every_order(store, Answer::Accepted, Again::Later, false).await;
}

pub async fn every_order_around_being_held(store: SharedStore) {
    every_order(store, Answer::Held, Again::Later, true).await;
}

pub async fn every_order_around_a_refusal(store: SharedStore) {
    every_order(store, Answer::Refused, Again::No, true).await;
}

pub async fn every_order_around_a_refusal_that_may_pass(store: SharedStore) {
    every_order(store, Answer::Refused, Again::Later, true).await;
}

pub async fn every_order_around_an_unknown_end(store: SharedStore) {
    every_order(store, Answer::Unknown, Again::No, true).await;
}

pub async fn every_order_around_a_doubt_and_its_late_answer(store: SharedStore) {
    every_order(store, Answer::UnknownThenAccepted, Again::No, true).await;
}

pub async fn every_order_without_an_answer(store: SharedStore) {
    every_order(store, Answer::None, Again::Later, true).await;
}

/// A status of an attempt that an answer refused: the message is not sent again, nor given up.
pub async fn what_is_sent_although_it_was_refused_does_not_leave_again(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..2, at(0)).await;
    scene.refused(0, 1, Some(at(60)), at(1)).await;
    scene.refused(1, 1, None, at(1)).await;
    scene
        .apply(&[scene.keyed(0, 1, Status::Sent, at(2)), scene.keyed(1, 1, Status::Sent, at(2))], at(3))
        .await;
    for seq in 0..2 {
        let row = scene.row(seq).await;
        assert_eq!((row.state, row.failure, row.retry_at), (State::Sent, None, None));
    }
    assert_eq!(store.requeue_retries(at(100), 10, 10).await.unwrap(), 0);
    assert_eq!(scene.claim(0, 0..2, at(100)).await.messages.len(), 0);
    assert_eq!(scene.money().await, (0, 2 * WORST_CASE.0));
}

/// An unkeyed status of a refused attempt has no way to its message: it waits, and changes nothing.
pub async fn without_our_key_a_refused_attempt_is_not_found(store: SharedStore) {
    let scene = Setup::default().released(&store).await;
    scene.claim(0, 0..1, at(0)).await;
    scene.refused(0, 1, None, at(1)).await;
    scene.apply(&[unkeyed(0, 1, Status::Sent, at(2))], at(3)).await;
    assert_eq!((scene.state(0).await, store.parked_statuses().await.unwrap()), (State::Failed, 1));
}
