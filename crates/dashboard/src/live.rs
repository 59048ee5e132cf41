//! What is true now of all campaigns, read at most once a second for all who look: pages and streams, however many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use campaign::gate::{GateRules, GateState};
use campaign::ids::CampaignId;
use chrono::{DateTime, TimeDelta, Utc};
use desk::facts::{Facts, Gates};
use desk::pace::PaceMeter;
use store::model::{CampaignRow, Sample, TemplateKey};
use store::{Store, StoreError};

/// How old what is shown may be.
pub(crate) const BEAT: Duration = Duration::from_secs(1);

/// How old what is shown of campaigns that are over may be: late statuses still change them.
const OVER: TimeDelta = TimeDelta::seconds(30);

/// How old what is shown of a campaign's past may be.
const PAST: TimeDelta = TimeDelta::seconds(5);

/// The past of campaigns is kept so long after somebody looked at it.
const KEPT: TimeDelta = TimeDelta::minutes(1);

/// A line of a chart has at most so many points.
const POINTS: usize = 200;

/// What is true of all campaigns.
#[derive(Debug)]
pub(crate) struct Seen {
    /// When it was read.
    pub(crate) at: DateTime<Utc>,
    /// The newest first.
    pub(crate) campaigns: Vec<Facts>,
    /// Their numbers, in the same order.
    numbers: Vec<CampaignId>,
    /// What this version cannot read, as sentences.
    pub(crate) unreadable: Vec<String>,
}

impl Seen {
    /// The campaign with this key, and its number.
    pub(crate) fn campaign(&self, key: &str) -> Option<(CampaignId, &Facts)> {
        let numbered = self.numbers.iter().copied().zip(&self.campaigns);
        numbered.into_iter().find(|(_, facts)| facts.campaign == key)
    }
}

/// Reads for all.
#[derive(Debug)]
pub(crate) struct Live {
    rules: GateRules,
    latest: std::sync::Mutex<Option<Arc<Seen>>>,
    /// How often something was changed by somebody here.
    changes: AtomicU64,
    /// Whoever reads has it, and the others wait for what it reads.
    reader: tokio::sync::Mutex<Reader>,
    /// Of campaigns that are looked at: when it was read, and how far they were over time.
    past: tokio::sync::Mutex<BTreeMap<CampaignId, (DateTime<Utc>, Past)>>,
}

/// How far a campaign was over time.
pub(crate) type Past = Arc<Vec<Sample>>;

#[derive(Debug, Default)]
struct Reader {
    meter: PaceMeter,
    all: Vec<CampaignRow>,
    unreadable: Vec<String>,
    active: BTreeSet<CampaignId>,
    read_at: Option<DateTime<Utc>>,
    /// Of which everything was read.
    changes: u64,
}

impl Live {
    pub(crate) fn new(rules: GateRules) -> Self {
        Self {
            rules,
            latest: std::sync::Mutex::default(),
            changes: AtomicU64::default(),
            reader: tokio::sync::Mutex::default(),
            past: tokio::sync::Mutex::default(),
        }
    }

    /// What is true now, at most a second old.
    pub(crate) async fn look(&self, store: &dyn Store, now: DateTime<Utc>) -> Result<Arc<Seen>, StoreError> {
        if let Some(seen) = self.fresh(now) {
            return Ok(seen);
        }
        let mut reader = self.reader.lock().await;
        // Whoever had it before may have read what is asked for.
        if let Some(seen) = self.fresh(now) {
            return Ok(seen);
        }
        let changes = self.changes.load(Ordering::SeqCst);
        if reader.changes != changes {
            reader.read_at = None;
        }
        let seen = Arc::new(reader.read(store, self.rules, now).await?);
        reader.changes = changes;
        let mut latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner);
        // What was changed meanwhile may not be in it.
        if self.changes.load(Ordering::SeqCst) == changes {
            *latest = Some(seen.clone());
        }
        Ok(seen)
    }

    /// How far a campaign was over time, at most some seconds old.
    pub(crate) async fn past(
        &self,
        store: &dyn Store,
        campaign: CampaignId,
        now: DateTime<Utc>,
    ) -> Result<Past, StoreError> {
        let mut past = self.past.lock().await;
        if let Some((at, samples)) = past.get(&campaign)
            && (now - *at).abs() < PAST
        {
            return Ok(samples.clone());
        }
        past.retain(|_, (at, _)| (now - *at).abs() < KEPT);
        let samples: Past = Arc::new(store.progress(campaign, POINTS).await?);
        past.insert(campaign, (now, samples.clone()));
        Ok(samples)
    }

    /// Forgets what was read: something was changed just now.
    pub(crate) fn forget(&self) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    fn fresh(&self, now: DateTime<Utc>) -> Option<Arc<Seen>> {
        let latest = self.latest.lock().unwrap_or_else(PoisonError::into_inner).clone()?;
        let age = (now - latest.at).abs().to_std().unwrap_or(BEAT);
        (age < BEAT).then_some(latest)
    }
}

impl Reader {
    async fn read(
        &mut self,
        store: &dyn Store,
        rules: GateRules,
        now: DateTime<Utc>,
    ) -> Result<Seen, StoreError> {
        let active = store.active_campaigns().await?.campaigns;
        let numbers: BTreeSet<CampaignId> = active.iter().map(|row| row.id).collect();
        // One that was launched or has ended is in one list, and no more in the other.
        if numbers != self.active || self.read_at.is_none_or(|at| (now - at).abs() >= OVER) {
            let listing = store.campaigns().await?;
            self.all = listing.campaigns;
            self.unreadable = listing.unreadable.iter().map(|one| one.error.to_string()).collect();
            (self.active, self.read_at) = (numbers, Some(now));
        } else {
            let mut newer: BTreeMap<CampaignId, CampaignRow> =
                active.into_iter().map(|row| (row.id, row)).collect();
            // Those that are held are not active, and change all the same: few.
            let held = |row: &&CampaignRow| !row.state.is_over() && !newer.contains_key(&row.id);
            let held: Vec<CampaignId> = self.all.iter().filter(held).map(|row| row.id).collect();
            for id in held {
                newer.extend(store.campaign_by_id(id).await?.map(|row| (id, row)));
            }
            for row in &mut self.all {
                if let Some(newer) = newer.remove(&row.id) {
                    *row = newer;
                }
            }
        }
        self.meter.note(&self.all, now);
        let gates = Gates { states: gates(store, &self.all).await?, rules };
        let facts = |row: &CampaignRow| Facts::of(row, &gates, self.meter.rate(row.id), now);
        Ok(Seen {
            at: now,
            campaigns: self.all.iter().map(facts).collect(),
            numbers: self.all.iter().map(|row| row.id).collect(),
            unreadable: self.unreadable.clone(),
        })
    }
}

/// What is known of the templates of campaigns that are not over.
async fn gates(
    store: &dyn Store,
    rows: &[CampaignRow],
) -> Result<BTreeMap<TemplateKey, GateState>, StoreError> {
    let mut states = BTreeMap::new();
    for group in rows.iter().filter(|row| !row.state.is_over()).flat_map(|row| &row.groups) {
        if !states.contains_key(&group.template) {
            states.insert(group.template.clone(), store.gate(&group.template).await?);
        }
    }
    Ok(states)
}
