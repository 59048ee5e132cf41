//! From a campaign file and its audience to a plan, and from a plan to a campaign in the store.
//!
//! | module | does |
//! | --- | --- |
//! | `prepare` | reads the file and opens the audience, with every problem at once |
//! | `preflight` | asks the account what the plan depends on |
//! | [`fits`] | whether what the campaign fills in is what its template has |
//! | `known` | a template as it is kept |
//! | `stream` | reads the audience once: counts it, and stores it where a campaign is launched |

mod fits;
mod known;
mod preflight;
mod prepare;
mod stream;

pub(crate) use known::known;
pub(crate) use preflight::{Account, preflight};
pub(crate) use prepare::{Prepared, prepare, rate_card};
pub(crate) use stream::{Streamed, Target, stream};
