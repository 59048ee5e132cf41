//! The health brake: what the platform pauses, restricts or recategorises stands still, and nothing else does; what
//! recovers goes on by itself.

use std::time::Duration;

use campaign::lifecycle;
use campaign::message::State;
use serde_json::json;
use simulator::{
    Answer, Category, Change, Latency, Outcome, Profile, Quality, Rule, Template, TemplateStatus,
};
use store::brake::{BrakeChange, Lifted};
use store::model::CampaignRow;
use testkit::files::{PHONE_NUMBER_ID, SECOND, WABA_ID, person};
use testkit::{World, WorldOptions};

/// A template of the same account beside the one that is braked.
const OTHER: &str = "other_offer";

/// The people of each campaign.
const PEOPLE: u64 = 90;

/// A world with two templates and two senders, and three campaigns of [`PEOPLE`]: one that the brake is to touch, one
/// with another template on the same sender, one with the same template on another sender.
async fn three_campaigns() -> World {
    let world = two_senders().await;
    launch_three(&world).await;
    world
}

/// The same where both senders have sent before: what is said of a number finds its sender by their statuses.
async fn three_campaigns_of_known_numbers() -> World {
    let world = two_senders().await;
    for (i, sender) in ["jaspers-in", SECOND.0].into_iter().enumerate() {
        let key = format!("before-{i}");
        world.files.people(&format!("{key}.csv"), 9_000 + i as u32, 1);
        world.launch(&world.files.campaign_on(sender, &key, &format!("{key}.csv"), "")).await;
    }
    world.pass(Duration::from_secs(600), Duration::from_secs(60)).await;
    assert_eq!(world.store.numbers().await.unwrap().len(), 2);
    launch_three(&world).await;
    world
}

async fn two_senders() -> World {
    let other = Template::new(WABA_ID, OTHER, "en");
    let options = WorldOptions { second: true, templates: vec![other], ..WorldOptions::default() };
    let world = crate::world(options).await;
    world.open_gate(OTHER).await;
    world
}

async fn launch_three(world: &World) {
    for (i, (key, sender, template)) in [
        ("touched", "jaspers-in", "test_offer"),
        ("other-template", "jaspers-in", OTHER),
        ("other-sender", SECOND.0, "test_offer"),
    ]
    .into_iter()
    .enumerate()
    {
        world.files.people(&format!("{key}.csv"), i as u32 * 1_000, PEOPLE as u32);
        let file = world.files.write(
            &format!("{key}.yaml"),
            format!(
                "campaign: {key}\nsender: {sender}\ntemplate: {{ name: {template}, language: en }}\n\
                 audience: {{ file: {key}.csv, phone: {{ column: phone }} }}\nretry: {{ attempts: 1 }}\n"
            ),
        );
        world.launch(&file).await;
    }
}

/// How many messages of a campaign were sent, and what it waits for.
async fn sent(world: &World, key: &str) -> (u64, String) {
    let row = world.row(key).await;
    let unsent = row.count(State::Queued) + row.count(State::Retrying);
    (PEOPLE - unsent, row.reason.unwrap_or_default())
}

/// Waits until nothing of a campaign is unsent, and fails unless all of it was accepted.
async fn all_is_sent(world: &World, key: &str) {
    let is_sent = |row: &CampaignRow| row.progress().unsent == 0;
    let row = world.until(key, Duration::from_secs(600), Duration::from_secs(10), is_sent).await;
    assert_eq!(
        row.count(State::Failed) + row.count(State::Skipped) + row.count(State::InDoubt),
        0,
        "{row:?}"
    );
    world.verified(key).await;
}

/// In the middle of all three, `change` happens. The campaigns in `stands` stand still from then on, waiting for `on`;
/// the others go to their end; and after `recovery` those go on by themselves.
async fn stands_still(world: &World, change: Change, recovery: Change, on: &str, stands: &[&str]) {
    world.until_taken(world.platform.accepted() + PEOPLE as usize / 2).await;
    let before: Vec<(u64, String)> = {
        let mut all = Vec::new();
        for key in stands {
            all.push(sent(world, key).await);
        }
        all
    };
    world.platform.change(change).unwrap();
    world.platform.pump().await;
    world.pass(Duration::from_secs(1_200), Duration::from_secs(300)).await;
    for (key, (sent_before, _)) in stands.iter().zip(before) {
        let (sent, reason) = sent(world, key).await;
        assert_eq!(sent, sent_before, "{key}: nothing is sent while it is braked");
        assert!(sent < PEOPLE, "{key}: the brake came in the middle");
        assert_eq!(world.row(key).await.state, lifecycle::State::Waiting, "{key}");
        assert!(reason.starts_with(&format!("waits for {on} since ")), "{key}: {reason}");
    }
    for key in ["touched", "other-template", "other-sender"] {
        if !stands.contains(&key) {
            assert_eq!(sent(world, key).await.0, PEOPLE, "{key} is not touched");
        }
    }
    world.platform.change(recovery).unwrap();
    world.platform.pump().await;
    for key in ["touched", "other-template", "other-sender"] {
        all_is_sent(world, key).await;
        assert!(world.messages(key).await.iter().all(|message| message.attempt == 1), "{key}");
    }
}

