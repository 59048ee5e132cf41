//! [`decode()`]: the envelope, and which kind a change is.
//!
//! The post is taken apart level by level without being looked into (each level keeps the text of the next),
//! so that a part that cannot be read loses only itself.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::{Event, Posted};
use super::raw::{self, Raw};
use super::{business, messages};
use crate::error_body::shortened;

/// A post that is no webhook at all. Answer HTTP 400: it is not the platform's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// It is not UTF-8.
    #[error("the webhook's body is not UTF-8, so it is not JSON; check what posts to this address")]
    NotUtf8,
    /// It is not JSON, or no object.
    #[error("the webhook's body is not a JSON object ({0}); check what posts to this address")]
    NotJson(String),
    /// It has no list `entry`.
    #[error("the webhook's body has no list `entry`, so it is no webhook of a WhatsApp business account")]
    NoEntries,
}

/// Decodes the body of a webhook into what it reports, in its order. Verify its signature before
/// ([`crate::signature::verify`]).
///
/// Every status, message and change of the post gives at least one event, also those that cannot be read or
/// that nobody asked for; of these, those beyond a thousand share one ([`Event::Further`]). What is decoded takes
/// less than a hundred times the memory of the body, whatever it is made of; of a body of statuses it is a few times.
///
/// # Errors
///
/// [`DecodeError`] where the body is no webhook; a webhook with unreadable parts is no error.
pub fn decode(body: &[u8]) -> Result<Vec<Posted>, DecodeError> {
    let text = std::str::from_utf8(body).map_err(|_| DecodeError::NotUtf8)?;
    let text = text.trim_start_matches('\u{feff}').trim();
    if !text.starts_with('{') {
        return Err(DecodeError::NotJson("it does not start with `{`".to_owned()));
    }
    let envelope: Envelope<'_> =
        serde_json::from_str(text).map_err(|error| DecodeError::NotJson(error.to_string()))?;
    if envelope.entry.is_none() {
        return Err(DecodeError::NoEntries);
    }
    let foreign = raw::text(envelope.object).filter(|object| object != "whatsapp_business_account");

    let mut events = Events::default();
    raw::each(envelope.entry, "entry", |entry| decode_entry(entry, foreign.as_deref(), &mut events))
        .map_err(|_| DecodeError::NoEntries)?;
    Ok(events.all())
}

fn decode_entry(entry: &RawValue, foreign: Option<&str>, events: &mut Events) {
    events.at = None;
    let entry: Entry<'_> = match raw::required(entry, "an entry") {
        Ok(entry) => entry,
        Err(why) => return events.unreadable(|| why),
    };
    let waba_id = raw::name(entry.id);
    events.at = raw::time(entry.time);
    let decode = |change| decode_change(change, waba_id.as_deref(), foreign, events);
    if let Err(why) = raw::each(entry.changes, "an entry's changes", decode) {
        events.unreadable(|| why);
    }
}

fn decode_change(change: &RawValue, waba_id: Option<&str>, foreign: Option<&str>, events: &mut Events) {
    let change: Change<'_> = match raw::required(change, "a change") {
        Ok(change) => change,
        Err(why) => return events.unreadable(|| why),
    };
    let field = raw::text(change.field).unwrap_or_default();
    if let Some(object) = foreign {
        return events.push(other(&[object, &field]));
    }
    let Some(value) = change.value else {
        return events.push(other(&[&field]));
    };
    let keys: Keys<'_> = match raw::required(value, &format!("the value of {}", shortened(&field, 60))) {
        Ok(keys) => keys,
        Err(why) => return events.unreadable(|| why),
    };

    let before = events.pushed;
    messages::decode(&keys, events);
    if events.pushed == before {
        events.push(business::decode(&field, &keys, &change, waba_id).unwrap_or_else(|| other(&[&field])));
    }
}

/// How many parts of a post that are only counted are told one by one. The platform puts at most 1,000 updates into a post.
const MOST_COUNTED: usize = 1_000;

/// What a post was found to say so far.
#[derive(Default)]
pub(super) struct Events {
    posted: Vec<Posted>,
    /// When the entry came about whose events are found.
    at: Option<DateTime<Utc>>,
    /// How many there were, also of those that are not told one by one.
    pushed: u64,
    /// How many of [`Events::posted`] are only counted.
    counted: usize,
    unreadable: u64,
    other: u64,
}

impl Events {
    /// Adds an event.
    pub(super) fn push(&mut self, event: Event) {
        self.pushed += 1;
        let is_other = matches!(event, Event::Other { .. });
        if is_other && self.counted == MOST_COUNTED {
            self.other += 1;
            return;
        }
        self.counted += usize::from(is_other);
        self.posted.push(Posted { event, at: self.at });
    }

