//! Random histories against a naive model: claims, every outcome, crashes, late, doubled, reordered and early
//! statuses, inference, policies, operators, pauses, ends that come too early, retries, TTLs, cancellation.
//!
//! The model keeps a plain record of what the platform really did and what we were told, and knows nothing of
//! the store's states. It states the guarantees: an attempt is granted only when what was told allows it, of every
//! attempt before it; nothing is granted where an attempt is known to have been taken and not to have failed;
//! what is delivered stays delivered; nobody is forgotten; no claim passes the budget; and when all has been
//! told, every message is where the truth is.
//!
//! `PACELINE_MODEL_CASES` sets how many histories are tried (10,000; in PostgreSQL a fiftieth of it),
//! `PACELINE_MODEL_SEED` plays one again.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use campaign::doubt::Decision;
use campaign::gate::GateRules;
use campaign::ids::{MessageId, Seq, SliceId};
use campaign::lifecycle::Event;
use campaign::message::{Again, State, Status};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sqlx::sqlite::SqlitePool;
use store::conformance::scene::{Setup, WORST_CASE, at, failure, template, worker};
use store::model::{
    About, Claim, GateEvent, MessageRow, NewCampaign, Outcome, OutcomeKind, ReleaseOrder, SliceEnd,
    StatusUpdate, Suppression,
};
use store::{PostgresStore, SharedStore, SqliteStore};

/// All of the scenes' definitions leave doubts alone for that long.
const DOUBT_AFTER: TimeDelta = TimeDelta::minutes(10);
const TTL: TimeDelta = TimeDelta::hours(12);

/// What the platform did with an attempt, decided when it was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Never took it: refused, or the request was lost on the way.
    NotTaken,
    /// Took it, and delivered it, or not, or still has it.
    Taken(End),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Read,
    Delivered,
    Failed,
    FailedForNow,
    Lost,
}

/// An attempt, and what we were told of it.
#[derive(Debug, Clone)]
struct Attempt {
    fate: Fate,
    /// Its worker is still there to record the outcome.
    in_hand: bool,
    /// The same answer is given if it is recorded again.
    answer: Option<OutcomeKind>,
    /// When the store was told that its outcome is unknown, or that its worker is gone.
    doubted_at: Option<DateTime<Utc>>,
    told_refused: bool,
    told_accepted: bool,
    told: BTreeSet<&'static str>,
    /// Told before its id was known: until the response is recorded, nobody knows whose they are.
    parked: BTreeSet<&'static str>,
    /// From then on another attempt is allowed, by what was told.
    again_from: Option<DateTime<Utc>>,
    /// An operator ended its doubt by sending once more.
    is_to_be_resent: bool,
}

#[derive(Debug, Clone, Default)]
struct Recipient {
    attempts: Vec<Attempt>,
    is_suppressed: bool,
    resends: u32,
}

struct Case {
    store: SharedStore,
    rng: ChaCha8Rng,
    seed: u64,
    now: DateTime<Utc>,
    id: campaign::ids::CampaignId,
    policy: &'static str,
    budget: Option<i64>,
    recipients: Vec<Recipient>,
    released: Vec<u32>,
    is_running: bool,
    before: Vec<MessageRow>,
    history: Vec<String>,
    /// Done to the database behind the store's back after every step, to see whether the model notices.
    sabotage: Option<(SqlitePool, &'static str)>,
}

impl Case {
    async fn launch(store: &SharedStore, seed: u64, begins: DateTime<Utc>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let (policy, extra) = [
            ("hold", "in_doubt: hold\nin_doubt_after: 10m"),
            ("resend", "in_doubt: resend\nin_doubt_after: 10m"),
            ("drop", "in_doubt: drop\nin_doubt_after: 10m"),
        ][rng.random_range(0..3)];
        // Sending once more has the longest stories: few messages, so that each has one.
        let messages = rng.random_range(1..=if policy == "resend" { 2 } else { 4 });
        let budget = rng.random_bool(0.3).then(|| rng.random_range(5..45));
        let setup = Setup { messages, per_slice: rng.random_range(1..=4), budget, extra, ..Setup::default() };
        let new = NewCampaign { key: format!("case-{seed}"), ..setup.campaign() };
        let id = store.begin_launch(new, Duration::from_secs(60), begins).await.unwrap();
        store.add_chunk(id, setup.chunk(), begins).await.unwrap();
        store.finish_launch(id, setup.totals(), begins).await.unwrap();
        store.transition(id, Event::Begin, None, begins).await.unwrap();
        store.gate_event(&template(), GateEvent::OpenByHand, &GateRules::default(), begins).await.unwrap();
        let before = store.messages(id, None, 100).await.unwrap();
        let recipients = vec![Recipient::default(); before.len()];
        let store = Arc::clone(store);
        let history = vec![format!("{messages} messages, in doubt: {policy}, budget {budget:?}")];
        Self {
            store,
            rng,
            seed,
            now: begins,
            id,
            policy,
            budget,
            recipients,
            released: vec![],
            is_running: true,
            before,
            history,
            sabotage: None,
        }
    }

