//! The targets: what is done with an input, and what holds for any.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::sync::{Arc, LazyLock};

use campaign::audience::{AudienceReader, Row, RowProblem};
use campaign::definition::Definition;
use campaign::money::RateCard;
use campaign::pacing::Rate;
use campaign::planning::Planner;
use chrono::DateTime;
use reconciler::translate::{Changes, Ours, translate};
use whatsapp::{Secret, signature, webhook};

/// Something that reads from outside.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and its folder's in `corpus/`.
    pub name: &'static str,
    /// Reads an input.
    pub read: fn(&[u8]),
    /// Bytes that it may allocate at once whatever the input: tables that are read once, buffers of fixed size.
    pub fixed: usize,
    /// Bytes that it may allocate at once for each byte of the input, besides.
    pub per_byte: usize,
}

/// All targets.
pub const TARGETS: [Target; 4] = [
    Target { name: "webhook", read: webhook, fixed: 1 << 20, per_byte: 100 },
    Target { name: "signature", read: signed, fixed: 1 << 16, per_byte: 4 },
    Target { name: "campaign_file", read: campaign_file, fixed: 16 << 20, per_byte: 1_000 },
    Target { name: "audience_row", read: audience_row, fixed: 64 << 20, per_byte: 1_000 },
];

/// The target with this name.
#[must_use]
pub fn by_name(name: &str) -> Option<Target> {
    TARGETS.into_iter().find(|target| target.name == name)
}

/// The body of a post: decoded, and translated into changes of the store.
fn webhook(body: &[u8]) {
    let Ok(posted) = webhook::decode(body) else { return };
    // The least that gives an event is an element of a list.
    assert!(posted.len() <= body.len(), "{} events of {} bytes", posted.len(), body.len());
    let now = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1_795_000_000);
    let ours = Ours::new("k3v9", Vec::new());
    let mut changes = Changes::default();
    for event in &posted {
        translate(event, &ours, now, &mut changes);
    }
    assert!(changes.statuses.len() <= posted.len());
    for update in &changes.statuses {
        assert!(update.retry_at.is_none_or(|at| at > now), "it would be tried again in the past: {update:?}");
    }
}

/// The first line: the signature's header; the rest: the body. Nobody signs who does not know the secret.
fn signed(input: &[u8]) {
    let cut = input.iter().position(|byte| *byte == b'\n').unwrap_or(input.len());
    let (header, rest) = input.split_at(cut);
    let body = rest.get(1..).unwrap_or_default();
    let secrets = [Secret::new("the secret of our app"), Secret::new(""), Secret::new("the one before")];
    let text = std::str::from_utf8(header).ok();
    assert!(signature::verify(&secrets, text, body).is_err(), "a signature was guessed");
    assert!(signature::verify(&[], text, body).is_err());
    assert!(signature::verify_shared(&secrets, Some(header)).is_err(), "a secret was guessed");
}

/// The first byte: the kind of file; the rest: the file, decoded and judged by every rule.
fn campaign_file(input: &[u8]) {
    let Some((kind, text)) = input.split_first() else { return };
    let name = ["a.yaml", "a.toml", "a.json"][usize::from(kind.wrapping_sub(b'0') % 3)];
    match Definition::parse(name, text) {
        Ok(definition) => {
            assert!(!definition.senders.is_empty());
            // What was good once is kept, and read again by other processes.
            assert!(Definition::parse(name, text).is_ok());
        }
        Err(problems) => {
            let told = problems.to_string();
            assert!(told.contains(name), "no problem says where it is: {told}");
        }
    }
}

/// A campaign that uses every kind of parameter.
const ALL_KINDS: &str = r#"
campaign: fuzz
sender: jaspers-in
template: { name: diwali_sale, language: en }
audience:
  file: a.csv
  max_invalid: 100%
  phone: { column: phone, region: IN }
  timezone: { column: tz }
params:
  header: { image: { link: "{{ link | default('https://example.com/a.jpg') }}" } }
  body: ["{{ name | default('there') }}", "{{ code | upper }}", "{{ name | title | truncate(10) }}"]
  buttons: [ { index: 0, url: "{{ code }}" } ]
schedule: { zone: Asia/Kolkata, windows: [ { days: mon-sat, from: "09:00", to: "20:00", in: recipient } ] }
delivery: { max_price: { amount: "0.87", currency: INR, multiplier: "{{ bid | default(1) }}" } }
variants: [ { name: a, weight: 50 }, { name: b, weight: 50 } ]
holdout: 5%
"#;

/// The columns that it uses.
const HEADER: &str = "phone,name,code,link,tz,bid\n";

static CAMPAIGN: LazyLock<Option<Arc<Definition>>> =
    LazyLock::new(|| Definition::parse("a.yaml", ALL_KINDS.as_bytes()).ok().map(Arc::new));

/// The first byte: the kind of file; the rest: rows, read, screened, rendered and placed.
fn audience_row(input: &[u8]) {
    let Some((kind, rows)) = input.split_first() else { return };
    let (name, file) = match kind.wrapping_sub(b'0') % 5 {
        0 => ("a.csv", [HEADER.as_bytes(), rows].concat()),
        1 => ("a.ndjson", rows.to_vec()),
        2 => ("a.csv", rows.to_vec()),
        3 => ("a.csv.gz", rows.to_vec()),
        _ => ("a.ndjson.zst", rows.to_vec()),
    };
    let Ok(mut reader) = AudienceReader::open(name, Cursor::new(file)) else { return };
    let definition = CAMPAIGN.clone();
    assert!(definition.is_some(), "the campaign of this target is good");
    let (Some(definition), Ok(rate), Ok(card)) = (definition, "80/s".parse(), RateCard::shipped()) else {
        return;
    };
    let senders: BTreeMap<String, Rate> = [("jaspers-in".to_owned(), rate)].into_iter().collect();
    let Ok(mut planner) = Planner::new(definition, reader.columns(), &senders, card) else { return };
    let mut row = Row::default();
    // A small compressed file may have very many rows; some of them will do.
    for _ in 0..1_000 {
        match reader.next_row(&mut row) {
            None | Some(Err(RowProblem::Fatal(_))) => break,
            Some(Err(RowProblem::Row(problem))) => {
                let _ = planner.broken_row(&problem);
            }
            Some(Ok(())) => match planner.screen(name, &row) {
                Ok(candidate) => {
                    let _ = planner.place(candidate);
                }
                Err(exclusion) => assert!(!exclusion.detail.is_empty()),
            },
        }
    }
    let (_, summary) = planner.finish();
    let _ = summary.cost();
}
