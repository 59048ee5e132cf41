//! Webhooks as the platform posts them, as its documentation shows them, and as nobody should.
#![expect(
    clippy::panic,
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test's helpers may panic, at any event but the one they want"
)]

use chrono::DateTime;
use proptest::prelude::*;
use serde_json::{Value, json};
use whatsapp::health::{MessagingLimit, Quality};
use whatsapp::webhook::{
    AccountEvent, Choice, Cost, DecodeError, Event, InboundKind, NumberEvent, Status, StatusError,
    StatusEvent, TemplateCategory, TemplateEvent, decode,
};

fn post(field: &str, value: Value) -> Value {
    json!({
        "object": "whatsapp_business_account",
        "entry": [{"id": "102290129340398", "time": 1_731_622_800, "changes": [{"field": field, "value": value}]}]
    })
}

fn events(post: &Value) -> Vec<Event> {
    read(post.to_string().as_bytes())
}

fn read(body: &[u8]) -> Vec<Event> {
    decode(body).unwrap().into_iter().map(|posted| posted.event).collect()
}

fn only(post: &Value) -> Event {
    let mut events = events(post);
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

fn messages(key: &str, items: Value) -> Value {
    let metadata = json!({"display_phone_number": "16505551111", "phone_number_id": "106540352242922"});
    let mut value = json!({"messaging_product": "whatsapp", "metadata": metadata});
    value[key] = items;
    post("messages", value)
}

fn status(item: Value) -> StatusEvent {
    match only(&messages("statuses", json!([item]))) {
        Event::Status(status) => status,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_full_status() {
    let body = r#"{"object":"whatsapp_business_account","entry":[{"id":"102290129340398","changes":[{"value":{
        "messaging_product":"whatsapp","metadata":{"display_phone_number":"16505551111","phone_number_id":"106540352242922"},
        "contacts":[{"profile":{"name":"Zo\u00eb"},"wa_id":"919876543210","user_id":"IN.1349"}],
        "statuses":[{"id":"wamid.A","status":"delivered","timestamp":"1731622800","recipient_id":"919876543210",
            "recipient_user_id":"IN.1349","biz_opaque_callback_data":"pl1.k3v9.7.41.2",
            "conversation":{"id":"c","origin":{"type":"marketing_lite"}},
            "pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"marketing_lite",
                "cost":{"amount":0.86310000000000000001,"currency":"inr"}}}]},"field":"messages"}]}]}"#;
    let events = read(body.as_bytes());
    let [Event::Status(status)] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((status.wamid.as_str(), status.status), ("wamid.A", Status::Delivered));
    assert_eq!(status.timestamp, DateTime::from_timestamp(1_731_622_800, 0));
    assert_eq!(status.recipient_id.as_deref(), Some("919876543210"));
    assert_eq!(status.recipient_user_id.as_deref(), Some("IN.1349"));
    assert_eq!(status.callback_data.as_deref(), Some("pl1.k3v9.7.41.2"));
    assert_eq!(status.phone_number_id.as_deref(), Some("106540352242922"));
    assert!(status.errors.is_empty());
    let pricing = status.pricing.as_ref().unwrap();
    assert_eq!(
        (pricing.category.as_deref(), pricing.pricing_type.as_deref()),
        (Some("marketing_lite"), Some("regular"))
    );
    assert_eq!(pricing.billable, Some(true));
    // No float could hold this amount.
    let cost = Cost { amount: "0.86310000000000000001".parse().unwrap(), currency: "INR".into() };
    assert_eq!(pricing.cost, Some(cost));
}

