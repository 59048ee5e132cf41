//! The demo's files: the same that a user writes, in a folder that is removed in the end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use campaign::pacing::{Rate, format_duration};
use chrono::{DateTime, SecondsFormat, Utc};

use crate::app::App;
use crate::failure::Failure;
use crate::output::print;

/// What the simulated platform signs webhooks with.
pub(super) const APP_SECRET: &str = "demo-app-secret";

/// An audience as marketing ops would export it, faults included.
const AUDIENCE: &str = include_str!("../../../../../examples/plain.csv");

/// Nothing is sent after so long: what cannot be tried again before then has failed.
const CAMPAIGN_LASTS: Duration = Duration::from_secs(80);

/// Where the demo's files are.
pub(super) struct Folder {
    path: PathBuf,
    is_kept: bool,
}

impl Folder {
    /// The folder to keep them in, or one for now.
    pub(super) fn new(keep: Option<&Path>) -> Result<Self, Failure> {
        let path = match keep {
            Some(path) => path.to_owned(),
            None => std::env::temp_dir().join(format!("paceline-demo-{}", std::process::id())),
        };
        if path.join("paceline.db").exists() {
            return Err(Failure::Refused(format!(
                "{} has a database already; name another folder",
                path.display()
            )));
        }
        std::fs::create_dir_all(&path)
            .with_context(|| format!("the folder {} could not be made", path.display()))?;
        Ok(Self { path, is_kept: keep.is_some() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf, Failure> {
        let path = self.path.join(name);
        std::fs::write(&path, text).with_context(|| format!("{} could not be written", path.display()))?;
        Ok(path)
    }

    /// workers.toml, and the secrets it names.
    pub(super) fn write_configuration(
        &self,
        base_url: &str,
        rate: Rate,
        sync_wait: Duration,
    ) -> Result<(), Failure> {
        let token = self.write("token", "sim-token")?;
        let app_secret = self.write("app-secret", APP_SECRET)?;
        let verify_token = self.write("verify-token", "demo-verify-token")?;
        let text = format!(
            "[store]\nurl = \"sqlite://{}\"\n\n[platform]\nbase_url = \"{base_url}\"\ntemplate_sync_wait = \"{}\"\n\
             request_timeout = \"5s\"\nconnect_timeout = \"2s\"\n\n[[senders]]\nname = \"jaspers-in\"\n\
             phone_number_id = \"106540352242922\"\nwaba_id = \"102290129340398\"\ntoken_file = \"{}\"\nrate = \"{rate}\"\n\n\
             [webhook]\nverify_token_file = \"{}\"\napp_secret_file = \"{}\"\n",
            self.path.join("paceline.db").display(),
            format_duration(sync_wait),
            token.display(),
            verify_token.display(),
            app_secret.display(),
        );
        self.write("workers.toml", &text)?;
        Ok(())
    }

    /// The campaign file, and as much of the audience as makes so many messages.
    pub(super) fn write_campaign(
        &self,
        recipients: u32,
        rate: Rate,
        now: DateTime<Utc>,
    ) -> Result<PathBuf, Failure> {
        // About 38 rows in a thousand are left out: duplicates, US numbers, rows that cannot be used.
        let rows = usize::try_from(u64::from(recipients) * 1_050 / 1_000 + 10).unwrap_or(usize::MAX);
        let audience: Vec<&str> = AUDIENCE.lines().take(rows + 1).collect();
        self.write("audience.csv", &(audience.join("\n") + "\n"))?;
        let sending = rate.time_for(u64::from(recipients));
        let lasts = CAMPAIGN_LASTS.max(sending + Duration::from_secs(50));
        let end = (now + lasts).to_rfc3339_opts(SecondsFormat::Secs, true);
        let text = format!(
            "campaign: demo\nsender: jaspers-in\ntemplate: {{ name: plain, language: en }}\n\
             audience:\n  file: audience.csv\n  phone: {{ column: phone, region: IN }}\n\
             params:\n  body: [\"{{{{ first_name | default('there') }}}}\"]\n\
             schedule: {{ end: {end} }}\nretry: {{ attempts: 4, base: 1s, max: 5s }}\n\
             # A message whose fate no webhook tells within 15 s is given up, so that the demo ends soon.\n\
             in_doubt: drop\nin_doubt_after: 15s\n"
        );
        self.write("demo.yaml", &text)
    }

    /// Removes the folder, or says what can be done with it.
    pub(super) fn end(&self, app: &App) -> Result<(), Failure> {
        if self.is_kept {
            if !app.json {
                let config = self.path.join("workers.toml");
                print(&format!(
                    "\nLook at every recipient: paceline --config {} report demo --format csv",
                    config.display()
                ))?;
            }
            return Ok(());
        }
        std::fs::remove_dir_all(&self.path)
            .with_context(|| format!("the folder {} could not be removed", self.path.display()))?;
        Ok(())
    }
}
