//! Who asks us to stop is not written to any more, by this campaign or the next; who wants to be again, is.

use campaign::lifecycle;
use campaign::message::State;
use simulator::{Change, Outcome, Rule};
use testkit::files::{PHONE_NUMBER_ID, person};
use testkit::{World, WorldOptions};

fn sends_to(world: &World, i: u32) -> usize {
    let digits = person(i)[1..].to_owned();
    world
        .platform
        .requests()
        .iter()
        .filter(|r| r.recipient.as_deref().unwrap().trim_start_matches('+') == digits)
        .count()
}

/// Launches a campaign over the same ten people, and says how many of them it plans to write to.
async fn launch_to_ten(world: &World, key: &str) -> u64 {
    world.files.people("ten.csv", 0, 10);
    world.launch(&world.files.campaign(key, "ten.csv", "")).await;
    world.verified(key).await.totals.messages
}

fn says(i: u32, text: &str) -> Change {
    Change::Inbound { phone_number_id: PHONE_NUMBER_ID.into(), recipient: person(i), text: text.into() }
}

fn preference(i: u32, resume: bool) -> Change {
    Change::Preference { phone_number_id: PHONE_NUMBER_ID.into(), recipient: person(i), resume }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_writes_stop_is_not_written_to_again() {
    let world = crate::world(WorldOptions::default()).await;
    assert_eq!(launch_to_ten(&world, "first").await, 10);
    world.until_over("first").await;

    world.platform.change(says(0, " Stop. ")).unwrap();
    world.platform.change(says(1, "UNSUBSCRIBE")).unwrap();
    world.platform.change(says(2, "Please don't stop, I love these!")).unwrap();
    world.step().await;

    assert_eq!(launch_to_ten(&world, "second").await, 8);
    world.until_over("second").await;
    assert_eq!((sends_to(&world, 0), sends_to(&world, 1)), (1, 1));
    assert_eq!(sends_to(&world, 2), 2, "a sentence with the word in it is no request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preference_takes_hold_and_resuming_lets_again() {
    let world = crate::world(WorldOptions::default()).await;
    world.platform.change(preference(3, false)).unwrap();
    world.step().await;
    assert_eq!(launch_to_ten(&world, "first").await, 9);
    world.until_over("first").await;
    assert_eq!(sends_to(&world, 3), 0);

    world.platform.change(preference(3, true)).unwrap();
    world.step().await;
    assert_eq!(launch_to_ten(&world, "second").await, 10);
    let row = world.until_over("second").await;
    assert_eq!(row.state, lifecycle::State::Done);
    assert_eq!(sends_to(&world, 3), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_stops_while_a_campaign_runs_is_skipped_by_it() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 300);
    world.launch(&world.files.campaign("running", "people.csv", "")).await;
    world.until_taken(60).await;
    world.platform.change(says(290, "STOP")).unwrap();
    world.platform.change(preference(291, false)).unwrap();
    world.platform.pump().await;

    let row = world.until_over("running").await;

    assert_eq!(row.count(State::Skipped), 2);
    assert_eq!((sends_to(&world, 290), sends_to(&world, 291)), (0, 0));
    assert_eq!(world.platform.accepted(), 298);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_taps_an_opt_out_button_is_not_written_to_again() {
    let world = crate::world(WorldOptions::default()).await;
    world.platform.script(Rule::to(person(0), Outcome::Deliver));
    assert_eq!(launch_to_ten(&world, "first").await, 10);
    world.until_over("first").await;
    let entry = world.platform.ledger().into_iter().find(|e| e.recipient.ends_with(&person(0)[1..])).unwrap();
    world
        .platform
        .change(Change::ButtonTap {
            phone_number_id: PHONE_NUMBER_ID.into(),
            recipient: person(0),
            wamid: entry.wamid,
            text: "Stop".into(),
            payload: "stop".into(),
        })
        .unwrap();
    world.step().await;
    assert_eq!(launch_to_ten(&world, "second").await, 9);
}
