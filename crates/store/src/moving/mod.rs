//! What a transaction does with messages between reading and writing them: the same for every database.
//!
//! A store loads rows into a [`batch::Batch`], lets one of these modules decide, and writes back what
//! [`batch::Batch::changes`] says, rows and counters in one transaction. Nothing here knows a database.
//!
//! | module | holds |
//! | --- | --- |
//! | `message` | one message, moved by `campaign::message::next` |
//! | `batch` | messages that change together, and the platform's ids of their attempts |
//! | `counters` | what counters change by |
//! | `granting` | who may send which message now; what was granted and never left |
//! | `people` | what limits ask of the recipients of a claim |
//! | `recording` | outcomes of sends |
//! | `statuses` | status webhooks |
//! | `inferring` | which message a parked status is of, where only number, recipient and time tell |
//! | `doubts` | how doubts are ended by a decision |
//! | `sweeping` | what time moves |
//! | `purging` | whether a person may be removed, and what of theirs is still to be sent |
//! | `choices` | what people say of whether they want to be written to |
//! | `gates` | what happens to a template's gate |
//! | `launching` | what a launch must hold |

pub(crate) mod batch;
pub(crate) mod choices;
pub(crate) mod counters;
pub(crate) mod doubts;
pub(crate) mod gates;
pub(crate) mod granting;
pub(crate) mod inferring;
pub(crate) mod launching;
pub(crate) mod message;
pub(crate) mod people;
pub(crate) mod purging;
pub(crate) mod recording;
pub(crate) mod statuses;
pub(crate) mod sweeping;
