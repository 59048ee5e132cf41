//! Which message a parked status is of, where neither the platform's id nor a key of ours leads to one: the only one in
//! doubt that was sent from that number to that person shortly before.
//!
//! Whoever else the status might be of keeps it parked: a message that is just being sent, a doubt that was given up or
//! sent once more, a second status of another id that fits as well.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use campaign::ids::{CampaignId, MessageId};
use campaign::message::{Fate, State};
use chrono::{DateTime, TimeDelta, Utc};

use crate::StoreError;
use crate::codec::{count, from_json, micros, named, number, optional_time, row_id, seq_of, time};
use crate::columns::Columns;
use crate::model::{DoubtPlace, StatusUpdate};

type Result<T> = std::result::Result<T, StoreError>;

/// How much time there is to wait for what would tell more.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Waits {
    /// There is time.
    Usual,
    /// The doubts end now, one way or the other: whatever is there counts, by whichever clock it came.
    None,
}

impl Waits {
    /// Whether an id is known for long enough: another one that fits as well may be on its way.
    fn is_known(self, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        matches!(self, Self::None) || since + TimeDelta::seconds(30) <= now
    }

    /// Whether a message is in doubt for long enough: a worker that was only taken for dead has recorded its answer by
    /// then.
    fn is_settled(self, since: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        matches!(self, Self::None) || since + TimeDelta::seconds(10) <= now
    }
}

/// How long after its claim a message is reported by the platform at the most, to be known by that. What the platform
/// held back for longer is not matched by inference.
const AT_MOST: TimeDelta = TimeDelta::minutes(5);

/// By how much the platform's clock may be behind ours; its times are whole seconds besides.
const BEHIND: TimeDelta = TimeDelta::seconds(5);

/// By which addresses a status that is parked is found, digits or a user id: none where it says too little.
pub(crate) fn addresses(update: &StatusUpdate) -> [Option<&str>; 2] {
    let recipients = update.about.as_ref().map_or(&[][..], |about| &about.recipients);
    [0, 1].map(|n| recipients.get(n).map(String::as_str))
}

/// A parked status, and when it came.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Parked {
    pub(crate) status: StatusUpdate,
    pub(crate) came: DateTime<Utc>,
}

/// A parked status from its columns.
pub(crate) fn parked(status: &str, came: i64) -> Result<Parked> {
    let status = from_json("parked_statuses.status", status)?;
    Ok(Parked { status, came: time("parked_statuses.parked_at", came)? })
}

/// Behind which campaign, time and message a page of doubts begins.
pub(crate) fn place(after: Option<DoubtPlace>) -> (i64, i64, i64) {
    after.map_or((0, 0, 0), |place| {
        let DoubtPlace { message, since } = place;
        (message.campaign.0, micros(since), row_id(message.campaign, message.seq))
    })
}

/// Where the page after this one, of messages and since when they are in doubt, begins; `None`: there is no more.
pub(crate) fn next_page(page: &[(i64, i64)], limit: u32) -> Result<Option<DoubtPlace>> {
    let is_full = count(page.len()) >= i64::from(limit);
    let Some((id, since)) = page.last().filter(|_| is_full) else { return Ok(None) };
    let message = MessageId { campaign: CampaignId(id >> 32), seq: seq_of(*id) };
    Ok(Some(DoubtPlace { message, since: time("messages.doubt_since", *since)? }))
}

/// One address that a parked status may be about, and when its message was claimed if it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// The number of the status's id among those that are looked at.
    pub(crate) place: i64,
    pub(crate) recipient: String,
    pub(crate) since: DateTime<Utc>,
    pub(crate) until: DateTime<Utc>,
}

/// A message that a status may be of: its newest attempt was made at the time, and has no id; or an attempt before it,
/// whose doubt was ended by sending once more, and nobody knows any more when that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Candidate {
    place: i64,
    id: i64,
    attempt: u32,
    state: State,
    resent: Fate,
    doubt_since: Option<DateTime<Utc>>,
    sender: String,
}

/// Columns of `m` (messages) and `g` (groups) after a [`Wanted::place`] that [`Candidate::read`] reads, in its order.
macro_rules! candidate_columns {
    () => {
        "m.id, m.attempt, m.state, m.resent_fate, m.doubt_since, g.sender"
    };
}
pub(crate) use candidate_columns;

