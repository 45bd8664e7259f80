//! One of the two libraries, loaded at run time.

use std::ffi::{CString, c_char, c_int, c_uint};
use std::path::PathBuf;

use libloading::Library as Loaded;

/// A text for C; `None` is NULL.
pub(crate) type Text = Option<CString>;

pub(crate) fn pointer(text: &Text) -> *const c_char {
    text.as_ref().map_or(std::ptr::null(), |text| text.as_ptr())
}

type C = *const c_char;
type Message = unsafe extern "C" fn(c_int, c_int, C, C, C, C, c_int) -> c_int;
type Comm = unsafe extern "C" fn(c_int, c_int, C, C, C, C, C, c_int) -> c_int;
type Account = unsafe extern "C" fn(c_int, c_int, C, C, C, c_uint, C, C, C, c_int) -> c_int;
#[rustfmt::skip]
type Semanage = unsafe extern "C" fn(
    c_int, c_int, C, C, C, c_uint, C, C, C, C, C, C, C, C, C, c_int
) -> c_int;

/// The functions that both libraries have.
pub(crate) struct Library {
    pub(crate) open: unsafe extern "C" fn() -> c_int,
    pub(crate) close: unsafe extern "C" fn(c_int),
    pub(crate) user_message: Message,
    pub(crate) comm_message: Comm,
    pub(crate) acct_message: Account,
    pub(crate) avc_message: unsafe extern "C" fn(c_int, c_int, C, C, C, C, c_uint) -> c_int,
    pub(crate) semanage_message: Semanage,
    pub(crate) user_command: unsafe extern "C" fn(c_int, c_int, C, C, c_int) -> c_int,
    pub(crate) value_needs_encoding: unsafe extern "C" fn(C, c_uint) -> c_int,
    pub(crate) encode_value: unsafe extern "C" fn(*mut c_char, C, c_uint) -> *mut c_char,
    pub(crate) encode_nv_string: unsafe extern "C" fn(C, C, c_uint) -> *mut c_char,
    pub(crate) name_to_msg_type: unsafe extern "C" fn(C) -> c_int,
    pub(crate) msg_type_to_name: unsafe extern "C" fn(c_int) -> C,
    _loaded: Loaded,
}

/// Where the library under test was built: beside this test.
pub(crate) fn our_path() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("libaudit_capi.so")
}

impl Library {
    pub(crate) fn theirs() -> Self {
        Self::load("libaudit.so.1".into())
    }

    pub(crate) fn ours() -> Self {
        Self::load(our_path())
    }

    fn load(path: PathBuf) -> Self {
        // SAFETY: neither library does anything when it is loaded.
        let loaded = unsafe { Loaded::new(path) }.unwrap();
        macro_rules! function {
            ($name:literal) => {
                // SAFETY: the type is that of the declaration in `libaudit.h`.
                *unsafe { loaded.get($name) }.unwrap()
            };
        }
        Self {
            open: function!(b"audit_open"),
            close: function!(b"audit_close"),
            user_message: function!(b"audit_log_user_message"),
            comm_message: function!(b"audit_log_user_comm_message"),
            acct_message: function!(b"audit_log_acct_message"),
            avc_message: function!(b"audit_log_user_avc_message"),
            semanage_message: function!(b"audit_log_semanage_message"),
            user_command: function!(b"audit_log_user_command"),
            value_needs_encoding: function!(b"audit_value_needs_encoding"),
            encode_value: function!(b"audit_encode_value"),
            encode_nv_string: function!(b"audit_encode_nv_string"),
            name_to_msg_type: function!(b"audit_name_to_msg_type"),
            msg_type_to_name: function!(b"audit_msg_type_to_name"),
            _loaded: loaded,
        }
    }
}
