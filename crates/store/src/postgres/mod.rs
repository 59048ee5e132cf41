//! The store that many processes on many machines share: PostgreSQL 14 or newer.
//!
//! # How writers take turns
//!
//! Transactions are `READ COMMITTED`. Whoever changes anything of a campaign first locks its row (of several
//! campaigns in the order of their numbers), then reads again what it decides on. So writers of one campaign take
//! turns, and those of different campaigns do not wait for each other. What more there is to lock comes after, in
//! this order, so that nobody waits in a circle:
//!
//! 1. rows of `campaigns`, ascending;
//! 2. one row of `templates`, where a canary goes or a gate changes;
//! 3. the *park* (an advisory lock): shared by those who make platform ids known, exclusive for those who park a
//!    status because its id is not known. So a status never stays parked beside the message that it belongs to;
//! 4. rows of `last_choices`, then of `suppressions`, in the order of their addresses; a row of `workers`.
//!
//! Who changes `brakes` locks that table, and nothing else. Who launches locks the table `series` before all else.
//!
//! A deadlock that comes about all the same, a serialisation failure, and a connection that goes away before the
//! commit was sent changed nothing: the operation is run again, see `repeating`. A connection that goes away during
//! the commit is told to the caller as [`StoreError::Uncertain`](crate::StoreError::Uncertain).
//!
//! A client that stands still with a transaction open is cut off by the server after three seconds
//! (`idle_in_transaction_session_timeout`), which frees its locks. Of one process's claims, outcomes and slices
//! only one transaction waits for a campaign's lock (`turns`), so that a worker that stands still holds the others up once.
//!
//! | module | holds |
//! | --- | --- |
//! | `connection` | connecting, migrating, transactions |
//! | `repeating` | what is run again, and what an attempt may take |
//! | `operations` | [`Store`](crate::Store), by the functions below |
//! | `campaigns` | reading and moving campaigns; locking them |
//! | `launching` | writing a campaign's rows |
//! | `follow_ups` | follow-ups of a campaign, and what they are made of |
//! | `series` | recurring campaigns |
//! | `slices` | planned, released, taken back, done |
//! | `turns` | turns at campaigns within this process |
//! | `transition` | messages loaded, and written back with their counters |
//! | `claiming` | the compare-and-set before a send |
//! | `recording` | outcomes of sends |
//! | `statuses` | status webhooks, parked ones too |
//! | `inferring` | parked ones that can be of one message only |
//! | `doubts` | what is in doubt, ended by an operator, and what was decided |
//! | `sweeps` | what time moves |
//! | `retries` | slices for retries that are due |
//! | `messages` | reading messages |
//! | `people` | who was written to, and who is left alone for a time |
//! | `choices` | people's last words on whether they want to be written to |
//! | `suppression` | the do-not-send list |
//! | `brakes` | what must not be sent for now |
//! | `templates` | sync gates |
//! | `analytics` | what the platform counted itself |
//! | `leaders` | who leads in which role |
//! | `webhooks` | how many webhooks of each kind came |
//! | `verify` | the guarantees, recomputed from the rows |
//! | `text` | text as PostgreSQL takes it |
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
mod repeating;
mod retries;
mod samples;
mod series;
mod slices;
mod statuses;
mod suppression;
mod sweeps;
mod templates;
mod text;
mod transition;
mod turns;
mod verify;
mod webhooks;

#[cfg(test)]
mod query_plans;

pub use connection::PostgresStore;
