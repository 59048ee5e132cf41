//! A folder of the test's own, with workers.toml, campaign files and audiences in it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use whatsapp::Provider;

use crate::binary::{self, Answer};

/// The environment variable in which the tests' token is, and the token the simulator knows.
pub const TOKEN: (&str, &str) = ("PACELINE_TEST_TOKEN", "sim-token");
/// The app secret that webhooks are signed with.
pub const APP_SECRET: (&str, &str) = ("PACELINE_TEST_SECRET", "test-app-secret");
/// The word of the webhook handshake.
pub const VERIFY_TOKEN: (&str, &str) = ("PACELINE_TEST_VERIFY", "test-verify-token");
/// The second sender's key with 360dialog, where each number has its own; with Meta both share [`TOKEN`].
pub const SECOND_KEY: (&str, &str) = ("PACELINE_TEST_SECOND_KEY", "sim-second-key");
/// What 360dialog sends along with webhooks, in the header [`SHARED_SECRET_HEADER`].
pub const SHARED_SECRET: (&str, &str) = ("PACELINE_TEST_SHARED_SECRET", "test-shared-secret");
/// The header with the shared secret.
pub const SHARED_SECRET_HEADER: &str = "X-Test-Secret";
/// The simulator's first number.
pub const PHONE_NUMBER_ID: &str = "106540352242922";
/// A second sender of the same account, and its phone number's id.
pub const SECOND: (&str, &str) = ("jaspers-ae", "106540352242923");
/// The simulator's account.
pub const WABA_ID: &str = "102290129340398";

/// A folder of the test's own; removed with it.
#[derive(Debug)]
pub struct Files {
    folder: tempfile::TempDir,
    /// Of every command that is started here.
    environment: Vec<(String, String)>,
}

/// What a test's workers.toml says.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Whose form of the API all senders speak.
    pub provider: Provider,
    /// Where the simulator is, in that form.
    pub base_url: String,
    /// Where webhooks are taken in.
    pub webhook: String,
    /// The sender's rate.
    pub rate: String,
    /// `platform.template_sync_wait`.
    pub sync_wait: String,
    /// `platform.correlate`.
    pub correlate: bool,
    /// `worker.concurrency`.
    pub concurrency: usize,
    /// The rate of the second sender, where there is to be one.
    pub second: Option<String>,
    /// `daily_reach` of the senders; `None`: unlimited.
    pub daily_reach: Option<u32>,
}

