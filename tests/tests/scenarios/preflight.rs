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
