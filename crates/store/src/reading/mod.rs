//! What is shown, put together from rows of any database.
//!
//! | module | holds |
//! | --- | --- |
//! | `brakes` | what must not be sent for now |
//! | `campaigns` | campaigns with their counters and groups, and their definitions, parsed once |
//! | `messages` | messages and excluded rows |
//! | `series` | recurring campaigns |
//! | `slices` | what is left to do of a slice |
//! | `verdict` | the guarantees, compared |
//! | `webhooks` | counts of webhooks |

pub(crate) mod brakes;
pub(crate) mod campaigns;
pub(crate) mod messages;
pub(crate) mod series;
pub(crate) mod slices;
pub(crate) mod verdict;
pub(crate) mod webhooks;
