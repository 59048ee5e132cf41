//! What is shown, put together from rows of any database.
//!
//! | module | holds |
//! | --- | --- |
//! | `access` | tokens, sessions, what people did |
//! | `brakes` | what must not be sent for now |
//! | `campaigns` | campaigns with their counters and groups, and their definitions, parsed once |
//! | `doubts` | what is in doubt, and how doubts were ended |
//! | `follow_ups` | failed messages, and what became of their recipients |
//! | `messages` | messages and excluded rows |
//! | `samples` | how far campaigns were over time |
//! | `series` | recurring campaigns |
//! | `slices` | what is left to do of a slice |
//! | `verdict` | the guarantees, compared |
//! | `webhooks` | counts of webhooks |

pub(crate) mod access;
pub(crate) mod brakes;
pub(crate) mod campaigns;
pub(crate) mod doubts;
pub(crate) mod follow_ups;
pub(crate) mod messages;
pub(crate) mod samples;
pub(crate) mod series;
pub(crate) mod slices;
pub(crate) mod verdict;
pub(crate) mod webhooks;
