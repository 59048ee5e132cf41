//! The values that stores take and return.

use std::collections::BTreeMap;
use std::sync::Arc;

use campaign::definition::Definition;
use campaign::gate::GateReason;
use campaign::ids::{CampaignId, MessageId, Seq, SliceId};
use campaign::lifecycle;
use campaign::message::{self, Again, Status};
use campaign::money::{Currency, Micros};
use campaign::params::Content;
use campaign::planning::Progress;
use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{StoreError, purge};

/// The unique name of one start of one worker process.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkerId(pub String);

/// A template of an account: what a sync gate belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TemplateKey {
    /// The WhatsApp Business Account's id.
    pub waba_id: String,
    /// The template's name.
    pub name: String,
    /// Its language code.
    pub language: String,
}

/// A campaign about to be launched.
#[derive(Debug, Clone)]
pub struct NewCampaign {
    /// Its key (a recurring one's run: `key@2026-11-23T10:00`).
    pub key: String,
    /// The file, frozen.
    pub definition: Arc<Definition>,
    /// Where the file was, for messages to people.
    pub file: String,
    /// The hash of the plan it was launched by.
    pub plan_hash: String,
    /// The budget's ceiling.
    pub budget: Option<Micros>,
    /// The currency of all amounts of this campaign.
    pub currency: Currency,
    /// The messages' time to live after acceptance, in seconds.
    pub ttl_s: u32,
    /// The campaign whose failed messages it sends again, under their own seq.
    pub follow_up_of: Option<CampaignId>,
}

/// Rows of a launch, stored together. Groups and slices may be named by later chunks again (slices of the
/// same number add up).
#[derive(Debug, Clone, Default)]
pub struct Chunk {
    /// New groups.
    pub groups: Vec<NewGroup>,
    /// New slices, complete: their messages are in this chunk or an earlier one.
    pub slices: Vec<NewSlice>,
    /// New messages, state `queued`.
    pub messages: Vec<NewMessage>,
    /// Rows that planning refused.
    pub excluded: Vec<Excluded>,
}

/// Messages that go out under the same conditions: one sender, one template, one zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewGroup {
    /// Its number in the campaign, from 0.
    pub number: u32,
    /// The sender's name in the configuration.
    pub sender: String,
    /// Whose messaging limit and frequency caps its messages count towards: the sender's business portfolio.
    pub portfolio: String,
    /// The template.
    pub template: TemplateKey,
    /// The variant's name, where the campaign has variants.
    pub variant: Option<String>,
    /// The recipients' IANA time zone, where the campaign's windows ask for it; else the schedule's.
    pub zone: String,
}

/// A slice of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewSlice {
    /// Its number in the campaign, from 0.
    pub number: u32,
    /// Its group.
    pub group: u32,
    /// How many messages it has.
    pub messages: u32,
}

/// One recipient.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMessage {
    /// Its audience row, from 0.
    pub seq: Seq,
    /// The slice it travels in.
    pub slice: u32,
    /// Its group.
    pub group: u32,
    /// E.164 digits without the plus, or a business-scoped user id (`IN.…`).
    pub recipient: String,
    /// ISO 3166 code of the recipient's country.
    pub country: String,
    /// What is filled into the template, frozen.
    pub content: Content,
    /// The per-message bid multiplier, where the campaign has a max price.
    pub multiplier: Option<Decimal>,
    /// What it costs at the most.
    pub worst_case: Micros,
    /// What it is expected to cost when delivered with no price told: the rate card's figure.
    pub expected_cost: Micros,
}

/// A row that planning refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Excluded {
    /// Its audience row, from 0.
    pub seq: Seq,
    /// Its line in the audience file, from 1.
    pub line: u64,
    /// The address as it stood in the file, cut to 64 characters.
    pub recipient: String,
    /// The kind of reason, a fixed word such as `duplicate`.
    pub reason: String,
    /// The reason as a sentence.
    pub detail: String,
}

/// What a launch stored in all.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    /// Rows of the audience.
    pub planned: u64,
    /// Of these, refused by planning.
    pub excluded: u64,
    /// Of these, messages.
    pub messages: u64,
}

