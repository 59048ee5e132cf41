//! One code of every class over HTTP: what becomes of the message, and of the campaign.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::lifecycle;
use campaign::message::State;
use chrono::TimeDelta;
use queue::SenderPace;
use simulator::{Latency, Outcome, Profile, Rule};
use store::brake::Subject;
use store::model::MessageRow;
use testkit::files::{SECOND, WABA_ID, person};
use testkit::{Provider, World, WorldOptions};

fn refused(code: u32) -> Outcome {
    Outcome::Error { code, http: None, details: None, headers: BTreeMap::new() }
}

/// A campaign of its own for each case, in one world.
struct Cases {
    world: World,
    next: u32,
}

impl Cases {
    async fn new() -> Self {
        Self { world: crate::world(WorldOptions::default()).await, next: 0 }
    }

    /// Ten people, of whom the first meets `outcome` once. Returns the campaign's key and that first message
    /// as it stands when nothing more is to be done at the time.
    async fn meets(&mut self, outcome: Outcome, more: &str) -> (String, MessageRow) {
        let (first, key) = (self.next, format!("case-{}", self.next));
        self.next += 10;
        self.world.files.people(&format!("{key}.csv"), first, 10);
        let file = self.world.files.campaign(&key, &format!("{key}.csv"), more);
        self.world.launch(&file).await;
        self.world.platform.script(Rule::to(person(first), outcome).times(1));
        let is_first = |to: &Option<String>| to.as_deref().is_some_and(|to| person(first).ends_with(to));
        for _ in 0..20 {
            if self.world.platform.requests().iter().any(|request| is_first(&request.recipient)) {
                break;
            }
            self.world.round(1).await;
        }
        let message = self.world.message_to(&key, first).await;
        (key, message)
    }

    /// Nothing stands between the campaign and its end, and its first message is delivered.
    async fn ends_well(&self, key: &str, attempt: u32) {
        let row = self.world.until_over(key).await;
        assert_eq!(row.state, lifecycle::State::Done);
        let first: u32 = key.trim_start_matches("case-").parse().unwrap();
        let message = self.world.message_to(key, first).await;
        assert!(message.state.is_delivered(), "{key}: {}", message.state);
        assert_eq!(message.attempt, attempt);
    }

    async fn state_of(&self, key: &str) -> (lifecycle::State, String) {
        let row = self.world.row(key).await;
        (row.state, row.reason.unwrap_or_default())
    }
}

#[track_caller]
fn assert_failure(message: &MessageRow, state: State, code: Option<i64>, class: &str) {
    let failure = message.failure.as_ref().unwrap_or_else(|| panic!("no failure: {message:?}"));
    assert_eq!((message.state, failure.code, failure.class.as_str()), (state, code, class), "{failure:?}");
}

