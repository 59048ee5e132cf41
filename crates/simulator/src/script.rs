//! Orders to the simulator while it runs: outcomes that are forced, and changes of the platform's state.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::{Account, Category, LastUse, MaxPrice, Quality, Template, TemplateStatus};
use crate::dialog360::Standing;

/// Forces an outcome on the sends it matches. The first rule that matches a send decides it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// Only sends to this recipient (a leading `+` does not matter).
    #[serde(default)]
    pub recipient: Option<String>,
    /// Only sends with this template.
    #[serde(default)]
    pub template: Option<String>,
    /// Only sends from this number.
    #[serde(default)]
    pub phone_number_id: Option<String>,
    /// For how many sends it holds; `None`: until [`crate::Simulator::clear_script`].
    #[serde(default)]
    pub times: Option<u32>,
    /// What happens to them.
    pub outcome: Outcome,
}

impl Rule {
    /// The next `times` sends, whatever they are.
    pub fn next(times: u32, outcome: Outcome) -> Self {
        Self { recipient: None, template: None, phone_number_id: None, times: Some(times), outcome }
    }

    /// Every send to this recipient.
    pub fn to(recipient: impl Into<String>, outcome: Outcome) -> Self {
        Self { recipient: Some(recipient.into()), times: None, ..Self::next(1, outcome) }
    }

    /// Every send with this template.
    pub fn template(name: impl Into<String>, outcome: Outcome) -> Self {
        Self { template: Some(name.into()), times: None, ..Self::next(1, outcome) }
    }

    /// Only for so many sends.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }
}

/// A forced outcome. Those that accept still go through validation, limits and the template gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// Refused with this code; HTTP status and title from the platform's table unless given.
    Error {
        /// The code.
        code: u32,
        /// Another HTTP status than the table's.
        #[serde(default)]
        http: Option<u16>,
        /// `error_data.details`.
        #[serde(default)]
        details: Option<String>,
        /// Headers to add, for example `Retry-After`.
        #[serde(default)]
        headers: BTreeMap<String, String>,
    },
    /// An error without a platform body (as a gateway makes it; of 360dialog's numbers, as 360dialog does); not
    /// accepted.
    ErrorBefore {
        /// The HTTP status.
        http: u16,
    },
    /// A server error; accepted all the same.
    ErrorAfter {
        /// The HTTP status.
        http: u16,
    },
    /// Accepted, never answered; the connection closes after this long (real time).
    Lost {
        /// Milliseconds.
        hold_ms: u64,
    },
    /// Connection reset; not accepted.
    ResetBefore,
    /// Connection reset; accepted all the same.
    ResetAfter,
    /// Accepted; the answer's body dribbles over this long (real time).
    SlowBody {
        /// Milliseconds.
        over_ms: u64,
    },
    /// Accepted and answered after this long (real time).
    SlowAnswer {
        /// Milliseconds.
        after_ms: u64,
    },
    /// Accepted; its `sent` webhook is delivered before the answer is written.
    Early,
    /// Accepted; then a `failed` webhook with this code.
    FailLater {
        /// The code.
        code: u32,
    },
    /// Accepted as `held_for_quality_assessment`; after this long (platform time) it goes on, or, `dropped`,
    /// fails with 132015.
    Held {
        /// Seconds.
        seconds: u64,
        /// Whether it fails in the end.
        #[serde(default)]
        dropped: bool,
    },
    /// Accepted; the recipient's phone is off for this long (platform time). Longer than the TTL: it expires.
    Offline {
        /// Seconds.
        seconds: u64,
    },
    /// Accepted and delivered without any fault of the profile.
    Deliver,
}

