//! What the account says of a campaign's template before it is launched.

use simulator::Template;
use testkit::WorldOptions;
use testkit::files::WABA_ID;

use crate::launching::{assert_nothing_stored, plan_hash};

#[tokio::test(flavor = "multi_thread")]
async fn a_template_that_changed_since_the_plan_is_not_launched_by_it() {
    let world = crate::world(WorldOptions::default()).await;
    world.platform.put_template(Template::new(WABA_ID, "test_offer", "en"));
    world.files.people("people.csv", 0, 30);
    world.files.campaign("planned", "people.csv", "");
    let hash = plan_hash(&world, "planned.yaml").await;
    world.platform.put_template(Template::new(WABA_ID, "test_offer", "en").with_ttl_seconds(43_200));

    let refused = world.cli(&["launch", "planned.yaml", "--plan", &hash]).await;

    assert_eq!(refused.code, 3, "{}", refused.err);
    assert_nothing_stored(&world, "planned").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn user_ids_and_a_max_price_do_not_go_together() {
    let template = Template::new(WABA_ID, "test_offer", "en").with_max_price(87_000);
    let world = crate::world(WorldOptions { templates: vec![template], ..WorldOptions::default() }).await;
    let more = "delivery: { max_price: { amount: \"0.87\", currency: INR } }";
    let file = crate::recipients::by_user_id(&world, "dear", more);
    let refused = world.cli(&["check", file.to_str().unwrap()]).await;
    assert_eq!(refused.code, 2);
    assert!(
        refused
            .err
            .contains("does not work with audience.user_id: the platform refuses such messages (131062)"),
        "{}",
        refused.err
    );
    // Also where the template alone has a price.
    let file = crate::recipients::by_user_id(&world, "dear", "");
    let refused = world.cli(&["check", file.to_str().unwrap()]).await;
    assert!(refused.code == 2 && refused.err.contains("131062"), "{}", refused.err);
}
