//! One of the two libraries, loaded at run time.

use std::ffi::{CString, c_char, c_int, c_uint};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

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
    pub(crate) getloginuid: unsafe extern "C" fn() -> c_uint,
    pub(crate) get_session: unsafe extern "C" fn() -> c_uint,
}

/// The library under test: cargo builds it beside this test.
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

    /// Loads the library for the life of the process, separate from the other one.
    fn load(path: PathBuf) -> Self {
        let path = CString::new(path.into_os_string().into_vec()).unwrap();
        // SAFETY: the argument is a text, and neither library runs code when it is loaded.
        let loaded = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW | libc::RTLD_LOCAL) };
        assert!(!loaded.is_null(), "cannot load {path:?}");
        macro_rules! function {
            ($name:literal) => {{
                // SAFETY: a library that is loaded, and a text.
                let address = unsafe { libc::dlsym(loaded, $name.as_ptr()) };
                assert!(!address.is_null(), "no function {:?}", $name);
                // SAFETY: not NULL, and the type is that of the declaration in `libaudit.h`.
                unsafe { std::mem::transmute_copy(&address) }
            }};
        }
        Self {
            open: function!(c"audit_open"),
            close: function!(c"audit_close"),
            user_message: function!(c"audit_log_user_message"),
            comm_message: function!(c"audit_log_user_comm_message"),
            acct_message: function!(c"audit_log_acct_message"),
            avc_message: function!(c"audit_log_user_avc_message"),
            semanage_message: function!(c"audit_log_semanage_message"),
            user_command: function!(c"audit_log_user_command"),
            value_needs_encoding: function!(c"audit_value_needs_encoding"),
            encode_value: function!(c"audit_encode_value"),
            encode_nv_string: function!(c"audit_encode_nv_string"),
            name_to_msg_type: function!(c"audit_name_to_msg_type"),
            msg_type_to_name: function!(c"audit_msg_type_to_name"),
            getloginuid: function!(c"audit_getloginuid"),
            get_session: function!(c"audit_get_session"),
        }
    }
}
