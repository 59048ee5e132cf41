//! A campaign that eight workers spend at once, with prices, failures and losses drawn at random.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use campaign::gate::GateRules;
use campaign::ids::CampaignId;
use campaign::lifecycle::Event;
use campaign::message::{Again, State, Status};
use campaign::money::{Currency, Micros};
use chrono::{DateTime, TimeDelta, Utc};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rust_decimal::Decimal;
use store::conformance::scene::{Scene, Setup, at, failure, template};
use store::model::{
    CampaignRow, ClaimedMessage, GateEvent, Held, NewCampaign, Outcome, OutcomeKind, StatusUpdate,
};
use tokio::sync::Notify;
use tokio::task::JoinSet;

use crate::books::Books;

pub(crate) const WORKERS: usize = 8;
/// More than the budget is enough for.
const MESSAGES: u32 = 180;
/// The longest bite, and what is told at once at the most.
const BITE: u32 = 20;
const BATCH: usize = 40;
/// The most that one message may cost: at most a fifty-fifth of the budget, so that less than 2 % can be left over.
const DEAREST: i64 = 1_000_000;
/// What was recorded so long ago has outlived its TTL, and its time in doubt.
const LONG_AGO: TimeDelta = TimeDelta::hours(13);

/// What the campaign does with attempts of which nobody knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doubts {
    /// They count as failed.
    Dropped,
    /// Their messages are sent once more, with both attempts reserved.
    SentAgain,
}

/// What really becomes of an attempt.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// Its price, in millionths; not told, the rate card's figure stands for it.
    Delivered { price: i64, is_told: bool },
    /// Taken by the platform, and failed there.
    Failed(Again),
    /// Not taken by the platform.
    Refused(Again),
    /// Taken, and never heard of again.
    Lost,
    /// Nobody knows, and it never left.
    NeverLeft,
}

/// What is still to be told of an attempt, in order.
struct Story {
    seq: u32,
    updates: VecDeque<StatusUpdate>,
    /// Whether it may be sent again after that.
    is_open_then: bool,
}

/// What the workers know together.
#[derive(Default)]
struct Desk {
    now: DateTime<Utc>,
    /// Messages to be claimed; some of them may have been, by others.
    open: Vec<u32>,
    stories: Vec<Story>,
    /// Doubts about what never left; those that are in it are old enough to be ended.
    doubted: Vec<u32>,
    /// Attempts that a sweep will end, doubts and losses.
    to_be_swept: u32,
    /// Workers that are doing something.
    busy: usize,
    /// How often something was done that may have given money back.
    given_back: u64,
    /// As much was given back when the budget last held a claim back.
    held_at: Option<u64>,
    /// Claims since something was given back.
    tries: u32,
    /// Attempts that were granted, and to whom.
    granted: BTreeSet<(u32, u32)>,
    granted_to: [u32; WORKERS],
    /// What was delivered costs this much.
    paid: i64,
}

enum Act {
    Claim(Vec<u32>),
    Tell(Vec<Story>),
    Sweep(Vec<u32>),
    Wait,
    Leave,
}

/// A campaign, when all is over.
pub(crate) struct Played {
    pub(crate) row: CampaignRow,
    /// What its deliveries cost, by those who delivered.
    pub(crate) paid: Micros,
    /// How many attempts each worker was granted.
    pub(crate) granted_to: [u32; WORKERS],
    pub(crate) ended: DateTime<Utc>,
}

struct Game {
    seed: u64,
    scenes: Vec<Scene>,
    /// The worst case and the rate card's figure of each message.
    prices: Vec<(i64, i64)>,
    doubts: Doubts,
    desk: Mutex<Desk>,
    changed: Notify,
    books: Arc<Books>,
    /// Done behind the stores' backs after every act, to see whether anybody notices.
    sabotage: Option<&'static str>,
}

/// Plays a campaign to its end, on the stores of the books.
pub(crate) async fn play(
    books: &Arc<Books>,
    seed: u64,
    doubts: Doubts,
    begins: DateTime<Utc>,
    sabotage: Option<&'static str>,
) -> Played {
    let game = Arc::new(Game::launch(books, seed, doubts, begins, sabotage).await);
    let mut workers = JoinSet::new();
    for number in 0..WORKERS {
        workers.spawn(Arc::clone(&game).work(number));
    }
    while let Some(worker) = workers.join_next().await {
        worker.unwrap();
    }
    let row = game.scenes[0].campaign().await;
    let desk = game.desk.lock().unwrap();
    Played { row, paid: Micros(desk.paid), granted_to: desk.granted_to, ended: desk.now }
}

