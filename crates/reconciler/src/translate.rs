//! What a webhook event means for the store. Pure: events in, changes out.

use campaign::ids::CorrelationKey;
use campaign::message::{Again, Status};
use campaign::money::Currency;
use campaign::platform_error::{Circumstances, Class, Learnt, classify};
use chrono::{DateTime, Utc};
use store::brake::BrakeChange;
use store::model::{About, Choice, Failure, NumberName, StatusUpdate};
use store::registry::TemplateNews;
use store::webhooks::ANOTHER_INSTALLATION;
use whatsapp::webhook::{self, Capability, Event, Inbound, InboundKind, PhoneQuality, Posted, StatusEvent};

use crate::health;
use crate::news;
use crate::numbers::{KnownSender, Numbers, digits};
use crate::seen::Seen;
use crate::stops::Stop;

/// Words that, alone in a message, ask us not to write again. The platform does not act on free text.
const STOP_WORDS: [&str; 12] = [
    "stop",
    "stop all",
    "stopall",
    "unsubscribe",
    "opt out",
    "optout",
    "cancel",
    "quit",
    "baja",
    "parar",
    "sair",
    "stopp",
];

/// What some events change.
#[derive(Debug, Default)]
pub struct Changes {
    /// Statuses, in the order in which they came.
    pub statuses: Vec<StatusUpdate>,
    /// What people say of whether they want to be written to.
    pub choices: Vec<Choice>,
    /// What must not be sent for now, or may be again, in the order in which it came.
    pub brakes: Vec<BrakeChange>,
    /// What is said of templates, in the order in which it came.
    pub templates: Vec<TemplateNews>,
    /// What is said of numbers and of what accounts may do, and when, in the order in which it came.
    pub number_words: Vec<NumberWord>,
    /// The ids that statuses give numbers.
    pub numbers: Vec<NumberName>,
    /// Messages whose failure stops more than them.
    pub stops: Vec<Stop>,
    /// What came beside statuses, by kind.
    pub seen: Seen,
}

/// A word of the platform that concerns senders.
#[derive(Debug, Clone)]
pub enum NumberWord {
    /// About a number, said then.
    Number(PhoneQuality, DateTime<Utc>),
    /// About what an account may do, said then.
    Capability(Capability, DateTime<Utc>),
}

impl Changes {
    /// Notes a choice for each address by which a person may be written to.
    fn hear(&mut self, addresses: [&Option<String>; 2], stops: bool, said_at: DateTime<Utc>, source: &str) {
        for address in addresses.into_iter().flatten() {
            let address = address.strip_prefix('+').unwrap_or(address).to_owned();
            self.choices.push(Choice { address, stops, said_at, source: source.to_owned() });
        }
    }
}

/// What is ours: whose messages webhooks speak of.
#[derive(Debug)]
pub struct Ours {
    /// The store's name in correlation keys.
    pub(crate) install: String,
    /// The senders.
    pub(crate) numbers: Numbers,
}

impl Ours {
    /// The messages of this installation, sent by these senders.
    #[must_use]
    pub fn new(install: &str, senders: Vec<KnownSender>) -> Self {
        Self { install: install.to_owned(), numbers: Numbers::new(senders) }
    }
}

