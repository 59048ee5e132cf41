//! The limiter: grants permits, instants at which one message each may leave on a sender.
//!
//! It keeps the promise "in no one-second window more than the rate" exactly, as a log of its last grants:
//! the n-th grant is at least one window after the grant `capacity` before it. A token bucket would let
//! twice the rate through around a window's edge. The window is stretched by [`MARGIN`], because what counts
//! is when a message arrives at the platform, and a network and a busy machine shift that by some
//! milliseconds. A minimum spacing spreads the grants over the window; it is tighter than even (`CLOSEST`),
//! so that what a stall left unused is caught up within the same window's allowance, never beyond it.
//!
//! A new limiter starts as if its window were full, so that a restart or a lost state never allows a burst.
//!
//! Between campaigns it is fair by weight: each campaign has a virtual time that advances by grants divided
//! by weight, and while another campaign that is behind waits, a campaign that is ahead is not served.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::ids::CampaignId;
use crate::pacing::Rate;

/// Instants are microseconds of one monotonic clock: the process's, or the queue server's.
pub type Instant = u64;

/// By how much a window is stretched: 24 ms of a second cost 2.3 % of the rate, and absorb as much jitter
/// between a permit's instant and the message's arrival. 30 ms would leave less than 97 % of the rate.
pub const MARGIN: Duration = Duration::from_millis(24);

/// How late after its instant a permit may be used without a word. Later, it must be postponed
/// ([`Limiter::postpone`]): the part of [`MARGIN`] that is left is for the network.
pub const TOLERANCE: Duration = Duration::from_millis(3);

/// How long before its first permit's instant a bite is granted: time for the claim, which on a busy machine
/// waits for its turn at the database. A permit whose claim comes too late is lost to the rate.
pub const LEAD: Duration = Duration::from_millis(50);

/// A bite's permits span at most this long from now, so that a pause or a slow-down takes hold soon.
pub const HORIZON: Duration = Duration::from_millis(200);

/// A campaign that asked and was put off counts as waiting for its turn until so long after the instant it
/// was told to come back.
const PATIENCE: Duration = Duration::from_millis(50);

/// The closest that two grants come, as a share of even spacing: what stalls leave unused, up to a quarter of the
/// time, is caught up. The log holds the rate whatever this is; less would let a stall's gap and the crowd after it
/// come back window after window.
const CLOSEST: f64 = 0.75;

/// The smallest share of its rate that a throttled sender is slowed down to.
const SLOWEST: f64 = 0.05;

/// The grants of one rate: a sliding window.
#[derive(Debug, Clone)]
struct Window {
    /// Messages per window.
    capacity: usize,
    /// Length of the window, stretched.
    window: Instant,
    /// At least so long between two grants.
    spacing: Instant,
    /// The grants of the last window, oldest first.
    log: VecDeque<Instant>,
}

impl Window {
    fn new(per_second: f64, now: Instant) -> Self {
        let mut window = Self { capacity: 1, window: 1, spacing: 0, log: VecDeque::new() };
        window.shape(per_second);
        // As if the window that ends when the first grant may come had been used up evenly.
        let step = window.window / window.capacity as Instant;
        window.log = (1..=window.capacity as Instant).map(|i| now + step * i).collect();
        window
    }

    /// Sets the rate. Rates below one per second have a window of one message.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "rates are positive and at most 10,000 per second"
    )]
    fn shape(&mut self, per_second: f64) {
        let capacity = per_second.floor().max(1.0);
        let nominal = capacity / per_second;
        self.capacity = capacity as usize;
        self.window = ((nominal + MARGIN.as_secs_f64() * nominal.min(1.0)) * 1e6).ceil() as Instant;
        self.spacing = (self.window as f64 / capacity * CLOSEST) as Instant;
    }

    /// The earliest instant at or after `from` at which one more grant is within the rate.
    fn earliest(&self, from: Instant) -> Instant {
        let mut at = from;
        if let Some(last) = self.log.back() {
            at = at.max(last + self.spacing);
        }
        if self.log.len() >= self.capacity {
            at = at.max(self.log[self.log.len() - self.capacity] + self.window);
        }
        at
    }

    fn push(&mut self, at: Instant, now: Instant) {
        self.log.push_back(at);
        // By age as of now, not by number and not as of the grant, which may be ahead: one that is taken back
        // later must not uncover one that still counts.
        while self.log.front().is_some_and(|oldest| oldest + self.window <= now) {
            self.log.pop_front();
        }
    }

    /// Takes back a grant that was not used. The log stays sorted. False: it is not there any more.
    fn remove(&mut self, at: Instant) -> bool {
        let found = self.log.binary_search(&at);
        if let Ok(i) = found {
            self.log.remove(i);
        }
        found.is_ok()
    }

    /// Whether a grant may be used at `now` instead: it still counts, and none that counts it as its window's
    /// oldest can have been made yet.
    fn may_move(&self, at: Instant, now: Instant) -> bool {
        now + micros(HORIZON) < at + self.window && self.log.binary_search(&at).is_ok()
    }

    fn insert(&mut self, at: Instant) {
        let i = self.log.partition_point(|other| *other <= at);
        self.log.insert(i, at);
    }
}

