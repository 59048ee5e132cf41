//! Rates, ramps, windows, repeats and forecasts: how fast a campaign may go, and when.
//!
//! | module | decides |
//! | --- | --- |
//! | [`rate`] | messages per unit of time, as people write it |
//! | [`duration`] | lengths of time, as people write them |
//! | [`weekdays`] | sets of days of the week, as people write them |
//! | [`ramp`] | how a campaign speeds up, by messages sent |
//! | [`over`] | the rate that is needed to be done in time |
//! | [`windows`] | when a recipient may be sent to, in their zone or the schedule's |
//! | [`repeat`] | when a recurring campaign runs |
//! | [`daily_reach`] | how many people a portfolio has written to in 24 hours |
//! | [`limiter`] | which instants a sender's permits are for |
//! | [`timeline`] | what a plan may expect: points by the hour, finish, what expires |

pub mod daily_reach;
#[cfg(test)]
mod daylight_saving;
pub mod duration;
pub mod limiter;
mod local_time;
pub mod over;
pub mod ramp;
pub mod rate;
pub mod repeat;
pub mod timeline;
pub mod weekdays;
pub mod windows;

pub use duration::{DurationError, format_duration, parse_duration, parse_duration_or_zero};
pub use ramp::RampStep;
pub use rate::{Rate, RateError};
pub use repeat::{Repeat, RepeatError};
pub use weekdays::{Weekdays, WeekdaysError};
pub use windows::{Window, WindowZone};
