//! From the tree of workers.toml to its values, with every problem at once.

use std::net::SocketAddr;
use std::time::Duration;

use campaign::document::{Fields, Item, Node, Report, Value};
use campaign::pacing::format_duration;
use campaign::problem::{Problem, Problems};
use whatsapp::Provider;

use super::address::{base_url, queue_url, store_url};
use super::load::Source;
use super::model::{
    Config, DailyReach, Dashboard, Health, Located, MAX_REQUEST_TIMEOUT, Platform, Queue, Sender, Store,
    Webhook, Worker,
};
use super::secrets::SecretRef;
use super::unique::{keys_of_their_own, one_reach_of_each_portfolio, unique};

/// Reads the tree. What is not given has its default.
///
/// # Errors
/// Everything that is wrong, in the order of the file.
pub(super) fn decode(root: &Node, source: Source) -> Result<Config, Problems> {
    let report = Report::new();
    let mut config = Config { source, ..Config::default() };
    if let Some(top) = Item::root(root, &report).fields(&[
        "store",
        "queue",
        "platform",
        "senders",
        "worker",
        "webhook",
        "health",
        "dashboard",
    ]) {
        section(&top, "store", |item| store(item, &mut config.store));
        section(&top, "queue", |item| queue(item, &mut config.queue));
        section(&top, "platform", |item| platform(item, &mut config.platform));
        section(&top, "senders", |item| senders(item, &mut config.senders));
        section(&top, "worker", |item| worker(item, &mut config.worker));
        section(&top, "webhook", |item| webhook(item, &mut config.webhook));
        section(&top, "health", |item| health(item, &mut config.health));
        section(&top, "dashboard", |item| dashboard(item, &mut config.dashboard));
        across(&top, &config);
    }
    report.into_result()?;
    Ok(config)
}