/// Campaigns, as far as this version can read them.
#[derive(Debug, Default)]
pub struct Listing {
    /// Those it can read.
    pub campaigns: Vec<CampaignRow>,
    /// Those it cannot: another version wrote them.
    pub unreadable: Vec<Unreadable>,
}

/// How far a campaign was at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// When.
    pub at: DateTime<Utc>,
    /// Messages that needed no sending any more.
    pub handled: u64,
    /// Delivered, read ones included.
    pub delivered: u64,
    /// Read.
    pub read: u64,
    /// Failed.
    pub failed: u64,
    /// What was spent.
    pub spent: Micros,
}

/// A campaign that this version cannot read.
#[derive(Debug)]
pub struct Unreadable {
    /// Its number.
    pub id: CampaignId,
    /// Its key.
    pub key: String,
    /// What cannot be read, as a sentence that names the campaign.
    pub error: StoreError,
}

/// A campaign as it stands.
#[derive(Debug, Clone)]
pub struct CampaignRow {
    /// Its number.
    pub id: CampaignId,
    /// Its key.
    pub key: String,
    /// Its state.
    pub state: lifecycle::State,
    /// Why it is in that state, or what it waits for.
    pub reason: Option<String>,
    /// The file it came from.
    pub file: String,
    /// Its definition, frozen.
    pub definition: Arc<Definition>,
    /// The hash of its plan.
    pub plan_hash: String,
    /// The currency of its amounts.
    pub currency: Currency,
    /// The budget's ceiling.
    pub budget: Option<Micros>,
    /// Spent so far.
    pub spent: Micros,
    /// The worst case of everything in flight.
    pub reserved: Micros,
    /// When it was launched.
    pub launched_at: DateTime<Utc>,
    /// When its first message was claimed.
    pub started_at: Option<DateTime<Utc>>,
    /// When its last message was claimed.
    pub last_sent_at: Option<DateTime<Utc>>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// What the launch stored.
    pub totals: Totals,
    /// How many messages are in each state; states with none are left out.
    pub counts: BTreeMap<message::State, u64>,
    /// How many requests were sent in all (attempts; what a ramp counts).
    pub attempts: u64,
    /// An operator resumed it after its stop rule had fired: the rule does not stop it again.
    pub stop_waived: bool,
    /// Failed messages by code (`None`: without a code), from a counter.
    pub failures: Vec<FailureCount>,
    /// Its groups.
    pub groups: Vec<GroupRow>,
    /// The campaign whose failed messages it sends again, under their own seq.
    pub follow_up_of: Option<CampaignId>,
}

impl CampaignRow {
    /// How many messages are in a state.
    #[must_use]
    pub fn count(&self, state: message::State) -> u64 {
        self.counts.get(&state).copied().unwrap_or(0)
    }

    /// How far it is, for its pace.
    #[must_use]
    pub fn progress(&self) -> Progress {
        let unsent = self.count(message::State::Queued) + self.count(message::State::Retrying);
        Progress { unsent, attempts: self.attempts, started_at: self.started_at }
    }

    /// Planned = excluded + every state's messages: what guarantee 2 asks for.
    #[must_use]
    pub fn is_conserved(&self) -> bool {
        self.totals.planned == self.totals.excluded + self.counts.values().sum::<u64>()
    }
}

/// How many messages failed with a code.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailureCount {
    /// The platform's code.
    pub code: Option<i64>,
    /// Messages whose present state is `failed` with it.
    pub messages: u64,
}

/// A group as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRow {
    /// Its number.
    pub number: u32,
    /// The sender's name.
    pub sender: String,
    /// Its business portfolio.
    pub portfolio: String,
    /// The template.
    pub template: TemplateKey,
    /// The variant.
    pub variant: Option<String>,
    /// The zone.
    pub zone: String,
    /// Messages that wait in planned slices which may be released (no `not_before`, or one that had passed at
    /// the last `reclaim_slices` or `release`).
    pub planned: u64,
    /// Of these, messages that are tried again: they go first.
    pub retries: u64,
    /// Messages that wait in released slices: not yet claimed, so `attempts + released` is how far the
    /// campaign has been let go.
    pub released: u64,
    /// The earliest `not_before` among planned slices that may not be released yet.
    pub not_before: Option<DateTime<Utc>>,
}

