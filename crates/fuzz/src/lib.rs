//! What Paceline reads from outside, given anything at all: nothing panics, and memory stays in proportion to the input.
//!
//! A *target* takes bytes, does with them what Paceline does with such an input, and asserts what has to hold for any
//! input. `tests/short.rs` gives each target its corpus and a fixed number of mutations of it, in every test run;
//! `scripts/fuzz` runs the same targets for as long as wanted, guided by coverage (libFuzzer). What that finds is put into
//! `corpus/TARGET/`, and is tried from then on by both.
//!
//! | module | holds |
//! | --- | --- |
//! | `targets` | the targets |
//! | `corpus` | the inputs that each of them begins with |
//! | `mutation` | how an input is changed: bytes, lines, words, JSON values |

mod corpus;
mod mutation;
mod targets;

pub use corpus::{corpus, folder};
pub use mutation::Mutator;
pub use targets::{TARGETS, Target, by_name};
