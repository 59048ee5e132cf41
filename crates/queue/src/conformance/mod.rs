//! The suite that every queue and every permits pass.

pub mod jobs;
pub mod permits;
