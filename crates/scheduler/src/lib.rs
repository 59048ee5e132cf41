//! Turns campaigns into due jobs, and sweeps what time alone moves.
//!
//! One tick is `load → decide → do`: [`decide`] is a pure function of what the store says and `now`;
//! [`scheduler`] carries it out. A tick may be repeated, cut short or run twice at once: what it releases is
//! guarded by the store. Of many schedulers one leads, and the others stand by.
//!
//! | module | holds |
//! | --- | --- |
//! | [`decide`] | what a campaign needs now |
//! | [`scheduler`] | the loop, and the sweeps |
//! | [`recurring`] | the runs of recurring campaigns, made when their times come |
//! | `leader` | who of many carries it out |
//! | [`lease`] | a role that one process has at a time |

pub mod decide;
mod leader;
pub mod lease;
pub mod recurring;
pub mod scheduler;

pub use lease::{Hold, Lease};
pub use recurring::{MakeRun, Recurring};
pub use scheduler::{Scheduler, Settings};
