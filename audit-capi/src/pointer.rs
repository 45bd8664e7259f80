//! The pointers that C passes in and receives.
//!
//! Each type here has the layout of a pointer. Only C can create a value that points anywhere, so the
//! functions that take such values are safe to call from Rust.
#![expect(
    unsafe_code,
    reason = "C's pointers are read here; each block says why its pointers are valid"
)]

use std::ffi::{CStr, c_char, c_void};
use std::marker::PhantomData;
use std::ptr;
use std::slice;

/// A text from C: NULL, or bytes that end in NUL and do not change during the call.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct CText<'a> {
    pointer: *const c_char,
    lent: PhantomData<&'a CStr>,
}

impl<'a> CText<'a> {
    /// NULL.
    pub const NULL: Self = Self { pointer: ptr::null(), lent: PhantomData };

    /// The bytes without the NUL; `None` for NULL.
    #[must_use]
    pub fn bytes(self) -> Option<&'a [u8]> {
        if self.pointer.is_null() {
            return None;
        }
        // SAFETY: the pointer is not NULL. Only `From<&CStr>` and C create such a value. The declaration of
        // each function obliges C to pass a text that ends in NUL and outlives the call.
        Some(unsafe { CStr::from_ptr(self.pointer) }.to_bytes())
    }

    /// The bytes without the NUL; `None` for NULL and for an empty text.
    #[must_use]
    pub fn non_empty(self) -> Option<&'a [u8]> {
        self.bytes().filter(|bytes| !bytes.is_empty())
    }

    /// The first `len` bytes, which may contain NUL; `None` in the cases of [`CBytes::bytes`].
    #[must_use]
    pub fn sized(self, len: usize) -> Option<&'a [u8]> {
        CBytes { pointer: self.pointer.cast(), lent: PhantomData }.bytes(len)
    }

    /// The text; `None` for NULL and for bytes that are not UTF-8.
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

/// Bytes from C whose length is another argument: NULL, or a pointer to that many bytes.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct CBytes<'a> {
    pointer: *const c_void,
    lent: PhantomData<&'a [u8]>,
}

impl<'a> CBytes<'a> {
    /// The bytes; `None` for NULL with a length other than 0, and for a length over `isize::MAX`.
    #[must_use]
    pub fn bytes(self, len: usize) -> Option<&'a [u8]> {
        if len == 0 {
            return Some(&[]);
        }
        if self.pointer.is_null() || isize::try_from(len).is_err() {
            return None;
        }
        // SAFETY: the pointer is not NULL and the length is possible. The declaration of each function
        // obliges C to pass that many bytes, which outlive the call.
        Some(unsafe { slice::from_raw_parts(self.pointer.cast(), len) })
    }
}

/// Texts from C whose count is another argument: NULL, or a pointer to that many texts.
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
        // SAFETY: the pointer is not NULL and the size is possible. The declaration of each function
        // obliges C to pass that many texts, which outlive the call.
        let texts = unsafe { slice::from_raw_parts(self.pointer, count) };
        texts.iter().map(|text| text.bytes()).collect()
    }
}

/// A buffer from C. The function's declaration says how long it is.
#[repr(transparent)]
#[derive(Clone, Copy, Debug)]
pub struct CBuffer<'a> {
    pointer: *mut c_char,
    lent: PhantomData<&'a mut [u8]>,
}

impl CBuffer<'_> {
    /// Stores the text and a NUL, and returns the pointer. Does nothing for NULL.
    pub(crate) fn fill(self, text: &[u8]) -> *mut c_char {
        if !self.pointer.is_null() {
            // SAFETY: the pointer is not NULL. The function's declaration obliges C to pass room for the
            // text and a NUL. The text belongs to Rust, so it does not overlap the buffer.
            unsafe {
                ptr::copy_nonoverlapping(text.as_ptr(), self.pointer.cast(), text.len());
                self.pointer.add(text.len()).write(0);
            }
        }
        self.pointer
    }
}

/// A text that C must release with `free(3)`; NULL without memory.
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
    fn texts_are_what_c_passed() {
        assert_eq!(CText::from(c"a b").bytes(), Some(&b"a b"[..]));
        assert_eq!(CText::from(c"").bytes(), Some(&b""[..]));
        assert_eq!(CText::from(c"").non_empty(), None);
        assert_eq!(CText::from(c"\xff").utf8(), None);
    }
}
