//! Webhooks come early, late, twice, in the wrong order or never, and answers get lost: in the end Paceline
//! says of every recipient what the platform knows.

use std::collections::BTreeSet;

use campaign::lifecycle;
use campaign::message::State;
use chrono::TimeDelta;
use simulator::{Answer, Fate, Latency, LedgerEntry, Profile, Template};
use testkit::files::WABA_ID;
use testkit::truth::{differences, is_silent, sent_twice};
use testkit::{World, WorldOptions};

/// Webhooks as nobody would want them; the requests themselves are answered.
fn unruly_webhooks() -> Profile {
    Profile {
        response: Latency::ms(0.2, 0.5, 2.0),
        reachable: 0.93,
        not_on_whatsapp: 0.04,
        per_user_limit: 0.04,
        duplicate: 0.3,
        late: 0.25,
        reordered: 0.3,
        missing: 0.15,
        early: 0.15,
        ..Profile::none()
    }
}

/// Every fault of the wire besides.
fn storm() -> Profile {
    Profile {
        error_before: 0.04,
        error_after: 0.04,
        lost: 0.02,
        lost_hold_ms: 30,
        reset_before: 0.02,
        reset_after: 0.03,
        slow_body: 0.03,
        slow_body_ms: 30,
        ..unruly_webhooks()
    }
}

/// The template with the shortest time to live there is, 12 hours.
fn short_lived() -> Template {
    Template::new(WABA_ID, "test_offer", "en").with_ttl_seconds(12 * 3_600)
}

/// Sends to 400 people, lets all deadlines pass, and compares every recipient with the ledger.
async fn truth_after_a_storm(options: WorldOptions) {
    let world = crate::world(options).await;
    world.files.people("people.csv", 0, 400);
    world.launch(&world.files.campaign("storm", "people.csv", "in_doubt: drop")).await;

    let row = world.until_over("storm").await;

    let (ledger, messages) = (world.platform.ledger(), world.messages("storm").await);
    assert_eq!(differences(&ledger, &messages), Vec::<String>::new());
    assert_eq!(sent_twice(&ledger), Vec::<String>::new());
    assert_eq!(row.state, lifecycle::State::Done);
    assert_eq!(messages.len(), 400);
    assert_eq!(row.reserved.0, 0, "nothing is in flight any more");
    assert_it_was_a_storm(&ledger, &world);
}

/// A quiet day would prove nothing.
fn assert_it_was_a_storm(ledger: &[LedgerEntry], world: &World) {
    let answers: BTreeSet<&str> = world
        .platform
        .requests()
        .iter()
        .map(|request| match request.answer {
            Answer::Accepted { .. } => "accepted",
            Answer::AcceptedSlowly { .. } => "slow body",
            Answer::Refused { .. } => "refused",
            Answer::ErrorBefore { .. } => "5xx before acceptance",
            Answer::ErrorAfter { .. } => "5xx after acceptance",
            Answer::Lost { .. } => "lost",
            Answer::ResetBefore => "reset before acceptance",
            Answer::ResetAfter { .. } => "reset after acceptance",
        })
        .collect();
    assert_eq!(answers.len(), 8, "{answers:?}");
    assert!(ledger.iter().any(|entry| is_silent(entry) && entry.truth.is_delivered()));
    for fate in [Fate::Delivered, Fate::Read, Fate::Expired, Fate::Failed(131_026)] {
        assert!(ledger.iter().any(|entry| entry.truth.fate == fate), "nobody's fate is {fate:?}");
    }
}

