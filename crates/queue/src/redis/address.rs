//! The URL of a Redis server. What is said about it never has its password.

use std::fmt;

use redis::{Client, TlsCertificates};

/// The URL cannot be used. A sentence for people, without the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the queue's URL cannot be used: {0}")]
pub struct AddressError(String);

/// Where Redis is, and how to get in. Shown without user and password.
#[derive(Clone)]
pub struct Address {
    client: Client,
    shown: String,
}

impl Address {
    /// Reads `redis://` and `rediss://` URLs.
    ///
    /// # Errors
    /// When it is not one, or its `ca` file cannot be read or holds no certificate.
    pub fn parse(url: &str) -> Result<Self, AddressError> {
        let refused = |why: &str| AddressError(why.to_owned());
        let form =
            "write redis://HOST:6379, or rediss://USER:PASSWORD@HOST:6379/0 for TLS, user and database";
        let mut parsed = redis::parse_redis_url(url).ok_or_else(|| refused(form))?;
        let is_tls = match parsed.scheme() {
            "redis" => false,
            "rediss" => true,
            _ => return Err(refused(form)),
        };
        if parsed.fragment().is_some() {
            return Err(refused(
                "it has a part after #, which nothing reads; write a # of the password as %23 \
                 (certificates are always checked: for one of your own, add ?ca=/path/to/ca.pem)",
            ));
        }
        let mut ca = None;
        for (option, value) in parsed.query_pairs() {
            match (option.as_ref(), is_tls) {
                ("ca", true) => ca = Some(value.into_owned()),
                ("ca", false) => return Err(refused("`ca` is for TLS; write rediss:// instead of redis://")),
                (other, _) => {
                    return Err(AddressError(format!("it has an option `{other}`; `ca` is the only one")));
                }
            }
        }
        parsed.set_query(None);
        let host = parsed.host_str().ok_or_else(|| refused(form))?;
        let shown = format!(
            "{}://{host}:{}/{}",
            parsed.scheme(),
            parsed.port().unwrap_or(6379),
            parsed.path().trim_matches('/')
        );
        let shown = shown.trim_end_matches('/').to_owned();
        if is_tls {
            // One for the whole process; an error only says that there is one already.
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let client = match ca {
            None => Client::open(parsed.as_str()),
            Some(path) => {
                let certificate = std::fs::read(&path).map_err(|error| {
                    AddressError(format!("its certificate file {path} cannot be read: {error}"))
                })?;
                if !certificate.windows(10).any(|part| part == b"-----BEGIN") {
                    return Err(AddressError(format!(
                        "its certificate file {path} is not in PEM form (-----BEGIN CERTIFICATE-----)"
                    )));
                }
                let certificates = TlsCertificates { client_tls: None, root_cert: Some(certificate) };
                Client::build_with_tls(parsed.as_str(), certificates)
            }
        };
        let client = client.map_err(|error| AddressError(format!("{shown}: {error}")))?;
        Ok(Self { client, shown })
    }

    /// What connects.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.shown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_password_is_never_shown() {
        let address = Address::parse("redis://someone:hunter2@example.com/3").unwrap();
        assert_eq!(address.to_string(), "redis://example.com:6379/3");
        assert_eq!(format!("{address:?}"), "Address(redis://example.com:6379/3)");
        for wrong in [
            "redis://someone:hunter2@example.com/x",
            "redis://someone:hunter2@example.com/0#insecure",
            "rediss://someone:hunter2@example.com/0?ca=/nowhere",
            "redis://someone:hunter2@example.com/0?ca=/nowhere",
            "redis://someone:hunter2@example.com/0?db=1",
            "http://someone:hunter2@example.com",
            "someone:hunter2@example.com",
            "redis://someone:hunter2@",
        ] {
            let error = Address::parse(wrong).unwrap_err().to_string();
            assert!(!error.contains("hunter2"), "{error}");
            assert!(error.starts_with("the queue's URL cannot be used: "), "{error}");
        }
    }
}