/// How many messages' worth of slices of a group to release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReleaseOrder {
    /// The group.
    pub group: u32,
    /// Slices are released until they hold at least so many messages.
    pub messages: u64,
}

/// A slice that was just released.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Released {
    /// The slice.
    pub slice: SliceId,
    /// Its sender.
    pub sender: String,
    /// How many messages wait in it.
    pub messages: u32,
}

/// What a message is sent with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentWith {
    /// The sender's name.
    pub sender: String,
    /// The template.
    pub template: TemplateKey,
}

/// What is left to do of a slice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SliceWork {
    /// The slice's group, with its counters left at zero.
    pub group: GroupRow,
    /// Its messages that are queued, or retrying and due or not, in the order of `seq`.
    pub pending: Vec<Seq>,
}

/// A request to be the only one to send.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The slice.
    pub slice: SliceId,
    /// Which of its messages.
    pub seqs: Vec<Seq>,
    /// Who claims.
    pub worker: WorkerId,
    /// The slice's lease is prolonged until then.
    pub lease_until: DateTime<Utc>,
    /// How many different people the sender's portfolio may write to in 24 hours; `None`: as many as it likes.
    pub daily_reach: Option<u32>,
}

/// People that a portfolio wrote to, who count until the same time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reached {
    /// How many, at least 1.
    pub people: u64,
    /// They count until then.
    pub until: DateTime<Utc>,
}

/// What was claimed.
#[derive(Debug, Clone, Default)]
pub struct Claimed {
    /// These are the caller's to send, in the order of `seq`.
    pub messages: Vec<ClaimedMessage>,
    /// Why not all were granted, where a rule held some back.
    pub held: Option<Held>,
}

/// A rule that holds a claim back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// The campaign does not run.
    NotRunning(lifecycle::State),
    /// The campaign's end has passed.
    Ended,
    /// The template's gate is closed (or let only the canary through).
    Gate {
        /// Until when.
        until: DateTime<Utc>,
        /// Why.
        why: GateReason,
    },
    /// Its template, sender or account is braked.
    Braked,
    /// The worst case does not fit into what is left of the budget.
    Budget,
    /// The portfolio has written to as many people as it may in 24 hours.
    DailyReach {
        /// When the first of them count no longer.
        until: DateTime<Utc>,
    },
    /// The slice is not released to anyone (any more).
    SliceGone,
}

/// A message that its worker alone may send.
#[derive(Debug, Clone)]
pub struct ClaimedMessage {
    /// Its place in the campaign.
    pub seq: Seq,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How many attempts before counted as failures (for the retry policy).
    pub failures: u32,
    /// Where it goes.
    pub recipient: String,
    /// ISO 3166 code of the recipient's country.
    pub country: String,
    /// What is filled into the template.
    pub content: Content,
    /// The bid multiplier.
    pub multiplier: Option<Decimal>,
    /// Whether it is the one message an idle template gets before its wait.
    pub is_canary: bool,
    /// Whether its template is new or was idle until now: some refusals then mean "not synced yet".
    pub template_unsettled: bool,
    /// When it was claimed: the claim's `now`, by which a canary is known again.
    pub claimed_at: DateTime<Utc>,
}

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The message.
    pub message: MessageId,
    /// The attempt.
    pub attempt: u32,
    /// What happened.
    pub result: OutcomeKind,
}

/// Kinds of outcome.
#[derive(Debug, Clone, PartialEq)]
pub enum OutcomeKind {
    /// The platform took it.
    Accepted {
        /// Its id there.
        wamid: String,
        /// Held for quality assessment.
        held: bool,
    },
    /// The platform refused it, or it provably never left.
    Refused {
        /// Why.
        failure: Failure,
        /// When it may be tried again; `None`: never.
        retry_at: Option<DateTime<Utc>>,
        /// Whether this counts against the campaign's retry attempts.
        counts: bool,
    },
    /// It is not known whether the platform took it.
    Unknown {
        /// What was seen.
        failure: Failure,
    },
}

