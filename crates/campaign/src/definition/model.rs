//! The campaign definition: what a campaign file means, with every default filled in.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};
use chrono_tz::Tz;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::expression::Expression;
use super::params::Params;
use super::percent::Percent;
use super::places::Places;
use crate::audience::Country;
use crate::money::Money;
use crate::pacing::duration::text as duration_text;
use crate::pacing::{RampStep, Rate, Repeat, Window, format_duration};

/// A campaign, as its file defines it. Frozen as JSON when the campaign is launched.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// `campaign`: the unique key, `[a-z0-9-]{1,64}`.
    pub campaign: String,
    /// `sender`: names from workers.toml, at least one; several share the load.
    pub senders: Vec<String>,
    /// `template`: which template is sent where a variant does not say otherwise.
    pub template: TemplateName,
    /// `audience`: who gets it.
    pub audience: Audience,
    /// `params`: what fills the template where a variant does not say otherwise. Default: nothing.
    pub params: Params,
    /// `schedule`: when. Default: from the launch on, at any hour, once.
    pub schedule: Schedule,
    /// `pace`: how fast. Default: as fast as the senders may, with weight 1.
    pub pace: Pace,
    /// `delivery`: how the platform delivers.
    pub delivery: Delivery,
    /// `budget`: what may be spent at most. Default: no ceiling.
    pub budget: Option<Money>,
    /// `limits`: how often a person may be written to. Default: no limit of ours.
    pub limits: Limits,
    /// `variants`: what is tested against each other. Default: none, everybody gets the same.
    pub variants: Vec<Variant>,
    /// `holdout`: the share of recipients that gets nothing, to compare with. Default: 0 %.
    pub holdout: Percent,
    /// `stop_when`: the failure rate at which the campaign stops itself. Default: never.
    pub stop_when: Option<StopWhen>,
    /// `in_doubt`: what to do with a message whose fate stays unknown. Default: hold.
    pub in_doubt: InDoubt,
    /// `in_doubt_after`: how long a message in doubt waits for a status first. Default: 1 h; 1 s to 30 d.
    #[serde(with = "duration_text")]
    pub in_doubt_after: Duration,
    /// `retry`: how often and when a refused message is tried again.
    pub retry: RetryLimits,
    /// Where the values stand in the file. Not kept when the definition is frozen.
    #[serde(skip)]
    pub places: Places,
}

/// A template by name and language.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct TemplateName {
    /// `name`: platform: 1 to 512 of `[a-z0-9_]`.
    pub name: String,
    /// `language`: a code such as `en` or `pt_BR`.
    pub language: String,
}

/// Who gets the campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audience {
    /// `file`: CSV with a header, or NDJSON, also as .gz or .zst; relative to the campaign file.
    pub file: String,
    /// `max_invalid`: more bad rows than this refuse the launch. Default: 5 %.
    pub max_invalid: Percent,
    /// `phone` or `user_id`: which column says who the recipient is.
    pub recipient: RecipientColumn,
    /// `timezone.column`: the column with the recipient's zone. Default: none, the country decides.
    pub timezone_column: Option<String>,
    /// `delimiter`: what separates the columns of a CSV. Default: found from the header.
    pub delimiter: Option<char>,
}

/// Which column says who the recipient is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecipientColumn {
    /// `phone`: a phone number.
    Phone {
        /// The column.
        column: String,
        /// The country (ISO 3166, two letters) of numbers without a country code. Default: none, such
        /// numbers are invalid.
        region: Option<Country>,
    },
    /// `user_id`: a business-scoped user id (`US.1349…`). No delivery optimisation and no max price.
    UserId {
        /// The column.
        column: String,
    },
}

impl RecipientColumn {
    /// The column.
    pub fn column(&self) -> &str {
        match self {
            Self::Phone { column, .. } | Self::UserId { column } => column,
        }
    }
}

/// When messages go out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Schedule {
    /// `start`: nothing is sent before. Default: the launch.
    pub start: Option<DateTime<FixedOffset>>,
    /// `end`: nothing is sent from then on; what is left expires. Default: none.
    pub end: Option<DateTime<FixedOffset>>,
    /// `zone`: of times without an offset, of `repeat`, and of windows with `in: zone`. Default: UTC.
    pub zone: Tz,
    /// `windows`: the hours in which messages may go out. Default: none, any hour.
    pub windows: Vec<Window>,
    /// `repeat`: a cron expression in `zone` at which a new run starts, a campaign of its own: see [`crate::series`].
    /// Default: none, one run.
    pub repeat: Option<String>,
}

