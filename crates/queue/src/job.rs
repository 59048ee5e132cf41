//! The wire format of a job: versioned, and ids only, so that a job of an older version can still be read
//! and a lost one costs nothing.

use campaign::ids::SliceId;
use serde::{Deserialize, Serialize};

/// One slice of a campaign, to be worked through.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Job {
    /// Version of this format; 1.
    pub v: u8,
    /// The slice.
    pub slice: SliceId,
    /// The sender it goes out on, by its name in the configuration.
    pub sender: String,
}

impl Job {
    /// A job of the present version.
    #[must_use]
    pub fn new(slice: SliceId, sender: impl Into<String>) -> Self {
        Self { v: 1, slice, sender: sender.into() }
    }
}
