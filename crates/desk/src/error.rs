//! Why something was not done, as a sentence.

use store::StoreError;

/// Why something was not done that somebody asked for. Nothing was changed, but where the store failed half-way.
#[derive(Debug, thiserror::Error)]
pub enum DeskError {
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// A rule refuses.
    #[error("{0}")]
    Refused(String),
    /// What is stored cannot be read by this version; the rest was done.
    #[error("{0}")]
    Unreadable(String),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}
