//! Reports: the page has the numbers of the JSON report, and both have those of the simulator's ledger.

use std::fmt::Write as _;
use std::time::Duration;

use campaign::message::State;
use campaign::money::{Currency, Micros};
use rust_decimal::Decimal;
use serde_json::Value;
use simulator::{Account, Change, Fate, Outcome, Profile, Rule, Template};
use testkit::files::{WABA_ID, person};
use testkit::{World, WorldOptions};

/// With two templates at a max price of INR 0.87, where a delivery costs 0.40 give or take half.
async fn priced_world() -> World {
    let template = |name| Template::new(WABA_ID, name, "en").with_max_price(87_000).with_ttl_seconds(43_200);
    let profile = Profile { not_on_whatsapp: 0.06, reachable: 0.95, read: 0.4, ..Profile::none() };
    let world = crate::world(WorldOptions {
        templates: vec![template("test_offer"), template("test_offer_b")],
        profile,
        ..WorldOptions::default()
    })
    .await;
    let price = Decimal::new(40, 2);
    world.platform.change(Change::Account(Account { price, ..Account::default() })).unwrap();
    world.open_gate("test_offer_b").await;
    world
}

/// 300 people in India, of whom one fails after all and one is there twice, 40 in the Emirates, and three rows that are no
/// numbers.
fn audience(world: &World) {
    let mut text = String::from("phone,first_name\n");
    for i in 0..300 {
        writeln!(text, "{},Asha{i}", person(i)).unwrap();
    }
    for i in 0..40 {
        writeln!(text, "+97150123{i:04},Noor{i}").unwrap();
    }
    writeln!(text, "{},Asha", person(7)).unwrap();
    for broken in ["none", "+91 12", "<script>alert(1)</script>"] {
        writeln!(text, "{broken},Nobody").unwrap();
    }
    world.files.write("people.csv", text);
    world.platform.script(Rule::to(person(3), Outcome::FailLater { code: 131_053 }));
}

/// A page, read as who looks at it reads it.
struct Seen(String);

impl Seen {
    /// The rows of the table with this caption.
    fn table(&self, caption: &str) -> Vec<Vec<String>> {
        let (_, table) = self
            .0
            .split_once(&format!("<caption>{caption}</caption>"))
            .unwrap_or_else(|| panic!("no table \"{caption}\""));
        let (_, body) = table.split_once("<tbody>").unwrap();
        let (body, _) = body.split_once("</tbody>").unwrap();
        let cells = |row: &str| row.split("</t").filter_map(cell).collect::<Vec<String>>();
        body.split("<tr>").skip(1).map(cells).collect()
    }

    /// The cell in a column (from 1) of the row of this name.
    fn cell(&self, caption: &str, name: &str, column: usize) -> String {
        let table = self.table(caption);
        let row = table.iter().find(|row| row[0] == name);
        row.unwrap_or_else(|| panic!("no \"{name}\" in {table:?}"))[column].clone()
    }

    /// A number of such a cell.
    fn number(&self, caption: &str, name: &str, column: usize) -> u64 {
        self.cell(caption, name, column).replace(',', "").parse().unwrap()
    }
}

/// What is in a cell; nothing of the ends of rows.
fn cell(piece: &str) -> Option<String> {
    let (_, cell) = piece.rsplit_once("<t")?;
    let (_, text) = cell.split_once('>')?;
    Some(text.replace("&#60;", "<").replace("&#62;", ">").replace("&#34;", "\"").replace("&#39;", "'"))
}

