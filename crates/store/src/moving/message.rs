//! One message between reading and writing: the columns that change, moved by `campaign::message::next`.

use std::time::Duration;

use campaign::ids::CampaignId;
use campaign::lifecycle;
use campaign::message::{self, Current, Event, Fate, Forbidden, Next, Of, State};
use campaign::money::Micros;
use campaign::retry::Policy;
use chrono::{DateTime, TimeDelta, Utc};

use crate::StoreError;
use crate::codec::{amount, named, number, optional_time};
use crate::columns::Columns;
use crate::model::Failure;

type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Columns of `m` (messages) and `c` (campaigns) that [`Entry::read`] reads, in its order.
macro_rules! live_columns {
    () => {
        "m.id, m.campaign_id, m.slice_no, m.state, m.assumed, m.placed, m.attempt, m.failures, m.resent, \
         m.resent_fate, m.worker, m.wamid, m.failure_code, m.failure_class, m.failure_detail, m.retry_at, \
         m.claimed_at, m.doubt_since, m.accepted_at, m.ttl_at, m.sent_at, m.delivered_at, m.read_at, m.route, \
         m.cost, m.cost_told, m.reserved, m.worst_case, m.expected_cost, c.ttl_s, c.currency, c.ends_at, \
         c.retry_attempts, c.retry_base, c.retry_max, c.state, m.inferred, \
         m.recipient LIKE 'purged-%'"
    };
}
pub(crate) use live_columns;

/// The part of a message that changes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Live {
    /// Where it is.
    pub(crate) current: Current,
    /// Whether it waits in its slice.
    pub(crate) placed: bool,
    pub(crate) attempt: u32,
    pub(crate) failures: u32,
    /// The attempt whose doubt was ended by sending once more; 0: none was.
    pub(crate) resent: u32,
    pub(crate) worker: Option<String>,
    /// The platform's id of the [attempt that is shown](Live::shown_attempt).
    pub(crate) wamid: Option<String>,
    pub(crate) failure: Option<Failure>,
    pub(crate) retry_at: Option<DateTime<Utc>>,
    pub(crate) claimed_at: Option<DateTime<Utc>>,
    pub(crate) doubt_since: Option<DateTime<Utc>>,
    pub(crate) accepted_at: Option<DateTime<Utc>>,
    pub(crate) ttl_at: Option<DateTime<Utc>>,
    pub(crate) sent_at: Option<DateTime<Utc>>,
    pub(crate) delivered_at: Option<DateTime<Utc>>,
    pub(crate) read_at: Option<DateTime<Utc>>,
    pub(crate) route: Option<String>,
    pub(crate) cost: Option<Micros>,
    pub(crate) cost_told: bool,
    pub(crate) reserved: Micros,
}

impl Live {
    /// Whose id the row holds: the newest attempt's, or the one's that stands for it.
    pub(crate) fn shown_attempt(&self) -> u32 {
        if self.current.shows_resent() { self.resent } else { self.attempt }
    }

    /// Keeps why an attempt failed and when the next one may be made, of a message that failed by it or is to be tried
    /// again. One that is accepted by another attempt has neither.
    pub(crate) fn keep_failure(&mut self, failure: Failure, retry_at: Option<DateTime<Utc>>) {
        match self.current.state {
            State::Retrying => (self.failure, self.retry_at) = (Some(failure), retry_at),
            State::Failed => self.failure = Some(failure),
            State::Queued
            | State::Sending
            | State::InDoubt
            | State::Accepted
            | State::Held
            | State::Sent
            | State::Delivered
            | State::Read
            | State::Expired
            | State::Skipped => {}
        }
    }
}

/// A message in a batch.
#[derive(Debug)]
pub(crate) struct Entry {
    /// As it was loaded.
    pub(crate) before: Live,
    /// As it is now.
    pub(crate) live: Live,
    pub(crate) campaign: CampaignId,
    /// The slice it travels in.
    pub(crate) slice: i64,
    worst_case: Micros,
    expected_cost: Micros,
    ttl: TimeDelta,
    /// The campaign's currency.
    pub(crate) currency: String,
    /// Nothing is tried again from then on.
    pub(crate) ends_at: Option<DateTime<Utc>>,
    /// Where the campaign is.
    pub(crate) campaign_state: lifecycle::State,
    /// Whether the campaign is over: nothing is tried again.
    pub(crate) is_over: bool,
    /// Whether the campaign is done: nothing sends, expires or skips any more what waits in it.
    pub(crate) is_done: bool,
    /// How often the campaign tries a message.
    pub(crate) retry: Policy,
    /// Whether it was matched by inference: it is never tried again.
    pub(crate) is_inferred: bool,
    /// Whether it is nobody's any more: it is never tried again, and nothing of a person is kept of it.
    pub(crate) is_purged: bool,
    /// What was added to the campaign's sums without asking its budget.
    pub(crate) unguarded: i64,
    /// The platform's ids of attempts that are shown no longer.
    pub(crate) retired: Vec<(String, u32)>,
}

