//! What a user of the simulator sets: numbers, accounts, templates, clock, faults, where webhooks go.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::SimClock;
use crate::dialog360::KeyedWebhook;
use crate::profile::Profile;

/// Everything the simulator starts with. [`Config::default`] is a small account that works at once.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Fixes every random decision.
    pub seed: u64,
    /// The platform's time.
    pub clock: SimClock,
    /// How well it behaves.
    pub profile: Profile,
    /// Where webhooks go; without it, they are dropped.
    pub webhook: Option<Webhook>,
    /// Where those go that are of numbers with an `api_key`, until a number has one of its own.
    pub keyed_webhook: Option<KeyedWebhook>,
    /// Business phone numbers.
    pub numbers: Vec<Number>,
    /// WhatsApp business accounts (WABAs). A number's account that is not listed gets the default settings.
    pub accounts: Vec<Account>,
    /// Message templates.
    pub templates: Vec<Template>,
    /// Whether a template name that nobody created exists as soon as it is asked for: approved, marketing,
    /// created long ago, recently used, its parameters not checked.
    pub auto_create_templates: bool,
    /// How long a template syncs after its creation, and after the first message that follows a long rest
    /// (platform: 10 minutes).
    pub sync_wait: Duration,
    /// After how long without use a template counts as idle (platform: 7 days).
    pub idle_after: Duration,
    /// How long a created template stays PENDING before it is approved.
    pub review_time: Duration,
    /// How many changes one webhook request carries at most (platform: up to 1,000).
    pub webhook_batch: usize,
    /// Recipients who stopped marketing messages of this business: 131050 by webhook.
    pub opted_out: Vec<String>,
    /// Recipients at their per-user marketing limit: 131049 by webhook.
    pub per_user_limited: Vec<String>,
    /// Recipients who are not on WhatsApp: 131026 by webhook.
    pub not_on_whatsapp: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        let account = Account::default();
        let sale = |name: &str| {
            Template::new(&account.waba_id, name, "en").with_components(json!([
                { "type": "HEADER", "format": "IMAGE" },
                { "type": "BODY", "text": "Hello {{1}}, our Diwali sale is on: {{2}} off everything." },
                { "type": "FOOTER", "text": "Reply STOP to opt out" },
                { "type": "BUTTONS", "buttons": [
                    { "type": "URL", "text": "Shop now", "url": "https://example.com/sale/{{1}}" }
                ] }
            ]))
        };
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            seed: 1,
            clock: SimClock::real(1.0),
            profile: Profile::none(),
            webhook: None,
            keyed_webhook: None,
            numbers: vec![Number::default()],
            templates: vec![
                sale("diwali_sale"),
                sale("diwali_sale_b"),
                Template::new(&account.waba_id, "welcome", "en").with_components(json!([
                    { "type": "BODY", "text": "Welcome, {{1}}!" }
                ])),
            ],
            accounts: vec![account],
            auto_create_templates: true,
            sync_wait: Duration::from_secs(10 * 60),
            idle_after: Duration::from_secs(7 * 24 * 60 * 60),
            review_time: Duration::ZERO,
            webhook_batch: 100,
            opted_out: Vec::new(),
            per_user_limited: Vec::new(),
            not_on_whatsapp: Vec::new(),
        }
    }
}

/// Where webhooks go, and what signs them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Webhook {
    /// The full address.
    pub url: String,
    /// Further addresses, used in turn with the first: the platform knows one, and a load balancer stands behind it.
    #[serde(default)]
    pub others: Vec<String>,
    /// The key of `X-Hub-Signature-256`.
    pub app_secret: String,
}

/// A business phone number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Number {
    /// Its id in paths.
    pub phone_number_id: String,
    /// As people see it, for example `+91 98765 43210`.
    pub display_phone_number: String,
    /// The account it belongs to.
    pub waba_id: String,
    /// The business portfolio whose messaging limit it shares.
    pub business_id: String,
    /// The bearer token that may use it.
    pub token: String,
    /// The key by which 360dialog reaches it. A number that has one is 360dialog's: no token may use it.
    pub api_key: Option<String>,
    /// Messages it may send in any one second (platform: 20, 80 or 1,000).
    pub throughput_per_second: u32,
    /// Its quality rating.
    pub quality: Quality,
    /// CONNECTED and FLAGGED send; any other status (RESTRICTED, BANNED, DISCONNECTED...) does not.
    pub status: String,
    /// Unique users its portfolio may message in any 24 hours; `None` is unlimited.
    pub daily_limit: Option<u32>,
}

impl Default for Number {
    fn default() -> Self {
        Self {
            phone_number_id: "106540352242922".into(),
            display_phone_number: "+91 98765 43210".into(),
            waba_id: "102290129340398".into(),
            business_id: "2729063490586005".into(),
            token: "sim-token".into(),
            api_key: None,
            throughput_per_second: 80,
            quality: Quality::Green,
            status: "CONNECTED".into(),
            daily_limit: None,
        }
    }
}