impl Files {
    /// An empty folder.
    #[must_use]
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), environment: Vec::new() }
    }

    /// What an environment variable of every command is set to.
    #[must_use]
    pub fn is_set_to(&self, name: &str) -> Option<&str> {
        let mut all = self.environment.iter();
        all.find(|(set, _)| set == name).map(|(_, value)| value.as_str())
    }

    /// Sets an environment variable of every command that is started here from now on.
    pub fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// The folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// A path in it.
    #[must_use]
    pub fn join(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file and returns its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.join(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    /// Writes workers.toml for one sender, `jaspers-in`, or for two.
    pub fn workers_toml(&self, settings: &Settings) -> PathBuf {
        let daily_reach = settings.daily_reach.map_or_else(|| "\"unlimited\"".to_owned(), |n| n.to_string());
        let base_url = &settings.base_url;
        let speaks = match settings.provider {
            Provider::Meta => String::new(),
            Provider::Dialog360 => format!("provider = \"360dialog\"\nbase_url = \"{base_url}\"\n"),
        };
        let mut text = format!(
            r#"[store]
url = "sqlite://{db}"
[platform]
base_url = "{base_url}"
correlate = {correlate}
template_sync_wait = "{sync_wait}"
request_timeout = "5s"
connect_timeout = "2s"
[[senders]]
name = "jaspers-in"
{speaks}phone_number_id = "{PHONE_NUMBER_ID}"
waba_id = "{WABA_ID}"
token_env = "{token}"
rate = "{rate}"
daily_reach = {daily_reach}
[worker]
concurrency = {concurrency}
[dashboard]
listen = "127.0.0.1:0"
[webhook]
listen = "{webhook}"
verify_token_env = "{verify}"
app_secret_env = "{secret}"
shared_secret_header = "{SHARED_SECRET_HEADER}"
shared_secret_env = "{shared}"
"#,
            db = self.join("paceline.db").display(),
            correlate = settings.correlate,
            sync_wait = settings.sync_wait,
            token = TOKEN.0,
            rate = settings.rate,
            concurrency = settings.concurrency,
            webhook = settings.webhook,
            verify = VERIFY_TOKEN.0,
            secret = APP_SECRET.0,
            shared = SHARED_SECRET.0,
        );
        if let Some(rate) = &settings.second {
            let (name, id) = SECOND;
            let _ = write!(
                text,
                "[[senders]]\nname = \"{name}\"\n{speaks}phone_number_id = \"{id}\"\nwaba_id = \"{WABA_ID}\"\n\
                 token_env = \"{token}\"\nrate = \"{rate}\"\ndaily_reach = {daily_reach}\n",
                token = second_token(settings.provider).0,
            );
        }
        self.write("workers.toml", text)
    }

    /// Writes an audience of `people` Indian mobile numbers, `people.csv`, beginning with number `first`.
    pub fn people(&self, name: &str, first: u32, people: u32) -> PathBuf {
        let mut text = String::from("phone,first_name\n");
        for i in first..first + people {
            let _ = writeln!(text, "{},Asha{i}", person(i));
        }
        self.write(name, text)
    }

    /// Writes a campaign over an audience in this folder. `more` is further YAML at the top level.
    pub fn campaign(&self, key: &str, audience: &str, more: &str) -> PathBuf {
        self.campaign_on("jaspers-in", key, audience, more)
    }

    /// Writes a campaign of this sender.
    pub fn campaign_on(&self, sender: &str, key: &str, audience: &str, more: &str) -> PathBuf {
        let text = format!(
            "campaign: {key}\nsender: {sender}\ntemplate: {{ name: test_offer, language: en }}\n\
             audience: {{ file: {audience}, phone: {{ column: phone }} }}\n{more}\n"
        );
        self.write(&format!("{key}.yaml"), text)
    }

    /// Runs the command line in this folder with this folder's workers.toml, to its end.
    pub fn cli<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Answer {
        Answer::of(self.command(args).output().expect("the binary runs"))
    }

    /// The command line, not started yet.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Command {
        self.commands().command(args)
    }

    /// What starts the command line in this folder as it is set up now.
    #[must_use]
    pub fn commands(&self) -> Commands {
        Commands { folder: self.path().to_owned(), environment: self.environment.clone() }
    }
}

/// Starts the command line in a folder.
#[derive(Debug, Clone)]
pub struct Commands {
    folder: PathBuf,
    environment: Vec<(String, String)>,
}

impl Commands {
    /// The command line, not started yet.
    pub fn command<S: AsRef<std::ffi::OsStr>>(&self, args: &[S]) -> Command {
        let mut command = Command::new(binary::path());
        command.current_dir(&self.folder).arg("--config").arg(self.folder.join("workers.toml")).args(args);
        for (name, value) in [TOKEN, SECOND_KEY, APP_SECRET, SHARED_SECRET, VERIFY_TOKEN] {
            command.env(name, value);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.env_remove("RUST_LOG").env("NO_COLOR", "1");
        command
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            crate::logs::assert_folder_clean(self.path());
        }
    }
}

impl Default for Files {
    fn default() -> Self {
        Self::new()
    }
}

/// The second sender's token or key, and the environment variable in which it is.
#[must_use]
pub fn second_token(provider: Provider) -> (&'static str, &'static str) {
    match provider {
        Provider::Meta => TOKEN,
        Provider::Dialog360 => SECOND_KEY,
    }
}

/// The i-th test person's number: a valid Indian mobile number.
#[must_use]
pub fn person(i: u32) -> String {
    format!("+9198{i:08}")
}
