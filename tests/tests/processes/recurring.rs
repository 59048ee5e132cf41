//! `kill -9` of `run` while it loads a recurring campaign's run, and a restart: there is exactly one run, whole, and
//! nobody is written to twice.

use std::time::Duration;

use campaign::lifecycle::State;
use chrono::{TimeDelta, Timelike};
use store::Store;
use testkit::machine::{Machine, MachineOptions};
use testkit::truth;

use crate::beside_others;

const PEOPLE: u32 = 400;
/// The audience has everybody so often: duplicates are left out, but have to be read, which takes time.
const TIMES: usize = 300;

#[tokio::test]
async fn a_run_whose_load_was_killed_is_made_once() {
    let _place = beside_others().await;
    let mut machine = Machine::start(MachineOptions {
        rate: "200/s",
        throughput: Some(100_000),
        ..MachineOptions::default()
    })
    .await;
    let people = machine.files.people("people.csv", 0, PEOPLE);
    let text = std::fs::read_to_string(&people).unwrap();
    let (header, rows) = text.split_once('\n').unwrap();
    std::fs::write(&people, format!("{header}\n{}", rows.repeat(TIMES))).unwrap();
    // The next minute that leaves time to launch, once a day.
    let at = machine.now() + TimeDelta::seconds(80);
    let schedule = format!("schedule: {{ zone: UTC, repeat: \"{} {} * * *\" }}", at.minute(), at.hour());
    machine.files.campaign("daily", "people.csv", &schedule);
    let _ = machine.cli(&["launch", "daily.yaml"]).good();
    let store = machine.store().await;
    let row = store.series("daily").await.unwrap().unwrap();
    let run = row.timetable.run_key("daily", row.next().unwrap());
    machine.run();

    let end = machine.now() + TimeDelta::seconds(120);
    while store.campaign(&run).await.unwrap().is_none() {
        assert!(machine.now() < end, "no run was begun\n{}", machine.log());
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    machine.kill();
    let killed = store.campaign(&run).await.unwrap().unwrap();
    assert_eq!(killed.state, State::Loading, "the kill came too late to mean anything");
    assert_eq!(machine.platform.accepted(), 0);

    machine.run();
    let done = machine.until(&store, &run, Duration::from_secs(90), |row| row.state == State::Done).await;
    assert_ne!(done.id, killed.id, "it was made anew");
    assert_eq!(done.totals.messages, u64::from(PEOPLE));
    assert_eq!(done.totals.planned, u64::from(PEOPLE) * TIMES as u64);
    assert!(machine.platform.quiet(Duration::from_secs(20)).await);
    assert_eq!(store.campaigns().await.unwrap().campaigns.len(), 1);
    let after = store.series("daily").await.unwrap().unwrap();
    assert_eq!((Some(after.handled), after.skipped_total), (row.next(), 0));
    let ledger = machine.platform.ledger();
    assert_eq!(ledger.len(), PEOPLE as usize);
    assert_eq!(truth::sent_twice(&ledger), Vec::<String>::new());
    assert_eq!(truth::differences(&ledger, &machine.messages(&store, &run).await), Vec::<String>::new());
    assert_eq!(store.verify(done.id).await.unwrap().violations, Vec::<String>::new());
    assert_eq!(machine.terminate(), Some(0), "{}", machine.log());
}
