//! Doubts to their end: from every source, by a status, by the policy, by an operator; and what is told of a decision
//! when a webhook comes after it.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::gate::GateRules;
use campaign::ids::{Seq, SliceId};
use campaign::lifecycle;
use campaign::message::State;
use chrono::TimeDelta;
use serde_json::Value;
use simulator::{Latency, Outcome, Profile, Rule};
use store::model::{CampaignRow, Claim, WorkerId};
use testkit::files::person;
use testkit::{World, WorldOptions};

const MINUTE: Duration = Duration::from_secs(60);
const BUDGET: &str = "budget: { amount: \"100\", currency: INR }\nin_doubt_after: 30m";

/// What leaves nobody knowing; of the first four the platform took nothing.
fn sources() -> [Outcome; 7] {
    [
        Outcome::Error { code: 131_000, http: None, details: None, headers: BTreeMap::new() },
        Outcome::Error { code: 999_997, http: Some(500), details: None, headers: BTreeMap::new() },
        Outcome::ErrorBefore { http: 502 },
        Outcome::ResetBefore,
        Outcome::ResetAfter,
        Outcome::ErrorAfter { http: 503 },
        Outcome::SlowAnswer { after_ms: 6_000 },
    ]
}

/// Of the people, how many the platform took a message for although nobody knows.
const TAKEN: usize = 3;
/// A person for each source, and one whose worker died.
const PEOPLE: u32 = 8;

/// A campaign of which each message meets another source of doubt, until all are in doubt.
async fn all_in_doubt(world: &World, more: &str) -> CampaignRow {
    world.files.people("people.csv", 0, PEOPLE);
    world.launch(&world.files.campaign("sale", "people.csv", &format!("{BUDGET}\n{more}"))).await;
    for (i, outcome) in (0..).zip(sources()) {
        world.platform.script(Rule::to(person(i), outcome).times(1));
    }
    let id = world.row("sale").await.id;
    let slice = SliceId { campaign: id, number: 0 };
    while world.store.slice(slice).await.unwrap().is_none() {
        world.round(0).await;
    }
    let ghost = Claim {
        slice,
        seqs: vec![Seq(PEOPLE - 1)],
        worker: WorkerId("ghost".to_owned()),
        lease_until: world.now() + TimeDelta::seconds(60),
        daily_reach: None,
    };
    let claimed = world.store.claim(&ghost, &GateRules::default(), world.now()).await.unwrap();
    assert_eq!(claimed.messages.len(), 1, "{claimed:?}");
    world.pass(Duration::from_secs(15), Duration::from_secs(5)).await;
    world.verified("sale").await
}

/// A world whose webhooks never come.
async fn silent_world() -> World {
    crate::world(WorldOptions { profile: silence(), ..WorldOptions::default() }).await
}

fn silence() -> Profile {
    Profile { missing: 1.0, ..Profile::none() }
}

fn stories(ended: &Value) -> Vec<&str> {
    ended.as_array().unwrap().iter().map(|one| one["story"].as_str().unwrap()).collect()
}

