//! Limits of people: how many a portfolio may write to in 24 hours, how often one person is written to, and who is left
//! alone for a day.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use campaign::lifecycle;
use campaign::message::State;
use chrono::{DateTime, TimeDelta, Utc};
use simulator::{Outcome, Rule};
use testkit::files::{SECOND, person};
use testkit::{World, WorldOptions};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// The most different people that were written to in any 24 hours.
pub(crate) fn most_people_in_a_day(world: &World) -> usize {
    let ledger = world.platform.ledger();
    let mut in_window: HashMap<&str, u32> = HashMap::new();
    let (mut first, mut most) = (0, 0);
    for entry in &ledger {
        while entry.arrived_at - ledger[first].arrived_at >= TimeDelta::hours(24) {
            let before = ledger[first].recipient.as_str();
            let left = in_window.get_mut(before).unwrap();
            *left -= 1;
            if *left == 0 {
                in_window.remove(before);
            }
            first += 1;
        }
        *in_window.entry(&entry.recipient).or_default() += 1;
        most = most.max(in_window.len());
    }
    most
}

/// What became of the requests that the platform did not take.
pub(crate) fn refusals(world: &World) -> usize {
    world.platform.asked() - world.platform.accepted()
}

fn requests_to(world: &World, i: u32) -> usize {
    let is_to =
        |to: &Option<String>| to.as_deref().is_some_and(|to| person(i).ends_with(to.trim_start_matches('+')));
    world.platform.requests().iter().filter(|request| is_to(&request.recipient)).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn campaigns_and_senders_of_a_portfolio_share_its_limit() {
    let options = WorldOptions { daily_reach: 100, second: true, ..WorldOptions::default() };
    let world = crate::world(options).await;
    world.files.people("a.csv", 0, 80);
    world.files.people("b.csv", 60, 80);
    world.launch(&world.files.campaign("a", "a.csv", "")).await;
    let both = world.files.campaign_on(&format!("[jaspers-in, {}]", SECOND.0), "b", "b.csv", "");
    // Of 140 people, 20 are written to twice, and count once.
    let plan = world.cli(&["plan", both.to_str().unwrap(), "--json"]).await.good().json();
    assert_eq!(plan["sent"], 80);
    world.launch(&both).await;
    world.pass(HOUR, MINUTE).await;
    assert_eq!(refusals(&world), 0, "the platform never had to refuse");
    assert_eq!(most_people_in_a_day(&world), 100);
    assert!(world.platform.accepted() < 160);
    // Whoever plans now is told of those who count already.
    world.files.people("c.csv", 1_000, 10);
    let third = world.files.campaign("c", "c.csv", "");
    let plan = world.cli(&["plan", third.to_str().unwrap(), "--json"]).await.good().json();
    let foretold: DateTime<Utc> = plan["finishes_at"].as_str().unwrap().parse().unwrap();
    assert!(foretold > world.now() + TimeDelta::hours(22), "{foretold}");

    for key in ["a", "b"] {
        let row = world.until_over(key).await;
        assert_eq!((row.state, row.count(State::Skipped)), (lifecycle::State::Done, 0));
    }
    assert_eq!((world.platform.accepted(), refusals(&world)), (160, 0));
    assert_eq!(most_people_in_a_day(&world), 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_before_the_limit_lets_all_through_is_told_beforehand() {
    let world = crate::world(WorldOptions { daily_reach: 250, ..WorldOptions::default() }).await;
    world.files.people("people.csv", 0, 1_000);
    let end = (world.now() + TimeDelta::hours(30)).to_rfc3339();
    let file = world.files.campaign("short", "people.csv", &format!("schedule: {{ end: {end} }}"));
    let plan = world.cli(&["plan", file.to_str().unwrap(), "--json"]).await.good().json();
    assert_eq!((&plan["sent"], &plan["expires"]), (&500.into(), &500.into()));
    let warnings = plan["warnings"].to_string();
    assert!(
        warnings.contains(
            "its portfolio may write to 250 people in 24 hours: before schedule.end at most 500 of the 1,000 messages"
        ),
        "{warnings}"
    );
    world.launch(&file).await;
    let row = world.until_over("short").await;
    assert_eq!((row.count(State::Expired), world.platform.accepted()), (500, 500));
}

const ONCE_A_WEEK: &str = "limits: { per_recipient: { max: 1, per: 7d } }";

#[tokio::test(flavor = "multi_thread")]
async fn who_had_enough_is_left_out_of_the_plan() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("some.csv", 0, 10);
    world.files.people("more.csv", 5, 10);
    world.launch(&world.files.campaign("first", "some.csv", "")).await;
    world.platform.script(Rule::to(person(5), Outcome::FailLater { code: 131_026 }));
    world.until_over("first").await;
    world.platform.clear_script();

    let file = world.files.campaign("second", "more.csv", ONCE_A_WEEK);
    let plan = world.cli(&["plan", file.to_str().unwrap(), "--json"]).await.good().json();
    // Five people are in both; one of them never got the first.
    assert_eq!((&plan["messages"], &plan["excluded"]["over_cap"]), (&6.into(), &4.into()));
    world.launch(&file).await;
    let row = world.until_over("second").await;
    assert_eq!((row.totals.excluded, row.count(State::Skipped)), (4, 0));
    assert_eq!((requests_to(&world, 5), requests_to(&world, 6), requests_to(&world, 14)), (2, 1, 1));
    let report = world.cli(&["report", "second", "--format", "csv"]).await.good().out;
    assert!(
        report.contains(
            "over_cap,\"the recipient had 1 message in 7d, as many as limits.per_recipient allows\""
        ),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_had_enough_by_then_is_skipped() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("ten.csv", 0, 10);
    let soon = (world.now() + TimeDelta::hours(1)).to_rfc3339();
    // Both are launched before either has sent anything, and one of them waits.
    let later = format!("{ONCE_A_WEEK}\nschedule: {{ start: {soon} }}");
    world.launch(&world.files.campaign("later", "ten.csv", &later)).await;
    world.files.people("half.csv", 0, 5);
    world.launch(&world.files.campaign("now", "half.csv", "")).await;
    world.until_over("now").await;
    assert_eq!(world.row("later").await.count(State::Queued), 10);
    let row = world.until_over("later").await;
    assert_eq!((row.count(State::Skipped), row.count(State::Read) + row.count(State::Delivered)), (5, 5));
    assert!((0..10).all(|i| requests_to(&world, i) == 1));
    let skipped = world.message_to("later", 0).await.failure.unwrap();
    assert_eq!(skipped.class, "over_cap");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_shielded_is_left_alone_by_the_next_campaign_too() {
    for told_later in [false, true] {
        let world = crate::world(WorldOptions::default()).await;
        world.files.people("ten.csv", 0, 10);
        let shielded = if told_later {
            Outcome::FailLater { code: 131_049 }
        } else {
            Outcome::Error { code: 131_049, http: None, details: None, headers: BTreeMap::new() }
        };
        world.platform.script(Rule::to(person(0), shielded).times(1));
        world.launch(&world.files.campaign("first", "ten.csv", "retry: { attempts: 1 }")).await;
        world.pass(MINUTE, MINUTE / 6).await;
        assert_eq!(world.message_to("first", 0).await.state, State::Failed);

        world.launch(&world.files.campaign("second", "ten.csv", "")).await;
        world.pass(23 * HOUR, HOUR).await;
        assert_eq!(requests_to(&world, 0), 1, "nothing more within the day, told later: {told_later}");
        assert_eq!(requests_to(&world, 1), 2, "the others are not concerned");
        let waits = world.message_to("second", 0).await;
        assert_eq!((waits.state, waits.attempt), (State::Retrying, 0));
        world.until_over("second").await;
        assert_eq!(requests_to(&world, 0), 2);
        assert!(world.message_to("second", 0).await.state.is_delivered());
    }
}
