//! An operator's hand, and the campaign's own: pause, resume, cancel, the do-not-send list, stop_when.

use std::time::Duration;

use campaign::lifecycle;
use campaign::message::State;
use simulator::{Outcome, Rule};
use store::model::Suppression;
use testkit::files::person;
use testkit::truth::sent_twice;
use testkit::{World, WorldOptions};

async fn launched(people: u32, more: &str) -> World {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, people);
    world.launch(&world.files.campaign("sale", "people.csv", more)).await;
    world
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_campaign_sends_nothing_until_it_is_resumed() {
    let world = launched(300, "").await;
    world.until_taken(100).await;

    let paused = world.cli(&["pause", "sale", "--json"]).await.good().json();

    assert_eq!(paused["state"], "paused");
    let taken = world.platform.requests().len();
    assert!(taken < 300, "there is something left to hold");
    world.pass(Duration::from_secs(3_600), Duration::from_secs(60)).await;
    assert_eq!(world.platform.requests().len(), taken, "nothing arrives after the pause");
    let row = world.verified("sale").await;
    assert_eq!((row.state, row.reason.as_deref()), (lifecycle::State::Paused, Some("paused by an operator")));

    let _ = world.cli(&["resume", "sale"]).await.good();
    let row = world.until_over("sale").await;
    assert_eq!(
        (row.state, row.count(State::Delivered) + row.count(State::Read)),
        (lifecycle::State::Done, 300)
    );
    assert_eq!(sent_twice(&world.platform.ledger()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_before_the_first_message_holds_all() {
    let world = launched(50, "").await;
    let _ = world.cli(&["pause", "sale"]).await.good();
    world.pass(Duration::from_secs(600), Duration::from_secs(60)).await;
    assert_eq!(world.platform.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_campaign_skips_the_rest_for_good() {
    let world = launched(300, "").await;
    world.until_taken(100).await;
    let taken = world.platform.requests().len() as u64;

    let cancelled = world.cli(&["cancel", "sale", "--json"]).await.good().json();

    assert_eq!(cancelled["skipped"], 300 - taken);
    world.pass(Duration::from_secs(3_600), Duration::from_secs(60)).await;
    let row = world.verified("sale").await;
    assert_eq!(row.state, lifecycle::State::Cancelled);
    assert_eq!(row.count(State::Skipped), 300 - taken);
    assert_eq!(world.platform.requests().len() as u64, taken);
    // Statuses of what was sent still count.
    assert_eq!(row.count(State::Delivered) + row.count(State::Read), taken);
    let skipped = world.messages("sale").await.into_iter().find(|m| m.state == State::Skipped).unwrap();
    assert_eq!(skipped.failure.unwrap().detail, "the campaign was cancelled");
    let refused = world.cli(&["resume", "sale"]).await;
    assert_eq!(refused.code, 3, "{}", refused.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suppression_takes_hold_on_a_running_campaign() {
    let world = launched(300, "").await;
    world.until_taken(100).await;
    let unsent: Vec<String> = world
        .messages("sale")
        .await
        .into_iter()
        .filter(|m| m.state == State::Queued)
        .map(|m| m.recipient)
        .take(5)
        .collect();
    assert_eq!(unsent.len(), 5);
    let entries: Vec<Suppression> = unsent
        .iter()
        .map(|address| Suppression { address: address.clone(), source: "import".into() })
        .collect();
    world.store.suppress(&entries, world.now()).await.unwrap();

    let row = world.until_over("sale").await;

    assert_eq!(row.count(State::Skipped), 5);
    let ledger = world.platform.ledger();
    assert!(ledger.iter().all(|e| !unsent.contains(&e.recipient.trim_start_matches('+').to_owned())));
    assert_eq!(ledger.len(), 295);
    for message in world.messages("sale").await.iter().filter(|m| m.state == State::Skipped) {
        assert!(unsent.contains(&message.recipient));
        assert_eq!(message.failure.as_ref().unwrap().class, "suppressed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_failures_stop_the_campaign() {
    let refused = Outcome::Error { code: 131_026, http: None, details: None, headers: Default::default() };
    let world = launched(1_000, "stop_when: { failure_rate: 20%, after: 50 }").await;
    for i in 0..30 {
        world.platform.script(Rule::to(person(i), refused.clone()));
    }
    world.watch("sale", |_| {}).await;

    let row = world.verified("sale").await;
    assert_eq!(row.state, lifecycle::State::Stopped);
    let reason = row.reason.clone().unwrap();
    assert!(
        reason.starts_with("stop_when: 30 of ") && reason.ends_with("messages failed, more than 20%"),
        "{reason}"
    );
    // What the workers had in hand is what a few seconds of the rate are.
    assert!(world.platform.requests().len() <= 50 + 3 * 80, "{}", world.platform.requests().len());
    assert!(row.count(State::Queued) >= 1_000 - 50 - 3 * 80);
    let taken = world.platform.requests().len();
    world.pass(Duration::from_secs(3_600), Duration::from_secs(600)).await;
    assert_eq!(world.platform.requests().len(), taken, "stopped is stopped");
}
