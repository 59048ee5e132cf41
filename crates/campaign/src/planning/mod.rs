//! Who gets what and when, whom a plan leaves out and why, and what it costs.
//!
//! | module | decides |
//! | --- | --- |
//! | [`planner`] | what becomes of each row |
//! | [`exclusion`] | why a row is left out |
//! | [`assign`] | variant, sender and hold-out of a recipient |
//! | [`cut`] | groups and slices |
//! | [`pace`] | the campaign's own rate, and the size of slices |
//! | [`summary`] | what a plan says of an audience, and its hash |

pub mod assign;
pub mod cut;
pub mod exclusion;
pub mod pace;
pub mod planner;
pub mod summary;

pub use cut::{CutSlice, GroupKey};
pub use exclusion::{Exclusion, Reason};
pub use pace::{Progress, own_rate, slice_size};
pub use planner::{Candidate, PlannedMessage, Planner};
pub use summary::{Cost, Summary, plan_hash};
