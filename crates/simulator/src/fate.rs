//! What becomes of an accepted message, and which webhooks tell it. Everything is fixed at acceptance, from
//! the seed: the ledger's truth and the webhooks come from the same plan.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::FromPrimitive;

use crate::config::Account;
use crate::draws::{Draws, What};
use crate::ledger::{Fate, Status, Truth, TruthEvent};
use crate::profile::Profile;

/// What a script forces on an accepted message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Forced {
    Nothing,
    Deliver,
    Fail(u32),
    Held { seconds: u64, dropped: bool },
    Offline { seconds: u64 },
}

/// What is known about a message when it is accepted.
pub(crate) struct Accepted<'a> {
    pub(crate) at: DateTime<Utc>,
    pub(crate) ttl: TimeDelta,
    /// The most that may be paid for it, in whole units of the currency, where it has a max price.
    pub(crate) cap: Option<Decimal>,
    pub(crate) account: &'a Account,
    pub(crate) profile: &'a Profile,
    pub(crate) person: &'a Draws,
    pub(crate) attempt: &'a Draws,
    /// A code with which it fails for what the recipient is or wants.
    pub(crate) doomed: Option<u32>,
    pub(crate) forced: Forced,
    /// Whether its `sent` webhook comes before the response.
    pub(crate) early: bool,
}

/// One webhook that tells a status.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Told {
    pub(crate) status: Status,
    /// When it happened.
    pub(crate) at: DateTime<Utc>,
    /// When its webhook is due.
    pub(crate) due: DateTime<Utc>,
    /// Whether it is told before the response to the send.
    pub(crate) early: bool,
}

/// A message's truth, and its webhooks.
pub(crate) struct Plan {
    pub(crate) truth: Truth,
    pub(crate) told: Vec<Told>,
}

impl Accepted<'_> {
    /// Plans everything that happens to the message.
    pub(crate) fn plan(&self) -> Plan {
        let price = self.price();
        let (fate, events) = self.events(price);
        let delivered = matches!(fate, Fate::Delivered | Fate::Read);
        let mut timeline = Vec::new();
        let mut told = Vec::new();
        for (status, at) in events {
            let webhooks = self.webhooks(status, at);
            timeline.push(TruthEvent { status, at, announced: !webhooks.is_empty() });
            told.extend(webhooks);
        }
        if self.attempt.unit(What::Reordered) < self.profile.reordered && self.forced == Forced::Nothing {
            swap_first_two(&mut told);
        }
        let price = if delivered { price } else { Decimal::ZERO };
        Plan { truth: Truth { fate, timeline, price, currency: self.account.currency.clone() }, told }
    }

    /// What a delivery costs: the account's price, or with a max price what the auction asks for this person,
    /// between half and one and a half times that.
    fn price(&self) -> Decimal {
        if self.cap.is_none() {
            return self.account.price;
        }
        let factor = Decimal::from_f64(0.5 + self.person.unit(What::Price)).unwrap_or(Decimal::ONE);
        (self.account.price * factor).round_dp(6)
    }

    fn events(&self, price: Decimal) -> (Fate, Vec<(Status, DateTime<Utc>)>) {
        let start = match self.forced {
            Forced::Held { seconds, .. } => self.at + seconds_of(seconds),
            Forced::Nothing | Forced::Deliver | Forced::Fail(_) | Forced::Offline { .. } => self.at,
        };
        let sent = start + self.after(What::SentAfter, &self.profile.sent_after);
        if let Some(code) = self.failure() {
            return (Fate::Failed(code), vec![(Status::Failed, sent)]);
        }
        let expires = self.at + self.ttl;
        if self.cap.is_some_and(|cap| price > cap) {
            return if self.attempt.unit(What::AuctionLoss) < self.profile.auction_loss_told {
                (Fate::Failed(131049), vec![(Status::Failed, sent)])
            } else {
                (Fate::Expired, vec![(Status::Expired, expires)])
            };
        }
        let mut delivered = sent + self.after(What::DeliveredAfter, &self.profile.delivered_after);
        if let Forced::Offline { seconds } = self.forced {
            delivered = delivered.max(self.at + seconds_of(seconds));
        }
        let reachable =
            self.forced == Forced::Deliver || self.person.unit(What::Reachable) < self.profile.reachable;
        if !reachable || delivered > expires {
            return (Fate::Expired, vec![(Status::Sent, sent.min(expires)), (Status::Expired, expires)]);
        }
        let mut events = vec![(Status::Sent, sent), (Status::Delivered, delivered)];
        if self.attempt.unit(What::Read) >= self.profile.read {
            return (Fate::Delivered, events);
        }
        events.push((Status::Read, delivered + self.after(What::ReadAfter, &self.profile.read_after)));
        (Fate::Read, events)
    }

    fn failure(&self) -> Option<u32> {
        match self.forced {
            Forced::Deliver => None,
            Forced::Fail(code) => Some(code),
            Forced::Held { dropped: true, .. } => Some(132015),
            Forced::Held { dropped: false, .. } | Forced::Offline { .. } | Forced::Nothing => self.doomed,
        }
    }

    fn after(&self, what: What, shape: &crate::profile::Latency) -> TimeDelta {
        delta(self.attempt.latency(what, shape))
    }

    /// The webhooks that tell a status: usually one, none when it is missing, two when it is duplicated.
    fn webhooks(&self, status: Status, at: DateTime<Utc>) -> Vec<Told> {
        let place = match status {
            Status::Sent => 0,
            Status::Delivered => 1,
            Status::Read => 2,
            Status::Failed => 3,
            // Nobody is told that a message expired.
            Status::Expired => return Vec::new(),
        };
        let (draws, profile) = (self.attempt, self.profile);
        let faultless = self.forced == Forced::Deliver;
        let happens = |what, share| !faultless && draws.unit_of(what, place) < share;
        let early = self.early && status == Status::Sent;
        if !early && happens(What::Missing, profile.missing) {
            return Vec::new();
        }
        let mut due = at;
        if happens(What::Late, profile.late) {
            due += delta(draws.latency_of(What::LateBy, place, &profile.late_by));
        }
        let mut told = vec![Told { status, at, due, early }];
        if happens(What::Duplicate, profile.duplicate) {
            let again = delta(draws.latency_of(What::DuplicateAfter, place, &profile.duplicate_after));
            told.push(Told { status, at, due: due + again, early: false });
        }
        told
    }
}

