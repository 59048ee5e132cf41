//! [`Store`] for PostgreSQL: each operation is a function of its aggregate's module, run again where it changed
//! nothing for a reason that passes.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use campaign::doubt::{Decision, Refusal};
use campaign::gate::{GateRules, GateState};
use campaign::ids::{CampaignId, MessageId, Seq, SliceId};
use campaign::lifecycle;
use campaign::message::State;
use chrono::{DateTime, NaiveDate, Utc};

use super::connection::PostgresStore;
use super::repeating::{Patience, repeat};
use super::{
    analytics, brakes, campaigns, choices, claiming, doubts, follow_ups, giving_up, inferring, launching,
    leaders, messages, numbers, people, purging, recording, registry, retries, samples, series, slices,
    statuses, suppression, sweeps, templates, verify, webhooks,
};
use crate::brake::{Brake, BrakeChange, Changed};
use crate::doubt::{DoubtRow, EndedDoubt};
use crate::follow_up::FailedMessage;
use crate::model::{
    Analytics, CampaignRow, Choice, Chunk, Claim, Claimed, DoubtPlace, Excluded, GateEvent, Inference,
    Listing, MessageRow, NewCampaign, NumberName, Outcome, Reached, ReleaseOrder, Released, Sample, SentWith,
    SliceEnd, SliceWork, StatusReport, StatusUpdate, Suppression, SweptDoubts, TemplateKey, Totals, Verdict,
    WorkerId,
};
use crate::moving::sweeping::Unsent;
use crate::purge::PersonPurge;
use crate::registry::{ReadTemplate, RegisteredTemplate, TemplateNews};
use crate::series::{NewSeries, SeriesListing, SeriesNote, SeriesRow};
use crate::webhooks::{WebhookCount, WebhookDay};
use crate::{LaunchError, SeriesError, Store, StoreError, TransitionError};

type Result<T, E = StoreError> = std::result::Result<T, E>;

#[async_trait]
impl Store for PostgresStore {
    async fn begin_launch(
        &self,
        new: NewCampaign,
        abandoned_after: Duration,
        now: DateTime<Utc>,
    ) -> Result<CampaignId, LaunchError> {
        let beginning = || launching::begin(self, &new, abandoned_after, now);
        let (campaign, dead) = repeat(Patience::Short, "begin a launch", beginning).await?;
        if let Some(dead) = dead {
            giving_up::remove(self, dead).await?;
        }
        Ok(campaign)
    }

    async fn add_chunk(&self, campaign: CampaignId, chunk: Chunk, now: DateTime<Utc>) -> Result<()> {
        repeat(Patience::Long, "add rows of a launch", || launching::add(self, campaign, &chunk, now)).await
    }

    async fn close(&self) {
        Self::close(self).await;
    }

    async fn set_plan_hash(&self, campaign: CampaignId, hash: &str) -> Result<()> {
        repeat(Patience::Short, "keep a plan's hash", || launching::set_plan_hash(self, campaign, hash)).await
    }

    async fn finish_launch(&self, campaign: CampaignId, totals: Totals, now: DateTime<Utc>) -> Result<()> {
        let finishing = || launching::finish(self, campaign, totals, now);
        repeat(Patience::Long, "end a launch", finishing).await?;
        launching::analyze(self).await;
        Ok(())
    }

    async fn abandon_launch(&self, campaign: CampaignId) -> Result<()> {
        repeat(Patience::Short, "give a launch up", || giving_up::abandon(self, campaign)).await?;
        giving_up::remove(self, campaign).await
    }

    async fn remove_dead_launch(&self, campaign: CampaignId, now: DateTime<Utc>) -> Result<bool> {
        giving_up::remove_dead(self, campaign, now).await
    }

    async fn remove_left_behind(&self, now: DateTime<Utc>) -> Result<u64> {
        giving_up::remove_left_behind(self, now).await
    }

    async fn campaign(&self, key: &str) -> Result<Option<CampaignRow>> {
        repeat(Patience::Short, "read a campaign", || campaigns::by_key(self, key)).await
    }

