//! Calls about the platform's objects other than messages: which they are, and what templates can be told.

use std::collections::HashMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value, json};

use crate::config::{
    Account, Category, LastUse, MaxPrice, ParameterFormat, Template, TemplateStatus, wire_name,
};
use crate::errors::ApiError;
use crate::fields::{
    Field, NUMBER_DEFAULTS, WABA_DEFAULTS, account_field, asked, business_field, number_field, select,
};
use crate::reach::reach_estimate;
use crate::state::State;
use crate::templates::{TemplateState, check_format};
use crate::webhooks::{Change, Event};

/// A call of the Graph API.
pub(crate) struct GraphCall<'a> {
    pub(crate) method: &'a str,
    /// The path after the version.
    pub(crate) path: &'a [&'a str],
    pub(crate) query: &'a HashMap<String, String>,
    pub(crate) body: Option<Value>,
    pub(crate) token: Option<&'a str>,
    /// What a proof of knowing it must be made with.
    pub(crate) app_secret: Option<String>,
    pub(crate) now: DateTime<Utc>,
}

/// An answer, and the webhooks it sets in motion.
pub(crate) type Answered = Result<(Value, Vec<(DateTime<Utc>, Event)>), ApiError>;

/// Fields of a template that can be asked for.
const TEMPLATE_FIELDS: &[&str] = &[
    "id",
    "name",
    "language",
    "status",
    "category",
    "parameter_format",
    "components",
    "message_send_ttl_seconds",
    "optimization_spec",
    "bid_spec",
    "quality_score",
    "rejected_reason",
];
/// Fields of a template that come without being asked for.
const TEMPLATE_DEFAULTS: &[&str] =
    &["name", "parameter_format", "components", "language", "status", "category", "id"];
/// Range of a marketing template's TTL (Meta: 12 hours to 30 days), in seconds.
const TTL_RANGE: std::ops::RangeInclusive<i64> = 43_200..=2_592_000;

impl State {
    /// Answers a call.
    pub(crate) fn graph(&mut self, call: &GraphCall<'_>) -> Answered {
        self.known_token(call.token)?;
        let quiet = |value| Ok((value, Vec::new()));
        match (call.method, call.path) {
            ("GET", [id]) => quiet(self.read_object(call, id)?),
            ("POST", [id]) => quiet(self.edit_object(call, id)?),
            ("GET", [waba, "message_templates"]) => quiet(self.list_templates(call, waba)?),
            ("POST", [waba, "message_templates"]) => self.create_template(call, waba),
            ("DELETE", [waba, "message_templates"]) => quiet(self.delete_templates(call, waba)?),
            ("GET", [waba, "phone_numbers"]) => quiet(self.list_numbers(call, waba)?),
            ("GET", [waba, "template_analytics"]) => {
                self.account(call, waba)?;
                quiet(self.template_analytics(waba, call.query, call.now)?)
            }
            ("GET", [waba, "reachestimate"]) => quiet(reach_estimate(self.account(call, waba)?, call.query)?),
            ("GET", [business, "client_whatsapp_business_accounts"]) => {
                quiet(self.client_accounts(call, business)?)
            }
            ("POST", [business, "onboard_partners_to_mm_lite"]) => quiet(self.invite(call, business)?),
            ("GET" | "POST", [business, "system_user_access_tokens"]) => {
                quiet(self.system_user_token(call, business)?)
            }
            (method, path) => Err(ApiError::no_such_object(method, path.first().unwrap_or(&""))),
        }
    }

    fn account(&self, call: &GraphCall<'_>, waba: &str) -> Result<&Account, ApiError> {
        self.accounts
            .get(waba)
            .filter(|_| self.may_use_account(waba, call.token))
            .ok_or_else(|| ApiError::no_such_object(call.method, waba))
    }

