//! What a send is answered, and what it sets in motion. The checks stand in the order in which the platform
//! makes them: token, number, fields, throughput, template, sync, limits; then chance decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;
use serde_json::{Value, json};

use crate::config::{Account, Category, MaxPrice, TemplateStatus};
use crate::countries;
use crate::door::{Door, own_error, server_error};
use crate::draws::{Draws, What};
use crate::errors::ApiError;
use crate::fate::{Accepted, Forced, Plan};
use crate::faults::{Fault, drawn_fault, forced, scripted_fault};
use crate::ledger::{Answer, Fate, LedgerEntry, RequestRecord, Route, Status};
use crate::message::{self, Endpoint, Message, Recipient, digits, written_recipient};
use crate::script::Outcome;
use crate::state::{NumberState, State, recipient_key};
use crate::webhooks::{Event, Sender, StatusText, status_json};

/// When a request arrived.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    pub(crate) at: DateTime<Utc>,
    pub(crate) us: u64,
}

/// A send as it arrived.
pub(crate) struct Call<'a> {
    pub(crate) arrival: Arrival,
    pub(crate) endpoint: Endpoint,
    /// Of 360dialog's numbers, that of the key; empty where no number has it.
    pub(crate) phone_number_id: &'a str,
    pub(crate) token: Option<&'a str>,
    pub(crate) door: Door,
}

/// What goes back over the wire.
#[derive(Debug)]
pub(crate) enum Reply {
    Json {
        http: u16,
        headers: BTreeMap<String, String>,
        body: String,
    },
    /// Headers at once, the body in pieces.
    SlowJson {
        body: String,
        over: Duration,
    },
    /// A gateway's page, which no part of the platform wrote.
    Gateway {
        http: u16,
    },
    /// Nothing; the connection closes after this long.
    Hang(Duration),
    /// A reset connection.
    Reset,
}

/// A send, decided.
#[derive(Debug)]
pub(crate) struct Decision {
    pub(crate) reply: Reply,
    /// From arrival to reply, in real time.
    pub(crate) latency: Duration,
    /// Webhooks, with the times at which they are due.
    pub(crate) events: Vec<(DateTime<Utc>, Event)>,
    /// Webhooks that must be delivered before the reply is written.
    pub(crate) early: Vec<Event>,
}

/// What is settled about a send before chance has its say.
struct Cleared {
    message: Message,
    sender: Arc<Sender>,
    business_id: String,
    account: Account,
    route: Route,
    ttl: chrono::TimeDelta,
    max_price: Option<MaxPrice>,
}

impl State {
    /// Decides a send, and remembers it.
    pub(crate) fn send(&mut self, call: &Call<'_>, body: Option<Value>) -> Decision {
        let record = RequestRecord {
            number: self.requests.len(),
            arrived_at: call.arrival.at,
            arrived_us: call.arrival.us,
            endpoint: call.endpoint.name().to_owned(),
            phone_number_id: call.phone_number_id.to_owned(),
            recipient: body.as_ref().and_then(written_recipient).map(str::to_owned),
            template: body
                .as_ref()
                .and_then(|body| body.get("template")?.get("name")?.as_str())
                .map(str::to_owned),
            biz_opaque_callback_data: body
                .as_ref()
                .and_then(|body| body.get("biz_opaque_callback_data")?.as_str())
                .map(str::to_owned),
            answer: Answer::ResetBefore,
        };
        let own = match call.door {
            Door::Graph => None,
            Door::Dialog360 => self.number_of_key(call.token).err(),
        };
        let decided = match own {
            Some(own) => Ok(refused_before(self.shortest_latency(), own_error(&own), own.http)),
            None => self.checked(call, body, &record),
        };
        let (answer, decision) = decided.unwrap_or_else(|error| self.refuse(call.door, &error));
        self.requests.push(RequestRecord { answer, ..record });
        decision
    }

