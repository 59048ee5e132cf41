//! A marketing message: the request's wire format, and the outcomes it can have.
//!
//! | module | holds |
//! | --- | --- |
//! | `request` | [`SendRequest`] and the body it makes |
//! | `components` | the wire format of template components |
//! | `outcome` | [`SendOutcome`]: what is known after a send |
//! | `answer` | reads the platform's answer into an outcome |
//! | `exchange` | [`Client::send`](crate::Client::send): one request, one outcome |

mod answer;
mod components;
mod exchange;
mod outcome;
mod request;

pub(crate) use exchange::{causes, read_to_end};
pub use outcome::{Accepted, MessageStatus, Refusal, SendOutcome};
pub use request::{ProductPolicy, Recipient, SendRequest};