#[test]
fn a_status_may_lack_almost_everything() {
    let bare = status(json!({"id": "wamid.A", "status": "read"}));
    assert_eq!(
        (bare.status, bare.timestamp, bare.recipient_id, bare.pricing),
        (Status::Read, None, None, None)
    );
    // 360dialog's example has placeholders.
    let placeholder = status(
        json!({"id": "wamid.A", "status": "SENT", "timestamp": "TIMESTAMP", "recipient_id": "TIMESTAMP"}),
    );
    assert_eq!((placeholder.status, placeholder.timestamp), (Status::Sent, None));
    let number = status(
        json!({"id": "wamid.A", "status": "played", "timestamp": 1_731_622_800.0, "recipient_id": 919_876_543_210_i64}),
    );
    assert_eq!(number.timestamp, DateTime::from_timestamp(1_731_622_800, 0));
    assert_eq!(number.recipient_id.as_deref(), Some("919876543210"));
    // Odd parts cost themselves only.
    let odd = status(json!({
        "id": "wamid.A", "status": "delivered", "errors": "none", "conversation": 7,
        "pricing": {"category": "marketing", "cost": {"amount": -1, "currency": "USD"}}
    }));
    assert_eq!(odd.errors, []);
    let pricing = odd.pricing.unwrap();
    assert_eq!((pricing.category.as_deref(), pricing.cost), (Some("marketing"), None));
    for pricing in [json!([]), json!("x"), json!({"cost": []}), json!({"cost": {"amount": 1}})] {
        let status = status(json!({"id": "w", "status": "read", "pricing": pricing}));
        assert_eq!(status.pricing.unwrap().cost, None);
    }
}

#[test]
fn a_failed_status_says_why() {
    let failed = status(json!({
        "id": "wamid.A", "status": "failed", "timestamp": "1", "recipient_id": "1",
        "errors": [
            {"code": 131049, "title": "Not delivered", "message": "Not delivered", "href": "https://x",
             "error_data": {"details": "To maintain a healthy ecosystem"}},
            {"code": "131026"},
            7
        ]
    }));
    assert_eq!(
        failed.errors,
        [
            StatusError {
                code: Some(131_049),
                title: "Not delivered".into(),
                details: Some("To maintain a healthy ecosystem".into())
            },
            StatusError { code: Some(131_026), title: String::new(), details: None },
            StatusError { code: None, title: String::new(), details: None },
        ]
    );
}

