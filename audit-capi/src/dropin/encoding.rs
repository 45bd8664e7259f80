//! libaudit's functions that encode values.
//!
//! `audit_core::encoding` decides which values are encoded, and how. It is stricter than libaudit.
#![expect(unsafe_code, reason = "exported names; no block of unsafe code is here")]

use std::ffi::{c_char, c_int, c_uint};

use audit_core::encoding::{encode, encode_hex, is_plain};

use crate::pointer::{self, CBuffer, CBytes, CText};

/// Whether the value must be encoded: 1 or 0. 0 for NULL.
#[unsafe(no_mangle)]
pub extern "C" fn audit_value_needs_encoding(value: CBytes<'_>, size: c_uint) -> c_int {
    value.bytes(size as usize).is_some_and(|value| !is_plain(value)).into()
}

/// Writes the value as hexadecimal, and a NUL, to `text`. Returns `text`, or NULL if `text` is NULL.
///
/// `text` must have room for `2 * size + 1` bytes. A NULL value is written as an empty text.
#[unsafe(no_mangle)]
pub extern "C" fn audit_encode_value(
    text: CBuffer<'_>,
    value: CBytes<'_>,
    size: c_uint,
) -> *mut c_char {
    let mut encoded = Vec::new();
    encode_hex(value.bytes(size as usize).unwrap_or_default(), &mut encoded);
    text.fill(&encoded)
}

/// Returns the field as text, encoded if necessary. The caller releases it with `free(3)`. NULL
/// without memory.
///
/// The size 0 means the value up to its NUL. A NULL value is written `"?"`.
#[unsafe(no_mangle)]
pub extern "C" fn audit_encode_nv_string(
    name: CText<'_>,
    value: CText<'_>,
    size: c_uint,
) -> *mut c_char {
    let value = match size {
        0 => value.bytes(),
        _ => value.sized(size as usize),
    };
    let mut field = name.bytes().unwrap_or(b"?").to_vec();
    field.push(b'=');
    encode(value.unwrap_or(b"?"), &mut field);
    pointer::allocate(&field)
}