/// Adds what an event means to `changes`.
pub fn translate(posted: &Posted, ours: &Ours, now: DateTime<Utc>, changes: &mut Changes) {
    // When it came about: never later than now, whatever the platform's clock says.
    let at = posted.at.map_or(now, |at| at.min(now));
    changes.seen.count(&posted.event);
    match &posted.event {
        Event::Status(status) => translate_status(status, posted.at, ours, now, changes),
        Event::Preference(preference) => {
            let said_at = preference.timestamp.map_or(at, |said_at| said_at.min(now));
            let stops = preference.choice == webhook::Choice::Stop;
            let addresses = [&preference.wa_id, &preference.user_id];
            changes.hear(addresses, stops, said_at, "user_preferences");
        }
        Event::Inbound(inbound) => {
            if opts_out(inbound) {
                let said_at = inbound.timestamp.map_or(at, |said_at| said_at.min(now));
                changes.hear([&inbound.from, &inbound.from_user_id], true, said_at, "stop_word");
            }
        }
        Event::TemplateStatus(status) => {
            changes.templates.extend(news::of_status(status, at));
            changes.brakes.extend(health::template_status(status, at));
        }
        Event::TemplateQuality(quality) => {
            changes.templates.extend(news::of_quality(quality, at));
            changes.brakes.extend(health::template_quality(quality, at));
        }
        Event::TemplateCategory(category) => {
            changes.templates.extend(news::of_category(category, at));
            changes.brakes.extend(health::template_category(category, at));
        }
        Event::AccountUpdate(update) => {
            if update.event.known_name().is_none() {
                tracing::warn!(
                    event = ?update.event,
                    "Meta tells something of the account that this version does not know; look at it in Business Manager"
                );
            }
            changes.brakes.extend(health::account(update, at));
        }
        Event::PhoneQuality(number) => {
            changes.number_words.push(NumberWord::Number(number.clone(), at));
        }
        Event::Capability(capability) => {
            changes.number_words.push(NumberWord::Capability(capability.clone(), at));
        }
        Event::Alert(alert) => {
            // None of the known kinds stops anything: people have to read it.
            tracing::warn!(
                severity = alert.severity,
                kind = alert.kind,
                entity = alert.entity,
                description = alert.description,
                "Meta has an alert about the account; look at it in Business Manager"
            );
        }
        // Clicks name nobody and no message.
        Event::UserAction(_)
        | Event::AppError(_)
        | Event::Other { .. }
        | Event::Unreadable { .. }
        | Event::Further { .. } => {}
    }
}

/// Whether a person asks in words, or by a button of ours, not to be written to again.
fn opts_out(inbound: &Inbound) -> bool {
    let texts: [&str; 2] = match &inbound.kind {
        InboundKind::Text { body } => [body, ""],
        InboundKind::Button { text, payload } => [text, payload],
        InboundKind::Interactive { title, id, .. } => [title, id],
        InboundKind::Other { .. } => return false,
    };
    texts.into_iter().any(asks_to_stop)
}

/// A stop word alone (`Stop!`), or at the beginning of a button's payload (`stop-autumn`).
fn asks_to_stop(text: &str) -> bool {
    let text = text.trim().to_lowercase();
    let first = text.split(['-', '_', ':']).next().unwrap_or_default();
    STOP_WORDS.contains(&text.trim_end_matches(['.', '!'])) || (first != text && STOP_WORDS.contains(&first))
}

/// Which id the sender's number has. Statuses that come together are mostly of one number.
fn learn(event: &StatusEvent, changes: &mut Changes) {
    let (Some(id), Some(display)) = (&event.phone_number_id, &event.display_phone_number) else { return };
    let number = || NumberName { display: digits(display), phone_number_id: id.clone() };
    if changes.numbers.last().is_none_or(|last| last.phone_number_id != *id) {
        changes.numbers.extend(Some(number()).filter(|number| !number.display.is_empty()));
    }
}

/// Whose message a status may be that names none: of which number and person it is. One that carries data of its sender
/// is of a message that was sent with it: none of those whose key did not come back.
fn about(event: &StatusEvent, numbers: &Numbers) -> Option<About> {
    if event.callback_data.is_some() || event.timestamp.is_none() {
        return None;
    }
    let phone = event.recipient_id.as_deref().map(|id| id.strip_prefix('+').unwrap_or(id));
    let phone = phone.filter(|id| !id.is_empty() && id.bytes().all(|b| b.is_ascii_digit()));
    let recipients: Vec<String> =
        phone.into_iter().chain(event.recipient_user_id.as_deref()).map(str::to_owned).collect();
    let senders = numbers.senders_of(event.phone_number_id.as_deref()?);
    (!recipients.is_empty() && !senders.is_empty()).then_some(About { senders, recipients })
}

