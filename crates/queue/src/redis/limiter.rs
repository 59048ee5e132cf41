//! The script of the pace, one call each: [`campaign::pacing::limiter::Limiter`] on the server's clock, shared by all.

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use campaign::ids::CampaignId;
use campaign::pacing::limiter::{Answer, Ask, HORIZON, Instant, LEAD, MARGIN};
use redis::{FromRedisValue, Script, ScriptInvocation};

use super::link::Link;
use crate::{QueueError, SenderPace};

static PERMITS: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("lua/permits.lua")));

// The limiter's own, which it keeps to itself: a test that compares the script's answers with the limiter's fails where
// these are not the same.
const PATIENCE: Duration = Duration::from_millis(50);
const CLOSEST: f64 = 0.75;
const SLOWEST: f64 = 0.05;

/// How long a process whose turn it is, is waited for by other processes with the same campaign: less than [`LEAD`], so
/// that nothing of the rate is lost by it.
const GRACE: Duration = Duration::from_millis(20);

/// What a step says, and when that was by the clock it counts by, in microseconds.
#[derive(Debug, Clone, PartialEq)]
pub struct Step<T> {
    /// What it says.
    pub answer: T,
    /// When it was taken.
    pub now: Instant,
}

/// The limiters of all senders, in Redis.
#[derive(Debug, Clone)]
pub struct SharedLimiter {
    link: Arc<Link>,
    /// Names this process among those that wait for permits.
    installation: String,
    instance: String,
}

impl SharedLimiter {
    pub(super) fn new(link: Arc<Link>, installation: &str, instance: &str) -> Self {
        Self { link, installation: installation.to_owned(), instance: instance.to_owned() }
    }

    /// Limiters at a URL.
    ///
    /// # Errors
    /// When the URL is not one of a Redis server.
    #[cfg(feature = "conformance")]
    pub fn at(url: &str, installation: &str, instance: &str) -> Result<Self, super::AddressError> {
        Ok(Self::new(Arc::new(Link::to(&super::Address::parse(url)?)), installation, instance))
    }

    async fn step<T: FromRedisValue>(
        &self,
        doing: &'static str,
        sender: &SenderPace,
        operation: &str,
        now: Option<Instant>,
        arguments: impl FnOnce(&mut ScriptInvocation<'_>) + Send,
    ) -> Result<T, QueueError> {
        let call = |server: &str| {
            let mut call = PERMITS.prepare_invoke();
            // One hash slot for a sender.
            let key = format!("paceline:{}:{{{}}}:permits", self.installation, sender.name);
            call.key(&key)
                .key(format!("{key}:log"))
                .arg(operation)
                .arg(now.map_or_else(String::new, |now| now.to_string()))
                .arg(exact(sender.rate.per_second()))
                .arg(exact(MARGIN.as_secs_f64()))
                .arg(micros(LEAD))
                .arg(micros(HORIZON))
                .arg(micros(PATIENCE))
                .arg(exact(CLOSEST))
                .arg(exact(SLOWEST))
                .arg(micros(GRACE))
                .arg(server);
            arguments(&mut call);
            call
        };
        self.link.run(doing, call).await
    }

    /// Takes permits, by the server's clock or as of `now`.
    ///
    /// # Errors
    /// When Redis is out of reach.
    pub async fn take(
        &self,
        sender: &SenderPace,
        ask: &Ask,
        now: Option<Instant>,
    ) -> Result<Step<Answer>, QueueError> {
        let doing = "take permits";
        let own = ask.rate.map_or_else(String::new, |rate| exact(rate.per_second()));
        let said: Vec<u64> = self
            .step(doing, sender, "take", now, |call| {
                call.arg(ask.campaign.0).arg(ask.weight).arg(own).arg(ask.permits).arg(&self.instance);
            })
            .await?;
        match said.as_slice() {
            [1, now, permits @ ..] if !permits.is_empty() => {
                Ok(Step { answer: Answer::Granted(permits.to_vec()), now: *now })
            }
            [0, now, at] => Ok(Step { answer: Answer::AskAgainAt(*at), now: *now }),
            _ => Err(QueueError { doing, why: format!("its script gave {} numbers", said.len()) }),
        }
    }

    /// Gives back permits.
    ///
    /// # Errors
    /// When Redis is out of reach.
    pub async fn give_back(
        &self,
        sender: &SenderPace,
        campaign: CampaignId,
        weight: u32,
        permits: &[Instant],
        now: Option<Instant>,
    ) -> Result<(), QueueError> {
        let arguments = |call: &mut ScriptInvocation<'_>| {
            call.arg(campaign.0).arg(weight).arg(permits);
        };
        self.step::<Vec<u64>>("give permits back", sender, "give_back", now, arguments).await.map(|_| ())
    }

    /// Whether a late permit may be used now, and counts from now.
    ///
    /// # Errors
    /// When Redis is out of reach.
    pub async fn postpone(
        &self,
        sender: &SenderPace,
        campaign: CampaignId,
        permit: Instant,
        now: Option<Instant>,
    ) -> Result<Step<bool>, QueueError> {
        let arguments = |call: &mut ScriptInvocation<'_>| {
            call.arg(campaign.0).arg(permit);
        };
        let (allowed, now): (u64, u64) =
            self.step("postpone a permit", sender, "postpone", now, arguments).await?;
        Ok(Step { answer: allowed == 1, now })
    }

    /// Slows the sender down for everybody.
    ///
    /// # Errors
    /// When Redis is out of reach.
    pub async fn slow_down(&self, sender: &SenderPace, now: Option<Instant>) -> Result<(), QueueError> {
        self.step::<Vec<u64>>("slow a sender down", sender, "slow_down", now, |_| {}).await.map(|_| ())
    }

    /// The share of its rate that a sender may use.
    ///
    /// # Errors
    /// When Redis is out of reach.
    pub async fn factor(&self, sender: &SenderPace, now: Option<Instant>) -> Result<Step<f64>, QueueError> {
        let (answer, now): (f64, u64) =
            self.step("read a sender's pace", sender, "factor", now, |_| {}).await?;
        Ok(Step { answer, now })
    }

    /// Begins anew, as if everything had just been used up.
    ///
    /// # Errors
    /// When Redis is out of reach.
    pub async fn reset(&self, sender: &SenderPace) -> Result<(), QueueError> {
        self.step::<Vec<u64>>("begin a pace anew", sender, "reset", None, |_| {}).await.map(|_| ())
    }
}

/// A number that comes back as it went.
fn exact(number: f64) -> String {
    format!("{number:?}")
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
