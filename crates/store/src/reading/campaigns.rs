//! Campaigns with their counters and groups.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use campaign::definition::Definition;
use campaign::ids::CampaignId;
use campaign::message;
use campaign::money::Micros;

use crate::StoreError;
use crate::by_name::by_name;
use crate::codec::{amount, currency, from_json, named, number, optional_time, time, unreadable};
use crate::model::{CampaignRow, FailureCount, GroupRow, Listing, TemplateKey, Totals, Unreadable};

type Result<T> = std::result::Result<T, StoreError>;

/// Definitions are frozen at launch and dear to parse; campaign numbers are never used twice.
#[derive(Debug, Default)]
pub(crate) struct Definitions(Mutex<HashMap<i64, Arc<Definition>>>);

impl Definitions {
    /// The frozen definition of a campaign, parsed once.
    fn of(&self, campaign: i64, text: &str) -> Result<Arc<Definition>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(definition) = known.get(&campaign) {
            return Ok(Arc::clone(definition));
        }
        let definition: Arc<Definition> = Arc::new(from_json("campaigns.definition", text)?);
        known.insert(campaign, Arc::clone(&definition));
        Ok(definition)
    }
}

by_name! {
/// A row of `campaigns`, by the names of its columns.
#[derive(Debug)]
pub(crate) struct CampaignColumns {
    pub(crate) id: i64,
    key: String,
    state: String,
    reason: Option<String>,
    file: String,
    definition: String,
    plan_hash: String,
    currency: String,
    budget: Option<i64>,
    spent: i64,
    reserved: i64,
    launched_at: i64,
    started_at: Option<i64>,
    last_sent_at: Option<i64>,
    finished_at: Option<i64>,
    planned_total: i64,
    excluded_total: i64,
    messages_total: i64,
    attempts: i64,
    stop_waived: bool,
    follow_up_of: Option<i64>,
}
}

by_name! {
/// A row of `send_groups`, with the earliest `not_before` of its deferred slices.
#[derive(Debug)]
pub(crate) struct GroupColumns {
    campaign_id: i64,
    number: i64,
    sender: String,
    portfolio: String,
    waba_id: String,
    template: String,
    language: String,
    variant: Option<String>,
    zone: String,
    planned: i64,
    retries: i64,
    released: i64,
    not_before: Option<i64>,
}
}

/// Rows of campaigns, as of one moment.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    pub(crate) campaigns: Vec<CampaignColumns>,
    /// Campaign, state and how many messages.
    pub(crate) counts: Vec<(i64, String, i64)>,
    /// Campaign, code (empty: none) and how many messages.
    pub(crate) failures: Vec<(i64, String, i64)>,
    pub(crate) groups: Vec<GroupColumns>,
}

/// Puts campaigns together, in the order of their rows. What cannot be read of one concerns that one alone.
pub(crate) fn assemble(loaded: Loaded, definitions: &Definitions) -> Listing {
    let mut parts: HashMap<i64, Parts> = HashMap::new();
    for (campaign, state, n) in loaded.counts {
        parts.entry(campaign).or_default().counts.push((state, n));
    }
    for (campaign, code, n) in loaded.failures {
        parts.entry(campaign).or_default().failures.push((code, n));
    }
    for row in loaded.groups {
        parts.entry(row.campaign_id).or_default().groups.push(row);
    }
    let mut listing = Listing::default();
    for row in loaded.campaigns {
        let (id, key) = (row.id, row.key.clone());
        match campaign_row(definitions, parts.remove(&id).unwrap_or_default(), row) {
            Ok(campaign) => listing.campaigns.push(campaign),
            Err(error) => {
                let error = of_campaign(error, &key);
                listing.unreadable.push(Unreadable { id: CampaignId(id), key, error });
            }
        }
    }
    listing
}

/// Says which campaign has what cannot be read.
fn of_campaign(error: StoreError, key: &str) -> StoreError {
    if let StoreError::Unreadable { what, why } = error {
        unreadable(format!("{what} of campaign {key}"), why)
    } else {
        error
    }
}

impl Listing {
    /// The only campaign that was asked for, if it is there.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn one(mut self) -> Result<Option<CampaignRow>> {
        match self.unreadable.pop() {
            Some(unreadable) => Err(unreadable.error),
            None => Ok(self.campaigns.pop()),
        }
    }
}

/// What belongs to a campaign, as its rows say it.
#[derive(Debug, Default)]
struct Parts {
    /// State and how many messages.
    counts: Vec<(String, i64)>,
    /// Code (empty: none) and how many messages.
    failures: Vec<(String, i64)>,
    groups: Vec<GroupColumns>,
}

impl Parts {
    fn counts(&self) -> Result<BTreeMap<message::State, u64>> {
        let count = |(state, n): &(String, i64)| {
            Ok((named("campaign_counts.state", state)?, number("campaign_counts.n", *n)?))
        };
        self.counts.iter().map(count).collect()
    }

    fn failures(&self) -> Result<Vec<FailureCount>> {
        let count = |(code, n): &(String, i64)| {
            let code = if code.is_empty() { None } else { Some(named("failure_counts.code", code)?) };
            Ok(FailureCount { code, messages: number("failure_counts.n", *n)? })
        };
        self.failures.iter().map(count).collect()
    }
}

fn campaign_row(definitions: &Definitions, parts: Parts, row: CampaignColumns) -> Result<CampaignRow> {
    Ok(CampaignRow {
        id: CampaignId(row.id),
        key: row.key,
        state: named("campaigns.state", &row.state)?,
        reason: row.reason,
        file: row.file,
        definition: definitions.of(row.id, &row.definition)?,
        plan_hash: row.plan_hash,
        currency: currency("campaigns.currency", &row.currency)?,
        budget: amount(row.budget),
        spent: Micros(row.spent),
        reserved: Micros(row.reserved),
        launched_at: time("campaigns.launched_at", row.launched_at)?,
        started_at: optional_time("campaigns.started_at", row.started_at)?,
        last_sent_at: optional_time("campaigns.last_sent_at", row.last_sent_at)?,
        finished_at: optional_time("campaigns.finished_at", row.finished_at)?,
        totals: Totals {
            planned: number("campaigns.planned_total", row.planned_total)?,
            excluded: number("campaigns.excluded_total", row.excluded_total)?,
            messages: number("campaigns.messages_total", row.messages_total)?,
        },
        counts: parts.counts()?,
        attempts: number("campaigns.attempts", row.attempts)?,
        stop_waived: row.stop_waived,
        failures: parts.failures()?,
        groups: parts.groups.into_iter().map(group).collect::<Result<_>>()?,
        follow_up_of: row.follow_up_of.map(CampaignId),
    })
}

fn group(row: GroupColumns) -> Result<GroupRow> {
    Ok(GroupRow {
        number: number("send_groups.number", row.number)?,
        sender: row.sender,
        portfolio: row.portfolio,
        template: TemplateKey { waba_id: row.waba_id, name: row.template, language: row.language },
        variant: row.variant,
        zone: row.zone,
        planned: number("send_groups.planned", row.planned)?,
        retries: number("slices.messages", row.retries)?,
        released: number("send_groups.released", row.released)?,
        not_before: optional_time("slices.not_before", row.not_before)?,
    })
}
