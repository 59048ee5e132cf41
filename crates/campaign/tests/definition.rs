//! The campaign file as its users meet it: the full example in three formats, every kind of mistake with
//! the words that explain it, the JSON Schema, and rendering.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use campaign::definition::{
    Definition, InDoubt, JSON_SCHEMA, ProductPolicy, RecipientColumn, Renderer, Speed, known_keys,
};
use campaign::document::{self, Node, Value};
use campaign::pacing::WindowZone;
use campaign::params::{ButtonKind, Content, Header, Media, ParamValue};
use proptest::prelude::*;
use serde_json::json;

const EXAMPLE: &str = r#"
campaign: diwali-2026-in          # [a-z0-9-]{1,64}, unique
sender: jaspers-in                # from workers.toml; a list shares the load over several numbers
template: { name: diwali_sale, language: en }
audience:
  file: diwali.csv
  max_invalid: 5%
  phone: { column: phone, region: IN }
  timezone: { column: tz }
params:
  header: { image: { link: "https://example.com/diwali.jpg" } }
  body: ["{{ first_name | default('there') }}", "{{ discount }}"]
  buttons: [ { index: 0, url: "{{ code }}" } ]
schedule:
  start: 2026-11-08T09:00:00+05:30
  end: 2026-11-08T21:00:00+05:30
  zone: Asia/Kolkata
  windows: [ { days: mon-sat, from: "09:00", to: "20:00", in: recipient } ]
  repeat: "0 10 * * MON"
pace:
  rate: 60/s
  weight: 1
  ramp: [ { rate: 5/s, for: 10m }, { rate: 20/s, for: 20m } ]
delivery:
  ttl: 24h
  product_policy: strict
  activity_sharing: true
  max_price: { amount: "0.87", currency: INR, multiplier: "{{ bid | default(1) }}" }
budget: { amount: "50000", currency: INR }
limits: { per_recipient: { max: 2, per: 7d } }
variants: [ { name: a, weight: 50 }, { name: b, weight: 50, template: { name: diwali_sale_b, language: en } } ]
holdout: 5%
stop_when: { failure_rate: 20%, after: 500 }
in_doubt: hold
retry: { attempts: 4, base: 2s, max: 10m }
"#;

const EXAMPLE_TOML: &str = r#"
campaign = "diwali-2026-in"
sender = ["jaspers-in"]
holdout = "5%"
in_doubt = "hold"
budget = { amount = "50000", currency = "INR" }
stop_when = { failure_rate = "20%", after = 500 }
retry = { attempts = 4, base = "2s", max = "10m" }
limits.per_recipient = { max = 2, per = "7d" }

[template]
name = "diwali_sale"
language = "en"

[audience]
file = "diwali.csv"
max_invalid = "5%"
phone = { column = "phone", region = "IN" }
timezone.column = "tz"

[params]
header.image.link = "https://example.com/diwali.jpg"
body = ["{{ first_name | default('there') }}", "{{ discount }}"]
buttons = [{ index = 0, url = "{{ code }}" }]

[schedule]
start = 2026-11-08T09:00:00+05:30
end = 2026-11-08T21:00:00+05:30
zone = "Asia/Kolkata"
repeat = "0 10 * * MON"
[[schedule.windows]]
days = "mon-sat"
from = 09:00:00
to = 20:00:00
in = "recipient"

[pace]
rate = "60/s"
weight = 1
ramp = [{ rate = "5/s", for = "10m" }, { rate = "20/s", for = "20m" }]

[delivery]
ttl = "24h"
product_policy = "strict"
activity_sharing = true
max_price = { amount = "0.87", currency = "INR", multiplier = "{{ bid | default(1) }}" }

[[variants]]
name = "a"
weight = 50
[[variants]]
name = "b"
weight = 50
template = { name = "diwali_sale_b", language = "en" }
"#;

/// A minimal file and what is added to it.
fn with(extra: &str) -> String {
    format!(
        "campaign: t\nsender: s\ntemplate: {{ name: t, language: en }}\n\
         audience: {{ file: a.csv, phone: {{ column: phone }} }}\n{extra}"
    )
}

fn parse(text: &str) -> Definition {
    Definition::parse("t.yaml", text.as_bytes()).unwrap_or_else(|problems| panic!("{problems}"))
}

