//! Webhook intake, and the matching of what comes back to what was sent.
//!
//! A webhook is verified over its raw bytes, decoded, handed to the committer, and answered with 200 only
//! after the store has it. The platform repeats what was not answered with 200, so nothing is lost by
//! refusing, and everything is applied so that a repetition changes nothing.
//!
//! | module | holds |
//! | --- | --- |
//! | [`intake`] | the HTTP side |
//! | [`body`] | bodies, read within limits of size, time and memory |
//! | [`serve()`] | connections, within limits of number and time |
//! | `crowd` | who is connected, and who makes way for the next |
//! | [`commit`] | many requests, one transaction |
//! | [`translate`] | what a webhook event means for the store |
//! | [`stops`] | what a failed message stops beside it |
//! | [`seen`] | what came beside statuses, by kind |
//! | [`health`] | what it means for a template, sender or account: whether it may be sent to |
//! | [`news`] | what it means for what is known of a template |
//! | [`numbers`] | which sender a webhook about a number concerns |
//! | [`archive`] | the posts as they came, kept for a time |
//! | [`replay`] | archived posts, taken in once more |

pub mod archive;
pub mod body;
pub mod commit;
mod crowd;
pub mod health;
pub mod intake;
pub mod news;
pub mod numbers;
pub mod replay;
pub mod seen;
mod serve;
pub mod stops;
pub mod translate;

use std::sync::Arc;
use std::time::Duration;

use clock::SharedClock;
use store::SharedStore;
use tokio_util::sync::CancellationToken;

pub use archive::{Archive, ArchiveSettings};
pub use body::Limits;
pub use commit::Committer;
pub use intake::Counters;
pub use numbers::KnownSender;
pub use replay::{Replay, Replayed};
pub use serve::{Routes, serve};

/// How often what is too old is looked for in the archive; by this machine's time, as a disk fills up in that.
const TIDY_EVERY: Duration = Duration::from_secs(600);

/// How webhooks are taken in.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The word that the platform's handshake must know; without it no handshake succeeds.
    pub verify_token: Option<whatsapp::Secret>,
    /// The apps' secrets, several while they are rotated. Without any, no signed webhook is taken.
    pub app_secrets: Vec<whatsapp::Secret>,
    /// What 360dialog's webhooks carry instead of a signature; without it, none of them is taken.
    pub shared_secret: Option<SharedSecret>,
    /// The store's name in correlation keys.
    pub install: String,
    /// The senders, for webhooks about their numbers.
    pub senders: Vec<KnownSender>,
    /// Where the posts themselves are kept; `None`: nowhere.
    pub archive: Option<Archive>,
}

/// A secret in a header, which 360dialog sends along as it was told to.
#[derive(Debug, Clone)]
pub struct SharedSecret {
    /// The header's name; upper and lower case are the same.
    pub header: String,
    /// The secrets, several while they are rotated.
    pub secrets: Vec<whatsapp::Secret>,
}

/// Takes webhooks in.
#[derive(Debug)]
pub struct Reconciler {
    settings: Arc<Settings>,
    committer: Committer,
    clock: SharedClock,
    counters: Arc<Counters>,
}

impl Reconciler {
    /// A reconciler over a store.
    #[must_use]
    pub fn new(settings: Settings, store: SharedStore, clock: SharedClock) -> Self {
        let counters = Arc::new(Counters::default());
        let committer = Committer::new(store, clock.clone(), &settings, counters.clone());
        Self { settings: Arc::new(settings), committer, clock, counters }
    }

    /// The HTTP routes: GET and POST `/webhooks/whatsapp`.
    pub fn router(&self) -> axum::Router {
        self.router_within(Limits::default())
    }

    /// The same, within limits of one's own.
    pub fn router_within(&self, limits: Limits) -> axum::Router {
        intake::router(self.settings.clone(), self.committer.handle(), self.counters.clone(), limits)
    }

    /// What stands for these routes while every connection that there may be is busy: 503.
    pub fn router_when_full(&self) -> axum::Router {
        intake::router_when_full(self.counters.clone())
    }

    /// Commits what the routes take in, until `stop` is cancelled and everything taken in is answered.
    pub async fn run(&self, stop: CancellationToken) {
        tokio::join!(self.committer.run(stop.clone()), self.tidy(stop));
    }

    /// Deletes what is too old for the archive, until `stop` is cancelled.
    async fn tidy(&self, stop: CancellationToken) {
        let Some(archive) = &self.settings.archive else { return };
        let mut rounds = tokio::time::interval(TIDY_EVERY);
        while stop.run_until_cancelled(rounds.tick()).await.is_some() {
            if let Err(error) = archive.delete_old(self.clock.now()).await {
                tracing::error!(error = &error as &dyn std::error::Error, "old webhooks were not deleted");
            }
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        self.counters.clone()
    }
}