/// A campaign's part in a sender.
#[derive(Debug, Clone)]
struct Share {
    /// Grants divided by weight.
    virtual_time: f64,
    /// It is waiting for its turn until then.
    waiting_until: Instant,
    /// When it last asked.
    asked_at: Instant,
    /// The campaign's own rate.
    own: Option<(Rate, Window)>,
}

/// What a campaign asks of a sender's limiter.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// The campaign.
    pub campaign: CampaignId,
    /// Its weight among the campaigns of the sender, 1 to 1,000.
    pub weight: u32,
    /// Its own rate, where it is below the sender's.
    pub rate: Option<Rate>,
    /// How many permits, at least 1.
    pub permits: u32,
}

/// The limiter's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// At least one and at most as many permits as asked for, ascending.
    Granted(Vec<Instant>),
    /// Nothing yet: ask again then.
    AskAgainAt(Instant),
}

/// The limiter of one sender.
#[derive(Debug, Clone)]
pub struct Limiter {
    rate: Rate,
    /// Share of the rate in use: below 1 after throttling.
    factor: f64,
    slowed_at: Option<Instant>,
    window: Window,
    shares: BTreeMap<CampaignId, Share>,
}

const fn micros(duration: Duration) -> Instant {
    duration.as_micros() as Instant
}

impl Limiter {
    /// A limiter whose first permit comes one full window after `now`.
    #[must_use]
    pub fn new(rate: Rate, now: Instant) -> Self {
        Self {
            rate,
            factor: 1.0,
            slowed_at: None,
            window: Window::new(rate.per_second(), now),
            shares: BTreeMap::new(),
        }
    }