/// A change of the platform's state. Changes that the platform announces send their webhook.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case", deny_unknown_fields)]
pub enum Change {
    /// Creates a template, or replaces the one of the same name and language.
    Template(Template),
    /// Approves, pauses, disables... a template: `message_template_status_update`.
    TemplateStatus {
        /// Its name; all its languages change.
        name: String,
        /// The new status.
        status: TemplateStatus,
        /// The webhook's `reason`.
        #[serde(default)]
        reason: Option<String>,
    },
    /// Recategorises a template: `template_category_update`.
    TemplateCategory {
        /// Its name.
        name: String,
        /// The new category.
        category: Category,
    },
    /// A template's quality: `message_template_quality_update`.
    TemplateQuality {
        /// Its name.
        name: String,
        /// The new score.
        quality: Quality,
    },
    /// When a template was last used; says nothing to anybody.
    TemplateLastUsed {
        /// Its name.
        name: String,
        /// When.
        last_used: LastUse,
    },
    /// A template's TTL and max price as they are now; says nothing to anybody.
    TemplateDelivery {
        /// Its name.
        name: String,
        /// The TTL in seconds; `None` is the platform's default.
        #[serde(default)]
        ttl_seconds: Option<u32>,
        /// The max price; `None` is none.
        #[serde(default)]
        max_price: Option<MaxPrice>,
    },
    /// A number's quality: `phone_number_quality_update`, FLAGGED when it is RED, else UNFLAGGED.
    NumberQuality {
        /// The number.
        phone_number_id: String,
        /// The new rating.
        quality: Quality,
    },
    /// A number's status (CONNECTED, FLAGGED, RESTRICTED, BANNED...).
    NumberStatus {
        /// The number.
        phone_number_id: String,
        /// The new status.
        status: String,
    },
    /// `phone_number_quality_update` with any event (UPGRADE, DOWNGRADE, ...); changes nothing by itself.
    NumberEvent {
        /// The number.
        phone_number_id: String,
        /// The event.
        event: String,
    },
    /// How 360dialog stands to a number of its own; says nothing to anybody.
    NumberStanding {
        /// The number.
        phone_number_id: String,
        /// How.
        standing: Standing,
    },
    /// A number's throughput: `phone_number_quality_update` THROUGHPUT_UPGRADE when it rises.
    NumberThroughput {
        /// The number.
        phone_number_id: String,
        /// Messages a second.
        per_second: u32,
    },
    /// A portfolio's messaging limit: `business_capability_update`.
    DailyLimit {
        /// A number of the portfolio.
        phone_number_id: String,
        /// People in 24 hours; `None` is unlimited.
        limit: Option<u32>,
    },
    /// An account's settings. `MM_LITE_TERMS_SIGNED` is sent when it becomes ONBOARDED.
    Account(Account),
    /// An alert as it is: field `account_alerts` with this value.
    AccountAlert {
        /// The account.
        waba_id: String,
        /// The value.
        value: serde_json::Value,
    },
    /// An account event as it is: field `account_update` with this value.
    AccountEvent {
        /// The account.
        waba_id: String,
        /// The value.
        value: serde_json::Value,
    },
    /// A recipient stops or resumes marketing messages: `user_preferences`.
    Preference {
        /// The number they told.
        phone_number_id: String,
        /// Who.
        recipient: String,
        /// Whether they want them again.
        resume: bool,
    },
    /// A recipient writes (STOP, say): `messages`.
    Inbound {
        /// The number they write to.
        phone_number_id: String,
        /// Who.
        recipient: String,
        /// What.
        text: String,
    },
    /// A recipient taps a quick-reply button of a message: `messages`.
    ButtonTap {
        /// The number they answer.
        phone_number_id: String,
        /// Who.
        recipient: String,
        /// The message with the button.
        wamid: String,
        /// The button's text.
        text: String,
        /// The button's payload.
        payload: String,
    },
    /// Somebody follows a link of a message: `user_actions`, which names no recipient.
    Click {
        /// The number that sent it.
        phone_number_id: String,
    },
}

/// A change names something that is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusedChange(pub String);

impl fmt::Display for RefusedChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for RefusedChange {}