fn translate_status(
    event: &StatusEvent,
    posted_at: Option<DateTime<Utc>>,
    ours: &Ours,
    now: DateTime<Utc>,
    changes: &mut Changes,
) {
    learn(event, changes);
    let key = event.callback_data.as_deref().and_then(|data| data.parse::<CorrelationKey>().ok());
    if key.as_ref().is_some_and(|key| key.install != ours.install) {
        // Its message is in another database, and never in this one.
        changes.seen.count_kind(ANOTHER_INSTALLATION.to_owned(), event.phone_number_id.as_deref());
        return;
    }
    let key = key.map(|key| (key.message, key.attempt));
    let mut update = StatusUpdate {
        wamid: event.wamid.clone(),
        key,
        status: Status::Sent,
        // Never later than now, whatever the platform's clock says: times are reckoned with.
        at: event.timestamp.or(posted_at).map_or(now, |at| at.min(now)),
        failure: None,
        retry_at: None,
        route: event.pricing.as_ref().and_then(|p| p.category.clone()),
        cost: event.pricing.as_ref().and_then(|p| p.cost.as_ref()).and_then(|cost| {
            let currency: Currency = cost.currency.parse().ok()?;
            Some((cost.amount, currency))
        }),
        about: about(event, &ours.numbers),
    };
    match event.status {
        webhook::Status::Sent => {}
        webhook::Status::Delivered => update.status = Status::Delivered,
        webhook::Status::Read | webhook::Status::Played => update.status = Status::Read,
        webhook::Status::Failed => {
            let stop = fail(event, now, &mut update);
            // One of each kind and number is enough: their messages share what stops.
            let is_new = |stop: &Stop| !changes.stops.iter().any(|other| other.is_like(stop));
            let stop = stop.filter(is_new);
            changes.stops.extend(stop);
        }
    }
    changes.statuses.push(update);
}