impl Schedule {
    /// When sending may begin, of a launch at `now`.
    #[must_use]
    pub fn begins(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.start.map_or(now, |start| start.to_utc().max(now))
    }
}

impl Schedule {
    /// `repeat`, read; `None` where the campaign runs once.
    pub fn recurrence(&self) -> Option<Repeat> {
        // The text was checked when the file was parsed.
        Repeat::parse(self.repeat.as_deref()?, self.zone).ok()
    }
}

impl Default for Schedule {
    fn default() -> Self {
        Self { start: None, end: None, zone: Tz::UTC, windows: Vec::new(), repeat: None }
    }
}

/// How fast messages go out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// `rate` or `over`. Default: as fast as the senders may.
    pub speed: Option<Speed>,
    /// `weight`: the share of the sender among running campaigns, 1 to 1,000. Default: 1.
    pub weight: u32,
    /// `ramp`: slower steps at the beginning. Default: none.
    pub ramp: Vec<RampStep>,
}

impl Default for Pace {
    fn default() -> Self {
        Self { speed: None, weight: 1, ramp: Vec::new() }
    }
}

/// A pace that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speed {
    /// `rate`: at most this many messages per unit of time.
    Rate(Rate),
    /// `over`: spread evenly over this time.
    Over(#[serde(with = "duration_text")] Duration),
}

/// How the platform delivers the messages.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Delivery {
    /// `ttl`: the time to live that the template must have; 12 h to 30 d. Default: whatever it has.
    #[serde(with = "optional_duration")]
    pub ttl: Option<Duration>,
    /// `product_policy`: whether the platform may fall back to the Cloud API. Default: as Meta, it may.
    pub product_policy: ProductPolicy,
    /// `activity_sharing`: whether user activity is shared with Meta. Default: as the account says.
    pub activity_sharing: Option<bool>,
    /// `max_price`: what one delivery may cost at most. Default: none, the rate card's price.
    pub max_price: Option<MaxPrice>,
}

/// Which product may deliver a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductPolicy {
    /// `cloud_api_fallback`: the Cloud API where Marketing Messages onboarding is not complete.
    #[default]
    CloudApiFallback,
    /// `strict`: the Marketing Messages API or not at all.
    Strict,
}

/// What one delivery may cost at most.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MaxPrice {
    /// `amount` and `currency`, for one message.
    pub price: Money,
    /// `multiplier`: scales the amount for each row; above 0. Default: 1.
    pub multiplier: Expression,
}

/// How often a person may be written to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// `per_recipient`: across all campaigns of the same business.
    pub per_recipient: Option<FrequencyCap>,
}

/// At most `max` messages `per` time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrequencyCap {
    /// How many messages, 1 to 1,000.
    pub max: u32,
    /// In what time, 1 min to 365 d.
    #[serde(with = "duration_text")]
    pub per: Duration,
}

impl FrequencyCap {
    /// Why nothing more is sent to someone who had so many messages in that time; `None`: there is room for another.
    #[must_use]
    pub fn refusal(self, had: u64) -> Option<String> {
        (had >= u64::from(self.max))
            .then(|| format!("the recipient had {self}, as many as limits.per_recipient allows"))
    }
}

impl fmt::Display for FrequencyCap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { max, per } = self;
        write!(f, "{max} message{} in {}", if *max == 1 { "" } else { "s" }, format_duration(*per))
    }
}

/// One of several forms of the campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Variant {
    /// `name`: `[a-z0-9_-]{1,32}`, unique.
    pub name: String,
    /// `weight`: its share among the variants' weights, 1 to 1,000,000. Default: 1.
    pub weight: u32,
    /// `template`: in place of the campaign's.
    pub template: Option<TemplateName>,
    /// `params`: in place of the campaign's, all of them.
    pub params: Option<Params>,
}

/// When a campaign stops itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopWhen {
    /// `failure_rate`: the share of failed messages at which it stops; above 0 %.
    pub failure_rate: Percent,
    /// `after`: not before this many messages have an outcome. Default: 500.
    pub after: u32,
}

/// What to do with a message whose fate is unknown and for which no status came in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InDoubt {
    /// `hold`: leave it to an operator.
    #[default]
    Hold,
    /// `resend`: send it once more. The recipient may get it twice.
    Resend,
    /// `drop`: take it as failed.
    Drop,
}

