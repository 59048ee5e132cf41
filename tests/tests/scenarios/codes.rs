//! Each error code of the platform over HTTP: as the answer to a request, and as a status webhook after the request was
//! accepted. What becomes of the message, when it is tried again, and what else stands still.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::lifecycle;
use campaign::message::State;
use campaign::platform_error::{TABLE, Usage};
use chrono::TimeDelta;
use simulator::{Outcome, Rule};
use store::brake::{BrakeChange, Cause, Lifted, Subject};
use store::model::MessageRow;
use testkit::files::{WABA_ID, person};
use testkit::world::template_key;
use testkit::{World, WorldOptions};

/// What a code does to the message that it answers, and to more than that.
#[derive(Debug, Clone, Copy)]
enum Does {
    /// Nothing else can be done for this person.
    Fail,
    /// The same, and they are never written to again.
    OptOut,
    /// It may have been sent, and is not repeated.
    Doubt,
    /// It is tried again, after so many seconds at the least.
    Again(i64),
    /// The template's gate closes, and no attempt is used up.
    CloseTheGate,
    /// This stands still, and the message waits with its attempts.
    Brake(On),
}

/// What stands still.
#[derive(Debug, Clone, Copy)]
enum On {
    Template,
    Sender,
    Account,
}

use Does::{Again, Brake, CloseTheGate, Doubt, Fail, OptOut};
use On::{Account, Sender, Template};

const DAY: i64 = 86_400;

/// The platform's codes, with what each means for us.
const CODES: &[(u32, Does)] = &[
    (0, Brake(Sender)),
    (1, Doubt),
    (2, Doubt),
    (3, Brake(Sender)),
    (4, Again(60)),
    (10, Brake(Account)),
    (33, Brake(Sender)),
    (100, Fail),
    (104, Brake(Sender)),
    (190, Brake(Sender)),
    (200, Brake(Account)),
    (299, Brake(Account)),
    (368, Brake(Account)),
    (613, Again(1)),
    (80_007, Again(60)),
    (130_403, Fail),
    (130_429, Again(1)),
    (130_472, Fail),
    (130_497, Fail),
    (131_000, Doubt),
    (131_005, Brake(Account)),
    (131_008, Fail),
    (131_009, Fail),
    (131_016, Doubt),
    (131_021, Fail),
    (131_026, Fail),
    (131_030, Fail),
    (131_031, Brake(Account)),
    (131_037, Brake(Sender)),
    (131_042, Brake(Account)),
    (131_045, Brake(Sender)),
    (131_047, Fail),
    (131_048, Brake(Sender)),
    (131_049, Again(DAY)),
    (131_050, OptOut),
    (131_051, Fail),
    (131_052, Fail),
    (131_053, Fail),
    (131_055, Brake(Template)),
    (131_056, Again(1)),
    (131_057, Again(15)),
    (131_061, Fail),
    (131_062, Fail),
    (131_063, Brake(Account)),
    (131_064, Brake(Account)),
    (132_000, Fail),
    (132_001, Brake(Template)),
    (132_005, Fail),
    (132_007, Brake(Template)),
    (132_008, Fail),
    (132_012, Fail),
    (132_015, Brake(Template)),
    (132_016, Brake(Template)),
    (132_018, Fail),
    (132_068, Brake(Template)),
    (132_069, Brake(Template)),
    (133_000, Brake(Sender)),
    (133_004, Again(1)),
    (133_005, Brake(Sender)),
    (133_006, Brake(Sender)),
    (133_008, Brake(Sender)),
    (133_009, Brake(Sender)),
    (133_010, Brake(Sender)),
    (133_015, Brake(Sender)),
    (133_016, Brake(Sender)),
    (134_011, Brake(Template)),
    (134_100, Brake(Template)),
    (134_101, CloseTheGate),
    (134_102, Brake(Template)),
    (134_103, Brake(Template)),
    (135_000, Fail),
    (137_000, Fail),
    // Codes that nobody knows: a refusal.
    (999_998, Fail),
];

