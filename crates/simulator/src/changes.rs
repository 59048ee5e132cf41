//! Changes of the platform's state while it runs, and the webhooks that announce them.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::config::{Quality, Template, wire_name};
use crate::fields::tier;
use crate::graph::status_change;
use crate::message::digits;
use crate::script::{Change, RefusedChange};
use crate::state::{NumberState, State, recipient_key};
use crate::webhooks::{Change as Told, Event};

impl State {
    /// Carries a change out. Returns what is told about it at once.
    pub(crate) fn change(&mut self, change: Change, now: DateTime<Utc>) -> Result<Vec<Event>, RefusedChange> {
        let told = match change {
            Change::Template(template) => {
                let approved = template.status;
                let state = self.templates.put(template, now);
                vec![status_change(state, approved, "NONE")]
            }
            Change::TemplateStatus { name, status, reason } => {
                let reason = reason.as_deref().unwrap_or("NONE").to_owned();
                self.each_template(&name, |state| {
                    state.template.status = status;
                    state.pending_until = None;
                    Some(status_change(state, status, &reason))
                })?
            }
            Change::TemplateCategory { name, category } => self.each_template(&name, |state| {
                let value = json!({ "previous_category": state.template.category, "new_category": category });
                state.template.category = category;
                Some(about(&state.template, &state.id, "template_category_update", value))
            })?,
            Change::TemplateQuality { name, quality } => self.each_template(&name, |state| {
                let value =
                    json!({ "previous_quality_score": state.template.quality, "new_quality_score": quality });
                state.template.quality = quality;
                Some(about(&state.template, &state.id, "message_template_quality_update", value))
            })?,
            Change::TemplateLastUsed { name, last_used } => self.each_template(&name, |state| {
                state.set_last_used(last_used, now);
                None
            })?,
            Change::TemplateDelivery { name, ttl_seconds, max_price } => {
                self.each_template(&name, |state| {
                    state.template.ttl_seconds = ttl_seconds;
                    state.template.max_price = max_price;
                    None
                })?
            }
            Change::NumberQuality { phone_number_id, quality } => {
                let number = self.number(&phone_number_id)?;
                number.number.quality = quality;
                let event = if quality == Quality::Red { "FLAGGED" } else { "UNFLAGGED" };
                vec![number_update(number, event)]
            }
            Change::NumberStatus { phone_number_id, status } => {
                self.number(&phone_number_id)?.number.status = status;
                Vec::new()
            }
            Change::NumberEvent { phone_number_id, event } => {
                vec![number_update(self.number(&phone_number_id)?, &event)]
            }
            Change::NumberStanding { phone_number_id, standing } => {
                self.number(&phone_number_id)?.standing = standing;
                Vec::new()
            }
            Change::NumberThroughput { phone_number_id, per_second } => {
                let number = self.number(&phone_number_id)?;
                let rises = per_second > number.number.throughput_per_second;
                number.number.throughput_per_second = per_second;
                if rises { vec![number_update(number, "THROUGHPUT_UPGRADE")] } else { Vec::new() }
            }
            Change::DailyLimit { phone_number_id, limit } => self.daily_limit(&phone_number_id, limit)?,
            Change::Account(account) => {
                let was =
                    self.accounts.get(&account.waba_id).map(|account| account.onboarding_status.as_str());
                let signed = account.onboarding_status == "ONBOARDED" && was != Some("ONBOARDED");
                let waba_id = account.waba_id.clone();
                let business = self
                    .numbers
                    .values()
                    .find(|n| n.number.waba_id == waba_id)
                    .map(|n| n.number.business_id.clone());
                self.accounts.insert(waba_id.clone(), account);
                let value = json!({
                    "event": "MM_LITE_TERMS_SIGNED",
                    "waba_info": { "waba_id": waba_id, "owner_business_id": business },
                });
                if signed { vec![Told { waba_id, field: "account_update", value }] } else { Vec::new() }
            }
            Change::AccountAlert { waba_id, value } => vec![Told { waba_id, field: "account_alerts", value }],
            Change::AccountEvent { waba_id, value } => vec![Told { waba_id, field: "account_update", value }],
            Change::Preference { phone_number_id, recipient, resume } => {
                let key = recipient_key(&recipient);
                let value = if resume { "resume" } else { "stop" };
                if resume {
                    self.opted_out.remove(&key);
                } else {
                    self.opted_out.insert(key.clone());
                }
                let number = self.number(&phone_number_id)?;
                let preference = json!({
                    "wa_id": key,
                    "detail": format!("User requested to {value} marketing messages"),
                    "category": "marketing_messages",
                    "value": value,
                    "timestamp": now.timestamp(),
                });
                vec![from_person(number, "user_preferences", &key, "user_preferences", &preference)]
            }
            Change::Inbound { phone_number_id, recipient, text } => {
                let message = json!({
                    "from": recipient_key(&recipient),
                    "id": format!("wamid.IN{}", self.trace()),
                    "timestamp": now.timestamp().to_string(),
                    "type": "text",
                    "text": { "body": text },
                });
                let number = self.number(&phone_number_id)?;
                vec![from_person(number, "messages", &recipient_key(&recipient), "messages", &message)]
            }
            Change::ButtonTap { phone_number_id, recipient, wamid, text, payload } => {
                let id = format!("wamid.IN{}", self.trace());
                let number = self.number(&phone_number_id)?;
                let message = json!({
                    "context": { "from": number.sender.display_phone_number, "id": wamid },
                    "from": recipient_key(&recipient),
                    "id": id,
                    "timestamp": now.timestamp().to_string(),
                    "type": "button",
                    "button": { "payload": payload, "text": text },
                });
                vec![from_person(number, "messages", &recipient_key(&recipient), "messages", &message)]
            }
            Change::Click { phone_number_id } => {
                let number = self.number(&phone_number_id)?;
                let mut value = metadata(number);
                value["user_actions"] = json!([{
                    "timestamp": now.timestamp().to_string(),
                    "action_type": "marketing_messages_link_click",
                    "marketing_messages_link_click_data": { "click_component": "CTA" },
                }]);
                vec![Told { waba_id: number.number.waba_id.clone(), field: "messages", value }]
            }
        };
        let events: Vec<Event> = told.into_iter().map(|change| Event::Change(change, now)).collect();
        self.told.extend(events.iter().cloned());
        Ok(events)
    }

