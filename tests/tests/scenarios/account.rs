//! What the account has, as the command line shows and changes it: over HTTP, against the simulator.

use std::sync::Arc;

use campaign::gate::GateRules;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use simulator::{Account, Config, Number, Simulator, Template};
use store::model::{GateEvent, TemplateKey};
use store::registry::{News, TemplateNews};
use store::{SharedStore, SqliteStore};
use testkit::files::{APP_SECRET, PHONE_NUMBER_ID, TOKEN, WABA_ID};
use testkit::{Answer, Files};

/// The business of the simulator's first number.
const BUSINESS: &str = "2729063490586005";

/// A business that the first one serves, and its account.
const CLIENT: (&str, &str) = ("5500000000000001", "102290129340777");

/// An account at a simulated platform, and a folder with workers.toml for it.
pub(crate) struct Desk {
    pub(crate) files: Files,
    pub(crate) platform: Simulator,
}

impl Desk {
    /// `more` is added to workers.toml.
    pub(crate) async fn open(config: Config, more: &str) -> Self {
        // The simulator makes no templates up here: names that nobody created do not exist.
        let platform = Simulator::start(Config { auto_create_templates: false, ..config }).await.unwrap();
        let files = Files::new();
        let text = format!(
            "[store]\nurl = \"sqlite://{db}\"\n[platform]\nbase_url = \"{url}\"\n\
             [webhook]\napp_secret_env = \"{secret}\"\n\
             [[senders]]\nname = \"jaspers-in\"\nphone_number_id = \"{PHONE_NUMBER_ID}\"\nwaba_id = \"{WABA_ID}\"\n\
             business_id = \"{BUSINESS}\"\ntoken_env = \"{token}\"\n{more}",
            db = files.join("paceline.db").display(),
            url = platform.base_url(),
            secret = APP_SECRET.0,
            token = TOKEN.0,
        );
        files.write("workers.toml", text);
        Self { files, platform }
    }

    /// Runs the command line, while the platform goes on answering.
    pub(crate) async fn cli(&self, args: &[&str]) -> Answer {
        self.cli_in(args, 200).await
    }

    /// The same, for a screen of so many columns.
    async fn cli_in(&self, args: &[&str], columns: u16) -> Answer {
        let mut command = self.files.command(args);
        command.env("COLUMNS", columns.to_string());
        tokio::task::spawn_blocking(move || Answer::of(command.output().expect("the binary runs")))
            .await
            .unwrap()
    }

    /// The store of this folder.
    pub(crate) async fn store(&self) -> SharedStore {
        Arc::new(SqliteStore::open(self.files.join("paceline.db").to_str().unwrap()).await.unwrap())
    }
}

/// A 360dialog sender of another account.
const DIALOG360: &str = "[[senders]]\nname = \"partner\"\nprovider = \"360dialog\"\nphone_number_id = \"9\"\n\
                         waba_id = \"9\"\ntoken_env = \"PACELINE_TEST_TOKEN\"\n";

#[expect(clippy::disallowed_methods, reason = "the command line lives in the present")]
fn now() -> DateTime<Utc> {
    Utc::now()
}

pub(crate) fn key(name: &str) -> TemplateKey {
    TemplateKey { waba_id: WABA_ID.to_owned(), name: name.to_owned(), language: "en".to_owned() }
}

/// A template with a bit of everything.
pub(crate) fn autumn() -> Template {
    Template::new(WABA_ID, "autumn_sale", "en")
        .with_max_price(87_000)
        .with_ttl_seconds(86_400)
        .with_components(json!([
            { "type": "HEADER", "format": "IMAGE" },
            { "type": "BODY", "text": "Hello {{1}}, the autumn sale is on:\n{{2}} off everything." },
            { "type": "FOOTER", "text": "Reply STOP to opt out" },
            { "type": "BUTTONS", "buttons": [
                { "type": "URL", "text": "Shop now", "url": "https://example.com/sale/{{1}}" },
                { "type": "COPY_CODE", "text": "Copy the code" },
                { "type": "QUICK_REPLY", "text": "Stop" }
            ] }
        ]))
}