#[test]
fn no_code_is_left_out() {
    let is_here =
        |first: i64, last: i64| CODES.iter().any(|(code, _)| (first..=last).contains(&i64::from(*code)));
    let of_sends = TABLE.iter().filter(|info| info.usage == Usage::Send);
    let missing: Vec<i64> =
        of_sends.filter(|info| !is_here(info.first, info.last)).map(|info| info.first).collect();
    assert_eq!(missing, Vec::<i64>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn each_code_does_what_it_means() {
    let world = crate::world(WorldOptions::default()).await;
    // On a template that is new or was opened just now, 131009 would mean that it is not synced.
    world.clock.advance(Duration::from_secs(2_500));
    for (i, (code, does)) in CODES.iter().enumerate() {
        let (key, first) = (format!("code-{code}"), i as u32 * 2);
        world.files.people(&format!("{key}.csv"), first, 2);
        world.launch(&world.files.campaign(&key, &format!("{key}.csv"), "")).await;
        let refused = Outcome::Error { code: *code, http: None, details: None, headers: BTreeMap::new() };
        world.platform.script(Rule::to(person(first), refused).times(1));
        world.platform.script(Rule::to(person(first + 1), Outcome::FailLater { code: *code }).times(1));
        let sent = world.platform.requests().len() + 2;
        for _ in 0..20 {
            if world.platform.requests().len() >= sent {
                break;
            }
            world.round(1).await;
        }
        answered(&world, *code, *does, &world.message_to(&key, first).await).await;
        let told = until_told(&world, &key, first + 1).await;
        told_by_webhook(&world, *code, *does, &told).await;
        let id = world.row(&key).await.id;
        world.store.transition(id, lifecycle::Event::Cancel, None, world.now()).await.unwrap();
        world.step().await;
        world.verified(&key).await;
    }
}

/// The message whose request was answered with the code; what it stopped is let go again.
async fn answered(world: &World, code: u32, does: Does, message: &MessageRow) {
    let state = match does {
        Fail | OptOut => State::Failed,
        Doubt => State::InDoubt,
        Again(_) | CloseTheGate | Brake(_) => State::Retrying,
    };
    let failure = message.failure.as_ref().unwrap_or_else(|| panic!("{code}: {message:?}"));
    assert_eq!((message.state, failure.code), (state, Some(i64::from(code))), "{failure:?}");
    assert!(failure.detail.len() > 20, "{code} is explained: {}", failure.detail);
    let wait = message.retry_at.map(|at| at - message.claimed_at.unwrap());
    match does {
        Fail | OptOut | Doubt => assert_eq!(wait, None, "{code}"),
        Again(least) => {
            let wait = wait.unwrap();
            // A retry's jitter, and a request's own time, come to some seconds at the most.
            let most = TimeDelta::seconds(least * 2 + 5);
            assert!(wait >= TimeDelta::seconds(least) && wait <= most, "{code}: {wait}");
        }
        CloseTheGate => {
            assert!(wait.unwrap() >= TimeDelta::minutes(10), "{code}: {wait:?}");
            let gate = world.store.gate(&template_key("test_offer")).await.unwrap();
            assert!(gate.closed_until.unwrap() - world.now() > TimeDelta::minutes(9), "{code}: {gate:?}");
            world.open_gate("test_offer").await;
        }
        Brake(_) => assert!(wait.unwrap() <= TimeDelta::seconds(5), "{code}: it waits for the brake alone"),
    }
    assert_eq!(opted_out(world, message).await, matches!(does, OptOut), "{code}");

    brakes_are(world, code, does).await;
}

/// Lets time pass until a webhook has told that the message failed; nothing is sent meanwhile.
async fn until_told(world: &World, key: &str, i: u32) -> MessageRow {
    for _ in 0..600 {
        let message = world.message_to(key, i).await;
        if message.failure.is_some() {
            return message;
        }
        world.clock.advance(Duration::from_secs(1));
        world.platform.pump().await;
    }
    panic!("{key}: no webhook told of the failure")
}

/// The message that was accepted before it failed. It has certainly failed, so nothing is in doubt.
async fn told_by_webhook(world: &World, code: u32, does: Does, message: &MessageRow) {
    let failure = message.failure.as_ref().unwrap();
    let state = match does {
        Fail | OptOut | Brake(_) => State::Failed,
        Doubt | Again(_) | CloseTheGate => State::Retrying,
    };
    assert_eq!((message.state, failure.code), (state, Some(i64::from(code))), "by webhook: {failure:?}");
    let wait = message.retry_at.map(|at| at - message.accepted_at.unwrap());
    match does {
        Fail | OptOut | Brake(_) => assert_eq!(wait, None, "{code}"),
        Doubt => assert!(wait.unwrap() >= TimeDelta::zero(), "{code}: {wait:?}"),
        Again(least) if least > 1 => assert!(wait.unwrap() >= TimeDelta::seconds(least), "{code}: {wait:?}"),
        Again(_) => assert!(wait.is_some(), "{code}"),
        CloseTheGate => assert!(wait.unwrap() >= TimeDelta::minutes(10), "{code}: {wait:?}"),
    }
    assert_eq!(opted_out(world, message).await, matches!(does, OptOut), "{code}");
    brakes_are(world, code, does).await;
}

/// Just what the code stops is braked; it is let go again.
async fn brakes_are(world: &World, code: u32, does: Does) {
    let on = match does {
        Brake(Template) => Some(Subject::Template(template_key("test_offer"))),
        Brake(Sender) => Some(Subject::Sender("jaspers-in".to_owned())),
        Brake(Account) => Some(Subject::Account(WABA_ID.to_owned())),
        Fail | OptOut | Doubt | Again(_) | CloseTheGate => None,
    };
    let brakes = world.store.brakes(world.now()).await.unwrap();
    let said: Vec<_> = brakes.iter().map(|brake| (brake.on.clone(), brake.cause)).collect();
    assert_eq!(said, Vec::from_iter(on.map(|on| (on, Cause::Refused(i64::from(code))))), "{code}");
    let lift = |on| BrakeChange::Lift(on, vec![Lifted::Everything], world.now());
    let lifts: Vec<_> = brakes.into_iter().map(|brake| lift(brake.on)).collect();
    world.store.change_brakes(&lifts, world.now()).await.unwrap();
}

async fn opted_out(world: &World, message: &MessageRow) -> bool {
    !world.store.suppressed(std::slice::from_ref(&message.recipient)).await.unwrap().is_empty()
}
