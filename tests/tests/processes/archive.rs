//! `kill -9` of `run` while it archives webhooks, again and again: whatever it answered with 200 is read from the archive
//! afterwards, and `replay` says how many webhooks there are and passes over what was torn off.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use reconciler::archive::reader::{Reader, segments};
use testkit::files::APP_SECRET;
use testkit::machine::{Machine, MachineOptions};

use crate::beside_others;

const KILLS: u32 = 10;
/// Who post at once.
const POSTERS: u32 = 16;
/// So many webhooks are answered with 200 between a start and the kill.
const ANSWERED: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_before_a_kill_is_in_the_archive() {
    let _place = beside_others().await;
    let mut machine = Machine::start(MachineOptions::default()).await;
    let folder = machine.files.join("webhooks");
    machine.files.set("PACELINE_WEBHOOK__ARCHIVE", folder.to_str().unwrap());
    let posted = Arc::new(AtomicU32::new(0));
    let mut answered = BTreeSet::new();
    for _ in 0..KILLS {
        machine.run();
        let (report, mut reports) = tokio::sync::mpsc::unbounded_channel();
        let posters: Vec<_> = (0..POSTERS)
            .map(|_| tokio::spawn(post(machine.webhook_url.clone(), posted.clone(), report.clone())))
            .collect();
        for _ in 0..ANSWERED {
            let said = tokio::time::timeout(Duration::from_secs(60), reports.recv()).await;
            let number = said.unwrap_or_else(|_| panic!("no webhook is answered\n{}", machine.log()));
            answered.extend(number);
        }
        // The posters go on: something is being written now.
        machine.kill();
        for poster in posters {
            poster.abort();
            let _ = poster.await;
        }
        while let Ok(number) = reports.try_recv() {
            answered.insert(number);
        }
    }

    let mut reader = Reader::new(segments(&folder).unwrap(), None, None);
    let mut archived = BTreeSet::new();
    let mut posts = 0_u64;
    while let Some(frame) = reader.next_frame().unwrap() {
        posts += frame.bodies.len() as u64;
        archived.extend(frame.bodies.iter().map(|body| number_in(body)));
    }
    let lost: Vec<&u32> = answered.difference(&archived).collect();
    assert!(lost.is_empty(), "answered with 200 and not archived: {lost:?}");
    assert!(answered.len() >= ANSWERED * KILLS as usize);
    assert!(posted.load(Ordering::Relaxed) as usize > answered.len(), "no kill cut anything off");
    let said = machine.cli(&["replay", "--json"]).good().json();
    assert_eq!((said["posts"].as_u64(), said["torn"].as_u64()), (Some(posts), Some(reader.torn())));
    assert_eq!(said["unreadable"], 0);
}

/// Posts one webhook after the other, and reports those that were answered with 200.
async fn post(url: String, posted: Arc<AtomicU32>, report: tokio::sync::mpsc::UnboundedSender<u32>) {
    let client = reqwest::Client::new();
    loop {
        let number = posted.fetch_add(1, Ordering::Relaxed);
        let body = format!(r#"{{"object":"whatsapp_business_account","entry":[],"number":{number}}}"#);
        let signature = signed(body.as_bytes());
        let answer = client.post(&url).header("X-Hub-Signature-256", signature).body(body).send().await;
        match answer {
            Ok(answer) if answer.status() == 200 => {
                let _ = report.send(number);
            }
            Ok(_) => {}
            // It is not there yet, or not any more.
            Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
        }
    }
}

fn signed(body: &[u8]) -> String {
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(APP_SECRET.1.as_bytes()).unwrap();
    mac.update(body);
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn number_in(body: &[u8]) -> u32 {
    let body: serde_json::Value = serde_json::from_slice(body).unwrap();
    body["number"].as_u64().and_then(|number| number.try_into().ok()).unwrap()
}