    fn shortest_latency(&self) -> Duration {
        Duration::from_secs_f64(self.profile.response.min_ms.max(0.0) / 1000.0)
    }

    fn refuse(&mut self, door: Door, error: &ApiError) -> (Answer, Decision) {
        let reply = Reply::Json {
            http: error.http,
            headers: error.headers.clone(),
            body: door.body(error, &self.trace()),
        };
        let latency = self.shortest_latency();
        let answer = Answer::Refused { code: error.code, http: error.http };
        (answer, Decision { reply, latency, events: Vec::new(), early: Vec::new() })
    }

    fn checked(
        &mut self,
        call: &Call<'_>,
        body: Option<Value>,
        record: &RequestRecord,
    ) -> Result<(Answer, Decision), ApiError> {
        self.caller(call)?;
        let body = body.ok_or_else(|| ApiError::new(100, "The request body is not valid JSON."))?;
        let recipient = record.recipient.as_deref().map(recipient_key).unwrap_or_default();
        let template = record.template.as_deref().unwrap_or_default();
        let scripted = self.scripted(call.phone_number_id, &recipient, template);
        if let Some(Outcome::Error { code, http, details, headers }) = &scripted {
            let mut error = ApiError::new(*code, details.as_deref().unwrap_or("As the script says."));
            error.http = http.unwrap_or(error.http);
            error.headers.clone_from(headers);
            return Err(error);
        }
        let message = message::read(call.endpoint, &body)?;
        self.throughput(call)?;
        let cleared = self.cleared(call, message)?;
        let key = format!("{}/{}", cleared.message.template, cleared.message.language);
        let occurrence = self.occurrence(cleared.message.recipient.key(), &key);
        let attempt = Draws::attempt(self.seed, cleared.message.recipient.key(), &key, occurrence);
        self.drawn(call, body, cleared, &attempt, scripted.as_ref())
    }

    /// The number that sends.
    fn caller(&self, call: &Call<'_>) -> Result<&NumberState, ApiError> {
        match call.door {
            Door::Graph => self.authorised_number(call.phone_number_id, call.token),
            // Its key was looked at before.
            Door::Dialog360 => self.numbers.get(call.phone_number_id).ok_or_else(no_permission),
        }
    }

    fn throughput(&mut self, call: &Call<'_>) -> Result<(), ApiError> {
        let now = call.arrival.at.timestamp_micros();
        let admitted = self
            .numbers
            .get_mut(call.phone_number_id)
            .is_none_or(|state| state.throughput.admit(now, state.number.throughput_per_second));
        if admitted { Ok(()) } else { Err(throttled()) }
    }

