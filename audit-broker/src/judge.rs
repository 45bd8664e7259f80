//! May the caller do this?
//!
//! This room finds the dangers of a call and the questions that it raises, puts the questions to the
//! policies, and returns a decision. It must not write a record, and it must not change anything at
//! dockerd.

pub(crate) mod action;
pub(crate) mod build_cache;
pub(crate) mod danger;
pub(crate) mod decision;
pub(crate) mod decision_cache;
pub(crate) mod host_path;
pub(crate) mod kinship;
pub(crate) mod new_name;
pub(crate) mod operation;
pub(crate) mod privileged_containers;
pub(crate) mod questions;
pub(crate) mod withheld;