/// How long after its claim a message is tried again.
fn wait(message: &MessageRow) -> TimeDelta {
    message.retry_at.expect("it is tried again") - message.claimed_at.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_pass_is_tried_again_after_its_wait() {
    let mut cases = Cases::new().await;

    // Throttled: no attempt is used up, so even a single one is enough.
    let (key, message) = cases.meets(refused(130_429), "retry: { attempts: 1 }").await;
    assert_failure(&message, State::Retrying, Some(130_429), "retry");
    cases.ends_well(&key, 2).await;

    // A refusal that is documented as certain: 2 s, less up to a half.
    let (key, message) = cases.meets(refused(133_004), "").await;
    assert_failure(&message, State::Retrying, Some(133_004), "retry");
    let waited = wait(&message);
    assert!(waited >= TimeDelta::seconds(1) && waited <= TimeDelta::seconds(3), "{waited}");
    cases.ends_well(&key, 2).await;

    // Too many to one person: growing waits.
    let (key, message) = cases.meets(refused(131_056), "").await;
    assert_failure(&message, State::Retrying, Some(131_056), "later");
    cases.ends_well(&key, 2).await;

    // The per-user marketing limit: not again within 24 hours.
    let (key, message) = cases.meets(refused(131_049), "").await;
    assert_failure(&message, State::Retrying, Some(131_049), "later");
    assert!(wait(&message) >= TimeDelta::hours(24), "{}", wait(&message));
    cases.world.pass(Duration::from_secs(23 * 3_600), Duration::from_secs(3_600)).await;
    let first: u32 = key.trim_start_matches("case-").parse().unwrap();
    assert_eq!(cases.world.message_to(&key, first).await.attempt, 1);
    cases.ends_well(&key, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platforms_own_wait_is_kept() {
    let mut cases = Cases::new().await;
    let headers = BTreeMap::from([("Retry-After".to_owned(), "120".to_owned())]);
    let slow = Outcome::Error { code: 130_429, http: Some(429), details: None, headers };
    let (key, message) = cases.meets(slow, "").await;
    assert_failure(&message, State::Retrying, Some(130_429), "retry");
    assert!(wait(&message) >= TimeDelta::seconds(120), "{}", wait(&message));
    cases.ends_well(&key, 2).await;

    // A 429 with a code that nobody knows slows down as well.
    let unknown = Outcome::Error { code: 999_999, http: Some(429), details: None, headers: BTreeMap::new() };
    let (key, message) = cases.meets(unknown, "retry: { attempts: 1 }").await;
    assert_failure(&message, State::Retrying, Some(999_999), "retry");
    cases.ends_well(&key, 2).await;
}

/// A number that goes too fast slows down alone; where the account or the app has used up its calls, all do that share
/// it.
#[tokio::test(flavor = "multi_thread")]
async fn throttling_slows_down_all_that_it_concerns() {
    for (code, both) in [(130_429, false), (80_007, true), (4, true), (613, true)] {
        let world = crate::world(WorldOptions { second: true, ..WorldOptions::default() }).await;
        // With 360dialog each number has a key of its own: what is said of a key says nothing of another.
        let both = both && (code == 80_007 || world.provider == Provider::Meta);
        world.files.people("people.csv", 0, 2);
        world.launch(&world.files.campaign("fast", "people.csv", "")).await;
        world.platform.script(Rule::to(person(0), refused(code)).times(1));
        while world.platform.requests().len() < 2 {
            world.round(1).await;
        }
        let slowed = |name: &'static str| {
            let pace = SenderPace { name: name.to_owned(), rate: "80/s".parse().unwrap() };
            let permits = world.permits.clone();
            async move { permits.factor(&pace).await < 1.0 }
        };
        assert!(slowed("jaspers-in").await, "{code}");
        assert_eq!(slowed(SECOND.0).await, both, "{code}");
    }
}

/// The usage headers say when calls are let through again: nothing is tried on that account before.
#[tokio::test(flavor = "multi_thread")]
async fn the_usage_headers_are_heeded() {
    let mut cases = Cases::new().await;
    for (minutes, waits) in [(7, 7), (100_000, 60)] {
        let usage = format!(
            r#"{{"102290129340398":[{{"type":"messages","call_count":100,"estimated_time_to_regain_access":{minutes}}}]}}"#
        );
        let headers = BTreeMap::from([("X-Business-Use-Case-Usage".to_owned(), usage)]);
        let outcome = Outcome::Error { code: 80_007, http: None, details: None, headers };
        let (key, message) = cases.meets(outcome, "retry: { attempts: 1 }").await;
        assert_failure(&message, State::Retrying, Some(80_007), "retry");
        cases.world.step().await;
        let brakes = cases.world.store.brakes(cases.world.now()).await.unwrap();
        assert_eq!(brakes[0].on, Subject::Account(WABA_ID.to_owned()));
        let waited = brakes[0].until.unwrap() - message.claimed_at.unwrap();
        assert!((waited - TimeDelta::minutes(waits)).abs() < TimeDelta::seconds(5), "{minutes}: {waited}");
        let taken = cases.world.platform.requests().len();
        cases.world.pass(Duration::from_secs(waits as u64 * 60 - 30), Duration::from_secs(60)).await;
        assert_eq!(cases.world.platform.requests().len(), taken, "{minutes}: nothing is tried meanwhile");
        cases.ends_well(&key, 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_run_out() {
    let mut cases = Cases::new().await;
    cases.world.platform.script(Rule::to(person(0), refused(133_004)));
    let (key, _) = cases.meets(refused(133_004), "retry: { attempts: 3 }").await;
    let row = cases.world.until_over(&key).await;
    assert_eq!((row.state, row.count(State::Failed)), (lifecycle::State::Done, 1));
    let message = cases.world.message_to(&key, 0).await;
    assert_failure(&message, State::Failed, Some(133_004), "retry");
    assert_eq!(message.attempt, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_run_out_for_failures_told_by_webhook_too() {
    let mut cases = Cases::new().await;
    cases.world.platform.script(Rule::to(person(0), Outcome::FailLater { code: 131_049 }));
    let (key, _) = cases.meets(Outcome::FailLater { code: 131_049 }, "retry: { attempts: 2 }").await;
    let row = cases.world.until_over(&key).await;
    assert_eq!((row.state, row.count(State::Failed)), (lifecycle::State::Done, 1));
    let message = cases.world.message_to(&key, 0).await;
    assert_failure(&message, State::Failed, Some(131_049), "later");
    assert_eq!(message.attempt, 2, "one a day, twice");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_is_dropped_and_the_others_are_not() {
    let mut cases = Cases::new().await;
    for (code, class) in [
        (131_026, "drop_recipient"),
        (130_472, "drop_recipient"),
        (131_008, "our_bug"),
        (132_000, "our_bug"),
        (999_998, "drop_recipient"),
    ] {
        let (key, message) = cases.meets(refused(code), "").await;
        assert_failure(&message, State::Failed, Some(i64::from(code)), class);
        let row = cases.world.until_over(&key).await;
        assert_eq!((row.state, row.count(State::Failed)), (lifecycle::State::Done, 1), "{code}");
        assert_eq!(row.count(State::Delivered) + row.count(State::Read), 9, "{code}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stops_more_than_a_message_waits_until_someone_resumes() {
    let mut cases = Cases::new().await;
    for (code, class, on, says) in [
        (132_001, "stop_template", "the template test_offer (en)", "Template not there"),
        (132_016, "stop_template", "the template test_offer (en)", "Template disabled"),
        (131_048, "stop_sender", "the sender jaspers-in", "Spam limit reached"),
        (133_010, "stop_sender", "the sender jaspers-in", "Number not registered"),
        (131_042, "stop_account", "the account 102290129340398", "Payment problem"),
        (10, "stop_all", "the account 102290129340398", "Permission missing"),
        (190, "stop_all", "the sender jaspers-in", "Token expired"),
    ] {
        let (key, message) = cases.meets(refused(code), "retry: { attempts: 1 }").await;
        assert_failure(&message, State::Retrying, Some(i64::from(code)), class);
        cases.world.step().await;
        let (state, reason) = cases.state_of(&key).await;
        assert_eq!(state, lifecycle::State::Waiting, "{code}: {reason}");
        assert!(reason.starts_with(&format!("waits for {on} since ")), "{code}: {reason}");
        assert!(reason.contains(&format!("{says}: ")), "{code}: {reason}");
        assert_eq!(cases.world.status(&key).await["reason"], reason.as_str());
        let taken = cases.world.platform.requests().len();
        cases.world.pass(Duration::from_secs(3_600), Duration::from_secs(600)).await;
        assert_eq!(cases.world.platform.requests().len(), taken, "{code}: nothing is tried meanwhile");

        let resumed = cases.world.cli(&["resume", &key]).await.good();
        assert!(resumed.out.contains(&format!("the brake on {on}")), "{}", resumed.out);
        cases.world.catch_up();
        cases.ends_well(&key, 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lifts_by_itself_is_tried_again_by_itself() {
    let mut cases = Cases::new().await;
    // A wait of nothing would have it go on at the sender's pace.
    for (code, headers, minutes) in
        [(132_015, None, 10), (132_069, None, 10), (131_031, Some("900"), 15), (131_042, Some("0"), 10)]
    {
        let headers = headers.map(|wait: &str| ("Retry-After".to_owned(), wait.to_owned()));
        let outcome =
            Outcome::Error { code, http: None, details: None, headers: headers.into_iter().collect() };
        let (key, message) = cases.meets(outcome, "retry: { attempts: 1 }").await;
        cases.world.step().await;
        let brakes = cases.world.store.brakes(cases.world.now()).await.unwrap();
        let until = brakes[0].until.unwrap();
        // From the answer, which came a moment after the claim.
        let waits = until - message.claimed_at.unwrap();
        assert!((waits - TimeDelta::minutes(minutes)).abs() < TimeDelta::seconds(5), "{code}: {waits}");
        let taken = cases.world.platform.requests().len();
        cases.world.pass((until - cases.world.now()).to_std().unwrap(), Duration::from_secs(60)).await;
        assert!(cases.world.platform.requests().len() > taken, "{code}: it goes on then");
        cases.ends_well(&key, 2).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_have_been_sent_is_in_doubt_and_not_repeated() {
    let mut cases = Cases::new().await;
    for (outcome, code) in [
        (refused(131_000), Some(131_000)),
        (refused(131_016), Some(131_016)),
        (Outcome::ErrorBefore { http: 502 }, None),
        (Outcome::ErrorBefore { http: 503 }, Some(2)),
        (Outcome::ResetBefore, None),
        (
            Outcome::Error { code: 999_997, http: Some(500), details: None, headers: BTreeMap::new() },
            Some(999_997),
        ),
    ] {
        let said = format!("{outcome:?}");
        let (key, message) = cases.meets(outcome, "").await;
        assert_eq!(message.state, State::InDoubt, "{said}");
        assert_eq!(message.failure.as_ref().unwrap().code, code, "{said}");
        let row = cases.world.until_over(&key).await;
        assert_eq!((row.state, row.count(State::InDoubt)), (lifecycle::State::Done, 1), "{said}");
        let first: u32 = key.trim_start_matches("case-").parse().unwrap();
        assert_eq!(cases.world.message_to(&key, first).await.attempt, 1, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubt_is_sent_once_more_only_where_the_campaign_says_so() {
    let mut cases = Cases::new().await;
    let (key, message) =
        cases.meets(Outcome::ErrorBefore { http: 502 }, "in_doubt: resend\nin_doubt_after: 30m").await;
    assert_eq!(message.state, State::InDoubt);
    cases.world.pass(Duration::from_secs(29 * 60), Duration::from_secs(60)).await;
    assert_eq!(cases.world.message_to(&key, 0).await.state, State::InDoubt);
    cases.ends_well(&key, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_taken_after_all_is_not_sent_a_third_time() {
    let mut cases = Cases::new().await;
    // The first attempt is taken, and neither its answer nor, for forty minutes, a status says so. It is never
    // delivered, so that its `sent` is all that is ever heard of it.
    let forty_minutes = 40.0 * 60_000.0;
    let late_by = Latency::ms(forty_minutes, forty_minutes, forty_minutes);
    cases.world.platform.set_profile(Profile { reachable: 0.0, late: 1.0, late_by, ..Profile::none() });
    let (key, message) =
        cases.meets(Outcome::ErrorAfter { http: 502 }, "in_doubt: resend\nin_doubt_after: 30m").await;
    assert_eq!(message.state, State::InDoubt);
    // The second one, after half an hour, is refused, and may be tried again after a day.
    cases.world.platform.script(Rule::to(person(0), refused(131_049)).times(1));
    cases.world.pass(Duration::from_secs(35 * 60), Duration::from_secs(60)).await;
    let message = cases.world.message_to(&key, 0).await;
    assert_failure(&message, State::Retrying, Some(131_049), "later");
    assert_eq!(message.attempt, 2);
    // Then the first one is heard of.
    cases.world.pass(Duration::from_secs(10 * 60), Duration::from_secs(60)).await;
    let message = cases.world.message_to(&key, 0).await;
    assert_eq!((message.state, message.assumed, message.retry_at), (State::Sent, false, None));
    let ledger =
        || cases.world.platform.ledger().into_iter().filter(|entry| person(0).ends_with(&entry.recipient));
    assert_eq!(message.wamid, ledger().next().map(|entry| entry.wamid));
    let row = cases.world.until_over(&key).await;
    assert_eq!((row.state, row.count(State::Expired)), (lifecycle::State::Done, 10));
    assert_eq!(ledger().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_refusals_in_a_row_that_are_no_recipients_fault_pause_the_campaign() {
    let world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 300);
    world.platform.script(Rule::template("test_offer", refused(132_008)));
    world.launch(&world.files.campaign("broken", "people.csv", "")).await;
    world.step().await;
    let row = world.row("broken").await;
    assert_eq!(row.state, lifecycle::State::Paused);
    assert!(row.reason.as_deref().unwrap().contains("messages in a row were refused"), "{:?}", row.reason);
    let failed = row.count(State::Failed);
    assert!((20..40).contains(&failed), "{failed} of 300");
    assert_eq!(row.count(State::Queued), 300 - failed);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opted_out_at_the_platform_is_not_in_the_next_campaign() {
    let mut cases = Cases::new().await;
    let (key, message) = cases.meets(refused(131_050), "").await;
    assert_failure(&message, State::Failed, Some(131_050), "drop_recipient");
    cases.world.until_over(&key).await;
    assert_left_out_of_the_next(&cases.world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opted_out_as_a_webhook_tells_is_not_in_the_next_campaign() {
    let mut cases = Cases::new().await;
    let (key, _) = cases.meets(Outcome::FailLater { code: 131_050 }, "").await;
    let row = cases.world.until_over(&key).await;
    assert_eq!(row.count(State::Failed), 1);
    assert_left_out_of_the_next(&cases.world).await;
}

/// The same ten people in another campaign: nine get it.
async fn assert_left_out_of_the_next(world: &World) {
    let address = person(0)[1..].to_owned();
    assert_eq!(world.store.suppressed(std::slice::from_ref(&address)).await.unwrap(), [address]);
    world.files.people("next.csv", 0, 10);
    world.launch(&world.files.campaign("next", "next.csv", "")).await;
    let row = world.verified("next").await;
    assert_eq!((row.totals.messages, row.totals.excluded), (9, 1));
    let excluded = world.store.excluded(row.id, None, 10).await.unwrap();
    assert_eq!(excluded[0].reason, "suppressed");
}