/// Why a message was not taken, or is not known to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// The platform's code, where it gave one.
    pub code: Option<i64>,
    /// The class, by its name in `campaign::platform_error`.
    pub class: String,
    /// One sentence for the report.
    pub detail: String,
}

/// How work on a slice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SliceEnd {
    /// What is left of it is not released again before then.
    pub not_before: Option<DateTime<Utc>>,
}

/// A status webhook, ready to be applied.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StatusUpdate {
    /// The platform's message id.
    pub wamid: String,
    /// Our own key, where it was echoed: message and attempt. Only of this install.
    pub key: Option<(MessageId, u32)>,
    /// What it says.
    pub status: Status,
    /// When that happened, by the platform's clock.
    pub at: DateTime<Utc>,
    /// Why, of a failure.
    pub failure: Option<Failure>,
    /// When it may be tried again, of a failure whose status says [`Again::Later`].
    pub retry_at: Option<DateTime<Utc>>,
    /// `marketing_lite` (Marketing Messages API) or `marketing` (Cloud API), where priced.
    pub route: Option<String>,
    /// What it cost, where told.
    pub cost: Option<(Decimal, Currency)>,
    /// Whose message it may be, for one that names no message by a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub about: Option<About>,
}

/// Whose message a status may be: all there is to go by where neither a key of ours nor the platform's id leads to one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The senders of the number that it was sent from, by their names in the configuration; at least one.
    pub senders: Vec<String>,
    /// The addresses of whom it was sent to: digits, or a business-scoped user id; at least one.
    pub recipients: Vec<String>,
}

impl StatusUpdate {
    /// Whether it says that the message failed for good.
    #[must_use]
    pub fn is_final_failure(&self) -> bool {
        matches!(self.status, Status::Failed { again: Again::No })
    }
}

/// What became of a batch of status webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StatusReport {
    /// Moved a message.
    pub applied: u64,
    /// True, but nothing new.
    pub unchanged: u64,
    /// Kept until a message with that wamid is recorded.
    pub parked: u64,
}

/// What a look at doubts found among parked statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Inference {
    /// How many messages were matched.
    pub matched: u64,
    /// Behind which one to go on; `None`: these were the last.
    pub next: Option<DoubtPlace>,
}

/// A doubt among all others: they stand by campaign and age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DoubtPlace {
    /// The message.
    pub message: MessageId,
    /// Since when it is in doubt.
    pub since: DateTime<Utc>,
}

/// How many doubts whose time was over ended, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SweptDoubts {
    /// By their campaigns' policy.
    pub by_policy: u64,
    /// By parked statuses that can be of no other message: see [`crate::Store::infer_statuses`]. No policy asks for what
    /// is known.
    pub by_status: u64,
}

/// A do-not-send entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Suppression {
    /// E.164 digits without the plus, or a business-scoped user id.
    pub address: String,
    /// Where it came from: `import`, `stop`, `131050`, …
    pub source: String,
}

/// What a person says of whether they want to be written to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// E.164 digits without the plus, or a business-scoped user id.
    pub address: String,
    /// No more; else they are welcome again.
    pub stops: bool,
    /// When they said it, by the platform's clock; never later than now.
    pub said_at: DateTime<Utc>,
    /// By what it is known, as in [`Suppression::source`]: `user_preferences`, `stop_word`, `131050`.
    pub source: String,
}

impl Choice {
    /// What failed messages tell of their recipients: messages with their recipients, and with when they failed.
    pub(crate) fn refusals(recipients: &[(i64, String)], failed: &[(i64, DateTime<Utc>)]) -> Vec<Self> {
        let recipients: BTreeMap<i64, &String> =
            recipients.iter().map(|(id, address)| (*id, address)).collect();
        let refusal = |(id, said_at): &(i64, DateTime<Utc>)| {
            let address = (*recipients.get(id)?).clone();
            Some(Self { address, stops: true, said_at: *said_at, source: "131050".to_owned() })
        };
        failed.iter().filter_map(refusal).collect()
    }
}

