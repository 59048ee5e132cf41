//! Database operations that are repeated until they succeed: an outcome is never forgotten because a
//! database was away. Only our own bookkeeping is repeated here, never a request to the platform.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use store::StoreError;

/// Runs `operation` until it succeeds, with growing pauses (50 ms to 2 s, with jitter).
pub async fn persist<T, F, Fut>(doing: &'static str, operation: F) -> T
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, StoreError>>,
{
    let pauses = ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(50))
        .with_max_delay(Duration::from_secs(2))
        .with_jitter()
        .without_max_times();
    loop {
        let tried = (|| operation())
            .retry(pauses)
            .notify(|error: &StoreError, pause| {
                tracing::warn!(
                    error = error as &dyn std::error::Error,
                    ?pause,
                    "could not {doing} yet; trying again"
                );
            })
            .await;
        if let Ok(done) = tried {
            return done;
        }
    }
}
