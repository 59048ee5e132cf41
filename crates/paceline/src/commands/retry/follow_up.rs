//! Whom a follow-up goes to, and its rows.

use std::collections::{BTreeMap, BTreeSet};

use campaign::follow_up::{LeftOut, Wanted, judge};
use campaign::ids::CampaignId;
use campaign::money::Micros;
use campaign::planning::slice_size;
use store::SharedStore;
use store::follow_up::FailedMessage;
use store::model::{CampaignRow, Chunk, GroupRow, NewGroup, NewMessage, NewSlice};
use store::purge::is_nobody;

use crate::app::App;
use crate::failure::Failure;

/// Failed messages that are read, judged and stored together.
const PAGE: u32 = 5_000;

/// A follow-up about to be made.
pub(super) struct FollowUp<'a> {
    pub(super) app: &'a App,
    pub(super) store: &'a SharedStore,
    /// The campaign.
    pub(super) of: &'a CampaignRow,
    /// Its own key.
    pub(super) key: String,
    pub(super) wanted: Wanted,
}

/// Who is in a follow-up and who is not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Gathered {
    pub(super) messages: u64,
    pub(super) left_out: BTreeMap<LeftOut, u64>,
    /// What it costs at the most.
    pub(super) worst_case: Micros,
}

impl FollowUp<'_> {
    /// Judges every failed message, and stores those that are sent again where there is a campaign for them.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn gather(&self, into: Option<CampaignId>) -> Result<Gathered, Failure> {
        let mut gathered = Gathered::default();
        let mut cutter = Cutter::new(self);
        let mut after = None;
        loop {
            let page = self.store.failed_messages(self.of.id, after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.seq);
            let mut chunk = Chunk::default();
            for message in self.retried(page, &mut gathered).await? {
                gathered.messages += 1;
                gathered.worst_case = Micros(gathered.worst_case.0.saturating_add(message.worst_case.0));
                cutter.put(message, &mut chunk);
            }
            self.keep(into, chunk).await?;
        }
        self.keep(into, Chunk { slices: cutter.rest(), ..Chunk::default() }).await?;
        Ok(gathered)
    }

    async fn keep(&self, into: Option<CampaignId>, chunk: Chunk) -> Result<(), Failure> {
        if let Some(id) = into {
            self.store.add_chunk(id, chunk, self.app.clock.now()).await?;
        }
        Ok(())
    }

    /// Of failed messages those that are sent again: as planning would have it today.
    async fn retried(
        &self,
        page: Vec<FailedMessage>,
        gathered: &mut Gathered,
    ) -> Result<Vec<FailedMessage>, Failure> {
        let mut leave = |why| *gathered.left_out.entry(why).or_default() += 1;
        let mut retried = Vec::new();
        for message in page {
            if is_nobody(&message.recipient) {
                leave(LeftOut::Purged);
                continue;
            }
            match judge(&message.original, &message.follow_ups, &self.wanted) {
                Ok(()) => retried.push(message),
                Err(why) => leave(why),
            }
        }
        let addresses: Vec<String> = retried.iter().map(|message| message.recipient.clone()).collect();
        let suppressed: BTreeSet<String> = self.store.suppressed(&addresses).await?.into_iter().collect();
        let over_cap = self.over_cap(&addresses).await?;
        retried.retain(|message| {
            if suppressed.contains(&message.recipient) {
                leave(LeftOut::Suppressed);
                false
            } else if over_cap.contains(&message.recipient) {
                leave(LeftOut::OverCap);
                false
            } else {
                true
            }
        });
        Ok(retried)
    }

    /// Who of these had as many messages as the frequency cap allows.
    async fn over_cap(&self, addresses: &[String]) -> Result<BTreeSet<String>, Failure> {
        let Some(cap) = self.of.definition.limits.per_recipient else { return Ok(BTreeSet::new()) };
        let since = self.of.definition.schedule.begins(self.app.clock.now()) - cap.per;
        let portfolios: BTreeSet<&str> =
            self.of.groups.iter().map(|group| group.portfolio.as_str()).collect();
        let mut over = BTreeSet::new();
        for portfolio in portfolios {
            let had = self.store.contacts(portfolio, addresses, since).await?;
            over.extend(had.into_iter().filter(|(_, had)| cap.refusal(*had).is_some()).map(|(who, _)| who));
        }
        Ok(over)
    }
}

/// Cuts messages into slices of their groups, which are the campaign's.
struct Cutter<'a> {
    groups: BTreeMap<u32, (&'a GroupRow, u32)>,
    known: BTreeSet<u32>,
    next: u32,
    /// The open slice of each group, and how many messages it has.
    open: BTreeMap<u32, (u32, u32)>,
}

impl<'a> Cutter<'a> {
    fn new(follow_up: &FollowUp<'a>) -> Self {
        let size = |group: &GroupRow| {
            follow_up.app.config.sender(&group.sender).map_or(1, |sender| slice_size(sender.rate))
        };
        let groups = follow_up.of.groups.iter().map(|group| (group.number, (group, size(group))));
        Self { groups: groups.collect(), known: BTreeSet::new(), next: 0, open: BTreeMap::new() }
    }

    fn put(&mut self, message: FailedMessage, chunk: &mut Chunk) {
        let number = message.group;
        let size = self.groups.get(&number).map_or(1, |(_, size)| *size);
        if let Some((group, _)) = self.groups.get(&number)
            && self.known.insert(number)
        {
            chunk.groups.push(NewGroup {
                number,
                sender: group.sender.clone(),
                portfolio: group.portfolio.clone(),
                template: group.template.clone(),
                variant: group.variant.clone(),
                zone: group.zone.clone(),
            });
        }
        let next = &mut self.next;
        let (slice, messages) = self.open.entry(number).or_insert_with(|| {
            *next += 1;
            (*next - 1, 0)
        });
        *messages += 1;
        let (slice, messages) = (*slice, *messages);
        if messages >= size {
            chunk.slices.push(NewSlice { number: slice, group: number, messages });
            self.open.remove(&number);
        }
        chunk.messages.push(NewMessage {
            seq: message.seq,
            slice,
            group: number,
            recipient: message.recipient,
            country: message.country,
            content: message.content,
            multiplier: message.multiplier,
            worst_case: message.worst_case,
            expected_cost: message.expected_cost,
        });
    }

    fn rest(self) -> Vec<NewSlice> {
        let slices = self.open.into_iter();
        slices.map(|(group, (number, messages))| NewSlice { number, group, messages }).collect()
    }
}