    fn demand(&self, is_so: bool, what: &str) {
        assert!(
            is_so,
            "{what}\nPACELINE_MODEL_SEED={} plays this again:\n  {}\nrecipients: {:#?}\nrows: {:#?}",
            self.seed,
            self.history.join("\n  "),
            self.recipients,
            self.before
        );
    }

    fn note(&mut self, what: String) {
        self.history.push(format!("{} {what}", self.now.format("%dT%H:%M:%S")));
    }

    fn message(&self, seq: usize) -> MessageId {
        MessageId { campaign: self.id, seq: Seq(u32::try_from(seq).unwrap()) }
    }

    /// An attempt that was made, chosen at random.
    fn any_attempt(&mut self) -> Option<(usize, usize)> {
        let made: Vec<_> = self
            .recipients
            .iter()
            .enumerate()
            .flat_map(|(seq, r)| (0..r.attempts.len()).map(move |attempt| (seq, attempt)))
            .collect();
        (!made.is_empty()).then(|| made[self.rng.random_range(0..made.len())])
    }

    async fn play(&mut self) {
        for _ in 0..if self.policy == "resend" { 40 } else { 25 } {
            self.step().await;
        }
        self.end().await;
    }

    async fn step(&mut self) {
        self.now += TimeDelta::seconds(self.rng.random_range(0..40));
        match self.rng.random_range(0..100) {
            0..=9 => self.release().await,
            10..=34 => self.claim().await,
            35..=54 => self.record().await,
            55..=76 => self.statuses().await,
            77..=79 => self.crash().await,
            80..=82 => self.doubts().await,
            83..=84 => self.operator().await,
            85..=87 => self.retries().await,
            88..=89 => self.finish_slice().await,
            90 => self.finish_in_vain().await,
            91 => self.pause_or_resume().await,
            92 => self.ttl().await,
            93 => self.suppress().await,
            94 => self.infer().await,
            95 => {
                self.note("slices whose lease ended are taken back".into());
                self.store.reclaim_slices(self.now).await.unwrap();
            }
            96..=97 => {
                self.now += DOUBT_AFTER;
                self.note("ten minutes pass".into());
            }
            _ => {
                self.note("the rest expires".into());
                self.store.expire_unsent(self.id, self.now, 2).await.unwrap();
            }
        }
        self.look().await;
        if self.rng.random_bool(0.02) {
            self.verify().await;
        }
        if let Some((raw, sql)) = &self.sabotage {
            sqlx::query(*sql).execute(raw).await.unwrap();
        }
    }

    async fn release(&mut self) {
        let orders = [ReleaseOrder { group: 0, messages: self.rng.random_range(1..6) }];
        let until = self.now + TimeDelta::seconds(60);
        let released = self.store.release(self.id, &orders, self.now, until).await.unwrap();
        self.demand(self.is_running || released.is_empty(), "slices of a paused campaign were released");
        self.released.extend(released.iter().map(|r| r.slice.number));
        self.note(format!("released {:?}", released.iter().map(|r| r.slice.number).collect::<Vec<_>>()));
    }

