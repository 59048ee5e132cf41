//! One sender's connection to its provider: addresses, credentials, timeouts and the connection pool.
//!
//! # Why a request is never written twice
//!
//! The API has no idempotency key, so every layer below that could repeat a request on its own is either
//! switched off or shown to repeat only what was never written:
//!
//! - **Redirects** (reqwest follows ten, and repeats the body on 307 and 308): switched off. A redirect is
//!   handed up as the answer it is.
//! - **Protocol nacks** (reqwest repeats a request that HTTP/2 refused with `REFUSED_STREAM` or a graceful
//!   `GOAWAY`, up to twice): safe by the HTTP/2 standard, which has the server say that it did not look at
//!   the request, but it rests on the server's word. Switched off ([`reqwest::retry::never`]), and there is
//!   nothing to nack, as only HTTP/1.1 is spoken.
//! - **A pooled connection that turns out to be closed** (hyper-util's `retry_canceled_requests`, which is
//!   on by default and which reqwest offers no switch for): only done where hyper gives the request *object*
//!   back. On HTTP/1.1 it does so in three cases: the connection's task is gone before the request can be
//!   queued for it; the task ends with the request still in its queue; the task fails with the request
//!   still in its queue. In each the request was never taken out of the queue, and writing the first byte
//!   comes after taking it out. Once taken out it is never given back, whether or not anything was written.
//!   Hence this repeat is always of a request of which no byte was written.
//! - **Racing connections** (happy eyeballs, and hyper-util's race between a new connection and one that
//!   comes free): concern connections, before any request is put on one.
//! - **Proxies**: none is used, not even one from the environment, so nobody between us and the provider's
//!   own front end repeats a request.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::Secret;

/// Whose form of the API is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Provider {
    /// Meta's Graph API: `{base}/{version}/{phone number id}/marketing_messages`, `Authorization: Bearer`.
    Meta,
    /// 360dialog: `{base}/marketing_messages`, `D360-API-KEY`; the key is bound to one number, so the
    /// number's id is not in the path, nor is a version.
    Dialog360,
}

impl Provider {
    /// Where the provider's production API is.
    pub fn default_base_url(self) -> &'static str {
        match self {
            Self::Meta => "https://graph.facebook.com",
            Self::Dialog360 => "https://waba-v2.360dialog.io",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Meta => "meta",
            Self::Dialog360 => "360dialog",
        })
    }
}

/// The text is not the name of a provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a provider; write `meta` or `360dialog`")]
pub struct UnknownProvider(String);

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, UnknownProvider> {
        match text {
            "meta" => Ok(Self::Meta),
            "360dialog" => Ok(Self::Dialog360),
            _ => Err(UnknownProvider(text.to_owned())),
        }
    }
}

/// What a [`Client`] needs to know.
#[derive(Debug, Clone)]
pub struct ClientConfig {
    /// Whose form of the API is spoken.
    pub provider: Provider,
    /// Where it is: `https://host[:port][/path]`; `http://` for a simulator. No trailing slash needed.
    pub base_url: String,
    /// `v25.0`; not used with 360dialog.
    pub api_version: String,
    /// The business phone number's id; not used with 360dialog.
    pub phone_number_id: String,
    /// The access token, or 360dialog's API key.
    pub token: Secret,
    /// How long one request may take from beginning to end, waiting for a connection included. When it runs
    /// out the fate of a send is unknown, so it is better long than short.
    pub timeout: Duration,
    /// How long name resolution, TCP and TLS may take together. When it runs out nothing was sent. Must be
    /// shorter than `timeout`.
    pub connect_timeout: Duration,
    /// How many idle connections are kept. At least the number of concurrent requests, or connections are
    /// closed and opened again all the time.
    pub pool_max_idle: usize,
    /// How long an idle connection is kept. Shorter than the server keeps it: a request written to a
    /// connection that the server is just closing has an unknown fate.
    pub pool_idle_timeout: Duration,
}

impl ClientConfig {
    /// Meta's API with the defaults: version `v25.0`, 30 s for a request, 5 s to connect, 1,024 idle
    /// connections kept for 30 s.
    pub fn meta(phone_number_id: impl Into<String>, token: Secret) -> Self {
        Self::of(Provider::Meta, phone_number_id.into(), token)
    }

    /// 360dialog's API with the same defaults.
    pub fn dialog360(api_key: Secret) -> Self {
        Self::of(Provider::Dialog360, String::new(), api_key)
    }

