//! One target, named by FUZZ_TARGET, under libFuzzer.
#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<fuzz::Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    fuzz::by_name(&name).unwrap_or_else(|| panic!("FUZZ_TARGET={name} is no target"))
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| (TARGET.read)(input));