    async fn claim(&mut self) {
        if self.released.is_empty() {
            return self.release().await;
        }
        let number = self.released[self.rng.random_range(0..self.released.len())];
        let mut seqs: Vec<Seq> = self.before.iter().map(|m| m.seq).collect();
        seqs.retain(|_| self.rng.random_bool(0.7));
        let claim = Claim {
            slice: SliceId { campaign: self.id, number },
            seqs: seqs.clone(),
            worker: worker(&format!("w-{}-{}", self.seed, self.rng.random_range(0..2))),
            lease_until: self.now + TimeDelta::seconds(60),
            daily_reach: None,
        };
        let claimed = self.store.claim(&claim, &GateRules::default(), self.now).await.unwrap();
        let granted: Vec<_> = claimed.messages.iter().map(|m| (m.seq.0, m.attempt)).collect();
        self.note(format!(
            "of slice {number} {seqs:?} claimed, granted (seq, attempt) {granted:?}, {:?}",
            claimed.held
        ));
        self.demand(self.is_running || granted.is_empty(), "a paused campaign's message was granted");
        for message in &claimed.messages {
            let seq = message.seq.0 as usize;
            self.demand(seqs.contains(&message.seq), "a message was granted that was not asked for");
            self.demand(
                message.attempt as usize == self.recipients[seq].attempts.len() + 1,
                "attempts are not counted",
            );
            self.may_be_sent(seq);
            let fate = match self.rng.random_range(0..10) {
                0..=3 => Fate::NotTaken,
                4..=5 => Fate::Taken(End::Read),
                6 => Fate::Taken(End::Delivered),
                7 => Fate::Taken(End::Failed),
                8 => Fate::Taken(End::FailedForNow),
                _ => Fate::Taken(End::Lost),
            };
            self.recipients[seq].attempts.push(Attempt {
                fate,
                in_hand: true,
                answer: None,
                doubted_at: None,
                told_refused: false,
                told_accepted: false,
                told: BTreeSet::new(),
                parked: BTreeSet::new(),
                again_from: None,
                is_to_be_resent: false,
            });
        }
        if let Some(budget) = self.budget.filter(|_| !granted.is_empty()) {
            let rows = self.store.messages(self.id, None, 100).await.unwrap();
            let may_cost = |m: &MessageRow| match m.cost {
                Some(cost) => cost.0,
                None if m.state.holds_reservation() => WORST_CASE.0,
                None => 0,
            };
            self.demand(rows.iter().map(may_cost).sum::<i64>() <= budget, "a claim passed the budget");
        }
    }

    /// At most once, as it is promised: a new attempt needs a reason in what was told of the newest one.
    fn may_be_sent(&mut self, seq: usize) {
        let recipient = &self.recipients[seq];
        let delivered = |a: &Attempt| a.told.contains("delivered") || a.told.contains("read");
        self.demand(!recipient.is_suppressed, "a message was sent to who opted out");
        self.demand(!recipient.attempts.iter().any(delivered), "a delivered message was sent again");
        // Whichever attempt it is of: with the platform is with the platform.
        let was_taken = |a: &Attempt| a.told_accepted || a.told.contains("sent");
        let is_there = |a: &Attempt| was_taken(a) && !a.told.contains("failed");
        self.demand(
            !recipient.attempts.iter().any(is_there),
            &format!("message {seq} was sent again although an attempt was taken"),
        );
        let Some(last) = recipient.attempts.last() else { return };
        let by_failure = last.again_from.is_some_and(|from| from <= self.now);
        // A doubt that was ended like this: nothing was told of the attempt. The policy gives it its time.
        let is_open = recipient.resends == 0 && !last.told_accepted && last.told.is_empty();
        let had_its_time = last.doubted_at.is_some_and(|since| since + DOUBT_AFTER <= self.now);
        let by_decision = is_open && (last.is_to_be_resent || (self.policy == "resend" && had_its_time));
        self.demand(by_failure || by_decision, &format!("message {seq} was sent again without a reason"));
        if !by_failure {
            self.recipients[seq].resends += 1;
        }
    }