fn section(top: &Fields<'_>, name: &'static str, read: impl FnOnce(&Item<'_>) -> Option<()>) {
    if let Some(item) = top.optional(name) {
        let _ = read(&item);
    }
}

/// Reads an optional key into its place; where it is wrong, the problem is in the report.
fn set<T>(fields: &Fields<'_>, key: &'static str, into: &mut T, read: impl FnOnce(&Item<'_>) -> Option<T>) {
    if let Some(value) = fields.optional(key).and_then(|item| read(&item)) {
        *into = value;
    }
}

fn store(item: &Item<'_>, store: &mut Store) -> Option<()> {
    let fields = item.fields(&["url"])?;
    set(&fields, "url", &mut store.url, |item| located(item, store_url(item)));
    Some(())
}

fn queue(item: &Item<'_>, queue: &mut Queue) -> Option<()> {
    let fields = item.fields(&["url"])?;
    set(&fields, "url", &mut queue.url, |item| located(item, queue_url(item)));
    Some(())
}

fn located<T>(item: &Item<'_>, value: Option<T>) -> Option<Located<T>> {
    Some(Located { value: value?, place: item.place().clone() })
}

fn platform(item: &Item<'_>, platform: &mut Platform) -> Option<()> {
    let fields = item.fields(&[
        "base_url",
        "api_version",
        "max_price_field",
        "rate_card",
        "correlate",
        "template_sync_wait",
        "template_idle_after",
        "request_timeout",
        "connect_timeout",
    ])?;
    set(&fields, "base_url", &mut platform.base_url, base_url);
    set(&fields, "api_version", &mut platform.api_version, api_version);
    set(&fields, "max_price_field", &mut platform.max_price_field, |item| {
        item.choice(&[
            ("optimization_spec", "optimization_spec".to_owned()),
            ("bid_spec", "bid_spec".to_owned()),
        ])
    });
    set(&fields, "rate_card", &mut platform.rate_card, |item| item.text().map(|path| Some(path.to_owned())));
    set(&fields, "correlate", &mut platform.correlate, |item| item.bool());
    let any = Duration::from_millis(1)..=Duration::MAX;
    set(&fields, "template_sync_wait", &mut platform.template_sync_wait, |item| item.duration(any.clone()));
    set(&fields, "template_idle_after", &mut platform.template_idle_after, |item| item.duration(any));
    set(&fields, "request_timeout", &mut platform.request_timeout, request_timeout);
    set(&fields, "connect_timeout", &mut platform.connect_timeout, |item| {
        item.duration(Duration::from_millis(100)..=MAX_REQUEST_TIMEOUT)
    });
    if platform.connect_timeout >= platform.request_timeout {
        let culprit = fields.optional("connect_timeout").or_else(|| fields.optional("request_timeout"));
        culprit.unwrap_or_else(|| fields.item().clone()).wrong::<()>(
            format!(
                "makes connect_timeout ({}) as long as request_timeout ({}) or longer",
                format_duration(platform.connect_timeout),
                format_duration(platform.request_timeout)
            ),
            "make connect_timeout shorter, or a slow connection would put messages in doubt that were never sent",
        );
    }
    Some(())
}

fn request_timeout(item: &Item<'_>) -> Option<Duration> {
    let value = item.duration(Duration::from_secs(1)..=Duration::MAX)?;
    if value > MAX_REQUEST_TIMEOUT {
        return item.wrong(
            format!(
                "is {}, and a process that is asked to stop waits for its requests: they must be over well within a minute",
                format_duration(value)
            ),
            format!("write at most {}", format_duration(MAX_REQUEST_TIMEOUT)),
        );
    }
    Some(value)
}

fn api_version(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    match text.strip_prefix('v').and_then(|rest| rest.split_once('.')) {
        Some((major, minor)) if digits(major) && digits(minor) => Some(text.to_owned()),
        Some(_) | None => item.wrong(
            format!("is {}, expected a version of the Graph API", item.node().value.describe()),
            "write it as v25.0",
        ),
    }
}

fn senders(item: &Item<'_>, senders: &mut Vec<Sender>) -> Option<()> {
    let Value::List(_) = item.node().value else {
        return item.wrong(
            format!("is {}, expected a list", item.node().value.describe()),
            "write each sender under a heading of its own, [[senders]] with two brackets",
        );
    };
    for item in item.list()? {
        if let Some(sender) = sender(&item) {
            senders.push(sender);
        }
    }
    Some(())
}

fn sender(item: &Item<'_>) -> Option<Sender> {
    let fields = item.fields(&[
        "name",
        "provider",
        "base_url",
        "phone_number_id",
        "waba_id",
        "business_id",
        "token_env",
        "token_file",
        "rate",
        "daily_reach",
    ])?;
    let name = fields.required("name").and_then(|item| sender_name(&item));
    let provider = optional_or(&fields, "provider", Provider::Meta, |item| {
        item.choice(&[("meta", Provider::Meta), ("360dialog", Provider::Dialog360)])
    });
    let base_url = optional_or(&fields, "base_url", None, |item| base_url(item).map(Some));
    let phone_number_id = match provider {
        // Its key is bound to one number.
        Some(Provider::Dialog360) => {
            optional_or(&fields, "phone_number_id", None, |item| platform_id(item).map(Some))
        }
        Some(Provider::Meta) | None => {
            fields.required("phone_number_id").and_then(|item| platform_id(&item)).map(Some)
        }
    };
    let waba_id = fields.required("waba_id").and_then(|item| platform_id(&item));
    let business_id = optional_or(&fields, "business_id", None, |item| platform_id(item).map(Some));
    let token = token(&fields, "token_env", "token_file");
    let rate = optional_or(&fields, "rate", Sender::DEFAULT_RATE, |item| item.parsed());
    let daily_reach = optional_or(&fields, "daily_reach", DailyReach::default(), daily_reach);
    Some(Sender {
        name: name?,
        provider: provider?,
        base_url: base_url?,
        phone_number_id: phone_number_id?,
        waba_id: waba_id?,
        business_id: business_id?,
        token: token?,
        rate: rate?,
        daily_reach: daily_reach?,
        place: item.place().clone(),
    })
}

/// The default where the key is left out; nothing where its value is wrong.
fn optional_or<T>(
    fields: &Fields<'_>,
    key: &'static str,
    default: T,
    read: impl FnOnce(&Item<'_>) -> Option<T>,
) -> Option<T> {
    if fields.has(key) { fields.optional(key).and_then(|item| read(&item)) } else { Some(default) }
}

fn sender_name(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    let good = text.len() <= 64 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
    if good {
        Some(text.to_owned())
    } else {
        item.wrong(
            format!("is {}, which is not a name", item.node().value.describe()),
            "use up to 64 letters, digits, - . and _",
        )
    }
}

/// An id of the platform: digits, quoted or not.
fn platform_id(item: &Item<'_>) -> Option<String> {
    let text = item.text_or_number()?;
    if text.len() <= 32 && text.bytes().all(|b| b.is_ascii_digit()) {
        return Some(text.to_owned());
    }
    item.wrong(
        format!("is {}, which is not an id of the platform", item.node().value.describe()),
        "copy the digits from the WhatsApp manager (the id is not the phone number)",
    )
}

fn daily_reach(item: &Item<'_>) -> Option<DailyReach> {
    if let Value::Text(text) = &item.node().value
        && text == "unlimited"
    {
        return Some(DailyReach::Unlimited);
    }
    match &item.node().value {
        Value::Int { value, .. } if (1..=i64::from(u32::MAX)).contains(value) => {
            u32::try_from(*value).ok().map(DailyReach::People)
        }
        Value::Null
        | Value::Bool(_)
        | Value::Int { .. }
        | Value::Float(_)
        | Value::Text(_)
        | Value::List(_)
        | Value::Map(_) => item.unexpected("a number of people such as 100000, or \"unlimited\""),
    }
}

/// A secret that must be named, by exactly one of two keys.
fn token(fields: &Fields<'_>, by_variable: &'static str, by_file: &'static str) -> Option<SecretRef> {
    if !fields.has(by_variable) && !fields.has(by_file) {
        let item = fields.item();
        item.report().push(
            Problem::new(item.place().clone(), format!("{} names no secret", item.path())).help(format!(
                "add {by_variable} with the name of an environment variable, or {by_file} with a path"
            )),
        );
        return None;
    }
    secrets(fields, by_variable, by_file)?.into_iter().next()
}

/// The secrets named by one of two keys: several where the value is a list. `None` where something is wrong.
fn secrets(fields: &Fields<'_>, by_variable: &'static str, by_file: &'static str) -> Option<Vec<SecretRef>> {
    if let (Some(_), Some(file)) = (fields.optional(by_variable), fields.optional(by_file)) {
        return file.wrong(format!("stands beside {by_variable}"), "keep one of the two");
    }
    if let Some(item) = fields.optional(by_variable) {
        return each(&item, |item| {
            variable_name(item).map(|name| SecretRef::variable(item.path(), name, item.place().clone()))
        });
    }
    let item = fields.optional(by_file)?;
    each(&item, |item| item.text().map(|path| SecretRef::file(item.path(), path, item.place().clone())))
}

fn each(item: &Item<'_>, read: impl Fn(&Item<'_>) -> Option<SecretRef>) -> Option<Vec<SecretRef>> {
    let items = item.one_or_many();
    if items.is_empty() {
        return item.wrong("is an empty list", "name at least one");
    }
    let read: Vec<_> = items.iter().map(read).collect();
    read.into_iter().collect()
}

/// The name of an environment variable. What cannot be one may be the secret itself: it is not repeated.
fn variable_name<'d>(item: &Item<'d>) -> Option<&'d str> {
    let text = item.text()?;
    let first_is_no_digit = !text.starts_with(|c: char| c.is_ascii_digit());
    let good = first_is_no_digit
        && text.len() <= 100
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    if good {
        return Some(text);
    }
    item.wrong(
        "is not the name of an environment variable",
        "write the variable's name, such as META_APP_SECRET, and never the secret itself",
    )
}

