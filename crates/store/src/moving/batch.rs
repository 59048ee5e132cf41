//! Messages that change together: loaded, moved in memory, and told as changes to be written back.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use campaign::doubt::Told;

use super::counters::Counters;
use super::doubts::Decided;
use super::message::{Entry, Live};
use crate::purge;

/// Messages that change together.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    entries: BTreeMap<i64, Entry>,
    by_wamid: HashMap<String, (i64, u32)>,
    earlier: Vec<(String, i64, u32)>,
    decisions: Vec<Decided>,
    heard: BTreeMap<(i64, u32), Told>,
}

/// What is to be written back.
#[derive(Debug)]
pub(crate) struct Changes<'b> {
    /// Messages that changed, by number, in its order.
    pub(crate) rows: Vec<(i64, &'b Live)>,
    /// The counters that follow from it.
    pub(crate) counters: Counters,
    /// The platform's ids of attempts that are not shown with their messages, with message and attempt.
    pub(crate) earlier: Vec<(&'b str, i64, u32)>,
    /// Decisions on doubts.
    pub(crate) decisions: &'b [Decided],
    /// What was told of attempts whose doubts were decided, or of those after them: message, attempt, rank.
    pub(crate) heard: Vec<(i64, u32, i64)>,
}

impl Batch {
    /// Of these messages those that are not in the batch yet.
    pub(crate) fn missing(&self, ids: &[i64]) -> Vec<i64> {
        ids.iter().copied().filter(|id| !self.entries.contains_key(id)).collect()
    }

    /// Of these ids of the platform's those that no loaded message has.
    pub(crate) fn unknown<'w>(&self, wamids: &[&'w str]) -> Vec<&'w str> {
        wamids.iter().copied().filter(|wamid| !self.by_wamid.contains_key(*wamid)).collect()
    }

    /// Adds a message; one that is in the batch stays as it is.
    pub(crate) fn add(&mut self, id: i64, entry: Entry) {
        if let Some(wamid) = &entry.live.wamid {
            self.by_wamid.entry(wamid.clone()).or_insert((id, entry.live.shown_attempt()));
        }
        self.entries.entry(id).or_insert(entry);
    }

    /// Adds a message by the platform's id of an earlier attempt.
    pub(crate) fn add_earlier(&mut self, id: i64, entry: Entry, wamid: String, attempt: u32) {
        self.add(id, entry);
        self.by_wamid.entry(wamid).or_insert((id, attempt));
    }

    /// The campaigns of the messages.
    pub(crate) fn campaigns(&self) -> BTreeSet<i64> {
        self.entries.values().map(|entry| entry.campaign.0).collect()
    }

    /// A message by number.
    pub(crate) fn get(&mut self, id: i64) -> Option<&mut Entry> {
        self.entries.get_mut(&id)
    }

    /// Which message and attempt has this platform's id, among those loaded.
    pub(crate) fn attempt_of(&self, wamid: &str) -> Option<(i64, u32)> {
        self.by_wamid.get(wamid).copied()
    }

    /// Keeps the platform's id of an attempt, after what was told of it has happened: of the one that is shown with
    /// its message, of another beside it. An id that is known stays where it is.
    pub(crate) fn learn_wamid(&mut self, id: i64, attempt: u32, wamid: &str) {
        let Some(entry) = self.entries.get_mut(&id) else { return };
        let is_known = self.by_wamid.get(wamid).is_some_and(|known| *known == (id, attempt));
        self.by_wamid.entry(wamid.to_owned()).or_insert((id, attempt));
        if entry.is_purged {
            if entry.live.shown_attempt() == attempt {
                entry.live.wamid.get_or_insert_with(|| purge::wamid(id));
            }
            return;
        }
        if entry.live.shown_attempt() == attempt && entry.live.wamid.is_none() {
            entry.live.wamid = Some(wamid.to_owned());
        } else if !is_known {
            self.earlier.push((wamid.to_owned(), id, attempt));
        }
    }

    /// Takes the platform's id for an attempt's that nobody named it for.
    pub(crate) fn infer_wamid(&mut self, id: i64, attempt: u32, wamid: &str) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.is_inferred = true;
        }
        self.learn_wamid(id, attempt, wamid);
    }

    /// Keeps a decision on a doubt.
    pub(crate) fn keep_decision(&mut self, decided: Decided) {
        self.decisions.push(decided);
    }

    /// Keeps what was told of an attempt, where a doubt of its message was decided: what became of the decision is
    /// told by it.
    pub(crate) fn hear(&mut self, id: i64, attempt: u32, told: Told) {
        if self.entries.get(&id).is_some_and(Entry::is_followed) {
            let most = self.heard.entry((id, attempt)).or_default();
            *most = told.max(*most);
        }
    }

    /// What changed, and its counters.
    pub(crate) fn changes(&self) -> Changes<'_> {
        let earlier =
            self.earlier.iter().map(|(wamid, id, attempt)| (wamid.as_str(), *id, *attempt)).collect();
        let mut changes = Changes {
            rows: Vec::new(),
            counters: Counters::default(),
            earlier,
            decisions: &self.decisions,
            heard: self.heard.iter().map(|((id, attempt), told)| (*id, *attempt, told.rank())).collect(),
        };
        for (id, entry) in &self.entries {
            changes
                .earlier
                .extend(entry.retired.iter().map(|(wamid, attempt)| (wamid.as_str(), *id, *attempt)));
            if entry.is_changed() {
                changes.rows.push((*id, &entry.live));
                changes.counters.follow(entry);
            }
        }
        changes
    }
}
