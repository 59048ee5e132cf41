//! Archived posts, taken in once more: by the same translation and the same operations of the store as when they came, and as
//! of the time when they came, so that a store that was put back to an older backup gets to where it was.
//!
//! What is already known changes nothing. Some things are not done over, as they would be news where they are none:
//!
//! - A message that failed is not tried again: it was, as far as anybody here knows. `retry` sends to whom it was not.
//! - A failure that stops what it was sent with does so only while it is news by the clock on the wall.
//! - What came beside statuses is not counted again.
//! - Statuses of messages that the store does not know to have been sent are parked as always; those that name a message of
//!   ours are counted, as it would be sent again ([`Replayed::unsent`]), or its campaign was launched after the backup
//!   ([`Replayed::unknown`]): its number is not given to another campaign, which its late statuses would be taken for.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use campaign::ids::{CampaignId, MessageId, Seq};
use campaign::message::{Again, Status};
use chrono::{DateTime, Utc};
use clock::SharedClock;
use serde::Serialize;
use store::{SharedStore, StoreError};
use whatsapp::webhook;

use crate::archive::frame::Frame;
use crate::commit::Committer;
use crate::translate::{Changes, Ours, translate};
use crate::{Counters, KnownSender, Settings};

/// What became of archived posts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Replayed {
    /// Posts.
    pub posts: u64,
    /// Of these, bodies that cannot be read.
    pub unreadable: u64,
    /// When the first of them came.
    pub first: Option<DateTime<Utc>>,
    /// When the last of them came.
    pub last: Option<DateTime<Utc>>,
    /// What they tell, one by one.
    pub events: u64,
    /// Statuses that moved a message.
    pub applied: u64,
    /// Statuses that told nothing new.
    pub unchanged: u64,
    /// Statuses that match no message that was sent, as far as is known.
    pub parked: u64,
    /// By campaign: messages of which statuses tell an attempt that the store does not know. It is older than that, and
    /// would make the attempt again.
    #[serde(skip)]
    pub unsent: BTreeMap<CampaignId, u64>,
    /// By campaign: messages of which statuses tell, of campaigns that the store does not know at all.
    #[serde(skip)]
    pub unknown: BTreeMap<CampaignId, u64>,
}

/// Takes archived posts in.
#[derive(Debug)]
pub struct Replay {
    committer: Committer,
    store: SharedStore,
    clock: SharedClock,
    ours: Ours,
    replayed: Replayed,
    unsent: BTreeSet<MessageId>,
    unknown: BTreeSet<MessageId>,
    waiting: Vec<Frame>,
    waiting_posts: usize,
    waiting_bytes: usize,
}

/// So many posts are applied in one transaction, or posts of so many bytes; a frame is never divided.
const POSTS: usize = 1_000;
const BYTES: usize = 1024 * 1024;

/// How many numbers of campaigns are skipped beyond the last one that is told of.
const MARGIN: i64 = 1_000;

impl Replay {
    /// Into this store.
    #[must_use]
    pub fn new(install: String, senders: Vec<KnownSender>, store: SharedStore, clock: SharedClock) -> Self {
        let settings = Settings {
            verify_token: None,
            app_secrets: Vec::new(),
            shared_secret: None,
            install: install.clone(),
            senders: senders.clone(),
            archive: None,
        };
        let ours = Ours::new(&install, senders);
        let counters = Arc::new(Counters::default());
        let committer = Committer::new(store.clone(), clock.clone(), &settings, counters);
        Self {
            committer,
            store,
            clock,
            ours,
            replayed: Replayed::default(),
            unsent: BTreeSet::new(),
            unknown: BTreeSet::new(),
            waiting: Vec::new(),
            waiting_posts: 0,
            waiting_bytes: 0,
        }
    }

    /// Takes a frame in, in the order of the archive; it may be applied later, with others.
    ///
    /// # Errors
    /// The store's. What was applied before stays, and replaying all of it again is right.
    pub async fn take(&mut self, frame: Frame) -> Result<(), StoreError> {
        self.waiting_posts += frame.bodies.len();
        self.waiting_bytes += frame.bodies.iter().map(Vec::len).sum::<usize>();
        self.waiting.push(frame);
        let is_enough = self.waiting_posts >= POSTS || self.waiting_bytes >= BYTES;
        if is_enough { self.apply().await } else { Ok(()) }
    }

    /// Applies what is left, and says what became of all.
    ///
    /// # Errors
    /// As [`Replay::take`].
    pub async fn finish(mut self) -> Result<Replayed, StoreError> {
        self.apply().await?;
        for message in self.unsent {
            *self.replayed.unsent.entry(message.campaign).or_default() += 1;
        }
        for message in self.unknown {
            *self.replayed.unknown.entry(message.campaign).or_default() += 1;
        }
        if let Some((last, _)) = self.replayed.unknown.last_key_value() {
            // And a few more, of which no status may have come yet.
            self.store.skip_campaign_numbers(CampaignId(last.0.saturating_add(MARGIN))).await?;
        }
        Ok(self.replayed)
    }

    async fn apply(&mut self) -> Result<(), StoreError> {
        (self.waiting_posts, self.waiting_bytes) = (0, 0);
        let (mut changes, mut last) = (Changes::default(), None);
        for frame in std::mem::take(&mut self.waiting) {
            last = Some(frame.at);
            self.read(frame, &mut changes);
        }
        match last {
            Some(at) => self.store_changes(changes, at).await,
            None => Ok(()),
        }
    }

    /// Adds what a frame means to `changes`.
    fn read(&mut self, Frame { at, bodies }: Frame, changes: &mut Changes) {
        self.replayed.first.get_or_insert(at);
        self.replayed.last = Some(at);
        for body in bodies {
            self.replayed.posts += 1;
            let Ok(events) = webhook::decode(&body) else {
                self.replayed.unreadable += 1;
                continue;
            };
            self.replayed.events += events.len() as u64;
            for event in &events {
                translate(event, &self.ours, at, changes);
            }
        }
    }

    /// Makes these changes, as of when the last of them came.
    async fn store_changes(&mut self, mut changes: Changes, at: DateTime<Utc>) -> Result<(), StoreError> {
        let now = self.clock.now();
        changes.stops.retain(|stop| !stop.is_old(now));
        for update in &mut changes.statuses {
            if let Status::Failed { again } = &mut update.status {
                (*again, update.retry_at) = (Again::No, None);
            }
        }
        let stored = self.committer.store_changes(&changes, at).await?;
        self.replayed.applied += stored.applied;
        self.replayed.unchanged += stored.unchanged;
        self.replayed.parked += stored.parked;
        if stored.parked > 0 {
            self.find_unsent(&changes).await?;
        }
        Ok(())
    }

    /// Finds the messages of ours whose attempts the store does not know.
    async fn find_unsent(&mut self, changes: &Changes) -> Result<(), StoreError> {
        for (message, attempt) in changes.statuses.iter().filter_map(|status| status.key) {
            if self.unsent.contains(&message) || self.unknown.contains(&message) {
                continue;
            }
            let before = message.seq.0.checked_sub(1).map(Seq);
            let rows = self.store.messages(message.campaign, before, 1).await?;
            match rows.first().filter(|row| row.seq == message.seq) {
                Some(row) if row.attempt >= attempt => {}
                Some(_) => {
                    self.unsent.insert(message);
                }
                // A launch that was not complete has not stored it.
                None if self.store.campaign_by_id(message.campaign).await?.is_some() => {
                    self.unsent.insert(message);
                }
                None => {
                    self.unknown.insert(message);
                }
            }
        }
        Ok(())
    }
}
