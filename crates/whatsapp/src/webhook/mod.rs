//! What the platform posts back, decoded.
//!
//! Decoding is liberal, because a webhook that is answered with anything but 200 comes again and again, and
//! one that is dropped never comes again: unknown fields and kinds are kept as [`Event::Other`], what cannot
//! be read is kept as [`Event::Unreadable`] beside everything else in the same post, numbers may stand in
//! quotes, and what an event is depends on its keys more than on the name of its field (platform: the
//! examples of Meta's own documentation carry wrong names).
//!
//! | module | holds |
//! | --- | --- |
//! | `event` | [`Event`] and what each kind carries |
//! | `decode` | [`decode()`]: the envelope, and which kind a change is |
//! | `messages` | statuses, inbound messages, opt-outs, clicks, errors |
//! | `business` | templates, the account, numbers, limits |
//! | `raw` | forgiving readers of single JSON values |

mod business;
mod decode;
mod event;
mod messages;
mod raw;

pub use decode::{DecodeError, decode};
pub use event::{
    AccountAlert, AccountEvent, AccountUpdate, AppError, Capability, Choice, Cost, Event, Inbound,
    InboundKind, NumberEvent, PhoneQuality, Posted, Preference, Pricing, Restriction, Status, StatusError,
    StatusEvent, TemplateCategory, TemplateEvent, TemplateQuality, TemplateRef, TemplateStatus, UserAction,
};
