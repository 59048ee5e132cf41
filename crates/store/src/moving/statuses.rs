//! Status webhooks: matched with messages that are loaded, and applied on the campaign's own terms.

use campaign::doubt::Told as Heard;
use campaign::ids::MessageId;
use campaign::message::{Again, Event, Status};
use campaign::money::Micros;
use campaign::platform_error::{cool_down, lookup};
use chrono::{DateTime, Utc};

use super::batch::Batch;
use super::message::Entry;
use crate::codec::row_id_of;
use crate::model::{Failure, StatusReport, StatusUpdate};

/// What a status did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Effect {
    Moved,
    Nothing,
    NoSuchMessage,
}

/// What became of a batch of statuses.
#[derive(Debug, Default)]
pub(crate) struct Applied<'u> {
    /// The counts.
    pub(crate) report: StatusReport,
    /// What matches no message: to be parked.
    pub(crate) unmatched: Vec<&'u StatusUpdate>,
    /// What is to be kept of recipients.
    pub(crate) told: Told,
}

/// What statuses and answers tell of recipients, whatever becomes of their messages.
#[derive(Debug, Default)]
pub(crate) struct Told {
    /// Messages whose recipients do not want any more, and since when.
    pub(crate) opted_out: Vec<(i64, DateTime<Utc>)>,
    /// Messages whose recipients are left alone for a time, and until when.
    pub(crate) shielded: Vec<(i64, DateTime<Utc>)>,
}

impl Told {
    fn note(&mut self, update: &StatusUpdate, message: Option<i64>, now: DateTime<Utc>) {
        let Some(message) = message else { return };
        if update.failure.as_ref().is_some_and(says_opt_out) {
            self.opted_out.push((message, update.at));
        }
        if let Some(time) = update.failure.as_ref().and_then(|f| f.code).and_then(cool_down) {
            // From when it happened: the platform repeats its webhooks for days.
            let until = update.at + time;
            self.shielded.extend((until > now).then_some((message, until)));
        }
    }
}

/// What became of parked statuses.
#[derive(Debug, Default)]
pub(crate) struct Unparked {
    /// Numbers of those that are parked no longer.
    pub(crate) done: Vec<i64>,
    /// What is to be kept of recipients.
    pub(crate) told: Told,
}

/// The messages that our own keys name.
pub(crate) fn named(updates: &[StatusUpdate]) -> Vec<i64> {
    updates.iter().filter_map(|u| u.key).filter_map(|(message, _)| row_id_of(message)).collect()
}

/// The platform's ids of statuses that our own key does not lead to a loaded message.
pub(crate) fn unnamed<'u>(batch: &mut Batch, updates: &'u [StatusUpdate]) -> Vec<&'u str> {
    updates.iter().filter(|u| by_key(batch, u).is_none()).map(|u| u.wamid.as_str()).collect()
}

/// Applies statuses to the messages that are loaded.
pub(crate) fn apply<'u>(batch: &mut Batch, updates: &'u [StatusUpdate], now: DateTime<Utc>) -> Applied<'u> {
    let mut applied = Applied::default();
    for update in updates {
        let message = by_key(batch, update).or_else(|| batch.attempt_of(&update.wamid));
        applied.told.note(update, message.map(|(id, _)| id), now);
        match apply_one(batch, update, now) {
            Effect::Moved => applied.report.applied += 1,
            Effect::Nothing => applied.report.unchanged += 1,
            Effect::NoSuchMessage => {
                applied.unmatched.push(update);
                applied.report.parked += 1;
            }
        }
    }
    applied
}

/// Applies parked statuses, with their numbers, to the messages that are loaded.
pub(crate) fn apply_parked(
    batch: &mut Batch,
    parked: &[(i64, StatusUpdate)],
    now: DateTime<Utc>,
) -> Unparked {
    let mut unparked = Unparked::default();
    for (number, update) in parked {
        unparked.told.note(update, batch.attempt_of(&update.wamid).map(|(id, _)| id), now);
        if apply_one(batch, update, now) != Effect::NoSuchMessage {
            unparked.done.push(*number);
        }
    }
    unparked
}

/// Whether the failure says that the recipient does not want messages of this business (platform: 131050).
pub(crate) fn says_opt_out(failure: &Failure) -> bool {
    failure.code.and_then(lookup).is_some_and(|info| info.opt_out)
}