impl Candidate {
    /// A candidate from a row of a place and [`candidate_columns`].
    pub(crate) fn read(columns: &mut impl Columns) -> Result<Self> {
        Ok(Self {
            place: columns.number()?,
            id: columns.number()?,
            attempt: number("messages.attempt", columns.number()?)?,
            state: named("messages.state", &columns.text()?)?,
            resent: named("messages.resent_fate", &columns.text()?)?,
            doubt_since: optional_time("messages.doubt_since", columns.optional_number()?)?,
            sender: columns.text()?,
        })
    }

    /// Whether it is in doubt, long enough that its answer would be known, and only one attempt of it may be meant.
    fn is_settled_doubt(&self, waits: Waits, now: DateTime<Utc>) -> bool {
        self.state == State::InDoubt
            && matches!(self.resent, Fate::Over | Fate::Stands)
            && self.doubt_since.is_some_and(|since| waits.is_settled(since, now))
    }
}

/// A parked status's id that is taken for an attempt's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inferred {
    pub(crate) wamid: String,
    pub(crate) id: i64,
    pub(crate) attempt: u32,
}

/// All that is parked of one id.
#[derive(Debug)]
struct Told<'p> {
    wamid: &'p str,
    /// When the first thing that is told of it came about.
    at: DateTime<Utc>,
    /// Since when the id is known.
    known: DateTime<Utc>,
    senders: BTreeSet<&'p str>,
    recipients: BTreeSet<&'p str>,
}

/// What is parked of some people, by the platform's ids.
#[derive(Debug)]
pub(crate) struct Look<'p> {
    ids: Vec<Told<'p>>,
}

impl<'p> Look<'p> {
    /// A look at all that is parked of some ids.
    pub(crate) fn at(parked: &'p [Parked]) -> Self {
        let mut ids: BTreeMap<&str, Told<'p>> = BTreeMap::new();
        for Parked { status, came } in parked {
            let told = ids.entry(&status.wamid).or_insert_with(|| Told {
                wamid: &status.wamid,
                at: status.at,
                known: *came,
                senders: BTreeSet::new(),
                recipients: BTreeSet::new(),
            });
            told.at = told.at.min(status.at);
            told.known = told.known.min(*came);
            if let Some(about) = &status.about {
                told.senders.extend(about.senders.iter().map(String::as_str));
                told.recipients.extend(about.recipients.iter().map(String::as_str));
            }
        }
        Self { ids: ids.into_values().collect() }
    }

    /// What to look for among messages.
    pub(crate) fn wanted(&self) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for (place, told) in (0..).zip(&self.ids) {
            for recipient in &told.recipients {
                wanted.push(Wanted {
                    place,
                    recipient: (*recipient).to_owned(),
                    since: told.at - AT_MOST,
                    until: told.at + BEHIND,
                });
            }
        }
        wanted
    }

    /// The ids that can only be those of one message each.
    pub(crate) fn decide(&self, candidates: &[Candidate], waits: Waits, now: DateTime<Utc>) -> Vec<Inferred> {
        let mut by_message: HashMap<i64, Vec<(&Told<'p>, &Candidate)>> = HashMap::new();
        for (place, told) in (0..).zip(&self.ids) {
            let fits = |c: &&Candidate| c.place == place && told.senders.contains(c.sender.as_str());
            let mut fitting = candidates.iter().filter(fits);
            let (Some(one), None) = (fitting.next(), fitting.next()) else { continue };
            by_message.entry(one.id).or_default().push((told, one));
        }
        let mut inferred = Vec::new();
        for ids in by_message.values() {
            // Of two ids that fit one message, nobody knows which is its own.
            let [(told, one)] = ids[..] else { continue };
            if one.is_settled_doubt(waits, now) && waits.is_known(told.known, now) {
                inferred.push(Inferred { wamid: told.wamid.to_owned(), id: one.id, attempt: one.attempt });
            }
        }
        inferred.sort_unstable_by_key(|one| one.id);
        inferred
    }
}

#[cfg(test)]
mod tests {
    use campaign::message::Status;

