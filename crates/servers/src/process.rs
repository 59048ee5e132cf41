//! A server's process. It ends with the test process, however that ends: by a signal from the kernel, which
//! `setpriv` asks for.

use std::io;
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

/// How long a server may take to start or to end.
const PATIENCE: Duration = Duration::from_secs(60);

/// A running server process, killed when it is dropped.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
}

impl Process {
    /// Starts a program that gets `death_signal` when the tests end.
    pub(crate) fn start(
        name: &'static str,
        death_signal: &str,
        user: Option<&str>,
        program: Command,
    ) -> Self {
        let mut command = Command::new("setpriv");
        command.arg("--pdeathsig").arg(death_signal);
        if let Some(user) = user {
            command.args(["--reuid", user, "--regid", user, "--init-groups"]);
        }
        command.arg("--").arg(program.get_program()).args(program.get_args());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let child = spawn(command).unwrap_or_else(|error| panic!("{name} could not be started: {error}"));
        Self { name, child }
    }

    /// Waits until the server accepts connections.
    pub(crate) fn until_listening(&mut self, port: u16) {
        self.until("accepts no connections", || TcpStream::connect(("127.0.0.1", port)).is_ok());
    }

    /// Waits until something holds, while the process runs.
    pub(crate) fn until(&mut self, complaint: &str, mut holds: impl FnMut() -> bool) {
        for _ in 0..PATIENCE.as_millis() / 10 {
            if holds() {
                return;
            }
            if let Ok(Some(status)) = self.child.try_wait() {
                panic!("{} ended ({status}) while it was waited for", self.name);
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{} {complaint} after {PATIENCE:?}", self.name);
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Sends a signal by its name, such as `INT` or `STOP`.
    pub(crate) fn signal(&self, signal: &str) {
        let done = Command::new("kill").args(["-s", signal, &self.child.id().to_string()]).status();
        assert!(done.is_ok_and(|status| status.success()), "{} gets no signal {signal}", self.name);
    }

    /// Sends a signal and waits for the end.
    pub(crate) fn end(mut self, signal: &str) {
        self.signal(signal);
        for _ in 0..PATIENCE.as_millis() / 10 {
            if let Ok(Some(_)) = self.child.try_wait() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("{} runs on, {PATIENCE:?} after signal {signal}", self.name);
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

type Answer = Sender<io::Result<Child>>;

/// Starts a process from a thread that lives as long as the tests: the kernel sends the signal when the *thread*
/// that started a process ends, and test threads end early.
fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Sender<(Command, Answer)>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (orders, received) = channel::<(Command, Answer)>();
        std::thread::spawn(move || {
            for (mut command, answer) in received {
                let _ = answer.send(command.spawn());
            }
        });
        orders
    });
    let (answer, child) = channel();
    spawner.send((command, answer)).expect("the spawner never ends");
    child.recv().expect("the spawner answers")
}
