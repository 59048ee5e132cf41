//! The sections of workers.toml, their values and their defaults. The shipped workers.toml documents each
//! key; a test holds the two together.

use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use campaign::gate::GateRules;
use campaign::pacing::Rate;
use campaign::problem::Place;
use whatsapp::Provider;

use super::address::{QueueUrl, StoreUrl};
use super::load::Source;
use super::secrets::SecretRef;

/// The path of the webhooks; the address to enter in Meta's app dashboard ends in it.
pub(crate) const WEBHOOK_PATH: &str = "/webhooks/whatsapp";

/// The longest `platform.request_timeout`: a process that is asked to stop waits for what is under way, and service
/// managers do not wait for ever.
pub(crate) const MAX_REQUEST_TIMEOUT: Duration = Duration::from_secs(45);

/// A value and where it was written, for what can only be checked later.
#[derive(Debug, Clone)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl<T> Located<T> {
    fn built_in(value: T) -> Self {
        Self { value, place: Place::file("built-in defaults") }
    }
}

/// Two values are equal wherever they were written.
impl<T: PartialEq> PartialEq for Located<T> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

/// All of workers.toml.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Config {
    /// Where it came from.
    pub(crate) source: Source,
    /// `[store]`
    pub(crate) store: Store,
    /// `[queue]`
    pub(crate) queue: Queue,
    /// `[platform]`
    pub(crate) platform: Platform,
    /// `[[senders]]`, in the order of the file; names and phone number ids are unique.
    pub(crate) senders: Vec<Sender>,
    /// `[worker]`
    pub(crate) worker: Worker,
    /// `[webhook]`
    pub(crate) webhook: Webhook,
    /// `[health]`
    pub(crate) health: Health,
    /// `[dashboard]`
    pub(crate) dashboard: Dashboard,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            source: Source::BuiltIn,
            store: Store::default(),
            queue: Queue::default(),
            platform: Platform::default(),
            senders: Vec::new(),
            worker: Worker::default(),
            webhook: Webhook::default(),
            health: Health::default(),
            dashboard: Dashboard::default(),
        }
    }
}

impl Config {
    /// The sender of this name.
    pub(crate) fn sender(&self, name: &str) -> Option<&Sender> {
        self.senders.iter().find(|sender| sender.name == name)
    }

    /// Whether any sender is this provider's.
    pub(crate) fn uses(&self, provider: Provider) -> bool {
        self.senders.iter().any(|sender| sender.provider == provider)
    }

    /// Whether webhooks come signed: from Meta. Without senders nobody knows, and it is Meta's that are expected.
    pub(crate) fn expects_signed_webhooks(&self) -> bool {
        self.senders.is_empty() || self.uses(Provider::Meta)
    }

    /// Each sender's rate, by name.
    pub(crate) fn rates(&self) -> BTreeMap<String, Rate> {
        self.senders.iter().map(|sender| (sender.name.clone(), sender.rate)).collect()
    }

    /// The portfolio of each sender, by name.
    pub(crate) fn portfolios(&self) -> BTreeMap<String, String> {
        self.senders.iter().map(|sender| (sender.name.clone(), sender.portfolio().to_owned())).collect()
    }

    /// How many people each sender's portfolio may write to in 24 hours, where there is a limit, by the sender's name.
    pub(crate) fn daily_reach(&self) -> BTreeMap<String, u32> {
        self.senders
            .iter()
            .filter_map(|sender| Some((sender.name.clone(), sender.daily_reach.limit()?)))
            .collect()
    }

    /// The waits of template gates.
    pub(crate) fn gate_rules(&self) -> GateRules {
        GateRules {
            sync_wait: self.platform.template_sync_wait,
            idle_after: self.platform.template_idle_after,
        }
    }

    /// How a sender's provider is reached, with the token that belongs to it.
    pub(crate) fn client_config(&self, sender: &Sender, token: whatsapp::Secret) -> whatsapp::ClientConfig {
        let mut config = match sender.provider {
            Provider::Meta => {
                whatsapp::ClientConfig::meta(sender.phone_number_id.clone().unwrap_or_default(), token)
            }
            Provider::Dialog360 => whatsapp::ClientConfig::dialog360(token),
        };
        config.base_url = sender.base_url.clone().unwrap_or_else(|| match sender.provider {
            Provider::Meta => self.platform.base_url.clone(),
            Provider::Dialog360 => sender.provider.default_base_url().to_owned(),
        });
        config.api_version.clone_from(&self.platform.api_version);
        config.timeout = self.platform.request_timeout;
        config.connect_timeout = self.platform.connect_timeout;
        config.pool_max_idle = self.worker.concurrency.max(config.pool_max_idle);
        config
    }
}

/// `[store]`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Store {
    /// `url`
    pub(crate) url: Located<StoreUrl>,
}

impl Default for Store {
    fn default() -> Self {
        Self { url: Located::built_in(StoreUrl::Sqlite("paceline.db".to_owned())) }
    }
}

/// `[queue]`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Queue {
    /// `url`
    pub(crate) url: Located<QueueUrl>,
}

impl Default for Queue {
    fn default() -> Self {
        Self { url: Located::built_in(QueueUrl::Memory) }
    }
}

