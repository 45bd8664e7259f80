//! Writes the audit records and the journal lines of each call.
//!
//! This room knows which records describe a call, how they reach the kernel, and how the broker reads
//! the outcome from dockerd's response. It must not decide whether a call is allowed.

pub(crate) mod call_records;
pub(crate) mod journal;
pub(crate) mod outcome;
pub(crate) mod recorder;
pub(crate) mod refusal_rate;
