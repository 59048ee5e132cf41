//! A launched campaign, and short words for what happens to it.

use std::sync::Arc;
use std::time::Duration;

use campaign::definition::Definition;
use campaign::gate::GateRules;
use campaign::ids::{CampaignId, MessageId, Seq, SliceId};
use campaign::lifecycle::Event;
use campaign::message::{State, Status};
use campaign::money::{Currency, Micros};
use campaign::params::{Content, Param, ParamValue};
use chrono::{DateTime, TimeDelta, Utc};

use crate::SharedStore;
use crate::model::{
    CampaignRow, Chunk, Claim, Claimed, Excluded, Failure, GateEvent, MessageRow, NewCampaign, NewGroup,
    NewMessage, NewSlice, Outcome, OutcomeKind, ReleaseOrder, Released, SliceEnd, StatusReport, StatusUpdate,
    TemplateKey, Totals, WorkerId,
};

/// What one attempt costs at the most, in every scene.
pub const WORST_CASE: Micros = Micros(10);
/// What a delivery costs when no price is told.
pub const EXPECTED_COST: Micros = Micros(8);
/// The messages' time to live, seconds.
pub const TTL_S: u32 = 43_200;

/// A time so many seconds after every scene's beginning.
#[must_use]
pub fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_795_000_000 + seconds)
}

/// A campaign about to be launched.
#[derive(Debug, Clone)]
pub struct Setup {
    pub key: &'static str,
    pub messages: u32,
    pub per_slice: u32,
    pub excluded: u32,
    pub budget: Option<i64>,
    /// Lines added to the campaign file.
    pub extra: &'static str,
    pub is_gate_open: bool,
    /// The number of the first of its people: campaigns with the same numbers have the same people.
    pub people_from: u32,
    pub portfolio: &'static str,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            key: "diwali",
            messages: 10,
            per_slice: 5,
            excluded: 2,
            budget: None,
            extra: "",
            is_gate_open: true,
            people_from: 0,
            portfolio: "7001",
        }
    }
}

/// The template of every scene.
#[must_use]
pub fn template() -> TemplateKey {
    TemplateKey { waba_id: "102290129340398".into(), name: "diwali_sale".into(), language: "en".into() }
}

#[must_use]
pub fn worker(name: &str) -> WorkerId {
    WorkerId(name.to_owned())
}

#[must_use]
pub fn failure(code: i64) -> Failure {
    Failure { code: Some(code), class: "retry".into(), detail: format!("the platform said {code}") }
}

impl Setup {
    /// The campaign's head.
    #[must_use]
    pub fn campaign(&self) -> NewCampaign {
        let file = format!(
            "campaign: {}\nsender: jaspers-in\ntemplate: {{ name: diwali_sale, language: en }}\n\
             audience: {{ file: diwali.csv, phone: {{ column: phone, region: IN }} }}\n{}\n",
            self.key, self.extra
        );
        let definition = Definition::parse("diwali.yaml", file.as_bytes());
        NewCampaign {
            key: self.key.to_owned(),
            definition: Arc::new(definition.unwrap_or_else(|problems| panic!("{problems}"))),
            file: "diwali.yaml".into(),
            plan_hash: "f00d".into(),
            budget: self.budget.map(Micros),
            currency: Currency::INR,
            ttl_s: TTL_S,
            follow_up_of: None,
        }
    }

    /// All its rows.
    #[must_use]
    pub fn chunk(&self) -> Chunk {
        let slices = self.messages.div_ceil(self.per_slice);
        Chunk {
            groups: vec![NewGroup {
                number: 0,
                sender: "jaspers-in".into(),
                portfolio: self.portfolio.into(),
                template: template(),
                variant: Some("a".into()),
                zone: "Asia/Kolkata".into(),
            }],
            slices: (0..slices)
                .map(|number| {
                    let messages = self.per_slice.min(self.messages - number * self.per_slice);
                    NewSlice { number, group: 0, messages }
                })
                .collect(),
            messages: (0..self.messages)
                .map(|seq| NewMessage {
                    recipient: recipient(self.people_from + seq),
                    ..message(seq, seq / self.per_slice)
                })
                .collect(),
            excluded: (self.messages..self.messages + self.excluded)
                .map(|seq| Excluded {
                    seq: Seq(seq),
                    line: u64::from(seq) + 2,
                    recipient: "+1 212 555".into(),
                    reason: "invalid".into(),
                    detail: "not a phone number".into(),
                })
                .collect(),
        }
    }

