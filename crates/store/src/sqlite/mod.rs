//! The embedded store: one SQLite file, shared by any number of processes of one machine.
//!
//! Writers take turns (`BEGIN IMMEDIATE`), and wait for each other; readers see a snapshot and wait for
//! nobody (WAL). A claim survives a power cut before its request leaves (`synchronous = FULL`).
//!
//! | module | holds |
//! | --- | --- |
//! | `connection` | opening, migrating, transactions |
//! | `operations` | [`Store`](crate::Store), by the functions below |
//! | `campaigns` | reading and moving campaigns |
//! | `launching` | writing a campaign's rows |
//! | `follow_ups` | follow-ups of a campaign, and what they are made of |
//! | `series` | recurring campaigns |
//! | `slices` | planned, released, taken back, done |
//! | `transition` | messages loaded, and written back with their counters |
//! | `claiming` | the compare-and-set before a send |
//! | `recording` | outcomes of sends |
//! | `statuses` | status webhooks, parked ones too |
//! | `inferring` | parked ones that can be of one message only |
//! | `doubts` | what is in doubt, ended by an operator, and what was decided |
//! | `sweeps` | what time moves |
//! | `messages` | reading messages |
//! | `people` | who was written to, and who is left alone for a time |
//! | `choices` | people's last words on whether they want to be written to |
//! | `suppression` | the do-not-send list |
//! | `templates` | sync gates |
//! | `analytics` | what the platform counted itself |
//! | `leaders` | who leads in which role |
//! | `webhooks` | how many webhooks of each kind came |
//! | `verify` | the guarantees, recomputed from the rows |
//!
//! What is decided between reading and writing is in `crate::moving`, for every database alike.

mod access;
mod analytics;
mod brakes;
mod campaigns;
mod choices;
mod claiming;
mod connection;
mod doubts;
mod follow_ups;
mod giving_up;
mod inferring;
mod launching;
mod leaders;
mod messages;
mod numbers;
mod operations;
mod people;
mod purging;
mod recording;
mod registry;
mod samples;
mod series;
mod slices;
mod statuses;
mod suppression;
mod sweeps;
mod templates;
mod transition;
mod verify;
mod webhooks;

#[cfg(test)]
mod query_plans;

pub use connection::SqliteStore;
