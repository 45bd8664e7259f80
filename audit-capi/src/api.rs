//! The library's own functions, all prefixed `audit_core_`.
//!
//! Knows handles, records and error codes as C sees them. What they mean is `audit-core`'s.

pub mod error;
pub mod handle;
pub mod record;