    /// A worker answers for an attempt, perhaps for the second time.
    async fn record(&mut self) {
        let Some((seq, number)) = self.any_attempt() else { return };
        let newest = self.recipients[seq].attempts.len() - 1;
        let attempt = &self.recipients[seq].attempts[number];
        if !attempt.in_hand && attempt.answer.is_none() {
            return;
        }
        let (fate, told) = (attempt.fate, attempt.answer.clone());
        let answer = match (told, fate) {
            (Some(answer), _) => answer,
            (None, _) if self.rng.random_bool(if number == 0 { 0.4 } else { 0.2 }) => {
                OutcomeKind::Unknown { failure: failure(2) }
            }
            (None, Fate::Taken(_)) => {
                OutcomeKind::Accepted { wamid: self.wamid(seq, number), held: self.rng.random_bool(0.2) }
            }
            (None, Fate::NotTaken) => OutcomeKind::Refused {
                failure: failure(130_429),
                retry_at: self.rng.random_bool(0.7).then(|| self.now + TimeDelta::seconds(30)),
                counts: true,
            },
        };
        self.note(format!("message {seq}, attempt {}: {answer:?}", number + 1));
        let now = self.now;
        let attempt = &mut self.recipients[seq].attempts[number];
        match &answer {
            OutcomeKind::Accepted { .. } => {
                attempt.told_accepted = true;
                let parked = std::mem::take(&mut attempt.parked);
                attempt.told.extend(parked);
            }
            // Only the newest attempt's answer moves anything, and only the first one.
            OutcomeKind::Refused { retry_at, .. } if number == newest && !attempt.told_refused => {
                attempt.told_refused = true;
                attempt.again_from = *retry_at;
            }
            OutcomeKind::Refused { .. } => {}
            OutcomeKind::Unknown { .. } => {
                attempt.doubted_at.get_or_insert(now);
            }
        }
        attempt.in_hand = false;
        attempt.answer = Some(answer.clone());
        let outcome = Outcome {
            message: self.message(seq),
            attempt: u32::try_from(number + 1).unwrap(),
            result: answer,
        };
        let times = self.rng.random_range(1..=2);
        self.store.record(&vec![outcome; times], self.now).await.unwrap();
    }

    fn wamid(&self, seq: usize, number: usize) -> String {
        format!("wamid.{}.{seq}.{number}", self.id)
    }

    /// Webhooks of attempts that the platform took: any of theirs, in any order, with or without our key.
    async fn statuses(&mut self) {
        let mut updates = Vec::new();
        for _ in 0..self.rng.random_range(1..=3) {
            let Some((seq, number)) = self.any_attempt() else { return };
            let Fate::Taken(end) = self.recipients[seq].attempts[number].fate else { continue };
            let possible = end.statuses();
            let (name, status) = possible[self.rng.random_range(0..possible.len())];
            let update = self.update(seq, number, name, status);
            let times = self.rng.random_range(1..=2);
            updates.extend(vec![update; times]);
        }
        self.note(format!(
            "statuses {:?}",
            updates.iter().map(|u| (&u.wamid, u.key.is_some(), u.status)).collect::<Vec<_>>()
        ));
        self.store.apply_statuses(&updates, self.now).await.unwrap();
    }

    fn update(&mut self, seq: usize, number: usize, name: &'static str, status: Status) -> StatusUpdate {
        let message = self.message(seq);
        let wamid = self.wamid(seq, number);
        let is_keyed = self.rng.random_bool(0.5);
        let newest = self.recipients[seq].attempts.len() - 1;
        let now = self.now;
        let attempt = &mut self.recipients[seq].attempts[number];
        let is_later = status == Status::Failed { again: Again::Later };
        // Without a key it is known only once the response, or a status with a key, told the id.
        if is_keyed || attempt.told_accepted || !attempt.told.is_empty() {
            attempt.told.insert(name);
        } else {
            attempt.parked.insert(name);
        }
        if is_later && number == newest {
            // It may be parked and take hold at the response: this is the earliest.
            attempt.again_from.get_or_insert(now);
        }
        StatusUpdate {
            wamid,
            key: is_keyed.then(|| (message, u32::try_from(number + 1).unwrap())),
            status,
            at: now,
            failure: matches!(status, Status::Failed { .. }).then(|| failure(131_026)),
            retry_at: is_later.then_some(now),
            route: None,
            cost: None,
            about: (!is_keyed).then(|| About {
                senders: vec!["jaspers-in".to_owned()],
                recipients: vec![self.before[seq].recipient.clone()],
            }),
        }
    }

    /// A worker dies with what it has in hand.
    async fn crash(&mut self) {
        let is_take_over = self.rng.random_bool(0.5);
        self.now += TimeDelta::seconds(60);
        self.note(format!("all workers die; take over: {is_take_over}"));
        for recipient in &mut self.recipients {
            for attempt in recipient.attempts.iter_mut().filter(|a| a.in_hand) {
                // Half of them only seem dead and answer later.
                attempt.in_hand = self.rng.random_bool(0.5);
                attempt.doubted_at.get_or_insert(self.now);
            }
        }
        if is_take_over {
            self.store.take_over(&worker("next"), self.now).await.unwrap();
        } else {
            self.store.sweep_lost_workers(self.now, Duration::from_secs(30)).await.unwrap();
        }
        let rows = self.store.messages(self.id, None, 100).await.unwrap();
        self.demand(rows.iter().all(|m| m.state != State::Sending), "a dead worker's claim is no doubt");
    }

