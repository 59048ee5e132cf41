//! Turns campaigns into due jobs, and sweeps what time alone moves.
//!
//! One tick is `load → decide → do`: [`decide`] is a pure function of what the store says and `now`;
//! [`scheduler`] carries it out. A tick may be repeated, cut short or run twice at once: what it releases is
//! guarded by the store.
//!
//! | module | holds |
//! | --- | --- |
//! | [`decide`] | what a campaign needs now |
//! | [`scheduler`] | the loop, and the sweeps |

pub mod decide;
pub mod scheduler;

pub use scheduler::{Scheduler, Settings};