impl Game {
    async fn launch(
        books: &Arc<Books>,
        seed: u64,
        doubts: Doubts,
        begins: DateTime<Utc>,
        sabotage: Option<&'static str>,
    ) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let extra = match doubts {
            Doubts::Dropped => {
                "in_doubt: drop\nin_doubt_after: 6h\nretry: { attempts: 4, base: 1s, max: 1s }"
            }
            Doubts::SentAgain => {
                "in_doubt: resend\nin_doubt_after: 6h\nretry: { attempts: 4, base: 1s, max: 1s }"
            }
        };
        let budget = Some(rng.random_range(DEAREST * 55..DEAREST * 60));
        let setup =
            Setup { messages: MESSAGES, per_slice: MESSAGES, excluded: 0, budget, extra, ..Setup::default() };
        let mut chunk = setup.chunk();
        let mut prices = Vec::new();
        for message in &mut chunk.messages {
            let worst = rng.random_range(DEAREST * 3 / 4..=DEAREST);
            let expected = worst * rng.random_range(50..=100) / 100;
            (message.worst_case, message.expected_cost) = (Micros(worst), Micros(expected));
            prices.push((worst, expected));
        }
        let store = books.store(0);
        let new = NewCampaign { key: format!("seed-{seed}"), ..setup.campaign() };
        let id = store.begin_launch(new, Duration::from_secs(60), begins).await.unwrap();
        store.add_chunk(id, chunk, begins).await.unwrap();
        store.finish_launch(id, setup.totals(), begins).await.unwrap();
        store.transition(id, Event::Begin, None, begins).await.unwrap();
        store.gate_event(&template(), GateEvent::OpenByHand, &GateRules::default(), begins).await.unwrap();
        let scene = |n| Scene {
            store: Arc::clone(books.store(n)),
            id,
            rules: GateRules::default(),
            daily_reach: None,
        };
        let scenes: Vec<_> = (0..WORKERS).map(scene).collect();
        scenes[0].release_all(begins).await;
        let desk = Desk { now: begins, open: (0..MESSAGES).collect(), ..Desk::default() };
        let desk = Mutex::new(desk);
        let books = Arc::clone(books);
        Self { seed, scenes, prices, doubts, desk, changed: Notify::new(), books, sabotage }
    }

    fn id(&self) -> CampaignId {
        self.scenes[0].id
    }

    async fn work(self: Arc<Self>, number: usize) {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed * WORKERS as u64 + number as u64);
        loop {
            let changed = self.changed.notified();
            let (act, now, given_back) = {
                let mut desk = self.desk.lock().unwrap();
                let act = desk.choose(&mut rng, self.seed);
                desk.busy += usize::from(!matches!(act, Act::Wait | Act::Leave));
                desk.now += TimeDelta::seconds(2);
                (act, desk.now, desk.given_back)
            };
            match act {
                Act::Claim(seqs) => self.claim(number, &seqs, now, given_back, &mut rng).await,
                Act::Tell(stories) => self.tell(number, stories, now, &mut rng).await,
                Act::Sweep(doubted) => self.sweep(number, doubted, now).await,
                Act::Wait => {
                    changed.await;
                    continue;
                }
                Act::Leave => return,
            }
            if let Some(sql) = self.sabotage {
                self.books.execute(sql).await;
            }
            self.desk.lock().unwrap().busy -= 1;
            self.changed.notify_waiters();
        }
    }

    async fn claim(
        &self,
        number: usize,
        seqs: &[u32],
        now: DateTime<Utc>,
        given_back: u64,
        rng: &mut ChaCha8Rng,
    ) {
        let scene = &self.scenes[number];
        let claimed = scene.claim_as(&format!("w{number}"), 0, seqs.iter().copied(), now).await;
        let (mut outcomes, mut old, mut told, mut reopened) = (vec![], vec![], vec![], vec![]);
        let mut doubted = Vec::new();
        {
            let mut desk = self.desk.lock().unwrap();
            for message in &claimed.messages {
                let attempt = (message.seq.0, message.attempt);
                assert!(desk.granted.insert(attempt), "seed {}: granted twice: {attempt:?}", self.seed);
                desk.granted_to[number] += 1;
                self.send(message, now, rng, &mut desk, &mut outcomes, &mut old, &mut told);
                match self.fate(attempt.0, attempt.1) {
                    Fate::Refused(Again::Later) => reopened.push(attempt.0),
                    Fate::NeverLeft => doubted.push(attempt.0),
                    Fate::Delivered { .. } | Fate::Failed(_) | Fate::Refused(Again::No) | Fate::Lost => {}
                }
            }
            match claimed.held {
                None => desk.tries = 0,
                Some(Held::Budget) => {
                    let is_granted = |seq: &u32| claimed.messages.iter().any(|m| m.seq.0 == *seq);
                    desk.open.extend(seqs.iter().filter(|seq| !is_granted(seq)));
                    desk.held_at = desk.held_at.max(Some(given_back));
                }
                Some(other) => assert_eq!(other, Held::Budget, "seed {}", self.seed),
            }
        }
        for (outcomes, when) in [(&old, now - LONG_AGO), (&outcomes, now)] {
            if !outcomes.is_empty() {
                scene.store.record(outcomes, when).await.unwrap();
            }
        }
        let mut desk = self.desk.lock().unwrap();
        desk.stories.extend(told);
        desk.open.extend(reopened);
        desk.doubted.extend(doubted);
        desk.to_be_swept += u32::try_from(old.len()).unwrap();
        // A claim that was held back gave nothing back; what was refused did.
        if !claimed.messages.is_empty() {
            desk.give_back();
        }
    }

    /// Sends an attempt: what its worker will record, and what will be told of it.
    #[expect(clippy::too_many_arguments, reason = "three kinds of consequences")]
    fn send(
        &self,
        message: &ClaimedMessage,
        now: DateTime<Utc>,
        rng: &mut ChaCha8Rng,
        desk: &mut Desk,
        outcomes: &mut Vec<Outcome>,
        old: &mut Vec<Outcome>,
        told: &mut Vec<Story>,
    ) {
        let (seq, attempt) = (message.seq.0, message.attempt);
        let fate = self.fate(seq, attempt);
        let unknown = OutcomeKind::Unknown { failure: failure(2) };
        let accepted = OutcomeKind::Accepted { wamid: self.wamid(seq, attempt), held: rng.random_bool(0.1) };
        let is_answered = rng.random_bool(0.9);
        let mut tell = |updates: VecDeque<StatusUpdate>, is_early: bool, is_open_then: bool| {
            let story = Story { seq, updates, is_open_then };
            if is_early { desk.stories.push(story) } else { told.push(story) }
        };
        let (result, list) = match fate {
            Fate::Delivered { price, is_told } => {
                let updates = self.delivery(seq, attempt, is_told.then_some(price), !is_answered, now, rng);
                tell(updates, rng.random_bool(0.3), false);
                desk.paid += price;
                (if is_answered { accepted } else { unknown }, outcomes)
            }
            Fate::Failed(again) => {
                let mut failed = self.update(seq, attempt, Status::Failed { again }, now);
                failed.failure = Some(failure(1));
                failed.retry_at = (again == Again::Later).then_some(now);
                tell(VecDeque::from([failed]), false, again == Again::Later);
                (if is_answered { accepted } else { unknown }, outcomes)
            }
            Fate::Refused(again) => {
                let retry_at = (again == Again::Later).then_some(now);
                (OutcomeKind::Refused { failure: failure(130_429), retry_at, counts: true }, outcomes)
            }
            Fate::Lost => (accepted, old),
            Fate::NeverLeft => (unknown, old),
        };
        list.push(Outcome { message: self.scenes[0].message(seq), attempt, result });
    }

    /// What is told of a delivery: its price with the first that says so, some of it twice or not at all.
    fn delivery(
        &self,
        seq: u32,
        attempt: u32,
        price: Option<i64>,
        is_keyed: bool,
        now: DateTime<Utc>,
        rng: &mut ChaCha8Rng,
    ) -> VecDeque<StatusUpdate> {
        let mut delivered = self.update(seq, attempt, Status::Delivered, now);
        delivered.cost = price.map(|price| (Decimal::new(price, 6), Currency::INR));
        let mut updates = VecDeque::from([delivered.clone()]);
        let sent = self.update(seq, attempt, Status::Sent, now);
        match rng.random_range(0..4) {
            0 => updates.push_back(sent),
            1 => {}
            _ => updates.push_front(sent),
        }
        if rng.random_bool(0.2) {
            updates.push_back(delivered);
        }
        if rng.random_bool(0.5) {
            updates.push_back(self.update(seq, attempt, Status::Read, now));
        }
        // Without our key a status is known by the response alone.
        if !is_keyed && rng.random_bool(0.5) {
            updates.iter_mut().for_each(|update| update.key = None);
        }
        updates
    }

    fn update(&self, seq: u32, attempt: u32, status: Status, now: DateTime<Utc>) -> StatusUpdate {
        StatusUpdate { wamid: self.wamid(seq, attempt), ..self.scenes[0].keyed(seq, attempt, status, now) }
    }

    fn wamid(&self, seq: u32, attempt: u32) -> String {
        format!("wamid.{}.{seq}.{attempt}", self.id())
    }

    /// The same whoever asks, and whenever.
    fn fate(&self, seq: u32, attempt: u32) -> Fate {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed << 24 | u64::from(seq) << 8 | u64::from(attempt));
        let (worst, expected) = self.prices[seq as usize];
        match rng.random_range(0..100) {
            // The worst case is no mere theory.
            0..=6 => Fate::Delivered { price: worst, is_told: true },
            7..=61 => Fate::Delivered { price: worst * rng.random_range(30..=100) / 100, is_told: true },
            62..=69 => Fate::Delivered { price: expected, is_told: false },
            70..=76 => Fate::Failed(Again::No),
            77..=82 => Fate::Failed(Again::Later),
            83..=86 => Fate::Refused(Again::No),
            87..=91 => Fate::Refused(Again::Later),
            92..=96 => Fate::Lost,
            _ => Fate::NeverLeft,
        }
    }

    /// Statuses of several attempts, in one batch.
    async fn tell(&self, number: usize, mut stories: Vec<Story>, now: DateTime<Utc>, rng: &mut ChaCha8Rng) {
        let mut updates = Vec::new();
        for story in &mut stories {
            let count = rng.random_range(1..=story.updates.len());
            updates.extend(story.updates.drain(..count));
        }
        self.scenes[number].apply(&updates, now).await;
        let mut desk = self.desk.lock().unwrap();
        // The longest that a retry waits, twice.
        desk.now += TimeDelta::seconds(4);
        for story in stories {
            if !story.updates.is_empty() {
                desk.stories.push(story);
            } else if story.is_open_then {
                desk.open.push(story.seq);
            }
        }
        desk.give_back();
    }

    /// What was lost expires, and doubts about what never left are ended.
    async fn sweep(&self, number: usize, doubted: Vec<u32>, now: DateTime<Utc>) {
        let store = &self.scenes[number].store;
        store.sweep_ttl(now, Duration::ZERO, 1_000).await.unwrap();
        store.sweep_doubts(now, 1_000).await.unwrap();
        let mut desk = self.desk.lock().unwrap();
        if self.doubts == Doubts::SentAgain {
            desk.open.extend(doubted);
        }
        desk.give_back();
    }
}

