//! PostgreSQL.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use tempfile::TempDir;

use crate::port::free_port;
use crate::process::Process;

/// A PostgreSQL server of the test's own. It does not wait for the disk: a killed process loses nothing by that.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    /// The user it runs as, where the tests run as root.
    user: Option<&'static str>,
    data: TempDir,
    port: u16,
    databases: AtomicU32,
    settings: Vec<String>,
    process: Mutex<Option<Process>>,
}

impl Postgres {
    /// The server that the tests of one process share. It has as many databases as they ask for.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Postgres> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Makes and starts a server.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Makes and starts a server with settings of `postgresql.conf` in place of the tests' own: `["fsync=on"]` for one
    /// that waits for the disk.
    #[must_use]
    pub fn start_with(settings: &[&str]) -> Self {
        let data =
            tempfile::Builder::new().prefix("paceline-postgres-").tempdir().expect("a temporary folder");
        let server = Self {
            programs: programs(),
            user: is_root().then_some("postgres"),
            data,
            port: free_port(),
            databases: AtomicU32::new(0),
            settings: settings.iter().map(|setting| (*setting).to_owned()).collect(),
            process: Mutex::default(),
        };
        if let Some(user) = server.user {
            run(Command::new("chown").arg(user).arg(server.data.path()));
        }
        let mut initdb = server.as_its_user("initdb");
        initdb.arg("-D").arg(server.cluster());
        run(initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]));
        server.start_again();
        server
    }

    /// The URL of a new, empty database.
    #[must_use]
    pub fn database(&self) -> String {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        let port = self.port.to_string();
        run(Command::new(self.programs.join("createdb")).args([
            "-h",
            "127.0.0.1",
            "-p",
            &port,
            "-U",
            "postgres",
            &name,
        ]));
        self.url(&name)
    }

    /// The port it listens on, also while it is stopped.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The URL of a database.
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    /// Its process's number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process().as_ref().expect("PostgreSQL runs").id()
    }

    /// Stops it as an operator would: connections are cut, data is in order.
    pub fn stop(&self) {
        self.take().end("INT");
    }

    /// Ends it at once, as a power cut would: it recovers from its log when it is started again.
    pub fn crash(&self) {
        self.take().end("QUIT");
    }

    /// Starts it again, with the same port and data.
    pub fn start_again(&self) {
        let mut program = Command::new(self.programs.join("postgres"));
        program.arg("-D").arg(self.cluster()).arg("-p").arg(self.port.to_string());
        let usual = [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "max_connections=300",
            "shared_buffers=64MB",
        ];
        // Of one that is set twice, the last one counts.
        for setting in usual.into_iter().chain(self.settings.iter().map(String::as_str)) {
            program.arg("-c").arg(setting);
        }
        let mut process = Process::start("PostgreSQL", "INT", self.user, program);
        process.until("does not answer", || self.answers());
        *self.process() = Some(process);
    }

    fn answers(&self) -> bool {
        let port = self.port.to_string();
        let mut ask = Command::new(self.programs.join("pg_isready"));
        ask.args(["-q", "-h", "127.0.0.1", "-p", &port]).status().is_ok_and(|status| status.success())
    }

    fn cluster(&self) -> PathBuf {
        self.data.path().join("cluster")
    }

    fn as_its_user(&self, program: &str) -> Command {
        let program = self.programs.join(program);
        let Some(user) = self.user else { return Command::new(program) };
        let mut command = Command::new("setpriv");
        command.args(["--reuid", user, "--regid", user, "--init-groups", "--"]).arg(program);
        // The tests' own folder may be closed to that user.
        command.current_dir("/");
        command
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Process {
        self.process().take().expect("PostgreSQL runs")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // Before its data goes.
        if let Some(process) = self.process().take() {
            process.end("QUIT");
        }
    }
}

/// Where PostgreSQL's programs are: Debian keeps the server's out of the path.
fn programs() -> PathBuf {
    let newest = std::fs::read_dir("/usr/lib/postgresql").ok().and_then(|versions| {
        versions
            .flatten()
            .map(|version| version.path().join("bin"))
            .filter(|bin| bin.join("postgres").exists())
            .max_by_key(|bin| version_of(bin))
    });
    newest.or_else(|| std::env::split_paths(&std::env::var_os("PATH")?).find(|bin| bin.join("initdb").exists())).expect(
        "PostgreSQL's programs are neither in /usr/lib/postgresql nor in the path. Run: sudo apt-get install postgresql",
    )
}

fn version_of(bin: &Path) -> u32 {
    let version = bin.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    version.and_then(|version| version.parse().ok()).unwrap_or(0)
}

fn is_root() -> bool {
    let id = Command::new("id").arg("-u").output().expect("id runs");
    id.stdout.trim_ascii() == b"0"
}

fn run(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} does not run: {error}"));
    assert!(output.status.success(), "{command:?} failed: {}", String::from_utf8_lossy(&output.stderr));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_stops_crashes_and_comes_back() {
        let server = Postgres::start();
        let first = server.database();
        assert!(first.starts_with("postgres://"));
        assert_ne!(first, server.database());
        server.stop();
        assert!(!server.answers());
        server.start_again();
        server.crash();
        server.start_again();
        assert!(server.answers());
    }
}
