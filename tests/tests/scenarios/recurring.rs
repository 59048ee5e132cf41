//! Recurring campaigns: one run at each time, with the audience as it is then; what was missed, what cannot be made,
//! what overlaps; and an operator's hand on all of it.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::lifecycle::State;
use campaign::message;
use campaign::series;
use chrono::{DateTime, TimeDelta, Utc};
use simulator::TemplateStatus;
use store::model::{CampaignRow, Suppression};
use store::series::SeriesRow;
use testkit::files::person;
use testkit::truth::sent_twice;
use testkit::{World, WorldOptions};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const MONDAYS: &str = "schedule: { zone: Asia/Kolkata, repeat: \"0 10 * * MON\" }";
const DAILY: &str = "schedule: { zone: Asia/Kolkata, repeat: \"0 10 * * *\" }";

/// A world in which `key` was launched, over the first `people` people.
async fn launched(key: &str, schedule: &str, people: u32) -> World {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, people);
    world.launch(&world.files.campaign(key, "people.csv", schedule)).await;
    world
}

async fn series(world: &World, key: &str) -> SeriesRow {
    world.store.series(key).await.unwrap().expect("it was launched")
}

/// The next time, and the key of its run.
async fn next_run(world: &World, key: &str) -> (DateTime<Utc>, String) {
    let row = series(world, key).await;
    let at = row.next().expect("it has a next time");
    (at, row.timetable.run_key(key, at))
}

/// The keys of all runs, the first first.
async fn runs(world: &World) -> Vec<String> {
    let mut keys: Vec<_> =
        world.store.campaigns().await.unwrap().campaigns.into_iter().map(|row| row.key).collect();
    keys.sort();
    keys
}

/// Nobody scheduled until this time.
fn sleep_until(world: &World, at: DateTime<Utc>) {
    world.clock.advance_to(at);
}

/// Lets time pass until the run has nothing to send: an idle template's canary and wait may come first.
async fn sent(world: &World, run: &str) -> CampaignRow {
    let unsent = |row: &CampaignRow| {
        let open = [message::State::Queued, message::State::Retrying, message::State::Sending];
        open.into_iter().map(|state| row.count(state)).sum::<u64>()
    };
    world.until(run, 2 * HOUR, MINUTE, |row| unsent(row) == 0).await
}

/// How often each person was written to.
fn written_to(world: &World) -> BTreeMap<String, u32> {
    let mut times = BTreeMap::new();
    for entry in world.platform.ledger() {
        *times.entry(format!("+{}", entry.recipient.trim_start_matches('+'))).or_default() += 1;
    }
    times
}

