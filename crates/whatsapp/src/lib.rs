//! Client of the Marketing Messages API for WhatsApp: Meta's own and 360dialog's form of it.
//!
//! This crate turns what `campaign` decided into bytes, and bytes into facts. It decides nothing: which
//! error code means what is `campaign::platform_error`, when to send is the worker's business, what a
//! webhook changes is the reconciler's.
//!
//! | module | does |
//! | --- | --- |
//! | [`client`] | one sender's connection to its provider: addresses, credentials, timeouts, the pool |
//! | [`send`] | a marketing message: the request's wire format, and the four outcomes it can have |
//! | [`account`] | what is asked of the account, and changed: templates, the number, onboarding, reach |
//! | [`webhook`] | what the platform posts back, decoded |
//! | [`signature`] | whether a webhook is really from the platform |
//! | [`throttle`] | `Retry-After` and the usage headers, clamped |
//! | [`health`] | quality ratings and messaging limits, which accounts and webhooks both speak of |
//! | [`secret`] | credentials that do not print themselves |
//!
//! What is deliberately absent: retries. The API has no idempotency key, so nothing here ever writes a
//! request a second time ([`client`] says how that is ensured), and a request whose fate is unknown is
//! reported as [`SendOutcome::Unknown`] instead of as an error that a caller might retry.

pub mod account;
pub mod client;
mod error_body;
pub mod health;
pub mod secret;
pub mod send;
pub mod signature;
pub mod throttle;
pub mod webhook;

pub use campaign::audience::mask_phone;
pub use client::{Client, ClientConfig, ClientError, Provider};
pub use secret::Secret;
pub use send::{Accepted, MessageStatus, ProductPolicy, Recipient, Refusal, SendOutcome, SendRequest};