fn worker(item: &Item<'_>, worker: &mut Worker) -> Option<()> {
    let fields = item.fields(&["concurrency", "slices_at_once"])?;
    let count = |high| move |item: &Item<'_>| item.int(1..=high).and_then(|n| usize::try_from(n).ok());
    set(&fields, "concurrency", &mut worker.concurrency, count(4_096));
    set(&fields, "slices_at_once", &mut worker.slices_at_once, count(256));
    Some(())
}

/// How long webhooks may be archived: segments are of an hour each, and nothing of people is kept for ever.
const KEPT: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(60 * 60)..=Duration::from_secs(3_650 * 24 * 60 * 60);

fn webhook(item: &Item<'_>, webhook: &mut Webhook) -> Option<()> {
    let fields = item.fields(&[
        "listen",
        "verify_token_env",
        "verify_token_file",
        "app_secret_env",
        "app_secret_file",
        "shared_secret_header",
        "shared_secret_env",
        "shared_secret_file",
        "archive",
        "archive_keep",
    ])?;
    set(&fields, "listen", &mut webhook.listen, listen);
    one_secret(&fields, "verify_token_env", "verify_token_file", &mut webhook.verify_token);
    if let Some(found) = secrets(&fields, "app_secret_env", "app_secret_file") {
        webhook.app_secrets = found;
    }
    set(&fields, "shared_secret_header", &mut webhook.shared_secret_header, header_name);
    if let Some(found) = secrets(&fields, "shared_secret_env", "shared_secret_file") {
        webhook.shared_secrets = found;
    }
    set(&fields, "archive", &mut webhook.archive, |item| item.text().map(|path| Some(path.to_owned())));
    set(&fields, "archive_keep", &mut webhook.archive_keep, |item| item.duration(KEPT));
    Some(())
}