/// The message and attempt that our own key names, where there can be such an attempt.
fn by_key(batch: &mut Batch, update: &StatusUpdate) -> Option<(i64, u32)> {
    let (message, attempt): (MessageId, u32) = update.key?;
    let id = row_id_of(message)?;
    let entry = batch.get(id)?;
    (1..=entry.live.attempt).contains(&attempt).then_some((id, attempt))
}

fn apply_one(batch: &mut Batch, update: &StatusUpdate, now: DateTime<Utc>) -> Effect {
    let Some((id, attempt)) = by_key(batch, update).or_else(|| batch.attempt_of(&update.wamid)) else {
        return Effect::NoSuchMessage;
    };
    let Some(entry) = batch.get(id) else { return Effect::NoSuchMessage };
    let of = entry.of(attempt);
    let Terms { status, retry_at, failures } = terms(update, id, entry, now);
    let Ok(moved) = entry.happen(Event::Status(of, status), now) else {
        // A message that was never claimed: the webhook is not about it.
        return Effect::NoSuchMessage;
    };
    let live = &mut entry.live;
    match status {
        Status::Sent if moved || live.current.counts(of) => earliest(&mut live.sent_at, update.at),
        Status::Sent => {}
        Status::Delivered => earliest(&mut live.delivered_at, update.at),
        Status::Read => {
            // Its own status may never come.
            earliest(&mut live.delivered_at, update.at);
            earliest(&mut live.read_at, update.at);
        }
        Status::Failed { .. } => {
            if moved {
                live.failures = failures;
                live.keep_failure(update.failure.clone().unwrap_or_else(untold_failure), retry_at);
            } else if live.current.state.is_delivered() && live.current.counts(of) {
                // It changes nothing, and is not forgotten either.
                live.failure.get_or_insert_with(|| update.failure.clone().unwrap_or_else(untold_failure));
            }
        }
    }
    if let Some(route) = &update.route {
        live.route = Some(route.clone());
    }
    if let Some((cost, currency)) = update.cost {
        // An amount of another currency cannot be added up: the rate card's figure stands for it.
        if currency.code() == entry.currency
            && let Some(cost) = Micros::from_decimal_ceil(cost)
        {
            entry.told_cost(cost);
        }
    }
    entry.name_nobody();
    batch.learn_wamid(id, attempt, &update.wamid);
    batch.hear(id, attempt, heard(status));
    if moved { Effect::Moved } else { Effect::Nothing }
}

/// What a status tells of its attempt.
fn heard(status: Status) -> Heard {
    match status {
        Status::Sent => Heard::Taken,
        Status::Delivered | Status::Read => Heard::Delivered,
        Status::Failed { .. } => Heard::Failed,
    }
}

/// A status on the campaign's own terms.
struct Terms {
    status: Status,
    retry_at: Option<DateTime<Utc>>,
    /// Failures that count, this one included.
    failures: u32,
}

/// Whether and when a failed message is tried again is the campaign's to say as well: not more often than its
/// retry policy has it, with its growing waits, and not at or after its end. A failure that may be tried again
/// at no known time is taken for final: it must not be tried at once. So is one of a message that was matched by
/// inference, as nobody is written to twice on a guess, and one of a message that is nobody's any more.
fn terms(update: &StatusUpdate, id: i64, entry: &Entry, now: DateTime<Utc>) -> Terms {
    let before = entry.live.failures;
    let Status::Failed { again } = update.status else {
        return Terms { status: update.status, retry_at: None, failures: before };
    };
    let info = update.failure.as_ref().and_then(|f| f.code).and_then(lookup);
    let counts = info.is_none_or(|info| info.counts_as_attempt);
    let failures = before + u32::from(counts);
    let has_attempts_left = !entry.is_over
        && !entry.is_inferred
        && !entry.is_purged
        && (!counts || failures < entry.retry.attempts);
    let retry_at = update.retry_at.filter(|_| again == Again::Later && has_attempts_left).map(|told| {
        let least = info.and_then(|info| info.delay.least(failures.max(1))).unwrap_or_default();
        told.max(now + entry.retry.delay(failures.max(1), id.unsigned_abs()).max(least))
    });
    let retry_at = retry_at.filter(|at| entry.ends_at.is_none_or(|end| *at < end));
    let again = if retry_at.is_some() { Again::Later } else { Again::No };
    Terms { status: Status::Failed { again }, retry_at, failures }
}

fn earliest(kept: &mut Option<DateTime<Utc>>, at: DateTime<Utc>) {
    *kept = Some(kept.map_or(at, |known| known.min(at)));
}

fn untold_failure() -> Failure {
    Failure { code: None, class: "unknown".to_owned(), detail: "the platform gave no reason".to_owned() }
}