    /// Adds a part that cannot be read.
    pub(super) fn unreadable(&mut self, why: impl FnOnce() -> String) {
        self.pushed += 1;
        if self.counted == MOST_COUNTED {
            self.unreadable += 1;
            return;
        }
        self.counted += 1;
        self.posted.push(Posted { event: Event::Unreadable { why: why() }, at: self.at });
    }

    fn all(mut self) -> Vec<Posted> {
        let (unreadable, other) = (self.unreadable, self.other);
        if unreadable + other > 0 {
            self.posted.push(Posted { event: Event::Further { unreadable, other }, at: None });
        }
        self.posted
    }
}

/// An event that is only counted.
pub(super) fn other(path: &[&str]) -> Event {
    let named: Vec<&str> = path.iter().copied().filter(|part| !part.is_empty()).collect();
    let field = if named.is_empty() { "unnamed".to_owned() } else { shortened(&named.join("."), 79) };
    Event::Other { field }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow)]
    object: Raw<'a>,
    #[serde(borrow)]
    entry: Raw<'a>,
}

#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(borrow)]
    id: Raw<'a>,
    #[serde(borrow)]
    time: Raw<'a>,
    #[serde(borrow)]
    changes: Raw<'a>,
}

#[derive(Deserialize)]
pub(super) struct Change<'a> {
    #[serde(borrow)]
    field: Raw<'a>,
    #[serde(borrow)]
    value: Raw<'a>,
    /// Meta's syntax block puts it beside `value`.
    #[serde(borrow)]
    pub(super) rejection_info: Raw<'a>,
}

/// The keys that any value may have, by which its kind is known.
#[derive(Deserialize)]
pub(super) struct Keys<'a> {
    // Messages.
    #[serde(borrow)]
    pub(super) metadata: Raw<'a>,
    #[serde(borrow)]
    pub(super) contacts: Raw<'a>,
    #[serde(borrow)]
    pub(super) statuses: Raw<'a>,
    #[serde(borrow)]
    pub(super) messages: Raw<'a>,
    #[serde(borrow)]
    pub(super) user_actions: Raw<'a>,
    #[serde(borrow)]
    pub(super) user_preferences: Raw<'a>,
    #[serde(borrow)]
    pub(super) errors: Raw<'a>,
    // Templates.
    #[serde(borrow)]
    pub(super) event: Raw<'a>,
    #[serde(borrow)]
    pub(super) message_template_id: Raw<'a>,
    #[serde(borrow)]
    pub(super) message_template_name: Raw<'a>,
    #[serde(borrow)]
    pub(super) message_template_language: Raw<'a>,
    #[serde(borrow)]
    pub(super) message_template_category: Raw<'a>,
    #[serde(borrow)]
    pub(super) reason: Raw<'a>,
    #[serde(borrow)]
    pub(super) other_info: Raw<'a>,
    #[serde(borrow)]
    pub(super) rejection_info: Raw<'a>,
    #[serde(borrow)]
    pub(super) previous_quality_score: Raw<'a>,
    #[serde(borrow)]
    pub(super) new_quality_score: Raw<'a>,
    #[serde(borrow)]
    pub(super) previous_category: Raw<'a>,
    #[serde(borrow)]
    pub(super) correct_category: Raw<'a>,
    #[serde(borrow)]
    pub(super) new_category: Raw<'a>,
    #[serde(borrow)]
    pub(super) category_update_timestamp: Raw<'a>,
    // The account and its numbers.
    #[serde(borrow)]
    pub(super) waba_info: Raw<'a>,
    #[serde(borrow)]
    pub(super) violation_info: Raw<'a>,
    #[serde(borrow)]
    pub(super) restriction_info: Raw<'a>,
    #[serde(borrow)]
    pub(super) ban_info: Raw<'a>,
    #[serde(borrow)]
    pub(super) display_phone_number: Raw<'a>,
    #[serde(borrow)]
    pub(super) current_limit: Raw<'a>,
    #[serde(borrow)]
    pub(super) max_daily_conversations_per_business: Raw<'a>,
    #[serde(borrow)]
    pub(super) max_daily_conversation_per_phone: Raw<'a>,
    #[serde(borrow)]
    pub(super) max_phone_numbers_per_waba: Raw<'a>,
    #[serde(borrow)]
    pub(super) max_phone_numbers_per_business: Raw<'a>,
    #[serde(borrow)]
    pub(super) entity_type: Raw<'a>,
    #[serde(borrow)]
    pub(super) entity_id: Raw<'a>,
    #[serde(borrow)]
    pub(super) alert_info: Raw<'a>,
}