    async fn campaign_by_id(&self, id: CampaignId) -> Result<Option<CampaignRow>> {
        repeat(Patience::Short, "read a campaign", || campaigns::by_id(self, id)).await
    }

    async fn skip_campaign_numbers(&self, last: CampaignId) -> Result<()> {
        repeat(Patience::Short, "skip numbers of campaigns", || campaigns::skip_numbers(self, last)).await
    }

    async fn campaigns(&self) -> Result<Listing> {
        repeat(Patience::Short, "read campaigns", || campaigns::all(self)).await
    }

    async fn messages(
        &self,
        campaign: CampaignId,
        after: Option<Seq>,
        limit: u32,
    ) -> Result<Vec<MessageRow>> {
        repeat(Patience::Short, "read messages", || messages::page(self, campaign, after, limit)).await
    }

    async fn excluded(&self, campaign: CampaignId, after: Option<Seq>, limit: u32) -> Result<Vec<Excluded>> {
        repeat(Patience::Short, "read excluded rows", || messages::excluded(self, campaign, after, limit))
            .await
    }

    async fn note_progress(&self, every: Duration, now: DateTime<Utc>) -> Result<u64> {
        repeat(Patience::Short, "note how far campaigns are", || samples::note(self, every, now)).await
    }

    async fn progress(&self, campaign: CampaignId, most: usize) -> Result<Vec<Sample>> {
        repeat(Patience::Short, "read how far a campaign was", || samples::read(self, campaign, most)).await
    }

    async fn verify(&self, campaign: CampaignId) -> Result<Verdict> {
        repeat(Patience::Long, "verify a campaign", || verify::verify(self, campaign)).await
    }

    async fn install_id(&self) -> Result<String> {
        repeat(Patience::Short, "read its own name", || campaigns::install_id(self)).await
    }

