//! Secrets by name: workers.toml says which environment variable or file holds one, and it is read when a
//! command needs it. The text of a secret is never shown.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use campaign::problem::{Place, Problem, Problems};
use dashboard::access::secret::SHORTEST;
use whatsapp::{Provider, Secret};

use super::model::Config;
use crate::failure::reason;

/// Where a secret is.
#[derive(Debug, Clone)]
pub(crate) struct SecretRef {
    /// The key that names it, for example `senders[0].token_env`.
    key: String,
    holder: Holder,
    place: Place,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Holder {
    Variable(String),
    File(PathBuf),
}

/// Two references are equal wherever they were written.
impl PartialEq for SecretRef {
    fn eq(&self, other: &Self) -> bool {
        self.holder == other.holder
    }
}

impl SecretRef {
    /// A secret in an environment variable.
    pub(super) fn variable(key: &str, name: &str, place: Place) -> Self {
        Self { key: key.to_owned(), holder: Holder::Variable(name.to_owned()), place }
    }

    /// A secret in a file, relative to where the command is started.
    pub(super) fn file(key: &str, path: &str, place: Place) -> Self {
        Self { key: key.to_owned(), holder: Holder::File(PathBuf::from(path)), place }
    }

    /// A secret whose variable the defaults name.
    pub(super) fn built_in(key: &str, name: &str) -> Self {
        Self::variable(key, name, Place::file("built-in defaults"))
    }

    /// The variable or file that it is in.
    pub(crate) fn name(&self) -> String {
        match &self.holder {
            Holder::Variable(name) => name.clone(),
            Holder::File(path) => path.display().to_string(),
        }
    }

    /// Reads the secret. Line breaks and blanks around it do not belong to it.
    ///
    /// # Errors
    /// The problem, at the place that names the secret: nothing is there, or it is empty.
    pub(crate) fn read(&self) -> Result<Secret, Problem> {
        let problem = |said: String| Problem::new(self.place.clone(), said);
        let text = match &self.holder {
            Holder::Variable(name) => {
                let help = format!("set it before the command, as in: export {name}=…");
                match std::env::var(name) {
                    Ok(text) if text.trim().is_empty() => {
                        return Err(problem(format!(
                            "{} names the environment variable {name}, which is empty",
                            self.key
                        ))
                        .help(help));
                    }
                    Ok(text) => text,
                    Err(std::env::VarError::NotPresent) => {
                        return Err(problem(format!(
                            "{} names the environment variable {name}, which is not set",
                            self.key
                        ))
                        .help(help));
                    }
                    Err(std::env::VarError::NotUnicode(_)) => {
                        return Err(problem(format!(
                            "{} names the environment variable {name}, which is not UTF-8 text",
                            self.key
                        ))
                        .help(help));
                    }
                }
            }
            Holder::File(path) => {
                let shown = path.display();
                match std::fs::read_to_string(path) {
                    Ok(text) if text.trim().is_empty() => {
                        return Err(problem(format!("{} names the file {shown}, which is empty", self.key))
                            .help("put the secret into it"));
                    }
                    Ok(text) => text,
                    Err(error) => {
                        return Err(problem(format!(
                            "{} names the file {shown}, which cannot be read: {}",
                            self.key,
                            reason(&error)
                        ))
                        .help("make the file, or correct the path"));
                    }
                }
            }
        };
        Ok(Secret::new(text.trim()))
    }
}

/// The variable's name or the file's path.
impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.holder {
            Holder::Variable(name) => f.write_str(name),
            Holder::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// What secrets are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretKind {
    /// Sending: each sender's token.
    SenderTokens,
    /// Taking webhooks in: what they are signed with, and the handshake's word.
    Webhook,
    /// The dashboard: the token that is configured.
    Dashboard,
}

/// The secrets that a running Paceline needs.
#[derive(Debug, Clone, Default)]
pub(crate) struct Secrets {
    /// Each sender's token, by the sender's name.
    pub(crate) tokens: BTreeMap<String, Secret>,
    /// The word that the platform's webhook handshake must know.
    pub(crate) verify_token: Option<Secret>,
    /// What webhooks are signed with.
    pub(crate) app_secrets: Vec<Secret>,
    /// What 360dialog sends along instead.
    pub(crate) shared_secrets: Vec<Secret>,
    /// With which an operator logs in to the dashboard; `None`: only with tokens that were made by command.
    pub(crate) dashboard: Option<Secret>,
}

impl Secrets {
    /// Reads the secrets of these kinds.
    ///
    /// # Errors
    /// Every secret that is missing, at once. The webhook's verify token is only needed when a webhook is
    /// subscribed in Meta's app dashboard: without it a warning is logged and handshakes are refused.
    pub(crate) fn read(config: &Config, kinds: &[SecretKind]) -> Result<Self, Problems> {
        let mut secrets = Self::default();
        let mut problems = Vec::new();
        for kind in kinds {
            match kind {
                SecretKind::SenderTokens => secrets.read_tokens(config, &mut problems),
                SecretKind::Webhook => secrets.read_webhook(config, &mut problems),
                SecretKind::Dashboard => secrets.read_dashboard(config, &mut problems),
            }
        }
        if problems.is_empty() { Ok(secrets) } else { Err(Problems(problems)) }
    }

    fn read_tokens(&mut self, config: &Config, problems: &mut Vec<Problem>) {
        for sender in &config.senders {
            match sender.token.read() {
                Ok(token) => {
                    self.tokens.insert(sender.name.clone(), token);
                }
                Err(problem) => problems.push(problem),
            }
        }
    }

    fn read_dashboard(&mut self, config: &Config, problems: &mut Vec<Problem>) {
        let token = &config.dashboard.token;
        match token.read() {
            Ok(secret) if secret.expose().chars().count() < SHORTEST => problems.push(
                Problem::new(
                    token.place.clone(),
                    format!("the dashboard's token in {token} has fewer than {SHORTEST} characters and can be guessed"),
                )
                .help("make one with: openssl rand -hex 32"),
            ),
            Ok(secret) => self.dashboard = Some(secret),
            // Which is as good as any other way: tokens are made by command, too.
            Err(_) => tracing::info!(
                "{token} holds no token for the dashboard: only those that `paceline token create` makes let anybody in"
            ),
        }
    }

    fn read_webhook(&mut self, config: &Config, problems: &mut Vec<Problem>) {
        let mut read = |refs: &[SecretRef], into: &mut Vec<Secret>| {
            for secret in refs {
                match secret.read() {
                    Ok(secret) => into.push(secret),
                    Err(problem) => problems.push(problem),
                }
            }
        };
        if config.uses(Provider::Dialog360) {
            read(&config.webhook.shared_secrets, &mut self.shared_secrets);
        }
        if !config.expects_signed_webhooks() {
            // Nobody subscribes it with a word either.
            return;
        }
        read(&config.webhook.app_secrets, &mut self.app_secrets);
        match config.webhook.verify_token.read() {
            Ok(token) => self.verify_token = Some(token),
            Err(problem) => {
                tracing::warn!("{problem}: the handshake that subscribes the webhook will be refused");
            }
        }
    }
}