/// `[platform]`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Platform {
    /// `base_url`: http or https, without a slash at its end.
    pub(crate) base_url: String,
    /// `api_version`: as v25.0.
    pub(crate) api_version: String,
    /// `max_price_field`: the name of the template's max-price object.
    pub(crate) max_price_field: String,
    /// `rate_card`: a file of prices in place of the shipped ones, relative to where the command is started.
    pub(crate) rate_card: Option<String>,
    /// `correlate`: whether to send our own key as `biz_opaque_callback_data`.
    pub(crate) correlate: bool,
    /// `template_sync_wait`
    pub(crate) template_sync_wait: Duration,
    /// `template_idle_after`
    pub(crate) template_idle_after: Duration,
    /// `request_timeout`: at most [`MAX_REQUEST_TIMEOUT`].
    pub(crate) request_timeout: Duration,
    /// `connect_timeout`: shorter than `request_timeout`.
    pub(crate) connect_timeout: Duration,
}

impl Default for Platform {
    fn default() -> Self {
        Self {
            base_url: "https://graph.facebook.com".to_owned(),
            api_version: "v25.0".to_owned(),
            max_price_field: "optimization_spec".to_owned(),
            rate_card: None,
            correlate: true,
            template_sync_wait: Duration::from_secs(10 * 60),
            template_idle_after: Duration::from_secs(7 * 24 * 60 * 60),
            request_timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
        }
    }
}

/// One of `[[senders]]`: a business phone number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sender {
    /// `name`: what campaign files call it.
    pub(crate) name: String,
    /// `provider`
    pub(crate) provider: Provider,
    /// `base_url`: where its provider is, if not where the others are.
    pub(crate) base_url: Option<String>,
    /// `phone_number_id`: with 360dialog it may be left out, as the key is bound to one number.
    pub(crate) phone_number_id: Option<String>,
    /// `waba_id`: the account its templates belong to.
    pub(crate) waba_id: String,
    /// `business_id`: the portfolio whose messaging limit it shares.
    pub(crate) business_id: Option<String>,
    /// `token_env` or `token_file`
    pub(crate) token: SecretRef,
    /// `rate`
    pub(crate) rate: Rate,
    /// `daily_reach`
    pub(crate) daily_reach: DailyReach,
    /// Where it stands in the file.
    pub(crate) place: Place,
}

impl Sender {
    /// Whose messaging limit and frequency caps its messages count towards: its business portfolio, or its account where
    /// no portfolio is named.
    pub(crate) fn portfolio(&self) -> &str {
        self.business_id.as_deref().unwrap_or(&self.waba_id)
    }

    /// `rate` where it is not given: the platform's usual throughput.
    pub(crate) const DEFAULT_RATE: Rate = match Rate::per_second_of(80) {
        Some(rate) => rate,
        None => Rate::SLOWEST,
    };
}

/// How many different people a portfolio may write to in 24 hours (platform: 250 to 100,000, or unlimited).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DailyReach {
    /// So many.
    People(u32),
    /// As many as it likes.
    Unlimited,
}

impl DailyReach {
    /// The number, or nothing where there is no limit.
    pub(crate) fn limit(self) -> Option<u32> {
        match self {
            Self::People(people) => Some(people),
            Self::Unlimited => None,
        }
    }
}

impl fmt::Display for DailyReach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::People(people) => write!(f, "{people}"),
            Self::Unlimited => f.write_str("unlimited"),
        }
    }
}

impl Default for DailyReach {
    fn default() -> Self {
        Self::People(100_000)
    }
}

/// `[worker]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Worker {
    /// `concurrency`: most requests in flight at once, on each sender.
    pub(crate) concurrency: usize,
    /// `slices_at_once`: most slices in hand at once, shared by the senders.
    pub(crate) slices_at_once: usize,
}

impl Default for Worker {
    fn default() -> Self {
        Self { concurrency: 64, slices_at_once: 16 }
    }
}

/// `[webhook]`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Webhook {
    /// `listen`
    pub(crate) listen: SocketAddr,
    /// `verify_token_env` or `verify_token_file`
    pub(crate) verify_token: SecretRef,
    /// `app_secret_env` or `app_secret_file`: several while they are rotated.
    pub(crate) app_secrets: Vec<SecretRef>,
    /// `shared_secret_header`: the header that 360dialog sends along.
    pub(crate) shared_secret_header: String,
    /// `shared_secret_env` or `shared_secret_file`: several while they are rotated.
    pub(crate) shared_secrets: Vec<SecretRef>,
    /// `archive`: the folder in which posts are kept as they came, if they are.
    pub(crate) archive: Option<String>,
    /// `archive_keep`: for how long.
    pub(crate) archive_keep: Duration,
}

impl Default for Webhook {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 8080)),
            verify_token: SecretRef::built_in("webhook.verify_token_env", "WEBHOOK_VERIFY_TOKEN"),
            app_secrets: vec![SecretRef::built_in("webhook.app_secret_env", "META_APP_SECRET")],
            shared_secret_header: "X-Webhook-Secret".to_owned(),
            shared_secrets: vec![SecretRef::built_in("webhook.shared_secret_env", "WEBHOOK_SHARED_SECRET")],
            archive: None,
            archive_keep: Duration::from_secs(30 * 24 * 60 * 60),
        }
    }
}

/// `[health]`
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Health {
    /// `listen`: where a scheduler's or worker's own health pages are, if anywhere.
    pub(crate) listen: Option<SocketAddr>,
}

/// `[dashboard]`
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Dashboard {
    /// `listen`
    pub(crate) listen: SocketAddr,
    /// `token_env` or `token_file`
    pub(crate) token: SecretRef,
}

impl Default for Dashboard {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
            token: SecretRef::built_in("dashboard.token_env", "PACELINE_TOKEN"),
        }
    }
}
