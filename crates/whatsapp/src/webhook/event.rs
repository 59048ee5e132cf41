//! [`Event`] and what each kind of it carries.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::health::{MessagingLimit, Quality};

/// An event and when the platform says that it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Posted {
    /// What happened.
    pub event: Event,
    /// `entry.time`: the same however often the webhook is repeated; `None` where it is left out.
    pub at: Option<DateTime<Utc>>,
}

/// One thing that a webhook reports. A post may carry many.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// What became of a message of ours.
    Status(StatusEvent),
    /// A person stopped or resumed marketing messages.
    Preference(Preference),
    /// A message from a person.
    Inbound(Inbound),
    /// A template was approved, paused, disabled, ...
    TemplateStatus(TemplateStatus),
    /// A template's quality rating changed.
    TemplateQuality(TemplateQuality),
    /// A template's category changes or has changed.
    TemplateCategory(TemplateCategory),
    /// The business account was onboarded, restricted, disabled, ...
    AccountUpdate(AccountUpdate),
    /// A number's quality, limit or throughput changed.
    PhoneQuality(PhoneQuality),
    /// What the business may do changed.
    Capability(Capability),
    /// Something that Meta wants the business to know (`account_alerts`).
    Alert(AccountAlert),
    /// A click or a page view, of nobody in particular.
    UserAction(UserAction),
    /// The platform reports an error that belongs to no message.
    AppError(AppError),
    /// A field or kind that this program does not use. Count it; there is nothing to do.
    Other {
        /// Which, for example `account_review_update` or `messages.statuses.warning`; at most 80 characters.
        field: String,
    },
    /// A part that should have been readable and is not. Count it and keep the raw post for a person.
    Unreadable {
        /// Where and why, as a sentence fragment.
        why: String,
    },
    /// Further parts of the post like [`Event::Unreadable`] and [`Event::Other`], too many to be told one by one.
    Further {
        /// How many that should have been readable and are not.
        unreadable: u64,
        /// How many that this program does not use.
        other: u64,
    },
}

/// What became of a message of ours. Statuses come in any order and more than once.
#[derive(Debug, Clone, PartialEq)]
pub struct StatusEvent {
    /// The message's id at the platform: the only key to match by.
    pub wamid: String,
    /// What became of it.
    pub status: Status,
    /// When; `None` where the platform's value cannot be read (then the time of arrival is the best there is).
    pub timestamp: Option<DateTime<Utc>>,
    /// Who it was for; may be missing and must not be trusted as a key.
    pub recipient_id: Option<String>,
    /// The recipient's business-scoped user id.
    pub recipient_user_id: Option<String>,
    /// What we sent along as `biz_opaque_callback_data`.
    pub callback_data: Option<String>,
    /// Why it failed; only with [`Status::Failed`].
    pub errors: Vec<StatusError>,
    /// What it is billed as; only on `sent` and on one of `delivered` and `read`.
    pub pricing: Option<Pricing>,
    /// The sender's number id.
    pub phone_number_id: Option<String>,
    /// The sender's number as people write it, which webhooks about numbers name it by.
    pub display_phone_number: Option<String>,
}

/// Kinds of status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Left the platform.
    Sent,
    /// Is on the recipient's device.
    Delivered,
    /// Was read; implies delivered, which may then never be reported.
    Read,
    /// A voice message was played; implies read.
    Played,
    /// Will not be delivered.
    Failed,
}

/// Why a message failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusError {
    /// The platform's error code; `None` where it has none that can be read.
    pub code: Option<i64>,
    /// What the platform calls it.
    pub title: String,
    /// What the platform says about it.
    pub details: Option<String>,
}

/// What a message is billed as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pricing {
    /// `marketing_lite` for the Marketing Messages API, `marketing` for the Cloud API, ...
    pub category: Option<String>,
    /// `regular`, `free_customer_service`, `free_entry_point`, ...
    pub pricing_type: Option<String>,
    /// Whether it costs anything; being removed by the platform.
    pub billable: Option<bool>,
    /// What it cost, as an estimate (the invoice is the truth); only with a max price, on `delivered` or `read`.
    pub cost: Option<Cost>,
}

/// An amount of money in the currency's base unit (dollars, not cents).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cost {
    /// Exactly as the platform wrote it; never negative.
    pub amount: Decimal,
    /// ISO 4217 code, in upper case.
    pub currency: String,
}

/// A person stopped or resumed marketing messages from this business (field `user_preferences`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preference {
    /// The person's WhatsApp id. At least one of the two ids is there.
    pub wa_id: Option<String>,
    /// The person's business-scoped user id.
    pub user_id: Option<String>,
    /// What they chose.
    pub choice: Choice,
    /// When.
    pub timestamp: Option<DateTime<Utc>>,
    /// The number whose messages it was.
    pub phone_number_id: Option<String>,
}