/// A tree as JSON, for the schema and for the JSON form of a file.
fn as_json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Null => json!(null),
        Value::Bool(value) => json!(value),
        Value::Int { value, .. } => json!(value),
        Value::Float(text) => serde_json::from_str(text).unwrap_or(json!(text)),
        Value::Text(text) => json!(text),
        Value::List(items) => items.iter().map(as_json).collect(),
        Value::Map(entries) => serde_json::Value::Object(
            entries.iter().map(|(key, node)| (key.text.clone(), as_json(node))).collect(),
        ),
    }
}

fn schema() -> jsonschema::Validator {
    jsonschema::draft202012::new(&serde_json::from_str(JSON_SCHEMA).unwrap()).unwrap()
}

#[test]
fn the_full_example_means_what_it_says() {
    let definition = parse(EXAMPLE);
    assert_eq!(definition.campaign, "diwali-2026-in");
    assert_eq!(definition.senders, ["jaspers-in"]);
    assert!(matches!(&definition.audience.recipient,
        RecipientColumn::Phone { column, region: Some(region) } if column == "phone" && region.code() == "IN"));
    assert_eq!(definition.audience.timezone_column.as_deref(), Some("tz"));
    assert_eq!(definition.schedule.zone, chrono_tz::Tz::Asia__Kolkata);
    assert_eq!(definition.schedule.start.unwrap().to_rfc3339(), "2026-11-08T09:00:00+05:30");
    assert_eq!(definition.schedule.windows[0].zone, WindowZone::Recipient);
    assert_eq!(definition.schedule.recurrence().unwrap().zone(), chrono_tz::Tz::Asia__Kolkata);
    assert_eq!(definition.pace.speed, Some(Speed::Rate("60/s".parse().unwrap())));
    assert_eq!(definition.pace.ramp[1].lasts, Duration::from_secs(1_200));
    assert_eq!(definition.delivery.ttl, Some(Duration::from_secs(86_400)));
    assert_eq!(definition.delivery.product_policy, ProductPolicy::Strict);
    assert_eq!(definition.delivery.max_price.as_ref().unwrap().price.amount.to_string(), "0.87");
    assert_eq!(definition.delivery.max_price.as_ref().unwrap().constant_multiplier(), None);
    assert_eq!(definition.budget.unwrap().amount.to_string(), "50000");
    assert_eq!(definition.limits.per_recipient.unwrap().per, Duration::from_secs(7 * 86_400));
    assert_eq!(definition.template_of(Some(1)).name, "diwali_sale_b");
    assert_eq!(definition.templates().len(), 2);
    assert_eq!(definition.holdout.to_string(), "5%");
    assert_eq!(definition.in_doubt, InDoubt::Hold);
    assert_eq!(definition.in_doubt_after, Duration::from_secs(3_600));
    let columns: Vec<_> = definition.columns_used().into_iter().map(|used| used.column).collect();
    assert_eq!(columns, ["phone", "tz", "first_name", "discount", "code", "bid"]);
    assert_eq!(definition.places.get("audience.file").to_string(), "t.yaml:6:9");
    assert_eq!(definition.places.get("params.body[1]").to_string(), "t.yaml:12:49");
    assert_eq!(definition.places.get("delivery.max_price.nothing.here").line, Some(28));
}

#[test]
fn the_three_formats_mean_the_same() {
    let yaml = parse(EXAMPLE);
    let toml =
        Definition::parse("t.toml", EXAMPLE_TOML.as_bytes()).unwrap_or_else(|problems| panic!("{problems}"));
    let json = as_json(&document::parse("t.yaml", EXAMPLE.as_bytes()).unwrap());
    let json = serde_json::to_vec_pretty(&json).unwrap();
    let json = Definition::parse("t.json", &json).unwrap_or_else(|problems| panic!("{problems}"));
    assert_eq!(yaml, toml);
    assert_eq!(yaml, json);
}

#[test]
fn a_frozen_definition_thaws_as_it_was() {
    for text in [EXAMPLE.to_owned(), with(""), with(EVERY_COMPONENT)] {
        let definition = parse(&text);
        let frozen = serde_json::to_string(&definition).unwrap();
        let thawed: Definition = serde_json::from_str(&frozen).unwrap();
        assert_eq!(thawed, definition);
        assert_eq!(serde_json::to_string(&thawed).unwrap(), frozen);
    }
}

#[test]
fn only_four_keys_are_required() {
    let definition = parse(&with(""));
    insta::assert_json_snapshot!("defaults", definition);
}