    fn of(provider: Provider, phone_number_id: String, token: Secret) -> Self {
        Self {
            provider,
            base_url: provider.default_base_url().to_owned(),
            api_version: "v25.0".to_owned(),
            phone_number_id,
            token,
            timeout: Duration::from_secs(30),
            connect_timeout: Duration::from_secs(5),
            pool_max_idle: 1_024,
            pool_idle_timeout: Duration::from_secs(30),
        }
    }
}

/// Why there is no client for a configuration.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// `base_url` is no address to send to.
    #[error("base_url `{url}` {why}; write the scheme and the host, such as https://graph.facebook.com")]
    BaseUrl {
        /// As it was given.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// `api_version` is not of the form `v25.0`.
    #[error("api_version `{0}` is not a version of the Graph API; write it as v25.0")]
    ApiVersion(String),
    /// `phone_number_id` is not an id.
    #[error(
        "phone_number_id `{0}` is not an id; copy the digits from the WhatsApp manager (it is not the phone number)"
    )]
    PhoneNumberId(String),
    /// The token is empty or cannot stand in a header.
    #[error("the {0} is empty or contains a character that no token has, such as a space or a line break")]
    Token(&'static str),
    /// `connect_timeout` is not shorter than `timeout`.
    #[error(
        "connect_timeout ({connect:?}) must be shorter than timeout ({total:?}), or a slow connection would put \
         messages in doubt that were never sent"
    )]
    Timeouts {
        /// The connect timeout.
        connect: Duration,
        /// The whole timeout.
        total: Duration,
    },
    /// The HTTP or TLS library could not be set up.
    #[error(
        "the HTTP client cannot be set up; install the system's CA certificates (package ca-certificates) if they are missing"
    )]
    Setup(#[source] reqwest::Error),
}

/// One sender's connection to its provider. Cheap to clone; clones share the connection pool.
///
/// [`Client::send`] sends a message; [`crate::account`] lists the questions it can ask.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) provider: Provider,
    pub(crate) phone_number_id: String,
    /// `{base}/{version}` or `{base}`, without a slash at its end.
    pub(crate) root: String,
    pub(crate) send_url: Url,
}

impl Client {
    /// Checks the configuration and prepares everything that is the same for all requests. Opens no
    /// connection.
    ///
    /// # Errors
    ///
    /// See [`ClientError`]: each names the key that is wrong.
    pub fn new(config: ClientConfig) -> Result<Self, ClientError> {
        let ClientConfig { provider, base_url, api_version, phone_number_id, token, .. } = config;
        let base = checked_base(&base_url)?;
        let root = base.as_str().trim_end_matches('/').to_owned();
        let (root, send_url) = match provider {
            Provider::Meta => {
                if !is_version(&api_version) {
                    return Err(ClientError::ApiVersion(api_version));
                }
                if !is_id(&phone_number_id) {
                    return Err(ClientError::PhoneNumberId(phone_number_id));
                }
                let root = format!("{root}/{api_version}");
                let send_url = format!("{root}/{phone_number_id}/marketing_messages");
                (root, send_url)
            }
            Provider::Dialog360 => {
                let send_url = format!("{root}/marketing_messages");
                (root, send_url)
            }
        };
        let bad_url =
            |error: &dyn fmt::Display| ClientError::BaseUrl { url: base_url.clone(), why: error.to_string() };
        let send_url = Url::parse(&send_url).map_err(|error| bad_url(&error))?;
        if config.connect_timeout >= config.timeout {
            return Err(ClientError::Timeouts { connect: config.connect_timeout, total: config.timeout });
        }

        // Installed once per process; whoever was first has decided, and an error here says just that.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .default_headers(credentials(provider, &token)?)
            .user_agent(concat!("paceline/", env!("CARGO_PKG_VERSION")))
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .referer(false)
            .no_proxy()
            .tcp_nodelay(true)
            .timeout(config.timeout)
            .connect_timeout(config.connect_timeout)
            .pool_max_idle_per_host(config.pool_max_idle)
            .pool_idle_timeout(config.pool_idle_timeout);
        if base.scheme() == "http" {
            // No TLS will be spoken: do not require a machine to have CA certificates for it.
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(ClientError::Setup)?;
        Ok(Self { http, provider, phone_number_id, root, send_url })
    }

    /// Whose form of the API this client speaks.
    pub fn provider(&self) -> Provider {
        self.provider
    }
}

fn checked_base(text: &str) -> Result<Url, ClientError> {
    let bad = |why: &str| ClientError::BaseUrl { url: text.to_owned(), why: why.to_owned() };
    let url = Url::parse(text).map_err(|error| bad(&format!("is not an address ({error})")))?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err(bad("is not an http or https address"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // The address is shown in errors and logs, so the refusal does not quote it.
        return Err(ClientError::BaseUrl {
            url: url.host_str().unwrap_or_default().to_owned(),
            why: "contains a user name or a password".to_owned(),
        });
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("contains a query or a fragment"));
    }
    Ok(url)
}

fn credentials(provider: Provider, token: &Secret) -> Result<HeaderMap, ClientError> {
    let text = token.expose();
    let (what, name, value) = match provider {
        Provider::Meta => ("access token", AUTHORIZATION, format!("Bearer {text}")),
        Provider::Dialog360 => ("API key", HeaderName::from_static("d360-api-key"), text.to_owned()),
    };
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(ClientError::Token(what));
    }
    let mut value = HeaderValue::from_str(&value).map_err(|_| ClientError::Token(what))?;
    value.set_sensitive(true);
    Ok(HeaderMap::from_iter([(name, value)]))
}