#[tokio::test(flavor = "multi_thread")]
async fn a_weekly_campaign_runs_at_each_of_its_times_with_the_audience_as_it_is_then() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 20);
    let file = world.files.campaign("weekly", "people.csv", MONDAYS);
    let answer = world.cli(&["launch", file.to_str().unwrap(), "--json"]).await.good().json();
    world.catch_up();
    let told = answer["next_runs"].as_array().unwrap().clone();
    assert_eq!(told.len(), 3);
    world
        .store
        .suppress(&[Suppression { address: person(3)[1..].to_owned(), source: "stop".into() }], world.now())
        .await
        .unwrap();

    for (week, told) in told.iter().enumerate() {
        let (at, run) = next_run(&world, "weekly").await;
        assert_eq!(
            (told["campaign"].as_str(), told["at"].as_str()),
            (Some(run.as_str()), Some(at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true).as_str()))
        );
        assert!(run.starts_with("weekly@") && run.ends_with("T10:00"), "{run}");
        let people = 20 + u32::try_from(week).unwrap();
        world.files.people("people.csv", 0, people);
        let before = world.platform.requests().len();
        sleep_until(&world, at - TimeDelta::seconds(1));
        world.step().await;
        assert_eq!(
            (runs(&world).await.len(), world.platform.requests().len()),
            (week, before),
            "not before its time"
        );
        sleep_until(&world, at);
        let row = sent(&world, &run).await;
        assert_eq!((row.totals.messages, row.totals.excluded), (u64::from(people) - 1, 1), "{run}");
        assert_eq!(world.store.excluded(row.id, None, 9).await.unwrap()[0].reason, "suppressed");
        world.pass(2 * HOUR, 10 * MINUTE).await;
        assert_eq!(runs(&world).await.len(), week + 1);
        world.verified(&run).await;
    }
    let written = written_to(&world);
    assert_eq!(
        (written.get(&person(0)), written.get(&person(20)), written.get(&person(21))),
        (Some(&3), Some(&2), Some(&1))
    );
    assert_eq!(written.get(&person(3)), None, "who opted out is in no run");
    assert_eq!(written.values().sum::<u32>(), 19 + 20 + 21);

    // Its key is used once, as a recurring campaign or not.
    for schedule in [MONDAYS, ""] {
        let file = world.files.campaign("weekly", "people.csv", schedule);
        let again = world.cli(&["launch", file.to_str().unwrap()]).await;
        assert_eq!(again.code, 3, "{}", again.err);
        assert!(
            again.err.contains("recurring campaign weekly was launched before and is active"),
            "{}",
            again.err
        );
    }
    let status = world.status("weekly").await;
    assert_eq!(
        (&status["state"], &status["runs"], &status["skipped"]["total"]),
        (&"active".into(), &3.into(), &0.into())
    );
    let report = world.cli(&["report", "weekly", "--json"]).await.good().json();
    assert_eq!((&report["totals"]["messages"], report["runs"].as_array().unwrap().len()), (&60.into(), 3));
    let verified = world.cli(&["verify", "--json"]).await.good().json();
    assert_eq!(verified["campaigns"].as_array().unwrap().len(), 3);
    let csv = world.cli(&["report", "weekly", "--format", "csv"]).await;
    assert_eq!(csv.code, 2);
    assert!(csv.err.contains("ask for one run (the newest is: paceline report weekly@"), "{}", csv.err);
    let list = world.cli(&["status"]).await.good().out;
    assert!(list.contains("RECURRING") && list.contains("weekly@"), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_missed_times_the_latest_is_run_and_the_others_are_skipped() {
    let world = launched("weekly", MONDAYS, 10).await;
    let times = series(&world, "weekly").await.timetable.upcoming(world.now(), 4);
    sleep_until(&world, times[2] + TimeDelta::days(2));
    world.step().await;

    let row = series(&world, "weekly").await;
    let run = row.timetable.run_key("weekly", times[2]);
    assert_eq!(runs(&world).await, [run.as_str()]);
    assert_eq!(sent(&world, &run).await.totals.messages, 10);
    let status = world.status("weekly").await;
    assert_eq!(status["last_run"]["campaign"], run);
    assert_eq!(status["skipped"]["total"], 2);
    assert_eq!(status["skipped"]["last"]["times"], 2);
    assert!(status["skipped"]["last"]["why"].as_str().unwrap().contains("no scheduler ran"), "{status}");
    assert_eq!(row.next(), Some(times[3]));
    assert_eq!(sent_twice(&world.platform.ledger()), Vec::<String>::new());

    // One that was skipped can be made by hand, once, and none that never was.
    let skipped = row.timetable.run_key("weekly", times[0]);
    let _ = world.cli(&["launch", "--run", &skipped]).await.good();
    assert_eq!(sent(&world, &skipped).await.totals.messages, 10);
    assert_eq!(world.cli(&["launch", "--run", &skipped]).await.code, 3);
    let wrong = world.cli(&["launch", "--run", "weekly@2026-01-01T10:00"]).await;
    assert_eq!(wrong.code, 2, "{}", wrong.err);
    assert!(wrong.err.contains("none of the times of weekly"), "{}", wrong.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn schedulers_that_look_at_once_make_one_run() {
    let world = launched("daily", DAILY, 50).await;
    let (at, run) = next_run(&world, "daily").await;
    sleep_until(&world, at);
    let look = || world.recurring.look();
    let (one, two, three) = tokio::join!(look(), look(), look());
    one.and(two).and(three).unwrap();
    assert_eq!(sent(&world, &run).await.totals.messages, 50);
    assert_eq!(runs(&world).await, [run]);
    let after = series(&world, "daily").await;
    assert_eq!((after.handled, after.skipped_total, after.problem), (at, 0, None));
    assert_eq!(sent_twice(&world.platform.ledger()), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_until_the_one_before_has_nothing_to_send() {
    let world = launched("daily", DAILY, 40).await;
    let (at, first) = next_run(&world, "daily").await;
    sleep_until(&world, at);
    world.until_taken(10).await;
    let _ = world.cli(&["pause", &first]).await.good();
    world.pass(HOUR, 10 * MINUTE).await;
    let taken = world.platform.requests().len();

    // An operator's hand on the run left the series alone: its next time comes, and is held back.
    let (at, second) = next_run(&world, "daily").await;
    sleep_until(&world, at);
    world.pass(30 * MINUTE, MINUTE).await;
    assert_eq!(runs(&world).await, [first.as_str()]);
    assert_eq!(world.platform.requests().len(), taken, "nobody hears from two runs at once");
    let status = world.status("daily").await;
    let why = status["last_problem"]["why"].as_str().unwrap();
    assert!(why.contains(&format!("the run {first} is paused and still has messages to send")), "{why}");
    assert!(!status["trying_since"].is_null());

    let _ = world.cli(&["resume", &first]).await.good();
    sent(&world, &first).await;
    world.pass(2 * MINUTE, MINUTE).await;
    sent(&world, &second).await;
    assert_eq!(runs(&world).await, [first.as_str(), second.as_str()]);
    assert!(written_to(&world).values().all(|times| *times == 2));
    assert!(world.status("daily").await["trying_since"].is_null());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_audience_or_template_is_not_in_order_is_tried_again_and_then_skipped() {
    let world = launched("daily", DAILY, 10).await;
    let (at, first) = next_run(&world, "daily").await;
    std::fs::remove_file(world.files.join("people.csv")).unwrap();
    sleep_until(&world, at);
    world.pass(HOUR, MINUTE).await;
    assert_eq!(world.platform.requests().len(), 0);
    let status = world.status("daily").await;
    let why = status["last_problem"]["why"].as_str().unwrap();
    assert!(why.contains("people.csv") && why.contains("does not exist"), "{why}");
    let text = world.cli(&["status"]).await.good().out.replace('\n', " ");
    assert!(text.contains(&format!("{first} cannot be made")), "{text}");
    // It is there again within the patience.
    world.files.people("people.csv", 0, 10);
    world.pass(2 * MINUTE, MINUTE).await;
    assert_eq!(sent(&world, &first).await.totals.messages, 10);

    // The template is not approved any more, for all day.
    let (at, second) = next_run(&world, "daily").await;
    world.platform.set_template_status("test_offer", TemplateStatus::Rejected).unwrap();
    sleep_until(&world, at);
    world.pass(5 * HOUR, 30 * MINUTE).await;
    assert_eq!(runs(&world).await, [first.as_str()]);
    assert_eq!(next_run(&world, "daily").await.1, second, "it is still being tried");
    world.pass(2 * HOUR, 30 * MINUTE).await;
    let status = world.status("daily").await;
    assert_eq!(status["skipped"]["total"], 1);
    let why = status["skipped"]["last"]["why"].as_str().unwrap();
    assert!(why.contains("could not be made") && why.contains("test_offer"), "{why}");
    assert_ne!(next_run(&world, "daily").await.1, second);
    assert_eq!(world.platform.requests().len(), 10, "nothing of it was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn pausing_and_cancelling_act_on_the_series_and_its_run_under_way() {
    let world = launched("daily", DAILY, 60).await;
    let (at, first) = next_run(&world, "daily").await;
    sleep_until(&world, at);
    world.until_taken(10).await;
    let paused = world.cli(&["pause", "daily", "--json"]).await.good().json();
    assert_eq!(
        (&paused["state"], &paused["runs"][0]["campaign"]),
        (&"paused".into(), &first.as_str().into())
    );
    let taken = world.platform.requests().len();
    assert!(taken < 60);
    // Two times come while it is paused.
    world.pass(50 * HOUR, HOUR).await;
    assert_eq!((runs(&world).await.len(), world.platform.requests().len()), (1, taken));
    assert_eq!(world.row(&first).await.state, State::Paused);

    let resumed = world.cli(&["resume", "daily", "--json"]).await.good().json();
    assert_eq!(
        (&resumed["state"], &resumed["runs"][0]["campaign"]),
        (&"active".into(), &first.as_str().into())
    );
    sent(&world, &first).await;
    let status = world.status("daily").await;
    assert_eq!(status["skipped"]["total"], 2, "{status}");
    assert_eq!(runs(&world).await, [first.as_str()], "what came in between is not made up for");

    let (at, second) = next_run(&world, "daily").await;
    sleep_until(&world, at);
    world.until_taken(80).await;
    let cancelled = world.cli(&["cancel", "daily", "--json"]).await.good().json();
    assert_eq!(
        (&cancelled["state"], &cancelled["runs"][0]["state"]),
        (&"cancelled".into(), &"cancelled".into())
    );
    let taken = world.platform.requests().len();
    world.pass(50 * HOUR, HOUR).await;
    assert_eq!(world.platform.requests().len(), taken);
    assert_eq!(world.verified(&second).await.state, State::Cancelled);
    assert_eq!(
        (runs(&world).await.len(), series(&world, "daily").await.state),
        (2, series::State::Cancelled)
    );
    for command in ["resume", "pause"] {
        let refused = world.cli(&[command, "daily"]).await;
        assert_eq!(refused.code, 3, "{}", refused.err);
    }
    assert_eq!(world.cli(&["launch", "--run", "daily@2027-06-01T10:00"]).await.code, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_series_begins_at_its_start_and_ends_at_its_end() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 30);
    let today = world.now();
    let day = |days: i64| (today + TimeDelta::days(days)).date_naive();
    // From the day after tomorrow; the last run is one minute before the end.
    let schedule = format!(
        "schedule: {{ zone: UTC, repeat: \"0 12 * * *\", start: \"{}T12:00:00Z\", end: \"{}T12:01:00Z\" }}\npace: {{ rate: 1/m }}",
        day(2),
        day(3)
    );
    let file = world.files.campaign("short", "people.csv", &schedule);
    let file = file.to_str().unwrap();
    let plan = world.cli(&["plan", file, "--json"]).await.good().json();
    let keys = [2, 3].map(|days| format!("short@{}T12:00", day(days)));
    let told: Vec<_> =
        plan["next_runs"].as_array().unwrap().iter().map(|run| run["campaign"].clone()).collect();
    assert_eq!(told, keys);
    assert!(plan["starts_at"].as_str().unwrap() >= format!("{}T12:00", day(2)).as_str(), "{plan}");
    let text = world.cli(&["plan", file]).await.good().out;
    assert!(text.starts_with(&format!("Plan for the next run of short, {}", keys[0])), "{text}");
    assert!(world.cli(&["check", file]).await.good().out.contains(&keys[1]));

    let hash = plan["plan_hash"].as_str().unwrap();
    let _ = world.cli(&["launch", file, "--plan", hash]).await.good();
    world.catch_up();
    for key in &keys {
        let (at, run) = next_run(&world, "short").await;
        assert_eq!(run, *key);
        sleep_until(&world, at);
        world.pass(HOUR, MINUTE / 4).await;
    }
    assert_eq!(runs(&world).await, keys);
    let (first, last) = (world.verified(&keys[0]).await, world.verified(&keys[1]).await);
    assert_eq!(first.count(message::State::Expired), 0, "{:?}", first.counts);
    assert!(last.count(message::State::Expired) >= 28, "the end came in its first minute: {:?}", last.counts);
    assert_eq!(series(&world, "short").await.state, series::State::Done);

    let none =
        schedule.replace("0 12", "0 13").replace(&format!("{}T12:01", day(3)), &format!("{}T12:30", day(2)));
    let file = world.files.campaign("never", "people.csv", &none);
    for command in ["check", "plan", "launch"] {
        let refused = world.cli(&[command, file.to_str().unwrap()]).await;
        assert_eq!(refused.code, 2, "{}", refused.err);
        assert!(
            refused.err.contains("schedule.repeat has no time left before schedule.end"),
            "{}",
            refused.err
        );
    }
}