#[test]
fn every_bad_file_is_explained() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/definition");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 100, "{} cases", files.len());
    for path in files {
        let name = path.file_name().unwrap().to_str().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        let problems = match Definition::parse(name, &bytes) {
            Ok(_) => panic!("{name} is accepted"),
            Err(problems) => problems,
        };
        for problem in &problems.0 {
            assert_eq!(problem.place.file, name);
            assert!(!problem.message.is_empty() && problem.message.len() < 400, "{problem}");
        }
        insta::with_settings!({ description => String::from_utf8_lossy(&bytes).into_owned(), omit_expression => true }, {
            insta::assert_snapshot!(format!("bad_{}", name.replace('.', "_")), problems);
        });
    }
}

#[test]
fn a_file_of_more_than_a_megabyte_is_not_read() {
    let text = with(&"# comment\n".repeat(110_000));
    let problems = Definition::parse("big.yaml", text.as_bytes()).unwrap_err().to_string();
    assert!(problems.starts_with("big.yaml: has 11001"), "{problems}");
}

/// Every kind of component, in positional form.
const EVERY_COMPONENT: &str = r#"
params:
  header: { document: { link: "https://example.com/{{ file }}.pdf", filename: "{{ file }}.pdf" } }
  body:
    - "Hello {{ row['First name'] | default('you') }}"
    - { currency: { amount: "{{ price }}", code: INR } }
    - { date_time: "{{ due }}" }
  buttons:
    - { index: 0, quick_reply: "yes" }
    - { index: 1, url: "{{ code }}" }
    - { index: 2, copy_code: "{{ code }}" }
    - { index: 3, catalog: {} }
    - index: 4
      mpm:
        thumbnail_product_retailer_id: sku-1
        sections: [ { title: New, products: [sku-1, "{{ sku }}"] } ]
    - index: 5
      flow: { flow_token: "t-{{ code }}", flow_action_data: { page: 1, who: "{{ code }}", empty: "", more: [null, true, 1.5] } }
    - index: 6
      order_details: { reference_id: "{{ code }}", total_amount: { value: "{{ price | float * 100 | int }}", offset: 100 } }
variants:
  - name: offer
    params:
      header: { gif: { id: "1" } }
      limited_time_offer: { ends: "{{ due }}" }
      buttons: [ { index: 0, copy_code: "X" }, { index: 1, url: "{{ code }}" } ]
  - name: cards
    params:
      body: { first_name: "{{ code }}" }
      carousel:
        - { header: { image: { id: "{{ sku }}" } }, body: { x: "{{ code }}" }, buttons: [ { index: 0, url: "a" } ] }
        - { header: { product: { product_retailer_id: "{{ sku }}", catalog_id: "9" } } }
  - name: place
    params:
      header: { location: { latitude: "52.5", longitude: 13.4, name: Shop, address: "{{ due }}" } }
  - name: film
    params: { header: { video: { link: "https://example.com/a.mp4" } } }
  - name: words
    params: { header: { text: { first_name: "{{ code }}" } }, body: { a: "b" } }
"#;

const HEADER: [&str; 7] = ["phone", "file", "First name", "price", "due", "code", "sku"];
const ROW: [&str; 7] = ["+4930123", "menu", "", "12.50", "2026-11-08T21:00:00+05:30", "AB12", "sku-9"];

fn render(definition: &Definition, variant: Option<usize>) -> Content {
    let renderer = Renderer::new(definition, &HEADER).unwrap_or_else(|problems| panic!("{problems}"));
    renderer.render(variant, &ROW).unwrap_or_else(|error| panic!("{error}")).content
}

#[test]
fn every_kind_of_component_is_filled() {
    let definition = parse(&with(EVERY_COMPONENT));
    insta::assert_json_snapshot!(
        "filled",
        std::iter::once(None)
            .chain((0..5).map(Some))
            .map(|variant| render(&definition, variant))
            .collect::<Vec<_>>()
    );
    let content = render(&definition, None);
    assert_eq!(
        content.header,
        Some(Header::Document {
            media: Media::Link("https://example.com/menu.pdf".into()),
            filename: Some("menu.pdf".into())
        })
    );
    assert_eq!(content.body[0].value, ParamValue::Text("Hello you".into()));
    assert_eq!(
        content.body[1].value,
        ParamValue::Currency { fallback: "INR 12.50".into(), code: "INR".into(), amount_1000: 12_500 }
    );
    assert_eq!(
        content.buttons[5].kind,
        ButtonKind::Flow {
            flow_token: "t-AB12".into(),
            flow_action_data: Some(
                json!({ "page": 1, "who": "AB12", "empty": "", "more": [null, true, 1.5] })
            )
        }
    );
    let ButtonKind::OrderDetails { order_details } = &content.buttons[6].kind else { panic!() };
    assert!(order_details["total_amount"]["value"].is_number(), "{order_details}");
    let offer = render(&definition, Some(0));
    assert_eq!(offer.offer_ends_ms, Some(1_794_151_800_000));
}

