//! Launching: all or nothing, once per key, and exactly what was planned.

use std::process::Stdio;
use std::time::Duration;

use campaign::lifecycle;
use chrono::TimeDelta;
use store::model::NewCampaign;
use testkit::files::person;
use testkit::{World, WorldOptions};

pub(crate) async fn plan_hash(world: &World, file: &str) -> String {
    let plan = world.cli(&["plan", file, "--json"]).await.good().json();
    plan["plan_hash"].as_str().expect("a plan has a hash").to_owned()
}

pub(crate) async fn assert_nothing_stored(world: &World, key: &str) {
    assert!(world.store.campaign(key).await.unwrap().is_none(), "{key} was stored");
    assert_eq!(world.platform.requests().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_is_launched_once() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 30);
    let file = world.files.campaign("once", "people.csv", "");
    world.launch(&file).await;
    let row = world.until_over("once").await;

    // Other people under the same key, so that a repetition could not hide behind the duplicates.
    world.files.people("people.csv", 500, 90);
    let again = world.cli(&["launch", "once.yaml"]).await;

    assert_eq!(again.code, 3, "{}", again.err);
    assert!(again.err.contains("once was launched before and is done"), "{}", again.err);
    let after = world.verified("once").await;
    assert_eq!((after.id, after.totals, after.counts), (row.id, row.totals, row.counts));
    world.step().await;
    assert_eq!(world.platform.requests().len(), 30, "nobody is written to again");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audience_that_changed_since_the_plan_is_not_launched_by_it() {
    let world = crate::world(WorldOptions::default()).await;
    let people = world.files.people("people.csv", 0, 30);
    world.files.campaign("planned", "people.csv", "");
    let hash = plan_hash(&world, "planned.yaml").await;
    let as_planned = std::fs::read_to_string(&people).unwrap();
    std::fs::write(&people, format!("{as_planned}{},Late\n", person(99))).unwrap();

    let refused = world.cli(&["launch", "planned.yaml", "--plan", &hash]).await;

    assert_eq!(refused.code, 3, "{}", refused.err);
    assert!(refused.err.contains(&hash), "{}", refused.err);
    assert_nothing_stored(&world, "planned").await;

    // As it was planned, it is launched by its plan, and the refusal has not taken the key.
    std::fs::write(&people, as_planned).unwrap();
    let _ = world.cli(&["launch", "planned.yaml", "--plan", &hash]).await.good();
    assert_eq!(world.row("planned").await.totals.messages, 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_file_that_changed_since_the_plan_is_not_launched_by_it() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 30);
    world.files.campaign("planned", "people.csv", "");
    let hash = plan_hash(&world, "planned.yaml").await;
    world.files.campaign("planned", "people.csv", "pace: { rate: 1/s }");

    let refused = world.cli(&["launch", "planned.yaml", "--plan", &hash]).await;

    assert_eq!(refused.code, 3, "{}", refused.err);
    assert_nothing_stored(&world, "planned").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn more_bad_rows_than_allowed_refuse_the_launch_as_bad_input() {
    let world = crate::world(WorldOptions::default()).await;
    let people = world.files.people("people.csv", 0, 94);
    let mut text = std::fs::read_to_string(&people).unwrap();
    for i in 0..6 {
        text.push_str(&format!("12{i},Nobody\n"));
    }
    std::fs::write(&people, text).unwrap();
    world.files.campaign("dirty", "people.csv", "");

    let refused = world.cli(&["launch", "dirty.yaml"]).await;

    assert_eq!(refused.code, 2, "{}", refused.err);
    assert!(refused.err.contains("people.csv:96"), "the first bad row is named: {}", refused.err);
    assert_nothing_stored(&world, "dirty").await;

    // Whoever accepts so many bad rows says so, and gets the good ones.
    let file = world.files.campaign("dirty", "people.csv", "");
    let yaml = std::fs::read_to_string(&file)
        .unwrap()
        .replace("file: people.csv,", "file: people.csv, max_invalid: 6%,");
    std::fs::write(&file, yaml).unwrap();
    world.launch(&file).await;
    let row = world.verified("dirty").await;
    assert_eq!((row.totals.planned, row.totals.excluded, row.totals.messages), (100, 6, 94));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_launch_killed_half_way_never_runs_and_can_be_launched_again() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 60_000);
    let file = world.files.campaign("big", "people.csv", "");
    let mut launch = world
        .files
        .command(&["launch", "big.yaml"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    let loading = loop {
        if let Some(row) = world.store.campaign("big").await.unwrap()
            && !world.store.messages(row.id, None, 1).await.unwrap().is_empty()
        {
            break row;
        }
        assert!(launch.try_wait().unwrap().is_none(), "the launch ended before it could be killed");
        tokio::task::yield_now().await;
    };
    launch.kill().expect("SIGKILL");
    launch.wait().unwrap();
    assert_eq!(world.row("big").await.state, lifecycle::State::Loading, "killed half-way");

    // It never runs, is not shown, and holds its key only as long as it might still be alive.
    world.step().await;
    assert_eq!(world.platform.requests().len(), 0);
    assert_eq!(world.cli(&["status", "--json"]).await.good().json(), serde_json::json!([]));
    let too_soon = world.cli(&["launch", "big.yaml"]).await;
    assert_eq!(too_soon.code, 3, "{}", too_soon.err);

    // The command line lives in real time. A minute later, as it would ask then: the dead launch gives way.
    let again = NewCampaign {
        key: "big".to_owned(),
        definition: loading.definition.clone(),
        file: loading.file.clone(),
        plan_hash: String::new(),
        budget: None,
        currency: loading.currency,
        ttl_s: 43_200,
        follow_up_of: None,
    };
    let later = world.now().max(loading.launched_at) + TimeDelta::seconds(120);
    let id = world.store.begin_launch(again, Duration::from_secs(60), later).await.unwrap();
    assert_ne!(id, loading.id);
    world.store.abandon_launch(id).await.unwrap();

    world.launch(&file).await;
    let row = world.verified("big").await;
    assert_eq!(row.state, lifecycle::State::Waiting);
    assert_eq!((row.totals.planned, row.totals.messages), (60_000, 60_000));
}