    /// Everything about number, account, template and limits that may refuse a send.
    fn cleared(&mut self, call: &Call<'_>, message: Message) -> Result<Cleared, ApiError> {
        let now = call.arrival.at;
        let state = self.caller(call)?;
        let (number, sender) = (state.number.clone(), Arc::clone(&state.sender));
        match number.status.as_str() {
            "CONNECTED" | "FLAGGED" => {}
            "RESTRICTED" | "BANNED" => {
                return Err(ApiError::new(131031, "The account of this number is locked."));
            }
            _ => return Err(ApiError::new(133010, "The phone number is not registered.")),
        }
        if message.recipient == Recipient::Phone(digits(&number.display_phone_number)) {
            return Err(ApiError::new(131021, "Recipient cannot be the sender."));
        }
        self.auto_create(&number.waba_id, &message.template, &message.language, now);
        let account = self.accounts.get(&number.waba_id).cloned().unwrap_or_default();
        let template = self
            .templates
            .get(&number.waba_id, &message.template, &message.language)
            .ok_or_else(|| no_template(&message))?;
        match template.status(now) {
            TemplateStatus::Approved => {}
            TemplateStatus::Paused => {
                return Err(ApiError::new(132015, "The template is paused for its quality."));
            }
            TemplateStatus::Disabled => return Err(ApiError::new(132016, "The template is disabled.")),
            TemplateStatus::Pending
            | TemplateStatus::Rejected
            | TemplateStatus::Archived
            | TemplateStatus::Deleted => return Err(no_template(&message)),
        }
        let (category, max_price) = (template.template.category, template.template.max_price);
        let route = route(call.endpoint, category, max_price, message.strict, &account)?;
        if max_price.is_some() {
            if matches!(message.recipient, Recipient::UserId(_)) {
                return Err(ApiError::new(131062, "Messages with a max price need a phone number."));
            }
            if !account.max_price_agreement {
                let text = "You need to sign the testing legal agreement before sending out messages.";
                return Err(ApiError::new(100, text));
            }
        }
        if let Some(shape) = template.shape() {
            shape.check(&message.filled)?;
        }
        if category == Category::Marketing && template.is_syncing(now) {
            return Err(ApiError::new(
                134101,
                "The template is still syncing. Wait 10 minutes before sending it.",
            ));
        }
        let ttl = template.ttl();
        let (key, us) = (message.recipient.key(), now.timestamp_micros());
        if !self.pairs.allows(call.phone_number_id, key, us) {
            return Err(ApiError::new(131056, "Too many messages from this number to the same recipient."));
        }
        if let Some(limit) = number.daily_limit
            && !self.reach.entry(number.business_id.clone()).or_default().allows(key, us, limit)
        {
            return Err(ApiError::new(131048, "The portfolio's messaging limit for 24 hours is reached."));
        }
        Ok(Cleared { message, sender, business_id: number.business_id, account, route, ttl, max_price })
    }

    fn drawn(
        &mut self,
        call: &Call<'_>,
        body: Value,
        cleared: Cleared,
        attempt: &Draws,
        scripted: Option<&Outcome>,
    ) -> Result<(Answer, Decision), ApiError> {
        let mut latency = attempt.latency(What::Response, &self.profile.response);
        if let Some(Outcome::SlowAnswer { after_ms }) = scripted {
            latency = Duration::from_millis(*after_ms);
        }
        let fault = match scripted {
            Some(outcome) => scripted_fault(outcome),
            None => drawn_fault(&self.profile, attempt),
        };
        let unaccepted =
            |answer, reply| Ok((answer, Decision { reply, latency, events: Vec::new(), early: Vec::new() }));
        match fault {
            Fault::ErrorBefore(http) => {
                return unaccepted(
                    Answer::ErrorBefore { http },
                    server_error(call.door, http, &self.trace()),
                );
            }
            Fault::ResetBefore => return unaccepted(Answer::ResetBefore, Reply::Reset),
            Fault::Throttled => return Err(throttled()),
            Fault::None | Fault::ErrorAfter(_) | Fault::Lost(_) | Fault::ResetAfter | Fault::Slow(_) => {}
        }
        let forced = scripted.map_or(Forced::Nothing, forced);
        let person = Draws::person(self.seed, cleared.message.recipient.key());
        let doomed = match forced {
            Forced::Nothing => self.doomed(&cleared.message.recipient, &person, attempt)?,
            Forced::Deliver | Forced::Fail(_) | Forced::Held { .. } | Forced::Offline { .. } => None,
        };
        let early = scripted == Some(&Outcome::Early)
            || (scripted.is_none() && fault == Fault::None && attempt.unit(What::Early) < self.profile.early);
        let plan = Accepted {
            at: call.arrival.at,
            ttl: cleared.ttl,
            cap: cleared
                .max_price
                .map(|max_price| cap(max_price, &cleared.account, cleared.message.multiplier)),
            account: &cleared.account,
            profile: &self.profile,
            person: &person,
            attempt,
            doomed,
            forced,
            early,
        }
        .plan();
        let id = attempt.id();
        let wamid = format!("wamid.{}{}", call.phone_number_id, hex::encode_upper(id));
        let (events, early) = events(&plan, &cleared, &wamid);
        let answer_body = answer_body(&cleared.message, &wamid, matches!(forced, Forced::Held { .. }));
        self.accept(call, body, cleared, wamid.clone(), plan);
        let json = |body| Reply::Json { http: 200, headers: BTreeMap::new(), body };
        let (answer, reply) = match fault {
            Fault::ErrorAfter(http) => {
                (Answer::ErrorAfter { http, wamid }, server_error(call.door, http, &self.trace()))
            }
            Fault::Lost(hold) => (Answer::Lost { wamid }, Reply::Hang(hold)),
            Fault::ResetAfter => (Answer::ResetAfter { wamid }, Reply::Reset),
            Fault::Slow(over) => {
                (Answer::AcceptedSlowly { wamid }, Reply::SlowJson { body: answer_body, over })
            }
            Fault::None | Fault::ErrorBefore(_) | Fault::ResetBefore | Fault::Throttled => {
                (Answer::Accepted { wamid }, json(answer_body))
            }
        };
        Ok((answer, Decision { reply, latency, events, early }))
    }