    async fn transition(
        &self,
        campaign: CampaignId,
        event: lifecycle::Event,
        reason: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<lifecycle::State, TransitionError> {
        repeat(Patience::Short, "move a campaign", || {
            campaigns::transition(self, campaign, event, reason, now)
        })
        .await
    }

    async fn set_reason(
        &self,
        campaign: CampaignId,
        state: lifecycle::State,
        reason: Option<&str>,
    ) -> Result<()> {
        repeat(Patience::Short, "write a campaign's reason", || {
            campaigns::set_reason(self, campaign, state, reason)
        })
        .await
    }

    async fn active_campaigns(&self) -> Result<Listing> {
        repeat(Patience::Short, "read campaigns", || campaigns::active(self)).await
    }

    async fn release(
        &self,
        campaign: CampaignId,
        orders: &[ReleaseOrder],
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<Released>> {
        repeat(Patience::Short, "release slices", || {
            slices::release(self, campaign, orders, now, lease_until)
        })
        .await
    }

    async fn reclaim_slices(&self, now: DateTime<Utc>) -> Result<u64> {
        repeat(Patience::Short, "take slices back", || slices::reclaim(self, now)).await
    }

    async fn requeue_retries(&self, now: DateTime<Utc>, slice_size: u32, limit: u32) -> Result<u64> {
        repeat(Patience::Short, "place retries", || retries::requeue(self, now, slice_size, limit)).await
    }

    async fn prolong(&self, slices: &[SliceId], lease_until: DateTime<Utc>) -> Result<()> {
        repeat(Patience::Short, "prolong slices' leases", || slices::prolong(self, slices, lease_until)).await
    }

    async fn lead(&self, role: &str, holder: &WorkerId, lease: Duration, now: DateTime<Utc>) -> Result<bool> {
        repeat(Patience::Short, "take the lead", || leaders::lead(self, role, holder, lease, now)).await
    }

    async fn resign(&self, role: &str, holder: &WorkerId) -> Result<()> {
        repeat(Patience::Short, "give up the lead", || leaders::resign(self, role, holder)).await
    }

    async fn slice(&self, slice: SliceId) -> Result<Option<SliceWork>> {
        repeat(Patience::Short, "read a slice", || slices::work(self, slice)).await
    }

    async fn claim(&self, claim: &Claim, gate: &GateRules, now: DateTime<Utc>) -> Result<Claimed> {
        repeat(Patience::Short, "claim messages", || claiming::claim(self, claim, gate, now)).await
    }

    async fn disown(&self, claim: &Claim, claimed_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64> {
        repeat(Patience::Short, "give a claim back", || claiming::disown(self, claim, claimed_at, now)).await
    }

    async fn record(&self, outcomes: &[Outcome], now: DateTime<Utc>) -> Result<()> {
        repeat(Patience::Short, "record outcomes", || recording::record(self, outcomes, now)).await
    }

    async fn finish_slice(&self, slice: SliceId, end: SliceEnd) -> Result<()> {
        repeat(Patience::Short, "end work on a slice", || slices::finish(self, slice, end)).await
    }

    async fn heartbeat(&self, worker: &WorkerId, now: DateTime<Utc>) -> Result<()> {
        repeat(Patience::Short, "note a worker's heartbeat", || sweeps::heartbeat(self, worker, now)).await
    }

    async fn apply_statuses(&self, updates: &[StatusUpdate], now: DateTime<Utc>) -> Result<StatusReport> {
        repeat(Patience::Short, "apply statuses", || statuses::apply(self, updates, now)).await
    }

    async fn sent_with(&self, wamid: &str, key: Option<(MessageId, u32)>) -> Result<Option<SentWith>> {
        repeat(Patience::Short, "read what a message was sent with", || messages::sent_with(self, wamid, key))
            .await
    }

    async fn parked_statuses(&self) -> Result<u64> {
        repeat(Patience::Short, "count parked statuses", || statuses::parked(self)).await
    }

    async fn infer_statuses(
        &self,
        after: Option<DoubtPlace>,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Inference> {
        repeat(Patience::Short, "infer statuses", || inferring::infer(self, after, now, limit)).await
    }

    async fn prune_parked(&self, before: DateTime<Utc>, now: DateTime<Utc>, limit: u32) -> Result<u64> {
        repeat(Patience::Short, "drop old parked statuses", || statuses::prune(self, before, now, limit))
            .await
    }

    async fn count_webhooks(&self, counts: &[WebhookCount], now: DateTime<Utc>) -> Result<()> {
        if counts.is_empty() {
            return Ok(());
        }
        repeat(Patience::Short, "count webhooks", || webhooks::count(self, counts, now)).await
    }

    async fn webhook_counts(&self, since: NaiveDate) -> Result<Vec<WebhookDay>> {
        repeat(Patience::Short, "read counts of webhooks", || webhooks::since(self, since)).await
    }

    async fn hear(&self, choices: &[Choice]) -> Result<()> {
        if choices.is_empty() {
            return Ok(());
        }
        repeat(Patience::Short, "hear people's choices", || choices::hear(self, choices)).await
    }

    async fn suppress(&self, entries: &[Suppression], now: DateTime<Utc>) -> Result<u64> {
        repeat(Patience::Short, "add to the do-not-send list", || suppression::add(self, entries, now)).await
    }

    async fn unsuppress(&self, addresses: &[String]) -> Result<u64> {
        repeat(Patience::Short, "take addresses off the do-not-send list", || {
            suppression::remove(self, addresses)
        })
        .await
    }

    async fn purge_rows(&self, campaign: CampaignId, from: Seq, to: Seq) -> Result<u64> {
        repeat(Patience::Short, "purge messages", || purging::rows(self, campaign, from, to)).await
    }

    async fn purge_person(&self, address: &str, now: DateTime<Utc>) -> Result<PersonPurge> {
        repeat(Patience::Short, "purge a person", || purging::person(self, address, now)).await
    }

    async fn suppressed(&self, addresses: &[String]) -> Result<Vec<String>> {
        repeat(Patience::Short, "read the do-not-send list", || suppression::find(self, addresses)).await
    }

    async fn suppressions(&self, after: Option<&str>, limit: u32) -> Result<Vec<Suppression>> {
        repeat(Patience::Short, "read the do-not-send list", || suppression::page(self, after, limit)).await
    }

    async fn keep_analytics(
        &self,
        campaign: CampaignId,
        analytics: &Analytics,
        now: DateTime<Utc>,
    ) -> Result<()> {
        repeat(Patience::Short, "keep what the platform counted", || {
            analytics::keep(self, campaign, analytics, now)
        })
        .await
    }

    async fn analytics(&self, campaign: CampaignId) -> Result<Option<(Analytics, DateTime<Utc>)>> {
        repeat(Patience::Short, "read what the platform counted", || analytics::read(self, campaign)).await
    }

    async fn prune_cooldowns(&self, now: DateTime<Utc>, limit: u32) -> Result<u64> {
        repeat(Patience::Short, "forget whom to leave alone", || people::prune(self, now, limit)).await
    }

    async fn name_portfolios(&self, portfolios: &BTreeMap<String, String>) -> Result<()> {
        repeat(Patience::Short, "name the senders' portfolios", || people::name_portfolios(self, portfolios))
            .await
    }

    async fn reached(&self, portfolio: &str, now: DateTime<Utc>) -> Result<Vec<Reached>> {
        repeat(Patience::Short, "count the people of a portfolio", || people::reached(self, portfolio, now))
            .await
    }

    async fn contacts(
        &self,
        portfolio: &str,
        addresses: &[String],
        since: DateTime<Utc>,
    ) -> Result<BTreeMap<String, u64>> {
        repeat(Patience::Short, "count the messages that people had", || {
            people::contacts(self, portfolio, addresses, since)
        })
        .await
    }

    async fn sweep_lost_workers(&self, now: DateTime<Utc>, silent_for: Duration) -> Result<u64> {
        sweeps::lost_workers(self, now, silent_for).await
    }

    async fn sweep_overdue_claims(&self, now: DateTime<Utc>, overdue: Duration, limit: u32) -> Result<u64> {
        repeat(Patience::Short, "turn overdue claims into doubts", || {
            sweeps::overdue_claims(self, now, overdue, limit)
        })
        .await
    }

    async fn take_over(&self, except: &WorkerId, now: DateTime<Utc>) -> Result<u64> {
        sweeps::take_over(self, except, now).await
    }

    async fn sweep_doubts(&self, now: DateTime<Utc>, limit: u32) -> Result<SweptDoubts> {
        repeat(Patience::Short, "end old doubts", || sweeps::doubts(self, now, limit)).await
    }

    async fn sweep_ttl(&self, now: DateTime<Utc>, margin: Duration, limit: u32) -> Result<u64> {
        repeat(Patience::Short, "expire messages", || sweeps::ttl(self, now, margin, limit)).await
    }

    async fn expire_unsent(&self, campaign: CampaignId, now: DateTime<Utc>, limit: u32) -> Result<u64> {
        repeat(Patience::Short, "end unsent messages", || {
            sweeps::end_unsent(self, campaign, Unsent::Expire, now, limit)
        })
        .await
    }

    async fn skip_unsent(
        &self,
        campaign: CampaignId,
        reason: &str,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64> {
        repeat(Patience::Short, "end unsent messages", || {
            sweeps::end_unsent(self, campaign, Unsent::Skip(reason), now, limit)
        })
        .await
    }

    async fn change_brakes(&self, changes: &[BrakeChange], now: DateTime<Utc>) -> Result<Changed> {
        repeat(Patience::Short, "change what is braked", || brakes::change(self, changes, now)).await
    }

    async fn brakes(&self, now: DateTime<Utc>) -> Result<Vec<Brake>> {
        repeat(Patience::Short, "read what is braked", || brakes::all(self, now)).await
    }

    async fn learn_numbers(&self, numbers: &[NumberName]) -> Result<()> {
        repeat(Patience::Short, "learn numbers", || numbers::learn(self, numbers)).await
    }

    async fn numbers(&self) -> Result<Vec<NumberName>> {
        repeat(Patience::Short, "read numbers", || numbers::all(self)).await
    }

    async fn keep_templates(
        &self,
        read: &[ReadTemplate],
        all_of: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        repeat(Patience::Short, "keep the templates of an account", || {
            registry::keep(self, read, all_of, now)
        })
        .await
    }

    async fn template_news(&self, news: &[TemplateNews], now: DateTime<Utc>) -> Result<()> {
        repeat(Patience::Short, "keep news of templates", || registry::hear(self, news, now)).await
    }

    async fn registered_templates(&self, waba_id: &str) -> Result<Vec<RegisteredTemplate>> {
        repeat(Patience::Short, "read the templates of an account", || registry::all(self, waba_id)).await
    }

    async fn see_template(&self, key: &TemplateKey, now: DateTime<Utc>) -> Result<GateState> {
        repeat(Patience::Short, "note that a template was seen", || templates::see(self, key, now)).await
    }

    async fn gate(&self, key: &TemplateKey) -> Result<GateState> {
        repeat(Patience::Short, "read a template's gate", || templates::gate(self, key)).await
    }

    async fn gate_event(
        &self,
        key: &TemplateKey,
        event: GateEvent,
        rules: &GateRules,
        now: DateTime<Utc>,
    ) -> Result<GateState> {
        repeat(Patience::Short, "change a template's gate", || {
            templates::happen(self, key, event, rules, now)
        })
        .await
    }

    async fn begin_series(
        &self,
        new: NewSeries,
        abandoned_after: Duration,
        now: DateTime<Utc>,
    ) -> Result<(), LaunchError> {
        let beginning = || series::begin(self, &new, abandoned_after, now);
        if let Some(dead) = repeat(Patience::Short, "begin a recurring campaign", beginning).await? {
            giving_up::remove(self, dead).await?;
        }
        Ok(())
    }

    async fn series(&self, key: &str) -> Result<Option<SeriesRow>> {
        repeat(Patience::Short, "read a recurring campaign", || series::by_key(self, key)).await
    }

    async fn all_series(&self) -> Result<SeriesListing> {
        repeat(Patience::Short, "read recurring campaigns", || series::all(self)).await
    }

    async fn active_series(&self) -> Result<SeriesListing> {
        repeat(Patience::Short, "read recurring campaigns", || series::active(self)).await
    }

    async fn move_series(
        &self,
        key: &str,
        event: campaign::series::Event,
    ) -> Result<campaign::series::State, SeriesError> {
        repeat(Patience::Short, "move a recurring campaign", || series::transition(self, key, event)).await
    }

    async fn note_series(
        &self,
        key: &str,
        handled: DateTime<Utc>,
        note: &SeriesNote,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        repeat(Patience::Short, "note a time of a recurring campaign", || {
            series::note(self, key, handled, note, now)
        })
        .await
    }

    async fn doubts(&self, campaign: CampaignId, after: Option<Seq>, limit: u32) -> Result<Vec<DoubtRow>> {
        repeat(Patience::Short, "read doubts", || doubts::page(self, campaign, after, limit)).await
    }

    async fn resolve_doubts(
        &self,
        campaign: CampaignId,
        seqs: &[Seq],
        decision: Decision,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Seq, Result<State, Refusal>)>> {
        let resolving = || doubts::resolve(self, campaign, seqs, decision, by, now);
        repeat(Patience::Short, "end doubts", resolving).await
    }

    async fn ended_doubts(
        &self,
        campaign: CampaignId,
        after: Option<(Seq, u32)>,
        limit: u32,
    ) -> Result<Vec<EndedDoubt>> {
        let reading = || doubts::ended(self, campaign, after, limit);
        repeat(Patience::Short, "read how doubts were ended", reading).await
    }

    async fn follow_ups(&self, campaign: CampaignId) -> Result<Listing> {
        repeat(Patience::Short, "read follow-ups", || follow_ups::all(self, campaign)).await
    }

    async fn failed_messages(
        &self,
        campaign: CampaignId,
        after: Option<Seq>,
        limit: u32,
    ) -> Result<Vec<FailedMessage>> {
        let reading = || follow_ups::failed_messages(self, campaign, after, limit);
        repeat(Patience::Short, "read failed messages", reading).await
    }
}
