//! The C door to `audit-core`.
//!
//! Two interfaces in one library, over one way to write records:
//!
//! - [`api`]: the `audit_core_` functions, declared in `include/audit_core.h`, for programs that
//!   are written for it.
//! - [`dropin`]: the functions of libaudit that write records, declared in `<libaudit.h>`, for
//!   programs that exist. Where they differ from libaudit stands in the README's table.
//!
//! # What it holds to
//!
//! - Nothing panics on input, so nothing can unwind into C: the crate's lints refuse every
//!   operation that panics. Should one be left, the process ends at the boundary.
//! - NULL and impossible lengths are errors, or have a meaning that the function states.
//! - Every function may be called from any thread at any time.
//! - Pointers become Rust values in [`mod@pointer`] and nowhere else; system calls are in `sys`. No
//!   other module has a block of unsafe code.

pub mod api;
pub mod dropin;
pub mod pointer;
mod sys;
