//! Any bytes as the fields of a record.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| audit_core::fuzzing::record(bytes));
