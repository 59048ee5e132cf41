//! When and how fast: windows where the recipient lives, start and end, rate and ramp, read from the ledger on
//! the platform's clock; and who gets which variant, or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use campaign::lifecycle;
use campaign::message::State;
use chrono::{DateTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use testkit::files::{Files, person};
use testkit::truth::worst_window;
use testkit::{World, WorldOptions};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Ten a second, one request at a time: each arrives at its permit's instant on the settable clock.
async fn exact_world() -> World {
    crate::world(WorldOptions { rate: "10/s", concurrency: 1, ..WorldOptions::default() }).await
}

/// The first instant of tomorrow, in UTC.
fn tomorrow(now: DateTime<Utc>) -> DateTime<Utc> {
    Utc.from_utc_datetime(&(now.date_naive() + TimeDelta::days(1)).and_hms_opt(0, 0, 0).unwrap())
}

/// An audience of `people` in each of these zones, with the zone in a column.
fn people_in(files: &Files, zones: &[&str], people: u32) {
    let mut text = String::from("phone,tz\n");
    let mut i = 0;
    for zone in zones {
        for _ in 0..people {
            writeln!(text, "{},{zone}", person(i)).unwrap();
            i += 1;
        }
    }
    files.write("people.csv", text);
}

fn campaign_with_zones(files: &Files, key: &str, more: &str) -> std::path::PathBuf {
    files.write(
        &format!("{key}.yaml"),
        format!(
            "campaign: {key}\nsender: jaspers-in\ntemplate: {{ name: test_offer, language: en }}\n\
             audience: {{ file: people.csv, phone: {{ column: phone }}, timezone: {{ column: tz }} }}\n{more}\n"
        ),
    )
}

/// When each recipient's message arrived at the platform.
fn arrivals(world: &World) -> BTreeMap<String, DateTime<Utc>> {
    world
        .platform
        .ledger()
        .into_iter()
        .map(|e| (format!("+{}", e.recipient.trim_start_matches('+')), e.arrived_at))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_written_to_outside_the_hours_where_they_live() {
    let world = exact_world().await;
    let zones = ["Asia/Kolkata", "America/Sao_Paulo", "Pacific/Auckland"];
    people_in(&world.files, &zones, 120);
    let start = tomorrow(world.now());
    // Slow enough that the window closes on many who then wait for the next day.
    let more = format!(
        "schedule: {{ start: \"{}\", windows: [ {{ days: daily, from: \"09:00\", to: \"10:00\", in: recipient }} ] }}\n\
         pace: {{ rate: 1/m }}",
        start.to_rfc3339()
    );
    world.launch(&campaign_with_zones(&world.files, "local", &more)).await;
    world.pass(5 * MINUTE, MINUTE).await;
    let row = world.row("local").await;
    assert_eq!(row.state, lifecycle::State::Waiting);
    assert!(row.reason.as_deref().unwrap().starts_with("starts at "), "{:?}", row.reason);

    world.clock.advance_to(start);
    world.pass(Duration::from_secs(60 * 3_600), 10 * MINUTE).await;

    let arrivals = arrivals(&world);
    assert_eq!(arrivals.len(), 360, "all were written to within the days");
    let mut days: BTreeMap<&str, BTreeSet<_>> = BTreeMap::new();
    for (i, (zone, name)) in zones
        .iter()
        .flat_map(|name| std::iter::repeat_n((name.parse::<Tz>().unwrap(), *name), 120))
        .enumerate()
    {
        let local = arrivals[&person(u32::try_from(i).unwrap())].with_timezone(&zone);
        assert_eq!(local.hour(), 9, "person {i} got it at {local}");
        days.entry(name).or_default().insert(local.date_naive());
    }
    assert!(days.values().all(|days| days.len() >= 2), "the window closed on some: {days:?}");
    assert_eq!(world.until_over("local").await.state, lifecycle::State::Done);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_zones_open_at_different_times() {
    let world = exact_world().await;
    people_in(&world.files, &["Asia/Kolkata", "America/Sao_Paulo"], 30);
    let start = tomorrow(world.now());
    let more = format!(
        "schedule: {{ start: \"{}\", windows: [ {{ days: daily, from: \"09:00\", to: \"20:00\", in: recipient }} ] }}",
        start.to_rfc3339()
    );
    world.launch(&campaign_with_zones(&world.files, "zones", &more)).await;
    world.clock.advance_to(start);
    world.step().await;
    // 05:30 in India and 21:00 in Brazil.
    assert_eq!(world.platform.requests().len(), 0);
    let reason = world.row("zones").await.reason.unwrap();
    assert!(reason.contains("the next opens at") && reason.contains("09:00 IST"), "{reason}");

    // 09:00 in India is 03:30 UTC; 09:00 in São Paulo is 12:00 UTC.
    world.clock.advance_to(start + TimeDelta::minutes(3 * 60 + 29));
    world.step().await;
    assert_eq!(world.platform.requests().len(), 0);
    world.clock.advance_to(start + TimeDelta::minutes(3 * 60 + 30));
    world.step().await;
    assert_eq!(world.platform.accepted(), 30, "India");
    world.clock.advance_to(start + TimeDelta::minutes(11 * 60 + 59));
    world.step().await;
    assert_eq!(world.platform.accepted(), 30);
    world.clock.advance_to(start + TimeDelta::minutes(12 * 60));
    world.step().await;
    assert_eq!(world.platform.accepted(), 60, "and Brazil");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_leaves_before_the_start_and_after_the_end_the_rest_expires() {
    let world = exact_world().await;
    world.files.people("people.csv", 0, 1_000);
    let start = world.now() + TimeDelta::hours(2);
    let end = start + TimeDelta::seconds(30);
    let more = format!("schedule: {{ start: \"{}\", end: \"{}\" }}", start.to_rfc3339(), end.to_rfc3339());
    world.launch(&world.files.campaign("short", "people.csv", &more)).await;
    world.pass(Duration::from_secs(3_600), MINUTE).await;
    assert_eq!(world.platform.requests().len(), 0);

    let row = world.until_over("short").await;

    let ledger = world.platform.ledger();
    assert!(ledger.iter().all(|e| e.arrived_at >= start && e.arrived_at < end), "within its half minute");
    assert!((275..=300).contains(&ledger.len()), "at 10/s for 30 s: {}", ledger.len());
    assert_eq!(row.state, lifecycle::State::Done);
    assert_eq!(row.count(State::Expired), 1_000 - ledger.len() as u64);
    assert_eq!(row.count(State::Delivered) + row.count(State::Read), ledger.len() as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_senders_rate_and_the_campaigns_own_hold_in_every_second() {
    let world = exact_world().await;
    world.files.people("fast.csv", 0, 300);
    world.launch(&world.files.campaign("fast", "fast.csv", "")).await;
    world.step().await;
    let fast = world.platform.ledger();
    assert_eq!(fast.len(), 300);
    assert_eq!(worst_window(&fast, SECOND), 10);
    assert!(share_used(&fast, 10.0) >= 0.97, "{}", share_used(&fast, 10.0));

    world.files.people("slow.csv", 2_000, 60);
    world.launch(&world.files.campaign("slow", "slow.csv", "pace: { rate: 3/s }")).await;
    world.step().await;
    let slow = world.platform.ledger_from(300);
    assert_eq!(slow.len(), 60);
    assert_eq!(worst_window(&slow, SECOND), 3);
    assert!(share_used(&slow, 3.0) >= 0.97, "{}", share_used(&slow, 3.0));
}

/// The share of a rate that was used, on the platform's clock.
fn share_used(ledger: &[simulator::LedgerEntry], per_second: f64) -> f64 {
    let took = ledger.last().unwrap().arrived_at - ledger[0].arrived_at;
    (ledger.len() as f64 - 1.0) / took.as_seconds_f64() / per_second
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ramp_goes_slowly_first() {
    let world = exact_world().await;
    world.files.people("people.csv", 0, 200);
    let more = "pace: { rate: 10/s, ramp: [ { rate: 2/s, for: 15s }, { rate: 5/s, for: 10s } ] }";
    world.launch(&world.files.campaign("ramp", "people.csv", more)).await;
    world.step().await;

    // 2/s for 15 s are 30 messages, 5/s for 10 s are 50.
    let ledger = world.platform.ledger();
    assert_eq!(ledger.len(), 200);
    assert_eq!(worst_window(&ledger[..30], SECOND), 2);
    assert!(ledger[30].arrived_at - ledger[0].arrived_at >= TimeDelta::milliseconds(14_500));
    assert_eq!(worst_window(&ledger[..80], SECOND), 5);
    assert_eq!(worst_window(&ledger, SECOND), 10);
    let all = ledger[199].arrived_at - ledger[0].arrived_at;
    // 15 s, 10 s and 12 s; a slice that began in one step may end in the next.
    assert!((36..=41).contains(&all.num_seconds()), "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_spread_over_an_hour_takes_an_hour() {
    let world = exact_world().await;
    world.files.people("people.csv", 0, 360);
    world.launch(&world.files.campaign("spread", "people.csv", "pace: { over: 1h }")).await;
    world.pass(Duration::from_secs(3_700), MINUTE).await;
    let ledger = world.platform.ledger();
    assert_eq!(ledger.len(), 360);
    let took = ledger[359].arrived_at - ledger[0].arrived_at;
    let gaps: Vec<i64> =
        ledger.windows(2).map(|pair| (pair[1].arrived_at - pair[0].arrived_at).num_milliseconds()).collect();
    // Towards the end one message more or less is a larger share of what is left.
    assert!(
        gaps[..340].iter().all(|gap| (9_500..=10_500).contains(gap)),
        "one in about ten seconds: {gaps:?}"
    );
    assert!((3_580..=3_700).contains(&took.num_seconds()), "{took}");
}

/// Which variant each recipient gets, and who is held out.
async fn drawn(world: &World, key: &str) -> (BTreeMap<String, String>, BTreeSet<String>) {
    let row = world.verified(key).await;
    let variant: BTreeMap<u32, String> =
        row.groups.iter().map(|group| (group.number, group.variant.clone().unwrap())).collect();
    let messages =
        world.messages(key).await.into_iter().map(|m| (m.recipient, variant[&m.group].clone())).collect();
    let excluded = world.store.excluded(row.id, None, 5_000).await.unwrap();
    assert!(excluded.iter().all(|row| row.reason == "hold_out"));
    (messages, excluded.into_iter().map(|row| row.recipient).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn hold_out_and_variants_are_drawn_alike_every_time_and_sent_as_drawn() {
    let more = "holdout: 10%\nvariants: [ { name: a, weight: 70 }, { name: b, weight: 30, template: { name: test_offer_b, language: en } } ]";
    let mut all = Vec::new();
    for reversed in [false, true] {
        let world = exact_world().await;
        world.open_gate("test_offer_b").await;
        let file = world.files.people("people.csv", 0, 1_000);
        if reversed {
            let text = std::fs::read_to_string(&file).unwrap();
            let (header, rows) = text.split_once('\n').unwrap();
            let rows: Vec<&str> = rows.lines().rev().collect();
            std::fs::write(&file, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
        }
        world.launch(&world.files.campaign("drawn", "people.csv", more)).await;
        let drawn = drawn(&world, "drawn").await;
        if !reversed {
            world.step().await;
            for entry in world.platform.ledger() {
                let wanted = if entry.template == "test_offer_b" { "b" } else { "a" };
                assert_eq!(drawn.0[entry.recipient.trim_start_matches('+')], wanted);
            }
            assert_eq!(world.platform.accepted(), drawn.0.len());
        }
        all.push(drawn);
    }
    let (messages, held_out) = &all[0];
    assert_eq!(messages, &all[1].0, "the order of rows does not matter");
    let bare = |set: &BTreeSet<String>| {
        set.iter().map(|r| r.trim_start_matches('+').to_owned()).collect::<BTreeSet<_>>()
    };
    assert_eq!(bare(held_out), bare(&all[1].1));
    assert!((70..=130).contains(&held_out.len()), "{}", held_out.len());
    let a = messages.values().filter(|v| *v == "a").count();
    assert!((580..=680).contains(&a), "{a} of {}", messages.len());
}