    async fn doubts(&mut self) {
        if self.rng.random_bool(0.5) {
            self.now += DOUBT_AFTER;
        }
        self.note("doubts end".into());
        self.store.sweep_doubts(self.now, 10).await.unwrap();
        self.hear_inferred().await;
    }

    /// An operator ends somebody's doubt, or tries to.
    async fn operator(&mut self) {
        let seq = self.rng.random_range(0..self.recipients.len());
        let decision = Decision::ALL[self.rng.random_range(0..Decision::ALL.len())];
        let seqs = [self.message(seq).seq];
        let ended = self.store.resolve_doubts(self.id, &seqs, decision, "asha", self.now).await.unwrap();
        let ended = ended[0].1;
        self.note(format!("an operator: message {seq} {}: {ended:?}", decision.name()));
        if ended.is_err() {
            return;
        }
        self.demand(self.before[seq].state == State::InDoubt, "an operator ended what was no doubt");
        if decision == Decision::Resend {
            self.demand(self.recipients[seq].resends == 0, "an operator sent for the third time");
            self.recipients[seq].attempts.last_mut().unwrap().is_to_be_resent = true;
        }
    }

    /// Doubts look for statuses that name nobody.
    async fn infer(&mut self) {
        self.now += TimeDelta::seconds(40);
        let inference = self.store.infer_statuses(None, self.now, 1_000).await.unwrap();
        self.note(format!("{} statuses are inferred", inference.matched));
        self.hear_inferred().await;
    }

    /// What was matched by inference has been told from then on; and it is the truth.
    async fn hear_inferred(&mut self) {
        let rows = self.store.messages(self.id, None, 100).await.unwrap();
        for (seq, row) in
            rows.iter().enumerate().filter(|(seq, row)| row.inferred && !self.before[*seq].inferred)
        {
            let number = self.recipients[seq].attempts.len() - 1;
            let is_it = row.wamid.as_deref() == Some(&self.wamid(seq, number));
            self.demand(is_it, &format!("message {seq} was matched with {:?}", row.wamid));
            let attempt = &mut self.recipients[seq].attempts[number];
            attempt.told.append(&mut attempt.parked);
            // It is never tried again.
            attempt.again_from = None;
        }
    }

    async fn retries(&mut self) {
        self.note("retries are placed".into());
        let size = self.rng.random_range(1..3);
        self.store.requeue_retries(self.now, size, 100).await.unwrap();
    }

    async fn finish_slice(&mut self) {
        if self.released.is_empty() {
            return;
        }
        let number = self.released.swap_remove(self.rng.random_range(0..self.released.len()));
        let not_before = self.rng.random_bool(0.3).then(|| self.now + TimeDelta::seconds(20));
        self.note(format!("slice {number} is finished, not before {not_before:?}"));
        let slice = SliceId { campaign: self.id, number };
        self.store.finish_slice(slice, SliceEnd { not_before }).await.unwrap();
    }

    async fn pause_or_resume(&mut self) {
        self.is_running = !self.is_running;
        self.note(format!("running: {}", self.is_running));
        let events: &[Event] = if self.is_running { &[Event::Resume, Event::Begin] } else { &[Event::Pause] };
        for event in events {
            self.store.transition(self.id, *event, None, self.now).await.unwrap();
        }
    }

    /// A scheduler that saw the campaign long ago takes it for finished.
    async fn finish_in_vain(&mut self) {
        let may_leave = |m: &MessageRow| m.state.is_unsent() || m.state == State::Sending;
        if !self.is_running || !self.before.iter().any(may_leave) {
            return;
        }
        self.note("the campaign is to be finished".into());
        self.store.transition(self.id, Event::Settle, None, self.now).await.unwrap();
        let refused = self.store.transition(self.id, Event::Finish, None, self.now).await;
        self.demand(refused.is_err(), "a campaign was finished that has something to send");
        self.store.transition(self.id, Event::Begin, None, self.now).await.unwrap();
    }

    async fn ttl(&mut self) {
        self.now += TTL;
        self.note("the TTL passes".into());
        self.store.sweep_ttl(self.now, Duration::ZERO, 100).await.unwrap();
    }

