//! Redis.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tempfile::TempDir;

use crate::port::free_port;
use crate::process::Process;

/// A Redis server of the test's own. It keeps nothing on the disk: stopped, it has lost everything.
#[derive(Debug)]
pub struct Redis {
    data: TempDir,
    port: u16,
    settings: Vec<String>,
    process: Mutex<Option<Process>>,
}

impl Redis {
    /// The server that the tests of one process share; they must not share keys.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Redis> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Makes and starts a server.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(&[])
    }

    /// Makes and starts a server with settings of `redis.conf`, each as one argument of the command line:
    /// `["--requirepass", "secret"]`.
    #[must_use]
    pub fn start_with(settings: &[&str]) -> Self {
        let data = tempfile::Builder::new().prefix("paceline-redis-").tempdir().expect("a temporary folder");
        let settings = settings.iter().map(|setting| (*setting).to_owned()).collect();
        let server = Self { data, port: free_port(), settings, process: Mutex::default() };
        server.start_again();
        server
    }

    /// Its URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// The port it listens on, also while it is stopped.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Sends one command, without an answer worth reading: `FLUSHALL`, say.
    pub fn command(&self, command: &str) {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("Redis listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("a timeout can be set");
        stream.write_all(format!("{command}\r\n").as_bytes()).expect("Redis reads");
        let mut answer = [0; 256];
        let n = stream.read(&mut answer).expect("Redis answers");
        assert!(!answer[..n].starts_with(b"-"), "{command}: {}", String::from_utf8_lossy(&answer[..n]));
    }

    /// Ends it at once; everything in it is lost.
    pub fn stop(&self) {
        self.process().take().expect("Redis runs").end("KILL");
    }

    /// Stands still, with its connections open, until [`Redis::thaw`].
    pub fn freeze(&self) {
        self.process().as_ref().expect("Redis runs").signal("STOP");
    }

    /// Goes on.
    pub fn thaw(&self) {
        self.process().as_ref().expect("Redis runs").signal("CONT");
    }

    /// Its process's number.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process().as_ref().expect("Redis runs").id()
    }

    /// Starts it again, empty, on the same port.
    pub fn start_again(&self) {
        let mut program = Command::new("redis-server");
        let port = self.port.to_string();
        program.args(["--port", &port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir"]);
        program.arg(self.data.path()).args(&self.settings);
        let mut process = Process::start("Redis", "KILL", None, program);
        process.until_listening(self.port);
        *self.process() = Some(process);
    }

    fn process(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_starts_stops_freezes_and_comes_back() {
        let server = Redis::start();
        server.command("SET a 1");
        server.freeze();
        server.thaw();
        server.command("GET a");
        server.stop();
        assert!(TcpStream::connect(("127.0.0.1", server.port())).is_err());
        server.start_again();
        server.command("PING");
    }

    #[test]
    fn settings_are_passed_on() {
        let server = Redis::start_with(&["--requirepass", "secret"]);
        server.command("AUTH secret");
    }
}