/// A WhatsApp business account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Account {
    /// Its id.
    pub waba_id: String,
    /// Its name.
    pub name: String,
    /// The business that owns it; `None`: that of its numbers.
    pub owner_business_id: Option<String>,
    /// The partner business that serves its owner, if any.
    pub partner_business_id: Option<String>,
    /// The `marketing_messages_onboarding_status`; only ONBOARDED goes by the Marketing Messages route.
    pub onboarding_status: String,
    /// Billing currency, ISO 4217.
    pub currency: String,
    /// Whether the max-price agreement is signed.
    pub max_price_agreement: bool,
    /// Whether `/messages` refuses marketing templates (131063).
    pub disable_marketing_messages_on_cloud_api: bool,
    /// What one delivered marketing message costs, in whole units of `currency` (0.86 rupees, say). Auction
    /// prices of people lie between half and one and a half times this.
    pub price: Decimal,
}

impl Default for Account {
    fn default() -> Self {
        Self {
            waba_id: "102290129340398".into(),
            name: "Simulated account".into(),
            owner_business_id: None,
            partner_business_id: None,
            onboarding_status: "ONBOARDED".into(),
            currency: "INR".into(),
            max_price_agreement: true,
            disable_marketing_messages_on_cloud_api: false,
            price: Decimal::new(86, 2),
        }
    }
}

/// A message template.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// The account it belongs to.
    pub waba_id: String,
    /// Its name.
    pub name: String,
    /// Its language code.
    pub language: String,
    /// Its category.
    #[serde(default)]
    pub category: Category,
    /// Its status.
    #[serde(default)]
    pub status: TemplateStatus,
    /// When it was created; `None`: 90 days before the simulator started.
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    /// When it was last sent.
    #[serde(default)]
    pub last_used: LastUse,
    /// Says outright whether it is idle; `None` works it out from its last use (or, never used, from its
    /// creation). Holds until its next accepted message.
    #[serde(default)]
    pub idle: Option<bool>,
    /// `message_send_ttl_seconds`; `None` is the platform's default of 30 days.
    #[serde(default)]
    pub ttl_seconds: Option<u32>,
    /// Its max price.
    #[serde(default)]
    pub max_price: Option<MaxPrice>,
    /// Whether its parameters have names.
    #[serde(default)]
    pub parameter_format: ParameterFormat,
    /// Its definition, as the platform's template JSON; `None`: parameters are not checked.
    #[serde(default)]
    pub components: Option<Vec<Value>>,
    /// Its quality score.
    #[serde(default)]
    pub quality: Quality,
}

impl Template {
    /// An approved marketing template, created long ago, recently used, with parameters that are not checked.
    pub fn new(waba_id: impl Into<String>, name: impl Into<String>, language: impl Into<String>) -> Self {
        Self {
            waba_id: waba_id.into(),
            name: name.into(),
            language: language.into(),
            category: Category::Marketing,
            status: TemplateStatus::Approved,
            created_at: None,
            last_used: LastUse::Recently,
            idle: None,
            ttl_seconds: None,
            max_price: None,
            parameter_format: ParameterFormat::Positional,
            components: None,
            quality: Quality::Green,
        }
    }

    /// With a definition: an array in the platform's template JSON. Anything but an array is ignored.
    #[must_use]
    pub fn with_components(mut self, components: Value) -> Self {
        if let Value::Array(components) = components {
            self.components = Some(components);
        }
        self
    }

    /// With a max price per 1,000 deliveries, in the currency's smallest unit.
    #[must_use]
    pub fn with_max_price(mut self, bid_amount: i64) -> Self {
        self.max_price = Some(MaxPrice { bid_amount });
        self
    }

    /// With a time to live, in seconds.
    #[must_use]
    pub fn with_ttl_seconds(mut self, seconds: u32) -> Self {
        self.ttl_seconds = Some(seconds);
        self
    }

    /// Created at this time.
    #[must_use]
    pub fn created(mut self, at: DateTime<Utc>) -> Self {
        self.created_at = Some(at);
        self
    }

    /// Last used then.
    #[must_use]
    pub fn used(mut self, last_used: LastUse) -> Self {
        self.last_used = last_used;
        self
    }
}

/// When a template was last sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastUse {
    /// An hour before the simulator started (or before the change that sets it).
    #[default]
    Recently,
    /// Never.
    Never,
    /// At this time.
    At(DateTime<Utc>),
}

/// The most that is paid for 1,000 deliveries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MaxPrice {
    /// In the account currency's smallest unit (87000 is R0.87 a message in INR).
    pub bid_amount: i64,
}

/// A template's category.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Category {
    /// Marketing.
    #[default]
    Marketing,
    /// Utility.
    Utility,
    /// Authentication.
    Authentication,
}

/// A template's status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TemplateStatus {
    /// Can be sent.
    #[default]
    Approved,
    /// In review.
    Pending,
    /// Refused by review.
    Rejected,
    /// Paused for its quality: 132015.
    Paused,
    /// Disabled for good: 132016.
    Disabled,
    /// Archived after a long rest.
    Archived,
    /// Deleted.
    Deleted,
}

/// Whether a template's parameters have names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ParameterFormat {
    /// `{{1}}`, `{{2}}`.
    #[default]
    Positional,
    /// `{{first_name}}`.
    Named,
}

/// The quality of a number or a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Quality {
    /// High.
    #[default]
    Green,
    /// Medium.
    Yellow,
    /// Low.
    Red,
    /// Not rated yet.
    Unknown,
}

/// The name the platform writes for an enum that serialises to a string.
pub(crate) fn wire_name(value: &impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => String::new(),
    }
}