async fn ended(world: &World) -> Value {
    world.cli(&["doubt", "sale", "list", "--resolved", "--json"]).await.good().json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_ends_what_the_platform_took_and_the_rest_is_held() {
    let world = crate::world(WorldOptions::default()).await;
    let row = all_in_doubt(&world, "in_doubt: hold").await;
    let worst_case = row.reserved.0 / (i64::from(PEOPLE) - TAKEN as i64);
    let row = world.until_over("sale").await;
    assert_eq!(row.count(State::Delivered) + row.count(State::Read), TAKEN as u64);
    assert_eq!((row.state, row.count(State::InDoubt)), (lifecycle::State::Done, 5));
    assert_eq!(row.reserved.0, 5 * worst_case, "the budget is held for who is in doubt, and for nobody else");
    assert_eq!(world.platform.ledger().len(), TAKEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_drops_at_its_time_and_holds_the_budget_until_then() {
    let world = silent_world().await;
    let row = all_in_doubt(&world, "in_doubt: drop").await;
    assert_eq!(row.count(State::InDoubt), u64::from(PEOPLE));
    let held = row.reserved;
    assert!(held.0 > 0);
    world.pass(28 * MINUTE, MINUTE).await;
    let row = world.verified("sale").await;
    assert_eq!((row.count(State::InDoubt), row.reserved), (u64::from(PEOPLE), held));
    world.pass(4 * MINUTE, MINUTE).await;
    let row = world.verified("sale").await;
    assert_eq!((row.count(State::Failed), row.reserved.0), (u64::from(PEOPLE), 0));
    assert!(
        stories(&ended(&world).await)
            .iter()
            .all(|s| *s == "the policy gave it up; nothing was heard of it since")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_resends_once_at_its_time() {
    let world = silent_world().await;
    let held = all_in_doubt(&world, "in_doubt: resend").await.reserved;
    world.pass(28 * MINUTE, MINUTE).await;
    assert_eq!(world.row("sale").await.reserved, held);
    world.platform.set_profile(Profile::none());
    let row = world.until_over("sale").await;
    assert_eq!(row.count(State::Delivered) + row.count(State::Read), u64::from(PEOPLE));
    assert_eq!(row.reserved.0, 0);
    assert_eq!(world.platform.ledger().len(), PEOPLE as usize + TAKEN, "each once more, and no more");
    let ended = ended(&world).await;
    let said = "the policy resent it: the first was never heard of, the second arrived";
    assert_eq!(stories(&ended), [said; PEOPLE as usize]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_ends_doubts_of_every_source_in_every_way() {
    let world = silent_world().await;
    let held = all_in_doubt(&world, "in_doubt: hold").await.reserved.0;
    // Later the campaign is done, and sends nothing more.
    world.pass(10 * MINUTE, MINUTE).await;
    let listed = world.cli(&["doubt", "sale", "list", "--json"]).await.good().json();
    assert_eq!(listed["doubts"].as_array().unwrap().len(), PEOPLE as usize);
    for doubt in listed["doubts"].as_array().unwrap() {
        assert_eq!((&doubt["policy"], &doubt["sender"]), (&Value::Null, &"jaspers-in".into()));
        assert!(!doubt["why"].as_str().unwrap().is_empty() && doubt["reserved"] != "0", "{doubt}");
        assert!(!person(0).ends_with(doubt["recipient"].as_str().unwrap()), "numbers are masked");
    }
    let text = world.cli(&["doubt", "sale", "list"]).await.good().out;
    assert!(text.contains("8 messages of sale are in doubt") && text.contains("yours to decide"), "{text}");

    let resolve = async |args: &[&str]| {
        let all = [&["doubt", "sale", "resolve", "--json", "--by", "ravi"], args].concat();
        world.cli(&all).await.good().json()
    };
    world.platform.set_profile(Profile::none());
    let sent = resolve(&["--seq", "0,2", "--seq", "6-7", "--as", "resend"]).await;
    assert_eq!((&sent["resolved"], &sent["states"]["retrying"]), (&4.into(), &4.into()), "{sent}");
    let dropped = resolve(&["--seq", "1-3", "--as", "drop"]).await;
    assert_eq!((&dropped["resolved"], &dropped["states"]["failed"]), (&2.into(), &2.into()), "{dropped}");
    let accepted = resolve(&["--all", "--as", "accepted"]).await;
    assert_eq!(
        (&accepted["resolved"], &accepted["states"]["accepted"]),
        (&2.into(), &2.into()),
        "{accepted}"
    );
    let row = world.verified("sale").await;
    assert_eq!(row.reserved.0, held / 8 * 6, "what was given up is released, the rest is held");

    let row = world.until_over("sale").await;
    let states = [State::Delivered, State::Read].map(|state| row.count(state)).iter().sum::<u64>();
    assert_eq!((states, row.count(State::Failed), row.count(State::Expired)), (4, 2, 2), "{:?}", row.counts);
    assert_eq!(row.reserved.0, 0);
    let ended = ended(&world).await;
    assert_eq!(ended.as_array().unwrap().len(), 8);
    assert!(ended.as_array().unwrap().iter().all(|one| one["by"] == "ravi"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_is_refused_and_says_why() {
    let world = silent_world().await;
    all_in_doubt(&world, "in_doubt: hold").await;
    for (args, code, says) in [
        (vec!["--seq", "8", "--as", "drop"], 2, "--seq 8: sale has 8 rows, numbered from 0"),
        (vec!["--seq", "x", "--as", "drop"], 2, "should be a message's seq such as 17"),
        (vec!["--as", "drop"], 2, "--seq"),
        (vec!["--all", "--seq", "1", "--as", "drop"], 2, "cannot be used with"),
        (vec!["--all", "--as", "forget"], 2, "possible values"),
        (vec!["--all", "--as", "drop", "--by", ""], 2, "--by should be a name"),
    ] {
        let answer = world.cli(&[&["doubt", "sale", "resolve"], args.as_slice()].concat()).await;
        assert_eq!(answer.code, code, "{args:?}: {}", answer.err);
        assert!(answer.err.contains(says), "{args:?}: {}", answer.err);
    }
    assert_eq!(world.row("sale").await.count(State::InDoubt), 8, "nothing was changed");

    let _ = world.cli(&["doubt", "sale", "resolve", "--seq", "0", "--as", "drop"]).await.good();
    let some = world.cli(&["doubt", "sale", "resolve", "--seq", "0,1", "--as", "accepted"]).await;
    assert_eq!(some.code, 3, "{}", some.err);
    assert!(some.out.contains("Not resolved: 0: it is failed, not in doubt."), "{}", some.out);
    assert!(some.out.contains("1 doubt of sale was resolved"), "{}", some.out);
    assert_eq!(world.until_over("sale").await.state, lifecycle::State::Done);
    let over = world.cli(&["doubt", "sale", "resolve", "--all", "--as", "resend", "--json"]).await;
    assert_eq!((over.code, &over.json()["resolved"]), (3, &0.into()), "{}", over.err);
    let why = over.json()["refused"][0]["why"].as_str().unwrap().to_owned();
    assert!(why.starts_with("its campaign is done"), "{why}");
    let _ = world.cli(&["doubt", "sale", "resolve", "--all", "--as", "drop"]).await.good();
    let none = world.cli(&["doubt", "sale", "resolve", "--all", "--as", "drop"]).await;
    assert_eq!(none.code, 3);
    assert!(none.err.contains("no message of sale is in doubt"), "{}", none.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_after_the_decision_is_told_truthfully() {
    // Taken, not answered, and no status for an hour.
    let hour = 3_600_000.0;
    let late = Profile { late: 1.0, late_by: Latency::ms(hour, hour, hour), read: 0.0, ..Profile::none() };
    let world = crate::world(WorldOptions { profile: late, ..WorldOptions::default() }).await;
    world.files.people("people.csv", 0, 3);
    world.launch(&world.files.campaign("sale", "people.csv", "in_doubt: hold")).await;
    for i in 0..3 {
        world.platform.script(Rule::to(person(i), Outcome::ErrorAfter { http: 502 }).times(1));
    }
    world.pass(10 * MINUTE, MINUTE).await;
    assert_eq!(world.row("sale").await.count(State::InDoubt), 3);
    for (seq, how) in [("0", "resend"), ("1", "drop"), ("2", "accepted")] {
        let args = ["doubt", "sale", "resolve", "--seq", seq, "--as", how, "--by", "ravi"];
        let _ = world.cli(&args).await.good();
    }
    world.pass(10 * MINUTE, MINUTE).await;
    let open = world.row("sale").await;
    assert_eq!((open.count(State::Failed), open.count(State::Accepted)), (1, 2), "{:?}", open.counts);

    let row = world.until_over("sale").await;
    assert_eq!(row.count(State::Delivered), 3, "the platform's word counts: {:?}", row.counts);
    // What was sent last is heard of last.
    world.pass(30 * MINUTE, MINUTE).await;
    let told = [
        "sent twice because the operator ravi resent it: both arrived",
        "it was delivered although the operator ravi gave it up",
        "the operator ravi took it for accepted, and it was delivered",
    ];
    assert_eq!(stories(&ended(&world).await), told);
    let report = world.cli(&["report", "sale", "--format", "csv"]).await.good().out;
    let status = world.cli(&["status", "sale"]).await.good().out;
    let text = world.cli(&["report", "sale"]).await.good().out;
    for story in told {
        assert!(report.contains(story), "{report}");
        assert!(text.contains(story), "{text}");
        assert!(status.contains(story), "{status}");
    }
}
