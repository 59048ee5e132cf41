//! What the people at the desk see and do, the same at the command line, on pages and over HTTP: a function of the store
//! and `now` each, with an answer of stable field names. How it is worded and laid out is up to who shows it.
//!
//! | module | does |
//! | --- | --- |
//! | [`facts`] | what is true of one campaign now: progress, rate, arrival, waits, failures |
//! | [`pace`] | the rate now, from several reads |
//! | [`doubts`] | messages in doubt, and an operator's decision on them |
//! | [`ended`] | how doubts were ended, and what became of it |
//! | [`finding`] | campaigns by their keys |
//! | [`control`] | pauses, resumes and cancels a campaign |
//! | [`series`] | the same of a recurring campaign and its runs; the next runs |
//! | [`mod@format`] | numbers, shares, rates, money, lengths of time and instants, as people write them |
//! | [`sample`] | a campaign written by hand (feature `sample`, for tests) |

pub mod control;
pub mod doubts;
pub mod ended;
mod error;
pub mod facts;
pub mod finding;
pub mod format;
pub mod pace;
#[cfg(any(test, feature = "sample"))]
pub mod sample;
pub mod series;

pub use error::DeskError;
