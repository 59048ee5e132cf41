//! Processes that are measured, and the processor time that they used.

use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a process may take to listen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process that ends with the measurement.
#[derive(Debug)]
pub(crate) struct Measured(Child);

impl Measured {
    /// Starts a command that listens on `port`, and waits until it does. What it logs goes to `log`.
    pub(crate) fn start(command: &mut Command, port: u16, log: &Path) -> Self {
        let log = std::fs::File::create(log).expect("the log can be written");
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn();
        let mut process = Self(child.unwrap_or_else(|error| panic!("{command:?} does not start: {error}")));
        let since = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if let Ok(Some(status)) = process.0.try_wait() {
                panic!("{command:?} ended ({status}) before it listened");
            }
            assert!(since.elapsed() < PATIENCE, "{command:?} does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        process
    }

    /// The process's number.
    pub(crate) fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The processor time that a process and its children, living and ended, have used, in seconds.
pub(crate) fn processor_time(pid: u32) -> f64 {
    let own = own_time(pid);
    let children = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = children.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let of_children: f64 = pids
        .filter_map(|child| Some((child, stat(child)?)))
        .filter(|(_, s)| s.parent == pid)
        .map(|(child, _)| own_time(child))
        .sum();
    own + of_children
}

/// The same without its living children.
pub(crate) fn own_time(pid: u32) -> f64 {
    // Linux counts in hundredths of a second, whatever its own tick.
    stat(pid).map_or(0.0, |stat| stat.ticks as f64 / 100.0)
}

struct Stat {
    parent: u32,
    ticks: u64,
}

/// What `/proc/PID/stat` tells; `None`: there is no such process any more.
fn stat(pid: u32) -> Option<Stat> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may have blanks and brackets in it.
    let fields: Vec<&str> = text.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |place: usize| fields.get(place)?.parse::<u64>().ok();
    // From the third field on: state, parent, …; the 14th to 17th are times of its own and of children that ended.
    let ticks = (11..=14).filter_map(number).sum();
    Some(Stat { parent: u32::try_from(number(1)?).ok()?, ticks })
}

/// The `paceline` binary beside this one: the same profile.
pub(crate) fn paceline() -> PathBuf {
    let path = std::env::current_exe().expect("a program knows where it is").with_file_name("paceline");
    assert!(path.exists(), "{} is not there; run scripts/bench, which builds it", path.display());
    path
}