    /// Grants permits, or says when to ask again.
    pub fn take(&mut self, ask: &Ask, now: Instant) -> Answer {
        self.recover(now);
        self.forget_the_absent(now);
        let floor = self.shares.values().map(|s| s.virtual_time).fold(f64::INFINITY, f64::min);
        let ceiling = self.shares.values().map(|s| s.virtual_time).fold(0.0, f64::max);
        let level = ceiling - self.window.capacity as f64 / f64::from(ask.weight.max(1));
        let share = self.shares.entry(ask.campaign).or_insert_with(|| Share {
            // A newcomer starts level with the campaign that is furthest behind: no credit for not having been here.
            virtual_time: if floor.is_finite() { floor } else { 0.0 },
            waiting_until: 0,
            asked_at: now,
            own: None,
        });
        share.asked_at = now;
        match (&mut share.own, ask.rate) {
            (own, None) => *own = None,
            (Some((rate, window)), Some(wanted)) => {
                if *rate != wanted {
                    *rate = wanted;
                    window.shape(wanted.per_second());
                }
            }
            (own, Some(wanted)) => {
                let mut window = Window::new(wanted.per_second(), now);
                // The sender's own log already keeps a restart from bursting.
                window.log.clear();
                *own = Some((wanted, window));
            }
        }
        let own_earliest = share.own.as_ref().map_or(now, |(_, own)| own.earliest(now));
        if own_earliest > now + micros(LEAD) {
            // Held back by its own rate, it does not keep others waiting.
            share.waiting_until = 0;
            // Nor does it gather credit: what it could not use now, it is not owed later.
            share.virtual_time = share.virtual_time.max(level);
            return Answer::AskAgainAt(own_earliest - micros(LEAD));
        }
        let mine = share.virtual_time;
        let turn = now + micros(LEAD);
        let first = self.window.earliest(now);
        let behind = self.shares.iter().any(|(id, other)| {
            *id != ask.campaign && other.waiting_until >= now && other.virtual_time < mine
        });
        let has_company =
            self.shares.iter().any(|(id, other)| *id != ask.campaign && now < other.asked_at + 1_000_000);
        let Some(share) = self.shares.get_mut(&ask.campaign) else { return Answer::AskAgainAt(now + 1_000) };
        if first > turn {
            share.waiting_until = first - micros(LEAD) + micros(PATIENCE);
            return Answer::AskAgainAt(first - micros(LEAD));
        }
        if behind {
            share.waiting_until = now + micros(PATIENCE);
            return Answer::AskAgainAt(now + 2_000);
        }
        let mut granted = Vec::with_capacity(ask.permits as usize);
        let mut from = now;
        while granted.len() < ask.permits.max(1) as usize {
            let mut at = self.window.earliest(from);
            if let Some((_, own)) = &share.own {
                // Both are monotone in `from`: the larger of the two satisfies both.
                let own_at = own.earliest(at);
                // Grants are in order, so the sender's time before this one would be lost to the others.
                if !granted.is_empty() && has_company && own_at > at {
                    break;
                }
                at = at.max(own_at);
            }
            if !granted.is_empty() && at > now + micros(HORIZON) {
                break;
            }
            self.window.push(at, now);
            if let Some((_, own)) = &mut share.own {
                own.push(at, now);
            }
            granted.push(at);
            from = at;
        }
        share.waiting_until = 0;
        share.virtual_time += granted.len() as f64 / f64::from(ask.weight.max(1));
        Answer::Granted(granted)
    }

    /// Takes back permits that were not used.
    pub fn give_back(&mut self, campaign: CampaignId, weight: u32, permits: &[Instant]) {
        for at in permits {
            self.window.remove(*at);
        }
        if let Some(share) = self.shares.get_mut(&campaign) {
            share.virtual_time -= permits.len() as f64 / f64::from(weight.max(1));
            if let Some((_, own)) = &mut share.own {
                for at in permits {
                    own.remove(*at);
                }
            }
        }
    }

    /// A permit whose instant has passed is used at `now`: from then on it counts there, so the log has what really
    /// left. That never breaks the rate: what was granted before it only moves away from it, and what is granted
    /// after it is a window after `now`. False: it is too old for that, and must not be used at all.
    pub fn postpone(&mut self, campaign: CampaignId, permit: Instant, now: Instant) -> bool {
        let mut windows = vec![&mut self.window];
        windows
            .extend(self.shares.get_mut(&campaign).and_then(|share| share.own.as_mut()).map(|(_, own)| own));
        if !windows.iter().all(|window| window.may_move(permit, now)) {
            return false;
        }
        for window in windows {
            window.remove(permit);
            window.insert(now.max(permit));
        }
        true
    }

    /// The platform throttled the sender: go on at seven tenths of the present rate. At most once a second,
    /// as the answers to messages already under way say the same thing again.
    pub fn slow_down(&mut self, now: Instant) {
        if self.slowed_at.is_none_or(|at| now >= at + 1_000_000) {
            self.factor = (self.factor * 0.7).max(SLOWEST);
            self.slowed_at = Some(now);
            self.window.shape(self.rate.per_second() * self.factor);
        }
    }

    /// A twentieth of the rate is won back for each second without throttling.
    #[expect(clippy::cast_precision_loss, reason = "a count of seconds is far below the precision's end")]
    fn recover(&mut self, now: Instant) {
        let Some(at) = self.slowed_at else { return };
        let seconds = now.saturating_sub(at) / 1_000_000;
        if seconds == 0 {
            return;
        }
        self.factor = 0.05f64.mul_add(seconds as f64, self.factor).min(1.0);
        self.slowed_at = (self.factor < 1.0).then_some(at + seconds * 1_000_000);
        self.window.shape(self.rate.per_second() * self.factor);
    }

