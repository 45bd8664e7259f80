//! What C hands in and takes back.
//!
//! Knows pointers. The types here have the layout of the pointer that they stand for, and only C
//! can make one that points anywhere, so the functions that take them are safe to call from Rust.
#![expect(unsafe_code, reason = "C's pointers are read here; each block says why they are valid")]

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::ptr;
use std::slice;

/// A text of C's: NULL, or bytes that end in NUL and stay as they are during the call.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct CText<'a> {
    pointer: *const c_char,
    lent: PhantomData<&'a CStr>,
}

impl<'a> CText<'a> {
    /// No text.
    pub const NULL: Self = Self { pointer: ptr::null(), lent: PhantomData };

    /// The bytes without the NUL; `None` for NULL.
    #[must_use]
    pub fn bytes(self) -> Option<&'a [u8]> {
        if self.pointer.is_null() {
            return None;
        }
        // SAFETY: not NULL; otherwise only `From<&CStr>` and C make such a value, and C promises
        // by the declaration of each function a text that ends in NUL and outlives the call.
        Some(unsafe { CStr::from_ptr(self.pointer) }.to_bytes())
    }

    /// The bytes without the NUL; `None` for NULL and for a text without any.
    #[must_use]
    pub fn non_empty(self) -> Option<&'a [u8]> {
        self.bytes().filter(|bytes| !bytes.is_empty())
    }

    /// So many bytes, NUL or not; `None` as [`CBytes::bytes`] says.
    #[must_use]
    pub fn sized(self, len: usize) -> Option<&'a [u8]> {
        CBytes { pointer: self.pointer.cast(), lent: PhantomData }.bytes(len)
    }

    /// The text; `None` for NULL and for what is not UTF-8.
    #[must_use]
    pub fn utf8(self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }
}

impl<'a> From<&'a CStr> for CText<'a> {
    fn from(text: &'a CStr) -> Self {
        Self { pointer: text.as_ptr(), lent: PhantomData }
    }
}

/// Bytes of C's whose length stands beside: NULL, or as many bytes as the length says.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct CBytes<'a> {
    pointer: *const c_void,
    lent: PhantomData<&'a [u8]>,
}

impl<'a> CBytes<'a> {
    /// The bytes; `None` for NULL with a length, and for a length that no memory can have.
    #[must_use]
    pub fn bytes(self, len: usize) -> Option<&'a [u8]> {
        if len == 0 {
            return Some(&[]);
        }
        if self.pointer.is_null() || isize::try_from(len).is_err() {
            return None;
        }
        // SAFETY: not NULL, the length is possible, and C promises by the declaration of each
        // function that so many bytes are there and outlive the call.
        Some(unsafe { slice::from_raw_parts(self.pointer.cast(), len) })
    }
}

/// Texts of C's whose count stands beside: NULL, or as many texts as the count says.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct CTexts<'a> {
    pointer: *const CText<'a>,
    lent: PhantomData<&'a [CText<'a>]>,
}

impl<'a> CTexts<'a> {
    /// The texts; `None` if the pointer or one of the texts is NULL.
    #[must_use]
    pub fn all(self, count: usize) -> Option<Vec<&'a [u8]>> {
        if count == 0 {
            return Some(Vec::new());
        }
        let size = count.checked_mul(size_of::<CText<'_>>())?;
        if self.pointer.is_null() || isize::try_from(size).is_err() {
            return None;
        }
        // SAFETY: not NULL, the size is possible, and C promises by the declaration of each
        // function that so many texts are there and outlive the call.
        let texts = unsafe { slice::from_raw_parts(self.pointer, count) };
        texts.iter().map(|text| text.bytes()).collect()
    }
}

/// Room of C's for a text whose length the function's declaration gives.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct CBuffer<'a> {
    pointer: *mut c_char,
    lent: PhantomData<&'a mut [u8]>,
}

impl CBuffer<'_> {
    /// Stores the text and a NUL, and gives the pointer as C gave it. NULL stays NULL.
    pub(crate) fn fill(self, text: &[u8]) -> *mut c_char {
        if !self.pointer.is_null() {
            // SAFETY: not NULL, and C promises by the function's declaration room for the text
            // and a NUL. A text of Rust's cannot lie in it.
            unsafe {
                ptr::copy_nonoverlapping(text.as_ptr(), self.pointer.cast(), text.len());
                self.pointer.add(text.len()).write(0);
            }
        }
        self.pointer
    }
}

/// A text that C is to release with `free(3)`; NULL if there is no memory.
pub(crate) fn allocate(text: &[u8]) -> *mut c_char {
    // SAFETY: `malloc` may be called with any size.
    let pointer: *mut c_char = unsafe { libc::malloc(text.len().saturating_add(1)) }.cast();
    CBuffer { pointer, lent: PhantomData }.fill(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn null_is_none() {
        assert_eq!(CText::NULL.bytes(), None);
        assert_eq!(CText::NULL.sized(3), None);
        let bytes = CBytes { pointer: ptr::null(), lent: PhantomData };
        assert_eq!(bytes.bytes(0), Some(&[][..]));
        assert_eq!(bytes.bytes(1), None);
        let texts = CTexts { pointer: ptr::null(), lent: PhantomData };
        assert_eq!(texts.all(0), Some(Vec::new()));
        assert_eq!(texts.all(1), None);
        assert!(CBuffer { pointer: ptr::null_mut(), lent: PhantomData }.fill(b"x").is_null());
    }

    #[test]
    fn impossible_lengths_are_none() {
        let byte = 0_u8;
        let bytes = CBytes { pointer: (&raw const byte).cast(), lent: PhantomData };
        assert_eq!(bytes.bytes(usize::MAX), None);
        assert_eq!(bytes.bytes(isize::MAX as usize + 1), None);
        let text = CText::from(c"x");
        let texts = CTexts { pointer: &raw const text, lent: PhantomData };
        assert_eq!(texts.all(usize::MAX), None);
        assert_eq!(texts.all(usize::MAX / 8), None);
        assert_eq!(texts.all(1), Some(vec![&b"x"[..]]));
    }

    #[test]
    fn texts_are_what_c_gave() {
        assert_eq!(CText::from(c"a b").bytes(), Some(&b"a b"[..]));
        assert_eq!(CText::from(c"").bytes(), Some(&b""[..]));
        assert_eq!(CText::from(c"").non_empty(), None);
        assert_eq!(CText::from(c"\xff").utf8(), None);
    }
}
