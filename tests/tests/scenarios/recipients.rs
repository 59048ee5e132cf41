//! Who can be written to: by country, and by business-scoped user id.

use campaign::message::State;
use testkit::WorldOptions;

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_written_to_where_marketing_is_not_delivered() {
    let world = crate::world(WorldOptions::default()).await;
    let reached = ["+919820000000", "+14162345678", "+4915112345678", "+79161234567", "+447911123456"];
    let not_delivered =
        ["+12122345678", "+19072345678", "+5351234567", "+989121234567", "+963944567890", "+79781234567"];
    let rows: String = reached.iter().chain(&not_delivered).map(|phone| format!("{phone},Asha\n")).collect();
    world.files.write("world.csv", format!("phone,first_name\n{rows}"));
    let file = world.files.campaign("world", "world.csv", "");

    let plan = world.cli(&["plan", file.to_str().unwrap(), "--json"]).await.good().json();
    assert_eq!((&plan["messages"], &plan["excluded"]["not_delivered"]), (&5.into(), &6.into()));
    let warnings = plan["warnings"].to_string();
    assert!(
        warnings
            .contains("2 recipients are in the EEA, the UK, Japan or South Korea: no delivery optimisation"),
        "{warnings}"
    );
    assert!(warnings.contains("1 recipients are in Russia"), "{warnings}");
    world.launch(&file).await;
    world.until_over("world").await;

    let mut asked: Vec<String> = world.platform.requests().into_iter().filter_map(|r| r.recipient).collect();
    asked.iter_mut().for_each(|to| *to = format!("+{}", to.trim_start_matches('+')));
    asked.sort();
    let mut expected = reached.map(str::to_owned);
    expected.sort();
    assert_eq!(asked, expected);
    let report = world.cli(&["report", "world", "--format", "csv"]).await.good().out;
    assert!(
        report.contains("WhatsApp does not deliver marketing messages to numbers of the United States"),
        "{report}"
    );
    assert!(report.contains("WhatsApp does not deliver marketing messages to Crimea"), "{report}");
}

/// A campaign to people who are known by business-scoped user ids only.
pub(crate) fn by_user_id(world: &testkit::World, key: &str, more: &str) -> std::path::PathBuf {
    world.files.write("ids.csv", "bsuid\nIN.13491208655302741918\nDE.2941\nUS.1349\nIN.2\nnot-an-id\n");
    world.files.write(
        &format!("{key}.yaml"),
        format!(
            "campaign: {key}\nsender: jaspers-in\ntemplate: {{ name: test_offer, language: en }}\n\
             audience: {{ file: ids.csv, user_id: {{ column: bsuid }}, max_invalid: 50% }}\n{more}\n"
        ),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn business_scoped_user_ids_are_recipients() {
    let world = crate::world(WorldOptions::default()).await;
    let file = by_user_id(&world, "ids", "");
    let plan = world.cli(&["plan", file.to_str().unwrap(), "--json"]).await.good().json();
    assert_eq!(plan["excluded"], serde_json::json!({ "invalid_recipient": 1, "not_delivered": 1 }));
    world.launch(&file).await;
    let row = world.until_over("ids").await;
    assert_eq!(row.count(State::Delivered) + row.count(State::Read), 3);
    // The id goes where ids go, and no number beside it.
    for entry in world.platform.ledger() {
        assert_eq!(entry.body["to"], serde_json::Value::Null);
        assert!(entry.body["recipient"].as_str().unwrap().contains('.'), "{}", entry.body);
    }
    // Twice in one audience is once, as with numbers, and an opt-out holds.
    let _ = world.cli(&["suppress", "add", "IN.2"]).await.good();
    let again = by_user_id(&world, "again", "");
    let plan = world.cli(&["plan", again.to_str().unwrap(), "--json"]).await.good().json();
    assert_eq!(plan["excluded"]["suppressed"], 1);
}