    fn read_object(&mut self, call: &GraphCall<'_>, id: &str) -> Result<Value, ApiError> {
        let names = asked(call.query);
        if self.numbers.contains_key(id) {
            let number = &self.authorised_number(id, call.token)?.number;
            return select(id, names, NUMBER_DEFAULTS, |name| number_field(number, name));
        }
        if self.accounts.contains_key(id) {
            let account = self.account(call, id)?;
            let business = self.owner_of(account);
            let business = (business, self.business_status(business).unwrap_or("NOT_STARTED"));
            let fields = call.query.get("fields").map_or("", String::as_str);
            return select(id, names, WABA_DEFAULTS, |name| match name {
                "pricing_analytics" => Field::Is(self.pricing_analytics(id, fields, call.now)),
                name => account_field(account, business, name),
            });
        }
        if let Some(status) = self.business_status(id) {
            self.may_act_for(call, id)?;
            return select(id, names, &["id", "name"], |name| business_field(id, status, name));
        }
        let template = self.template_by_id(call, id)?;
        select(id, names, TEMPLATE_DEFAULTS, |name| template_field(template, name, call.now))
    }

    fn edit_object(&mut self, call: &GraphCall<'_>, id: &str) -> Result<Value, ApiError> {
        let params = params(call)?;
        if self.accounts.contains_key(id) {
            self.account(call, id)?;
            if call.query.get("is_enabled_for_insights").is_some_and(|enabled| enabled == "true") {
                self.insights.insert(id.to_owned());
            }
            if let Some(account) = self.accounts.get_mut(id)
                && let Some(disable) = params.get("disable_marketing_messages_on_cloud_api")
            {
                account.disable_marketing_messages_on_cloud_api =
                    matches!(disable, Value::Bool(true)) || disable == "true";
            }
            return Ok(json!({ "success": true }));
        }
        let template = self.template_by_id(call, id)?;
        let edited = Edit::read(&params, template.template.category)?;
        let waba = template.template.waba_id.clone();
        edited.check_agreement(self.account(call, &waba)?)?;
        let template = self.template_by_id(call, id)?;
        if let Some(category) = params.get("category") {
            template.template.category = read_enum(category, "category")?;
        }
        if let Some(components) = edited.components {
            template.set_components(components);
        }
        if let Some(seconds) = edited.ttl_seconds {
            template.template.ttl_seconds = Some(seconds);
        }
        if let Some(max_price) = edited.max_price {
            template.template.max_price = max_price;
        }
        let template = &template.template;
        Ok(json!({ "success": true, "id": id, "name": template.name, "category": template.category }))
    }

    fn template_by_id(&mut self, call: &GraphCall<'_>, id: &str) -> Result<&mut TemplateState, ApiError> {
        let waba = self.templates.by_id(id).map(|template| template.template.waba_id.clone());
        let allowed = waba.is_some_and(|waba| self.may_use_account(&waba, call.token));
        let found = self.templates.by_id(id).filter(|_| allowed);
        found.ok_or_else(|| ApiError::no_such_object(call.method, id))
    }

    fn list_templates(&mut self, call: &GraphCall<'_>, waba: &str) -> Result<Value, ApiError> {
        self.account(call, waba)?;
        let filter = |key: &str| call.query.get(key).filter(|text| !text.is_empty());
        // A look for any language of a name is not yet a wish to send it: who creates templates looks first.
        if let (Some(name), Some(language)) = (filter("name"), filter("language")) {
            self.auto_create(waba, name, language, call.now);
        }
        let matches = |template: &&TemplateState| {
            filter("name").is_none_or(|name| template.template.name == *name)
                && filter("language").is_none_or(|language| template.template.language == *language)
                && filter("status").is_none_or(|status| wire_name(&template.status(call.now)) == *status)
                && filter("category")
                    .is_none_or(|category| wire_name(&template.template.category) == *category)
        };
        let limit = filter("limit").and_then(|text| text.parse().ok()).unwrap_or(25_usize).clamp(1, 1000);
        let after: usize = filter("after").and_then(|text| text.parse().ok()).unwrap_or(0);
        let found: Vec<&TemplateState> =
            self.templates.of(waba).filter(matches).skip(after).take(limit + 1).collect();
        let names = asked(call.query);
        let mut data = Vec::new();
        for template in found.iter().take(limit) {
            data.push(select(&template.id, names.clone(), TEMPLATE_DEFAULTS, |name| {
                template_field(template, name, call.now)
            })?);
        }
        let mut page = json!({ "data": data });
        if !data.is_empty() {
            let end = after + data.len();
            page["paging"] = json!({ "cursors": { "before": after.to_string(), "after": end.to_string() } });
            if found.len() > limit {
                page["paging"]["next"] = json!(format!(
                    "https://graph.facebook.com/{waba}/message_templates?limit={limit}&after={end}"
                ));
            }
        }
        Ok(page)
    }