/// What a person chose about marketing messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Choice {
    /// No more of them.
    Stop,
    /// They are welcome again.
    Resume,
}

/// A message from a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbound {
    /// The message's id.
    pub id: Option<String>,
    /// The person's WhatsApp id.
    pub from: Option<String>,
    /// The person's business-scoped user id.
    pub from_user_id: Option<String>,
    /// The message of ours that it answers: our wamid.
    pub context_id: Option<String>,
    /// When.
    pub timestamp: Option<DateTime<Utc>>,
    /// The number it came to.
    pub phone_number_id: Option<String>,
    /// What it says.
    pub kind: InboundKind,
}

/// What an inbound message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboundKind {
    /// Typed text.
    Text {
        /// The text.
        body: String,
    },
    /// A tap on a quick reply button of a template.
    Button {
        /// The button's label.
        text: String,
        /// The payload that was sent with it.
        payload: String,
    },
    /// A choice in an interactive message.
    Interactive {
        /// `button_reply`, `list_reply`, `nfm_reply`.
        kind: String,
        /// The choice's id (for a flow its JSON answer).
        id: String,
        /// Its label.
        title: String,
    },
    /// Anything else: `image`, `reaction`, `unsupported`, ...
    Other {
        /// Its `type`.
        kind: String,
    },
}

/// Which template an event is about.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TemplateRef {
    /// The template's id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its language.
    pub language: Option<String>,
    /// The business account it belongs to.
    pub waba_id: Option<String>,
}

/// A template's status changed (field `message_template_status_update`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateStatus {
    /// Which template.
    pub template: TemplateRef,
    /// What happened to it.
    pub event: TemplateEvent,
    /// Why (`reason`, or the text of `rejection_info`); the platform's `NONE` is left out.
    pub reason: Option<String>,
    /// `FIRST_PAUSE`, `SECOND_PAUSE`, `RATE_LIMITING_PAUSE`, `UNPAUSE`, `DISABLED`.
    pub title: Option<String>,
    /// The platform's explanation of the title.
    pub description: Option<String>,
    /// Its category, where given.
    pub category: Option<String>,
}

/// What happened to a template.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum TemplateEvent {
    /// May be sent.
    Approved,
    /// Put away after a year without use.
    Archived,
    /// Brought back.
    Unarchived,
    /// Gone.
    Deleted,
    /// Switched off for good, for its quality.
    Disabled,
    /// Will be disabled unless its quality rises.
    Flagged,
    /// Its rejection is being looked at again.
    InAppeal,
    /// Too many templates.
    LimitExceeded,
    /// May not be edited.
    Locked,
    /// May not be sent for now.
    Paused,
    /// In review.
    Pending,
    /// May be sent again.
    Reinstated,
    /// Is being deleted.
    PendingDeletion,
    /// Did not pass the review.
    Rejected,
    /// A kind this program does not know.
    Other(String),
}

/// A template's quality changed (field `message_template_quality_update`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateQuality {
    /// Which template.
    pub template: TemplateRef,
    /// Its rating before.
    pub previous: Quality,
    /// Its rating from now on.
    pub new: Quality,
}

/// A template's category changes (field `template_category_update`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TemplateCategory {
    /// It will change, about 24 hours from now.
    Impending {
        /// Which template.
        template: TemplateRef,
        /// What it still is (which the platform calls `new_category`).
        current: String,
        /// What it will be.
        correct: String,
        /// When.
        at: Option<DateTime<Utc>>,
    },
    /// It has changed.
    Completed {
        /// Which template.
        template: TemplateRef,
        /// What it was.
        previous: Option<String>,
        /// What it is now.
        new: String,
    },
}

/// Something happened to the business account (field `account_update`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountUpdate {
    /// The account: `waba_info.waba_id`, else the entry's id (which for partners may be the partner's
    /// business).
    pub waba_id: Option<String>,
    /// The business that owns the account.
    pub owner_business_id: Option<String>,
    /// What happened.
    pub event: AccountEvent,
}

/// What happened to a business account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountEvent {
    /// `MM_LITE_TERMS_SIGNED`: the Marketing Messages API may be used.
    TermsSigned,
    /// `AD_ACCOUNT_LINKED`: the same, from before.
    AdAccountLinked,
    /// `ACCOUNT_DELETED`.
    Deleted,
    /// `ACCOUNT_VIOLATION`.
    Violation {
        /// The policy that was violated.
        violation_type: Option<String>,
    },
    /// `ACCOUNT_RESTRICTION`.
    Restriction {
        /// What may not be done, and until when.
        restrictions: Vec<Restriction>,
    },
    /// `DISABLED_UPDATE`.
    Disabled {
        /// `DISABLE`, `REINSTATE`, `SCHEDULE_FOR_DISABLE`.
        state: Option<String>,
        /// When, as the platform writes it.
        date: Option<String>,
    },
    /// Anything else, by its name.
    Other(String),
}

