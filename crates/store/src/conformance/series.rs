//! Recurring campaigns: launched once, moved by their state machine, each time noted once.

use std::sync::Arc;
use std::time::Duration;

use campaign::lifecycle;
use campaign::series::{Event, Skipped, State, Trying};
use futures::future::join_all;

use super::scene::{Setup, at};
use crate::series::{NewSeries, Problem, SeriesNote, SeriesRow};
use crate::{LaunchError, SeriesError, SharedStore};

/// A launch that was not added to for so long has died.
const ABANDONED: Duration = Duration::from_secs(60);

fn recurring(key: &'static str) -> NewSeries {
    let setup = Setup {
        key,
        extra: "schedule: { zone: Asia/Kolkata, repeat: \"0 10 * * MON\" }",
        ..Setup::default()
    };
    NewSeries {
        key: key.to_owned(),
        definition: setup.campaign().definition,
        file: "weekly.yaml".into(),
        audience: "/var/lib/paceline/weekly.csv".into(),
    }
}

async fn launched(store: &SharedStore) -> SeriesRow {
    store.begin_series(recurring("weekly"), ABANDONED, at(0)).await.unwrap();
    read(store).await
}

async fn read(store: &SharedStore) -> SeriesRow {
    store.series("weekly").await.unwrap().unwrap()
}

pub async fn a_series_reads_as_it_was_written(store: SharedStore) {
    let new = recurring("weekly");
    let row = launched(&store).await;
    assert_eq!((row.key.as_str(), row.state), ("weekly", State::Active));
    assert_eq!((&row.file, &row.audience), (&new.file, &new.audience));
    assert_eq!(row.definition, new.definition);
    assert_eq!((row.launched_at, row.handled), (at(0), at(0)));
    assert_eq!(
        (row.trying_since, row.problem.clone(), row.skipped.clone(), row.skipped_total),
        (None, None, None, 0)
    );
    assert_eq!(row.next(), row.timetable.next_after(at(0)));
    store.begin_series(recurring("monthly"), ABANDONED, at(1)).await.unwrap();
    let listing = store.all_series().await.unwrap();
    assert!(listing.unreadable.is_empty());
    assert_eq!(listing.series.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(), ["monthly", "weekly"]);
    assert_eq!(listing.series[1], row);
    assert_eq!(store.series("daily").await.unwrap(), None);
    // No campaign came of it.
    assert!(store.campaigns().await.unwrap().campaigns.is_empty());
}

pub async fn a_key_is_a_campaigns_or_a_series(store: SharedStore) {
    launched(&store).await;
    let again = store.begin_series(recurring("weekly"), ABANDONED, at(9_999)).await.unwrap_err();
    assert!(matches!(again, LaunchError::KeyRecurs { state: State::Active, .. }), "{again}");
    let campaign = Setup { key: "weekly", ..Setup::default() }.campaign();
    let other = store.begin_launch(campaign, ABANDONED, at(9_999)).await.unwrap_err();
    assert!(matches!(other, LaunchError::KeyRecurs { state: State::Active, .. }), "{other}");
    Setup { key: "diwali", ..Setup::default() }.launch(&store).await;
    let taken = store.begin_series(recurring("diwali"), ABANDONED, at(9_999)).await.unwrap_err();
    assert!(matches!(taken, LaunchError::KeyTaken { state: lifecycle::State::Running, .. }), "{taken}");
    assert_eq!(store.series("diwali").await.unwrap(), None);
    // A key that was used up stays so.
    store.move_series("weekly", Event::Cancel).await.unwrap();
    let over = store.begin_series(recurring("weekly"), ABANDONED, at(9_999)).await.unwrap_err();
    assert!(matches!(over, LaunchError::KeyRecurs { state: State::Cancelled, .. }), "{over}");
}

pub async fn of_launches_at_once_one_gets_the_key(store: SharedStore) {
    let as_series = (0..4).map(|_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move { store.begin_series(recurring("weekly"), ABANDONED, at(0)).await.is_ok() })
    });
    let as_campaigns = (0..4).map(|_| {
        let store = Arc::clone(&store);
        let new = Setup { key: "weekly", ..Setup::default() }.campaign();
        tokio::spawn(async move { store.begin_launch(new, ABANDONED, at(0)).await.is_ok() })
    });
    let got = join_all(as_series.chain(as_campaigns)).await;
    assert_eq!(got.into_iter().filter(|got| *got.as_ref().unwrap()).count(), 1);
    let is_series = store.series("weekly").await.unwrap().is_some();
    assert_ne!(is_series, store.campaign("weekly").await.unwrap().is_some());
}

