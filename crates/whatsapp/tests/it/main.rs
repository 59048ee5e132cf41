//! The crate from outside: real sockets that misbehave, the account's calls, webhooks as the platform posts
//! them.

mod account;
mod changes;
mod connection;
mod faults;
mod platform;
mod webhook;
mod wire;