#[test]
fn one_bad_status_costs_no_other() {
    let good = |id: &str| json!({"id": id, "status": "sent", "timestamp": "1"});
    let post = json!({"object": "whatsapp_business_account", "entry": [
        {"id": "1", "changes": [
            {"field": "messages", "value": {"statuses": [good("a"), {"status": "sent"}, 7, {"id": "x"}, {"id": "x", "status": "warning"}, good("b")]}},
            7,
            {"field": "messages", "value": "odd"},
            {"field": "messages", "value": {"statuses": {}}},
            {"field": "messages"},
            {"field": "messages", "value": {"metadata": [], "contacts": 7, "statuses": [good("c")]}}
        ]},
        "odd",
        {"id": "2", "changes": {}},
        {"id": "3", "changes": [{"field": "messages", "value": {"statuses": [good("d")]}}]}
    ]});
    let told: Vec<String> = events(&post)
        .into_iter()
        .map(|event| match event {
            Event::Status(status) => status.wamid,
            Event::Other { field } => format!("other {field}"),
            Event::Unreadable { why } => format!("unreadable {why}"),
            other => panic!("{other:?}"),
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"), @"
    a
    unreadable statuses[1]: the status has no id
    unreadable statuses[2]: the status is not an object
    unreadable statuses[3]: the status does not say what it is
    other messages.statuses.warning
    b
    unreadable a change is not an object
    unreadable the value of messages is not an object
    unreadable statuses is not a list
    other messages
    c
    unreadable an entry is not an object
    unreadable an entry's changes is not a list
    d
    ");
}

#[test]
fn an_event_is_as_old_as_its_entry() {
    let change = json!({"field": "account_update", "value": {"event": "ACCOUNT_DELETED"}});
    let entry = |time: Value| json!({"id": "1", "time": time, "changes": [change]});
    let post = json!({"object": "whatsapp_business_account",
        "entry": [entry(json!(1_731_622_800)), entry(json!("1731622801")), entry(Value::Null), entry(json!([]))]});
    let posted = decode(post.to_string().as_bytes()).unwrap();
    let times: Vec<_> = posted.into_iter().map(|posted| posted.at.map(|at| at.timestamp())).collect();
    assert_eq!(times, [Some(1_731_622_800), Some(1_731_622_801), None, None]);
}

#[test]
fn an_alert_is_read() {
    let alert = json!({"entity_type": "WABA", "entity_id": 7,
        "alert_info": {"alert_severity": "CRITICAL", "alert_type": "OBA_REJECTED", "alert_description": "No badge."}});
    let Event::Alert(alert) = only(&post("account_alerts", alert)) else { panic!("no alert") };
    assert_eq!((alert.entity.as_deref(), alert.entity_id.as_deref()), (Some("WABA"), Some("7")));
    assert_eq!((alert.severity.as_deref(), alert.kind.as_deref()), (Some("CRITICAL"), Some("OBA_REJECTED")));
    assert_eq!(alert.description.as_deref(), Some("No badge."));
}

#[test]
fn opt_outs_by_preference() {
    let contacts = json!([{"wa_id": "16505551234", "user_id": "US.1"}]);
    let preference = |item: Value| {
        only(&post(
            "user_preferences",
            json!({"metadata": {"phone_number_id": "1"}, "contacts": contacts, "user_preferences": [item]}),
        ))
    };
    let stop = preference(
        json!({"wa_id": "16505551234", "detail": "User requested", "category": "marketing_messages", "value": "stop", "timestamp": 1_731_622_800}),
    );
    let Event::Preference(stop) = stop else { panic!("{stop:?}") };
    assert_eq!((stop.wa_id.as_deref(), stop.user_id, stop.choice), (Some("16505551234"), None, Choice::Stop));
    assert_eq!(
        (stop.timestamp, stop.phone_number_id.as_deref()),
        (DateTime::from_timestamp(1_731_622_800, 0), Some("1"))
    );
    let resume = preference(json!({"category": "marketing_messages", "value": "RESUME"}));
    let Event::Preference(resume) = resume else { panic!("{resume:?}") };
    assert_eq!(
        (resume.wa_id.as_deref(), resume.user_id.as_deref(), resume.choice),
        (Some("16505551234"), Some("US.1"), Choice::Resume)
    );
    for (item, field) in [
        (
            json!({"category": "marketing_messages", "value": "signup"}),
            "user_preferences.marketing_messages.signup",
        ),
        (json!({"category": "utility", "value": "stop"}), "user_preferences.utility.stop"),
    ] {
        assert_eq!(preference(item), Event::Other { field: field.into() });
    }
    let nobody = only(&post("user_preferences", json!({"user_preferences": [{"value": "stop"}]})));
    assert!(matches!(nobody, Event::Unreadable { .. }), "{nobody:?}");
}

#[test]
fn inbound_messages() {
    let inbound = |item: Value| match only(&messages("messages", json!([item]))) {
        Event::Inbound(inbound) => inbound,
        other => panic!("{other:?}"),
    };
    let tap = inbound(json!({
        "context": {"from": "16505551111", "id": "wamid.OURS"}, "from": "16505551234", "id": "wamid.IN",
        "timestamp": "1731622800", "type": "button", "button": {"payload": "optout-7", "text": "Stop promotions"}
    }));
    assert_eq!((tap.context_id.as_deref(), tap.from.as_deref()), (Some("wamid.OURS"), Some("16505551234")));
    assert_eq!(tap.kind, InboundKind::Button { text: "Stop promotions".into(), payload: "optout-7".into() });
    let text = inbound(
        json!({"from_user_id": "US.13", "id": "w", "type": "text", "text": {"body": "STOP \u{1f6d1}"}}),
    );
    assert_eq!((text.from, text.from_user_id.as_deref()), (None, Some("US.13")));
    assert_eq!(text.kind, InboundKind::Text { body: "STOP \u{1f6d1}".into() });
    let reply = inbound(
        json!({"from": "1", "type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"id": "stop", "title": "Stop"}}}),
    );
    assert_eq!(
        reply.kind,
        InboundKind::Interactive { kind: "button_reply".into(), id: "stop".into(), title: "Stop".into() }
    );
    let flow = inbound(
        json!({"from": "1", "type": "interactive", "interactive": {"nfm_reply": {"name": "flow", "response_json": "{\"a\":1}"}}}),
    );
    assert_eq!(
        flow.kind,
        InboundKind::Interactive { kind: "nfm_reply".into(), id: "{\"a\":1}".into(), title: "flow".into() }
    );
    let image = inbound(json!({"from": "1", "type": "image", "image": {"id": "1"}}));
    assert_eq!(image.kind, InboundKind::Other { kind: "image".into() });
}

#[test]
fn clicks_name_nobody() {
    let click = json!({"timestamp": "1731622800", "action_type": "marketing_messages_link_click",
        "marketing_messages_link_click_data": {"tracking_token": "t", "click_id": "IwAR", "click_component": "cta"}});
    let event = only(&messages("user_actions", json!([click])));
    let Event::UserAction(action) = event else { panic!("{event:?}") };
    assert_eq!(
        (action.action.as_str(), action.component.as_deref()),
        ("marketing_messages_link_click", Some("CTA"))
    );
    assert_eq!(
        (action.tracking_token.as_deref(), action.click_id.as_deref(), action.product_id),
        (Some("t"), Some("IwAR"), None)
    );
    // A page view has the data of the click that it came of, and no component.
    let view = json!({"timestamp": "1731622801", "action_type": "landing_page_view",
        "marketing_messages_link_click_data": {"tracking_token": "t", "click_id": "IwAR"}});
    let Event::UserAction(view) = only(&messages("user_actions", json!([view]))) else { panic!() };
    assert_eq!((view.click_id, view.component), (action.click_id, None));
    let bare = only(&messages("user_actions", json!([{"action_type": "landing_page_view"}])));
    assert!(matches!(bare, Event::UserAction(_)), "{bare:?}");
}

#[test]
fn errors_of_no_message() {
    let event = only(&messages(
        "errors",
        json!([{"code": 130429, "title": "Rate limit hit", "error_data": {"details": "Slow down"}}]),
    ));
    let Event::AppError(error) = event else { panic!("{event:?}") };
    assert_eq!(
        (error.error.code, error.phone_number_id.as_deref()),
        (Some(130_429), Some("106540352242922"))
    );
}

#[test]
fn templates() {
    let paused = only(&post(
        "message_template_status_update",
        json!({
            "event": "PAUSED", "message_template_id": 594_425_479_261_596_i64, "message_template_name": "diwali_sale",
            "message_template_language": "en", "reason": "NONE", "message_template_category": "MARKETING",
            "other_info": {"title": "FIRST_PAUSE", "description": "Low quality"}
        }),
    ));
    let Event::TemplateStatus(paused) = paused else { panic!("{paused:?}") };
    assert_eq!(
        (paused.template.id.as_deref(), paused.template.name.as_deref()),
        (Some("594425479261596"), Some("diwali_sale"))
    );
    assert_eq!(paused.template.waba_id.as_deref(), Some("102290129340398"));
    assert_eq!(
        (paused.event, paused.title.as_deref(), paused.reason),
        (TemplateEvent::Paused, Some("FIRST_PAUSE"), None)
    );

    let mut beside =
        post("message_template_status_update", json!({"event": "REJECTED", "message_template_id": "1"}));
    beside["entry"][0]["changes"][0]["rejection_info"] =
        json!({"reason": "Has a typo", "recommendation": "Fix it"});
    let Event::TemplateStatus(rejected) = only(&beside) else { panic!() };
    assert_eq!((rejected.event, rejected.reason.as_deref()), (TemplateEvent::Rejected, Some("Has a typo")));

    // The platform's own example carries the wrong field.
    let quality = only(&post(
        "message_template_status_update",
        json!({
            "previous_quality_score": "GREEN", "new_quality_score": "RED", "message_template_id": 1, "message_template_name": "a"
        }),
    ));
    let Event::TemplateQuality(quality) = quality else { panic!("{quality:?}") };
    assert_eq!((quality.previous, quality.new), (Quality::Green, Quality::Red));

    let category = |value: Value| match only(&post("template_category_update", value)) {
        Event::TemplateCategory(category) => category,
        other => panic!("{other:?}"),
    };
    let impending = category(
        json!({"message_template_id": 1, "correct_category": "MARKETING", "new_category": "UTILITY", "category_update_timestamp": 1_731_622_800}),
    );
    let TemplateCategory::Impending { current, correct, at, .. } = impending else { panic!("{impending:?}") };
    assert_eq!(
        (current.as_str(), correct.as_str(), at),
        ("UTILITY", "MARKETING", DateTime::from_timestamp(1_731_622_800, 0))
    );
    let completed = category(
        json!({"message_template_id": 1, "previous_category": "UTILITY", "new_category": "MARKETING"}),
    );
    let TemplateCategory::Completed { previous, new, .. } = completed else { panic!("{completed:?}") };
    assert_eq!((previous.as_deref(), new.as_str()), (Some("UTILITY"), "MARKETING"));

    let components = only(&post(
        "message_template_components_update",
        json!({"message_template_id": 1, "message_template_element": "x"}),
    ));
    assert_eq!(components, Event::Other { field: "message_template_components_update".into() });
}

#[test]
fn accounts_and_numbers() {
    let account = |value: Value| match only(&post("account_update", value)) {
        Event::AccountUpdate(update) => update,
        other => panic!("{other:?}"),
    };
    // The entry's id may be the solution provider's business.
    let signed = account(
        json!({"event": "MM_LITE_TERMS_SIGNED", "waba_info": {"waba_id": "7", "owner_business_id": "8"}}),
    );
    assert_eq!(
        (signed.waba_id.as_deref(), signed.owner_business_id.as_deref(), signed.event),
        (Some("7"), Some("8"), AccountEvent::TermsSigned)
    );
    let banned = account(
        json!({"event": "DISABLED_UPDATE", "ban_info": {"waba_ban_state": "DISABLE", "waba_ban_date": "November 8, 2026"}}),
    );
    assert_eq!(banned.waba_id.as_deref(), Some("102290129340398"));
    assert_eq!(
        banned.event,
        AccountEvent::Disabled { state: Some("DISABLE".into()), date: Some("November 8, 2026".into()) }
    );
    let restricted = account(
        json!({"event": "ACCOUNT_RESTRICTION", "restriction_info": [{"restriction_type": "RESTRICTED_BIZ_INITIATED_MESSAGING", "expiration": "1731622800"}]}),
    );
    let AccountEvent::Restriction { restrictions } = restricted.event else { panic!() };
    assert_eq!(
        (restrictions[0].kind.as_str(), restrictions[0].until),
        ("RESTRICTED_BIZ_INITIATED_MESSAGING", DateTime::from_timestamp(1_731_622_800, 0))
    );
    assert_eq!(account(json!({"event": "PARTNER_ADDED"})).event, AccountEvent::Other("PARTNER_ADDED".into()));

    let number = |value: Value| match only(&post("phone_number_quality_update", value)) {
        Event::PhoneQuality(quality) => quality,
        other => panic!("{other:?}"),
    };
    let upgrade = number(
        json!({"display_phone_number": "16505551111", "event": "THROUGHPUT_UPGRADE", "max_daily_conversations_per_business": "TIER_UNLIMITED"}),
    );
    assert_eq!(
        (upgrade.event, upgrade.limit),
        (NumberEvent::ThroughputUpgrade, Some(MessagingLimit::Unlimited))
    );
    let flagged = number(
        json!({"display_phone_number": "16505551111", "event": "FLAGGED", "current_limit": "TIER_10K"}),
    );
    assert_eq!(
        (flagged.event, flagged.limit),
        (NumberEvent::Flagged, Some(MessagingLimit::UniqueUsers(10_000)))
    );

    let capability = only(&post(
        "business_capability_update",
        json!({"max_daily_conversations_per_business": -1, "max_phone_numbers_per_waba": 25}),
    ));
    let Event::Capability(capability) = capability else { panic!("{capability:?}") };
    assert_eq!((capability.limit, capability.max_phone_numbers), (Some(MessagingLimit::Unlimited), Some(25)));
}

#[test]
fn what_nobody_asked_for_is_counted() {
    assert_eq!(
        only(&post("account_review_update", json!({"decision": "x"}))),
        Event::Other { field: "account_review_update".into() }
    );
    assert_eq!(only(&post("", json!({}))), Event::Other { field: "unnamed".into() });
    let Event::Other { field } = only(&post(&"x".repeat(10_000), json!({}))) else { panic!() };
    assert_eq!(field.chars().count(), 80);
    let mut page = post("feed", json!({"statuses": [{"id": "w", "status": "sent"}]}));
    page["object"] = json!("page");
    assert_eq!(only(&page), Event::Other { field: "page.feed".into() });
    let empty = messages("statuses", json!([]));
    assert_eq!(only(&empty), Event::Other { field: "messages".into() });
}

#[test]
fn what_is_no_webhook_is_refused() {
    for body in ["", " ", "null", "[]", "7", "\"x\"", "{", "{\"entry\":[}", "<html>"] {
        assert!(matches!(decode(body.as_bytes()), Err(DecodeError::NotJson(_))), "{body}");
    }
    for body in ["{}", r#"{"object":"x"}"#, r#"{"entry":{}}"#, r#"{"entry":null}"#] {
        assert_eq!(decode(body.as_bytes()), Err(DecodeError::NoEntries), "{body}");
    }
    assert_eq!(decode(b"{\"entry\":[\"\xff\"]}"), Err(DecodeError::NotUtf8));
    assert_eq!(decode("\u{feff}{\"entry\":[]}\n".as_bytes()), Ok(vec![]));
}

#[test]
fn depth_is_no_weapon() {
    let deep = "[".repeat(200_000) + &"]".repeat(200_000);
    let body = format!(
        r#"{{"entry":[{{"id":"1","changes":[{{"field":"messages","value":{{"statuses":[{{"id":"w","status":"sent","pricing":{deep}}}]}}}}]}}]}}"#
    );
    let events = read(body.as_bytes());
    assert!(matches!(events.as_slice(), [Event::Status(_)]), "{}", events.len());
}

#[test]
fn a_thousand_statuses_in_one_post() {
    let items: Vec<Value> = (0..1_000)
        .map(|i| json!({"id": format!("wamid.{i}"), "status": "delivered", "timestamp": "1731622800"}))
        .collect();
    assert_eq!(events(&messages("statuses", Value::Array(items))).len(), 1_000);
}

/// A post with some of everything, as text.
fn sample() -> String {
    json!({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [
        {"field": "messages", "value": {
            "metadata": {"phone_number_id": "1"}, "contacts": [{"wa_id": "2"}],
            "statuses": [{"id": "a", "status": "failed", "timestamp": "1", "errors": [{"code": 1}],
                "pricing": {"category": "marketing", "cost": {"amount": 0.01, "currency": "USD"}}}],
            "messages": [{"type": "text", "text": {"body": "STOP"}, "from": "2"}],
            "user_preferences": [{"value": "stop", "wa_id": "2"}],
            "user_actions": [{"action_type": "x", "timestamp": 1}], "errors": [{"code": 2}]}},
        {"field": "message_template_status_update", "value": {"event": "PAUSED", "message_template_id": 1}},
        {"field": "account_update", "value": {"event": "ACCOUNT_RESTRICTION", "restriction_info": [{}]}}
    ]}]})
    .to_string()
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = decode(&bytes);
    }

    #[test]
    fn no_damage_makes_it_panic(
        edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0_u8..3), 1..12),
    ) {
        let mut bytes = sample().into_bytes();
        for (at, byte, kind) in edits {
            let at = at.index(bytes.len());
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => { bytes.remove(at); }
            }
            if bytes.is_empty() { break; }
        }
        let _ = decode(&bytes);
    }

    /// Whatever value stands in whatever place, every change is accounted for and the good status survives.
    #[test]
    fn any_value_anywhere_costs_no_other(
        place in any::<prop::sample::Index>(),
        value in prop::sample::select(vec![
            json!(null), json!(7), json!(-1e300), json!("x"), json!(""), json!([]), json!({}), json!([[]]), json!({"id": {}}),
        ]),
    ) {
        let mut odd: Value = serde_json::from_str(&sample()).unwrap();
        let changes = &mut odd["entry"][0]["changes"];
        let mut places = Vec::new();
        pointers(changes, String::new(), &mut places);
        *changes.pointer_mut(place.get(&places).as_str()).unwrap() = value;
        let good = json!({"field": "messages", "value": {"statuses": [{"id": "good", "status": "sent"}]}});
        let entry = json!({"id": "2", "changes": [good]});
        odd["entry"].as_array_mut().unwrap().push(entry);
        let events = events(&odd);
        prop_assert!(events.iter().any(|event| matches!(event, Event::Status(status) if status.wamid == "good")));
    }
}

fn pointers(value: &Value, at: String, into: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                pointers(value, format!("{at}/{key}"), into);
            }
        }
        Value::Array(items) => {
            for (i, value) in items.iter().enumerate() {
                pointers(value, format!("{at}/{i}"), into);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    into.push(at);
}
