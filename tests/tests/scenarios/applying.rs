//! Templates made and changed from a file.

use serde_json::{Value, json};
use simulator::{Account, Config, Template};
use testkit::files::WABA_ID;

use crate::account::{Desk, autumn, filters, key};

/// A file for `templates apply`: one template to create, one to edit, one that is as it should be.
const FILE: &str = r#"
templates:
  - name: eid_sale
    language: en
    ttl: 24h
    max_price: { amount: "0.87", currency: INR }
    components:
      - { type: BODY, text: "Hello {{1}}, it is Eid", example: { body_text: [[Asha]] } }
      - type: BUTTONS
        buttons: [ { type: URL, text: Open, url: "https://example.com", app_deep_link: { meta_app_id: 7, android_deep_link: "shop://eid" } } ]
  - name: autumn_sale
    language: en
    ttl: 12h
    max_price: { amount: "0.9" }
    components: &autumn
  - name: plain
    language: en
    components: [ { type: BODY, text: "Good morning, all" } ]
"#;

fn file() -> String {
    let components = autumn().components.unwrap();
    FILE.replace("&autumn", &Value::from(components).to_string())
}

fn plain() -> Template {
    Template::new(WABA_ID, "plain", "en")
        .with_components(json!([{ "type": "BODY", "text": "Good morning, all" }]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_templates_is_planned_and_applied() {
    let desk = Desk::open(Config { templates: vec![autumn(), plain()], ..Config::default() }, "").await;
    desk.files.write("t.yaml", file());

    let planned = desk.cli(&["templates", "apply", "t.yaml", "--dry-run"]).await.good();
    insta::with_settings!({ filters => filters() }, { insta::assert_snapshot!(planned.out); });
    let unchanged = desk.cli(&["templates", "list", "--json"]).await.good().json();
    assert_eq!(unchanged[0]["templates"].as_array().unwrap().len(), 2);
    assert_eq!(unchanged[0]["templates"][0]["max_price"]["bid_amount"], 87_000);
    assert!(!desk.files.join("paceline.db").exists(), "a dry run makes no database");

    let applied = desk.cli(&["templates", "apply", "t.yaml"]).await.good();
    assert!(applied.out.ends_with("edited autumn_sale (en)\n"), "{}", applied.out);
    assert!(
        applied.out.contains("created eid_sale (en): APPROVED; nothing is sent with it for 10 min"),
        "{}",
        applied.out
    );

    let eid = desk.cli(&["templates", "show", "eid_sale", "--json"]).await.good().json();
    assert_eq!((&eid[0]["ttl_s"], &eid[0]["max_price"]["bid_amount"]), (&json!(86_400), &json!(87_000)));
    let button = &eid[0]["components"][1]["buttons"][0];
    assert_eq!(button["app_deep_link"], json!({ "meta_app_id": 7, "android_deep_link": "shop://eid" }));
    assert_eq!(eid[0]["gate"]["state"], "closed", "its creation closed its gate");
    let autumn = desk.cli(&["templates", "show", "autumn_sale", "--json"]).await.good().json();
    assert_eq!(
        (&autumn[0]["ttl_s"], &autumn[0]["max_price"]["bid_amount"]),
        (&json!(43_200), &json!(90_000))
    );
    assert_eq!(autumn[0]["gate"]["state"], "unseen", "an edit leaves the gate");

    let again = desk.cli(&["templates", "apply", "t.yaml", "--json"]).await.good().json();
    let actions: Vec<&Value> =
        again["templates"].as_array().unwrap().iter().map(|step| &step["action"]).collect();
    assert_eq!(actions, ["unchanged"; 3], "{again:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_applied_is_refused_before_anything_is_changed() {
    let desk = Desk::open(Config { templates: vec![autumn()], ..Config::default() }, "").await;
    let body = "components: [ { type: BODY, text: \"Good morning, all\" } ]";
    for (amount, said) in [
        (
            "amount: \"0.8712345\"",
            "t.yaml:3:54: templates[1].max_price.amount: \"0.8712345\" has more than 5 decimals",
        ),
        (
            "amount: \"99999\"",
            "t.yaml:3:54: templates[1].max_price.amount: a max price of INR 99999.00 is too large",
        ),
        (
            "amount: \"0.87\", currency: USD",
            "t.yaml:3:54: templates[1].max_price.currency is USD, and the account is billed in INR",
        ),
    ] {
        let text = format!(
            "templates:\n- {{ name: first, language: en, {body} }}\n- {{ name: second, language: en, max_price: {{ {amount} }}, {body} }}\n"
        );
        desk.files.write("t.yaml", text);
        let refused = desk.cli(&["templates", "apply", "t.yaml"]).await;
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(refused.err.contains(said), "{}", refused.err);
    }
    let named = "templates:\n- { name: autumn_sale, language: en, parameter_format: NAMED, components: [ { type: BODY, text: \"x\" } ] }\n";
    desk.files.write("t.yaml", named);
    let refused = desk.cli(&["templates", "apply", "t.yaml"]).await;
    assert_eq!(refused.code, 2);
    assert!(
        refused.err.starts_with("error: t.yaml:2:56: parameter_format of autumn_sale is NAMED"),
        "{}",
        refused.err
    );
    desk.files.write(
        "t.yaml",
        "account: jasper\ntemplates:\n- { name: a, language: en, components: [ { type: BODY } ] }\n",
    );
    let refused = desk.cli(&["templates", "apply", "t.yaml"]).await;
    assert_eq!(
        (refused.code, refused.err.as_str()),
        (2, "error: t.yaml:1:10: account: there is no sender \"jasper\"; did you mean jaspers-in?\n")
    );
    let listed = desk.cli(&["templates", "list", "--json"]).await.good().json();
    assert_eq!(listed[0]["templates"].as_array().unwrap().len(), 1, "nothing was created");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_platform_refuses_is_told_in_words_and_hides_no_other() {
    let account = Account { max_price_agreement: false, ..Account::default() };
    let config = Config { accounts: vec![account], templates: vec![plain()], ..Config::default() };
    let desk = Desk::open(config, "").await;
    let text = r#"
templates:
  - { name: unsigned, language: en, max_price: { amount: "0.87" }, components: [ { type: BODY, text: "Hello" } ] }
  - { name: footer, language: en, components: [ { type: BODY, text: "Hello" }, { type: FOOTER, text: "{{1}}" } ] }
  - { name: edge, language: en, components: [ { type: BODY, text: "{{1}}, hello" } ] }
  - { name: good, language: en, components: [ { type: BODY, text: "Hello" } ] }
"#;
    desk.files.write("t.yaml", text);
    let applied = desk.cli(&["templates", "apply", "t.yaml"]).await;
    assert_eq!(applied.code, 1);
    insta::with_settings!({ filters => filters() }, {
        insta::assert_snapshot!(format!("{}{}", applied.out, applied.err));
    });
    let gate = desk.store().await.gate(&key("unsigned")).await.unwrap();
    assert_eq!(gate, campaign::gate::GateState::default(), "what was not created has no gate");
    let made = desk.cli(&["templates", "show", "good", "--json"]).await.good().json();
    assert_eq!(made[0]["gate"]["state"], "closed");
}