fn is_version(text: &str) -> bool {
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    text.strip_prefix('v')
        .and_then(|rest| rest.split_once('.'))
        .is_some_and(|(major, minor)| number(major) && number(minor))
}

/// Whether the text can stand as one segment of a path.
pub(crate) fn is_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ClientConfig {
        ClientConfig::meta("106540352242922", Secret::new("EAAG"))
    }

    #[test]
    fn each_provider_has_its_address() {
        let url = |config| Client::new(config).unwrap().send_url.to_string();
        assert_eq!(url(config()), "https://graph.facebook.com/v25.0/106540352242922/marketing_messages");
        let local = ClientConfig { base_url: "http://127.0.0.1:9000/meta/".into(), ..config() };
        assert_eq!(url(local), "http://127.0.0.1:9000/meta/v25.0/106540352242922/marketing_messages");
        assert_eq!(
            url(ClientConfig::dialog360(Secret::new("key"))),
            "https://waba-v2.360dialog.io/marketing_messages"
        );
    }

    #[test]
    fn a_wrong_configuration_is_refused_with_its_key() {
        let error = |config| Client::new(config).unwrap_err().to_string();
        for url in [
            "graph.facebook.com",
            "",
            "ftp://x",
            "https://",
            "https://u:p@host",
            "https://h/?a=1",
            "https://h/#a",
        ] {
            assert!(
                error(ClientConfig { base_url: url.into(), ..config() }).starts_with("base_url"),
                "{url}"
            );
        }
        assert!(
            !error(ClientConfig { base_url: "https://u:hunter2@host".into(), ..config() })
                .contains("hunter2")
        );
        for version in ["25.0", "v25", "v25.", "", "v25.0/x", "latest"] {
            assert!(
                error(ClientConfig { api_version: version.into(), ..config() }).starts_with("api_version")
            );
        }
        for id in ["", "+49 151", "a/b", "../me"] {
            assert!(
                error(ClientConfig { phone_number_id: id.into(), ..config() }).starts_with("phone_number_id")
            );
        }
        for token in ["", "EAAG\n", "two words", "é"] {
            let error = error(ClientConfig { token: Secret::new(token), ..config() });
            assert!(error.starts_with("the access token is empty"), "{error}");
        }
        let error = error(ClientConfig { connect_timeout: Duration::from_secs(30), ..config() });
        assert!(error.starts_with("connect_timeout"), "{error}");
    }

    #[test]
    fn its_debug_output_has_no_credentials() {
        let config = ClientConfig::meta("1", Secret::new("EAAG-very-secret"));
        assert!(!format!("{config:?}").contains("very-secret"));
        assert!(!format!("{:?}", Client::new(config).unwrap()).contains("very-secret"));
    }

    #[test]
    fn provider_names_come_back() {
        for provider in [Provider::Meta, Provider::Dialog360] {
            assert_eq!(provider.to_string().parse(), Ok(provider));
        }
        assert!("twilio".parse::<Provider>().unwrap_err().to_string().contains("360dialog"));
    }
}