    fn accept(&mut self, call: &Call<'_>, body: Value, cleared: Cleared, wamid: String, plan: Plan) {
        let Cleared { message, sender, business_id, route, .. } = cleared;
        let us = call.arrival.at.timestamp_micros();
        self.pairs.count(call.phone_number_id, message.recipient.key(), us);
        self.reach.entry(business_id).or_default().count(message.recipient.key(), us);
        if let Some(template) = self.templates.get_mut(&sender.waba_id, &message.template, &message.language)
        {
            template.used(call.arrival.at, self.sync_wait, self.idle_after);
        }
        self.ledger.push(Arc::new(LedgerEntry {
            number: self.ledger.len(),
            arrived_at: call.arrival.at,
            arrived_us: call.arrival.us,
            phone_number_id: call.phone_number_id.to_owned(),
            recipient: message.written_to,
            template: message.template,
            language: message.language,
            wamid,
            biz_opaque_callback_data: message.callback_data,
            route,
            body,
            truth: plan.truth,
        }));
    }

    /// The code with which a message fails by webhook for what its recipient is or wants.
    ///
    /// # Errors
    /// The same, where the platform says so at once.
    fn doomed(
        &self,
        recipient: &Recipient,
        person: &Draws,
        attempt: &Draws,
    ) -> Result<Option<u32>, ApiError> {
        let key = recipient.key();
        let at_once = person.unit(What::RefusedAtOnce) < 0.5;
        let told = |code: u32, at_once: bool| {
            if at_once { Err(ApiError::new(code, crate::errors::title(code))) } else { Ok(Some(code)) }
        };
        if self.opted_out.contains(key) {
            return Ok(Some(131050));
        }
        if self.not_on_whatsapp.contains(key) {
            return Ok(Some(131026));
        }
        if self.per_user_limited.contains(key) {
            return Ok(Some(131049));
        }
        if let Recipient::Phone(digits) = recipient {
            if countries::is_sanctioned(digits) {
                return told(130497, true);
            }
            if countries::is_us(digits) {
                return told(131049, at_once);
            }
        }
        if person.unit(What::OnWhatsApp) < self.profile.not_on_whatsapp {
            return told(131026, at_once);
        }
        let limited = attempt.unit(What::PerUserLimit);
        if limited < self.profile.per_user_limit {
            return told(131049, limited < self.profile.per_user_limit / 2.0);
        }
        Ok(None)
    }
}

fn no_permission() -> ApiError {
    ApiError::new(10, "The access token has no permission for this phone number.")
}

fn throttled() -> ApiError {
    ApiError::new(130429, "Cloud API message throughput has been reached.")
}

fn no_template(message: &Message) -> ApiError {
    let text = format!("template name ({}) does not exist in {}", message.template, message.language);
    ApiError::new(132001, text)
}

