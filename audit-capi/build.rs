//! Gives the shared library its SONAME, `libaudit_capi.so.MAJOR`.
//!
//! Programs record the SONAME when they are linked. A version of the library whose interface is
//! incompatible has another number, so such a program does not start with it by mistake.

use std::env;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let major = env::var("CARGO_PKG_VERSION_MAJOR").unwrap_or_default();
    println!("cargo::rustc-cdylib-link-arg=-Wl,-soname,libaudit_capi.so.{major}");
}
