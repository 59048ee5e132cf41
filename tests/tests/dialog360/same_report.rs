//! The same campaign through Meta and through 360dialog: who got it, who did not and why, and what it cost are the same.

use std::collections::{BTreeMap, BTreeSet};

use campaign::message::State;
use serde_json::{Value, json};
use simulator::{Change, Fate, Outcome, Profile, Rule, Template};
use testkit::files::{PHONE_NUMBER_ID, WABA_ID, person};
use testkit::{Provider, World, WorldOptions};

/// What may differ in the JSON report, and all that may: when things happened, where the campaign file is, and the plan's
/// hash, which is also over the template as Meta's account tells it.
const TIMES_AND_IDS: [&str; 6] = ["times", "timeline", "hours", "hours_of_day", "file", "plan_hash"];
/// The columns of the CSV report that may differ, and all that may.
const TIME_COLUMNS: [&str; 5] = ["claimed_at", "accepted_at", "sent_at", "delivered_at", "read_at"];

/// Every fate there is, each for some people.
async fn campaign_of_mixed_fates(provider: Provider) -> World {
    let profile = Profile { reachable: 0.9, not_on_whatsapp: 0.05, per_user_limit: 0.05, ..Profile::none() };
    let template = Template::new(WABA_ID, "test_offer", "en").with_ttl_seconds(43_200);
    let options =
        WorldOptions { profile, provider, templates: vec![template], seed: 7, ..WorldOptions::default() };
    let world = World::start(options).await;
    let refused = |code| Outcome::Error { code, http: None, details: None, headers: BTreeMap::new() };
    let rules = [
        Rule::to(person(0), refused(131_026)),
        Rule::to(person(1), refused(131_050)),
        Rule::to(person(2), Outcome::FailLater { code: 131_050 }),
        Rule::to(person(3), refused(130_429)).times(1),
        Rule::to(person(4), refused(133_004)).times(2),
        Rule::to(person(5), refused(133_004)),
        Rule::to(person(6), Outcome::FailLater { code: 131_049 }).times(1),
        Rule::to(person(7), Outcome::ErrorBefore { http: 502 }),
        Rule::to(person(8), Outcome::ErrorAfter { http: 502 }),
        Rule::to(person(9), Outcome::Held { seconds: 600, dropped: true }),
        Rule::to(person(10), refused(999_998)),
        Rule::to(person(11), Outcome::Offline { seconds: 30 * 86_400 }),
    ];
    rules.into_iter().for_each(|rule| world.platform.script(rule));
    world.files.people("people.csv", 0, 200);
    let more = "delivery: { ttl: 12h }\nin_doubt: drop\nretry: { attempts: 3 }";
    world.launch(&world.files.campaign("mixed", "people.csv", more)).await;
    // Somebody says no before the turn comes.
    world
        .platform
        .change(Change::Preference {
            phone_number_id: PHONE_NUMBER_ID.to_owned(),
            recipient: person(150),
            resume: false,
        })
        .unwrap();
    world.platform.pump().await;
    world.until_over("mixed").await;
    world
}

async fn report(world: &World, format: &str) -> String {
    let file = world.files.join(&format!("report.{format}"));
    let _ = world.cli(&["report", "mixed", "--format", format, "-o", file.to_str().unwrap()]).await.good();
    std::fs::read_to_string(file).unwrap()
}

/// The report without what may differ.
fn without_times_and_ids(report: &str) -> Value {
    let mut report: Value = serde_json::from_str(report).unwrap();
    let fields = report.as_object_mut().unwrap();
    for key in TIMES_AND_IDS {
        assert!(fields.remove(key).is_some(), "{key} is there");
    }
    report
}

/// Each line without the columns that may differ.
fn without_time_columns(report: &str) -> Vec<Vec<String>> {
    let cut = |line: &str| line.split(',').map(str::to_owned).collect::<Vec<_>>();
    let mut lines = report.lines();
    let header = cut(lines.next().unwrap());
    let kept: Vec<usize> =
        (0..header.len()).filter(|i| !TIME_COLUMNS.contains(&header[*i].as_str())).collect();
    assert_eq!(kept.len(), header.len() - TIME_COLUMNS.len(), "{header:?}");
    // Reasons have commas in quotes: what stands between quotes counts as one.
    let fields = |line: &str| {
        let mut fields = vec![String::new()];
        let mut quoted = false;
        for c in line.chars() {
            match c {
                '"' => quoted = !quoted,
                ',' if !quoted => fields.push(String::new()),
                c => fields.last_mut().unwrap().push(c),
            }
        }
        fields
    };
    lines
        .map(|line| {
            let all = fields(line);
            kept.iter().map(|i| all[*i].clone()).collect()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_campaign_through_both_providers_ends_in_the_same_report() {
    let meta = campaign_of_mixed_fates(Provider::Meta).await;
    let dialog360 = campaign_of_mixed_fates(Provider::Dialog360).await;

    let (json_of_meta, json_of_dialog360) = (report(&meta, "json").await, report(&dialog360, "json").await);
    assert_eq!(without_times_and_ids(&json_of_meta), without_times_and_ids(&json_of_dialog360));
    let (csv_of_meta, csv_of_dialog360) = (report(&meta, "csv").await, report(&dialog360, "csv").await);
    let (ours, theirs) = (without_time_columns(&csv_of_meta), without_time_columns(&csv_of_dialog360));
    assert_eq!(ours.len(), 200);
    for (ours, theirs) in ours.iter().zip(&theirs) {
        assert_eq!(ours, theirs);
    }

    // Two reports about nothing would be the same as well.
    let messages = dialog360.messages("mixed").await;
    let states: BTreeSet<State> = messages.iter().map(|message| message.state).collect();
    let all = [State::Delivered, State::Read, State::Failed, State::Expired, State::Skipped];
    assert!(all.iter().all(|state| states.contains(state)), "{states:?}");
    assert!(messages.iter().any(|message| message.attempt == 3), "some were tried again");
    assert!(dialog360.platform.ledger().iter().any(|entry| entry.truth.fate == Fate::Failed(131_049)));
    assert_eq!(serde_json::from_str::<Value>(&json_of_meta).unwrap()["is_over"], json!(true));
}
