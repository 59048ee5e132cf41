//! [`Store`] for SQLite: each operation is a function of its aggregate's module.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use campaign::doubt::{Decision, Refusal};
use campaign::gate::{GateRules, GateState};
use campaign::ids::{CampaignId, MessageId, Seq, SliceId};
use campaign::lifecycle;
use campaign::message::State;
use chrono::{DateTime, NaiveDate, Utc};

use super::connection::SqliteStore;
use super::{
    analytics, brakes, campaigns, choices, claiming, doubts, follow_ups, giving_up, inferring, launching,
    leaders, messages, numbers, people, purging, recording, registry, samples, series, slices, statuses,
    suppression, sweeps, templates, verify, webhooks,
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
impl Store for SqliteStore {
    async fn begin_launch(
        &self,
        new: NewCampaign,
        abandoned_after: Duration,
        now: DateTime<Utc>,
    ) -> Result<CampaignId, LaunchError> {
        launching::begin(self, new, abandoned_after, now).await
    }

    async fn add_chunk(&self, campaign: CampaignId, chunk: Chunk, now: DateTime<Utc>) -> Result<()> {
        launching::add(self, campaign, chunk, now).await
    }

    async fn close(&self) {
        Self::close(self).await;
    }

    async fn set_plan_hash(&self, campaign: CampaignId, hash: &str) -> Result<()> {
        launching::set_plan_hash(self, campaign, hash).await
    }

    async fn finish_launch(&self, campaign: CampaignId, totals: Totals, now: DateTime<Utc>) -> Result<()> {
        launching::finish(self, campaign, totals, now).await
    }

    async fn abandon_launch(&self, campaign: CampaignId) -> Result<()> {
        giving_up::abandon(self, campaign).await
    }

    async fn remove_dead_launch(&self, campaign: CampaignId, now: DateTime<Utc>) -> Result<bool> {
        giving_up::remove_dead(self, campaign, now).await
    }

    async fn remove_left_behind(&self, now: DateTime<Utc>) -> Result<u64> {
        giving_up::remove_left_behind(self, now).await
    }

    async fn campaign(&self, key: &str) -> Result<Option<CampaignRow>> {
        campaigns::by_key(self, key).await
    }

    async fn campaign_by_id(&self, id: CampaignId) -> Result<Option<CampaignRow>> {
        campaigns::by_id(self, id).await
    }

    async fn skip_campaign_numbers(&self, last: CampaignId) -> Result<()> {
        campaigns::skip_numbers(self, last).await
    }

    async fn campaigns(&self) -> Result<Listing> {
        campaigns::all(self).await
    }

    async fn messages(
        &self,
        campaign: CampaignId,
        after: Option<Seq>,
        limit: u32,
    ) -> Result<Vec<MessageRow>> {
        messages::page(self, campaign, after, limit).await
    }

    async fn excluded(&self, campaign: CampaignId, after: Option<Seq>, limit: u32) -> Result<Vec<Excluded>> {
        messages::excluded(self, campaign, after, limit).await
    }

    async fn note_progress(&self, every: Duration, now: DateTime<Utc>) -> Result<u64> {
        samples::note(self, every, now).await
    }

    async fn progress(&self, campaign: CampaignId, most: usize) -> Result<Vec<Sample>> {
        samples::read(self, campaign, most).await
    }

    async fn verify(&self, campaign: CampaignId) -> Result<Verdict> {
        verify::verify(self, campaign).await
    }

    async fn install_id(&self) -> Result<String> {
        campaigns::install_id(self).await
    }

    async fn transition(
        &self,
        campaign: CampaignId,
        event: lifecycle::Event,
        reason: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<lifecycle::State, TransitionError> {
        campaigns::transition(self, campaign, event, reason, now).await
    }

    async fn set_reason(
        &self,
        campaign: CampaignId,
        state: lifecycle::State,
        reason: Option<&str>,
    ) -> Result<()> {
        campaigns::set_reason(self, campaign, state, reason).await
    }

    async fn active_campaigns(&self) -> Result<Listing> {
        campaigns::active(self).await
    }

    async fn release(
        &self,
        campaign: CampaignId,
        orders: &[ReleaseOrder],
        now: DateTime<Utc>,
        lease_until: DateTime<Utc>,
    ) -> Result<Vec<Released>> {
        slices::release(self, campaign, orders, now, lease_until).await
    }

    async fn reclaim_slices(&self, now: DateTime<Utc>) -> Result<u64> {
        slices::reclaim(self, now).await
    }

    async fn requeue_retries(&self, now: DateTime<Utc>, slice_size: u32, limit: u32) -> Result<u64> {
        sweeps::requeue(self, now, slice_size, limit).await
    }

    async fn prolong(&self, slices: &[SliceId], lease_until: DateTime<Utc>) -> Result<()> {
        slices::prolong(self, slices, lease_until).await
    }

    async fn lead(&self, role: &str, holder: &WorkerId, lease: Duration, now: DateTime<Utc>) -> Result<bool> {
        leaders::lead(self, role, holder, lease, now).await
    }

    async fn resign(&self, role: &str, holder: &WorkerId) -> Result<()> {
        leaders::resign(self, role, holder).await
    }

    async fn slice(&self, slice: SliceId) -> Result<Option<SliceWork>> {
        slices::work(self, slice).await
    }

    async fn claim(&self, claim: &Claim, gate: &GateRules, now: DateTime<Utc>) -> Result<Claimed> {
        claiming::claim(self, claim, gate, now).await
    }

    async fn disown(&self, claim: &Claim, claimed_at: DateTime<Utc>, now: DateTime<Utc>) -> Result<u64> {
        claiming::disown(self, claim, claimed_at, now).await
    }

    async fn record(&self, outcomes: &[Outcome], now: DateTime<Utc>) -> Result<()> {
        recording::record(self, outcomes, now).await
    }

    async fn finish_slice(&self, slice: SliceId, end: SliceEnd) -> Result<()> {
        slices::finish(self, slice, end).await
    }

    async fn heartbeat(&self, worker: &WorkerId, now: DateTime<Utc>) -> Result<()> {
        sweeps::heartbeat(self, worker, now).await
    }

    async fn apply_statuses(&self, updates: &[StatusUpdate], now: DateTime<Utc>) -> Result<StatusReport> {
        statuses::apply(self, updates, now).await
    }

    async fn sent_with(&self, wamid: &str, key: Option<(MessageId, u32)>) -> Result<Option<SentWith>> {
        messages::sent_with(self, wamid, key).await
    }

    async fn parked_statuses(&self) -> Result<u64> {
        statuses::parked(self).await
    }

    async fn infer_statuses(
        &self,
        after: Option<DoubtPlace>,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<Inference> {
        inferring::infer(self, after, now, limit).await
    }

    async fn prune_parked(&self, before: DateTime<Utc>, now: DateTime<Utc>, limit: u32) -> Result<u64> {
        statuses::prune(self, before, now, limit).await
    }

    async fn count_webhooks(&self, counts: &[WebhookCount], now: DateTime<Utc>) -> Result<()> {
        if counts.is_empty() {
            return Ok(());
        }
        webhooks::count(self, counts, now).await
    }

    async fn webhook_counts(&self, since: NaiveDate) -> Result<Vec<WebhookDay>> {
        webhooks::since(self, since).await
    }

    async fn hear(&self, choices: &[Choice]) -> Result<()> {
        if choices.is_empty() {
            return Ok(());
        }
        choices::hear(self, choices).await
    }

    async fn suppress(&self, entries: &[Suppression], now: DateTime<Utc>) -> Result<u64> {
        suppression::add(self, entries, now).await
    }

    async fn unsuppress(&self, addresses: &[String]) -> Result<u64> {
        suppression::remove(self, addresses).await
    }

    async fn purge_rows(&self, campaign: CampaignId, from: Seq, to: Seq) -> Result<u64> {
        purging::rows(self, campaign, from, to).await
    }

    async fn purge_person(&self, address: &str, now: DateTime<Utc>) -> Result<PersonPurge> {
        purging::person(self, address, now).await
    }

    async fn suppressed(&self, addresses: &[String]) -> Result<Vec<String>> {
        suppression::find(self, addresses).await
    }

    async fn suppressions(&self, after: Option<&str>, limit: u32) -> Result<Vec<Suppression>> {
        suppression::page(self, after, limit).await
    }

    async fn keep_analytics(
        &self,
        campaign: CampaignId,
        analytics: &Analytics,
        now: DateTime<Utc>,
    ) -> Result<()> {
        analytics::keep(self, campaign, analytics, now).await
    }

    async fn analytics(&self, campaign: CampaignId) -> Result<Option<(Analytics, DateTime<Utc>)>> {
        analytics::read(self, campaign).await
    }

    async fn prune_cooldowns(&self, now: DateTime<Utc>, limit: u32) -> Result<u64> {
        people::prune(self, now, limit).await
    }

    async fn name_portfolios(&self, portfolios: &BTreeMap<String, String>) -> Result<()> {
        people::name_portfolios(self, portfolios).await
    }

    async fn reached(&self, portfolio: &str, now: DateTime<Utc>) -> Result<Vec<Reached>> {
        people::reached(self, portfolio, now).await
    }

    async fn contacts(
        &self,
        portfolio: &str,
        addresses: &[String],
        since: DateTime<Utc>,
    ) -> Result<BTreeMap<String, u64>> {
        people::contacts(self, portfolio, addresses, since).await
    }

    async fn sweep_lost_workers(&self, now: DateTime<Utc>, silent_for: Duration) -> Result<u64> {
        sweeps::lost_workers(self, now, silent_for).await
    }

    async fn sweep_overdue_claims(&self, now: DateTime<Utc>, overdue: Duration, limit: u32) -> Result<u64> {
        sweeps::overdue_claims(self, now, overdue, limit).await
    }

    async fn take_over(&self, except: &WorkerId, now: DateTime<Utc>) -> Result<u64> {
        sweeps::take_over(self, except, now).await
    }

    async fn sweep_doubts(&self, now: DateTime<Utc>, limit: u32) -> Result<SweptDoubts> {
        sweeps::doubts(self, now, limit).await
    }

    async fn sweep_ttl(&self, now: DateTime<Utc>, margin: Duration, limit: u32) -> Result<u64> {
        sweeps::ttl(self, now, margin, limit).await
    }

    async fn expire_unsent(&self, campaign: CampaignId, now: DateTime<Utc>, limit: u32) -> Result<u64> {
        sweeps::end_unsent(self, campaign, Unsent::Expire, now, limit).await
    }

    async fn skip_unsent(
        &self,
        campaign: CampaignId,
        reason: &str,
        now: DateTime<Utc>,
        limit: u32,
    ) -> Result<u64> {
        sweeps::end_unsent(self, campaign, Unsent::Skip(reason), now, limit).await
    }

    async fn change_brakes(&self, changes: &[BrakeChange], now: DateTime<Utc>) -> Result<Changed> {
        brakes::change(self, changes, now).await
    }

    async fn brakes(&self, now: DateTime<Utc>) -> Result<Vec<Brake>> {
        brakes::all(self, now).await
    }

    async fn learn_numbers(&self, numbers: &[NumberName]) -> Result<()> {
        numbers::learn(self, numbers).await
    }

    async fn numbers(&self) -> Result<Vec<NumberName>> {
        numbers::all(self).await
    }

    async fn keep_templates(
        &self,
        read: &[ReadTemplate],
        all_of: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        registry::keep(self, read, all_of, now).await
    }

    async fn template_news(&self, news: &[TemplateNews], now: DateTime<Utc>) -> Result<()> {
        registry::hear(self, news, now).await
    }

    async fn registered_templates(&self, waba_id: &str) -> Result<Vec<RegisteredTemplate>> {
        registry::all(self, waba_id).await
    }

    async fn see_template(&self, key: &TemplateKey, now: DateTime<Utc>) -> Result<GateState> {
        templates::see(self, key, now).await
    }

    async fn gate(&self, key: &TemplateKey) -> Result<GateState> {
        templates::gate(self, key).await
    }

    async fn gate_event(
        &self,
        key: &TemplateKey,
        event: GateEvent,
        rules: &GateRules,
        now: DateTime<Utc>,
    ) -> Result<GateState> {
        templates::happen(self, key, event, rules, now).await
    }

    async fn begin_series(
        &self,
        new: NewSeries,
        abandoned_after: Duration,
        now: DateTime<Utc>,
    ) -> Result<(), LaunchError> {
        series::begin(self, &new, abandoned_after, now).await
    }

    async fn series(&self, key: &str) -> Result<Option<SeriesRow>> {
        series::by_key(self, key).await
    }

    async fn all_series(&self) -> Result<SeriesListing> {
        series::all(self).await
    }

    async fn active_series(&self) -> Result<SeriesListing> {
        series::active(self).await
    }

    async fn move_series(
        &self,
        key: &str,
        event: campaign::series::Event,
    ) -> Result<campaign::series::State, SeriesError> {
        series::transition(self, key, event).await
    }

    async fn note_series(
        &self,
        key: &str,
        handled: DateTime<Utc>,
        note: &SeriesNote,
        now: DateTime<Utc>,
    ) -> Result<bool> {
        series::note(self, key, handled, note, now).await
    }

    async fn doubts(&self, campaign: CampaignId, after: Option<Seq>, limit: u32) -> Result<Vec<DoubtRow>> {
        doubts::page(self, campaign, after, limit).await
    }

    async fn resolve_doubts(
        &self,
        campaign: CampaignId,
        seqs: &[Seq],
        decision: Decision,
        by: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<(Seq, Result<State, Refusal>)>> {
        doubts::resolve(self, campaign, seqs, decision, by, now).await
    }

    async fn ended_doubts(
        &self,
        campaign: CampaignId,
        after: Option<(Seq, u32)>,
        limit: u32,
    ) -> Result<Vec<EndedDoubt>> {
        doubts::ended(self, campaign, after, limit).await
    }

    async fn follow_ups(&self, campaign: CampaignId) -> Result<Listing> {
        follow_ups::all(self, campaign).await
    }

    async fn failed_messages(
        &self,
        campaign: CampaignId,
        after: Option<Seq>,
        limit: u32,
    ) -> Result<Vec<FailedMessage>> {
        follow_ups::failed_messages(self, campaign, after, limit).await
    }
}
