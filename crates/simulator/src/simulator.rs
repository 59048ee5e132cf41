//! The handle on a running simulator.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::{Delivery, SimClock, Stopwatch};
use crate::config::{Config, Template, TemplateStatus, Webhook};
use crate::dialog360::{self, KeyedWebhook};
use crate::ledger::{LedgerEntry, RequestRecord};
use crate::profile::Profile;
use crate::script::{Change, RefusedChange, Rule};
use crate::server::{Platform, serve};
use crate::state::State;
use crate::webhooks::{Deliverer, Queue, run_in_background};

/// A running simulator. Dropping it stops it; [`Simulator::shutdown`] also waits for it.
pub struct Simulator {
    platform: Arc<Platform>,
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Simulator {
    /// Starts listening.
    ///
    /// # Errors
    /// When the address cannot be taken, the profile is not sound, or no HTTP client can be made.
    pub async fn start(config: Config) -> io::Result<Self> {
        config.profile.check().map_err(|error| io::Error::new(io::ErrorKind::InvalidInput, error))?;
        let listener = TcpListener::bind(config.listen).await?;
        let address = listener.local_addr()?;
        let clock = config.clock.clone();
        let queue = Arc::new(Queue::default());
        let deliverer = Arc::new(Deliverer::new(&config)?);
        let batch = config.webhook_batch.clamp(1, 1000);
        let platform = Arc::new(Platform {
            state: Mutex::new(State::new(&config, clock.now())),
            queue: Arc::clone(&queue),
            deliverer: Arc::clone(&deliverer),
            clock: clock.clone(),
            stopwatch: Stopwatch::start(),
            webhook_batch: batch,
            pumping: tokio::sync::Mutex::new(()),
        });
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        tasks.spawn(serve(listener, Arc::clone(&platform), stop.clone()));
        if clock.delivery() == Delivery::Background {
            tasks.spawn(run_in_background(queue, deliverer, clock, batch, stop.clone()));
        }
        tasks.close();
        Ok(Self { platform, address, stop, tasks })
    }

    /// Where it listens, for example `http://127.0.0.1:40123`; API paths start with the version after it.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it speaks as 360dialog does.
    pub fn dialog360_url(&self) -> String {
        format!("{}/{}", self.base_url(), dialog360::ROOT)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The platform's clock.
    pub fn clock(&self) -> &SimClock {
        &self.platform.clock
    }

    /// Every message really accepted so far, in the order of acceptance.
    pub fn ledger(&self) -> Vec<LedgerEntry> {
        self.ledger_from(0)
    }

    /// The ledger from entry `first` on.
    pub fn ledger_from(&self, first: usize) -> Vec<LedgerEntry> {
        let entries: Vec<_> = self.platform.state().ledger.iter().skip(first).map(Arc::clone).collect();
        entries.into_iter().map(Arc::unwrap_or_clone).collect()
    }

    /// How many messages were accepted.
    pub fn accepted(&self) -> usize {
        self.platform.state().ledger.len()
    }

    /// How many sends arrived so far, whatever they were answered.
    pub fn asked(&self) -> usize {
        self.platform.state().requests.len()
    }

    /// Every send that arrived so far, with what it was answered, in the order in which they were decided.
    pub fn requests(&self) -> Vec<RequestRecord> {
        self.platform.state().requests.clone()
    }

    /// The fault profile.
    pub fn profile(&self) -> Profile {
        self.platform.state().profile.clone()
    }

    /// Changes the fault profile, from the next send on.
    pub fn set_profile(&self, profile: Profile) {
        self.platform.state().profile = profile;
    }

    /// Says where webhooks go, those that wait included.
    pub fn set_webhook(&self, url: impl Into<String>, app_secret: impl Into<String>) {
        let webhook = Webhook { url: url.into(), others: Vec::new(), app_secret: app_secret.into() };
        self.platform.deliverer.set_webhook(Some(webhook));
    }

    /// Says where 360dialog posts the webhooks of all its numbers.
    pub fn set_keyed_webhook(&self, webhook: &KeyedWebhook) {
        self.platform.deliverer.set_all_keyed_webhooks(Some(webhook));
    }

    /// From now on, webhooks that fall due are dropped.
    pub fn clear_webhook(&self) {
        self.platform.deliverer.set_webhook(None);
        self.platform.deliverer.set_all_keyed_webhooks(None);
    }

    /// Forces an outcome. Rules are tried in the order in which they were added.
    pub fn script(&self, rule: Rule) {
        self.platform.state().rules.push(rule);
    }

    /// Forgets all rules.
    pub fn clear_script(&self) {
        self.platform.state().rules.clear();
    }

    /// Changes the platform's state, and sends the webhook that announces it.
    ///
    /// # Errors
    /// When the change names a number or a template that is not there.
    pub fn change(&self, change: Change) -> Result<(), RefusedChange> {
        let now = self.platform.clock.now();
        let events = self.platform.state().change(change, now)?;
        self.platform.tell(events);
        Ok(())
    }

    /// Sends the webhook of the n-th change again (from 0, counting those that are announced), as the platform does that
    /// got no answer to it: with the time at which it came about.
    pub fn tell_again(&self, n: usize) {
        let event = self.platform.state().told.get(n).cloned();
        self.platform.tell(event.into_iter().collect());
    }

    /// How many webhooks of changes were sent.
    pub fn told(&self) -> usize {
        self.platform.state().told.len()
    }

    /// How many events (statuses and others) were answered with 200, and how often one was not.
    pub fn told_events(&self) -> (usize, usize) {
        self.platform.deliverer.counts()
    }

    /// Creates or replaces a template, and sends the webhook that announces it.
    pub fn put_template(&self, template: Template) {
        // Only changes of something that must be there already can be refused.
        let _ = self.change(Change::Template(template));
    }

    /// Approves, pauses or disables a template.
    ///
    /// # Errors
    /// When there is no such template.
    pub fn set_template_status(&self, name: &str, status: TemplateStatus) -> Result<(), RefusedChange> {
        self.change(Change::TemplateStatus { name: name.to_owned(), status, reason: None })
    }

    /// Delivers all webhooks that are due at the clock's present time, in the order in which they are due,
    /// each request awaited before the next. Stops at the first that is not answered with 200, which stays
    /// due. Returns how many changes (statuses and others) were delivered. For clocks that do not run.
    pub async fn pump(&self) -> usize {
        self.platform.pump().await
    }

    /// Webhooks that are not delivered yet, due or not.
    pub fn pending_webhooks(&self) -> usize {
        self.platform.queue.pending()
    }

    /// Waits (in real time) until no webhook is pending. Returns whether that came within the time.
    pub async fn quiet(&self, within: Duration) -> bool {
        tokio::time::timeout(within, self.platform.queue.emptied()).await.is_ok()
    }

    /// Stops listening, closes all connections and drops webhooks that are not delivered.
    pub async fn shutdown(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
