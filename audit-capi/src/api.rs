//! The library's own functions. Their names start with `audit_core_`.
//!
//! This file knows handles, records and error codes as C sees them. `audit-core` does the work.

pub mod error;
pub mod handle;
pub mod record;
