//! What the field `messages` and its kin carry: statuses, inbound messages, opt-outs, clicks, errors.

use rust_decimal::Decimal;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::decode::{Events, Keys, other};
use super::event::{
    AppError, Choice, Cost, Event, Inbound, InboundKind, Preference, Pricing, Status, StatusError,
    StatusEvent, UserAction,
};
use super::raw::{self, Raw};
use crate::error_body::shortened;

/// No message costs more, in any currency: what says so is not believed, as sums of it would pass what a database counts.
const MOST_COST: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// How many errors of a failure are kept; the platform sends one.
const MOST_ERRORS: usize = 10;

/// Decodes the lists that a value may have, whatever its field is called. Adds nothing where it has none.
pub(super) fn decode(keys: &Keys<'_>, events: &mut Events) {
    let Metadata { phone_number_id, display_phone_number } = raw::object(keys.metadata);
    let of = Of {
        phone_number_id: raw::id(phone_number_id),
        display_phone_number: raw::id(display_phone_number),
        contact: only_contact(keys.contacts),
    };
    each(keys.statuses, "statuses", events, |item| status(item, &of));
    each(keys.messages, "messages", events, |item| inbound(item, &of));
    each(keys.user_preferences, "user_preferences", events, |item| preference(item, &of));
    each(keys.user_actions, "user_actions", events, |item| user_action(item, &of));
    each(keys.errors, "errors", events, |item| app_error(item, &of));
}

/// What all items of a value share.
struct Of {
    phone_number_id: Option<String>,
    display_phone_number: Option<String>,
    /// The contact, where there is exactly one: then the items are about them.
    contact: Option<(Option<String>, Option<String>)>,
}

fn each(list: Raw<'_>, name: &str, events: &mut Events, read: impl Fn(&RawValue) -> Result<Event, String>) {
    let mut place = 0;
    let seen = raw::each(list, name, |item| {
        match read(item) {
            Ok(event) => events.push(event),
            Err(why) => events.unreadable(|| format!("{name}[{place}]: {why}")),
        }
        place += 1;
    });
    if let Err(why) = seen {
        events.unreadable(|| why);
    }
}

fn only_contact(contacts: Raw<'_>) -> Option<(Option<String>, Option<String>)> {
    let contacts = raw::first(contacts, 2);
    let [contact] = contacts.as_slice() else { return None };
    let Contact { wa_id, user_id } = raw::object(Some(contact));
    Some((raw::id(wa_id), raw::id(user_id)))
}

fn status(item: &RawValue, of: &Of) -> Result<Event, String> {
    let keys: StatusKeys<'_> = raw::required(item, "the status")?;
    let wamid = raw::name(keys.id).ok_or("the status has no id")?;
    let kind = raw::text(keys.status).ok_or("the status does not say what it is")?.to_ascii_lowercase();
    let status = match kind.as_str() {
        "sent" => Status::Sent,
        "delivered" => Status::Delivered,
        "read" => Status::Read,
        "played" => Status::Played,
        "failed" => Status::Failed,
        _ => return Ok(other(&["messages.statuses", &kind])),
    };
    // The reason of a failure is worth having even where it is of an odd shape; a failure is one without it.
    let errors = raw::first(keys.errors, MOST_ERRORS);
    Ok(Event::Status(StatusEvent {
        wamid,
        status,
        timestamp: raw::time(keys.timestamp),
        recipient_id: raw::name(keys.recipient_id),
        recipient_user_id: raw::name(keys.recipient_user_id),
        callback_data: raw::text(keys.biz_opaque_callback_data),
        errors: errors.into_iter().map(|error| status_error(Some(error))).collect(),
        pricing: keys.pricing.map(|pricing| self::pricing(Some(pricing))),
        phone_number_id: of.phone_number_id.clone(),
        display_phone_number: of.display_phone_number.clone(),
    }))
}

fn status_error(item: Raw<'_>) -> StatusError {
    let keys: ErrorKeys<'_> = raw::object(item);
    let ErrorData { details } = raw::object(keys.error_data);
    let message = raw::text(keys.message);
    let title = raw::text(keys.title).or_else(|| message.clone()).unwrap_or_default();
    StatusError {
        code: raw::integer(keys.code),
        details: raw::text(details)
            .or_else(|| raw::text(keys.details))
            .or_else(|| raw::text(keys.error_data))
            .or(message.filter(|message| *message != title)),
        title,
    }
}

fn pricing(item: Raw<'_>) -> Pricing {
    let keys: PricingKeys<'_> = raw::object(item);
    let CostKeys { amount, currency } = raw::object(keys.cost);
    let cost = raw::decimal(amount)
        .filter(|amount| !amount.is_sign_negative() && *amount <= MOST_COST)
        .zip(raw::text(currency))
        .map(|(amount, currency)| Cost { amount, currency: currency.to_ascii_uppercase() });
    Pricing {
        category: raw::name(keys.category),
        pricing_type: raw::text(keys.kind),
        billable: raw::boolean(keys.billable),
        cost,
    }
}

