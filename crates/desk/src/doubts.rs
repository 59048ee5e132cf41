//! Messages in doubt: what is known of them, what the policy will do, and an operator's decision on them. Recipients are
//! masked.

use std::collections::BTreeMap;
use std::time::Duration;

use campaign::audience::mask_phone;
use campaign::definition::InDoubt;
use campaign::doubt::{Decision, Refusal, by_policy};
use campaign::ids::Seq;
use campaign::message::State;
use campaign::money::{Currency, Micros};
use chrono::{DateTime, Utc};
use serde::Serialize;
use store::Store;
use store::doubt::{DoubtRow, EndedDoubt};
use store::model::CampaignRow;
use store::purge::is_nobody;

use crate::facts::{code_of, units};
use crate::{DeskError, format};

type Result<T> = std::result::Result<T, DeskError>;

/// Doubts that are read or ended together.
pub const PAGE: u32 = 1_000;

/// What is in doubt of a campaign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Open {
    /// Its key.
    pub campaign: String,
    /// The campaign's `in_doubt`.
    pub policy: InDoubt,
    /// The campaign's `in_doubt_after`, seconds.
    pub policy_after_s: u64,
    /// The messages, in the order of the audience.
    pub doubts: Vec<Doubt>,
}

/// A message in doubt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Doubt {
    /// Its place in the campaign.
    pub seq: Seq,
    /// Masked.
    pub recipient: String,
    /// With which it was sent.
    pub sender: String,
    /// Which attempt.
    pub attempt: u32,
    /// Since when.
    pub since: DateTime<Utc>,
    /// The code that the platform gave, where it gave one.
    pub code: Option<i64>,
    /// What was seen of it.
    pub why: String,
    /// Whether it was sent once more before.
    pub was_resent: bool,
    /// What the policy will do; `None`: nothing, it is an operator's.
    pub policy: Option<Decision>,
    /// When it will.
    pub policy_at: Option<DateTime<Utc>>,
    /// What its attempts may still cost at the most.
    #[serde(serialize_with = "units")]
    pub reserved: Micros,
    /// Of that.
    #[serde(serialize_with = "code_of")]
    pub currency: Currency,
}

/// A doubt that was ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ended {
    /// It.
    #[serde(flatten)]
    pub doubt: EndedDoubt,
    /// What became of it, as a sentence.
    pub story: String,
}

/// What became of an order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resolved {
    /// The campaign's key.
    pub campaign: String,
    /// What was decided.
    pub decision: Decision,
    /// By whom.
    pub by: String,
    /// How many were ended.
    pub resolved: u64,
    /// Where the resolved ones are now.
    pub states: BTreeMap<State, u64>,
    /// What was not, and why.
    pub refused: Vec<Refused>,
}

/// Messages that are untouched, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refused {
    /// Which.
    pub seqs: Vec<Seq>,
    /// Why.
    pub why: String,
}

/// All that is in doubt of a campaign.
///
/// # Errors
/// The store's.
pub async fn open(store: &dyn Store, row: &CampaignRow) -> Result<Open> {
    let mut all: Vec<DoubtRow> = Vec::new();
    loop {
        let page = store.doubts(row.id, all.last().map(|doubt| doubt.seq), PAGE).await?;
        if page.is_empty() {
            return Ok(Open::of(row, &all));
        }
        all.extend(page);
    }
}

/// Ends doubts of a campaign as an operator decides.
///
/// # Errors
/// The store's; some may have been ended by then.
pub async fn resolve(
    store: &dyn Store,
    row: &CampaignRow,
    seqs: &[Seq],
    decision: Decision,
    by: &str,
    now: DateTime<Utc>,
) -> Result<Resolved> {
    let mut answer = Resolved {
        campaign: row.key.clone(),
        decision,
        by: by.to_owned(),
        resolved: 0,
        states: BTreeMap::new(),
        refused: Vec::new(),
    };
    let mut refused: BTreeMap<Refusal, Vec<Seq>> = BTreeMap::new();
    for page in seqs.chunks(PAGE as usize) {
        for (seq, became) in store.resolve_doubts(row.id, page, decision, by, now).await? {
            match became {
                Ok(state) => {
                    answer.resolved += 1;
                    *answer.states.entry(state).or_default() += 1;
                }
                Err(why) => refused.entry(why).or_default().push(seq),
            }
        }
    }
    answer.refused = refused.into_iter().map(|(why, seqs)| Refused { seqs, why: why.to_string() }).collect();
    Ok(answer)
}

impl Open {
    /// What the policy does with them, as a sentence.
    #[must_use]
    pub fn policy_in_words(&self) -> String {
        match self.policy {
            InDoubt::Hold => "Its policy is to hold them: a status ends a doubt, or you do.".to_owned(),
            InDoubt::Resend => format!(
                "Its policy is to send each once more when no status came for {}, and then to give it up.",
                format::span(Duration::from_secs(self.policy_after_s))
            ),
            InDoubt::Drop => format!(
                "Its policy is to give them up when no status came for {}.",
                format::span(Duration::from_secs(self.policy_after_s))
            ),
        }
    }

    /// Of a campaign with these rows in doubt.
    #[must_use]
    pub fn of(row: &CampaignRow, all: &[DoubtRow]) -> Self {
        let definition = &row.definition;
        let one = |doubt: &DoubtRow| {
            let sender = row.groups.iter().find(|group| group.number == doubt.group);
            let policy = by_policy(definition.in_doubt, doubt.was_resent, row.state.is_over());
            Doubt {
                seq: doubt.seq,
                recipient: shown(&doubt.recipient),
                sender: sender.map(|group| group.sender.clone()).unwrap_or_default(),
                attempt: doubt.attempt,
                since: doubt.since,
                code: doubt.failure.as_ref().and_then(|failure| failure.code),
                why: doubt.failure.as_ref().map(|failure| failure.detail.clone()).unwrap_or_default(),
                was_resent: doubt.was_resent,
                policy,
                policy_at: policy.map(|_| doubt.since + definition.in_doubt_after),
                reserved: doubt.reserved,
                currency: row.currency,
            }
        };
        Self {
            campaign: row.key.clone(),
            policy: definition.in_doubt,
            policy_after_s: definition.in_doubt_after.as_secs(),
            doubts: all.iter().map(one).collect(),
        }
    }
}

fn shown(recipient: &str) -> String {
    if is_nobody(recipient) { "purged".to_owned() } else { mask_phone(recipient) }
}

/// With what became of it, and its recipient masked.
#[must_use]
pub fn masked(doubt: EndedDoubt) -> Ended {
    let story = doubt.ending.story();
    Ended { doubt: EndedDoubt { recipient: shown(&doubt.recipient), ..doubt }, story }
}

impl Doubt {
    /// What the policy will do and when, in words.
    #[must_use]
    pub fn policy_in_words(&self, now: DateTime<Utc>) -> String {
        let does = match self.policy {
            None => return "none: yours to decide".to_owned(),
            Some(Decision::Resend) => "resend",
            Some(Decision::Drop) => "give up",
            Some(Decision::Accepted) => "accept",
        };
        match self.policy_at {
            Some(at) if at > now => format!("{does} {}", format::roughly(at, now)),
            Some(_) | None => format!("{does} now"),
        }
    }
}
