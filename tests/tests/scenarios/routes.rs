//! Which API carries a message: the Marketing Messages API, or the Cloud API in its place where that is allowed.

use campaign::message::State;
use simulator::{Account, Change};
use testkit::{World, WorldOptions};

fn onboarding(world: &World, status: &str) {
    let account = Account { onboarding_status: status.to_owned(), ..Account::default() };
    world.platform.change(Change::Account(account)).unwrap();
}

async fn launched(world: &World, key: &str, delivery: &str) {
    world.files.people("ten.csv", 0, 10);
    world.launch(&world.files.campaign(key, "ten.csv", &format!("delivery: {delivery}"))).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_message_remembers_the_api_that_carried_it() {
    let world = crate::world(WorldOptions::default()).await;
    launched(&world, "lite", "{ product_policy: strict, activity_sharing: false }").await;
    world.until_over("lite").await;
    launched(&world, "fallback", "{ product_policy: cloud_api_fallback, activity_sharing: true }").await;
    onboarding(&world, "ELIGIBLE");
    world.until_over("fallback").await;

    for (key, route, policy, sharing, in_words) in [
        ("lite", "marketing_lite", "STRICT", false, "10 by the Marketing Messages API (marketing_lite)"),
        ("fallback", "marketing", "CLOUD_API_FALLBACK", true, "10 by the Cloud API (marketing)"),
    ] {
        assert!(
            world.messages(key).await.iter().all(|message| message.route.as_deref() == Some(route)),
            "{key}"
        );
        let report = world.cli(&["report", key, "--format", "json"]).await.good().json();
        assert_eq!(report["routes"], serde_json::json!([{ "route": route, "messages": 10 }]));
        let text = world.cli(&["report", key]).await.good().out;
        assert!(text.contains(in_words), "{text}");
        let ledger = world.platform.ledger();
        let sent = if key == "lite" { &ledger[..10] } else { &ledger[10..] };
        assert!(sent.iter().all(|entry| {
            entry.body["product_policy"] == policy && entry.body["message_activity_sharing"] == sharing
        }));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strict_never_falls_back() {
    let world = crate::world(WorldOptions::default()).await;
    launched(&world, "strict", "{ product_policy: strict }").await;
    onboarding(&world, "ELIGIBLE");
    world.step().await;
    assert_eq!(world.platform.accepted(), 0);
    let row = world.row("strict").await;
    assert_eq!(row.count(State::Retrying) + row.count(State::Queued), 10, "{:?}", row.counts);
    assert!(row.reason.unwrap().contains("`paceline resume`"));
    // Once the terms are signed.
    onboarding(&world, "ONBOARDED");
    let _ = world.cli(&["resume", "strict"]).await.good();
    world.until_over("strict").await;
    assert_eq!(world.platform.accepted(), 10);
}
