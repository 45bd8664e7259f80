//! The C interface to `audit-core`.
//!
//! One library with two interfaces. Both write records with `audit-core`:
//!
//! - [`api`]: the `audit_core_` functions, for new programs. `include/audit_core.h` declares them.
//! - [`dropin`]: the functions of libaudit that write records, for programs that use libaudit.
//!   `<libaudit.h>` declares them. The table in the README lists where they differ from libaudit.
//!
//! # What it guarantees
//!
//! - No input makes it panic, so no panic unwinds into C: the crate's lints reject every operation that
//!   can panic. If one is left, it ends the process at the boundary.
//! - NULL and impossible lengths are errors, or have a meaning that the function documents.
//! - Any thread may call any function at any time.
//! - Only [`mod@pointer`] turns pointers into Rust values, and only `sys` makes system calls. No other
//!   module has a block of unsafe code.

pub mod api;
pub mod dropin;
pub mod pointer;
mod sys;
