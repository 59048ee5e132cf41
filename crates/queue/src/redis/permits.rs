//! The pace, shared by all workers of all processes.
//!
//! The state is in Redis and counts by its clock; one script call grants a bite. State that is lost starts empty. Where
//! Redis is out of reach there are no permits, and nobody sends.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use campaign::ids::CampaignId;
use campaign::pacing::limiter::{Answer, Ask, Instant, TOLERANCE};
use clock::SharedClock;

use super::limiter::{SharedLimiter, Step};
use super::link::Link;
use super::outstanding::Outstanding;
use super::server_clock::{Reading, ServerClock};
use crate::line::Lines;
use crate::{Granted, Permits, QueueError, SenderPace};

/// Permits that come later than this, all of them, are not worth postponing one by one.
const USELESS: Duration = Duration::from_millis(300);

/// How often a late permit is postponed again where the answer itself came late.
const POSTPONED: u32 = 3;

/// So many calls at the most are made to know the server's clock.
const SAMPLES: u32 = 5;

/// Permits in Redis.
#[derive(Debug)]
pub struct RedisPermits {
    limiter: SharedLimiter,
    clock: SharedClock,
    /// Whether the server's clock counts, or this process's.
    counts_by_server: bool,
    server: Mutex<ServerClock>,
    outstanding: Mutex<BTreeMap<String, Outstanding>>,
    lines: Lines,
    /// How often Redis was out of reach, and what it was the last time.
    failures: Mutex<(u64, Option<QueueError>)>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn signed(instant: Instant) -> i64 {
    i64::try_from(instant).unwrap_or(i64::MAX)
}

impl RedisPermits {
    pub(super) fn new(link: Arc<Link>, installation: &str, instance: &str, clock: SharedClock) -> Self {
        Self {
            limiter: SharedLimiter::new(link, installation, instance),
            clock,
            counts_by_server: true,
            server: Mutex::default(),
            outstanding: Mutex::default(),
            lines: Lines::default(),
            failures: Mutex::default(),
        }
    }

    /// The same on this process's clock: for tests whose clock is set, in which all who share the pace share the clock.
    #[cfg(feature = "conformance")]
    #[must_use]
    pub fn by_own_clock(mut self) -> Self {
        self.counts_by_server = false;
        self
    }

    fn now(&self) -> Instant {
        u64::try_from(self.clock.monotonic().as_micros()).unwrap_or(u64::MAX)
    }

    /// The time that a step is taken at, where the server is not to look at its clock.
    fn given(&self) -> Option<Instant> {
        (!self.counts_by_server).then(|| self.now())
    }

    /// Takes a step and notes what it tells of the server's clock.
    async fn timed<T>(
        &self,
        sender: &SenderPace,
        step: impl Future<Output = Result<Step<T>, QueueError>> + Send,
    ) -> Result<(Step<T>, Reading), QueueError>
    where
        T: Send,
    {
        let sent = self.now();
        let step = step.await?;
        let received = self.now();
        let reading = locked(&self.server).observe(signed(sent), signed(received), signed(step.now));
        if reading.jumped_ahead {
            tracing::warn!(
                sender = sender.name,
                "Redis's clock was set forward; the pace begins anew with a quiet second"
            );
        }
        Ok((step, reading))
    }

    /// One call is not enough to know the server's clock by: it may have been long on its way.
    async fn know_the_clock(&self, sender: &SenderPace) -> Result<(), QueueError> {
        for _ in 0..SAMPLES {
            if !self.counts_by_server || locked(&self.server).is_known(signed(self.now())) {
                break;
            }
            self.timed(sender, self.limiter.factor(sender, None)).await?;
        }
        Ok(())
    }

    /// Gives permits out: the instants by our clock.
    fn hand_out(&self, sender: &SenderPace, permits: &[Instant], offset: i64) -> Granted {
        let mut outstanding = locked(&self.outstanding);
        let of_sender = outstanding.entry(sender.name.clone()).or_default();
        of_sender.forget_old(self.now());
        permits.iter().map(|permit| of_sender.add(*permit, offset)).collect()
    }