impl Desk {
    fn choose(&mut self, rng: &mut ChaCha8Rng, seed: u64) -> Act {
        // Once the budget is tight, two race for what was given back: more would do so in vain.
        let is_worth_it = match self.held_at {
            None => true,
            Some(then) => then != self.given_back && self.tries < 2,
        };
        let may_claim = !self.open.is_empty() && is_worth_it;
        if self.to_be_swept > 0 && rng.random_bool(0.1) {
            return self.sweep();
        }
        if may_claim && (self.stories.is_empty() || rng.random_bool(0.5)) {
            self.tries += 1;
            return Act::Claim(self.pick(rng));
        }
        if !self.stories.is_empty() {
            let count = rng.random_range(1..=self.stories.len().min(BATCH));
            let taken = (0..count).map(|_| self.stories.swap_remove(rng.random_range(0..self.stories.len())));
            return Act::Tell(taken.collect());
        }
        if self.busy > 0 {
            return Act::Wait;
        }
        if self.to_be_swept > 0 {
            return self.sweep();
        }
        assert!(self.open.is_empty(), "seed {seed}: held back for ever: nothing in flight can make room");
        Act::Leave
    }

    fn give_back(&mut self) {
        self.given_back += 1;
        self.tries = 0;
    }

    fn sweep(&mut self) -> Act {
        self.to_be_swept = 0;
        Act::Sweep(std::mem::take(&mut self.doubted))
    }

    /// A bite of what is open; now and then of what others have in hand as well.
    fn pick(&mut self, rng: &mut ChaCha8Rng) -> Vec<u32> {
        let count = rng.random_range(1..=self.open.len().min(BITE as usize));
        if rng.random_bool(0.1) {
            let first = rng.random_range(0..MESSAGES - BITE);
            return (first..first + BITE).collect();
        }
        (0..count).map(|_| self.open.swap_remove(rng.random_range(0..self.open.len()))).collect()
    }
}

/// How many messages of a campaign were not sent.
pub(crate) fn skipped(row: &CampaignRow) -> u64 {
    row.count(State::Skipped)
}

/// When the first campaign begins.
pub(crate) fn beginning() -> DateTime<Utc> {
    at(0)
}
