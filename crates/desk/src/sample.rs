//! A campaign half-way through, written by hand: for the tests of what people read.

#![expect(missing_docs, clippy::unwrap_used, reason = "for tests")]
#![expect(clippy::must_use_candidate, reason = "for tests")]

use std::collections::BTreeMap;
use std::sync::Arc;

use campaign::definition::Definition;
use campaign::gate::{GateRules, GateState};
use campaign::ids::CampaignId;
use campaign::lifecycle;
use campaign::message::State;
use campaign::money::{Currency, Micros};
use chrono::{DateTime, Utc};
use store::model::{CampaignRow, FailureCount, GroupRow, TemplateKey, Totals};

use crate::facts::Gates;

pub const YAML: &str = "\
campaign: diwali-2026-in
sender: jaspers-in
template: { name: diwali_sale, language: en }
audience: { file: diwali.csv, phone: { column: phone, region: IN } }
schedule: { zone: Asia/Kolkata }
";

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub fn now() -> DateTime<Utc> {
    at("2026-11-08T04:30:00Z")
}

pub fn template() -> TemplateKey {
    TemplateKey {
        waba_id: "102290129340398".to_owned(),
        name: "diwali_sale".to_owned(),
        language: "en".to_owned(),
    }
}

/// The template was used a minute ago: its gate is open.
pub fn gates() -> Gates {
    let open = GateState {
        first_seen_at: Some(at("2026-10-01T00:00:00Z")),
        last_used_at: Some(at("2026-11-08T04:29:00Z")),
        ..GateState::default()
    };
    Gates { states: BTreeMap::from([(template(), open)]), rules: GateRules::default() }
}

fn group(number: u32, zone: &str, planned: u64) -> GroupRow {
    GroupRow {
        number,
        sender: "jaspers-in".to_owned(),
        portfolio: "2729063490586005".to_owned(),
        template: template(),
        variant: None,
        zone: zone.to_owned(),
        planned,
        retries: 0,
        released: 0,
        not_before: None,
    }
}

pub fn row() -> CampaignRow {
    CampaignRow {
        id: CampaignId(1),
        key: "diwali-2026-in".to_owned(),
        state: lifecycle::State::Running,
        reason: None,
        file: "examples/diwali.yaml".to_owned(),
        definition: Arc::new(Definition::parse("diwali.yaml", YAML.as_bytes()).unwrap()),
        plan_hash: "3f2a91c0".to_owned(),
        currency: Currency::INR,
        budget: Some(Micros(50_000_000_000)),
        spent: Micros(4_437_000_000),
        reserved: Micros(783_000_000),
        launched_at: at("2026-11-08T03:00:00Z"),
        started_at: Some(at("2026-11-08T03:30:00Z")),
        last_sent_at: Some(at("2026-11-08T04:29:59Z")),
        finished_at: None,
        totals: Totals { planned: 10_400, excluded: 400, messages: 10_000 },
        counts: BTreeMap::from([
            (State::Queued, 3_880),
            (State::Retrying, 20),
            (State::Sending, 8),
            (State::InDoubt, 2),
            (State::Accepted, 40),
            (State::Sent, 850),
            (State::Delivered, 3_100),
            (State::Read, 2_000),
            (State::Failed, 95),
            (State::Skipped, 5),
        ]),
        attempts: 6_210,
        stop_waived: false,
        failures: vec![
            FailureCount { code: Some(131_026), messages: 80 },
            FailureCount { code: None, messages: 3 },
            FailureCount { code: Some(131_050), messages: 10 },
            FailureCount { code: Some(999_999), messages: 2 },
        ],
        groups: vec![group(0, "Asia/Kolkata", 3_000), group(1, "America/New_York", 880)],
        follow_up_of: None,
    }
}
