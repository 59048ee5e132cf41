//! The campaign whose messages are all accepted, and the posts that tell what became of them.

use std::sync::Arc;

use campaign::ids::CorrelationKey;
use campaign::message::{State, Status};
use chrono::{DateTime, Utc};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use store::conformance::scene::{Scene, Setup, at, wamid};
use store::model::{Outcome, OutcomeKind};
use store::{PostgresStore, SharedStore, SqliteStore};

use super::SECRET;

/// What is posted first, and then.
const CAMPAIGNS: [&str; 2] = ["first", "second"];

/// Messages that are claimed and recorded together.
const SLICE: u32 = 500;

/// So many posts pass between a message's statuses, as on the platform other messages' are told in between.
const APART: usize = 6_000;

/// Whole HTTP requests, ready to be written.
#[derive(Debug)]
pub(super) struct Posts(pub(super) Vec<Vec<u8>>);

/// Makes two campaigns with so many posts, three for each message.
pub(super) async fn prepare(url: &str, first: u32, second: u32) -> (Posts, Posts) {
    let store = open(url).await;
    let [one, two] = CAMPAIGNS;
    let first = of_campaign(&store, one, first).await;
    let second = of_campaign(&store, two, second).await;
    store.close().await;
    (first, second)
}

/// Says whether what was posted is what is known now: every message is read, and nothing waits for its message.
pub(super) async fn check(url: &str) {
    let store = open(url).await;
    for key in CAMPAIGNS {
        let row = store.campaign(key).await.expect("the database answers").expect("it was launched");
        let all = row.totals.messages;
        let read = row.counts.get(&State::Read).copied().unwrap_or_default();
        assert_eq!(read, all, "messages of the campaign {key} that are read: {:?}", row.counts);
        let verdict = store.verify(row.id).await.expect("the database answers");
        assert_eq!(verdict.violations, Vec::<String>::new());
    }
    assert_eq!(store.parked_statuses().await.expect("the database answers"), 0);
    store.close().await;
}

async fn open(url: &str) -> SharedStore {
    match url.strip_prefix("sqlite://") {
        Some(path) => Arc::new(SqliteStore::open(path).await.expect("the database opens")),
        None => Arc::new(PostgresStore::connect(url).await.expect("the database answers")),
    }
}

async fn of_campaign(store: &SharedStore, key: &'static str, posts: u32) -> Posts {
    let messages = posts.div_ceil(3);
    let setup = Setup { key, messages, per_slice: SLICE, excluded: 0, ..Setup::default() };
    let scene = setup.released(store).await;
    for slice in 0..messages.div_ceil(SLICE) {
        let seqs = slice * SLICE..((slice + 1) * SLICE).min(messages);
        scene.claim(slice, seqs.clone(), at(0)).await;
        let accepted = |seq| Outcome {
            message: scene.message(seq),
            attempt: 1,
            result: OutcomeKind::Accepted { wamid: id(key, seq), held: false },
        };
        let outcomes: Vec<Outcome> = seqs.map(accepted).collect();
        store.record(&outcomes, at(1)).await.expect("they are recorded");
        scene.finish(slice).await;
    }
    let install = store.install_id().await.expect("the database has a name");
    let mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("any length will do");
    let all = in_order(messages).into_iter().take(posts as usize);
    Posts(all.map(|(seq, status)| request(&scene, &install, key, seq, status, &mac)).collect())
}

/// Each message's statuses in their order, with others' in between.
fn in_order(messages: u32) -> Vec<(u32, Status)> {
    let statuses = [Status::Sent, Status::Delivered, Status::Read];
    let mut timed: Vec<(usize, u32, Status)> = (0..messages)
        .flat_map(|seq| {
            (0..).zip(statuses).map(move |(nth, status)| (seq as usize * 3 + nth * APART, seq, status))
        })
        .collect();
    timed.sort_by_key(|(time, ..)| *time);
    timed.into_iter().map(|(_, seq, status)| (seq, status)).collect()
}

fn id(key: &str, seq: u32) -> String {
    format!("{}-{key}-HBgMOTE5ODAwMDAwMDAxFQIAERgSQzM", wamid(seq, 1))
}

fn request(scene: &Scene, install: &str, key: &str, seq: u32, status: Status, mac: &Hmac<Sha256>) -> Vec<u8> {
    let name = match status {
        Status::Sent => "sent",
        Status::Delivered => "delivered",
        Status::Read => "read",
        Status::Failed { .. } => "failed",
    };
    let pricing = match status {
        Status::Sent | Status::Delivered => {
            r#","pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing_lite"}"#
        }
        Status::Read | Status::Failed { .. } => "",
    };
    let told: DateTime<Utc> = at(2);
    let callback = CorrelationKey { install: install.to_owned(), message: scene.message(seq), attempt: 1 };
    let body = format!(
        r#"{{"object":"whatsapp_business_account","entry":[{{"id":"102290129340398","changes":[{{"value":{{"messaging_product":"whatsapp","metadata":{{"display_phone_number":"919800000001","phone_number_id":"106540352242922"}},"statuses":[{{"id":"{id}","status":"{name}","timestamp":"{time}","recipient_id":"9198{seq:08}","biz_opaque_callback_data":"{callback}"{pricing}}}]}},"field":"messages"}}]}}]}}"#,
        id = id(key, seq),
        time = told.timestamp(),
    );
    let signature = hex::encode(mac.clone().chain_update(&body).finalize().into_bytes());
    format!(
        "POST /webhooks/whatsapp HTTP/1.1\r\nhost: paceline.example\r\nuser-agent: facebookexternalua\r\n\
         content-type: application/json\r\nx-hub-signature-256: sha256={signature}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}
