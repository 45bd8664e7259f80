//! What administrators run: `emit` writes one record, `digest` proves what a record hides,
//! `doctor` says whether the trail on this host can be trusted, and `report` answers questions from it.
//!
//! This room must not wrap commands: [`crate::wrapper`] does.

pub(crate) mod digest;
pub(crate) mod doctor;
pub(crate) mod emit;
pub(crate) mod report;