pub async fn a_dead_launch_gives_its_key_to_a_series(store: SharedStore) {
    let new = Setup { key: "weekly", ..Setup::default() }.campaign();
    store.begin_launch(new, ABANDONED, at(0)).await.unwrap();
    let alive = store.begin_series(recurring("weekly"), ABANDONED, at(59)).await.unwrap_err();
    assert!(matches!(alive, LaunchError::KeyTaken { state: lifecycle::State::Loading, .. }), "{alive}");
    store.begin_series(recurring("weekly"), ABANDONED, at(60)).await.unwrap();
    assert!(store.campaign("weekly").await.unwrap().is_none());
}

pub async fn what_becomes_of_a_time_is_noted_once(store: SharedStore) {
    launched(&store).await;
    let made = SeriesNote::Made(at(100));
    assert!(store.note_series("weekly", at(0), &made, at(101)).await.unwrap());
    assert!(!store.note_series("weekly", at(0), &made, at(102)).await.unwrap(), "another was first");
    let some = |first, last, times| Skipped { first: at(first), last: at(last), times };
    let skip = |skipped, why: &str| SeriesNote::Skipped(skipped, why.to_owned());
    assert!(!store.note_series("weekly", at(0), &skip(some(1, 100, 2), "?"), at(102)).await.unwrap());
    assert_eq!((read(&store).await.handled, read(&store).await.skipped_total), (at(100), 0));
    assert!(store.note_series("weekly", at(100), &skip(some(200, 400, 3), "missed"), at(401)).await.unwrap());
    assert!(store.note_series("weekly", at(400), &skip(some(500, 500, 1), "late\0"), at(501)).await.unwrap());
    let row = read(&store).await;
    assert_eq!((row.handled, row.skipped_total), (at(500), 4));
    let (skipped, why) = row.skipped.unwrap();
    assert_eq!(skipped, some(500, 500, 1));
    assert!(why.starts_with("late"));
    assert!(!store.note_series("daily", at(0), &made, at(1)).await.unwrap());
}

pub async fn a_problem_is_known_until_the_next(store: SharedStore) {
    launched(&store).await;
    let failed = |why: &str| SeriesNote::Failed(why.to_owned());
    assert!(store.note_series("weekly", at(0), &failed("no audience"), at(100)).await.unwrap());
    assert!(store.note_series("weekly", at(0), &failed("no template"), at(160)).await.unwrap());
    let row = read(&store).await;
    assert_eq!(row.standing().trying, Some(Trying { since: at(100), last: at(160) }));
    assert_eq!(row.handled, at(0));
    assert!(store.note_series("weekly", at(0), &SeriesNote::Made(at(90)), at(170)).await.unwrap());
    let row = read(&store).await;
    assert_eq!(row.standing().trying, None);
    assert_eq!(row.problem, Some(Problem { why: "no template".into(), at: at(160) }));
    assert!(store.note_series("weekly", at(90), &failed("no account"), at(200)).await.unwrap());
    assert_eq!(read(&store).await.trying_since, Some(at(200)));
    let given_up =
        SeriesNote::Skipped(Skipped { first: at(190), last: at(190), times: 1 }, "no account".into());
    assert!(store.note_series("weekly", at(90), &given_up, at(300)).await.unwrap());
    assert_eq!(read(&store).await.trying_since, None);
}

pub async fn the_state_machine_of_series_decides(store: SharedStore) {
    launched(&store).await;
    for (event, state) in [
        (Event::Pause, State::Paused),
        (Event::Pause, State::Paused),
        (Event::Resume, State::Active),
        (Event::Cancel, State::Cancelled),
    ] {
        assert_eq!(store.move_series("weekly", event).await.unwrap(), state);
        assert_eq!(read(&store).await.state, state);
    }
    assert_eq!(read(&store).await.next(), None);
    store.begin_series(recurring("daily"), ABANDONED, at(1)).await.unwrap();
    store.begin_series(recurring("hourly"), ABANDONED, at(2)).await.unwrap();
    store.move_series("hourly", Event::Pause).await.unwrap();
    let active = store.active_series().await.unwrap().series;
    assert_eq!(active.iter().map(|row| row.key.as_str()).collect::<Vec<_>>(), ["daily", "hourly"]);
    assert_eq!(store.all_series().await.unwrap().series.len(), 3);
    let refused = store.move_series("weekly", Event::Resume).await.unwrap_err();
    assert!(matches!(refused, SeriesError::Forbidden(_)), "{refused}");
    let missing = store.move_series("yearly", Event::Pause).await.unwrap_err();
    assert!(matches!(missing, SeriesError::NoSuchSeries), "{missing}");
}