/// What becomes of one body parameter for a row with these columns.
fn body(expression: &str, header: &[&str], row: &[&str]) -> Result<String, String> {
    let quoted = serde_json::to_string(expression).unwrap();
    let definition = parse(&with(&format!("params: {{ body: [ {quoted} ] }}\n")));
    let header: Vec<&str> = ["phone"].iter().chain(header).copied().collect();
    let row: Vec<&str> = ["+91"].iter().chain(row).copied().collect();
    let renderer = Renderer::new(&definition, &header).map_err(|problems| problems.to_string())?;
    match renderer.render(None, &row) {
        Ok(rendered) => match &rendered.content.body[0].value {
            ParamValue::Text(text) => Ok(text.clone()),
            other @ (ParamValue::Currency { .. } | ParamValue::DateTime { .. }) => panic!("{other:?}"),
        },
        Err(error) => Err(error.to_string()),
    }
}

#[test]
fn rows_are_rendered_or_explained() {
    let ok = |expression: &str, cell: &str| body(expression, &["name"], &[cell]).unwrap();
    assert_eq!(ok("plain { text } 50 %", ""), "plain { text } 50 %");
    assert_eq!(ok("{{ name }}", "Ana"), "Ana");
    assert_eq!(ok("{{ name | default('there') }}", " "), "there");
    assert_eq!(ok("Hi {{ name | default('') }}!", ""), "Hi !");
    assert_eq!(ok("{{ 'VIP ' if name == 'Ana' }}guest", "Bob"), "guest");
    assert_eq!(ok("{{ name | title | truncate(8) }}", "maria fernanda"), "Maria F…");
    assert_eq!(ok("{{ name }}", " line\none\ttwo     three "), "line one two three");
    assert_eq!(ok("{{ name | int + 1 }}", "41"), "42");
    assert_eq!(ok("{{ row['name'] }}", "Ana"), "Ana");
    let error = |expression: &str, cell: &str| body(expression, &["name"], &[cell]).unwrap_err();
    insta::assert_snapshot!(
        [
            error("{{ name }}", ""),
            error("Hi {{ name }}!", " "),
            error("Hi {{ name | upper }}!", ""),
            error("{{ name | default('') }}", ""),
            error("{{ '' if name }}", "Ana"),
            error("{{ name }}", &"x".repeat(1_025)),
            error("{{ name | int }}", "abc"),
            error("{{ nmae }}", "Ana"),
            error("{{ something }}", "Ana"),
        ]
        .join("\n")
    );
}

#[test]
fn the_multiplier_is_a_positive_number_for_each_row() {
    let text = "delivery: { max_price: { amount: \"0.87\", currency: INR, multiplier: \"{{ bid | default(1) }}\" } }\n";
    let definition = parse(&with(text));
    let renderer = Renderer::new(&definition, &["phone", "bid"]).unwrap();
    let multiplier =
        |bid: &str| renderer.render(None, &["+91", bid]).map(|rendered| rendered.multiplier.unwrap());
    assert_eq!(multiplier("1.50").unwrap().to_string(), "1.50");
    assert_eq!(multiplier("").unwrap().to_string(), "1");
    for bad in ["0", "-1", "much", "1e3"] {
        let error = multiplier(bad).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("parameter max_price.multiplier is \"{bad}\", which is not a number above 0")
        );
    }
    let constant = parse(&with("delivery: { max_price: { amount: 1, currency: INR, multiplier: 1.5 } }\n"));
    assert_eq!(constant.delivery.max_price.unwrap().constant_multiplier().unwrap().to_string(), "1.5");
}