    #[must_use]
    pub fn totals(&self) -> Totals {
        Totals {
            planned: u64::from(self.messages + self.excluded),
            excluded: u64::from(self.excluded),
            messages: u64::from(self.messages),
        }
    }

    /// Launches it and lets it run.
    pub async fn launch(&self, store: &SharedStore) -> Scene {
        let id = store.begin_launch(self.campaign(), Duration::from_secs(60), at(0)).await.unwrap();
        store.add_chunk(id, self.chunk(), at(0)).await.unwrap();
        store.finish_launch(id, self.totals(), at(0)).await.unwrap();
        store.transition(id, Event::Begin, None, at(0)).await.unwrap();
        if self.is_gate_open {
            store.gate_event(&template(), GateEvent::OpenByHand, &GateRules::default(), at(0)).await.unwrap();
        }
        Scene { store: Arc::clone(store), id, rules: GateRules::default(), daily_reach: None }
    }

    /// Launches it, lets it run, and releases all its slices.
    pub async fn released(&self, store: &SharedStore) -> Scene {
        let scene = self.launch(store).await;
        scene.release_all(at(0)).await;
        scene
    }
}

/// Who has this number.
#[must_use]
pub fn recipient(number: u32) -> String {
    format!("9198{number:08}")
}

/// A message of the first group.
#[must_use]
pub fn message(seq: u32, slice: u32) -> NewMessage {
    NewMessage {
        seq: Seq(seq),
        slice,
        group: 0,
        recipient: recipient(seq),
        country: "IN".into(),
        content: Content {
            body: vec![Param { name: None, value: ParamValue::Text(format!("Priyá {seq}")) }],
            ..Content::default()
        },
        multiplier: Some("1.5".parse().unwrap()),
        worst_case: WORST_CASE,
        expected_cost: EXPECTED_COST,
    }
}

/// A campaign that runs.
#[derive(Debug, Clone)]
pub struct Scene {
    pub store: SharedStore,
    pub id: CampaignId,
    pub rules: GateRules,
    /// The limit that its claims tell.
    pub daily_reach: Option<u32>,
}

impl Scene {
    #[must_use]
    pub fn slice(&self, number: u32) -> SliceId {
        SliceId { campaign: self.id, number }
    }

    #[must_use]
    pub fn message(&self, seq: u32) -> MessageId {
        MessageId { campaign: self.id, seq: Seq(seq) }
    }

    pub async fn release(&self, messages: u64, now: DateTime<Utc>) -> Vec<Released> {
        let orders = [ReleaseOrder { group: 0, messages }];
        self.store.release(self.id, &orders, now, now + TimeDelta::seconds(60)).await.unwrap()
    }

    pub async fn release_all(&self, now: DateTime<Utc>) -> Vec<Released> {
        self.release(u64::MAX, now).await
    }

    pub async fn claim(
        &self,
        slice: u32,
        seqs: impl IntoIterator<Item = u32>,
        now: DateTime<Utc>,
    ) -> Claimed {
        self.claim_as("w1", slice, seqs, now).await
    }

    pub async fn claim_as(
        &self,
        name: &str,
        slice: u32,
        seqs: impl IntoIterator<Item = u32>,
        now: DateTime<Utc>,
    ) -> Claimed {
        let claim = Claim {
            slice: self.slice(slice),
            seqs: seqs.into_iter().map(Seq).collect(),
            worker: worker(name),
            lease_until: now + TimeDelta::seconds(60),
            daily_reach: self.daily_reach,
        };
        self.store.claim(&claim, &self.rules, now).await.unwrap()
    }

