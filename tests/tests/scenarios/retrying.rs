//! Follow-ups: who did not get a campaign gets it once more, and nobody twice.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::lifecycle;
use campaign::message::State;
use simulator::{Outcome, Rule};
use store::model::Suppression;
use testkit::files::person;
use testkit::truth::sent_twice;
use testkit::{World, WorldOptions};

const MORE: &str = "retry: { attempts: 1 }\nbudget: { amount: \"100\", currency: INR }";

fn refused(code: u32) -> Outcome {
    Outcome::Error { code, http: None, details: None, headers: BTreeMap::new() }
}

/// Ten people: the first four fail by a code that may pass, the fifth is not on WhatsApp, the sixth has opted out.
async fn with_failures(more: &str) -> World {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 10);
    for i in 0..4 {
        world.platform.script(Rule::to(person(i), refused(133_004)).times(1));
    }
    world.platform.script(Rule::to(person(4), refused(131_026)).times(1));
    world.platform.script(Rule::to(person(5), refused(131_050)).times(1));
    world.launch(&world.files.campaign("sale", "people.csv", &format!("{MORE}\n{more}"))).await;
    let row = world.until_over("sale").await;
    assert_eq!((row.count(State::Failed), row.state), (6, lifecycle::State::Done), "{:?}", row.failures);
    world
}

/// How often the platform took a message for each of the people.
fn taken(world: &World) -> BTreeMap<String, usize> {
    let mut taken = BTreeMap::new();
    for entry in world.platform.ledger() {
        *taken.entry(entry.recipient.trim_start_matches('+').to_owned()).or_default() += 1;
    }
    taken
}