#[test]
fn kinds_have_their_limits() {
    let error = |params: &str, cell: &str| {
        let definition = parse(&with(&format!("params: {params}\n")));
        Renderer::new(&definition, &["phone", "x"])
            .unwrap()
            .render(None, &["+91", cell])
            .unwrap_err()
            .to_string()
    };
    insta::assert_snapshot!(
        [
            error("{ header: { text: \"{{ x }}\" } }", &"y".repeat(61)),
            error("{ buttons: [ { index: 0, copy_code: \"{{ x }}\" } ] }", "SIXTEEN-LETTERS!"),
            error("{ buttons: [ { index: 0, url: \"{{ x }}\" } ] }", "a b"),
            error("{ buttons: [ { index: 0, url: \"{{ x }}\" } ] }", &"y".repeat(2_001)),
            error("{ header: { image: { link: \"{{ x }}\" } } }", "http://example.com"),
            error(
                "{ header: { location: { latitude: \"{{ x }}\", longitude: 0, name: a, address: b } } }",
                "91"
            ),
            error("{ limited_time_offer: { ends: \"{{ x }}\" } }", "tomorrow"),
            error("{ body: [ { currency: { amount: \"{{ x }}\", code: INR } } ] }", "1.2345"),
            error("{ body: [ \"{{ x }}\", \"{{ x }}\" ] }", &"y".repeat(600)),
        ]
        .join("\n")
    );
}

#[test]
fn unknown_columns_are_found_before_any_row_is_read() {
    let definition = parse(EXAMPLE);
    let problems = Renderer::new(&definition, &["phone", "TZ", "firstname", "discount"]).unwrap_err();
    insta::assert_snapshot!(problems);
    fn is_shared<T: Send + Sync>() {}
    is_shared::<Renderer>();
}

#[test]
fn the_schema_accepts_what_the_decoder_accepts() {
    let schema = schema();
    for text in [EXAMPLE.to_owned(), with(""), with(EVERY_COMPONENT)] {
        let file = as_json(&document::parse("t.yaml", text.as_bytes()).unwrap());
        let errors: Vec<_> =
            schema.iter_errors(&file).map(|e| format!("{}: {e}", e.instance_path())).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }
    assert!(jsonschema::meta::is_valid(&serde_json::from_str(JSON_SCHEMA).unwrap()));
}

/// The cases about keys and types: what an editor with the schema can show while one is typing.
#[test]
fn the_schema_refuses_unknown_keys_and_wrong_types() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/bad/definition");
    let schema = schema();
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        let Ok(node) = document::parse(&name, &std::fs::read(&path).unwrap()) else { continue };
        let problems = Definition::parse(&name, &std::fs::read(&path).unwrap()).unwrap_err().to_string();
        let about_form = problems.lines().any(|line| {
            line.contains("unknown key")
                || line.contains("is missing")
                || (line.contains(", expected ") && !line.contains("expression"))
                || line.contains("has no value")
                || line.contains("does not say")
        });
        if about_form {
            seen += 1;
            assert!(!schema.is_valid(&as_json(&node)), "{name} is valid by the schema, but:\n{problems}");
        }
    }
    assert!(seen >= 20, "{seen} cases");
}

/// The keys of a schema, by the path of their map, as [`known_keys`] gives them.
fn schema_keys(
    schema: &serde_json::Value,
    part: &serde_json::Value,
    path: &str,
    out: &mut BTreeSet<(String, String)>,
) {
    let part = match part.get("$ref").and_then(|reference| reference.as_str()) {
        Some(reference) => schema.pointer(reference.trim_start_matches('#')).unwrap(),
        None => part,
    };
    if let Some(properties) = part.get("properties").and_then(|properties| properties.as_object()) {
        for (key, value) in properties {
            out.insert((path.to_owned(), key.clone()));
            let inner = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            schema_keys(schema, value, &inner, out);
        }
    }
    if let Some(items) = part.get("items") {
        schema_keys(schema, items, &format!("{path}[]"), out);
    }
    for any in part.get("anyOf").and_then(|any| any.as_array()).into_iter().flatten() {
        schema_keys(schema, any, path, out);
    }
}

