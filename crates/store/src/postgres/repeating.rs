//! What is run again, and how long one attempt may take.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use super::connection::timed_out;
use crate::StoreError;

/// How often an operation is tried in all.
const TRIES: u32 = 6;
/// How long the first pause between tries is; each is twice the one before.
const PAUSE: Duration = Duration::from_millis(5);

/// How long one attempt of an operation may take. The server's own limits are shorter: this is for a network that
/// swallows everything.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// A bite's worth of rows, or a page.
    Short,
    /// A campaign's worth of rows.
    Long,
}

impl Patience {
    fn limit(self) -> Duration {
        match self {
            Self::Short => Duration::from_secs(15),
            Self::Long => Duration::from_secs(900),
        }
    }
}

/// An error that may be [`StoreError`], or hold one.
pub(super) trait Failure: From<StoreError> {
    /// The store's error, where it is one.
    fn store(&self) -> Option<&StoreError>;
}

impl Failure for StoreError {
    fn store(&self) -> Option<&StoreError> {
        Some(self)
    }
}

impl Failure for crate::LaunchError {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::KeyTaken { .. } | Self::KeyRecurs { .. } => None,
        }
    }
}

impl Failure for crate::SeriesError {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Forbidden(_) | Self::NoSuchSeries => None,
        }
    }
}

impl Failure for crate::TransitionError {
    fn store(&self) -> Option<&StoreError> {
        match self {
            Self::Store(error) => Some(error),
            Self::Forbidden(_) | Self::NoSuchCampaign => None,
        }
    }
}

/// Runs an operation, and runs it again when it changed nothing for a reason that passes: a deadlock, a
/// serialisation failure, a connection that went away before the commit.
///
/// # Errors
/// The operation's last one; [`StoreError::Uncertain`] when it took longer than its patience.
pub(super) async fn repeat<T, E: Failure, F: Future<Output = Result<T, E>>>(
    patience: Patience,
    doing: &'static str,
    mut operation: impl FnMut() -> F,
) -> Result<T, E> {
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        match once(patience, doing, operation()).await {
            Err(error) if error.store().is_some_and(passes) => {
                tracing::debug!(doing, "an operation on the database is run again");
                sleep(pause).await;
                pause *= 2;
            }
            answer => return answer,
        }
    }
    once(patience, doing, operation()).await
}

async fn once<T, E: Failure>(
    patience: Patience,
    doing: &'static str,
    operation: impl Future<Output = Result<T, E>>,
) -> Result<T, E> {
    timeout(patience.limit(), operation).await.unwrap_or_else(|_| {
        // It may have stood in its commit.
        Err(StoreError::Uncertain { doing, source: timed_out() }.into())
    })
}

/// Whether an operation that failed so changed nothing and may well succeed when it is run again.
fn passes(error: &StoreError) -> bool {
    match error {
        StoreError::Database { source, .. } => is_lost(source) || is_conflict(source),
        StoreError::Uncertain { .. }
        | StoreError::Connect { .. }
        | StoreError::Address(_)
        | StoreError::Open { .. }
        | StoreError::Unreadable { .. }
        | StoreError::Inconsistent(_)
        | StoreError::PurgedMeanwhile(_)
        | StoreError::Migrate(_) => false,
    }
}

/// Whether the connection is gone.
pub(super) fn is_lost(error: &sqlx::Error) -> bool {
    if matches!(error, sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_)) {
        return true;
    }
    // Shut down or starting up (57P0x), cut off for being idle (25P03, 57P05), broken (08xxx).
    code(error).is_some_and(|code| code.starts_with("57P") || code.starts_with("08") || code == "25P03")
}

/// Whether two transactions got into each other's way: a deadlock, a serialisation failure, or both made the same
/// row (which the next attempt finds).
fn is_conflict(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| matches!(code.as_str(), "40P01" | "40001" | "23505"))
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|e| e.code()).map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;
    use crate::codec::failed;

    fn cut() -> StoreError {
        failed("try")(sqlx::Error::Io(std::io::Error::from(std::io::ErrorKind::ConnectionReset)))
    }

    #[tokio::test]
    async fn what_went_away_before_its_commit_is_run_again() {
        let tries = AtomicU32::new(0);
        let answer: Result<u32, StoreError> = repeat(Patience::Short, "try", || async {
            match tries.fetch_add(1, Ordering::Relaxed) {
                0 | 1 => Err(cut()),
                n => Ok(n),
            }
        })
        .await;
        assert_eq!(answer.unwrap(), 2);
    }

    #[tokio::test]
    async fn what_may_have_been_kept_is_not() {
        let tries = AtomicU32::new(0);
        let answer: Result<(), StoreError> = repeat(Patience::Short, "try", || async {
            tries.fetch_add(1, Ordering::Relaxed);
            Err(StoreError::Uncertain { doing: "try", source: timed_out() })
        })
        .await;
        assert!(matches!(answer, Err(StoreError::Uncertain { .. })));
        assert_eq!(tries.into_inner(), 1);
    }

    #[tokio::test]
    async fn it_gives_up() {
        let tries = AtomicU32::new(0);
        let answer: Result<(), StoreError> = repeat(Patience::Short, "try", || async {
            tries.fetch_add(1, Ordering::Relaxed);
            Err(cut())
        })
        .await;
        assert!(answer.is_err());
        assert_eq!(tries.into_inner(), TRIES);
    }
}