#[tokio::test(flavor = "multi_thread")]
async fn only_who_failed_gets_it_again_with_what_they_would_have_got() {
    let world = with_failures("").await;
    let plan = world.cli(&["retry", "sale", "--failed", "--dry-run", "--json"]).await.good().json();
    assert_eq!((&plan["campaign"], &plan["messages"]), (&"sale+retry-1".into(), &4.into()), "{plan}");
    assert_eq!(plan["failed"], 6);
    let why: Vec<_> = plan["left_out"].as_array().unwrap().iter().map(|part| &part["why"]).collect();
    assert_eq!(why, ["opted_out", "final"]);
    assert!(world.store.campaign("sale+retry-1").await.unwrap().is_none(), "that was a dry run");
    let spent = world.row("sale").await.spent;

    let answer = world.cli(&["retry", "sale", "--failed"]).await.good();
    assert!(
        answer.out.contains("sale+retry-1 is launched: it sends 4 of the 6 failed messages of sale again"),
        "{}",
        answer.out
    );
    world.catch_up();
    let row = world.until_over("sale+retry-1").await;

    assert_eq!(row.count(State::Delivered) + row.count(State::Read), 4, "{:?}", row.counts);
    assert_eq!(row.budget.unwrap().0, 100_000_000 - spent.0, "its budget is what was left");
    let taken = taken(&world);
    assert_eq!((taken.len(), taken.values().max()), (8, Some(&1)), "{taken:?}");
    assert_eq!(sent_twice(&world.platform.ledger()), Vec::<String>::new());
    let (first, second) = (world.message_to("sale", 0).await, world.message_to("sale+retry-1", 0).await);
    assert_eq!((first.seq, first.state), (second.seq, State::Failed));

    // Again finds nobody: all others were reached.
    let again = world.cli(&["retry", "sale", "--failed"]).await;
    assert_eq!(again.code, 3, "{}", again.err);
    assert!(again.err.contains("4 were taken by the platform in an earlier follow-up"), "{}", again.err);

    // The report joins both.
    let report = world.cli(&["report", "sale", "--json"]).await.good().json();
    let funnel = &report["funnel"];
    assert_eq!(
        (&funnel["planned"], &funnel["delivered"], &funnel["failed"]),
        (&10.into(), &8.into(), &2.into())
    );
    assert_eq!((&report["adds_up"], &report["follow_ups"][0]["delivered"]), (&true.into(), &4.into()));
    let csv = world.cli(&["report", "sale", "--format", "csv"]).await.good().out;
    let runs = |key: &str| csv.lines().filter(|line| line.ends_with(&format!(",{key}"))).count();
    assert_eq!((csv.lines().count(), runs("sale"), runs("sale+retry-1")), (11, 6, 4), "{csv}");
    let text = world.cli(&["report", "sale"]).await.good().out;
    assert!(text.contains("Follow-ups of who failed"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_or_a_reason_chooses() {
    let world = with_failures("").await;
    let count = async |args: &[&str]| {
        let all = [&["retry", "sale", "--failed", "--dry-run", "--json"], args].concat();
        let answer = world.cli(&all).await;
        if answer.code == 0 { answer.json()["messages"].as_u64().unwrap() } else { 0 }
    };
    assert_eq!(count(&["--code", "133004"]).await, 4);
    assert_eq!(count(&["--code", "131026"]).await, 1, "who names it wants it");
    assert_eq!(count(&["--code", "131026", "--code", "133004"]).await, 5);
    assert_eq!(count(&["--code", "131050"]).await, 0, "an opt-out is for good");
    assert_eq!(count(&["--code", "1"]).await, 0);
    assert_eq!(count(&["--reason", "no such words"]).await, 0);
    let failure = world.message_to("sale", 0).await.failure.unwrap();
    assert_eq!(count(&["--reason", &failure.detail.to_uppercase()]).await, 4);

    for (args, code, says) in [
        (vec!["retry", "sale"], 2, "--failed"),
        (vec!["retry", "sail", "--failed"], 2, "did you mean sale?"),
        (vec!["retry", "sale+retry-1", "--failed"], 2, "name the campaign, sale"),
        (vec!["retry", "sale", "--failed", "--reason", " "], 2, "--reason should be"),
        (vec!["retry", "sale", "--failed", "--code", "1"], 3, "nobody of sale is to be retried"),
    ] {
        let answer = world.cli(&args).await;
        assert_eq!(answer.code, code, "{args:?}: {}", answer.err);
        assert!(answer.err.contains(says), "{args:?}: {}", answer.err);
    }
    assert!(world.store.follow_ups(world.row("sale").await.id).await.unwrap().campaigns.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn retrying_twice_at_once_sends_once() {
    let world = with_failures("").await;
    let args = ["retry", "sale", "--failed"];
    let (one, two) = tokio::join!(world.cli(&args), world.cli(&args));
    let mut codes = [one.code, two.code];
    codes.sort_unstable();
    assert_eq!(codes, [0, 3], "{} {}", one.err, two.err);
    // While it is under way nobody is taken again: what is left of the budget is its.
    let third = world.cli(&args).await;
    assert_eq!(third.code, 3);
    assert!(third.err.contains("sale+retry-1 still has messages to send"), "{}", third.err);
    world.catch_up();
    world.until_over("sale+retry-1").await;
    assert_eq!(taken(&world).values().max(), Some(&1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_of_a_budget_is_known_when_the_campaign_has_sent_all() {
    for (key, more) in [("bounded", MORE), ("open", "retry: { attempts: 1 }")] {
        let world = crate::world(WorldOptions::default()).await;
        world.files.people("people.csv", 0, 300);
        world.platform.script(Rule::to(person(0), refused(133_004)).times(1));
        world.launch(&world.files.campaign(key, "people.csv", more)).await;
        world.until_taken(100).await;
        let row = world.row(key).await;
        let (failed, unsent) = (row.count(State::Failed), row.progress().unsent);
        assert!(failed == 1 && unsent > 0, "{key}: {:?}", row.counts);
        let answer = world.cli(&["retry", key, "--failed", "--dry-run"]).await;
        if more == MORE {
            assert_eq!(answer.code, 3);
            assert!(
                answer.err.contains("bounded still has messages to send, and the budget"),
                "{}",
                answer.err
            );
        } else {
            let _ = answer.good();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_turns_out_to_have_got_it_is_skipped_and_the_do_not_send_list_holds() {
    let world = with_failures("").await;
    let list = |i: u32| Suppression { address: person(i)[1..].to_owned(), source: "import".into() };
    world.store.suppress(&[list(0)], world.now()).await.unwrap();
    let plan = world.cli(&["retry", "sale", "--failed", "--json"]).await.good().json();
    assert_eq!(plan["messages"], 3, "{plan}");
    // A status that comes late: the second was delivered. And the third opts out.
    let row = world.row("sale").await;
    let message = campaign::ids::MessageId { campaign: row.id, seq: campaign::ids::Seq(1) };
    let late = store::model::StatusUpdate {
        about: None,
        wamid: "wamid.late".to_owned(),
        key: Some((message, 1)),
        status: campaign::message::Status::Delivered,
        at: world.now(),
        failure: None,
        retry_at: None,
        route: None,
        cost: None,
    };
    world.store.apply_statuses(&[late], world.now()).await.unwrap();
    world.store.suppress(&[list(2)], world.now()).await.unwrap();
    world.catch_up();
    let row = world.until_over("sale+retry-1").await;
    assert_eq!((row.count(State::Skipped), row.totals.messages), (2, 3), "{:?}", row.counts);
    let taken = taken(&world);
    for (i, times) in [(0, None), (1, None), (2, None), (3, Some(&1))] {
        assert_eq!(taken.get(&person(i)[1..]), times, "person {i}");
    }
    let skipped = world.message_to("sale+retry-1", 1).await.failure.unwrap();
    assert_eq!(skipped.class, "reached");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_arrived_is_not_retried() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 3);
    world.platform.script(Rule::to(person(0), Outcome::ErrorBefore { http: 502 }).times(1));
    world.platform.script(Rule::to(person(1), refused(133_004)).times(1));
    let more = format!("{MORE}\nin_doubt: drop\nin_doubt_after: 10m");
    world.launch(&world.files.campaign("sale", "people.csv", &more)).await;
    world.pass(Duration::from_secs(1_200), Duration::from_secs(60)).await;
    let row = world.until_over("sale").await;
    assert_eq!(row.count(State::Failed), 2);
    let plan = world.cli(&["retry", "sale", "--failed", "--json"]).await.good().json();
    assert_eq!((&plan["messages"], &plan["left_out"][0]["why"]), (&1.into(), &"may_have_arrived".into()));
    world.catch_up();
    world.until_over("sale+retry-1").await;
    assert_eq!(taken(&world).len(), 2);
}
