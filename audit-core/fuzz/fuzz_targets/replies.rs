//! Any bytes as netlink replies: no panic, no over-read, and only the kernel's own answers count.

#![no_main]

use audit_core::fuzzing;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    fuzzing::answers(bytes);
    fuzzing::contents(bytes);
});
