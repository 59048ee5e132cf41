//! What came by webhook and was archived brings a database to where it would be, had it not missed them.

use std::time::Duration;

use campaign::message::State;
use simulator::{Change, Profile, Template, TemplateStatus};
use testkit::files::{PHONE_NUMBER_ID, WABA_ID, person};
use testkit::truth::{differences, sent_twice};
use testkit::{World, WorldOptions};

const HOUR: Duration = Duration::from_secs(3_600);

/// Webhooks come twice, late and in the wrong order; answers come.
fn unruly() -> Profile {
    Profile {
        reachable: 0.93,
        not_on_whatsapp: 0.05,
        duplicate: 0.3,
        late: 0.25,
        reordered: 0.3,
        missing: 0.1,
        ..Profile::none()
    }
}

fn says(i: u32, text: &str) -> Change {
    Change::Inbound { phone_number_id: PHONE_NUMBER_ID.into(), recipient: person(i), text: text.into() }
}

fn preference(i: u32, resume: bool) -> Change {
    Change::Preference { phone_number_id: PHONE_NUMBER_ID.into(), recipient: person(i), resume }
}

/// Of these people, who is on the do-not-send list.
async fn suppressed(world: &World, people: impl IntoIterator<Item = u32>) -> Vec<u32> {
    let people: Vec<u32> = people.into_iter().collect();
    let digits = |i: &u32| person(*i)[1..].to_owned();
    let addresses: Vec<String> = people.iter().map(digits).collect();
    let on_it = world.store.suppressed(&addresses).await.unwrap();
    people.into_iter().filter(|i| on_it.contains(&digits(i))).collect()
}

async fn replay(world: &World, folder: &str) -> serde_json::Value {
    world.cli(&["replay", folder, "--json"]).await.good().json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_missed_every_webhook_knows_all_after_a_replay() {
    let template = Template::new(WABA_ID, "test_offer", "en").with_ttl_seconds(12 * 3_600);
    let options = WorldOptions { profile: unruly(), templates: vec![template], ..WorldOptions::default() };
    let world = crate::world(options).await;
    let folder = world.files.join("webhooks");
    world.divert_webhooks(folder.clone()).await;
    world.files.people("people.csv", 0, 300);
    world.launch(&world.files.campaign("missed", "people.csv", "")).await;
    world.until_taken(280).await;
    world.platform.set_template_status("test_offer", TemplateStatus::Paused).unwrap();
    for change in [says(900, "STOP"), preference(901, false), preference(902, false), says(903, "stop")] {
        world.platform.change(change).unwrap();
    }
    world.pass(HOUR, Duration::from_secs(60)).await;
    world.platform.set_template_status("test_offer", TemplateStatus::Approved).unwrap();
    world.platform.change(preference(902, true)).unwrap();
    world.pass(4 * HOUR, Duration::from_secs(600)).await;
    let row = world.row("missed").await;
    let told = [State::Sent, State::Delivered, State::Read];
    assert!(told.iter().all(|state| row.count(*state) == 0), "{:?}", row.counts);
    assert!(suppressed(&world, 900..904).await.is_empty());

    let answer = replay(&world, folder.to_str().unwrap()).await;

    let applied = answer["applied"].as_u64().unwrap();
    assert!(applied > 400, "{answer}");
    assert!(answer["unchanged"].as_u64().unwrap() > 50, "{answer}");
    assert_eq!(
        (&answer["torn"], &answer["parked"], &answer["unsent"]),
        (&0.into(), &0.into(), &vec![0; 0].into())
    );
    assert_eq!(suppressed(&world, 900..904).await, [900, 901, 903], "who resumed is ended resumed");
    assert!(world.store.brakes(world.now()).await.unwrap().is_empty(), "what was lifted is lifted");

    // Once more: it is all known. What an operator decided meanwhile stays.
    let decided =
        [store::model::Suppression { address: person(902)[1..].to_owned(), source: "operator".into() }];
    world.store.suppress(&decided, world.now()).await.unwrap();
    let messages = world.messages("missed").await;
    let again = replay(&world, folder.to_str().unwrap()).await;
    assert_eq!(again["applied"], 0);
    assert_eq!(again["posts"], answer["posts"]);
    assert_eq!(world.messages("missed").await, messages);
    assert_eq!(suppressed(&world, [902]).await, [902]);

    world.until_over("missed").await;
    let ledger = world.platform.ledger();
    assert_eq!(differences(&ledger, &world.messages("missed").await), Vec::<String>::new());
    assert_eq!(sent_twice(&ledger), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_that_cannot_be_archived_is_applied_and_asked_for_again() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("webhooks");
    let world = crate::world(WorldOptions { archive: Some(folder.clone()), ..WorldOptions::default() }).await;
    std::fs::remove_dir(&folder).unwrap();
    world.platform.change(says(0, "STOP")).unwrap();
    world.platform.pump().await;
    assert_eq!(suppressed(&world, [0]).await, [0]);
    assert_eq!(world.platform.pending_webhooks(), 1, "it was not answered with 200");

    std::fs::create_dir(&folder).unwrap();
    world.pass(Duration::from_secs(10), Duration::from_secs(1)).await;
    assert_eq!(world.platform.pending_webhooks(), 0);
    let answer = replay(&world, folder.to_str().unwrap()).await;
    assert_eq!(answer["posts"], 1);
    assert_eq!(suppressed(&world, [0]).await, [0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_archive_is_said() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.write("notes.txt", "mine");
    let refused = |args: &'static [&'static str]| {
        let world = &world;
        async move {
            let answer = world.cli(args).await;
            assert_eq!(answer.code, 2, "{}{}", answer.out, answer.err);
            answer.err
        }
    };
    let said = refused(&["replay"]).await;
    assert!(said.contains("webhook.archive names no folder"), "{said}");
    let said = refused(&["replay", "notes.txt"]).await;
    assert!(said.contains("is not named as a segment"), "{said}");
    let said = refused(&["replay", "."]).await;
    assert!(said.contains("has no segment"), "{said}");
    let said = refused(&["replay", "webhooks-20261122T14Z-a-0.zst"]).await;
    assert!(said.contains("is not there"), "{said}");
    let said = refused(&["replay", "--from", "yesterday"]).await;
    assert!(said.contains("2026-11-22T14:00:00Z"), "{said}");
    let said = refused(&["replay", "--from", "2026-11-22", "--to", "2026-11-21"]).await;
    assert!(said.contains("is not before"), "{said}");
}