    /// The share of its rate that the sender may use now, 0.05 to 1.
    #[must_use]
    pub fn factor(&self) -> f64 {
        self.factor
    }

    /// Campaigns that have not asked for ten seconds give up their place, unless their own rate still holds them
    /// back: forgetting it would let them send at once.
    fn forget_the_absent(&mut self, now: Instant) {
        self.shares.retain(|_, share| {
            let own_counts = share.own.as_ref().is_some_and(|(_, own)| own.earliest(now) > now);
            now < share.asked_at + 10_000_000 || own_counts
        });
    }

    /// Sets the sender's rate; the log stays.
    pub fn set_rate(&mut self, rate: Rate) {
        if self.rate != rate {
            self.rate = rate;
            self.window.shape(rate.per_second() * self.factor);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: CampaignId = CampaignId(1);
    const B: CampaignId = CampaignId(2);

    fn rate(text: &str) -> Rate {
        text.parse().unwrap()
    }

    fn ask(campaign: CampaignId, weight: u32, own: Option<&str>, permits: u32) -> Ask {
        Ask { campaign, weight, rate: own.map(rate), permits }
    }

    /// The most grants in any half-open window of one second.
    fn worst_window(grants: &[u64]) -> usize {
        let mut sorted = grants.to_vec();
        sorted.sort_unstable();
        let mut start = 0;
        let mut worst = 0;
        for end in 0..sorted.len() {
            while sorted[end] - sorted[start] >= 1_000_000 {
                start += 1;
            }
            worst = worst.max(end - start + 1);
        }
        worst
    }

    /// Asks again and again for `seconds`, as one worker at a time would.
    fn drive(limiter: &mut Limiter, asks: &[Ask], start: u64, seconds: u64) -> Vec<(CampaignId, u64)> {
        let mut grants = Vec::new();
        let mut next: Vec<u64> = asks.iter().map(|_| start).collect();
        let end = start + seconds * 1_000_000;
        while let Some((i, &now)) = next.iter().enumerate().min_by_key(|(_, at)| **at) {
            if now >= end {
                break;
            }
            match limiter.take(&asks[i], now) {
                Answer::Granted(at) => {
                    grants.extend(at.iter().map(|t| (asks[i].campaign, *t)));
                    next[i] = now + 500;
                }
                Answer::AskAgainAt(at) => next[i] = at.max(now + 1),
            }
        }
        grants
    }

    #[test]
    fn the_first_second_is_quiet_and_then_the_rate_is_used() {
        for text in ["20/s", "80/s", "1000/s"] {
            let mut limiter = Limiter::new(rate(text), 0);
            let grants: Vec<u64> =
                drive(&mut limiter, &[ask(A, 1, None, 100)], 0, 30).iter().map(|g| g.1).collect();
            assert!(grants[0] >= 1_000_000, "{text}: first at {}", grants[0]);
            let per_second = rate(text).per_second();
            assert!(worst_window(&grants) as f64 <= per_second, "{text}");
            let used = grants.len() as f64 / ((grants.last().unwrap() - grants[0]) as f64 / 1e6) / per_second;
            assert!(used >= 0.975, "{text}: {used}");
        }
    }

    #[test]
    fn weights_share_the_sender() {
        let mut limiter = Limiter::new(rate("80/s"), 0);
        let grants = drive(&mut limiter, &[ask(A, 3, None, 8), ask(B, 1, None, 8)], 0, 60);
        let of_a = grants.iter().filter(|g| g.0 == A).count() as f64;
        let share = of_a / grants.len() as f64;
        assert!((share - 0.75).abs() < 0.02, "{share}");
    }

    #[test]
    fn a_campaign_below_its_share_leaves_the_rest_to_the_other() {
        let mut limiter = Limiter::new(rate("80/s"), 0);
        let grants = drive(&mut limiter, &[ask(A, 1, Some("10/s"), 8), ask(B, 1, None, 8)], 0, 60);
        let of_a: Vec<u64> = grants.iter().filter(|g| g.0 == A).map(|g| g.1).collect();
        let all: Vec<u64> = grants.iter().map(|g| g.1).collect();
        assert!(worst_window(&of_a) <= 10);
        assert!(of_a.len() >= 500, "{}", of_a.len());
        assert!(all.len() >= 4550, "{}", all.len());
        assert!(worst_window(&all) <= 80);
    }

    #[test]
    fn throttling_slows_down_and_recovers() {
        let mut limiter = Limiter::new(rate("100/s"), 0);
        limiter.slow_down(5_000_000);
        limiter.slow_down(5_000_100);
        assert!((limiter.factor() - 0.7).abs() < 1e-9);
        let grants: Vec<u64> =
            drive(&mut limiter, &[ask(A, 1, None, 10)], 5_000_000, 2).iter().map(|g| g.1).collect();
        assert!(grants.len() < 160, "{}", grants.len());
        let _ = limiter.take(&ask(A, 1, None, 1), 20_000_000);
        assert!((limiter.factor() - 1.0).abs() < 1e-9);
    }

    #[test]
    fn what_is_given_back_is_granted_again() {
        let mut limiter = Limiter::new(rate("10/s"), 0);
        let Answer::Granted(first) = limiter.take(&ask(A, 1, None, 1), 5_000_000) else {
            panic!("not granted")
        };
        let before = limiter.window.earliest(5_000_000);
        limiter.give_back(A, 1, &first);
        assert!(limiter.window.earliest(5_000_000) < before);
    }

    #[test]
    fn what_is_used_late_counts_from_then() {
        let mut limiter = Limiter::new(rate("1/s"), 0);
        let Answer::Granted(first) = limiter.take(&ask(A, 1, None, 1), 5_000_000) else {
            panic!("not granted")
        };
        assert_eq!(first, [5_000_000]);
        assert!(limiter.postpone(A, 5_000_000, 5_300_000));
        assert_eq!(limiter.window.earliest(5_300_000), 5_300_000 + limiter.window.window);
        assert!(!limiter.postpone(A, 5_000_000, 5_400_000), "it was used");
        assert!(!limiter.postpone(A, 5_300_000, 7_000_000), "it is too old");
    }

    proptest! {
        /// However late permits are used: no window has more than the rate.
        #[test]
        fn late_use_never_breaks_the_rate(
            per_second in 1u32..400,
            steps in proptest::collection::vec((0u64..300_000, 1u32..120, any::<bool>(), 0usize..120), 1..400),
        ) {
            let mut limiter = Limiter::new(rate(&format!("{per_second}/s")), 0);
            let mut now = 0;
            let mut used: Vec<u64> = Vec::new();
            let mut unused: VecDeque<(CampaignId, u64)> = VecDeque::new();
            for (wait, permits, second, uses) in steps {
                now += if wait < 150_000 { wait / 1_000 } else { wait - 150_000 };
                let campaign = if second { B } else { A };
                let own = second.then_some("7/s");
                if let Answer::Granted(at) = limiter.take(&ask(campaign, 1, own, permits), now) {
                    unused.extend(at.into_iter().map(|at| (campaign, at)));
                }
                for _ in 0..uses.min(unused.len()) {
                    let Some((campaign, at)) = unused.pop_front() else { break };
                    if at >= now {
                        used.push(at);
                    } else if limiter.postpone(campaign, at, now) {
                        used.push(now);
                    }
                }
            }
            prop_assert!(worst_window(&used) <= per_second as usize);
        }

        /// Whatever the rates, stalls, bite sizes and unused permits: no window has more than the rate.
        #[test]
        fn no_window_is_ever_above_the_rate(
            per_second in 1u32..400,
            steps in proptest::collection::vec((0u64..400_000, 1u32..120, any::<bool>(), 0usize..40), 1..400),
        ) {
            let mut limiter = Limiter::new(rate(&format!("{per_second}/s")), 0);
            let mut now = 0;
            let mut used: Vec<u64> = Vec::new();
            for (wait, permits, second, unused) in steps {
                // Often several ask at almost the same instant.
                now += if wait < 200_000 { wait / 1_000 } else { wait - 200_000 };
                let campaign = if second { B } else { A };
                if let Answer::Granted(at) = limiter.take(&ask(campaign, 1, None, permits), now) {
                    let (kept, back) = at.split_at(at.len().saturating_sub(unused));
                    limiter.give_back(campaign, 1, back);
                    used.extend(kept);
                }
            }
            prop_assert!(worst_window(&used) <= per_second as usize);
        }
    }
}