impl Entry {
    /// A message from a row that starts with [`live_columns`], with its number.
    pub(crate) fn read(columns: &mut impl Columns) -> Result<(i64, Self)> {
        let id = columns.number()?;
        let campaign = CampaignId(columns.number()?);
        let slice = columns.number()?;
        let state = named("messages.state", &columns.text()?)?;
        let assumed = columns.flag()?;
        let placed = columns.flag()?;
        let attempt = number("messages.attempt", columns.number()?)?;
        let failures = number("messages.failures", columns.number()?)?;
        let resent = number("messages.resent", columns.number()?)?;
        let fate: Fate = named("messages.resent_fate", &columns.text()?)?;
        let live = Live {
            current: Current { state, assumed, resent: fate },
            placed,
            attempt,
            failures,
            resent,
            worker: columns.optional_text()?,
            wamid: columns.optional_text()?,
            failure: failure(columns.optional_number()?, columns.optional_text()?, columns.optional_text()?),
            retry_at: optional_time("messages.retry_at", columns.optional_number()?)?,
            claimed_at: optional_time("messages.claimed_at", columns.optional_number()?)?,
            doubt_since: optional_time("messages.doubt_since", columns.optional_number()?)?,
            accepted_at: optional_time("messages.accepted_at", columns.optional_number()?)?,
            ttl_at: optional_time("messages.ttl_at", columns.optional_number()?)?,
            sent_at: optional_time("messages.sent_at", columns.optional_number()?)?,
            delivered_at: optional_time("messages.delivered_at", columns.optional_number()?)?,
            read_at: optional_time("messages.read_at", columns.optional_number()?)?,
            route: columns.optional_text()?,
            cost: amount(columns.optional_number()?),
            cost_told: columns.flag()?,
            reserved: Micros(columns.number()?),
        };
        let worst_case = Micros(columns.number()?);
        let expected_cost = Micros(columns.number()?);
        let ttl = TimeDelta::seconds(columns.number()?);
        let currency = columns.text()?;
        let ends_at = optional_time("campaigns.ends_at", columns.optional_number()?)?;
        let span = |micros: i64| Duration::from_micros(micros.unsigned_abs());
        let retry = Policy {
            attempts: number("campaigns.retry_attempts", columns.number()?)?,
            base: span(columns.number()?),
            max: span(columns.number()?),
        };
        let state: lifecycle::State = named("campaigns.state", &columns.text()?)?;
        let entry = Self {
            before: live.clone(),
            live,
            campaign,
            slice,
            worst_case,
            expected_cost,
            ttl,
            currency,
            ends_at,
            campaign_state: state,
            is_over: state.is_over(),
            is_done: state == lifecycle::State::Done,
            retry,
            is_inferred: columns.flag()?,
            is_purged: columns.flag()?,
            unguarded: 0,
            retired: Vec::new(),
        };
        Ok((id, entry))
    }

    /// Whether it is not as it was loaded.
    pub(crate) fn is_changed(&self) -> bool {
        self.live != self.before
    }

    /// Whether a doubt of it was decided, so that it is worth knowing what is heard of its attempts.
    pub(crate) fn is_followed(&self) -> bool {
        self.live.resent != 0 || (self.before.current.assumed && self.before.current.state != State::Expired)
    }

    /// Which attempt that is, by its number.
    pub(crate) fn of(&self, attempt: u32) -> Of {
        let live = &self.live;
        if live.current.resent != Fate::Over && attempt == live.resent {
            Of::ResentAttempt
        } else if attempt == live.attempt {
            if self.was_only_refused() { Of::RefusedAttempt } else { Of::LatestAttempt }
        } else {
            Of::EarlierAttempt
        }
    }

