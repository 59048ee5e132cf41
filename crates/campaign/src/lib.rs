//! The pure core of Paceline: what a campaign is, who is in it, and what may happen to it when.
//!
//! Nothing here does I/O, reads a clock or draws a random number on its own: functions take a
//! snapshot, `now` and a seed, and return a decision. The shells around it (store, queue,
//! scheduler, worker, reconciler) carry decisions out.
//!
//! | module | decides |
//! | --- | --- |
//! | [`ids`] | how campaigns, messages, slices and attempts are named |
//! | [`problem`] | how a person is told what is wrong with an input, and where |
//! | [`document`] | YAML, TOML and JSON as one tree that knows its lines and columns |
//! | [`definition`] | the campaign file: keys, defaults, rules |
//! | [`audience`] | rows of an audience file, phone numbers, countries |
//! | [`params`] | what is filled into a template for one recipient |
//! | [`planning`] | who gets what and when, whom the plan leaves out and why, what it costs |
//! | [`pacing`] | rates, ramps, windows, and the limiter that grants permits |
//! | [`gate`] | whether a template may be sent to yet |
//! | [`money`] | exact amounts, max prices, rate cards, budgets |
//! | [`platform_error`] | what an error code of the platform means for us |
//! | [`retry`] | whether and when a message is tried again |
//! | [`follow_up`] | which of a campaign's failed messages are sent again by a follow-up run |
//! | [`message`] | the state machine of one message |
//! | [`doubt`] | what is decided on a message of which nobody knows whether it was taken, and what became of it |
//! | [`lifecycle`] | the state machine of one campaign |
//! | [`proportion`] | how sure a counted share is, and whether two differ |
//! | [`series`] | a recurring campaign: when its runs are made, and which are skipped |

pub mod audience;
pub mod definition;
pub mod document;
pub mod doubt;
pub mod follow_up;
pub mod gate;
pub mod ids;
pub mod lifecycle;
pub mod message;
pub mod money;
pub mod pacing;
pub mod params;
pub mod planning;
pub mod platform_error;
pub mod problem;
pub mod proportion;
pub mod retry;
pub mod series;
