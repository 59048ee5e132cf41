//! The suite that every queue and every permits pass.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "the suite is test code that lives in the library, so that every queue can run it"
)]

pub mod inspection;
pub mod jobs;
pub mod permits;