    fn number(&mut self, id: &str) -> Result<&mut NumberState, RefusedChange> {
        self.numbers.get_mut(id).ok_or_else(|| {
            RefusedChange(format!("there is no phone number with the id {id:?} in the simulator"))
        })
    }

    fn each_template(
        &mut self,
        name: &str,
        mut change: impl FnMut(&mut crate::templates::TemplateState) -> Option<Told>,
    ) -> Result<Vec<Told>, RefusedChange> {
        let mut found = false;
        let mut told = Vec::new();
        for state in self.templates.named_mut(name) {
            found = true;
            told.extend(change(state));
        }
        if found {
            Ok(told)
        } else {
            Err(RefusedChange(format!("there is no template {name:?} in the simulator")))
        }
    }

    fn daily_limit(&mut self, phone_number_id: &str, limit: Option<u32>) -> Result<Vec<Told>, RefusedChange> {
        let (business, waba_id) = {
            let number = self.number(phone_number_id)?;
            (number.number.business_id.clone(), number.number.waba_id.clone())
        };
        for number in self.numbers.values_mut().filter(|n| n.number.business_id == business) {
            number.number.daily_limit = limit;
        }
        let value = json!({ "max_daily_conversations_per_business": tier(limit) });
        Ok(vec![Told { waba_id, field: "business_capability_update", value }])
    }
}

fn about(template: &Template, id: &str, field: &'static str, mut value: Value) -> Told {
    value["message_template_id"] = json!(id.parse::<u64>().unwrap_or_default());
    value["message_template_name"] = json!(template.name);
    value["message_template_language"] = json!(template.language);
    Told { waba_id: template.waba_id.clone(), field, value }
}

fn number_update(number: &NumberState, event: &str) -> Told {
    let value = json!({
        "display_phone_number": digits(&number.number.display_phone_number),
        "event": event,
        "current_limit": tier(number.number.daily_limit),
        "quality_rating": wire_name(&number.number.quality),
    });
    Told { waba_id: number.number.waba_id.clone(), field: "phone_number_quality_update", value }
}

fn metadata(number: &NumberState) -> Value {
    json!({
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": number.sender.display_phone_number,
            "phone_number_id": number.sender.phone_number_id,
        },
    })
}

fn from_person(number: &NumberState, field: &'static str, wa_id: &str, key: &str, item: &Value) -> Told {
    let mut value = metadata(number);
    value["contacts"] = json!([{ "profile": { "name": "Simulated person" }, "wa_id": wa_id }]);
    value[key] = json!([item]);
    Told { waba_id: number.number.waba_id.clone(), field, value }
}