    async fn suppress(&mut self) {
        let seq = self.rng.random_range(0..self.recipients.len());
        self.note(format!("message {seq}'s recipient opts out"));
        self.recipients[seq].is_suppressed = true;
        let entry = Suppression { address: self.before[seq].recipient.clone(), source: "stop".into() };
        self.store.suppress(&[entry], self.now).await.unwrap();
    }

    /// What holds after every step: nobody is gone, and nothing goes backwards.
    async fn look(&mut self) {
        let rows = self.store.messages(self.id, None, 100).await.unwrap();
        self.demand(rows.len() == self.before.len(), "a message is gone");
        let is_delivered = |m: &MessageRow| matches!(m.state, State::Delivered | State::Read);
        for (seq, (before, after)) in std::mem::take(&mut self.before).iter().zip(&rows).enumerate() {
            let moved = format!("message {seq} went from {} to {}", before.state, after.state);
            let attempts = self.recipients[seq].attempts.len();
            self.demand(after.attempt as usize == attempts, "attempts are not those that were granted");
            self.demand(!is_delivered(before) || is_delivered(after), &moved);
            self.demand(before.state != State::Read || after.state == State::Read, &moved);
            self.demand(after.state != State::Queued || attempts == 0, &moved);
            self.demand(!is_delivered(after) || after.cost.is_some(), "a delivery cost nothing known");
        }
        self.before = rows;
    }

    /// All is told that is to be told, and time passes: then every message is where the truth is.
    async fn end(&mut self) {
        self.note("the campaign is called off, and all is told".into());
        if !self.is_running {
            self.store.transition(self.id, Event::Resume, None, self.now).await.unwrap();
        }
        self.store.transition(self.id, Event::Cancel, None, self.now).await.unwrap();
        self.store.take_over(&worker("next"), self.now).await.unwrap();
        let mut updates = Vec::new();
        for seq in 0..self.recipients.len() {
            for number in 0..self.recipients[seq].attempts.len() {
                if let Fate::Taken(end) = self.recipients[seq].attempts[number].fate {
                    for (name, status) in end.statuses() {
                        let mut update = self.update(seq, number, name, *status);
                        update.key = Some((self.message(seq), u32::try_from(number + 1).unwrap()));
                        update.about = None;
                        updates.push(update);
                    }
                }
            }
        }
        // In no order of their own.
        for last in (1..updates.len()).rev() {
            updates.swap(last, self.rng.random_range(0..=last));
        }
        self.store.apply_statuses(&updates, self.now).await.unwrap();
        self.store.skip_unsent(self.id, "called off", self.now, 100).await.unwrap();
        self.look().await;
        for seq in 0..self.recipients.len() {
            let state = self.before[seq].state;
            let ends: Vec<Fate> = self.recipients[seq].attempts.iter().map(|a| a.fate).collect();
            let right = if ends.contains(&Fate::Taken(End::Read)) {
                state == State::Read
            } else if ends.contains(&Fate::Taken(End::Delivered)) {
                state == State::Delivered
            } else {
                // Not sent, not delivered, or not known: but not still on its way to be sent.
                !matches!(
                    state,
                    State::Delivered | State::Read | State::Queued | State::Retrying | State::Sending
                )
            };
            self.demand(right, &format!("message {seq} ended as {state}, but the truth is {ends:?}"));
        }
        self.store.sweep_ttl(self.now + TTL, Duration::ZERO, 100).await.unwrap();
        self.verify().await;
        let doubles = |r: &Recipient| {
            r.attempts
                .iter()
                .filter(|a| matches!(a.fate, Fate::Taken(End::Read | End::Delivered | End::Lost)))
                .count()
        };
        for seq in 0..self.recipients.len() {
            let r = &self.recipients[seq];
            let allowed = 1 + usize::try_from(r.resends).unwrap();
            self.demand(doubles(r) <= allowed, &format!("recipient {seq} may have got it twice"));
        }
        let addresses: Vec<String> = self.before.iter().map(|m| m.recipient.clone()).collect();
        self.store.unsuppress(&addresses).await.unwrap();
    }