fn template_is(status: TemplateStatus) -> Change {
    Change::TemplateStatus { name: "test_offer".to_owned(), status, reason: None }
}

const TEMPLATE: &str = "the template test_offer (en)";
const ACCOUNT: &str = "the account 102290129340398";

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_template_stands_still_until_it_is_approved_again() {
    let world = three_campaigns().await;
    let (pause, approve) = (template_is(TemplateStatus::Paused), template_is(TemplateStatus::Approved));
    stands_still(&world, pause, approve, TEMPLATE, &["touched", "other-sender"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_of_low_quality_stands_still_until_it_is_better() {
    let world = three_campaigns().await;
    let quality = |quality| Change::TemplateQuality { name: "test_offer".to_owned(), quality };
    let (low, better) = (quality(Quality::Red), quality(Quality::Yellow));
    stands_still(&world, low, better, TEMPLATE, &["touched", "other-sender"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recategorised_template_stands_still_until_it_is_marketing_again() {
    let world = three_campaigns().await;
    let category = |category| Change::TemplateCategory { name: "test_offer".to_owned(), category };
    let (utility, marketing) = (category(Category::Utility), category(Category::Marketing));
    stands_still(&world, utility, marketing, TEMPLATE, &["touched", "other-sender"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_account_stands_still_until_it_is_reinstated() {
    let world = three_campaigns().await;
    let ban = |state| Change::AccountEvent {
        waba_id: WABA_ID.to_owned(),
        value: json!({ "event": "DISABLED_UPDATE", "ban_info": { "waba_ban_state": state, "waba_ban_date": "today" } }),
    };
    let all = ["touched", "other-template", "other-sender"];
    stands_still(&world, ban("DISABLE"), ban("REINSTATE"), ACCOUNT, &all).await;
}

fn number_is(quality: Quality) -> Change {
    Change::NumberQuality { phone_number_id: PHONE_NUMBER_ID.to_owned(), quality }
}

/// The platform repeats what it was not answered for, for days: a word that is older than what lifted the brake does not
/// set it again.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_word_that_is_repeated_does_not_brake_again() {
    let world = three_campaigns_of_known_numbers().await;
    let quality = |quality| Change::TemplateQuality { name: "test_offer".to_owned(), quality };
    let category = |category| Change::TemplateCategory { name: "test_offer".to_owned(), category };
    let ban = |state| Change::AccountEvent {
        waba_id: WABA_ID.to_owned(),
        value: json!({ "event": "DISABLED_UPDATE", "ban_info": { "waba_ban_state": state } }),
    };
    let words = [
        (template_is(TemplateStatus::Paused), template_is(TemplateStatus::Approved)),
        (template_is(TemplateStatus::Disabled), template_is(TemplateStatus::Approved)),
        (quality(Quality::Red), quality(Quality::Green)),
        (category(Category::Utility), category(Category::Marketing)),
        (number_is(Quality::Red), number_is(Quality::Green)),
        (ban("DISABLE"), ban("REINSTATE")),
    ];
    for (stop, lift) in words {
        let said = format!("{stop:?}");
        let number = world.platform.told();
        world.platform.change(stop.clone()).unwrap();
        world.platform.pump().await;
        assert_eq!(world.store.brakes(world.now()).await.unwrap().len(), 1, "{said}");
        world.clock.advance(Duration::from_secs(60));
        world.platform.change(lift).unwrap();
        world.platform.pump().await;
        world.clock.advance(Duration::from_secs(60));
        world.platform.tell_again(number);
        assert_eq!(world.platform.pump().await, 1);
        assert_eq!(world.store.brakes(world.now()).await.unwrap(), [], "{said}");
        // Nor does what lifted it lift a word that is newer.
        world.platform.change(stop).unwrap();
        world.platform.pump().await;
        world.platform.tell_again(number + 1);
        assert_eq!(world.platform.pump().await, 1);
        assert_eq!(world.store.brakes(world.now()).await.unwrap().len(), 1, "{said}");
        let lifts = world.store.brakes(world.now()).await.unwrap().into_iter();
        let lifts: Vec<BrakeChange> =
            lifts.map(|brake| BrakeChange::Lift(brake.on, vec![Lifted::Everything], world.now())).collect();
        world.store.change_brakes(&lifts, world.now()).await.unwrap();
        world.clock.advance(Duration::from_secs(60));
    }
}

/// What is repeated after somebody has resumed by hand does not brake again either.
#[tokio::test(flavor = "multi_thread")]
async fn an_old_word_that_is_repeated_does_not_overrule_who_resumed() {
    let world = three_campaigns().await;
    world.until_taken(PEOPLE as usize / 2).await;
    let pause = world.platform.told();
    world.platform.change(template_is(TemplateStatus::Paused)).unwrap();
    world.platform.pump().await;
    world.clock.advance(Duration::from_secs(60));
    world.catch_up();
    let _ = world.cli(&["resume", "touched"]).await.good();
    world.catch_up();
    world.platform.tell_again(pause);
    assert!(world.platform.pump().await >= 1);
    assert_eq!(world.store.brakes(world.now()).await.unwrap(), []);
}

/// A failure that is told an hour after it happened says nothing of the present: somebody may have mended its cause.
#[tokio::test(flavor = "multi_thread")]
async fn a_failure_that_is_told_late_stops_nothing() {
    let late_by = Latency::ms(3_600_000.0, 3_650_000.0, 3_700_000.0);
    let profile = Profile { late: 1.0, late_by, ..Profile::none() };
    let world = crate::world(WorldOptions { profile, ..WorldOptions::default() }).await;
    world.files.people("ten.csv", 0, 10);
    world.launch(&world.files.campaign("unpaid", "ten.csv", "")).await;
    world.platform.script(Rule::to(person(0), Outcome::FailLater { code: 131_042 }).times(1));
    world.pass(Duration::from_secs(600), Duration::from_secs(60)).await;
    assert_eq!(world.message_to("unpaid", 0).await.state, State::Accepted, "nothing was told yet");
    world.pass(Duration::from_secs(7_200), Duration::from_secs(600)).await;
    assert_ne!(world.message_to("unpaid", 0).await.state, State::Accepted, "its failure was told");
    assert_eq!(world.store.brakes(world.now()).await.unwrap(), []);
}

/// A number of low quality stands still, with all its templates; the other number of the same account goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_flagged_number_stands_still_until_its_flag_is_taken_off() {
    let world = three_campaigns_of_known_numbers().await;
    let (flag, unflag) = (number_is(Quality::Red), number_is(Quality::Green));
    stands_still(&world, flag, unflag, "the sender jaspers-in", &["touched", "other-template"]).await;
}

/// What is said of numbers that are nobody's, of limits, throughput and other things to know stops nothing.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_of_limits_and_of_other_numbers_stops_nothing() {
    let world = three_campaigns_of_known_numbers().await;
    world.until_taken(world.platform.accepted() + 30).await;
    let mut said: Vec<Change> = ["DOWNGRADE", "UPGRADE", "ONBOARDING", "MOON"]
        .map(|event| Change::NumberEvent {
            phone_number_id: PHONE_NUMBER_ID.to_owned(),
            event: event.to_owned(),
        })
        .into();
    said.push(Change::NumberThroughput { phone_number_id: PHONE_NUMBER_ID.to_owned(), per_second: 1_000 });
    said.push(Change::DailyLimit { phone_number_id: PHONE_NUMBER_ID.to_owned(), limit: Some(2_000) });
    said.push(Change::AccountAlert {
        waba_id: WABA_ID.to_owned(),
        value: json!({ "entity_type": "WABA", "entity_id": WABA_ID,
            "alert_info": { "alert_severity": "CRITICAL", "alert_type": "OBA_REJECTED" } }),
    });
    for change in said {
        world.platform.change(change).unwrap();
    }
    world.platform.pump().await;
    assert_eq!(world.store.brakes(world.now()).await.unwrap(), []);
    for key in ["touched", "other-template", "other-sender"] {
        all_is_sent(&world, key).await;
    }
}

/// A flag on a number whose id no status has told yet is not guessed at.
#[tokio::test(flavor = "multi_thread")]
async fn a_flag_on_a_number_that_nobody_knows_brakes_no_sender() {
    let world = two_senders().await;
    world.platform.change(number_is(Quality::Red)).unwrap();
    world.platform.pump().await;
    assert_eq!(world.store.brakes(world.now()).await.unwrap(), []);
}

/// A sender that the platform refuses for its limit goes on by itself when the limit is raised.
#[tokio::test(flavor = "multi_thread")]
async fn a_sender_at_its_limit_goes_on_when_more_is_allowed() {
    let world = crate::world(WorldOptions::default()).await;
    let limit = |limit| Change::DailyLimit { phone_number_id: PHONE_NUMBER_ID.to_owned(), limit };
    world.platform.change(limit(Some(40))).unwrap();
    world.files.people("people.csv", 0, PEOPLE as u32);
    world.launch(&world.files.campaign("limited", "people.csv", "retry: { attempts: 1 }")).await;
    world.pass(Duration::from_secs(1_200), Duration::from_secs(300)).await;
    let (sent_before, reason) = sent(&world, "limited").await;
    assert_eq!(sent_before, 40, "{reason}");
    assert!(reason.starts_with("waits for the sender jaspers-in since "), "{reason}");
    world.platform.change(limit(None)).unwrap();
    world.platform.pump().await;
    all_is_sent(&world, "limited").await;
}

/// The platform refuses before any webhook tells why: the first answers brake the template, the rest of it keeps its
/// attempts, and the webhook of its approval lifts it.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_template_goes_on_when_a_webhook_says_so() {
    let world = three_campaigns().await;
    world.until_taken(PEOPLE as usize / 2).await;
    world.platform.script(Rule::template(
        "test_offer",
        Outcome::Error { code: 132_016, http: None, details: None, headers: Default::default() },
    ));
    world.pass(Duration::from_secs(1_200), Duration::from_secs(300)).await;
    let is_refused =
        |request: &simulator::RequestRecord| matches!(request.answer, Answer::Refused { code: 132_016, .. });
    let refused = world.platform.requests().iter().filter(|request| is_refused(request)).count();
    assert!((1..=32).contains(&refused), "{refused}: some bites");
    for key in ["touched", "other-sender"] {
        assert_eq!(world.row(key).await.state, lifecycle::State::Waiting, "{key}");
    }
    assert_eq!(sent(&world, "other-template").await.0, PEOPLE);
    world.platform.clear_script();
    world.platform.change(template_is(TemplateStatus::Paused)).unwrap();
    world.platform.change(template_is(TemplateStatus::Approved)).unwrap();
    world.platform.pump().await;
    for key in ["touched", "other-sender"] {
        all_is_sent(&world, key).await;
    }
}

/// A sender that is refused stands still, and the other one of the same account goes on.
#[tokio::test(flavor = "multi_thread")]
async fn a_refused_sender_stands_still_alone() {
    let world = three_campaigns().await;
    world.until_taken(PEOPLE as usize / 2).await;
    world
        .platform
        .change(Change::NumberStatus {
            phone_number_id: PHONE_NUMBER_ID.to_owned(),
            status: "DISCONNECTED".to_owned(),
        })
        .unwrap();
    world.pass(Duration::from_secs(1_200), Duration::from_secs(300)).await;
    assert_eq!(sent(&world, "other-sender").await.0, PEOPLE);
    for key in ["touched", "other-template"] {
        let (_, reason) = sent(&world, key).await;
        assert!(reason.starts_with("waits for the sender jaspers-in since "), "{key}: {reason}");
        assert!(reason.contains("`paceline resume`"), "{key}: {reason}");
    }
    world
        .platform
        .change(Change::NumberStatus {
            phone_number_id: PHONE_NUMBER_ID.to_owned(),
            status: "CONNECTED".to_owned(),
        })
        .unwrap();
    // One command is enough for all that waits for the sender.
    let _ = world.cli(&["resume", "touched"]).await.good();
    world.catch_up();
    for key in ["touched", "other-template"] {
        all_is_sent(&world, key).await;
    }
}

/// Of a campaign on two senders, the part on the one that is refused waits, and says so; the other part goes out.
#[tokio::test(flavor = "multi_thread")]
async fn half_of_a_campaign_goes_on() {
    let world = crate::world(WorldOptions { second: true, ..WorldOptions::default() }).await;
    world.files.people("both.csv", 0, 90);
    let file = world.files.campaign_on(&format!("[jaspers-in, {}]", SECOND.0), "both", "both.csv", "");
    world.launch(&file).await;
    world
        .platform
        .change(Change::NumberStatus {
            phone_number_id: SECOND.1.to_owned(),
            status: "DISCONNECTED".to_owned(),
        })
        .unwrap();
    let mut said = String::new();
    world
        .watch("both", |row| {
            if let Some(reason) = row.reason.as_ref().filter(|_| row.state == lifecycle::State::Running) {
                said.clone_from(reason);
            }
        })
        .await;
    assert!(said.starts_with(&format!("a part of it waits for the sender {}", SECOND.0)), "{said}");
    world.pass(Duration::from_secs(60), Duration::from_secs(10)).await;
    let row = world.row("both").await;
    for message in world.messages("both").await {
        let group = row.groups.iter().find(|group| group.number == message.group).unwrap();
        let waits = matches!(message.state, State::Queued | State::Retrying);
        assert_eq!(waits, group.sender == SECOND.0, "{} on {}", message.state, group.sender);
    }
    assert!(world.platform.ledger().iter().all(|entry| entry.phone_number_id == PHONE_NUMBER_ID));
    assert_eq!(world.row("both").await.state, lifecycle::State::Waiting);
}
