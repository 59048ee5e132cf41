//! The `paceline` binary, built from this tree: a stale one would test yesterday's code.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// The environment variable that names a binary to test instead of one built from this tree (an installed
/// one, a release build).
pub const BINARY: &str = "PACELINE_TEST_BINARY";

/// The path of the binary, built when first asked for.
pub fn path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| {
        if let Some(given) = std::env::var_os(BINARY) {
            return PathBuf::from(given);
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let built = Command::new(cargo)
            .args([
                "build",
                "--quiet",
                "--package",
                "paceline",
                "--message-format",
                "json-render-diagnostics",
            ])
            .current_dir(root)
            .output()
            .expect("cargo runs");
        assert!(
            built.status.success(),
            "the binary does not build:\n{}",
            String::from_utf8_lossy(&built.stderr)
        );
        let text = String::from_utf8_lossy(&built.stdout);
        let executable = text
            .lines()
            .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
            .filter(|message| message["target"]["name"] == "paceline")
            .find_map(|message| message["executable"].as_str().map(PathBuf::from));
        executable.expect("cargo says where the binary is")
    })
}

/// What a command answered.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its exit code; -1 where a signal ended it.
    pub code: i32,
    /// What it printed.
    pub out: String,
    /// What it said beside.
    pub err: String,
}

impl Answer {
    /// From what a command left behind, in which no secret may be.
    #[must_use]
    pub fn of(output: Output) -> Self {
        let answer = Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        };
        assert_eq!(crate::logs::secret(&answer.err), None, "a command says:\n{}", answer.err);
        answer
    }

    /// The answer of a command that has to succeed.
    #[must_use]
    #[track_caller]
    pub fn good(self) -> Self {
        assert_eq!(self.code, 0, "the command failed:\n{}{}", self.out, self.err);
        self
    }

    /// What was printed, as JSON.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|error| panic!("not JSON ({error}):\n{}{}", self.out, self.err))
    }
}