fn header_name(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    let is_name = !text.is_empty()
        && text.len() <= 100
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b));
    if is_name {
        return Some(text.to_owned());
    }
    item.wrong(
        format!("is {}, which is not the name of a header", item.node().value.describe()),
        "use letters, digits and -, as in X-Webhook-Secret",
    )
}

fn health(item: &Item<'_>, health: &mut Health) -> Option<()> {
    let fields = item.fields(&["listen"])?;
    set(&fields, "listen", &mut health.listen, |item| listen(item).map(Some));
    Some(())
}

fn dashboard(item: &Item<'_>, dashboard: &mut Dashboard) -> Option<()> {
    let fields = item.fields(&["listen", "token_env", "token_file"])?;
    set(&fields, "listen", &mut dashboard.listen, listen);
    one_secret(&fields, "token_env", "token_file", &mut dashboard.token);
    Some(())
}

/// A secret with a default, which takes one name and no list.
fn one_secret(fields: &Fields<'_>, by_variable: &'static str, by_file: &'static str, into: &mut SecretRef) {
    let Some(found) = secrets(fields, by_variable, by_file) else { return };
    let mut found = found.into_iter();
    if let Some(first) = found.next() {
        *into = first;
    }
    if found.next().is_some()
        && let Some(item) = fields.optional(by_variable).or_else(|| fields.optional(by_file))
    {
        item.wrong::<()>("is a list", "name one only");
    }
}

fn listen(item: &Item<'_>) -> Option<SocketAddr> {
    let text = item.text()?;
    match text.parse() {
        Ok(address) => Some(address),
        Err(_) => item.wrong(
            format!("is {}, expected an IP address and a port", item.node().value.describe()),
            "write for example 127.0.0.1:8080, or 0.0.0.0:8080 for every interface",
        ),
    }
}

/// What no single key is to blame for.
fn across(top: &Fields<'_>, config: &Config) {
    let report = top.item().report();
    unique(report, &config.senders, "name", |sender| Some(&sender.name));
    unique(report, &config.senders, "phone_number_id", |sender| sender.phone_number_id.as_deref());
    keys_of_their_own(report, &config.senders);
    one_reach_of_each_portfolio(report, &config.senders);
    if config.webhook.listen == config.dashboard.listen && config.webhook.listen.port() != 0 {
        let place = ["dashboard", "webhook"]
            .into_iter()
            .find_map(|name| top.optional(name))
            .map_or_else(|| top.item().place().clone(), |item| item.place().clone());
        report.push(
            Problem::new(
                place,
                format!("dashboard.listen and webhook.listen are both {}", config.webhook.listen),
            )
            .help("give the dashboard a port of its own"),
        );
    }
}
