//! Ports to listen on.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU16, Ordering};

/// A port that is free now and that nothing else takes before it is listened on, nor while what listens on it is
/// restarted: a process of tests gets each but once, and the system takes the ports of outgoing connections, and those
/// that are asked for as port 0, from above these.
#[must_use]
pub fn free_port() -> u16 {
    const PORTS: std::ops::Range<u16> = 10_000..32_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Another process of tests, at the same time, begins elsewhere.
    let first = std::process::id() as usize * 64;
    loop {
        let n = first + usize::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = PORTS.start + (n % PORTS.len()) as u16;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn nobody_gets_a_port_that_another_was_given() {
        let ports: BTreeSet<u16> = (0..1_000).map(|_| free_port()).collect();
        assert_eq!(ports.len(), 1_000);
        let range =
            std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").expect("Linux tells it");
        let first: u16 = range.split_whitespace().next().and_then(|n| n.parse().ok()).expect("a number");
        assert!(ports.iter().all(|port| *port < first), "the system may give these to others as well");
    }
}