    fn create_template(&mut self, call: &GraphCall<'_>, waba: &str) -> Answered {
        self.account(call, waba)?;
        let params = params(call)?;
        let text = |key: &str| {
            params
                .get(key)
                .and_then(Value::as_str)
                .filter(|text| !text.is_empty())
                .ok_or_else(|| ApiError::new(100, format!("The parameter {key} is required.")))
        };
        let (name, language) = (text("name")?, text("language")?);
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if name.len() > 512 || !name.bytes().all(allowed) {
            return Err(ApiError::new(100, "name must be at most 512 characters of a-z, 0-9 and _."));
        }
        let category: Category = read_enum(&json!(text("category")?.to_uppercase()), "category")?;
        let parameter_format: ParameterFormat = match params.get("parameter_format") {
            Some(Value::String(format)) => read_enum(&json!(format.to_uppercase()), "parameter_format")?,
            Some(_) | None => ParameterFormat::Positional,
        };
        let edit = Edit::read(&params, category)?;
        edit.check_agreement(self.account(call, waba)?)?;
        let Some(components) = edit.components else {
            return Err(ApiError::new(100, "The parameter components is required."));
        };
        let exists = self
            .templates
            .get(waba, name, language)
            .is_some_and(|state| !state.auto_created && state.template.status != TemplateStatus::Deleted);
        if exists {
            return Err(ApiError::new(
                2388024,
                format!("There is already {language} content for this template."),
            ));
        }
        let mut template = Template::new(waba, name, language).created(call.now).used(LastUse::Never);
        template.category = category;
        template.parameter_format = parameter_format;
        template.components = Some(components);
        template.ttl_seconds = edit.ttl_seconds;
        template.max_price = edit.max_price.flatten();
        let approved = call.now + self.review_time;
        let in_review = self.review_time > TimeDelta::zero();
        let state = self.templates.put(template, call.now);
        state.pending_until = in_review.then_some(approved);
        let told = status_change(state, TemplateStatus::Approved, "NONE");
        let answer = json!({
            "id": state.id,
            "status": wire_name(&state.status(call.now)),
            "category": category,
        });
        Ok((answer, vec![(approved, Event::Change(told, approved))]))
    }

    fn delete_templates(&mut self, call: &GraphCall<'_>, waba: &str) -> Result<Value, ApiError> {
        self.account(call, waba)?;
        let removed = match (call.query.get("hsm_id"), call.query.get("name")) {
            (Some(id), _) => self.templates.remove(waba, |template| template.id == *id),
            (None, Some(name)) => self.templates.remove(waba, |template| template.template.name == *name),
            (None, None) => return Err(ApiError::new(100, "The parameter name is required.")),
        };
        if removed == 0 {
            return Err(ApiError::new(100, "Message template not found."));
        }
        Ok(json!({ "success": true }))
    }

    fn list_numbers(&self, call: &GraphCall<'_>, waba: &str) -> Result<Value, ApiError> {
        self.account(call, waba)?;
        let names = asked(call.query);
        let numbers =
            self.numbers.values().map(|state| &state.number).filter(|number| number.waba_id == waba);
        let data: Result<Vec<Value>, ApiError> = numbers
            .map(|number| {
                select(&number.phone_number_id, names.clone(), NUMBER_DEFAULTS, |name| {
                    number_field(number, name)
                })
            })
            .collect();
        Ok(json!({ "data": data? }))
    }
}

