//! More people than a portfolio may write to in a day: told once, on the embedded parts, as it is long. What of it depends
//! on the database is in `limits`, and in the conformance suite.

use std::time::Duration;

use campaign::message::State;
use chrono::{DateTime, TimeDelta, Utc};
use simulator::Profile;
use testkit::WorldOptions;

use crate::limits::{most_people_in_a_day, refusals};

#[tokio::test(flavor = "multi_thread")]
async fn fifty_thousand_people_at_ten_thousand_a_day() {
    // No statuses: they would tell nothing of this, and take most of the time.
    let profile = Profile { missing: 1.0, ..Profile::none() };
    let options = WorldOptions {
        rate: "400/s",
        concurrency: 64,
        daily_reach: 10_000,
        profile,
        ..WorldOptions::default()
    };
    let world = crate::world(options).await;
    world.files.people("people.csv", 0, 50_000);
    let file = world.files.campaign("many", "people.csv", "");
    let plan = world.cli(&["plan", file.to_str().unwrap(), "--json"]).await.good().json();
    let foretold: DateTime<Utc> = plan["finishes_at"].as_str().unwrap().parse().unwrap();
    assert!(foretold > world.now() + TimeDelta::days(4), "{foretold}");

    world.launch(&file).await;
    let mut said = None;
    let all_sent =
        |row: &store::model::CampaignRow| row.count(State::Queued) + row.count(State::Sending) == 0;
    let row = loop {
        world.step().await;
        let row = world.row("many").await;
        if all_sent(&row) {
            break row;
        }
        said = said.or(row.reason.clone());
        assert!(world.now() < foretold + TimeDelta::days(1), "{:?} {:?}", row.reason, row.counts);
        world.clock.advance(Duration::from_secs(300));
    };

    assert_eq!(most_people_in_a_day(&world), 10_000, "all of the limit, and no more");
    assert_eq!((world.platform.accepted(), refusals(&world)), (50_000, 0));
    let late = (row.last_sent_at.unwrap() - foretold).abs();
    assert!(
        late < TimeDelta::minutes(30),
        "the plan foretold {foretold}, and the last left {late} from then"
    );
    let said = said.unwrap();
    assert!(
        said.starts_with("waits for the messaging limit of the portfolio")
            && said.contains("10000 people were written to in 24 hours, and 10000 is all; it goes on at "),
        "{said}"
    );
    world.verified("many").await;
}