    /// Whether all that is known of the newest attempt is that it was refused, or never left: no status of it came, or
    /// its id would be known.
    fn was_only_refused(&self) -> bool {
        let live = &self.live;
        let has_ended =
            matches!(live.current.state, State::Failed | State::Retrying | State::Expired | State::Skipped);
        has_ended && !live.current.assumed && live.wamid.is_none()
    }

    /// Whether the failure that is kept was told by a status, which stays true whatever else is told.
    fn has_told_failure(&self) -> bool {
        let live = &self.live;
        let has_failed =
            matches!(live.current.state, State::Failed | State::Retrying | State::Expired | State::Delivered);
        has_failed && !live.current.assumed && live.wamid.is_some()
    }

    /// Lets `event` happen by the state machine and draws the consequences that do not depend on who told:
    /// reservations, cost, and columns that only some states have. Says whether the message moved.
    pub(crate) fn happen(&mut self, event: Event, now: DateTime<Utc>) -> Result<bool, Forbidden> {
        let (to, moved) = match message::next(self.live.current, event)? {
            Next::To(to) => (to, true),
            Next::Learn(to) => (to, false),
            Next::Stay => return Ok(false),
        };
        let held_before = self.at_stake();
        let shown_before = self.live.shown_attempt();
        let told_failure = if self.has_told_failure() { self.live.failure.clone() } else { None };
        self.live.current = to;
        if moved {
            self.enter(to.state, now);
        }
        if to.state.is_delivered() {
            self.live.failure = told_failure;
        }
        self.live.reserved = Micros(self.worst_case.0.saturating_mul(i64::from(to.open_attempts())));
        if self.live.shown_attempt() != shown_before
            && let Some(wamid) = self.live.wamid.take()
        {
            self.retired.push((wamid, shown_before));
        }
        if event != Event::Claim {
            self.note_unguarded(held_before);
        }
        Ok(moved)
    }

    /// What changes with the state that the message has just moved to.
    fn enter(&mut self, state: State, now: DateTime<Utc>) {
        let live = &mut self.live;
        live.placed = false;
        // A doubt keeps whose it was: that worker may find out that nothing ever left.
        if state != State::InDoubt {
            live.worker = None;
        }
        live.retry_at = None;
        live.doubt_since = None;
        match state {
            State::Sending => {
                live.attempt += 1;
                live.claimed_at = Some(now);
                live.failure = None;
                // These belong to the attempt.
                live.accepted_at = None;
                live.ttl_at = None;
                live.sent_at = None;
            }
            State::InDoubt => live.doubt_since = Some(now),
            State::Accepted | State::Held | State::Sent => {
                live.failure = None;
                live.ttl_at.get_or_insert(now + self.ttl);
            }
            State::Delivered | State::Read => {
                live.failure = None;
                live.cost.get_or_insert(self.expected_cost);
            }
            State::Queued | State::Retrying | State::Failed | State::Expired | State::Skipped => {}
        }
    }

    /// What the platform says of a failure may have a person in it: of a message that was purged it is not kept. Why one
    /// was skipped are our own words.
    pub(crate) fn name_nobody(&mut self) {
        if self.is_purged
            && self.live.current.state != State::Skipped
            && let Some(failure) = &mut self.live.failure
        {
            failure.detail.clear();
        }
    }

    /// The platform told what a delivered message cost.
    pub(crate) fn told_cost(&mut self, cost: Micros) {
        if self.live.current.state.is_delivered() && !self.live.cost_told {
            let held_before = self.at_stake();
            self.live.cost = Some(cost);
            self.live.cost_told = true;
            self.note_unguarded(held_before);
        }
    }

    /// Whether one attempt's worst case fits below the ceiling, on top of what is at stake.
    pub(crate) fn fits(&self, at_stake: i64, budget: Option<i64>) -> bool {
        budget.is_none_or(|budget| at_stake.saturating_add(self.worst_case.0) <= budget)
    }

    /// What one attempt costs at the most.
    pub(crate) fn worst_case(&self) -> Micros {
        self.worst_case
    }

    fn at_stake(&self) -> i64 {
        self.live.reserved.0 + self.live.cost.map_or(0, |c| c.0)
    }

    fn note_unguarded(&mut self, before: i64) {
        self.unguarded += (self.at_stake() - before).max(0);
    }
}

/// A failure from its three columns.
pub(crate) fn failure(code: Option<i64>, class: Option<String>, detail: Option<String>) -> Option<Failure> {
    class.map(|class| Failure { code, class, detail: detail.unwrap_or_default() })
}
