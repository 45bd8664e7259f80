//! The functions that write no record.

use std::ffi::{CStr, CString, c_char, c_int};

use crate::library::{Library, Text, pointer};

/// The text that the pointer points to; `None` for NULL.
fn text(pointer: *const c_char) -> Option<CString> {
    // SAFETY: both libraries give NULL or a text that ends in NUL.
    (!pointer.is_null()).then(|| unsafe { CStr::from_ptr(pointer) }.to_owned())
}

fn nv_string(library: &Library, name: &Text, value: &Text, size: usize) -> CString {
    let size = size.try_into().unwrap();
    // SAFETY: the value has at least `size` bytes; the answer is to be freed.
    unsafe {
        let answer = (library.encode_nv_string)(pointer(name), pointer(value), size);
        let field = text(answer).unwrap();
        libc::free(answer.cast());
        field
    }
}

#[test]
fn every_type_has_the_same_name() {
    let (theirs, ours) = (Library::theirs(), Library::ours());
    for number in (-2..=70_000).chain([c_int::MIN, c_int::MAX]) {
        // SAFETY: takes a number.
        let [theirs, ours] =
            [&theirs, &ours].map(|library| text(unsafe { (library.msg_type_to_name)(number) }));
        assert_eq!(theirs, ours, "{number}");
    }
}

#[test]
fn every_name_has_the_same_type() {
    let (theirs, ours) = (Library::theirs(), Library::ours());
    let of = |library: &Library, name: &CStr| {
        // SAFETY: takes a text.
        unsafe { (library.name_to_msg_type)(name.as_ptr()) }
    };
    for number in 0..4000 {
        // SAFETY: takes a number.
        if let Some(name) = text(unsafe { (theirs.msg_type_to_name)(number) }) {
            assert_eq!(of(&ours, &name), number);
            let lower = CString::new(name.to_bytes().to_ascii_lowercase()).unwrap();
            assert_eq!(of(&ours, &lower), of(&theirs, &lower), "{lower:?}");
        }
    }
    for name in [
        c"",
        c"nope",
        c"1123",
        c"12x",
        c"5 ",
        c" 5",
        c"+5",
        c"-5",
        c"0x10",
        c"UNKNOWN[1199]",
        c"UNKNOWN[x]",
        c"UNKNOWN[]",
        c"UNKNOWN[",
        c"UNKNOWN[12",
        c"UNKNOWN[12]x",
        c"unknown[12]",
    ] {
        assert_eq!(of(&theirs, name), of(&ours, name), "{name:?}");
    }
    // Row "a number too large" of the table.
    assert_eq!(of(&theirs, c"99999999999"), 1_215_752_191);
    assert_eq!(of(&ours, c"99999999999"), -1);
}

#[test]
fn three_bytes_need_encoding_only_in_ours() {
    let (theirs, ours) = (Library::theirs(), Library::ours());
    for byte in 0..=u8::MAX {
        let value = [b'a', byte, b'b'];
        for size in [0, 1, 2, 3] {
            // SAFETY: the value has three bytes.
            let [theirs, ours] = [&theirs, &ours].map(|library| unsafe {
                (library.value_needs_encoding)(value.as_ptr().cast(), size)
            });
            // Row "strict" of the table.
            let is_strict = size > 1 && b"'=\\".contains(&byte);
            assert_eq!((theirs, ours), (if is_strict { 0 } else { ours }, ours), "{byte}");
            assert!(!is_strict || ours == 1, "{byte}");
        }
    }
    for library in [&theirs, &ours] {
        // SAFETY: NULL is allowed.
        assert_eq!(unsafe { (library.value_needs_encoding)(std::ptr::null(), 3) }, 0);
    }
}

#[test]
fn values_are_encoded_the_same() {
    let (theirs, ours) = (Library::theirs(), Library::ours());
    let name = Some(c"name".to_owned());
    let long = CString::new("é ".repeat(3000)).unwrap();
    for value in [None, Some(c""), Some(c"abc"), Some(c"a b"), Some(c"\""), Some(c"\x7f\xff")]
        .into_iter()
        .chain([Some(long.as_c_str())])
    {
        let value = value.map(CStr::to_owned);
        let len = value.as_ref().map_or(0, |value| value.as_bytes().len());
        for size in [0, len] {
            let fields = [&theirs, &ours].map(|library| nv_string(library, &name, &value, size));
            assert_eq!(fields[0], fields[1], "{value:?} {size}");

            let encoded = [&theirs, &ours].map(|library| {
                let mut room = vec![b'x'; 2 * len + 1];
                let size = size.try_into().unwrap();
                let start = room.as_mut_ptr().cast();
                // SAFETY: there is room for twice the value and a NUL.
                let answer = unsafe { (library.encode_value)(start, pointer(&value), size) };
                assert_eq!(answer, start);
                room
            });
            assert_eq!(encoded[0], encoded[1], "{value:?} {size}");
        }
    }
    // Rows "strict", "NULL" and "size" of the table.
    let abc = Some(c"abc".to_owned());
    assert_eq!(nv_string(&theirs, &name, &abc, 1).to_bytes(), b"name=\"abc\"");
    assert_eq!(nv_string(&ours, &name, &abc, 1).to_bytes(), b"name=\"a\"");
    let equals = Some(c"a=b".to_owned());
    assert_eq!(nv_string(&theirs, &name, &equals, 0).to_bytes(), b"name=\"a=b\"");
    assert_eq!(nv_string(&ours, &name, &equals, 0).to_bytes(), b"name=613D62");
    assert_eq!(nv_string(&theirs, &None, &name, 0).to_bytes(), b"(null)=\"name\"");
    assert_eq!(nv_string(&ours, &None, &name, 0).to_bytes(), b"?=\"name\"");
    for library in [&theirs, &ours] {
        // SAFETY: NULL is allowed.
        let answer = unsafe { (library.encode_value)(std::ptr::null_mut(), c"a".as_ptr(), 1) };
        assert!(answer.is_null());
    }
}
