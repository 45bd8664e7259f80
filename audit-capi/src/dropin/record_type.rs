//! The names and numbers of record types, as libaudit knows them.
//!
//! This file includes the types that only the kernel writes, because programs ask for their names.
#![expect(unsafe_code, reason = "exported names; no block of unsafe code is here")]

use std::ffi::{CStr, c_char, c_int};
use std::ptr;

use crate::dropin::record_type_table::NAMES;
use crate::pointer::CText;

/// The number of the record type with this name, in upper or lower case.
///
/// A text that begins with a digit, and `UNKNOWN[number]`, give the number. Anything else gives -1.
#[unsafe(no_mangle)]
pub extern "C" fn audit_name_to_msg_type(name: CText<'_>) -> c_int {
    name.bytes().and_then(number).unwrap_or(-1)
}

fn number(name: &[u8]) -> Option<c_int> {
    let known = NAMES.iter().find(|(_, known)| known.to_bytes().eq_ignore_ascii_case(name));
    if let Some((number, _)) = known {
        return Some(*number);
    }
    if let Some(unknown) = name.strip_prefix(b"UNKNOWN[") {
        return unknown.contains(&b']').then(|| leading_number(unknown))?;
    }
    name.first()?.is_ascii_digit().then(|| leading_number(name))?
}

/// The number that the leading digits form, 0 without a digit; `None` if it is too large.
fn leading_number(text: &[u8]) -> Option<c_int> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit());
    digits
        .map(|digit| c_int::from(digit - b'0'))
        .try_fold(0, |number: c_int, digit| number.checked_mul(10)?.checked_add(digit))
}

/// The name of the record type with this number; NULL if it has none. The caller must not release it.
#[unsafe(no_mangle)]
pub extern "C" fn audit_msg_type_to_name(number: c_int) -> *const c_char {
    name(number).map_or(ptr::null(), CStr::as_ptr)
}

pub(crate) fn name(number: c_int) -> Option<&'static CStr> {
    let index = NAMES.binary_search_by_key(&number, |(known, _)| *known).ok()?;
    NAMES.get(index).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use audit_core::RecordType;

    #[test]
    fn names_and_numbers_convert_both_ways() {
        assert!(NAMES.windows(2).all(|pair| pair[0].0 < pair[1].0));
        for (number, name) in NAMES {
            assert_eq!(audit_name_to_msg_type(CText::from(*name)), *number);
            assert_eq!(self::name(*number), Some(*name));
        }
    }

    #[test]
    fn the_names_are_those_of_audit_core() {
        for record_type in RecordType::named() {
            let name = self::name(c_int::from(record_type.number())).unwrap();
            assert_eq!(name.to_str().ok(), record_type.name());
        }
    }

    #[test]
    fn other_texts_give_a_number_or_nothing() {
        for (text, expected) in [
            (c"user_cmd", 1123),
            (c"1123", 1123),
            (c"12x", 12),
            (c"UNKNOWN[1199]", 1199),
            (c"UNKNOWN[]", 0),
            (c"UNKNOWN[12", -1),
            (c"unknown[12]", -1),
            (c"99999999999", -1),
            (c"-5", -1),
            (c"nope", -1),
            (c"", -1),
        ] {
            assert_eq!(audit_name_to_msg_type(CText::from(text)), expected, "{text:?}");
        }
        assert!(audit_msg_type_to_name(1199).is_null());
    }
}