/// A number's digits as people write them, and its id at the platform.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct NumberName {
    /// Only its digits.
    pub display: String,
    /// Its id.
    pub phone_number_id: String,
}

/// What happened to a template's gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GateEvent {
    /// It came into being: we made it, or the platform announced it.
    Created,
    /// The platform accepted a message with it.
    Accepted,
    /// The canary was accepted, or nobody knows.
    CanaryLanded,
    /// The canary that was claimed at this time was refused for a reason of its recipient, or never left.
    CanaryRefused(DateTime<Utc>),
    /// The platform says it is still syncing (134101; 131009 on a fresh or idle template).
    NotSynced,
    /// An operator opens it.
    OpenByHand,
}

/// A message as it stands.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MessageRow {
    /// Its place in the campaign.
    pub seq: Seq,
    /// Where it goes.
    pub recipient: String,
    /// The recipient's country.
    pub country: String,
    /// Its group.
    pub group: u32,
    /// Its state.
    pub state: message::State,
    /// Whether that state was assumed.
    pub assumed: bool,
    /// Attempts so far.
    pub attempt: u32,
    /// The platform's id of the newest attempt; or of the earlier one by which the message is where it is.
    pub wamid: Option<String>,
    /// Why it failed, is retrying, in doubt or skipped; of a delivered one, the failure that a status told of it, too.
    pub failure: Option<Failure>,
    /// When it may be tried again.
    pub retry_at: Option<DateTime<Utc>>,
    /// When the newest attempt was claimed.
    pub claimed_at: Option<DateTime<Utc>>,
    /// When the platform took it.
    pub accepted_at: Option<DateTime<Utc>>,
    /// When it was sent, by the platform's clock.
    pub sent_at: Option<DateTime<Utc>>,
    /// When it was delivered.
    pub delivered_at: Option<DateTime<Utc>>,
    /// When it was read.
    pub read_at: Option<DateTime<Utc>>,
    /// `marketing_lite` or `marketing`.
    pub route: Option<String>,
    /// What it cost.
    pub cost: Option<Micros>,
    /// Whether the platform told the cost (else it is the rate card's).
    pub cost_told: bool,
    /// Whether what is known of it was matched by number, recipient and time alone.
    pub inferred: bool,
}

impl MessageRow {
    /// Whether it is nobody's any more: whom it went to, and with what, was removed.
    #[must_use]
    pub fn is_purged(&self) -> bool {
        purge::is_nobody(&self.recipient)
    }
}

/// What `verify` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Messages by state, counted from the rows.
    pub counts: BTreeMap<message::State, u64>,
    /// Excluded rows, counted.
    pub excluded: u64,
    /// What does not hold, as sentences; empty when all does.
    pub violations: Vec<String>,
}

/// What the platform counted itself of the templates of a campaign on its days, whoever else used them there.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Analytics {
    /// The first day (UTC).
    pub from: NaiveDate,
    /// The last day (UTC), included.
    pub to: NaiveDate,
    /// By template.
    pub templates: Vec<TemplateCount>,
    /// By account, country and category.
    pub charges: Vec<Charge>,
}

/// What the platform counted of one template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateCount {
    /// The template.
    pub template: TemplateKey,
    /// Messages sent.
    pub sent: u64,
    /// Of these, delivered.
    pub delivered: u64,
    /// Of these, read.
    pub read: u64,
    /// Clicks by the button's text.
    pub clicks: BTreeMap<String, u64>,
    /// What was spent, in units of the account's currency, where it was told.
    pub spent: Option<Decimal>,
}

/// What the platform charged for delivered messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// The account.
    pub waba_id: String,
    /// ISO 3166 code, where it was told.
    pub country: Option<String>,
    /// `MARKETING_LITE` (Marketing Messages API), `MARKETING` (Cloud API).
    pub category: String,
    /// Delivered messages.
    pub messages: u64,
    /// What they cost, in units of the account's currency, where it was told.
    pub cost: Option<Decimal>,
}
