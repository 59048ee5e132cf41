//! How long the machine stood still.
//!
//! Whoever reads a pace from arrivals reads the machine's pauses too: a busy core, or a host that runs something
//! else for fifty milliseconds, delays what had left in time, and makes it arrive together with what follows. A
//! witness that does nothing but sleep says how much of that there was.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use campaign::pacing::limiter::{MARGIN, TOLERANCE};

const NAP: Duration = Duration::from_millis(1);

/// A witness of the machine's pauses, from its making until [`Witness::longest`].
#[derive(Debug)]
pub struct Witness {
    stop: Arc<AtomicBool>,
    watch: JoinHandle<Duration>,
}

impl Witness {
    /// Begins to watch.
    #[must_use]
    pub fn start() -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&stop);
        Self { stop, watch: std::thread::spawn(move || watch(&seen)) }
    }

    /// Ends, and says by how much its longest nap was too long.
    #[must_use]
    pub fn longest(self) -> Duration {
        self.stop.store(true, Ordering::Relaxed);
        self.watch.join().expect("the witness only sleeps")
    }
}

/// The window in which arrivals may not be more than the rate, where the machine stood still for at most `longest`
/// at once: a whole second on a quiet machine.
///
/// What arrives within a window of `W` left within `W` and the delays of its way: one pause of the sender, between
/// its last look at the clock and its write, and one of the platform, before it looks at its own. The limiter lets
/// no more than the rate go within a second and its margin.
#[must_use]
pub fn countable(longest: Duration) -> Duration {
    let second = Duration::from_secs(1);
    // A machine that stood still for so long shows nothing.
    second.min((second + MARGIN).saturating_sub(TOLERANCE + 2 * longest)).max(Duration::from_millis(1))
}

#[expect(clippy::disallowed_methods, reason = "it measures the machine, not Paceline")]
fn watch(stop: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    while !stop.load(Ordering::Relaxed) {
        let before = Instant::now();
        std::thread::sleep(NAP);
        longest = longest.max(before.elapsed().saturating_sub(NAP));
    }
    longest
}