/// A status says for certain that the message was not delivered; its code says whether another try may
/// succeed. What stops a template, sender or account fails the message here, and stops what it was sent with.
fn fail(event: &StatusEvent, now: DateTime<Utc>, update: &mut StatusUpdate) -> Option<Stop> {
    let error = event.errors.first();
    let text = error
        .map(|e| format!("{} {}", e.title, e.details.as_deref().unwrap_or_default()))
        .unwrap_or_default();
    let circumstances = Circumstances { learnt: Learnt::Status, template_unsettled: false, country: None };
    let verdict = classify(error.and_then(|e| e.code), None, &text, circumstances);
    let wait = matches!(verdict.class, Class::Retry | Class::Later).then(|| verdict.delay.least(1)).flatten();
    update.retry_at = wait.map(|wait| now + wait);
    update.status = Status::Failed { again: if wait.is_some() { Again::Later } else { Again::No } };
    let code = error.and_then(|e| e.code);
    let stop = Stop::of(&verdict, code, event, update.key);
    update.failure =
        Some(Failure { code, class: verdict.class.name().to_owned(), detail: verdict.explanation });
    stop
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;
    use crate::KnownSender;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1_795_000_000 + seconds)
    }

    fn sender(name: &str, id: Option<&str>) -> KnownSender {
        KnownSender { name: name.to_owned(), waba_id: "1".to_owned(), phone_number_id: id.map(str::to_owned) }
    }

    /// What the value of a change means at 0, to an installation with a sender of number 7 and one of an unknown number.
    fn meant(value: &str) -> Changes {
        let senders = vec![sender("jaspers-in", Some("7")), sender("keyed", None)];
        let ours = Ours { install: "ours".to_owned(), numbers: Numbers::new(senders) };
        let body = format!(
            r#"{{"object":"whatsapp_business_account","entry":[{{"id":"1","time":{},"changes":[{{"field":"messages","value":{value}}}]}}]}}"#,
            at(-9).timestamp()
        );
        let mut changes = Changes::default();
        for posted in webhook::decode(body.as_bytes()).unwrap() {
            translate(&posted, &ours, at(0), &mut changes);
        }
        changes
    }

    fn status(number: &str, more: &str) -> Changes {
        meant(&format!(
            r#"{{"metadata":{{"phone_number_id":"{number}"}},"statuses":[{{"id":"wamid.1","status":"sent"{more}}}]}}"#
        ))
    }

    fn told(seconds: i64, more: &str) -> String {
        format!(r#","timestamp":"{}"{more}"#, at(seconds).timestamp())
    }

    #[test]
    fn a_status_without_a_key_says_whose_it_may_be() {
        let about = |number, more: &str| status(number, &told(-1, more)).statuses.remove(0).about;
        let named = |sender: &str, address: &str| {
            Some(About { senders: vec![sender.to_owned()], recipients: vec![address.to_owned()] })
        };
        assert_eq!(about("7", r#","recipient_id":"+9198""#), named("jaspers-in", "9198"));
        assert_eq!(about("7", r#","recipient_user_id":"IN.x1""#), named("jaspers-in", "IN.x1"));
        assert_eq!(about("8", r#","recipient_id":"9198""#), named("keyed", "9198"));
        for more in
            ["", r#","recipient_id":"TIMESTAMP""#, r#","recipient_id":"91","biz_opaque_callback_data":"x""#]
        {
            assert_eq!(about("7", more), None, "{more}");
        }
        let untimed = status("7", r#","recipient_id":"9198""#);
        assert_eq!((untimed.statuses[0].about.clone(), untimed.statuses[0].at), (None, at(-9)));
    }

    #[test]
    fn a_status_of_another_installation_is_counted_and_never_parked() {
        let changes = status("7", r#","biz_opaque_callback_data":"pl1.theirs.1.2.1""#);
        assert_eq!(changes.statuses, []);
        let counts = changes.seen.counts();
        assert_eq!((counts[0].kind.as_str(), counts[0].number.as_str()), (ANOTHER_INSTALLATION, "7"));
        let ours = status("7", r#","biz_opaque_callback_data":"pl1.ours.1.2.1""#);
        assert!(ours.statuses[0].key.is_some() && ours.seen.counts().is_empty());
    }

    #[test]
    fn no_time_is_later_than_now() {
        assert_eq!(status("7", &told(3_000_000, "")).statuses[0].at, at(0));
        let stop = format!(
            r#"{{"user_preferences":[{{"wa_id":"91","user_id":"IN.1","value":"stop","timestamp":{}}}]}}"#,
            at(90).timestamp()
        );
        let choices = meant(&stop).choices;
        let heard: Vec<_> = choices.iter().map(|c| (c.address.as_str(), c.stops, c.said_at)).collect();
        assert_eq!(heard, [("91", true, at(0)), ("IN.1", true, at(0))], "by either address");
    }

    /// Nothing in it is a message's, a person's or a campaign's.
    #[test]
    fn a_click_is_counted_and_changes_nothing_else() {
        let click = r#"{"timestamp":"1","action_type":"marketing_messages_link_click","marketing_messages_link_click_data":{"click_component":"cta","click_id":"c","tracking_token":"t"}}"#;
        let view = r#"{"timestamp":"2","action_type":"landing_page_view","marketing_messages_link_click_data":{"click_id":"c","tracking_token":"t"}}"#;
        let changes =
            meant(&format!(r#"{{"metadata":{{"phone_number_id":"7"}},"user_actions":[{click},{view}]}}"#));
        let counts = changes.seen.counts();
        let kinds: Vec<_> = counts.iter().map(|count| (count.kind.as_str(), count.n)).collect();
        assert_eq!(kinds, [("click.landing_page_view", 1), ("click.marketing_messages_link_click.cta", 1)]);
        assert!(changes.statuses.is_empty() && changes.choices.is_empty() && changes.brakes.is_empty());
    }

    #[test]
    fn a_stop_word_is_as_old_as_its_message() {
        let stop = |time: &str| {
            meant(&format!(
                r#"{{"messages":[{{"from":"91","id":"w"{time},"type":"text","text":{{"body":"STOP"}}}}]}}"#
            ))
        };
        assert_eq!(stop(&told(-500, "")).choices[0].said_at, at(-500));
        assert_eq!(stop("").choices[0].said_at, at(-9), "or as its post");
    }

    #[test]
    fn what_no_message_costs_is_not_believed() {
        let cost = |amount: &str| {
            let pricing = format!(r#","pricing":{{"cost":{{"amount":{amount},"currency":"INR"}}}}"#);
            status("7", &pricing).statuses.remove(0).cost.map(|(amount, _)| amount.to_string())
        };
        assert_eq!(cost("0.87").as_deref(), Some("0.87"));
        for amount in ["-1", "1000001", "9e18", "\"x\""] {
            assert_eq!(cost(amount), None, "{amount}");
        }
    }
}
