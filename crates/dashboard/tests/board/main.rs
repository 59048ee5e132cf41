//! The queue board, over HTTP: both queues, real jobs in the hands of a real handler, and everything that the page asks.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has to fail")]

mod page;
mod scene;
mod slices;
