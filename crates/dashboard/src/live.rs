//! What is true now of all campaigns, read at most once a second for all who look: pages and streams, however many.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use campaign::gate::{GateRules, GateState};
use campaign::ids::CampaignId;
use chrono::{DateTime, TimeDelta, Utc};
use desk::facts::{Facts, Gates};
use desk::pace::PaceMeter;
use store::model::{CampaignRow, TemplateKey};
use store::{Store, StoreError};

/// How old what is shown may be.
pub(crate) const BEAT: Duration = Duration::from_secs(1);

/// How old what is shown of campaigns that are over may be: late statuses still change them.
const OVER: TimeDelta = TimeDelta::seconds(30);

/// What is true of all campaigns.
#[derive(Debug)]
pub(crate) struct Seen {
    /// When it was read.
    pub(crate) at: DateTime<Utc>,
    /// The newest first.
    pub(crate) campaigns: Vec<Facts>,
    /// What this version cannot read, as sentences.
    pub(crate) unreadable: Vec<String>,
}

impl Seen {
    /// The campaign with this key.
    pub(crate) fn campaign(&self, key: &str) -> Option<&Facts> {
        self.campaigns.iter().find(|facts| facts.campaign == key)
    }
}

/// Reads for all.
#[derive(Debug)]
pub(crate) struct Live {
    rules: GateRules,
    latest: std::sync::Mutex<Option<Arc<Seen>>>,
    /// Whoever reads has it, and the others wait for what it reads.
    reader: tokio::sync::Mutex<Reader>,
}

#[derive(Debug, Default)]
struct Reader {
    meter: PaceMeter,
    all: Vec<CampaignRow>,
    unreadable: Vec<String>,
    active: BTreeSet<CampaignId>,
    read_at: Option<DateTime<Utc>>,
}

impl Live {
    pub(crate) fn new(rules: GateRules) -> Self {
        Self { rules, latest: std::sync::Mutex::default(), reader: tokio::sync::Mutex::default() }
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
        let seen = Arc::new(reader.read(store, self.rules, now).await?);
        *self.latest.lock().unwrap_or_else(PoisonError::into_inner) = Some(seen.clone());
        Ok(seen)
    }

    /// Forgets what was read: something was changed just now.
    pub(crate) fn forget(&self) {
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