#[test]
fn the_schema_knows_the_keys_that_the_decoder_knows() {
    let schema: serde_json::Value = serde_json::from_str(JSON_SCHEMA).unwrap();
    let mut found = BTreeSet::new();
    schema_keys(&schema, &schema, "", &mut found);
    // Parts that occur again elsewhere are listed once by `known_keys`.
    let first: BTreeSet<_> = found
        .iter()
        .filter(|(path, _)| {
            !path.starts_with("variants[].")
                && !path.starts_with("params.carousel[].")
                && !path.contains("body[].body[]")
        })
        .cloned()
        .collect();
    let known: BTreeSet<_> = known_keys().map(|(path, key)| (path.to_owned(), key.to_owned())).collect();
    let missing: Vec<_> = known.difference(&first).collect();
    let extra: Vec<_> = first.difference(&known).collect();
    assert!(
        missing.is_empty() && extra.is_empty(),
        "only in the decoder: {missing:?}\nonly in the schema: {extra:?}"
    );
    for (path, key) in &found {
        let again =
            known.iter().any(|(known_path, known_key)| known_key == key && same_tail(known_path, path));
        assert!(again, "{path}.{key} is only in the schema");
    }
}

/// Whether a path of a part that occurs again ends like its first occurrence.
fn same_tail(first: &str, again: &str) -> bool {
    let tail = |path: &str| path.rsplit('.').next().unwrap_or_default().to_owned();
    tail(first) == tail(again) || first.is_empty()
}

/// Every key and every choice is described, so that an editor has something to show.
#[test]
fn the_schema_describes_every_key() {
    fn check(value: &serde_json::Value, path: &str, bare: &mut Vec<String>) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, part) in map.get("properties").and_then(|p| p.as_object()).into_iter().flatten() {
                    if part.get("description").is_none() && part.get("$ref").is_none() {
                        bare.push(format!("{path}.{key}"));
                    }
                }
                for (key, part) in map {
                    check(part, &format!("{path}.{key}"), bare);
                }
            }
            serde_json::Value::Array(items) => items.iter().for_each(|item| check(item, path, bare)),
            serde_json::Value::Null
            | serde_json::Value::Bool(_)
            | serde_json::Value::Number(_)
            | serde_json::Value::String(_) => {}
        }
    }
    let mut bare = Vec::new();
    check(&serde_json::from_str(JSON_SCHEMA).unwrap(), "", &mut bare);
    assert!(bare.is_empty(), "{bare:?}");
}

/// Files that are nearly right: pieces of the example, mixed with what a slip of the hand leaves behind.
fn nearly_a_file() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => proptest::sample::select(EXAMPLE.lines().map(|line| format!("{line}\n")).collect::<Vec<_>>()),
        1 => proptest::sample::select(vec!["- ", "  ", "\t", "{{", "}}", "{%", "[", "]", "{", "}", "\"", "'", ": ", "&a ", "*a ", "? ", "|\n", ">-\n", "---\n", "!!int ", "%", "é", "\r\n", "0/s", "row['"])
            .prop_map(str::to_owned),
        1 => "\\PC{0,12}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        for name in ["f.yaml", "f.toml", "f.json"] {
            let _ = Definition::parse(name, &bytes);
        }
    }

    #[test]
    fn no_text_makes_it_panic(text in nearly_a_file()) {
        for name in ["f.yaml", "f.toml", "f.json"] {
            if let Err(problems) = Definition::parse(name, text.as_bytes()) {
                prop_assert!(!problems.0.is_empty());
            }
        }
    }

    #[test]
    fn no_expression_makes_it_panic(inside in "[a-z_' \"|(){}\\[\\]0-9.,+*~%é-]{0,30}", cell in "\\PC{0,10}") {
        let quoted = serde_json::to_string(&format!("x{{{{ {inside} }}}}")).unwrap();
        let text = with(&format!("params: {{ body: [ {quoted} ] }}\n"));
        if let Ok(definition) = Definition::parse("f.yaml", text.as_bytes()) {
            let header: Vec<String> = definition.columns_used().into_iter().map(|used| used.column).collect();
            let row: Vec<&str> = header.iter().map(|_| cell.as_str()).collect();
            let renderer = Renderer::new(&definition, &header).unwrap();
            let _ = renderer.render(None, &row);
        }
    }

    /// What one row gives never depends on rows before it.
    #[test]
    fn rendering_is_a_function_of_the_row(cells in proptest::collection::vec("\\PC{0,20}", 7)) {
        let definition = parse(&with(EVERY_COMPONENT));
        let renderer = Renderer::new(&definition, &HEADER).unwrap();
        let first = renderer.render(None, &cells);
        let _ = renderer.render(Some(1), &ROW);
        prop_assert_eq!(renderer.render(None, &cells), first);
    }
}
