//! The ways in for the fuzzer of `audit-core/fuzz`. Not built for anybody else.

use crate::receipt;
use crate::rule;
use crate::status;

pub use crate::netlink::fuzzing::answers;

/// Reads the bytes as what the kernel says of its state, of a rule and of a record.
pub fn contents(bytes: &[u8]) {
    let _ = status::parse(bytes);
    let _ = rule::parse(bytes);
    let _ = receipt::receipt(bytes, 1, b"op=x");
    let (text, written) = bytes.split_at(bytes.len() / 2);
    let _ = receipt::receipt(written, 1, text);
}