fn inbound(item: &RawValue, of: &Of) -> Result<Event, String> {
    let keys: InboundKeys<'_> = raw::required(item, "the message")?;
    if [keys.from, keys.from_user_id, keys.user_id, keys.kind].iter().all(Option::is_none) {
        return Err("the message says neither whose it is nor what".to_owned());
    }
    let (contact_wa_id, contact_user_id) = of.contact.clone().unwrap_or_default();
    let ContextKeys { id: context_id } = raw::object(keys.context);
    let text = |raw| raw::text(raw).unwrap_or_default();
    let kind = match text(keys.kind).as_str() {
        "text" => {
            let TextKeys { body } = raw::object(keys.text);
            InboundKind::Text { body: text(body) }
        }
        "button" => {
            let ButtonKeys { text: label, payload } = raw::object(keys.button);
            InboundKind::Button { text: text(label), payload: text(payload) }
        }
        "interactive" => interactive(keys.interactive),
        kind => InboundKind::Other { kind: kind.to_owned() },
    };
    let (from, from_user_id) =
        (raw::name(keys.from), raw::name(keys.from_user_id).or_else(|| raw::name(keys.user_id)));
    Ok(Event::Inbound(Inbound {
        id: raw::name(keys.id),
        from: from.or(contact_wa_id),
        from_user_id: from_user_id.or(contact_user_id),
        context_id: raw::name(context_id),
        timestamp: raw::time(keys.timestamp),
        phone_number_id: of.phone_number_id.clone(),
        kind,
    }))
}

fn interactive(item: Raw<'_>) -> InboundKind {
    let keys: InteractiveKeys<'_> = raw::object(item);
    let named = raw::text(keys.kind);
    let (kind, reply) = match (keys.button_reply, keys.list_reply, keys.nfm_reply) {
        (Some(reply), _, _) => ("button_reply", Some(reply)),
        (None, Some(reply), _) => ("list_reply", Some(reply)),
        (None, None, Some(reply)) => ("nfm_reply", Some(reply)),
        (None, None, None) => ("", None),
    };
    let ReplyKeys { id, title, name, response_json } = raw::object(reply);
    InboundKind::Interactive {
        kind: named.unwrap_or_else(|| kind.to_owned()),
        id: raw::text(id).or_else(|| raw::text(response_json)).unwrap_or_default(),
        title: raw::text(title).or_else(|| raw::text(name)).unwrap_or_default(),
    }
}

fn preference(item: &RawValue, of: &Of) -> Result<Event, String> {
    let keys: PreferenceKeys<'_> = raw::required(item, "the preference")?;
    let value = raw::text(keys.value).ok_or("the preference has no value")?.to_ascii_lowercase();
    let category = raw::name(keys.category).unwrap_or_else(|| "marketing_messages".to_owned());
    let choice = match (category.as_str(), value.as_str()) {
        ("marketing_messages", "stop") => Choice::Stop,
        ("marketing_messages", "resume") => Choice::Resume,
        _ => return Ok(other(&["user_preferences", &category, &value])),
    };
    let (contact_wa_id, contact_user_id) = of.contact.clone().unwrap_or_default();
    let (wa_id, user_id) = (raw::name(keys.wa_id), raw::name(keys.user_id));
    let (wa_id, user_id) = match (&wa_id, &user_id) {
        (None, None) => (contact_wa_id, contact_user_id),
        _ => (wa_id, user_id),
    };
    if wa_id.is_none() && user_id.is_none() {
        return Err(format!("nobody is named who chose `{}`", shortened(&value, 20)));
    }
    Ok(Event::Preference(Preference {
        wa_id,
        user_id,
        choice,
        timestamp: raw::time(keys.timestamp),
        phone_number_id: of.phone_number_id.clone(),
    }))
}

fn user_action(item: &RawValue, of: &Of) -> Result<Event, String> {
    let keys: ActionKeys<'_> = raw::required(item, "the action")?;
    let data: ActionData<'_> =
        raw::object(keys.marketing_messages_link_click_data.or(keys.landing_page_view_data));
    Ok(Event::UserAction(UserAction {
        action: raw::text(keys.action_type).ok_or("the action does not say what it is")?,
        timestamp: raw::time(keys.timestamp),
        tracking_token: raw::text(data.tracking_token),
        click_id: raw::text(data.click_id),
        product_id: raw::text(data.product_id),
        component: raw::text(data.click_component).map(|component| component.to_ascii_uppercase()),
        phone_number_id: of.phone_number_id.clone(),
    }))
}

fn app_error(item: &RawValue, of: &Of) -> Result<Event, String> {
    let error = status_error(Some(item));
    if error.code.is_none() && error.title.is_empty() && error.details.is_none() {
        return Err("the error says nothing".to_owned());
    }
    Ok(Event::AppError(AppError { error, phone_number_id: of.phone_number_id.clone() }))
}

/// Structs of raw values under their names on the wire; every key may be missing.
macro_rules! keys {
    ($($name:ident { $($(#[$meta:meta])* $key:ident),+ $(,)? })+) => {$(
        #[derive(Deserialize, Default)]
        #[serde(default)]
        struct $name<'a> {
            $(#[serde(borrow)] $(#[$meta])* $key: Raw<'a>,)+
        }
    )+};
}

keys! {
    Metadata { phone_number_id, display_phone_number }
    Contact { wa_id, user_id }
    StatusKeys {
        id, status, timestamp, recipient_id, recipient_user_id, biz_opaque_callback_data, errors, pricing,
    }
    ErrorKeys { code, title, message, details, error_data }
    ErrorData { details }
    PricingKeys { category, #[serde(rename = "type")] kind, billable, cost }
    CostKeys { amount, currency }
    InboundKeys {
        id, from, from_user_id, user_id, timestamp, #[serde(rename = "type")] kind, context, text, button, interactive,
    }
    ContextKeys { id }
    TextKeys { body }
    ButtonKeys { text, payload }
    InteractiveKeys { #[serde(rename = "type")] kind, button_reply, list_reply, nfm_reply }
    ReplyKeys { id, title, name, response_json }
    PreferenceKeys { wa_id, user_id, category, value, timestamp }
    ActionKeys { action_type, timestamp, marketing_messages_link_click_data, landing_page_view_data }
    ActionData { tracking_token, click_id, product_id, click_component }
}