fn stormy(seed: u64) -> WorldOptions {
    WorldOptions { profile: storm(), templates: vec![short_lived()], seed, ..WorldOptions::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn final_states_are_the_truth_whatever_webhooks_and_answers_did() {
    truth_after_a_storm(stormy(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn final_states_are_the_truth_on_another_day() {
    truth_after_a_storm(stormy(2)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn final_states_are_the_truth_after_thirty_days_of_waiting() {
    truth_after_a_storm(WorldOptions { templates: Vec::new(), ..stormy(3) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_our_own_key_webhooks_are_matched_by_the_platforms_id() {
    let world = crate::world(WorldOptions {
        profile: unruly_webhooks(),
        templates: vec![short_lived()],
        correlate: false,
        seed: 4,
        ..WorldOptions::default()
    })
    .await;
    world.files.people("people.csv", 0, 400);
    world.launch(&world.files.campaign("plain", "people.csv", "")).await;

    let row = world.until_over("plain").await;

    let ledger = world.platform.ledger();
    assert!(ledger.iter().all(|entry| entry.biz_opaque_callback_data.is_none()), "no key of ours went out");
    assert_eq!(differences(&ledger, &world.messages("plain").await), Vec::<String>::new());
    assert_eq!(sent_twice(&ledger), Vec::<String>::new());
    assert_eq!(row.state, lifecycle::State::Done);
    assert_eq!(world.store.parked_statuses().await.unwrap(), 0, "early ones have found their messages");
}

/// Whose request got no answer that says what became of it.
fn unanswered(world: &World) -> BTreeSet<String> {
    let is_unanswered = |answer: &Answer| match answer {
        Answer::Accepted { .. } | Answer::AcceptedSlowly { .. } | Answer::Refused { .. } => false,
        Answer::ErrorBefore { .. }
        | Answer::ErrorAfter { .. }
        | Answer::Lost { .. }
        | Answer::ResetBefore
        | Answer::ResetAfter { .. } => true,
    };
    let requests = world.platform.requests().into_iter().filter(|request| is_unanswered(&request.answer));
    requests.map(|request| request.recipient.unwrap().trim_start_matches('+').to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_our_own_key_a_lost_answer_is_inferred_or_stays_in_doubt_and_is_never_repeated() {
    let world = crate::world(WorldOptions {
        profile: storm(),
        templates: vec![short_lived()],
        correlate: false,
        seed: 5,
        ..WorldOptions::default()
    })
    .await;
    world.files.people("people.csv", 0, 200);
    world.launch(&world.files.campaign("held", "people.csv", "in_doubt: hold")).await;

    let row = world.until_over("held").await;

    let (in_doubt, known): (Vec<_>, Vec<_>) =
        world.messages("held").await.into_iter().partition(|m| m.state == State::InDoubt);
    let inferred: BTreeSet<String> =
        known.iter().filter(|m| m.inferred).map(|m| m.recipient.clone()).collect();
    let in_doubt: BTreeSet<String> = in_doubt.into_iter().map(|m| m.recipient).collect();
    let unanswered = unanswered(&world);
    assert_eq!(&in_doubt | &inferred, unanswered, "whose answer is unknown, and nobody else");
    assert!(in_doubt.len() > 5 && inferred.len() > 5, "{} and {}", in_doubt.len(), inferred.len());
    let ledger = world.platform.ledger();
    // Held are those whom the platform never took, or of whom it told nothing in time.
    for entry in ledger.iter().filter(|entry| in_doubt.contains(entry.recipient.trim_start_matches('+'))) {
        let told_soon = entry
            .truth
            .timeline
            .iter()
            .any(|event| event.announced && event.at < entry.arrived_at + TimeDelta::minutes(4));
        assert!(!told_soon, "{entry:?}");
    }
    assert_eq!(differences(&ledger, &known), Vec::<String>::new());
    assert_eq!(sent_twice(&ledger), Vec::<String>::new());
    assert_eq!(row.state, lifecycle::State::Done);
    assert_eq!(row.reason.unwrap(), format!("{} messages are in doubt", in_doubt.len()));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_our_own_key_every_lost_answer_that_is_reported_is_inferred() {
    let profile = Profile {
        lost: 1.0,
        lost_hold_ms: 20,
        reachable: 1.0,
        duplicate: 0.3,
        reordered: 0.3,
        ..Profile::none()
    };
    let world = crate::world(WorldOptions { profile, correlate: false, ..WorldOptions::default() }).await;
    world.files.people("people.csv", 0, 40);
    // Its policy would send once more, which nobody must get: what was reported comes first.
    let extra = "in_doubt: resend\nin_doubt_after: 5m";
    world.launch(&world.files.campaign("lost", "people.csv", extra)).await;

    let row = world.until_over("lost").await;

    let (ledger, messages) = (world.platform.ledger(), world.messages("lost").await);
    assert_eq!(ledger.len(), 40, "nothing was sent once more");
    assert_eq!(differences(&ledger, &messages), Vec::<String>::new());
    assert!(messages.iter().all(|message| message.inferred));
    assert_eq!((row.state, row.reserved.0), (lifecycle::State::Done, 0));
    assert_eq!(world.store.parked_statuses().await.unwrap(), 0);
    let report = world.cli(&["report", "lost", "--format", "json"]).await.good().json();
    assert_eq!(report["inferred"], 40);
    let csv = world.cli(&["report", "lost", "--format", "csv"]).await.good();
    assert_eq!(csv.out.matches(",inferred,").count(), 40);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_ends_when_its_webhook_comes() {
    let profile = Profile { lost: 1.0, lost_hold_ms: 20, duplicate: 0.3, reordered: 0.3, ..Profile::none() };
    let world = crate::world(WorldOptions { profile, ..WorldOptions::default() }).await;
    world.files.people("people.csv", 0, 40);
    world.launch(&world.files.campaign("lost", "people.csv", "")).await;
    world.until_taken(40).await;
    let row = world.row("lost").await;
    assert_eq!(row.count(State::Accepted), 0, "no answer came");

    let row = world.until_over("lost").await;

    assert_eq!(row.count(State::InDoubt), 0);
    assert_eq!(differences(&world.platform.ledger(), &world.messages("lost").await), Vec::<String>::new());
}
