//! Each target with its corpus and a fixed number of mutations of it. Alone in its process, one after the other: the
//! memory that an input takes is counted.

#![expect(clippy::panic, reason = "a test that cannot go on has to fail")]

use std::panic::catch_unwind;
use std::sync::{Mutex, PoisonError};

use fuzz::{Mutator, TARGETS, Target, corpus};
use peak_alloc::PeakAlloc;

#[global_allocator]
static MEMORY: PeakAlloc = PeakAlloc;

/// Held by whoever counts.
static ALONE: Mutex<()> = Mutex::new(());

/// Inputs of each target, besides its corpus.
const MUTATIONS: usize = 3_000;

/// Reads an input, and counts the memory that it takes at once.
fn read(target: Target, name: &str, input: &[u8]) {
    MEMORY.reset_peak_usage();
    let before = MEMORY.current_usage();
    if catch_unwind(|| (target.read)(input)).is_err() {
        panic!("{} panics at {name}:\n{}", target.name, String::from_utf8_lossy(input));
    }
    let taken = MEMORY.peak_usage().saturating_sub(before);
    let most = target.fixed + target.per_byte * input.len();
    assert!(taken <= most, "{} takes {taken} bytes for the {} bytes of {name}", target.name, input.len());
}

#[test]
fn nothing_panics_and_memory_is_bounded() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    for target in TARGETS {
        let seeds = corpus(target.name).unwrap();
        assert!(!seeds.is_empty(), "{} has a corpus", target.name);
        for (name, input) in &seeds {
            read(target, name, input);
        }
        let mut mutator = Mutator::new(1);
        for n in 0..MUTATIONS {
            let (name, input) = &seeds[n % seeds.len()];
            let (_, other) = &seeds[(n * 7 + 3) % seeds.len()];
            read(target, &format!("mutation {n}, of {name}"), &mutator.mutate(input, other));
        }
    }
}

/// What is nested deeper than any stack, and what is longer than any line.
#[test]
fn depth_and_length_are_no_danger() {
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let deep = |open: &str, close: &str| format!("{}{}", open.repeat(100_000), close.repeat(100_000));
    for nested in
        [deep("[", "]"), deep("{\"a\":", "}"), deep("{a: ", "}"), deep("- ", ""), "a:\n ".repeat(2_000)]
    {
        for target in TARGETS {
            for kind in ["", "0", "1", "2"] {
                read(target, "what is nested deeply", format!("{kind}{nested}").as_bytes());
            }
        }
    }
    let list =
        format!(r#"{{"object":"whatsapp_business_account","entry":[{}]}}"#, "0,".repeat(200_000) + "0");
    read(TARGETS[0], "a long list", list.as_bytes());
}
