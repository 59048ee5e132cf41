//! The wire format of a job: versioned, and ids only, so that a job of an older version can still be read
//! and a lost one costs nothing. What else it has is for people who look, and decides nothing.

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
    /// How many messages waited in the slice when it was released, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub messages: Option<u32>,
}

impl Job {
    /// A job of the present version.
    #[must_use]
    pub fn new(slice: SliceId, sender: impl Into<String>) -> Self {
        Self { v: 1, slice, sender: sender.into(), messages: None }
    }

    /// The same, with how many messages wait in the slice.
    #[must_use]
    pub fn with_messages(self, messages: u32) -> Self {
        Self { messages: Some(messages), ..self }
    }
}