    async fn verify(&mut self) {
        let verdict = self.store.verify(self.id).await.unwrap();
        self.demand(verdict.violations.is_empty(), &format!("{:#?}", verdict.violations));
        let row = self.store.campaign_by_id(self.id).await.unwrap().unwrap();
        self.demand(row.is_conserved() && row.counts == verdict.counts, "the counters are not conserved");
    }
}

impl End {
    fn statuses(self) -> &'static [(&'static str, Status)] {
        const SENT: (&str, Status) = ("sent", Status::Sent);
        const DELIVERED: (&str, Status) = ("delivered", Status::Delivered);
        match self {
            Self::Read => &[SENT, DELIVERED, ("read", Status::Read)],
            Self::Delivered => &[SENT, DELIVERED],
            Self::Failed => &[SENT, ("failed", Status::Failed { again: Again::No })],
            Self::FailedForNow => &[SENT, ("failed", Status::Failed { again: Again::Later })],
            Self::Lost => &[SENT],
        }
    }
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// So many histories are played on one store: some queries look at all campaigns.
const ON_ONE_STORE: usize = 200;

/// Plays the histories of one share of the seeds.
async fn play<F: Future<Output = SharedStore>>(make: impl Fn() -> F, seeds: impl Iterator<Item = u64>) {
    let (mut store, mut begins) = (make().await, at(0));
    for (n, seed) in seeds.enumerate() {
        if n > 0 && n % ON_ONE_STORE == 0 {
            store = make().await;
        }
        let mut case = Case::launch(&store, seed, begins).await;
        case.play().await;
        // Sweeps look at all campaigns: the next one begins when this one is long over.
        begins = case.now + TTL * 2;
    }
}

/// Plays all histories, or the one that is asked for, in two shares at once, each on a store of its own.
fn play_all<F: Future<Output = SharedStore>>(cases: u64, make: impl Fn() -> F + Copy + Send + Sync) {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    if let Some(seed) = setting("PACELINE_MODEL_SEED") {
        return runtime().block_on(play(make, [seed].into_iter()));
    }
    std::thread::scope(|scope| {
        for share in 0..2 {
            let seeds = (0..cases).filter(move |seed| seed % 2 == share);
            scope.spawn(move || runtime().block_on(play(make, seeds)));
        }
    });
}

fn cases() -> u64 {
    setting("PACELINE_MODEL_CASES").unwrap_or(10_000)
}

#[test]
fn random_histories_keep_the_guarantees() {
    play_all(cases(), || async { Arc::new(SqliteStore::in_memory().await.unwrap()) as SharedStore });
}

#[test]
fn random_histories_keep_the_guarantees_in_postgres() {
    play_all(cases() / 50, || async {
        let url = servers::Postgres::shared().database();
        Arc::new(PostgresStore::connect(&url).await.unwrap()) as SharedStore
    });
}

#[test]
fn a_store_that_breaks_a_guarantee_is_caught() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    for sql in [
        "UPDATE messages SET state = 'retrying', retry_at = 0 WHERE state = 'accepted'",
        "UPDATE messages SET state = 'retrying', retry_at = 0 WHERE state = 'in_doubt'",
        "UPDATE messages SET retry_at = 0 WHERE state = 'retrying'",
        "UPDATE messages SET resent = 0, resent_fate = 'over'",
        "UPDATE messages SET resent_fate = 'over'",
        "UPDATE messages SET state = 'accepted' WHERE state = 'read'",
        "UPDATE messages SET state = 'failed' WHERE state = 'sent'",
        "UPDATE campaigns SET state = 'running' WHERE state = 'paused'",
        "UPDATE campaigns SET spent = 0, reserved = 0",
        "UPDATE messages SET worst_case = 0",
        "DELETE FROM suppressions",
        "DELETE FROM messages WHERE state = 'failed'",
        "UPDATE slices SET state = 'done' WHERE state = 'released'",
    ] {
        let caught = runtime.block_on(async {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("a.db").display().to_string();
            let store: SharedStore = Arc::new(SqliteStore::open(&path).await.unwrap());
            let raw = SqlitePool::connect(&path).await.unwrap();
            let mut begins = at(0);
            for seed in 0..2_000 {
                let mut case = Case::launch(&store, seed, begins).await;
                case.sabotage = Some((raw.clone(), sql));
                let played = tokio::spawn(async move {
                    case.play().await;
                    case.now
                });
                match played.await {
                    Ok(ended) => begins = ended + TTL * 2,
                    Err(panicked) => return panicked.is_panic(),
                }
            }
            false
        });
        assert!(caught, "nothing was noticed of: {sql}");
    }
}
