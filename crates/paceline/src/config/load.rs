//! Finding and reading workers.toml.

use std::path::{Path, PathBuf};

use campaign::document::{Format, Node, Value, parse_as};
use campaign::problem::{Place, Problem, Problems};

use super::decode::decode;
use super::environment;
use super::model::Config;
use crate::failure::reason;

/// The file that is read where `--config` names none.
const DEFAULT_FILE: &str = "workers.toml";

/// Where a configuration came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// No file: `--config` was not given and there is no workers.toml here.
    BuiltIn,
    /// This file.
    File(PathBuf),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::BuiltIn => f.write_str("built-in defaults"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Reads `file`, or ./workers.toml where there is one, or takes the defaults; then the overrides of the
/// process's environment.
///
/// # Errors
/// Everything that is wrong with the file and the environment variables, each with its place.
pub(crate) fn load(file: Option<&Path>) -> Result<Config, Problems> {
    let (source, bytes) = match file {
        Some(path) => (Source::File(path.to_owned()), read(path)?),
        None if Path::new(DEFAULT_FILE).exists() => {
            let path = PathBuf::from(DEFAULT_FILE);
            let bytes = read(&path)?;
            (Source::File(path), bytes)
        }
        None => (Source::BuiltIn, Vec::new()),
    };
    let overrides = environment::overrides(std::env::vars_os())?;
    from_bytes(source, &bytes, overrides)
}

/// From the bytes of a file, which may be empty, and overrides.
pub(super) fn from_bytes(
    source: Source,
    bytes: &[u8],
    overrides: Vec<environment::Override>,
) -> Result<Config, Problems> {
    let name = source.to_string();
    let text = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
    let mut root = if text.trim_ascii().is_empty() {
        Node { value: Value::Map(Vec::new()), place: Place::file(&name) }
    } else {
        parse_as(Format::Toml, &name, bytes)?
    };
    environment::apply(&mut root, overrides)?;
    decode(&root, source)
}

fn read(path: &Path) -> Result<Vec<u8>, Problems> {
    std::fs::read(path).map_err(|error| {
        Problems(vec![
            Problem::new(
                Place::file(path.display().to_string()),
                format!("cannot be read: {}", reason(&error)),
            )
            .help("give the path of your workers.toml with --config, or leave --config out for the defaults"),
        ])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{DailyReach, QueueUrl, Sender, StoreUrl};

    const SHIPPED: &str = include_str!("../../../../workers.toml");

    fn config(text: &str, variables: &[(&str, &str)]) -> Result<Config, Problems> {
        let variables = variables.iter().map(|(name, value)| (name.into(), value.into()));
        from_bytes(Source::BuiltIn, text.as_bytes(), environment::overrides(variables)?)
    }

    #[test]
    fn the_shipped_file_is_the_defaults() {
        let mut shipped = config(SHIPPED, &[]).unwrap();
        let senders = std::mem::take(&mut shipped.senders);
        assert_eq!(shipped, Config::default());
        let [sender] = &senders[..] else { panic!("{senders:?}") };
        assert_eq!(sender.provider, whatsapp::Provider::Meta);
        assert_eq!(sender.base_url, None);
        assert_eq!(sender.rate, Sender::DEFAULT_RATE);
        assert_eq!(sender.daily_reach, DailyReach::default());
    }

    #[test]
    fn the_shipped_file_has_every_key() {
        // Every key, misspelt, makes the decoder list the known ones; each of those must be in the file.
        for section in ["store", "queue", "platform", "worker", "webhook", "health", "dashboard"] {
            assert!(SHIPPED.contains(&format!("\n[{section}]\n")), "{section}");
        }
        for key in [
            "url",
            "base_url",
            "api_version",
            "max_price_field",
            "rate_card",
            "correlate",
            "template_sync_wait",
            "template_idle_after",
            "request_timeout",
            "connect_timeout",
            "name",
            "provider",
            "phone_number_id",
            "waba_id",
            "business_id",
            "token_env",
            "token_file",
            "rate",
            "daily_reach",
            "concurrency",
            "slices_at_once",
            "listen",
            "verify_token_env",
            "verify_token_file",
            "app_secret_env",
            "app_secret_file",
            "shared_secret_header",
            "shared_secret_env",
            "shared_secret_file",
        ] {
            let shown = SHIPPED.lines().any(|line| {
                line.trim_start_matches("# ").split_once(" = ").is_some_and(|(before, _)| before == key)
            });
            assert!(shown, "{key}");
        }
    }

    #[test]
    fn the_keys_that_are_commented_out_are_keys() {
        let uncommented: String = SHIPPED
            .lines()
            .filter(|line| !line.starts_with("token_env") && !line.contains("_env = "))
            .map(|line| match line.strip_prefix("# ") {
                Some(rest) if rest.split_once(" = ").is_some_and(|(key, _)| !key.contains(' ')) => {
                    format!("{rest}\n")
                }
                Some(_) | None => format!("{line}\n"),
            })
            .collect();
        let config = config(&uncommented, &[]).unwrap();
        assert_eq!(config.senders[0].base_url.as_deref(), Some("https://waba-v2.360dialog.io"));
        assert_eq!(config.webhook.verify_token.to_string(), "/run/secrets/webhook-verify-token");
    }

    #[test]
    fn nothing_at_all_is_the_defaults() {
        for text in ["", " \n\t\n", "# a comment\n", "\u{feff}"] {
            assert_eq!(config(text, &[]).unwrap(), Config::default(), "{text:?}");
        }
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let config = config(
            "[store]\nurl = \"sqlite://a.db\"\n[webhook]\napp_secret_file = \"f\"\n",
            &[
                ("PACELINE_STORE__URL", "sqlite:///var/lib/b.db"),
                ("PACELINE_QUEUE__URL", "redis://r:6379"),
                ("PACELINE_WORKER__CONCURRENCY", "7"),
                ("PACELINE_PLATFORM__CORRELATE", "false"),
                ("PACELINE_WEBHOOK__APP_SECRET_ENV", "NEW, OLD"),
                ("PACELINE_TOKEN", "is no override"),
                ("OTHER__KEY", "is not ours"),
            ],
        )
        .unwrap();
        assert_eq!(config.store.url.value, StoreUrl::Sqlite("/var/lib/b.db".into()));
        assert!(matches!(config.queue.url.value, QueueUrl::Redis(_)));
        assert_eq!(config.worker.concurrency, 7);
        assert!(!config.platform.correlate);
        let secrets: Vec<_> = config.webhook.app_secrets.iter().map(ToString::to_string).collect();
        assert_eq!(secrets, ["NEW", "OLD"]);
    }

    #[test]
    fn a_password_comes_by_the_environment_and_is_not_shown() {
        let url = "postgres://paceline:hunter2@db:5433/paceline";
        let config = config("", &[("PACELINE_STORE__URL", url)]).unwrap();
        let StoreUrl::Postgres(server) = &config.store.url.value else { panic!("{:?}", config.store) };
        assert_eq!(server.reveal(), url);
        assert_eq!(server.to_string(), "postgres://db:5433/paceline");
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn each_provider_is_where_it_is() {
        let sender = |more: &str| {
            let config = config(
                &format!("[platform]\nbase_url = \"http://sim:9/\"\n[[senders]]\nname = \"a\"\nphone_number_id = 1\nwaba_id = \"2\"\ntoken_env = \"T\"\n{more}"),
                &[],
            )
            .unwrap();
            config.client_config(&config.senders[0], whatsapp::Secret::new("t")).base_url
        };
        assert_eq!(sender(""), "http://sim:9");
        assert_eq!(sender("provider = \"360dialog\""), "https://waba-v2.360dialog.io");
        assert_eq!(sender("base_url = \"http://other/\""), "http://other");
    }

    #[test]
    fn a_key_of_360dialog_stands_for_its_number() {
        let sender =
            "[[senders]]\nname = \"a\"\nprovider = \"360dialog\"\nwaba_id = \"2\"\ntoken_env = \"KEY\"\n";
        let one = config(sender, &[]).unwrap();
        assert_eq!(one.senders[0].phone_number_id, None);
        assert!(one.uses(whatsapp::Provider::Dialog360) && !one.expects_signed_webhooks());
        let again = sender.replace("\"a\"", "\"b\"");
        assert!(config(&format!("{sender}{again}"), &[]).is_err(), "one key, one number");
        let other = again.replace("KEY", "OTHER_KEY");
        assert_eq!(config(&format!("{sender}{other}"), &[]).unwrap().senders.len(), 2);
        assert!(config(&sender.replace("provider = \"360dialog\"\n", ""), &[]).is_err(), "Meta wants its id");
    }
}
