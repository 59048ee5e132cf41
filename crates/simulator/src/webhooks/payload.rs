//! What webhooks say: the platform's envelope, status objects, and changes of other fields.

use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;
use serde_json::{Value, json};

use crate::errors::title;
use crate::ledger::{Route, Status};
use crate::message::Recipient;

/// The number a status belongs to: what `metadata` says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sender {
    pub(crate) waba_id: String,
    pub(crate) phone_number_id: String,
    pub(crate) display_phone_number: String,
}

/// Something to tell.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A status object, as JSON text.
    Status { sender: Arc<Sender>, json: String },
    /// A change of any field, and when it came about, which its entry says however late it is told.
    Change(Change, DateTime<Utc>),
}

impl Event {
    /// Its account, and its number, where it has one.
    pub(crate) fn about(&self) -> (&str, Option<&str>) {
        match self {
            Self::Status { sender, .. } => (&sender.waba_id, Some(&sender.phone_number_id)),
            Self::Change(change, _) => {
                let metadata = change.value.get("metadata");
                let number = metadata.and_then(|metadata| metadata.get("phone_number_id")?.as_str());
                (&change.waba_id, number)
            }
        }
    }
}

/// A change of any field of an account.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) waba_id: String,
    pub(crate) field: &'static str,
    pub(crate) value: Value,
}

/// What a status object says.
pub(crate) struct StatusText<'a> {
    pub(crate) wamid: &'a str,
    pub(crate) status: Status,
    pub(crate) at: DateTime<Utc>,
    pub(crate) recipient: &'a Recipient,
    pub(crate) callback_data: Option<&'a str>,
    pub(crate) route: Route,
    /// Amount and currency: the estimate that comes with a max price, on `delivered` only.
    pub(crate) cost: Option<(Decimal, &'a str)>,
    /// The code, for `failed`.
    pub(crate) code: Option<u32>,
}

#[derive(Serialize)]
struct StatusObject<'a> {
    id: &'a str,
    status: &'static str,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recipient_user_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    biz_opaque_callback_data: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pricing: Option<Pricing<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<[Value; 1]>,
}

#[derive(Serialize)]
struct Pricing<'a> {
    billable: bool,
    pricing_model: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    category: Route,
    #[serde(skip_serializing_if = "Option::is_none")]
    cost: Option<Cost<'a>>,
}

#[derive(Serialize)]
struct Cost<'a> {
    amount: f64,
    currency: &'a str,
}

/// A status object as the platform writes it: `pricing` on sent and on delivered, `errors` on failed.
pub(crate) fn status_json(text: &StatusText<'_>) -> String {
    let (recipient_id, recipient_user_id) = match text.recipient {
        Recipient::Phone(digits) => (Some(digits.as_str()), None),
        Recipient::UserId(id) => (None, Some(id.as_str())),
    };
    let priced = matches!(text.status, Status::Sent | Status::Delivered);
    let cost = text.cost.filter(|_| text.status == Status::Delivered);
    let object = StatusObject {
        id: text.wamid,
        status: text.status.name(),
        timestamp: text.at.timestamp().to_string(),
        recipient_id,
        recipient_user_id,
        biz_opaque_callback_data: text.callback_data,
        pricing: priced.then(|| Pricing {
            billable: true,
            pricing_model: "PMP",
            kind: "regular",
            category: text.route,
            cost: cost
                .map(|(amount, currency)| Cost { amount: amount.to_f64().unwrap_or_default(), currency }),
        }),
        errors: text.code.map(|code| {
            [json!({
                "code": code,
                "title": title(code),
                "message": title(code),
                "error_data": { "details": title(code) },
                "href": "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/",
            })]
        }),
    };
    serde_json::to_string(&object).unwrap_or_default()
}

