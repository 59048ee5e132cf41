//! Template state, sync and idleness.

use chrono::TimeDelta;
use serde_json::json;
use simulator::{Category, Change, Config, LastUse, Template, TemplateStatus};

use crate::harness::{WABA, World, config, message, phone, start_time};

fn only(template: Template) -> Config {
    Config { templates: vec![template], auto_create_templates: false, ..config() }
}

#[tokio::test]
async fn a_template_must_exist_in_its_language_be_approved_and_be_marketing() {
    let world = World::start(only(Template::new(WABA, "sale", "en"))).await;
    let refused = world.send_to(1, "sole").await;
    assert_eq!((refused.http, refused.code()), (404, 132001));
    let mut hindi = message(&phone(1), "sale");
    hindi["template"]["language"]["code"] = json!("hi");
    assert_eq!(world.send(&hindi).await.code(), 132001);
    for (status, code) in [
        (TemplateStatus::Paused, 132015),
        (TemplateStatus::Disabled, 132016),
        (TemplateStatus::Pending, 132001),
        (TemplateStatus::Rejected, 132001),
    ] {
        world.sim.set_template_status("sale", status).unwrap();
        assert_eq!(world.send_to(1, "sale").await.code(), code, "{status:?}");
    }
    world.sim.set_template_status("sale", TemplateStatus::Approved).unwrap();
    world.sim.change(Change::TemplateCategory { name: "sale".into(), category: Category::Utility }).unwrap();
    assert_eq!(world.send_to(1, "sale").await.code(), 134100);
    world.sim.pump().await;
    let changes = world.receiver.changes();
    let events: Vec<&str> = changes.iter().filter_map(|c| c["value"]["event"].as_str()).collect();
    assert_eq!(events, ["PAUSED", "DISABLED", "PENDING", "REJECTED", "APPROVED"]);
    assert_eq!(changes[5]["field"], "template_category_update");
    assert_eq!(changes[5]["value"]["new_category"], "UTILITY");
}

#[tokio::test]
async fn unknown_names_come_into_being_where_that_is_switched_on() {
    let world = World::start(config()).await;
    assert_eq!(world.send_to(1, "anything_at_all").await.http, 200);
    let mut hindi = message(&phone(2), "anything_at_all");
    hindi["template"]["language"]["code"] = json!("hi");
    assert_eq!(world.send(&hindi).await.http, 200);
    hindi["template"]["name"] = json!("diwali_sale");
    assert_eq!(
        world.send(&hindi).await.code(),
        132001,
        "a template that somebody made has the languages they made"
    );
}

#[tokio::test]
async fn a_fresh_template_syncs_for_ten_minutes() {
    let fresh = Template::new(WABA, "sale", "en").created(start_time()).used(LastUse::Never);
    let world = World::start(only(fresh)).await;
    assert_eq!(world.send_to(1, "sale").await.code(), 134101);
    world.advance(TimeDelta::seconds(599));
    assert_eq!(world.send_to(1, "sale").await.code(), 134101);
    world.advance(TimeDelta::seconds(1));
    assert_eq!(world.send_to(1, "sale").await.http, 200);
    assert_eq!(world.send_to(2, "sale").await.http, 200, "a fresh template was never idle");
}

#[tokio::test]
async fn an_idle_template_takes_one_message_and_then_syncs() {
    let idle = Template::new(WABA, "sale", "en").used(LastUse::At(start_time() - TimeDelta::days(8)));
    let world = World::start(only(idle)).await;
    assert_eq!(world.send_to(1, "sale").await.http, 200);
    assert_eq!(world.send_to(2, "sale").await.code(), 134101);
    world.advance(TimeDelta::seconds(600));
    assert_eq!(world.send_to(2, "sale").await.http, 200);
    assert_eq!(world.send_to(3, "sale").await.http, 200);
    world.advance(TimeDelta::days(7) + TimeDelta::seconds(1));
    assert_eq!(world.send_to(4, "sale").await.http, 200, "idle again: the first");
    assert_eq!(world.send_to(5, "sale").await.code(), 134101);
}

#[tokio::test]
async fn idleness_can_be_said_outright() {
    let mut template = Template::new(WABA, "sale", "en");
    template.idle = Some(true);
    let world = World::start(only(template)).await;
    assert_eq!(world.send_to(1, "sale").await.http, 200);
    assert_eq!(world.send_to(2, "sale").await.code(), 134101);
    let never = Template::new(WABA, "other", "en").used(LastUse::Never);
    world.sim.put_template(never);
    assert_eq!(world.send_to(1, "other").await.http, 200, "created long ago and never used is idle");
    assert_eq!(world.send_to(2, "other").await.code(), 134101);
    let last_used = LastUse::Recently;
    world.sim.put_template(Template::new(WABA, "third", "en").used(LastUse::Never));
    world.sim.change(Change::TemplateLastUsed { name: "third".into(), last_used }).unwrap();
    assert_eq!(world.send_to(1, "third").await.http, 200);
    assert_eq!(world.send_to(2, "third").await.http, 200);
}

#[tokio::test]
async fn parameters_must_match_the_definition() {
    let world = World::start(config()).await;
    let mut body = message(&phone(1), "welcome");
    assert_eq!(world.send(&body).await.code(), 132000);
    let text = |text: &str| json!({ "type": "text", "text": text });
    body["template"]["components"] = json!([{ "type": "body", "parameters": [text("Asha")] }]);
    assert_eq!(world.send(&body).await.http, 200);
    body["template"]["components"][0]["parameters"] = json!([text("Asha"), text("b")]);
    assert_eq!(world.send(&body).await.code(), 132000);
    body["template"]["components"] = json!([
        { "type": "header", "parameters": [{ "type": "image", "image": { "id": "1" } }] },
        { "type": "body", "parameters": [text("Asha")] }
    ]);
    assert_eq!(world.send(&body).await.code(), 132012);
}
