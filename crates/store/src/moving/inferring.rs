//! Which message a parked status is of, where neither the platform's id nor a key of ours leads to one: the only one in
//! doubt that was sent from that number to that person shortly before.
//!
//! Whoever else the status might be of keeps it parked: a message that is just being sent, a doubt that was given up or
//! sent once more, a second status of another id that fits as well.

use std::collections::{BTreeMap, HashMap};

use campaign::message::{Fate, State};
use chrono::{DateTime, TimeDelta, Utc};

use crate::StoreError;
use crate::codec::{named, number, optional_time};
use crate::columns::Columns;
use crate::model::StatusUpdate;

type Result<T> = std::result::Result<T, StoreError>;

/// How long a status is parked before it is looked at: the answer that tells its id comes first, where one comes.
pub(crate) const FIRST_LOOK: TimeDelta = TimeDelta::seconds(30);

/// How long a message has been in doubt at least: a worker that was only taken for dead has recorded its answer by then.
const SETTLED: TimeDelta = TimeDelta::seconds(10);

/// How long after its claim a message is reported by the platform at the most, to be known by that. What the platform
/// held back for longer is not matched by inference.
const AT_MOST: TimeDelta = TimeDelta::minutes(5);

/// By how much the platform's clock may be behind ours; its times are whole seconds besides.
const BEHIND: TimeDelta = TimeDelta::seconds(5);

/// When a status that is parked now is looked at for the first time; `None`: it says too little.
pub(crate) fn first_look(update: &StatusUpdate, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    update.about.as_ref().map(|_| now + FIRST_LOOK)
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

/// A message that a status may be of: its newest attempt was made at the time, and has no id.
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
    fn is_settled_doubt(&self, now: DateTime<Utc>) -> bool {
        self.state == State::InDoubt
            && matches!(self.resent, Fate::Over | Fate::Stands)
            && self.doubt_since.is_some_and(|since| since + SETTLED <= now)
    }
}

/// A parked status's id that is taken for an attempt's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Inferred<'p> {
    pub(crate) wamid: &'p str,
    pub(crate) id: i64,
    pub(crate) attempt: u32,
}

/// Parked statuses that are looked at together, by the platform's ids: of each the first one counts.
#[derive(Debug)]
pub(crate) struct Look<'p> {
    ids: Vec<&'p StatusUpdate>,
}

impl<'p> Look<'p> {
    /// A look at parked statuses.
    pub(crate) fn at(parked: &'p [StatusUpdate]) -> Self {
        let mut first: BTreeMap<&str, &StatusUpdate> = BTreeMap::new();
        for update in parked.iter().filter(|update| update.about.is_some() && update.key.is_none()) {
            let known = first.entry(&update.wamid).or_insert(update);
            if update.at < known.at {
                *known = update;
            }
        }
        Self { ids: first.into_values().collect() }
    }

    /// What to look for among messages.
    pub(crate) fn wanted(&self) -> Vec<Wanted> {
        let mut wanted = Vec::new();
        for (place, update) in (0..).zip(&self.ids) {
            for recipient in update.about.iter().flat_map(|about| &about.recipients) {
                wanted.push(Wanted {
                    place,
                    recipient: recipient.clone(),
                    since: update.at - AT_MOST,
                    until: update.at + BEHIND,
                });
            }
        }
        wanted
    }

    /// The ids that can only be those of one message each.
    pub(crate) fn decide(&self, candidates: &[Candidate], now: DateTime<Utc>) -> Vec<Inferred<'p>> {
        let mut by_message: HashMap<i64, Vec<Inferred<'p>>> = HashMap::new();
        for (place, update) in (0..).zip(&self.ids) {
            let Some(about) = &update.about else { continue };
            let fits = |c: &&Candidate| c.place == place && about.senders.contains(&c.sender);
            let mut fitting = candidates.iter().filter(fits);
            let (Some(one), None) = (fitting.next(), fitting.next()) else { continue };
            let inferred = Inferred { wamid: &update.wamid, id: one.id, attempt: one.attempt };
            if one.is_settled_doubt(now) {
                by_message.entry(one.id).or_default().push(inferred);
            }
        }
        // Of two ids that fit one message, nobody knows which is its own.
        let mut inferred: Vec<Inferred<'p>> =
            by_message.into_values().filter(|ids| ids.len() == 1).flatten().collect();
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

    fn parked(wamid: &str, seconds: i64) -> StatusUpdate {
        StatusUpdate {
            wamid: wamid.to_owned(),
            key: None,
            status: Status::Sent,
            at: at(seconds),
            failure: None,
            retry_at: None,
            route: None,
            cost: None,
            about: Some(About { senders: vec!["s1".to_owned()], recipients: vec!["91".to_owned()] }),
        }
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

    fn decided(parked: &[StatusUpdate], candidates: &[Candidate]) -> Vec<(String, i64)> {
        let inferred = Look::at(parked).decide(candidates, at(60));
        inferred.into_iter().map(|one| (one.wamid.to_owned(), one.id)).collect()
    }

    #[test]
    fn the_only_doubt_there_is_it() {
        assert_eq!(decided(&[parked("w1", 1)], &[doubt(0, 7)]), [("w1".to_owned(), 7)]);
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
        assert_eq!(decided(&[parked("w1", 1)], &[doubt(0, 7), elsewhere]), [("w1".to_owned(), 7)]);
    }

    #[test]
    fn two_ids_that_fit_one_message_are_nobodys() {
        let both = [parked("w1", 1), parked("w2", 2)];
        assert_eq!(decided(&both, &[doubt(0, 7), doubt(1, 7)]), []);
        // Two statuses of one id are one.
        let one = [parked("w1", 9), parked("w1", 2)];
        assert_eq!(decided(&one, &[doubt(0, 7)]), [("w1".to_owned(), 7)]);
        assert_eq!(Look::at(&one).wanted()[0].until, at(2) + BEHIND, "the first one's time counts");
    }

    #[test]
    fn a_fresh_doubt_may_still_hear_its_answer() {
        let fresh = Candidate { doubt_since: Some(at(55)), ..doubt(0, 7) };
        assert_eq!(decided(&[parked("w1", 1)], &[fresh]), []);
    }
}
