//! Money: the budget is a ceiling at every instant, prices are settled as they are told, and what is not
//! delivered is not paid for.

use campaign::message::State;
use campaign::money::Micros;
use rust_decimal::Decimal;
use simulator::{Account, Change, Latency, Outcome, Profile, Rule, Template};
use sqlx::postgres::PgPool;
use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};
use testkit::files::{WABA_ID, person};
use testkit::{World, WorldOptions};

const MAX_PRICE: &str = "delivery: { ttl: 12h, max_price: { amount: \"0.87\", currency: INR } }";

/// An account whose template has a max price of INR 0.87, where a delivery costs `price` give or take half.
async fn world_with_prices(price: Decimal, profile: Profile) -> World {
    let template = Template::new(WABA_ID, "test_offer", "en").with_max_price(87_000).with_ttl_seconds(43_200);
    let world =
        crate::world(WorldOptions { templates: vec![template], profile, ..WorldOptions::default() }).await;
    world.platform.change(Change::Account(Account { price, ..Account::default() })).unwrap();
    world
}

/// What the platform charges, from its ledger.
fn charged(world: &World) -> Micros {
    let sum: Decimal = world.platform.ledger().iter().map(|entry| entry.truth.price).sum();
    Micros::from_decimal_ceil(sum).unwrap()
}

/// Every value that campaigns' money ever has, budget, spent and reserved: the world's database writes it down in the
/// transaction that changes it.
enum MoneyHistory {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

const IN_SQLITE: &str = "
    CREATE TABLE money_history (
        n INTEGER PRIMARY KEY, budget INTEGER NOT NULL, spent INTEGER NOT NULL, reserved INTEGER NOT NULL
    );
    CREATE TRIGGER write_money_down AFTER UPDATE ON campaigns
    WHEN OLD.spent <> NEW.spent OR OLD.reserved <> NEW.reserved BEGIN
        INSERT INTO money_history (budget, spent, reserved) VALUES (NEW.budget, NEW.spent, NEW.reserved);
    END;";

const IN_POSTGRES: &str = "
    CREATE TABLE money_history (
        n BIGSERIAL, budget BIGINT NOT NULL, spent BIGINT NOT NULL, reserved BIGINT NOT NULL
    );
    CREATE FUNCTION write_money_down() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        INSERT INTO money_history (budget, spent, reserved) VALUES (NEW.budget, NEW.spent, NEW.reserved);
        RETURN NULL;
    END $$;
    CREATE TRIGGER write_money_down AFTER UPDATE ON campaigns FOR EACH ROW
    WHEN (OLD.spent <> NEW.spent OR OLD.reserved <> NEW.reserved) EXECUTE FUNCTION write_money_down();";

impl MoneyHistory {
    async fn begin(world: &World) -> Self {
        if let Some(url) = world.files.is_set_to("PACELINE_STORE__URL") {
            let pool = PgPool::connect(url).await.unwrap();
            sqlx::raw_sql(IN_POSTGRES).execute(&pool).await.unwrap();
            return Self::Postgres(pool);
        }
        let file = SqliteConnectOptions::new().filename(world.files.join("paceline.db"));
        let pool = SqlitePool::connect_with(file).await.unwrap();
        sqlx::raw_sql(IN_SQLITE).execute(&pool).await.unwrap();
        Self::Sqlite(pool)
    }

    async fn values(&self) -> Vec<(i64, i64, i64)> {
        let all = "SELECT budget, spent, reserved FROM money_history ORDER BY n";
        match self {
            Self::Sqlite(pool) => sqlx::query_as(all).fetch_all(pool).await.unwrap(),
            Self::Postgres(pool) => sqlx::query_as(all).fetch_all(pool).await.unwrap(),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_budget_is_a_ceiling_at_every_instant_and_the_rest_is_skipped() {
    // Auctions at 0.30 to 0.90: some people cost more than the max price of 0.87, and only half of them are told of.
    // Some are not on WhatsApp, some are never reached; statuses come twice, late and in the wrong order.
    let profile = Profile {
        auction_loss_told: 0.5,
        not_on_whatsapp: 0.05,
        reachable: 0.95,
        duplicate: 0.1,
        late: 0.1,
        late_by: Latency::ms(1_000.0, 5_000.0, 20_000.0),
        reordered: 0.1,
        // What is read before its price is told counts as the rate card has it until then.
        read: 0.0,
        ..Profile::none()
    };
    let world = world_with_prices(Decimal::new(60, 2), profile).await;
    let history = MoneyHistory::begin(&world).await;
    world.files.people("people.csv", 0, 300);
    let more = format!("{MAX_PRICE}\nbudget: {{ amount: \"60\", currency: INR }}");
    world.launch(&world.files.campaign("dear", "people.csv", &more)).await;

    let row = world.until_over("dear").await;

    let values = history.values().await;
    for (budget, spent, reserved) in &values {
        assert!(spent + reserved <= *budget, "{spent} + {reserved} of {budget}");
    }
    let at_stake = |(_, spent, reserved): &(i64, i64, i64)| spent + reserved;
    assert!(values.len() > 20 && values.iter().map(at_stake).max() > Some(59_000_000), "{values:?}");
    assert_eq!(values.last(), Some(&(60_000_000, row.spent.0, 0)));
    assert_eq!(row.spent, charged(&world), "what was spent is what the platform charges");
    assert!(row.spent.0 >= 58_800_000, "at least 98 % were used: {}", row.spent.0);
    // At 0.30 to 0.87 each, far more fit in the end than the 68 that their worst case let through at first.
    let delivered = row.count(State::Delivered) + row.count(State::Read);
    assert!(delivered > 80, "{delivered}");
    let lost = row.count(State::Failed) + row.count(State::Expired);
    assert!(lost > 5, "{lost}");
    assert_eq!(row.count(State::Skipped), 300 - delivered - lost);
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

#[tokio::test(flavor = "multi_thread")]
async fn prices_of_ones_own_take_the_place_of_the_shipped_ones() {
    let mut world = crate::world(WorldOptions::default()).await;
    world.files.people("people.csv", 0, 100);
    let file = world.files.campaign("cheap", "people.csv", "budget: { amount: \"60\", currency: INR }");
    let file = file.to_str().unwrap();
    let shipped = world.cli(&["plan", file, "--json"]).await.good().json();
    assert_eq!(
        (&shipped["cost"]["likely"], &shipped["rate_card"]["date"]),
        (&"77.679".into(), &"2026-07-01".into())
    );

    let card = world.files.write(
        "prices.toml",
        "date = \"2026-10-01\"\nsource = \"our invoice\"\n[markets.india]\nname = \"India\"\ncountries = [\"IN\"]\n\
         prices = { INR = \"0.50\" }\n",
    );
    world.files.set("PACELINE_PLATFORM__RATE_CARD", card.to_str().unwrap());
    let own = world.cli(&["plan", file, "--json"]).await.good().json();
    assert_eq!((&own["cost"]["worst"], &own["rate_card"]["source"]), (&"50".into(), &"our invoice".into()));

    world.files.set("PACELINE_PLATFORM__RATE_CARD", "nowhere.toml");
    let refused = world.cli(&["check", file]).await;
    assert!(refused.code == 2 && refused.err.contains("nowhere.toml: cannot be read"), "{}", refused.err);
}