impl AccountEvent {
    /// Names of events that nothing here depends on.
    const FURTHER: [&'static str; 11] = [
        "ACCOUNT_OFFBOARDED",
        "ACCOUNT_RECONNECTED",
        "AUTH_INTL_PRICE_ELIGIBILITY_UPDATE",
        "BUSINESS_PRIMARY_LOCATION_COUNTRY_UPDATE",
        "PARTNER_ADDED",
        "PARTNER_APP_INSTALLED",
        "PARTNER_APP_UNINSTALLED",
        "PARTNER_CLIENT_CERTIFICATION_STATUS_UPDATE",
        "PARTNER_REMOVED",
        "VERIFIED_ACCOUNT",
        "VOLUME_BASED_PRICING_TIER_UPDATE",
    ];

    /// The platform's name of the event; none for one that its documentation does not have.
    #[must_use]
    pub fn known_name(&self) -> Option<&'static str> {
        Some(match self {
            Self::TermsSigned => "MM_LITE_TERMS_SIGNED",
            Self::AdAccountLinked => "AD_ACCOUNT_LINKED",
            Self::Deleted => "ACCOUNT_DELETED",
            Self::Violation { .. } => "ACCOUNT_VIOLATION",
            Self::Restriction { .. } => "ACCOUNT_RESTRICTION",
            Self::Disabled { .. } => "DISABLED_UPDATE",
            Self::Other(name) => {
                return Self::FURTHER.into_iter().find(|known| known.eq_ignore_ascii_case(name));
            }
        })
    }
}

/// Something an account may not do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restriction {
    /// For example `RESTRICTED_BIZ_INITIATED_MESSAGING`.
    pub kind: String,
    /// Until when; `None` for good.
    pub until: Option<DateTime<Utc>>,
}

/// A number's quality, limit or throughput changed (field `phone_number_quality_update`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneQuality {
    /// The number as people write it.
    pub display_phone_number: Option<String>,
    /// The business account it belongs to.
    pub waba_id: Option<String>,
    /// What happened.
    pub event: NumberEvent,
    /// The messaging limit from now on, where given.
    pub limit: Option<MessagingLimit>,
}

/// What happened to a number.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum NumberEvent {
    /// It was registered.
    Onboarding,
    /// It may send 1,000 messages per second from now on.
    ThroughputUpgrade,
    /// Its limit rose.
    Upgrade,
    /// Its limit fell.
    Downgrade,
    /// Its quality is low.
    Flagged,
    /// Its quality is good again.
    Unflagged,
    /// A kind this program does not know.
    Other(String),
}

/// Something that Meta wants the business to know; none of the known kinds stops anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountAlert {
    /// Of what it speaks: `BUSINESS`, `WABA` or `PHONE_NUMBER`.
    pub entity: Option<String>,
    /// Its id.
    pub entity_id: Option<String>,
    /// `CRITICAL`, `WARNING` or `INFORMATIONAL`.
    pub severity: Option<String>,
    /// The platform's word, such as `OBA_APPROVED`.
    pub kind: Option<String>,
    /// What it says.
    pub description: Option<String>,
}

/// What the business may do changed (field `business_capability_update`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capability {
    /// The account the platform names; the limit is the whole portfolio's.
    pub waba_id: Option<String>,
    /// How many unique users may be written to in 24 hours.
    pub limit: Option<MessagingLimit>,
    /// How many numbers an account may have.
    pub max_phone_numbers: Option<u64>,
}

/// A click or a page view. Platform: it carries no recipient and no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserAction {
    /// `marketing_messages_link_click`, `landing_page_view`.
    pub action: String,
    /// When.
    pub timestamp: Option<DateTime<Utc>>,
    /// The platform's token of the link.
    pub tracking_token: Option<String>,
    /// The `fbclid` of the click.
    pub click_id: Option<String>,
    /// The product of a catalogue.
    pub product_id: Option<String>,
    /// Where it was clicked, in upper case: `CTA`, `BODY`.
    pub component: Option<String>,
    /// The sender's number id.
    pub phone_number_id: Option<String>,
}

/// An error that belongs to no message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppError {
    /// What is wrong.
    pub error: StatusError,
    /// The number it is about.
    pub phone_number_id: Option<String>,
}