    pub async fn record(&self, seq: u32, attempt: u32, result: OutcomeKind, now: DateTime<Utc>) {
        let outcome = Outcome { message: self.message(seq), attempt, result };
        self.store.record(&[outcome], now).await.unwrap();
    }

    /// The platform took the attempt; its id there is `wamid.SEQ.ATTEMPT`.
    pub async fn accepted(&self, seq: u32, attempt: u32, now: DateTime<Utc>) {
        let result = OutcomeKind::Accepted { wamid: wamid(seq, attempt), held: false };
        self.record(seq, attempt, result, now).await;
    }

    pub async fn refused(&self, seq: u32, attempt: u32, retry_at: Option<DateTime<Utc>>, now: DateTime<Utc>) {
        let result = OutcomeKind::Refused { failure: failure(130_429), retry_at, counts: true };
        self.record(seq, attempt, result, now).await;
    }

    pub async fn unknown(&self, seq: u32, attempt: u32, now: DateTime<Utc>) {
        let failure = Failure { code: None, class: "unknown".into(), detail: "no answer came".into() };
        self.record(seq, attempt, OutcomeKind::Unknown { failure }, now).await;
    }

    pub async fn finish(&self, slice: u32) {
        self.store.finish_slice(self.slice(slice), SliceEnd::default()).await.unwrap();
    }

    pub async fn apply(&self, updates: &[StatusUpdate], now: DateTime<Utc>) -> StatusReport {
        self.store.apply_statuses(updates, now).await.unwrap()
    }

    /// A status with our key echoed.
    #[must_use]
    pub fn keyed(&self, seq: u32, attempt: u32, status: Status, when: DateTime<Utc>) -> StatusUpdate {
        StatusUpdate { key: Some((self.message(seq), attempt)), ..unkeyed(seq, attempt, status, when) }
    }

    pub async fn transition(&self, event: Event, now: DateTime<Utc>) {
        self.store.transition(self.id, event, None, now).await.unwrap();
    }

    pub async fn row(&self, seq: u32) -> MessageRow {
        let after = seq.checked_sub(1).map(Seq);
        let mut page = self.store.messages(self.id, after, 1).await.unwrap();
        assert_eq!(page.first().map(|m| m.seq), Some(Seq(seq)), "message {seq} is there");
        page.remove(0)
    }

    pub async fn state(&self, seq: u32) -> State {
        self.row(seq).await.state
    }

    pub async fn campaign(&self) -> CampaignRow {
        self.store.campaign_by_id(self.id).await.unwrap().unwrap()
    }

    /// How many messages wait in planned and in released slices.
    pub async fn waiting(&self) -> (u64, u64) {
        let group = &self.campaign().await.groups[0];
        (group.planned, group.released)
    }

    /// What is spent and what is reserved.
    pub async fn money(&self) -> (i64, i64) {
        let campaign = self.campaign().await;
        (campaign.spent.0, campaign.reserved.0)
    }
}

/// The platform's id of an attempt.
#[must_use]
pub fn wamid(seq: u32, attempt: u32) -> String {
    format!("wamid.{seq}.{attempt}")
}

/// A status without our key.
#[must_use]
pub fn unkeyed(seq: u32, attempt: u32, status: Status, when: DateTime<Utc>) -> StatusUpdate {
    StatusUpdate {
        wamid: wamid(seq, attempt),
        key: None,
        status,
        at: when,
        failure: matches!(status, Status::Failed { .. }).then(|| failure(131_026)),
        retry_at: None,
        route: None,
        cost: None,
        about: None,
    }
}

/// The numbers of what was claimed.
#[must_use]
pub fn seqs(claimed: &Claimed) -> Vec<u32> {
    claimed.messages.iter().map(|m| m.seq.0).collect()
}
