//! The template's sync gate on the settable clock: fresh templates wait, idle ones are woken by one message,
//! and a template that the platform calls unsynced costs nobody an attempt.

use std::time::Duration;

use campaign::gate::GateRules;
use campaign::lifecycle;
use campaign::message::State;
use chrono::{DateTime, TimeDelta, Utc};
use simulator::{Answer, LastUse, Outcome, Rule, Template};
use store::model::GateEvent;
use testkit::files::WABA_ID;
use testkit::world::template_key;
use testkit::{World, WorldOptions};

const MINUTE: Duration = Duration::from_secs(60);
const STEP: Duration = Duration::from_secs(5);

async fn world_with_a_closed_gate() -> World {
    crate::world(WorldOptions { gate_open: false, ..WorldOptions::default() }).await
}

fn refusals(world: &World) -> usize {
    world.platform.requests().iter().filter(|r| !matches!(r.answer, Answer::Accepted { .. })).count()
}

/// The campaign waits, for this template, until then, and says so to whoever asks.
async fn assert_waits(world: &World, key: &str, until: DateTime<Utc>, why: &str) {
    let row = world.row(key).await;
    assert_eq!(row.state, lifecycle::State::Waiting, "{:?}", row.reason);
    let wanted =
        format!("waits for the template test_offer until {}: {why}", until.format("%Y-%m-%d %H:%M:%S UTC"));
    assert_eq!(row.reason.as_deref(), Some(wanted.as_str()));
    let status = world.status(key).await;
    assert_eq!((&status["state"], &status["reason"]), (&"waiting".into(), &wanted.into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_we_see_for_the_first_time_waits_then_one_message_goes_then_the_bulk() {
    let world = world_with_a_closed_gate().await;
    let fresh = Template::new(WABA_ID, "test_offer", "en").created(world.now()).used(LastUse::Never);
    world.platform.put_template(fresh);
    world.files.people("people.csv", 0, 60);
    world.launch(&world.files.campaign("fresh", "people.csv", "")).await;
    world.step().await;
    let seen = world.store.gate(&template_key("test_offer")).await.unwrap().first_seen_at.unwrap();
    let until = seen + TimeDelta::minutes(10);
    assert_waits(&world, "fresh", until, "it may be new, and Meta may still be syncing it").await;

    world.pass((until - world.now()).to_std().unwrap() - STEP, STEP).await;
    assert_eq!(world.platform.requests().len(), 0, "nothing leaves before the ten minutes are over");

    // Its age is known now to be enough, its last use is not: one message wakes it, in case it was idle.
    world.pass(2 * STEP, STEP).await;
    assert_eq!(world.platform.accepted(), 1);
    let woken = world.store.gate(&template_key("test_offer")).await.unwrap().canary_at.unwrap();
    let until = woken + TimeDelta::minutes(10);
    assert_waits(&world, "fresh", until, "it was idle, and one message was sent to wake it").await;
    world.pass((until - world.now()).to_std().unwrap() - STEP, STEP).await;
    assert_eq!(world.platform.requests().len(), 1);

    world.pass(2 * STEP, STEP).await;
    assert_eq!(world.platform.accepted(), 60);
    assert_eq!(refusals(&world), 0, "the platform never had to refuse");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_we_saw_being_created_waits_once_and_needs_no_waking() {
    let world = world_with_a_closed_gate().await;
    let created = world.now();
    let fresh = Template::new(WABA_ID, "test_offer", "en").created(created).used(LastUse::Never);
    world.platform.put_template(fresh);
    let rules = GateRules::default();
    world.store.gate_event(&template_key("test_offer"), GateEvent::Created, &rules, created).await.unwrap();
    world.files.people("people.csv", 0, 60);
    world.launch(&world.files.campaign("made", "people.csv", "")).await;
    world.step().await;
    let until = created + TimeDelta::minutes(10);
    assert_waits(&world, "made", until, "it was just created, and Meta is still syncing it").await;

    world.pass((until - world.now()).to_std().unwrap() - STEP, STEP).await;
    assert_eq!(world.platform.requests().len(), 0);
    world.pass(2 * STEP, STEP).await;
    assert_eq!(world.platform.accepted(), 60);
    assert_eq!(refusals(&world), 0);
}

/// A template that was seen a month ago and last used eight days ago, by the platform's knowledge and ours.
async fn idle_template(world: &World) {
    let now = world.now();
    let last_used = now - TimeDelta::days(8);
    let template = Template::new(WABA_ID, "test_offer", "en").used(LastUse::At(last_used));
    world.platform.put_template(template);
    let (key, rules) = (template_key("test_offer"), GateRules::default());
    world.store.see_template(&key, now - TimeDelta::days(30)).await.unwrap();
    world.store.gate_event(&key, GateEvent::Accepted, &rules, last_used).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_template_gets_exactly_one_message_of_all_campaigns_then_waits_then_the_bulk() {
    let world = world_with_a_closed_gate().await;
    idle_template(&world).await;
    world.files.people("some.csv", 0, 60);
    world.files.people("others.csv", 1_000, 60);
    world.launch(&world.files.campaign("one", "some.csv", "")).await;
    world.launch(&world.files.campaign("two", "others.csv", "")).await;

    world.step().await;

    assert_eq!(world.platform.requests().len(), 1, "one message, whatever the number of campaigns");
    let woken = world.store.gate(&template_key("test_offer")).await.unwrap().canary_at.unwrap();
    let until = woken + TimeDelta::minutes(10);
    for key in ["one", "two"] {
        assert_waits(&world, key, until, "it was idle, and one message was sent to wake it").await;
    }
    world.pass((until - world.now()).to_std().unwrap() - STEP, STEP).await;
    assert_eq!(world.platform.requests().len(), 1);
    world.pass(2 * STEP, STEP).await;
    assert_eq!(refusals(&world), 0, "the platform never had to refuse");
    assert_eq!(world.platform.accepted(), 120);
    for key in ["one", "two"] {
        assert_eq!(world.until_over(key).await.state, lifecycle::State::Done);
    }
}

/// A template that is approved while Paceline runs waits from then on, although nobody looks at it until it is launched;
/// and it needs no waking.
#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_is_approved_while_we_run_waits_from_then_on() {
    let world = crate::world(WorldOptions { gate_open: false, ..WorldOptions::default() }).await;
    let fresh = Template::new(WABA_ID, "test_offer", "en").created(world.now()).used(LastUse::Never);
    world.platform.put_template(fresh);
    world.platform.pump().await;
    world.pass(Duration::from_secs(480), Duration::from_secs(60)).await;
    world.files.people("people.csv", 0, 40);
    world.launch(&world.files.campaign("soon", "people.csv", "")).await;
    world.step().await;
    assert_eq!(world.platform.requests().len(), 0, "eight minutes are too early");
    world.pass(Duration::from_secs(180), Duration::from_secs(30)).await;
    assert_eq!(world.platform.accepted(), 40, "eleven minutes are enough, for all at once");
    assert_eq!(world.platform.requests().len(), 40, "none was too early");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_134101_closes_the_gate_and_uses_up_no_attempt() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 200);
    let file = world.files.campaign("early", "people.csv", "retry: { attempts: 1 }");
    world.launch(&file).await;
    world.until_taken(40).await;
    world.platform.script(Rule::next(1, refused(134_101)));

    world.step().await;

    let taken = world.platform.accepted();
    assert!(taken < 200, "the gate holds the rest back");
    let waiting: Vec<_> =
        world.messages("early").await.into_iter().filter(|m| m.state == State::Retrying).collect();
    assert_eq!(waiting.len(), 1);
    assert_eq!((waiting[0].attempt, waiting[0].failure.as_ref().unwrap().code), (1, Some(134_101)));
    let until = world.store.gate(&template_key("test_offer")).await.unwrap().closed_until.unwrap();
    assert_waits(&world, "early", until, "Meta says that it is not synced yet").await;
    world.pass((until - world.now()).to_std().unwrap() - STEP, STEP).await;
    assert_eq!(world.platform.accepted(), taken, "nobody is tried while the gate is closed");

    // Its only attempt was not used up: it is sent when the gate opens.
    let row = world.until_over("early").await;
    assert_eq!((row.state, row.count(State::Failed)), (lifecycle::State::Done, 0));
    assert_eq!(world.platform.accepted(), 200);
    let again = world.messages("early").await.into_iter().find(|m| m.seq == waiting[0].seq).unwrap();
    assert_eq!(again.attempt, 2);
    assert!(again.state.is_delivered(), "{}", again.state);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_131009_on_an_idle_template_means_the_same() {
    let world = world_with_a_closed_gate().await;
    idle_template(&world).await;
    world.files.people("people.csv", 0, 60);
    world.launch(&world.files.campaign("older", "people.csv", "retry: { attempts: 1 }")).await;
    world.platform.script(Rule::next(1, refused(131_009)));

    world.step().await;

    assert_eq!((world.platform.requests().len(), world.platform.accepted()), (1, 0));
    let until = world.store.gate(&template_key("test_offer")).await.unwrap().closed_until.unwrap();
    assert_waits(&world, "older", until, "Meta says that it is not synced yet").await;
    // It is idle still, so one message wakes it, and after another wait the bulk goes.
    world.pass(11 * MINUTE, STEP).await;
    assert_eq!(world.platform.accepted(), 1);
    world.pass(10 * MINUTE, STEP).await;
    let row = world.until_over("older").await;
    assert_eq!((row.count(State::Failed), world.platform.accepted()), (0, 60));
}

fn refused(code: u32) -> Outcome {
    Outcome::Error { code, http: None, details: None, headers: Default::default() }
}
