//! workers.toml: the configuration of the platform engineer.
//!
//! Defaults, then the file, then environment variables. All problems are reported at once, each with its
//! place; secrets are only named here, and read when a command needs them.
//!
//! | module | responsible for |
//! | --- | --- |
//! | [`model`] | the sections, their values and defaults |
//! | `load` | finding and reading the file |
//! | [`environment`] | `PACELINE_SECTION__KEY` |
//! | [`decode`] | from the tree to the values, with every problem |
//! | [`address`] | addresses of stores, queues and platforms |
//! | [`unique`] | what no two senders may have in common |
//! | [`secrets`] | secrets by name: environment variable or file |

mod address;
mod decode;
mod environment;
mod load;
mod model;
mod secrets;
mod unique;

pub(crate) use address::{QueueUrl, StoreUrl};
pub(crate) use load::{Source, load};
#[cfg(test)]
pub(crate) use model::DailyReach;
pub(crate) use model::{Config, Sender, WEBHOOK_PATH};
pub(crate) use secrets::{SecretKind, Secrets};
