//! The messages of BuildKit that the broker reads and writes again.
//!
//! # Source
//! The `.proto` files of buildkit v0.25.2, which docker 28.5.2 contains, and of v0.32.2.

pub(crate) mod bridge;
pub(crate) mod container;
pub(crate) mod content;
pub(crate) mod control;
pub(crate) mod source_policy;

#[cfg(test)]
mod tests;