/// The body of one webhook request. Neighbouring statuses of one number share a change, neighbouring changes
/// of one account share an entry; the order of the events stays.
pub(crate) fn envelope(events: &[Event], now: DateTime<Utc>) -> String {
    let mut entries: Vec<(&str, DateTime<Utc>, Vec<String>)> = Vec::new();
    let mut at = 0;
    while let Some(event) = events.get(at) {
        let (waba_id, time, change) = match event {
            Event::Change(change, told) => {
                at += 1;
                (&change.waba_id, *told, json!({ "field": change.field, "value": change.value }).to_string())
            }
            Event::Status { sender, .. } => {
                let statuses: Vec<&str> = events[at..]
                    .iter()
                    .map_while(|event| match event {
                        Event::Status { sender: other, json } if other == sender => Some(json.as_str()),
                        Event::Status { .. } | Event::Change(..) => None,
                    })
                    .collect();
                at += statuses.len();
                (&sender.waba_id, now, statuses_change(sender, &statuses))
            }
        };
        match entries.last_mut() {
            Some((id, of, changes)) if *id == waba_id && *of == time => changes.push(change),
            _ => entries.push((waba_id, time, vec![change])),
        }
    }
    let mut body = String::from(r#"{"object":"whatsapp_business_account","entry":["#);
    for (n, (waba_id, time, changes)) in entries.iter().enumerate() {
        let comma = if n > 0 { "," } else { "" };
        let (time, changes) = (time.timestamp(), changes.join(","));
        // Writing to a String cannot fail.
        let _ = write!(body, r#"{comma}{{"id":{},"time":{time},"changes":[{changes}]}}"#, json!(waba_id));
    }
    body.push_str("]}");
    body
}

fn statuses_change(sender: &Sender, statuses: &[&str]) -> String {
    let metadata = json!({
        "display_phone_number": sender.display_phone_number,
        "phone_number_id": sender.phone_number_id,
    });
    format!(
        r#"{{"field":"messages","value":{{"messaging_product":"whatsapp","metadata":{metadata},"statuses":[{}]}}}}"#,
        statuses.join(",")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(waba: &str, number: &str) -> Arc<Sender> {
        Arc::new(Sender {
            waba_id: waba.into(),
            phone_number_id: number.into(),
            display_phone_number: "+1".into(),
        })
    }

    fn text(status: Status, code: Option<u32>) -> String {
        status_json(&StatusText {
            wamid: "wamid.1",
            status,
            at: DateTime::from_timestamp(1_700_000_000, 5).unwrap(),
            recipient: &Recipient::Phone("4915".into()),
            callback_data: Some("key"),
            route: Route::MarketingLite,
            cost: Some((Decimal::new(87, 2), "INR")),
            code,
        })
    }

    #[test]
    fn a_status_reads_as_the_platform_writes_it() {
        let delivered: Value = serde_json::from_str(&text(Status::Delivered, None)).unwrap();
        assert_eq!(
            delivered,
            json!({
                "id": "wamid.1", "status": "delivered", "timestamp": "1700000000", "recipient_id": "4915",
                "biz_opaque_callback_data": "key",
                "pricing": {
                    "billable": true, "pricing_model": "PMP", "type": "regular", "category": "marketing_lite",
                    "cost": { "amount": 0.87, "currency": "INR" }
                }
            })
        );
        let failed: Value = serde_json::from_str(&text(Status::Failed, Some(131050))).unwrap();
        assert_eq!(failed["errors"][0]["code"], 131050);
        assert!(failed.get("pricing").is_none());
    }

    #[test]
    fn events_keep_their_order_and_share_entries() {
        let (a, b) = (sender("w1", "n1"), sender("w2", "n2"));
        let status = |sender: &Arc<Sender>| Event::Status { sender: sender.clone(), json: "{}".into() };
        let change = Change { waba_id: "w2".into(), field: "account_update", value: json!({}) };
        let change = Event::Change(change, DateTime::UNIX_EPOCH);
        let body = envelope(&[status(&a), status(&a), status(&b), change], DateTime::UNIX_EPOCH);
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(body["entry"][0]["changes"][0]["value"]["statuses"].as_array().unwrap().len(), 2);
        assert_eq!(body["entry"][1]["changes"].as_array().unwrap().len(), 2);
        assert_eq!(body["entry"].as_array().unwrap().len(), 2);
    }
}
