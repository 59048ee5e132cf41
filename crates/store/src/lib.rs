//! What is known of campaigns and messages.
//!
//! [`Store`] is whole operations, one transaction each; [`model`] are the values they take and return. The
//! database is the truth: queues, permits and processes may be lost at any moment.
//!
//! Every change of a message's or campaign's state goes through `campaign::message::next` and
//! `campaign::lifecycle::next`, or through a bulk statement whose from-states a test compares with them.
//!
//! | module | holds |
//! | --- | --- |
//! | [`model`] | rows, requests and answers |
//! | [`access`] | who may look and change over HTTP, and what people did |
//! | [`doubt`] | what is in doubt, and how doubts were ended |
//! | [`brake`] | what must not be sent for now, and why |
//! | [`follow_up`] | the failed messages that a follow-up is made of |
//! | [`purge`] | what stands for people who were removed |
//! | [`registry`] | the templates that accounts have |
//! | [`series`] | recurring campaigns, and what became of their times |
//! | [`webhooks`] | how many webhooks of each kind came |
//! | [`error`] | what can go wrong |
//! | [`sqlite`] | the embedded store |
//! | [`postgres`] | the store that many machines share |
//! | `moving` | what a transaction does between reading and writing, for every database alike |
//! | `reading` | rows put together as they are shown, for every database alike |
//! | `codec`, `columns`, `by_name` | values as columns, rows read column by column, or by their names |
//! | `migrations` | the steps that bring a database's tables up to date |
//! | `conformance` | the suite that every store passes (dev only: feature `conformance`) |

pub mod access;
pub mod brake;
mod by_name;
mod codec;
mod columns;
#[cfg(feature = "conformance")]
pub mod conformance;
pub mod doubt;
pub mod error;
pub mod follow_up;
mod migrations;
pub mod model;
mod moving;
pub mod postgres;
pub mod purge;
mod reading;
pub mod registry;
pub mod series;
pub mod sqlite;
pub mod webhooks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use campaign::doubt::{Decision, Refusal};
use campaign::gate::{GateRules, GateState};
use campaign::ids::{CampaignId, MessageId, Seq, SliceId};
use campaign::lifecycle;
use campaign::message::State;
use chrono::{DateTime, NaiveDate, Utc};

use access::Access;
use brake::{Brake, BrakeChange, Changed};
use doubt::{DoubtRow, EndedDoubt};
pub use error::{LaunchError, SeriesError, StoreError, TransitionError};
use follow_up::FailedMessage;
use model::{
    Analytics, CampaignRow, Choice, Chunk, Claim, Claimed, DoubtPlace, Excluded, GateEvent, Inference,
    Listing, MessageRow, NewCampaign, NumberName, Outcome, Reached, ReleaseOrder, Released, Sample, SentWith,
    SliceEnd, SliceWork, StatusReport, StatusUpdate, Suppression, SweptDoubts, TemplateKey, Totals, Verdict,
    WorkerId,
};
pub use postgres::PostgresStore;
use purge::PersonPurge;
use registry::{ReadTemplate, RegisteredTemplate, TemplateNews};
use series::{NewSeries, SeriesListing, SeriesNote, SeriesRow};
pub use sqlite::SqliteStore;
use webhooks::{WebhookCount, WebhookDay};

