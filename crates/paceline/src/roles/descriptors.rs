//! How many file descriptors the process may have: each connection is one, and so are the database's and the queue's.

/// As many as anything here may need. Systems let a process begin with fewer than it may have (1,024 mostly), for the
/// sake of programs that cannot count further.
const ENOUGH: u64 = 65_536;

/// One of so many file descriptors may be a connection that comes in: the others are the database's, the queue's and those
/// of requests to the platform, which must not find them taken.
const SHARE: u64 = 2;

/// How many connections may come in at once, `most` at the most. Lets the process have the file descriptors for them, as
/// far as it may.
pub(super) fn connections(most: usize) -> usize {
    let wanted = u64::try_from(most).unwrap_or(u64::MAX);
    let descriptors = match rlimit::increase_nofile_limit(ENOUGH) {
        Ok(descriptors) => descriptors,
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "how many file descriptors the process may have could not be found out; see that there are {} (ulimit -n)",
                wanted.saturating_mul(SHARE)
            );
            return most;
        }
    };
    let connections = share(descriptors, wanted);
    if connections < wanted {
        tracing::warn!(
            "the process may have {descriptors} file descriptors (ulimit -n), so at most {connections} connections with webhooks are open at once instead of {wanted}; let it have {} (LimitNOFILE= in systemd, --ulimit nofile= in Docker)",
            wanted.saturating_mul(SHARE)
        );
    }
    usize::try_from(connections).unwrap_or(most)
}

fn share(descriptors: u64, wanted: u64) -> u64 {
    (descriptors / SHARE).clamp(1, wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_of_them_are_left_to_others() {
        for (descriptors, connections) in [(1, 1), (200, 100), (1_024, 512), (8_191, 4_095), (65_536, 4_096)]
        {
            assert_eq!(share(descriptors, 4_096), connections);
        }
    }
}
