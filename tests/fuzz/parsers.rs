//! Every target in one program, since it is the linking that takes long: `TOKEN_FUZZ` names the one that is wanted. What it does stands in
//! `src/fuzzing.rs`.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use token::fuzzing::Target;

static TARGET: OnceLock<Target> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("TOKEN_FUZZ").unwrap_or_default();
        let target = token::fuzzing::target(&name).unwrap_or_else(|| panic!("TOKEN_FUZZ={name} names no target"));
        TARGET.get_or_init(|| target);
    },
    |bytes: &[u8]| (TARGET.get().expect("a target"))(bytes)
);