    fn find(&self, sender: &SenderPace, permit: Instant) -> Option<Instant> {
        locked(&self.outstanding).get_mut(&sender.name)?.take(permit)
    }

    /// Takes permits, being the first in line.
    async fn take_in_turn(&self, sender: &SenderPace, ask: &Ask) -> Result<Granted, QueueError> {
        loop {
            self.know_the_clock(sender).await?;
            let (step, reading) = self.timed(sender, self.limiter.take(sender, ask, self.given())).await?;
            if reading.jumped_ahead {
                self.limiter.reset(sender).await?;
                continue;
            }
            match step.answer {
                Answer::Granted(permits) => {
                    let permits = self.hand_out(sender, &permits, reading.offset);
                    let last = permits.last().copied().unwrap_or_default();
                    if Duration::from_micros(last) + USELESS >= self.clock.monotonic() {
                        return Ok(permits);
                    }
                    // The answer was long on its way. They are lost to the rate.
                }
                Answer::AskAgainAt(at) => {
                    let at = at.saturating_add_signed(reading.offset);
                    self.clock.sleep_until(Duration::from_micros(at)).await;
                }
            }
        }
    }
}

#[async_trait]
impl Permits for RedisPermits {
    async fn take(&self, sender: &SenderPace, ask: &Ask) -> Result<Granted, QueueError> {
        let line = self.lines.of(&sender.name, ask.campaign);
        let failures = locked(&self.failures).0;
        let _turn = line.lock().await;
        {
            // Who waited behind one that was let down has waited long enough for that answer.
            let failed = locked(&self.failures);
            if failed.0 > failures
                && let Some(error) = &failed.1
            {
                return Err(error.clone());
            }
        }
        let taken = self.take_in_turn(sender, ask).await;
        if let Err(error) = &taken {
            let mut failed = locked(&self.failures);
            *failed = (failed.0 + 1, Some(error.clone()));
        }
        taken
    }

    async fn give_back(&self, sender: &SenderPace, campaign: CampaignId, weight: u32, permits: &[Instant]) {
        let permits: Vec<Instant> = permits.iter().filter_map(|permit| self.find(sender, *permit)).collect();
        if permits.is_empty() {
            return;
        }
        if let Err(error) = self.limiter.give_back(sender, campaign, weight, &permits, self.given()).await {
            tracing::debug!(
                sender = sender.name,
                error = &error as &dyn std::error::Error,
                "unused permits are lost to the rate"
            );
        }
    }

    async fn postpone(&self, sender: &SenderPace, campaign: CampaignId, permit: Instant) -> bool {
        let Some(mut permit) = self.find(sender, permit) else { return false };
        for _ in 0..POSTPONED {
            let step = self.limiter.postpone(sender, campaign, permit, self.given());
            let (step, reading) = match self.timed(sender, step).await {
                Ok(answered) => answered,
                Err(error) => {
                    tracing::debug!(
                        sender = sender.name,
                        error = &error as &dyn std::error::Error,
                        "a late permit is lost to the rate"
                    );
                    return false;
                }
            };
            if reading.jumped_ahead {
                let _ = self.limiter.reset(sender).await;
                return false;
            }
            if !step.answer {
                return false;
            }
            // It counts from then; if that is long ago already, it is late once more.
            permit = permit.max(step.now);
            let counts_from = Duration::from_micros(permit.saturating_add_signed(reading.offset));
            if self.clock.monotonic() <= counts_from + TOLERANCE {
                return true;
            }
        }
        false
    }

    async fn slow_down(&self, sender: &SenderPace) {
        if let Err(error) = self.limiter.slow_down(sender, self.given()).await {
            tracing::warn!(
                sender = sender.name,
                error = &error as &dyn std::error::Error,
                "a throttled sender could not be slowed down"
            );
        }
    }

    async fn factor(&self, sender: &SenderPace) -> f64 {
        match self.limiter.factor(sender, self.given()).await {
            Ok(step) => step.answer,
            Err(error) => {
                tracing::debug!(
                    sender = sender.name,
                    error = &error as &dyn std::error::Error,
                    "the pace is not known"
                );
                1.0
            }
        }
    }
}
