//! Throughput, pair limit, messaging limit, country rules, and what recipients want.

use chrono::TimeDelta;
use simulator::{Change, Config, Fate, Number};

use crate::harness::{NUMBER, World, config, message, profile};

#[tokio::test]
async fn a_number_sends_its_throughput_in_one_second_and_no_more() {
    let numbers = vec![Number { throughput_per_second: 5, ..Number::default() }];
    let world = World::start(Config { numbers, ..config() }).await;
    for n in 0..5 {
        assert_eq!(world.send_to(n, "hello").await.http, 200);
    }
    let refused = world.send_to(5, "hello").await;
    assert_eq!((refused.http, refused.code()), (400, 130429));
    world.advance(TimeDelta::milliseconds(999));
    assert_eq!(world.send_to(5, "hello").await.code(), 130429);
    world.advance(TimeDelta::milliseconds(1));
    assert_eq!(world.send_to(5, "hello").await.http, 200);
    assert_eq!(world.sim.accepted(), 6);
    world.sim.change(Change::NumberThroughput { phone_number_id: NUMBER.into(), per_second: 1000 }).unwrap();
    for n in 10..40 {
        assert_eq!(world.send_to(n, "hello").await.http, 200);
    }
    world.sim.pump().await;
    let changes = world.receiver.changes();
    assert!(changes.iter().any(|c| c["value"]["event"] == "THROUGHPUT_UPGRADE"), "{changes:?}");
}

#[tokio::test]
async fn one_person_gets_a_burst_and_then_one_message_every_six_seconds() {
    let world = World::start(config()).await;
    for _ in 0..45 {
        assert_eq!(world.send_to(1, "hello").await.http, 200);
    }
    assert_eq!(world.send_to(1, "hello").await.code(), 131056);
    assert_eq!(world.send_to(2, "hello").await.http, 200);
    world.advance(TimeDelta::seconds(6));
    assert_eq!(world.send_to(1, "hello").await.http, 200);
    assert_eq!(world.send_to(1, "hello").await.code(), 131056);
}

#[tokio::test]
async fn a_portfolio_reaches_so_many_people_in_a_day() {
    let numbers = vec![Number { daily_limit: Some(3), ..Number::default() }];
    let world = World::start(Config { numbers, ..config() }).await;
    for n in [1, 2, 3, 1] {
        assert_eq!(world.send_to(n, "hello").await.http, 200);
    }
    assert_eq!(world.send_to(4, "hello").await.code(), 131048);
    world.advance(TimeDelta::hours(24));
    assert_eq!(world.send_to(4, "hello").await.http, 200);
}

#[tokio::test]
async fn some_countries_get_no_marketing() {
    let world = World::start(config()).await;
    let (mut at_once, mut later) = (0, 0);
    for n in 0..20 {
        let answered = world.send(&message(&format!("+1212555{n:04}"), "hello")).await;
        if answered.http == 200 {
            later += 1;
        } else {
            assert_eq!(answered.code(), 131049);
            at_once += 1;
        }
    }
    assert!(at_once > 0 && later > 0, "some are refused at once ({at_once}), others by webhook ({later})");
    assert!(world.sim.ledger().iter().all(|entry| entry.truth.fate == Fate::Failed(131049)));
    assert_eq!(
        world.send(&message("+14165550123", "hello")).await.http,
        200,
        "Canada is not the United States"
    );
    assert!(world.sim.ledger().last().unwrap().truth.is_delivered());
    assert_eq!(world.send(&message("+989121234567", "hello")).await.code(), 130497);
}

#[tokio::test]
async fn recipients_may_be_listed_for_each_fate() {
    let world = World::start(Config {
        opted_out: vec!["+919811111111".into()],
        not_on_whatsapp: vec!["919822222222".into()],
        per_user_limited: vec!["+919833333333".into()],
        ..config()
    })
    .await;
    for to in ["+919811111111", "+919822222222", "+919833333333", "+919844444444"] {
        assert_eq!(world.send(&message(to, "hello")).await.http, 200);
    }
    let fates: Vec<Fate> = world.sim.ledger().iter().map(|entry| entry.truth.fate).collect();
    assert_eq!(fates[..3], [Fate::Failed(131050), Fate::Failed(131026), Fate::Failed(131049)]);
    assert!(world.sim.ledger()[3].truth.is_delivered());
    world.advance(TimeDelta::seconds(10));
    world.sim.pump().await;
    let failed: Vec<_> = world.receiver.statuses().into_iter().filter(|s| s["status"] == "failed").collect();
    assert_eq!(failed.len(), 3);
    let opted_out = failed.iter().find(|s| s["errors"][0]["code"] == 131050).unwrap();
    assert_eq!(
        opted_out["biz_opaque_callback_data"], "key-of-+919811111111",
        "failed statuses echo the key too"
    );
    assert!(opted_out.get("pricing").is_none());
    assert_eq!(opted_out["recipient_id"], "919811111111");
}

#[tokio::test]
async fn shares_of_people_and_attempts_are_refused_at_once_or_by_webhook() {
    let numbers = vec![Number { throughput_per_second: 10_000, ..Number::default() }];
    let shares = profile(|p| (p.not_on_whatsapp, p.per_user_limit) = (0.2, 0.2));
    let world = World::start(Config { numbers, profile: shares, ..config() }).await;
    let mut at_once = 0;
    for n in 0..300 {
        let answered = world.send_to(n, "hello").await;
        if answered.http != 200 {
            assert!([131026, 131049].contains(&answered.code()));
            at_once += 1;
        }
    }
    let ledger = world.sim.ledger();
    let later = ledger.iter().filter(|e| matches!(e.truth.fate, Fate::Failed(131026 | 131049))).count();
    assert!((30..80).contains(&at_once) && (30..80).contains(&later), "{at_once} at once, {later} later");
}
