//! What an error of the platform means for us: every documented code, its class, and what to tell people.
//!
//! | module | decides |
//! | --- | --- |
//! | [`code`] | the words: classes, scopes, delays, and what is known of one code |
//! | [`TABLE`] | every code, with its meaning and what to do, in plain English |
//! | [`classify`] | what one error means, from its code, HTTP status, text and circumstances |

pub mod code;
mod table;
mod verdict;

pub use code::{Class, CodeInfo, Delay, LIFTS_AFTER, Scope, Stopped, Usage};
pub use table::{TABLE, cool_down, lookup};
pub use verdict::{Circumstances, Learnt, Verdict, classify};
