//! Any bytes as what the kernel answers.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| audit_core::fuzzing::answers(bytes));