/// Lets `delivered` (or, that missing, `read`) be told when `sent` was due, and the other way round.
fn swap_first_two(told: &mut [Told]) {
    let sent = told.iter().position(|told| told.status == Status::Sent && !told.early);
    let later = told.iter().position(|told| matches!(told.status, Status::Delivered | Status::Read));
    if let (Some(sent), Some(later)) = (sent, later) {
        let (first, second) = (told[sent].due, told[later].due);
        told[sent].due = first.max(second) + TimeDelta::microseconds(1);
        told[later].due = first.min(second);
    }
}

fn seconds_of(seconds: u64) -> TimeDelta {
    delta(Duration::from_secs(seconds))
}

fn delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(profile: &Profile, recipient: &str, change: impl FnOnce(&mut Accepted<'_>)) -> Plan {
        let (person, attempt) = (Draws::person(1, recipient), Draws::attempt(1, recipient, "t/en", 0));
        let account = Account::default();
        let mut accepted = Accepted {
            at: DateTime::UNIX_EPOCH,
            ttl: TimeDelta::hours(12),
            cap: None,
            account: &account,
            profile,
            person: &person,
            attempt: &attempt,
            doomed: None,
            forced: Forced::Nothing,
            early: false,
        };
        change(&mut accepted);
        accepted.plan()
    }

    #[test]
    fn a_good_day_delivers_and_charges_everybody() {
        for n in 0..200 {
            let plan = plan(&Profile::none(), &n.to_string(), |_| {});
            assert!(plan.truth.is_delivered() && plan.truth.is_fully_announced());
            assert_eq!(plan.truth.price, Decimal::new(86, 2));
            assert!(plan.told.is_sorted_by_key(|told| told.due));
        }
    }

    #[test]
    fn longer_offline_than_the_ttl_expires_in_silence() {
        let offline = |seconds| plan(&Profile::none(), "1", |a| a.forced = Forced::Offline { seconds });
        let late = offline(13 * 3600);
        assert_eq!(late.truth.fate, Fate::Expired);
        assert_eq!(late.told.iter().map(|told| told.status).collect::<Vec<_>>(), [Status::Sent]);
        assert_eq!(late.truth.price, Decimal::ZERO);
        assert!(offline(3600).truth.is_delivered());
    }

    #[test]
    fn the_auction_is_lost_below_the_price_that_is_asked() {
        let with_cap = |cap| plan(&Profile::none(), "1", |a| a.cap = Some(cap)).truth;
        assert_eq!(with_cap(Decimal::new(1, 3)).fate, Fate::Failed(131049));
        let won = with_cap(Decimal::from(10));
        assert!(won.is_delivered() && won.price > Decimal::ZERO && won.price < Decimal::from(2));
        let silent = Profile { auction_loss_told: 0.0, ..Profile::none() };
        let lost = plan(&silent, "1", |a| a.cap = Some(Decimal::new(1, 3)));
        assert_eq!(lost.truth.fate, Fate::Expired);
        assert!(lost.told.is_empty());
    }

    #[test]
    fn reordered_webhooks_tell_the_same_truth() {
        let profile = Profile { reordered: 1.0, ..Profile::none() };
        let mut plan = plan(&profile, "1", |_| {});
        plan.told.sort_by_key(|told| told.due);
        let order: Vec<Status> = plan.told.iter().map(|told| told.status).collect();
        assert_eq!(order[..2], [Status::Delivered, Status::Sent]);
        assert_eq!(plan.truth.timeline[0].status, Status::Sent);
    }

    #[test]
    fn duplicates_come_twice_and_missing_ones_never() {
        let twice = plan(&Profile { duplicate: 1.0, ..Profile::none() }, "1", |_| {});
        assert_eq!(twice.told.len(), 2 * twice.truth.timeline.len());
        let never = plan(&Profile { missing: 1.0, ..Profile::none() }, "1", |_| {});
        assert!(never.told.is_empty() && !never.truth.is_fully_announced() && never.truth.is_delivered());
    }
}