/// A store that many share.
pub type SharedStore = Arc<dyn Store>;

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Everything that is kept. Each operation is one transaction (bulk sweeps: a bounded one each), safe to
/// run from any number of processes at once, and takes `now` from its caller.
///
/// # Repeating
///
/// After an error nothing was changed, except after [`StoreError::Uncertain`]: then it is not known. Either way,
/// these may be repeated as they are: reading, [`record`](Store::record), [`apply_statuses`](Store::apply_statuses)
/// (a repetition reports `unchanged` where the first one had moved something), [`transition`](Store::transition) and
/// [`set_reason`](Store::set_reason), [`finish_slice`](Store::finish_slice), [`prolong`](Store::prolong),
/// [`heartbeat`](Store::heartbeat), [`lead`](Store::lead) and [`resign`](Store::resign), the do-not-send list, [`hear`](Store::hear),
/// [`learn_numbers`](Store::learn_numbers), [`keep_templates`](Store::keep_templates),
/// [`template_news`](Store::template_news), [`see_template`](Store::see_template),
/// [`change_brakes`](Store::change_brakes) (a repetition lifts nothing), [`move_series`](Store::move_series),
/// [`note_series`](Store::note_series) (a repetition answers that it was noted before), and all sweeps.
///
/// These may not, without a look first:
/// - [`begin_launch`](Store::begin_launch) finds its own first try: `KeyTaken` by a campaign that is `loading`,
///   until that counts as dead. [`begin_series`](Store::begin_series) finds its own first try likewise: `KeyRecurs`.
/// - [`add_chunk`](Store::add_chunk) refuses rows that are there, and would count messages of a slice twice:
///   give the launch up and begin again.
/// - [`finish_launch`](Store::finish_launch) and [`set_plan_hash`](Store::set_plan_hash) refuse a campaign that is
///   no longer `loading`: its state says whether it had ended.
/// - [`release`](Store::release) may have released slices that nobody was told of: their lease ends, and they are
///   released again.
/// - [`claim`](Store::claim) may have granted messages that nobody was told of: see [`disown`](Store::disown).
/// - [`gate_event`](Store::gate_event) with `OpenByHand` may open a gate that the platform closed in between.
#[async_trait]
pub trait Store: Access + std::fmt::Debug + Send + Sync + 'static {
    // ---- launching -------------------------------------------------------------------------------

    /// Makes a campaign in state `loading`. A campaign with the same key that is still `loading` and has not
    /// been added to for `abandoned_after` is a launch that died: it is removed and replaced.
    ///
    /// # Errors
    /// [`LaunchError::KeyTaken`] when the key was launched before, [`LaunchError::KeyRecurs`] when a recurring campaign
    /// has it.
    async fn begin_launch(
        &self,
        new: NewCampaign,
        abandoned_after: Duration,
        now: DateTime<Utc>,
    ) -> Result<CampaignId, LaunchError>;

    /// Adds groups, slices, messages and excluded rows. May be called any number of times.
    async fn add_chunk(&self, campaign: CampaignId, chunk: Chunk, now: DateTime<Utc>) -> Result<()>;

    /// Keeps the hash of the plan that is being launched: it is known when the audience has been read.
    async fn set_plan_hash(&self, campaign: CampaignId, hash: &str) -> Result<()>;

    /// Ends the launch: `loading` → `waiting`. Checks that as many rows were stored as `totals` says, and that nobody
    /// was purged from the campaign that this one follows up.
    async fn finish_launch(&self, campaign: CampaignId, totals: Totals, now: DateTime<Utc>) -> Result<()>;

    /// Removes a campaign that is still `loading`.
    async fn abandon_launch(&self, campaign: CampaignId) -> Result<()>;

    /// Removes a campaign that is `loading` and was added nothing for a minute. False, and nothing is changed: somebody is
    /// launching it, or it is launched.
    async fn remove_dead_launch(&self, campaign: CampaignId, now: DateTime<Utc>) -> Result<bool>;

    /// Removes what is left of launches that were given up more than a minute ago by somebody who was killed while removing
    /// them. Returns how many there were.
    async fn remove_left_behind(&self, now: DateTime<Utc>) -> Result<u64>;

    // ---- reading ---------------------------------------------------------------------------------

    /// The campaign with this key, with its counters. A `loading` one is returned too.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when another version wrote it and this one cannot read it.
    async fn campaign(&self, key: &str) -> Result<Option<CampaignRow>>;

    /// The campaign with this number. Errors as [`Store::campaign`].
    async fn campaign_by_id(&self, id: CampaignId) -> Result<Option<CampaignRow>>;

    /// Sees that no campaign that is launched from now on gets this number, or one before it: after a database was put back
    /// to an older state, numbers that were given out since are the platform's to name for weeks. A number that no campaign
    /// can have is passed over.
    async fn skip_campaign_numbers(&self, last: CampaignId) -> Result<()>;

    /// All campaigns, newest first, `loading` ones left out. One that this version cannot read hides no other.
    async fn campaigns(&self) -> Result<Listing>;

    /// Messages of a campaign in the order of `seq`, from after `after`, at most `limit`.
    async fn messages(&self, campaign: CampaignId, after: Option<Seq>, limit: u32)
    -> Result<Vec<MessageRow>>;

    /// Rows that planning refused, in the order of `seq`, from after `after`, at most `limit`.
    async fn excluded(&self, campaign: CampaignId, after: Option<Seq>, limit: u32) -> Result<Vec<Excluded>>;

    /// Notes how far campaigns are that send or were over less than a day ago, where that has changed and the last note is
    /// `every` old. Returns how many.
    async fn note_progress(&self, every: Duration, now: DateTime<Utc>) -> Result<u64>;

    /// How far a campaign was over time, the oldest first: at most `most` notes, at even distances.
    async fn progress(&self, campaign: CampaignId, most: usize) -> Result<Vec<Sample>>;

    /// Recomputes the guarantees from the rows alone and says what does not hold: counters against rows,
    /// conservation, recipients twice, budget sums, impossible states.
    async fn verify(&self, campaign: CampaignId) -> Result<Verdict>;

    /// Keeps what the platform counted itself of a campaign, in place of what was kept before.
    async fn keep_analytics(
        &self,
        campaign: CampaignId,
        analytics: &Analytics,
        now: DateTime<Utc>,
    ) -> Result<()>;

    /// What the platform counted itself of a campaign, and when it was asked; `None` where it never was.
    async fn analytics(&self, campaign: CampaignId) -> Result<Option<(Analytics, DateTime<Utc>)>>;

    /// The name of this database in correlation keys; made at first use, never changes.
    async fn install_id(&self) -> Result<String>;

    // ---- control ---------------------------------------------------------------------------------

    /// Moves a campaign by `campaign::lifecycle::next` and keeps `reason` (shown by `status`); without one, a
    /// campaign that moves loses its old reason, and one that stays where it is keeps it. Cancelling
    /// skips nothing by itself: [`Store::skip_unsent`] does, in batches. Returns the state it is in now.
    ///
    /// # Errors
    /// [`TransitionError::Forbidden`] when the state machine refuses, and for a campaign that is to be finished while
    /// messages of it are queued, retrying or sending; nothing is changed.
    async fn transition(
        &self,
        campaign: CampaignId,
        event: lifecycle::Event,
        reason: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<lifecycle::State, TransitionError>;

    /// Sets only the reason shown for the state in which the campaign was seen (a closed window, a gate, …). Does
    /// nothing when it has left that state: why it did is somebody else's to say.
    async fn set_reason(
        &self,
        campaign: CampaignId,
        state: lifecycle::State,
        reason: Option<&str>,
    ) -> Result<()>;

    // ---- scheduling ------------------------------------------------------------------------------

    /// Campaigns that are waiting, running or settling, or cancelled with unsent messages, with their groups.
    /// One that this version cannot read hides no other.
    async fn active_campaigns(&self) -> Result<Listing>;

    /// Marks up to the ordered number of planned slices as released, until `lease_until`, and returns them.
    /// Does nothing (empty answer) unless the campaign runs.
    async fn release(
        &self,
        campaign: CampaignId,
        orders: &[ReleaseOrder],
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<Released>>;

    /// Prolongs the leases of released slices until `lease_until`; never shortens one, and leaves slices that are
    /// not released (any more) as they are. For a worker that has slices in hand and waits.
    async fn prolong(&self, slices: &[SliceId], lease_until: DateTime<Utc>) -> Result<()>;

    /// Takes the lead in a role when it is free or its holder's lease has ended, and renews it for its holder.
    /// Answers whether the caller leads: until `now + lease`, in its own time. The processes' clocks must agree
    /// better than a lease is long.
    async fn lead(&self, role: &str, holder: &WorkerId, lease: Duration, now: DateTime<Utc>) -> Result<bool>;

    /// Frees a role at once, if `holder` has it.
    async fn resign(&self, role: &str, holder: &WorkerId) -> Result<()>;

    /// Released slices whose lease ended before `now` become planned again. Returns how many. Also plans
    /// slices whose `not_before` has come: [`GroupRow::planned`](model::GroupRow::planned) counts them from
    /// then on, so this is the first step of a scheduler's tick.
    async fn reclaim_slices(&self, now: DateTime<Utc>) -> Result<u64>;

    /// Retrying messages that are due (not of campaigns that are over) get a new planned slice per (campaign, group), at most `slice_size`
    /// messages each, at most `limit` messages in all. Returns how many messages.
    async fn requeue_retries(&self, now: DateTime<Utc>, slice_size: u32, limit: u32) -> Result<u64>;

    // ---- working ---------------------------------------------------------------------------------

    /// What is left to do of a slice; `None` when it is not released (any more).
    async fn slice(&self, slice: SliceId) -> Result<Option<SliceWork>>;

    /// The compare-and-set before sending: makes `claim.worker` the only one to send these attempts.
    ///
    /// In one transaction: the campaign must be running and its end not passed, and neither its template nor the sender
    /// or account braked; the template's gate is asked
    /// (a canary lets one message through and is noted); only messages of the slice that are queued, or
    /// retrying and due, are taken; suppressed recipients, and those who had as many messages as the campaign's
    /// frequency cap allows, become skipped; in a follow-up, so do those whom another run of the campaign has reached or may
    /// have; those who are left alone for a time become retrying, due after it; no more
    /// different people are taken than the portfolio may write to in 24 hours; the worst case of each is reserved
    /// and never passes the budget; the attempt number goes up; the slice's lease is prolonged.
    async fn claim(&self, claim: &Claim, gate: &GateRules, now: DateTime<Utc>) -> Result<Claimed>;

    /// After [`Store::claim`] has answered with an error: gives back what that claim was granted all the same, if
    /// it was (its commit's answer may have been lost). The messages become retrying, due at `now`, with their
    /// reservations released, and no failure is counted; a canary is noted no longer. Returns how many messages
    /// these were.
    ///
    /// `claim` is the claim as it was made and `claimed_at` its `now`. Only messages that this worker claimed at that
    /// very time in that slice are touched, those that have become doubts in the meantime among them. When this
    /// answers, the claim can no longer take hold; until it does, the caller keeps repeating it, and must send
    /// nothing of that claim.
    async fn disown(&self, claim: &Claim, claimed_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64>;

    /// Records outcomes, one statement batch for a bite. An outcome of an attempt that is no longer the
    /// newest, or that the state machine answers with "stay", changes no state (its wamid is still kept); but that an
    /// attempt was taken whose doubt was ended by sending once more stops what has not left yet.
    /// Parked statuses of the recorded wamids are applied in the same transaction. An answer that says that its recipient
    /// wants no more (platform: 131050) is their word from `now`, as one that is [heard](Store::hear).
    async fn record(&self, outcomes: &[Outcome], now: DateTime<Utc>) -> Result<()>;

    /// Ends work on a slice. With unsent messages left in it that are still queued it becomes planned again,
    /// not before `end.not_before`; otherwise it is done.
    async fn finish_slice(&self, slice: SliceId, end: SliceEnd) -> Result<()>;

    /// Says that a worker lives. Claims of workers that are silent for too long become doubts.
    async fn heartbeat(&self, worker: &WorkerId, now: DateTime<Utc>) -> Result<()>;

    // ---- reconciling -----------------------------------------------------------------------------

    /// Applies status webhooks, all in one transaction: matched by our own key (when it is of this install),
    /// else by wamid; what matches nothing yet is parked. Moves messages by `campaign::message::next`,
    /// settles or releases reservations, keeps the first time of each status, the route and the cost. A
    /// failure that may be tried again but says not when is taken for final.
    async fn apply_statuses(&self, updates: &[StatusUpdate], now: DateTime<Utc>) -> Result<StatusReport>;

    /// What a message was sent with: the one of our own key, else the one whose newest attempt has this id there. `None`
    /// for messages that are not known (yet).
    async fn sent_with(&self, wamid: &str, key: Option<(MessageId, u32)>) -> Result<Option<SentWith>>;

    /// Ends doubts by parked statuses that say enough of themselves (see [`StatusUpdate::about`]), by inference: where
    /// exactly one message without an id may be meant, sent from that number to that person shortly before the status's
    /// time, and it has been in doubt for ten seconds and the id parked for thirty, the id is learnt, the message is
    /// marked, and all that is parked of it is applied. Looks at the doubts after that place, at most `limit`.
    async fn infer_statuses(
        &self,
        after: Option<DoubtPlace>,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Inference>;

    /// How many statuses are parked.
    async fn parked_statuses(&self) -> Result<u64>;

    /// Drops statuses parked before `before`, oldest first, at most `limit`: they are of messages that this
    /// database never sent, and are counted as [`webhooks::NEVER_MATCHED`]. Returns how many.
    async fn prune_parked(&self, before: DateTime<Utc>, now: DateTime<Utc>, limit: u32) -> Result<u64>;

    /// Counts webhooks by kind. A repetition counts them again.
    async fn count_webhooks(&self, counts: &[WebhookCount], now: DateTime<Utc>) -> Result<()>;

    /// How many webhooks of each kind came on each day since that one (UTC), in the order of days, kinds and numbers.
    async fn webhook_counts(&self, since: NaiveDate) -> Result<Vec<WebhookDay>>;

    /// Keeps what people say of whether they want to be written to. Of each person the newest word counts, whenever it is
    /// heard: who stops is put on the do-not-send list, who resumes is taken off it, unless an operator put them there.
    /// What is no news changes nothing, also where an operator decided otherwise in between.
    async fn hear(&self, choices: &[Choice]) -> Result<()>;

    /// Adds to the do-not-send list. An address that is already on it stays as it is, but for one that is there by the
    /// person's own word and that an operator adds: no word of theirs takes it off any more. Takes hold at the
    /// next claim. Returns how many were added or became the operator's.
    async fn suppress(&self, entries: &[Suppression], now: DateTime<Utc>) -> Result<u64>;

    /// Takes addresses off the do-not-send list.
    async fn unsuppress(&self, addresses: &[String]) -> Result<u64>;

    /// Which of these addresses are on the do-not-send list.
    async fn suppressed(&self, addresses: &[String]) -> Result<Vec<String>>;

    /// The do-not-send list in the order of its addresses, from after `after`, at most `limit`.
    async fn suppressions(&self, after: Option<&str>, limit: u32) -> Result<Vec<Suppression>>;

    /// Forgets people who need not be left alone any more, at most `limit`. Returns how many.
    async fn prune_cooldowns(&self, now: DateTime<Utc>, limit: u32) -> Result<u64>;

    /// Says which business portfolio each of these senders belongs to, by name: what was launched before follows.
    async fn name_portfolios(&self, portfolios: &BTreeMap<String, String>) -> Result<()>;

    /// The people whom a portfolio with a limit has written to in the last 24 hours (`campaign::pacing::daily_reach`),
    /// those first who count until the earliest time.
    async fn reached(&self, portfolio: &str, now: DateTime<Utc>) -> Result<Vec<Reached>>;

    /// How many messages these people got from a portfolio after `since`, of all campaigns: whatever was claimed then
    /// and was delivered or may still be. Those who got none are left out.
    async fn contacts(
        &self,
        portfolio: &str,
        addresses: &[String],
        since: DateTime<Utc>,
    ) -> Result<BTreeMap<String, u64>>;

    // ---- purging ---------------------------------------------------------------------------------

    /// Makes messages and excluded rows of a campaign that is over nobody's, from seq `from` on and before `to`: the
    /// recipient, what was filled in, the platform's ids, and what was said of failures and doubts go; states, times,
    /// codes, countries and costs stay, and so does every counter. Who was written to today forgets them. Nothing happens to a campaign that is not over, or to a
    /// message that is with a worker or may still be sent. Returns how many messages are nobody's from now on.
    async fn purge_rows(&self, campaign: CampaignId, from: Seq, to: Seq) -> Result<u64>;

    /// Does so with all rows of a person, in all campaigns: what was still to be sent to them is skipped. All else that
    /// names them is removed, but for their entry on the do-not-send list.
    async fn purge_person(&self, address: &str, now: DateTime<Utc>) -> Result<PersonPurge>;

    // ---- sweeps ----------------------------------------------------------------------------------

    /// Claims of workers whose last sign of life (heartbeat or claim) is older than `silent_for` become
    /// `in_doubt`. Returns how many.
    async fn sweep_lost_workers(&self, now: DateTime<Utc>, silent_for: Duration) -> Result<u64>;

    /// Claims that nobody recorded anything of for `overdue` become `in_doubt`, although their workers live: what went
    /// wrong there nobody foresaw, and no message may wait for it for ever. At most `limit` at once; returns how many.
    async fn sweep_overdue_claims(&self, now: DateTime<Utc>, overdue: Duration, limit: u32) -> Result<u64>;

    /// Claims of all workers but `except` become `in_doubt`, and released slices planned, at once: for a
    /// store that one process holds alone, when it starts.
    async fn take_over(&self, except: &WorkerId, now: DateTime<Utc>) -> Result<u64>;

    /// Doubts older than their campaign's `in_doubt_after` are ended by the campaign's policy: `resend`
    /// (once per message; a second doubt is given up) → retrying, due at once, `drop` → failed, `hold` → untouched.
    /// What is given up is accepted where an earlier attempt is known to have been taken, else failed.
    /// Nothing is resent for a campaign that is over. What parked statuses tell of them comes first, at once (see
    /// [`Store::infer_statuses`]). At most `limit`.
    async fn sweep_doubts(&self, now: DateTime<Utc>, limit: u32) -> Result<SweptDoubts>;

    /// Accepted, held and sent messages whose TTL plus `margin` passed become expired; reservations are
    /// released. Returns how many.
    async fn sweep_ttl(&self, now: DateTime<Utc>, margin: Duration, limit: u32) -> Result<u64>;

    /// Unsent messages of the campaign become expired (its `end` passed). At most `limit`; returns how many.
    async fn expire_unsent(&self, campaign: CampaignId, now: DateTime<Utc>, limit: u32) -> Result<u64>;

    /// Unsent messages of the campaign become skipped with the reason. At most `limit`; returns how many.
    async fn skip_unsent(
        &self,
        campaign: CampaignId,
        reason: &str,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64>;

    /// Finishes what is under way and closes the database, leaving its files in order.
    async fn close(&self);

    // ---- doubts ----------------------------------------------------------------------------------

    /// Messages of a campaign that are in doubt, in the order of `seq`, from after `after`, at most `limit`.
    async fn doubts(&self, campaign: CampaignId, after: Option<Seq>, limit: u32) -> Result<Vec<DoubtRow>>;

    /// Ends doubts as an operator named `by` decided, by `campaign::doubt::may`, and keeps the decision with each
    /// message. What is given up is accepted where an earlier attempt is known to have been taken, else failed. Says of
    /// each of these messages where it is now, or why it is untouched. A repetition finds nothing in doubt any more.
    async fn resolve_doubts(
        &self,
        campaign: CampaignId,
        seqs: &[Seq],
        decision: Decision,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Seq, Result<State, Refusal>)>>;

    /// Doubts of a campaign that were ended by the policy or an operator, and what was heard since: in the order of `seq`
    /// and attempt, from after `after`, at most `limit`.
    async fn ended_doubts(
        &self,
        campaign: CampaignId,
        after: Option<(Seq, u32)>,
        limit: u32,
    ) -> Result<Vec<EndedDoubt>>;

    // ---- follow-ups ------------------------------------------------------------------------------

    /// The campaigns that send this one's failed messages again, the oldest first, `loading` ones left out.
    async fn follow_ups(&self, campaign: CampaignId) -> Result<Listing>;

    /// The campaign's messages that are failed, with what became of their recipients in its follow-ups, in the order of
    /// `seq`, from after `after`, at most `limit`.
    async fn failed_messages(
        &self,
        campaign: CampaignId,
        after: Option<Seq>,
        limit: u32,
    ) -> Result<Vec<FailedMessage>>;

    // ---- brakes ----------------------------------------------------------------------------------

    /// Sets and lifts brakes, in this order, in one transaction, as far as the platform has said nothing newer. Returns
    /// what was set and lifted. Takes hold at the next claim.
    async fn change_brakes(&self, changes: &[BrakeChange], now: DateTime<Utc>) -> Result<Changed>;

    /// The brakes that are on at `now`, oldest first.
    async fn brakes(&self, now: DateTime<Utc>) -> Result<Vec<Brake>>;

    // ---- numbers -----------------------------------------------------------------------------------

    /// Keeps which id a number has; the newest word counts.
    async fn learn_numbers(&self, numbers: &[NumberName]) -> Result<()>;

    /// The numbers that were learnt, in the order of their digits.
    async fn numbers(&self) -> Result<Vec<NumberName>>;

    // ---- recurring campaigns ---------------------------------------------------------------------

    /// Launches a recurring campaign, active: its times after `now` are to be run. A campaign with the key whose launch
    /// has died is removed, as by [`Store::begin_launch`].
    ///
    /// # Errors
    /// [`LaunchError::KeyTaken`] or [`LaunchError::KeyRecurs`] when the key was launched before.
    async fn begin_series(
        &self,
        new: NewSeries,
        abandoned_after: Duration,
        now: DateTime<Utc>,
    ) -> Result<(), LaunchError>;

    /// The recurring campaign with this key. Errors as [`Store::campaign`].
    async fn series(&self, key: &str) -> Result<Option<SeriesRow>>;

    /// All recurring campaigns, newest first. One that this version cannot read hides no other.
    async fn all_series(&self) -> Result<SeriesListing>;

    /// Recurring campaigns that are active or paused, oldest first. One that this version cannot read hides no other.
    async fn active_series(&self) -> Result<SeriesListing>;

    /// Moves a recurring campaign by `campaign::series::next`. Returns the state it is in now. Its runs are not touched.
    ///
    /// # Errors
    /// [`SeriesError::Forbidden`] when the state machine refuses; nothing is changed.
    async fn move_series(
        &self,
        key: &str,
        event: campaign::series::Event,
    ) -> Result<campaign::series::State, SeriesError>;

    /// Notes what became of the next times of a recurring campaign, if it still stands at `handled`. False: it does
    /// not, as another has noted something meanwhile; nothing is changed.
    async fn note_series(
        &self,
        key: &str,
        handled: DateTime<Utc>,
        note: &SeriesNote,
        now: DateTime<Utc>,
    ) -> Result<bool>;

    // ---- templates -------------------------------------------------------------------------------

    /// Keeps templates as their account told them at `now`. Those that are kept of the account `all_of` and are not among
    /// them are there no more.
    async fn keep_templates(
        &self,
        read: &[ReadTemplate],
        all_of: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<()>;

    /// Keeps what webhooks tell of templates, in this order; of one thing the newest word counts. The first approval of
    /// a template that nobody had seen is [`GateEvent::Created`] for its gate.
    async fn template_news(&self, news: &[TemplateNews], now: DateTime<Utc>) -> Result<()>;

    /// The templates that are kept of an account, in the order of names and languages.
    async fn registered_templates(&self, waba_id: &str) -> Result<Vec<RegisteredTemplate>>;

    /// Notes that a template was seen at `now`; keeps the first time. One that we saw being created is told
    /// by [`GateEvent::Created`].
    async fn see_template(&self, key: &TemplateKey, now: DateTime<Utc>) -> Result<GateState>;

    /// The gate of a template (all unknown when it was never seen).
    async fn gate(&self, key: &TemplateKey) -> Result<GateState>;

    /// Changes a gate by the functions of `campaign::gate`, and returns it.
    async fn gate_event(
        &self,
        key: &TemplateKey,
        event: GateEvent,
        rules: &GateRules,
        now: DateTime<Utc>,
    ) -> Result<GateState>;
}