/// Filters for what changes from run to run.
pub(crate) fn filters() -> Vec<(&'static str, &'static str)> {
    vec![
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "(time)"),
        (r"\d\d:\d\d:\d\d( UTC)?", "(time)"),
        (r"in \d+ min( \d+ s)?", "in (minutes)"),
        (r"9000000000000\d\d", "(id)"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn templates_are_listed_with_their_gates() {
    let templates = ["open_one", "closed_one", "idle_one"].map(|name| Template::new(WABA_ID, name, "en"));
    let config = Config { templates: [autumn()].into_iter().chain(templates).collect(), ..Config::default() };
    let desk = Desk::open(config, DIALOG360).await;
    // Looking makes no database.
    let _ = desk.cli(&["templates", "list"]).await.good();
    assert!(!desk.files.join("paceline.db").exists());

    let store = desk.store().await;
    let rules = GateRules::default();
    store.gate_event(&key("open_one"), GateEvent::OpenByHand, &rules, now()).await.unwrap();
    store.gate_event(&key("closed_one"), GateEvent::Created, &rules, now()).await.unwrap();
    let long_ago = now() - TimeDelta::days(8);
    store.gate_event(&key("idle_one"), GateEvent::Created, &rules, long_ago).await.unwrap();

    let listed = desk.cli(&["templates", "list"]).await.good();
    insta::with_settings!({ filters => filters() }, { insta::assert_snapshot!(listed.out); });
    let narrow = desk.cli_in(&["templates", "list"], 80).await.good();
    insta::with_settings!({ filters => filters() }, { insta::assert_snapshot!(narrow.out); });

    let listed = desk.cli(&["templates", "list", "--json"]).await.good().json();
    let template = &listed[0]["templates"][0];
    assert_eq!((&template["name"], &template["ttl_s"]), (&json!("autumn_sale"), &json!(86_400)));
    assert_eq!(template["max_price"], json!({ "bid_amount": 87_000, "amount": "0.87", "currency": "INR" }));
    assert_eq!(template["gate"], json!({ "state": "unseen" }));
    let states: Vec<&Value> =
        listed[0]["templates"].as_array().unwrap().iter().map(|t| &t["gate"]["state"]).collect();
    assert_eq!(states, ["unseen", "open", "closed", "idle"]);
    assert!(listed[1]["error"].as_str().unwrap().starts_with("360dialog does not tell"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_of_several_pages_is_complete() {
    let templates = (0..250).map(|i| Template::new(WABA_ID, format!("offer_{i}"), "en")).collect();
    let desk = Desk::open(Config { templates, ..Config::default() }, "").await;
    let listed = desk.cli(&["templates", "list", "--json"]).await.good().json();
    let names: std::collections::BTreeSet<String> =
        listed[0]["templates"].as_array().unwrap().iter().map(|t| t["name"].to_string()).collect();
    assert_eq!(names.len(), 250);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_refuses_hides_no_other() {
    let other = Number {
        phone_number_id: "7".into(),
        waba_id: "77".into(),
        token: "another".into(),
        ..Number::default()
    };
    let config =
        Config { numbers: vec![Number::default(), other], templates: vec![autumn()], ..Config::default() };
    let more = "[[senders]]\nname = \"other\"\nphone_number_id = \"7\"\nwaba_id = \"77\"\ntoken_env = \"PACELINE_TEST_TOKEN\"\n";
    let desk = Desk::open(config, more).await;
    let listed = desk.cli(&["templates", "list"]).await;
    assert_eq!(listed.code, 1);
    assert!(listed.out.contains("autumn_sale"), "{}", listed.out);
    assert!(listed.err.contains("refused to tell the templates of account 77"), "{}", listed.err);
}

/// An account that cannot be reached is listed as it was told last, with its age; webhooks of the meantime count.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_cannot_be_reached_is_listed_as_it_was() {
    let second = Template::new(WABA_ID, "second", "en");
    let desk = Desk::open(Config { templates: vec![autumn(), second], ..Config::default() }, "").await;
    let store = desk.store().await;
    let _ = desk.cli(&["templates", "list"]).await.good();
    let paused = News::Status { status: "PAUSED".into(), category: None, may_be_first: false };
    let news = TemplateNews { key: key("second"), said_at: now(), what: paused };
    store.template_news(&[news], now()).await.unwrap();
    let Desk { files, platform } = desk;
    platform.shutdown().await;
    let mut command = files.command(&["templates", "list"]);
    let listed = Answer::of(command.env("COLUMNS", "110").output().unwrap()).good();
    let filters =
        [filters(), vec![(r"127\.0\.0\.1:\d+", "(address)"), (r"(now|\d+ s ago) \(", "(age) (")]].concat();
    insta::with_settings!({ filters => filters }, { insta::assert_snapshot!(listed.out); });
    let listed = files.cli(&["templates", "list", "--json"]).good().json();
    assert_eq!(listed[0]["templates"][1]["status"], "PAUSED");
    assert!(listed[0]["as_of"].is_string() && listed[0]["error"].is_string(), "{listed:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_is_shown_with_all_it_has() {
    let mut rejected = Template::new(WABA_ID, "autumn_sale", "hi");
    rejected.status = simulator::TemplateStatus::Rejected;
    let config = Config { templates: vec![autumn(), rejected], ..Config::default() };
    let desk = Desk::open(config, "").await;
    let shown = desk.cli(&["templates", "show", "autumn_sale"]).await.good();
    insta::with_settings!({ filters => filters() }, { insta::assert_snapshot!(shown.out); });
    let one =
        desk.cli(&["templates", "show", "autumn_sale", "--language", "hi", "--json"]).await.good().json();
    assert_eq!((one.as_array().unwrap().len(), &one[0]["status"]), (1, &json!("REJECTED")));

    let unknown = desk.cli(&["templates", "show", "autum_sale"]).await;
    assert_eq!(unknown.code, 2);
    assert_eq!(unknown.err, "error: there is no template \"autum_sale\"; did you mean autumn_sale?\n");
    let unknown = desk.cli(&["templates", "show", "autumn_sale", "--language", "de"]).await;
    assert_eq!(unknown.code, 2);
    assert_eq!(unknown.err, "error: template autumn_sale has no language \"de\"; it has en, hi\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gate_is_shown_and_opened_by_hand() {
    let desk = Desk::open(Config { templates: vec![autumn()], ..Config::default() }, "").await;
    let rules = GateRules::default();
    let store = desk.store().await;
    store.gate_event(&key("autumn_sale"), GateEvent::Created, &rules, now()).await.unwrap();

    let closed = desk.cli(&["templates", "gate", "autumn_sale"]).await.good();
    insta::with_settings!({ filters => filters() }, { insta::assert_snapshot!(closed.out); });

    let opened = desk.cli(&["templates", "gate", "autumn_sale", "--open"]).await.good();
    insta::assert_snapshot!(opened.out);
    let state = store.gate(&key("autumn_sale")).await.unwrap();
    assert_eq!(campaign::gate::decide(&state, &rules, now()), campaign::gate::Gate::Open);
    let shown = desk.cli(&["templates", "gate", "autumn_sale", "--json"]).await.good().json();
    assert_eq!((&shown[0]["gate"]["state"], &shown[0]["opened"]), (&json!("open"), &json!(false)));

    let unknown = desk.cli(&["templates", "gate", "summer_sale", "--open"]).await;
    assert_eq!((unknown.code, unknown.out.as_str()), (2, ""));
    assert!(unknown.err.contains("there is no template \"summer_sale\""), "{}", unknown.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn senders_are_held_against_the_configuration() {
    let slow = Number { daily_limit: Some(2_000), quality: simulator::Quality::Red, ..Number::default() };
    let flagged = Number { phone_number_id: "7".into(), status: "FLAGGED".into(), ..Number::default() };
    let account = Account { onboarding_status: "PENDING_VALID_PAYMENT_METHOD".into(), ..Account::default() };
    let config = Config { numbers: vec![slow, flagged], accounts: vec![account], ..Config::default() };
    let more = format!(
        "rate = \"200/s\"\n[[senders]]\nname = \"second\"\nphone_number_id = \"7\"\nwaba_id = \"{WABA_ID}\"\n\
         token_env = \"PACELINE_TEST_TOKEN\"\ndaily_reach = \"unlimited\"\n{DIALOG360}"
    );
    let desk = Desk::open(config, &more).await;
    let shown = desk.cli(&["senders"]).await.good();
    insta::assert_snapshot!(shown.out);
    let narrow = desk.cli_in(&["senders"], 80).await.good();
    insta::assert_snapshot!(narrow.out);
    let shown = desk.cli(&["senders", "--json"]).await.good().json();
    assert_eq!(shown[0]["warnings"].as_array().unwrap().len(), 4, "{shown:#}");
    assert_eq!((&shown[0]["quality"], &shown[0]["messaging_limit"]), (&json!("RED"), &json!("2000")));
    assert!(shown[2]["error"].as_str().unwrap().starts_with("360dialog does not tell"), "{shown:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partner_onboards_its_clients() {
    let client = Account {
        waba_id: CLIENT.1.into(),
        name: "A client's account".into(),
        owner_business_id: Some(CLIENT.0.into()),
        partner_business_id: Some(BUSINESS.into()),
        onboarding_status: "ELIGIBLE".into(),
        currency: "USD".into(),
        ..Account::default()
    };
    let done = Account { waba_id: "8".into(), onboarding_status: "ONBOARDED".into(), ..client.clone() };
    let own = Account { onboarding_status: "ELIGIBLE".into(), ..Account::default() };
    let config = Config { accounts: vec![own, client, done], ..Config::default() };
    let desk = Desk::open(config, "").await;
    desk.platform.set_webhook("http://127.0.0.1:9/", APP_SECRET.1);

    let status = desk.cli(&["onboarding", "status"]).await.good();
    insta::assert_snapshot!(status.out);
    let eligible = desk.cli(&["onboarding", "eligible"]).await.good();
    insta::assert_snapshot!(eligible.out);
    let eligible = desk.cli(&["onboarding", "eligible", "--json"]).await.good().json();
    assert_eq!(eligible, json!([{ "account": CLIENT.1, "name": "A client's account", "currency": "USD" }]));

    let invited = desk.cli(&["onboarding", "invite", CLIENT.0]).await.good();
    assert!(invited.out.starts_with("Business 5500000000000001 is invited (request 7"), "{}", invited.out);
    let again = desk.cli(&["onboarding", "invite", CLIENT.0, "--json"]).await.good().json();
    assert_eq!(again["was_invited_before"], true, "1752041 is success");
    let stranger = desk.cli(&["onboarding", "invite", "12345"]).await;
    assert_eq!(stranger.code, 1);
    let nonsense = desk.cli(&["onboarding", "invite", "../me"]).await;
    assert!(nonsense.err.contains("`../me` is not an id"), "{}", nonsense.err);

    let hidden = desk.cli(&["onboarding", "token", CLIENT.0]).await.good();
    assert!(!hidden.out.contains("sim-system-user") && hidden.out.contains("token_env"), "{}", hidden.out);
    let hidden = desk.cli(&["onboarding", "token", CLIENT.0, "--json"]).await.good().json();
    assert_eq!(hidden["token"], Value::Null);
    let shown = desk.cli(&["onboarding", "token", CLIENT.0, "--show"]).await.good();
    assert_eq!((shown.out.as_str(), shown.err.as_str()), ("sim-system-user-5500000000000001\n", ""));

    desk.platform.set_webhook("http://127.0.0.1:9/", "another secret");
    let unproved = desk.cli(&["onboarding", "token", CLIENT.0, "--show"]).await;
    assert_eq!((unproved.code, unproved.out.as_str()), (1, ""));
    assert!(unproved.err.contains("is not that of the token's app"), "{}", unproved.err);
    for said in [unproved.err.as_str(), hidden.to_string().as_str(), invited.err.as_str()] {
        assert!(!said.contains(APP_SECRET.1) && !said.contains(TOKEN.1), "a secret is shown: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reach_is_estimated_for_max_prices() {
    let desk = Desk::open(Config::default(), "").await;
    let shown = desk.cli(&["reach", "--sender", "jaspers-in"]).await.good();
    insta::assert_snapshot!(shown.out);
    let args = ["reach", "--country", "in", "--country", "LK", "--interval", "L28D", "--json"];
    let shown = desk.cli(&args).await.good().json();
    assert_eq!((&shown["countries"], &shown["interval"]), (&json!(["IN", "LK"]), &json!("L28D")));
    assert_eq!(shown["estimates"].as_array().unwrap().len(), 11);
    let middle = &shown["estimates"][5];
    assert_eq!(middle["max_price"], json!({ "bid_amount": 86_000, "amount": "0.86", "currency": "INR" }));
    assert_eq!(middle["deliveries"], json!({ "low": 450, "high": 500 }));
    let unknown = desk.cli(&["reach", "--sender", "jaspers"]).await;
    assert_eq!(
        (unknown.code, unknown.err.as_str()),
        (2, "error: there is no sender \"jaspers\"; did you mean jaspers-in?\n")
    );
    assert_eq!(desk.cli(&["reach", "--country", "Xx"]).await.code, 2);
}