/// How often and when a refused message is tried again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetryLimits {
    /// `attempts`: the most attempts, the first included; 1 to 20. Default: 4.
    pub attempts: u32,
    /// `base`: the wait before the second attempt, which then grows; 100 ms to 24 h. Default: 2 s.
    #[serde(with = "duration_text")]
    pub base: Duration,
    /// `max`: the longest wait; `base` to 24 h. Default: 10 min.
    #[serde(with = "duration_text")]
    pub max: Duration,
}

impl Default for RetryLimits {
    fn default() -> Self {
        Self { attempts: 4, base: Duration::from_secs(2), max: Duration::from_secs(600) }
    }
}

/// The default of `audience.max_invalid`: 5 %.
pub const DEFAULT_MAX_INVALID: Percent = Percent::whole(5);
/// The default of `in_doubt_after`: an hour.
pub const DEFAULT_IN_DOUBT_AFTER: Duration = Duration::from_secs(3_600);
/// The default of `stop_when.after`: 500 messages.
pub const DEFAULT_STOP_AFTER: u32 = 500;

/// A use of a column somewhere in the definition.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ColumnUse {
    /// The column's name.
    pub column: String,
    /// The key that uses it, such as `params.body[0]`: see [`Places::get`].
    pub path: String,
}

impl Definition {
    /// The template that a variant sends; `None` is the campaign without variants.
    pub fn template_of(&self, variant: Option<usize>) -> &TemplateName {
        variant.and_then(|i| self.variants.get(i)).and_then(|v| v.template.as_ref()).unwrap_or(&self.template)
    }

    /// The parameters that fill a variant's template; `None` is the campaign without variants.
    pub fn params_of(&self, variant: Option<usize>) -> &Params {
        variant.and_then(|i| self.variants.get(i)).and_then(|v| v.params.as_ref()).unwrap_or(&self.params)
    }

    /// Every template that this campaign sends, each once.
    pub fn templates(&self) -> Vec<&TemplateName> {
        let mut templates = Vec::new();
        let variants = (0..self.variants.len()).map(Some);
        let all = if self.variants.is_empty() { vec![None] } else { variants.collect() };
        for variant in all {
            let template = self.template_of(variant);
            if !templates.contains(&template) {
                templates.push(template);
            }
        }
        templates
    }

    /// Every use of a column, in the order of the definition: recipient, zone, parameters, multiplier.
    pub fn columns_used(&self) -> Vec<ColumnUse> {
        let mut uses = Vec::new();
        let recipient = match &self.audience.recipient {
            RecipientColumn::Phone { .. } => "audience.phone.column",
            RecipientColumn::UserId { .. } => "audience.user_id.column",
        };
        let mut plain = |column: &str, path: &str| {
            uses.push(ColumnUse { column: column.to_owned(), path: path.to_owned() });
        };
        plain(self.audience.recipient.column(), recipient);
        if let Some(column) = &self.audience.timezone_column {
            plain(column, "audience.timezone.column");
        }
        let mut expression = |path: String, expression: &Expression| {
            uses.extend(
                expression.columns().into_iter().map(|column| ColumnUse { column, path: path.clone() }),
            );
        };
        self.params.for_each(&mut |path, e| expression(format!("params.{path}"), e));
        for (i, variant) in self.variants.iter().enumerate() {
            if let Some(params) = &variant.params {
                params.for_each(&mut |path, e| expression(format!("variants[{i}].params.{path}"), e));
            }
        }
        if let Some(max_price) = &self.delivery.max_price {
            expression("delivery.max_price.multiplier".to_owned(), &max_price.multiplier);
        }
        uses
    }
}

impl MaxPrice {
    /// The multiplier that is the same for every row, if it is one: Meta advises to change the template's
    /// amount instead.
    pub fn constant_multiplier(&self) -> Option<Decimal> {
        if !self.multiplier.is_constant() {
            return None;
        }
        super::renderer::constant(&self.multiplier).and_then(|text| Decimal::from_str_exact(&text).ok())
    }
}

/// An optional [`Duration`] as text.
mod optional_duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    use crate::pacing::{format_duration, parse_duration_or_zero};

    #[expect(clippy::ref_option, reason = "serde's `with` passes the field by reference")]
    pub(super) fn serialize<S: Serializer>(duration: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
        duration.map(format_duration).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<Duration>, D::Error> {
        let text = Option::<String>::deserialize(from)?;
        text.map(|text| parse_duration_or_zero(&text).map_err(D::Error::custom)).transpose()
    }
}
