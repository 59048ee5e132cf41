//! Permits of one process: one limiter per sender, on the process's monotonic clock.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use campaign::ids::CampaignId;
use campaign::pacing::limiter::{Answer, Ask, Instant, Limiter};
use clock::SharedClock;

use crate::line::Lines;
use crate::{Granted, Permits, QueueError, SenderPace};

/// Permits in memory.
#[derive(Debug)]
pub struct MemoryPermits {
    clock: SharedClock,
    limiters: Mutex<BTreeMap<String, Limiter>>,
    lines: Lines,
}

impl MemoryPermits {
    /// Permits whose first grant on each sender comes one window after the sender is first asked for, as
    /// nothing is known of what was sent before.
    #[must_use]
    pub fn new(clock: SharedClock) -> Self {
        Self { clock, limiters: Mutex::default(), lines: Lines::default() }
    }

    fn now(&self) -> Instant {
        u64::try_from(self.clock.monotonic().as_micros()).unwrap_or(u64::MAX)
    }

    fn limiters(&self) -> MutexGuard<'_, BTreeMap<String, Limiter>> {
        self.limiters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(&self, sender: &SenderPace, f: impl FnOnce(&mut Limiter, Instant) -> T) -> T {
        let now = self.now();
        let mut limiters = self.limiters();
        let limiter = limiters.entry(sender.name.clone()).or_insert_with(|| Limiter::new(sender.rate, now));
        limiter.set_rate(sender.rate);
        f(limiter, now)
    }
}

#[async_trait]
impl Permits for MemoryPermits {
    async fn take(&self, sender: &SenderPace, ask: &Ask) -> Result<Granted, QueueError> {
        let line = self.lines.of(&sender.name, ask.campaign);
        let _turn = line.lock().await;
        loop {
            match self.with(sender, |limiter, now| limiter.take(ask, now)) {
                Answer::Granted(permits) => return Ok(permits),
                Answer::AskAgainAt(at) => self.clock.sleep_until(Duration::from_micros(at)).await,
            }
        }
    }

    async fn give_back(&self, sender: &SenderPace, campaign: CampaignId, weight: u32, permits: &[Instant]) {
        self.with(sender, |limiter, _| limiter.give_back(campaign, weight, permits));
    }

    async fn postpone(&self, sender: &SenderPace, campaign: CampaignId, permit: Instant) -> bool {
        self.with(sender, |limiter, now| limiter.postpone(campaign, permit, now))
    }

    async fn slow_down(&self, sender: &SenderPace) {
        self.with(sender, Limiter::slow_down);
    }

    async fn factor(&self, sender: &SenderPace) -> f64 {
        self.with(sender, |limiter, _| limiter.factor())
    }
}