/// How a message goes, and whether it may go that way.
fn route(
    endpoint: Endpoint,
    category: Category,
    max_price: Option<MaxPrice>,
    strict: bool,
    account: &Account,
) -> Result<Route, ApiError> {
    let is_marketing = category == Category::Marketing;
    let cloud = || {
        if is_marketing && account.disable_marketing_messages_on_cloud_api {
            return Err(ApiError::new(131063, "Send marketing templates with the Marketing Messages API."));
        }
        Ok(Route::Marketing)
    };
    match endpoint {
        Endpoint::Messages if max_price.is_some() => {
            Err(ApiError::new(131061, "This template has a max price; send it to /marketing_messages."))
        }
        Endpoint::Messages => cloud(),
        Endpoint::MarketingMessages if !is_marketing => {
            Err(ApiError::new(134100, "Only templates of the category MARKETING can be sent."))
        }
        Endpoint::MarketingMessages if account.onboarding_status == "ONBOARDED" => Ok(Route::MarketingLite),
        Endpoint::MarketingMessages if strict => {
            Err(ApiError::new(134102, "The account is not onboarded to the Marketing Messages API."))
        }
        Endpoint::MarketingMessages => cloud(),
    }
}

/// The most that may be paid for one message, in whole units of the account's currency.
fn cap(max_price: MaxPrice, account: &Account, multiplier: f64) -> Decimal {
    let multiplier = Decimal::from_f64(multiplier).unwrap_or(Decimal::ONE);
    Decimal::from(max_price.bid_amount) / Decimal::from(1000 * smallest_units(&account.currency)) * multiplier
}

/// Smallest units in one unit of a currency (Meta: currency offsets).
pub(crate) fn smallest_units(currency: &str) -> i64 {
    const WHOLE: &[&str] = &["CLP", "COP", "CRC", "HUF", "ISK", "IDR", "JPY", "KRW", "PYG", "TWD", "VND"];
    if WHOLE.contains(&currency) { 1 } else { 100 }
}

fn refused_before(latency: Duration, reply: Reply, http: u16) -> (Answer, Decision) {
    (Answer::ErrorBefore { http }, Decision { reply, latency, events: Vec::new(), early: Vec::new() })
}

/// The webhooks of a plan: those that wait until they are due, and those that come before the answer.
fn events(plan: &Plan, cleared: &Cleared, wamid: &str) -> (Vec<(DateTime<Utc>, Event)>, Vec<Event>) {
    let code = match plan.truth.fate {
        Fate::Failed(code) => Some(code),
        Fate::Delivered | Fate::Read | Fate::Expired => None,
    };
    let (mut later, mut early) = (Vec::new(), Vec::new());
    for told in &plan.told {
        let json = status_json(&StatusText {
            wamid,
            status: told.status,
            at: told.at,
            recipient: &cleared.message.recipient,
            callback_data: cleared.message.callback_data.as_deref(),
            route: cleared.route,
            cost: cleared.max_price.map(|_| (plan.truth.price, plan.truth.currency.as_str())),
            code: code.filter(|_| told.status == Status::Failed),
        });
        let event = Event::Status { sender: Arc::clone(&cleared.sender), json };
        if told.early {
            early.push(event);
        } else {
            later.push((told.due, event));
        }
    }
    (later, early)
}

fn answer_body(message: &Message, wamid: &str, held: bool) -> String {
    let contact = match &message.recipient {
        Recipient::Phone(digits) => json!({ "input": message.written_to, "wa_id": digits }),
        Recipient::UserId(id) => json!({ "input": message.written_to, "user_id": id }),
    };
    let status = if held { "held_for_quality_assessment" } else { "accepted" };
    json!({
        "messaging_product": "whatsapp",
        "contacts": [contact],
        "messages": [{ "id": wamid, "message_status": status }],
    })
    .to_string()
}
