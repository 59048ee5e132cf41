//! What is told of a slice: its campaign by key, and its messages counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use campaign::ids::{CampaignId, SliceId};
use queue::inspect::{JobRow, JobState};
use serde::Serialize;
use store::{SharedStore, StoreError};

/// So many campaigns' keys are remembered before all are forgotten.
const REMEMBERED: usize = 10_000;

/// How long a page of the queue waits for what the store knows of it.
const PATIENCE: Duration = Duration::from_secs(2);

/// What no campaign's key begins with: then comes its number, where its key cannot be told.
const BY_NUMBER: char = '~';

/// A job's content, as people read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Slice {
    /// The job's name on the board, which lists show: the slice's number and the campaign's key.
    #[serde(skip)]
    pub(super) id: String,
    /// The campaign's key.
    pub(super) campaign: String,
    /// The slice's number in the campaign.
    pub(super) slice: u32,
    /// The sender that it goes out on.
    pub(super) sender: String,
    /// How many messages waited in it when it was released.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) messages: Option<u32>,
    /// How many of them have still to be sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unsent: Option<usize>,
    /// The template that it is sent with, while it is under way.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) template: Option<String>,
    /// Where it is, in words.
    pub(super) state: String,
}

/// Tells of slices what the store knows.
#[derive(Debug, Clone)]
pub(super) struct Slices {
    store: SharedStore,
    /// A campaign's key never changes.
    keys: Arc<Mutex<BTreeMap<CampaignId, String>>>,
}

impl Slices {
    /// Slices of a store.
    pub(super) fn of(store: SharedStore) -> Self {
        Self { store, keys: Arc::default() }
    }

    fn keys(&self) -> MutexGuard<'_, BTreeMap<CampaignId, String>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Jobs as people read them. The queue is shown also where the store does not answer: then by campaigns' numbers.
    pub(super) async fn tell(&self, rows: &[JobRow]) -> Vec<Slice> {
        let mut told: Vec<Slice> = rows.iter().map(told_by_queue).collect();
        let asking = async {
            for (row, slice) in rows.iter().zip(&mut told) {
                self.ask(row, slice).await?;
            }
            Ok::<(), StoreError>(())
        };
        match tokio::time::timeout(PATIENCE, asking).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the queue board shows slices without what the database knows of them"
            ),
            Err(_) => {
                tracing::warn!(
                    "the queue board shows slices without what the database knows: it takes too long"
                );
            }
        }
        told
    }

    async fn ask(&self, row: &JobRow, slice: &mut Slice) -> Result<(), StoreError> {
        if let Some(key) = self.key(row.slice.campaign).await? {
            slice.id = format!("{}.{key}", row.slice.number);
            slice.campaign = key;
        }
        if matches!(row.state, JobState::Waiting | JobState::Running) {
            // Bounded: a slice has a quarter second's worth of messages.
            if let Some(work) = self.store.slice(row.slice).await? {
                slice.unsent = Some(work.pending.len());
                slice.template =
                    Some(format!("{}/{}", work.group.template.name, work.group.template.language));
            }
        }
        Ok(())
    }

    /// The slice that has this name on the board.
    ///
    /// # Errors
    /// When the store cannot be asked.
    pub(super) async fn find(&self, id: &str) -> Result<Option<SliceId>, StoreError> {
        let Some((number, campaign)) = id.split_once('.') else { return Ok(None) };
        let Ok(number) = number.parse() else { return Ok(None) };
        let campaign = match campaign.strip_prefix(BY_NUMBER) {
            Some(campaign) => campaign.parse().ok().map(CampaignId),
            None => self.store.campaign(campaign).await?.map(|row| row.id),
        };
        Ok(campaign.map(|campaign| SliceId { campaign, number }))
    }

    async fn key(&self, id: CampaignId) -> Result<Option<String>, StoreError> {
        let known = self.keys().get(&id).cloned();
        if known.is_some() {
            return Ok(known);
        }
        let key = match self.store.campaign_by_id(id).await {
            Ok(row) => row.map(|row| row.key),
            // Another version's: it has a key, and this one cannot read the rest.
            Err(StoreError::Unreadable { .. }) => None,
            Err(error) => return Err(error),
        };
        if let Some(key) = &key {
            let mut keys = self.keys();
            if keys.len() >= REMEMBERED {
                keys.clear();
            }
            keys.insert(id, key.clone());
        }
        Ok(key)
    }
}

/// A job by what the queue alone knows.
fn told_by_queue(row: &JobRow) -> Slice {
    let state = match (row.state, &row.worker) {
        (JobState::Waiting, _) => "waits for a worker".to_owned(),
        (JobState::Running, Some(worker)) => format!("in the hands of {worker}"),
        (JobState::Running, None) => "in a worker's hands".to_owned(),
        (JobState::Done, _) => "done: all was sent that could be sent at the time".to_owned(),
        (JobState::Panicked, _) => {
            "its handler panicked: the slice comes back when its lease ends, and the log says why".to_owned()
        }
        (JobState::Unreadable, _) => {
            "another version's, which this one cannot read: the slice comes back when its lease ends"
                .to_owned()
        }
    };
    let SliceId { campaign, number } = row.slice;
    Slice {
        id: format!("{number}.{BY_NUMBER}{campaign}"),
        campaign: format!("number {campaign}"),
        slice: number,
        sender: row.sender.clone(),
        messages: row.messages,
        unsent: None,
        template: None,
        state,
    }
}
