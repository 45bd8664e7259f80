//! Entry points for the fuzzer in `audit-core/fuzz`. No other build contains them.

use crate::receipt;
use crate::rule;
use crate::status;

pub use crate::netlink::fuzzing::answers;

/// Decodes the bytes as a status, as a rule and as a copy of a record.
pub fn contents(bytes: &[u8]) {
    let _ = status::parse(bytes);
    let _ = rule::parse(bytes);
    let _ = receipt::receipt(bytes, 1, b"op=x");
    let (text, written) = bytes.split_at(bytes.len() / 2);
    let _ = receipt::receipt(written, 1, text);
}
