//! What only 360dialog does: refusals of its own, without a code, and webhooks that nobody signs.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::lifecycle;
use campaign::message::State;
use simulator::{Change, KeyedWebhook, Outcome, Rule, Standing};
use testkit::files::{PHONE_NUMBER_ID, SECOND, SHARED_SECRET_HEADER};
use testkit::{World, WorldOptions};

fn standing(standing: Standing) -> Change {
    Change::NumberStanding { phone_number_id: PHONE_NUMBER_ID.to_owned(), standing }
}

/// In the middle of 300 people, 360dialog refuses the number for a reason of its own: nobody is lost, what it touches
/// waits with its reason, and goes on when it is resumed.
#[tokio::test(flavor = "multi_thread")]
async fn its_own_refusals_stop_the_sender_or_the_account_and_lose_nobody() {
    for (refused, on, says) in [
        (Standing::KeyRevoked, "the sender jaspers-in", "Key or token refused"),
        (Standing::Disabled, "the sender jaspers-in", "Number switched off"),
        (Standing::Unpaid, "the account 102290129340398", "Invoices overdue"),
        (Standing::Blocked, "the account 102290129340398", "Access blocked"),
    ] {
        let world = crate::world(WorldOptions::default()).await;
        world.files.people("people.csv", 0, 300);
        let file = world.files.campaign("touched", "people.csv", "retry: { attempts: 1 }");
        world.launch(&file).await;
        world.until_taken(60).await;
        world.platform.change(standing(refused)).unwrap();
        world.pass(Duration::from_secs(1_200), Duration::from_secs(300)).await;
        let row = world.row("touched").await;
        let reason = row.reason.clone().unwrap_or_default();
        assert_eq!(row.state, lifecycle::State::Waiting, "{refused:?}: {reason}");
        assert!(reason.starts_with(&format!("waits for {on} since ")), "{refused:?}: {reason}");
        assert!(reason.contains(&format!("{says}: ")), "{refused:?}: {reason}");
        assert_eq!(row.count(State::Failed) + row.count(State::InDoubt), 0, "{refused:?}: {row:?}");

        world.platform.change(standing(Standing::Good)).unwrap();
        let _ = world.cli(&["resume", "touched"]).await.good();
        world.catch_up();
        let row = world.until_over("touched").await;
        assert_eq!(row.count(State::Delivered) + row.count(State::Read), 300, "{refused:?}: {row:?}");
    }
}

/// A limit of its own slows the sender down, with HTTP 429 and without a code; nothing is lost.
#[tokio::test(flavor = "multi_thread")]
async fn its_own_limit_slows_the_sender_down() {
    let world = crate::world(WorldOptions::default()).await;
    world.platform.script(Rule::next(5, Outcome::ErrorBefore { http: 429 }));
    world.files.people("people.csv", 0, 60);
    world.launch(&world.files.campaign("slow", "people.csv", "retry: { attempts: 1 }")).await;
    let row = world.until_over("slow").await;
    assert_eq!(row.count(State::Delivered) + row.count(State::Read), 60, "{row:?}");
    assert_eq!(world.platform.requests().len(), 65);
}

/// Only webhooks with the shared secret are taken; what was refused comes again, and is taken then.
#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_without_the_shared_secret_is_refused() {
    let world = crate::world(WorldOptions::default()).await;
    let right = webhook_of(&world).await;
    let forged = BTreeMap::from([(SHARED_SECRET_HEADER.to_owned(), "a guess".to_owned())]);
    for headers in [BTreeMap::new(), forged] {
        world.platform.set_keyed_webhook(&KeyedWebhook { headers, ..right.clone() });
        world.platform.change(opt_out(0)).unwrap();
        assert_eq!(world.platform.pump().await, 0);
        assert!(suppressed(&world, 0).await.is_empty());
    }
    world.platform.set_keyed_webhook(&right);
    assert_eq!(world.platform.pump().await, 2);
    assert_eq!(suppressed(&world, 0).await.len(), 1);
}

/// Where a number's webhooks go, as 360dialog tells whoever has its key.
async fn webhook_of(world: &World) -> KeyedWebhook {
    let url = format!("{}/v1/configs/webhook", world.platform.dialog360_url());
    let request = reqwest::Client::new().get(url).header("D360-API-KEY", testkit::files::TOKEN.1);
    request.send().await.unwrap().json().await.unwrap()
}

fn opt_out(i: u32) -> Change {
    Change::Preference {
        phone_number_id: PHONE_NUMBER_ID.to_owned(),
        recipient: testkit::files::person(i),
        resume: false,
    }
}

async fn suppressed(world: &World, i: u32) -> Vec<String> {
    world.store.suppressed(&[testkit::files::person(i)[1..].to_owned()]).await.unwrap()
}

/// Each number has a key of its own: one that is refused says nothing of the other.
#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_key_stops_its_number_alone() {
    let world = crate::world(WorldOptions { second: true, ..WorldOptions::default() }).await;
    world.files.people("both.csv", 0, 90);
    let file = world.files.campaign_on(&format!("[jaspers-in, {}]", SECOND.0), "both", "both.csv", "");
    world.platform.change(standing(Standing::KeyRevoked)).unwrap();
    world.launch(&file).await;
    world.pass(Duration::from_secs(60), Duration::from_secs(10)).await;
    let row = world.row("both").await;
    for message in world.messages("both").await {
        let group = row.groups.iter().find(|group| group.number == message.group).unwrap();
        let waits = matches!(message.state, State::Queued | State::Retrying);
        assert_eq!(waits, group.sender == "jaspers-in", "{} on {}", message.state, group.sender);
    }
}

/// What the command line says where 360dialog has nothing to tell.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_says_what_360dialog_does_not_tell() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 3);
    world.files.campaign("plain", "people.csv", "");
    let checked = world.cli(&["check", "plain.yaml"]).await.good();
    insta::assert_snapshot!(checked.out, @"
    plain.yaml: good. 3 rows, 3 messages, 0 left out.
    warning: sender jaspers-in: 360dialog does not tell of templates and numbers, so they are not checked, and a time to live of 30 days is assumed (delivery.ttl says another); look in its hub
    ");
    let mut said = String::new();
    for args in [
        &["templates", "list"][..],
        &["templates", "show", "test_offer"],
        &["senders"],
        &["onboarding", "status"],
        &["reach"],
    ] {
        let mut command = world.files.command(args);
        command.env("COLUMNS", "100");
        let answer = testkit::Answer::of(command.output().unwrap());
        said.push_str(&format!("$ {} ({})\n{}{}\n", args.join(" "), answer.code, answer.out, answer.err));
    }
    insta::assert_snapshot!(said);
    let doctor = world.cli(&["doctor", "--json"]).await.json();
    let of_webhooks: Vec<_> = doctor["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|finding| finding["what"].as_str().unwrap().starts_with("webhook s"))
        .collect();
    assert_eq!(of_webhooks.len(), 1, "no app secret is asked for: {of_webhooks:?}");
    assert_eq!(of_webhooks[0]["verdict"], "good");
}