    use super::*;
    use crate::model::About;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(1_795_000_000 + seconds)
    }

    /// It came as soon as it came about.
    fn parked(wamid: &str, seconds: i64) -> Parked {
        let status = StatusUpdate {
            wamid: wamid.to_owned(),
            key: None,
            status: Status::Sent,
            at: at(seconds),
            failure: None,
            retry_at: None,
            route: None,
            cost: None,
            about: Some(About { senders: vec!["s1".to_owned()], recipients: vec!["91".to_owned()] }),
        };
        Parked { status, came: at(seconds) }
    }

    fn doubt(place: i64, id: i64) -> Candidate {
        Candidate {
            place,
            id,
            attempt: 1,
            state: State::InDoubt,
            resent: Fate::Over,
            doubt_since: Some(at(0)),
            sender: "s1".to_owned(),
        }
    }

    fn decided_after(waits: Waits, parked: &[Parked], candidates: &[Candidate]) -> Vec<(String, i64)> {
        let inferred = Look::at(parked).decide(candidates, waits, at(60));
        inferred.into_iter().map(|one| (one.wamid, one.id)).collect()
    }

    fn decided(parked: &[Parked], candidates: &[Candidate]) -> Vec<(String, i64)> {
        decided_after(Waits::Usual, parked, candidates)
    }

    fn it(wamid: &str) -> Vec<(String, i64)> {
        vec![(wamid.to_owned(), 7)]
    }

    #[test]
    fn the_only_doubt_there_is_it() {
        assert_eq!(decided(&[parked("w1", 1)], &[doubt(0, 7)]), it("w1"));
        assert_eq!(decided(&[parked("w1", 1)], &[]), []);
    }

    #[test]
    fn whoever_else_may_be_meant_keeps_it_parked() {
        let sending = Candidate { state: State::Sending, doubt_since: None, ..doubt(0, 8) };
        assert_eq!(decided(&[parked("w1", 1)], &[doubt(0, 7), sending.clone()]), []);
        assert_eq!(decided(&[parked("w1", 1)], &[sending]), []);
        assert_eq!(decided(&[parked("w1", 1)], &[doubt(0, 7), doubt(0, 8)]), []);
        let given_up = Candidate { state: State::Failed, doubt_since: None, ..doubt(0, 8) };
        assert_eq!(decided(&[parked("w1", 1)], &[doubt(0, 7), given_up]), []);
        assert_eq!(decided(&[parked("w1", 1)], &[Candidate { resent: Fate::Open, ..doubt(0, 7) }]), []);
    }

    #[test]
    fn another_senders_doubt_is_not_it_and_no_rival() {
        let elsewhere = Candidate { sender: "s2".to_owned(), ..doubt(0, 8) };
        assert_eq!(decided(&[parked("w1", 1)], std::slice::from_ref(&elsewhere)), []);
        assert_eq!(decided(&[parked("w1", 1)], &[doubt(0, 7), elsewhere]), it("w1"));
    }

    #[test]
    fn two_ids_that_fit_one_message_are_nobodys() {
        let both = [parked("w1", 1), parked("w2", 2)];
        assert_eq!(decided(&both, &[doubt(0, 7), doubt(1, 7)]), []);
        let fresh = [parked("w1", 1), parked("w2", 59)];
        assert_eq!(decided(&fresh, &[doubt(0, 7), doubt(1, 7)]), [], "nor where one has just come");
        // Two statuses of one id are one.
        let mut one = [parked("w1", 9), parked("w1", 2)];
        assert_eq!(decided(&one, &[doubt(0, 7)]), it("w1"));
        one[1].status.about = None;
        let wanted = Look::at(&one).wanted();
        assert_eq!((wanted.len(), wanted[0].until), (1, at(2) + BEHIND), "the first one's time counts");
    }

    #[test]
    fn what_is_fresh_waits_where_there_is_time() {
        let fresh = Candidate { doubt_since: Some(at(55)), ..doubt(0, 7) };
        assert_eq!(decided(&[parked("w1", 1)], std::slice::from_ref(&fresh)), []);
        assert_eq!(decided(&[parked("w1", 40)], &[doubt(0, 7)]), []);
        assert_eq!(decided_after(Waits::None, &[parked("w1", 61)], &[fresh]), it("w1"));
    }
}
