//! Money: the budget is a ceiling at every step, prices are settled as they are told, and what is not
//! delivered is not paid for.

use campaign::lifecycle;
use campaign::message::State;
use campaign::money::Micros;
use rust_decimal::Decimal;
use simulator::{Account, Change, Outcome, Profile, Rule, Template};
use store::model::CampaignRow;
use testkit::files::{WABA_ID, person};
use testkit::{World, WorldOptions};

const MAX_PRICE: &str = "delivery: { max_price: { amount: \"0.87\", currency: INR } }";

/// An account whose template has a max price of INR 0.87, where a delivery costs `price` give or take half.
async fn world_with_prices(price: Decimal, profile: Profile) -> World {
    let template = Template::new(WABA_ID, "test_offer", "en").with_max_price(87_000).with_ttl_seconds(43_200);
    let world =
        crate::world(WorldOptions { templates: vec![template], profile, ..WorldOptions::default() }).await;
    world.platform.change(Change::Account(Account { price, ..Account::default() })).unwrap();
    world
}

fn assert_within_budget(row: &CampaignRow) {
    let budget = row.budget.expect("a budget");
    assert!(row.spent.0 + row.reserved.0 <= budget.0, "{} + {} of {}", row.spent.0, row.reserved.0, budget.0);
}

/// What the platform charges, from its ledger.
fn charged(world: &World) -> Micros {
    let sum: Decimal = world.platform.ledger().iter().map(|entry| entry.truth.price).sum();
    Micros::from_decimal_ceil(sum).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_is_a_ceiling_at_every_step_and_the_rest_is_skipped() {
    let world = world_with_prices(Decimal::new(40, 2), Profile::none()).await;
    world.files.people("people.csv", 0, 300);
    let more = format!("{MAX_PRICE}\nbudget: {{ amount: \"30\", currency: INR }}");
    world.launch(&world.files.campaign("dear", "people.csv", &more)).await;

    let mut fullest = 0;
    loop {
        world
            .watch("dear", |row| {
                assert_within_budget(row);
                fullest = fullest.max(row.spent.0 + row.reserved.0);
            })
            .await;
        let row = world.row("dear").await;
        if row.state == lifecycle::State::Done {
            break;
        }
        assert!(
            world.now() - row.launched_at < chrono::TimeDelta::days(3),
            "{} {:?} {:?}",
            row.state,
            row.reason,
            row.counts
        );
        world.clock.advance(std::time::Duration::from_secs(5));
    }

    let row = world.verified("dear").await;
    assert_within_budget(&row);
    assert!(fullest > 29_000_000, "the budget was used as far as it goes: {fullest}");
    assert_eq!(row.reserved, Micros::ZERO);
    assert_eq!(row.spent, charged(&world), "what was spent is what the platform charges");
    // At 0.20 to 0.60 each, far more fit in the end than the 34 that their worst case let through at first.
    let delivered = row.count(State::Delivered) + row.count(State::Read);
    assert!(delivered > 50, "{delivered}");
    assert!(row.spent.0 > 30_000_000 - 870_000, "less than one worst case is left over: {}", row.spent.0);
    assert_eq!(row.count(State::Skipped), 300 - delivered);
    let skipped = world.messages("dear").await.into_iter().find(|m| m.state == State::Skipped).unwrap();
    assert!(skipped.failure.unwrap().detail.contains("budget"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_price_is_settled_from_the_webhook_that_tells_it() {
    let world = world_with_prices(Decimal::new(40, 2), Profile::none()).await;
    world.files.people("people.csv", 0, 50);
    let more = format!("{MAX_PRICE}\nbudget: {{ amount: \"100\", currency: INR }}");
    world.launch(&world.files.campaign("priced", "people.csv", &more)).await;
    world.until_taken(50).await;
    let row = world.row("priced").await;
    assert!(row.reserved.0 > 0 && row.spent < charged(&world), "some are taken and not delivered yet");

    let row = world.until_over("priced").await;

    assert_eq!((row.spent, row.reserved), (charged(&world), Micros::ZERO));
    for message in world.messages("priced").await {
        let entry =
            world.platform.ledger().into_iter().find(|e| Some(&e.wamid) == message.wamid.as_ref()).unwrap();
        assert_eq!(message.cost, Micros::from_decimal_ceil(entry.truth.price));
        assert!(message.cost_told);
        assert_eq!(message.route.as_deref(), Some("marketing_lite"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_or_expires_is_released_and_costs_nothing() {
    let profile = Profile { read: 0.0, ..Profile::none() };
    let world = world_with_prices(Decimal::new(40, 2), profile).await;
    world.files.people("people.csv", 0, 3);
    // Refused at once, failing by webhook, and offline for longer than the 12 hours of its TTL.
    world.platform.script(Rule::to(
        person(0),
        Outcome::Error { code: 131_026, http: None, details: None, headers: Default::default() },
    ));
    world.platform.script(Rule::to(person(1), Outcome::FailLater { code: 131_026 }));
    world.platform.script(Rule::to(person(2), Outcome::Offline { seconds: 13 * 3_600 }));
    let more = format!("{MAX_PRICE}\nbudget: {{ amount: \"100\", currency: INR }}");
    world.launch(&world.files.campaign("vain", "people.csv", &more)).await;

    world.until_taken(2).await;
    let row = world.row("vain").await;
    assert_eq!(row.reserved.0, 2 * 870_000, "the refused one holds nothing, the other two their worst case");
    world.pass(std::time::Duration::from_secs(60), std::time::Duration::from_secs(5)).await;
    assert_eq!(world.row("vain").await.reserved.0, 870_000, "the failed one is released");

    let row = world.until_over("vain").await;
    assert_eq!((row.spent, row.reserved), (Micros::ZERO, Micros::ZERO));
    assert_eq!((row.count(State::Failed), row.count(State::Expired)), (2, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_loses_the_auction_is_not_paid_for_and_makes_room_for_others() {
    // At 0.86 give or take half, about half of the people cost more than the max price of 0.87.
    let world =
        world_with_prices(Decimal::new(86, 2), Profile { auction_loss_told: 0.5, ..Profile::none() }).await;
    world.files.people("people.csv", 0, 60);
    let more = format!("{MAX_PRICE}\nbudget: {{ amount: \"100\", currency: INR }}\nretry: {{ attempts: 1 }}");
    world.launch(&world.files.campaign("auction", "people.csv", &more)).await;

    let row = world.until_over("auction").await;

    let won = world.platform.ledger().iter().filter(|entry| entry.truth.is_delivered()).count() as u64;
    assert!((10..=50).contains(&won), "{won}");
    assert_eq!(row.count(State::Delivered) + row.count(State::Read), won);
    assert_eq!(row.count(State::Failed) + row.count(State::Expired), 60 - won);
    assert_eq!((row.spent, row.reserved), (charged(&world), Micros::ZERO));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_multiplier_scales_the_worst_case_and_travels_with_the_message() {
    let world = world_with_prices(Decimal::new(40, 2), Profile::none()).await;
    world
        .files
        .write("people.csv", format!("phone,bid\n{},0.5\n{},\n{},2\n", person(0), person(1), person(2)));
    let more = "delivery: { max_price: { amount: \"0.87\", currency: INR, multiplier: \"{{ bid | default(1) }}\" } }\nbudget: { amount: \"100\", currency: INR }";
    world.launch(&world.files.campaign("bids", "people.csv", more)).await;
    world.until_taken(3).await;

    assert_eq!(world.row("bids").await.reserved.0, 435_000 + 870_000 + 1_740_000);
    let bids: Vec<_> = world
        .platform
        .ledger()
        .iter()
        .map(|e| e.body["bid_spec"]["per_message_bid_multiplier"].as_f64())
        .collect();
    assert!(bids.contains(&Some(0.5)) && bids.contains(&Some(2.0)), "{bids:?}");
    let row = world.until_over("bids").await;
    assert_eq!((row.spent, row.reserved), (charged(&world), Micros::ZERO));
}