fn number(value: &Value) -> u64 {
    value.as_u64().unwrap_or_else(|| panic!("{value} is no number"))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_has_the_numbers_of_the_json_and_of_the_ledger() {
    let world = priced_world().await;
    audience(&world);
    let more = "schedule: { zone: Asia/Kolkata }\n\
        delivery: { ttl: 12h, max_price: { amount: \"0.87\", currency: INR } }\n\
        budget: { amount: \"1000\", currency: INR }\n\
        variants: [ { name: plain, weight: 50 }, { name: picture, weight: 50, template: { name: test_offer_b, language: en } } ]";
    world.launch(&world.files.campaign("shown", "people.csv", more)).await;
    let row = world.until_over("shown").await;
    let _ = world.cli(&["analytics", "pull", "shown", "--enable"]).await.good();

    let json = world.cli(&["report", "shown", "--format", "json"]).await.good().json();
    let _ = world.cli(&["report", "shown", "-o", "shown.html"]).await.good();
    let seen = Seen(std::fs::read_to_string(world.files.join("shown.html")).unwrap());

    // The ledger: the truth.
    let ledger = world.platform.ledger();
    let fate = |fate: Fate| ledger.iter().filter(|entry| entry.truth.fate == fate).count() as u64;
    let (read, delivered) = (fate(Fate::Read), fate(Fate::Delivered) + fate(Fate::Read));
    assert!(read > 50 && delivered > 250 && delivered < ledger.len() as u64, "{read} of {delivered}");
    let funnel = "How far recipients got";
    assert_eq!(seen.number(funnel, "Planned", 1), 344);
    assert_eq!(seen.number(funnel, "Accepted", 1), ledger.len() as u64);
    assert_eq!(seen.number(funnel, "Delivered", 1), delivered);
    assert_eq!(seen.number(funnel, "Read", 1), read);
    for (template, variant) in [("test_offer", "plain"), ("test_offer_b", "picture")] {
        let of = ledger.iter().filter(|entry| entry.template == template && entry.truth.is_delivered());
        assert_eq!(seen.number("Variants", variant, 3), of.count() as u64);
    }
    let abroad = ledger.iter().filter(|e| e.recipient.contains("97150") && e.truth.is_delivered()).count();
    assert_eq!(seen.number("Messages by country", "AE", 3), abroad as u64);
    let charged: Decimal = ledger.iter().map(|entry| entry.truth.price).sum();
    let charged = Micros::from_decimal_ceil(charged).unwrap().in_currency(Currency::INR);
    assert_eq!(seen.cell("Spend against the budget", "spent", 1), charged.to_string());
    assert_eq!(seen.cell("Spend against the budget", "budget", 1), "INR 1,000.00");
    let left_out = "Rows left out, by reason, and their share of the planned";
    assert_eq!(seen.number(left_out, "duplicates", 1), 1);
    assert_eq!(seen.number(left_out, "invalid numbers", 1), 3);

    // The JSON report: the same in all its parts.
    let steps = ["planned", "attempted", "accepted", "sent", "delivered", "read"];
    for (row, step) in seen.table(funnel).iter().zip(steps) {
        assert_eq!(
            (row[0].to_lowercase(), row[1].clone()),
            (step.to_owned(), json["funnel"][step].to_string())
        );
    }
    // All states in their order, between who was excluded and who was planned.
    let everybody = seen.table("Where everybody is");
    assert_eq!(everybody.len(), State::ALL.len() + 2);
    for (state, shown) in State::ALL.into_iter().zip(&everybody[1..]) {
        let counted = number(&json["states"][state.name()]);
        assert_eq!(shown[1], counted.to_string(), "{shown:?} is {state}");
        assert_eq!(counted, row.count(state));
    }
    assert!(seen.0.contains(json["conservation"].as_str().unwrap()));
    let failures = json["failures"].as_array().unwrap();
    assert!(failures.len() >= 2, "{failures:?}");
    for failure in failures {
        let title = failure["title"].as_str().unwrap();
        let what = "Failed messages by reason";
        assert_eq!(seen.number(what, title, 2), number(&failure["messages"]));
        assert_eq!(seen.cell(what, title, 1), failure["code"].to_string());
        let advice = failure["advice"].as_str().unwrap().replace('\'', "&#39;");
        assert!(seen.0.contains(&format!("<dd>{advice}</dd>")), "{failure}");
    }
    let hours = seen.table("By hour");
    for (column, name) in [(1, "attempted"), (2, "delivered"), (3, "read")] {
        let in_table: u64 = hours.iter().map(|row| row[column].parse::<u64>().unwrap()).sum();
        for part in ["timeline", "hours_of_day", "hours"] {
            let points = if part == "timeline" { &json[part]["points"] } else { &json[part] };
            let in_json: u64 = points.as_array().unwrap().iter().map(|point| number(&point[name])).sum();
            assert_eq!(in_json, in_table, "{name} of {part}");
            assert_eq!(in_json, number(&json["funnel"][name]), "{name} of {part}");
        }
    }
    let comparisons = json["comparisons"].as_array().unwrap();
    assert_eq!(comparisons.len(), 2);
    for comparison in comparisons {
        assert!(seen.0.contains(comparison["said"].as_str().unwrap()), "{comparison}");
    }
    for variant in json["variants"].as_array().unwrap() {
        let (name, interval) = (variant["name"].as_str().unwrap(), &variant["read_interval"]);
        for (column, end) in [(4, "low"), (5, "high")] {
            let shown = seen.cell("Read, of the delivered", name, column);
            let percent: f64 = shown.trim_end_matches(" %").parse().unwrap();
            assert!(
                (percent / 100.0 - interval[end].as_f64().unwrap()).abs() < 0.000_6,
                "{shown} of {variant}"
            );
        }
    }
    let templates = seen.table("By template");
    let sent = |template: &str| {
        let row = templates.iter().find(|row| row[0] == template && row[1] == "sent");
        row.unwrap_or_else(|| panic!("no {template} in {templates:?}")).clone()
    };
    for counted in json["platform"]["templates"].as_array().unwrap() {
        let name = format!("{} (en)", counted["template"]["name"].as_str().unwrap());
        let ours = json["templates"].as_array().unwrap().iter().find(|ours| ours["name"] == name.as_str());
        let row = sent(&name);
        assert_eq!(
            (row[2].clone(), row[3].clone()),
            (counted["sent"].to_string(), ours.unwrap()["accepted"].to_string())
        );
    }

    // It can be handed around.
    for message in world.messages("shown").await {
        assert!(!seen.0.contains(&message.recipient), "{} is on the page", message.recipient);
    }
    assert!(!seen.0.contains("<script"), "a row of the audience is on the page as it was");
    let named = seen.0.replace("http://www.w3.org/2000/svg", "");
    assert!(!named.contains("http:") && !named.contains("https:"), "it names another place");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recurring_campaigns_page_has_its_runs() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 20);
    let more = "schedule: { zone: UTC, repeat: \"0 * * * *\" }";
    world.launch(&world.files.campaign("often", "people.csv", more)).await;
    world.pass(Duration::from_secs(4 * 3_600), Duration::from_secs(300)).await;

    let json = world.cli(&["report", "often", "--format", "json"]).await.good().json();
    let seen = Seen(world.cli(&["report", "often", "--format", "html"]).await.good().out);

    let runs = seen.table("Runs, the newest first");
    let told = json["runs"].as_array().unwrap();
    assert!(told.len() > 1, "{json}");
    assert_eq!(runs.len(), told.len() + 1, "each run, and all");
    for (row, run) in runs.iter().zip(told) {
        assert_eq!(row[0], run["campaign"].as_str().unwrap());
        assert_eq!(row[3], run["delivered"].to_string());
    }
    assert_eq!(runs.last().unwrap()[3], json["totals"]["delivered"].to_string());
}
