//! What the platform counted itself, pulled into a campaign's report.

use std::time::Duration;

use campaign::message::State;
use testkit::WorldOptions;

#[tokio::test(flavor = "multi_thread")]
async fn what_the_platform_counted_is_in_the_report() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 200);
    world.launch(&world.files.campaign("counted", "people.csv", "")).await;
    let pull = ["analytics", "pull", "counted"];
    let refused = world.cli(&pull).await;
    assert_eq!(refused.code, 3);
    assert!(refused.err.contains("nothing of campaign counted was sent yet"), "{}", refused.err);
    world.pass(Duration::from_secs(60), Duration::from_secs(10)).await;

    // The platform counts nothing before it is asked to, once and for all.
    let refused = world.cli(&pull).await;
    assert_eq!(refused.code, 3);
    assert!(refused.err.contains("`paceline analytics pull counted --enable`"), "{}", refused.err);
    let report = world.cli(&["report", "counted", "--format", "json"]).await.good().json();
    assert_eq!(report["platform"], serde_json::Value::Null);

    let pulled = world.cli(&["analytics", "pull", "counted", "--enable", "--json"]).await.good().json();
    let row = world.row("counted").await;
    let read = row.count(State::Read);
    let delivered = read + row.count(State::Delivered);
    assert!(read > 0 && delivered == 200, "{:?}", row.counts);
    let template = &pulled["templates"][0];
    assert_eq!((&template["sent"], &template["delivered"]), (&200.into(), &delivered.into()));
    assert_eq!(template["read"], read);
    assert_eq!(pulled["charges"][0]["category"], "MARKETING_LITE");
    assert_eq!(
        (&pulled["charges"][0]["country"], &pulled["charges"][0]["messages"]),
        (&"IN".into(), &200.into())
    );

    let report = world.cli(&["report", "counted", "--format", "json"]).await.good().json();
    assert_eq!(report["platform"]["templates"], pulled["templates"]);
    // What the platform charged is what the report has from its webhooks.
    assert_eq!(pulled["charges"][0]["cost"], template["spent"]);
    let text = world.cli(&["report", "counted"]).await.good().out;
    assert!(text.contains("What the platform counted of the campaign's templates from "), "{text}");
    assert!(text.contains("test_offer (en)"), "{text}");
}