/// What `message_template_status_update` says.
pub(crate) fn status_change(state: &TemplateState, status: TemplateStatus, reason: &str) -> Change {
    let template = &state.template;
    let mut value = json!({
        "event": wire_name(&status),
        "message_template_id": state.id.parse::<u64>().unwrap_or_default(),
        "message_template_name": template.name,
        "message_template_language": template.language,
        "message_template_category": template.category,
        "reason": reason,
    });
    if status == TemplateStatus::Paused {
        value["other_info"] = json!({
            "title": "FIRST_PAUSE",
            "description": "Your WhatsApp message template has been paused for 3 hours for its low quality."
        });
    }
    Change { waba_id: template.waba_id.clone(), field: "message_template_status_update", value }
}

/// What creating and editing a template have in common.
struct Edit {
    components: Option<Vec<Value>>,
    ttl_seconds: Option<u32>,
    /// `Some(None)` takes it away.
    max_price: Option<Option<MaxPrice>>,
}

impl Edit {
    fn read(params: &Map<String, Value>, category: Category) -> Result<Self, ApiError> {
        let components = match params.get("components") {
            None => None,
            Some(Value::Array(components)) => {
                check_format(components)?;
                Some(components.clone())
            }
            Some(_) => return Err(ApiError::new(100, "components must be an array.")),
        };
        let ttl_seconds = match params.get("message_send_ttl_seconds") {
            None | Some(Value::Null) => None,
            Some(value) => {
                let seconds = value.as_i64().or_else(|| value.as_str()?.parse().ok());
                let valid = seconds.filter(|s| category != Category::Marketing || TTL_RANGE.contains(s));
                let seconds = valid.and_then(|seconds| u32::try_from(seconds).ok());
                Some(seconds.ok_or_else(|| {
                    ApiError::new(
                        100,
                        "message_send_ttl_seconds of a marketing template must be 43200 to 2592000.",
                    )
                })?)
            }
        };
        let max_price = match params.get("optimization_spec").or_else(|| params.get("bid_spec")) {
            None => None,
            Some(Value::Null) => Some(None),
            Some(spec) => {
                if spec.get("bid_strategy").and_then(Value::as_str) != Some("LOWEST_COST_WITH_BID_CAP") {
                    return Err(ApiError::new(100, "bid_strategy must be LOWEST_COST_WITH_BID_CAP."));
                }
                let amount = spec.get("bid_amount").and_then(Value::as_i64);
                let valid = amount.filter(|amount| (1..=i64::from(i32::MAX)).contains(amount));
                let bid_amount =
                    valid.ok_or_else(|| ApiError::new(100, "bid_amount must be a whole number above 0."))?;
                Some(Some(MaxPrice { bid_amount }))
            }
        };
        Ok(Self { components, ttl_seconds, max_price })
    }

    /// A max price is for accounts that have signed for it.
    fn check_agreement(&self, account: &Account) -> Result<(), ApiError> {
        if matches!(self.max_price, Some(Some(_))) && !account.max_price_agreement {
            let text = "You need to sign the testing legal agreement before sending out messages.";
            return Err(ApiError::new(100, text));
        }
        Ok(())
    }
}

/// The parameters of a POST: its query, and over it its body.
fn params(call: &GraphCall<'_>) -> Result<Map<String, Value>, ApiError> {
    let mut params: Map<String, Value> =
        call.query.iter().map(|(key, value)| (key.clone(), Value::String(value.clone()))).collect();
    match &call.body {
        None => {}
        Some(Value::Object(body)) => params.extend(body.clone()),
        Some(_) => return Err(ApiError::new(100, "The request body must be a JSON object.")),
    }
    Ok(params)
}

fn read_enum<T: serde::de::DeserializeOwned>(value: &Value, name: &str) -> Result<T, ApiError> {
    serde_json::from_value(value.clone())
        .map_err(|_| ApiError::new(100, format!("Param {name} has the unknown value {value}.")))
}

fn template_field(template: &TemplateState, name: &str, now: DateTime<Utc>) -> Field {
    match template.field(name, now) {
        Some(value) => Field::Is(value),
        None if TEMPLATE_FIELDS.contains(&name) => Field::Unset,
        None => Field::Unknown,
    }
}
